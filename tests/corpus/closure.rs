//! Requirements that nothing answers: for everybody, in one module stream, or without a SIG's repos (incidents 2 and 7).

use super::specs::{APP, BASE, NODE, PERL_NEW, PERL_OLD, SIG, modules};
use super::template::Trees;

#[test]
fn a_requirement_has_no_provider() {
    let trees = Trees::new();
    trees.with(BASE, "new-1-1.el8.x86_64", &["glibc", "libabsent.so.1()(64bit)"]);
    trees
        .verify()
        .finds(
            "dependencies-closed",
            &format!("{BASE}/new-1-1.el8.x86_64"),
            "requires libabsent.so.1()(64bit): nothing in the release's own repos provides it",
        )
        .and_nothing_else();
}

#[test]
fn a_requirement_wants_a_newer_version() {
    let trees = Trees::new();
    trees.with(APP, "new-1-1.el8.x86_64", &["glibc >= 2.34"]);
    trees
        .verify()
        .finds("dependencies-closed", &format!("{APP}/new-1-1.el8.x86_64"), "requires glibc >= 2.34")
        .and_nothing_else();
}

#[test]
fn what_others_require_is_gone() {
    let trees = Trees::new();
    trees.without(APP, &["httpd-tools-2.4.37-64.el8.x86_64"]);
    trees
        .verify()
        .finds("dependencies-closed", &format!("{APP}/httpd-2.4.37-64.el8.x86_64"), "requires httpd-tools")
        .finds("no-regression", &format!("{APP}/httpd-tools.x86_64"), "is lost: production has it")
        .and_nothing_else();
}

/// dnf declined to look: only who enables perl:5.32 meets it.
#[test]
fn a_requirement_has_no_provider_in_one_stream() {
    let trees = Trees::new();
    let perl = "perl-5.32.1-1.module+el8.10.0+2+bb.x86_64";
    trees.without(APP, &["perl-libs-5.32.1-1.module+el8.10.0+2+bb.x86_64"]);
    let only = ("perl:5.32", "", &["perl-0:5.32.1-1.module+el8.10.0+2+bb.x86_64"][..]);
    trees.repo(APP).replace("modules", &modules(&[PERL_OLD, only, NODE]));
    trees
        .verify()
        .finds("dependencies-closed", &format!("{APP}/{perl}"), "where perl:5.32 is enabled")
        .finds("no-regression", &format!("{APP}/perl-libs.x86_64"), "is lost: production has it")
        .and_nothing_else();
}

#[test]
fn a_stream_requires_a_stream_that_is_not_there() {
    let trees = Trees::new();
    let node = (NODE.0, "ruby:3.3", NODE.2);
    trees.repo(APP).replace("modules", &modules(&[PERL_OLD, PERL_NEW, node]));
    trees
        .verify()
        .finds(
            "dependencies-closed",
            &format!("{APP}/nodejs:18"),
            "requires ruby:[3.3]: there is no such stream",
        )
        .and_nothing_else();
}

/// Whoever installs the base has not enabled the SIG's repos.
#[test]
fn the_base_requires_what_only_a_sig_has() {
    let trees = Trees::new();
    trees.with(BASE, "new-1-1.el8.x86_64", &["glusterfs-libs"]);
    trees.with(SIG, "new-2-1.el8.x86_64", &["glusterfs-libs", "bash"]);
    trees
        .verify()
        .finds("dependencies-closed", &format!("{BASE}/new-1-1.el8.x86_64"), "requires glusterfs-libs")
        .and_nothing_else();
}
