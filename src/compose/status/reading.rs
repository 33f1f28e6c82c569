//! The reads behind a status: each runs on the prober's thread of its mount and takes along all that it
//! needs, since nobody may be waiting for it any more when it ends.

use crate::compose::holding::{Holding, holding};
use crate::compose::position::{Basis, ContentCache, Facts, Older, find_older, folders, read_bases};
use crate::compose::scan::{Scan, scan};
use crate::domain::name::{ReleaseId, RepoName};
use crate::domain::release::Release;
use crate::domain::status::LatestLink;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The composes of some releases.
pub(super) type Scans = Vec<(ReleaseId, Result<Arc<Scan>, String>)>;
/// The composes that positions are measured against.
pub(super) type Bases = Vec<(ReleaseId, BTreeMap<RepoName, Basis>)>;
/// What staging or production of some releases hold.
pub(super) type Content = Vec<(ReleaseId, Side, Result<Arc<Holding>, String>)>;
/// Older composes: those that staging holds, and those before them.
pub(super) type Held = Vec<(ReleaseId, BTreeMap<RepoName, Older>, BTreeMap<RepoName, Older>)>;

/// One of the two positions behind the composes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Where content is vetted.
    Staging,
    /// Where mirrors take it from.
    Production,
}

impl Side {
    /// Both, in the order of a release.
    pub(super) const BOTH: [Self; 2] = [Self::Staging, Self::Production];

    /// Returns the folder of `release` there, where its vars could be read.
    pub(super) fn root(self, release: &Release) -> Option<PathBuf> {
        match self {
            Self::Staging => release.staging(),
            Self::Production => release.production(),
        }
    }

    pub(super) fn of(self, facts: &mut Facts) -> &mut Result<Arc<Holding>, String> {
        match self {
            Self::Staging => &mut facts.staging,
            Self::Production => &mut facts.production,
        }
    }
}

/// What the reads share from one status to the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    cache: Arc<ContentCache>,
}

/// Reads of several releases, side by side: on a slow mount each waits, none computes.
fn side_by_side<I: Sync, O: Send>(items: &[I], read: impl Fn(&I) -> O + Sync) -> Vec<O> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = items.iter().map(|item| scope.spawn(|| read(item))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    })
}

pub(super) fn scans(releases: &[Release]) -> Scans {
    let now = jiff::Timestamp::now();
    side_by_side(releases, |release| {
        (release.id.clone(), scan(release, now).map(Arc::new).map_err(|error| error.to_string()))
    })
}

/// What is to be read of one position: its release, its root and the folders of the repos below it.
pub(super) struct ContentQuestion {
    release: ReleaseId,
    side: Side,
    root: PathBuf,
    folders: Vec<PathBuf>,
}

pub(super) fn content_question(release: &Release, facts: &Facts, side: Side) -> Option<ContentQuestion> {
    let folders = folders(release, &facts.bases);
    Some(ContentQuestion { release: release.id.clone(), side, root: side.root(release)?, folders })
}

pub(super) fn content(questions: &[ContentQuestion]) -> Content {
    let never = AtomicBool::new(false);
    side_by_side(questions, |question| {
        let held = holding(&question.root, question.folders.clone(), &never);
        (question.release.clone(), question.side, held.map(Arc::new).map_err(|error| error.to_string()))
    })
}

/// Notes that the composes themselves could not be read.
pub(super) fn unread(facts: &mut Facts, reason: &str) {
    let Ok(scan) = &facts.scan else { return };
    for repo in &scan.repos {
        if let LatestLink::Compose { compose } = &repo.latest {
            let basis = Basis { id: compose.id.clone(), is_latest: true, content: Err(reason.to_owned()) };
            facts.bases.insert(repo.name.clone(), basis);
        }
    }
}

impl Reading {
    pub(super) fn bases(&self, releases: &[(Release, Arc<Scan>)]) -> Bases {
        let never = AtomicBool::new(false);
        side_by_side(releases, |(release, scan)| {
            (release.id.clone(), read_bases(release, scan, &self.cache, &never))
        })
    }

    pub(super) fn older(&self, releases: Vec<(Release, Facts)>) -> Held {
        let never = AtomicBool::new(false);
        let found = releases.into_iter().map(|(release, mut facts)| {
            find_older(&release, &mut facts, &self.cache, &never);
            (release.id, facts.held, facts.before)
        });
        found.collect()
    }
}
