//! Takes away the cgroups that are left when a test ends its supervisors with KILL, and ends who is left in them.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the last process of a cgroup may take to leave it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Removes the cgroups of every run below the state folder `state`, by the name that supervisors give them:
/// `stagegate-RUN:DEVICE-INODE`, of the folder of the runs.
pub(crate) fn sweep(state: &Path) {
    let Ok(runs) = fs::metadata(state.join("runs")) else { return };
    let ends = format!(":{:x}-{:x}", runs.dev(), runs.ino());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let unified = mounts.lines().filter(|line| line.contains(" - cgroup2 "));
    let points = unified.filter_map(|line| line.split(' ').nth(4));
    for point in points {
        for folder in folders(&Path::new(point).join(own)) {
            if folder.to_string_lossy().ends_with(&ends) {
                // Before Linux 5.14 they stay until they end by themselves.
                let _killed = fs::write(folder.join("cgroup.kill"), "1");
                let begun = Instant::now();
                while !remove(&folder) && begun.elapsed() < PATIENCE {
                    std::thread::yield_now();
                }
            }
        }
    }
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.path()).collect()
}

fn remove(folder: &Path) -> bool {
    for below in folders(folder) {
        let _later = remove(&below);
    }
    fs::remove_dir(folder).is_ok() || !folder.exists()
}
