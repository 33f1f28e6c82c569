//! Checklist: what a person confirms, and beside it what was waived, by whom and why.

use super::list::{self, Full};
use crate::app::model::{GateModel, RunModel};
use crate::domain::evidence::{Evidence, Waiver};
use crate::ui::pen::Pen;
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;

/// Draws the tab.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, run: &RunModel, gate: &GateModel, evidence: &Evidence) {
    let full = full(pen, run.state.waivers(&gate.release), gate, evidence);
    let parts = list::parts(area, &full);
    if evidence.checklist.is_empty() {
        let words = vec![pen.span(Role::Muted, " the catalog has no checklist for this gate")];
        pen.line(parts.list, 0, words);
    }
    list::rows(pen, parts.list, gate, |pen, line, place| {
        let Some(point) = evidence.checklist.get(place) else { return };
        let ticked = gate.ticked.get(place).copied().unwrap_or(false);
        let (role, box_) = if ticked { (Role::Ok, "[✓] ") } else { (Role::Warn, "[ ] ") };
        let words = text::cut(point, line.width.saturating_sub(4));
        pen.line(line, 0, vec![pen.span(role, box_), pen.span(Role::Text, words)]);
    });
    list::full(pen, parts, &full);
}

fn full(pen: &Pen<'_>, waivers: &[Waiver], gate: &GateModel, evidence: &Evidence) -> Full {
    let mut words = Vec::new();
    if let Some(point) = evidence.checklist.get(gate.point) {
        words.push((Role::Strong, point.clone()));
        words.push((Role::Text, String::new()));
    }
    if waivers.is_empty() {
        words.push((Role::Muted, "no finding was waived".to_owned()));
    }
    for waiver in waivers {
        words.push((Role::Skipped, format!("» waived: {}", what(waiver, evidence))));
        let by = format!("{} · {}, {} UTC", waiver.reason, waiver.by.person(), text::moment(waiver.at));
        words.push((Role::Text, by));
    }
    let number = text::count(waivers.len(), "waiver");
    Full {
        title: vec![pen.span(Role::Title, "Chosen point and waivers")],
        right: vec![pen.span(Role::Muted, number)],
        words,
    }
}

/// Says what was waived, and what became of it where that is not found any more.
fn what(waiver: &Waiver, evidence: &Evidence) -> String {
    if let Some(finding) = evidence.findings.iter().find(|finding| waiver.covers(finding)) {
        return format!("{} {}", finding.path, finding.message);
    }
    let message = waiver.message.as_deref().unwrap_or_default();
    match evidence.findings.iter().find(|finding| finding.id == waiver.finding) {
        Some(finding) => format!("{} {message}, which says something else now", finding.path),
        None => format!("{}, which is found no longer", waiver.finding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::{at, person};
    use crate::ui::fixtures::evidence;

    #[test]
    fn a_waiver_tells_what_became_of_what_it_was_for() {
        let mut evidence = evidence::mixed();
        let finding = evidence.findings[0].clone();
        let waiver = Waiver {
            finding: finding.id.clone(),
            message: Some(finding.message.clone()),
            reason: "known".to_owned(),
            by: person("lena", 1001),
            at: at(0),
        };
        assert_eq!(what(&waiver, &evidence), format!("{} {}", finding.path, finding.message));
        evidence.findings[0].message.push_str(", and more");
        let changed = format!("{} {}, which says something else now", finding.path, finding.message);
        assert_eq!(what(&waiver, &evidence), changed);
        evidence.findings.clear();
        assert_eq!(what(&waiver, &evidence), format!("{}, which is found no longer", finding.id));
    }
}
