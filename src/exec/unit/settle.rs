//! Brings what a step wrote about itself to the disk before its end is told.
//!
//! The journal says how a step ended the moment it is known, and that is synced. Were its log not, a host that loses its
//! power could come back with the end of a step and without what it printed last, and nobody could judge it.

use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Syncs each of `files`; what is not there, or is no file of a disk, has nothing to be synced.
pub(super) fn settle<'a>(files: impl IntoIterator<Item = &'a Path>) -> Result<(), String> {
    for path in files {
        let synced = open(path).and_then(|file| file.sync_data());
        synced.or_else(nothing_to_sync).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Opens a file to be synced; a FIFO that a script put in its place, which nobody writes to, is not waited for.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    File::options().read(true).custom_flags(flags).open(path)
}

fn nothing_to_sync(error: io::Error) -> io::Result<()> {
    let is_none =
        error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::INVAL.raw_os_error());
    if is_none { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_synced_is_told_unless_there_is_nothing_to_sync() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        std::fs::write(&log, "line\n").unwrap();
        let missing = folder.path().join("missing");
        let fifo = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        settle([log.as_path(), &missing, Path::new("/dev/null"), &fifo]).unwrap();
        let said = settle([log.as_path(), &log.join("below")]).unwrap_err();
        assert!(said.contains("log/below") && said.contains("Not a directory"), "{said}");
    }
}
