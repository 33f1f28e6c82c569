//! `stagegate runs`: all runs, newest first.

use super::args::{Global, TableFormat};
use super::context;
use super::exit::{Exit, Failure};
use crate::domain::run::RunState;
use crate::journal::store::{RunDir, Store};
use serde::Serialize;
use std::fmt::Write as _;

/// A run as design 10 has it.
#[derive(Debug, Serialize)]
pub(super) struct RunRow {
    id: String,
    state: &'static str,
    started: Option<String>,
    ended: Option<String>,
    by: Option<String>,
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
}

/// Lists all runs; one that cannot be read is listed with its problem.
pub(super) fn rows(store: &Store) -> Vec<RunRow> {
    store.runs().iter().map(|id| row(&store.run(id))).collect()
}

fn row(dir: &RunDir) -> RunRow {
    let alive = dir.is_alive();
    match dir.load() {
        Ok(state) => of_state(dir, &state, alive),
        Err(error) => RunRow {
            id: dir.id().to_string(),
            state: "unreadable",
            started: None,
            ended: None,
            by: None,
            steps: Vec::new(),
            problem: Some(error.to_string()),
        },
    }
}

fn of_state(dir: &RunDir, state: &RunState, alive: bool) -> RunRow {
    let steps = state.plan.steps.iter().filter_map(|step| {
        let record = state.record(&step.id)?;
        Some(StepRow {
            id: step.id.to_string(),
            state: if record.is_running() && !alive { "interrupted" } else { record.word() },
            stale: record.stale.is_some(),
            exit_code: record.exit_code(),
        })
    });
    RunRow {
        id: dir.id().to_string(),
        state: state.verdict(alive).word(),
        started: state.created.as_ref().map(|(_, _, at)| at.to_string()),
        ended: state.ended.map(|at| at.to_string()),
        by: state.created.as_ref().map(|(_, by, _)| by.to_string()),
        steps: steps.collect(),
        problem: None,
    }
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
            |step| format!("{} {}", step.id, step.state),
        );
        let started = row.started.as_deref().and_then(|at| at.get(..19)).unwrap_or("-").replace('T', " ");
        let _ = writeln!(out, "{:<36} {:<12} {:<20} {at}", row.id, row.state, started);
    }
    out
}

impl RunRow {
    /// Returns the run in a line.
    pub(super) fn headline(&self) -> String {
        format!("{} {}", self.id, self.state)
    }
}
