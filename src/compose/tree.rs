//! Walks directory trees: every file below a root, by name alone or with size, times and inode.
//!
//! Used for composes, staging and production alike. Symlinks are reported and never followed, what
//! cannot be read is reported by its path, and the order of the result does not depend on the file
//! system or on which thread was first.

mod walk;

pub use walk::{Depth, Options, Root, WalkError, walk, walk_all};

use std::cmp::Ordering as Order;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

/// What an entry of a directory is, directories apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A plain file.
    File,
    /// A symlink, wherever it leads.
    Symlink,
    /// A FIFO, a socket or a device: nothing that a repository should hold.
    Other,
}

/// What the file system knows about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Facts {
    /// Its size in bytes.
    pub size: u64,
    /// When its content changed: seconds and nanoseconds since 1970.
    pub mtime: (i64, u32),
    /// When its inode changed: seconds and nanoseconds since 1970.
    pub ctime: (i64, u32),
    /// The device it is on.
    pub device: u64,
    /// Its inode: two paths with the same device and inode are the same file.
    pub inode: u64,
}

/// One entry of a directory that is not itself a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name in its directory.
    pub name: Box<OsStr>,
    /// What it is.
    pub kind: EntryKind,
    /// What the file system knows about it; none in a walk by names.
    pub facts: Option<Facts>,
}

/// One directory and the entries directly in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Its path below the root, without a leading slash; empty for the root itself.
    pub path: Box<OsStr>,
    /// Its entries that are no directories, by name.
    pub entries: Vec<Entry>,
}

impl Directory {
    /// Returns the entry called `name`.
    pub fn entry(&self, name: &OsStr) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|entry| (*entry.name).cmp(name)).ok()?;
        self.entries.get(at)
    }

    /// Pairs every entry with the one of that name in `other`, if there is one; both are in order, so none is searched for.
    pub fn beside<'a>(
        &'a self,
        other: Option<&'a Self>,
    ) -> impl Iterator<Item = (&'a Entry, Option<&'a Entry>)> {
        let mut theirs = other.map_or(&[][..], |other| &other.entries);
        self.entries.iter().map(move |entry| {
            while let [first, rest @ ..] = theirs {
                match first.name.cmp(&entry.name) {
                    Order::Less => theirs = rest,
                    Order::Equal => return (entry, Some(first)),
                    Order::Greater => break,
                }
            }
            (entry, None)
        })
    }
}

/// Something that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WalkProblem {
    /// Its path below the root.
    pub path: PathBuf,
    /// What the system said.
    pub problem: String,
}

/// A directory tree as one walk found it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Every directory, each before those below it; [`compare_paths`] is the order.
    pub directories: Vec<Directory>,
    /// What could not be looked at, by path.
    pub problems: Vec<WalkProblem>,
    /// Which of [`Root::within`] do not exist.
    pub missing: Vec<PathBuf>,
}

impl Tree {
    /// Returns the directory at `path` below the root.
    pub fn directory(&self, path: &OsStr) -> Option<&Directory> {
        let at = self.directories.binary_search_by(|dir| compare_paths(&dir.path, path)).ok()?;
        self.directories.get(at)
    }

    /// Returns the entry called `name` in the directory at `path`.
    pub fn entry(&self, path: &OsStr, name: &OsStr) -> Option<&Entry> {
        self.directory(path)?.entry(name)
    }

    /// Returns every entry with the path of its directory, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&OsStr, &Entry)> {
        self.directories.iter().flat_map(|dir| dir.entries.iter().map(|entry| (&*dir.path, entry)))
    }

    /// Returns the directories at and below `path`.
    pub fn below(&self, path: &OsStr) -> &[Directory] {
        let from = self.directories.partition_point(|dir| compare_paths(&dir.path, path).is_lt());
        let rest = self.directories.get(from..).unwrap_or_default();
        let len = rest.partition_point(|dir| is_at_or_below(&dir.path, path));
        rest.get(..len).unwrap_or_default()
    }

    /// Returns how many entries there are, directories apart.
    pub fn len(&self) -> usize {
        self.directories.iter().map(|dir| dir.entries.len()).sum()
    }

    /// Returns whether there is no entry at all.
    pub fn is_empty(&self) -> bool {
        self.directories.iter().all(|dir| dir.entries.is_empty())
    }
}

/// Orders paths so that everything below a directory follows it directly: a slash counts least.
pub fn compare_paths(a: &OsStr, b: &OsStr) -> Order {
    let key = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    a.as_bytes().iter().map(key).cmp(b.as_bytes().iter().map(key))
}

fn is_at_or_below(path: &OsStr, top: &OsStr) -> bool {
    let (path, top) = (path.as_bytes(), top.as_bytes());
    top.is_empty() || path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// Joins the path of a directory and a name in it, without a slash where the path is empty.
pub fn join(path: &OsStr, name: &OsStr) -> OsString {
    let mut bytes = Vec::with_capacity(path.len() + name.len() + 1);
    bytes.extend_from_slice(path.as_bytes());
    if !bytes.is_empty() {
        bytes.push(b'/');
    }
    bytes.extend_from_slice(name.as_bytes());
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests;
