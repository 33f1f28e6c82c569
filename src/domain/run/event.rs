//! What a journal records. Events are facts; they are appended before the act that they authorise.

use super::containment::Containment;
use super::step::Place;
use crate::domain::approval::{Approval, Demand, Identity, Refusal};
use crate::domain::compose::ComposeId;
use crate::domain::evidence::Waiver;
use crate::domain::file_digest::FileDigest;
use crate::domain::finding::Finding;
use crate::domain::name::{ReleaseId, RepoName, RunId, StepId};
use crate::domain::outcome::{Outcome, ProcessEnd};
use crate::domain::plan::PlanDigest;
use crate::domain::seal::SealDigest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a running step is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopStage {
    /// TERM to its tree.
    Terminate,
    /// KILL to its tree, on a second request.
    Kill,
}

/// One fact about a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// The run was made.
    RunCreated {
        /// Its id.
        run: RunId,
        /// The plan's digest.
        plan: PlanDigest,
        /// Who made it.
        by: Identity,
        /// The version of the program.
        version: String,
        /// The digest of the run's own catalog. Earlier versions did not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        catalog: Option<FileDigest>,
    },
    /// A supervisor took the run. Steps that were running under an earlier one are interrupted.
    SupervisorStarted {
        /// Its process id.
        pid: i32,
        /// Its start time in clock ticks since boot, which tells it from a later process of the same id.
        start_time: u64,
        /// Where it lives: boot, host, pid namespace.
        #[serde(flatten)]
        place: Place,
    },
    /// The supervisor gives up, because something in it broke; what it has running is stopped next, as far as it can be.
    SupervisorFailed {
        /// What broke.
        reason: String,
    },
    /// A step is about to start.
    StepStarting {
        /// Which step.
        step: StepId,
        /// Counted from 1.
        attempt: u32,
        /// Its log, relative to the run's folder.
        log: String,
        /// What is executed on this host, where it differs from the plan's argv: ssh for a step of another host.
        argv: Vec<String>,
        /// What the supervisor adds to the environment.
        added_env: BTreeMap<String, String>,
        /// The composes it uses.
        composes: BTreeMap<RepoName, ComposeId>,
        /// What the checks before it found.
        findings: Vec<Finding>,
        /// SHA-256 of the scripts it runs, by path.
        scripts: BTreeMap<String, String>,
    },
    /// Its process runs.
    StepStarted {
        /// Which step.
        step: StepId,
        /// The process id of its shell.
        pid: i32,
        /// That process's start time in clock ticks since boot.
        start_time: u64,
        /// What holds its processes together: where its cgroup is, or why it has none. Earlier versions did not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contained: Option<Containment>,
    },
    /// Its process is over.
    StepEnded {
        /// Which step.
        step: StepId,
        /// How.
        end: ProcessEnd,
        /// The size of its log in bytes.
        log_bytes: u64,
    },
    /// It was judged, checks included.
    StepConcluded {
        /// Which step.
        step: StepId,
        /// What it came to.
        outcome: Outcome,
        /// Why, in a sentence fragment.
        reason: String,
        /// What the checks found.
        findings: Vec<Finding>,
    },
    /// It was not started, because a check before it found something blocking.
    StepRefused {
        /// Which step.
        step: StepId,
        /// What was found.
        findings: Vec<Finding>,
    },
    /// It is left out, for a reason.
    StepSkipped {
        /// Which step.
        step: StepId,
        /// Why.
        reason: String,
        /// Who.
        by: Identity,
    },
    /// It will be tried again; what builds on it is stale.
    StepRetried {
        /// Which step.
        step: StepId,
        /// Why, if a reason was given.
        reason: String,
        /// Who.
        by: Identity,
        /// The steps that are stale now, approvals included.
        stale: Vec<StepId>,
    },
    /// The checks after a step are run anew: its process had ended when its supervisor died.
    ChecksResumed {
        /// Which step.
        step: StepId,
        /// Who asked.
        by: Identity,
    },
    /// A compose step made this compose, and its users are pinned to it.
    ComposePinned {
        /// The compose step.
        step: StepId,
        /// The repo.
        repo: RepoName,
        /// The compose.
        compose: ComposeId,
    },
    /// A step was asked to stop.
    StopRequested {
        /// Which step.
        step: StepId,
        /// How.
        stage: StopStage,
        /// Who.
        by: Identity,
        /// The signal that told the supervisor to stop, where nobody asked over its socket.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
    },
    /// Somebody types an answer for a step that waits for input. What is typed is recorded nowhere.
    InputGiven {
        /// Which step.
        step: StepId,
        /// Who.
        by: Identity,
    },
    /// A run was cancelled: its steps are asked to stop and nothing further starts.
    RunCancelled {
        /// Who.
        by: Identity,
        /// The signal that told the supervisor to stop, where nobody asked over its socket.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
    },
    /// A lane was given up: its release goes to another run, and nothing of it starts here any more.
    LaneGivenUp {
        /// Which lane.
        release: ReleaseId,
        /// Who asked for it.
        by: Identity,
        /// Why.
        reason: String,
        /// The run that has the release from now on.
        to: RunId,
    },
    /// The release of a lane was had by another run before.
    LaneTaken {
        /// Which lane.
        release: ReleaseId,
        /// The run that had it.
        from: RunId,
        /// Whose that was.
        owner: Identity,
        /// Who has it now.
        by: Identity,
        /// Why it was taken; none where nobody held it any more, because that run's supervisor had died with it.
        reason: Option<String>,
    },
    /// A gate has its evidence and waits.
    GateOpened {
        /// The gate.
        step: StepId,
        /// The evidence file, relative to the run's folder.
        evidence: String,
        /// The seal.
        seal: SealDigest,
        /// What it asks of those who approve. Earlier versions did not say.
        #[serde(default)]
        demand: Demand,
        /// The digest of the evidence file. Earlier versions did not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<FileDigest>,
    },
    /// A finding was let through by name.
    FindingWaived {
        /// The gate's release.
        release: ReleaseId,
        /// Which, why, who.
        waiver: Waiver,
    },
    /// Somebody approved.
    Approved {
        /// The gate.
        step: StepId,
        /// The approval.
        approval: Approval,
    },
    /// An approval holds no longer; the gate must be passed anew.
    ApprovalVoided {
        /// The gate.
        step: StepId,
        /// Why.
        refusal: Refusal,
    },
    /// Every approval that is asked for was given and nobody holds production back any more.
    GatePassed {
        /// The gate.
        step: StepId,
    },
    /// Somebody took the helm from somebody else.
    HelmTaken {
        /// Who took it.
        by: Identity,
        /// Who had it.
        from: Identity,
        /// Why.
        reason: String,
    },
    /// The run is over: nothing can move any more until somebody retries.
    RunEnded {},
}
