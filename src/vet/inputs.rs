//! Before a step: the files that prep needs are there: module data, comps.
//!
//! Without them prep exits 0 and the repos lose their modules and groups (reality.md 3.2). It asks for names and sizes. It
//! cannot see whether what they hold is of this release: modules-present and comps-present do, afterwards.

use super::VetContext;
use super::found::Found;
use super::places::shown;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(release) = cx.release else { return };
    let staging = release.staging();
    cx.pulse.begin("input files", Some(release.needs.len() as u64));
    for need in &release.needs {
        if cx.pulse.is_cancelled() {
            return super::trees::cancelled(found);
        }
        cx.pulse.count(1);
        // RT is there for one arch alone: nobody wants its comps for the other.
        let folder = staging.as_ref().zip(need.only_where.as_ref());
        if folder.is_some_and(|(staging, below)| !staging.join(below).is_dir()) {
            continue;
        }
        let path = &need.path;
        match std::fs::metadata(path) {
            Ok(meta) if meta.is_file() && meta.len() > 0 => {}
            Ok(_) => found.blocking(
                "empty",
                shown(path),
                "is empty or no file; what it describes would be lost from the metadata",
                "restore it, then check again",
            ),
            Err(error) => found.blocking(
                "missing",
                shown(path),
                format!(
                    "could not be read: {}; what it describes would be lost from the metadata",
                    error.kind()
                ),
                "restore it, then check again",
            ),
        }
    }
}
