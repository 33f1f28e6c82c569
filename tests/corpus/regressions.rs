//! What production has and staging would take away: names, versions, repos, the released kickstart tree (incidents 7 and 13).

use super::specs::{APP, BASE, KERNEL, KICKSTART, SIG};
use super::template::Trees;
use std::fs;

/// kairos#2351: grub2 was not to be found.
#[test]
fn a_name_is_gone() {
    let trees = Trees::new();
    trees.without(BASE, &["tzdata-2024a-1.el8.noarch"]);
    trees
        .verify()
        .finds("no-regression", &format!("{BASE}/tzdata.noarch"), "is lost: production has it")
        .and_nothing_else();
}

#[test]
fn a_version_went_down() {
    let trees = Trees::new();
    fs::remove_file(trees.staging(&super::specs::at(BASE, KERNEL))).unwrap();
    trees.with(BASE, "kernel-4.18.0-552.el8.x86_64", &["bash"]);
    trees
        .verify()
        .finds(
            "no-regression",
            &format!("{BASE}/kernel.x86_64"),
            "went down from 4.18.0-553.el8 to 4.18.0-552.el8",
        )
        .and_nothing_else();
}

#[test]
fn a_name_moved_to_another_repo() {
    let trees = Trees::new();
    trees.without(BASE, &["tzdata-2024a-1.el8.noarch"]);
    trees.with(APP, "tzdata-2024a-1.el8.noarch", &[]);
    trees
        .verify()
        .warns("no-regression", &format!("{BASE}/tzdata.noarch"), "it stands in AppStream/x86_64/os now")
        .and_nothing_else();
}

/// A sync over the kickstart tree, which stays as it was released.
#[test]
fn the_kickstart_tree_changed() {
    let trees = Trees::new();
    trees.with(KICKSTART, "bash-4.4.20-5.el8.x86_64", &["glibc"]);
    trees
        .verify()
        .finds(
            "no-regression",
            KICKSTART,
            "is a kickstart tree, which stays as it was released, and 1 package of it",
        )
        .and_nothing_else();
}

#[test]
fn a_whole_repo_is_gone() {
    let trees = Trees::new();
    fs::remove_dir_all(trees.staging(SIG)).unwrap();
    trees
        .verify()
        .finds("no-regression", SIG, "is in production and not in staging: the push deletes it")
        .and_nothing_else();
}

#[test]
fn one_architecture_is_gone() {
    let trees = Trees::new();
    fs::remove_dir_all(trees.staging("BaseOS/aarch64")).unwrap();
    trees
        .verify()
        .finds(
            "no-regression",
            "BaseOS/aarch64/os",
            "is in production and not in staging: the push deletes it",
        )
        .and_nothing_else();
}
