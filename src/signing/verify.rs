//! Verifies who signed: the one place that makes a [`VerifiedSigner`].
//!
//! It asks no program and no network: what it decides depends on the text, the signature, the file and the time alone.

use super::allowed::AllowedSigners;
use crate::domain::approval::{Approval, Refusal, VerifiedSigner, text};
use crate::domain::name::RunId;
use jiff::Timestamp;
use ssh_key::public::KeyData;
use ssh_key::{LineEnding, PublicKey, SshSig};

/// The longest signature that is looked at; one by RSA of 16 kilobits has about 6 KB.
const LONGEST: usize = 16 * 1024;
/// The fewest bits of an RSA key that signs.
const RSA_BITS: usize = 2048;
/// What a security key says in its flags when somebody touched it (PROTOCOL.u2f).
const TOUCHED: u8 = 1;

/// Verifies the signature of an approval of `run`, whose lane has this revision, for the time `at`.
///
/// # Errors
///
/// If it is not signed, or not by somebody who may at that time, or over something else than what is recorded.
pub fn approval(
    allowed: &AllowedSigners,
    run: &RunId,
    revision: &str,
    approval: &Approval,
    at: Timestamp,
) -> Result<VerifiedSigner, Refusal> {
    let text = text::of(run, revision, approval)?;
    let Some(signed) = &approval.signed else {
        return Err(Refusal::NotSigned { by: approval.who().to_owned() });
    };
    let bad = |problem: String| Refusal::BadSignature { by: approval.who().to_owned(), problem };
    let key = key_of(&signed.signature, &text).map_err(bad)?;
    allowed.check(&signed.principal, key.key_data(), at).map_err(bad)?;
    let fingerprint = super::fingerprint(&key);
    if signed.key != fingerprint {
        return Err(bad(format!("it was made by {fingerprint}, and {} is recorded", signed.key)));
    }
    Ok(VerifiedSigner::vouch(&signed.principal, fingerprint, &text))
}

/// Returns the key that made `signature` over `text`, whosever it is.
///
/// # Errors
///
/// If the signature is none, is for another purpose, or is not over this text.
pub fn key_of(signature: &str, text: &str) -> Result<PublicKey, String> {
    if signature.len() > LONGEST {
        return Err(format!("it has more than {LONGEST} bytes"));
    }
    let parsed =
        SshSig::from_pem(signature.trim_end()).map_err(|error| format!("it is no SSH signature: {error}"))?;
    if parsed.namespace() != super::NAMESPACE {
        return Err(format!("it was made for `{}`, not for `{}`", parsed.namespace(), super::NAMESPACE));
    }
    let key = PublicKey::from(parsed.public_key().clone());
    check_form(&parsed, signature)?;
    check_strength(&parsed)?;
    key.verify(super::NAMESPACE, text.as_bytes(), &parsed)
        .map_err(|_| format!("{} did not sign what is approved here", super::fingerprint(&key)))?;
    Ok(key)
}

/// A signature has one form: the one in which OpenSSH writes it. So no byte of a recorded one can be another.
fn check_form(parsed: &SshSig, signature: &str) -> Result<(), String> {
    // ssh-key 0.6 reads these and does not write them as OpenSSH does, so there is nothing to compare with.
    if matches!(parsed.public_key(), KeyData::SkEcdsaSha2NistP256(_)) {
        return Ok(());
    }
    let written = parsed.to_pem(LineEnding::LF).map_err(|error| error.to_string())?;
    if written.trim_end() != signature.trim_end() {
        return Err("it is not written as OpenSSH writes signatures".to_owned());
    }
    Ok(())
}

fn check_strength(parsed: &SshSig) -> Result<(), String> {
    match parsed.public_key() {
        KeyData::Rsa(rsa) => {
            let bits = rsa.n.as_positive_bytes().map_or(0, |bytes| bytes.len() * 8);
            if bits < RSA_BITS {
                return Err(format!("an RSA key of {bits} bits is too short; {RSA_BITS} are the least"));
            }
        }
        KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_) => {
            // The flags stand before the counter, four bytes from the end.
            let flags = parsed.signature_bytes().iter().rev().nth(4);
            if flags.is_none_or(|flags| flags & TOUCHED == 0) {
                return Err("nobody touched the security key for it".to_owned());
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
