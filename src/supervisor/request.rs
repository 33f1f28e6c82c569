//! What clients ask for, and who may.

use super::control::{Request, Response};
use super::happening::{ClientId, PendingApproval};
use super::identity;
use super::run_loop::{Busy, Supervisor};
use crate::domain::approval::Identity;
use crate::domain::evidence::Waiver;
use crate::domain::finding::FindingId;
use crate::domain::name::{ReleaseId, StepId};
use crate::domain::run::event::StopStage;
use crate::domain::run::{Event, GateState, StepState};
use crate::exec::group::marked;
use crate::journal::JournalError;
use jiff::Timestamp;
use std::sync::atomic::Ordering;

/// What came of a request: a sentence either way.
type Answer = Result<String, String>;

impl Supervisor {
    pub(super) fn on_request(&mut self, client: ClientId, request: Request) -> Result<(), JournalError> {
        let Some(by) = self.clients.get(&client).map(|connection| connection.identity.clone()) else {
            return Ok(());
        };
        if request.needs_helm()
            && let Some(owner) = self.helm.filter(|owner| *owner != client)
            && let Some(connection) = self.clients.get(&owner)
        {
            let by = connection.identity.clone();
            self.answer(client, Response::HelmBusy { by });
            return Ok(());
        }
        self.asked |=
            request.needs_helm() || matches!(request, Request::Approve { .. } | Request::Refresh { .. });
        let answer = match request {
            Request::Subscribe => Ok(self.subscribe(client)),
            Request::TakeHelm { reason } => return self.take_helm(client, by, reason),
            Request::ReleaseHelm => Ok(self.release_helm(client)),
            Request::Retry { step, reason } => self.retry(&step, reason, by)?,
            Request::Skip { step, reason } => self.skip(&step, reason, by)?,
            Request::Cancel { step: Some(step) } => self.stop(&step, StopStage::Terminate, by)?,
            Request::Cancel { step: None } => self.cancel_run(&by)?,
            Request::Kill { step } => self.stop(&step, StopStage::Kill, by)?,
            Request::Waive { release, finding, reason } => self.waive(&release, &finding, reason, by)?,
            Request::Refresh { release } => self.refresh(&release),
            Request::Approve { release, phrase, seal, then } => {
                let pending = PendingApproval { client, by, phrase, then };
                self.on_approve(&release, seal.as_ref(), pending);
                return Ok(());
            }
            Request::Resume { release } => self.resume(release.as_ref(), &by)?,
            Request::Input { step, text } => self.input(&step, text),
        };
        let response = match answer {
            Ok(message) => Response::Done { message },
            Err(message) => Response::Failed { message },
        };
        self.answer(client, response);
        Ok(())
    }

    fn subscribe(&mut self, client: ClientId) -> String {
        if let Some(connection) = self.clients.get_mut(&client) {
            connection.subscribed = true;
        }
        self.live_changed = true;
        "subscribed".to_owned()
    }

    fn take_helm(
        &mut self,
        client: ClientId,
        by: Identity,
        reason: Option<String>,
    ) -> Result<(), JournalError> {
        let owner = self.helm.filter(|owner| *owner != client);
        let owner = owner.and_then(|owner| self.clients.get(&owner)).map(|owner| owner.identity.clone());
        match (owner, reason.filter(|reason| !reason.trim().is_empty())) {
            (Some(by), None) => {
                self.answer(client, Response::HelmBusy { by });
                return Ok(());
            }
            (Some(from), Some(reason)) => self.record(&Event::HelmTaken { by, from, reason })?,
            (None, _) => {}
        }
        self.helm = Some(client);
        self.live_changed = true;
        self.answer(client, Response::Done { message: "you have the helm".to_owned() });
        Ok(())
    }

    fn release_helm(&mut self, client: ClientId) -> String {
        if self.helm == Some(client) {
            self.helm = None;
            self.live_changed = true;
        }
        "the helm is free".to_owned()
    }

    pub(super) fn on_gone(&mut self, client: ClientId) {
        self.clients.remove(&client);
        if self.helm == Some(client) {
            self.helm = None;
            self.live_changed = true;
        }
    }

    fn retry(&mut self, id: &StepId, reason: String, by: Identity) -> Result<Answer, JournalError> {
        let Some(step) = self.state.plan.step(id).cloned() else {
            return Ok(Err(format!("there is no step {id}")));
        };
        if self.busy.get(id).is_some_and(|busy| !matches!(busy, Busy::Waiting)) {
            return Ok(Err(format!("{id} is at work; cancel it first")));
        }
        let Some(record) = self.state.record(id) else { return Ok(Err(format!("there is no step {id}"))) };
        if let Some(problem) = self.still_alive(id) {
            return Ok(Err(problem));
        }
        if matches!(record.state, StepState::Pending) && self.state.cancelled.is_none() {
            return Ok(Err(format!("{id} has not run yet, so there is nothing to retry")));
        }
        let stale = self.state.plan.descendants(id);
        if let Some(other) = stale.iter().find(|other| self.busy.contains_key(*other)) {
            return Ok(Err(format!("{other} builds on {id} and is at work; cancel it first")));
        }
        if let Some(problem) = stale.iter().find_map(|other| self.still_alive(other)) {
            return Ok(Err(problem));
        }
        self.cancel.store(false, Ordering::Relaxed);
        self.record(&Event::StepRetried { step: id.clone(), reason, by, stale })?;
        self.release_lanes(step.release.as_ref());
        Ok(Ok(format!("{id} runs again")))
    }

    fn skip(&mut self, id: &StepId, reason: String, by: Identity) -> Result<Answer, JournalError> {
        let Some(step) = self.state.plan.step(id).cloned() else {
            return Ok(Err(format!("there is no step {id}")));
        };
        if !step.is_skippable() {
            return Ok(Err(format!("{id} cannot be skipped: gates and what comes after them never can")));
        }
        if reason.trim().is_empty() {
            return Ok(Err("a step is skipped only with a reason".to_owned()));
        }
        let skippable =
            self.state.record(id).is_some_and(|record| !record.is_running() && !record.is_behind());
        if !skippable || self.busy.get(id).is_some_and(|busy| !matches!(busy, Busy::Waiting)) {
            return Ok(Err(format!("{id} is running or done, so it cannot be skipped")));
        }
        if let Some(problem) = self.still_alive(id) {
            return Ok(Err(problem));
        }
        self.busy.remove(id);
        self.locks.free(id);
        self.record(&Event::StepSkipped { step: id.clone(), reason, by })?;
        if step.role == crate::domain::flow::Role::Compose {
            self.pin_produced(&step)?;
        }
        self.release_lanes(step.release.as_ref());
        Ok(Ok(format!("{id} is skipped")))
    }

    fn release_lanes(&mut self, release: Option<&ReleaseId>) {
        match release {
            Some(release) => {
                self.released.insert(release.clone());
            }
            None => self.released.extend(self.state.plan.lanes.iter().map(|lane| lane.release.clone())),
        }
    }

    fn stop(&mut self, id: &StepId, stage: StopStage, by: Identity) -> Result<Answer, JournalError> {
        let Some(Busy::Unit(unit)) = self.busy.get(id) else {
            return Ok(Err(format!("{id} has no process to stop")));
        };
        let stopped = match stage {
            StopStage::Terminate => unit.cancel(),
            StopStage::Kill => unit.kill(),
        };
        if let Err(error) = stopped {
            return Ok(Err(error.to_string()));
        }
        self.record(&Event::StopRequested { step: id.clone(), stage, by })?;
        Ok(Ok(format!("{id} was asked to stop; its checks will say what it left behind")))
    }

    fn cancel_run(&mut self, by: &Identity) -> Result<Answer, JournalError> {
        self.record(&Event::RunCancelled { by: by.clone() })?;
        let running: Vec<StepId> = self
            .busy
            .iter()
            .filter(|(_, busy)| matches!(busy, Busy::Unit(_)))
            .map(|(id, _)| id.clone())
            .collect();
        for id in &running {
            // A step that ended in this moment needs no stopping.
            let _ended = self.stop(id, StopStage::Terminate, by.clone())?;
        }
        let waiting = self.busy.iter().filter(|(_, busy)| matches!(busy, Busy::Waiting));
        for id in waiting.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.done_with(&id);
        }
        // Whoever retries a step lets that step's lane go on, not all of them.
        self.released.clear();
        let names: Vec<String> = running.iter().map(ToString::to_string).collect();
        let stopping =
            if names.is_empty() { String::new() } else { format!("; stopping {}", names.join(", ")) };
        Ok(Ok(format!("the run is cancelled{stopping}")))
    }

    fn waive(
        &mut self,
        release: &ReleaseId,
        finding: &FindingId,
        reason: String,
        by: Identity,
    ) -> Result<Answer, JournalError> {
        if reason.trim().is_empty() {
            return Ok(Err("a finding is waived only with a reason".to_owned()));
        }
        let evidence = match self.state.gate(release) {
            Some((_, Some(GateState::Waiting { evidence, .. }))) => self.dir.evidence(evidence),
            _ => {
                return Ok(Err(format!(
                    "the gate of release {release} is not waiting, so nothing can be waived"
                )));
            }
        };
        let known = match evidence {
            Ok(evidence) => evidence.findings.iter().any(|other| other.id == *finding),
            Err(error) => return Ok(Err(error.to_string())),
        };
        if !known {
            return Ok(Err(format!("release {release} has no finding {finding}")));
        }
        let waiver = Waiver { finding: finding.clone(), reason, by, at: Timestamp::now() };
        self.record(&Event::FindingWaived { release: release.clone(), waiver })?;
        Ok(Ok(format!("finding {finding} is waived")))
    }

    /// Goes on with what was interrupted or held; nothing runs twice while its first life may last.
    fn resume(&mut self, release: Option<&ReleaseId>, by: &Identity) -> Result<Answer, JournalError> {
        let lanes: Vec<ReleaseId> = self
            .state
            .plan
            .lanes
            .iter()
            .map(|lane| lane.release.clone())
            .filter(|lane| release.is_none_or(|release| release == lane))
            .collect();
        if lanes.is_empty() {
            return Ok(Err("this run has no such lane".to_owned()));
        }
        if self.state.cancelled.is_some() {
            let message = "the run was cancelled; retry the step that it stands at to go on";
            return Ok(Err(message.to_owned()));
        }
        let interrupted = self.interrupted(&lanes);
        if let Some(problem) = interrupted.iter().find_map(|(_, problem)| problem.clone()) {
            return Ok(Err(problem));
        }
        let mut said = Vec::new();
        for lane in &lanes {
            if self.release_hold(lane)? {
                said.push(format!("release {lane} goes on to production"));
            }
            self.released.insert(lane.clone());
        }
        for (id, _) in interrupted {
            match self.retry(&id, "resumed after an interruption".to_owned(), by.clone())? {
                Ok(message) => said.push(message),
                Err(problem) => return Ok(Err(problem)),
            }
        }
        Ok(Ok(if said.is_empty() { "the run goes on".to_owned() } else { said.join("; ") }))
    }

    /// Returns the interrupted steps of `lanes`, each with what forbids to run it again, if anything does.
    fn interrupted(&self, lanes: &[ReleaseId]) -> Vec<(StepId, Option<String>)> {
        let plan = &self.state.plan;
        plan.steps
            .iter()
            .filter(|step| step.release.as_ref().is_none_or(|release| lanes.contains(release)))
            .filter_map(|step| {
                let record = self.state.record(&step.id)?;
                if !matches!(record.state, StepState::Interrupted { .. }) {
                    return None;
                }
                let unsafe_again = (!step.repeatable).then(|| {
                    format!(
                        "{} is not safe to repeat: look at what it did, then retry or skip it by name",
                        step.id
                    )
                });
                Some((step.id.clone(), self.still_alive(&step.id).or(unsafe_again)))
            })
            .collect()
    }

    /// Says that processes of an interrupted step are still there, if any are: its shell, or what it left behind.
    fn still_alive(&self, id: &StepId) -> Option<String> {
        let record = self.state.record(id)?;
        let StepState::Interrupted { process, .. } = &record.state else { return None };
        let mut alive = marked(&self.mark(id, record.attempts));
        if let Some((pid, start_time)) = process
            && !alive.contains(pid)
            && identity::start_time(*pid) == Some(*start_time)
        {
            alive.push(*pid);
        }
        let pids: Vec<String> = alive.iter().map(ToString::to_string).collect();
        (!pids.is_empty()).then(|| {
            format!(
                "{id} is still alive as process {}; wait until it ends, or stop it yourself, before the run goes on",
                pids.join(", ")
            )
        })
    }

    fn input(&mut self, id: &StepId, text: String) -> Answer {
        let Some(Busy::Unit(unit)) = self.busy.get(id) else { return Err(format!("{id} has no process")) };
        let mut bytes = text.into_bytes();
        bytes.push(b'\n');
        unit.write_input(&bytes).map_err(|error| error.to_string())?;
        Ok("typed".to_owned())
    }

    pub(super) fn on_terminated(&mut self) -> Result<(), JournalError> {
        let by = identity::own();
        self.asked = true;
        if self.state.cancelled.is_none() {
            // Whatever it answers: the units were told.
            let _answer = self.cancel_run(&by)?;
        }
        Ok(())
    }
}
