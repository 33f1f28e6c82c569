//! Findings: by severity, what was waived and what is inherited marked, the chosen one in full.

use super::list::{self, Full};
use crate::app::model::{GateModel, RunModel};
use crate::domain::evidence::{Evidence, Waiver};
use crate::domain::finding::Finding;
use crate::ui::pen::Pen;
use crate::ui::style;
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;

/// What stands at the end of a row that production has as well.
const INHERITED: &str = "inherited";

/// Draws the tab.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, run: &RunModel, gate: &GateModel, evidence: &Evidence) {
    let waivers = run.state.waivers(&gate.release);
    let chosen = gate.finding.min(evidence.findings.len().saturating_sub(1));
    let Some(finding) = evidence.findings.get(chosen) else {
        let words = vec![pen.span(Role::Ok, " ✓ nothing was found")];
        return pen.line(area, 0, words);
    };
    let full = full(pen, finding, waivers, evidence);
    let parts = list::parts(area, &full);
    list::rows(pen, parts.list, gate, |pen, line, place| {
        if let Some(finding) = evidence.findings.get(place) {
            row(pen, line, finding, waivers);
        }
    });
    list::full(pen, parts, &full);
}

/// Returns how a finding stands: its severity, or that it was waived.
pub(super) fn mark(finding: &Finding, waivers: &[Waiver]) -> style::Mark {
    match Waiver::of(finding, waivers) {
        Some(_) => style::WAIVED,
        None => style::severity(finding.severity),
    }
}

fn row(pen: &mut Pen<'_>, line: Rect, finding: &Finding, waivers: &[Waiver]) {
    let mark = mark(finding, waivers);
    let tail = if finding.inherited { vec![pen.span(Role::Muted, INHERITED)] } else { Vec::new() };
    let room = pen.line_right(line, 0, tail);
    let check = text::fill(&finding.check.to_string(), if line.width > 90 { 26 } else { 18 });
    let used = 2 + 10 + check.chars().count() as u16 + 1;
    let spare = if finding.inherited { 2 } else { 0 };
    let path = text::cut_front(&finding.path, room.saturating_sub(used + spare));
    let spans = vec![
        pen.span(mark.role, format!("{} {}", mark.glyph, text::fill(mark.word, 10))),
        pen.span(Role::Muted, format!("{check} ")),
        pen.span(Role::Text, path),
    ];
    pen.line(Rect { width: room, ..line }, 0, spans);
}

fn full(pen: &Pen<'_>, finding: &Finding, waivers: &[Waiver], evidence: &Evidence) -> Full {
    let mark = mark(finding, waivers);
    let mut words = vec![
        (Role::Strong, finding.path.clone()),
        (Role::Text, finding.message.clone()),
        (Role::Info, format!("→ {}", finding.advice)),
    ];
    if let Some(waiver) = Waiver::of(finding, waivers) {
        let by =
            format!("» waived by {}, {} UTC: {}", waiver.by.person(), text::moment(waiver.at), waiver.reason);
        words.push((Role::Skipped, by));
    }
    if finding.inherited {
        words.push((Role::Muted, "= inherited: production has it already".to_owned()));
    }
    if let Some(checked) = evidence.checks.iter().find(|checked| checked.check == finding.check) {
        words.push((Role::Muted, format!("{} looked {} UTC", finding.check, text::time(checked.at))));
    }
    Full {
        title: vec![
            pen.span(mark.role, format!("{} {} ", mark.glyph, mark.word)),
            pen.span(Role::Title, finding.check.to_string()),
        ],
        right: vec![pen.span(Role::Muted, finding.id.to_string())],
        words,
    }
}
