//! Gate: the evidence in tabs, and the phrase that opens the way to production.
//!
//! ```text
//!  PRODUCTION  8.10 → /mnt/repos-production/mirror/pub/rocky/8.10
//!  goes out    Rocky 20261122.2, Extras 20261122.0, gluster9 20261122.0
//!  also        Plus 20261122.0; not touched by this run
//! ━ f Findings ✗2 !2 ·1  c Changes 9  t Checklist 0/3  p Production  v Checks 8 ━
//! ▌✗ blocking  metadata-signed    AppStream/aarch64/os/repodata/repomd.xml
//!  ! warning   metadata-signed    BaseOS/x86_64/kickstart/..           inherited
//! ─ ✗ blocking metadata-signed ──────────────────────────────────── 3fa2b81c90 ─
//!  its signature does not fit its bytes: it was changed after it was signed
//!  → retry 8/sign, then gather the evidence anew
//! ━ Approve ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ seal 5f1d7c0ab93e over 48,213 paths ━
//!  Type "8.10 vetted"  press a to type it                            ► [ Cancel ]
//!  ✗ 2 blocking findings stand: mend or waive by name
//! ```
//!
//! The first line is the production role's block on every size and in every theme. A tab has a list and, below it or on wide
//! screens beside it, the chosen row in full; while checks look again, how far they are stands above the list.

mod approve;
mod changes;
mod checklist;
mod checks;
mod findings;
mod list;
mod production;
mod tabs;

pub use tabs::title;

use crate::app::Model;
use crate::app::model::{EvidenceState, GateModel, GateTab, RunModel};
use crate::domain::evidence::{Evidence, OutgoingRepo};
use crate::domain::run::GateState;
use crate::ui::pen::Pen;
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::Span;
use tabs::Shown;

/// Columns of the labels on top.
const LABEL: u16 = 12;
/// Rows from which on everything on top has room.
const ROOMY: u16 = 26;

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let open = model.run.as_ref().zip(model.gate.as_ref()).filter(|(run, gate)| run.id == gate.run);
    let Some((run, gate)) = open else { return none(pen, area) };
    let top = head(pen, area, run, gate);
    let bottom = approve::ROWS.min(area.height.saturating_sub(top));
    let foot = Rect { y: area.bottom() - bottom, height: bottom, ..area };
    let middle = Rect { y: area.y + top, height: area.height - top - bottom, ..area };
    match gate.shown() {
        Some(shown) => evidence(pen, middle, model, Shown { run, gate, evidence: shown }),
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
    // The tab of production has it too.
    if area.height >= ROOMY {
        say(pen, "holds now", &evidence.production_now, Role::Text);
    }
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
    if let Some(look) = run.live.gathering.get(&gate.release) {
        return checks::gathering(pen, inside, look);
    }
    let (role, words) = match &gate.evidence {
        EvidenceState::Unreadable { file, problem } => {
            (Role::Error, format!("✗ {file} cannot be read: {problem}. Gather the evidence anew."))
        }
        EvidenceState::Loading { .. } => (Role::Muted, "… reading the evidence".to_owned()),
        _ => {
            let lane = run.state.plan.lane(&gate.release);
            let at = lane.and_then(|lane| run.state.lane_at(lane)).map(|step| step.id.to_string());
            let at = at.map_or_else(String::new, |at| format!(" The lane stands at {at}."));
            (Role::Muted, format!("The gate is not reached yet: the steps before it come first.{at}"))
        }
    };
    pen.wrapped(inside, 1, role, &words);
}

/// Draws the line of tabs, how far checks are that look again, and the tab that is shown.
fn evidence(pen: &mut Pen<'_>, area: Rect, model: &Model, of: Shown<'_>) {
    let Shown { run, gate, evidence } = of;
    let inside = tabs::draw(pen, area, model, of);
    let below = progress(pen, inside, run, gate);
    match gate.tab() {
        GateTab::Findings => findings::draw(pen, below, run, gate, evidence),
        GateTab::Changes => changes::draw(pen, below, gate, evidence),
        GateTab::Checklist => checklist::draw(pen, below, run, gate, evidence),
        GateTab::Production => production::draw(pen, below, gate, evidence),
        GateTab::Checks => checks::draw(pen, below, run, gate, evidence),
    }
}

/// Says how far checks are that look again; returns what is left below.
fn progress(pen: &mut Pen<'_>, area: Rect, run: &RunModel, gate: &GateModel) -> Rect {
    let Some(look) = run.live.gathering.get(&gate.release).filter(|_| area.height > 2) else { return area };
    let words = text::cut(&format!("► {}", text::looking(look)), area.width.saturating_sub(2));
    pen.line(area, 0, vec![Span::raw(" "), pen.span(Role::Running, words)]);
    Rect { y: area.y + 1, height: area.height - 1, ..area }
}

/// Returns how many rows the list of the shown tab has in `area`, about: for page keys.
pub fn page(area: Rect) -> u16 {
    let content = area.height.saturating_sub(approve::ROWS + 5);
    if list::is_beside(area) { content } else { content / 2 }
}

/// Returns whether the gate is still to be passed.
fn is_open(run: &RunModel, gate: &GateModel) -> bool {
    matches!(run.state.gate(&gate.release), Some((_, Some(GateState::Waiting { .. }))))
}
