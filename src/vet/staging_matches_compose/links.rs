//! Links where the push picks up folders: it goes through one, or passes over it, and says neither.
//!
//! The toolkit pushes what `find **/* -maxdepth 0 -type d` names. A link above that depth is walked through, so that
//! what it leads to goes out a second time as a folder of its own; one at that depth is no folder and never goes out
//! (reality.md 3.3, incidents.md R14).

use super::shown;
use crate::vet::found::Found;
use std::path::Path;

/// Looks for links in staging down to the depth at which folders are pushed.
pub(super) fn check(staging: &Path, depth: u8, found: &mut Found<'_>) {
    if depth > 0 {
        level(staging, Path::new(""), depth - 1, found);
    }
}

/// Looks at one folder; `left` levels below it are looked at too.
fn level(staging: &Path, place: &Path, left: u8, found: &mut Found<'_>) {
    // What cannot be read is said by the walk of the whole.
    for entry in std::fs::read_dir(staging.join(place)).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        let path = place.join(entry.file_name());
        if kind.is_dir() && left > 0 {
            level(staging, &path, left - 1, found);
        } else if kind.is_symlink() && entry.path().is_dir() {
            let message = if left > 0 {
                "is a link to a folder; the push copies what it leads to as a folder of its own"
            } else {
                "is a link to a folder; the push passes over it"
            };
            found.warning("link", shown(&path), message, "remove it, or put the folder itself there");
        }
    }
}
