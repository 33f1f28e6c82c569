//! Where one step stands, and everything that is recorded about it.
//!
//! Only [`RunState::apply`](super::RunState::apply) changes it; whatever is asked of it here is asked of the record alone,
//! without the plan and without a look at the host.

use super::containment::Containment;
use super::event::StopStage;
use crate::domain::approval::demand::ApprovalCount;
use crate::domain::approval::{AfterApproval, Approval, Demand, Identity, Refusal};
use crate::domain::compose::ComposeId;
use crate::domain::file_digest::FileDigest;
use crate::domain::finding::Finding;
use crate::domain::name::{RepoName, StepId};
use crate::domain::outcome::{Outcome, ProcessEnd};
use crate::domain::seal::SealDigest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum StepState {
    /// Not yet.
    Pending,
    /// Its process runs, or its checks do.
    Running {
        /// Since when.
        since: Timestamp,
        /// Its shell's process id and start time, once it has one.
        process: Option<(i32, u64)>,
        /// How it was asked to stop, if it was.
        stopping: Option<StopStage>,
        /// How its process ended, while the checks after it run.
        end: Option<ProcessEnd>,
    },
    /// Over, and judged.
    Concluded {
        /// What it came to.
        outcome: Outcome,
        /// Why.
        reason: String,
        /// When it started.
        started: Timestamp,
        /// When it was judged.
        ended: Timestamp,
        /// How its process ended; none where a check before it refused it.
        end: Option<ProcessEnd>,
    },
    /// Its supervisor died while it ran.
    Interrupted {
        /// What is recorded of the attempt.
        cut: Cut,
    },
    /// Left out.
    Skipped {
        /// Why.
        reason: String,
        /// Who.
        by: Identity,
    },
    /// A gate.
    Gate {
        /// Where it stands.
        gate: GateState,
    },
}

/// Where processes live: nothing can be said about those of another place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Place {
    /// The boot; empty where it is not known.
    pub boot_id: String,
    /// The host's name; empty where it is not known.
    #[serde(default)]
    pub host: String,
    /// The pid namespace by its inode; 0 where it is not known.
    #[serde(default)]
    pub pid_namespace: u64,
}

/// What is recorded of an attempt that was cut off: its supervisor died before it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// When it was about to start.
    pub since: Timestamp,
    /// Its shell's process id and start time; none if it may not have been started at all.
    pub process: Option<(i32, u64)>,
    /// How it was asked to stop, if it was.
    pub stopping: Option<StopStage>,
    /// How its process ended, if only the checks after it were left.
    pub end: Option<ProcessEnd>,
    /// Where it ran.
    pub place: Place,
}

/// Why the result of a step counts no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stale {
    /// The step that it builds on, which ran again or pinned another compose.
    pub by: StepId,
    /// When.
    pub at: Timestamp,
    /// The compose that is pinned now, where that made it stale.
    pub compose: Option<ComposeId>,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.strftime("%Y-%m-%d %H:%M UTC");
        match &self.compose {
            None => write!(f, "{} ran again at {at}", self.by),
            Some(compose) => write!(f, "{} pinned {compose} at {at}", self.by),
        }
    }
}

/// Where a gate stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "gate")]
pub enum GateState {
    /// It has evidence and waits for approval.
    Waiting {
        /// Since when.
        since: Timestamp,
        /// The evidence file.
        evidence: String,
        /// The seal of that evidence.
        seal: SealDigest,
        /// What it asks of those who approve.
        demand: Demand,
        /// The digest of the evidence file; none in a journal of before it was recorded.
        digest: Option<FileDigest>,
        /// Approvals so far.
        approvals: Vec<Approval>,
    },
    /// It was passed.
    Passed {
        /// When.
        at: Timestamp,
        /// The evidence file.
        evidence: String,
        /// What it asked of those who approved.
        demand: Demand,
        /// The approvals.
        approvals: Vec<Approval>,
    },
    /// Its approval does not hold any more.
    Void {
        /// When that was seen.
        at: Timestamp,
        /// Why.
        refusal: Refusal,
        /// The evidence file that was approved.
        evidence: String,
    },
}

impl GateState {
    /// Returns how its approvals stand; none where they are void.
    pub fn approvals(&self) -> Option<ApprovalCount> {
        match self {
            Self::Waiting { demand, approvals, .. } | Self::Passed { demand, approvals, .. } => {
                Some(demand.count(approvals))
            }
            Self::Void { .. } => None,
        }
    }
}

/// Everything recorded about one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Where it stands.
    pub state: StepState,
    /// How often it was started.
    pub attempts: u32,
    /// The log of its last attempt, relative to the run's folder.
    pub log: Option<String>,
    /// How long that log was when the process of the last attempt had ended, in bytes; none before.
    #[serde(default)]
    pub log_bytes: Option<u64>,
    /// What was executed in the last attempt.
    pub argv: Vec<String>,
    /// What holds the processes of the last attempt together; none where it has none, or nobody said.
    #[serde(default)]
    pub contained: Option<Containment>,
    /// SHA-256 of the scripts that the last attempt ran, by path.
    pub scripts: BTreeMap<String, String>,
    /// Why the last attempt was asked to stop, if it was: by whom, or by which signal.
    pub stopped: Option<String>,
    /// The composes that the last attempt used.
    pub composes: BTreeMap<RepoName, ComposeId>,
    /// What its checks found in the last attempt.
    pub findings: Vec<Finding>,
    /// Whether the last attempt may be at work on another host yet, although it was judged: nobody saw its end there.
    #[serde(default)]
    pub adrift: bool,
    /// Why its result counts no more, if it does not.
    pub stale: Option<Stale>,
}

impl StepRecord {
    pub(super) fn new() -> Self {
        Self {
            state: StepState::Pending,
            attempts: 0,
            log: None,
            log_bytes: None,
            argv: Vec::new(),
            contained: None,
            scripts: BTreeMap::new(),
            stopped: None,
            composes: BTreeMap::new(),
            findings: Vec::new(),
            adrift: false,
            stale: None,
        }
    }

    /// Returns the word for its state, as the contract of design 10 has it.
    pub fn word(&self) -> &'static str {
        match &self.state {
            StepState::Pending => "pending",
            StepState::Running { .. } => "running",
            StepState::Concluded { outcome: Outcome::Succeeded, .. }
            | StepState::Gate { gate: GateState::Passed { .. } } => "succeeded",
            StepState::Concluded { outcome: Outcome::Failed, .. } => "failed",
            StepState::Concluded { outcome: Outcome::Suspect, .. } => "suspect",
            StepState::Concluded { outcome: Outcome::Cancelled, .. } => "cancelled",
            StepState::Interrupted { .. } => "interrupted",
            StepState::Skipped { .. } => "skipped",
            StepState::Gate { gate: GateState::Waiting { .. } } => "waiting",
            StepState::Gate { gate: GateState::Void { .. } } => "void",
        }
    }

    /// Returns whether the lane goes on after it.
    pub fn is_behind(&self) -> bool {
        self.stale.is_none()
            && matches!(
                self.state,
                StepState::Concluded { outcome: Outcome::Succeeded, .. }
                    | StepState::Skipped { .. }
                    | StepState::Gate { gate: GateState::Passed { .. } }
            )
    }

    /// Returns whether it runs.
    pub fn is_running(&self) -> bool {
        matches!(self.state, StepState::Running { .. })
    }

    /// Returns whether it stops its lane until somebody acts.
    ///
    /// What was interrupted does so even where it is stale: nothing but a person starts it again.
    pub fn stops_lane(&self) -> bool {
        match self.state {
            StepState::Interrupted { .. } => true,
            StepState::Concluded {
                outcome: Outcome::Failed | Outcome::Suspect | Outcome::Cancelled, ..
            } => self.stale.is_none(),
            _ => false,
        }
    }

    /// Returns the exit code of its last attempt.
    pub fn exit_code(&self) -> Option<i32> {
        match &self.state {
            StepState::Concluded { end, .. }
            | StepState::Running { end, .. }
            | StepState::Interrupted { cut: Cut { end, .. } } => end.as_ref().and_then(ProcessEnd::exit_code),
            _ => None,
        }
    }

    /// Returns how long its last attempt took, in seconds, once it is over.
    pub fn took_s(&self) -> Option<i64> {
        match &self.state {
            StepState::Concluded { started, ended, .. } => Some(ended.as_second() - started.as_second()),
            _ => None,
        }
    }
}

/// Takes the judgement of an attempt into its record.
pub(super) fn conclude(record: &mut StepRecord, at: Timestamp, outcome: Outcome, reason: String) {
    let (started, end) = match &record.state {
        StepState::Running { since, end, .. } | StepState::Interrupted { cut: Cut { since, end, .. } } => {
            (*since, end.clone())
        }
        _ => (at, None),
    };
    record.state = StepState::Concluded { outcome, reason, started, ended: at, end };
}

/// Returns whether any of `approvals` asks production to wait for a resume.
pub fn is_held(approvals: &[Approval]) -> bool {
    approvals.iter().any(|approval| approval.then == AfterApproval::Hold)
}

/// Returns whether `approvals` are as many as are asked for: enough people, or one who approves alone.
///
/// Whether one may is for the supervisor to say before it records that, and for the launch once more.
pub fn is_enough(approvals: &[Approval], people: u8) -> bool {
    Demand { people, ..Demand::default() }.is_met(approvals)
}
