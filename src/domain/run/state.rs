//! The state of a run, folded from its journal.

use super::event::Event;
use super::hands::{GivenUp, Taken};
use super::recovery::may_go_on_elsewhere;
use super::step::{Cut, GateState, Place, Stale, StepRecord, StepState, conclude};
use crate::domain::approval::Identity;
use crate::domain::compose::ComposeId;
use crate::domain::evidence::Waiver;
use crate::domain::file_digest::FileDigest;
use crate::domain::finding::first_blocking;
use crate::domain::name::{ReleaseId, RepoName, RunId, StepId};
use crate::domain::outcome::{Outcome, signal_name};
use crate::domain::plan::{Lane, Pin, Plan, Step};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// The digest of its own catalog; none before the first record and in a journal of before it was recorded.
    pub catalog: Option<FileDigest>,
    /// Every step's record.
    pub steps: BTreeMap<StepId, StepRecord>,
    /// The composes that this run's own compose steps made.
    pub produced: BTreeMap<(ReleaseId, RepoName), ComposeId>,
    /// Waivers by release.
    pub waivers: BTreeMap<ReleaseId, Vec<Waiver>>,
    /// Lanes that other runs have now.
    pub given_up: BTreeMap<ReleaseId, GivenUp>,
    /// Lanes whose release another run had before.
    pub taken: BTreeMap<ReleaseId, Taken>,
    /// When it was cancelled, and why: by whom, or by which signal.
    pub cancelled: Option<(Timestamp, String)>,
    /// When the last supervisor said that nothing can move any more; none while one works.
    pub ended: Option<Timestamp>,
    /// The time of the last event.
    pub last: Option<Timestamp>,
    /// How many events were applied.
    pub events: u64,
    /// The last supervisor: process id, start time, and where it lived.
    pub supervisor: Option<(i32, u64, Place)>,
    /// Why the last supervisor gave up, if it could say so.
    pub failed: Option<(Timestamp, String)>,
}

impl RunState {
    /// Makes the state of a run of `plan` before its first event.
    pub fn new(plan: Plan) -> Self {
        let steps = plan.steps.iter().map(|step| (step.id.clone(), StepRecord::new())).collect();
        Self {
            plan,
            created: None,
            catalog: None,
            steps,
            produced: BTreeMap::new(),
            waivers: BTreeMap::new(),
            given_up: BTreeMap::new(),
            taken: BTreeMap::new(),
            cancelled: None,
            ended: None,
            last: None,
            events: 0,
            supervisor: None,
            failed: None,
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
        // What is stale runs again by itself, so its old outcome counts no more; not so what was interrupted.
        let counts = |record: &&StepRecord| record.stale.is_none() || record.stops_lane();
        let record = self.steps.get(&step.id).filter(counts);
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
        match self.verdict_at(self.lane_at(lane)) {
            RunVerdict::Finished => RunVerdict::Finished,
            RunVerdict::Running if self.runs_in(lane) => RunVerdict::Running,
            _ if self.given_up.contains_key(&lane.release) => RunVerdict::Cancelled,
            verdict => verdict,
        }
    }

    fn runs_in(&self, lane: &Lane) -> bool {
        lane.steps.iter().any(|id| self.steps.get(id).is_some_and(StepRecord::is_running))
    }

    /// Returns the lanes that are this run's own: those that no other run has now, and those that it brought to
    /// their end before.
    pub fn lanes(&self) -> impl Iterator<Item = &Lane> {
        let given_up = |lane: &&Lane| self.given_up.contains_key(&lane.release);
        self.plan.lanes.iter().filter(move |lane| !given_up(lane) || self.lane_at(lane).is_none())
    }

    /// Returns the lanes whose releases no other run has now: those whose locks are this run's.
    pub fn held_lanes(&self) -> impl Iterator<Item = &Lane> {
        self.plan.lanes.iter().filter(|lane| !self.given_up.contains_key(&lane.release))
    }

    /// Returns whether everything that is this run's own is through, and the shared steps come next.
    pub fn lanes_are_through(&self) -> bool {
        let through = |lane: &Lane| self.lane_verdict(lane) == RunVerdict::Finished;
        self.lanes().next().is_some() && self.lanes().all(through)
    }

    /// Returns how the run stands; `alive` says whether a supervisor holds its lock.
    pub fn verdict(&self, alive: bool) -> RunVerdict {
        let mut verdicts: Vec<RunVerdict> = self.lanes().map(|lane| self.lane_verdict(lane)).collect();
        if verdicts.is_empty() {
            // Every lane was given up: other runs have them, and this one is over.
            verdicts.extend(self.plan.lanes.iter().map(|lane| self.lane_verdict(lane)));
        } else if self.lanes_are_through() {
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
            Event::RunCreated { run, by, catalog, .. } => {
                self.created = Some((run.clone(), by.clone(), at));
                self.catalog.clone_from(catalog);
            }
            Event::SupervisorStarted { pid, start_time, place } => {
                self.interrupt_running();
                self.supervisor = Some((*pid, *start_time, place.clone()));
                self.ended = None;
                self.failed = None;
            }
            Event::SupervisorFailed { reason } => self.failed = Some((at, reason.clone())),
            Event::FindingWaived { release, waiver } => {
                self.waivers.entry(release.clone()).or_default().push(waiver.clone());
            }
            Event::ComposePinned { step, repo, compose } => self.pin(at, step, repo, compose),
            Event::RunCancelled { by, signal } => self.cancelled = Some((at, stop_cause(by, *signal))),
            Event::LaneGivenUp { release, by, reason, to } => {
                let (by, reason, to) = (by.clone(), reason.clone(), to.clone());
                self.given_up.insert(release.clone(), GivenUp { at, by, reason, to });
            }
            Event::LaneTaken { release, from, owner, reason, .. } => {
                let (from, owner, reason) = (from.clone(), owner.clone(), reason.clone());
                self.taken.insert(release.clone(), Taken { from, owner, reason });
            }
            Event::RunEnded {} => self.ended = Some(at),
            Event::HelmTaken { .. } => {}
            Event::StepRetried { step, stale, .. } => self.retry(at, step, stale),
            Event::GateOpened { .. }
            | Event::Approved { .. }
            | Event::ApprovalVoided { .. }
            | Event::GatePassed { .. } => self.apply_gate(at, event),
            _ => self.apply_step(at, event),
        }
    }

    /// Returns what is recorded of an attempt that no supervisor looks after: one that was interrupted, or that
    /// still counts as running although its supervisor is dead.
    pub fn cut(&self, id: &StepId) -> Option<Cut> {
        match &self.steps.get(id)?.state {
            StepState::Interrupted { cut } => Some(cut.clone()),
            StepState::Running { since, process, stopping, end } => Some(Cut {
                since: *since,
                process: *process,
                stopping: *stopping,
                end: end.clone(),
                place: self.supervisor.as_ref().map(|(_, _, place)| place.clone()).unwrap_or_default(),
            }),
            _ => None,
        }
    }

    fn interrupt_running(&mut self) {
        let running: Vec<StepId> =
            self.steps.iter().filter(|(_, record)| record.is_running()).map(|(id, _)| id.clone()).collect();
        for id in running {
            if let Some(cut) = self.cut(&id)
                && let Some(record) = self.steps.get_mut(&id)
            {
                record.state = StepState::Interrupted { cut };
            }
        }
    }

    /// Pins the users of a compose step; those that used another compose are stale by content.
    fn pin(&mut self, at: Timestamp, step: &StepId, repo: &RepoName, compose: &ComposeId) {
        let Some(release) = self.plan.step(step).and_then(|step| step.release.clone()) else { return };
        self.produced.insert((release, repo.clone()), compose.clone());
        let uses = |user: &&Step| {
            let by = |pin: &Pin| matches!(pin, Pin::ProducedBy { step: by } if by == step);
            user.pins.iter().any(|pinned| pinned.repo == *repo && by(&pinned.pin))
        };
        let used_another = |user: &&Step| {
            let used = self.steps.get(&user.id).and_then(|record| record.composes.get(repo));
            used.is_some_and(|used| used != compose)
        };
        let users: Vec<StepId> =
            self.plan.steps.iter().filter(uses).filter(used_another).map(|user| user.id.clone()).collect();
        for user in users {
            let mut all = self.plan.descendants(&user);
            all.push(user);
            let fresh = |id: &StepId| self.steps.get(id).is_some_and(|record| record.stale.is_none());
            all.retain(fresh);
            self.mark_stale(&all, &Stale { by: step.clone(), at, compose: Some(compose.clone()) });
        }
    }

    fn retry(&mut self, at: Timestamp, step: &StepId, stale: &[StepId]) {
        self.cancelled = None;
        self.ended = None;
        self.mark_stale(stale, &Stale { by: step.clone(), at, compose: None });
        if let Some(record) = self.steps.get_mut(step) {
            record.state = StepState::Pending;
            // Where it was, whoever retries it has looked, and says so.
            (record.stale, record.adrift) = (None, false);
        }
    }

    /// Marks those of `steps` that have something to lose; the approval of a gate is gone with it.
    fn mark_stale(&mut self, steps: &[StepId], stale: &Stale) {
        for id in steps {
            if let Some(record) = self.steps.get_mut(id)
                && !matches!(record.state, StepState::Pending | StepState::Skipped { .. })
            {
                record.stale = Some(stale.clone());
                if let StepState::Gate { .. } = record.state {
                    record.state = StepState::Pending;
                }
            }
        }
    }

    fn apply_step(&mut self, at: Timestamp, event: &Event) {
        let (Event::StepStarting { step, .. }
        | Event::StepStarted { step, .. }
        | Event::StepEnded { step, .. }
        | Event::StepConcluded { step, .. }
        | Event::StepRefused { step, .. }
        | Event::StepSkipped { step, .. }
        | Event::ChecksResumed { step, .. }
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
                (record.stale, record.stopped, record.contained) = (None, None, None);
                (record.log_bytes, record.adrift) = (None, false);
            }
            Event::StepConcluded { outcome, reason, findings, .. } => {
                conclude(record, at, *outcome, reason.clone());
                if let StepState::Concluded { end: Some(end), .. } = &record.state {
                    record.adrift = may_go_on_elsewhere(planned, end);
                }
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
                (record.stale, record.adrift) = (None, false);
            }
            _ => {
                note(record, event);
                amend(&mut record.state, event);
            }
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
            (Event::GateOpened { evidence, seal, demand, digest, .. }, _) => {
                record.stale = None;
                record.attempts += 1;
                StepState::Gate {
                    gate: GateState::Waiting {
                        since: at,
                        evidence: evidence.clone(),
                        seal: seal.clone(),
                        demand: demand.clone(),
                        digest: digest.clone(),
                        approvals: Vec::new(),
                    },
                }
            }
            (
                Event::Approved { approval, .. },
                StepState::Gate { gate: mut gate @ GateState::Waiting { .. } },
            ) => {
                if let GateState::Waiting { approvals, .. } = &mut gate {
                    approvals.push(approval.clone());
                }
                StepState::Gate { gate }
            }
            (
                Event::GatePassed { .. },
                StepState::Gate { gate: GateState::Waiting { evidence, demand, approvals, .. } },
            ) if !approvals.is_empty() && demand.is_met(&approvals) => {
                StepState::Gate { gate: GateState::Passed { at, evidence, demand, approvals } }
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

/// Says why something was asked to stop, to follow "cancelled".
fn stop_cause(by: &Identity, signal: Option<i32>) -> String {
    match signal {
        Some(signal) => format!("because {} told the supervisor to stop", signal_name(signal)),
        None => format!("by {by}"),
    }
}

/// Notes of an attempt what is known besides where it stands.
fn note(record: &mut StepRecord, event: &Event) {
    match event {
        Event::StopRequested { by, signal, .. } => {
            record.stopped.get_or_insert_with(|| stop_cause(by, *signal));
        }
        Event::StepStarted { contained, .. } => record.contained.clone_from(contained),
        Event::StepEnded { log_bytes, .. } if record.is_running() => record.log_bytes = Some(*log_bytes),
        _ => {}
    }
}

/// Adds to the record of an attempt that is under way, or was cut off, what became of it.
fn amend(state: &mut StepState, event: &Event) {
    match (event, &mut *state) {
        (Event::StepStarted { pid, start_time, .. }, StepState::Running { process, .. }) => {
            *process = Some((*pid, *start_time));
        }
        (Event::StepEnded { end: how, .. }, StepState::Running { end, .. }) => *end = Some(how.clone()),
        (
            Event::StopRequested { stage, .. },
            StepState::Running { stopping, .. } | StepState::Interrupted { cut: Cut { stopping, .. } },
        ) => *stopping = Some(*stage),
        (Event::ChecksResumed { .. }, StepState::Interrupted { cut }) if cut.end.is_some() => {
            let Cut { since, process, stopping, end, .. } = cut.clone();
            *state = StepState::Running { since, process, stopping, end };
        }
        _ => {}
    }
}
