//! History: every run, newest first, and what is known about the chosen one.
//!
//! ```text
//! ━ Runs ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 5 runs ━
//! ▌► running      8 update      2026-11-22 18:12   32:22    3/11 steps  releng1
//!  ✓ finished     9 update      2026-11-19 09:21  1:30:00  12/12 steps  releng2
//!  ? unreadable   20261101T070000Z-8-update
//! ─ 20261122T181238Z-8-update ───────────────────────────────────────────────────────
//!  made by releng1 through sudo, ended 2026-11-19 10:51 UTC
//!  report  /var/lib/stagegate/runs/20261122T181238Z-8-update/report.md
//!  ✓ succeeded   8/sync/Rocky   6:51    ✓ passed      8/gate
//! ```
//!
//! The list takes the rows that it needs, half of the screen at most; the rest is the chosen run's.

use crate::app::Model;
use crate::app::model::{PastStep, RunSummary};
use crate::domain::name::ReleaseId;
use crate::domain::outcome::Outcome;
use crate::domain::run::StepState;
use crate::ui::pen::{Pen, scroll_to};
use crate::ui::style;
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Returns the rows of the list of `runs`.
pub fn list_rows(area: Rect, runs: usize) -> u16 {
    let half = area.height.saturating_sub(area.height / 2 + 1);
    half.min(u16::try_from(runs.max(1)).unwrap_or(u16::MAX))
}

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let runs = &model.history.runs;
    let top = Rect { height: list_rows(area, runs.len()) + 1, ..area };
    let lower = area.height - top.height;
    let right = vec![pen.span(Role::Muted, text::count(runs.len(), "run"))];
    let inside = pen.panel(top, vec![pen.span(Role::Title, "Runs")], right, true);
    if runs.is_empty() {
        let words = if model.history.listed { "No run yet." } else { "… asking" };
        pen.line(Rect { x: inside.x + 1, ..inside }, 1, vec![pen.span(Role::Muted, words)]);
        return;
    }
    let cursor = model.history.cursor.min(runs.len() - 1);
    let first = scroll_to(cursor, runs.len(), usize::from(inside.height));
    for (row, (place, run)) in
        runs.iter().enumerate().skip(first).take(usize::from(inside.height)).enumerate()
    {
        let line = Rect { y: inside.y + row as u16, height: 1, ..inside };
        let spans = run_row(pen, model, run, inside.width);
        pen.line(line, 0, spans);
        if place == cursor {
            pen.select(line, Role::Selection);
        }
    }
    if let Some(run) = runs.get(cursor) {
        detail(pen, Rect { y: top.bottom(), height: lower, ..area }, model, run);
    }
}

fn run_row(pen: &Pen<'_>, model: &Model, run: &RunSummary, width: u16) -> Vec<Span<'static>> {
    let mark = match &run.verdict {
        Ok(verdict) => style::verdict(*verdict),
        Err(_) => style::Mark { glyph: "?", word: "unreadable", role: Role::Error },
    };
    let mut spans =
        vec![Span::raw(" "), pen.span(mark.role, format!("{} {}", mark.glyph, text::fill(mark.word, 12)))];
    if let Err(problem) = &run.verdict {
        spans.push(pen.span(Role::Text, format!("{}  ", run.id)));
        spans.push(pen.span(Role::Muted, problem.clone()));
        return spans;
    }
    let releases: Vec<&str> = run.releases.iter().map(ReleaseId::as_str).collect();
    let flow = run.flow.as_ref().map_or("", |flow| flow.as_str());
    let what = format!("{} {flow}", releases.join(", "));
    let when = run.started.map(text::moment).unwrap_or_default();
    let took = run.started.map(|from| {
        let to = run.ended.unwrap_or(model.clock.wall);
        text::clock(to.as_second() - from.as_second())
    });
    spans.push(pen.span(Role::Strong, text::fill(&what, if width > 100 { 24 } else { 16 })));
    spans.push(pen.span(Role::Text, format!("{when}  ")));
    spans.push(pen.span(Role::Muted, text::fill_left(&took.unwrap_or_default(), 8)));
    spans.push(pen.span(Role::Muted, format!("{:>7} steps", format!("{}/{}", run.done, run.steps))));
    let by = run.by.as_ref().map_or("", |by| by.person());
    spans.push(pen.span(Role::Muted, format!("  {by}")));
    if width > 120 {
        spans.push(pen.span(Role::Faint, format!("  {}", run.id)));
    }
    spans
}

fn detail(pen: &mut Pen<'_>, area: Rect, model: &Model, run: &RunSummary) {
    let inside = pen.panel(area, vec![pen.span(Role::Title, run.id.to_string())], Vec::new(), false);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let mut row = 0;
    if let Err(problem) = &run.verdict {
        row = pen.wrapped(inside, row, Role::Error, &format!("✗ cannot be read: {problem}"));
        pen.wrapped(
            inside,
            row,
            Role::Muted,
            "Nothing of it is touched; its folder can be looked at by hand.",
        );
        return;
    }
    let by = run.by.as_ref().map_or_else(String::new, ToString::to_string);
    let ended = run.ended.map_or_else(
        || if run.alive { "still at work".to_owned() } else { "no supervisor".to_owned() },
        |at| format!("ended {} UTC", text::moment(at)),
    );
    pen.line(
        inside,
        row,
        vec![pen.span(Role::Muted, "made by "), pen.span(Role::Text, format!("{by}, {ended}"))],
    );
    row += 1;
    let report = if run.reported {
        vec![pen.span(Role::Muted, "report  "), pen.span(Role::Text, format!("{}/report.md", run.folder))]
    } else {
        vec![pen.span(Role::Muted, "folder  "), pen.span(Role::Text, run.folder.clone())]
    };
    pen.line(inside, row, report);
    row += 1;
    let open = model.run.as_ref().filter(|open| open.id == run.id);
    let now = open.map_or_else(|| run.past.clone(), |open| PastStep::all(&open.state));
    let alive = open.map_or(run.alive, |open| open.alive);
    row = trouble(pen, inside, row, &now);
    let truths = open.map_or(&run.truths, |open| &open.truths);
    for (step, truth) in truths {
        row = pen.wrapped(inside, row, Role::Error, &format!("‖ {step}: {truth}"));
    }
    // One column more than the words have: two columns of steps fit into 80.
    let width = inside.width + 1;
    let below = Rect { y: inside.y + row, width, height: inside.height.saturating_sub(row), ..inside };
    steps(pen, below, &now, alive);
}

/// Says why the run stopped where it did; returns the next row.
fn trouble(pen: &mut Pen<'_>, area: Rect, row: u16, steps: &[PastStep]) -> u16 {
    let mut row = row;
    for step in steps {
        let StepState::Concluded { outcome, reason, .. } = &step.record.state else { continue };
        if *outcome == Outcome::Succeeded {
            continue;
        }
        let mark = style::step(&step.record, false);
        let words = format!("{} {}: {reason}", mark.glyph, step.id);
        row = pen.wrapped(area, row, mark.role, &words);
    }
    row
}

/// Draws the steps, in columns as there is room; where there is not, those at the end say how many are missing.
fn steps(pen: &mut Pen<'_>, area: Rect, steps: &[PastStep], alive: bool) {
    let cells: Vec<Vec<Span<'static>>> = steps
        .iter()
        .map(|step| {
            let mark = style::step(&step.record, alive);
            let name = if step.production { Role::Production } else { Role::Text };
            let took = step.record.took_s().map(text::clock).unwrap_or_default();
            vec![
                pen.span(mark.role, format!("{} {}", mark.glyph, text::fill(mark.word, 12))),
                pen.span(name, text::fill(step.id.as_str(), 18)),
                pen.span(Role::Muted, text::fill_left(&took, 7)),
            ]
        })
        .collect();
    let width = cells.iter().map(|spans| Line::from(spans.clone()).width()).max().unwrap_or(1) as u16 + 1;
    let height = usize::from(area.height);
    let columns = usize::from(((area.width + 1) / width).max(1));
    let shown =
        if cells.len() <= height * columns { cells.len() } else { (height * columns).saturating_sub(1) };
    let at =
        |place: usize| Rect { x: area.x + (place / height.max(1)) as u16 * width, width: width - 1, ..area };
    let more = cells.len() - shown;
    for (place, spans) in cells.into_iter().take(shown).enumerate() {
        pen.line(at(place), (place % height.max(1)) as u16, spans);
    }
    if more > 0 && height > 0 {
        let words = format!("… and {}", text::count(more, "step"));
        pen.line(at(shown), (shown % height) as u16, vec![pen.span(Role::Muted, words)]);
    }
}
