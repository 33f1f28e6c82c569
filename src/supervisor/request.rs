//! What clients ask for, and who may.

use super::control::{Request, Response};
use super::happening::{ClientId, PendingApproval};
use super::identity;
use super::run_loop::{Busy, Supervisor};
use crate::domain::approval::Identity;
use crate::domain::evidence::Waiver;
use crate::domain::finding::FindingId;
use crate::domain::name::{ReleaseId, StepId};
use crate::domain::plan::Step;
use crate::domain::run::event::StopStage;
use crate::domain::run::resume::{Ask, Decision, Why};
use crate::domain::run::{Event, GateState, StepState};
use crate::domain::secret::Secret;
use crate::exec::unit::UnitError;
use crate::journal::JournalError;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What came of a request: a sentence either way.
pub(super) type Answer = Result<String, String>;

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
        self.asked |= request.needs_helm()
            || matches!(request, Request::Approve { .. } | Request::Refresh { .. } | Request::GiveUp { .. });
        if let Some(message) = self.given_away(&request) {
            self.answer(client, Response::Failed { message });
            return Ok(());
        }
        let answer = match request {
            Request::Subscribe => Ok(self.subscribe(client)),
            Request::TakeHelm { reason } => return self.take_helm(client, by, reason),
            Request::ReleaseHelm => Ok(self.release_helm(client)),
            Request::Retry { step, reason } => self.retry(&step, reason, by)?,
            Request::Skip { step, reason } => match self.skip(client, &step, reason, by)? {
                Some(answer) => answer,
                None => return Ok(()),
            },
            Request::Cancel { step: Some(step) } => self.stop(&step, StopStage::Terminate, by, None)?,
            Request::Cancel { step: None } => self.cancel_run(&by, None)?,
            Request::Kill { step } => self.stop(&step, StopStage::Kill, by, None)?,
            Request::Waive { release, finding, message, reason } => {
                self.waive(&release, &finding, message.as_deref(), &reason, &by)?
            }
            Request::Refresh { release, check } => match self.failed_gate(&release) {
                Some(gate) => self.retry(&gate, "its evidence could not be taken".to_owned(), by)?,
                None => self.refresh(&release, check),
            },
            Request::Approve { release, phrase, seal, then, reason, solo, signed } => {
                let pending = PendingApproval { client, by, phrase, then, reason, solo, signed };
                return self.on_approve(&release, seal.as_ref(), pending);
            }
            Request::Resume { release } => self.resume(release.as_ref(), &by)?,
            Request::GiveUp { release, to, reason } => self.give_up(&release, &to, reason, &by)?,
            Request::Input { step, text, hidden } => {
                return self.input(client, &step, &text, hidden, by);
            }
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
        let taken = match (owner, reason.filter(|reason| !reason.trim().is_empty())) {
            (Some(by), None) => {
                self.answer(client, Response::HelmBusy { by });
                return Ok(());
            }
            (Some(from), Some(reason)) => {
                self.record(&Event::HelmTaken { by, from, reason: reason.clone() })?;
                Some(reason)
            }
            (None, _) => None,
        };
        if self.helm != Some(client) {
            self.pass_helm(Some(client), taken);
        }
        self.answer(client, Response::HelmGiven { turn: self.helm_turn.0 });
        Ok(())
    }

    fn pass_helm(&mut self, to: Option<ClientId>, taken: Option<String>) {
        self.helm = to;
        self.helm_turn = (self.helm_turn.0 + 1, taken);
        self.live_changed = true;
    }

    fn release_helm(&mut self, client: ClientId) -> String {
        if self.helm == Some(client) {
            self.pass_helm(None, None);
        }
        "the helm is free".to_owned()
    }

    pub(super) fn on_gone(&mut self, client: ClientId) {
        self.clients.remove(&client);
        if self.helm == Some(client) {
            self.pass_helm(None, None);
        }
    }

    fn retry(&mut self, id: &StepId, reason: String, by: Identity) -> Result<Answer, JournalError> {
        let Some(step) = self.state.plan.step(id).cloned() else {
            return Ok(Err(format!("there is no step {id}")));
        };
        if self.busy.get(id).is_some_and(|busy| !matches!(busy, Busy::Waiting)) {
            return Ok(Err(format!("{id} is at work; cancel it first")));
        }
        let truths = self.truths();
        let ask = Ask::Retry { reason: !reason.trim().is_empty() };
        let decision = self.decide(&step, truths.get(id), ask);
        if !matches!(decision, Decision::RunAgain | Decision::GoOn | Decision::NeedsApproval) {
            return Ok(Err(self.words(decision, &step, truths.get(id))));
        }
        let stale = self.state.plan.descendants(id);
        if let Some(other) = stale.iter().find(|other| self.busy.contains_key(*other)) {
            return Ok(Err(format!("{other} builds on {id} and is at work; cancel it first")));
        }
        let alive = |other: &&StepId| truths.get(*other).is_some_and(|truth| !truth.survivors().is_empty());
        if let Some(other) = stale.iter().find(alive)
            && let Some(planned) = self.state.plan.step(other)
        {
            return Ok(Err(self.words(Decision::Refuse(Why::Alive), planned, truths.get(other))));
        }
        self.run_again(&step, reason, by, decision).map(Ok)
    }

    /// Records that a step runs again; where its approval is lacking it waits behind its gate.
    pub(super) fn run_again(
        &mut self,
        step: &Step,
        reason: String,
        by: Identity,
        decision: Decision,
    ) -> Result<String, JournalError> {
        let stale = self.state.plan.descendants(&step.id);
        self.vigils.remove(&step.id);
        self.record(&Event::StepRetried { step: step.id.clone(), reason, by, stale })?;
        self.release_lanes(step.release.as_ref());
        if decision == Decision::NeedsApproval {
            self.void_lacking(step)?;
            return Ok(self.words(decision, step, None));
        }
        Ok(format!("{} runs again", step.id))
    }

    pub(super) fn release_lanes(&mut self, release: Option<&ReleaseId>) {
        match release {
            Some(release) => {
                self.released.insert(release.clone());
            }
            None => self.released.extend(self.state.lanes().map(|lane| lane.release.clone())),
        }
    }

    /// Records that a step is asked to stop, then asks it.
    pub(super) fn stop(
        &mut self,
        id: &StepId,
        stage: StopStage,
        by: Identity,
        signal: Option<i32>,
    ) -> Result<Answer, JournalError> {
        let refused = match self.busy.get(id) {
            Some(Busy::Unit(unit)) if stage == StopStage::Kill => unit.may_kill().err(),
            Some(Busy::Unit(unit)) => unit.is_over().then_some(UnitError::Ended),
            Some(Busy::Skipping) => return Ok(Ok(self.end_skip(id))),
            _ => return self.stop_without_process(id, stage, by, signal),
        };
        if let Some(error) = refused {
            return Ok(Err(error.to_string()));
        }
        self.record(&Event::StopRequested { step: id.clone(), stage, by, signal })?;
        let Some(Busy::Unit(unit)) = self.busy.get(id) else { return Ok(Err(UnitError::Ended.to_string())) };
        let asked = match stage {
            StopStage::Terminate => unit.cancel(),
            StopStage::Kill => unit.kill(),
        };
        let verb = if stage == StopStage::Kill { "is being killed" } else { "was asked to stop" };
        Ok(match asked {
            Ok(()) => Ok(format!("{id} {verb}; its checks will say what it left behind")),
            Err(error) => Err(error.to_string()),
        })
    }

    /// Ends the look of a step that has no process of its own, or stops what an interrupted step left alive.
    ///
    /// Checks, evidence and a seal are looks; what was seen so far counts for nothing.
    fn stop_without_process(
        &mut self,
        id: &StepId,
        stage: StopStage,
        by: Identity,
        signal: Option<i32>,
    ) -> Result<Answer, JournalError> {
        if !self.looks.contains_key(id) {
            return self.stop_survivors(id, stage, by, signal);
        }
        self.record(&Event::StopRequested { step: id.clone(), stage, by, signal })?;
        if let Some(look) = self.looks.get(id) {
            look.cancel();
        }
        let look = match self.state.record(id).map(|record| &record.state) {
            Some(StepState::Running { end: Some(end), .. }) => {
                format!("the process of {id} is over ({end}), the look at it")
            }
            _ => format!("the look at {id}"),
        };
        Ok(Ok(format!("{look} is ended and found nothing out")))
    }

    fn cancel_run(&mut self, by: &Identity, signal: Option<i32>) -> Result<Answer, JournalError> {
        self.record(&Event::RunCancelled { by: by.clone(), signal })?;
        let running: Vec<StepId> = self
            .busy
            .iter()
            .filter(|(_, busy)| matches!(busy, Busy::Unit(_)))
            .map(|(id, _)| id.clone())
            .collect();
        for id in &running {
            // A step that ended in this moment needs no stopping.
            let _ended = self.stop(id, StopStage::Terminate, by.clone(), signal)?;
        }
        let mut names: Vec<String> = running.iter().map(ToString::to_string).collect();
        for (id, truth) in self.truths() {
            if !truth.survivors().is_empty() {
                // Who was asked to stop before needs a KILL by name.
                let _asked = self.stop(&id, StopStage::Terminate, by.clone(), signal)?;
                names.push(format!("what is left of {id}"));
            }
        }
        let waiting = self.busy.iter().filter(|(_, busy)| matches!(busy, Busy::Waiting));
        for id in waiting.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.done_with(&id);
        }
        // What a step left behind is looked at all the same; nothing else needs to be known any more.
        for (id, look) in &self.looks {
            if !matches!(self.busy.get(id), Some(Busy::After)) {
                look.cancel();
            }
        }
        // Whoever retries a step lets that step's lane go on, not all of them.
        self.released.clear();
        let stopping =
            if names.is_empty() { String::new() } else { format!("; stopping {}", names.join(", ")) };
        Ok(Ok(format!("the run is cancelled{stopping}")))
    }

    fn waive(
        &mut self,
        release: &ReleaseId,
        finding: &FindingId,
        shown: Option<&str>,
        reason: &str,
        by: &Identity,
    ) -> Result<Answer, JournalError> {
        if reason.trim().is_empty() {
            return Ok(Err("a finding is waived only with a reason".to_owned()));
        }
        let evidence = match self.state.gate(release) {
            Some((_, Some(GateState::Waiting { evidence, digest, .. }))) => {
                self.dir.evidence_as_recorded(evidence, digest.as_ref())
            }
            _ => {
                return Ok(Err(format!(
                    "the gate of release {release} is not waiting, so nothing can be waived"
                )));
            }
        };
        let messages: BTreeSet<String> = match evidence {
            Ok(evidence) => {
                let same = evidence.findings.into_iter().filter(|other| other.id == *finding);
                same.map(|other| other.message).collect()
            }
            Err(error) => return Ok(Err(error.to_string())),
        };
        if messages.is_empty() {
            return Ok(Err(format!("release {release} has no finding {finding}")));
        }
        if shown.is_some_and(|shown| !messages.contains(shown)) {
            let now: Vec<String> = messages.into_iter().collect();
            return Ok(Err(format!("the finding says something else by now: {}", now.join("; "))));
        }
        let at = Timestamp::now();
        // What says several things under one id is waived with all of them.
        for message in messages {
            let (finding, reason, by) = (finding.clone(), reason.to_owned(), by.clone());
            let waiver = Waiver { finding, message: Some(message), reason, by, at };
            self.record(&Event::FindingWaived { release: release.clone(), waiver })?;
        }
        Ok(Ok(format!("finding {finding} is waived")))
    }

    /// Records that somebody answers a step, then types it; the unit says whether its terminal took it.
    fn input(
        &mut self,
        client: ClientId,
        id: &StepId,
        text: &Secret,
        hidden: bool,
        by: Identity,
    ) -> Result<(), JournalError> {
        if !matches!(self.busy.get(id), Some(Busy::Unit(_))) {
            self.answer(client, Response::Failed { message: format!("{id} has no process") });
            return Ok(());
        }
        self.record(&Event::InputGiven { step: id.clone(), by })?;
        let Some(answers) = self.clients.get(&client).map(|client| client.answers.clone()) else {
            return Ok(());
        };
        let Some(Busy::Unit(unit)) = self.busy.get(id) else { return Ok(()) };
        // What the Enter key sends: a terminal makes a line end of it, and a dialogue that reads keys wants the key.
        let bytes = format!("{}\r", text.0).into_bytes();
        unit.write_input(bytes, hidden, move |typed| {
            // A client that is gone needs no answer.
            let _gone = answers.send(match typed {
                Ok(()) => Response::Done { message: "typed".to_owned() },
                Err(error) => Response::Failed { message: error.to_string() },
            });
        });
        Ok(())
    }

    /// Cancels the run because `signal` told the supervisor to stop.
    pub(super) fn on_terminated(&mut self, signal: i32) -> Result<(), JournalError> {
        let by = identity::own();
        self.asked = true;
        if self.state.cancelled.is_none() {
            // Whatever it answers: the units were told.
            let _answer = self.cancel_run(&by, Some(signal))?;
        }
        Ok(())
    }
}
