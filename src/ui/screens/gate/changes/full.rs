//! The chosen change in full: nothing is cut here that the list had no room for.

use super::super::list::Full;
use super::{bytes_of, noun, severity};
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
    let kinds = |counts: &[usize; KINDS.len()]| {
        let told = KINDS.into_iter().zip(counts).filter(|(_, count)| **count > 0);
        told.map(|(kind, count)| format!("{count} {}", style::change(kind).word)).collect::<Vec<_>>()
    };
    let both = |(gained, lost): (usize, usize)| {
        let told = [(gained, "gained"), (lost, "lost")].into_iter().filter(|(count, _)| *count > 0);
        told.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>()
    };
    let mut advisories = both(totals.advisories);
    if totals.security > 0 {
        advisories.push(format!("{} of the gained are security", totals.security));
    }
    let all = [
        ("packages", kinds(&totals.packages), totals.packages[0] + totals.packages[1]),
        ("module streams", both(totals.streams), totals.streams.1),
        ("advisories", advisories, totals.advisories.1),
        ("images and torrents", kinds(&totals.files), totals.files[0]),
    ];
    let told = all.into_iter().filter(|(_, words, _)| !words.is_empty());
    told.map(|(what, words, lost)| {
        let role = if lost > 0 { Role::Warn } else { Role::Text };
        (role, format!("{what}: {}", words.join(", ")))
    })
    .collect()
}

fn package(pen: &Pen<'_>, change: &Change) -> Full {
    let mut words = vec![(Role::Strong, change.name.clone()), (Role::Muted, change.place.clone())];
    words.extend(change.from.iter().map(|from| (Role::Text, format!("production: {from}"))));
    let gone = (Role::Removed, "staging: has it no longer".to_owned());
    let to = change.to.as_ref().map_or(gone, |to| (Role::Text, format!("staging: {to}")));
    words.push(to);
    sized(pen, change, style::change(change.kind).word, words)
}

fn file(pen: &Pen<'_>, change: &Change) -> Full {
    let mut words = vec![(Role::Strong, change.name.clone()), (Role::Muted, change.place.clone())];
    let told = [("production", &change.from), ("staging", &change.to)];
    let told = told.into_iter().filter_map(|(where_, size)| Some((where_, size.as_ref()?)));
    words.extend(told.map(|(where_, size)| {
        let count = bytes_of(size);
        (
            Role::Text,
            count.map_or_else(
                || format!("{where_}: {size}"),
                |count| format!("{where_}: {} bytes", text::thousands(count)),
            ),
        )
    }));
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
