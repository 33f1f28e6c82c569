//! The list of runs. A run's journal is read again only after it has changed: the list is looked at often.

use crate::app::model::{PastStep, RunSummary};
use crate::domain::name::{ReleaseId, RunId, StepId};
use crate::domain::outcome::Outcome;
use crate::domain::redact::{Redactor, Secrets};
use crate::domain::run::recovery::Alive;
use crate::domain::run::{RunState, StepState};
use crate::journal::JournalError;
use crate::journal::store::{RunDir, Store};
use crate::supervisor::recovery::Eyes;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// What a journal looked like: its size and time, and whether its run lived.
type Look = (u64, Option<SystemTime>, bool);

/// The runs as they were last read.
#[derive(Debug, Default)]
pub(super) struct Histories {
    read: BTreeMap<RunId, (Look, RunSummary, BTreeMap<StepId, u64>)>,
}

impl Histories {
    /// Lists the runs, newest first, and how long each step took when it last succeeded, in seconds.
    pub(super) fn list(
        &mut self,
        store: &Store,
        secrets: &Secrets,
    ) -> (Vec<RunSummary>, BTreeMap<StepId, u64>) {
        let ids = store.runs();
        self.read.retain(|id, _| ids.contains(id));
        let eyes = Eyes::default();
        let (mut runs, mut typical) = (Vec::new(), BTreeMap::new());
        for id in ids {
            let dir = store.run(&id);
            let now = look(&dir);
            let known = self.read.get(&id).filter(|(then, summary, _)| *then == now && !may_change(summary));
            if known.is_none() {
                let (summary, took) = read(&dir, now.2, secrets, &eyes);
                self.read.insert(id.clone(), (now, summary, took));
            }
            let Some((_, summary, took)) = self.read.get(&id) else { continue };
            runs.push(summary.clone());
            for (step, seconds) in took {
                typical.entry(step.clone()).or_insert(*seconds);
            }
        }
        (runs, typical)
    }
}

fn look(dir: &RunDir) -> Look {
    let facts = std::fs::metadata(dir.journal()).ok();
    let size = facts.as_ref().map_or(0, std::fs::Metadata::len);
    (size, facts.and_then(|facts| facts.modified().ok()), dir.is_alive())
}

/// Returns whether something of a run may end without its journal saying so: what its interrupted steps left alive.
fn may_change(summary: &RunSummary) -> bool {
    summary.truths.values().any(|truth| !matches!(truth.alive, Alive::No { .. }))
}

fn read(dir: &RunDir, alive: bool, secrets: &Secrets, eyes: &Eyes) -> (RunSummary, BTreeMap<StepId, u64>) {
    let state = || {
        let mut follower = dir.follow_to_show(&Redactor::of_plan(secrets, &dir.plan()?))?;
        follower.poll()?;
        Ok::<_, JournalError>(follower.into_state())
    };
    match state() {
        Ok(state) => (summary(dir, &state, alive, eyes), took(&state)),
        Err(error) => {
            let summary = RunSummary {
                id: dir.id().clone(),
                flow: None,
                releases: Vec::new(),
                verdict: Err(error.to_string()),
                by: None,
                started: None,
                ended: None,
                alive,
                done: 0,
                steps: 0,
                past: Vec::new(),
                truths: BTreeMap::new(),
                folder: dir.path().display().to_string(),
                reported: dir.report().exists(),
            };
            (summary, BTreeMap::new())
        }
    }
}

fn summary(dir: &RunDir, state: &RunState, alive: bool, eyes: &Eyes) -> RunSummary {
    let past = PastStep::all(state);
    let commands = || past.iter().filter(|step| !step.gate);
    let created = state.created.as_ref();
    RunSummary {
        id: dir.id().clone(),
        flow: Some(state.plan.flow().clone()),
        releases: own_releases(state),
        verdict: Ok(state.verdict(alive)),
        by: created.map(|(_, by, _)| by.clone()),
        started: created.map(|(_, _, at)| *at),
        ended: state.ended.or(state.last.filter(|_| !alive)),
        alive,
        done: commands().filter(|step| step.record.is_behind()).count(),
        steps: commands().count(),
        past,
        truths: eyes.truths(dir, state, alive),
        folder: dir.path().display().to_string(),
        reported: dir.report().exists(),
    }
}

fn took(state: &RunState) -> BTreeMap<StepId, u64> {
    let succeeded = state.steps.iter().filter(|(_, record)| {
        matches!(record.state, StepState::Concluded { outcome: Outcome::Succeeded, .. })
    });
    succeeded.filter_map(|(id, record)| Some((id.clone(), u64::try_from(record.took_s()?).ok()?))).collect()
}

/// Returns the releases that a run has; where other runs have all of them by now, those that it was about.
fn own_releases(state: &RunState) -> Vec<ReleaseId> {
    let own: Vec<ReleaseId> = state.held_lanes().map(|lane| lane.release.clone()).collect();
    if own.is_empty() { state.plan.lanes.iter().map(|lane| lane.release.clone()).collect() } else { own }
}
