//! Status: where every repo of every release stands, on one screen.
//!
//! ```text
//! ━━ flow update ━━━━ 8 · 8.10 ━━━━━━━━━━━━ 9 · 9.8 ━━━━━━━━━━━━━ 10 · 10.2 ━━━━━━━━━━
//! ▌Rocky        CS 20261121.1        ·· 20261119.1         ·· 20261116.1
//! ▌             S ▼behind P ✓current S ✓current P ▼behind  S ✓current P ✓current
//!  Rocky-devel  ...
//! ── Rocky of 8 · 8.10 ──────────────────────────────────────────────────────────────
//!  compose     Rocky-8-updates-20261121.1  ✓ FINISHED  1 d old
//!  staging     ▼ behind   12 of 40 packages of Rocky-8-updates-20261121.1 are missing
//!  production  ✓ current
//! ── mounts: free space, or what is wrong · checkouts · runs
//! ```
//!
//! Rows are repos, columns releases. At 80x24 all of it fits; with more room cells say more and the lower part has columns.
//! Nothing here waits: what has not answered yet says so, and for how long.

mod cell;
mod detail;
mod host;

use crate::app::Model;
use crate::app::model::Part;
use crate::domain::approval::Identity;
use crate::domain::name::ReleaseId;
use crate::domain::status::ReleaseStatus;
use crate::ui::pen::{Pen, scroll_to};
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::Span;
use std::sync::Arc;
use unicode_width::UnicodeWidthStr as _;

/// Columns that a cell needs at least.
const CELL: u16 = 21;
/// Rows that the lower part needs at least.
const LOWER: u16 = 6;
/// Rows with which it makes do where banners would push a repo off the screen otherwise.
const LOWER_AT_WORST: u16 = 4;

/// How the matrix divides its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grid {
    /// Columns of the repos' names.
    names: u16,
    /// Columns of a cell.
    cell: u16,
    /// The first release that is shown, and how many are.
    columns: (usize, usize),
    /// Rows of one repo.
    row: u16,
    /// The first repo that is shown, and how many are.
    rows: (usize, usize),
}

impl Grid {
    fn of(area: Rect, model: &Model) -> Self {
        let status = &model.status;
        let longest = status.rows.iter().map(|name| name.as_str().width()).max().unwrap_or(0) as u16;
        let names = (longest + 1 + u16::from(area.width >= 100)).clamp(10, 24);
        let releases = status.releases.len().max(1);
        let fit = usize::from(area.width.saturating_sub(names) / (CELL + 1)).clamp(1, releases);
        let total = status.rows.len();
        let left = area.height.saturating_sub(1 + 2 * total as u16);
        let lower = if left >= LOWER_AT_WORST { left.min(LOWER) } else { LOWER };
        let room = area.height.saturating_sub(lower + 1).max(2);
        let row = if room >= 3 * total as u16 + 8 { 3 } else { 2 };
        let rows = usize::from(room / row).clamp(1, total.max(1));
        Self {
            names,
            cell: (area.width.saturating_sub(names) / fit as u16).min(58),
            columns: (scroll_to(status.column, releases, fit), fit),
            row,
            rows: (scroll_to(status.row, total, rows), rows),
        }
    }

    fn height(&self) -> u16 {
        1 + self.rows.1 as u16 * self.row
    }
}

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let grid = Grid::of(area, model);
    let top = Rect { height: grid.height().min(area.height), ..area };
    matrix(pen, top, model, grid);
    let lower = Rect { y: top.bottom(), height: area.height - top.height, ..area };
    match lower.width {
        150.. => {
            let [left, middle, right] = thirds(lower);
            detail::draw(pen, left, model);
            host::mounts_and_checkouts(pen, middle, model);
            host::runs(pen, right, model);
        }
        100.. => {
            let left = Rect { width: lower.width * 3 / 5 - 1, ..lower };
            let right = Rect { x: left.right() + 1, width: lower.width - left.width - 1, ..lower };
            detail::draw(pen, left, model);
            let used = host::mounts_and_checkouts(pen, right, model);
            host::runs(
                pen,
                Rect { y: right.y + used, height: right.height.saturating_sub(used), ..right },
                model,
            );
        }
        _ => {
            let summary = host::summary(pen, model, lower.width);
            let rows = (summary.len() as u16).min(lower.height.saturating_sub(4).max(2));
            let above = Rect { height: lower.height - rows, ..lower };
            detail::draw(pen, above, model);
            for (row, spans) in summary.into_iter().take(usize::from(rows)).enumerate() {
                pen.line(Rect { y: above.bottom(), height: rows, ..lower }, row as u16, spans);
            }
        }
    }
}

fn thirds(area: Rect) -> [Rect; 3] {
    let left = Rect { width: area.width * 2 / 5, ..area };
    let middle = Rect { x: left.right() + 1, width: area.width * 3 / 10, ..area };
    let right =
        Rect { x: middle.right() + 1, width: area.right().saturating_sub(middle.right() + 1), ..area };
    [left, middle, right]
}

fn matrix(pen: &mut Pen<'_>, area: Rect, model: &Model, grid: Grid) {
    let title = vec![pen.span(Role::Muted, "flow "), pen.span(Role::Title, model.ticks.now.flow.to_string())];
    let cells = pen.panel(area, Vec::new(), Vec::new(), true);
    let corner = Rect { x: area.x + 1, width: grid.names.saturating_sub(1), height: 1, ..area };
    let mut label = vec![Span::raw(" ")];
    if grid.names > 13 {
        label.extend(title);
    } else {
        label.extend(title.into_iter().skip(1));
    }
    label.push(Span::raw(" "));
    pen.line(corner, 0, label);
    let status = &model.status;
    for (place, part) in status.releases.iter().enumerate().skip(grid.columns.0).take(grid.columns.1) {
        let x = area.x + grid.names + (place - grid.columns.0) as u16 * grid.cell;
        let head = Rect { x, width: grid.cell.saturating_sub(1), height: 1, ..area };
        let spans = heading(pen, model, part);
        pen.line(head, 0, spans);
        if place > grid.columns.0 && grid.row > 2 {
            pen.vertical(x.saturating_sub(2), cells.y, cells.bottom().saturating_sub(1));
        }
    }
    for (place, repo) in status.rows.iter().enumerate().skip(grid.rows.0).take(grid.rows.1) {
        let y = cells.y + (place - grid.rows.0) as u16 * grid.row;
        let row = Rect { y, height: grid.row.min(2), ..cells }.intersection(cells);
        let here = place == status.row;
        let name = text::fill(repo.as_str(), grid.names.saturating_sub(1));
        let spans = vec![Span::raw(" "), pen.span(if here { Role::Strong } else { Role::Text }, name)];
        pen.line(row, 0, spans);
        for (column, part) in status.releases.iter().enumerate().skip(grid.columns.0).take(grid.columns.1) {
            let x = row.x + grid.names + (column - grid.columns.0) as u16 * grid.cell;
            let cell = Rect { x, width: grid.cell.saturating_sub(1), ..row };
            cell::draw(pen, cell, model, part, repo);
            if here && column == status.column {
                pen.select(Rect { x: x.saturating_sub(1), width: cell.width + 1, ..row }, Role::Selection);
            }
        }
    }
}

/// Makes the heading of a release: its revision, and what is wrong with it as a whole.
fn heading(pen: &Pen<'_>, model: &Model, part: &Part<Arc<ReleaseStatus>>) -> Vec<Span<'static>> {
    let mut spans = vec![Span::raw(" "), pen.span(Role::Title, part.name.clone())];
    if let Some(revision) =
        part.value.as_ref().map(|status| status.revision.clone()).filter(|r| !r.is_empty())
    {
        spans.push(pen.span(Role::Muted, format!(" · {revision}")));
    }
    spans.push(Span::raw(" "));
    if let Some(owner) = ReleaseId::new(&*part.name).ok().and_then(|id| model.history.owner(&id)) {
        let by = owner.by.as_ref().map_or("a run", Identity::person);
        spans.push(pen.span(Role::Running, format!("► {by} ")));
    }
    if let Some(seconds) = part.silent_s(model.clock.wall) {
        spans.push(pen.span(Role::Error, format!("! silent {} ", text::age(seconds))));
    } else if part.value.is_none() {
        spans.push(pen.span(Role::Muted, "… asking "));
    } else if part.value.as_ref().is_some_and(|status| status.problem.is_some()) {
        spans.push(pen.span(Role::Error, "✗ cannot run "));
    }
    spans
}
