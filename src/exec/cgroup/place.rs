//! Where this process is among the cgroups, and where that can be seen: from the kernel's own tables, no path is assumed.
//!
//! Both versions count. On a host of version 1 (EL8) systemd keeps its own tree in the hierarchy of its name, which has no
//! controller; on one of both (hybrid) it keeps it in either.

use std::path::{Path, PathBuf};

/// A hierarchy in which this process has a place that can be seen from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Its folder.
    pub(super) folder: PathBuf,
    /// Whether the hierarchy is that of version 2.
    pub(super) unified: bool,
}

/// Returns the folders of this process's own cgroups, that of the unified hierarchy before the one of systemd's name.
pub(super) fn places(mountinfo: &str, cgroup: &str) -> Vec<Place> {
    let own = |unified: bool| {
        cgroup.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (number, name, path) = (parts.next()?, parts.next()?, parts.next()?);
            let fits = if unified { number == "0" && name.is_empty() } else { name == "name=systemd" };
            // What begins with `..` is outside of this process's cgroup namespace.
            (fits && !path.split('/').any(|part| part == "..")).then_some(path)
        })
    };
    let place = |unified: bool| {
        let own = own(unified)?;
        mountinfo.lines().find_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let (mut left, mut right) = (left.split(' ').skip(3), right.split(' '));
            let (root, point) = (unescape(left.next()?), unescape(left.next()?));
            let (kind, options) = (right.next()?, right.nth(1)?);
            let named = || kind == "cgroup" && options.split(',').any(|option| option == "name=systemd");
            let fits = if unified { kind == "cgroup2" } else { named() };
            let below = fits.then(|| Path::new(own).strip_prefix(root).ok()).flatten()?;
            Some(Place { folder: Path::new(&point).join(below), unified })
        })
    };
    [true, false].into_iter().filter_map(place).collect()
}

/// Undoes what mountinfo does to blanks, tabs, line ends and backslashes (proc(5)).
fn unescape(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (written, meant)| text.replace(written, meant))
}
