//! The run loop: takes one happening at a time, records it, and decides what comes next.
//!
//! It never blocks: units, checks and seals work on threads of their own and report back. Whatever it
//! decides goes through the journal first, and what it knows it knows from the fold of that journal.

use super::happening::{ClientId, Happening};
use super::locks::Locks;
use super::survivors::Vigil;
use crate::compose::probe::Prober;
use crate::compose::pulse::Pulse;
use crate::domain::catalog::Catalog;
use crate::domain::flow::Role;
use crate::domain::live::{Live, LiveStep};
use crate::domain::name::{ReleaseId, StepId};
use crate::domain::plan::{Lane, Step};
use crate::domain::run::resume::{Ask, Decision};
use crate::domain::run::{Event, RunState, RunVerdict};
use crate::exec::cgroup::Ground;
use crate::exec::unit::UnitHandle;
use crate::journal::JournalError;
use crate::journal::store::RunDir;
use crate::journal::writer::Writer;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

/// How often a resource that another run holds is asked for again.
pub const RESOURCE_POLL: Duration = Duration::from_millis(300);
/// How long what runs may take to end after TERM once the journal cannot be written.
pub(super) const ABANDON_GRACE: Duration = Duration::from_secs(10);
/// How long a supervisor that was started for a request waits for it.
const REQUEST_PATIENCE: Duration = Duration::from_secs(10);

/// What is at work for a step.
#[derive(Debug)]
pub(super) enum Busy {
    /// The checks before it.
    Before,
    /// The seal, before it publishes.
    Sealing,
    /// Its process.
    Unit(UnitHandle),
    /// The checks after it.
    After,
    /// It waits for a resource.
    Waiting,
    /// The reading of its link, before it is skipped.
    Skipping,
}

/// A connected client.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) identity: crate::domain::approval::Identity,
    pub(super) answers: UnboundedSender<super::control::Response>,
    pub(super) live: watch::Sender<Option<Live>>,
    pub(super) subscribed: bool,
}

/// The owner of one run.
#[derive(Debug)]
pub struct Supervisor {
    pub(super) dir: RunDir,
    pub(super) catalog: Arc<Catalog>,
    pub(super) state: RunState,
    pub(super) journal: Writer,
    pub(super) locks: Locks,
    pub(super) happenings: UnboundedSender<Happening>,
    pub(super) busy: BTreeMap<StepId, Busy>,
    /// Releases whose evidence or seal is being looked at.
    pub(super) looking: BTreeSet<ReleaseId>,
    /// Lanes that may move; in a run that was taken up again a lane moves only once somebody asks.
    pub(super) released: BTreeSet<ReleaseId>,
    /// Failure phrases found in the last attempt, by step.
    pub(super) phrases: BTreeMap<StepId, Vec<crate::domain::outcome::PhraseHit>>,
    /// What the checks before a step found, until it starts.
    pub(super) checked: BTreeMap<StepId, (Vec<crate::domain::finding::Finding>, BTreeMap<String, String>)>,
    /// Interrupted steps whose survivors are watched.
    pub(super) vigils: BTreeMap<StepId, Vigil>,
    pub(super) live: Live,
    pub(super) live_changed: bool,
    pub(super) clients: BTreeMap<ClientId, Connection>,
    pub(super) helm: Option<ClientId>,
    /// The looks (checks, evidence, a seal) that are out, by step, so that they can be ended.
    pub(super) looks: BTreeMap<StepId, Arc<Pulse>>,
    /// Knows which mounts owe an answer.
    pub(super) prober: Prober,
    /// Where its steps may have cgroups.
    pub(super) ground: Ground,
    /// How often the helm changed hands, and why it was taken the last time, if it was taken from somebody.
    pub(super) helm_turn: (u64, Option<String>),
    /// What broke in this supervisor: it moves nothing any more.
    pub(super) broken: Option<String>,
    pub(super) asked: bool,
    pub(super) begun: Instant,
}

impl Supervisor {
    /// Records an event and folds it into the state.
    pub(super) fn record(&mut self, event: &Event) -> Result<(), JournalError> {
        let now = Timestamp::now();
        self.journal.append(now, event)?;
        self.state.apply(now, event);
        self.live.events = self.state.events;
        self.live_changed = true;
        Ok(())
    }

    /// Takes one happening and moves every lane as far as it goes.
    pub fn handle(&mut self, happening: Happening) -> Result<(), JournalError> {
        match happening {
            Happening::Unit { step, event } => self.on_unit(&step, event)?,
            Happening::CheckedBefore { step, findings, scripts } => {
                self.on_checked_before(&step, findings, scripts)?;
            }
            Happening::CheckedAfter { step, findings, made } => {
                self.on_checked_after(&step, findings, made)?;
            }
            Happening::LinkRead { skip, read } => self.on_link_read(skip, read)?,
            Happening::Checking { step, looking } => self.live_step(&step).checking = Some(looking),
            Happening::PhrasesFound { step, hits } => {
                self.phrases.insert(step, hits);
            }
            Happening::Gathered { release, result } => self.on_gathered(&release, result)?,
            Happening::Gathering { release, looking } => {
                self.live.gathering.insert(release, looking);
                self.live_changed = true;
            }
            Happening::Sealed { release, purpose, result } => self.on_sealed(&release, purpose, result)?,
            Happening::Connected { client, identity, answers, live } => {
                self.clients.insert(client, Connection { identity, answers, live, subscribed: false });
            }
            Happening::Asked { client, request } => self.on_request(client, request)?,
            Happening::Gone { client } => self.on_gone(client),
            Happening::Terminated { signal } => self.on_terminated(signal)?,
            Happening::Broken { what } => self.broken = Some(what),
            #[cfg(test)]
            Happening::Struck => std::panic::panic_any("struck"),
        }
        self.advance()
    }

    /// Moves every lane as far as it goes without waiting.
    pub fn advance(&mut self) -> Result<(), JournalError> {
        if self.broken.is_some() {
            return Ok(());
        }
        self.keep_vigil()?;
        self.free_lanes();
        if self.state.cancelled.is_some() {
            return Ok(());
        }
        for lane in self.state.plan.lanes.clone() {
            self.advance_lane(&lane)?;
        }
        if self.state.lanes_are_through()
            && !self.released.is_empty()
            && let Some(step) = self.state.shared_at().cloned()
        {
            self.begin(&step)?;
        }
        Ok(())
    }

    fn advance_lane(&mut self, lane: &Lane) -> Result<(), JournalError> {
        let given_up = self.state.given_up.contains_key(&lane.release);
        if given_up || !self.released.contains(&lane.release) {
            return Ok(());
        }
        while let Some(step) = self.state.lane_at(lane).cloned() {
            let moved = if step.is_gate() { self.advance_gate(&step)? } else { self.begin(&step)? };
            if !moved {
                break;
            }
        }
        Ok(())
    }

    /// Begins a step that is due; returns whether the lane may look at its next step at once.
    fn begin(&mut self, step: &Step) -> Result<bool, JournalError> {
        if matches!(self.busy.get(&step.id), Some(busy) if !matches!(busy, Busy::Waiting)) {
            return Ok(false);
        }
        match self.decide(step, None, Ask::Itself) {
            Decision::GoOn | Decision::RunAgain => {}
            Decision::NeedsRetry(why) => return self.refuse_repeat(step, why).map(|()| false),
            Decision::NeedsApproval => return self.void_lacking(step).map(|()| false),
            _ => return Ok(false),
        }
        if let Some(release) = &step.release
            && let Err(error) = self.locks.vouch(release)
        {
            return self.refuse_unlocked(step, &error).map(|()| false);
        }
        let kept = self.kept_by_survivors(step);
        if let Some((resource, owner)) = kept.map_or_else(|| self.locks.hold(step), |kept| Ok(Some(kept)))? {
            self.live_step(&step.id).waits_for = Some((resource, owner));
            self.busy.insert(step.id.clone(), Busy::Waiting);
            return Ok(false);
        }
        self.live_step(&step.id).waits_for = None;
        self.busy.insert(step.id.clone(), Busy::Before);
        self.check_before(step);
        Ok(false)
    }

    /// Returns whether a resource should be asked for again before long.
    pub fn waits_for_resource(&self) -> bool {
        self.busy.values().any(|busy| matches!(busy, Busy::Waiting))
    }

    /// Returns whether it ends once nobody has asked for anything for a while.
    pub fn may_end_by_time(&self) -> bool {
        !self.asked && self.busy.is_empty()
    }

    /// Returns whether nothing can move any more without a new supervisor's help.
    pub fn is_settled(&self) -> bool {
        let at_work = self.busy.values().any(|busy| !matches!(busy, Busy::Waiting));
        if at_work || !self.looking.is_empty() || self.keeps_vigil() {
            return false;
        }
        if self.state.cancelled.is_some() {
            // Whoever started it may be about to ask for a retry, which takes the cancellation back.
            return self.asked || self.out_of_patience();
        }
        let resting = |lane: &Lane| {
            let verdict = self.state.lane_verdict(lane);
            match verdict {
                RunVerdict::Waiting => false,
                RunVerdict::Running => !self.released.contains(&lane.release) && self.out_of_patience(),
                _ => {
                    self.asked || self.state.plan.lanes.len() == self.released.len() || self.out_of_patience()
                }
            }
        };
        let shared_waits = self.shared_is_due() && !(self.released.is_empty() && self.out_of_patience());
        self.state.plan.lanes.iter().all(resting) && !shared_waits
    }

    fn shared_is_due(&self) -> bool {
        self.state.lanes_are_through()
            && self
                .state
                .shared_at()
                .and_then(|step| self.state.record(&step.id))
                .is_some_and(|record| !record.stops_lane())
    }

    /// Returns whether a supervisor that was started for a request has waited for it long enough.
    fn out_of_patience(&self) -> bool {
        self.begun.elapsed() > REQUEST_PATIENCE
    }

    /// Returns whether a step may go on: its run was not cancelled, and its lane was asked to move.
    pub(super) fn may_move(&self, step: &Step) -> bool {
        let released = step.release.as_ref().is_none_or(|release| self.released.contains(release));
        self.state.cancelled.is_none() && released
    }

    /// Returns the live entry of a step, and marks it changed.
    pub(super) fn live_step(&mut self, step: &StepId) -> &mut LiveStep {
        self.live_changed = true;
        self.live.steps.entry(step.clone()).or_default()
    }

    /// Sends the moment to every connection that wants it.
    pub fn broadcast(&mut self) {
        self.live_changed = false;
        self.live.helm = self.helm.and_then(|client| self.clients.get(&client)).map(|c| c.identity.clone());
        self.live.helm_turn = self.helm_turn.0;
        self.live.helm_reason.clone_from(&self.helm_turn.1);
        for connection in self.clients.values().filter(|connection| connection.subscribed) {
            connection.live.send_replace(Some(self.live.clone()));
        }
    }

    /// Returns whether there is something to tell.
    pub fn has_news(&self) -> bool {
        self.live_changed
    }

    /// Records that nothing can move any more.
    pub fn end(&mut self) -> Result<(), JournalError> {
        self.record(&Event::RunEnded {})?;
        self.broadcast();
        Ok(())
    }

    /// Returns the run's state.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Stops everything that runs, because the journal cannot be written any more.
    pub fn abandon(&mut self) {
        for look in self.looks.values() {
            look.cancel();
        }
        for busy in self.busy.values() {
            if let Busy::Unit(unit) = busy {
                // A unit that has ended already needs no stopping.
                let _ended = unit.cancel();
            }
        }
    }

    /// Returns whether anything that runs is not over yet.
    pub(super) fn has_units(&self) -> bool {
        self.busy.values().any(|busy| matches!(busy, Busy::Unit(unit) if !unit.is_over()))
    }

    /// Waits until everything that was stopped is over; call after [`Supervisor::abandon`].
    ///
    /// Nobody can ask for KILL any more, so what TERM did not end within `grace` is killed.
    pub fn join(&mut self, grace: Duration) {
        let units = std::mem::take(&mut self.busy).into_values().filter_map(|busy| match busy {
            Busy::Unit(unit) => Some(unit),
            _ => None,
        });
        let units: Vec<UnitHandle> = units.collect();
        let begun = Instant::now();
        while begun.elapsed() < grace && units.iter().any(|unit| !unit.is_over()) {
            std::thread::sleep(Duration::from_millis(20));
        }
        for unit in units {
            // A unit that has ended already needs no stopping.
            let _ended = unit.kill();
            unit.join();
        }
    }

    /// Returns whether the role of a step changes what mirrors serve.
    pub(super) fn publishes(step: &Step) -> bool {
        step.role == Role::Publish
    }
}
