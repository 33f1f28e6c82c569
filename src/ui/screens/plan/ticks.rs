//! The left side of the Plan screen: every repo with its ticks.

use crate::app::Model;
use crate::app::model::PlanFocus;
use crate::ui::pen::{Pen, scroll_to};
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr as _;

/// Columns of the two ticks with the blanks around them.
const TICKS: u16 = 6;

/// Returns the columns that this side wants.
pub(super) fn width(model: &Model) -> u16 {
    let longest = model.status.rows.iter().map(|name| name.as_str().width()).max().unwrap_or(0) as u16;
    (longest + TICKS + 4).clamp(22, 40)
}

/// Draws the ticks; the cursor is that of the Status screen.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let focus = model.plan.focus == PlanFocus::Repos;
    let title = vec![pen.span(Role::Muted, "flow "), pen.span(Role::Title, model.ticks.now.flow.to_string())];
    let inside = pen.panel(area, title, Vec::new(), focus);
    let mut lines: Vec<Vec<Span<'static>>> = Vec::new();
    let mut cursor = 0;
    for (column, release) in model.catalog.releases.iter().enumerate() {
        if column > 0
            && usize::from(inside.height) > model.catalog.releases.len() * (model.status.rows.len() + 2)
        {
            lines.push(Vec::new());
        }
        lines.push(heading(pen, release, inside.width));
        for (row, name) in model.status.rows.iter().enumerate() {
            if release.repo(name).is_none() {
                continue;
            }
            if (row, column) == (model.status.row, model.status.column) {
                cursor = lines.len();
            }
            lines.push(repo(pen, model, release, name, inside.width));
        }
    }
    let first = scroll_to(cursor, lines.len(), usize::from(inside.height));
    let total = lines.len();
    for (row, (place, spans)) in lines.into_iter().enumerate().skip(first).enumerate() {
        let row = row as u16;
        pen.line(inside, row, spans);
        if place == cursor && row < inside.height {
            let line = Rect { y: inside.y + row, height: 1, ..inside };
            pen.select(line, if focus { Role::Selection } else { Role::SelectionQuiet });
        }
    }
    more(pen, inside, first, total);
}

/// Says at the edges that there is more above or below.
fn more(pen: &mut Pen<'_>, area: Rect, first: usize, total: usize) {
    let column = Rect { x: area.right().saturating_sub(1), width: 1, ..area };
    if first > 0 {
        pen.line(column, 0, vec![pen.span(Role::Muted, "↑")]);
    }
    if first + usize::from(area.height) < total {
        pen.line(column, area.height.saturating_sub(1), vec![pen.span(Role::Muted, "↓")]);
    }
}

fn heading(pen: &Pen<'_>, release: &crate::domain::release::Release, width: u16) -> Vec<Span<'static>> {
    let name = format!(" {} · {}", release.id, release.revision());
    let mut spans = vec![pen.span(Role::Title, text::fill(&name, width.saturating_sub(TICKS)))];
    if release.vars.is_ok() {
        spans.push(pen.span(Role::Muted, "C  S"));
    } else {
        spans.push(pen.span(Role::Error, "✗"));
    }
    spans
}

fn repo(
    pen: &Pen<'_>,
    model: &Model,
    release: &crate::domain::release::Release,
    name: &crate::domain::name::RepoName,
    width: u16,
) -> Vec<Span<'static>> {
    let key = (release.id.clone(), name.clone());
    let now = &model.ticks.now;
    let compose = now.compose.contains(&key);
    let sync = now.sync.contains(&key) || now.whole.contains(&release.id);
    let tick = |ticked: bool, role: Role| {
        if ticked { pen.span(role, "■") } else { pen.span(Role::Faint, "·") }
    };
    let role = if compose || sync { Role::Strong } else { Role::Text };
    let synced = release.sync_order.contains(name);
    vec![
        pen.span(role, text::fill(&format!("  {name}"), width.saturating_sub(TICKS))),
        tick(compose, Role::Compose),
        Span::raw("  "),
        if synced { tick(sync, Role::Staging) } else { Span::raw(" ") },
    ]
}
