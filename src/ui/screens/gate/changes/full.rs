//! The chosen change in full: nothing is cut here that the list had no room for.

use super::super::list::Full;
use super::{noun, severity};
use crate::app::model::gate::rows::{ChangeRow, KINDS, Totals};
use crate::domain::evidence::{AdvisoryChange, Change, Changes, StreamChange};
use crate::ui::pen::Pen;
use crate::ui::style;
use crate::ui::theme::Role;
use crate::ui::widgets::text;

/// Returns everything about a row.
pub(super) fn full(pen: &Pen<'_>, row: &ChangeRow, changes: &Changes) -> Full {
    match row {
        ChangeRow::All(totals) => Full {
            title: vec![pen.span(Role::Title, "Everything that goes out")],
            // Hard links and what production has already apart, which sizes of single files cannot tell.
            right: vec![pen.span(Role::Muted, format!("production grows by {}", text::bytes(changes.bytes)))],
            words: in_words(totals),
        },
        ChangeRow::Place { place, totals } => Full {
            title: vec![pen.span(Role::Title, place.clone())],
            right: vec![pen.span(Role::Muted, text::bytes(totals.bytes))],
            words: in_words(totals),
        },
        ChangeRow::Package(at) => {
            changes.packages.get(*at).map_or_else(Full::default, |change| package(pen, change))
        }
        ChangeRow::File(at) => changes.files.get(*at).map_or_else(Full::default, |change| file(pen, change)),
        ChangeRow::Stream(at) => {
            changes.streams.get(*at).map_or_else(Full::default, |change| stream(pen, change))
        }
        ChangeRow::Advisory(at) => {
            changes.advisories.get(*at).map_or_else(Full::default, |change| advisory(pen, change))
        }
    }
}

fn in_words(totals: &Totals) -> Vec<(Role, String)> {
    let mut words = Vec::new();
    for (at, kind) in KINDS.into_iter().enumerate() {
        let mark = style::change(kind);
        let mut say = |count: usize, what: &str| {
            if count > 0 {
                words.push((mark.role, format!("{} {} {}", mark.glyph, text::count(count, what), mark.word)));
            }
        };
        say(totals.packages[at], "package");
        say(totals.files[at], "file");
    }
    let (gained, lost) = totals.streams;
    if gained > 0 {
        words.push((Role::Added, format!("+ {} gained", text::count(gained, "module stream"))));
    }
    if lost > 0 {
        words.push((Role::Removed, format!("- {} lost", text::count(lost, "module stream"))));
    }
    let (gained, lost) = totals.advisories;
    if gained > 0 {
        let advisories = if gained == 1 { "1 advisory".to_owned() } else { format!("{gained} advisories") };
        words.push((Role::Added, format!("+ {advisories} gained, {} of them security", totals.security)));
    }
    if lost > 0 {
        let advisories = if lost == 1 { "1 advisory".to_owned() } else { format!("{lost} advisories") };
        words.push((Role::Removed, format!("- {advisories} lost")));
    }
    words
}

fn package(pen: &Pen<'_>, change: &Change) -> Full {
    let mut words = vec![(Role::Strong, change.name.clone()), (Role::Muted, change.place.clone())];
    words.extend(change.from.iter().map(|from| (Role::Text, format!("production  {from}"))));
    let gone = (Role::Removed, "staging     has it no longer".to_owned());
    let to = change.to.as_ref().map_or(gone, |to| (Role::Text, format!("staging     {to}")));
    words.push(to);
    sized(pen, change, style::change(change.kind).word, words)
}

fn file(pen: &Pen<'_>, change: &Change) -> Full {
    let mut words = vec![(Role::Strong, change.name.clone()), (Role::Muted, change.place.clone())];
    words.extend(change.from.iter().map(|from| (Role::Text, format!("production  {from}"))));
    words.extend(change.to.iter().map(|to| (Role::Text, format!("staging     {to}"))));
    sized(pen, change, &format!("{} {}", noun(change), style::change(change.kind).word), words)
}

fn sized(pen: &Pen<'_>, change: &Change, title: &str, words: Vec<(Role, String)>) -> Full {
    let mark = style::change(change.kind);
    let size = if change.size == 0 { "size not known".to_owned() } else { text::bytes(change.size) };
    Full {
        title: vec![pen.span(mark.role, format!("{} {title}", mark.glyph))],
        right: vec![pen.span(Role::Muted, size)],
        words,
    }
}

fn stream(pen: &Pen<'_>, stream: &StreamChange) -> Full {
    let mark = style::change(stream.kind);
    let module = stream.name.split(':').next().unwrap_or_default();
    let whole = if stream.whole_module {
        "no other stream of the module"
    } else {
        "other streams of the module stay"
    };
    Full {
        title: vec![pen.span(mark.role, format!("{} module stream {}", mark.glyph, mark.word))],
        right: Vec::new(),
        words: vec![
            (Role::Strong, stream.name.clone()),
            (Role::Muted, stream.place.clone()),
            (Role::Text, format!("{module}: {whole}")),
        ],
    }
}

fn advisory(pen: &Pen<'_>, advisory: &AdvisoryChange) -> Full {
    let mark = style::change(advisory.kind);
    let weight = [advisory.severity.as_str(), advisory.sort.as_str()];
    let weight: Vec<&str> = weight.into_iter().filter(|part| !part.is_empty()).collect();
    let mut words = vec![
        (Role::Strong, advisory.title.clone()),
        (severity(advisory), weight.join(" ")),
        (Role::Muted, advisory.place.clone()),
    ];
    if !advisory.cves.is_empty() {
        words.push((Role::Text, advisory.cves.join(" ")));
    }
    Full {
        title: vec![
            pen.span(mark.role, format!("{} advisory {} ", mark.glyph, mark.word)),
            pen.span(Role::Title, advisory.id.clone()),
        ],
        right: vec![pen.span(Role::Muted, cves(advisory.cves.len()))],
        words,
    }
}

fn cves(count: usize) -> String {
    if count == 0 { "no CVE".to_owned() } else { text::count(count, "CVE") }
}
