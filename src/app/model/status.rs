//! Where everything stands, part by part as the answers come in.
//!
//! A mount that hangs must not hold up the others nor the screen: every part has the time at which it was
//! asked, and what is shown of it says how long it has not been answering.

use crate::domain::catalog::Catalog;
use crate::domain::name::{ReleaseId, RepoName};
use crate::domain::status::{CheckoutStatus, MountState, MountStatus, ReleaseStatus, RepoStatus};
use jiff::Timestamp;
use std::sync::Arc;

/// Seconds after which a part that was asked is said not to answer.
pub const PATIENCE_S: i64 = 3;

/// One thing that is asked for, and its last answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<T> {
    /// Its name in the catalog.
    pub name: String,
    /// The last answer.
    pub value: Option<T>,
    /// When that came.
    pub read: Option<Timestamp>,
    /// Since when it is being asked, if it is.
    pub asked: Option<Timestamp>,
}

impl<T> Part<T> {
    fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), value: None, read: None, asked: None }
    }

    /// Returns for how many seconds it has not been answering, if it should have by now.
    pub fn silent_s(&self, now: Timestamp) -> Option<u64> {
        let waited = now.as_second() - self.asked?.as_second();
        (waited >= PATIENCE_S).then_some(waited as u64)
    }

    fn answer(&mut self, value: T, now: Timestamp) {
        self.value = Some(value);
        self.read = Some(now);
        self.asked = None;
    }
}

/// The Status screen.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusModel {
    /// The mounts in the catalog's order.
    pub mounts: Vec<Part<MountStatus>>,
    /// The checkouts in the catalog's order.
    pub checkouts: Vec<Part<CheckoutStatus>>,
    /// The releases in the catalog's order.
    pub releases: Vec<Part<Arc<ReleaseStatus>>>,
    /// Every repo of any release, in the catalog's order: the rows of the matrix.
    pub rows: Vec<RepoName>,
    /// The row of the cursor.
    pub row: usize,
    /// The release of the cursor: the column.
    pub column: usize,
    /// When everything had answered for the last time.
    pub read: Option<Timestamp>,
    /// Whether a look is under way.
    pub reading: bool,
    /// Whether something changed meanwhile, so that another look follows.
    pub again: bool,
}

impl StatusModel {
    /// Makes the status of which nothing has been read.
    pub fn new(catalog: &Catalog) -> Self {
        let mut rows: Vec<RepoName> = Vec::new();
        for repo in catalog.releases.iter().flat_map(|release| &release.repos) {
            if !rows.contains(&repo.name) {
                rows.push(repo.name.clone());
            }
        }
        Self {
            mounts: catalog.mounts.iter().map(|mount| Part::new(mount.name.clone())).collect(),
            checkouts: catalog.checkouts.iter().map(|checkout| Part::new(checkout.name.clone())).collect(),
            releases: catalog.releases.iter().map(|release| Part::new(release.id.as_str())).collect(),
            rows,
            row: 0,
            column: 0,
            read: None,
            reading: false,
            again: false,
        }
    }

    /// Notes that everything is being asked.
    pub fn ask(&mut self, now: Timestamp) {
        self.reading = true;
        for asked in self.asked_mut() {
            asked.get_or_insert(now);
        }
    }

    /// Notes that nothing is being waited for any more; what did not answer goes on being silent.
    pub fn end(&mut self, now: Timestamp) {
        self.reading = false;
        self.read = Some(now);
    }

    fn asked_mut(&mut self) -> impl Iterator<Item = &mut Option<Timestamp>> {
        let mounts = self.mounts.iter_mut().map(|part| &mut part.asked);
        let checkouts = self.checkouts.iter_mut().map(|part| &mut part.asked);
        let releases = self.releases.iter_mut().map(|part| &mut part.asked);
        mounts.chain(checkouts).chain(releases)
    }

    /// Takes a mount's answer; a mount that the scan gave up on goes on being asked.
    pub fn mount_answered(&mut self, answer: MountStatus, now: Timestamp) {
        let Some(part) = self.mounts.iter_mut().find(|part| part.name == answer.name) else { return };
        if matches!(answer.state, MountState::NotAnswering { .. } | MountState::Asking) {
            part.asked.get_or_insert(now);
        } else {
            part.answer(answer, now);
        }
    }

    /// Takes a checkout's answer.
    pub fn checkout_answered(&mut self, answer: CheckoutStatus, now: Timestamp) {
        if let Some(part) = self.checkouts.iter_mut().find(|part| part.name == answer.name) {
            part.answer(answer, now);
        }
    }

    /// Takes a release's answer.
    pub fn release_answered(&mut self, answer: Arc<ReleaseStatus>, now: Timestamp) {
        if let Some(part) = self.releases.iter_mut().find(|part| part.name == answer.major.as_str()) {
            part.answer(answer, now);
        }
    }

    /// Returns how a mount stands, as the screen says it now.
    pub fn mount_state(&self, part: &Part<MountStatus>, now: Timestamp) -> MountState {
        match (part.silent_s(now), &part.value) {
            (Some(for_s), _) => MountState::NotAnswering { for_s },
            (None, Some(status)) => status.state.clone(),
            (None, None) => MountState::Asking,
        }
    }

    /// Returns whether anything is being waited for.
    pub fn is_asking(&self) -> bool {
        self.reading
    }

    /// Returns what is known of one release.
    pub fn release(&self, id: &ReleaseId) -> Option<&ReleaseStatus> {
        self.releases.iter().find(|part| part.name == id.as_str()).and_then(|part| part.value.as_deref())
    }

    /// Returns what is known of one repo.
    pub fn repo(&self, release: &ReleaseId, repo: &RepoName) -> Option<&RepoStatus> {
        self.release(release).and_then(|status| status.repo(repo))
    }

    /// Returns every checkout's last answer.
    pub fn checkouts_read(&self) -> Vec<CheckoutStatus> {
        self.checkouts.iter().filter_map(|part| part.value.clone()).collect()
    }

    /// Returns the release and the repo under the cursor; none where the release has no such repo.
    pub fn under_cursor(&self, catalog: &Catalog) -> Option<(ReleaseId, RepoName)> {
        let release = catalog.releases.get(self.column)?;
        let repo = self.rows.get(self.row)?;
        release.repo(repo).map(|repo| (release.id.clone(), repo.name.clone()))
    }
}
