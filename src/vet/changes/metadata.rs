//! Packages, advisories and module streams by the metadata of both sides: what clients will see.
//!
//! Told by package and not by version: repos keep old ones, and who looks at a gate wants to know what comes and what goes.
//! The versions are those of the newest on each side, as `dnf repodiff` has it; what was built anew under its old version is
//! told besides.

use super::Push;
use crate::compose::pool::{self, Width};
use crate::compose::pulse::Pulse;
use crate::domain::evidence::{AdvisoryChange, Change, ChangeKind, Changes, StreamChange};
use crate::repodata::diff::{Change as Differing, Diff, Side, diff};
use crate::repodata::list::{Listing, PackageList};
use crate::repodata::updateinfo::Advisory;
use crate::repodata::{Problem, Verify};
use crate::vet::VetError;
use crate::vet::places::{Places, shown};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Repos that are read at a time: each reads two files, and a gate has more to do.
const WIDTH: Width = Width { first: 2, most: 4 };

/// Compares the repos at `paths`, each on both sides; returns the changes and which of the repos could be compared.
///
/// One without readable metadata is left to the file names; that it cannot be read is a finding of its own.
pub(super) fn compare(
    places: &Places,
    paths: Vec<PathBuf>,
    push: Push,
    pulse: &Pulse,
) -> Result<(Changes, BTreeSet<PathBuf>), VetError> {
    pulse.begin("what production gains and loses", Some(paths.len() as u64));
    let read = pool::map(paths, WIDTH, pulse, |path: PathBuf| {
        let compared = one(places, &path, push, pulse);
        pulse.count(1);
        (path, compared)
    });
    let (mut all, mut covered) = (Changes::default(), BTreeSet::new());
    for (path, compared) in read.into_iter().collect::<Option<Vec<_>>>().ok_or(VetError::Cancelled)? {
        let Some(changes) = compared? else { continue };
        all.packages.extend(changes.packages);
        all.advisories.extend(changes.advisories);
        all.streams.extend(changes.streams);
        covered.insert(path);
    }
    Ok((all, covered))
}

fn one(places: &Places, path: &Path, push: Push, pulse: &Pulse) -> Result<Option<Changes>, VetError> {
    let read =
        Side::read_both(&places.production.join(path), &places.staging.join(path), Verify::Sizes, pulse);
    match read {
        Ok((old, new)) => Ok(Some(told(&shown(path), &old, &new, push))),
        Err(error) if error.problem == Problem::Cancelled => Err(VetError::Cancelled),
        Err(_) => Ok(None),
    }
}

fn told(place: &str, old: &Side, new: &Side, push: Push) -> Changes {
    let diff = diff(old, new);
    Changes {
        packages: packages(place, &diff, [&old.packages, &new.packages], push.deletes),
        advisories: advisories(place, &diff),
        streams: streams(place, &diff, [old, new]),
        ..Changes::default()
    }
}

/// What one package is, whatever its version.
type Key<'a> = (&'a str, &'a str, Option<&'a str>);

fn key<'a>(listing: &Listing<'a>) -> Key<'a> {
    (listing.name(), listing.arch(), listing.stream())
}

fn packages(place: &str, diff: &Diff<'_>, [old, new]: [&PackageList; 2], deletes: bool) -> Vec<Change> {
    let (mut came, mut went): (BTreeMap<Key<'_>, Listing<'_>>, BTreeMap<Key<'_>, Listing<'_>>) =
        Default::default();
    let mut changes = Vec::new();
    for change in &diff.packages {
        match change {
            Differing::Added(is) => newest(&mut came, *is),
            Differing::Removed(was) => newest(&mut went, *was),
            Differing::Updated(was, is) => {
                changes.push(tell(place, ChangeKind::Updated, Some(was), Some(is)));
            }
            Differing::Downgraded(was, is) => {
                changes.push(tell(place, ChangeKind::Downgraded, Some(was), Some(is)));
            }
            Differing::Rebuilt(was, is) => {
                changes.push(tell(place, ChangeKind::Rebuilt, Some(was), Some(is)));
            }
        }
    }
    // An older version beside others is neither a package that comes nor one that goes.
    for was in old.iter() {
        came.remove(&key(&was));
    }
    for is in new.iter() {
        went.remove(&key(&is));
    }
    changes.extend(came.values().map(|is| tell(place, ChangeKind::Added, None, Some(is))));
    if deletes {
        changes.extend(went.values().map(|was| tell(place, ChangeKind::Removed, Some(was), None)));
    }
    changes
}

fn newest<'a>(of: &mut BTreeMap<Key<'a>, Listing<'a>>, listing: Listing<'a>) {
    let known = of.entry(key(&listing)).or_insert(listing);
    if listing.cmp_evr(known).is_gt() {
        *known = listing;
    }
}

fn tell(place: &str, kind: ChangeKind, was: Option<&Listing<'_>>, is: Option<&Listing<'_>>) -> Change {
    let version = |listing: &Listing<'_>| {
        let epoch = if listing.epoch() > 0 { format!("{}:", listing.epoch()) } else { String::new() };
        shown(format!("{epoch}{}-{}", listing.version(), listing.release()))
    };
    let package = is.or(was);
    Change {
        kind,
        place: place.to_owned(),
        name: package.map(|one| super::name_in(place, one.name(), one.arch())).unwrap_or_default(),
        from: was.map(version),
        to: is.map(version),
        size: package.map(Listing::size).unwrap_or_default(),
    }
}

fn advisories(place: &str, diff: &Diff<'_>) -> Vec<AdvisoryChange> {
    let tell = |kind| {
        move |advisory: &&Advisory| AdvisoryChange {
            kind,
            place: place.to_owned(),
            id: shown(&advisory.id),
            sort: shown(&advisory.kind),
            severity: shown(&advisory.severity),
            title: shown(&advisory.title),
            cves: advisory.cves().map(shown).collect(),
        }
    };
    let gained = diff.advisories.gained.iter().map(tell(ChangeKind::Added));
    gained.chain(diff.advisories.lost.iter().map(tell(ChangeKind::Removed))).collect()
}

fn streams(place: &str, diff: &Diff<'_>, [old, new]: [&Side; 2]) -> Vec<StreamChange> {
    let tell = |kind, stream: &String, others: &Side| {
        let module = stream.split(':').next().unwrap_or_default();
        let known =
            others.modules.iter().flat_map(|modules| &modules.streams).any(|other| other.name == module);
        StreamChange { kind, place: place.to_owned(), name: shown(stream), whole_module: !known }
    };
    let gained = diff.streams.gained.iter().map(|stream| tell(ChangeKind::Added, stream, old));
    gained.chain(diff.streams.lost.iter().map(|stream| tell(ChangeKind::Removed, stream, new))).collect()
}
