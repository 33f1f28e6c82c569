//! `stagegate runs`: all runs, newest first.

use super::args::{Global, TableFormat};
use super::context;
use super::exit::{Exit, Failure};
use crate::domain::holder::Holder;
use crate::domain::plan::Step;
use crate::domain::run::RunState;
use crate::journal::lock;
use crate::journal::store::{RunDir, Store};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A run as design 10 has it.
#[derive(Debug, Serialize)]
pub(super) struct RunRow {
    id: String,
    state: &'static str,
    started: Option<String>,
    ended: Option<String>,
    by: Option<String>,
    /// The releases that it has the locks of.
    holds: Vec<String>,
    /// The releases that other runs have now, with who took them and why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    given_up: BTreeMap<String, String>,
    steps: Vec<StepRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// A step as design 10 has it.
#[derive(Debug, Serialize)]
struct StepRow {
    id: String,
    state: &'static str,
    stale: bool,
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<WaitRow>,
}

/// The resource that a step waits for, and who holds it.
#[derive(Debug, Serialize)]
struct WaitRow {
    resource: String,
    holder: Holder,
}

/// Lists all runs; one that cannot be read is listed with its problem.
pub(super) fn rows(store: &Store) -> Vec<RunRow> {
    store.runs().iter().map(|id| row(store, &store.run(id))).collect()
}

fn row(store: &Store, dir: &RunDir) -> RunRow {
    let alive = dir.is_alive();
    match dir.load() {
        Ok(state) => of_state(store, dir, &state, alive),
        Err(error) => RunRow {
            id: dir.id().to_string(),
            state: "unreadable",
            started: None,
            ended: None,
            by: None,
            holds: Vec::new(),
            given_up: BTreeMap::new(),
            steps: Vec::new(),
            problem: Some(error.to_string()),
        },
    }
}

fn of_state(store: &Store, dir: &RunDir, state: &RunState, alive: bool) -> RunRow {
    let steps = state.plan.steps.iter().filter_map(|step| {
        let record = state.record(&step.id)?;
        Some(StepRow {
            id: step.id.to_string(),
            state: if record.is_running() && !alive { "interrupted" } else { record.word() },
            stale: record.stale.is_some(),
            exit_code: record.exit_code(),
            waits_for: wait(store, dir, state, step).filter(|_| alive),
        })
    });
    RunRow {
        id: dir.id().to_string(),
        state: state.verdict(alive).word(),
        started: state.created.as_ref().map(|(_, _, at)| at.to_string()),
        ended: state.ended.map(|at| at.to_string()),
        by: state.created.as_ref().map(|(_, by, _)| by.to_string()),
        holds: state.held_lanes().filter(|_| alive).map(|lane| lane.release.to_string()).collect(),
        given_up: state.given_up.iter().map(|(id, given)| (id.to_string(), given.to_string())).collect(),
        steps: steps.collect(),
        problem: None,
    }
}

/// Says whom a step waits for that is due and holds nothing yet: what the locks say, not what a supervisor told.
fn wait(store: &Store, dir: &RunDir, state: &RunState, step: &Step) -> Option<WaitRow> {
    let due = !state.record(&step.id)?.is_running() && !step.resources.is_empty();
    let here = state.lanes().any(|lane| state.lane_at(lane).is_some_and(|at| at.id == step.id));
    let mut resources = step.resources.iter().filter(|_| due && here);
    resources.find_map(|resource| {
        let holder = lock::holder(&store.resource_lock(resource))?;
        let other = holder.run != *dir.id() || holder.step.as_ref() != Some(&step.id);
        other.then(|| WaitRow { resource: resource.to_string(), holder })
    })
}

/// Prints all runs.
pub(super) fn run(global: &Global, format: TableFormat) -> Result<Exit, Failure> {
    let rows = rows(&context::store(global)?);
    match format {
        TableFormat::Json => context::out_json(&rows)?,
        TableFormat::Table => context::out(&table(&rows))?,
    }
    Ok(Exit::Done)
}

fn table(rows: &[RunRow]) -> String {
    if rows.is_empty() {
        return "no run yet: stagegate plan shows what one would do\n".to_owned();
    }
    let mut out = format!("{:<36} {:<12} {:<20} {}\n", "RUN", "STATE", "STARTED", "STANDS AT");
    for row in rows {
        let at = row.steps.iter().find(|step| step.stale || !matches!(step.state, "succeeded" | "skipped"));
        let at = at.map_or_else(
            || row.problem.clone().unwrap_or_default(),
            |step| match &step.waits_for {
                Some(wait) => {
                    format!("{} waits for {}, which {} holds", step.id, wait.resource, wait.holder)
                }
                None => format!("{} {}", step.id, step.state),
            },
        );
        let started = row.started.as_deref().and_then(|at| at.get(..19)).unwrap_or("-").replace('T', " ");
        let _ = writeln!(out, "{:<36} {:<12} {:<20} {at}", row.id, row.state, started);
    }
    out
}

impl RunRow {
    /// Returns the run in a line.
    pub(super) fn headline(&self) -> String {
        let by = self.by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
        if self.holds.is_empty() {
            return format!("{} {}{by}", self.id, self.state);
        }
        format!("{} {}{by}, holds {}", self.id, self.state, self.holds.join(", "))
    }
}
