//! The resolved catalog: everything that is known about a distribution before anything is ticked.
//!
//! [`crate::catalog`] makes it from TOML and from the toolkit's vars files; the planner, the screens
//! and the supervisor read it. Nothing about any one distribution is in the code.

use super::approval::Demand;
use super::finding::SeverityRule;
use super::flow::{Flow, StepTemplate};
use super::name::{FlowName, ReleaseId, TemplateName};
use super::redact::Secrets;
use super::release::Release;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How a mount is told apart from the plain folder under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountRequirement {
    /// It must be a mount point (mountinfo).
    Mount,
    /// It must hold a file called `.stagegate-mount`.
    Marker,
    /// It must be a folder.
    Folder,
}

/// A place that content stands in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Its name: `staging`.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
    /// What must be so before it is used.
    pub require: MountRequirement,
    /// The free space, in bytes, below which no step that writes to it starts.
    pub min_free: u64,
    /// For how long, in seconds, nothing may move in it before it counts as not answering.
    pub deadline_s: u64,
}

/// A git checkout whose revision belongs to the record of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// Its name: `pungi`.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
}

/// The rules of the gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateRules {
    /// Its name in plans: `staging-vetted`.
    pub name: String,
    /// What the engineer types, with `{revision}`: `{revision} vetted`.
    pub phrase: String,
    /// How long an approval holds, in seconds.
    pub expires_s: u64,
    /// How many different people must approve: 1 or 2.
    pub people: u8,
    /// The file of those who may sign approvals; none where they are not signed.
    pub allowed_signers: Option<PathBuf>,
    /// Whether one person may approve alone where two are asked for, by saying so and why.
    pub solo: bool,
    /// What a human confirms before the phrase counts.
    pub checklist: Vec<String>,
}

impl GateRules {
    /// Returns what they ask of those who approve.
    pub fn demand(&self) -> Demand {
        Demand {
            people: self.people,
            signers: self.allowed_signers.clone(),
            solo: self.solo,
            expires_s: self.expires_s,
        }
    }
}

/// The file lists that mirrors poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLists {
    /// The folder that holds them and that they list.
    pub folder: PathBuf,
    /// Plain lists, one path a line (`find .`).
    pub plain: Vec<String>,
    /// Timed lists in quick-fedora-mirror's format, which end with `[End]`.
    pub timed: Vec<String>,
    /// Whom they must belong to, if that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<FileOwner>,
}

/// Whom a file belongs to, by numbers: the users of mirrors are seldom known where lists are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOwner {
    /// The user.
    pub user: u32,
    /// The group.
    pub group: u32,
}

impl std::fmt::Display for FileOwner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.user, self.group)
    }
}

impl std::str::FromStr for FileOwner {
    type Err = std::num::ParseIntError;

    /// Reads `USER:GROUP`; without a colon the group is no number, and that is the error.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (user, group) = text.split_once(':').unwrap_or((text, ""));
        Ok(Self { user: user.parse()?, group: group.parse()? })
    }
}

/// Everything known about a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// What it is called: `Rocky Linux`.
    pub name: String,
    /// Where it came from: a path, or `built in`.
    pub source: String,
    /// Places content stands in.
    pub mounts: Vec<Mount>,
    /// Git checkouts.
    pub checkouts: Vec<Checkout>,
    /// The environment of every step: what the catalog sets and what it lets through.
    pub environment: BTreeMap<String, String>,
    /// What is secret, redacted wherever text leaves the log files.
    pub secrets: Secrets,
    /// All releases.
    pub releases: Vec<Release>,
    /// All flows.
    pub flows: Vec<Flow>,
    /// All step templates.
    pub templates: BTreeMap<TemplateName, StepTemplate>,
    /// The gate.
    pub gate: GateRules,
    /// Severity by check and path pattern; the first that fits counts.
    pub severities: Vec<SeverityRule>,
    /// The mirrors' file lists.
    pub lists: Option<FileLists>,
    /// Where torrents are written, if the distribution makes any.
    pub torrents: Option<PathBuf>,
    /// What can be wrong without stopping anything, said on the screens.
    pub notices: Vec<String>,
}

impl Catalog {
    /// Returns the release called `id`.
    pub fn release(&self, id: &ReleaseId) -> Option<&Release> {
        self.releases.iter().find(|release| release.id == *id)
    }

    /// Returns the flow called `name`.
    pub fn flow(&self, name: &FlowName) -> Option<&Flow> {
        self.flows.iter().find(|flow| flow.name == *name)
    }

    /// Returns the mount called `name`.
    pub fn mount(&self, name: &str) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.name == name)
    }

    /// Returns the phrase that approves `release`.
    pub fn phrase(&self, release: &Release) -> String {
        self.gate.phrase.replace("{revision}", release.revision()).replace("{release}", release.id.as_str())
    }
}
