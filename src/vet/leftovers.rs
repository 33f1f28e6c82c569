//! Before a step and at the gate: nothing is left over from an earlier attempt.
//!
//! A `.repodata/` makes every later prep skip its repo for ever, a stray modules.yaml is published as the modules of another
//! repo, and rsync's temporary files go out to the mirrors (reality.md 3). What still runs from an attempt that seemed to
//! have ended goes on writing (reality.md 4). It asks for the catalog's paths, walks staging and looks through `/proc`. It
//! cannot see what another host still writes to the mount.

mod processes;

use super::VetContext;
use super::found::Found;
use super::places::{Places, is_rsync_temporary, places, shown};
use super::tools::template;
use super::trees::{or_found, walk};
use crate::compose::tree::{Depth, Root, join};
use crate::domain::finding::{Finding, Severity};
use crate::domain::flow::CheckName;
use std::ffi::OsStr;
use std::path::Path;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    for path in template(cx).map(|template| template.leftovers.as_slice()).unwrap_or_default() {
        if std::fs::symlink_metadata(path).is_ok() {
            found.blocking(
                "stray",
                shown(path),
                "is left over from an earlier attempt and would be used as if it were new",
                "see that nothing still runs, then remove it",
            );
        }
    }
    let Some(places) = cx.release.and_then(|release| places(cx, release)) else { return };
    processes::check(cx, &places, found);
    // Before the first sync of a release there is no staging, and so nothing left in it.
    if places.staging.symlink_metadata().is_ok() {
        staging(cx, &places, found);
    }
}

fn staging(cx: &VetContext<'_>, places: &Places, found: &mut Found<'_>) {
    let walked = walk(cx, "leftovers in staging", &[Root::whole(&places.staging)], Depth::Names).pop();
    let Some(tree) = walked.and_then(|walked| or_found(walked, &places.staging, found)) else { return };
    for dir in &tree.directories {
        let path = Path::new(&*dir.path);
        if path.file_name() == Some(OsStr::new(".repodata")) {
            add(
                places,
                found,
                "repodata",
                path,
                "is left by a createrepo that was killed; every later one skips this repo",
            );
        }
        for entry in dir.entries.iter().filter(|entry| is_rsync_temporary(&entry.name)) {
            let path = join(&dir.path, &entry.name);
            add(
                places,
                found,
                "rsync",
                Path::new(&path),
                "is left by an rsync that was killed; a push would publish it",
            );
        }
    }
}

fn add(places: &Places, found: &mut Found<'_>, kind: &str, path: &Path, message: &str) {
    let advice = "see that nothing still runs, then remove it";
    let mut finding =
        Finding::new(CheckName::Leftovers, Severity::Blocking, kind, shown(path), message, advice);
    finding.inherited = places.production.join(path).symlink_metadata().is_ok();
    found.add(finding);
}
