//! The line of tabs: what each side of the evidence is called, and how much it holds.

use crate::app::Model;
use crate::app::model::gate::rows::ChangeRow;
use crate::app::model::{GateModel, GateTab, RunModel};
use crate::domain::evidence::{Evidence, Waiver};
use crate::domain::finding::{Finding, Severity};
use crate::keys::{Action, Layer};
use crate::ui::pen::Pen;
use crate::ui::style;
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// What the line is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) run: &'a RunModel,
    pub(super) gate: &'a GateModel,
    pub(super) evidence: &'a Evidence,
}

/// Returns what a tab is called.
pub const fn title(tab: GateTab) -> &'static str {
    match tab {
        GateTab::Findings => "Findings",
        GateTab::Changes => "Changes",
        GateTab::Checklist => "Checklist",
        GateTab::Production => "Production",
        GateTab::Checks => "Checks",
    }
}

/// How much of the line there is room for, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Room {
    /// Keys and every number.
    All,
    /// Keys, and the numbers that stand in the way.
    Telling,
    /// Those numbers alone.
    Short,
    /// Names.
    Names,
}

/// Draws the line; returns what is below it.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, of: Shown<'_>) -> Rect {
    let fits = |spans: &Vec<Span<'static>>| {
        spans.iter().map(Span::width).sum::<usize>() + 4 <= usize::from(area.width)
    };
    let lines = [Room::All, Room::Telling, Room::Short].map(|room| line(pen, model, of, room));
    let spans = lines.into_iter().find(fits).unwrap_or_else(|| line(pen, model, of, Room::Names));
    pen.panel(area, spans, Vec::new(), of.gate.focus.tab().is_some())
}

fn line(pen: &Pen<'_>, model: &Model, of: Shown<'_>, room: Room) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    for tab in GateTab::ALL {
        if !spans.is_empty() {
            spans.push(Span::raw("  "));
        }
        let key = model.keymap.key_of(&[Layer::Gate], action(tab)).filter(|_| room <= Room::Telling);
        let key = key.map_or_else(String::new, |key| format!("{key} "));
        let role = if tab == of.gate.tab() { Role::TabActive } else { Role::Tab };
        spans.push(pen.span(role, format!("{key}{}", title(tab))));
        let telling = matches!(tab, GateTab::Findings | GateTab::Checklist) && room <= Room::Short;
        if telling || room == Room::All {
            spans.extend(number(pen, tab, of));
        }
    }
    spans
}

const fn action(tab: GateTab) -> Action {
    match tab {
        GateTab::Findings => Action::ShowFindings,
        GateTab::Changes => Action::ShowChanges,
        GateTab::Checklist => Action::ShowChecklist,
        GateTab::Production => Action::ShowProduction,
        GateTab::Checks => Action::ShowChecks,
    }
}

fn number(pen: &Pen<'_>, tab: GateTab, of: Shown<'_>) -> Vec<Span<'static>> {
    let Shown { run, gate, evidence } = of;
    match tab {
        GateTab::Findings => findings(pen, run, gate, evidence),
        GateTab::Changes => {
            let all = match gate.rows.first() {
                Some(ChangeRow::All(totals)) => totals.all(),
                _ => 0,
            };
            vec![pen.span(Role::Muted, format!(" {}", text::thousands(all as u64)))]
        }
        GateTab::Checklist => {
            let done = gate.ticked.iter().filter(|ticked| **ticked).count();
            let role = if done == gate.ticked.len() { Role::Ok } else { Role::Warn };
            vec![pen.span(role, format!(" {done}/{}", gate.ticked.len()))]
        }
        GateTab::Production => Vec::new(),
        GateTab::Checks if evidence.checks.is_empty() => Vec::new(),
        GateTab::Checks => vec![pen.span(Role::Muted, format!(" {}", evidence.checks.len()))],
    }
}

/// Returns how many findings there are by severity; those that were waived block nothing.
fn findings(pen: &Pen<'_>, run: &RunModel, gate: &GateModel, evidence: &Evidence) -> Vec<Span<'static>> {
    if evidence.findings.is_empty() {
        return vec![pen.span(Role::Ok, " ✓")];
    }
    let waivers = run.state.waivers(&gate.release);
    let waived = |finding: &Finding| Waiver::of(finding, waivers).is_some();
    let mut spans = Vec::new();
    for severity in [Severity::Blocking, Severity::Warning, Severity::Info] {
        let open = |finding: &&Finding| finding.severity == severity && !waived(finding);
        let count = evidence.findings.iter().filter(open).count();
        if count > 0 {
            let mark = style::severity(severity);
            spans.push(pen.span(mark.role, format!(" {}{count}", mark.glyph)));
        }
    }
    let let_through = evidence.findings.iter().filter(|finding| waived(finding)).count();
    if let_through > 0 {
        spans.push(pen.span(Role::Skipped, format!(" »{let_through}")));
    }
    spans
}
