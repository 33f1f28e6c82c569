//! The walk itself: directories and chunks of their entries, shared out among a pool of threads.
//!
//! Directories are opened one by one and never through a symlink below the root; files are asked about
//! relative to their open directory.

use super::{Directory, Entry, EntryKind, Facts, Tree, WalkProblem, compare_paths, join};
use crate::compose::pool::{self, Pace, Width};
use crate::compose::pulse::Pulse;
use crate::compose::read::describe;
use rustix::fs::{AtFlags, Dir as DirStream, FileType, Mode, OFlags, Stat, open, statat};
use rustix::io::Errno;
use std::ffi::{CString, OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// How many entries of one directory a thread looks at in one go.
const CHUNK: usize = 256;
/// The same where calls are slow, so that the other threads get some.
const SLOW_CHUNK: usize = 8;

/// Why a walk has no result.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The root could not be read.
    #[error("{} could not be read: {problem}", path.display())]
    Root {
        /// The root.
        path: PathBuf,
        /// What the system said.
        problem: String,
        /// Whether it does not exist.
        missing: bool,
    },
    /// The caller cancelled it.
    #[error("the walk was cancelled")]
    Cancelled,
}

/// How much is asked about each file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Its name and kind only: one call a directory.
    Names,
    /// Its [`Facts`] too: one more call a file.
    Facts,
}

/// Where a walk begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The root, to which all paths of the result are relative. It may itself be a symlink.
    pub path: PathBuf,
    /// The directories below it that are walked; the whole root where there are none.
    pub within: Vec<PathBuf>,
}

impl Root {
    /// Makes a root that is walked as a whole.
    pub fn whole(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), within: Vec::new() }
    }
}

/// How a walk is done.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// What is asked about each file.
    pub depth: Depth,
    /// How many threads.
    pub width: Width,
    /// Counts the entries that are no directories, and ends the walk when cancelled.
    pub pulse: &'a Pulse,
}

impl<'a> Options<'a> {
    /// Makes the options of a walk by names.
    pub fn names(pulse: &'a Pulse) -> Self {
        Self { depth: Depth::Names, width: Width::default(), pulse }
    }

    /// Makes the options of a walk with the facts about every file.
    pub fn facts(pulse: &'a Pulse) -> Self {
        Self { depth: Depth::Facts, ..Self::names(pulse) }
    }
}

/// Walks the tree at `root`.
pub fn walk(root: &Path, options: Options<'_>) -> Result<Tree, WalkError> {
    walk_all(&[Root::whole(root)], options).pop().unwrap_or(Err(WalkError::Cancelled))
}

/// Walks several trees with one pool of threads; the answers are in the order of `roots`.
pub fn walk_all(roots: &[Root], options: Options<'_>) -> Vec<Result<Tree, WalkError>> {
    let walker =
        Walker { roots, options, found: roots.iter().map(|_| Mutex::new(Found::default())).collect() };
    let mut items = Vec::new();
    for (root, place) in roots.iter().enumerate().rev() {
        if place.within.is_empty() {
            items.push(Item::Directory { root, path: OsString::new(), start: true });
        }
        items.extend(place.within.iter().rev().map(|path| Item::Directory {
            root,
            path: path.as_os_str().to_owned(),
            start: true,
        }));
    }
    pool::drain(items, options.width, options.pulse, |item, more| walker.visit(item, more));
    let cancelled = options.pulse.is_cancelled();
    let found = walker.found.into_iter().zip(roots);
    found
        .map(|(found, root)| if cancelled { Err(WalkError::Cancelled) } else { finish(found, root) })
        .collect()
}

fn finish(found: Mutex<Found>, root: &Root) -> Result<Tree, WalkError> {
    let Found { mut parts, mut tree, root_error } =
        found.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some((problem, missing)) = root_error {
        return Err(WalkError::Root { path: root.path.clone(), problem, missing });
    }
    parts.sort_by(|a, b| compare_paths(&a.path, &b.path));
    for mut part in parts {
        match tree.directories.last_mut() {
            // The chunks of one large directory.
            Some(last) if last.path == part.path => last.entries.append(&mut part.entries),
            _ => tree.directories.push(part),
        }
    }
    for dir in &mut tree.directories {
        dir.entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        dir.entries.shrink_to_fit();
    }
    tree.problems.sort();
    tree.missing.sort();
    Ok(tree)
}

#[derive(Default)]
struct Found {
    parts: Vec<Directory>,
    tree: Tree,
    root_error: Option<(String, bool)>,
}

/// A directory to read, or some entries of one to ask about.
enum Item {
    Directory { root: usize, path: OsString, start: bool },
    Files { root: usize, path: OsString, fd: Arc<OwnedFd>, names: Vec<CString> },
}

struct Walker<'a> {
    roots: &'a [Root],
    options: Options<'a>,
    found: Vec<Mutex<Found>>,
}

impl Walker<'_> {
    fn visit(&self, item: Item, more: &mut Vec<Item>) -> Pace {
        match item {
            Item::Directory { root, path, start } => self.directory(root, path, start, more),
            Item::Files { root, path, fd, names } => self.files(root, path, &fd, &names, more),
        }
    }

    fn note(&self, root: usize, change: impl FnOnce(&mut Found)) {
        if let Some(found) = self.found.get(root) {
            change(&mut found.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn problem(&self, root: usize, path: &OsStr, errno: Errno) {
        let problem = WalkProblem { path: path.into(), problem: describe(errno) };
        self.note(root, |found| found.tree.problems.push(problem));
    }

    fn directory(&self, root: usize, path: OsString, start: bool, more: &mut Vec<Item>) -> Pace {
        let Some(base) = self.roots.get(root) else { return Pace::Fast };
        let begun = Instant::now();
        let mut flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        if !path.is_empty() {
            flags |= OFlags::NOFOLLOW;
        }
        let whole = if path.is_empty() { base.path.clone() } else { base.path.join(&path) };
        let opened = open(&whole, flags, Mode::empty());
        let pace = Pace::of(begun.elapsed());
        match opened {
            Ok(fd) => self.read(root, path, fd, pace, more),
            Err(errno) if path.is_empty() => {
                let missing = errno == Errno::NOENT;
                self.note(root, |found| found.root_error = Some((describe(errno), missing)));
            }
            Err(Errno::NOENT) if start => self.note(root, |found| found.tree.missing.push(path.into())),
            // A directory that went away since its name was read is not there: that is no problem.
            Err(Errno::NOENT) => {}
            Err(errno) => self.problem(root, &path, errno),
        }
        pace
    }

    fn read(&self, root: usize, path: OsString, fd: OwnedFd, pace: Pace, more: &mut Vec<Item>) {
        let stream = match DirStream::read_from(&fd) {
            Ok(stream) => stream,
            Err(errno) => return self.problem(root, &path, errno),
        };
        let mut entries = Vec::new();
        let mut asked = Vec::new();
        for entry in stream {
            let entry = match entry {
                Ok(entry) => entry,
                Err(errno) => {
                    self.problem(root, &path, errno);
                    break;
                }
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            match (entry.file_type(), self.options.depth) {
                (FileType::Directory, _) => {
                    let path = join(&path, OsStr::from_bytes(name.to_bytes()));
                    more.push(Item::Directory { root, path, start: false });
                }
                (FileType::Unknown, _) | (_, Depth::Facts) => asked.push(name.to_owned()),
                (kind, Depth::Names) => {
                    let name = OsStr::from_bytes(name.to_bytes()).into();
                    entries.push(Entry { name, kind: kind_of(kind), facts: None });
                }
            }
        }
        self.count(entries.len());
        self.note(root, |found| found.parts.push(Directory { path: path.clone().into(), entries }));
        self.ask(root, path, fd, &asked, pace, more);
    }

    /// Asks about `names`: here where they are few, else in chunks that other threads can take.
    fn ask(
        &self,
        root: usize,
        path: OsString,
        fd: OwnedFd,
        names: &[CString],
        pace: Pace,
        more: &mut Vec<Item>,
    ) {
        let size = if pace == Pace::Slow { SLOW_CHUNK } else { CHUNK };
        if names.len() <= size {
            if !names.is_empty() {
                self.files(root, path, &fd, names, more);
            }
            return;
        }
        let fd = Arc::new(fd);
        let chunks = names.chunks(size).map(|names| Item::Files {
            root,
            path: path.clone(),
            fd: Arc::clone(&fd),
            names: names.to_vec(),
        });
        more.extend(chunks);
    }

    fn files(
        &self,
        root: usize,
        path: OsString,
        fd: &OwnedFd,
        names: &[CString],
        more: &mut Vec<Item>,
    ) -> Pace {
        let begun = Instant::now();
        let mut entries = Vec::with_capacity(names.len());
        for name in names {
            let os_name = OsStr::from_bytes(name.to_bytes());
            let stat = match statat(fd, name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(errno) => {
                    self.problem(root, &join(&path, os_name), errno);
                    continue;
                }
            };
            let kind = FileType::from_raw_mode(stat.st_mode);
            if kind == FileType::Directory {
                more.push(Item::Directory { root, path: join(&path, os_name), start: false });
                continue;
            }
            let facts = (self.options.depth == Depth::Facts).then(|| Facts::of(&stat));
            entries.push(Entry { name: os_name.into(), kind: kind_of(kind), facts });
        }
        self.count(entries.len());
        self.note(root, |found| found.parts.push(Directory { path: path.into(), entries }));
        let calls = u32::try_from(names.len()).unwrap_or(1).max(1);
        Pace::of(begun.elapsed() / calls)
    }

    fn count(&self, entries: usize) {
        self.options.pulse.count(entries as u64);
    }
}

fn kind_of(kind: FileType) -> EntryKind {
    match kind {
        FileType::RegularFile => EntryKind::File,
        FileType::Symlink => EntryKind::Symlink,
        _ => EntryKind::Other,
    }
}

impl Facts {
    fn of(stat: &Stat) -> Self {
        Self {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime: (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            ctime: (stat.st_ctime, u32::try_from(stat.st_ctime_nsec).unwrap_or(0)),
            device: stat.st_dev,
            inode: stat.st_ino,
        }
    }
}
