//! Metadata that is damaged, or does not say of itself what is true (incident 6): each is a finding at its file.

use super::repo::{Claims, Repo, gzip, touch};
use super::report::Report;
use super::specs::{BASE, SIG, package};
use super::template::{Trees, template};
use std::fs;

/// What a list of packages that cannot be read comes to, beside the finding itself: every check that needs it says so.
fn primary_follows(report: Report, path: &str, says: &str) -> Report {
    report.follows("errata-present", path, says).follows("no-regression", path, says).follows(
        "dependencies-closed",
        path,
        says,
    )
}

/// Cuts the file of a type in half, on disk alone.
fn cut(repo: &Repo<'_>, kind: &str) -> String {
    let href = repo.href(kind);
    touch(&repo.folder.join(&href), |bytes| bytes.truncate(bytes.len() / 2));
    href
}

#[test]
fn a_list_of_packages_is_cut_short() {
    let trees = Trees::new();
    let path = format!("{SIG}/{}", cut(&trees.repo(SIG), "primary"));
    let report = trees.verify().finds("metadata-consistent", &path, "is damaged or cut short (gzip)");
    primary_follows(report, &path, "cut short (gzip)").and_nothing_else();
}

/// The metadata was made of what was cut short already, so that size and checksum are right.
#[test]
fn a_list_of_packages_in_xz_was_made_cut_short() {
    let trees = Trees::new();
    let repo = trees.repo(SIG);
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 2);
    std::io::Write::write_all(&mut encoder, repo.content("primary").as_bytes()).unwrap();
    let whole = encoder.finish().unwrap();
    let href = repo.plant("primary", "xml.xz", &whole[..whole.len() / 2], Claims::default());
    let path = format!("{SIG}/{href}");
    let report = trees.verify().finds("metadata-consistent", &path, "is damaged or cut short (xz)");
    primary_follows(report, &path, "cut short (xz)").and_nothing_else();
}

#[test]
fn a_list_of_packages_in_zstd_was_made_cut_short() {
    let trees = Trees::new();
    let repo = trees.repo(SIG);
    let whole = zstd::encode_all(repo.content("primary").as_bytes(), 3).unwrap();
    let href = repo.plant("primary", "xml.zst", &whole[..whole.len() / 2], Claims::default());
    let path = format!("{SIG}/{href}");
    let report = trees.verify().finds("metadata-consistent", &path, "is damaged or cut short (zstd)");
    primary_follows(report, &path, "cut short (zstd)").and_nothing_else();
}

/// The same in whole is no defect, whatever the form.
#[test]
fn lists_in_xz_and_zstd_are_read() {
    let trees = Trees::new();
    let repo = trees.repo(SIG);
    let text = repo.content("primary");
    repo.plant("primary", "xml.zst", &zstd::encode_all(text.as_bytes(), 3).unwrap(), Claims::default());
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 2);
    std::io::Write::write_all(&mut encoder, repo.content("filelists").as_bytes()).unwrap();
    repo.plant("filelists", "xml.xz", &encoder.finish().unwrap(), Claims::default());
    trees.verify().and_nothing_else();
}

#[test]
fn a_list_of_files_is_missing() {
    let trees = Trees::new();
    let href = trees.repo(SIG).href("filelists");
    fs::remove_file(trees.staging(SIG).join(&href)).unwrap();
    trees.verify().finds("metadata-consistent", &format!("{SIG}/{href}"), "is missing").and_nothing_else();
}

#[test]
fn a_checksum_in_repomd_is_wrong() {
    let trees = Trees::new();
    let repo = trees.repo(BASE);
    let href = repo.href("other");
    let checksum = href.trim_start_matches("repodata/").split('-').next().unwrap().to_owned();
    repo.edit_repomd(&format!("sha256\">{checksum}"), &format!("sha256\">{}", "0".repeat(64)));
    trees
        .verify()
        .finds("metadata-consistent", &format!("{BASE}/{href}"), "has the checksum")
        .and_nothing_else();
}

/// A list from another run of createrepo, with the entry to fit: it names other packages.
#[test]
fn a_list_of_files_is_that_of_another_repo() {
    let trees = Trees::new();
    let text = trees.repo(BASE).content("filelists");
    let href = trees.repo(SIG).plant("filelists", "xml.gz", &gzip(text.as_bytes()), Claims::default());
    trees
        .verify()
        .finds("metadata-consistent", &format!("{SIG}/{href}"), "that primary.xml has not")
        .and_nothing_else();
}

#[test]
fn a_list_counts_wrongly() {
    let trees = Trees::new();
    let path = format!("{SIG}/{}", trees.repo(SIG).edit("primary", "packages=\"2\"", "packages=\"3\""));
    let says = "says that it has 3 packages and has 2";
    let report = trees.verify().finds("metadata-consistent", &path, says);
    primary_follows(report, &path, says).and_nothing_else();
}

/// One package stands in all three lists twice, and every count is right.
#[test]
fn a_package_is_listed_twice() {
    let trees = Trees::new();
    let repo = trees.repo(SIG);
    for kind in ["primary", "filelists", "other"] {
        let text = repo.content(kind);
        let from = text.find("<package ").unwrap();
        let to = text.find("</package>").unwrap() + "</package>\n".len();
        let again = format!("{}{}{}", &text[..to], &text[from..to], &text[to..]);
        let again = again.replacen("packages=\"2\"", "packages=\"3\"", 1);
        repo.plant(kind, "xml.gz", &gzip(again.as_bytes()), Claims::default());
    }
    trees
        .verify()
        .warns(
            "metadata-consistent",
            &format!("{SIG}/repodata/planted-primary.xml.gz"),
            "more than once, the first is glusterfs",
        )
        .and_nothing_else();
}

/// Two packages under one name: every client takes the one that it happens to read first or last.
#[test]
fn a_package_is_listed_with_two_checksums() {
    let trees = Trees::new();
    let other = trees.staging(&format!("{SIG}/other"));
    fs::create_dir(&other).unwrap();
    let nevra = "glusterfs-9.6-1.el8.x86_64";
    let bytes = package(nevra, &["glibc"], "built again").build(Some(&template().own)).unwrap();
    fs::write(other.join(format!("{nevra}.rpm")), bytes).unwrap();
    trees.repo(SIG).refresh();
    let path = format!("{SIG}/{}", trees.repo(SIG).href("primary"));
    trees
        .verify()
        .finds("metadata-consistent", &path, "under one name with different checksums")
        // Which of the two is compared with production is as createrepo_c happened to write them.
        .may_follow("no-regression", &format!("{SIG}/glusterfs.x86_64"), "is another file than production's")
        .and_nothing_else();
}

#[test]
fn a_package_has_no_name() {
    let trees = Trees::new();
    let path =
        format!("{SIG}/{}", trees.repo(SIG).edit("primary", "<name>glusterfs</name>", "<name></name>"));
    let report = trees.verify().finds("metadata-consistent", &path, "has no name in a package");
    primary_follows(report, &path, "has no name in a package").and_nothing_else();
}

#[test]
fn errata_are_not_in_utf8() {
    let trees = Trees::new();
    let repo = trees.repo(BASE);
    let mut bytes = repo.content("updateinfo").into_bytes();
    let at = bytes.windows(4).position(|part| part == b"RLSA").unwrap();
    bytes[at] = 0xff;
    let path = format!("{BASE}/{}", repo.plant("updateinfo", "xml.gz", &gzip(&bytes), Claims::default()));
    trees
        .verify()
        .finds("errata-present", &path, "is not in UTF-8")
        .follows("no-regression", &path, "is not in UTF-8")
        .and_nothing_else();
}

#[test]
fn repomd_is_cut_short() {
    let trees = Trees::new();
    let repo = trees.repo(SIG);
    touch(&repo.repomd(), |bytes| bytes.truncate(bytes.len() / 2));
    repo.sign();
    let path = format!("{SIG}/repodata/repomd.xml");
    repomd_follows(trees.verify().finds("metadata-consistent", &path, "is no well-formed XML"), &path)
        .and_nothing_else();
}

#[test]
fn repomd_is_empty() {
    let trees = Trees::new();
    let repo = trees.repo(SIG);
    fs::write(repo.repomd(), "").unwrap();
    repo.sign();
    let path = format!("{SIG}/repodata/repomd.xml");
    repomd_follows(trees.verify().finds("metadata-consistent", &path, "and no `repomd` document"), &path)
        .and_nothing_else();
}

/// Every check that opens the repo says why it could not.
fn repomd_follows(report: Report, path: &str) -> Report {
    ["modules-present", "comps-present", "errata-present", "no-regression", "dependencies-closed"]
        .into_iter()
        .fold(report, |report, check| report.follows(check, path, ""))
}
