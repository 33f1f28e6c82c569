//! Before a step: its mounts are what the catalog wants, answer, and have room.
//!
//! Where staging is not mounted the scripts build the tree on the local disk, fill it and exit 0
//! (reality.md 3.1).

use super::VetContext;
use super::found::Found;
use super::places::shown;
use crate::domain::catalog::{Mount, MountRequirement};
use std::path::Path;

/// What makes a plain folder count as a mount where the catalog asks for a marker.
const MARKER: &str = ".stagegate-mount";

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    for mount in &cx.catalog.mounts {
        (cx.progress)(&mount.name, 0, None);
        if let Err(problem) = stands(mount) {
            found.blocking(
                "not-mounted",
                shown(&mount.path),
                format!("{}: {problem}", mount.name),
                "mount it; the scripts would write to the local disk instead",
            );
            continue;
        }
        room(mount, found);
    }
}

fn stands(mount: &Mount) -> Result<(), String> {
    let meta = std::fs::metadata(&mount.path).map_err(|error| error.kind().to_string())?;
    if !meta.is_dir() {
        return Err("is not a folder".to_owned());
    }
    match mount.require {
        MountRequirement::Folder => Ok(()),
        MountRequirement::Marker if mount.path.join(MARKER).is_file() => Ok(()),
        MountRequirement::Marker => Err(format!("nothing is mounted there ({MARKER} is missing)")),
        MountRequirement::Mount => {
            let table = std::fs::read("/proc/self/mountinfo").map_err(|error| error.kind().to_string())?;
            let place = std::fs::canonicalize(&mount.path).map_err(|error| error.kind().to_string())?;
            if is_mount_point(&table, &place) { Ok(()) } else { Err("nothing is mounted there".to_owned()) }
        }
    }
}

/// Looks for `place` in the fifth field of mountinfo (proc(5)), in which blanks are written `\040`.
fn is_mount_point(table: &[u8], place: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    let wanted = place.as_os_str().as_bytes();
    table
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .any(|field| unescape(field) == wanted)
}

fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        let octal =
            tail.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        out.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { tail.get(3..).unwrap_or_default() } else { tail };
    }
    out
}

fn room(mount: &Mount, found: &mut Found<'_>) {
    if mount.min_free == 0 {
        return;
    }
    match rustix::fs::statvfs(&mount.path) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            if free < mount.min_free {
                found.blocking(
                    "no-room",
                    shown(&mount.path),
                    format!("{}: {} free, {} wanted", mount.name, size(free), size(mount.min_free)),
                    "make room, or lower min_free in the catalog",
                );
            }
        }
        Err(errno) => found.blocking(
            "no-answer",
            shown(&mount.path),
            format!("{}: its free space could not be read: {errno}", mount.name),
            "see whether the mount answers",
        ),
    }
}

/// Writes a size for a sentence: `1.5 GiB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS.get(unit).unwrap_or(&"PiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_found_in_mountinfo() {
        let table =
            b"22 1 0:21 / / rw - ext4 /dev/sda rw\n30 22 0:40 / /mnt/repos\\040staging rw - nfs4 a:/b rw\n";
        assert!(is_mount_point(table, Path::new("/mnt/repos staging")));
        assert!(is_mount_point(table, Path::new("/")));
        assert!(!is_mount_point(table, Path::new("/mnt")));
    }

    #[test]
    fn sizes_read_as_people_say_them() {
        assert_eq!(size(10), "10 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(200 << 30), "200.0 GiB");
    }
}
