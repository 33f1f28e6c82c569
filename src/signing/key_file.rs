//! A key in a file: read, opened with its passphrase where it has one, used once and forgotten.
//!
//! A public key may stand there instead: then the agent has the private one.

use super::SigningError;
use rand_core::OsRng;
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
use rsa::{BigUint, RsaPrivateKey, pkcs1v15};
use sha2::Sha512;
use ssh_key::private::{KeypairData, RsaKeypair};
use ssh_key::{Algorithm, Mpint, PrivateKey, PublicKey, Signature, SigningKey};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The most that a key file may have.
const LONGEST: u64 = 64 * 1024;

/// What stands in a key file.
#[derive(Debug)]
pub enum KeyFile {
    /// A private key, with or without a passphrase.
    Private(Box<PrivateKey>),
    /// A public key: the agent signs.
    Public(PublicKey),
}

impl KeyFile {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If it cannot be read or holds no key in the form of OpenSSH.
    pub fn read(path: &Path) -> Result<Self, SigningError> {
        let mut text = String::new();
        let file = File::open(path).map_err(|error| wrong(path, &format!("cannot be read: {error}")))?;
        let read = file.take(LONGEST + 1).read_to_string(&mut text);
        read.map_err(|error| wrong(path, &format!("cannot be read: {error}")))?;
        if text.len() as u64 > LONGEST {
            return Err(wrong(path, "is too long for a key"));
        }
        if text.starts_with("-----BEGIN") {
            let key =
                PrivateKey::from_openssh(text.trim_start()).map_err(|error| unreadable(path, &error))?;
            return Ok(Self::Private(Box::new(key)));
        }
        PublicKey::from_openssh(text.trim())
            .map(Self::Public)
            .map_err(|error| wrong(path, &format!("holds neither a private nor a public key: {error}")))
    }

    /// Returns the public key.
    pub fn public(&self) -> &PublicKey {
        match self {
            Self::Private(key) => key.public_key(),
            Self::Public(key) => key,
        }
    }
}

/// Signs `text` with a private key; `passphrase` is asked for where the key has one.
///
/// # Errors
///
/// If the passphrase is wrong or not to be had, or the key is one that signs only with its hardware.
pub fn sign(
    path: &Path,
    key: &PrivateKey,
    passphrase: &mut dyn FnMut(&str) -> io::Result<String>,
    text: &str,
) -> Result<String, SigningError> {
    if matches!(key.algorithm(), Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256) {
        return Err(wrong(path, "needs its security key: `ssh-add` it and sign through the agent"));
    }
    let open;
    let key = if key.is_encrypted() {
        let asked = passphrase(&format!("Passphrase of {}: ", path.display()));
        let asked = asked
            .map_err(|error| wrong(path, &format!("has a passphrase, which cannot be asked for: {error}")))?;
        open = key.decrypt(asked).map_err(|error| match error {
            ssh_key::Error::Crypto => wrong(path, "does not open with that passphrase"),
            error => unreadable(path, &error),
        })?;
        &open
    } else {
        key
    };
    let unable = |problem: String| wrong(path, &format!("cannot sign: {problem}"));
    let framed = super::framed(text).map_err(unable)?;
    let signature = match key.key_data() {
        KeypairData::Rsa(pair) => sign_rsa(pair, &framed).map_err(unable)?,
        _ => raw(key, &framed).map_err(unable)?,
    };
    super::armoured(key.public_key(), signature).map_err(unable)
}

fn raw(key: &impl SigningKey, framed: &[u8]) -> Result<Signature, String> {
    key.try_sign(framed).map_err(|error| error.to_string())
}

/// Signs with an RSA key as OpenSSH does (`rsa-sha2-512`, RFC 8332), blinded.
///
/// ssh-key 0.6.7 would make the key of one prime twice and refuse it.
fn sign_rsa(pair: &RsaKeypair, framed: &[u8]) -> Result<Signature, String> {
    let number = |number: &Mpint| {
        let bytes = number.as_positive_bytes().ok_or_else(|| "a number of the key is negative".to_owned())?;
        Ok::<_, String>(BigUint::from_bytes_be(bytes))
    };
    let (public, private) = (&pair.public, &pair.private);
    let primes = vec![number(&private.p)?, number(&private.q)?];
    let key =
        RsaPrivateKey::from_components(number(&public.n)?, number(&public.e)?, number(&private.d)?, primes);
    let key = pkcs1v15::SigningKey::<Sha512>::new(key.map_err(|error| error.to_string())?);
    let signed = key.try_sign_with_rng(&mut OsRng, framed).map_err(|error| error.to_string())?;
    let algorithm = Algorithm::Rsa { hash: Some(super::HASH) };
    Signature::new(algorithm, signed.to_vec()).map_err(|error| error.to_string())
}

/// Says why a private key is not read.
///
/// ssh-key 0.6.7 refuses an ECDSA key whose number begins with a zero byte, as every fourth of P-521 does; the agent
/// of OpenSSH signs with it as with any other.
fn unreadable(path: &Path, error: &ssh_key::Error) -> SigningError {
    let advice = match error {
        ssh_key::Error::Encoding(_) => "`ssh-add` it and sign through the agent, which reads more kinds",
        _ => "`ssh-keygen -p -f` rewrites an older one",
    };
    wrong(path, &format!("is no private key in the form of OpenSSH that is read here: {error}; {advice}"))
}

fn wrong(path: &Path, problem: &str) -> SigningError {
    SigningError::KeyFile { path: path.display().to_string(), problem: problem.to_owned() }
}
