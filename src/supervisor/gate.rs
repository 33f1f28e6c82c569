//! The gate: evidence, and the way through to production (design 7). `weigh` takes the approvals in.

use super::checks::Vet;
use super::control::Response;
use super::happening::{ClientId, SealPurpose};
use super::run_loop::Supervisor;
use crate::domain::approval::{Approval, Refusal};
use crate::domain::evidence::Evidence;
use crate::domain::flow::CheckName;
use crate::domain::launch::{Authority, Launch, ProductionLaunch};
use crate::domain::name::{ReleaseId, StepId};
use crate::domain::plan::Step;
use crate::domain::run::resume::{Ask, Decision};
use crate::domain::run::{Event, GateState, StepRecord, StepState};
use crate::domain::seal::Seal;
use crate::journal::JournalError;
use crate::vet::VetError;
use jiff::Timestamp;

impl Supervisor {
    /// Moves a gate on: gathers its evidence, or lets the lane through once it is approved.
    pub(super) fn advance_gate(&mut self, step: &Step) -> Result<bool, JournalError> {
        let Some(release) = step.release.clone() else { return Ok(false) };
        if self.looking.contains(&release) {
            return Ok(false);
        }
        match self.decide(step, None, Ask::Itself) {
            Decision::GoOn if self.state.gate(&release).is_some_and(|(_, gate)| gate.is_some()) => {
                self.record(&Event::GatePassed { step: step.id.clone() })?;
                Ok(true)
            }
            Decision::GoOn | Decision::RunAgain => {
                self.gather(step, Vet::Everything);
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    pub(super) fn on_gathered(
        &mut self,
        release: &ReleaseId,
        result: Result<Box<(Evidence, Seal)>, VetError>,
    ) -> Result<(), JournalError> {
        self.looking.remove(release);
        self.live.gathering.remove(release);
        self.live_changed = true;
        let Some(step) = self.state.gate(release).map(|(step, _)| step.id.clone()) else { return Ok(()) };
        self.looks.remove(&step);
        // The lane went back while it was gathered, or the run was cancelled: it says nothing about what comes.
        let at_gate = self.state.plan.lane(release).and_then(|lane| self.state.lane_at(lane));
        let given_up = self.state.given_up.contains_key(release);
        if at_gate.is_none_or(|at| at.id != step) || self.state.cancelled.is_some() || given_up {
            return Ok(());
        }
        let (evidence, seal) = match result {
            Ok(both) => *both,
            Err(problem) => {
                let finding = crate::domain::finding::Finding::blocking(
                    crate::domain::flow::CheckName::StagingMatchesCompose,
                    "no-evidence",
                    step.as_str(),
                    format!("the evidence cannot be taken: {problem}"),
                    "mend the cause, then retry the gate",
                );
                return self.record(&Event::StepRefused { step, findings: vec![finding] });
            }
        };
        let number = self.state.record(&step).map_or(0, |record| record.attempts) + 1;
        let file = format!("gates/{release}-{number}.json");
        let digest = Some(self.dir.write_evidence(&file, &evidence, &seal)?);
        let demand = self.catalog.gate.demand();
        self.record(&Event::GateOpened { step, evidence: file, seal: seal.digest(), demand, digest })
    }

    pub(super) fn on_sealed(
        &mut self,
        release: &ReleaseId,
        purpose: SealPurpose,
        result: Result<Box<Seal>, VetError>,
    ) -> Result<(), JournalError> {
        self.looking.remove(release);
        self.live.gathering.remove(release);
        self.looks
            .retain(|step, _| self.state.plan.step(step).is_none_or(|s| s.release.as_ref() != Some(release)));
        let now = match result {
            Ok(seal) => *seal,
            Err(error) => return self.on_unsealed(release, purpose, &error),
        };
        match purpose {
            SealPurpose::Approval(pending) => self.approve(release, &pending, &now),
            SealPurpose::Publish(step) => self.publish(&step, &now),
        }
    }

    /// Staging could not be read, so nothing can be said about it and nothing goes on.
    fn on_unsealed(
        &mut self,
        release: &ReleaseId,
        purpose: SealPurpose,
        error: &VetError,
    ) -> Result<(), JournalError> {
        let refusal = Refusal::SealUnknown { problem: error.to_string() };
        // Evidence that nobody could look at anew is as good as it was: the next approval looks again.
        let passing = matches!(error, VetError::NotAnswering { .. } | VetError::Cancelled);
        match purpose {
            SealPurpose::Approval(pending) => {
                self.answer(pending.client, Response::Refused { refusal });
                if let Some(step) =
                    self.state.gate(release).map(|(step, _)| step.clone()).filter(|_| !passing)
                {
                    self.gather(&step, Vet::Everything);
                }
                Ok(())
            }
            SealPurpose::Publish(step) => {
                self.done_with(&step);
                self.void(release, refusal)
            }
        }
    }

    pub(super) fn shown_seal(&self, release: &ReleaseId) -> Result<(Step, Seal, Vec<Approval>), String> {
        let (step, gate) = self.state.gate(release).ok_or("its lane has no gate")?;
        let (evidence, approvals) = match gate {
            Some(
                GateState::Waiting { evidence, approvals, .. }
                | GateState::Passed { evidence, approvals, .. },
            ) => (evidence, approvals.clone()),
            _ => return Err("its gate was not passed".to_owned()),
        };
        let seal = self.dir.seal(evidence).map_err(|error| error.to_string())?;
        // Of a passed gate its approvals say which seal it had; the launch compares them.
        if matches!(gate, Some(GateState::Waiting { seal: recorded, .. }) if *recorded != seal.digest()) {
            return Err(format!("the seal of {evidence} is not what was recorded"));
        }
        Ok((step.clone(), seal, approvals))
    }

    /// Starts a publish step if the approvals hold now, for the seal that staging has now.
    fn publish(&mut self, id: &StepId, now: &Seal) -> Result<(), JournalError> {
        let Some(step) = self.state.plan.step(id).cloned() else { return Ok(()) };
        let Some(release) = step.release.clone() else { return Ok(()) };
        if !self.may_move(&step) {
            self.done_with(id);
            return Ok(());
        }
        let demand = self.demand(&release);
        let launch = match self.shown_seal(&release) {
            Err(_) => Err(Refusal::NotApproved { release: release.clone() }),
            Ok((_, shown, approvals)) => self.verify(&demand, &approvals).and_then(|signers| {
                ProductionLaunch::authorize(
                    &step,
                    &Authority {
                        run: self.dir.id(),
                        plan: &self.state.plan,
                        approvals: &approvals,
                        signers: &signers,
                        demand: &demand,
                        shown: &shown,
                        now,
                        at: Timestamp::now(),
                    },
                )
            }),
        };
        match launch {
            Ok(launch) => self.start(&Launch::Production(launch)),
            Err(refusal) => {
                self.done_with(id);
                self.void(&release, refusal)
            }
        }
    }

    /// Records that an approval holds no longer; the gate waits until somebody looks at new evidence.
    pub(super) fn void(&mut self, release: &ReleaseId, refusal: Refusal) -> Result<(), JournalError> {
        let Some(step) = self.state.gate(release).map(|(step, _)| step.id.clone()) else { return Ok(()) };
        self.record(&Event::ApprovalVoided { step, refusal })
    }

    /// Voids the approval that `step` would need and that does not hold: its gate must be passed anew.
    pub(super) fn void_lacking(&mut self, step: &Step) -> Result<(), JournalError> {
        let Some(release) = step.release.clone() else { return Ok(()) };
        let Some((_, Some(GateState::Passed { approvals, .. }))) = self.state.gate(&release) else {
            return Ok(());
        };
        let now = Timestamp::now();
        let refusal = match approvals.iter().find(|approval| approval.expires <= now) {
            Some(old) => Refusal::Expired { by: old.who().to_owned(), expired: old.expires },
            None => Refusal::NotApproved { release: release.clone() },
        };
        self.void(&release, refusal)
    }

    /// Returns the gate of a release if its evidence could not be taken.
    pub(super) fn failed_gate(&self, release: &ReleaseId) -> Option<StepId> {
        let (step, _) = self.state.gate(release)?;
        let failed = |record: &StepRecord| matches!(record.state, StepState::Concluded { .. });
        self.state.record(&step.id).is_some_and(failed).then(|| step.id.clone())
    }

    /// Gathers a gate's evidence anew, on request: all of it, or what one check has to say.
    pub(super) fn refresh(
        &mut self,
        release: &ReleaseId,
        check: Option<CheckName>,
    ) -> Result<String, String> {
        let Some((step, gate)) = self.state.gate(release).map(|(step, gate)| (step.clone(), gate.cloned()))
        else {
            return Err(format!("release {release} has no gate in this run"));
        };
        let now = Timestamp::now();
        // What has expired holds nothing up.
        let approved = matches!(&gate, Some(GateState::Waiting { approvals, .. })
            if approvals.iter().any(|approval| approval.expires > now));
        // What was approved by evidence that is not there any more is approved anew.
        let lost = matches!(&gate, Some(GateState::Waiting { evidence, digest, .. })
            if self.dir.evidence_as_recorded(evidence, digest.as_ref()).is_err());
        let waits = matches!(gate, Some(GateState::Waiting { .. } | GateState::Void { .. }));
        if (approved && !lost) || !waits || self.state.cancelled.is_some() {
            return Err(format!("the gate of release {release} is not waiting for a decision"));
        }
        // Whatever is looked at now ends in new evidence or in a decision.
        let vet = match (check, gate) {
            (Some(check), Some(GateState::Waiting { evidence, digest, .. })) => {
                Vet::Again { check, evidence, digest }
            }
            _ => Vet::Everything,
        };
        let words = match &vet {
            Vet::Everything => format!("gathering the evidence of release {release} anew"),
            Vet::Again { check, .. } => format!("{check} looks at release {release} again"),
        };
        if !self.looking.contains(release) {
            self.gather(&step, vet);
        }
        Ok(words)
    }

    pub(super) fn answer(&mut self, client: ClientId, response: Response) {
        if let Some(connection) = self.clients.get(&client) {
            // A client that is gone needs no answer.
            let _gone = connection.answers.send(response);
        }
    }
}
