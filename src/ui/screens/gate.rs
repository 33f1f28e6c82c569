//! Gate: the evidence, and the phrase that opens the way to production.
//!
//! ```text
//!  PRODUCTION  8.10 → /mnt/repos-production/mirror/pub/rocky/8.10
//!  holds now   8.10, last pushed 2026-11-14 09:12, 48,187 files
//!  goes out    Rocky 20261122.2, Extras 20261122.0, gluster9 20261122.0
//!  also        Plus 20261122.0 (not touched by this run)
//! ─ Findings ─────────────────────────── ✗ 2 blocking  ! 2 warnings  · 1 info ─
//! ▌✗ blocking  metadata-signed    AppStream/aarch64/os/repodata/repomd.xml
//! ─ Changes ─────────────────────────────── + 1  ▲ 4  ▼ 1  - 1  ≠ 1, 1.3 GB ─
//! ─ Checklist ───────────────────────────────────────────────────── 0 of 3 ─
//! ━ Approve ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ seal 5f1d7c0ab93e, 48,213 paths ━
//!  Type "8.10 vetted"  [                    ]                        [ Cancel ]
//!  ✗ 2 blocking findings stand: mend or waive by name
//! ```
//!
//! The first line is the production role's block on every size and in every theme. The panel with the focus gets the room;
//! on wide screens findings stand left of changes and checklist.

mod approve;
mod panels;

use crate::app::Model;
use crate::app::model::{EvidenceState, GateFocus, GateModel, RunModel};
use crate::domain::evidence::{Evidence, OutgoingRepo};
use crate::domain::run::GateState;
use crate::ui::pen::Pen;
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Columns of the labels on top.
const LABEL: u16 = 12;

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let open = model.run.as_ref().zip(model.gate.as_ref()).filter(|(run, gate)| run.id == gate.run);
    let Some((run, gate)) = open else { return none(pen, area) };
    let top = head(pen, area, run, gate);
    let bottom = approve::ROWS.min(area.height.saturating_sub(top));
    let foot = Rect { y: area.bottom() - bottom, height: bottom, ..area };
    let middle = Rect { y: area.y + top, height: area.height - top - bottom, ..area };
    match gate.shown() {
        Some(evidence) => panels(pen, middle, run, gate, evidence),
        None => waiting(pen, middle, run, gate),
    }
    approve::draw(pen, foot, model, run, gate);
}

fn none(pen: &mut Pen<'_>, area: Rect) {
    let inside = pen.panel(area, vec![pen.span(Role::Title, "No gate")], Vec::new(), true);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let words =
        "A gate opens when every step before it is done. Open a run whose plan publishes to see its gate.";
    pen.wrapped(inside, 1, Role::Muted, words);
}

/// Draws the lines on top; returns how many.
fn head(pen: &mut Pen<'_>, area: Rect, run: &RunModel, gate: &GateModel) -> u16 {
    let Some(lane) = run.state.plan.lane(&gate.release) else { return 0 };
    let bar = Rect { height: 1, ..area };
    let to = text::cut_front(&lane.production.to_string_lossy(), area.width.saturating_sub(24));
    pen.tint(bar, Role::ProductionBlock);
    pen.line(bar, 0, vec![pen.span(Role::ProductionBlock, format!(" PRODUCTION  {} → {to}", lane.revision))]);
    let Some(evidence) = gate.shown() else { return 1 };
    let room = area.width.saturating_sub(LABEL + 2);
    let mut row = 1;
    let mut say = |pen: &mut Pen<'_>, label: &str, words: &str, role: Role| {
        for (place, piece) in text::wrap(words, room).into_iter().take(2).enumerate() {
            let label = text::fill(if place == 0 { label } else { "" }, LABEL);
            pen.line(area, row, vec![Span::raw(" "), pen.span(Role::Muted, label), pen.span(role, piece)]);
            row += 1;
        }
    };
    say(pen, "holds now", &evidence.production_now, Role::Text);
    say(pen, "goes out", &outgoing(evidence, true), Role::Strong);
    let others = outgoing(evidence, false);
    if !others.is_empty() {
        say(pen, "also", &format!("{others}; not touched by this run"), Role::Warn);
    }
    row
}

fn outgoing(evidence: &Evidence, touched: bool) -> String {
    let words = |repo: &OutgoingRepo| match &repo.compose {
        Some(id) => format!("{} {}.{}", repo.repo, id.date(), id.respin()),
        None => format!("{} (compose not known)", repo.repo),
    };
    let repos = evidence.repos.iter().filter(|repo| repo.touched == touched);
    repos.map(words).collect::<Vec<_>>().join(", ")
}

/// Says what is being waited for where there is no evidence yet.
fn waiting(pen: &mut Pen<'_>, area: Rect, run: &RunModel, gate: &GateModel) {
    let inside = pen.panel(area, vec![pen.span(Role::Title, "Evidence")], Vec::new(), false);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let gathering = run.live.gathering.get(&gate.release);
    let (role, words) = match (&gate.evidence, gathering) {
        (_, Some(look)) => (Role::Running, format!("► Gathering: {}.", text::looking(look))),
        (EvidenceState::Unreadable { file, problem }, _) => {
            (Role::Error, format!("✗ {file} cannot be read: {problem}. Gather the evidence anew."))
        }
        (EvidenceState::Loading { .. }, _) => (Role::Muted, "… reading the evidence".to_owned()),
        _ => {
            let lane = run.state.plan.lane(&gate.release);
            let at = lane.and_then(|lane| run.state.lane_at(lane)).map(|step| step.id.to_string());
            let at = at.map_or_else(String::new, |at| format!(" The lane stands at {at}."));
            (Role::Muted, format!("The gate is not reached yet: the steps before it come first.{at}"))
        }
    };
    pen.wrapped(inside, 1, role, &words);
}

/// Draws findings, changes and checklist; the one with the focus gets the room.
fn panels(pen: &mut Pen<'_>, area: Rect, run: &RunModel, gate: &GateModel, evidence: &Evidence) {
    if area.width >= 120 {
        let left = Rect { width: area.width * 11 / 20, ..area };
        let right = Rect { x: left.right() + 1, width: area.width - left.width - 1, ..area };
        panels::findings(pen, left, run, gate, evidence);
        let list = (evidence.checklist.len() as u16 + 1).min(right.height / 2);
        let changes = Rect { height: right.height - list, ..right };
        panels::changes(pen, changes, gate, evidence);
        panels::checklist(pen, Rect { y: changes.bottom(), height: list, ..right }, gate, evidence);
        return;
    }
    let [findings, changes, checklist] = heights(area.height, gate.focus, evidence);
    let mut y = area.y;
    let mut next = |height: u16| {
        let part = Rect { y, height, ..area };
        y += height;
        part
    };
    panels::findings(pen, next(findings), run, gate, evidence);
    panels::changes(pen, next(changes), gate, evidence);
    panels::checklist(pen, next(checklist), gate, evidence);
}

/// Shares `height` out: every panel at least its title and a line, the one with the focus what it needs, changes the rest.
fn heights(height: u16, focus: GateFocus, evidence: &Evidence) -> [u16; 3] {
    let wants = [
        evidence.findings.len() as u16 + 3,
        evidence.changes.packages.len() as u16 + evidence.changes.files.len() as u16 + 1,
        evidence.checklist.len() as u16 + 1,
    ];
    let mut parts = [2_u16, 2, 2];
    let mut left = height.saturating_sub(6);
    let first = match focus {
        GateFocus::Changes => [1, 0, 2],
        GateFocus::Checklist | GateFocus::Phrase => [2, 0, 1],
        GateFocus::Cancel | GateFocus::Findings => [0, 2, 1],
    };
    for place in first {
        let more = wants[place].saturating_sub(parts[place]).min(left);
        parts[place] += more;
        left -= more;
    }
    parts[1] += left;
    parts
}

/// Returns whether the gate is still to be passed.
fn is_open(run: &RunModel, gate: &GateModel) -> bool {
    matches!(run.state.gate(&gate.release), Some((_, Some(GateState::Waiting { .. }))))
}
