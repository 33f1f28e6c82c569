//! What one package comes to, byte by byte; `tests/packages_signed.rs` compares it with `rpmkeys -K`.

use super::*;
use crate::vet::fixture::package;
use crate::vet::fixture::signing::{KEYS, id, public, signed};
use std::path::PathBuf;

struct House {
    dir: tempfile::TempDir,
    keys: Keys,
}

fn house() -> House {
    let keys = Keys::read(public(&KEYS[0]).as_bytes()).unwrap();
    House { dir: tempfile::tempdir().unwrap(), keys: Keys::new(&keys) }
}

impl House {
    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join("package.rpm");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn judge(&self, bytes: &[u8], reading: Reading) -> Result<Sound, PackageFlaw> {
        judge(&self.file(bytes), &self.keys, reading, &())
    }

    fn kind(&self, bytes: &[u8], reading: Reading) -> &'static str {
        self.judge(bytes, reading).map_or_else(|flaw| flaw.kind(), |_| "sound")
    }
}

fn bash() -> Vec<u8> {
    package("bash", "5.1-1.el8", b"content")
}

/// Returns where the header and the payload begin.
fn places(bytes: &[u8]) -> (usize, usize) {
    let offsets =
        rpm::PackageMetadata::parse(&mut io::Cursor::new(bytes)).unwrap().get_package_segment_offsets();
    (offsets.header as usize, offsets.payload as usize)
}

#[test]
fn the_signer_is_known_by_its_key() {
    let house = house();
    for reading in [Reading::Headers, Reading::Whole] {
        let sound = house.judge(&signed(&bash(), &KEYS[0]), reading).unwrap();
        assert_eq!(sound, Sound { signers: vec![id(&KEYS[0])], is_unread: false });
        assert_eq!(house.judge(&bash(), reading), Err(PackageFlaw::Unsigned));
        let foreign = house.judge(&signed(&bash(), &KEYS[1]), reading);
        assert_eq!(foreign, Err(PackageFlaw::Foreign(id(&KEYS[1]))));
    }
    let none = Keys::default();
    let path = house.file(&signed(&bash(), &KEYS[1]));
    assert_eq!(judge(&path, &none, Reading::Headers, &()).unwrap().signers, [id(&KEYS[1])]);
    assert_eq!(
        judge(&house.file(&bash()), &none, Reading::Headers, &()),
        Err(PackageFlaw::Unsigned),
        "that nobody signed it needs no key"
    );
}

#[test]
fn no_byte_of_the_header_can_change_unseen() {
    let house = house();
    let bytes = signed(&bash(), &KEYS[0]);
    let (header, payload) = places(&bytes);
    for at in (header..payload).step_by(13) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x40;
        assert_ne!(house.kind(&changed, Reading::Headers), "sound", "byte {at}");
    }
}

#[test]
fn every_truncation_and_every_garbled_signature_header_is_an_error_and_no_panic() {
    let house = house();
    let bytes = signed(&bash(), &KEYS[0]);
    let (header, _) = places(&bytes);
    for length in (0..bytes.len()).step_by(29) {
        let kind = house.kind(&bytes[..length], Reading::Headers);
        assert_eq!(kind, "broken", "{length} bytes");
    }
    // What a garbled signature header comes to depends on the byte: never to another signer.
    for at in (96..header).step_by(3) {
        let mut changed = bytes.clone();
        changed[at] = !changed[at];
        if let Ok(sound) = house.judge(&changed, Reading::Headers) {
            assert_eq!(sound.signers, [id(&KEYS[0])], "byte {at}");
        }
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(house.kind(&longer, Reading::Headers), "broken");
    assert_eq!(house.kind(b"no package at all", Reading::Headers), "broken");
    assert_eq!(house.kind(&[0; 8192], Reading::Headers), "broken");
}

#[test]
fn a_signature_over_other_bytes_is_bad_though_the_digests_are_right() {
    let house = house();
    let one = signed(&bash(), &KEYS[0]);
    let two = signed(&package("bash", "5.1-2.el8", b"content"), &KEYS[0]);
    // The signature of one package in the other, whose digests stay.
    let parse = |bytes: &[u8]| rpm::Package::parse(&mut &*bytes).unwrap();
    let (from, mut into) = (parse(&two), parse(&one));
    let stolen = from.metadata.raw_signatures().unwrap()[0].to_vec();
    into.apply_signature(stolen).unwrap();
    let mut bytes = Vec::new();
    into.write(&mut bytes).unwrap();
    assert_eq!(house.judge(&bytes, Reading::Headers), Err(PackageFlaw::Bad(id(&KEYS[0]))));
    let own = parse(&one).metadata.raw_signatures().unwrap()[0].to_vec();
    let at = one.windows(own.len()).position(|window| window == own).unwrap();
    let mut garbled = one;
    garbled[at] = 0;
    assert_eq!(house.judge(&garbled, Reading::Headers), Err(PackageFlaw::Garbled));
}

#[test]
fn another_payload_is_found_only_when_it_is_read() {
    let house = house();
    let mut bytes = signed(&bash(), &KEYS[0]);
    let (_, payload) = places(&bytes);
    bytes[payload + 5] ^= 1;
    assert_eq!(house.kind(&bytes, Reading::Headers), "sound");
    assert_eq!(house.kind(&bytes, Reading::Whole), "digest");
}

#[test]
fn a_fifo_and_a_missing_file_are_no_wait() {
    let house = house();
    let missing = judge(&house.dir.path().join("none"), &house.keys, Reading::Headers, &()).unwrap_err();
    assert_eq!(missing.kind(), "unreadable");
    let fifo = house.dir.path().join("fifo.rpm");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    assert_eq!(judge(&fifo, &house.keys, Reading::Headers, &()).unwrap_err().kind(), "broken");
}
