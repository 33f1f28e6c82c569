//! The pen: buffer and theme in one hand, with the few strokes that every screen is made of.
//!
//! Screens write lines of spans into rectangles; they never compute a colour. Everything is cut at the edge of its
//! rectangle, and all text passes [`visible::line`] on its way into a span, so that nothing a tool, a file name or
//! another person wrote can move the cursor or mislead. `tests/ui_rules.rs` holds that no screen goes around it.

use super::style::Mark;
use super::theme::{Role, Theme};
use super::widgets::text;
use crate::domain::visible;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use std::borrow::Cow;
use unicode_width::UnicodeWidthStr as _;

/// Draws into a buffer with a theme.
#[derive(Debug)]
pub struct Pen<'a> {
    /// The frame's buffer.
    pub buffer: &'a mut Buffer,
    /// How everything looks.
    pub theme: &'a Theme,
}

impl Pen<'_> {
    /// Makes a span in a role.
    pub fn span(&self, role: Role, text: impl Into<String>) -> Span<'static> {
        Span::styled(safe(text.into()), self.theme.style(role))
    }

    /// Makes a span in the colours of whatever it lies on.
    pub fn plain(&self, text: impl Into<String>) -> Span<'static> {
        Span::raw(safe(text.into()))
    }

    /// Makes the glyph and word of a state.
    pub fn mark(&self, mark: Mark) -> Span<'static> {
        self.span(mark.role, format!("{} {}", mark.glyph, mark.word))
    }

    /// Writes a line of spans at row `row` of `area`, cut at its right edge; rows outside of it are not written.
    pub fn line(&mut self, area: Rect, row: u16, spans: Vec<Span<'static>>) {
        if row < area.height {
            self.write(area.x, area.y + row, &Line::from(spans), area.width);
        }
    }

    /// Writes spans from left to right, each character with its marks by itself.
    ///
    /// ratatui would join what Unicode calls one cluster, such as two regional indicators, and take it for one wide
    /// character; a terminal gives each of them its own cell, and what is there would stay when the cluster goes.
    fn write(&mut self, x: u16, y: u16, line: &Line<'_>, width: u16) {
        let right = x.saturating_add(width);
        let mut x = x;
        for span in &line.spans {
            let mut rest = span.content.as_ref();
            while !rest.is_empty() && x < right {
                let end = if rest.is_ascii() { rest.len() } else { text::first_cell(rest) };
                let (piece, after) = rest.split_at(end);
                rest = after;
                let before = x;
                (x, _) = self.buffer.set_stringn(x, y, piece, usize::from(right - x), span.style);
                if x == before && piece.width() > 0 {
                    // A wide character that does not fit into the last column.
                    return;
                }
            }
        }
    }

    /// Writes a line that ends at the right edge of `area`, and returns the columns left of it.
    pub fn line_right(&mut self, area: Rect, row: u16, spans: Vec<Span<'static>>) -> u16 {
        let line = Line::from(spans);
        let width = (line.width() as u16).min(area.width);
        if row < area.height {
            self.write(area.right() - width, area.y + row, &line, width);
        }
        area.width - width
    }

    /// Writes `words` into `area` from row `row` on, wrapped at blanks; returns the first free row.
    pub fn wrapped(&mut self, area: Rect, row: u16, role: Role, words: &str) -> u16 {
        let mut row = row;
        for piece in text::wrap(&visible::line(words), area.width) {
            self.line(area, row, vec![self.span(role, piece)]);
            row += 1;
        }
        row
    }

    /// Lays a role over the style of every cell of `area`.
    pub fn tint(&mut self, area: Rect, role: Role) {
        self.buffer.set_style(area, self.theme.style(role));
    }

    /// Marks the selected row or cell: the role goes under everything but what has a ground of its own, such as the block
    /// that says PRODUCTION, and a bar stands at its left edge.
    pub fn select(&mut self, area: Rect, role: Role) {
        let area = area.intersection(*self.buffer.area());
        let style = self.theme.style(role);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                let cell = &mut self.buffer[(x, y)];
                if !has_ground(cell) {
                    cell.set_style(style);
                }
            }
            self.line(Rect { y, width: 1, height: 1, ..area }, 0, vec![self.span(Role::BorderFocus, "▌")]);
        }
    }

    /// Empties `area`: blanks in the terminal's own colours.
    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(*self.buffer.area());
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                self.buffer[(x, y)].reset();
            }
        }
    }

    /// Draws the top rule of a panel with its title and what stands at its right end; returns what is below.
    pub fn panel(
        &mut self,
        area: Rect,
        title: Vec<Span<'static>>,
        right: Vec<Span<'static>>,
        focus: bool,
    ) -> Rect {
        if area.height == 0 || area.width == 0 {
            return Rect { height: 0, ..area };
        }
        let rule = self.theme.style(if focus { Role::BorderFocus } else { Role::Border });
        let stroke = if focus { "━" } else { "─" };
        self.repeat(area.x, area.y, area.width, stroke, rule);
        let mut room = area.width;
        let padded = |spans: Vec<Span<'static>>| {
            std::iter::once(Span::raw(" ")).chain(spans).chain([Span::raw(" ")]).collect::<Vec<_>>()
        };
        let columns = |spans: &[Span<'static>]| spans.iter().map(Span::width).sum::<usize>() as u16;
        if !right.is_empty() {
            let spans = padded(right);
            let width = columns(&spans);
            if width + columns(&title) + 5 <= area.width {
                room = area.width - 1 - width;
                let place = Rect { x: area.x + room, width, height: 1, ..area };
                self.clear(place);
                self.line(place, 0, spans);
            }
        }
        if !title.is_empty() {
            let spans = padded(title);
            let width = columns(&spans).min(room.saturating_sub(2));
            let place = Rect { x: area.x + 1, width, height: 1, ..area };
            self.clear(place);
            self.line(place, 0, spans);
        }
        Rect { y: area.y + 1, height: area.height - 1, ..area }
    }

    /// Draws a vertical rule at column `x`.
    pub fn vertical(&mut self, x: u16, top: u16, bottom: u16) {
        let style = self.theme.style(Role::Border);
        for y in top..bottom {
            self.buffer.set_string(x, y, "│", style);
        }
    }

    /// Writes `stroke` `count` times.
    pub fn repeat(&mut self, x: u16, y: u16, count: u16, stroke: &str, style: Style) {
        self.buffer.set_stringn(x, y, stroke.repeat(usize::from(count)), usize::from(count), style);
    }

    /// Draws a box with a title for an overlay, on an emptied ground; returns its inside.
    pub fn boxed(&mut self, area: Rect, title: Span<'static>, role: Role) -> Rect {
        self.clear(area);
        let style = self.theme.style(role);
        let (right, bottom) = (area.right().saturating_sub(1), area.bottom().saturating_sub(1));
        for (y, left_corner, right_corner) in [(area.y, "╭", "╮"), (bottom, "╰", "╯")] {
            self.repeat(area.x, y, area.width, "─", style);
            self.buffer.set_string(area.x, y, left_corner, style);
            self.buffer.set_string(right, y, right_corner, style);
        }
        for y in area.y + 1..bottom {
            self.buffer.set_string(area.x, y, "│", style);
            self.buffer.set_string(right, y, "│", style);
        }
        let top = Rect { x: area.x + 2, width: area.width.saturating_sub(4), height: 1, ..area };
        self.line(top, 0, vec![Span::raw(" "), title, Span::raw(" ")]);
        Rect {
            x: area.x + 2,
            y: area.y + 1,
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(2),
        }
    }
}

fn safe(text: String) -> String {
    match visible::line(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(changed) => changed,
    }
}

fn has_ground(cell: &Cell) -> bool {
    cell.bg != Style::reset().bg.unwrap_or_default() || cell.modifier.contains(Modifier::REVERSED)
}

/// Returns a rectangle of at most this size in the middle of `area`.
pub fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// Returns the first row to show so that row `selected` of `total` is seen in `height` rows, with one more around it where there is one.
pub fn scroll_to(selected: usize, total: usize, height: usize) -> usize {
    let margin = usize::from(height > 4);
    (selected + 1 + margin).saturating_sub(height).min(total.saturating_sub(height))
}
