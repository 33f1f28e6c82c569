//! Packages by their file names: where there is no metadata on both sides.
//!
//! A name is `name-version-release.arch.rpm` and carries no epoch: good enough to show to a person, and read from two
//! listings alone. Versions are ordered as rpm orders them.

use super::{Covered, Push, pushed};
use crate::compose::content::{ContentKind, kind_of};
use crate::compose::tree::{Entry, EntryKind, Facts, Tree, join};
use crate::domain::evidence::{Change, ChangeKind};
use crate::vet::header::header_digest;
use crate::vet::inventory::is_modular;
use crate::vet::places::{Places, shown};
use rpm_version::{Evr, Nevra};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

/// Compares the packages of two trees that stand in no repo of `covered`.
pub(super) fn compare(places: &Places, trees: [&Tree; 2], push: Push, covered: &Covered) -> Vec<Change> {
    let [mut staged, mut published] = trees.map(|tree| Shelf::new(tree, push.depth, covered));
    let mut changes = Vec::new();
    for (key, ours) in &mut staged.packages {
        let theirs = published.packages.entry(key.clone()).or_default();
        changes.extend(package(places, key, ours, theirs, push.deletes));
    }
    if push.deletes {
        let gone = published.packages.iter().filter(|(key, _)| !staged.packages.contains_key(*key));
        changes.extend(gone.filter_map(|(key, theirs)| {
            let newest = theirs.newest()?;
            Some(change(ChangeKind::Removed, key, Some(newest.version()), None, newest.facts.size))
        }));
    }
    changes
}

/// Where a package stands, its name, its arch and, for a modular one, its stream.
type Key = (String, String, String, String);

/// Returns what keeps the streams of a modular package apart, as far as a file name tells: the first part of
/// its version. Another stream's update is no downgrade. Empty for packages that are not modular.
fn stream(version: &str, release: &str) -> String {
    if is_modular(release) { version.split('.').next().unwrap_or_default().to_owned() } else { String::new() }
}

/// Packages of one position, by what they are.
struct Shelf<'a> {
    packages: BTreeMap<Key, Versions<'a>>,
}

impl<'a> Shelf<'a> {
    fn new(tree: &'a Tree, depth: u8, covered: &Covered) -> Self {
        let mut shelf = Self { packages: BTreeMap::new() };
        for dir in pushed(tree, depth).filter(|dir| !covered.has(&dir.path)) {
            for entry in dir.entries.iter().filter(|entry| entry.kind == EntryKind::File) {
                let Some(facts) = entry.facts else { continue };
                if kind_of(&dir.path, &entry.name) == ContentKind::Package {
                    shelf.package(&dir.path, entry, facts);
                }
            }
        }
        shelf
    }

    fn package(&mut self, folder: &'a OsStr, entry: &'a Entry, facts: Facts) {
        // A name that is no UTF-8 is none that rpm gave.
        let Some(stem) = entry.name.to_str().and_then(|name| name.strip_suffix(".rpm")) else { return };
        let (name, _, version, release, arch) = Nevra::parse_values(stem);
        let file = Package { folder, name: &entry.name, version, release, facts };
        let key = (place(folder), name.to_owned(), arch.to_owned(), stream(version, release));
        self.packages.entry(key).or_default().0.push(file);
    }
}

/// Returns the repository's path: what stands before `Packages`.
fn place(folder: &OsStr) -> String {
    let path = Path::new(folder);
    let before = path.components().take_while(|part| part.as_os_str() != "Packages");
    shown(before.collect::<std::path::PathBuf>())
}

#[derive(Clone, Copy)]
struct Package<'a> {
    folder: &'a OsStr,
    name: &'a OsStr,
    version: &'a str,
    release: &'a str,
    facts: Facts,
}

impl Package<'_> {
    fn version(&self) -> String {
        shown(format!("{}-{}", self.version, self.release))
    }

    fn evr(&self) -> Evr<'_> {
        Evr::new("", self.version, self.release)
    }
}

/// All versions of one package in one place.
#[derive(Default)]
struct Versions<'a>(Vec<Package<'a>>);

impl<'a> Versions<'a> {
    fn newest(&self) -> Option<&Package<'a>> {
        self.0.iter().max_by(|a, b| a.evr().cmp(&b.evr()))
    }

    fn file(&self, other: &Package<'_>) -> Option<&Package<'a>> {
        self.0.iter().find(|file| file.folder == other.folder && file.name == other.name)
    }
}

fn change(kind: ChangeKind, key: &Key, from: Option<String>, to: Option<String>, size: u64) -> Change {
    let (place, name, arch, _) = key;
    let name = super::name_in(place, name, arch);
    Change { kind, place: place.clone(), name, from, to, size }
}

/// Says what becomes of one package in one place.
fn package(
    places: &Places,
    key: &Key,
    staged: &Versions<'_>,
    published: &Versions<'_>,
    deletes: bool,
) -> Vec<Change> {
    let new = Versions(staged.0.iter().filter(|file| published.file(file).is_none()).copied().collect());
    let mut changes = Vec::new();
    let before = published.newest();
    match (new.newest(), before) {
        (Some(to), None) => {
            changes.push(change(ChangeKind::Added, key, None, Some(to.version()), to.facts.size));
        }
        (Some(to), Some(from)) => {
            let kind = if to.evr() > from.evr() { ChangeKind::Updated } else { ChangeKind::Downgraded };
            let versions = (Some(from.version()), Some(to.version()));
            changes.push(change(kind, key, versions.0, versions.1, to.facts.size));
        }
        (None, Some(from)) if deletes => {
            // Nothing new comes, but the newest goes.
            let left = staged.newest().filter(|left| left.evr() < from.evr());
            changes.extend(left.map(|left| {
                let versions = (Some(from.version()), Some(left.version()));
                change(ChangeKind::Downgraded, key, versions.0, versions.1, left.facts.size)
            }));
        }
        (None, _) => {}
    }
    for file in &staged.0 {
        if published.file(file).is_some_and(|other| is_rebuilt(places, file, other)) {
            let version = Some(file.version());
            changes.push(change(ChangeKind::Rebuilt, key, version.clone(), version, file.facts.size));
        }
    }
    changes
}

fn is_rebuilt(places: &Places, staged: &Package<'_>, published: &Package<'_>) -> bool {
    let (a, b) = (staged.facts, published.facts);
    if (a.device, a.inode) == (b.device, b.inode) || (a.size == b.size && a.mtime.0 == b.mtime.0) {
        return false;
    }
    let path = join(staged.folder, staged.name);
    a.size != b.size
        || match (header_digest(&places.staging.join(&path)), header_digest(&places.production.join(&path))) {
            (Ok(a), Ok(b)) => a != b,
            // What cannot be read is no package; the other checks say so.
            _ => true,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_a_modular_package_are_kept_apart() {
        assert_eq!(stream("20.12.2", "2.module+el8.10.0+2562+a027ceac"), "20");
        assert_eq!(stream("18.20.4", "1.module+el8.10.0+3391+d3f03e92"), "18");
        assert_eq!(stream("5.1", "1.el8"), "");
    }
}
