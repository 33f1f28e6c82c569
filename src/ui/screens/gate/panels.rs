//! Findings, changes and checklist of the Gate screen.

use crate::app::model::{GateFocus, GateModel, RunModel};
use crate::domain::evidence::{Change, ChangeKind, Changes, Evidence, Waiver};
use crate::domain::finding::{Finding, Severity};
use crate::ui::pen::{Pen, scroll_to};
use crate::ui::style;
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Draws the findings, and the chosen one in full below them.
pub(super) fn findings(pen: &mut Pen<'_>, area: Rect, run: &RunModel, gate: &GateModel, evidence: &Evidence) {
    let focus = gate.focus == GateFocus::Findings;
    let waivers = run.state.waivers(&gate.release);
    let counts = counts(pen, evidence, waivers);
    let inside = pen.panel(area, vec![pen.span(Role::Title, "Findings")], counts, focus);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    if evidence.findings.is_empty() {
        return pen.line(inside, 0, vec![pen.span(Role::Ok, "✓ nothing was found")]);
    }
    let chosen = gate.finding.min(evidence.findings.len() - 1);
    let more = details(&evidence.findings[chosen], waivers, inside.width);
    let details_height = if inside.height >= 4 { (more.len() as u16).min(inside.height / 2) } else { 0 };
    let list = Rect { height: inside.height - details_height, ..inside };
    let first = scroll_to(chosen, evidence.findings.len(), usize::from(list.height));
    let shown = evidence.findings.iter().enumerate().skip(first).take(usize::from(list.height));
    for (row, (place, finding)) in shown.enumerate() {
        let spans = finding_row(pen, finding, waivers, list.width);
        let line = Rect { y: list.y + row as u16, height: 1, ..list };
        pen.line(line, 0, spans);
        if place == chosen && details_height > 0 {
            let whole = Rect { x: area.x, width: area.width, ..line };
            pen.select(whole, if focus { Role::Selection } else { Role::SelectionQuiet });
        }
    }
    edges(pen, Rect { x: area.x, width: area.width, ..list }, first, evidence.findings.len());
    let below = Rect { y: list.bottom(), height: details_height, ..inside };
    for (row, (role, words)) in more.into_iter().enumerate() {
        pen.line(below, row as u16, vec![pen.span(role, words)]);
    }
}

fn edges(pen: &mut Pen<'_>, area: Rect, first: usize, total: usize) {
    let edge = Rect { x: area.right().saturating_sub(1), width: 1, ..area };
    if first > 0 {
        pen.line(edge, 0, vec![pen.span(Role::Muted, "↑")]);
    }
    if first + usize::from(area.height) < total {
        pen.line(edge, area.height.saturating_sub(1), vec![pen.span(Role::Muted, "↓")]);
    }
}

fn counts(pen: &Pen<'_>, evidence: &Evidence, waivers: &[Waiver]) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    for severity in [Severity::Blocking, Severity::Warning, Severity::Info] {
        let number = match severity {
            Severity::Blocking => evidence.blocking(waivers).count(),
            _ => evidence.findings.iter().filter(|finding| finding.severity == severity).count(),
        };
        let mark = style::severity(severity);
        let (role, glyph) = match (number, severity) {
            (0, Severity::Blocking) => (Role::Ok, "✓"),
            (0, _) => (Role::Muted, mark.glyph),
            _ => (mark.role, mark.glyph),
        };
        let words = if severity == Severity::Warning {
            text::count(number, mark.word)
        } else {
            format!("{number} {}", mark.word)
        };
        let gap = if spans.is_empty() { "" } else { "  " };
        spans.push(pen.span(role, format!("{gap}{glyph} {words}")));
    }
    spans
}

fn waiver<'a>(finding: &Finding, waivers: &'a [Waiver]) -> Option<&'a Waiver> {
    waivers.iter().find(|waiver| waiver.finding == finding.id)
}

fn finding_row(pen: &Pen<'_>, finding: &Finding, waivers: &[Waiver], width: u16) -> Vec<Span<'static>> {
    let mark = style::severity(finding.severity);
    let (role, glyph, word) = match waiver(finding, waivers) {
        Some(_) => (Role::Skipped, "»", "waived"),
        None => (mark.role, mark.glyph, mark.word),
    };
    let tail = if finding.inherited { "  in production already" } else { "" };
    let check = text::fill(&finding.check.to_string(), if width > 90 { 26 } else { 18 });
    let used = 2 + 10 + check.chars().count() as u16 + 1;
    let path = text::cut_front(&finding.path, width.saturating_sub(used + tail.len() as u16));
    vec![
        pen.span(role, format!("{glyph} {}", text::fill(word, 10))),
        pen.span(Role::Muted, format!("{check} ")),
        pen.span(Role::Text, path),
        pen.span(Role::Muted, tail),
    ]
}

fn details(finding: &Finding, waivers: &[Waiver], width: u16) -> Vec<(Role, String)> {
    let mut out = Vec::new();
    let mut say = |role: Role, words: String| {
        out.extend(
            text::wrap(&words, width.saturating_sub(2)).into_iter().map(|line| (role, format!("  {line}"))),
        );
    };
    say(Role::Text, format!("{} {}", finding.path, finding.message));
    match waiver(finding, waivers) {
        Some(waiver) => say(Role::Skipped, format!("» waived by {}: {}", waiver.by.person(), waiver.reason)),
        None => say(Role::Info, format!("→ {}", finding.advice)),
    }
    out
}

/// Draws what production gains and loses.
pub(super) fn changes(pen: &mut Pen<'_>, area: Rect, gate: &GateModel, evidence: &Evidence) {
    let focus = gate.focus == GateFocus::Changes;
    let all: Vec<&Change> = evidence.changes.packages.iter().chain(&evidence.changes.files).collect();
    let kinds = [
        ChangeKind::Added,
        ChangeKind::Updated,
        ChangeKind::Downgraded,
        ChangeKind::Rebuilt,
        ChangeKind::Removed,
    ];
    let mut summary = Vec::new();
    for kind in kinds {
        let number = all.iter().filter(|change| change.kind == kind).count();
        if number > 0 {
            let mark = style::change(kind);
            let word = if area.width >= 90 { format!(" {}", mark.word) } else { String::new() };
            summary.push(pen.span(mark.role, format!("{}{number}{word}  ", mark.glyph)));
        }
    }
    for (what, kinds) in besides(&evidence.changes) {
        let count = |kind| kinds.iter().filter(|other| **other == kind).count();
        let (gained, lost) = (count(ChangeKind::Added), count(ChangeKind::Removed));
        if gained + lost > 0 {
            let role = if lost > 0 { Role::Warn } else { Role::Muted };
            summary.push(pen.span(role, format!("{what} +{gained} -{lost}  ")));
        }
    }
    summary.push(pen.span(Role::Muted, format!("{} more", text::bytes(evidence.changes.bytes))));
    let inside = pen.panel(area, vec![pen.span(Role::Title, "Changes")], summary, focus);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    if all.is_empty() {
        return pen.line(inside, 0, vec![pen.span(Role::Muted, "production gains and loses nothing")]);
    }
    let first = gate.change.min(all.len().saturating_sub(usize::from(inside.height)));
    for (row, change) in all.iter().skip(first).take(usize::from(inside.height)).enumerate() {
        let spans = change_row(pen, change, inside.width);
        pen.line(inside, row as u16, spans);
    }
    edges(pen, Rect { x: area.x, width: area.width, ..inside }, first, all.len());
}

/// Returns what comes and goes besides packages and images.
fn besides(changes: &Changes) -> [(&'static str, Vec<ChangeKind>); 2] {
    [
        ("errata", changes.advisories.iter().map(|change| change.kind).collect()),
        ("streams", changes.streams.iter().map(|change| change.kind).collect()),
    ]
}

fn change_row(pen: &Pen<'_>, change: &Change, width: u16) -> Vec<Span<'static>> {
    let mark = style::change(change.kind);
    let versions = match (&change.from, &change.to) {
        (Some(from), Some(to)) if from == to => to.clone(),
        (Some(from), Some(to)) => format!("{from} → {to}"),
        (Some(only), None) | (None, Some(only)) => only.clone(),
        (None, None) => String::new(),
    };
    let name_width = if width >= 84 { 22 } else { 14 };
    let all = width.saturating_sub(13 + name_width + 1);
    // Versions go before the place: what goes down must be seen.
    let place = if width >= 76 && versions.chars().count() as u16 + 22 <= all { 21 } else { 0 };
    let name = text::fill(&change.name, name_width);
    let rest = width.saturating_sub(13 + name_width + 1 + place);
    vec![
        pen.span(mark.role, format!("{} {}", mark.glyph, text::fill(mark.word, 11))),
        pen.span(Role::Strong, format!("{name} ")),
        pen.span(Role::Text, text::fill(&versions, rest.saturating_sub(1)) + " "),
        pen.span(Role::Muted, text::cut(&change.place, place)),
    ]
}

/// Draws what a human confirms.
pub(super) fn checklist(pen: &mut Pen<'_>, area: Rect, gate: &GateModel, evidence: &Evidence) {
    let focus = gate.focus == GateFocus::Checklist;
    let total = evidence.checklist.len();
    let done = gate.ticked.iter().filter(|ticked| **ticked).count();
    let role = if done == total { Role::Ok } else { Role::Warn };
    let right = vec![pen.span(role, format!("{done} of {total} ticked"))];
    let inside = pen.panel(area, vec![pen.span(Role::Title, "Checklist")], right, focus);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let first = scroll_to(gate.point, total, usize::from(inside.height));
    let points = evidence.checklist.iter().enumerate().skip(first).take(usize::from(inside.height));
    for (row, (place, point)) in points.enumerate() {
        let ticked = gate.ticked.get(place).copied().unwrap_or(false);
        let (role, box_) = if ticked { (Role::Ok, "[✓] ") } else { (Role::Warn, "[ ] ") };
        let line = Rect { y: inside.y + row as u16, height: 1, ..inside };
        let words = text::cut(point, inside.width.saturating_sub(4));
        pen.line(line, 0, vec![pen.span(role, box_), pen.span(Role::Text, words)]);
        if focus && place == gate.point {
            let whole = Rect { x: area.x, width: area.width, ..line };
            pen.select(whole, Role::Selection);
        }
    }
    edges(pen, Rect { x: area.x, width: area.width, ..inside }, first, total);
}
