//! Says whether a mount is what the catalog wants it to be, and how much room it has.
//!
//! A staging that is not mounted looks like an empty folder to the scripts, which then fill the local
//! disk (reality.md 3.1). Asking may block for ever: callers go through [`super::probe`].

use super::read::explain;
use crate::domain::catalog::{Mount, MountRequirement};
use crate::domain::status::MountState;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// The file that marks a folder as a mount where the catalog says `require = "marker"`.
pub const MARKER: &str = ".stagegate-mount";

/// One line of `/proc/self/mountinfo`, as far as it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountPoint {
    /// Where it is mounted.
    pub path: PathBuf,
    /// The type of the file system: `nfs4`.
    pub kind: String,
}

/// Parses `/proc/self/mountinfo` (proc(5)); lines it cannot make sense of are left out.
pub fn parse_mountinfo(text: &[u8]) -> Vec<MountPoint> {
    text.split(|byte| *byte == b'\n').filter_map(mount_point).collect()
}

fn mount_point(line: &[u8]) -> Option<MountPoint> {
    let mut fields = line.split(|byte| *byte == b' ');
    // Id, parent, device, root, mount point, options, any number of tags, `-`, type, source, options.
    let path = fields.by_ref().nth(4).filter(|path| path.starts_with(b"/"))?;
    fields.by_ref().find(|field| *field == b"-")?;
    let kind = String::from_utf8_lossy(fields.next()?).into_owned();
    Some(MountPoint { path: PathBuf::from(OsString::from_vec(unescape(path))), kind })
}

/// Undoes the kernel's octal escapes of blank, tab, newline and backslash.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let octal = tail.get(..3).filter(|_| byte == b'\\').and_then(octal);
        plain.push(octal.unwrap_or(byte));
        rest = if octal.is_some() { tail.get(3..).unwrap_or_default() } else { tail };
    }
    plain
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

/// Looks at `mount` now. Blocks for as long as its file system does.
pub fn look(mount: &Mount) -> MountState {
    match std::fs::metadata(&mount.path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return MountState::Missing,
        Err(error) => return failing(&error),
        Ok(meta) if !meta.is_dir() => return MountState::Missing,
        Ok(_) => {}
    }
    let there = match mount.require {
        MountRequirement::Folder => true,
        MountRequirement::Marker => {
            // Opened, not only looked at: what `stat` says may come from a cache while the server hangs.
            let marker = mount.path.join(MARKER);
            match std::fs::File::open(marker).and_then(|file| file.metadata()) {
                Ok(meta) => meta.is_file(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
                Err(error) => return failing(&error),
            }
        }
        // After the question above, which makes an automounter mount it.
        MountRequirement::Mount => is_mount_point(&mount.path),
    };
    if there { room(&mount.path) } else { MountState::NotMounted }
}

fn is_mount_point(path: &Path) -> bool {
    let mounts = mounted();
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    stands(&mounts, &real)
}

/// Says whether something other than an automounter's trigger is mounted at `path`.
fn stands(mounts: &[MountPoint], path: &Path) -> bool {
    mounts.iter().any(|mount| mount.path == path && mount.kind != "autofs")
}

fn room(path: &Path) -> MountState {
    // What root may use up is not room: f_bavail, not f_bfree.
    match rustix::fs::statvfs(path) {
        Err(errno) => failing(&errno.into()),
        Ok(stat) => MountState::Ready {
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
        },
    }
}

/// A server that is gone (stale handle, I/O error) answers, but not with its content.
fn failing(error: &std::io::Error) -> MountState {
    MountState::Failing { problem: explain(error) }
}

/// Reads what is mounted; the kernel answers that without asking any server.
pub fn mounted() -> Vec<MountPoint> {
    std::fs::read("/proc/self/mountinfo").map(|text| parse_mountinfo(&text)).unwrap_or_default()
}

/// Returns the place that `path` is on: the catalog's name of the mount, else the mount point, and the path
/// itself where not even that is known. Only the path is looked at, never the disk.
pub fn place_of(mounts: &[Mount], mounted: &[MountPoint], path: &Path) -> String {
    let depth = |path: &Path| path.components().count();
    let named =
        mounts.iter().filter(|mount| path.starts_with(&mount.path)).max_by_key(|mount| depth(&mount.path));
    let point =
        mounted.iter().filter(|point| path.starts_with(&point.path)).max_by_key(|point| depth(&point.path));
    match (named, point) {
        // A mount within a mount answers for itself.
        (Some(named), Some(point)) if depth(&point.path) > depth(&named.path) => {
            point.path.display().to_string()
        }
        (Some(named), _) => named.name.clone(),
        (None, Some(point)) => point.path.display().to_string(),
        (None, None) => path.display().to_string(),
    }
}

/// Says since when a place has been silent: `production: not answering for 40 s`.
pub fn silence(place: &str, for_s: u64) -> String {
    format!("{place}: not answering for {for_s} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTINFO: &[u8] = b"22 28 0:20 / /proc rw,nosuid shared:12 - proc proc rw\n\
        36 35 98:0 /mnt1 /mnt/two\\040words\\134x rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw\n\
        40 28 0:45 / /mnt/repos-staging rw,relatime - nfs4 host:/staging rw\n\
        41 28 0:46 / /mnt/auto rw - autofs systemd-1 rw\n\
        broken line\n\n42 28 0:47 / relative rw - ext4 x rw\n\xff\xfe\n";

    #[test]
    fn mountinfo_is_read_with_its_escapes_and_without_its_nonsense() {
        let mounts = parse_mountinfo(MOUNTINFO);
        let paths: Vec<&Path> = mounts.iter().map(|mount| mount.path.as_path()).collect();
        assert_eq!(paths, ["/proc", "/mnt/two words\\x", "/mnt/repos-staging", "/mnt/auto"].map(Path::new));
        assert_eq!(mounts[1].kind, "ext3");
        assert!(stands(&mounts, Path::new("/mnt/repos-staging")));
        assert!(!stands(&mounts, Path::new("/mnt/auto")), "an automounter is no mount yet");
        assert!(!stands(&mounts, Path::new("/mnt")));
        assert_eq!(unescape(b"\\04"), b"\\04");
        assert_eq!(unescape(b"\\999"), b"\\999");
    }

    #[test]
    fn each_requirement_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &Path, require| {
            look(&Mount { name: "m".to_owned(), path: path.to_owned(), require, min_free: 0, deadline_s: 20 })
        };
        let ready = |state| matches!(state, MountState::Ready { free, total } if total > 0 && free <= total);
        assert!(ready(at(dir.path(), MountRequirement::Folder)));
        assert_eq!(at(dir.path(), MountRequirement::Marker), MountState::NotMounted);
        assert_eq!(at(dir.path(), MountRequirement::Mount), MountState::NotMounted);
        std::fs::write(dir.path().join(MARKER), "").unwrap();
        assert!(ready(at(dir.path(), MountRequirement::Marker)));
        assert_eq!(at(&dir.path().join("none"), MountRequirement::Folder), MountState::Missing);
        assert_eq!(at(&dir.path().join(MARKER), MountRequirement::Folder), MountState::Missing);
        assert!(matches!(at(Path::new("/proc"), MountRequirement::Mount), MountState::Ready { .. }));
    }
}
