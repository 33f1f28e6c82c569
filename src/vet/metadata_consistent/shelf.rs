//! What lies in a position, found by path, and which packages of it some repo has named.
//!
//! It asks the disk for nothing that the walk has not told already, except where a symlink leads.

use crate::compose::tree::{EntryKind, Facts, Tree, compare_paths};
use crate::vet::trees::inside;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};
use std::sync::atomic::{AtomicBool, Ordering};

/// The files of a position.
pub(super) struct Shelf<'a> {
    root: &'a Path,
    pub(super) tree: &'a Tree,
    /// For each folder the number of its first entry.
    firsts: Vec<usize>,
    named: Vec<AtomicBool>,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// A plain file, or a symlink to one within the position.
    File(Facts),
    /// Nothing.
    Nothing,
    /// A symlink that leads to nothing, or out of the position: nothing for whoever downloads the repo.
    Astray,
    /// A FIFO, a device or a socket.
    NoFile,
}

impl<'a> Shelf<'a> {
    /// Makes the shelf of the position at `root`, of which `tree` has the facts.
    pub(super) fn new(root: &'a Path, tree: &'a Tree) -> Self {
        let mut firsts = Vec::with_capacity(tree.directories.len());
        let mut count = 0;
        for dir in &tree.directories {
            firsts.push(count);
            count += dir.entries.len();
        }
        let named = std::iter::repeat_with(|| AtomicBool::new(false)).take(count).collect();
        Self { root, tree, firsts, named }
    }

    /// Returns what stands at `location` in the repo at `repo`, and notes that it was named.
    ///
    /// The location must be one that does not leave the repo.
    pub(super) fn name(&self, repo: &Path, location: &Path) -> Standing {
        let mut folder = repo.to_owned();
        for part in location.parent().into_iter().flat_map(Path::components) {
            if let Component::Normal(part) = part {
                folder.push(part);
            }
        }
        let Some(name) = location.file_name() else { return Standing::Nothing };
        let at = self.tree.directories.binary_search_by(|dir| compare_paths(&dir.path, folder.as_os_str()));
        let Some(dir) = at.ok().and_then(|at| self.tree.directories.get(at)) else {
            return Standing::Nothing;
        };
        let Ok(entry) = dir.entries.binary_search_by(|entry| (*entry.name).cmp(name)) else {
            return Standing::Nothing;
        };
        if let Some(named) = at.ok().and_then(|at| self.named.get(self.firsts.get(at)? + entry)) {
            named.store(true, Ordering::Relaxed);
        }
        match dir.entries.get(entry).map(|entry| (entry.kind, entry.facts)) {
            Some((EntryKind::File, Some(facts))) => Standing::File(facts),
            Some((EntryKind::Symlink, _)) => inside(self.root, &folder.join(name))
                .map_or(Standing::Astray, |(_, facts)| Standing::File(facts)),
            Some(_) => Standing::NoFile,
            None => Standing::Nothing,
        }
    }

    /// Returns the packages that no repo has named: the path of their folder and their name.
    pub(super) fn unnamed(&self) -> impl Iterator<Item = (&'a OsStr, &'a OsStr)> {
        let tree = self.tree;
        let dirs = tree.directories.iter().zip(&self.firsts);
        let entries = dirs.flat_map(|(dir, first)| {
            dir.entries.iter().enumerate().map(move |(at, entry)| (first + at, &*dir.path, &*entry.name))
        });
        let packages = entries.filter(|(_, _, name)| name.as_bytes().ends_with(b".rpm"));
        let unnamed = packages
            .filter(|(at, _, _)| self.named.get(*at).is_some_and(|named| !named.load(Ordering::Relaxed)));
        unnamed.map(|(_, folder, name)| (folder, name))
    }
}

/// Returns the path of an entry.
pub(super) fn path(folder: &OsStr, name: &OsStr) -> OsString {
    crate::compose::tree::join(folder, name)
}
