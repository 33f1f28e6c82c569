//! The list of steps, lane by lane.

use super::width as columns;
use crate::app::Model;
use crate::app::model::progress::{running_s, step_fraction};
use crate::app::model::{RunFocus, RunModel};
use crate::domain::plan::Step;
use crate::domain::run::{GateState, StepRecord, StepState};
use crate::ui::pen::{Pen, scroll_to};
use crate::ui::style;
use crate::ui::theme::Role;
use crate::ui::widgets::{bar, text};
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Columns of the state's word and of the duration.
const WORD: u16 = 12;
const TIME: u16 = 8;

/// Returns the columns that the list takes of `all`.
pub(super) fn width(all: u16) -> u16 {
    (all * 2 / 5).clamp(38, 60)
}

/// Draws the list.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, run: &RunModel) {
    let focus = run.focus == RunFocus::Steps;
    let title = vec![pen.span(Role::Title, "Steps")];
    let inside = pen.panel(area, title, Vec::new(), focus);
    let selected = run.selected().map(|step| &step.id);
    let mut rows: Vec<Vec<Span<'static>>> = Vec::new();
    let mut cursor = 0..0;
    let mut release = None;
    for (place, step) in run.steps().iter().enumerate() {
        if place == 0 || step.release != release {
            rows.push(heading(pen, run, step));
            release.clone_from(&step.release);
        }
        let from = rows.len();
        rows.extend(step_rows(pen, model, run, step, inside.width));
        if Some(&step.id) == selected {
            cursor = from..rows.len();
        }
    }
    let total = rows.len();
    let first = scroll_to(cursor.end.saturating_sub(1), total, usize::from(inside.height));
    for (row, (place, spans)) in
        rows.into_iter().enumerate().skip(first).take(usize::from(inside.height)).enumerate()
    {
        let line = Rect { y: inside.y + row as u16, height: 1, ..inside };
        pen.line(line, 0, spans);
        if cursor.contains(&place) {
            pen.select(line, if focus { Role::Selection } else { Role::SelectionQuiet });
        }
    }
    let edge = Rect { x: inside.right().saturating_sub(1), width: 1, ..inside };
    if first > 0 {
        pen.line(edge, 0, vec![pen.span(Role::Muted, "↑")]);
    }
    if first + usize::from(inside.height) < total {
        pen.line(edge, inside.height.saturating_sub(1), vec![pen.span(Role::Muted, "↓")]);
    }
}

fn heading(pen: &Pen<'_>, run: &RunModel, step: &Step) -> Vec<Span<'static>> {
    match step.release.as_ref().and_then(|release| run.state.plan.lane(release)) {
        Some(lane) => {
            let mut spans = vec![pen.span(Role::Title, format!(" {} · {}", lane.release, lane.revision))];
            if let Some(given) = run.state.given_up.get(&lane.release) {
                spans.push(pen.span(Role::Warn, format!("  ■ given up to {}", given.by.person())));
            }
            spans
        }
        None => vec![pen.span(Role::Title, " shared")],
    }
}

/// Returns the name of a step within its lane: `sync/Rocky`.
pub(super) fn short(step: &Step) -> &str {
    step.id.as_str().split_once('/').map_or(step.id.as_str(), |(_, rest)| rest)
}

fn step_rows(
    pen: &Pen<'_>,
    model: &Model,
    run: &RunModel,
    step: &Step,
    width: u16,
) -> Vec<Vec<Span<'static>>> {
    let Some(record) = run.record(&step.id) else { return Vec::new() };
    let waits = run.alive && run.live_step(&step.id).is_some_and(|live| live.waits_for.is_some());
    let mark = if waits { style::HELD_UP } else { style::step(record, run.alive) };
    let mut head = vec![Span::raw("  "), pen.span(mark.role, mark.glyph), Span::raw(" ")];
    let name_width = width.saturating_sub(columns(&head) + WORD + TIME);
    if step.is_production() {
        if width >= 44 {
            head.push(pen.span(Role::Production, format!("{} ", short(step))));
        }
        head.push(pen.span(Role::ProductionBlock, " PRODUCTION "));
    } else {
        let wants = matches!(
            record.state,
            StepState::Running { .. } | StepState::Gate { gate: GateState::Waiting { .. } }
        );
        let role = if wants { Role::Strong } else { Role::Text };
        let mut name = short(step).to_owned();
        if record.attempts > 1 {
            name = format!("{} ×{}", text::cut(&name, name_width.saturating_sub(4)), record.attempts);
        }
        head.push(pen.span(role, text::cut(&name, name_width.saturating_sub(1))));
    }
    let used = columns(&head);
    let rest = width.saturating_sub(used + TIME);
    head.push(pen.span(mark.role, text::fill_left(mark.word, rest)));
    head.push(pen.span(Role::Muted, text::fill_left(&duration(model, run, record), TIME - 1)));
    let mut rows = vec![head];
    if record.is_running() && run.alive {
        rows.push(progress(pen, model, run, step, width));
    }
    rows
}

fn duration(model: &Model, run: &RunModel, record: &StepRecord) -> String {
    let running = running_s(record, model.clock.wall).filter(|_| run.alive).map(text::clock);
    running.or_else(|| record.took_s().map(text::clock)).unwrap_or_default()
}

fn progress(pen: &Pen<'_>, model: &Model, run: &RunModel, step: &Step, width: u16) -> Vec<Span<'static>> {
    let fraction = step_fraction(run, &step.id, &model.history.typical, model.clock.wall);
    let percent = bar::percent(fraction);
    let room = width.saturating_sub(4 + percent.chars().count() as u16 + 3);
    let mut spans = vec![Span::raw("    ")];
    spans.extend(bar::bar(pen, fraction, room));
    spans.push(pen.span(Role::Muted, format!(" {percent}")));
    spans
}
