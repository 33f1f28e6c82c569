//! A text field in one line, with a cursor that is drawn: the terminal's own stays hidden.

use super::text;
use crate::domain::visible;
use crate::ui::pen::Pen;
use crate::ui::theme::Role;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr as _;

/// What a field shows.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// What was typed.
    pub typed: &'a str,
    /// What stands there, faintly, as long as nothing was typed.
    pub placeholder: &'a str,
    /// Whether it has the focus.
    pub focus: bool,
    /// Whether its content is what is asked for.
    pub matches: bool,
}

/// Draws a field over the first row of `area`.
pub fn draw(pen: &mut Pen<'_>, area: Rect, field: Field<'_>) {
    let row = Rect { height: area.height.min(1), ..area };
    let ground = if field.matches { Role::InputMatch } else { Role::Input };
    let shown = text::cut_front(&visible::line(field.typed), row.width.saturating_sub(2));
    let content = if field.typed.is_empty() && !field.focus {
        pen.span(Role::Muted, text::cut(field.placeholder, row.width.saturating_sub(2)))
    } else {
        pen.plain(shown.clone())
    };
    pen.line(row, 0, vec![Span::raw(" "), content]);
    pen.tint(row, ground);
    let at = row.x + 1 + shown.width() as u16;
    if field.focus && row.height > 0 && at < row.right() {
        let cell = &mut pen.buffer[(at, row.y)];
        cell.modifier.insert(Modifier::REVERSED);
    }
}
