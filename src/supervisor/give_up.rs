//! A lane that another run wants: what runs of it is stopped, its lock goes back, and the journal says to whom.
//!
//! A release changes hands in no other way: no lock file is ever removed, and a push is never interrupted.

use super::control::Request;
use super::request::Answer;
use super::run_loop::{Busy, Supervisor};
use crate::domain::approval::Identity;
use crate::domain::name::{ReleaseId, RunId, StepId};
use crate::domain::run::Event;
use crate::domain::run::event::StopStage;
use crate::journal::JournalError;

impl Supervisor {
    /// Gives `release` up to the run `to`; its lock is free once nothing of the lane is at work any more.
    pub(super) fn give_up(
        &mut self,
        release: &ReleaseId,
        to: &RunId,
        reason: String,
        by: &Identity,
    ) -> Result<Answer, JournalError> {
        let Some(lane) = self.state.plan.lane(release).cloned() else {
            return Ok(Err(format!("run {} has no release {release}", self.dir.id())));
        };
        if reason.trim().is_empty() {
            return Ok(Err("a release is taken over only with a reason".to_owned()));
        }
        if let Some(step) = lane.steps.iter().find(|id| self.is_in_production(id)) {
            return Ok(Err(format!(
                "release {release} cannot be taken over while {step} is at work: a push is not interrupted; wait until it has ended"
            )));
        }
        let truths = self.truths();
        let survives = |id: &&StepId| truths.get(*id).is_some_and(|truth| !truth.survivors().is_empty());
        if let Some(step) = lane.steps.iter().find(survives) {
            let alive = truths.get(step).map(crate::domain::run::recovery::Interrupted::alive_words);
            return Ok(Err(format!(
                "release {release} cannot be taken over: {step}, which was interrupted, is still alive ({}); wait until it ends, or stop it with `stagegate cancel {} {step}`",
                alive.unwrap_or_default(),
                self.dir.id()
            )));
        }
        let (by_whom, to) = (by.clone(), to.clone());
        self.record(&Event::LaneGivenUp { release: release.clone(), by: by_whom, reason, to })?;
        self.released.remove(release);
        let busy: Vec<StepId> = lane.steps.iter().filter(|id| self.busy.contains_key(*id)).cloned().collect();
        let mut stopping = Vec::new();
        for id in busy {
            match self.busy.get(&id) {
                Some(Busy::Unit(_)) => {
                    // A step that ended in this moment needs no stopping.
                    let _ended = self.stop(&id, StopStage::Terminate, by.clone(), None)?;
                    stopping.push(id.to_string());
                }
                Some(Busy::Waiting) => self.done_with(&id),
                _ => stopping.push(id.to_string()),
            }
        }
        let stopping = if stopping.is_empty() {
            String::new()
        } else {
            format!("; its lock is free once {} has ended", stopping.join(", "))
        };
        Ok(Ok(format!("run {} gives release {release} up{stopping}", self.dir.id())))
    }

    fn is_in_production(&self, id: &StepId) -> bool {
        let busy = self.busy.get(id).is_some_and(|busy| !matches!(busy, Busy::Waiting));
        self.state.plan.step(id).is_some_and(crate::domain::plan::Step::is_production)
            && (busy || self.state.record(id).is_some_and(crate::domain::run::StepRecord::is_running))
    }

    /// Frees the locks of lanes that were given up and of which nothing is at work any more.
    pub(super) fn free_lanes(&mut self) {
        let still = |release: &ReleaseId| {
            let lane = self.state.plan.lane(release);
            lane.is_some_and(|lane| lane.steps.iter().any(|id| self.busy.contains_key(id)))
                || self.looking.contains(release)
        };
        let free: Vec<ReleaseId> =
            self.state.given_up.keys().filter(|release| !still(release)).cloned().collect();
        for release in free {
            self.locks.free_lane(&release);
        }
    }

    /// Says why a request is none for this run any more: it is about a lane that another run has now.
    pub(super) fn given_away(&self, request: &Request) -> Option<String> {
        let of_step = |step: &StepId| self.state.plan.step(step).and_then(|step| step.release.as_ref());
        let release = match request {
            Request::Retry { step, .. } | Request::Skip { step, .. } => of_step(step)?,
            Request::Waive { release, .. }
            | Request::Refresh { release, .. }
            | Request::Approve { release, .. }
            | Request::Resume { release: Some(release) } => release,
            // With no lane of its own left there is nothing to go on with.
            Request::Resume { release: None } if self.state.lanes().next().is_none() => {
                self.state.given_up.keys().next()?
            }
            _ => return None,
        };
        let given = self.state.given_up.get(release)?;
        Some(format!("release {release} was {given}; go on there"))
    }
}
