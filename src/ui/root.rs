//! The whole frame: header, screens' names, notices, the screen itself, footer, overlays.
//!
//! ```text
//! Rocky Linux · compose01                                ✓ you have the helm  18:45 UTC
//!  1 Status   2 Plan   3 Run ►   4 Gate ◆   5 History   6 Log
//! ! 8/prep waits for input: "Enter passphrase for key C0FFEE01:"         i answers it
//!   ...
//!   the screen
//!   ...
//! c compose  space sync  f flow  r run                                 ? help  q leave
//! ```

use super::pen::Pen;
use super::theme::{Role, Theme};
use super::widgets::{banner, footer, header};
use super::{overlays, screens};
use crate::app::Model;
use crate::app::model::{Measures, Screen};
use ratatui::Frame;
use ratatui::layout::Rect;

/// The least size at which anything can be shown.
pub const LEAST: (u16, u16) = (60, 15);

/// Where the parts of the frame are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parts {
    header: Rect,
    tabs: Rect,
    notices: Rect,
    body: Rect,
    footer: Rect,
}

fn parts(area: Rect, model: &Model) -> Parts {
    let notices = banner::rows(model).min(area.height.saturating_sub(3));
    let row = |y: u16, height: u16| Rect { y: area.y + y, height, ..area };
    Parts {
        header: row(0, 1),
        tabs: row(1, 1),
        notices: row(2, notices),
        body: row(2 + notices, area.height.saturating_sub(3 + notices)),
        footer: row(area.height.saturating_sub(1), 1),
    }
}

/// Draws the whole frame.
pub fn draw(frame: &mut Frame<'_>, model: &Model, theme: &Theme) {
    let area = frame.area();
    let mut pen = Pen { buffer: frame.buffer_mut(), theme };
    pen.tint(area, Role::Text);
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return too_small(&mut pen, area);
    }
    let parts = parts(area, model);
    header::draw(&mut pen, parts.header, model);
    header::tabs(&mut pen, parts.tabs, model);
    banner::draw(&mut pen, parts.notices, model);
    match model.screen {
        Screen::Status => screens::status::draw(&mut pen, parts.body, model),
        Screen::Plan => screens::plan::draw(&mut pen, parts.body, model),
        Screen::Run => screens::run::draw(&mut pen, parts.body, model),
        Screen::Gate => screens::gate::draw(&mut pen, parts.body, model),
        Screen::History => screens::history::draw(&mut pen, parts.body, model),
        Screen::Log => screens::log::draw(&mut pen, parts.body, model),
    }
    banner::toasts(&mut pen, parts.body, model);
    footer::draw(&mut pen, parts.footer, model);
    overlays::draw(&mut pen, parts.body, model);
}

fn too_small(pen: &mut Pen<'_>, area: Rect) {
    let (width, height) = LEAST;
    let lines = [
        "Stagegate needs more room.".to_owned(),
        format!("This terminal has {}x{}; {width}x{height} is the least.", area.width, area.height),
        "Runs go on; nothing is lost.".to_owned(),
    ];
    let top = area.height.saturating_sub(lines.len() as u16) / 2;
    for (row, line) in lines.into_iter().enumerate() {
        let role = if row == 0 { Role::Warn } else { Role::Text };
        pen.line(area, top + row as u16, vec![pen.span(role, line)]);
    }
}

/// Returns the room that the next frame of `model` has, for page keys and for the reader of the logs.
pub fn measure(model: &Model) -> Measures {
    let area = Rect::new(0, 0, model.size.columns, model.size.rows);
    let body = parts(area, model).body;
    let panes = if model.screen == Screen::Run { screens::run::panes(body, model) } else { Vec::new() };
    let rows = match (model.overlay(), model.screen) {
        (Some(_), _) => body.height.saturating_sub(6),
        (None, Screen::Run) => body.height.saturating_sub(3),
        (None, Screen::Plan) => body.height.saturating_sub(5),
        (None, Screen::Gate) => screens::gate::page(body),
        (None, Screen::History) => screens::history::list_rows(body, model.history.runs.len()),
        (None, Screen::Status | Screen::Log) => body.height.saturating_sub(1),
    };
    Measures { page: usize::from(rows.max(1)), panes }
}
