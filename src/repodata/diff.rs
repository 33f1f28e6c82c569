//! What a repo gains and loses against another: packages, advisories, module streams.
//!
//! Packages are joined on name, architecture and module stream, so that a rebuild of the same version is found (which
//! `dnf repodiff` does not) and two streams of a module are no updates of each other. Repos keep old versions: the
//! newest of each side tells an update from a downgrade, and sets tell what else came or went. Both sides are read
//! on threads of their own. It must not say what is good or bad.

use super::Watch;
use super::error::RepodataError;
use super::list::{Listing, PackageList};
use super::modules::Modules;
use super::repo::Repo;
use super::stream::{Checked, Verify};
use super::updateinfo::Advisory;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::Path;

/// One repo as far as it is compared.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// Its packages.
    pub packages: PackageList,
    /// Its advisories, without their packages.
    pub advisories: Vec<Advisory>,
    /// Its modules; `None` if it names none.
    pub modules: Option<Modules>,
    /// What its files came to, with their types.
    pub checked: Vec<(String, Checked)>,
}

impl Side {
    /// Reads the repo at `folder`.
    pub fn read(folder: &Path, verify: Verify, watch: &dyn Watch) -> Result<Self, RepodataError> {
        let repo = Repo::open(folder)?;
        let mut side = Self::default();
        let packages = repo.packages(verify, watch)?;
        side.packages = packages.value;
        side.checked.push(("primary".to_owned(), packages.checked));
        let read = repo.updateinfo(verify, watch, |mut advisory| {
            advisory.collections = Vec::new();
            side.advisories.push(advisory);
            ControlFlow::Continue(())
        })?;
        side.checked.extend(read.map(|read| ("updateinfo".to_owned(), read.checked)));
        if let Some(modules) = repo.modules(verify, watch)? {
            side.checked.push(("modules".to_owned(), modules.checked));
            side.packages.set_streams(&modules.value.by_artifact());
            side.modules = Some(modules.value);
        }
        Ok(side)
    }

    /// Reads two repos side by side; the error of the first counts before that of the second.
    pub fn read_both(
        old: &Path,
        new: &Path,
        verify: Verify,
        watch: &dyn Watch,
    ) -> Result<(Self, Self), RepodataError> {
        std::thread::scope(|scope| {
            let other = scope.spawn(|| Self::read(old, verify, watch));
            let new = Self::read(new, verify, watch);
            // A panic there is a defect of ours, and goes on here.
            let old = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Ok((old?, new?))
        })
    }

    fn streams(&self) -> BTreeSet<String> {
        let modules = self.modules.iter().flat_map(|modules| &modules.streams);
        modules.map(super::modules::ModuleStream::name_stream).collect()
    }
}

/// What happened to a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// It was not there.
    Added,
    /// Its newest version is newer.
    Updated,
    /// Its newest version is older.
    Downgraded,
    /// It is the same version and another file.
    Rebuilt,
    /// It is gone.
    Removed,
}

/// A package that differs.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// Not there before.
    Added(Listing<'a>),
    /// From the newest before to the newest now, which is newer.
    Updated(Listing<'a>, Listing<'a>),
    /// From the newest before to the newest now, which is older.
    Downgraded(Listing<'a>, Listing<'a>),
    /// From one file to another of the same version.
    Rebuilt(Listing<'a>, Listing<'a>),
    /// No longer there.
    Removed(Listing<'a>),
}

impl<'a> Change<'a> {
    /// Returns what happened.
    pub fn fate(&self) -> Fate {
        match self {
            Self::Added(_) => Fate::Added,
            Self::Updated(..) => Fate::Updated,
            Self::Downgraded(..) => Fate::Downgraded,
            Self::Rebuilt(..) => Fate::Rebuilt,
            Self::Removed(_) => Fate::Removed,
        }
    }

    /// Returns the package as it is now, or as it was if it is gone.
    pub fn package(&self) -> Listing<'a> {
        match self {
            Self::Added(package) | Self::Removed(package) => *package,
            Self::Updated(_, now) | Self::Downgraded(_, now) | Self::Rebuilt(_, now) => *now,
        }
    }
}

/// What came and what went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GainedLost<T> {
    /// In the new one alone.
    pub gained: Vec<T>,
    /// In the old one alone.
    pub lost: Vec<T>,
}

/// What two repos differ in.
#[derive(Debug, Clone)]
pub struct Diff<'a> {
    /// By name, architecture and stream.
    pub packages: Vec<Change<'a>>,
    /// By id.
    pub advisories: GainedLost<&'a Advisory>,
    /// As `nodejs:18`.
    pub streams: GainedLost<String>,
}

/// Compares two repos.
pub fn diff<'a>(old: &'a Side, new: &'a Side) -> Diff<'a> {
    let ids = |side: &'a Side| -> BTreeSet<&'a str> {
        side.advisories.iter().map(|advisory| advisory.id.as_str()).collect()
    };
    let (before, now) = (ids(old), ids(new));
    let only = |side: &'a Side, others: &BTreeSet<&str>| {
        side.advisories.iter().filter(|advisory| !others.contains(advisory.id.as_str())).collect()
    };
    let (had, has) = (old.streams(), new.streams());
    Diff {
        packages: packages(&old.packages, &new.packages),
        advisories: GainedLost { gained: only(new, &before), lost: only(old, &now) },
        streams: GainedLost {
            gained: has.difference(&had).cloned().collect(),
            lost: had.difference(&has).cloned().collect(),
        },
    }
}

/// What packages are joined on.
type Key<'a> = (&'a str, &'a str, Option<&'a str>);

fn key<'a>(listing: &Listing<'a>) -> Key<'a> {
    (listing.name(), listing.arch(), listing.stream())
}

/// Compares the packages of two repos; the changes are in the order of their keys.
pub fn packages<'a>(old: &'a PackageList, new: &'a PackageList) -> Vec<Change<'a>> {
    // A table and not two sorted lists: of 30,000 packages hardly any differ, and to sort them all costs more than
    // to find the changes.
    let mut numbers = HashMap::with_capacity(old.len().max(new.len()));
    let (old, new) = (numbered(old, &mut numbers), numbered(new, &mut numbers));
    let (mut before, mut now) = (Groups::new(old, numbers.len()), Groups::new(new, numbers.len()));
    let mut changes = Vec::new();
    for number in 0..numbers.len() {
        compare(before.sorted(number), now.sorted(number), &mut changes);
    }
    // Stable: what is told of one package stays in the order in which it was found.
    changes.sort_by(|a: &Change<'_>, b| key(&a.package()).cmp(&key(&b.package())));
    changes
}

/// Numbers the keys in the order in which they are met.
fn numbered<'a>(list: &'a PackageList, numbers: &mut HashMap<Key<'a>, usize>) -> Vec<(usize, Listing<'a>)> {
    let number = |listing: Listing<'a>| {
        let next = numbers.len();
        (*numbers.entry(key(&listing)).or_insert(next), listing)
    };
    list.iter().map(number).collect()
}

/// The packages of one repo, those of one key side by side.
struct Groups<'a> {
    listings: Vec<Listing<'a>>,
    /// Where each key begins, and behind the last where it ends.
    begins: Vec<usize>,
}

impl<'a> Groups<'a> {
    fn new(mut numbered: Vec<(usize, Listing<'a>)>, keys: usize) -> Self {
        let mut begins = vec![0; keys + 1];
        for (number, _) in &numbered {
            begins[number + 1] += 1;
        }
        for at in 1..begins.len() {
            begins[at] += begins[at - 1];
        }
        // Repos are written in one order, so this finds long runs.
        numbered.sort_by_key(|(number, _)| *number);
        Self { listings: numbered.into_iter().map(|(_, listing)| listing).collect(), begins }
    }

    /// Returns the packages of a key from the oldest to the newest.
    fn sorted(&mut self, number: usize) -> &[Listing<'a>] {
        let group = &mut self.listings[self.begins[number]..self.begins[number + 1]];
        if group.len() > 1 {
            group.sort_by(|a, b| a.cmp_evr(b).then_with(|| a.pkgid().cmp(&b.pkgid())));
        }
        group
    }
}

/// Compares the versions of one package.
fn compare<'a>(was: &[Listing<'a>], is: &[Listing<'a>], changes: &mut Vec<Change<'a>>) {
    let same_version = |a: &Listing<'_>, b: &Listing<'_>| a.cmp_evr(b).is_eq();
    // The same versions first: of those only another file counts.
    for version in is.chunk_by(same_version) {
        let before: Vec<&Listing<'a>> = was.iter().filter(|one| same_version(one, &version[0])).collect();
        let unknown = version.iter().find(|one| before.iter().all(|old| old.pkgid() != one.pkgid()));
        let gone = before.iter().find(|old| version.iter().all(|one| old.pkgid() != one.pkgid()));
        let (Some(oldest), Some(newest)) = (before.first(), version.first()) else { continue };
        if unknown.is_some() || gone.is_some() {
            changes.push(Change::Rebuilt(*gone.unwrap_or(oldest).to_owned(), *unknown.unwrap_or(newest)));
        }
    }
    let moved = match (was.last(), is.last()) {
        (Some(old), Some(new)) => match new.cmp_evr(old) {
            Ordering::Equal => None,
            Ordering::Greater => Some(Change::Updated(*old, *new)),
            Ordering::Less => Some(Change::Downgraded(*old, *new)),
        },
        _ => None,
    };
    changes.extend(moved);
    let told = |one: &Listing<'a>, newest: Option<&Listing<'a>>| {
        moved.is_some() && newest.is_some_and(|newest| same_version(one, newest))
    };
    let only = |these: &[Listing<'a>], others: &[Listing<'a>]| -> Vec<Listing<'a>> {
        let lacking = |one: &&Listing<'a>| !others.iter().any(|other| same_version(one, other));
        these.iter().filter(|one| lacking(one) && !told(one, these.last())).copied().collect()
    };
    changes.extend(only(is, was).into_iter().map(Change::Added));
    changes.extend(only(was, is).into_iter().map(Change::Removed));
}

#[cfg(test)]
mod tests;
