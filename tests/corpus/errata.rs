//! Advisories that are lost, name what is not there, or name modular packages without their module (incident 5).

use super::specs::{
    APP, BASE, BASH, HTTPD_ADVISORY, NEW_ADVISORY, NODE_ADVISORY, OLD_ADVISORY, OLD_BASH, updateinfo,
};
use super::template::Trees;

fn head(repo: &str) -> String {
    format!("{repo}/repodata/repomd.xml")
}

#[test]
fn the_errata_are_gone() {
    let trees = Trees::new();
    trees.repo(BASE).drop_data("updateinfo");
    trees
        .verify()
        .finds("errata-present", &head(BASE), "lost its errata, which production has")
        .and_nothing_else();
}

#[test]
fn the_errata_are_empty() {
    let trees = Trees::new();
    trees.repo(BASE).replace("updateinfo", &updateinfo(&[]));
    trees
        .verify()
        .finds("errata-present", &head(BASE), "has errata without any advisory, and production has some")
        .and_nothing_else();
}

#[test]
fn one_advisory_is_gone() {
    let trees = Trees::new();
    trees.repo(APP).replace("updateinfo", &updateinfo(&[NODE_ADVISORY]));
    trees
        .verify()
        .finds("no-regression", &format!("{APP}/RLBA-2024:0002"), "lost the advisory RLBA-2024:0002")
        .and_nothing_else();
}

/// bodhi#694: updateinfo names an RPM that is not in the repo.
#[test]
fn an_advisory_names_a_package_that_is_not_there() {
    let trees = Trees::new();
    let absent = ("RLSA-2024:0004", "", &["openssl-3.0.7-27.el8.x86_64"][..]);
    trees.repo(BASE).replace("updateinfo", &updateinfo(&[OLD_ADVISORY, NEW_ADVISORY, absent]));
    trees
        .verify()
        .finds(
            "errata-present",
            &format!("{BASE}/RLSA-2024:0004"),
            "names what no repo of the release has: openssl-3.0.7-27.el8.x86_64",
        )
        .and_nothing_else();
}

/// peridot#79: no client applies it.
#[test]
fn a_modular_advisory_does_not_name_its_module() {
    let trees = Trees::new();
    let (id, _, packages) = NODE_ADVISORY;
    trees.repo(APP).replace("updateinfo", &updateinfo(&[HTTPD_ADVISORY, (id, "", packages)]));
    trees
        .verify()
        .finds(
            "errata-present",
            &format!("{APP}/{id}"),
            "names modular packages without their module, so that no client applies it",
        )
        .and_nothing_else();
}

#[test]
fn an_advisory_is_there_twice() {
    let trees = Trees::new();
    let again = (OLD_ADVISORY.0, "", &[OLD_BASH, BASH][..]);
    trees.repo(BASE).replace("updateinfo", &updateinfo(&[OLD_ADVISORY, NEW_ADVISORY, again]));
    trees
        .verify()
        .warns("errata-present", &format!("{BASE}/RLSA-2023:0009"), "is there more than once")
        .and_nothing_else();
}
