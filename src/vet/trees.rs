//! Walks trees for the checks, with progress and with what could not be read turned into findings.

use super::VetContext;
use super::found::Found;
use super::places::shown;
use crate::compose::tree::{Depth, Facts, Options, Root, Tree, WalkError, walk_all};
use std::os::unix::fs::MetadataExt as _;
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

/// Returns where the symlink at `path` below `root` leads and what is known of that file.
///
/// None is returned where it leads to no plain file, or out of `root`: nothing for whoever downloads the tree.
pub(super) fn inside(root: &Path, path: &Path) -> Option<(PathBuf, Facts)> {
    let target = std::fs::canonicalize(root.join(path)).ok()?;
    let meta = std::fs::symlink_metadata(&target).ok()?;
    let is_inside = target.starts_with(std::fs::canonicalize(root).ok()?);
    (is_inside && meta.is_file()).then(|| (target, facts(&meta)))
}

fn facts(meta: &std::fs::Metadata) -> Facts {
    let nanos = |nanos: i64| u32::try_from(nanos).unwrap_or(0);
    Facts {
        size: meta.size(),
        mtime: (meta.mtime(), nanos(meta.mtime_nsec())),
        ctime: (meta.ctime(), nanos(meta.ctime_nsec())),
        device: meta.dev(),
        inode: meta.ino(),
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
