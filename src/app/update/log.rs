//! Logs: scrolling, following and searching in a pane, and the console's own log.

use super::act::{Travel, next_screen};
use crate::app::effect::Effect;
use crate::app::model::{LogQuery, LogView, Model, Overlay, Screen, SearchState, TextPurpose, Towards};
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
        return Vec::new();
    }
    // Whoever looks at the end looks for what was, else for what comes.
    let (from, towards) =
        if view.follow { (u64::MAX, Towards::Beginning) } else { (view.first(), Towards::End) };
    query(model, step, LogQuery { pattern: pattern.to_owned(), from, towards })
}

fn again(model: &mut Model, towards: Towards) -> Vec<Effect> {
    let Some(view) = focused(model) else { return Vec::new() };
    let step = view.step.clone();
    let Some((pattern, state)) = view.search.clone() else { return Vec::new() };
    let at = match state {
        SearchState::At { offset } => offset,
        SearchState::Searching => return Vec::new(),
        SearchState::NoMore => view.first(),
    };
    let from = match towards {
        Towards::End => at + 1,
        Towards::Beginning => at,
    };
    query(model, &step, LogQuery { pattern, from, towards })
}

fn query(model: &mut Model, step: &StepId, query: LogQuery) -> Vec<Effect> {
    let Some(run) = model.run.as_mut() else { return Vec::new() };
    let Some(view) = run.views.get_mut(step) else { return Vec::new() };
    let Some(log) = view.log.clone() else { return Vec::new() };
    view.search = Some((query.pattern.clone(), SearchState::Searching));
    vec![Effect::SearchLog { run: run.id.clone(), step: step.clone(), log, query }]
}

/// Takes the end of a search: goes to the match, or stays and says that there is none.
pub(super) fn search_ended(model: &mut Model, step: &StepId, pattern: &str, offset: Option<u64>) {
    let Some(view) = model.run.as_mut().and_then(|run| run.views.get_mut(step)) else { return };
    if view.search.as_ref().is_none_or(|(searched, _)| searched != pattern) {
        return;
    }
    if let Some(offset) = offset {
        view.show(offset);
    }
    let state = offset.map_or(SearchState::NoMore, |offset| SearchState::At { offset });
    view.search = Some((pattern.to_owned(), state));
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
