//! `stagegate verify` on real packages with the metadata of the real `createrepo_c`: nothing to find in any of its forms,
//! and each seeded defect by its path.
//!
//! `createrepo_c` and `modifyrepo_c` are part of the set-up of the tests, so a missing one fails, never skips.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use serde_json::Value;
use stagegate::sandbox::package::{Kind, PackageSpec, PayloadFile};
use stagegate::sandbox::signer::Signer;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn run(tool: &str, args: &[&str]) -> Output {
    let output = Command::new(tool).args(args).env("LC_ALL", "C").output();
    let output = output.unwrap_or_else(|why| panic!("`{tool}` does not run ({why}): install createrepo_c"));
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A release of two repos, with its key.
struct House {
    dir: tempfile::TempDir,
}

const REPOS: [&str; 2] = ["BaseOS/x86_64/os", "AppStream/x86_64/kickstart"];

impl House {
    fn new(options: &[&str]) -> Self {
        let house = Self { dir: tempfile::tempdir().unwrap() };
        let signer = Signer::generate("own", 1_600_000_000).unwrap();
        std::fs::write(house.key(), signer.public_armored().unwrap()).unwrap();
        for repo in REPOS {
            let packages = house.at(repo).join("Packages");
            for name in ["bash", "zsh", "kernel"] {
                let bytes = package(name).build(Some(&signer)).unwrap();
                let folder = packages.join(&name[..1]);
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(folder.join(package(name).file_name()), bytes).unwrap();
            }
            let root = house.at(repo);
            let mut words = vec!["--quiet"];
            words.extend(options);
            words.push(root.to_str().unwrap());
            run("createrepo_c", &words);
            house.modules(repo);
            let repomd = std::fs::read(house.repomd(repo)).unwrap();
            let signature = signer.detach_sign_armored(&repomd, 1_700_000_000).unwrap();
            std::fs::write(house.repomd(repo).with_extension("xml.asc"), signature).unwrap();
        }
        house
    }

    fn modules(&self, repo: &str) {
        let text = "---\ndocument: modulemd\nversion: 2\ndata:\n  name: perl\n  stream: \"5.26\"\n...\n";
        let (file, folder) = (self.dir.path().join("modules.yaml"), self.at(repo).join("repodata"));
        std::fs::write(&file, text).unwrap();
        run("modifyrepo_c", &["--mdtype=modules", file.to_str().unwrap(), folder.to_str().unwrap()]);
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join("tree").join(path)
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("key.asc")
    }

    fn repomd(&self, repo: &str) -> PathBuf {
        self.at(repo).join("repodata/repomd.xml")
    }

    /// Returns the file of the first repo whose name has `part`.
    fn metadata(&self, part: &str) -> PathBuf {
        let files = std::fs::read_dir(self.at(REPOS[0]).join("repodata")).unwrap();
        let mut paths = files.map(|entry| entry.unwrap().path());
        paths.find(|path| path.file_name().unwrap().to_str().unwrap().contains(part)).unwrap()
    }

    fn package(&self, name: &str) -> PathBuf {
        self.at(REPOS[0]).join("Packages").join(&name[..1]).join(package(name).file_name())
    }

    /// Verifies the tree and returns `severity check path message` of the findings about metadata files, packages and
    /// signatures, with the exit code.
    fn verify(&self, more: &[&str]) -> (Option<i32>, Vec<String>) {
        let tree = self.at("");
        let key = self.key();
        let mut words =
            vec!["verify", tree.to_str().unwrap(), "--key", key.to_str().unwrap(), "--format", "json"];
        words.extend(more);
        let output = Command::new(env!("CARGO_BIN_EXE_stagegate")).args(&words).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&output.stderr)));
        let word = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
        let line = |finding: &Value| {
            ["severity", "check", "path", "message"].map(|key| word(finding, key)).join(" ")
        };
        // What other checks make of a defect is for their tests to say.
        let mine = |finding: &&Value| {
            ["metadata-consistent", "metadata-signed", "packages-signed"]
                .contains(&finding["check"].as_str().unwrap())
        };
        let findings = report["findings"].as_array().unwrap();
        (output.status.code(), findings.iter().filter(mine).map(line).collect())
    }

    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(self.at("")).unwrap().to_str().unwrap().to_owned()
    }

    /// Asserts that there is one blocking finding of `check`, and returns its message.
    fn only(&self, check: &str, path: &Path, more: &[&str]) -> String {
        let (code, found) = self.verify(more);
        let begin = format!("blocking {check} {} ", self.shown(path));
        assert_eq!(code, Some(1));
        assert!(found.len() == 1 && found[0].starts_with(&begin), "{begin}: {found:#?}");
        found[0][begin.len()..].to_owned()
    }
}

fn package(name: &str) -> PackageSpec {
    PackageSpec {
        name: name.to_owned(),
        epoch: 1,
        version: "5.1".to_owned(),
        release: "1.el8".to_owned(),
        arch: "x86_64".to_owned(),
        kind: Kind::Binary { source_rpm: format!("{name}-5.1-1.el8.src.rpm") },
        summary: format!("{name} & more"),
        license: "MIT".to_owned(),
        requires: Vec::new(),
        provides: Vec::new(),
        modularity_label: None,
        files: vec![PayloadFile {
            path: format!("/usr/bin/{name}"),
            content: name.repeat(999).into_bytes(),
            mode: 0o755,
        }],
        build_time: 1_700_000_000,
    }
}

#[test]
fn whatever_createrepo_writes_is_consistent() {
    for options in [
        &[][..],
        &["--database"],
        &["--simple-md-filenames", "--general-compress-type=xz"],
        &["--general-compress-type=bz2", "--checksum=sha512"],
        &["--checksum=sha1", "--retain-old-md=2"],
    ] {
        let house = House::new(options);
        for more in [&[][..], &["--deep"]] {
            assert_eq!(house.verify(more), (Some(0), Vec::new()), "{options:?} {more:?}");
        }
    }
}

#[test]
fn each_defect_is_named_by_its_path() {
    let house = House::new(&[]);
    let bash = house.package("bash");
    let whole = std::fs::read(&bash).unwrap();

    // A byte of the payload is another: only reading it tells, and then both checks tell it.
    let mut touched = whole.clone();
    let last = touched.len() - 9;
    touched[last] ^= 1;
    std::fs::write(&bash, &touched).unwrap();
    assert_eq!(house.verify(&[]), (Some(0), Vec::new()));
    let (code, found) = house.verify(&["--deep"]);
    assert_eq!((code, found.len()), (Some(1), 2), "{found:#?}");
    let path = house.shown(&bash);
    assert!(found[0].starts_with(&format!("blocking metadata-consistent {path} has the sha256 checksum")));
    assert!(found[1].starts_with(&format!("blocking packages-signed {path} is damaged: its payload")));
    std::fs::write(&bash, &whole).unwrap();

    let aside = house.dir.path().join("aside");
    std::fs::rename(&bash, &aside).unwrap();
    assert!(house.only("metadata-consistent", &bash, &[]).starts_with("is missing"));
    std::fs::rename(&aside, &bash).unwrap();

    let stray = bash.with_file_name("stray-1-1.x86_64.rpm");
    std::fs::copy(house.package("zsh"), &stray).unwrap();
    assert!(house.only("metadata-consistent", &stray, &[]).contains("in no metadata"));
    std::fs::remove_file(&stray).unwrap();

    for part in ["primary", "filelists", "other", "modules"] {
        let file = house.metadata(part);
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        let message = house.only("metadata-consistent", &file, &[]);
        assert!(message.contains("cut short") || message.contains("XML"), "{part}: {message}");
        std::fs::remove_file(&file).unwrap();
        let (_, found) = house.verify(&[]);
        let missing = format!("blocking metadata-consistent {} is missing", house.shown(&file));
        assert!(found.contains(&missing), "{part}: {found:#?}");
        std::fs::write(&file, &bytes).unwrap();
    }
    assert_eq!(house.verify(&["--deep"]), (Some(0), Vec::new()), "all of it was put back");
}

#[test]
fn packages_without_metadata_are_one_finding_and_the_other_repo_none() {
    let house = House::new(&[]);
    std::fs::remove_dir_all(house.at(REPOS[0]).join("repodata")).unwrap();
    let packages = house.at(REPOS[0]).join("Packages");
    assert!(house.only("metadata-consistent", &packages, &[]).contains("there is no repodata"));
}

#[test]
fn what_createrepo_was_not_told_of_is_found() {
    let house = House::new(&[]);
    // Signed anew after the metadata was made: the size is another.
    let other = Signer::generate("other", 1_600_000_000).unwrap();
    let bytes = package("zsh").build(Some(&other)).unwrap();
    let zsh = house.package("zsh");
    std::fs::write(&zsh, [&bytes[..], b"x"].concat()).unwrap();
    let (code, found) = house.verify(&[]);
    assert_eq!(code, Some(1));
    let path = house.shown(&zsh);
    assert!(
        found.iter().any(|line| line.starts_with(&format!("blocking metadata-consistent {path} has "))),
        "{found:#?}"
    );
    assert!(
        found.iter().any(|line| line.starts_with(&format!("blocking packages-signed {path} "))),
        "{found:#?}"
    );
}
