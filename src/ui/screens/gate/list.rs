//! What every tab of the gate is made of: a list, the chosen row in full, and how a search went.

use crate::app::model::GateModel;
use crate::ui::pen::{Pen, scroll_to};
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr as _;

/// Columns from which on the chosen row stands beside the list.
const BESIDE: u16 = 120;
/// Rows that the list keeps, however much there is to say about one of them.
const LEAST: u16 = 4;
/// Rows of the chosen row in full where it does not need more.
const FULL: u16 = 10;

/// The chosen row in full.
#[derive(Debug, Default)]
pub(super) struct Full {
    /// What it is.
    pub(super) title: Vec<Span<'static>>,
    /// What stands at the right of that.
    pub(super) right: Vec<Span<'static>>,
    /// Everything about it, as long as it is.
    pub(super) words: Vec<(Role, String)>,
}

/// The two parts of a tab.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    /// The list, from edge to edge.
    pub(super) list: Rect,
    /// The chosen row in full.
    full: Rect,
    beside: bool,
}

/// Returns whether the chosen row stands beside the list.
pub(super) fn is_beside(area: Rect) -> bool {
    area.width >= BESIDE
}

/// Shares `area` out between the list and the chosen row in full.
pub(super) fn parts(area: Rect, full: &Full) -> Parts {
    if is_beside(area) {
        let list = Rect { width: area.width * 11 / 20, ..area };
        let full = Rect { x: list.right() + 2, width: area.width - list.width - 3, ..area };
        return Parts { list, full, beside: true };
    }
    let needs = 1 + lines(full, area.width.saturating_sub(2)).len() as u16;
    let most = area.height.saturating_sub(LEAST);
    let height = if most < 3 { 0 } else { needs.max((area.height / 2).min(FULL)).min(most) };
    let list = Rect { height: area.height - height, ..area };
    Parts { list, full: Rect { y: list.bottom(), height, ..area }, beside: false }
}

fn lines(full: &Full, width: u16) -> Vec<(Role, String)> {
    let wrapped = full.words.iter().flat_map(|(role, words)| {
        // What begins with a mark goes on below its words, not below the mark.
        let indent = if words.starts_with(['→', '»', '=', '✓', '✗', '!', '·', '+', '-', '▲', '▼', '≠'])
        {
            2
        } else {
            0
        };
        let pieces = text::wrap(words, width.saturating_sub(indent));
        let indented = move |(at, piece): (usize, String)| {
            let before = if at == 0 { 0 } else { usize::from(indent) };
            (*role, format!("{}{piece}", " ".repeat(before)))
        };
        if pieces.is_empty() {
            vec![(*role, String::new())]
        } else {
            pieces.into_iter().enumerate().map(indented).collect()
        }
    });
    wrapped.collect()
}

/// Draws the chosen row in full.
pub(super) fn full(pen: &mut Pen<'_>, parts: Parts, full: &Full) {
    let area = parts.full;
    if area.height == 0 {
        return;
    }
    let inside = if parts.beside {
        pen.vertical(area.x - 2, area.y, area.bottom());
        let room = pen.line_right(area, 0, full.right.clone());
        pen.line(Rect { width: room, ..area }, 0, full.title.clone());
        Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area }
    } else {
        let inside = pen.panel(area, full.title.clone(), full.right.clone(), false);
        Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
    };
    let lines = lines(full, inside.width);
    let (fits, all) = (usize::from(inside.height), lines.len());
    for (row, (role, words)) in lines.into_iter().take(fits).enumerate() {
        pen.line(inside, row as u16, vec![pen.span(role, words)]);
    }
    if all > fits && fits > 0 {
        let edge = Rect { x: inside.right().saturating_sub(1), width: 1, ..inside };
        pen.line(edge, inside.height - 1, vec![pen.span(Role::Muted, "…")]);
    }
}

/// Draws the rows of a list around the chosen one; `row` draws one of them into its line, inside of the edges.
pub(super) fn rows(
    pen: &mut Pen<'_>,
    area: Rect,
    gate: &GateModel,
    mut row: impl FnMut(&mut Pen<'_>, Rect, usize),
) {
    let total = gate.length();
    let chosen = gate.cursor().min(total.saturating_sub(1));
    let focus = gate.focus.tab().is_some();
    let first = scroll_to(chosen, total, usize::from(area.height));
    for (at, place) in (first..total).take(usize::from(area.height)).enumerate() {
        let line = Rect { y: area.y + at as u16, height: 1, ..area };
        row(pen, Rect { x: line.x + 1, width: line.width.saturating_sub(2), ..line }, place);
        if place == chosen {
            pen.select(line, if focus { Role::Selection } else { Role::SelectionQuiet });
        }
    }
    edges(pen, area, first, total);
    search(pen, area, gate);
}

/// Shows at the right edge that a list goes on above or below.
pub(super) fn edges(pen: &mut Pen<'_>, area: Rect, first: usize, total: usize) {
    let edge = Rect { x: area.right().saturating_sub(1), width: 1, ..area };
    if first > 0 {
        pen.line(edge, 0, vec![pen.span(Role::Muted, "↑")]);
    }
    if first + usize::from(area.height) < total {
        pen.line(edge, area.height.saturating_sub(1), vec![pen.span(Role::Muted, "↓")]);
    }
}

/// Says in the list's last row what was searched for, and which of its places this is.
fn search(pen: &mut Pen<'_>, area: Rect, gate: &GateModel) {
    let Some(search) = &gate.search else { return };
    let words = match (search.hits.len(), search.nth(gate.cursor())) {
        (0, _) => format!(" nowhere: \"{}\" ", search.pattern),
        (all, Some(nth)) => format!(" \"{}\": match {nth} of {all} ", search.pattern),
        (all, None) => format!(
            " \"{}\": {} ",
            search.pattern,
            if all == 1 { "1 match".to_owned() } else { format!("{all} matches") }
        ),
    };
    let words = text::cut(&words, area.width.saturating_sub(1));
    let width = words.width() as u16;
    let row = Rect {
        x: area.right().saturating_sub(width + 1),
        y: area.bottom().saturating_sub(1),
        width,
        height: area.height.min(1),
    };
    pen.clear(row);
    pen.line(row, 0, vec![pen.plain(words)]);
    pen.tint(row, Role::Input);
}
