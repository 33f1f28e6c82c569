//! What a signature of metadata comes to here must be what `gpgv` says of it: good, stale, foreign, missing, damaged, of a
//! key that expired, of a signature that expired, and of a subkey.
//!
//! gpg and gpgv are part of the set-up of the tests, so a missing one fails, never skips.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use pgp::composed::SignedPublicKey;
use stagegate::repodata::signature::judge;
use stagegate::vet::package::Keys;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const METADATA: &[u8] = b"<repomd><revision>1</revision></repomd>\n";

/// A folder with a repo, and gpg with keys of several kinds.
struct House {
    dir: tempfile::TempDir,
    keys: Vec<SignedPublicKey>,
}

fn run(tool: &str, args: &[&str]) -> Output {
    let output = Command::new(tool).args(args).env("LC_ALL", "C").output();
    output.unwrap_or_else(|why| panic!("`{tool}` does not run ({why}): install gpg and gpgv"))
}

fn good(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

impl Drop for House {
    fn drop(&mut self) {
        run("gpgconf", &["--homedir", self.home().to_str().unwrap(), "--kill", "gpg-agent"]);
    }
}

impl House {
    /// Makes a house whose key `own`, and those of `others`, count; `foreign` does not.
    fn new(others: &[(&str, &str, &str)]) -> Self {
        let mut house = Self { dir: tempfile::tempdir().unwrap(), keys: Vec::new() };
        for folder in [house.home(), house.repo().join("repodata")] {
            std::fs::create_dir_all(folder).unwrap();
        }
        std::fs::set_permissions(house.home(), PermissionsExt::from_mode(0o700)).unwrap();
        house.make("own", "20200101T000000", "never");
        house.make("foreign", "20200101T000000", "never");
        let mut exported = vec!["own"];
        for (name, made, expires) in others {
            house.make(name, made, expires);
            exported.push(name);
        }
        let mut words = vec!["--export"];
        words.extend(&exported);
        let ring = house.gpg("20200101T000000", &words);
        good(&ring);
        std::fs::write(house.ring(), &ring.stdout).unwrap();
        house.keys = Keys::read(&ring.stdout).unwrap();
        assert_eq!(house.keys.len(), exported.len());
        std::fs::write(house.repomd(), METADATA).unwrap();
        house
    }

    fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    fn repo(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    fn ring(&self) -> PathBuf {
        self.dir.path().join("ring.gpg")
    }

    fn repomd(&self) -> PathBuf {
        self.repo().join("repodata/repomd.xml")
    }

    fn signature(&self) -> PathBuf {
        self.repo().join("repodata/repomd.xml.asc")
    }

    fn gpg(&self, time: &str, words: &[&str]) -> Output {
        let home = self.home();
        let mut all =
            vec!["--homedir", home.to_str().unwrap(), "--batch", "--yes", "--faked-system-time", time];
        all.extend(["--pinentry-mode", "loopback", "--passphrase", ""]);
        all.extend(words);
        run("gpg", &all)
    }

    fn make(&self, name: &str, time: &str, expires: &str) {
        good(&self.gpg(time, &["--quick-generate-key", name, "rsa2048", "sign", expires]));
    }

    /// Signs the metadata as `name` at a time.
    fn sign(&self, name: &str, time: &str, more: &[&str]) {
        let (to, from) = (self.signature(), self.repomd());
        let mut words = vec!["--local-user", name, "--armor", "--output", to.to_str().unwrap()];
        words.extend(more);
        words.extend(["--detach-sign", from.to_str().unwrap()]);
        good(&self.gpg(time, &words));
    }

    fn gpgv(&self) -> bool {
        let (ring, signature, repomd) = (self.ring(), self.signature(), self.repomd());
        let paths = [&ring, &signature, &repomd].map(|path| path.to_str().unwrap().to_owned());
        run("gpgv", &["--keyring", &paths[0], &paths[1], &paths[2]]).status.success()
    }

    /// Asserts that both say the same, and that it is `expected`.
    fn both(&self, what: &str, expected: bool) {
        assert_eq!(self.gpgv(), expected, "gpgv: {what}");
        let own = judge(&self.repo(), &self.keys);
        assert_eq!(own.is_ok(), expected, "own: {what}: {own:?}");
    }
}

fn touch(path: &Path, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    std::fs::write(path, change(std::fs::read(path).unwrap())).unwrap();
}

#[test]
fn signatures_are_judged_as_gpgv_judges_them() {
    let house = House::new(&[]);
    house.both("missing", false);
    house.sign("own", "20240101T000000", &[]);
    house.both("good", true);
    touch(&house.repomd(), |bytes| [&bytes[..], b" "].concat());
    house.both("stale", false);
    house.sign("foreign", "20240101T000000", &[]);
    house.both("foreign", false);
    house.sign("own", "20240101T000000", &[]);
    touch(&house.signature(), |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        let at = text.find("\n\n").unwrap() + 80;
        let other = if &text[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &text[..at], &text[at + 1..]).into_bytes()
    });
    house.both("damaged", false);
    touch(&house.signature(), |bytes| bytes[..bytes.len() / 2].to_vec());
    house.both("cut short", false);
    touch(&house.signature(), |_| Vec::new());
    house.both("empty", false);
    touch(&house.signature(), |_| b"signed, believe me\n".to_vec());
    house.both("no signature", false);
    house.sign("own", "20240101T000000", &["--digest-algo", "SHA512"]);
    house.both("another digest", true);
    house.sign("own", "20240101T000000", &["--textmode"]);
    house.both("text mode", true);
}

#[test]
fn keys_and_signatures_that_expired_are_judged_as_gpgv_judges_them() {
    let house = House::new(&[("expired", "20200101T000000", "2021-01-01")]);
    house.sign("expired", "20200601T000000", &[]);
    let gpgv = house.gpgv();
    house.both("made while its key was valid, which has expired since", gpgv);
    house.sign("own", "20240101T000000", &["--default-sig-expire", "1d"]);
    let gpgv = house.gpgv();
    house.both("a signature that has expired itself", gpgv);
}

#[test]
fn a_signature_of_a_subkey_is_judged_as_gpgv_judges_it() {
    let mut house = House::new(&[]);
    let listed = house.gpg("20200101T000000", &["--with-colons", "--list-keys", "own"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    let fingerprint = listed.lines().find_map(|line| line.strip_prefix("fpr:::::::::")).unwrap();
    let fingerprint = fingerprint.trim_end_matches(':').to_owned();
    good(&house.gpg("20200102T000000", &["--quick-add-key", &fingerprint, "rsa2048", "sign", "never"]));
    let ring = house.gpg("20200102T000000", &["--export", "own"]);
    std::fs::write(house.ring(), &ring.stdout).unwrap();
    house.keys = Keys::read(&ring.stdout).unwrap();
    assert_eq!(house.keys[0].public_subkeys.len(), 1);
    house.sign("own", "20240101T000000", &[]);
    house.both("by the subkey", true);
    touch(&house.repomd(), |bytes| [&bytes[..], b" "].concat());
    house.both("by the subkey, stale", false);
}
