//! Copies one file of the practice rsync: into `.name.XXXXXX` beside its place, then renamed.
//!
//! A file under its final name is therefore always whole; a transfer that is killed leaves the
//! temporary file behind, exactly the dirt that the checks after a sync look for.

use super::list::{Entry, reason};
use super::options::Owner;
use std::fs::{File, FileTimes, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The block in which rsync reads, and after which it first tells its progress.
pub(super) const BLOCK: usize = 32 * 1024;

/// Why a file did not arrive.
#[derive(Debug)]
pub(super) enum CopyError {
    /// It was listed and is gone now (exit code 24 if nothing else happens).
    Vanished,
    /// It cannot be read: the next one is tried (exit code 23).
    Unreadable(io::Error),
    /// It cannot be written: the transfer ends (exit code 11).
    Unwritable(io::Error),
    /// The transfer was told to stop; `true` if the temporary file was left (exit codes 12 and 20).
    Stopped,
}

/// What the caller wants after each block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Go {
    /// Go on with the next block.
    On,
    /// Clean up and stop.
    Stop,
    /// Stop as a killed process would, the temporary file left behind.
    Die,
    /// Behave as if the disk were full now.
    DiskFull,
}

/// Copies `entry`'s content to `target`, asking `after_block` with the bytes done so far.
pub(super) fn copy(
    entry: &Entry,
    target: &Path,
    owner: Owner,
    mut after_block: impl FnMut(u64) -> Go,
) -> Result<u64, CopyError> {
    let mut source = File::open(&entry.source).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => CopyError::Vanished,
        _ => CopyError::Unreadable(error),
    })?;
    let (mut file, temporary) = create_beside(target).map_err(CopyError::Unwritable)?;
    let mut block = vec![0; BLOCK];
    let mut done = 0;
    let copied = loop {
        match source.read(&mut block) {
            Ok(0) => break Ok(()),
            Ok(length) => {
                if let Err(error) = file.write_all(&block[..length]) {
                    break Err(CopyError::Unwritable(error));
                }
                done += length as u64;
                match after_block(done) {
                    Go::On => {}
                    Go::Die => return Err(CopyError::Stopped),
                    Go::Stop => break Err(CopyError::Stopped),
                    Go::DiskFull => break Err(CopyError::Unwritable(io::Error::from_raw_os_error(28))),
                }
            }
            Err(error) => break Err(CopyError::Unreadable(error)),
        }
    };
    let finished = copied.and_then(|()| finish(&file, entry, &temporary, target, owner));
    if finished.is_err() {
        // The transfer has failed already; a temporary file that stays is found by the checks.
        drop(std::fs::remove_file(&temporary));
    }
    finished.map(|()| done)
}

fn finish(
    file: &File,
    entry: &Entry,
    temporary: &Path,
    target: &Path,
    owner: Owner,
) -> Result<(), CopyError> {
    let place = || {
        own(temporary, owner)?;
        file.set_permissions(Permissions::from_mode(entry.mode))?;
        file.set_times(FileTimes::new().set_modified(time_of(entry.mtime)))?;
        std::fs::rename(temporary, target)
    };
    place().map_err(CopyError::Unwritable)
}

/// Creates `.name.XXXXXX` in the folder of `target`.
fn create_beside(target: &Path) -> io::Result<(File, PathBuf)> {
    const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let mut seed = (now.as_nanos() as u64) ^ (u64::from(std::process::id()) << 32);
    loop {
        let suffix: String = (0..6)
            .map(|_| {
                // One step of Knuth's MMIX generator; only distinct names are needed.
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                char::from(LETTERS[(seed >> 33) as usize % LETTERS.len()])
            })
            .collect();
        let path = target.with_file_name(format!(".{name}.{suffix}"));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// Gives `path` to `owner`, where this process may do so: a rehearsal needs no root.
pub(super) fn own(path: &Path, owner: Owner) -> io::Result<()> {
    if rustix::process::geteuid().is_root() {
        return std::os::unix::fs::lchown(path, Some(owner.user), Some(owner.group));
    }
    Ok(())
}

/// Makes a point in time of seconds and nanoseconds since 1970.
pub(super) fn time_of((seconds, nanos): (i64, i64)) -> SystemTime {
    let fraction = Duration::from_nanos(nanos.unsigned_abs());
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let base = if seconds < 0 { SystemTime::UNIX_EPOCH - whole } else { SystemTime::UNIX_EPOCH + whole };
    base + fraction
}

/// Says why a write failed, as rsync's receiver does.
pub(super) fn write_failed(target: &Path, error: &io::Error) -> String {
    format!("rsync: [receiver] write failed on \"{}\": {}", target.display(), reason(error))
}
