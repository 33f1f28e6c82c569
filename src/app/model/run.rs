//! The Run screen: one open run, its steps, its logs, and who has the helm; and the list of past runs.

use super::pane::LogView;
use crate::app::msg::Connection;
use crate::domain::approval::Identity;
use crate::domain::live::{Live, LiveStep};
use crate::domain::name::{FlowName, ReleaseId, RunId, StepId};
use crate::domain::plan::{Lane, Step};
use crate::domain::redact::Redactor;
use crate::domain::run::recovery::Interrupted;
use crate::domain::run::{GateState, RunState, RunVerdict, StepRecord};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What has the focus on the Run screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RunFocus {
    /// The list of steps.
    #[default]
    Steps,
    /// A log pane: that of the chosen step, or of the lane with this place in the plan.
    Pane(usize),
}

/// How the Run screen divides its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RunLayout {
    /// The steps and the chosen step's log.
    #[default]
    Steps,
    /// The logs of all lanes side by side, each with the step it stands at.
    Lanes,
    /// One log, as large as the screen.
    Large,
}

/// Who has the helm of the open run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Helm {
    /// Nobody has said so yet.
    #[default]
    Unknown,
    /// Nobody has it.
    Free,
    /// This console asked for it and waits for the answer.
    Asked,
    /// This console has it.
    Mine {
        /// The turn that this is: a moment of an earlier turn is out of date, a later one is somebody else's.
        turn: u64,
    },
    /// Another console has it.
    Other {
        /// Whose.
        by: Identity,
    },
}

/// One open run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunModel {
    /// Its id.
    pub id: RunId,
    /// Its state, folded from the journal, fit to be shown.
    pub state: Arc<RunState>,
    /// What must not be shown of it.
    pub redactor: Redactor,
    /// Whether a supervisor holds its lock.
    pub alive: bool,
    /// The truth about its interrupted steps.
    pub truths: BTreeMap<StepId, Interrupted>,
    /// How the console stands with that supervisor.
    pub connection: Connection,
    /// What the supervisor told about the moment.
    pub live: Live,
    /// Who has the helm.
    pub helm: Helm,
    /// The step that the engineer chose; none goes with the run.
    pub chosen: Option<StepId>,
    /// What has the focus.
    pub focus: RunFocus,
    /// How the room is divided.
    pub layout: RunLayout,
    /// How each step's log was last looked at.
    pub views: BTreeMap<StepId, LogView>,
}

impl RunModel {
    /// Makes the model of a run that was just read.
    pub fn new(id: RunId, state: Arc<RunState>, redactor: Redactor, alive: bool) -> Self {
        let mut model = Self {
            id,
            state,
            redactor,
            alive,
            truths: BTreeMap::new(),
            connection: Connection::default(),
            live: Live::default(),
            helm: Helm::default(),
            chosen: None,
            focus: RunFocus::default(),
            layout: RunLayout::default(),
            views: BTreeMap::new(),
        };
        model.take_logs();
        model
    }

    /// Gives every step's view the log of its last attempt.
    pub fn take_logs(&mut self) {
        for (id, record) in &self.state.steps {
            let view = self.views.entry(id.clone()).or_insert_with(|| LogView::new(id.clone()));
            view.take_log(record.log.as_deref());
        }
    }

    /// Returns how the run stands.
    pub fn verdict(&self) -> RunVerdict {
        self.state.verdict(self.alive)
    }

    /// Returns whether checks of a step, or the evidence of a gate, are being looked at now.
    pub fn is_looked_at(&self, step: &Step) -> bool {
        let gathering = |release| self.live.gathering.contains_key(release);
        self.live_step(&step.id).is_some_and(|live| live.checking.is_some())
            || step.is_gate() && step.release.as_ref().is_some_and(gathering)
    }

    /// Returns the steps in the order of the screen: lane after lane, then what they share.
    pub fn steps(&self) -> &[Step] {
        &self.state.plan.steps
    }

    /// Returns the record of a step.
    pub fn record(&self, step: &StepId) -> Option<&StepRecord> {
        self.state.record(step)
    }

    /// Returns what the supervisor tells about a step.
    pub fn live_step(&self, step: &StepId) -> Option<&LiveStep> {
        self.live.steps.get(step)
    }

    /// Returns the step at which the run stands: a running one first, then one that stops its lane, then a
    /// gate that waits, then the next one.
    pub fn activity(&self) -> Option<&Step> {
        let mut at: Vec<&Step> =
            self.state.plan.lanes.iter().filter_map(|lane| self.state.lane_at(lane)).collect();
        if at.is_empty() {
            at.extend(self.state.shared_at());
        }
        let rank = |step: &Step| match self.record(&step.id) {
            Some(record) if record.is_running() => 0,
            Some(record) if record.stops_lane() => 1,
            _ if step.is_gate() => 2,
            _ => 3,
        };
        at.sort_by_key(|step| rank(step));
        at.first().copied().or_else(|| self.state.plan.steps.last())
    }

    /// Returns the chosen step, or that at which the run stands.
    pub fn selected(&self) -> Option<&Step> {
        self.chosen.as_ref().and_then(|id| self.state.plan.step(id)).or_else(|| self.activity())
    }

    /// Returns the step whose log a lane shows: the chosen one if it is the lane's, else the one it stands at, or its last with a log.
    pub fn lane_step(&self, lane: &Lane) -> Option<&Step> {
        if let Some(step) = self.chosen.as_ref().filter(|id| lane.steps.contains(id)) {
            return self.state.plan.step(step);
        }
        let has_log = |step: &&Step| self.record(&step.id).is_some_and(|record| record.log.is_some());
        let at = self.state.lane_at(lane).filter(has_log);
        at.or_else(|| lane.steps.iter().rev().filter_map(|id| self.state.plan.step(id)).find(has_log))
            .or_else(|| lane.steps.first().and_then(|id| self.state.plan.step(id)))
    }

    /// Returns the steps whose logs are on the screen, from left to right.
    pub fn panes(&self) -> Vec<StepId> {
        match self.layout {
            RunLayout::Lanes => {
                let lanes = self.state.plan.lanes.iter();
                lanes.filter_map(|lane| self.lane_step(lane)).map(|step| step.id.clone()).collect()
            }
            RunLayout::Steps | RunLayout::Large => {
                self.selected().map(|step| step.id.clone()).into_iter().collect()
            }
        }
    }

    /// Returns the step of the pane that has the focus; that of the chosen step where the list has it.
    pub fn focused(&self) -> Option<StepId> {
        match (self.layout, self.focus) {
            (RunLayout::Lanes, RunFocus::Pane(place)) => self.panes().get(place).cloned(),
            _ => self.selected().map(|step| step.id.clone()),
        }
    }

    /// Returns whether keys go to a log pane.
    pub fn reads_log(&self) -> bool {
        matches!(self.focus, RunFocus::Pane(_)) || self.layout == RunLayout::Large
    }

    /// Returns the release of the gate that is meant: that of the chosen step, else the first lane whose gate waits.
    pub fn gate_release(&self) -> Option<ReleaseId> {
        let plan = &self.state.plan;
        let has_gate = |release: &&ReleaseId| self.state.gate(release).is_some();
        let chosen = self.focused().and_then(|id| plan.step(&id)).and_then(|step| step.release.as_ref());
        let waits = |release: &&ReleaseId| {
            matches!(
                self.state.gate(release),
                Some((_, Some(GateState::Waiting { .. } | GateState::Void { .. })))
            )
        };
        let releases = || plan.lanes.iter().map(|lane| &lane.release);
        chosen
            .filter(waits)
            .or_else(|| releases().find(waits))
            .or_else(|| chosen.filter(has_gate))
            .or_else(|| releases().find(has_gate))
            .cloned()
    }

    /// Returns whether something in it moves with the clock.
    pub fn is_moving(&self) -> bool {
        self.alive && self.state.steps.values().any(StepRecord::is_running) || !self.live.gathering.is_empty()
    }
}

/// One past run, as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// Its flow; none where the run cannot be read.
    pub flow: Option<FlowName>,
    /// Its releases.
    pub releases: Vec<ReleaseId>,
    /// How it stands, or why it cannot be read.
    pub verdict: Result<RunVerdict, String>,
    /// Who made it.
    pub by: Option<Identity>,
    /// When it was made.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Whether a supervisor holds its lock.
    pub alive: bool,
    /// How many steps are behind it, gates not counted.
    pub done: usize,
    /// How many steps it has, gates not counted.
    pub steps: usize,
    /// Its steps, in the plan's order.
    pub past: Vec<PastStep>,
    /// The truth about its interrupted steps.
    pub truths: BTreeMap<StepId, Interrupted>,
    /// The path of its folder.
    pub folder: String,
    /// Whether a report was written into it.
    pub reported: bool,
}

/// One step of a past run, as far as the list of runs shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastStep {
    /// Its id.
    pub id: StepId,
    /// Whether it touches production.
    pub production: bool,
    /// Whether it is a gate.
    pub gate: bool,
    /// What is recorded about it, without what only the open run shows: command, scripts, findings.
    pub record: StepRecord,
}

impl PastStep {
    /// Returns the steps of a run; many runs are kept in memory, so they are lean.
    pub fn all(state: &RunState) -> Vec<Self> {
        let past = |step: &Step| {
            let known = state.steps.get(&step.id)?;
            let record = StepRecord {
                state: known.state.clone(),
                attempts: known.attempts,
                log: None,
                log_bytes: None,
                argv: Vec::new(),
                contained: None,
                scripts: BTreeMap::new(),
                stopped: None,
                composes: BTreeMap::new(),
                findings: Vec::new(),
                adrift: known.adrift,
                stale: known.stale.clone(),
            };
            let (production, gate) = (step.is_production(), step.is_gate());
            Some(Self { id: step.id.clone(), production, gate, record })
        };
        state.plan.steps.iter().filter_map(past).collect()
    }
}

/// The list of runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryModel {
    /// The runs, newest first.
    pub runs: Vec<RunSummary>,
    /// The chosen one.
    pub cursor: usize,
    /// Whether they were listed at all.
    pub listed: bool,
    /// How long each step took when it last succeeded, in seconds.
    pub typical: BTreeMap<StepId, u64>,
    /// When they are listed again by themselves while Status is shown, in milliseconds of uptime.
    pub next_list_ms: u64,
}

impl HistoryModel {
    /// Returns the run that has `release`, if one has: its supervisor lives and holds its lock.
    pub fn owner(&self, release: &ReleaseId) -> Option<&RunSummary> {
        self.runs.iter().find(|run| run.alive && run.releases.contains(release))
    }

    /// Returns the runs that have a supervisor or wait for somebody.
    pub fn active(&self) -> impl Iterator<Item = &RunSummary> {
        self.runs.iter().filter(|run| run.alive || matches!(run.verdict, Ok(RunVerdict::Waiting)))
    }
}
