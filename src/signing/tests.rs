//! Keys and files for the tests of what signs and what verifies.

use super::*;
use crate::domain::approval::{Approval, Signed, text};
use crate::domain::fixture::{approval, person, plan, run, seal};
use crate::domain::plan::Plan;
use allowed::AllowedSigners;
use jiff::tz::TimeZone;
use ssh_key::PrivateKey;
use ssh_key::private::Ed25519Keypair;
use std::path::Path;

/// Returns a key; the same for the same seed.
pub(super) fn key(seed: u8) -> PrivateKey {
    Ed25519Keypair::from_seed(&[seed; 32]).into()
}

/// Returns a key's line behind `who`, which may have options.
pub(super) fn line(who: &str, key: &PrivateKey) -> String {
    format!("{who} {}\n", key.public_key().to_openssh().unwrap())
}

/// Returns a file of those who may sign.
pub(super) fn allowed(text: &str) -> AllowedSigners {
    AllowedSigners::parse(Path::new("/etc/stagegate/allowed_signers"), text, &TimeZone::UTC).unwrap()
}

/// Returns an approval of release 8 in `plan` that `principal` signed with `key`.
pub(super) fn signed_by(plan: &Plan, login: u32, principal: &str, key: &PrivateKey) -> Approval {
    signed_as(approval(plan, "8", person("x", login), &seal(&[])), principal, key)
}

/// Returns `approval` as `principal` signs it with `key`.
pub(super) fn signed_as(mut approval: Approval, principal: &str, key: &PrivateKey) -> Approval {
    let (principal, fingerprint) = (principal.to_owned(), fingerprint(key.public_key()));
    approval.signed = Some(Signed { principal, key: fingerprint, signature: String::new() });
    let text = text::of(&run(), "8.10", &approval).unwrap();
    let whole = SshSig::sign(key, NAMESPACE, HASH, text.as_bytes()).unwrap();
    if let Some(signed) = &mut approval.signed {
        signed.signature = whole.to_pem(LineEnding::LF).unwrap();
    }
    approval
}

#[test]
fn a_fingerprint_is_what_ssh_keygen_prints() {
    let key = PublicKey::from_openssh(include_str!("../../tests/fixtures/signatures/ed25519.pub")).unwrap();
    assert_eq!(fingerprint(&key), "SHA256:aUS20VCi2OndE/NyHPQILqoq5vP54LbirOCPG+8ZL0U");
}

#[test]
fn the_key_in_a_signature_is_named_before_it_is_verified() {
    let one = signed_by(&plan(), 1001, "lena", &key(1));
    let signed = one.signed.unwrap();
    assert_eq!(key_in(&signed.signature).as_deref(), Some(signed.key.as_str()));
    assert_eq!(key_in("nonsense"), None);
}
