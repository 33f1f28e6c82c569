//! The content of a compose as the toolkit copies it: the folders at its depth and every file below.
//!
//! At depth 2 `BaseOS/x86_64` is copied with all that is in it, while `metadata/composeinfo.json` and
//! whatever else is shallower never is (reality.md 2).

use super::tree::{Directory, Entry, EntryKind, Options, Root, Tree, WalkError, walk_all};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// What a file in a repository tree is, by its name and folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentKind {
    /// An RPM.
    Package,
    /// An ISO or another disk image.
    Image,
    /// Metadata of a repository: a file in `repodata/`.
    Metadata,
    /// Anything else: `.treeinfo`, `CHECKSUM`, `LICENSE`, a kernel to boot from.
    Other,
}

/// The endings of disk images that pungi's image phases produce.
const IMAGES: [&[u8]; 9] =
    [b".iso", b".img", b".qcow2", b".raw", b".raw.xz", b".vmdk", b".vhd", b".ova", b".box"];

/// Says what the file called `name` in the folder `path` is.
pub fn kind_of(path: &OsStr, name: &OsStr) -> ContentKind {
    let name = name.as_bytes();
    if path.as_bytes().rsplit(|byte| *byte == b'/').next() == Some(b"repodata") {
        ContentKind::Metadata
    } else if name.starts_with(b".") {
        // rsync's temporary files are called `.NAME.rpm.XXXXXX`.
        ContentKind::Other
    } else if name.ends_with(b".rpm") {
        ContentKind::Package
    } else if IMAGES.iter().any(|ending| name.ends_with(ending)) {
        ContentKind::Image
    } else {
        ContentKind::Other
    }
}

/// Returns whether an entry is what a repo is there for: a package or an image.
pub fn is_payload(path: &OsStr, entry: &Entry) -> bool {
    entry.kind != EntryKind::Other
        && matches!(kind_of(path, &entry.name), ContentKind::Package | ContentKind::Image)
}

/// The content of one compose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// What would be copied, with paths as they are in the compose: `BaseOS/x86_64/os/…`.
    pub tree: Tree,
}

impl Content {
    /// Picks out of a walk of `compose/` what the toolkit copies at `depth`.
    pub fn of(mut tree: Tree, depth: u8) -> Self {
        tree.directories.retain(|dir| components(&dir.path) >= usize::from(depth));
        Self { tree }
    }

    /// Drops everything but packages and images, to be kept for later comparisons.
    #[must_use]
    pub fn into_payload(mut self) -> Self {
        for dir in &mut self.tree.directories {
            let Directory { path, entries } = dir;
            entries.retain(|entry| is_payload(path, entry));
            entries.shrink_to_fit();
        }
        self.tree.directories.retain(|dir| !dir.entries.is_empty());
        self
    }

    /// Returns the variants it has packages or images of: `AppStream`, `BaseOS`.
    pub fn variants(&self) -> BTreeSet<OsString> {
        let dirs = self.tree.directories.iter();
        let full = dirs.filter(|dir| dir.entries.iter().any(|entry| is_payload(&dir.path, entry)));
        full.filter_map(|dir| Some(Path::new(&dir.path).components().next()?.as_os_str().to_owned()))
            .collect()
    }

    /// Returns the packages and images with the paths of their folders.
    pub fn payload(&self) -> impl Iterator<Item = (&OsStr, &Entry)> {
        self.tree.entries().filter(|(path, entry)| is_payload(path, entry))
    }
}

/// Reads the content of `composes`: the top folder of each, and the depth at which its toolkit copies.
pub fn contents(composes: &[(&Path, u8)], options: Options<'_>) -> Vec<Result<Content, WalkError>> {
    let roots: Vec<Root> = composes.iter().map(|(compose, _)| Root::whole(compose.join("compose"))).collect();
    let trees = walk_all(&roots, options).into_iter().zip(composes);
    trees.map(|(tree, (_, depth))| Ok(Content::of(tree?, *depth))).collect()
}

fn components(path: &OsStr) -> usize {
    Path::new(path).components().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::pulse::Pulse;

    #[test]
    fn only_what_is_deep_enough_is_content() {
        let dir = tempfile::tempdir().unwrap();
        let file = |path: &str| {
            let path = dir.path().join("compose").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        };
        for path in [
            "metadata/rpms.json",
            "README",
            "BaseOS/README",
            "BaseOS/x86_64/os/Packages/b/bash-5-1.rpm",
            "BaseOS/x86_64/os/Packages/b/.bash-5-1.rpm.Ab12Cd",
            "BaseOS/x86_64/os/repodata/repomd.xml",
            "BaseOS/x86_64/iso/Rocky-8.10-x86_64-dvd1.iso",
            "BaseOS/x86_64/iso/CHECKSUM",
            "Empty/x86_64/os/.treeinfo",
        ] {
            file(path);
        }
        let pulse = Pulse::new();
        let read = |depth| contents(&[(dir.path(), depth)], Options::names(&pulse)).pop().unwrap().unwrap();
        let names = |content: &Content| -> Vec<String> {
            content
                .tree
                .entries()
                .map(|(path, entry)| Path::new(path).join(&*entry.name).display().to_string())
                .collect()
        };
        let two = read(2);
        assert_eq!(
            names(&two),
            [
                "BaseOS/x86_64/iso/CHECKSUM",
                "BaseOS/x86_64/iso/Rocky-8.10-x86_64-dvd1.iso",
                "BaseOS/x86_64/os/Packages/b/.bash-5-1.rpm.Ab12Cd",
                "BaseOS/x86_64/os/Packages/b/bash-5-1.rpm",
                "BaseOS/x86_64/os/repodata/repomd.xml",
                "Empty/x86_64/os/.treeinfo",
            ]
        );
        assert_eq!(two.variants(), BTreeSet::from([OsString::from("BaseOS")]));
        assert_eq!(
            names(&two.into_payload()),
            ["BaseOS/x86_64/iso/Rocky-8.10-x86_64-dvd1.iso", "BaseOS/x86_64/os/Packages/b/bash-5-1.rpm",]
        );
        assert!(names(&read(1)).contains(&"BaseOS/README".to_owned()));
        assert_eq!(names(&read(0)).len(), 9);
    }
}
