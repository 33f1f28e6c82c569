//! Where a step's output lands before it is appended to its log, so that not even `kill -9` loses a byte that
//! was taken from the terminal.
//!
//! What a process has read and not yet written dies with it, and a supervisor that drains a flood is always
//! between a read and a write. So it reads into a small file that is mapped into its memory (`LOG.landing`): the
//! kernel copies what the terminal held straight into that file's pages, which no signal can take away. Whoever
//! takes the run up again appends what the log does not have yet ([`recover`]).
//!
//! The file is a head and a room. The head holds how long the log was when the room was last empty, and how much
//! of the room is in use; the rest of the room is zero. A kill between a read and the note of its length leaves
//! bytes behind that length: they are found because they are not zero. It guards against the death of the
//! process, not of the host: nothing here is synced.

use mmap_io::{MemoryMappedFile, MmapIoError, MmapMode};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Bytes of the head; a page, so that the room begins at one.
const HEAD: usize = 4096;
/// What the head begins with.
const MAGIC: &[u8; 16] = b"stagegate land 1";
/// Bytes of the room.
pub const ROOM: usize = 64 * 1024;
const ENDING: &str = "landing";

/// The landing of one log.
#[derive(Debug)]
pub struct Landing {
    map: MemoryMappedFile,
    path: PathBuf,
    /// The length of the log when the room was last empty.
    base: u64,
    filled: usize,
}

impl Landing {
    /// Makes the landing of an empty log; it must not exist yet.
    ///
    /// All of it is written, so that a full disk is an error here and not in the middle of a read.
    pub fn create(log: &Path) -> io::Result<Self> {
        let path = path_of(log);
        let mut file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        let mut whole = vec![0; HEAD + ROOM];
        whole[..MAGIC.len()].copy_from_slice(MAGIC);
        let made = file
            .write_all(&whole)
            .and_then(|()| MemoryMappedFile::from_file(file, MmapMode::ReadWrite, &path).map_err(io_error));
        match made {
            Ok(map) => Ok(Self { map, path, base: 0, filled: 0 }),
            Err(error) => {
                // Half a landing would be in the way of the next attempt.
                let _gone = std::fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Returns how many bytes wait for the log.
    pub fn filled(&self) -> usize {
        self.filled
    }

    /// Returns how many more fit.
    pub fn room(&self) -> usize {
        ROOM - self.filled
    }

    /// Has `read` fill what is free, and returns how much it says that it did.
    pub fn take<E>(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> io::Result<Result<usize, E>> {
        let mut whole = self.map.as_slice_mut(0, (HEAD + ROOM) as u64).map_err(io_error)?;
        let whole = whole.as_mut();
        let count = match read(&mut whole[HEAD + self.filled..]) {
            Ok(count) => count,
            Err(error) => return Ok(Err(error)),
        };
        self.filled += count.min(ROOM - self.filled);
        whole[24..32].copy_from_slice(&(self.filled as u64).to_le_bytes());
        Ok(Ok(count))
    }

    /// Hands out the bytes that wait for the log.
    pub fn waiting<T>(&self, look: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
        let whole = self.map.as_slice(HEAD as u64, self.filled as u64).map_err(io_error)?;
        Ok(look(&whole))
    }

    /// Empties the room: its bytes are in the log, whose length is `log` now.
    pub fn clear(&mut self, log: u64) -> io::Result<()> {
        let mut whole = self.map.as_slice_mut(0, (HEAD + ROOM) as u64).map_err(io_error)?;
        let whole = whole.as_mut();
        // In this order: whoever finds a longer log than the head says skips what is there of it.
        whole[HEAD..HEAD + self.filled].fill(0);
        whole[24..32].fill(0);
        whole[16..24].copy_from_slice(&log.to_le_bytes());
        (self.base, self.filled) = (log, 0);
        Ok(())
    }

    /// Removes the landing: the log is complete.
    pub fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

fn path_of(log: &Path) -> PathBuf {
    let mut path = log.as_os_str().to_owned();
    path.push(".");
    path.push(ENDING);
    PathBuf::from(path)
}

fn io_error(error: MmapIoError) -> io::Error {
    match error {
        MmapIoError::Io(error) => error,
        other => io::Error::other(other),
    }
}

/// Appends to every log in `folder` what its supervisor had taken and not yet written when it was killed.
///
/// Nobody may be writing there: the caller holds the run. Returns for each landing the log's path and how many
/// bytes it got, or why it could not; a landing that cannot be read stays where it is.
pub fn recover(folder: &Path) -> Vec<(PathBuf, io::Result<u64>)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut landings: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    landings.retain(|path| path.extension().is_some_and(|ending| ending == ENDING));
    landings.sort();
    landings
        .into_iter()
        .map(|landing| {
            let log = landing.with_extension("");
            let recovered = recover_one(&landing, &log);
            (log, recovered)
        })
        .collect()
}

fn recover_one(landing: &Path, log: &Path) -> io::Result<u64> {
    let mut bytes = Vec::with_capacity(HEAD + ROOM);
    File::open(landing)?.take((HEAD + ROOM) as u64).read_to_end(&mut bytes)?;
    let number = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
    let head = number(16).zip(number(24)).filter(|_| bytes.starts_with(MAGIC));
    // A landing that was never finished had nothing in it: its step had not begun.
    let Some((base, filled)) = head.filter(|_| bytes.len() == HEAD + ROOM) else {
        return Err(io::Error::other("it is no landing of this version; it stays beside its log"));
    };
    let room = &bytes[HEAD..];
    let last = room.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    let end = last.max(usize::try_from(filled).unwrap_or(ROOM).min(ROOM));
    let mut file = OpenOptions::new().append(true).open(log)?;
    let has = usize::try_from(file.metadata()?.len().saturating_sub(base)).unwrap_or(ROOM);
    let missing = room.get(has..end).unwrap_or_default();
    file.write_all(missing)?;
    std::fs::remove_file(landing)?;
    Ok(missing.len() as u64)
}

#[cfg(test)]
mod tests;
