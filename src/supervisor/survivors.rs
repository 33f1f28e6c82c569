//! Going on after an interruption: what `resume` does by the decision table, and the watch over survivors.
//!
//! A survivor is a process of an interrupted step that outlived its supervisor. It is not this supervisor's child: it is
//! looked for again and again until nothing of it is left, and stopped in stages if somebody asks for that.

use super::checks::Checked;
use super::printed::Printed;
use super::recovery::{Eyes, House, MARK, survivor};
use super::request::Answer;
use super::run_loop::{Busy, Supervisor};
use crate::domain::approval::Identity;
use crate::domain::name::{ReleaseId, ResourceName, StepId};
use crate::domain::plan::Step;
use crate::domain::redact::Redactor;
use crate::domain::run::event::StopStage;
use crate::domain::run::recovery::Interrupted;
use crate::domain::run::resume::{Ask, Case, Decision, Standing, decide};
use crate::domain::run::{Event, GateState, StepState};
use crate::exec::phrases::Phrase;
use crate::exec::survivors::Ending;
use crate::journal::JournalError;
use crate::journal::store::Store;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long survivors may take to end after TERM before KILL is worth asking for.
const GRACE: Duration = Duration::from_secs(10);
/// The least time between two looks: each goes through every process of the host.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The watch over the survivors of one interrupted step.
#[derive(Debug, Default)]
pub(super) struct Vigil {
    /// Who asked to go on once they are gone, if anybody did.
    asked: Option<Identity>,
    /// How they are being stopped, if they are.
    ending: Option<Ending>,
    /// When it was looked last.
    looked: Option<Instant>,
}

impl Supervisor {
    /// Returns the truth about every interrupted step.
    pub(super) fn truths(&self) -> BTreeMap<StepId, Interrupted> {
        let waits =
            self.state.steps.values().any(|record| matches!(record.state, StepState::Interrupted { .. }));
        if !waits {
            return BTreeMap::new();
        }
        // Its words go to everybody, and are cut: what is secret is taken out before.
        let redactor = Redactor::of_plan(&self.catalog.secrets, &self.state.plan);
        let truths = Eyes::default().truths(&self.dir, &self.state, true).into_iter();
        truths.map(|(step, truth)| (step, truth.redacted(&redactor))).collect()
    }

    /// Asks the decision table about a step.
    pub(super) fn decide(&self, step: &Step, truth: Option<&Interrupted>, ask: Ask) -> Decision {
        decide(self.case(step, truth), ask)
    }

    fn case(&self, step: &Step, truth: Option<&Interrupted>) -> Case {
        Case::of(&self.state, step, truth, self.catalog.gate.people, Timestamp::now())
    }

    /// Goes on with what was interrupted or held, each lane by itself; nothing runs twice while its first life may last.
    pub(super) fn resume(
        &mut self,
        release: Option<&ReleaseId>,
        by: &Identity,
    ) -> Result<Answer, JournalError> {
        let lanes = self.state.held_lanes().map(|lane| lane.release.clone());
        let lanes: Vec<ReleaseId> = lanes.filter(|lane| release.is_none_or(|one| one == lane)).collect();
        if lanes.is_empty() {
            return Ok(Err("this run has no such lane".to_owned()));
        }
        if self.state.cancelled.is_some() {
            let message = "the run was cancelled; retry the step that it stands at to go on";
            return Ok(Err(message.to_owned()));
        }
        let truths = self.truths();
        let mut said = Vec::new();
        let mut moves = false;
        for lane in lanes.iter().map(Some).chain(std::iter::once(None)) {
            moves |= self.resume_lane(lane, by, &truths, &mut said)?;
        }
        let text = if said.is_empty() { "the run goes on".to_owned() } else { said.join("; ") };
        Ok(if moves { Ok(text) } else { Err(text) })
    }

    /// Goes on with one lane, or with what all lanes share; returns whether anything goes on or is waited for.
    fn resume_lane(
        &mut self,
        lane: Option<&ReleaseId>,
        by: &Identity,
        truths: &BTreeMap<StepId, Interrupted>,
        said: &mut Vec<String>,
    ) -> Result<bool, JournalError> {
        let decisions: Vec<(Step, Decision)> = self
            .places(lane, truths)
            .into_iter()
            .map(|step| {
                let decision = self.decide(&step, truths.get(&step.id), Ask::Resume);
                (step, decision)
            })
            .collect();
        let waits = decisions.iter().any(|(_, decision)| *decision == Decision::Await);
        let stands = |decision: &Decision| matches!(decision, Decision::NeedsRetry(_) | Decision::Refuse(_));
        let stuck = decisions.iter().any(|(_, decision)| stands(decision));
        for (step, decision) in &decisions {
            // Where one step of a lane cannot go on, or is waited for, none of it moves.
            if stands(decision) || *decision == Decision::Await {
                said.push(self.words(*decision, step, truths.get(&step.id)));
            }
            if *decision == Decision::Await && !stuck {
                let vigil = self.vigils.entry(step.id.clone()).or_default();
                (vigil.asked, vigil.looked) = (Some(by.clone()), None);
            }
        }
        if waits || stuck {
            return Ok(waits && !stuck);
        }
        for (step, decision) in &decisions {
            self.go_on(step, *decision, by, truths.get(&step.id), said)?;
        }
        self.released.extend(lane.cloned());
        Ok(lane.is_some() || !decisions.is_empty())
    }

    /// Returns the steps that decide how a lane goes on: the one it stands at, and all that were interrupted.
    fn places(&self, lane: Option<&ReleaseId>, truths: &BTreeMap<StepId, Interrupted>) -> Vec<Step> {
        let plan = &self.state.plan;
        let at = match lane {
            Some(release) => plan.lane(release).and_then(|lane| self.state.lane_at(lane)),
            None if plan.lanes.iter().all(|lane| self.state.lane_at(lane).is_none()) => {
                self.state.shared_at()
            }
            None => None,
        };
        let at = at.map(|step| &step.id);
        let decides = |step: &&Step| {
            // What is being skipped is on its way already.
            step.release.as_ref() == lane
                && (at == Some(&step.id) || truths.contains_key(&step.id))
                && !self.is_being_skipped(&step.id)
        };
        plan.steps.iter().filter(decides).cloned().collect()
    }

    fn go_on(
        &mut self,
        step: &Step,
        decision: Decision,
        by: &Identity,
        truth: Option<&Interrupted>,
        said: &mut Vec<String>,
    ) -> Result<(), JournalError> {
        let interrupted = truth.is_some();
        match decision {
            Decision::RunAgain | Decision::NeedsApproval if interrupted => {
                let reason = "resumed after an interruption".to_owned();
                said.push(self.run_again(step, reason, by.clone(), decision)?);
            }
            Decision::NeedsApproval => {
                self.void_lacking(step)?;
                said.push(self.words(decision, step, truth));
            }
            Decision::Judge => {
                said.push(self.words(decision, step, truth));
                self.judge_again(step, by)?;
            }
            Decision::GoOn if self.case(step, truth).standing == Standing::GateHeld => {
                if let Some(release) = step.release.clone().filter(|_| step.is_gate()) {
                    self.record(&Event::GatePassed { step: step.id.clone() })?;
                    said.push(format!("release {release} goes on to production"));
                }
            }
            Decision::Rest => said.push(self.words(decision, step, truth)),
            _ => {}
        }
        Ok(())
    }

    /// Runs only the checks after a step: its process had ended when its supervisor died.
    fn judge_again(&mut self, step: &Step, by: &Identity) -> Result<(), JournalError> {
        self.record(&Event::ChecksResumed { step: step.id.clone(), by: by.clone() })?;
        self.busy.insert(step.id.clone(), Busy::After);
        let record = self.state.record(&step.id);
        let log = record.and_then(|record| Some((self.dir.file(record.log.as_ref()?), record.log_bytes?)));
        let phrases =
            step.failure_phrases.iter().filter_map(|phrase| Phrase::new(phrase.clone()).ok()).collect();
        let (id, sender) = (step.id.clone(), self.happenings.clone());
        let attempt = record.map_or(1, |record| record.attempts);
        let request = self.check_request(step, &step.after, Some(attempt));
        Self::spawn_checks(request, move |Checked { mut findings, made, .. }| {
            // What the dead supervisor had found in the output died with it; the log still has it.
            let printed = log.map(|(log, bytes)| Printed::of(&id, &log, bytes, phrases));
            let (hits, lost) = printed.map_or_else(Default::default, |it| (it.hits, it.lost));
            findings.extend(lost);
            // The loop outlives every check; if it is gone, so is the run.
            let _gone = sender.send(super::happening::Happening::PhrasesFound { step: id.clone(), hits });
            let _gone = sender.send(super::happening::Happening::CheckedAfter { step: id, findings, made });
        });
        Ok(())
    }

    /// Says what is decided about a step, with what can be done about it.
    pub(super) fn words(&self, decision: Decision, step: &Step, truth: Option<&Interrupted>) -> String {
        let text = decision.words(step, truth, self.dir.id(), self.gate_words(step).as_deref());
        Redactor::of_plan(&self.catalog.secrets, &self.state.plan).text(&text).into_owned()
    }

    fn gate_words(&self, step: &Step) -> Option<String> {
        let release = step.release.as_ref()?;
        match self.state.gate(release)? {
            (_, Some(GateState::Void { refusal, .. })) => Some(refusal.to_string()),
            _ => None,
        }
    }

    // ------------------------------------------------------------------------------------------ survivors

    /// Returns whether survivors are watched.
    pub fn keeps_vigil(&self) -> bool {
        !self.vigils.is_empty()
    }

    /// Asks the survivors of an interrupted step to stop.
    pub(super) fn stop_survivors(
        &mut self,
        id: &StepId,
        stage: StopStage,
        by: Identity,
        signal: Option<i32>,
    ) -> Result<Answer, JournalError> {
        let truths = self.truths();
        let (Some(step), Some(truth)) = (self.state.plan.step(id).cloned(), truths.get(id)) else {
            return Ok(Err(format!("{id} has no process to stop")));
        };
        if truth.survivors().is_empty() {
            return Ok(Err(format!("{id} has no process to stop: {}", truth.alive_words())));
        }
        let asked = self.state.cut(id).is_some_and(|cut| cut.stopping.is_some());
        let vigil = self.vigils.entry(id.clone()).or_default();
        match (stage, &mut vigil.ending) {
            (StopStage::Terminate, Some(_)) => {
                let kill = format!("stagegate cancel {} {id} --kill", self.dir.id());
                return Ok(Err(format!("{id} was asked to stop already; `{kill}` ends it")));
            }
            (StopStage::Kill, _) if !asked => {
                return Ok(Err(format!(
                    "{id} has not been asked to stop: cancel it first, kill it if that does not help"
                )));
            }
            (StopStage::Kill, ending) => ending.get_or_insert_with(|| Ending::new(GRACE)).kill(),
            (StopStage::Terminate, ending) => *ending = Some(Ending::new(GRACE)),
        }
        vigil.looked = None;
        self.record(&Event::StopRequested { step: id.clone(), stage, by, signal })?;
        let who: Vec<String> = truth.survivors().iter().map(|one| one.pid.to_string()).collect();
        let message = format!("what is left of {} was asked to stop: process {}", step.id, who.join(", "));
        Ok(Ok(message))
    }

    /// Looks at the survivors that are watched: signals who is due, and goes on where nobody is left.
    pub(super) fn keep_vigil(&mut self) -> Result<(), JournalError> {
        let due = |vigil: &Vigil| vigil.looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY);
        if !self.vigils.values().any(due) {
            return Ok(());
        }
        let truths = self.truths();
        for vigil in self.vigils.values_mut() {
            vigil.looked = Some(Instant::now());
        }
        let watched: Vec<StepId> = self.vigils.keys().cloned().collect();
        for id in watched {
            match truths.get(&id).filter(|truth| !truth.survivors().is_empty()) {
                Some(truth) => self.watch(&id, truth),
                None => self.end_vigil(&id, &truths)?,
            }
        }
        Ok(())
    }

    fn watch(&mut self, id: &StepId, truth: &Interrupted) {
        let alive: Vec<crate::exec::group::ProcessId> = truth
            .survivors()
            .iter()
            .map(|one| crate::exec::group::ProcessId { start_time: one.start_time, pid: one.pid })
            .collect();
        let Some(vigil) = self.vigils.get_mut(id) else { return };
        let left = vigil.ending.as_mut().map(|ending| {
            ending.step(&alive);
            ending.left().as_secs()
        });
        let waits = if vigil.asked.is_some() { "waits until its first life is over: " } else { "" };
        let label = format!("{waits}{}", truth.alive_words());
        let label = Redactor::of_plan(&self.catalog.secrets, &self.state.plan).text(&label).into_owned();
        let live = self.live.steps.entry(id.clone()).or_default();
        if live.label != label || live.grace_left_s != left {
            live.label = label;
            live.grace_left_s = left;
            self.live_changed = true;
        }
    }

    fn end_vigil(&mut self, id: &StepId, truths: &BTreeMap<StepId, Interrupted>) -> Result<(), JournalError> {
        let vigil = self.vigils.remove(id).unwrap_or_default();
        self.live.steps.remove(id);
        self.live_changed = true;
        let (Some(by), None) = (vigil.asked, &self.state.cancelled) else { return Ok(()) };
        let Some(step) = self.state.plan.step(id).cloned() else { return Ok(()) };
        let mut said = Vec::new();
        self.resume_lane(step.release.as_ref(), &by, truths, &mut said)?;
        for message in said {
            log::info!("{message}");
        }
        Ok(())
    }

    /// Returns the resource that `step` needs and that survivors of an interrupted step keep, whatever run they are of.
    ///
    /// Their supervisor's locks fell with it, but what they do has not ended.
    pub(super) fn kept_by_survivors(&self, step: &Step) -> Option<(ResourceName, String)> {
        if step.resources.is_empty() {
            return None;
        }
        let store = Store::open(self.dir.path().ancestors().nth(2)?).ok()?;
        let (eyes, house) = (Eyes::default(), House::of(&self.dir));
        eyes.claims(&house).find_map(|(run, claim, id)| {
            let dir = store.run(&run);
            let is_own = run == *self.dir.id();
            let others = if is_own || dir.is_alive() { None } else { dir.plan().ok() };
            let of = claim.step(if is_own { &self.state.plan } else { others.as_ref()? })?;
            if is_own && (self.state.cut(&of.id).is_none() || self.busy.contains_key(&of.id)) {
                return None;
            }
            let resource = step.resources.iter().find(|resource| of.resources.contains(resource))?;
            let redactor =
                Redactor::of_plan(&self.catalog.secrets, others.as_ref().unwrap_or(&self.state.plan));
            let who = survivor(id).redacted(&redactor);
            let holder = format!("{} of run {run}, interrupted but alive: {who}", of.id);
            Some((resource.clone(), holder))
        })
    }

    /// Returns the entry of the environment that every process of an attempt has, and no other process.
    pub(super) fn mark(&self, step: &StepId, attempt: u32) -> (String, String) {
        (MARK.to_owned(), House::of(&self.dir).mark(self.dir.id(), step, attempt))
    }
}

/// Says which step of another, interrupted run is still alive on one of these releases, if any is.
pub(super) fn survivor_on(
    store: &Store,
    own: &crate::domain::name::RunId,
    lanes: &[ReleaseId],
) -> Option<String> {
    let (eyes, house) = (Eyes::default(), House::of(&store.run(own)));
    eyes.claims(&house).find_map(|(run, claim, id)| {
        let dir = store.run(&run);
        if run == *own || dir.is_alive() {
            return None;
        }
        let plan = dir.plan().ok()?;
        let step = claim.step(&plan)?;
        let release = step.release.clone().filter(|release| lanes.contains(release))?;
        let step = &step.id;
        Some(format!(
            "release {release} is not free: {step} of run {run}, which was interrupted, is still alive as {}; wait until \
             it ends, or stop it with `stagegate cancel {run} {step}`",
            survivor(id)
        ))
    })
}
