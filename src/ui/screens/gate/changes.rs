//! Changes: what production gains and loses, repo by repo; the chosen row in full.
//!
//! Versions and sizes go before everything else: what goes down must be seen.

mod full;

use super::list;
use crate::app::model::GateModel;
use crate::app::model::gate::rows::{ChangeRow, KINDS, Totals};
use crate::domain::evidence::{AdvisoryChange, Change, ChangeKind, Evidence, StreamChange};
use crate::ui::pen::Pen;
use crate::ui::style;
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Columns of a size.
const SIZE: u16 = 8;
/// Columns of glyph, word and the blank behind it.
const MARK: u16 = 13;
/// Columns of the size that a file had before, and the blank before it.
const WAS: u16 = 12;
/// Columns by which a change stands below its repo.
const INDENT: u16 = 2;

/// Draws the tab.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, gate: &GateModel, evidence: &Evidence) {
    let Some(chosen) = gate.rows.get(gate.change.min(gate.rows.len().saturating_sub(1))) else {
        let words = vec![pen.span(Role::Muted, " production gains and loses nothing")];
        return pen.line(area, 0, words);
    };
    let full = full::full(pen, chosen, &evidence.changes);
    let parts = list::parts(area, &full);
    list::rows(pen, parts.list, gate, |pen, line, place| {
        if let Some(row) = gate.rows.get(place) {
            draw_row(pen, line, row, evidence);
        }
    });
    list::full(pen, parts, &full);
}

fn draw_row(pen: &mut Pen<'_>, line: Rect, row: &ChangeRow, evidence: &Evidence) {
    let changes = &evidence.changes;
    match row {
        ChangeRow::All(totals) => head(pen, line, "everything", totals),
        ChangeRow::Place { place, totals } => head(pen, line, place, totals),
        ChangeRow::Package(at) => {
            if let Some(change) = changes.packages.get(*at) {
                let mark = style::change(change.kind);
                let word = mark.word;
                sized(pen, line, change, word, Beside::Versions(&versions(change)));
            }
        }
        ChangeRow::File(at) => {
            if let Some(change) = changes.files.get(*at) {
                let before = change.from.as_deref().and_then(bytes_of);
                let before = before.filter(|_| change.kind == ChangeKind::Rebuilt);
                let words = before.map_or_else(String::new, |before| format!("was {}", text::bytes(before)));
                sized(pen, line, change, noun(change), Beside::Size(&words));
            }
        }
        ChangeRow::Stream(at) => {
            if let Some(stream) = changes.streams.get(*at) {
                draw_stream(pen, line, stream);
            }
        }
        ChangeRow::Advisory(at) => {
            if let Some(advisory) = changes.advisories.get(*at) {
                draw_advisory(pen, line, advisory);
            }
        }
    }
}

/// Returns the number of `12 bytes`, as a file's size is told.
fn bytes_of(size: &str) -> Option<u64> {
    size.strip_suffix(" bytes")?.parse().ok()
}

/// Returns what a file is called: `torrent` or `image`.
fn noun(change: &Change) -> &'static str {
    let torrent = std::path::Path::new(&change.name).extension().is_some_and(|ending| ending == "torrent");
    if torrent { "torrent" } else { "image" }
}

/// Draws the row that begins a repo: its name, and its numbers at the right.
fn head(pen: &mut Pen<'_>, line: Rect, name: &str, totals: &Totals) {
    let numbers = numbers(pen, totals);
    let room = pen.line_right(line, 0, numbers);
    let spans = vec![pen.span(Role::Title, text::cut_front(name, room.saturating_sub(2)))];
    pen.line(Rect { width: room, ..line }, 0, spans);
}

fn numbers(pen: &Pen<'_>, totals: &Totals) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    for (at, kind) in KINDS.into_iter().enumerate() {
        let count = totals.packages[at] + totals.files[at];
        if count > 0 {
            let mark = style::change(kind);
            spans.push(pen.span(mark.role, format!("{}{count} ", mark.glyph)));
        }
    }
    for (what, (gained, lost)) in [("errata", totals.advisories), ("streams", totals.streams)] {
        if gained + lost > 0 {
            spans.push(pen.span(Role::Muted, format!("{what} ")));
            let role = if lost > 0 { Role::Warn } else { Role::Muted };
            let gained = if gained > 0 { format!("+{gained} ") } else { String::new() };
            let lost = if lost > 0 { format!("-{lost} ") } else { String::new() };
            spans.push(pen.span(role, format!("{gained}{lost}")));
        }
    }
    spans.push(pen.span(Role::Text, text::fill_left(&text::bytes(totals.bytes), SIZE)));
    spans
}

/// Returns the versions of a change: `1.1-2 → 1.1-3`.
fn versions(change: &Change) -> String {
    match (&change.from, &change.to) {
        (Some(from), Some(to)) if from == to => to.clone(),
        (Some(from), Some(to)) => format!("{from} → {to}"),
        (Some(only), None) | (None, Some(only)) => only.clone(),
        (None, None) => String::new(),
    }
}

/// What stands between a change's name and its size.
#[derive(Clone, Copy)]
enum Beside<'a> {
    /// The versions of a package.
    Versions(&'a str),
    /// The size that a file had before.
    Size(&'a str),
}

/// Draws a change that has a size.
fn sized(pen: &mut Pen<'_>, line: Rect, change: &Change, word: &str, beside: Beside<'_>) {
    let size = if change.size == 0 { String::new() } else { text::bytes(change.size) };
    let size = vec![pen.span(Role::Muted, text::fill_left(&size, SIZE))];
    let room = pen.line_right(line, 0, size).saturating_sub(1);
    let mark = style::change(change.kind);
    let rest = room.saturating_sub(INDENT + MARK);
    let (name, words) = match beside {
        // They stand below each other; where they are long, the name gives way.
        Beside::Versions(words) => {
            let left = rest.saturating_sub(words.chars().count() as u16 + 1);
            ((rest * 3 / 8).min(36).min(left).max(rest / 3), words)
        }
        Beside::Size(words) => (rest.saturating_sub(WAS), words),
    };
    let spans = vec![
        Span::raw("  "),
        pen.span(mark.role, format!("{} {}", mark.glyph, text::fill(word, MARK - 2))),
        pen.span(Role::Strong, text::fill(&change.name, name) + " "),
        pen.span(Role::Text, text::cut(words, rest.saturating_sub(name + 1))),
    ];
    pen.line(Rect { width: room, ..line }, 0, spans);
}

fn draw_stream(pen: &mut Pen<'_>, line: Rect, stream: &StreamChange) {
    let mark = style::change(stream.kind);
    let whole = match (stream.whole_module, stream.kind) {
        (false, _) => "",
        (true, ChangeKind::Removed) => "the whole module goes with it",
        (true, _) => "the module is new",
    };
    let spans = vec![
        Span::raw("  "),
        pen.span(mark.role, format!("{} {}", mark.glyph, text::fill("stream", MARK - 2))),
        pen.span(Role::Strong, text::fill(&stream.name, 24) + " "),
        pen.span(Role::Muted, text::cut(whole, line.width.saturating_sub(INDENT + MARK + 25))),
    ];
    pen.line(line, 0, spans);
}

/// Returns the role of an advisory's severity.
fn severity(advisory: &AdvisoryChange) -> Role {
    match advisory.severity.as_str() {
        "Critical" => Role::Error,
        "Important" => Role::Warn,
        _ => Role::Text,
    }
}

fn draw_advisory(pen: &mut Pen<'_>, line: Rect, advisory: &AdvisoryChange) {
    let mark = style::change(advisory.kind);
    let weight = if advisory.severity.is_empty() { &advisory.sort } else { &advisory.severity };
    let spans = vec![
        Span::raw("  "),
        pen.span(mark.role, format!("{} {}", mark.glyph, text::fill("advisory", MARK - 2))),
        pen.span(Role::Strong, text::fill(&advisory.id, 15) + " "),
        pen.span(severity(advisory), text::fill(weight, 11) + " "),
        pen.span(Role::Text, text::cut(&advisory.title, line.width.saturating_sub(INDENT + MARK + 28))),
    ];
    pen.line(line, 0, spans);
}
