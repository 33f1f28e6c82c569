//! Past runs: the list, and opening one of them.

use super::act::{Travel, next_screen, show};
use super::run;
use crate::app::effect::Effect;
use crate::app::model::{Model, RUNS_EVERY_MS, RunSummary, Screen};
use crate::domain::name::StepId;
use crate::domain::run::RunVerdict;
use std::collections::BTreeMap;

/// Takes the list of runs. The first time, a run that lives is opened, so that a console which was killed
/// comes back to the same place (design 2).
pub(super) fn listed(
    model: &mut Model,
    runs: Vec<RunSummary>,
    typical: BTreeMap<StepId, u64>,
) -> Vec<Effect> {
    let first = !model.history.listed;
    let chosen = model.history.runs.get(model.history.cursor).map(|run| run.id.clone());
    model.history.cursor = chosen
        .and_then(|id| runs.iter().position(|run| run.id == id))
        .unwrap_or(model.history.cursor)
        .min(runs.len().saturating_sub(1));
    model.history.runs = runs;
    model.history.typical = typical;
    model.history.listed = true;
    model.history.next_list_ms = model.clock.uptime_ms + RUNS_EVERY_MS;
    if !first || model.run.is_some() || model.opening.is_some() {
        return Vec::new();
    }
    let alive = model.history.runs.iter().find(|run| run.alive).map(|run| run.id.clone());
    let waiting = |run: &&RunSummary| run.verdict == Ok(RunVerdict::Waiting);
    let Some(id) = alive.or_else(|| model.history.runs.iter().find(waiting).map(|run| run.id.clone())) else {
        return Vec::new();
    };
    let lives = model.history.runs.iter().any(|run| run.id == id && run.alive);
    let untouched = model.screen == Screen::Status && model.ticks.now.is_empty() && !model.ticks.can_undo();
    let screen = model.screen;
    let effects = run::open(model, id);
    if !(lives && untouched) {
        model.screen = screen;
    }
    effects
}

/// Moves the cursor.
pub(super) fn travel(model: &mut Model, travel: Travel) -> Vec<Effect> {
    if matches!(travel, Travel::NextPane | Travel::PreviousPane) {
        return next_screen(model, travel);
    }
    let history = &mut model.history;
    history.cursor = travel.in_list(history.cursor, history.runs.len(), model.measures.page);
    Vec::new()
}

/// Opens the chosen run.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let Some(id) = model.history.runs.get(model.history.cursor).map(|run| run.id.clone()) else {
        return Vec::new();
    };
    if model.run.as_ref().is_some_and(|run| run.id == id) {
        return show(model, Screen::Run);
    }
    run::open(model, id)
}
