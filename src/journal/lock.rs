//! Locks that say who holds them.
//!
//! Liveness is a lock that can or cannot be taken (flock), never a pid in a file; the content of the file
//! only tells people whose it is. Whoever gives a lock back empties its file, so that a name which is still
//! there is that of somebody who died with it. Where the state folder is shared by hosts, flock may be a
//! host's own matter (NFS with `local_lock`): a name of another host is therefore never taken for dead.

use super::JournalError;
pub use crate::domain::holder::Holder;
use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a lock that is only being looked at is asked for again, in milliseconds.
const LOOKERS_PATIENCE_MS: u32 = 500;
/// How often a lock whose file was replaced while it was taken is opened anew.
const OPENINGS: u32 = 100;
/// How long it is waited for the name of whoever took a lock a moment ago, in milliseconds.
const NAME_PATIENCE_MS: u32 = 200;
/// More than any holder's name takes, in bytes.
const LONGEST: u64 = 64 * 1024;

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct HeldLock {
    file: File,
    path: PathBuf,
    left_by: Option<Holder>,
}

impl HeldLock {
    /// Returns who died with it, if anybody did: the file named another run, and nobody held it.
    pub fn left_by(&self) -> Option<&Holder> {
        self.left_by.as_ref()
    }

    /// Returns whether the file at its path is still the one that is locked.
    pub fn is_in_place(&self) -> bool {
        is_at(&self.file, &self.path)
    }
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        // A name that stays tells of somebody who died; at worst that is said of us.
        let _kept = self.file.set_len(0);
    }
}

/// What came of trying to take a lock.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours.
    Held(HeldLock),
    /// Somebody else has it; who, if the file says so.
    Busy(Option<Holder>),
    /// Nobody on this host has it, but the file names a holder on another host, who may live.
    Elsewhere(Holder),
}

/// What is done about a name of another host in a lock that nobody on this one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// Leave it alone.
    Respect,
    /// Take the lock: somebody looked there and said so.
    Override,
}

fn open(path: &Path) -> Result<File, JournalError> {
    // NOFOLLOW and NONBLOCK: a link or a FIFO in its place is none of ours.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(i32::try_from(flags).unwrap_or(0))
        .open(path)
        .map_err(JournalError::io("cannot open the lock", path))?;
    if file.metadata().is_ok_and(|meta| meta.is_file()) {
        return Ok(file);
    }
    Err(JournalError::Damaged { path: path.to_owned(), problem: "a lock is a plain file".to_owned() })
}

/// Returns whether the file at `path` is `file`: another may have taken its place since it was opened.
fn is_at(file: &File, path: &Path) -> bool {
    let Ok((held, there)) = file.metadata().and_then(|held| Ok((held, fs::symlink_metadata(path)?))) else {
        return false;
    };
    (held.dev(), held.ino()) == (there.dev(), there.ino())
}

/// Tries to take the lock at `path` and writes `holder` into it.
pub fn take(path: &Path, holder: &Holder, elsewhere: Elsewhere) -> Result<Attempt, JournalError> {
    for _ in 0..OPENINGS {
        let mut file = open(path)?;
        if !lock(&file).map_err(JournalError::io("cannot lock", path))? {
            return Ok(Attempt::Busy(name_of(&mut file)));
        }
        if !is_at(&file, path) {
            // Somebody removed or replaced it between our open and our flock: what we hold is no lock.
            continue;
        }
        let left_by = read_holder(&mut file).filter(|left| left.run != holder.run);
        let foreign = read_holder(&mut file).filter(|left| left.by.host != holder.by.host);
        if let Some(foreign) = foreign.filter(|_| elsewhere == Elsewhere::Respect) {
            return Ok(Attempt::Elsewhere(foreign));
        }
        let text = serde_json::to_vec(holder).unwrap_or_default();
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(&text))
            .map_err(JournalError::io("cannot write the lock", path))?;
        return Ok(Attempt::Held(HeldLock { file, path: path.to_owned(), left_by }));
    }
    let problem = "somebody replaces it all the time; see what does, a lock is never removed".to_owned();
    Err(JournalError::Damaged { path: path.to_owned(), problem })
}

/// Locks `file`, or returns false if somebody holds it.
///
/// [`is_held`] shares the lock for a moment, which must not look like a holder: where the lock can be shared,
/// nobody has it, and it is asked for again.
fn lock(file: &File) -> io::Result<bool> {
    for _ in 0..LOOKERS_PATIENCE_MS {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        match file.try_lock_shared() {
            Ok(()) => file.unlock()?,
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(false)
}

/// Returns whether somebody holds the lock at `path`; a lock that is not there is free.
pub fn is_held(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// Returns who holds the lock at `path`, if somebody does and its file says who.
pub fn holder(path: &Path) -> Option<Holder> {
    let mut file = File::open(path).ok()?;
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then(|| read_holder(&mut file))?
}

/// Reads who holds a lock; whoever took it a moment ago may be about to write the name.
fn name_of(file: &mut File) -> Option<Holder> {
    for _ in 0..NAME_PATIENCE_MS {
        if let Some(holder) = read_holder(file) {
            return Some(holder);
        }
        if file.metadata().is_ok_and(|meta| meta.len() > 0) {
            return read_holder(file);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    None
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}
