//! The Plan screen: the plan is made anew at every tick and at every answer about the status.

use super::act::Travel;
use super::status;
use crate::app::effect::Effect;
use crate::app::model::{Model, PlanFocus, Screen, Ticks};
use crate::domain::name::RunId;
use crate::domain::plan::make;
use crate::domain::plan::replan::remaining;
use std::sync::Arc;

/// Makes the plan anew and keeps its cursors within it.
pub(super) fn make_anew(model: &mut Model) {
    let selection = model.ticks.now.selection(&model.catalog);
    let made = make::make(&model.catalog, &selection, &model.releases_read(), &model.status.checkouts_read());
    model.plan.made = made.map(Arc::new);
    let (steps, warnings) = model.plan.plan().map_or((0, 0), |plan| (plan.steps.len(), plan.warnings.len()));
    model.plan.step = model.plan.step.min(steps.saturating_sub(1));
    model.plan.warning = model.plan.warning.min(warnings.saturating_sub(1));
}

/// Ticks what is left of the open run and shows what that comes to, with the composes that the links name now.
pub(super) fn anew(model: &mut Model) -> Vec<Effect> {
    tick_rest(model);
    let mut effects = status::look(model);
    effects.extend(super::act::show(model, Screen::Plan));
    effects
}

/// Ticks the rest of a run again once everything was looked at: the links may name other composes by then.
pub(super) fn rest_anew(model: &mut Model) {
    let same = |(run, ticks): &(RunId, Ticks)| {
        *ticks == model.ticks.now && model.run.as_ref().is_some_and(|open| open.id == *run)
    };
    if model.plan.rest_of.as_ref().is_some_and(same) {
        tick_rest(model);
    }
}

fn tick_rest(model: &mut Model) {
    let Some(run) = &model.run else { return };
    let selection = remaining(&run.state, run.alive, &model.releases_read());
    let ticks = Ticks::of(&model.catalog, &selection);
    model.plan.rest_of = Some((run.id.clone(), ticks.clone()));
    model.ticks.change(ticks);
    make_anew(model);
}

/// Moves within the pane that has the focus, or to another.
pub(super) fn travel(model: &mut Model, travel: Travel) -> Vec<Effect> {
    if matches!(travel, Travel::NextPane | Travel::PreviousPane) {
        model.plan.focus = travel.among(model.plan.focus, &PlanFocus::ALL);
        return Vec::new();
    }
    let page = model.measures.page;
    let (steps, warnings) = model.plan.plan().map_or((0, 0), |plan| (plan.steps.len(), plan.warnings.len()));
    match model.plan.focus {
        PlanFocus::Repos => status::in_matrix(model, travel),
        PlanFocus::Steps => model.plan.step = travel.in_list(model.plan.step, steps, page),
        PlanFocus::Warnings => model.plan.warning = travel.in_list(model.plan.warning, warnings, page),
    }
    Vec::new()
}
