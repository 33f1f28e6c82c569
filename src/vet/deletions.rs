//! Before a push: what it would delete from production.
//!
//! A toolkit that pushes with `--delete` empties production when staging is empty, and exits 0 (reality.md 3.3). The count
//! is taken from the two trees; nothing is run for it. It cannot see what changes in either of them before the push begins.

use super::VetContext;
use super::found::Found;
use super::places::{parts, places, shown};
use super::trees::{or_found, walk};
use crate::compose::tree::{Depth, Root, join};

/// A push that deletes more than one file in this many is refused.
const REFUSED_SHARE: usize = 20;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(release) = cx.release.filter(|release| release.toolkit.deletes) else { return };
    let Some(places) = places(cx, release) else { return };
    if !places.production.exists() {
        return;
    }
    let roots = [Root::whole(&places.staging), Root::whole(&places.production)];
    let mut walked = walk(cx, "what the push would delete", &roots, Depth::Names).into_iter();
    let (Some(staging), Some(production)) = (walked.next(), walked.next()) else { return };
    let (Some(staging), Some(production)) =
        (or_found(staging, &places.staging, found), or_found(production, &places.production, found))
    else {
        return;
    };
    let depth = usize::from(release.toolkit.depth);
    let covered = || production.entries().filter(|(folder, _)| parts(folder) >= depth);
    let total = covered().count();
    let lost = covered().filter(|(folder, entry)| staging.entry(folder, &entry.name).is_none());
    let paths: Vec<String> = lost.map(|(folder, entry)| shown(join(folder, &entry.name))).collect();
    if !paths.is_empty() && paths.len() * REFUSED_SHARE > total {
        found.blocking(
            "many",
            shown(&places.production),
            format!("the push would delete {} of the {total} files there", paths.len()),
            "find out where they went from staging; waive this only if they are meant to go",
        );
    }
    for path in paths {
        found.warning(
            "deletes",
            path,
            "the push would delete it from production",
            "see that it is meant to go",
        );
    }
}
