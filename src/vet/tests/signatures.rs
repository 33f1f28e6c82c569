//! Signatures over the metadata.

use super::{Fixture, host};
use crate::domain::finding::{Severity, SeverityRule};
use crate::domain::flow::CheckName;
use crate::vet::fixture::signing::{KEYS, public};
use pgp::composed::{ArmorOptions, DetachedSignature, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::types::Password;

const HEADS: [&str; 2] =
    ["BaseOS/x86_64/os/repodata/repomd.xml", "storage/gluster9/x86_64/os/repodata/repomd.xml"];

fn sign(fixture: &Fixture, key: &SignedSecretKey) {
    for head in HEADS {
        let bytes = std::fs::read(fixture.staging(head)).unwrap();
        let (rng, hash) = (rand_core::OsRng, HashAlgorithm::Sha256);
        let made =
            DetachedSignature::sign_binary_data(rng, &key.primary_key, &Password::empty(), hash, &*bytes);
        let armor = made.unwrap().to_armored_string(ArmorOptions::default()).unwrap();
        std::fs::write(fixture.staging(&format!("{head}.asc")), armor).unwrap();
    }
}

fn lines(fixture: &Fixture) -> Vec<String> {
    fixture.lines(CheckName::MetadataSigned, "8/gate")
}

#[test]
fn signed_metadata_gives_no_finding_with_the_key_and_without() {
    let mut fixture = host();
    sign(&fixture, &KEYS[0]);
    assert_eq!(lines(&fixture), Vec::<String>::new());
    fixture.write("key", &public(&KEYS[0]));
    fixture.keys = vec![fixture.path("key")];
    assert_eq!(lines(&fixture), Vec::<String>::new());
}

#[test]
fn metadata_without_a_signature_is_found_and_inherited_where_production_has_none() {
    let mut fixture = host();
    let findings = fixture.run(CheckName::MetadataSigned, "8/gate");
    assert_eq!(findings.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), HEADS);
    assert!(findings.iter().all(|f| f.inherited && f.blocks()));
    // As the catalog of Rocky has it: this toolkit never signs SIG repos.
    fixture.catalog.severities.push(SeverityRule {
        check: CheckName::MetadataSigned,
        path: Some("storage/**".to_owned()),
        inherited: Some(true),
        severity: Severity::Warning,
    });
    let weights: Vec<Severity> =
        fixture.run(CheckName::MetadataSigned, "8/gate").iter().map(|f| f.severity).collect();
    assert_eq!(weights, [Severity::Blocking, Severity::Warning]);
}

#[test]
fn a_signature_over_earlier_bytes_is_found_without_any_key() {
    let fixture = host();
    sign(&fixture, &KEYS[0]);
    let head = fixture.staging(HEADS[0]);
    let text = std::fs::read_to_string(&head).unwrap();
    std::fs::write(&head, text.replace("<revision>1<", "<revision>2<")).unwrap();
    assert_eq!(
        lines(&fixture),
        [format!("Blocking {} its signature is not over its current bytes", HEADS[0])]
    );
    // `sed -i` writes the same bytes with a newer time: the signature still holds.
    std::fs::write(&head, text).unwrap();
    assert!(lines(&fixture).is_empty());
}

#[test]
fn a_signature_by_another_key_is_found_with_the_key() {
    let mut fixture = host();
    sign(&fixture, &KEYS[1]);
    assert!(lines(&fixture).is_empty());
    fixture.write("key", &public(&KEYS[0]));
    fixture.keys = vec![fixture.path("key")];
    let found = lines(&fixture);
    assert!(found.len() == 2 && found.iter().all(|line| line.contains("BAD or by another key")), "{found:?}");
    fixture.keys = vec![fixture.path("no-key")];
    assert!(lines(&fixture)[0].contains("public key could not be read"));
}

#[test]
fn a_signature_file_that_holds_none_is_found() {
    let fixture = host();
    sign(&fixture, &KEYS[0]);
    std::fs::write(fixture.staging(&format!("{}.asc", HEADS[0])), "").unwrap();
    let found = lines(&fixture);
    assert!(found.len() == 1 && found[0].contains("holds no signature"), "{found:?}");
}
