//! The line of tabs: what each side of the evidence is called, and how much it holds.

use crate::app::model::gate::rows::ChangeRow;
use crate::app::model::{GateModel, GateTab, RunModel};
use crate::domain::evidence::Evidence;
use crate::domain::finding::Severity;
use crate::ui::pen::Pen;
use crate::ui::style;
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::Span;

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

/// Draws the line; returns what is below it. Numbers go where they would not fit.
pub(super) fn draw(
    pen: &mut Pen<'_>,
    area: Rect,
    run: &RunModel,
    gate: &GateModel,
    evidence: &Evidence,
) -> Rect {
    let focus = gate.focus.tab().is_some();
    let mut spans = line(pen, run, gate, evidence, true);
    if spans.iter().map(Span::width).sum::<usize>() + 6 > usize::from(area.width) {
        spans = line(pen, run, gate, evidence, false);
    }
    pen.panel(area, spans, Vec::new(), focus)
}

fn line(
    pen: &Pen<'_>,
    run: &RunModel,
    gate: &GateModel,
    evidence: &Evidence,
    numbers: bool,
) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    for tab in GateTab::ALL {
        if !spans.is_empty() {
            spans.push(Span::raw("  "));
        }
        let role = if tab == gate.tab() { Role::TabActive } else { Role::Tab };
        spans.push(pen.span(role, title(tab)));
        if numbers {
            spans.extend(number(pen, tab, run, gate, evidence));
        }
    }
    spans
}

fn number(
    pen: &Pen<'_>,
    tab: GateTab,
    run: &RunModel,
    gate: &GateModel,
    evidence: &Evidence,
) -> Vec<Span<'static>> {
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
    let waived = |id| waivers.iter().any(|waiver| waiver.finding == id);
    let mut spans = Vec::new();
    for severity in [Severity::Blocking, Severity::Warning, Severity::Info] {
        let open = |finding: &&crate::domain::finding::Finding| {
            finding.severity == severity && !waived(finding.id.clone())
        };
        let count = evidence.findings.iter().filter(open).count();
        if count > 0 {
            let mark = style::severity(severity);
            spans.push(pen.span(mark.role, format!(" {}{count}", mark.glyph)));
        }
    }
    let let_through = evidence.findings.iter().filter(|finding| waived(finding.id.clone())).count();
    if let_through > 0 {
        spans.push(pen.span(Role::Skipped, format!(" »{let_through}")));
    }
    spans
}
