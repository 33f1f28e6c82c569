//! The built-in catalog, the corpus of invalid ones, and plain edits.

use stagegate::catalog::{self, Source};
use stagegate::domain::name::ReleaseId;
use std::collections::BTreeMap;

#[test]
fn the_built_in_catalog_loads() {
    let catalog =
        catalog::load(&Source::BuiltIn, &BTreeMap::new()).unwrap_or_else(|errors| panic!("{errors}"));
    let ids: Vec<&str> = catalog.releases.iter().map(|release| release.id.as_str()).collect();
    assert_eq!(ids, ["8", "9", "10"]);
    let eight = catalog.release(&ReleaseId::new("8").unwrap()).unwrap();
    let composed: Vec<&str> = eight.repos.iter().map(|repo| repo.name.as_str()).collect();
    assert_eq!(composed, ["Rocky", "Rocky-devel", "Extras", "Plus", "NFV", "gluster9", "advanced-virt"]);
    let synced: Vec<&str> = eight.sync_order.iter().map(stagegate::domain::name::RepoName::as_str).collect();
    assert_eq!(synced, ["Rocky", "Rocky-devel", "Extras", "NFV", "Plus", "gluster9"]);
}
