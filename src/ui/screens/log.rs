//! Log: what the console itself did and what went wrong in it, kept by tui-logger. Script output never goes through it.
//!
//! ```text
//! ━ Console log ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ ● following ━
//!  18:44:58 INFO  looked at release 8 in 12 ms
//!  18:45:00 WARN  mount production has not answered for 40 s
//! ```

use crate::app::Model;
use crate::ui::pen::Pen;
use crate::ui::theme::{Role, Theme};
use crate::ui::widgets::text;
use jiff::tz::TimeZone;
use log::Level;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;
use tui_logger::{ExtLogRecord, LogFormatter, TuiLoggerWidget};

/// Columns of time and level.
const HEAD: u16 = 16;
/// How far back the screen can go, in lines; tui-logger keeps about as many.
const FARTHEST: usize = 2_000;

/// Writes a record as a line in the theme's roles.
struct Formatter {
    time: Style,
    text: Style,
    levels: [(Level, Style); 5],
}

impl Formatter {
    fn new(theme: &Theme) -> Self {
        let style = |role| theme.style(role);
        Self {
            time: style(Role::Muted),
            text: style(Role::Text),
            levels: [
                (Level::Error, style(Role::Error)),
                (Level::Warn, style(Role::Warn)),
                (Level::Info, style(Role::Info)),
                (Level::Debug, style(Role::Muted)),
                (Level::Trace, style(Role::Faint)),
            ],
        }
    }
}

impl LogFormatter for Formatter {
    fn min_width(&self) -> u16 {
        20
    }

    fn format(&self, width: usize, record: &ExtLogRecord) -> Vec<Line<'_>> {
        let time = record.timestamp.timestamp();
        let time = time.to_zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string();
        let level = self
            .levels
            .iter()
            .find(|(level, _)| *level == record.level)
            .map_or(self.text, |(_, style)| *style);
        let room = (width as u16).saturating_sub(HEAD);
        let pieces = text::wrap(record.msg(), room).into_iter().enumerate();
        let line = |(place, piece)| {
            let head = if place == 0 { format!(" {time} ") } else { " ".repeat(10) };
            let word = if place == 0 { record.level.as_str() } else { "" };
            Line::from(vec![
                Span::styled(head, self.time),
                Span::styled(format!("{word:<5} "), level),
                Span::styled(piece, self.text),
            ])
        };
        pieces.map(line).collect()
    }
}

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let back = model.log.back.min(FARTHEST);
    let right = if back == 0 {
        vec![pen.span(Role::Running, "● following")]
    } else {
        vec![pen.span(Role::Warn, "○ paused"), pen.span(Role::Muted, format!(" {back} lines back"))]
    };
    let inside = pen.panel(area, vec![pen.span(Role::Title, "Console log")], right, true);
    // The widget shows the end: with as many rows more as we are back, its first rows are what is looked for.
    let whole = Rect::new(0, 0, inside.width, inside.height.saturating_add(back as u16));
    let mut sheet = Buffer::empty(whole);
    let widget = TuiLoggerWidget::default().formatter(Box::new(Formatter::new(pen.theme)));
    widget.render(whole, &mut sheet);
    for y in 0..inside.height {
        for x in 0..inside.width {
            pen.buffer[(inside.x + x, inside.y + y)] = sheet[(x, y)].clone();
        }
    }
}
