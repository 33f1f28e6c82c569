//! Plans: a selection expanded to the exact steps, immutable and with a digest.
//!
//! [`make`](make::make) is a pure function of selection, catalog and status. What a plan shows is what
//! runs: the supervisor takes commands from nowhere else.

pub mod make;
pub mod replan;
pub mod script;

use super::compose::ComposeId;
use super::flow::{CheckName, ProgressSource, Role};
use super::name::{FlowName, ReleaseId, RepoName, ResourceName, StepId};
use super::selection::Selection;
use super::status::CheckoutStatus;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The digest of a plan: SHA-256 over its canonical JSON, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanDigest(pub String);

impl PlanDigest {
    /// Returns the first twelve digits, as screens show them.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for PlanDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Which compose of a repo a step uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "pin")]
pub enum Pin {
    /// The one that the link named when the plan was made.
    Existing {
        /// Its id.
        id: ComposeId,
    },
    /// The one that a compose step of this run makes; its id is journaled when that step succeeds.
    ProducedBy {
        /// The compose step.
        step: StepId,
    },
}

/// A repo's compose as a step uses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedRepo {
    /// Which repo.
    pub repo: RepoName,
    /// Which compose.
    #[serde(flatten)]
    pub pin: Pin,
}

/// One command, with everything that decides how it runs and whether it worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// What the screens call it.
    pub title: String,
    /// What it does to the positions.
    pub role: Role,
    /// The release it belongs to; none for a step that all lanes share.
    pub release: Option<ReleaseId>,
    /// The repo it is about, if it is about one.
    pub repo: Option<RepoName>,
    /// The exact command; empty for a gate and for a native check.
    pub argv: Vec<String>,
    /// What it adds to the plan's environment.
    pub env: BTreeMap<String, String>,
    /// The working directory.
    pub cwd: PathBuf,
    /// The host it runs on over ssh, if not this one.
    pub host: Option<String>,
    /// The gate's name, if it is one.
    pub gate: Option<String>,
    /// The steps whose result it builds on; redoing one of them makes it stale.
    pub depends: Vec<StepId>,
    /// What it holds while it runs.
    pub resources: Vec<ResourceName>,
    /// The composes it uses.
    pub pins: Vec<PinnedRepo>,
    /// Checks before it starts.
    pub before: Vec<CheckName>,
    /// Checks after it ended.
    pub after: Vec<CheckName>,
    /// Phrases that a good run never prints.
    pub failure_phrases: Vec<String>,
    /// Whether running it again is safe.
    pub repeatable: bool,
    /// Its time limit in seconds.
    pub timeout_s: Option<u64>,
    /// Where its progress comes from.
    pub progress: ProgressSource,
}

impl Step {
    /// Returns whether it is the gate of its lane.
    pub fn is_gate(&self) -> bool {
        self.role == Role::Gate
    }

    /// Returns whether it needs an approval that holds.
    pub fn is_production(&self) -> bool {
        self.role == Role::Publish
    }

    /// Returns whether it may be skipped with a reason; gates and publish steps never may.
    pub fn is_skippable(&self) -> bool {
        !matches!(self.role, Role::Gate | Role::Publish | Role::Lists)
    }
}

/// The steps of one release, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// The release.
    pub release: ReleaseId,
    /// Its revision when the plan was made: `8.10`.
    pub revision: String,
    /// Its staging directory.
    pub staging: PathBuf,
    /// Its production directory.
    pub production: PathBuf,
    /// The phrase that approves it.
    pub phrase: String,
    /// Its steps, in order.
    pub steps: Vec<StepId>,
}

/// Something the engineer should know before running a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Warning {
    /// What kind, in a word that never changes.
    pub kind: WarningKind,
    /// The release it is about.
    pub release: ReleaseId,
    /// The repo it is about, if it is about one.
    pub repo: Option<RepoName>,
    /// The whole sentence.
    pub message: String,
}

/// The kinds of warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WarningKind {
    /// Staging already holds everything of the pinned compose.
    NothingNew,
    /// The pinned compose is not FINISHED.
    ComposeUnfinished,
    /// A newer compose exists that did not finish.
    NewerUnfinished,
    /// Staging holds a newer compose than the pinned one.
    ComposeOlderThanStaging,
    /// The order is cut short: something composed is not synced, or nothing goes on to staging.
    CutShort,
    /// Production holds what staging does not.
    ProductionAhead,
    /// A repo that is not ticked has content in staging that goes out too.
    AlsoGoesOut,
    /// A script folder is not at a committed revision.
    ScriptsChanged,
}

/// A selection, expanded to exact steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this form; 1.
    pub version: u32,
    /// SHA-256 over everything else.
    pub digest: PlanDigest,
    /// The distribution.
    pub distribution: String,
    /// What was ticked.
    pub selection: Selection,
    /// The environment of every step.
    pub environment: BTreeMap<String, String>,
    /// The lanes.
    pub lanes: Vec<Lane>,
    /// Every step: the lanes one after the other, then what they share.
    pub steps: Vec<Step>,
    /// What the engineer should know.
    pub warnings: Vec<Warning>,
    /// The script folders' revisions when the plan was made.
    pub checkouts: Vec<CheckoutStatus>,
}

impl Plan {
    /// Returns the flow.
    pub fn flow(&self) -> &FlowName {
        &self.selection.flow
    }

    /// Returns the step called `id`.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// Returns the lane of `release`.
    pub fn lane(&self, release: &ReleaseId) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.release == *release)
    }

    /// Returns the steps that no lane owns, in order.
    pub fn shared(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.release.is_none())
    }

    /// Returns every step that builds on `id`, directly or not, in plan order.
    pub fn descendants(&self, id: &StepId) -> Vec<StepId> {
        let mut found: Vec<StepId> = Vec::new();
        for step in &self.steps {
            if step.depends.iter().any(|parent| parent == id || found.contains(parent)) {
                found.push(step.id.clone());
            }
        }
        found
    }

    /// Computes the digest over everything but the digest itself and the warnings, which are advice.
    pub fn compute_digest(&self) -> PlanDigest {
        let bare = Self { digest: PlanDigest(String::new()), warnings: Vec::new(), ..self.clone() };
        let text = serde_json::to_vec(&bare).unwrap_or_default();
        PlanDigest(hex::encode(Sha256::digest(text)))
    }

    /// Returns whether the digest is that of the content.
    pub fn is_intact(&self) -> bool {
        self.digest == self.compute_digest()
    }
}
