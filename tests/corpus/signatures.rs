//! Metadata that is not signed, or not as it stands, or by somebody else (incident 3), in any tree.

use super::repo::run;
use super::specs::{APP, BASE, KICKSTART, SIG};
use super::template::{Trees, template};
use std::fs;

fn head(repo: &str) -> String {
    format!("{repo}/repodata/repomd.xml")
}

#[test]
fn metadata_is_not_signed() {
    let trees = Trees::new();
    fs::remove_file(trees.repo(BASE).signature()).unwrap();
    trees
        .verify()
        .finds("metadata-signed", &head(BASE), "is not signed: there is no repomd.xml.asc")
        .and_nothing_else();
}

/// createrepo ran after signing, as in the SOP's order (R9): its old signature is kept.
#[test]
fn a_signature_is_over_old_bytes() {
    let trees = Trees::new();
    trees.repo(SIG).createrepo(&["--update", "--revision=2"]);
    assert!(trees.repo(SIG).signature().exists(), "createrepo_c keeps what it does not know");
    trees
        .verify()
        .finds("metadata-signed", &head(SIG), "its signature is not over its current bytes")
        .and_nothing_else();
}

#[test]
fn a_signature_is_by_a_foreign_key() {
    let trees = Trees::new();
    trees.repo(APP).sign_by(&template().foreign);
    trees.verify().finds("metadata-signed", &head(APP), "is BAD or by another key").and_nothing_else();
}

/// `prep-staging-8.sh` edits the kickstart repomd.xml and never signs it (R8).
#[test]
fn only_the_kickstart_tree_has_an_old_signature() {
    let trees = Trees::new();
    let repomd = trees.repo(KICKSTART).repomd();
    run("sed", &["-i", "s|<revision>|<revision>9|", repomd.to_str().unwrap()]);
    trees
        .verify()
        .finds("metadata-signed", &head(KICKSTART), "its signature is not over its current bytes")
        .and_nothing_else();
}

#[test]
fn debug_and_source_trees_are_not_signed() {
    let trees = Trees::new();
    for repo in ["BaseOS/x86_64/debug/tree", "AppStream/source/tree"] {
        fs::remove_file(trees.repo(repo).signature()).unwrap();
    }
    trees
        .verify()
        .finds("metadata-signed", &head("BaseOS/x86_64/debug/tree"), "is not signed")
        .finds("metadata-signed", &head("AppStream/source/tree"), "is not signed")
        .and_nothing_else();
}

/// A signer that failed after it had opened its output.
#[test]
fn a_signature_is_empty() {
    let trees = Trees::new();
    fs::write(trees.repo(BASE).signature(), "").unwrap();
    trees.verify().finds("metadata-signed", &head(BASE), "holds no signature").and_nothing_else();
}

#[test]
fn a_signature_is_that_of_another_repo() {
    let trees = Trees::new();
    fs::copy(trees.repo(APP).signature(), trees.repo(BASE).signature()).unwrap();
    trees
        .verify()
        .finds("metadata-signed", &head(BASE), "its signature is not over its current bytes")
        .and_nothing_else();
}
