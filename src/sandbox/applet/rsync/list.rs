//! The file list of the practice rsync: what the sources hold, in rsync's order (the files of a
//! folder by name, then its folders).
//!
//! It reads the sources only. What cannot be read becomes a complaint and exit code 23, as in rsync.

use super::options::{Depth, Naming, Options, Owner};
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What a name in the list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file, with its size in bytes.
    File(u64),
    /// A folder; `Implied` ones are only parents of a `--relative` source.
    Folder(Contents),
    /// A symbolic link, with its target.
    Link(PathBuf),
}

/// Whether the whole content of a folder is transferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// All of it, so `--delete` may look for what is too much.
    Whole,
    /// Only what leads to the source.
    Implied,
}

/// One name of the list.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its path below the destination; empty for the destination itself.
    pub(super) name: PathBuf,
    /// Where it is read.
    pub(super) source: PathBuf,
    pub(super) kind: Kind,
    /// Seconds and nanoseconds.
    pub(super) mtime: (i64, i64),
    /// Permission bits.
    pub(super) mode: u32,
    pub(super) owner: Owner,
}

/// The whole list, with what went wrong while it was made.
#[derive(Debug, Default)]
pub(super) struct List {
    pub(super) entries: Vec<Entry>,
    /// Lines for stderr.
    pub(super) complaints: Vec<String>,
}

impl List {
    /// Lists all sources of `options`, relative ones below `base` (the working directory).
    pub(super) fn of(options: &Options, base: &Path) -> Self {
        let mut list = Self::default();
        for source in &options.sources {
            let (name, implied) = placed(source, options.naming);
            for parent in implied {
                list.add_implied(base, &parent);
            }
            list.add(&base.join(source), &name, options.depth);
        }
        list
    }

    fn add_implied(&mut self, base: &Path, parent: &Path) {
        let known = self.entries.iter().any(|entry| entry.name == parent);
        let source = base.join(parent);
        if let (false, Ok(meta)) = (known, source.symlink_metadata()) {
            self.push(parent.to_owned(), source, Kind::Folder(Contents::Implied), &meta);
        }
    }

    fn add(&mut self, source: &Path, name: &Path, depth: Depth) {
        let listed = source.symlink_metadata().and_then(|meta| {
            if meta.is_dir() {
                self.push(name.to_owned(), source.to_owned(), Kind::Folder(Contents::Whole), &meta);
                match depth {
                    Depth::Whole => self.add_contents(source, name),
                    Depth::Itself => Ok(()),
                }
            } else if meta.is_symlink() {
                let target = source.read_link()?;
                self.push(name.to_owned(), source.to_owned(), Kind::Link(target), &meta);
                Ok(())
            } else if meta.is_file() {
                self.push(name.to_owned(), source.to_owned(), Kind::File(meta.len()), &meta);
                Ok(())
            } else {
                self.complaints.push(format!("skipping non-regular file \"{}\"", name.display()));
                Ok(())
            }
        });
        if let Err(error) = listed {
            self.complain("link_stat", source, &error);
        }
    }

    fn add_contents(&mut self, source: &Path, name: &Path) -> io::Result<()> {
        let mut found = Vec::new();
        for item in source.read_dir()? {
            let item = item?;
            found.push((item.file_type()?.is_dir(), item.file_name()));
        }
        found.sort();
        for (_, file_name) in found {
            self.add(&source.join(&file_name), &name.join(&file_name), Depth::Whole);
        }
        Ok(())
    }

    fn push(&mut self, name: PathBuf, source: PathBuf, kind: Kind, meta: &Metadata) {
        let (mtime, mode) = ((meta.mtime(), meta.mtime_nsec()), meta.mode() & 0o7777);
        let owner = Owner { user: meta.uid(), group: meta.gid() };
        self.entries.push(Entry { name, source, kind, mtime, mode, owner });
    }

    fn complain(&mut self, call: &str, path: &Path, error: &io::Error) {
        let reason = reason(error);
        self.complaints.push(format!("rsync: [sender] {call} \"{}\" failed: {reason}", path.display()));
    }
}

/// Says an error the way rsync does: `Permission denied (13)`.
pub(super) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match (text.split_once(" (os error"), error.raw_os_error()) {
        (Some((what, _)), Some(number)) => format!("{what} ({number})"),
        _ => text,
    }
}

/// Returns the name of a source below the destination, and its implied parents, outermost first.
fn placed(source: &str, naming: Naming) -> (PathBuf, Vec<PathBuf>) {
    let path = Path::new(source);
    match naming {
        Naming::LastComponent if source.ends_with('/') || source.ends_with("/.") || source == "." => {
            (PathBuf::new(), Vec::new())
        }
        Naming::LastComponent => (PathBuf::from(path.file_name().unwrap_or(OsStr::new(""))), Vec::new()),
        Naming::WholePath => {
            let name: PathBuf =
                path.components().filter(|part| matches!(part, std::path::Component::Normal(_))).collect();
            let mut parents: Vec<_> =
                name.ancestors().skip(1).filter(|p| !p.as_os_str().is_empty()).map(Path::to_owned).collect();
            parents.reverse();
            (name, parents)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_rsyncs_rules_for_slashes_and_relative() {
        let name = |source, naming| placed(source, naming).0;
        assert_eq!(name("/a/src/", Naming::LastComponent), Path::new(""));
        assert_eq!(name("/a/src", Naming::LastComponent), Path::new("src"));
        assert_eq!(name("BaseOS/x86_64", Naming::WholePath), Path::new("BaseOS/x86_64"));
        assert_eq!(placed("a/b/c", Naming::WholePath).1, [PathBuf::from("a"), PathBuf::from("a/b")]);
    }
}
