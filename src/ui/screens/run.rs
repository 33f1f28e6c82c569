//! Run: the steps of the open run, lane by lane, and their logs.
//!
//! ```text
//!  20261122T181238Z-8-update  ► running                    by releng1 · plan 1a2b3c4d
//!  ━━━━━━━━━━━━━━━━━━━──────────────── 42 %  3 of 11 steps  32:22, about 12 min left
//! ━ Steps ━━━━━━━━━━━━━━━━━━━━━━━━━━ ─ 8/sync/Extras ───────────────────────────────
//!  8 · 8.10                           RLVER=8 bash sync-to-staging.sh Extras
//!   ✓ compose/Rocky  succeeded 22:02  extras/x86_64: 13 of 21 files
//! ▌ ► sync/Extras      running  0:09 ─ log ──────────────── ● following 1–13 of 13 ─
//!     ━━━━━━──── 62 %                  [8/sync] sending incremental file list
//!   · sync/gluster9    pending         ...
//!   ◆ gate             waiting
//!   · publish PRODUCTION pending
//! ```
//!
//! Or the logs of all lanes side by side, or one log alone. A step that stopped its lane says why and what can be done
//! about it, with the keys for it.

mod info;
mod lanes;
mod list;

use crate::app::Model;
use crate::app::model::{RunFocus, RunLayout, RunModel};
use crate::domain::name::StepId;
use crate::ui::pen::Pen;
use crate::ui::style;
use crate::ui::theme::Role;
use crate::ui::widgets::{bar, logpane, text};
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use std::fmt::Write as _;

/// Where everything is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plot {
    /// The run as a whole.
    top: Rect,
    /// The list of steps.
    list: Option<Rect>,
    /// What is known about the chosen step.
    info: Option<Rect>,
    /// A strip over each lane's log.
    strips: Vec<Rect>,
    /// The log panes.
    panes: Vec<(StepId, Rect)>,
}

fn plot(area: Rect, model: &Model, run: &RunModel) -> Plot {
    let top = Rect { height: area.height.min(2), ..area };
    let below = Rect { y: top.bottom(), height: area.height - top.height, ..area };
    let mut plot = Plot { top, list: None, info: None, strips: Vec::new(), panes: Vec::new() };
    let steps = run.panes();
    match run.layout {
        RunLayout::Large => plot.panes = steps.into_iter().map(|step| (step, below)).collect(),
        RunLayout::Lanes => {
            let count = steps.len().max(1) as u16;
            let width = (below.width - (count - 1)) / count;
            for (place, step) in steps.into_iter().enumerate() {
                let x = below.x + place as u16 * (width + 1);
                let width = if place as u16 + 1 == count { below.right() - x } else { width };
                let strip = Rect { x, width, height: lanes::STRIP.min(below.height), ..below };
                plot.strips.push(strip);
                plot.panes
                    .push((step, Rect { y: strip.bottom(), height: below.height - strip.height, ..strip }));
            }
        }
        RunLayout::Steps => {
            let width = list::width(below.width);
            plot.list = Some(Rect { width, ..below });
            let right = Rect { x: below.x + width + 1, width: below.width - width - 1, ..below };
            let rows = info::rows(model, run, right.width).min(right.height * 3 / 5);
            plot.info = Some(Rect { height: rows, ..right });
            let log = Rect { y: right.y + rows, height: right.height - rows, ..right };
            plot.panes = steps.into_iter().map(|step| (step, log)).collect();
        }
    }
    plot
}

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let Some(run) = &model.run else { return none(pen, area, model) };
    let plot = plot(area, model, run);
    summary(pen, plot.top, model, run);
    if let Some(area) = plot.list {
        list::draw(pen, area, model, run);
    }
    if let Some(area) = plot.info {
        info::draw(pen, area, model, run);
    }
    for (lane, strip) in run.state.plan.lanes.iter().zip(&plot.strips) {
        lanes::strip(pen, *strip, model, run, lane);
    }
    for (place, (step, area)) in plot.panes.iter().enumerate() {
        let focus = run.layout == RunLayout::Large || run.focus == RunFocus::Pane(place);
        logpane::draw(pen, *area, run, step, focus);
    }
}

/// Returns the room for text of every log pane that [`draw`] would show.
pub fn panes(area: Rect, model: &Model) -> Vec<(StepId, usize, usize)> {
    let Some(run) = &model.run else { return Vec::new() };
    let plot = plot(area, model, run);
    let room = |(step, area): (StepId, Rect)| {
        let text = logpane::text_area(area);
        (step, usize::from(text.height), usize::from(text.width))
    };
    plot.panes.into_iter().map(room).collect()
}

fn none(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let inside = pen.panel(area, vec![pen.span(Role::Title, "No run is open")], Vec::new(), true);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let key =
        |action| model.keymap.key_of(model.layers(), action).map_or_else(String::new, |key| key.to_string());
    let words = format!(
        "Tick something on Status ({}) and run its plan, or open a run from History ({}).",
        key(crate::keys::Action::ShowStatus),
        key(crate::keys::Action::ShowHistory)
    );
    pen.wrapped(inside, 1, Role::Muted, &words);
}

/// Draws the run as a whole: its id, how it stands, how far it is.
fn summary(pen: &mut Pen<'_>, area: Rect, model: &Model, run: &RunModel) {
    let mark = style::verdict(run.verdict());
    let created = run.state.created.as_ref();
    let mut right = vec![pen.span(Role::Muted, format!("plan {} ", run.state.plan.digest.short()))];
    if let Some((_, by, _)) = created {
        right.insert(0, pen.span(Role::Muted, format!("by {} · ", by.person())));
    }
    let room = pen.line_right(area, 0, right);
    let left =
        vec![Span::raw(" "), pen.span(Role::Strong, run.id.to_string()), Span::raw("  "), pen.mark(mark)];
    pen.line(Rect { width: room.saturating_sub(1), ..area }, 0, left);
    let progress = run.progress(&model.history.typical, model.clock.wall);
    let mut words =
        format!(" {}  {} of {} steps", whole_percent(progress.fraction), progress.done, progress.steps);
    if let Some((_, _, at)) = created {
        let until = run.state.ended.unwrap_or(model.clock.wall);
        let _ = write!(words, "  {}", text::clock(until.as_second() - at.as_second()));
    }
    if let (Some(left), None) = (progress.left_s.filter(|left| *left > 0), run.state.ended) {
        let _ = write!(words, ", about {} left", text::age(left));
    }
    words.push(' ');
    let room = pen.line_right(area, 1, vec![pen.span(Role::Muted, words)]);
    let line = Rect { x: area.x + 1, width: room.saturating_sub(1), ..area };
    let spans = bar::bar(pen, Some(progress.fraction), line.width);
    pen.line(line, 1, spans);
}

fn whole_percent(fraction: f32) -> String {
    format!("{:>3} %", (fraction * 100.0).floor())
}

/// Returns the columns of spans.
fn width(spans: &[Span<'_>]) -> u16 {
    Line::from(spans.to_vec()).width() as u16
}
