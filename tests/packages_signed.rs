//! What a package comes to here must be what `rpmkeys -K` says of it: on whole, unsigned, foreign, damaged and short ones,
//! and on every byte of one that is changed.
//!
//! rpmkeys, rpmsign and gpg are part of the set-up of the tests, so a missing one fails, never skips.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use stagegate::sandbox::package::{Kind, PackageSpec, PayloadFile};
use stagegate::sandbox::signer::Signer;
use stagegate::vet::Reading;
use stagegate::vet::package::{Keys, PackageFlaw, judge};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a package is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Whole, and signed by the key.
    Good,
    /// Whole, and not signed.
    Unsigned,
    /// Whole, and signed by another key.
    Foreign,
    /// Not what it says, or no package.
    Bad,
}

/// A folder with one key that counts and one that does not.
struct House {
    dir: tempfile::TempDir,
    own: Signer,
    foreign: Signer,
    keys: Keys,
}

fn run<S: AsRef<OsStr>>(tool: &str, args: impl IntoIterator<Item = S>) -> Output {
    let output = Command::new(tool).args(args).env("LC_ALL", "C").output();
    output.unwrap_or_else(|why| panic!("`{tool}` does not run ({why}): install rpm, rpmsign and gpg"))
}

fn which(tool: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let mut found =
        std::env::split_paths(&path).map(|folder| folder.join(tool)).filter(|file| file.is_file());
    found.next().unwrap_or_else(|| panic!("`{tool}` is not in PATH: install it"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

impl House {
    fn new() -> Self {
        let signer = |name: &str| Signer::generate(name, 1_600_000_000).unwrap();
        let (own, foreign) = (signer("own"), signer("foreign"));
        let house = Self { dir: tempfile::tempdir().unwrap(), own, foreign, keys: Keys::default() };
        std::fs::create_dir(house.at("db")).unwrap();
        let armored = house.own.public_armored().unwrap();
        std::fs::write(house.at("own.asc"), &armored).unwrap();
        let imported = run("rpmkeys", [&house.db(), "--import", house.at("own.asc").to_str().unwrap()]);
        assert!(imported.status.success(), "{}", said(&imported));
        Self { keys: Keys::new(&Keys::read(armored.as_bytes()).unwrap()), ..house }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn db(&self) -> String {
        format!("--dbpath={}", self.at("db").display())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.at(name), bytes).unwrap();
        self.at(name)
    }

    /// Asks rpm.
    fn rpm(&self, path: &Path) -> Verdict {
        let output = run("rpmkeys", [&self.db(), "-Kv", path.to_str().unwrap()]);
        let said = said(&output);
        match (output.status.success(), said.contains("Signature")) {
            (true, true) => Verdict::Good,
            (true, false) => Verdict::Unsigned,
            (false, _) if said.contains(": NOKEY") && !said.contains(": BAD") => Verdict::Foreign,
            (false, _) => Verdict::Bad,
        }
    }

    fn own(&self, path: &Path, reading: Reading) -> Verdict {
        match judge(path, &self.keys, reading, &()) {
            Ok(sound) => {
                assert!(!sound.signers.is_empty());
                Verdict::Good
            }
            Err(PackageFlaw::Unsigned) => Verdict::Unsigned,
            Err(PackageFlaw::Foreign(_)) => Verdict::Foreign,
            Err(_) => Verdict::Bad,
        }
    }

    /// Asserts that both say the same, and that it is `expected`.
    fn both(&self, name: &str, bytes: &[u8], expected: Verdict) {
        let path = self.put(&format!("{}.rpm", name.replace(' ', "-")), bytes);
        assert_eq!(self.rpm(&path), expected, "rpm: {name}");
        assert_eq!(self.own(&path, Reading::Whole), expected, "own: {name}");
    }
}

fn build(signer: Option<&Signer>, release: &str) -> Vec<u8> {
    let spec = PackageSpec {
        name: "bash".to_owned(),
        epoch: 0,
        version: "4.4.20".to_owned(),
        release: release.to_owned(),
        arch: "x86_64".to_owned(),
        kind: Kind::Binary { source_rpm: "bash-4.4.20-5.el8.src.rpm".to_owned() },
        summary: "A shell".to_owned(),
        license: "GPL-3.0-or-later".to_owned(),
        requires: vec!["glibc".to_owned()],
        provides: Vec::new(),
        modularity_label: None,
        files: vec![PayloadFile { path: "/usr/bin/bash".to_owned(), content: vec![7; 4096], mode: 0o755 }],
        build_time: 1_700_000_000,
    };
    spec.build(signer).unwrap()
}

/// Where the parts of a package begin.
fn parts(bytes: &[u8]) -> (usize, usize) {
    let meta = rpm::PackageMetadata::parse(&mut std::io::Cursor::new(bytes)).unwrap();
    let offsets = meta.get_package_segment_offsets();
    (usize::try_from(offsets.header).unwrap(), usize::try_from(offsets.payload).unwrap())
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).unwrap()
}

fn signature(bytes: &[u8]) -> Vec<u8> {
    let meta = rpm::PackageMetadata::parse(&mut std::io::Cursor::new(bytes)).unwrap();
    meta.raw_signatures().unwrap().remove(0).into_owned()
}

#[test]
fn whole_packages_are_judged_as_rpm_judges_them() {
    let house = House::new();
    house.both("signed", &build(Some(&house.own), "5.el8"), Verdict::Good);
    house.both("unsigned", &build(None, "5.el8"), Verdict::Unsigned);
    house.both("foreign", &build(Some(&house.foreign), "5.el8"), Verdict::Foreign);
}

#[test]
fn damaged_packages_are_judged_as_rpm_judges_them() {
    let house = House::new();
    let good = build(Some(&house.own), "5.el8");
    let (header, payload) = parts(&good);
    let flip = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    house.both("header touched", &flip(find(&good, b"A shell")), Verdict::Bad);
    house.both("payload touched", &flip(payload + 30), Verdict::Bad);
    house.both("signature touched", &flip(find(&good, &signature(&good)) + 200), Verdict::Bad);
    let mut stolen = good.clone();
    let other = signature(&build(Some(&house.own), "6.el8"));
    let at = find(&good, &signature(&good));
    assert_eq!(other.len(), signature(&good).len());
    stolen[at..at + other.len()].copy_from_slice(&other);
    house.both("signature of another", &stolen, Verdict::Bad);
    house.both("cut in the payload", &good[..good.len() - 1], Verdict::Bad);
    house.both("cut in the header", &good[..payload - 10], Verdict::Bad);
    house.both("cut in the signature header", &good[..header - 10], Verdict::Bad);
    house.both("cut in the lead", &good[..50], Verdict::Bad);
    house.both("longer", &[&good[..], b"more"].concat(), Verdict::Bad);
    house.both("empty", b"", Verdict::Bad);
    house.both("no package", &[b'x'; 4096], Verdict::Bad);
    let unsigned = build(None, "5.el8");
    house.both("unsigned and cut", &unsigned[..unsigned.len() - 1], Verdict::Bad);
    // What is not seen without reading the payload is this, and no more.
    let path = house.put("payload-touched.rpm", &flip(payload + 30));
    assert_eq!(house.own(&path, Reading::Headers), Verdict::Good);
}

#[test]
fn every_changed_byte_is_judged_as_rpm_judges_it() {
    let house = House::new();
    let good = build(Some(&house.own), "5.el8");
    let mut files = Vec::new();
    for at in (0..good.len()).step_by(5) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x21;
        files.push((at, house.put(&format!("byte-{at:06}.rpm"), &bytes)));
    }
    let mut args = vec![house.db(), "-K".to_owned()];
    args.extend(files.iter().map(|(_, path)| path.to_str().unwrap().to_owned()));
    let said = said(&run("rpmkeys", &args));
    // Here it is judged more strictly: the signature that rpm 6 reads beside the other one, and the size behind it.
    let six = find(&good, b"\x00\x00\x01\x16\x00\x00\x00\x08");
    let at = u32::from_be_bytes(good[six + 8..six + 12].try_into().unwrap()) as usize;
    let data = 96 + 16 + 16 * u32::from_be_bytes(good[104..108].try_into().unwrap()) as usize;
    let size = find(&good, b"\x00\x00\x03\xe8\x00\x00\x00\x04");
    let end = u32::from_be_bytes(good[size + 8..size + 12].try_into().unwrap()) as usize + 4;
    let stricter = data + at..data + end;
    let mut differ = Vec::new();
    for (at, path) in &files {
        let rpm = said.contains(&format!("{}: digests signatures OK", path.display()));
        let own = house.own(path, Reading::Whole) == Verdict::Good;
        if stricter.contains(at) {
            assert!(!own, "byte {at} of what only rpm 6 reads");
        } else if rpm != own {
            differ.push(format!("byte {at}: rpm says {rpm}, here it is {own}"));
        }
    }
    assert!(
        differ.is_empty(),
        "of {} bytes, header at {:?}:\n{}",
        files.len(),
        parts(&good),
        differ.join("\n")
    );
}

/// `rpmsign --rpmv3` adds the signature over header and payload that packages had before rpm 4.14.
#[test]
fn old_signatures_over_header_and_payload_are_judged_as_rpm_judges_them() {
    let house = House::new();
    let home = house.at("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    house.own.save(&house.at("secret.asc")).unwrap();
    let home = home.to_str().unwrap();
    let imported =
        run("gpg", ["--homedir", home, "--batch", "--import", house.at("secret.asc").to_str().unwrap()]);
    assert!(imported.status.success(), "{}", said(&imported));
    let path = house.put("old.rpm", &build(None, "5.el8"));
    let name = format!("_gpg_name {}", house.own.fingerprint());
    let define = format!("_gpg_path {home}");
    let gpg = format!("__gpg {}", which("gpg").display());
    let words = ["--rpmv3", "--addsign", "-D", &gpg, "-D", &define, "-D", &name, path.to_str().unwrap()];
    let signed = run("rpmsign", words);
    let _stopped = run("gpgconf", ["--homedir", home, "--kill", "gpg-agent"]);
    assert!(signed.status.success(), "{}", said(&signed));
    let verbose = said(&run("rpmkeys", [&house.db(), "-Kv", path.to_str().unwrap()]));
    assert!(verbose.matches("Signature, key ID").count() == 2, "{verbose}");
    let bytes = std::fs::read(&path).unwrap();
    house.both("both signatures", &bytes, Verdict::Good);
    let (_, payload) = parts(&bytes);
    let mut touched = bytes.clone();
    touched[payload + 30] ^= 1;
    house.both("both and payload touched", &touched, Verdict::Bad);
    assert_eq!(house.own(&path, Reading::Headers), Verdict::Good);
}

#[test]
fn a_key_in_several_files_and_a_subkey_count() {
    let house = House::new();
    let two = Keys::read(house.foreign.public_armored().unwrap().as_bytes()).unwrap();
    let one = Keys::read(house.own.public_armored().unwrap().as_bytes()).unwrap();
    let all = Keys::new(&[one, two].concat());
    assert_eq!(all.fingerprints().len(), 2);
    for signer in [&house.own, &house.foreign] {
        let path = house.put("either.rpm", &build(Some(signer), "5.el8"));
        let sound = judge(&path, &all, Reading::Headers, &()).unwrap();
        assert!(signer.fingerprint().ends_with(&sound.signers[0]), "{sound:?}");
    }
}
