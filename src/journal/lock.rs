//! Locks that say who holds them.
//!
//! Liveness is a lock that can or cannot be taken (flock), never a pid in a file; the content of the
//! file only tells people whose it is.

use super::JournalError;
use crate::domain::approval::Identity;
use crate::domain::name::RunId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// How long a lock that is only being looked at is asked for again, in milliseconds.
const LOOKERS_PATIENCE_MS: u32 = 500;

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The run.
    pub run: RunId,
    /// Who started it.
    pub by: Identity,
    /// Since when.
    pub since: Timestamp,
    /// The supervisor's process id, for people to look at.
    pub pid: u32,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terminal = self.by.terminal.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
        write!(
            f,
            "{}{terminal}, run {}, since {}",
            self.by,
            self.run,
            self.since.strftime("%Y-%m-%d %H:%M:%SZ")
        )
    }
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct HeldLock {
    _file: File,
}

/// What came of trying to take a lock.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours.
    Held(HeldLock),
    /// Somebody else has it; who, if the file says so.
    Busy(Option<Holder>),
}

fn open(path: &Path) -> Result<File, JournalError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(JournalError::io("cannot make the folder", folder))?;
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(JournalError::io("cannot open the lock", path))
}

/// Tries to take the lock at `path` and writes `holder` into it.
pub fn take(path: &Path, holder: &Holder) -> Result<Attempt, JournalError> {
    let mut file = open(path)?;
    if !lock(&file).map_err(JournalError::io("cannot lock", path))? {
        return Ok(Attempt::Busy(read_holder(&mut file)));
    }
    let text = serde_json::to_vec(holder).unwrap_or_default();
    file.set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| file.write_all(&text))
        .map_err(JournalError::io("cannot write the lock", path))?;
    Ok(Attempt::Held(HeldLock { _file: file }))
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

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(64 * 1024).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}
