//! Packages that are missing, cut short, changed, not listed, not signed or signed by somebody else (incidents 4 and 6).

use super::repo::touch;
use super::specs::{self, APP, BASE, BASH, KERNEL, OLD_BASH, SIG, at};
use super::template::{Trees, template};
use std::fs;

#[test]
fn a_package_is_missing() {
    let trees = Trees::new();
    fs::remove_file(trees.staging(&at(BASE, BASH))).unwrap();
    trees
        .verify()
        .finds("metadata-consistent", &at(BASE, BASH), "is missing, and primary.xml names it")
        .and_nothing_else();
}

#[test]
fn a_package_is_cut_short() {
    let trees = Trees::new();
    touch(&trees.staging(&at(BASE, BASH)), |bytes| bytes.truncate(bytes.len() - 100));
    trees
        .verify()
        .finds("metadata-consistent", &at(BASE, BASH), "bytes, and primary.xml says")
        .finds("packages-signed", &at(BASE, BASH), "is cut short: 100 bytes of it are missing")
        .and_nothing_else();
}

#[test]
fn a_package_is_empty() {
    let trees = Trees::new();
    fs::write(trees.staging(&at(BASE, BASH)), "").unwrap();
    trees
        .verify()
        .finds("metadata-consistent", &at(BASE, BASH), "has 0 bytes, and primary.xml says")
        .finds("packages-signed", &at(BASE, BASH), "is no whole package: it ends within its headers")
        .and_nothing_else();
}

#[test]
fn a_package_is_in_no_metadata() {
    let trees = Trees::new();
    let nevra = "stray-1-1.el8.x86_64";
    let bytes = specs::package(nevra, &[], "stray").build(Some(&template().own)).unwrap();
    trees.put(BASE, nevra, &bytes);
    trees
        .verify()
        .finds("metadata-consistent", &at(BASE, nevra), "is on disk and in no metadata")
        .and_nothing_else();
}

#[test]
fn a_package_is_not_signed() {
    let trees = Trees::new();
    trees.put(BASE, BASH, &specs::package(BASH, &["glibc"], "unsigned").build(None).unwrap());
    trees.repo(BASE).refresh();
    trees.verify().finds("packages-signed", &at(BASE, BASH), "is not signed").and_nothing_else();
}

#[test]
fn a_package_is_signed_by_a_foreign_key() {
    let trees = Trees::new();
    let foreign = &template().foreign;
    trees.put(BASE, BASH, &specs::package(BASH, &["glibc"], "foreign").build(Some(foreign)).unwrap());
    trees.repo(BASE).refresh();
    trees.verify().finds("packages-signed", &at(BASE, BASH), "the foreign key").and_nothing_else();
}

/// A byte of the header is another: the size is the same, and rpm would refuse it.
#[test]
fn a_package_has_a_damaged_header() {
    let trees = Trees::new();
    touch(&trees.staging(&at(BASE, BASH)), |bytes| {
        let summary = b"bash & more";
        let at = bytes.windows(summary.len()).position(|window| window == summary).unwrap();
        bytes[at] = b'B';
    });
    trees.verify().finds("packages-signed", &at(BASE, BASH), "is damaged: its header's").and_nothing_else();
}

/// A byte of the payload is another: nothing but reading all of it tells.
#[test]
fn a_package_has_a_damaged_payload() {
    let trees = Trees::new();
    touch(&trees.staging(&at(BASE, BASH)), |bytes| {
        let last = bytes.len() - 9;
        bytes[last] ^= 1;
    });
    trees
        .verify_with(&["--deep"])
        .finds("metadata-consistent", &at(BASE, BASH), "has the sha256 checksum")
        .finds("packages-signed", &at(BASE, BASH), "is damaged: its payload")
        .and_nothing_else();
}

/// Built again under its old name: every mirror and client has the other one.
#[test]
fn a_package_has_other_bytes_than_productions_of_the_same_version() {
    let trees = Trees::new();
    trees.with(BASE, OLD_BASH, &["glibc"]);
    trees
        .verify()
        .finds(
            "no-regression",
            &format!("{BASE}/bash.x86_64"),
            "4.4.20-4.el8 is another file than production's",
        )
        .and_nothing_else();
}

/// Overwritten after createrepo, by something of another size.
#[test]
fn a_package_was_replaced_after_createrepo() {
    let trees = Trees::new();
    let bytes = specs::package(BASH, &["glibc"], "longer than before").build(Some(&template().own)).unwrap();
    trees.put(BASE, BASH, &bytes);
    trees
        .verify()
        .finds("metadata-consistent", &at(BASE, BASH), "bytes, and primary.xml says")
        .and_nothing_else();
}

#[test]
fn a_package_is_a_link_that_leads_out_of_the_release() {
    let trees = Trees::new();
    let file = trees.staging(&at(BASE, KERNEL));
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(trees.production(&at(BASE, KERNEL)), &file).unwrap();
    trees
        .verify()
        .finds(
            "metadata-consistent",
            &at(BASE, KERNEL),
            "is a symlink that leads to nothing within the release",
        )
        .and_nothing_else();
}

#[test]
fn a_package_is_a_fifo() {
    let trees = Trees::new();
    let file = trees.staging(&at(BASE, KERNEL));
    fs::remove_file(&file).unwrap();
    super::repo::run("mkfifo", &[file.to_str().unwrap()]);
    trees.verify().finds("metadata-consistent", &at(BASE, KERNEL), "is no plain file").and_nothing_else();
}

#[test]
fn packages_have_no_metadata() {
    let trees = Trees::new();
    fs::remove_dir_all(trees.staging(SIG).join("repodata")).unwrap();
    trees
        .verify()
        .finds("metadata-consistent", &format!("{SIG}/Packages"), "there is no repodata")
        .follows("no-regression", SIG, "is in production and not in staging")
        .and_nothing_else();
}

/// What a killed createrepo leaves has every later one skip the repo.
#[test]
fn a_createrepo_was_killed() {
    let trees = Trees::new();
    fs::create_dir(trees.staging(SIG).join(".repodata")).unwrap();
    let path = format!("{SIG}/.repodata");
    trees
        .verify()
        .finds("leftovers", &path, "is left by a createrepo that was killed")
        .follows("metadata-consistent", &path, "is left by a createrepo that was killed")
        .and_nothing_else();
}

#[test]
fn an_rsync_was_killed() {
    let trees = Trees::new();
    let path = format!("{APP}/Packages/h/.httpd-2.4.37-64.el8.x86_64.rpm.Ab3xYz");
    fs::write(trees.staging(&path), "half").unwrap();
    trees
        .verify()
        .finds("leftovers", &path, "is left by an rsync that was killed")
        .follows("metadata-consistent", &path, "is left by an rsync that was killed")
        .and_nothing_else();
}
