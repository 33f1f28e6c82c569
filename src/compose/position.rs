//! Says where staging and production of each repo stand.
//!
//! Judging ([`judge()`]) is apart from reading: it takes what was read of compose, staging and production,
//! each of which may be missing because its mount does not answer, and still says all that can be said.
//! [`positions`] reads and judges in one go.

mod judge;
mod older;
mod production;

pub use judge::judge;
pub use older::find_older;

use super::content::{Content, contents};
use super::holding::{Holding, holdings, placed};
use super::pool::{self, Width};
use super::pulse::Pulse;
use super::scan::{RepoScan, Scan};
use super::tree::{Options, Root};
use crate::domain::compose::ComposeId;
use crate::domain::name::{RepoName, SigName};
use crate::domain::release::{Release, Repo};
use crate::domain::status::RepoStatus;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// The compose that a repo's positions are measured against.
#[derive(Debug, Clone)]
pub struct Basis {
    /// Which compose.
    pub id: ComposeId,
    /// Whether the latest link names it; else it is the newest that finished, good for the variants only.
    pub is_latest: bool,
    /// Its packages and images, or why they could not be read.
    pub content: Result<Arc<Content>, String>,
}

/// An older compose of a repo.
#[derive(Debug, Clone)]
pub struct Older {
    /// Which compose.
    pub id: ComposeId,
    /// Its packages and images.
    pub content: Arc<Content>,
}

/// What was read about one release. What could not be read says why.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Its composes.
    pub scan: Result<Arc<Scan>, String>,
    /// The compose of each repo that has one.
    pub bases: BTreeMap<RepoName, Basis>,
    /// What its staging holds.
    pub staging: Result<Arc<Holding>, String>,
    /// What its production holds.
    pub production: Result<Arc<Holding>, String>,
    /// The newest compose that staging holds whole, of repos that are not current.
    pub held: BTreeMap<RepoName, Older>,
    /// The finished compose before the one that staging holds, where production lacks something.
    pub before: BTreeMap<RepoName, Older>,
}

/// The packages and images of composes that finished: they change no more, so they are listed once.
///
/// What two rounds in a row did not ask for is forgotten: composes come every day and are removed again.
#[derive(Debug, Default)]
pub struct ContentCache {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    round: u64,
    contents: BTreeMap<PathBuf, Kept>,
}

#[derive(Debug)]
struct Kept {
    modified: SystemTime,
    content: Arc<Content>,
    used: u64,
}

impl ContentCache {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a round.
    pub fn begin_round(&self) {
        let mut known = self.lock();
        known.round += 1;
        let round = known.round;
        known.contents.retain(|_, kept| kept.used + 2 >= round);
    }

    /// Reads the payload of composes (top folder, and the depth at which its toolkit copies), from memory
    /// where they are known.
    pub fn read(&self, composes: &[(PathBuf, u8)], pulse: &Pulse) -> Vec<Result<Arc<Content>, String>> {
        let folders = composes.iter().map(|(folder, _)| folder.as_path()).collect();
        let times = pool::map(folders, Width::default(), pulse, modified);
        let times: Vec<Option<SystemTime>> = times.into_iter().map(Option::flatten).collect();
        let mut answers: Vec<Option<Result<Arc<Content>, String>>> = composes
            .iter()
            .zip(&times)
            .map(|((folder, _), time)| self.known(folder, *time).map(Ok))
            .collect();
        let unknown: Vec<(&Path, u8)> = composes
            .iter()
            .zip(&answers)
            .filter(|(_, known)| known.is_none())
            .map(|((folder, depth), _)| (folder.as_path(), *depth))
            .collect();
        let read = contents(&unknown, Options::names(pulse));
        let whether_done = unknown.iter().map(|(folder, _)| *folder).collect();
        // Asked after the content was listed: only then is the list final.
        let done = pool::map(whether_done, Width::default(), pulse, finished);
        let mut read = read.into_iter().zip(done);
        for ((answer, (folder, _)), time) in answers.iter_mut().zip(composes).zip(times) {
            if answer.is_none() {
                *answer = read.next().map(|(content, done)| {
                    let content = content.map_err(|error| error.to_string())?;
                    self.keep(folder, time.filter(|_| done == Some(true)), content)
                });
            }
        }
        answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(|| Err("it was not read".to_owned())))
            .collect()
    }

    fn known(&self, folder: &Path, time: Option<SystemTime>) -> Option<Arc<Content>> {
        let mut known = self.lock();
        let round = known.round;
        let kept = known.contents.get_mut(folder).filter(|kept| Some(kept.modified) == time)?;
        kept.used = round;
        Some(Arc::clone(&kept.content))
    }

    fn keep(
        &self,
        folder: &Path,
        final_since: Option<SystemTime>,
        content: Content,
    ) -> Result<Arc<Content>, String> {
        if let Some(found) = content.tree.problems.first() {
            return Err(format!("compose/{}: {}", found.path.display(), found.problem));
        }
        let content = Arc::new(content.into_payload());
        if let Some(modified) = final_since {
            let mut known = self.lock();
            let kept = Kept { modified, content: Arc::clone(&content), used: known.round };
            known.contents.insert(folder.to_owned(), kept);
        }
        Ok(content)
    }

    /// Returns how many composes are kept.
    pub fn len(&self) -> usize {
        self.lock().contents.len()
    }

    /// Returns whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn modified(folder: &Path) -> Option<SystemTime> {
    std::fs::symlink_metadata(folder).and_then(|meta| meta.modified()).ok()
}

/// Says whether a compose is done.
fn finished(folder: &Path) -> bool {
    super::read::small_file(&folder.join("STATUS"), 64)
        .is_ok_and(|file| super::info::status_word(&file.bytes).is_finished())
}

/// Reads, for each release, the compose that each of its repos is measured against.
pub fn read_bases(
    lanes: &[(&Release, &Scan)],
    cache: &ContentCache,
    pulse: &Pulse,
) -> Vec<BTreeMap<RepoName, Basis>> {
    let chosen: Vec<Vec<(RepoName, ComposeId, bool)>> =
        lanes.iter().map(|(_, scan)| scan.repos.iter().filter_map(basis_of).collect()).collect();
    let folders: Vec<(PathBuf, u8)> = lanes
        .iter()
        .zip(&chosen)
        .flat_map(|((release, _), chosen)| chosen.iter().map(|(_, id, _)| compose_folder(release, id)))
        .collect();
    let mut read = cache.read(&folders, pulse).into_iter();
    let of_lane = |chosen: Vec<(RepoName, ComposeId, bool)>| {
        let read = read.by_ref().take(chosen.len());
        chosen
            .into_iter()
            .zip(read)
            .map(|((name, id, is_latest), content)| (name, Basis { id, is_latest, content }))
            .collect()
    };
    chosen.into_iter().map(of_lane).collect()
}

/// Returns what the cache wants to know of a compose: its folder, and the depth of its toolkit.
fn compose_folder(release: &Release, id: &ComposeId) -> (PathBuf, u8) {
    (release.compose_dir.join(id.to_string()), release.toolkit.depth)
}

fn basis_of(repo: &RepoScan) -> Option<(RepoName, ComposeId, bool)> {
    if let Some(latest) = repo.latest.compose() {
        return Some((repo.name.clone(), latest.id.clone(), true));
    }
    let newest = repo.history.iter().find(|compose| compose.status.is_finished())?;
    Some((repo.name.clone(), newest.id.clone(), false))
}

/// Returns the folders, below a release's staging or production, that the repos' variants stand in.
pub fn folders(release: &Release, bases: &BTreeMap<RepoName, Basis>) -> Vec<PathBuf> {
    let mine = release.repos.iter().filter_map(|repo| Some(repo_folders(repo, bases.get(&repo.name)?)));
    let all: BTreeSet<OsString> = mine.flatten().collect();
    all.into_iter().map(PathBuf::from).collect()
}

fn repo_folders(repo: &Repo, basis: &Basis) -> Vec<OsString> {
    let variants = basis.content.as_ref().map(|content| content.variants()).unwrap_or_default();
    variants.iter().map(|variant| placed(repo.sig.as_ref().map(SigName::as_str), variant)).collect()
}

/// Reads and judges where every repo of `release` stands.
pub fn positions(
    release: &Release,
    scan: &Arc<Scan>,
    cache: &ContentCache,
    pulse: &Pulse,
) -> Vec<RepoStatus> {
    let bases = read_bases(&[(release, scan)], cache, pulse).pop().unwrap_or_default();
    let within = folders(release, &bases);
    let places = [release.staging(), release.production()];
    let roots: Vec<Root> =
        places.iter().flatten().map(|path| Root { path: path.clone(), within: within.clone() }).collect();
    let mut held = holdings(&roots, pulse).into_iter();
    let mut next = |place: &Option<PathBuf>| match place {
        None => Err("the toolkit's vars could not be read".to_owned()),
        Some(_) => match held.next() {
            Some(holding) => holding.map(Arc::new).map_err(|error| error.to_string()),
            None => Err("it was not read".to_owned()),
        },
    };
    let [staging, production] = &places;
    let (staging, production) = (next(staging), next(production));
    let mut facts = Facts {
        scan: Ok(Arc::clone(scan)),
        bases,
        staging,
        production,
        held: BTreeMap::new(),
        before: BTreeMap::new(),
    };
    find_older(&mut [(release, &mut facts)], cache, pulse);
    judge(release, &facts)
}

#[cfg(test)]
mod tests;
