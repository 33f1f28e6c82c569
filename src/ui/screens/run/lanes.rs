//! The strip over a lane's log, where lanes stand side by side: how far the lane is, and every step as one glyph.

use super::list::short;
use crate::app::Model;
use crate::app::model::RunModel;
use crate::app::model::progress::of_steps;
use crate::domain::plan::Lane;
use crate::ui::pen::Pen;
use crate::ui::style;
use crate::ui::theme::Role;
use crate::ui::widgets::{bar, text};
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Rows of a strip.
pub(super) const STRIP: u16 = 3;

/// Draws the strip of `lane`.
pub(super) fn strip(pen: &mut Pen<'_>, area: Rect, model: &Model, run: &RunModel, lane: &Lane) {
    let steps = || lane.steps.iter().filter_map(|id| run.state.plan.step(id));
    let progress = of_steps(run, steps(), &model.history.typical, model.clock.wall);
    let title = vec![pen.span(Role::Title, format!("{} · {}", lane.release, lane.revision))];
    let mark = style::verdict(run.state.lane_verdict(lane));
    let mut right = vec![pen.mark(mark)];
    if area.width > 34 {
        right.push(pen.span(Role::Muted, format!("  {} of {}", progress.done, progress.steps)));
    }
    let inside = pen.panel(area, title, right, false);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let words = format!(" {:>3} %", (progress.fraction * 100.0).floor());
    let room = pen.line_right(inside, 0, vec![pen.span(Role::Muted, words)]);
    let spans = bar::bar(pen, Some(progress.fraction), room);
    pen.line(inside, 0, spans);
    let mut glyphs: Vec<Span<'static>> = Vec::new();
    for step in steps() {
        let Some(record) = run.record(&step.id) else { continue };
        let mark = style::step(record, run.alive);
        let role = if step.is_production() { Role::ProductionBlock } else { mark.role };
        glyphs.push(pen.span(role, mark.glyph));
        glyphs.push(Span::raw(" "));
    }
    if let Some(at) = run.state.lane_at(lane) {
        let used = super::width(&glyphs);
        let here = text::cut(short(at), inside.width.saturating_sub(used + 1));
        glyphs.push(pen.span(Role::Muted, format!(" {here}")));
    }
    pen.line(inside, 1, glyphs);
}
