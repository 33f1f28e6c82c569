//! Walks trees for the checks, with progress and with what could not be read turned into findings.

use super::VetContext;
use super::found::Found;
use super::places::shown;
use crate::compose::tree::{Depth, Options, Root, Tree, WalkError, walk_all};
use std::path::{Path, PathBuf};

/// Walks `roots` at once and returns a tree for each.
pub(super) fn walk(
    cx: &VetContext<'_>,
    what: &str,
    roots: &[Root],
    depth: Depth,
) -> Vec<Result<Tree, WalkError>> {
    cx.pulse.begin(what, None);
    walk_all(roots, Options { depth, ..Options::names(cx.pulse) })
}

/// Returns the tree of one walk, and says what could not be read in it; none where that is all of it.
pub(super) fn or_found(walked: Result<Tree, WalkError>, root: &Path, found: &mut Found<'_>) -> Option<Tree> {
    match walked {
        Ok(tree) => {
            for problem in &tree.problems {
                found.blocking(
                    "unreadable",
                    shown(&problem.path),
                    format!("could not be read: {}", problem.problem),
                    "make it readable and check again",
                );
            }
            Some(tree)
        }
        Err(WalkError::Cancelled) => {
            cancelled(found);
            None
        }
        Err(WalkError::Root { problem, missing, .. }) => {
            let kind = if missing { "folder-missing" } else { "folder-unreadable" };
            found.blocking(
                kind,
                shown(root),
                format!("could not be read: {problem}"),
                "see whether its mount answers, then check again",
            );
            None
        }
    }
}

/// Says that a check was cancelled, which is not the same as having passed.
pub(super) fn cancelled(found: &mut Found<'_>) {
    found.blocking("cancelled", "…", "the check was cancelled before it was done", "run the check again");
}

/// Returns the path of every repository of a tree: each folder whose `repodata` is there.
pub(super) fn repositories(tree: &Tree) -> Vec<PathBuf> {
    let paths = tree.directories.iter().map(|dir| Path::new(&*dir.path));
    let repodata = paths.filter(|path| path.file_name().is_some_and(|name| name == "repodata"));
    repodata.filter_map(|path| path.parent().map(Path::to_owned)).collect()
}
