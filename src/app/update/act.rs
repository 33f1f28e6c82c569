//! Actions: asks whether the action can be taken, then hands it to its screen.

use super::{gate, history, log, overlay, plan, run, status};
use crate::app::availability::{Availability, availability};
use crate::app::effect::Effect;
use crate::app::model::{Model, Screen};
use crate::keys::Action;

/// A way of getting about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Travel {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    First,
    Last,
    NextPane,
    PreviousPane,
}

impl Travel {
    fn of(action: Action) -> Option<Self> {
        Some(match action {
            Action::MoveUp => Self::Up,
            Action::MoveDown => Self::Down,
            Action::MoveLeft => Self::Left,
            Action::MoveRight => Self::Right,
            Action::PageUp => Self::PageUp,
            Action::PageDown => Self::PageDown,
            Action::GoFirst => Self::First,
            Action::GoLast => Self::Last,
            Action::NextPane => Self::NextPane,
            Action::PreviousPane => Self::PreviousPane,
            _ => return None,
        })
    }

    /// Returns where a cursor at `at` in a list of `length` entries goes.
    pub(super) fn in_list(self, at: usize, length: usize, page: usize) -> usize {
        let last = length.saturating_sub(1);
        let page = page.max(1);
        match self {
            Self::Up => at.saturating_sub(1),
            Self::Down => at.saturating_add(1),
            Self::PageUp => at.saturating_sub(page),
            Self::PageDown => at.saturating_add(page),
            Self::First => 0,
            Self::Last => last,
            Self::Left | Self::Right | Self::NextPane | Self::PreviousPane => at,
        }
        .min(last)
    }

    /// Returns what comes after (or before) `now` among `all`, round and round.
    pub(super) fn among<T: Copy + PartialEq>(self, now: T, all: &[T]) -> T {
        let at = all.iter().position(|one| *one == now).unwrap_or(0);
        let next = match self {
            Self::NextPane => at + 1,
            Self::PreviousPane => at + all.len().saturating_sub(1),
            _ => at,
        };
        all.get(next % all.len().max(1)).copied().unwrap_or(now)
    }
}

/// Takes an action, if it can be taken; if not, says why.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    if matches!(action, Action::Leave | Action::LeaveNow) && model.overlays.is_empty()
        || action == Action::LeaveNow
    {
        return leave(model);
    }
    if !model.overlays.is_empty() {
        return overlay::act(model, action);
    }
    if let Availability::Disabled(reason) = availability(action, model) {
        model.toast(reason);
        return Vec::new();
    }
    if let Some(travel) = Travel::of(action) {
        return travel_on_screen(model, travel);
    }
    if is_of_console(action) { of_console(model, action) } else { of_screen(model, action) }
}

/// Moves within an overlay's list.
pub(super) fn travel_of(action: Action) -> Option<Travel> {
    Travel::of(action)
}

fn travel_on_screen(model: &mut Model, travel: Travel) -> Vec<Effect> {
    match model.screen {
        Screen::Status => status::travel(model, travel),
        Screen::Plan => plan::travel(model, travel),
        Screen::Run => run::travel(model, travel),
        Screen::Gate => gate::travel(model, travel),
        Screen::History => history::travel(model, travel),
        Screen::Log => log::travel(model, travel),
    }
}

const fn is_of_console(action: Action) -> bool {
    matches!(
        action,
        Action::ShowStatus
            | Action::ShowPlan
            | Action::ShowRun
            | Action::ShowGate
            | Action::ShowHistory
            | Action::ShowLog
            | Action::GoToPlan
            | Action::Help
            | Action::Palette
            | Action::ChooseTheme
            | Action::ToggleObserve
            | Action::Dismiss
            | Action::Redraw
            | Action::Suspend
    )
}

fn of_console(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::ShowStatus => show(model, Screen::Status),
        Action::ShowPlan | Action::GoToPlan => show(model, Screen::Plan),
        Action::ShowRun => show(model, Screen::Run),
        Action::ShowGate => gate::open(model),
        Action::ShowHistory => show(model, Screen::History),
        Action::ShowLog => show(model, Screen::Log),
        Action::ToggleObserve => run::toggle_observe(model),
        Action::Dismiss => back(model),
        Action::Redraw => vec![Effect::Redraw],
        Action::Suspend => vec![Effect::Suspend],
        _ => overlay::open(model, action),
    }
}

fn of_screen(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::ToggleSync
        | Action::ToggleCompose
        | Action::TickRelease
        | Action::TickBehind
        | Action::TickNothing
        | Action::NextFlow
        | Action::UndoTick => {
            status::tick(model, action);
            Vec::new()
        }
        Action::Refresh => {
            let mut effects = status::look(model);
            effects.push(Effect::ListRuns);
            effects
        }
        Action::OpenRun => history::open(model),
        Action::OpenGate => gate::open(model),
        // Nothing runs that was not shown as an exact command (design 12): Status shows none.
        Action::StartRun if model.screen == Screen::Status => {
            model.toast("these commands would run; the same key again asks");
            show(model, Screen::Plan)
        }
        Action::StartRun
        | Action::Retry
        | Action::Skip
        | Action::CancelStep
        | Action::KillStep
        | Action::CancelRun
        | Action::Resume
        | Action::Attach => {
            overlay::ask(model, action);
            Vec::new()
        }
        Action::PlanAnew => plan::anew(model),
        Action::OpenLog | Action::SideBySide => {
            run::lay_out(model, action);
            Vec::new()
        }
        Action::Search | Action::NextMatch | Action::PreviousMatch if model.screen == Screen::Gate => {
            gate::act(model, action)
        }
        Action::Follow | Action::Search | Action::NextMatch | Action::PreviousMatch | Action::Wrap => {
            log::act(model, action)
        }
        _ => gate::act(model, action),
    }
}

/// Goes to a screen.
pub(super) fn show(model: &mut Model, screen: Screen) -> Vec<Effect> {
    model.screen = screen;
    match screen {
        Screen::Status => status::time_passed(model),
        Screen::History => vec![Effect::ListRuns],
        Screen::Gate => {
            gate::guard_anew(model);
            Vec::new()
        }
        Screen::Plan | Screen::Run | Screen::Log => Vec::new(),
    }
}

/// Goes to the next screen that can be shown, or the one before.
pub(super) fn next_screen(model: &mut Model, travel: Travel) -> Vec<Effect> {
    let can = |screen: &Screen| match screen {
        Screen::Run => model.run.is_some(),
        Screen::Gate => model.run.as_ref().is_some_and(|run| run.gate_release().is_some()),
        _ => true,
    };
    let screens: Vec<Screen> = Screen::ALL.into_iter().filter(can).collect();
    match travel.among(model.screen, &screens) {
        Screen::Gate => gate::open(model),
        screen => show(model, screen),
    }
}

/// Goes back by one: out of a pane, a large log, a gate, a banner, and at last to Status.
fn back(model: &mut Model) -> Vec<Effect> {
    if model.screen == Screen::Run && log::stop_search(model) {
        return vec![Effect::StopSearch];
    }
    let within = match model.screen {
        Screen::Run => run::back(model),
        Screen::Gate => gate::back(model),
        _ => false,
    };
    if within {
        return Vec::new();
    }
    match model.screen {
        Screen::Gate => show(model, Screen::Run),
        _ if model.banners.pop().is_some() => Vec::new(),
        Screen::Status => {
            model.toasts.clear();
            Vec::new()
        }
        _ => show(model, Screen::Status),
    }
}

/// Leaves the console; runs go on, and the last words say so.
pub(super) fn leave(model: &Model) -> Vec<Effect> {
    let open = model.run.iter().filter(|run| run.alive).map(|run| &run.id);
    let listed = model.history.runs.iter().filter(|run| run.alive).map(|run| &run.id);
    let mut alive: Vec<_> = Vec::new();
    for id in open.chain(listed) {
        if !alive.contains(&id) {
            alive.push(id);
        }
    }
    let farewell = alive
        .into_iter()
        .map(|id| format!("run {id} goes on without this console; `stagegate attach {id}` shows it again"))
        .collect();
    vec![Effect::Leave { farewell }]
}
