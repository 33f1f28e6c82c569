//! Where content stands: the facts that the Status screen shows and that a plan is made from.

use super::compose::ComposeId;
use super::name::{ReleaseId, RepoName, SigName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a compose's `STATUS` file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ComposeStatus {
    /// Begun; it need not be running any more.
    Started,
    /// Done.
    Finished,
    /// Done, but deliverables that were allowed to fail did.
    FinishedIncomplete,
    /// Ended in an error.
    Doomed,
    /// Stopped by a signal.
    Terminated,
    /// No `STATUS` file: the directory was only just made, or is not a compose.
    None,
    /// A word that pungi is not known to write.
    Unknown,
}

impl ComposeStatus {
    /// Returns whether the compose is done: pungi changes it no more and moves the link to it.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Finished | Self::FinishedIncomplete)
    }
}

/// One compose on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComposeSummary {
    /// Its id, also the name of its directory.
    pub id: ComposeId,
    /// What its `STATUS` says.
    pub status: ComposeStatus,
    /// When its directory was made, as far as the file system tells.
    pub created: Timestamp,
    /// Its age in seconds when it was looked at.
    pub age_s: i64,
    /// Its label, if it has one: `RC-8.10`.
    pub label: Option<String>,
}

/// Where a `latest-*` link leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "link")]
pub enum LatestLink {
    /// To a compose.
    Compose {
        /// Which one.
        compose: ComposeSummary,
    },
    /// Nowhere: there is no link.
    Missing,
    /// To a name that does not exist.
    Dangling {
        /// The name it holds.
        target: String,
    },
    /// It is a real directory, as the 2021 minor-release script leaves one; pungi cannot move it any more.
    RealDirectory,
    /// To something that is no compose.
    Foreign {
        /// The name it holds.
        target: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It could not be looked at.
    Unreadable {
        /// Why not.
        reason: String,
    },
}

impl LatestLink {
    /// Returns the compose it leads to.
    pub fn compose(&self) -> Option<&ComposeSummary> {
        match self {
            Self::Compose { compose } => Some(compose),
            _ => None,
        }
    }
}

/// How a position compares with the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PositionState {
    /// It holds everything.
    Current,
    /// It holds an older state, whole.
    Behind,
    /// It holds some of the new content and lacks some.
    Partial,
    /// It holds other content than the position before it, or newer.
    Differs,
    /// It holds nothing of the repo.
    Absent,
    /// It could not be looked at.
    Unknown,
}

/// One position of one repo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// How it compares with the position before it.
    pub state: PositionState,
    /// Why, as a sentence fragment: `12 of 40 packages of … missing`; empty when current.
    pub reason: String,
}

/// Where one repo of one release stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoStatus {
    /// Which repo.
    pub name: RepoName,
    /// Its SIG.
    pub sig: Option<SigName>,
    /// Whether the procedure syncs it at all.
    pub synced: bool,
    /// Where its `latest-*` link leads.
    pub latest: LatestLink,
    /// Its newest composes (as many as a scan reads), newest first.
    pub history: Vec<ComposeSummary>,
    /// A newer compose than the latest that did not finish, if there is one.
    pub newer_unfinished: Option<ComposeSummary>,
    /// Staging against the latest compose.
    pub staging: Position,
    /// The compose that staging holds whole, as far as can be told.
    pub staging_holds: Option<ComposeId>,
    /// Production against staging.
    pub production: Position,
}

/// Where one release stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseStatus {
    /// Which release.
    pub major: ReleaseId,
    /// Its revision, `8.10`, or empty where the vars could not be read.
    pub revision: String,
    /// The mount of it that does not answer, and for how long, if so: nothing can be planned on it.
    #[serde(default)]
    pub silent: Option<String>,
    /// Why nothing of it can run, if so.
    pub problem: Option<String>,
    /// Its repos in the catalog's order.
    pub repos: Vec<RepoStatus>,
}

impl ReleaseStatus {
    /// Returns the status of the repo called `name`.
    pub fn repo(&self, name: &RepoName) -> Option<&RepoStatus> {
        self.repos.iter().find(|repo| repo.name == *name)
    }
}

/// How a mount answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum MountState {
    /// It is what the catalog wants, with this much room in bytes.
    Ready {
        /// Free bytes.
        free: u64,
        /// All bytes.
        total: u64,
    },
    /// The folder is there, but nothing is mounted on it (or its marker is missing).
    NotMounted,
    /// There is no such folder.
    Missing,
    /// It has not answered since then.
    NotAnswering {
        /// For how long, in seconds.
        for_s: u64,
    },
    /// Its server answers with errors alone: a stale handle, an I/O error.
    Failing {
        /// What the system said.
        problem: String,
    },
    /// It has not been asked yet.
    Asking,
}

/// How one mount stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountStatus {
    /// Its name in the catalog.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
    /// How it answers.
    #[serde(flatten)]
    pub state: MountState,
}

/// The revision of a git checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutStatus {
    /// Its name in the catalog.
    pub name: String,
    /// The abbreviated commit, or none where it is not a checkout.
    pub revision: Option<String>,
    /// Whether files in it are changed against that commit; none where it could not be asked.
    pub dirty: Option<bool>,
    /// Why it could not be told, if so.
    pub problem: Option<String>,
}
