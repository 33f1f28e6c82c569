//! Logs: scrolling, following and searching in a pane, and the console's own log.

use super::act::{Travel, next_screen};
use crate::app::Msg;
use crate::app::effect::Effect;
use crate::app::model::{
    LogQuery, LogView, Model, Overlay, Screen, SearchFrom, SearchState, TextPurpose, Towards,
};
use crate::app::text_input::TextInput;
use crate::domain::name::StepId;
use crate::keys::Action;

/// Columns that a pane scrolls sideways at once.
const SIDEWAYS: usize = 8;

/// Returns the view of the log that is meant.
fn focused(model: &mut Model) -> Option<&mut LogView> {
    let run = model.run.as_mut()?;
    let step = run.focused()?;
    run.views.get_mut(&step)
}

/// Scrolls the focused pane.
pub(super) fn scroll(model: &mut Model, travel: Travel) {
    let Some(view) = focused(model) else { return };
    let page = i64::try_from(view.rows.saturating_sub(1).max(1)).unwrap_or(1);
    match travel {
        Travel::Up => view.scroll(-1),
        Travel::Down => view.scroll(1),
        Travel::PageUp => view.scroll(-page),
        Travel::PageDown => view.scroll(page),
        Travel::First => view.go_first(),
        Travel::Last => view.go_last(),
        Travel::Left => view.left = view.left.saturating_sub(SIDEWAYS),
        Travel::Right if !view.wrap => view.left += SIDEWAYS,
        Travel::Right | Travel::NextPane | Travel::PreviousPane => {}
    }
}

/// Takes an action on logs.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match (model.screen, action) {
        (Screen::Log, _) => model.log.back = 0,
        (_, Action::Follow) => follow(model),
        (_, Action::Wrap) => {
            if let Some(view) = focused(model) {
                view.wrap = !view.wrap;
                view.left = 0;
            }
        }
        (_, Action::Search) => ask_pattern(model),
        (_, Action::NextMatch) => return again(model, Towards::End),
        (_, Action::PreviousMatch) => return again(model, Towards::Beginning),
        _ => {}
    }
    Vec::new()
}

fn follow(model: &mut Model) {
    if let Some(run) = model.run.as_mut().filter(|run| !run.reads_log()) {
        run.chosen = None;
    }
    if let Some(view) = focused(model) {
        view.go_last();
    }
}

fn ask_pattern(model: &mut Model) {
    let Some(view) = focused(model) else { return };
    let before = view.search.as_ref().map_or("", |(pattern, _)| pattern);
    let input = TextInput::holding(before);
    let purpose = TextPurpose::Search { step: view.step.clone() };
    model.overlays.push(Overlay::Text { purpose, input });
}

/// Begins a search in a step's log at the first line that is shown.
pub(super) fn search(model: &mut Model, step: &StepId, pattern: &str) -> Vec<Effect> {
    let Some(view) = model.run.as_mut().and_then(|run| run.views.get_mut(step)) else { return Vec::new() };
    if pattern.is_empty() {
        view.search = None;
        return vec![Effect::StopSearch];
    }
    // Whoever looks at the end looks for what was, else for what comes.
    let (from, towards) =
        if view.follow { (u64::MAX, Towards::Beginning) } else { (view.first(), Towards::End) };
    let pattern = pattern.to_owned();
    query(model, step, LogQuery { pattern, from: SearchFrom::At(from), towards, tally: None })
}

fn again(model: &mut Model, towards: Towards) -> Vec<Effect> {
    let Some(view) = focused(model) else { return Vec::new() };
    let step = view.step.clone();
    let Some((pattern, state)) = view.search.clone() else { return Vec::new() };
    let (from, tally) = match state {
        SearchState::At(found) => (SearchFrom::Beside(found.offset), found.tally),
        SearchState::Searching { .. } => return Vec::new(),
        SearchState::Nowhere => (SearchFrom::At(view.first()), None),
    };
    query(model, &step, LogQuery { pattern, from, towards, tally })
}

fn query(model: &mut Model, step: &StepId, query: LogQuery) -> Vec<Effect> {
    let Some(run) = model.run.as_mut() else { return Vec::new() };
    let Some(view) = run.views.get_mut(step) else { return Vec::new() };
    let Some(log) = view.log.clone() else { return Vec::new() };
    let before = match view.search {
        Some((ref pattern, SearchState::At(found))) if *pattern == query.pattern => Some(found),
        _ => None,
    };
    view.search = Some((query.pattern.clone(), SearchState::Searching { percent: 0, before }));
    vec![Effect::SearchLog { run: run.id.clone(), step: step.clone(), log, query }]
}

/// Stops the search in the focused pane; returns whether one went on.
pub(super) fn stop_search(model: &mut Model) -> bool {
    let Some(view) = focused(model) else { return false };
    let Some((pattern, SearchState::Searching { before, .. })) = view.search.take_if(is_searching) else {
        return false;
    };
    view.search = before.map(|found| (pattern, SearchState::At(found)));
    true
}

fn is_searching((_, state): &mut (String, SearchState)) -> bool {
    matches!(state, SearchState::Searching { .. })
}

/// Takes how a search goes: at its end the match is gone to, or it is said that there is none.
pub(super) fn search_told(model: &mut Model, msg: Msg) {
    let (Msg::SearchMoved { step, pattern, .. }
    | Msg::SearchEnded { step, pattern, .. }
    | Msg::MatchesCounted { step, pattern, .. }) = &msg
    else {
        return;
    };
    let Some(view) = model.run.as_mut().and_then(|run| run.views.get_mut(step)) else { return };
    let Some((_, state)) = view.search.as_mut().filter(|(searched, _)| searched == pattern) else { return };
    match (msg, state) {
        (Msg::SearchMoved { percent: now, .. }, SearchState::Searching { percent, .. }) => *percent = now,
        (Msg::SearchEnded { found, .. }, state @ SearchState::Searching { .. }) => {
            *state = found.map_or(SearchState::Nowhere, SearchState::At);
            if let Some(found) = found {
                view.show(found.offset);
            }
        }
        (Msg::MatchesCounted { offset, tally, .. }, SearchState::At(found)) if found.offset == offset => {
            found.tally = Some(tally);
        }
        _ => {}
    }
}

/// Scrolls the console's own log.
pub(super) fn travel(model: &mut Model, travel: Travel) -> Vec<Effect> {
    let page = model.measures.page.max(1);
    let back = &mut model.log.back;
    match travel {
        Travel::Up => *back = back.saturating_add(1),
        Travel::Down => *back = back.saturating_sub(1),
        Travel::PageUp => *back = back.saturating_add(page),
        Travel::PageDown => *back = back.saturating_sub(page),
        Travel::Last => *back = 0,
        Travel::NextPane | Travel::PreviousPane => return next_screen(model, travel),
        Travel::First | Travel::Left | Travel::Right => {}
    }
    Vec::new()
}
