//! The walk itself: directories and chunks of their entries, shared out among a pool of threads.
//!
//! Directories are opened one by one and never through a symlink below the root; files are asked about
//! relative to their open directory.

use super::{Directory, Entry, EntryKind, Facts, Tree, WalkProblem, compare_paths, join};
use crate::compose::pool::{self, Pace, Width};
use crate::compose::pulse::Pulse;
use crate::compose::read::describe;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, Stat, open, statat};
use rustix::io::Errno;
use std::ffi::{CStr, OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// How many entries of one directory a thread looks at in one go.
const CHUNK: usize = 256;
/// The same where calls are slow, so that the other threads get some.
const SLOW_CHUNK: usize = 8;
/// How many bytes of a directory are read in one call.
const BLOCK: usize = 32 << 10;

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
            Some(last) if last.path == part.path && last.entries.is_empty() => last.entries = part.entries,
            // The chunks of one large directory.
            Some(last) if last.path == part.path => last.entries.append(&mut part.entries),
            _ => tree.directories.push(part),
        }
    }
    for dir in &mut tree.directories {
        // Each chunk is sorted already, and this sort finds the runs.
        dir.entries.sort_by(|a, b| a.name.cmp(&b.name));
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
    Files { root: usize, path: OsString, fd: Arc<OwnedFd>, names: Names },
}

/// Some names of one directory, each with the byte that ends it: one piece of memory for all of them.
#[derive(Default)]
struct Names {
    bytes: Vec<u8>,
    count: usize,
}

impl Names {
    fn push(&mut self, name: &CStr) {
        self.bytes.extend_from_slice(name.to_bytes_with_nul());
        self.count += 1;
    }

    fn iter(&self) -> impl Iterator<Item = &CStr> {
        let names = self.bytes.split_inclusive(|byte| *byte == 0);
        names.filter_map(|name| CStr::from_bytes_with_nul(name).ok())
    }
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
        let size = if pace == Pace::Slow { SLOW_CHUNK } else { CHUNK };
        let mut entries = Vec::new();
        let mut asked: Vec<Names> = Vec::new();
        let mut block = Vec::with_capacity(BLOCK);
        let mut stream = RawDir::new(&fd, block.spare_capacity_mut());
        while let Some(entry) = stream.next() {
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
                (FileType::Unknown, _) | (_, Depth::Facts) => {
                    if asked.last().is_none_or(|names| names.count >= size) {
                        asked.push(Names::default());
                    }
                    if let Some(names) = asked.last_mut() {
                        names.push(name);
                    }
                }
                (kind, Depth::Names) => {
                    let name = OsStr::from_bytes(name.to_bytes()).into();
                    entries.push(Entry { name, kind: kind_of(kind), facts: None });
                }
            }
        }
        self.count(entries.len());
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        self.note(root, |found| found.parts.push(Directory { path: path.clone().into(), entries }));
        self.ask(root, path, fd, asked, more);
    }

    /// Asks about names: here where they are few, else in chunks that other threads can take.
    fn ask(&self, root: usize, path: OsString, fd: OwnedFd, chunks: Vec<Names>, more: &mut Vec<Item>) {
        if let [names] = &*chunks {
            self.files(root, path, &fd, names, more);
            return;
        }
        let fd = Arc::new(fd);
        let item = |names| Item::Files { root, path: path.clone(), fd: Arc::clone(&fd), names };
        more.extend(chunks.into_iter().map(item));
    }

    fn files(&self, root: usize, path: OsString, fd: &OwnedFd, names: &Names, more: &mut Vec<Item>) -> Pace {
        let begun = Instant::now();
        let mut entries = Vec::with_capacity(names.count);
        for name in names.iter() {
            let os_name = OsStr::from_bytes(name.to_bytes());
            let stat = match statat(fd, name, AtFlags::SYMLINK_NOFOLLOW) {
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
        let pace = Pace::of(begun.elapsed() / u32::try_from(names.count).unwrap_or(1).max(1));
        self.count(entries.len());
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        self.note(root, |found| found.parts.push(Directory { path: path.into(), entries }));
        pace
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
