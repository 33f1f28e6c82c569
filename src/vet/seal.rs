//! Makes the seal: reads every path below a release's staging directory.
//!
//! A path that cannot be read cannot be vouched for, so it is an error and no gap. A file that the cache
//! knows by device, inode, size and both times is not read again: whoever changes a file cannot keep its
//! inode time. A file that changed in the moment it was read is never put into the cache, because clocks
//! of file systems tick too coarsely to tell the next change from this one.

mod cache;

pub use cache::SealCache;

use super::VetError;
use super::header::{self, HeaderError};
use super::opened::{open, open_paced};
use crate::compose::pool::{self, Pace, Width};
use crate::compose::pulse::Pulse;
use crate::compose::read::explain;
use crate::compose::tree::{Entry, EntryKind, Facts, Options, WalkError, join, walk};
use crate::domain::seal::{Seal, SealedPath};
use cache::Key;
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Seek as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A file that changed within this time before it was read may change again without its time moving.
const COARSE: Duration = Duration::from_secs(2);

/// Seals every path below `root`.
///
/// Reads what `cache` does not know, and leaves in it what this tree holds; saving it is the caller's work.
/// `pulse` counts files and bytes.
pub fn seal(root: &Path, cache: Option<&mut SealCache>, pulse: &Pulse) -> Result<Seal, VetError> {
    pulse.begin("listing staging", None);
    let tree = walk(root, Options::facts(pulse)).map_err(|error| walk_error(root, error))?;
    if let Some(problem) = tree.problems.first() {
        let problem_path = root.join(&problem.path);
        return Err(VetError::Unreadable { path: problem_path, problem: problem.problem.clone() });
    }
    pulse.begin("sealing staging", Some(tree.len() as u64));
    let mut sealed = Vec::with_capacity(tree.len());
    let mut unknown = Vec::new();
    let mut nothing = SealCache::new();
    let cache = cache.unwrap_or(&mut nothing);
    for (folder, entry) in tree.entries() {
        let file = File::new(folder, entry);
        match file.key().and_then(|key| cache.recall(&key)) {
            Some(known) => sealed.push((name(root, file.path)?, known.clone())),
            None => unknown.push(file),
        }
    }
    // What is known costs less than to hand it to another thread.
    pulse.count(sealed.len() as u64);
    let mut keep = Vec::new();
    for (path, now, key) in read_all(root, unknown, pulse)? {
        keep.extend(key.map(|key| (key, now.clone())));
        sealed.push((path, now));
    }
    if pulse.is_cancelled() {
        return Err(VetError::Cancelled);
    }
    cache.settle(keep);
    Ok(Seal { paths: sealed.into_iter().collect() })
}

/// Seals one path below `root`; none where it is not there, or cannot be sealed.
pub(super) fn seal_one(root: &Path, path: &Path, pulse: &Pulse) -> Option<SealedPath> {
    let whole = root.join(path);
    let meta = fs::symlink_metadata(&whole).ok()?;
    if meta.is_symlink() {
        let target = fs::read_link(&whole).ok()?;
        return target.into_os_string().into_string().ok().map(|target| SealedPath::Link { target });
    }
    let rpm_or_file = if path.file_name().is_some_and(is_rpm) { rpm } else { plain };
    rpm_or_file(open(&whole).ok()?, meta.size(), pulse).ok().filter(|_| meta.is_file())
}

/// Reads files, on many threads only where the mount is slow to open them, until one of them cannot be read.
fn read_all(root: &Path, files: Vec<File<'_>>, pulse: &Pulse) -> Result<Vec<SealedFile>, VetError> {
    let failed_before = AtomicBool::new(false);
    let read = pool::map_paced(files, Width::default(), pulse, |file, pace| {
        if failed_before.load(Ordering::Relaxed) {
            return Err(VetError::Cancelled);
        }
        let sealed = file.seal(root, pulse, pace);
        // A cancelled file says nothing of staging.
        if matches!(&sealed, Err(error) if !matches!(error, VetError::Cancelled)) {
            failed_before.store(true, Ordering::Relaxed);
        }
        pulse.count(1);
        sealed
    });
    let mut all = Vec::with_capacity(read.len());
    let mut failed = None;
    for answer in read {
        match answer.unwrap_or(Err(VetError::Cancelled)) {
            Ok(sealed) => all.push(sealed),
            // What stopped the others matters, not that they were stopped.
            Err(error) if failed.is_none() || !matches!(error, VetError::Cancelled) => failed = Some(error),
            Err(_) => {}
        }
    }
    failed.map_or(Ok(all), Err)
}

fn walk_error(root: &Path, error: WalkError) -> VetError {
    match error {
        WalkError::Cancelled => VetError::Cancelled,
        WalkError::Root { problem, .. } => VetError::Unreadable { path: root.to_owned(), problem },
    }
}

type SealedFile = (String, SealedPath, Option<Key>);

struct File<'a> {
    path: PathBuf,
    entry: &'a Entry,
}

impl<'a> File<'a> {
    fn new(folder: &OsStr, entry: &'a Entry) -> Self {
        Self { path: join(folder, &entry.name).into(), entry }
    }

    /// Returns what tells whether its content is known; none for what is no plain file.
    fn key(&self) -> Option<Key> {
        let facts = self.entry.facts.filter(|_| self.entry.kind == EntryKind::File)?;
        Some(Key::of(facts, is_rpm(&self.entry.name)))
    }

    fn seal(self, root: &Path, pulse: &Pulse, pace: &mut Pace) -> Result<SealedFile, VetError> {
        let whole = root.join(&self.path);
        let fail = |problem: String| VetError::Unreadable { path: whole.clone(), problem };
        match (self.entry.kind, self.entry.facts, self.key()) {
            (EntryKind::Symlink, ..) => {
                let target = fs::read_link(&whole).map_err(|error| fail(explain(&error)))?;
                let target = target.into_os_string().into_string();
                let target = target.map_err(|_| fail(format!("it leads to {NO_UTF8}")))?;
                Ok((name(root, self.path)?, SealedPath::Link { target }, None))
            }
            (EntryKind::File, Some(facts), Some(key)) => {
                // Asked before it is read: what changes while it is read must not be remembered.
                let settled = is_settled(facts);
                let opened = open_paced(&whole, pace).map_err(|error| explain(&error));
                let sealed = opened.and_then(|file| read(file, &whole, facts, &key, pulse));
                if pulse.is_cancelled() {
                    return Err(VetError::Cancelled);
                }
                let sealed = sealed.map_err(fail)?;
                Ok((name(root, self.path)?, sealed, settled.then_some(key)))
            }
            _ => Err(fail("it is neither a file nor a link, and cannot be sealed; remove it".to_owned())),
        }
    }
}

/// Why a name cannot be sealed: no metadata and no list of files can tell it from another.
const NO_UTF8: &str = "a name that is no UTF-8, which metadata and lists cannot hold; rename it";

/// Returns a path below `root` as the seal has it.
fn name(root: &Path, path: PathBuf) -> Result<String, VetError> {
    path.into_os_string()
        .into_string()
        .map_err(|path| VetError::Unreadable { path: root.join(path), problem: format!("it has {NO_UTF8}") })
}

fn is_rpm(name: &OsStr) -> bool {
    name.as_bytes().ends_with(b".rpm")
}

/// Reads one file, and makes sure that it is the one that was listed, before and after.
fn read(file: fs::File, path: &Path, listed: Facts, key: &Key, pulse: &Pulse) -> Result<SealedPath, String> {
    let rpm_or_file = if key.is_rpm() { rpm } else { plain };
    let sealed = rpm_or_file(file, listed.size, pulse)?;
    let now = fs::symlink_metadata(path).map_err(|error| explain(&error))?;
    let same = (now.dev(), now.ino(), now.size(), now.mtime(), now.mtime_nsec())
        == (listed.device, listed.inode, listed.size, listed.mtime.0, i64::from(listed.mtime.1));
    if same {
        Ok(sealed)
    } else {
        Err("it changed while it was read; see what still writes to it".to_owned())
    }
}

fn rpm(mut file: fs::File, size: u64, pulse: &Pulse) -> Result<SealedPath, String> {
    match header::digest(&file) {
        Ok(header) => Ok(SealedPath::Rpm { size, header }),
        // A file that only has the name of a package is sealed as what it is.
        Err(HeaderError::Short | HeaderError::NotAnRpm(_)) => {
            file.rewind().map_err(|error| explain(&error))?;
            plain(file, size, pulse)
        }
        Err(HeaderError::Io(error)) => Err(explain(&error)),
    }
}

fn plain(mut file: fs::File, size: u64, pulse: &Pulse) -> Result<SealedPath, String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        let read = file.read(&mut buffer).map_err(|error| explain(&error))?;
        if read == 0 {
            break;
        }
        hash.update(buffer.get(..read).unwrap_or_default());
        pulse.read(read as u64);
        if pulse.is_cancelled() {
            return Err("the look at it was cancelled".to_owned());
        }
    }
    Ok(SealedPath::File { size, sha256: hex::encode(hash.finalize()) })
}

/// Returns whether a file's times are old enough for the next change to move them.
pub(super) fn is_settled(facts: Facts) -> bool {
    let (seconds, nanos) = facts.mtime.max(facts.ctime);
    let Ok(seconds) = u64::try_from(seconds) else { return false };
    let changed = UNIX_EPOCH + Duration::new(seconds, nanos);
    SystemTime::now().duration_since(changed).is_ok_and(|age| age >= COARSE)
}

#[cfg(test)]
mod tests;
