//! One repo of the corpus and what may be done to it: with the real tools, or to the bytes of its metadata.

use sha2::{Digest as _, Sha256};
use stagegate::sandbox::signer::Signer;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a tool that must succeed.
pub(crate) fn run(tool: &str, args: &[&str]) {
    let output = Command::new(tool).args(args).env("LC_ALL", "C").output();
    let output = output
        .unwrap_or_else(|why| panic!("`{tool}` does not run ({why}): install createrepo_c and coreutils"));
    assert!(output.status.success(), "{tool} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What `repomd.xml` is to say of a file; everything else is left out.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Claims {
    pub(crate) open_size: Option<u64>,
    /// Of the file; what it has, where none is said.
    pub(crate) size: Option<u64>,
}

/// A repo, and who signs it.
#[derive(Debug)]
pub(crate) struct Repo<'a> {
    pub(crate) folder: PathBuf,
    signer: &'a Signer,
}

impl<'a> Repo<'a> {
    pub(crate) fn at(folder: PathBuf, signer: &'a Signer) -> Self {
        Self { folder, signer }
    }

    pub(crate) fn repomd(&self) -> PathBuf {
        self.folder.join("repodata/repomd.xml")
    }

    pub(crate) fn signature(&self) -> PathBuf {
        self.folder.join("repodata/repomd.xml.asc")
    }

    pub(crate) fn createrepo(&self, options: &[&str]) {
        let mut words = vec!["--quiet"];
        words.extend(options);
        words.push(self.folder.to_str().unwrap());
        run("createrepo_c", &words);
    }

    /// Makes the metadata anew, keeping groups, modules and errata, and signs it.
    pub(crate) fn refresh(&self) {
        self.createrepo(&["--update", "--keep-all-metadata"]);
        self.sign();
    }

    pub(crate) fn sign(&self) {
        self.sign_by(self.signer);
    }

    pub(crate) fn sign_by(&self, signer: &Signer) {
        let bytes = fs::read(self.repomd()).unwrap();
        fs::write(self.signature(), signer.detach_sign_armored(&bytes, 1_700_000_000).unwrap()).unwrap();
    }

    /// Adds a file of a type with `modifyrepo_c`, or puts it in the place of the one that is there.
    pub(crate) fn add(&self, kind: &str, text: &str) {
        let scratch = tempfile::tempdir().unwrap();
        let suffix = if kind == "modules" { "yaml" } else { "xml" };
        let file = scratch.path().join(format!("{kind}.{suffix}"));
        fs::write(&file, text).unwrap();
        let repodata = self.folder.join("repodata");
        run(
            "modifyrepo_c",
            &[&format!("--mdtype={kind}"), file.to_str().unwrap(), repodata.to_str().unwrap()],
        );
    }

    /// Replaces a file of a type and signs.
    pub(crate) fn replace(&self, kind: &str, text: &str) {
        self.add(kind, text);
        self.sign();
    }

    /// Takes the entry of a type out with `modifyrepo_c`, and signs.
    pub(crate) fn drop_data(&self, kind: &str) {
        run("modifyrepo_c", &["--remove", kind, self.folder.join("repodata").to_str().unwrap()]);
        self.sign();
    }

    /// Returns the path of the file of a type, relative to the repo, as `repomd.xml` has it.
    pub(crate) fn href(&self, kind: &str) -> String {
        let text = fs::read_to_string(self.repomd()).unwrap();
        let (from, to) = entry(&text, kind);
        let begin = text[from..to].find("href=\"").unwrap() + from + 6;
        let end = text[begin..].find('"').unwrap() + begin;
        text[begin..end].to_owned()
    }

    /// Returns the inflated content of the file of a type.
    pub(crate) fn content(&self, kind: &str) -> String {
        let bytes = fs::read(self.folder.join(self.href(kind))).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(bytes.as_slice()), &mut text)
            .unwrap();
        text
    }

    /// Puts other bytes in the place of the file of a type, with an entry in `repomd.xml` that is right for them but for
    /// what `claims` says, and signs. Returns the path of the file, relative to the repo.
    pub(crate) fn plant(&self, kind: &str, suffix: &str, bytes: &[u8], claims: Claims) -> String {
        let text = fs::read_to_string(self.repomd()).unwrap();
        let href = format!("repodata/planted-{kind}.{suffix}");
        fs::write(self.folder.join(&href), bytes).unwrap();
        let open_size =
            claims.open_size.map(|size| format!("<open-size>{size}</open-size>")).unwrap_or_default();
        let data = format!(
            "<data type=\"{kind}\"><checksum type=\"sha256\">{}</checksum><location href=\"{href}\"/>\
             <timestamp>1700000000</timestamp><size>{}</size>{open_size}</data>",
            hex::encode(Sha256::digest(bytes)),
            claims.size.unwrap_or(bytes.len() as u64)
        );
        let (from, to) = entry(&text, kind);
        fs::remove_file(self.folder.join(self.href(kind))).unwrap();
        fs::write(self.repomd(), format!("{}{data}{}", &text[..from], &text[to..])).unwrap();
        self.sign();
        href
    }

    /// Plants the content of the file of a type, edited, and packed as gzip.
    pub(crate) fn edit(&self, kind: &str, from: &str, to: &str) -> String {
        let text = self.content(kind);
        assert!(text.contains(from), "{kind} has no {from}: {text}");
        self.plant(kind, "xml.gz", &gzip(text.replace(from, to).as_bytes()), Claims::default())
    }

    /// Edits `repomd.xml` itself, and signs.
    pub(crate) fn edit_repomd(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.repomd()).unwrap();
        assert!(text.contains(from), "no {from}: {text}");
        fs::write(self.repomd(), text.replacen(from, to, 1)).unwrap();
        self.sign();
    }
}

/// Returns where the entry of a type stands in the text of a `repomd.xml`.
fn entry(text: &str, kind: &str) -> (usize, usize) {
    let from = text.find(&format!("<data type=\"{kind}\">")).unwrap_or_else(|| panic!("no {kind}: {text}"));
    (from, text[from..].find("</data>").unwrap() + from + "</data>".len())
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Packs `head` and so many megabytes behind it, each of spaces that begin with `filler`: some kilobytes as gzip.
pub(crate) fn bomb(head: &str, filler: &str, megabytes: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(head.as_bytes()).unwrap();
    let block = format!("{filler}{}", " ".repeat((1 << 20) - filler.len()));
    for _ in 0..megabytes {
        encoder.write_all(block.as_bytes()).unwrap();
    }
    encoder.finish().unwrap()
}

/// Changes bytes of a file in place.
pub(crate) fn touch(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}
