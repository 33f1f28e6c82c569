//! A SIG's content that does not stand in the SIG's folder: in the release's own, from where it would go out beside `BaseOS`,
//! or in one whose name differs in its letters' case.
//!
//! It comes from a sync without the SIG's name, as in the SOP's own example (incidents.md, R4), and exits 0. After such a first
//! sync the SIG's own place is empty, so that nothing seems to be staged of it: at the gate every SIG repo is looked for,
//! whatever else is known of it. Its variants are those of its compose and those that production has in the SIG's place.

use super::shown;
use crate::domain::name::{RepoName, SigName};
use crate::domain::release::Release;
use crate::vet::VetContext;
use crate::vet::found::Found;
use crate::vet::places::{Places, compose_folder, repo_prefix};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Looks for the variants of `repo` where they do not belong.
pub(super) fn check(
    cx: &VetContext<'_>,
    release: &Release,
    places: &Places,
    repo: &RepoName,
    found: &mut Found<'_>,
) {
    let prefix = repo_prefix(release, repo);
    if prefix.as_os_str().is_empty() {
        return;
    }
    let own = release.vars.as_ref().map(|vars| vars.variants.as_slice()).unwrap_or_default();
    let compose = match cx.composes.get(repo) {
        Some(id) => compose_folder(release, id),
        None => release.latest_link(repo),
    };
    let mut variants = folders(&compose.join("compose"));
    variants.extend(folders(&places.production.join(&prefix)));
    for variant in variants.iter().filter(|variant| !own.iter().any(|name| OsStr::new(name) == *variant)) {
        if places.staging.join(variant).symlink_metadata().is_ok() {
            found.blocking(
                "wrong-place",
                shown(variant),
                format!("{repo} belongs in {}, not in the release's own folder", shown(&prefix)),
                "remove it there, and sync it with the SIG's name; it came from a sync without",
            );
        }
    }
}

/// Looks for folders that are called as a SIG's but for the case of letters: the script makes whatever it is told (reality.md 3.1).
pub(super) fn misspelt(release: &Release, places: &Places, found: &mut Found<'_>) {
    let sigs: BTreeSet<&str> =
        release.repos.iter().filter_map(|repo| repo.sig.as_ref()).map(SigName::as_str).collect();
    for folder in folders(&places.staging) {
        let Some(name) = folder.to_str().filter(|name| !sigs.contains(name)) else { continue };
        if let Some(sig) = sigs.iter().find(|sig| sig.eq_ignore_ascii_case(name)) {
            found.blocking(
                "wrong-place",
                shown(name),
                format!("is `{sig}` in other letters; what stands there would go out beside it"),
                "remove it, and sync its repos with the SIG's name as the catalog has it",
            );
        }
    }
}

/// Returns the names of the folders in a folder; a folder that is not there has none.
fn folders(path: &Path) -> BTreeSet<OsString> {
    let entries = std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.file_name()).collect()
}
