//! Notices over every screen: a step that waits for input, what went wrong; and short remarks at the bottom.

use super::text;
use crate::app::Model;
use crate::domain::name::StepId;
use crate::keys::{Action, Layer};
use crate::ui::pen::Pen;
use crate::ui::theme::Role;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr as _;

/// Returns how many rows the notices take: one for prompts, one for everything else.
pub fn rows(model: &Model) -> u16 {
    u16::from(prompts(model).next().is_some()) + u16::from(!model.banners.is_empty())
}

/// Returns the steps that wait for input, with what they ask.
fn prompts(model: &Model) -> impl Iterator<Item = (&StepId, &str)> {
    let steps = model.run.iter().filter(|run| run.alive).flat_map(|run| &run.live.steps);
    steps.filter_map(|(id, live)| live.prompt.as_deref().map(|prompt| (id, prompt)))
}

/// Draws the notices.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let mut row = 0;
    let mut waiting = prompts(model);
    if let Some((step, prompt)) = waiting.next() {
        let more = waiting.count();
        let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        let what = format!(" ! {step} waits for input{more}: {prompt}");
        strip(pen, area, row, Role::Prompt, &what, &answer_hint(model));
        row += 1;
    }
    if let Some(banner) = model.banners.last() {
        let more = model.banners.len() - 1;
        let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        let close = model.keymap.key_of(model.layers(), Action::Dismiss);
        let close = close.map_or_else(String::new, |key| format!(" {key} closes "));
        strip(pen, area, row, Role::Banner, &format!(" ! {}{more}", banner.message), &close);
    }
}

fn answer_hint(model: &Model) -> String {
    let answers = |layers: &[Layer]| model.keymap.key_of(layers, Action::Attach);
    let here = answers(model.layers()).map(|key| format!(" {key} answers "));
    let there = || {
        let show = model.keymap.key_of(model.layers(), Action::ShowRun)?;
        let answer = answers(&[Layer::Run])?;
        Some(format!(" {show}, then {answer} answers "))
    };
    here.or_else(there).unwrap_or_default()
}

fn strip(pen: &mut Pen<'_>, area: Rect, row: u16, role: Role, left: &str, right: &str) {
    let line = Rect { y: area.y + row, height: 1, ..area }.intersection(area);
    let room = line.width.saturating_sub(right.width() as u16);
    let spans = vec![pen.plain(text::fill(left, room)), pen.plain(right)];
    pen.line(line, 0, spans);
    pen.tint(line, role);
}

/// Draws the remarks over the last rows of `area`, at its right edge.
pub fn toasts(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let shown = model.toasts.iter().filter(|toast| toast.until_ms > model.clock.uptime_ms);
    for (place, toast) in shown.rev().take(2).enumerate() {
        let message = text::cut(&toast.message, area.width.saturating_sub(4));
        let width = message.width() as u16 + 2;
        let Some(y) = area.bottom().checked_sub(1 + place as u16).filter(|y| *y >= area.y) else { return };
        let line = Rect { x: area.right() - width - 1, y, width, height: 1 };
        pen.clear(line);
        let spans = vec![pen.plain(format!(" {message} "))];
        pen.line(line, 0, spans);
        pen.tint(line, Role::Input);
    }
}
