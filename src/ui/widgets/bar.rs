//! A progress bar in one line.

use crate::ui::pen::Pen;
use crate::ui::theme::Role;
use ratatui::text::Span;

/// Makes a bar of `width` columns; an unknown fraction is a bar of dots, never an invented number.
pub fn bar(pen: &Pen<'_>, fraction: Option<f32>, width: u16) -> Vec<Span<'static>> {
    let Some(fraction) = fraction else {
        return vec![pen.span(Role::ProgressRest, "┄".repeat(usize::from(width)))];
    };
    let done = (f32::from(width) * fraction.clamp(0.0, 1.0)).floor() as usize;
    let rest = usize::from(width) - done;
    vec![pen.span(Role::Progress, "━".repeat(done)), pen.span(Role::ProgressRest, "─".repeat(rest))]
}

/// Returns a fraction as `42 %` in four columns and a blank; running work never shows 100.
pub fn percent(fraction: Option<f32>) -> String {
    fraction.map_or_else(|| "    ".to_owned(), |f| format!("{:>2} %", (f * 100.0).floor().clamp(0.0, 99.0)))
}
