//! The state of a run, folded from its journal.

use super::event::{Event, StopStage};
use crate::domain::approval::{AfterApproval, Approval, Identity, Refusal};
use crate::domain::compose::ComposeId;
use crate::domain::evidence::Waiver;
use crate::domain::finding::{Finding, first_blocking};
use crate::domain::name::{ReleaseId, RepoName, RunId, StepId};
use crate::domain::outcome::{Outcome, ProcessEnd};
use crate::domain::plan::{Lane, Plan, Step};
use crate::domain::seal::SealDigest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
        /// When it started.
        started: Timestamp,
        /// Its shell's process id and start time.
        process: Option<(i32, u64)>,
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
        /// Approvals so far.
        approvals: Vec<Approval>,
    },
    /// It was passed.
    Passed {
        /// When.
        at: Timestamp,
        /// The evidence file.
        evidence: String,
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

/// Everything recorded about one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Where it stands.
    pub state: StepState,
    /// How often it was started.
    pub attempts: u32,
    /// The log of its last attempt, relative to the run's folder.
    pub log: Option<String>,
    /// What was executed in the last attempt.
    pub argv: Vec<String>,
    /// SHA-256 of the scripts that the last attempt ran, by path.
    pub scripts: BTreeMap<String, String>,
    /// The composes that the last attempt used.
    pub composes: BTreeMap<RepoName, ComposeId>,
    /// What its checks found in the last attempt.
    pub findings: Vec<Finding>,
    /// The step whose retry made this one stale.
    pub stale: Option<StepId>,
}

impl StepRecord {
    fn new() -> Self {
        Self {
            state: StepState::Pending,
            attempts: 0,
            log: None,
            argv: Vec::new(),
            scripts: BTreeMap::new(),
            composes: BTreeMap::new(),
            findings: Vec::new(),
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
    pub fn stops_lane(&self) -> bool {
        self.stale.is_none()
            && matches!(
                self.state,
                StepState::Concluded { outcome: Outcome::Failed | Outcome::Suspect | Outcome::Cancelled, .. }
                    | StepState::Interrupted { .. }
            )
    }

    /// Returns the exit code of its last attempt.
    pub fn exit_code(&self) -> Option<i32> {
        match &self.state {
            StepState::Concluded { end, .. } | StepState::Running { end, .. } => {
                end.as_ref().and_then(ProcessEnd::exit_code)
            }
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

/// How a run as a whole stands; of several lanes the worst counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunVerdict {
    /// A lane moves.
    Running,
    /// A step failed.
    Failed,
    /// A step exited 0 but did not do its work.
    Suspect,
    /// Its supervisor died while something ran or could have run.
    Interrupted,
    /// It was cancelled.
    Cancelled,
    /// A gate waits.
    Waiting,
    /// Every step is behind it.
    Finished,
}

impl RunVerdict {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Suspect => "suspect",
            Self::Interrupted => "interrupted",
            Self::Cancelled => "cancelled",
            Self::Waiting => "waiting",
            Self::Finished => "finished",
        }
    }

    /// Returns the exit code of a command that ran it until no lane could move.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Finished => 0,
            Self::Running | Self::Failed | Self::Interrupted | Self::Cancelled => 1,
            Self::Waiting => 3,
            Self::Suspect => 5,
        }
    }
}

/// The state of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunState {
    /// The plan.
    pub plan: Plan,
    /// Its id and who made it, once recorded.
    pub created: Option<(RunId, Identity, Timestamp)>,
    /// Every step's record.
    pub steps: BTreeMap<StepId, StepRecord>,
    /// The composes that this run's own compose steps made.
    pub produced: BTreeMap<(ReleaseId, RepoName), ComposeId>,
    /// Waivers by release.
    pub waivers: BTreeMap<ReleaseId, Vec<Waiver>>,
    /// When it was cancelled and by whom.
    pub cancelled: Option<(Timestamp, Identity)>,
    /// When the last supervisor said that nothing can move any more; none while one works.
    pub ended: Option<Timestamp>,
    /// The time of the last event.
    pub last: Option<Timestamp>,
    /// How many events were applied.
    pub events: u64,
    /// The last supervisor: process id, start time, boot id.
    pub supervisor: Option<(i32, u64, String)>,
}

impl RunState {
    /// Makes the state of a run of `plan` before its first event.
    pub fn new(plan: Plan) -> Self {
        let steps = plan.steps.iter().map(|step| (step.id.clone(), StepRecord::new())).collect();
        Self {
            plan,
            created: None,
            steps,
            produced: BTreeMap::new(),
            waivers: BTreeMap::new(),
            cancelled: None,
            ended: None,
            last: None,
            events: 0,
            supervisor: None,
        }
    }

    /// Returns the record of `id`.
    pub fn record(&self, id: &StepId) -> Option<&StepRecord> {
        self.steps.get(id)
    }

    /// Returns the gate's state in the lane of `release`.
    pub fn gate(&self, release: &ReleaseId) -> Option<(&Step, Option<&GateState>)> {
        let step =
            self.plan.steps.iter().find(|step| step.is_gate() && step.release.as_ref() == Some(release))?;
        let gate = match self.steps.get(&step.id).map(|record| &record.state) {
            Some(StepState::Gate { gate }) => Some(gate),
            _ => None,
        };
        Some((step, gate))
    }

    /// Returns the waivers of `release`.
    pub fn waivers(&self, release: &ReleaseId) -> &[Waiver] {
        self.waivers.get(release).map_or(&[], Vec::as_slice)
    }

    /// Returns the compose that `repo` of `release` was pinned to by a compose step of this run.
    pub fn produced(&self, release: &ReleaseId, repo: &RepoName) -> Option<&ComposeId> {
        self.produced.get(&(release.clone(), repo.clone()))
    }

    /// Returns the step that `lane` stands at: the first that is not behind it.
    pub fn lane_at(&self, lane: &Lane) -> Option<&Step> {
        lane.steps
            .iter()
            .find(|id| self.steps.get(id).is_none_or(|record| !record.is_behind()))
            .and_then(|id| self.plan.step(id))
    }

    /// Returns the shared step that comes next, once every lane is through.
    pub fn shared_at(&self) -> Option<&Step> {
        self.plan.shared().find(|step| self.steps.get(&step.id).is_none_or(|record| !record.is_behind()))
    }

    /// Returns the verdict on one step's place in its lane.
    fn verdict_at(&self, step: Option<&Step>) -> RunVerdict {
        let Some(step) = step else { return RunVerdict::Finished };
        // What is stale runs again by itself, so its old outcome counts no more.
        let record = self.steps.get(&step.id).filter(|record| record.stale.is_none());
        match record.map(|record| &record.state) {
            Some(StepState::Concluded { outcome: Outcome::Failed, .. }) => RunVerdict::Failed,
            Some(StepState::Concluded { outcome: Outcome::Suspect, .. }) => RunVerdict::Suspect,
            Some(StepState::Concluded { outcome: Outcome::Cancelled, .. }) => RunVerdict::Cancelled,
            Some(StepState::Interrupted { .. }) => RunVerdict::Interrupted,
            Some(StepState::Running { .. }) => RunVerdict::Running,
            _ if self.cancelled.is_some() => RunVerdict::Cancelled,
            Some(StepState::Gate { gate: GateState::Waiting { .. } | GateState::Void { .. } }) => {
                RunVerdict::Waiting
            }
            _ => RunVerdict::Running,
        }
    }

    /// Returns how the lane of `lane` stands.
    pub fn lane_verdict(&self, lane: &Lane) -> RunVerdict {
        self.verdict_at(self.lane_at(lane))
    }

    /// Returns how the run stands; `alive` says whether a supervisor holds its lock.
    pub fn verdict(&self, alive: bool) -> RunVerdict {
        let mut verdicts: Vec<RunVerdict> =
            self.plan.lanes.iter().map(|lane| self.lane_verdict(lane)).collect();
        if verdicts.iter().all(|verdict| *verdict == RunVerdict::Finished) {
            verdicts.push(self.verdict_at(self.shared_at()));
        }
        // A lane of a run without a supervisor does not move, and what failed in another counts more.
        let still = |verdict| match verdict {
            RunVerdict::Running if !alive => RunVerdict::Interrupted,
            other => other,
        };
        verdicts.into_iter().map(still).min().unwrap_or(RunVerdict::Finished)
    }

    /// Applies one event; events about steps that the plan does not have change nothing.
    pub fn apply(&mut self, at: Timestamp, event: &Event) {
        self.last = Some(at);
        self.events += 1;
        match event {
            Event::RunCreated { run, by, .. } => self.created = Some((run.clone(), by.clone(), at)),
            Event::SupervisorStarted { pid, start_time, boot_id } => {
                self.supervisor = Some((*pid, *start_time, boot_id.clone()));
                self.interrupt_running();
                self.ended = None;
            }
            Event::FindingWaived { release, waiver } => {
                self.waivers.entry(release.clone()).or_default().push(waiver.clone());
            }
            Event::ComposePinned { step, repo, compose } => {
                if let Some(release) = self.plan.step(step).and_then(|step| step.release.clone()) {
                    self.produced.insert((release, repo.clone()), compose.clone());
                }
            }
            Event::RunCancelled { by } => self.cancelled = Some((at, by.clone())),
            Event::RunEnded {} => self.ended = Some(at),
            Event::HelmTaken { .. } => {}
            Event::StepRetried { step, stale, .. } => self.retry(step, stale),
            Event::GateOpened { .. }
            | Event::Approved { .. }
            | Event::ApprovalVoided { .. }
            | Event::GatePassed { .. } => self.apply_gate(at, event),
            _ => self.apply_step(at, event),
        }
    }

    fn interrupt_running(&mut self) {
        for record in self.steps.values_mut() {
            if let StepState::Running { since, process, .. } = &record.state {
                record.state = StepState::Interrupted { started: *since, process: *process };
            }
        }
    }

    fn retry(&mut self, step: &StepId, stale: &[StepId]) {
        self.cancelled = None;
        self.ended = None;
        for id in stale {
            if let Some(record) = self.steps.get_mut(id)
                && !matches!(record.state, StepState::Pending | StepState::Skipped { .. })
            {
                record.stale = Some(step.clone());
                if let StepState::Gate { .. } = record.state {
                    record.state = StepState::Pending;
                }
            }
        }
        if let Some(record) = self.steps.get_mut(step) {
            record.state = StepState::Pending;
            record.stale = None;
        }
    }

    fn apply_step(&mut self, at: Timestamp, event: &Event) {
        let (Event::StepStarting { step, .. }
        | Event::StepStarted { step, .. }
        | Event::StepEnded { step, .. }
        | Event::StepConcluded { step, .. }
        | Event::StepRefused { step, .. }
        | Event::StepSkipped { step, .. }
        | Event::StopRequested { step, .. }) = event
        else {
            return;
        };
        let Some(planned) = self.plan.step(step) else { return };
        // No record but a gate's own opens it, whatever a journal says: a gate is never skipped, run or judged.
        let foreign = match event {
            Event::StepRefused { .. } => false,
            Event::StepSkipped { .. } => !planned.is_skippable(),
            _ => planned.is_gate(),
        };
        let Some(record) = self.steps.get_mut(step).filter(|_| !foreign) else { return };
        match event {
            Event::StepStarting { attempt, log, argv, findings, scripts, composes, .. } => {
                record.state = StepState::Running { since: at, process: None, stopping: None, end: None };
                record.attempts = *attempt;
                record.log = Some(log.clone()).filter(|log| !log.is_empty());
                record.argv.clone_from(argv);
                record.scripts.clone_from(scripts);
                record.composes.clone_from(composes);
                record.findings.clone_from(findings);
                record.stale = None;
            }
            Event::StepStarted { pid, start_time, .. } => {
                if let StepState::Running { process, .. } = &mut record.state {
                    *process = Some((*pid, *start_time));
                }
            }
            Event::StepEnded { end: how, .. } => {
                if let StepState::Running { end, .. } = &mut record.state {
                    *end = Some(how.clone());
                }
            }
            Event::StopRequested { stage, .. } => {
                if let StepState::Running { stopping, .. } = &mut record.state {
                    *stopping = Some(*stage);
                }
            }
            Event::StepConcluded { outcome, reason, findings, .. } => {
                conclude(record, at, *outcome, reason.clone());
                record.findings.extend(findings.iter().cloned());
            }
            Event::StepRefused { findings, .. } => {
                record.findings.clone_from(findings);
                let reason = first_blocking(findings).unwrap_or_default();
                record.stale = None;
                conclude(record, at, Outcome::Failed, format!("not started: {reason}"));
            }
            Event::StepSkipped { reason, by, .. } => {
                record.state = StepState::Skipped { reason: reason.clone(), by: by.clone() };
                record.stale = None;
            }
            _ => {}
        }
    }

    fn apply_gate(&mut self, at: Timestamp, event: &Event) {
        let (Event::GateOpened { step, .. }
        | Event::Approved { step, .. }
        | Event::ApprovalVoided { step, .. }
        | Event::GatePassed { step }) = event
        else {
            return;
        };
        if !self.plan.step(step).is_some_and(Step::is_gate) {
            return;
        }
        let Some(record) = self.steps.get_mut(step) else { return };
        let old = std::mem::replace(&mut record.state, StepState::Pending);
        record.state = match (event, old) {
            (Event::GateOpened { evidence, seal, .. }, _) => {
                record.stale = None;
                record.attempts += 1;
                StepState::Gate {
                    gate: GateState::Waiting {
                        since: at,
                        evidence: evidence.clone(),
                        seal: seal.clone(),
                        approvals: Vec::new(),
                    },
                }
            }
            (
                Event::Approved { approval, .. },
                StepState::Gate { gate: GateState::Waiting { since, evidence, seal, mut approvals } },
            ) => {
                approvals.push(approval.clone());
                StepState::Gate { gate: GateState::Waiting { since, evidence, seal, approvals } }
            }
            (
                Event::GatePassed { .. },
                StepState::Gate { gate: GateState::Waiting { evidence, approvals, .. } },
            ) if !approvals.is_empty() => {
                StepState::Gate { gate: GateState::Passed { at, evidence, approvals } }
            }
            (
                Event::ApprovalVoided { refusal, .. },
                StepState::Gate {
                    gate: GateState::Waiting { evidence, .. } | GateState::Passed { evidence, .. },
                },
            ) => StepState::Gate { gate: GateState::Void { at, refusal: refusal.clone(), evidence } },
            (_, old) => old,
        };
    }
}

fn conclude(record: &mut StepRecord, at: Timestamp, outcome: Outcome, reason: String) {
    let (started, end) = match &record.state {
        StepState::Running { since, end, .. } => (*since, end.clone()),
        StepState::Interrupted { started, .. } => (*started, None),
        _ => (at, None),
    };
    record.state = StepState::Concluded { outcome, reason, started, ended: at, end };
}

/// Returns whether any of `approvals` asks production to wait for a resume.
pub fn is_held(approvals: &[Approval]) -> bool {
    approvals.iter().any(|approval| approval.then == AfterApproval::Hold)
}
