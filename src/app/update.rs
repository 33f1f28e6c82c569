//! What every message does: the one function that changes the model.
//!
//! Synchronous and total: any message at any moment gives a model that can be drawn. One file a screen;
//! keys become actions in `input`, actions find their screen in `act`.

mod act;
mod gate;
mod history;
mod input;
mod log;
mod overlay;
mod plan;
mod run;
mod status;

#[cfg(test)]
mod tests;

use super::effect::Effect;
use super::model::{Model, Overlay, Screen, TextPurpose, redactor_of};
use super::msg::Msg;
use super::text_input::TextInput;
use crate::domain::name::RunId;
use crate::domain::plan::Plan;
use std::sync::Arc;

/// Takes one message and returns what is to be done about it.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let msg = msg.shown(&model.redactor);
    let msg = match &model.run {
        Some(open) => msg.shown(&open.redactor),
        None => msg,
    };
    match msg {
        Msg::ConsoleStarted { .. } | Msg::ClockRead(_) | Msg::Woken | Msg::EndRequested => {
            of_console(model, msg)
        }
        Msg::Resized(size) => {
            model.size = size;
            Vec::new()
        }
        Msg::Measured(measures) => {
            run::measured(model, &measures);
            model.measures = measures;
            Vec::new()
        }
        Msg::KeyPressed(key) => input::key_pressed(model, key),
        Msg::Pasted(text) => input::pasted(model, &text),
        Msg::ActionChosen(action) => act::act(model, action),
        Msg::CatalogRead(catalog) => {
            model.redactor = redactor_of(&catalog);
            model.catalog = catalog;
            model.banners.retain(|banner| banner.about != "catalog");
            plan::make_anew(model);
            status::look(model)
        }
        Msg::PlaceRecovered { .. } => status::look(model),
        Msg::MountAnswered(_) | Msg::CheckoutAnswered(_) | Msg::ReleaseAnswered(_) | Msg::StatusEnded => {
            status::answered(model, msg)
        }
        Msg::RunsListed { runs, typical } => history::listed(model, runs, typical),
        Msg::RunStarted { run } => run::started(model, run),
        Msg::RunNotStarted { problem, locked } => {
            not_started(model, problem, locked);
            Vec::new()
        }
        Msg::RunRead { .. }
        | Msg::RunUnreadable { .. }
        | Msg::LiveTold { .. }
        | Msg::ConnectionChanged { .. }
        | Msg::RequestAnswered { .. } => run::told(model, msg),
        Msg::EvidenceLoaded { .. } | Msg::EvidenceUnreadable { .. } => {
            gate::evidence_answered(model, msg);
            Vec::new()
        }
        Msg::SearchMoved { .. } | Msg::SearchEnded { .. } | Msg::MatchesCounted { .. } => {
            log::search_told(model, msg);
            Vec::new()
        }
        Msg::ThemeLoaded { theme } => {
            model.theme = theme;
            Vec::new()
        }
        Msg::TroubleSeen { about, message } => {
            model.banner(about, message);
            Vec::new()
        }
    }
}

/// Says why no run was started, and offers to take its release over where that is why.
fn not_started(model: &mut Model, problem: String, locked: Option<(Arc<Plan>, Option<RunId>)>) {
    model.plan.starting = false;
    model.banner("start", format!("no run was started: {problem}"));
    if let (Some((plan, from)), true) = (locked, model.overlays.is_empty()) {
        let purpose = TextPurpose::TakeOverReason { plan, from, problem };
        model.overlays.push(Overlay::Text { purpose, input: TextInput::default() });
    }
}

fn of_console(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::ConsoleStarted { run } => {
            let mut effects = status::look(model);
            effects.push(Effect::ListRuns);
            if let Some(run) = run {
                effects.extend(run::open(model, run));
            }
            effects
        }
        Msg::ClockRead(clock) => {
            model.clock = clock;
            model.toasts.retain(|toast| toast.until_ms > clock.uptime_ms);
            status::time_passed(model)
        }
        // What was seen before the sleep may be long out of date.
        Msg::Woken => {
            let mut effects = vec![Effect::Redraw];
            effects.extend(status::look(model));
            effects.push(Effect::ListRuns);
            if model.screen == Screen::Gate {
                gate::guard_anew(model);
            }
            effects
        }
        _ => act::leave(model),
    }
}
