//! Opens a file of a tree to be read: never through a symlink, and without waiting where it is none.

use crate::compose::pool::Pace;
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Instant;

/// Opens the file at `path`.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// The same; says in `pace` how the file system answered.
pub(super) fn open_paced(path: &Path, pace: &mut Pace) -> io::Result<File> {
    let begun = Instant::now();
    let file = open(path);
    *pace = Pace::of(begun.elapsed());
    file
}
