//! Public keys by the ids that signatures name, and what a signature is worth with them.
//!
//! A subkey counts if its primary key has bound it for signing. When a key expired or was revoked is not asked: rpm
//! does not ask either, because a package outlives the key that signed it.

use pgp::composed::{Deserializable as _, SignedPublicKey, SignedPublicSubKey};
use pgp::packet::{Packet, PacketParser, PublicKey, PublicSubkey, Signature, SignatureVersionSpecific};
use pgp::types::KeyDetails as _;
use std::collections::HashMap;
use std::io::Read;

/// The keys that packages may be signed with.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    by_id: HashMap<String, Key>,
    fingerprints: Vec<String>,
}

#[derive(Debug, Clone)]
enum Key {
    Primary(Box<PublicKey>),
    Subkey(Box<PublicSubkey>),
}

impl Keys {
    /// Takes keys that were read already.
    pub fn new(keys: &[SignedPublicKey]) -> Self {
        let mut taken = Self::default();
        for key in keys {
            taken.by_id.insert(id(&key.primary_key), Key::Primary(Box::new(key.primary_key.clone())));
            taken.fingerprints.push(hex::encode(key.primary_key.fingerprint().as_bytes()));
            let bound = |subkey: &&SignedPublicSubKey| {
                subkey.signatures.iter().any(|signature| signature.key_flags().sign())
                    && subkey.verify_bindings(&key.primary_key).is_ok()
            };
            for subkey in key.public_subkeys.iter().filter(bound) {
                taken.fingerprints.push(hex::encode(subkey.key.fingerprint().as_bytes()));
                taken.by_id.insert(id(&subkey.key), Key::Subkey(Box::new(subkey.key.clone())));
            }
        }
        taken.fingerprints.sort();
        taken
    }

    /// Reads the keys of one file, armored or not.
    pub fn read(bytes: &[u8]) -> Result<Vec<SignedPublicKey>, pgp::errors::Error> {
        let (keys, _) = SignedPublicKey::from_reader_many(bytes)?;
        keys.collect()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Returns the fingerprints of all keys that may sign, subkeys included, in order: what a verdict depends on.
    pub fn fingerprints(&self) -> &[String] {
        &self.fingerprints
    }

    /// Returns whether a signature names one of them.
    pub(super) fn knows(&self, signature: &Signed) -> bool {
        self.by_id.contains_key(&signature.issuer)
    }

    /// Verifies a signature over `data`.
    pub(super) fn verify(&self, signature: &Signed, data: impl Read) -> Worth {
        let Some(key) = self.by_id.get(&signature.issuer) else { return Worth::NoKey };
        let verified = match key {
            Key::Primary(key) => signature.packet.verify(&**key, data),
            Key::Subkey(key) => signature.packet.verify(&**key, data),
        };
        if verified.is_ok() { Worth::Good } else { Worth::Bad }
    }
}

fn id(key: &impl pgp::types::KeyDetails) -> String {
    hex::encode(key.legacy_key_id().as_ref())
}

/// What a signature is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// Made by one of the keys over these bytes.
    Good,
    /// It names one of the keys and was not made by it over these bytes.
    Bad,
    /// It names none of the keys.
    NoKey,
}

/// A signature and whom it names.
#[derive(Debug)]
pub(super) struct Signed {
    packet: Signature,
    /// The id of the key, in hexadecimal.
    pub(super) issuer: String,
}

impl Signed {
    /// Reads the signature packet that a header holds.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let Some(Ok(Packet::Signature(packet))) = PacketParser::new(bytes).next() else { return None };
        let issuer = issuer(&packet)?;
        Some(Self { packet, issuer })
    }
}

fn issuer(packet: &Signature) -> Option<String> {
    if let Some(
        SignatureVersionSpecific::V2 { issuer_key_id, .. }
        | SignatureVersionSpecific::V3 { issuer_key_id, .. },
    ) = packet.config().map(|config| &config.version_specific)
    {
        return Some(hex::encode(issuer_key_id.as_ref()));
    }
    if let Some(id) = packet.issuer_key_id().first() {
        return Some(hex::encode(id.as_ref()));
    }
    let fingerprint = hex::encode(packet.issuer_fingerprint().first()?.as_bytes());
    // Of version 4 the id is the end of the fingerprint, of version 6 its beginning (RFC 9580, 5.5.4).
    let id = if fingerprint.len() > 40 { fingerprint.get(..16) } else { fingerprint.get(24..) };
    id.map(str::to_owned)
}
