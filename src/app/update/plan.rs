//! The Plan screen: the plan is made anew at every tick and at every answer about the status.

use super::act::Travel;
use super::status;
use crate::app::effect::Effect;
use crate::app::model::{Model, PlanFocus};
use crate::domain::plan::make;
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
