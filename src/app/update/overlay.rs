//! What lies over a screen: questions, text fields, help, palette, themes.
//!
//! A question holds what it asks about, and before anything is sent it is asked again whether that still
//! can be done: the run goes on while somebody reads.

use super::act::{self, Travel};
use super::{gate, log, run};
use crate::app::availability::{self, availability};
use crate::app::effect::{Effect, RunRequest, Secret};
use crate::app::model::overlay::palette_fits;
use crate::app::model::{Confirm, Model, Overlay, TextPurpose};
use crate::app::text_input::TextInput;
use crate::domain::name::StepId;
use crate::domain::run::StepRecord;
use crate::keys::{Action, Group};

/// Opens help, palette or themes.
pub(super) fn open(model: &mut Model, action: Action) -> Vec<Effect> {
    let layers = model.layers();
    let overlay = match action {
        Action::Help => Overlay::Help { first: 0, layers },
        Action::Palette => {
            let mut actions = model.keymap.actions(layers);
            actions.retain(|action| action.info().group != Group::Move && *action != Action::Palette);
            Overlay::Palette { input: TextInput::default(), cursor: 0, actions }
        }
        _ => {
            let cursor = model.themes.iter().position(|theme| *theme == model.theme).unwrap_or(0);
            Overlay::Themes { cursor, before: model.theme.clone() }
        }
    };
    model.overlays.push(overlay);
    Vec::new()
}

/// Opens the question that stands before an action.
pub(super) fn ask(model: &mut Model, action: Action) {
    if let Some(overlay) = question(model, action) {
        model.overlays.push(overlay);
    }
}

fn question(model: &Model, action: Action) -> Option<Overlay> {
    if action == Action::StartRun {
        let plan = model.plan.plan()?.clone();
        let from = model.plan.rest_of.as_ref().map(|(run, _)| run.clone());
        return Some(Overlay::Confirm(Confirm::StartRun { plan, from }));
    }
    let run = model.run.as_ref()?;
    let step = run.focused();
    let text = |purpose| Some(Overlay::Text { purpose, input: TextInput::default() });
    let confirm = match action {
        Action::Retry => {
            let step = step?;
            if availability::retry_needs_reason(model, &step) {
                return text(TextPurpose::RetryReason { step });
            }
            let reached = |id: &StepId| run.record(id).is_some_and(|record| record.attempts > 0);
            let stale = run.state.plan.descendants(&step).into_iter().filter(reached).collect();
            let repeatable = run.state.plan.step(&step)?.repeatable;
            Confirm::Retry { step, stale, repeatable }
        }
        Action::CancelStep => Confirm::CancelStep { step: step? },
        Action::KillStep => Confirm::KillStep { step: step? },
        Action::CancelRun => {
            let running = run.state.steps.iter().filter(|(_, record)| record.is_running());
            Confirm::CancelRun { running: running.map(|(id, _)| id.clone()).collect() }
        }
        Action::Resume => Confirm::Resume { release: availability::resume(model).ok()? },
        Action::Skip => return text(TextPurpose::SkipReason { step: step? }),
        _ => {
            let step = step?;
            let live = run.live_step(&step)?;
            let (prompt, shown) = (live.prompt.clone()?, !live.secret);
            let hidden = live.secret || is_secret(&prompt);
            return text(TextPurpose::Answer { step, prompt, hidden, shown });
        }
    };
    Some(Overlay::Confirm(confirm))
}

/// Returns whether what is typed in answer to `prompt` must not be shown.
fn is_secret(prompt: &str) -> bool {
    let prompt = prompt.to_lowercase();
    ["passphrase", "password", "passcode", "pin:", "pin code", "secret"]
        .iter()
        .any(|word| prompt.contains(word))
}

/// Takes an action while something lies over the screen.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match (model.overlays.last(), action) {
        (Some(Overlay::Themes { .. }), Action::Dismiss | Action::Leave) => return dismiss_themes(model),
        (_, Action::Dismiss)
        | (Some(Overlay::Help { .. }), Action::Help | Action::Leave)
        | (Some(Overlay::Confirm(_)), Action::ConfirmNo | Action::Leave)
        | (Some(Overlay::Themes { .. }), Action::Choose) => {
            model.overlays.pop();
        }
        (Some(Overlay::Confirm(_)), Action::ConfirmYes) => return confirmed(model),
        (Some(Overlay::Text { .. }), Action::Accept) => return accepted(model),
        (Some(Overlay::Palette { .. }), Action::Accept) => return chosen(model),
        _ => return act::travel_of(action).map_or_else(Vec::new, |travel| moved(model, travel)),
    }
    Vec::new()
}

fn moved(model: &mut Model, travel: Travel) -> Vec<Effect> {
    let page = model.measures.page;
    let themes = model.themes.len();
    match model.overlays.last_mut() {
        // The view knows how long its text is and draws no further; here it only must not run away.
        Some(Overlay::Help { first, .. }) => *first = travel.in_list(*first, HELP_LINES, page),
        Some(Overlay::Palette { input, cursor, actions }) => {
            let fits = palette_fits(actions, input.text()).len();
            *cursor = travel.in_list(*cursor, fits, page);
        }
        Some(Overlay::Themes { cursor, .. }) => {
            *cursor = travel.in_list(*cursor, themes, page);
            let theme = model.themes.get(*cursor).cloned();
            return theme.into_iter().map(|theme| Effect::LoadTheme { theme }).collect();
        }
        _ => {}
    }
    Vec::new()
}

/// More lines than the help can have: every action, its group and as many again.
const HELP_LINES: usize = 200;

fn dismiss_themes(model: &mut Model) -> Vec<Effect> {
    match model.overlays.pop() {
        Some(Overlay::Themes { before, .. }) => vec![Effect::LoadTheme { theme: before }],
        _ => Vec::new(),
    }
}

fn chosen(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Palette { input, cursor, actions }) = model.overlays.pop() else { return Vec::new() };
    match palette_fits(&actions, input.text()).get(cursor) {
        Some(action) => act::act(model, *action),
        None => Vec::new(),
    }
}

/// Takes pasted text into the field on top.
pub(super) fn pasted(model: &mut Model, text: &str) {
    if let Some(Overlay::Text { input, .. } | Overlay::Palette { input, .. }) = model.overlays.last_mut() {
        input.paste(text);
    }
}

fn confirmed(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Confirm(confirm)) = model.overlays.pop() else { return Vec::new() };
    if let Err(reason) = still(model, &confirm) {
        model.toast(format!("not done: {reason}"));
        return Vec::new();
    }
    let request = match confirm {
        Confirm::StartRun { plan, from } => {
            model.plan.starting = true;
            return vec![Effect::StartRun { plan, from, take_over: None }];
        }
        Confirm::Retry { step, .. } => RunRequest::Retry { step, reason: String::new() },
        Confirm::CancelStep { step } => RunRequest::CancelStep { step },
        Confirm::KillStep { step } => RunRequest::Kill { step },
        Confirm::CancelRun { .. } => RunRequest::CancelRun,
        Confirm::Resume { release } => RunRequest::Resume { release },
    };
    run::send(model, request)
}

/// Returns whether what a question asks about can still be done.
fn still(model: &Model, confirm: &Confirm) -> Result<(), String> {
    match confirm {
        // The plan is the one that was shown, even where the status has moved on: the checks before
        // each step look again, and refuse a link that moved.
        Confirm::StartRun { .. } => availability::may_start(model),
        Confirm::Retry { step, .. } => availability::step_allows(model, Action::Retry, step),
        Confirm::CancelStep { step } => availability::step_allows(model, Action::CancelStep, step),
        Confirm::KillStep { step } => availability::step_allows(model, Action::KillStep, step),
        Confirm::CancelRun { .. } => enabled(model, Action::CancelRun),
        Confirm::Resume { release } => match availability::resume(model) {
            Ok(now) if now == *release => Ok(()),
            Ok(_) => Err("the run has moved on meanwhile".to_owned()),
            Err(reason) => Err(reason),
        },
    }
}

fn enabled(model: &Model, action: Action) -> Result<(), String> {
    match availability(action, model).reason() {
        Some(reason) => Err(reason.to_owned()),
        None => Ok(()),
    }
}

fn accepted(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Text { purpose, input }) = model.overlays.last().cloned() else { return Vec::new() };
    let text = input.text().trim().to_owned();
    match purpose {
        TextPurpose::Search { step } => {
            model.overlays.pop();
            return log::search(model, &step, input.text());
        }
        TextPurpose::SearchGate => {
            model.overlays.pop();
            gate::search(model, &text);
            return Vec::new();
        }
        TextPurpose::Answer { step, shown, .. } => {
            model.overlays.pop();
            if let Err(reason) = availability::step_allows(model, Action::Attach, &step) {
                model.toast(format!("not sent: {reason}"));
                return Vec::new();
            }
            let text = Secret(input.text().to_owned());
            return run::send(model, RunRequest::Answer { step, text, hidden: !shown });
        }
        _ if text.is_empty() => {
            model.toast("a reason is needed");
            return Vec::new();
        }
        _ => {}
    }
    model.overlays.pop();
    reasoned(model, purpose, text)
}

fn reasoned(model: &mut Model, purpose: TextPurpose, reason: String) -> Vec<Effect> {
    match purpose {
        TextPurpose::SkipReason { step } => match availability::step_allows(model, Action::Skip, &step) {
            Ok(()) => run::send(model, RunRequest::Skip { step, reason }),
            Err(why) => {
                model.toast(format!("not skipped: {why}"));
                Vec::new()
            }
        },
        TextPurpose::RetryReason { step } => match availability::step_allows(model, Action::Retry, &step) {
            Ok(()) => run::send(model, RunRequest::Retry { step, reason }),
            Err(why) => {
                model.toast(format!("not run again: {why}"));
                Vec::new()
            }
        },
        TextPurpose::WaiveReason { release, finding, message } => {
            run::send(model, RunRequest::Waive { release, finding, message, reason })
        }
        TextPurpose::HelmReason => run::take_helm(model, reason),
        TextPurpose::TakeOverReason { plan, from, .. } => match availability::may_start(model) {
            Ok(()) => {
                model.plan.starting = true;
                vec![Effect::StartRun { plan, from, take_over: Some(reason) }]
            }
            Err(why) => {
                model.toast(format!("not done: {why}"));
                Vec::new()
            }
        },
        TextPurpose::Search { .. } | TextPurpose::SearchGate | TextPurpose::Answer { .. } => Vec::new(),
    }
}

/// Closes the answer to a prompt that is gone: what was typed for it must not reach another. One whose terminal
/// has stopped to show what is typed is hidden from then on.
pub(super) fn drop_outdated(model: &mut Model) {
    let Some(Overlay::Text { purpose: TextPurpose::Answer { step, prompt, hidden, shown }, .. }) =
        model.overlays.last_mut()
    else {
        return;
    };
    let asked = model.run.as_ref().and_then(|run| {
        let running = run.record(step).is_some_and(StepRecord::is_running);
        run.live_step(step).filter(|live| running && live.prompt.as_ref() == Some(prompt))
    });
    if let Some(live) = asked {
        *shown = !live.secret;
        *hidden |= live.secret;
    } else {
        model.overlays.pop();
        model.toast("the prompt is gone; nothing was sent");
    }
}
