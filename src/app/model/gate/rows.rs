//! The rows of the changes: what production gains and loses, repo by repo, what is lost first.
//!
//! Made once for each evidence and not for each frame: a minor release brings tens of thousands. A row names its change by
//! place in [`Changes`], so nothing is held twice. No words here: how a row reads is the view's and the search's work.

use crate::domain::evidence::{Change, ChangeKind, Changes};
use std::collections::BTreeMap;

/// The kinds of changes, those first that take something away.
pub const KINDS: [ChangeKind; 5] = [
    ChangeKind::Removed,
    ChangeKind::Downgraded,
    ChangeKind::Rebuilt,
    ChangeKind::Updated,
    ChangeKind::Added,
];

/// What comes to one repo and arch, or to all, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// Packages by kind, in the order of [`KINDS`].
    pub packages: [usize; 5],
    /// Images and torrents by kind, in the same order.
    pub files: [usize; 5],
    /// Advisories gained and lost.
    pub advisories: (usize, usize),
    /// Of those gained: security advisories.
    pub security: usize,
    /// Module streams gained and lost.
    pub streams: (usize, usize),
    /// Bytes of the packages and files that come.
    pub bytes: u64,
}

impl Totals {
    fn count(&mut self, change: &Change, file: bool) {
        let kinds = if file { &mut self.files } else { &mut self.packages };
        kinds[rank(change.kind)] += 1;
        if change.kind != ChangeKind::Removed {
            self.bytes = self.bytes.saturating_add(change.size);
        }
    }

    fn add(&mut self, other: &Self) {
        for at in 0..KINDS.len() {
            self.packages[at] += other.packages[at];
            self.files[at] += other.files[at];
        }
        self.advisories = (self.advisories.0 + other.advisories.0, self.advisories.1 + other.advisories.1);
        self.security += other.security;
        self.streams = (self.streams.0 + other.streams.0, self.streams.1 + other.streams.1);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// Returns how many changes these are.
    pub fn all(&self) -> usize {
        let counted = self.packages.iter().chain(&self.files).sum::<usize>();
        counted + self.advisories.0 + self.advisories.1 + self.streams.0 + self.streams.1
    }
}

/// One row; numbers are places in [`Changes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeRow {
    /// Everything in numbers; the first row.
    All(Totals),
    /// A repo and arch, in numbers; its changes follow.
    Place {
        /// Which: `AppStream/x86_64/os`.
        place: String,
        /// Its numbers.
        totals: Totals,
    },
    /// A package.
    Package(usize),
    /// A module stream.
    Stream(usize),
    /// An advisory.
    Advisory(usize),
    /// An image or a torrent.
    File(usize),
}

impl ChangeRow {
    /// Returns whether it begins a group.
    pub const fn is_head(&self) -> bool {
        matches!(self, Self::All(_) | Self::Place { .. })
    }
}

/// The numbers of a place, and its rows with what they are ordered by.
type Place<'a> = (Totals, Vec<(usize, &'a str, ChangeRow)>);

/// Returns the rows of `changes`; none where nothing changes.
pub fn rows(changes: &Changes) -> Vec<ChangeRow> {
    let mut places: BTreeMap<&str, Place<'_>> = BTreeMap::new();
    for (at, change) in changes.packages.iter().enumerate() {
        let (totals, rows) = places.entry(&change.place).or_default();
        totals.count(change, false);
        rows.push((rank(change.kind), &change.name, ChangeRow::Package(at)));
    }
    for (at, change) in changes.streams.iter().enumerate() {
        let (totals, rows) = places.entry(&change.place).or_default();
        tally(&mut totals.streams, change.kind);
        rows.push((BESIDES + rank(change.kind), &change.name, ChangeRow::Stream(at)));
    }
    for (at, change) in changes.advisories.iter().enumerate() {
        let (totals, rows) = places.entry(&change.place).or_default();
        tally(&mut totals.advisories, change.kind);
        totals.security += usize::from(change.kind == ChangeKind::Added && change.sort == "security");
        rows.push((2 * BESIDES + rank(change.kind), &change.id, ChangeRow::Advisory(at)));
    }
    for (at, change) in changes.files.iter().enumerate() {
        let (totals, rows) = places.entry(&change.place).or_default();
        totals.count(change, true);
        rows.push((3 * BESIDES + rank(change.kind), &change.name, ChangeRow::File(at)));
    }
    let mut all = Totals::default();
    let mut out = Vec::new();
    for (place, (totals, mut rows)) in places {
        rows.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        all.add(&totals);
        out.push(ChangeRow::Place { place: place.to_owned(), totals });
        out.extend(rows.into_iter().map(|(_, _, row)| row));
    }
    if out.is_empty() {
        return out;
    }
    out.insert(0, ChangeRow::All(all));
    out
}

/// What puts streams behind packages, advisories behind those, and files last.
const BESIDES: usize = KINDS.len();

fn rank(kind: ChangeKind) -> usize {
    KINDS.iter().position(|other| *other == kind).unwrap_or(0)
}

fn tally((gained, lost): &mut (usize, usize), kind: ChangeKind) {
    *(if kind == ChangeKind::Removed { lost } else { gained }) += 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::evidence::{AdvisoryChange, StreamChange};

    fn change(kind: ChangeKind, place: &str, name: &str, size: u64) -> Change {
        Change { kind, place: place.into(), name: name.into(), from: None, to: None, size }
    }

    #[test]
    fn places_are_told_apart_and_what_goes_comes_first() {
        let changes = Changes {
            packages: vec![
                change(ChangeKind::Added, "B/x86_64/os", "bash", 10),
                change(ChangeKind::Updated, "A/x86_64/os", "acl", 20),
                change(ChangeKind::Removed, "A/x86_64/os", "zlib", 40),
            ],
            files: vec![change(ChangeKind::Added, "isos/x86_64", "dvd.iso", 100)],
            bytes: 0,
            advisories: vec![AdvisoryChange {
                kind: ChangeKind::Added,
                place: "A/x86_64/os".into(),
                id: "RLSA-1".into(),
                sort: "security".into(),
                severity: "Important".into(),
                title: "acl".into(),
                cves: Vec::new(),
            }],
            streams: vec![StreamChange {
                kind: ChangeKind::Removed,
                place: "A/x86_64/os".into(),
                name: "perl:5.30".into(),
                whole_module: false,
            }],
        };
        let rows = rows(&changes);
        let ChangeRow::All(all) = &rows[0] else { unreachable!("{rows:?}") };
        // What goes brings no bytes.
        assert_eq!((all.all(), all.bytes, all.security, all.streams), (6, 130, 1, (0, 1)));
        assert!(
            matches!(&rows[1], ChangeRow::Place { place, totals } if place == "A/x86_64/os" && totals.all() == 4)
        );
        assert_eq!(
            rows[2..6],
            [ChangeRow::Package(2), ChangeRow::Package(1), ChangeRow::Stream(0), ChangeRow::Advisory(0)]
        );
        assert_eq!((rows[6].is_head(), &rows[7]), (true, &ChangeRow::Package(0)));
        assert_eq!((rows[8].is_head(), &rows[9], rows.len()), (true, &ChangeRow::File(0), 10));
    }

    #[test]
    fn where_nothing_changes_there_is_no_row() {
        assert_eq!(rows(&Changes::default()), []);
    }
}
