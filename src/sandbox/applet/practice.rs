//! What the practice tools know of the practice host: its folder, its speed, and the failure that a
//! script plants into one call.
//!
//! The host is found through the path under which the tool was started (`DIR/bin/rsync`), never
//! through an environment variable: a stray variable must not let a tool write into another host.

use crate::sandbox::layout::HostPaths;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file that makes a folder a practice host.
pub(crate) const MARKER: &str = ".stagegate-sandbox";

/// The file that holds the speed, `watch` or `instant`.
pub(crate) const SPEED: &str = "speed";

/// The variable in which a script plants a failure into one call of a tool.
const FAULT: &str = "PRACTICE_FAULT";

/// A failure of one rsync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TransferFault {
    /// The destination is full after half of the files.
    DiskFull,
    /// The receiving side dies in the middle of a file.
    PeerKilled,
}

/// Returns the failure that the calling script planted into this rsync.
pub(super) fn transfer_fault() -> Option<TransferFault> {
    match planted()?.as_str() {
        "disk-full" => Some(TransferFault::DiskFull),
        "partial-push" => Some(TransferFault::PeerKilled),
        _ => None,
    }
}

/// Returns the name of the failure that the calling script planted into this call.
pub(super) fn planted() -> Option<String> {
    std::env::var(FAULT).ok().filter(|name| !name.is_empty())
}

/// Finds the host that this process's program file belongs to.
pub(super) fn host() -> Option<HostPaths> {
    let started_as = Path::new(OsStr::from_bytes(rustix::param::linux_execfn().to_bytes()));
    let absolute = std::path::absolute(started_as).ok()?;
    let root = absolute.parent()?.parent()?;
    root.join(MARKER).is_file().then(|| HostPaths::new(root))
}

/// Tells how long something may be shown happening; nothing at `instant` speed or outside of a host.
pub(super) fn at_watch_speed(root: Option<&Path>, wanted: Duration) -> Duration {
    let speed = root.and_then(|root| std::fs::read_to_string(root.join(SPEED)).ok());
    if speed.is_some_and(|text| text.trim() == "watch") { wanted } else { Duration::ZERO }
}

/// Returns the folder for what the tools leave only for a moment, below the host.
pub(super) fn scratch(host: &HostPaths) -> PathBuf {
    host.root().join("tmp")
}
