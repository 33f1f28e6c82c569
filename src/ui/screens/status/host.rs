//! The host: mounts with their free space, checkouts with their revision, runs.

use crate::app::Model;
use crate::app::model::RunSummary;
use crate::domain::name::ReleaseId;
use crate::domain::run::RunVerdict;
use crate::domain::status::MountState;
use crate::ui::pen::Pen;
use crate::ui::style;
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Makes the lines for narrow screens: mounts, then what is worth knowing of checkouts and runs.
pub(super) fn summary(pen: &Pen<'_>, model: &Model, width: u16) -> Vec<Vec<Span<'static>>> {
    let mut mounts = vec![pen.span(Role::Muted, " mounts")];
    let total = model.status.mounts.len() as u16;
    for part in &model.status.mounts {
        let state = model.status.mount_state(part, model.clock.wall);
        let mark = style::mount(&state);
        mounts.push(pen.span(Role::Text, format!("  {} ", part.name)));
        let words = match &state {
            MountState::Ready { free, .. } => text::bytes(*free),
            MountState::NotAnswering { for_s } if width < 100 => {
                format!("silent {}", text::age(*for_s))
            }
            other => word(other),
        };
        mounts.push(pen.span(mark.role, format!("{}{words}", mark.glyph)));
    }
    let mut out = if total > 0 { vec![mounts] } else { Vec::new() };
    let mut second = vec![Span::raw(" ")];
    second.extend(runs_in_short(pen, model));
    let changed: Vec<Span<'static>> = model
        .status
        .checkouts
        .iter()
        .filter_map(|part| part.value.as_ref())
        .filter(|checkout| checkout.dirty == Some(true))
        .map(|checkout| pen.span(Role::Warn, format!("  ! {} changed", checkout.name)))
        .collect();
    second.extend(changed);
    out.push(second);
    out
}

fn runs_in_short(pen: &Pen<'_>, model: &Model) -> Vec<Span<'static>> {
    let mut spans = vec![pen.span(Role::Muted, "runs    ")];
    let active: Vec<&RunSummary> = model.history.active().collect();
    for run in active.iter().take(2) {
        spans.extend(run_spans(pen, run));
        spans.push(Span::raw("  "));
    }
    if let (true, Some(last)) = (active.is_empty(), model.history.runs.first()) {
        spans.push(pen.span(Role::Muted, "last: "));
        spans.extend(run_spans(pen, last));
    } else if model.history.runs.is_empty() {
        let word = if model.history.listed { "none yet" } else { "… asking" };
        spans.push(pen.span(Role::Muted, word));
    }
    spans
}

fn run_spans(pen: &Pen<'_>, run: &RunSummary) -> Vec<Span<'static>> {
    let mut spans = vec![verdict(pen, run), pen.span(Role::Text, format!("  {}", what(run)))];
    if run.verdict.is_ok() {
        spans.push(pen.span(Role::Muted, format!("  {}/{} steps", run.done, run.steps)));
    }
    spans
}

/// Returns what a run is about, `8, 9 update`, or its id where that cannot be read.
fn what(run: &RunSummary) -> String {
    let releases: Vec<&str> = run.releases.iter().map(ReleaseId::as_str).collect();
    match &run.flow {
        Some(flow) => format!("{} {flow}", releases.join(", ")),
        None => run.id.to_string(),
    }
}

fn verdict(pen: &Pen<'_>, run: &RunSummary) -> Span<'static> {
    match run.verdict {
        Ok(verdict) => pen.mark(style::verdict(verdict)),
        Err(_) => pen.span(Role::Error, "? unreadable"),
    }
}

fn word(state: &MountState) -> String {
    match state {
        MountState::Ready { free, total } => {
            format!("{} free of {}", text::bytes(*free), text::bytes(*total))
        }
        MountState::NotAnswering { for_s } => format!("not answering for {}", text::age(*for_s)),
        other => style::mount(other).word.to_owned(),
    }
}

/// Draws mounts and checkouts as panels; returns the rows that they took.
pub(super) fn mounts_and_checkouts(pen: &mut Pen<'_>, area: Rect, model: &Model) -> u16 {
    let title = vec![pen.span(Role::Title, "Mounts")];
    let inside = pen.panel(area, title, Vec::new(), false);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(1), ..inside };
    let mut row = 0;
    for part in &model.status.mounts {
        let state = model.status.mount_state(part, model.clock.wall);
        let mark = style::mount(&state);
        let spans = vec![
            pen.span(Role::Text, text::fill(&part.name, 12)),
            pen.span(mark.role, format!("{} {}", mark.glyph, word(&state))),
        ];
        pen.line(inside, row, spans);
        row += 1;
    }
    let below = Rect { y: inside.y + row, height: inside.height.saturating_sub(row), ..area };
    let title = vec![pen.span(Role::Title, "Checkouts")];
    let inside = pen.panel(below, title, Vec::new(), false);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(1), ..inside };
    let mut more = 0;
    for part in &model.status.checkouts {
        let mut spans = vec![pen.span(Role::Text, text::fill(&part.name, 12))];
        spans.extend(checkout(pen, model, part));
        pen.line(inside, more, spans);
        more += 1;
    }
    row + more + 2
}

fn checkout(
    pen: &Pen<'_>,
    model: &Model,
    part: &crate::app::model::Part<crate::domain::status::CheckoutStatus>,
) -> Vec<Span<'static>> {
    if let Some(seconds) = part.silent_s(model.clock.wall) {
        return vec![pen.span(Role::Error, format!("! not answering for {}", text::age(seconds)))];
    }
    let Some(status) = &part.value else { return vec![pen.span(Role::Muted, "… asking")] };
    if let Some(problem) = &status.problem {
        return vec![pen.span(Role::Error, format!("✗ {problem}"))];
    }
    let revision = status.revision.as_deref().unwrap_or("no revision");
    let state = match status.dirty {
        Some(true) => pen.span(Role::Warn, "! has changes"),
        Some(false) => pen.span(Role::Ok, "✓ as committed"),
        None => pen.span(Role::Muted, "? not known whether changed"),
    };
    vec![pen.span(Role::Muted, format!("{revision}  ")), state]
}

/// Draws the runs: those that move or wait first, then the last ones.
pub(super) fn runs(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let title = vec![pen.span(Role::Title, "Runs")];
    let inside = pen.panel(area, title, Vec::new(), false);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(1), ..inside };
    if model.history.runs.is_empty() {
        let word = if model.history.listed { "No run yet." } else { "… asking" };
        return pen.line(inside, 0, vec![pen.span(Role::Muted, word)]);
    }
    let is_active = |run: &&RunSummary| run.alive || matches!(run.verdict, Ok(RunVerdict::Waiting));
    let rest = model.history.runs.iter().filter(|run| !is_active(run));
    for (row, run) in model.history.active().chain(rest).enumerate() {
        let spans = run_row(pen, run, inside.width);
        pen.line(inside, row as u16, spans);
    }
}

fn run_row(pen: &Pen<'_>, run: &RunSummary, width: u16) -> Vec<Span<'static>> {
    let state = verdict(pen, run);
    let fill = 15_u16.saturating_sub(state.width() as u16);
    let mut spans = vec![state, pen.plain(" ".repeat(usize::from(fill)))];
    if run.verdict.is_err() {
        spans.push(pen.span(Role::Text, run.id.to_string()));
        return spans;
    }
    spans.push(pen.span(Role::Text, text::fill(&what(run), 14)));
    let when = run.started.map(text::moment).unwrap_or_default();
    let by = run.by.as_ref().map_or("", |by| by.person());
    let mut used = 29;
    for piece in [format!("{:>5} steps", format!("{}/{}", run.done, run.steps)), when, by.to_owned()] {
        used += piece.len() as u16 + 2;
        if used > width {
            break;
        }
        spans.push(pen.span(Role::Muted, format!("{piece}  ")));
    }
    spans
}
