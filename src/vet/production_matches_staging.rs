//! After a push: production holds what staging holds, and every path that was sealed.
//!
//! The push exits 0 when a copy failed, and the mirrors are told to fetch the half of it (reality.md 3.3). Shallower files
//! than the toolkit's depth are never pushed and do not count. What has the size and the time that rsync kept is taken for
//! the same, `repomd.xml` apart: other bytes under both it cannot see, nor what mirrors have fetched.

use super::VetContext;
use super::found::Found;
use super::header::header_digest;
use super::places::{Places, is_rsync_temporary, parts, places, shown};
use super::seal::{SealCache, seal_one};
use super::trees::{cancelled, or_found, walk};
use crate::compose::pool::{self, Width};
use crate::compose::tree::{Depth, Directory, Entry, EntryKind, Facts, Root, Tree, join};
use crate::domain::release::Release;
use crate::domain::seal::{Seal, SealedPath};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Files up to this size are compared byte by byte where their times differ.
const COMPARED: u64 = 8 << 20;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(release) = cx.release else { return };
    let Some(places) = places(cx, release) else { return };
    let roots = [Root::whole(&places.staging), Root::whole(&places.production)];
    let mut walked = walk(cx, "production against staging", &roots, Depth::Facts).into_iter();
    let (Some(staging), Some(production)) = (walked.next(), walked.next()) else { return };
    let (Some(staging), Some(production)) =
        (or_found(staging, &places.staging, found), or_found(production, &places.production, found))
    else {
        return;
    };
    let push = Push { cx, release, places: &places, staging: &staging, production: &production };
    push.compare(found);
    push.leftovers(found);
    if let Some(seal) = cx.sealed {
        let told = push.holds(seal, found);
        push.moved(seal, &told, found);
    }
}

struct Push<'a> {
    cx: &'a VetContext<'a>,
    release: &'a Release,
    places: &'a Places,
    staging: &'a Tree,
    production: &'a Tree,
}

impl Push<'_> {
    fn depth(&self) -> usize {
        usize::from(self.release.toolkit.depth)
    }

    /// The folder that is pushed as a whole: `BaseOS/x86_64`.
    fn top(&self, folder: &OsStr) -> OsString {
        Path::new(folder).components().take(self.depth()).collect::<PathBuf>().into_os_string()
    }

    /// Returns the folders that the push copies; asking once a folder keeps a large tree cheap.
    fn pushed(&self) -> impl Iterator<Item = &Directory> {
        self.staging.directories.iter().filter(|dir| parts(&dir.path) >= self.depth())
    }

    fn compare(&self, found: &mut Found<'_>) {
        if self.pushed().all(|dir| dir.entries.is_empty()) {
            let message = "staging holds nothing that a push would copy";
            found.blocking(
                "empty-staging",
                shown(&self.places.staging),
                message,
                "see what became of staging",
            );
            return;
        }
        let mut absent: BTreeMap<OsString, (u64, u64)> = BTreeMap::new();
        let mut differing = Vec::new();
        let mut unread = Vec::new();
        for dir in self.pushed() {
            if self.cx.pulse.is_cancelled() {
                return cancelled(found);
            }
            let counts = absent.entry(self.top(&dir.path)).or_default();
            for (entry, other) in dir.beside(self.production.directory(&dir.path)).filter(is_copied) {
                counts.1 += 1;
                let Some(other) = other else {
                    counts.0 += 1;
                    continue;
                };
                match told(entry, other) {
                    Told::Same => {}
                    Told::Differs(how) => differing.push((dir, entry, how)),
                    Told::Nothing => unread.push((dir, entry, other)),
                }
            }
        }
        // Reading is waiting for the mounts, which many threads can do at once.
        let read = pool::map(unread, Width::default(), self.cx.pulse, |(dir, entry, other)| {
            (dir, entry, self.read(&dir.path, entry, other))
        });
        let Some(read) = read.into_iter().collect::<Option<Vec<_>>>() else { return cancelled(found) };
        differing.extend(read.into_iter().filter_map(|(dir, entry, how)| Some((dir, entry, how?))));
        for (dir, entry, how) in differing {
            let path = shown(join(&dir.path, &entry.name));
            found.blocking("differs", path, format!("differs from staging: {how}"), "push again");
        }
        partial(&absent, found);
        self.missing(&absent, found);
    }

    /// Names what is missing of the folders that were pushed in part.
    fn missing(&self, absent: &BTreeMap<OsString, (u64, u64)>, found: &mut Found<'_>) {
        let in_part = |dir: &&Directory| {
            absent.get(&self.top(&dir.path)).is_some_and(|(missing, all)| *missing > 0 && missing < all)
        };
        for dir in self.pushed().filter(in_part) {
            let pairs = dir.beside(self.production.directory(&dir.path)).filter(is_copied);
            for (entry, _) in pairs.filter(|(_, other)| other.is_none()) {
                let path = shown(join(&dir.path, &entry.name));
                found.blocking("missing", path, "is missing in production", "push again");
            }
        }
    }

    /// Reads both of two files or links and says in what they differ.
    fn read(&self, folder: &OsStr, staged: &Entry, published: &Entry) -> Option<String> {
        let path = join(folder, &staged.name);
        let (from, to) = (self.places.staging.join(&path), self.places.production.join(&path));
        if staged.kind == EntryKind::Symlink {
            let same = std::fs::read_link(&from).ok() == std::fs::read_link(&to).ok();
            return (!same).then(|| "the link leads elsewhere".to_owned());
        }
        content_differs(&staged.name, (&from, staged.facts?), (&to, published.facts?))
    }

    fn leftovers(&self, found: &mut Found<'_>) {
        for (folder, entry) in self.production.entries().filter(|(_, entry)| is_rsync_temporary(&entry.name))
        {
            found.warning(
                "temporary",
                shown(join(folder, &entry.name)),
                "is an unfinished copy of rsync, in production",
                "see that no push still runs, then remove it before the lists are made",
            );
        }
    }

    /// Everything that was approved must be there, whatever became of staging meanwhile. Returns what is not.
    fn holds<'s>(&self, seal: &'s Seal, found: &mut Found<'_>) -> BTreeSet<&'s str> {
        let mut told = BTreeSet::new();
        for (path, sealed) in &seal.paths {
            let place = Path::new(path);
            let folder = place.parent().unwrap_or(Path::new("")).as_os_str();
            let Some(name) = place.file_name().filter(|_| parts(folder) >= self.depth()) else { continue };
            let entry = self.production.entry(folder, name);
            let same = match (sealed, entry.map(|entry| (entry.kind, entry.facts))) {
                (SealedPath::Link { .. }, Some((EntryKind::Symlink, _))) => {
                    seal_one(&self.places.production, place, self.cx.pulse).as_ref() == Some(sealed)
                }
                (SealedPath::Rpm { size, .. }, Some((EntryKind::File, Some(facts)))) => facts.size == *size,
                (SealedPath::File { size, sha256 }, Some((EntryKind::File, Some(facts)))) => {
                    facts.size == *size && (name != "repomd.xml" || self.has_content(place, sha256))
                }
                _ => false,
            };
            if !same {
                let message = "was approved, and production does not hold it as it was approved";
                found.blocking("not-as-sealed", shown(path), message, "push again from an unchanged staging");
                told.insert(path.as_str());
            }
        }
        told
    }

    /// What changed in staging since it was approved may have gone out: production is read where it did.
    fn moved(&self, seal: &Seal, told: &BTreeSet<&str>, found: &mut Found<'_>) {
        let mut cache = self.cx.seals.map_or_else(SealCache::new, SealCache::load);
        let now = match super::seal(&self.places.staging, Some(&mut cache), self.cx.pulse) {
            Ok(now) => now,
            Err(error) => {
                let message = format!("whether it is still what was approved is not known: {error}");
                found.blocking("not-sealed", shown(&self.places.staging), message, "check again");
                return;
            }
        };
        for (path, how) in seal.differences(&now) {
            let place = Path::new(&path);
            let folder = place.parent().unwrap_or(Path::new("")).as_os_str();
            if parts(folder) < self.depth() || told.contains(path.as_str()) {
                continue;
            }
            let there = seal_one(&self.places.production, place, self.cx.pulse);
            let advice = "see who changed staging during the push; vet it and push again";
            match seal.paths.get(&path) {
                None if there.is_some() => {
                    let message = "went to production, and nobody approved it";
                    found.blocking("not-approved", shown(&path), message, advice);
                }
                Some(sealed) if there.as_ref() != Some(sealed) => {
                    let message = format!("was {how} after it was approved, and went out like that");
                    found.blocking("moved", shown(&path), message, advice);
                }
                _ => {}
            }
        }
    }

    fn has_content(&self, path: &Path, sha256: &str) -> bool {
        std::fs::read(self.places.production.join(path))
            .is_ok_and(|bytes| hex::encode(Sha256::digest(&bytes)) == sha256)
    }
}

/// One finding for each folder of which something is missing: what a partial push looks like.
fn partial(absent: &BTreeMap<OsString, (u64, u64)>, found: &mut Found<'_>) {
    for (top, (missing, all)) in absent.iter().filter(|(_, (missing, _))| *missing > 0) {
        let (kind, message) = if missing == all {
            ("missing-tree", format!("is missing whole in production: {all} files"))
        } else {
            ("partial", format!("was pushed in part: {missing} of {all} files are missing in production"))
        };
        found.blocking(
            kind,
            shown(top),
            message,
            "push again; mirrors must not see the lists until it is whole",
        );
    }
}

/// Returns whether rsync copies an entry of staging.
fn is_copied((staged, _): &(&Entry, Option<&Entry>)) -> bool {
    staged.kind != EntryKind::Other
}

/// What two entries of one name tell without being read.
enum Told {
    /// They are the same.
    Same,
    /// They differ, and how.
    Differs(String),
    /// They have to be read.
    Nothing,
}

fn told(staged: &Entry, published: &Entry) -> Told {
    if staged.kind != published.kind {
        return Told::Differs("a link on one side, a file on the other".to_owned());
    }
    if staged.kind == EntryKind::Symlink {
        return Told::Nothing;
    }
    let (Some(a), Some(b)) = (staged.facts, published.facts) else { return Told::Same };
    if (a.device, a.inode) == (b.device, b.inode) {
        return Told::Same;
    }
    if a.size != b.size {
        return Told::Differs(format!("{} bytes instead of {}", b.size, a.size));
    }
    let is_head = matches!(staged.name.as_encoded_bytes(), b"repomd.xml" | b"repomd.xml.asc");
    // Times that rsync has kept are proof enough, but not for the file on which everything else hangs.
    if !is_head && a.mtime.0 == b.mtime.0 { Told::Same } else { Told::Nothing }
}

/// Says whether two files of one size differ.
fn content_differs(name: &OsStr, a: (&Path, Facts), b: (&Path, Facts)) -> Option<String> {
    if name.as_encoded_bytes().ends_with(b".rpm") {
        return match (header_digest(a.0), header_digest(b.0)) {
            (Ok(a), Ok(b)) if a == b => None,
            (Ok(_), Ok(_)) => Some("another package of the same size".to_owned()),
            (Err(error), _) => Some(format!("staging's package: {error}")),
            (_, Err(error)) => Some(format!("production's package: {error}")),
        };
    }
    if a.1.size > COMPARED {
        return None;
    }
    match (std::fs::read(a.0), std::fs::read(b.0)) {
        (Ok(a), Ok(b)) if a == b => None,
        (Ok(_), Ok(_)) => Some("other content of the same size".to_owned()),
        (Err(error), _) | (_, Err(error)) => Some(format!("it could not be read: {}", error.kind())),
    }
}
