//! Plan: on the left what is ticked, on the right the exact commands that it comes to, at once.
//!
//! ```text
//! ━━ flow update ━━━━━━━━━━ ── ! 3 warnings ─────────────────────────────────────────
//!  8 · 8.10            C S  ! Extras: staging already holds Extras-8-updates-…
//! ▌Rocky               ■ ■ ── 12 steps, plan 1a2b3c4d5e6f ──────────────────────────
//!  Rocky-devel         · ·  8 · 8.10  /mnt/repos-staging/… → /mnt/repos-production/…
//!  Extras              · ■   # in /root/pungi/scripts
//!  ...                        1 compose Rocky
//!                               bash updates-8.sh
//!                         ━━━ ◆ GATE staging-vetted · opens with "8.10 vetted" ━━━━━━
//!                            11 PRODUCTION  sync 8.10 to production
//!                               RLVER=8 bash sync-to-prod.sh
//! ```
//!
//! What stands here is what runs: argv, environment, folder and host of every step come from the plan itself.

mod steps;
mod ticks;

use crate::app::Model;
use crate::app::model::PlanFocus;
use crate::domain::plan::make::PlanError;
use crate::domain::plan::{Plan, Warning, WarningKind};
use crate::ui::pen::{Pen, scroll_to};
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let left_width = ticks::width(model).min(area.width / 3);
    let left = Rect { width: left_width, ..area };
    let right = Rect { x: left.right() + 1, width: area.width - left_width - 1, ..area };
    ticks::draw(pen, left, model);
    match &model.plan.made {
        Ok(plan) => {
            let busy = busy(pen, right, model, plan);
            let right = Rect { y: right.y + busy, height: right.height - busy, ..right };
            let used = warnings(pen, right, model, plan);
            let below = Rect { y: right.y + used, height: right.height - used, ..right };
            steps::draw(pen, below, model, plan);
        }
        Err(error) => no_plan(pen, right, model, error),
    }
}

/// Says who has releases of the plan, a line each; returns the rows that it took.
fn busy(pen: &mut Pen<'_>, area: Rect, model: &Model, plan: &Plan) -> u16 {
    let mut row = 0;
    for lane in &plan.lanes {
        let Some(owner) = model.history.owner(&lane.release) else { continue };
        let by = owner.by.as_ref().map_or_else(String::new, |by| {
            let terminal =
                by.terminal.as_deref().map(|name| format!(" {}", name.trim_start_matches("/dev/")));
            format!("{}{}", by.person(), terminal.unwrap_or_default())
        });
        let words = format!("{} is {by}'s now: run {}", lane.release, owner.id);
        let words = text::cut(&words, area.width.saturating_sub(4));
        pen.line(area, row, vec![pen.span(Role::Warn, " ► "), pen.span(Role::Text, words)]);
        row += 1;
    }
    row
}

fn no_plan(pen: &mut Pen<'_>, area: Rect, model: &Model, error: &PlanError) {
    let focus = model.plan.focus != PlanFocus::Repos;
    let inside = pen.panel(area, vec![pen.span(Role::Title, "No plan")], Vec::new(), focus);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let (role, lead) = match error {
        PlanError::NothingSelected => (Role::Muted, ""),
        _ => (Role::Error, "✗ "),
    };
    let row = pen.wrapped(inside, 1, role, &format!("{lead}{}", sentence(&error.to_string())));
    if let Some(flow) = model.catalog.flow(&model.ticks.now.flow) {
        pen.wrapped(inside, row + 1, Role::Muted, &format!("Flow {}: {}.", flow.name, flow.about));
    }
}

/// Makes a sentence of a fragment.
fn sentence(fragment: &str) -> String {
    let mut characters = fragment.chars();
    let first: String = characters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

/// Draws the warnings, all of them where they have the focus; returns the rows that they took.
fn warnings(pen: &mut Pen<'_>, area: Rect, model: &Model, plan: &Plan) -> u16 {
    if plan.warnings.is_empty() {
        return 0;
    }
    let focus = model.plan.focus == PlanFocus::Warnings;
    let total = plan.warnings.len();
    let most = if focus { area.height / 2 } else { (area.height / 5).clamp(2, 6) };
    let rows = (total as u16).min(most.saturating_sub(1)).max(1);
    let title = vec![pen.span(Role::Warn, format!("! {}", text::count(total, "warning")))];
    let inside = pen.panel(Rect { height: rows + 1, ..area }, title, Vec::new(), focus);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let selected = if focus { model.plan.warning } else { 0 };
    let first = scroll_to(selected, total, usize::from(rows));
    let shown = usize::from(rows);
    for (row, (place, warning)) in plan.warnings.iter().enumerate().skip(first).take(shown).enumerate() {
        let hidden = total - place - 1;
        let last = row + 1 == shown && hidden > 0 && !focus;
        let room = inside.width.saturating_sub(if last { 10 } else { 0 });
        let mut spans = warning_spans(pen, warning, room);
        if last {
            spans.push(pen.span(Role::Muted, format!(" +{hidden} more")));
        }
        pen.line(inside, row as u16, spans);
        if focus && place == selected {
            let line = Rect { x: inside.x - 1, y: inside.y + row as u16, height: 1, width: inside.width + 1 };
            pen.select(line, Role::Selection);
        }
    }
    rows + 1
}

fn warning_spans(pen: &Pen<'_>, warning: &Warning, width: u16) -> Vec<Span<'static>> {
    let role = match warning.kind {
        WarningKind::NothingNew | WarningKind::CutShort => Role::Info,
        _ => Role::Warn,
    };
    let head = format!("{} ", warning.release);
    let rest = text::cut(&warning.message, width.saturating_sub(head.len() as u16 + 2));
    vec![pen.span(role, "! "), pen.span(Role::Muted, head), pen.span(Role::Text, rest)]
}
