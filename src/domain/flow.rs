//! Flows and step templates: the procedure as the catalog states it, before anything is ticked.

use super::name::{FlowName, ResourceName, TemplateName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a step does to the positions of content; it decides pins, dependencies and what may be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Makes a compose; one step a ticked repo.
    Compose,
    /// Copies one repo's compose to staging; one step a ticked repo.
    Sync,
    /// Copies the composes of all repos that are not SIG repos to staging in one step.
    SyncAll,
    /// Changes the release's staging as a whole: prep, errata, sign, torrents.
    Stage,
    /// Waits for an approval.
    Gate,
    /// Copies the release's staging to production.
    Publish,
    /// Verifies (or writes) the file lists that mirrors poll; once, after every lane.
    Lists,
}

/// A native verification before or after a step, by its name in the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckName {
    /// Mount points are mounted and have room.
    Mounts,
    /// Every tool of the toolkit is in `PATH`.
    Tools,
    /// The scripts that the step runs are there.
    Scripts,
    /// The signing script is executable and its key usable without a prompt.
    Signer,
    /// `sudo -l` works without a prompt: the 2021 scripts copy nothing where it does not.
    Sudo,
    /// Comps and module files are there.
    Inputs,
    /// Nothing is left over from an earlier attempt: `.repodata/`, rsync's temp files, a stray modules.yaml, surviving processes.
    Leftovers,
    /// The revision resolves to one known target, and no script cuts it shorter.
    Target,
    /// What a deleting push would delete.
    Deletions,
    /// The pinned compose is finished and the link still names it.
    ComposeFinished,
    /// Staging holds what the pinned compose holds.
    StagingMatchesCompose,
    /// Production holds what staging holds.
    ProductionMatchesStaging,
    /// The file lists are whole and newer than the push.
    FileListsFresh,
    /// The metadata of every repo in staging is signed over its current bytes.
    MetadataSigned,
    /// Every repo of a module variant still has module data.
    ModulesPresent,
    /// Torrents were written for the images.
    TorrentsWritten,
    /// Every job in GNU parallel's job log ended well.
    JobLog,
    /// A failure phrase stands in the step's log.
    Phrases,
    /// A step before the gate was skipped.
    Skipped,
    /// Ansible's recap shows at least one host that went through.
    AnsibleRecap,
    /// Every file and package that the metadata names is there, and every package there is named.
    MetadataConsistent,
    /// Every package's header is signed by a known key.
    PackagesSigned,
    /// Every repo with groups still has its comps.
    CompsPresent,
    /// Advisories are there and name packages that are.
    ErrataPresent,
    /// Nothing that production has is lost or older.
    NoRegression,
    /// Every requirement is provided within the release's own repos.
    DependenciesClosed,
    /// Every repo's metadata and packages are of this release.
    RightRelease,
}

/// How a step's progress is read from what it prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum ProgressSource {
    /// From how long the step took before.
    #[default]
    History,
    /// From pungi's log lines.
    Pungi,
    /// From rsync's progress lines.
    Rsync,
    /// From createrepo_c's lines.
    Createrepo,
    /// From ansible's task lines.
    Ansible,
}

/// One step of the procedure, with `{placeholders}` still open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTemplate {
    /// Its name, and the middle word of its step ids.
    pub name: TemplateName,
    /// What it does.
    pub role: Role,
    /// What the screen calls it: `sync {repo} to staging`.
    pub title: String,
    /// The command, one string an argument; empty for gates and native checks.
    pub command: Vec<String>,
    /// The command for a SIG repo, where it differs.
    pub sig_command: Vec<String>,
    /// The working directory.
    pub cwd: String,
    /// The host it runs on over ssh, if not this one.
    pub host: Option<String>,
    /// What it adds to the environment.
    pub env: BTreeMap<String, String>,
    /// What it holds while it runs.
    pub resources: Vec<ResourceName>,
    /// Programs that it needs on top of its toolkit's: names to be found in `PATH`, or whole paths.
    pub tools: Vec<String>,
    /// Files of an earlier attempt that must not be there when it starts.
    pub leftovers: Vec<String>,
    /// Checks before it starts.
    pub before: Vec<CheckName>,
    /// Checks after it ended.
    pub after: Vec<CheckName>,
    /// Phrases that a good run never prints.
    pub failure_phrases: Vec<String>,
    /// Whether running it again is safe.
    pub repeatable: bool,
    /// Its time limit in seconds, if it has one.
    pub timeout_s: Option<u64>,
    /// Where its progress comes from.
    pub progress: ProgressSource,
}

/// An ordered list of step templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// Its name: `update`.
    pub name: FlowName,
    /// What it is for, in one line.
    pub about: String,
    /// The names of its templates, in order.
    pub steps: Vec<TemplateName>,
}
