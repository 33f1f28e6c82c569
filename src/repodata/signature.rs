//! The signature of `repomd.xml`: whether it is over the current bytes, and by a key that counts.
//!
//! createrepo keeps an old `repomd.xml.asc`, so that one is there proves nothing. With a public key the signature is
//! verified; without one the two bytes of the digest that every signature carries in the clear (RFC 4880, 5.2.3) still
//! tell a stale one in all but one of 65,536 cases. It must not say how bad a flaw is.

use super::error::Problem;
use super::repo::{REPOMD, small_file};
use super::repomd::MOST_BYTES;
use pgp::composed::{Deserializable as _, DetachedSignature, SignedPublicKey};
use pgp::packet::{SignatureType, SignatureVersionSpecific};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the signature of a repo lies.
pub const SIGNATURE: &str = "repodata/repomd.xml.asc";
/// The longest file that is read for a signature; real ones have some hundred bytes.
const LONGEST: u64 = 1 << 20;

/// What is wrong with the signature of one repo.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// There is nothing to be signed.
    #[error("its repomd.xml could not be read: {0}")]
    NoMetadata(String),
    /// There is no signature.
    #[error("is not signed: there is no repomd.xml.asc")]
    Unsigned,
    /// What lies in its place is none.
    #[error("its repomd.xml.asc holds no signature: {0}")]
    Garbled(String),
    /// It was made over other bytes.
    #[error("its signature is not over its current bytes")]
    Stale,
    /// It was made to hold for a time, which is over.
    #[error("its signature has expired")]
    Expired,
    /// It does not verify with any of the keys.
    #[error("its signature is BAD or by another key: {0}")]
    Bad(String),
}

impl Flaw {
    /// Returns the word by which findings know it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoMetadata(_) => "no-metadata",
            Self::Unsigned => "unsigned",
            Self::Garbled(_) => "garbled",
            Self::Stale => "stale",
            Self::Expired => "expired",
            Self::Bad(_) => "bad",
        }
    }
}

/// Judges the signature of the repo at `repo`; see [`verify`].
pub fn judge(repo: &Path, keys: &[SignedPublicKey]) -> Result<(), Flaw> {
    let bytes =
        small_file(&repo.join(REPOMD), MOST_BYTES).map_err(|problem| Flaw::NoMetadata(said(&problem)))?;
    let armor = match small_file(&repo.join(SIGNATURE), LONGEST) {
        Ok(armor) => armor,
        Err(Problem::Missing) => return Err(Flaw::Unsigned),
        Err(problem) => return Err(Flaw::Garbled(said(&problem))),
    };
    verify(&bytes, &armor, keys)
}

/// Judges a detached signature, armored or not, over `bytes`; without keys, whether it is over them at all.
pub fn verify(bytes: &[u8], signature: &[u8], keys: &[SignedPublicKey]) -> Result<(), Flaw> {
    let garbled = |error: pgp::errors::Error| Flaw::Garbled(first_line(&error.to_string()));
    let (signature, _) = DetachedSignature::from_reader_single(signature).map_err(garbled)?;
    if !is_over(&signature, bytes).map_err(garbled)? {
        return Err(Flaw::Stale);
    }
    if has_expired(&signature, SystemTime::now()) {
        return Err(Flaw::Expired);
    }
    if keys.is_empty() {
        return Ok(());
    }
    let mut problem = String::new();
    for key in keys {
        let subkeys = key.public_subkeys.iter().map(|subkey| signature.verify(subkey, bytes));
        for verified in std::iter::once(signature.verify(key, bytes)).chain(subkeys) {
            match verified {
                Ok(()) => return Ok(()),
                Err(error) => problem = first_line(&error.to_string()),
            }
        }
    }
    Err(Flaw::Bad(problem))
}

/// Returns whether the signature says that it holds no longer; that its key has expired is no flaw, as for gpgv.
fn has_expired(signature: &DetachedSignature, now: SystemTime) -> bool {
    let signature = &signature.signature;
    let (Some(made), Some(lasts)) = (signature.created(), signature.signature_expiration_time()) else {
        return false;
    };
    let end = u64::from(made.as_secs()) + u64::from(lasts.as_secs());
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    // Zero stands for no end (RFC 9580, 5.2.3.18).
    lasts.as_secs() > 0 && now >= end
}

fn said(problem: &Problem) -> String {
    match problem {
        Problem::Missing => "entity not found".to_owned(),
        Problem::Io(words) => words.clone(),
        other => other.to_string(),
    }
}

/// Returns the first line of what the library says, without control characters: it may quote the file.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Returns whether the digest that the signature carries in part is that of `bytes`.
pub fn is_over(signature: &DetachedSignature, bytes: &[u8]) -> Result<bool, pgp::errors::Error> {
    let signature = &signature.signature;
    let (Some(config), Some(told)) = (signature.config(), signature.signed_hash_value()) else {
        return Ok(false);
    };
    let mut hasher = config.hash_alg.new_hasher()?;
    if let SignatureVersionSpecific::V6 { salt } = &config.version_specific {
        hasher.update(salt.as_ref());
    }
    let normalized: Vec<u8>;
    let data = if signature.typ() == Some(SignatureType::Text) {
        normalized = with_crlf(bytes);
        normalized.as_slice()
    } else {
        bytes
    };
    config.hash_data_to_sign(&mut hasher, data)?;
    let length = config.hash_signature_data(&mut hasher)?;
    hasher.update(&config.trailer(length)?);
    Ok(hasher.finalize().get(..2) == Some(&told[..]))
}

/// Text signatures are over lines that end in CR LF, whatever the file has.
fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    let mut before = 0;
    for byte in bytes {
        if *byte == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(*byte);
        before = *byte;
    }
    out
}
