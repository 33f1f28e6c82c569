//! What production gains and loses when staging goes there.
//!
//! Packages are told by their file names (name-version-release.arch.rpm), which carry no epoch: good
//! enough to show to a person, and read from two listings alone. Versions are ordered as rpm orders them.

use super::VetError;
use super::header::header_digest;
use super::places::{Places, parts, shown};
use crate::compose::content::{ContentKind, kind_of};
use crate::compose::pulse::Pulse;
use crate::compose::tree::{Entry, EntryKind, Facts, Options, Root, Tree, WalkError, join, walk_all};
use crate::domain::evidence::{Change, ChangeKind, Changes};
use rpm_version::{Evr, Nevra};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// How the toolkit pushes, as far as it decides what production gains and loses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Push {
    /// The depth from which on content is copied.
    pub(super) depth: u8,
    /// Whether it deletes what staging does not have.
    pub(super) deletes: bool,
}

/// What production is, besides what changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Now {
    /// How many packages it holds.
    pub(super) packages: usize,
    /// How many repositories it holds.
    pub(super) repos: usize,
    /// When its newest repomd.xml was written: seconds since 1970.
    pub(super) newest: Option<i64>,
}

/// Compares the trees at `staging` and `production`, of which the latter need not be there.
///
/// `depth` and `deletes` are the toolkit's. `pulse` counts the files listed.
pub fn changes(
    staging: &Path,
    production: &Path,
    depth: u8,
    deletes: bool,
    pulse: &Pulse,
) -> Result<Changes, VetError> {
    let places = Places { staging: staging.to_owned(), production: production.to_owned() };
    read(&places, Push { depth, deletes }, pulse).map(|(changes, _)| changes)
}

/// The same, of the folders `within` alone: what one compose brings or lacks.
pub fn changes_within(
    staging: &Path,
    production: &Path,
    within: &[PathBuf],
    depth: u8,
    deletes: bool,
    pulse: &Pulse,
) -> Result<Changes, VetError> {
    let places = Places { staging: staging.to_owned(), production: production.to_owned() };
    compare(&places, within, Push { depth, deletes }, pulse).map(|(changes, _)| changes)
}

/// Compares the whole of staging and production, and says what production is now.
pub(super) fn read(places: &Places, push: Push, pulse: &Pulse) -> Result<(Changes, Now), VetError> {
    compare(places, &[], push, pulse)
}

fn compare(
    places: &Places,
    within: &[PathBuf],
    push: Push,
    pulse: &Pulse,
) -> Result<(Changes, Now), VetError> {
    let root = |path: &Path| Root { path: path.to_owned(), within: within.to_vec() };
    let roots = [root(&places.staging), root(&places.production)];
    pulse.begin("what production gains and loses", None);
    let mut walked = walk_all(&roots, Options::facts(pulse)).into_iter();
    let mut next = || walked.next().unwrap_or(Err(WalkError::Cancelled));
    let staging = whole(next(), &places.staging, false)?;
    let production = whole(next(), &places.production, true)?;
    let mut changes = Changes::default();
    let (mut staged, mut published) = (Shelf::new(&staging, push.depth), Shelf::new(&production, push.depth));
    for (key, ours) in &mut staged.packages {
        let theirs = published.packages.entry(key.clone()).or_default();
        changes.packages.extend(package(places, key, ours, theirs, push.deletes));
    }
    if push.deletes {
        let gone = published.packages.iter_mut().filter(|(key, _)| !staged.packages.contains_key(*key));
        changes.packages.extend(gone.filter_map(|(key, theirs)| {
            Some(change(ChangeKind::Removed, key, Some(theirs.newest()?.version()), None))
        }));
    }
    changes.packages.sort_by(|a, b| (&a.place, &a.name, a.kind).cmp(&(&b.place, &b.name, b.kind)));
    changes.files = images(&staged, &published, push.deletes);
    changes.bytes = gained(&staging, &production, push.depth);
    let now = Now {
        packages: published.packages.values().map(|files| files.0.len()).sum(),
        repos: super::trees::repositories(&production).len(),
        newest: newest_head(&production),
    };
    Ok((changes, now))
}

fn whole(walked: Result<Tree, WalkError>, root: &Path, may_be_missing: bool) -> Result<Tree, VetError> {
    match walked {
        Ok(tree) => match tree.problems.first() {
            None => Ok(tree),
            Some(found) => {
                Err(VetError::Unreadable { path: root.join(&found.path), problem: found.problem.clone() })
            }
        },
        Err(WalkError::Root { missing: true, .. }) if may_be_missing => Ok(Tree::default()),
        Err(WalkError::Root { problem, .. }) => Err(VetError::Unreadable { path: root.to_owned(), problem }),
        Err(WalkError::Cancelled) => Err(VetError::Cancelled),
    }
}

/// Where a package stands, its name, its arch and, for a modular one, its stream.
type Key = (String, String, String, String);

/// Returns what keeps the streams of a modular package apart, as far as a file name tells: the first part of
/// its version. Another stream's update is no downgrade. Empty for packages that are not modular.
fn stream(version: &str, release: &str) -> String {
    if release.contains(".module+") {
        version.split('.').next().unwrap_or_default().to_owned()
    } else {
        String::new()
    }
}

/// Packages and images of one position, by what they are.
struct Shelf<'a> {
    packages: BTreeMap<Key, Versions<'a>>,
    images: BTreeMap<(String, String), Facts>,
}

impl<'a> Shelf<'a> {
    fn new(tree: &'a Tree, depth: u8) -> Self {
        let mut shelf = Self { packages: BTreeMap::new(), images: BTreeMap::new() };
        let covered = tree.entries().filter(|(folder, _)| parts(folder) >= usize::from(depth));
        for (folder, entry) in covered.filter(|(_, entry)| entry.kind == EntryKind::File) {
            let Some(facts) = entry.facts else { continue };
            match kind_of(folder, &entry.name) {
                ContentKind::Package => shelf.package(folder, entry, facts),
                ContentKind::Image => {
                    shelf.images.insert((shown(folder), shown(&*entry.name)), facts);
                }
                _ => {}
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

fn change(kind: ChangeKind, key: &Key, from: Option<String>, to: Option<String>) -> Change {
    let (place, name, arch, _) = key;
    let usual =
        matches!(arch.as_str(), "noarch" | "src" | "nosrc") || place.split('/').any(|part| part == arch);
    let name = if usual { shown(name) } else { shown(format!("{name}.{arch}")) };
    Change { kind, place: place.clone(), name, from, to }
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
        (Some(to), None) => changes.push(change(ChangeKind::Added, key, None, Some(to.version()))),
        (Some(to), Some(from)) => {
            let kind = if to.evr() > from.evr() { ChangeKind::Updated } else { ChangeKind::Downgraded };
            changes.push(change(kind, key, Some(from.version()), Some(to.version())));
        }
        (None, Some(from)) if deletes => {
            // Nothing new comes, but the newest goes.
            let left = staged.newest().filter(|left| left.evr() < from.evr());
            let lost = left
                .map(|left| change(ChangeKind::Downgraded, key, Some(from.version()), Some(left.version())));
            changes.extend(lost);
        }
        (None, _) => {}
    }
    for file in &staged.0 {
        if published.file(file).is_some_and(|other| is_rebuilt(places, file, other)) {
            changes.push(change(ChangeKind::Rebuilt, key, Some(file.version()), Some(file.version())));
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

fn images(staged: &Shelf<'_>, published: &Shelf<'_>, deletes: bool) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |kind, (place, name): &(String, String), from: Option<u64>, to: Option<u64>| {
        let bytes = |size: Option<u64>| size.map(|size| format!("{size} bytes"));
        let (place, name) = (place.clone(), name.clone());
        changes.push(Change { kind, place, name, from: bytes(from), to: bytes(to) });
    };
    for (key, facts) in &staged.images {
        match published.images.get(key) {
            None => add(ChangeKind::Added, key, None, Some(facts.size)),
            Some(other) if (other.device, other.inode) == (facts.device, facts.inode) => {}
            Some(other) if (other.size, other.mtime.0) != (facts.size, facts.mtime.0) => {
                add(ChangeKind::Rebuilt, key, Some(other.size), Some(facts.size));
            }
            Some(_) => {}
        }
    }
    for (key, facts) in
        published.images.iter().filter(|(key, _)| deletes && !staged.images.contains_key(*key))
    {
        add(ChangeKind::Removed, key, Some(facts.size), None);
    }
    changes.sort_by(|a, b| (&a.place, &a.name).cmp(&(&b.place, &b.name)));
    changes
}

/// Counts the bytes of every file that production does not have, or has with another size.
fn gained(staging: &Tree, production: &Tree, depth: u8) -> u64 {
    let covered = staging.entries().filter(|(folder, _)| parts(folder) >= usize::from(depth));
    let files = covered.filter_map(|(folder, entry)| Some((folder, &entry.name, entry.facts?)));
    let new = files.filter(|(folder, name, facts)| {
        let other = production.entry(folder, name).and_then(|other| other.facts);
        other.is_none_or(|other| other.size != facts.size)
    });
    new.map(|(_, _, facts)| facts.size).sum()
}

fn newest_head(production: &Tree) -> Option<i64> {
    let heads = production.entries().filter(|(_, entry)| &*entry.name == "repomd.xml");
    heads.filter_map(|(_, entry)| Some(entry.facts?.mtime.0)).max()
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
