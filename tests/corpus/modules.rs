//! Module data that is lost, another repo's, or not that of the packages beside it (incident 2).

use super::specs::{APP, BASE, NODE, PERL_NEW, PERL_OLD, at, modules};
use super::template::Trees;

const NODEJS: &str = "nodejs-18.20.2-1.module+el8.10.0+3+cc.x86_64";
const NPM: &str = "npm-10.5.0-1.module+el8.10.0+3+cc.x86_64";
const ORPHAN: &str = "is a modular package that no stream names";

fn head(repo: &str) -> String {
    format!("{repo}/repodata/repomd.xml")
}

#[test]
fn the_modules_are_gone() {
    let trees = Trees::new();
    trees.repo(APP).drop_data("modules");
    trees
        .verify()
        .finds("modules-present", &head(APP), "lost its module data, which production has")
        .and_nothing_else();
}

/// What `prep-staging-8.sh` does where the modules yaml is missing: the real `createrepo_c --update` drops them, and the
/// errata with them (R6).
#[test]
fn createrepo_update_dropped_modules_and_errata() {
    let trees = Trees::new();
    trees.repo(APP).createrepo(&["--update"]);
    trees.repo(APP).sign();
    trees
        .verify()
        .finds("modules-present", &head(APP), "lost its module data, which production has")
        .finds("errata-present", &head(APP), "lost its errata, which production has")
        .finds("comps-present", &head(APP), "lost its groups, which production has")
        .and_nothing_else();
}

/// Its packages are still there: without their stream they hide everybody else's.
#[test]
fn one_stream_is_gone_and_its_packages_are_not() {
    let trees = Trees::new();
    trees.repo(APP).replace("modules", &modules(&[PERL_OLD, PERL_NEW]));
    trees
        .verify()
        .finds("no-regression", &format!("{APP}/nodejs:18"), "lost the stream nodejs:18")
        .follows("modules-present", &format!("{APP}/{NODEJS}"), ORPHAN)
        .follows("modules-present", &format!("{APP}/{NPM}"), ORPHAN)
        .and_nothing_else();
}

#[test]
fn one_stream_is_gone_with_its_packages() {
    let trees = Trees::new();
    trees.without(
        APP,
        &["perl-5.32.1-1.module+el8.10.0+2+bb.x86_64", "perl-libs-5.32.1-1.module+el8.10.0+2+bb.x86_64"],
    );
    trees.repo(APP).replace("modules", &modules(&[PERL_OLD, NODE]));
    trees
        .verify()
        .finds("no-regression", &format!("{APP}/perl:5.32"), "lost the stream perl:5.32")
        .and_nothing_else();
}

/// `/tmp/modules.yaml` of another run (R10): streams of which nothing is there.
#[test]
fn the_modules_are_those_of_another_repo() {
    let trees = Trees::new();
    let ruby = ("ruby:3.3", "", &["ruby-0:3.3.0-1.module+el8.10.0+4+dd.x86_64"][..]);
    trees.repo(APP).replace("modules", &modules(&[PERL_OLD, PERL_NEW, NODE, ruby]));
    trees
        .verify()
        .finds("modules-present", &format!("{APP}/ruby:3.3"), "is a stream of which no package is there")
        .and_nothing_else();
}

#[test]
fn modular_packages_came_into_a_repo_without_modules() {
    let trees = Trees::new();
    trees.with(BASE, "ruby-3.3.0-1.module+el8.10.0+4+dd.x86_64", &["glibc"]);
    trees
        .verify()
        .finds("modules-present", &head(BASE), "has no module data and 1 modular packages")
        .and_nothing_else();
}

/// The stream names a package that was not synced.
#[test]
fn a_package_of_a_stream_is_not_there() {
    let trees = Trees::new();
    trees.without(APP, &[NPM]);
    trees
        .verify()
        .warns(
            "modules-present",
            &format!("{APP}/nodejs:18:1:c0:x86_64"),
            "1 package is not there, the first npm",
        )
        .and_nothing_else();
}

/// repomd.xml names the modules, and the file is not there.
#[test]
fn the_file_of_the_modules_is_missing() {
    let trees = Trees::new();
    let href = trees.repo(APP).href("modules");
    std::fs::remove_file(trees.staging(APP).join(&href)).unwrap();
    let path = format!("{APP}/{href}");
    trees
        .verify()
        .finds("metadata-consistent", &path, "is missing")
        .follows("modules-present", &head(APP), "names module data that is not there")
        .follows("no-regression", &path, "is missing")
        .follows("dependencies-closed", &path, "is missing")
        .and_nothing_else();
    assert!(trees.staging(&at(APP, NODEJS)).exists());
}
