//! Checks: which looked, when, for how long, and what they found; and how far those are that look now.

use super::findings;
use super::list::{self, Full};
use crate::app::model::{GateModel, RunModel};
use crate::domain::evidence::{Checked, Evidence, Waiver};
use crate::domain::finding::{Finding, Severity};
use crate::domain::live::{Looking, Part};
use crate::ui::pen::Pen;
use crate::ui::style;
use crate::ui::theme::Role;
use crate::ui::widgets::{bar, text};
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Draws the tab.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, run: &RunModel, gate: &GateModel, evidence: &Evidence) {
    let Some(chosen) = evidence.checks.get(gate.check) else {
        let words = "this evidence does not tell its checks apart: it was taken by an older stagegate";
        let words = vec![pen.span(Role::Muted, format!(" {words}"))];
        return pen.line(area, 0, words);
    };
    let waivers = run.state.waivers(&gate.release);
    let now = run.live.gathering.get(&gate.release).and_then(|look| look.part.as_ref());
    let full = full(pen, *chosen, evidence, waivers);
    let parts = list::parts(area, &full);
    list::rows(pen, parts.list, gate, |pen, line, place| {
        if let Some(checked) = evidence.checks.get(place) {
            row(pen, line, *checked, evidence, now);
        }
    });
    list::full(pen, parts, &full);
}

fn of(evidence: &Evidence, checked: Checked) -> impl Iterator<Item = &Finding> {
    evidence.findings.iter().filter(move |finding| finding.check == checked.check)
}

fn row(pen: &mut Pen<'_>, line: Rect, checked: Checked, evidence: &Evidence, now: Option<&Part>) {
    let name = checked.check.to_string();
    let took = format!("{}  {:>7}", text::time(checked.at), duration(checked.took_ms));
    let tail = vec![pen.span(Role::Muted, took)];
    let room = pen.line_right(line, 0, tail);
    let line = Rect { width: room.saturating_sub(2), ..line };
    if now.is_some_and(|part| part.name == name) {
        let spans = vec![
            pen.span(Role::Running, "► "),
            pen.span(Role::Strong, text::fill(&name, 26)),
            pen.span(Role::Running, "looking again"),
        ];
        return pen.line(line, 0, spans);
    }
    let worst = of(evidence, checked).map(|finding| finding.severity).max();
    let (role, glyph) =
        worst.map_or((Role::Ok, "✓"), |worst| (style::severity(worst).role, style::severity(worst).glyph));
    let mut spans = vec![pen.span(role, format!("{glyph} ")), pen.span(Role::Text, text::fill(&name, 26))];
    for severity in [Severity::Blocking, Severity::Warning, Severity::Info] {
        let count = of(evidence, checked).filter(|finding| finding.severity == severity).count();
        if count > 0 {
            let mark = style::severity(severity);
            let s = if severity == Severity::Warning && count > 1 { "s" } else { "" };
            // Where words do not fit, glyphs and numbers must do; the words are below or beside.
            let word = if line.width < 50 { String::new() } else { format!(" {}{s} ", mark.word) };
            spans.push(pen.span(mark.role, format!("{}{count}{word} ", mark.glyph)));
        }
    }
    if worst.is_none() {
        spans.push(pen.span(Role::Muted, "found nothing"));
    }
    pen.line(line, 0, spans);
}

fn full(pen: &Pen<'_>, checked: Checked, evidence: &Evidence, waivers: &[Waiver]) -> Full {
    let found = |finding: &Finding| {
        let mark = findings::mark(finding, waivers);
        (mark.role, format!("{} {} {}", mark.glyph, finding.path, finding.message))
    };
    let mut words: Vec<(Role, String)> = of(evidence, checked).map(found).collect();
    if words.is_empty() {
        words.push((Role::Ok, "✓ found nothing".to_owned()));
    }
    let words_of_time = format!("{} UTC, took {}", text::time(checked.at), duration(checked.took_ms));
    Full {
        title: vec![pen.span(Role::Title, checked.check.to_string())],
        right: vec![pen.span(Role::Muted, words_of_time)],
        words,
    }
}

fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..100_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => text::clock(ms / 1_000),
    }
}

/// Says how far the gathering of evidence is where there is none yet.
pub(super) fn gathering(pen: &mut Pen<'_>, area: Rect, look: &Looking) {
    let mut row =
        pen.wrapped(area, 1, Role::Running, &format!("► Gathering the evidence: {}", text::looking(look)));
    let share = match (&look.part, look.of) {
        (Some(part), _) if part.of > 0 => Some(part.nth.saturating_sub(1) as f32 / part.of as f32),
        (None, Some(of)) if of > 0 => Some(look.done as f32 / of as f32),
        _ => None,
    };
    if let Some(share) = share {
        row += 1;
        let width = area.width.min(60);
        let spans: Vec<Span<'static>> = bar::bar(pen, Some(share), width);
        pen.line(area, row, spans);
        row += 1;
    }
    pen.wrapped(
        area,
        row + 1,
        Role::Muted,
        "Nothing can be approved before it is complete. Stopping it leaves the gate without evidence.",
    );
}
