//! What counts as somebody's signature, and what does not.

use super::super::tests::{allowed, key, line, signed_as, signed_by};
use super::super::{HASH, NAMESPACE};
use super::*;
use crate::domain::approval::AfterApproval;
use crate::domain::fixture::{at, plan, run};
use ssh_key::public::SkEd25519;
use ssh_key::{Algorithm, LineEnding, Signature};

const VECTOR: &str = include_str!("../../../tests/fixtures/signatures/approval.txt");
const ED25519: &str = include_str!("../../../tests/fixtures/signatures/ed25519.sig");
const SHORT: &str = include_str!("../../../tests/fixtures/signatures/rsa-1024.sig");
const OTHER: &str = include_str!("../../../tests/fixtures/signatures/other-namespace.sig");
const KEY: &str = include_str!("../../../tests/fixtures/signatures/ed25519.pub");

fn refused(result: Result<VerifiedSigner, Refusal>) -> String {
    match result.unwrap_err() {
        Refusal::BadSignature { problem, .. } => problem,
        other => other.to_string(),
    }
}

/// These were made with `ssh-keygen -Y sign -n approval@stagegate` of OpenSSH 9.2.
#[test]
fn signatures_of_openssh_are_read() {
    let key = key_of(ED25519, VECTOR).unwrap();
    assert_eq!(key.key_data(), PublicKey::from_openssh(KEY).unwrap().key_data());
    assert!(key_of(ED25519, &VECTOR.replace("8-update", "9-update")).unwrap_err().contains("did not sign"));
    assert!(key_of(OTHER, VECTOR).unwrap_err().contains("made for `file`"));
    assert!(key_of(SHORT, VECTOR).unwrap_err().contains("1024 bits is too short"));
    assert!(key_of("nonsense", VECTOR).unwrap_err().contains("no SSH signature"));
    assert!(key_of(&"x".repeat(20_000), VECTOR).unwrap_err().contains("more than"));
}

/// No byte of a signature can be another.
#[test]
fn every_flipped_byte_of_a_signature_is_noticed() {
    for at in 0..ED25519.trim_end().len() {
        let mut bytes = ED25519.as_bytes().to_vec();
        bytes[at] ^= 1;
        let flipped = String::from_utf8(bytes).unwrap();
        assert!(key_of(&flipped, VECTOR).is_err(), "byte {at}");
    }
}

#[test]
fn whoever_may_sign_and_did_is_vouched_for() {
    let plan = plan();
    let file = allowed(&line("lena@example.org", &key(1)));
    let one = signed_by(&plan, 1001, "lena@example.org", &key(1));
    let signer = approval(&file, &run(), "8.10", &one, at(10)).unwrap();
    assert_eq!(signer.principal(), "lena@example.org");
    assert_eq!(signer.key(), one.signed.as_ref().unwrap().key);
    assert!(signer.covers(&text::of(&run(), "8.10", &one).unwrap()));
    assert!(!signer.covers(""));
}

#[test]
fn whatever_was_not_signed_by_somebody_who_may_is_refused() {
    let plan = plan();
    let file = allowed(&format!("{}{}", line("lena", &key(1)), line("omar", &key(2))));
    let check = |one: &Approval| approval(&file, &run(), "8.10", one, at(10));
    let good = || signed_by(&plan, 1001, "lena", &key(1));
    assert!(check(&good()).is_ok());
    assert!(refused(check(&signed_by(&plan, 1001, "lena", &key(3)))).contains("is not in"), "a foreign key");
    assert!(
        refused(check(&signed_by(&plan, 1001, "omar", &key(1)))).contains("other principals"),
        "another's name"
    );
    let mut one = good();
    one.then = AfterApproval::Hold;
    assert!(refused(check(&one)).contains("did not sign what is approved here"));
    let mut one = good();
    one.expires = at(2000);
    assert!(refused(check(&one)).contains("did not sign"));
    let mut one = good();
    one.signed.as_mut().unwrap().key = "SHA256:other".to_owned();
    assert!(refused(check(&one)).contains("SHA256:other is recorded"));
    let mut one = good();
    one.signed = None;
    assert!(matches!(check(&one), Err(Refusal::NotSigned { .. })));
    let other_run = "20261122T184501Z-8-update".parse().unwrap();
    assert!(
        refused(approval(&file, &other_run, "8.10", &good(), at(10))).contains("did not sign"),
        "another run"
    );
    assert!(
        refused(approval(&file, &run(), "8.11", &good(), at(10))).contains("did not sign"),
        "another revision"
    );
    let ended = allowed(&line("lena valid-before=\"19700101000005Z\"", &key(1)));
    assert!(
        refused(approval(&ended, &run(), "8.10", &good(), at(10))).contains("valid until"),
        "a key of the past"
    );
    let elsewhere = allowed(&line("lena namespaces=\"git\"", &key(1)));
    assert!(refused(approval(&elsewhere, &run(), "8.10", &good(), at(10))).contains("namespace"));
}

/// Makes a signature as a security key does (PROTOCOL.u2f): over the application, flags, counter and the message's hash.
fn by_security_key(text: &str, flags: u8) -> (KeyData, String) {
    use sha2::{Digest, Sha256};
    let inner = key(9);
    let point = *inner.public_key().key_data().ed25519().unwrap();
    let sk = KeyData::SkEd25519(SkEd25519::new(point, "ssh:".to_owned()));
    let framed = SshSig::signed_data(NAMESPACE, HASH, text.as_bytes()).unwrap();
    let trailer = [flags, 0, 0, 0, 1];
    let message = [&Sha256::digest("ssh:")[..], &trailer, &Sha256::digest(framed)].concat();
    let raw = raw(&inner, &message);
    let whole = Signature::new(Algorithm::SkEd25519, [raw.as_bytes(), &trailer].concat()).unwrap();
    let armour = SshSig::new(sk.clone(), NAMESPACE, HASH, whole).unwrap().to_pem(LineEnding::LF).unwrap();
    (sk, armour)
}

fn raw(key: &impl ssh_key::SigningKey, message: &[u8]) -> Signature {
    key.try_sign(message).unwrap()
}

#[test]
fn a_security_key_counts_when_somebody_touched_it() {
    let (sk, armour) = by_security_key("text\n", TOUCHED);
    assert_eq!(*key_of(&armour, "text\n").unwrap().key_data(), sk);
    assert!(key_of(&armour, "other\n").is_err());
    let (_, untouched) = by_security_key("text\n", 0);
    assert!(key_of(&untouched, "text\n").unwrap_err().contains("nobody touched"));
}

/// A whole approval, flipped byte by byte in its JSON: what still is an approval is not what was signed.
#[test]
fn every_flipped_byte_of_an_approval_is_noticed() {
    let plan = plan();
    let file = allowed(&line("lena", &key(1)));
    let mut one = signed_by(&plan, 1001, "lena", &key(1));
    (one.solo, one.reason) = (true, Some("omar is ill".to_owned()));
    let one = signed_as(one, "lena", &key(1));
    assert!(approval(&file, &run(), "8.10", &one, at(10)).is_ok());
    let bytes = serde_json::to_vec(&one).unwrap();
    let mut parsed = 0;
    for place in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1;
        let Ok(other) = serde_json::from_slice::<Approval>(&flipped) else { continue };
        parsed += 1;
        let same = other == one;
        assert!(
            same || approval(&file, &run(), "8.10", &other, at(10)).is_err()
                || other.by.terminal != one.by.terminal,
            "byte {place}: {other:?}"
        );
    }
    assert!(parsed > 300, "{parsed}");
}
