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
use super::holding::{Holding, holding, placed};
use super::scan::{RepoScan, Scan};
use super::tree::Options;
use crate::domain::compose::ComposeId;
use crate::domain::name::{RepoName, SigName};
use crate::domain::release::{Release, Repo};
use crate::domain::status::RepoStatus;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
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
#[derive(Debug, Default)]
pub struct ContentCache {
    known: Mutex<BTreeMap<PathBuf, (SystemTime, Arc<Content>)>>,
}

impl ContentCache {
    /// Reads the payload of several composes of `release`, from memory where they are known.
    pub fn read(
        &self,
        release: &Release,
        ids: &[ComposeId],
        cancel: &AtomicBool,
    ) -> Vec<Result<Arc<Content>, String>> {
        let folders: Vec<PathBuf> = ids.iter().map(|id| release.compose_dir.join(id.to_string())).collect();
        let times: Vec<Option<SystemTime>> = folders.iter().map(|folder| modified(folder)).collect();
        let mut answers: Vec<Option<Result<Arc<Content>, String>>> =
            folders.iter().zip(&times).map(|(folder, time)| self.known(folder, *time).map(Ok)).collect();
        let unknown: Vec<&Path> = folders
            .iter()
            .zip(&answers)
            .filter(|(_, known)| known.is_none())
            .map(|(folder, _)| folder.as_path())
            .collect();
        let mut read = contents(&unknown, release.toolkit.depth, Options::names(cancel)).into_iter();
        for ((answer, folder), time) in answers.iter_mut().zip(&folders).zip(times) {
            if answer.is_none() {
                *answer = read
                    .next()
                    .map(|content| self.keep(folder, time, content.map_err(|error| error.to_string())?));
            }
        }
        answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(|| Err("it was not read".to_owned())))
            .collect()
    }

    fn known(&self, folder: &Path, time: Option<SystemTime>) -> Option<Arc<Content>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(folder).filter(|(then, _)| Some(*then) == time).map(|(_, content)| Arc::clone(content))
    }

    fn keep(
        &self,
        folder: &Path,
        time: Option<SystemTime>,
        content: Content,
    ) -> Result<Arc<Content>, String> {
        if let Some(found) = content.tree.problems.first() {
            return Err(format!("compose/{}: {}", found.path.display(), found.problem));
        }
        let content = Arc::new(content.into_payload());
        if let Some(time) = time.filter(|_| finished(folder)) {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(folder.to_owned(), (time, Arc::clone(&content)));
        }
        Ok(content)
    }

    /// Returns how many composes are kept.
    pub fn len(&self) -> usize {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Returns whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn modified(folder: &Path) -> Option<SystemTime> {
    std::fs::symlink_metadata(folder).and_then(|meta| meta.modified()).ok()
}

/// Says whether a compose is done, asked after its content was listed: only then is the list final.
fn finished(folder: &Path) -> bool {
    super::read::small_file(&folder.join("STATUS"), 64)
        .is_ok_and(|file| super::info::status_word(&file.bytes).is_finished())
}

/// Reads the compose that each repo of `release` is measured against.
pub fn read_bases(
    release: &Release,
    scan: &Scan,
    cache: &ContentCache,
    cancel: &AtomicBool,
) -> BTreeMap<RepoName, Basis> {
    let chosen: Vec<(RepoName, ComposeId, bool)> = scan.repos.iter().filter_map(basis_of).collect();
    let ids: Vec<ComposeId> = chosen.iter().map(|(_, id, _)| id.clone()).collect();
    let read = cache.read(release, &ids, cancel);
    let bases = chosen.into_iter().zip(read);
    bases.map(|((name, id, is_latest), content)| (name, Basis { id, is_latest, content })).collect()
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
    cancel: &AtomicBool,
) -> Vec<RepoStatus> {
    let bases = read_bases(release, scan, cache, cancel);
    let within = folders(release, &bases);
    let read = |root: Option<PathBuf>| {
        let root = root.ok_or_else(|| "the toolkit's vars could not be read".to_owned())?;
        holding(&root, within.clone(), cancel).map(Arc::new).map_err(|error| error.to_string())
    };
    let (staging, production) = std::thread::scope(|scope| {
        let staging = scope.spawn(|| read(release.staging()));
        let production = read(release.production());
        (staging.join().unwrap_or_else(|_| Err("reading it failed".to_owned())), production)
    });
    let mut facts = Facts {
        scan: Ok(Arc::clone(scan)),
        bases,
        staging,
        production,
        held: BTreeMap::new(),
        before: BTreeMap::new(),
    };
    find_older(release, &mut facts, cache, cancel);
    judge(release, &facts)
}

#[cfg(test)]
mod tests;
