//! The reads behind a status: each runs on the prober's thread of its mount and takes along all that it
//! needs, since nobody may be waiting for it any more when it ends.

use crate::compose::holding::{Holding, holdings};
use crate::compose::position::{Basis, ContentCache, Facts, Older, find_older, folders, read_bases};
use crate::compose::pulse::Pulse;
use crate::compose::scan::{Scan, SummaryCache, scan_all};
use crate::compose::tree::Root;
use crate::domain::name::{ReleaseId, RepoName};
use crate::domain::release::Release;
use crate::domain::status::LatestLink;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

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
    contents: Arc<ContentCache>,
    summaries: Arc<SummaryCache>,
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

pub(super) fn content(questions: Vec<ContentQuestion>, pulse: &Pulse) -> Content {
    let root =
        |question: &ContentQuestion| Root { path: question.root.clone(), within: question.folders.clone() };
    let roots: Vec<Root> = questions.iter().map(root).collect();
    let read = questions.into_iter().zip(holdings(&roots, pulse));
    read.map(|(question, held)| {
        (question.release, question.side, held.map(Arc::new).map_err(|error| error.to_string()))
    })
    .collect()
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
    /// Notes that everything is about to be asked for again.
    pub(super) fn begin_round(&self) {
        self.contents.begin_round();
    }

    pub(super) fn scans(&self, releases: &[Release], pulse: &Pulse) -> Scans {
        let all: Vec<&Release> = releases.iter().collect();
        let scanned = scan_all(&all, jiff::Timestamp::now(), &self.summaries, pulse);
        let told = releases.iter().zip(scanned);
        told.map(|(release, scan)| {
            (release.id.clone(), scan.map(Arc::new).map_err(|error| error.to_string()))
        })
        .collect()
    }

    pub(super) fn bases(&self, releases: &[(Release, Arc<Scan>)], pulse: &Pulse) -> Bases {
        let lanes: Vec<(&Release, &Scan)> =
            releases.iter().map(|(release, scan)| (release, &**scan)).collect();
        let bases = read_bases(&lanes, &self.contents, pulse);
        releases.iter().zip(bases).map(|((release, _), bases)| (release.id.clone(), bases)).collect()
    }

    pub(super) fn older(&self, mut releases: Vec<(Release, Facts)>, pulse: &Pulse) -> Held {
        let mut lanes: Vec<(&Release, &mut Facts)> =
            releases.iter_mut().map(|(release, facts)| (&*release, facts)).collect();
        find_older(&mut lanes, &self.contents, pulse);
        releases.into_iter().map(|(release, facts)| (release.id, facts.held, facts.before)).collect()
    }
}
