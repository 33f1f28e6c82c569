//! The `OpenPGP` key of a practice host: made when the host is made, worth nothing outside it.
//!
//! It signs what the real host's key signs: packages (the header, as `rpmsign` does) and repomd.xml (as
//! `gpg --detach-sign --armor` does). RSA, because the rpm of EL8 knows neither `EdDSA` nor ECDSA keys. It must
//! never read a key of the person who runs the sandbox.

use pgp::{
    composed::{
        ArmorOptions, Deserializable, DetachedSignature, EncryptionCaps, KeyType, SecretKeyParamsBuilder,
        SignedSecretKey,
    },
    crypto::hash::HashAlgorithm,
    packet::{PacketTrait, Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData},
    types::{KeyDetails, Password, PlainSecretParams, SecretParams, Timestamp},
};
use std::{
    fmt,
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// The size of the RSA key: enough for every tool that reads it, and made within a second.
const KEY_BITS: u32 = 2048;

/// What can go wrong with the sandbox's key.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// `OpenPGP` refused: the key is broken or of another kind.
    #[error("sandbox key: {0}")]
    OpenPgp(#[from] pgp::errors::Error),
    /// The key cannot be made from these parameters.
    #[error("sandbox key cannot be made: {0}")]
    Parameters(String),
    /// The key file cannot be read or written.
    #[error("key file `{}`: {source}; make the sandbox anew with --fresh", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Tells whether the first prime of an RSA key is the smaller one, as RFC 4880 (5.5.3) wants it.
///
/// pgp writes them as they were found. With the other order gpg reads the key, and one in a few hundred of the
/// signatures that it makes with it is wrong.
fn primes_are_in_order(key: &SignedSecretKey) -> bool {
    let SecretParams::Plain(PlainSecretParams::RSA(secret)) = key.primary_key.secret_params() else {
        return true;
    };
    let (_, first, second, _) = secret.to_bytes();
    (first.len(), &first) < (second.len(), &second)
}

/// A signing key with its parts at hand.
#[derive(Clone)]
pub struct Signer {
    key: SignedSecretKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.fingerprint())
    }
}

impl Signer {
    /// Makes a new RSA key for `user_id`, said to be created at `created` (Unix seconds).
    ///
    /// The time must lie before everything that the key will sign: gpg calls a signature from before its key
    /// bad.
    pub fn generate(user_id: &str, created: u32) -> Result<Self, SignerError> {
        let mut params = SecretKeyParamsBuilder::default();
        params
            .key_type(KeyType::Rsa(KEY_BITS))
            .can_certify(true)
            .can_sign(true)
            .can_encrypt(EncryptionCaps::None)
            .created_at(Timestamp::from_secs(created))
            .primary_user_id(user_id.to_owned());
        loop {
            let params = params.build().map_err(|why| SignerError::Parameters(why.to_string()))?;
            let key = params.generate(rand_core::OsRng)?;
            if primes_are_in_order(&key) {
                return Ok(Self { key });
            }
        }
    }

    /// Reads an armored secret key.
    pub fn load(path: &Path) -> Result<Self, SignerError> {
        let at = |source| SignerError::File { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(at)?;
        let (key, _) = SignedSecretKey::from_string(&text)?;
        Ok(Self { key })
    }

    /// Writes the secret key, armored, readable by its owner alone.
    pub fn save(&self, path: &Path) -> Result<(), SignerError> {
        let at = |source| SignerError::File { path: path.to_owned(), source };
        let armored = self.key.to_armored_string(ArmorOptions::default())?;
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .map_err(at)?;
        file.write_all(armored.as_bytes()).map_err(at)
    }

    /// Returns the public key, armored.
    pub fn public_armored(&self) -> Result<String, SignerError> {
        Ok(self.key.to_public_key().to_armored_string(ArmorOptions::default())?)
    }

    /// Returns the fingerprint in lower-case hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        hex::encode(self.key.fingerprint().as_bytes())
    }

    /// Returns the last eight digits of the fingerprint, as productmd names a signing key.
    pub fn short_id(&self) -> String {
        let whole = self.fingerprint();
        whole[whole.len() - 8..].to_owned()
    }

    /// Returns a detached, armored signature over `bytes`, made at `time` (Unix seconds).
    pub fn detach_sign_armored(&self, bytes: &[u8], time: u32) -> Result<String, SignerError> {
        let signature = DetachedSignature::new(self.sign_packet(bytes, time)?);
        Ok(signature.to_armored_string(ArmorOptions::default())?)
    }

    /// Makes one binary signature: creation time and issuer fingerprint hashed, key id unhashed, as gpg does.
    fn sign_packet(&self, data: impl Read, time: u32) -> Result<Signature, pgp::errors::Error> {
        let key = &self.key.primary_key;
        let mut config = SignatureConfig::v4(SignatureType::Binary, key.algorithm(), HashAlgorithm::Sha256);
        config.hashed_subpackets = vec![
            Subpacket::regular(SubpacketData::SignatureCreationTime(Timestamp::from_secs(time)))?,
            Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
        ];
        config.unhashed_subpackets =
            vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
        config.sign(key, &Password::empty(), data)
    }
}

impl rpm::signature::Signing for Signer {
    type Signature = Vec<u8>;

    fn sign(&self, data: impl Read, time: rpm::Timestamp) -> Result<Vec<u8>, rpm::Error> {
        let packet = self.sign_packet(data, time.0).map_err(|why| rpm::Error::SignError(Box::new(why)))?;
        let mut bytes = Vec::with_capacity(512);
        packet.to_writer_with_header(&mut bytes).map_err(|why| rpm::Error::SignError(Box::new(why)))?;
        Ok(bytes)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::{os::unix::fs::PermissionsExt, sync::OnceLock};

    /// One key for all tests of this process: making one costs most of a second.
    pub(crate) fn shared() -> &'static Signer {
        static KEY: OnceLock<Signer> = OnceLock::new();
        KEY.get_or_init(|| Signer::generate("Practice <practice@sandbox.invalid>", 1_600_000_000).unwrap())
    }

    #[test]
    fn a_saved_key_comes_back_private_and_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.asc");
        shared().save(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Signer::load(&path).unwrap().fingerprint(), shared().fingerprint());
    }

    #[test]
    fn a_detached_signature_holds_for_its_bytes_only() {
        let armored = shared().detach_sign_armored(b"repomd", 1_700_000_000).unwrap();
        let (signature, _) = DetachedSignature::from_string(&armored).unwrap();
        let public = shared().key.to_public_key();
        assert!(signature.verify(&public, b"repomd").is_ok());
        assert!(signature.verify(&public, b"repomD").is_err());
    }
}
