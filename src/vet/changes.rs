//! What production gains and loses when staging goes there.
//!
//! Where a repo has metadata on both sides, packages, advisories and module streams are told by that, because it is what
//! clients see; elsewhere packages are told by their file names. Images, torrents and bytes are always told by the files.

mod images;
mod metadata;
mod names;

use super::VetError;
use super::places::{Places, parts, shown};
use super::trees::repositories;
use crate::compose::content::{ContentKind, kind_of};
use crate::compose::pulse::Pulse;
use crate::compose::tree::{Directory, Entry, EntryKind, Options, Root, Tree, WalkError, walk_all};
use crate::domain::evidence::Changes;
use std::collections::BTreeSet;
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
    let (mut changes, _) = compare(&places, within, Push { depth, deletes }, pulse)?;
    // A compose has no errata, and its module data is what prep adds anew.
    (changes.advisories, changes.streams) = (Vec::new(), Vec::new());
    Ok(changes)
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
    let depth = usize::from(push.depth);
    let theirs: BTreeSet<PathBuf> = repositories(&production).into_iter().collect();
    let mut both = repositories(&staging);
    both.retain(|path| parts(path.as_os_str()) >= depth && theirs.contains(path));
    let (mut changes, compared) = metadata::compare(places, both, push, pulse)?;
    let covered = Covered(compared);
    changes.packages.extend(names::compare(places, [&staging, &production], push, &covered));
    changes.packages.sort_by(|a, b| (&a.place, &a.name, a.kind).cmp(&(&b.place, &b.name, b.kind)));
    changes.advisories.sort_by(|a, b| (&a.place, &a.id, a.kind).cmp(&(&b.place, &b.id, b.kind)));
    changes.streams.sort_by(|a, b| (&a.place, &a.name, a.kind).cmp(&(&b.place, &b.name, b.kind)));
    changes.files = images::compare([&staging, &production], push);
    changes.bytes = gained(&staging, &production, push.depth);
    let now = Now {
        packages: packages(&production, push.depth),
        repos: theirs.len(),
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

/// Counts the bytes of every file that production does not have, or has with another size.
fn gained(staging: &Tree, production: &Tree, depth: u8) -> u64 {
    let pairs = pushed(staging, depth).flat_map(|dir| dir.beside(production.directory(&dir.path)));
    let size = |entry: &Entry| entry.facts.map(|facts| facts.size);
    let new = pairs.filter_map(|(ours, theirs)| {
        let bytes = size(ours)?;
        (theirs.and_then(size) != Some(bytes)).then_some(bytes)
    });
    new.sum()
}

fn newest_head(production: &Tree) -> Option<i64> {
    let name = OsStr::new("repomd.xml");
    let heads = production.directories.iter().filter_map(|dir| dir.entry(name));
    heads.filter_map(|entry| Some(entry.facts?.mtime.0)).max()
}

fn packages(production: &Tree, depth: u8) -> usize {
    let is_package = |dir: &Directory, entry: &Entry| {
        entry.kind == EntryKind::File && kind_of(&dir.path, &entry.name) == ContentKind::Package
    };
    let folders = pushed(production, depth);
    folders.map(|dir| dir.entries.iter().filter(|entry| is_package(dir, entry)).count()).sum()
}

/// Returns the folders that a push copies.
fn pushed(tree: &Tree, depth: u8) -> impl Iterator<Item = &Directory> {
    tree.directories.iter().filter(move |dir| parts(&dir.path) >= usize::from(depth))
}

/// The repos that were compared by their metadata.
#[derive(Debug)]
struct Covered(BTreeSet<PathBuf>);

impl Covered {
    /// Returns whether a folder is within one of them.
    fn has(&self, folder: &OsStr) -> bool {
        Path::new(folder).ancestors().any(|path| self.0.contains(path))
    }
}

/// Returns a package's name as it is shown in a place: with its architecture where that is not the place's.
fn name_in(place: &str, name: &str, arch: &str) -> String {
    let usual = matches!(arch, "noarch" | "src" | "nosrc") || place.split('/').any(|part| part == arch);
    if usual { shown(name) } else { shown(format!("{name}.{arch}")) }
}
