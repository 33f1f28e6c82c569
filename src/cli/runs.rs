//! `stagegate runs`: all runs, newest first.

use super::args::{Global, TableFormat};
use super::context;
use super::exit::{Exit, Failure};
use crate::domain::approval::demand::ApprovalCount;
use crate::domain::holder::Holder;
use crate::domain::name::StepId;
use crate::domain::plan::Step;
use crate::domain::redact::Redactor;
use crate::domain::run::recovery::Interrupted;
use crate::domain::run::{RunState, StepState};
use crate::journal::lock;
use crate::journal::store::{Follower, RunDir, Store};
use crate::runtime::secrets;
use crate::supervisor::recovery::Eyes;
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
    /// The digest of the last record that could be read.
    head: Option<String>,
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
    /// How the approvals of a gate stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    approvals: Option<ApprovalCount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_because: Option<String>,
    /// The truth about it, where its supervisor died.
    #[serde(skip_serializing_if = "Option::is_none")]
    interrupted: Option<Interrupted>,
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
    let eyes = Eyes::default();
    store.runs().iter().map(|id| row(store, &store.run(id), &eyes)).collect()
}

fn row(store: &Store, dir: &RunDir, eyes: &Eyes) -> RunRow {
    let alive = dir.is_alive();
    let followed = dir.follow().and_then(|mut follower| follower.poll().map(|_| follower));
    match followed {
        Ok(follower) => {
            let mut truths = eyes.truths(dir, follower.state(), alive);
            of_run(store, dir, &follower, alive, &mut truths)
        }
        Err(error) => RunRow {
            id: dir.id().to_string(),
            state: "unreadable",
            started: None,
            ended: None,
            by: None,
            head: None,
            holds: Vec::new(),
            given_up: BTreeMap::new(),
            steps: Vec::new(),
            problem: Some(error.to_string()),
        },
    }
}

fn of_run(
    store: &Store,
    dir: &RunDir,
    follower: &Follower,
    alive: bool,
    truths: &mut BTreeMap<StepId, Interrupted>,
) -> RunRow {
    let state = follower.state();
    let damage = follower.problem().map(|problem| format!("journal damaged, see verify-run: {problem}"));
    // Command lines of processes are shown, so secrets are taken out; most runs have none to show.
    let redactor = (!truths.is_empty()).then(|| secrets::of_run(dir, &state.plan));
    let mut truth = |id: &StepId| Some(truths.remove(id)?.redacted(redactor.as_ref()?));
    let steps = state.plan.steps.iter().filter_map(|step| {
        let record = state.record(&step.id)?;
        Some(StepRow {
            id: step.id.to_string(),
            state: if record.is_running() && !alive { "interrupted" } else { record.word() },
            stale: record.stale.is_some(),
            exit_code: record.exit_code(),
            approvals: match &record.state {
                StepState::Gate { gate } => gate.approvals(),
                _ => None,
            },
            stale_because: record.stale.as_ref().map(ToString::to_string),
            interrupted: truth(&step.id),
            waits_for: wait(store, dir, state, step).filter(|_| alive),
        })
    });
    RunRow {
        id: dir.id().to_string(),
        state: state.verdict(alive).word(),
        started: state.created.as_ref().map(|(_, _, at)| at.to_string()),
        ended: state.ended.map(|at| at.to_string()),
        by: state.created.as_ref().map(|(_, by, _)| by.to_string()),
        head: follower.head().map(|head| head.digest.to_string()),
        holds: state.held_lanes().filter(|_| alive).map(|lane| lane.release.to_string()).collect(),
        given_up: state.given_up.iter().map(|(id, given)| (id.to_string(), given.to_string())).collect(),
        steps: steps.collect(),
        problem: damage.or_else(|| failed(state, alive)),
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
    let redactor = context::redactor(global);
    let rows = rows(&context::store(global)?);
    match format {
        TableFormat::Json => context::out_json(&redactor, &rows)?,
        TableFormat::Table => context::out(&redactor, &table(&rows, &redactor))?,
    }
    Ok(Exit::Done)
}

fn table(rows: &[RunRow], redactor: &Redactor) -> String {
    if rows.is_empty() {
        return "no run yet: stagegate plan shows what one would do\n".to_owned();
    }
    let mut out = format!("{:<36} {:<12} {:<20} {:<16} {}\n", "RUN", "STATE", "STARTED", "HEAD", "STANDS AT");
    for row in rows {
        let at = row.steps.iter().find(|step| step.stale || !matches!(step.state, "succeeded" | "skipped"));
        let at = at.map(|step| match &step.waits_for {
            Some(wait) => format!("{} waits for {}, which {} holds", step.id, wait.resource, wait.holder),
            None => match &step.approvals {
                Some(count) if count.is_partial() => format!("{} {}: {}", step.id, step.state, count.words()),
                _ => format!("{} {}", step.id, step.state),
            },
        });
        let at: Vec<String> = at.into_iter().chain(row.problem.clone()).collect();
        let at = redactor.line(&at.join("; "));
        let head = row.head.as_deref().and_then(|head| head.get(..16)).unwrap_or("-");
        let started = row.started.as_deref().and_then(|at| at.get(..19)).unwrap_or("-").replace('T', " ");
        let _ = writeln!(out, "{:<36} {:<12} {:<20} {head:<16} {at}", row.id, row.state, started);
        out.push_str(&row.truths());
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

    /// Returns a line for each step whose supervisor died: was it started, may it be alive, is it safe to repeat?
    pub(super) fn truths(&self) -> String {
        let line = |step: &StepRow| Some(format!("  {}: {}\n", step.id, step.interrupted.as_ref()?));
        self.steps.iter().filter_map(line).collect()
    }
}

/// Returns why the last supervisor gave up, while no other has taken the run.
fn failed(state: &RunState, alive: bool) -> Option<String> {
    state.failed.as_ref().filter(|_| !alive).map(|(_, reason)| reason.clone())
}
