//! Reads small files that somebody else wrote: bounded, never through a symlink, never blocking on a FIFO.

use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Why a small file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadError {
    /// There is none.
    #[error("missing")]
    Missing,
    /// It is a folder, a FIFO, a device or a symlink.
    #[error("not a plain file")]
    NotAFile,
    /// It is longer than it can be.
    #[error("longer than {0} bytes")]
    TooLong(u64),
    /// The system refused.
    #[error("{0}")]
    Io(String),
}

/// A small file's bytes, and when it was written (seconds and nanoseconds since 1970).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SmallFile {
    pub(crate) bytes: Vec<u8>,
    pub(crate) mtime: (i64, u32),
}

/// Reads the plain file at `path`, if it has no more than `limit` bytes.
pub(crate) fn small_file(path: &Path, limit: u64) -> Result<SmallFile, ReadError> {
    // NONBLOCK: opening a FIFO would wait for its writer, for ever.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = open(path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT | Errno::NOTDIR => ReadError::Missing,
        Errno::LOOP | Errno::NXIO => ReadError::NotAFile,
        other => ReadError::Io(describe(other)),
    })?;
    let stat = fstat(&fd).map_err(|errno| ReadError::Io(describe(errno)))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(ReadError::NotAFile);
    }
    let mut bytes = Vec::new();
    File::from(fd).take(limit + 1).read_to_end(&mut bytes).map_err(|error| ReadError::Io(explain(&error)))?;
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLong(limit));
    }
    Ok(SmallFile { bytes, mtime: (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or(0)) })
}

/// Says what an error number means, without the number.
pub(crate) fn describe(errno: Errno) -> String {
    explain(&std::io::Error::from(errno))
}

/// Says what an error means, without its number; where Rust has no words for it, the system's.
pub(crate) fn explain(error: &std::io::Error) -> String {
    let kind = error.kind().to_string();
    if kind != "uncategorized error" {
        return kind;
    }
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_words() {
        assert_eq!(describe(Errno::IO), "input/output error");
        assert_eq!(describe(Errno::STALE), "stale network file handle");
        assert_eq!(describe(Errno::NOENT), "entity not found");
    }

    #[test]
    fn only_plain_files_of_the_right_size_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("good"), "FINISHED\n").unwrap();
        std::fs::write(path("long"), vec![b'x'; 65]).unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        std::os::unix::fs::symlink("good", path("link")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, path("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .unwrap();
        assert_eq!(small_file(&path("good"), 64).unwrap().bytes, b"FINISHED\n");
        assert_eq!(small_file(&path("long"), 64).unwrap_err(), ReadError::TooLong(64));
        assert_eq!(small_file(&path("none"), 64).unwrap_err(), ReadError::Missing);
        assert_eq!(small_file(&path("good/none"), 64).unwrap_err(), ReadError::Missing);
        for name in ["folder", "link", "fifo"] {
            assert_eq!(small_file(&path(name), 64).unwrap_err(), ReadError::NotAFile, "{name}");
        }
    }
}
