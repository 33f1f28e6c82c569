//! Groups that are lost, whole or one by one: installers and `dnf group` go by them (R7: prep exits 0 without its comps).

use super::specs::{APP, BASE, comps};
use super::template::Trees;

fn head(repo: &str) -> String {
    format!("{repo}/repodata/repomd.xml")
}

#[test]
fn the_groups_are_gone() {
    let trees = Trees::new();
    trees.repo(BASE).drop_data("group");
    trees
        .verify()
        .finds("comps-present", &head(BASE), "lost its groups, which production has")
        .and_nothing_else();
}

#[test]
fn the_groups_are_empty() {
    let trees = Trees::new();
    trees.repo(APP).replace("group", &comps(&[]));
    trees
        .verify()
        .finds("comps-present", &head(APP), "has a comps file without any group")
        .and_nothing_else();
}

#[test]
fn one_group_is_gone() {
    let trees = Trees::new();
    trees.repo(BASE).replace("group", &comps(&["core"]));
    trees
        .verify()
        .finds("comps-present", &head(BASE), "lost the group `base`, which production has")
        .and_nothing_else();
}
