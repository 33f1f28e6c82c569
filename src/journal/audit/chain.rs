//! What exactly was done to a journal: edited, cut, reordered, doubled, inserted; and where.
//!
//! Every record names the digest of the one before it. So the true chain is found backwards from the last
//! record (the one that the head names, where there is a head), and whatever is missing from it, stands
//! elsewhere than it says or is not on it at all gets its name. Pure: it looks at bytes and touches no file.

use super::{Flaw, FlawKind};
use crate::journal::format::{self, GENESIS, ReadRecord, RecordDigest};
use crate::journal::head::{Head, HeadRead};
use std::collections::{BTreeMap, BTreeSet};

/// One line of a journal.
#[derive(Debug)]
struct Line<'a> {
    /// Counted from 1.
    number: u64,
    offset: u64,
    bytes: &'a [u8],
    record: Result<ReadRecord, String>,
}

impl Line<'_> {
    fn seq(&self) -> Option<u64> {
        self.record.as_ref().ok().map(|record| record.seq)
    }

    /// Returns what it is known by, if it holds together.
    fn digest(&self) -> Option<RecordDigest> {
        let record = self.record.as_ref().ok()?;
        let format = if record.carried.is_some() { 2 } else { 1 };
        record.flaw(format).is_none().then(|| record.digest(format))
    }

    fn prev(&self) -> Option<RecordDigest> {
        self.record.as_ref().ok().and_then(|record| RecordDigest::from_hex(record.prev.as_bytes()))
    }
}

/// What became of a journal.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// What is wrong with it.
    pub(super) flaws: Vec<Flaw>,
    /// What is to be known about it, though nothing is wrong with that.
    pub(super) notes: Vec<String>,
    /// The records of the true chain that hold together, in their order, each with its digest.
    pub(super) records: Vec<(ReadRecord, RecordDigest)>,
    /// The format of its last record.
    pub(super) format: Option<u32>,
    /// The number of the last record, whatever became of it.
    pub(super) last_seq: u64,
    /// The last record, if it holds together.
    pub(super) last: Option<Head>,
}

/// Finds out what was done to the journal `bytes`, of which `head` says how far it had come.
pub(super) fn examine(bytes: &[u8], head: HeadRead) -> Chain {
    let (lines, torn) = split(bytes);
    let mut search = Search::new(&lines, head);
    search.walk();
    search.explain_formats();
    search.explain_gaps();
    search.explain_strays();
    search.explain_order();
    search.explain_end(torn);
    search.finish()
}

fn split(bytes: &[u8]) -> (Vec<Line<'_>>, &[u8]) {
    let whole = memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
    let (whole, torn) = bytes.split_at(whole);
    let mut offset = 0;
    let lines = whole.split_inclusive(|byte| *byte == b'\n').zip(1..).map(|(piece, number)| {
        let line = piece.strip_suffix(b"\n").unwrap_or(piece);
        let record = format::parse(line).map_err(|error| error.to_string());
        let begins = offset;
        offset += piece.len() as u64;
        Line { number, offset: begins, bytes: line, record }
    });
    (lines.collect(), torn)
}

struct Search<'a> {
    lines: &'a [Line<'a>],
    head: HeadRead,
    /// Lines that hold together, by digest; of equal ones the first.
    known: BTreeMap<RecordDigest, usize>,
    by_seq: BTreeMap<u64, Vec<usize>>,
    /// The true chain: line by number of the record.
    chain: BTreeMap<u64, usize>,
    edited: BTreeSet<usize>,
    /// Numbers of which the chain has no line.
    gaps: Vec<u64>,
    flaws: Vec<(usize, Flaw)>,
    notes: Vec<String>,
}

impl<'a> Search<'a> {
    fn new(lines: &'a [Line<'a>], head: HeadRead) -> Self {
        let mut known = BTreeMap::new();
        let mut by_seq: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (at, line) in lines.iter().enumerate() {
            if let Some(digest) = line.digest() {
                known.entry(digest).or_insert(at);
            }
            if let Some(seq) = line.seq() {
                by_seq.entry(seq).or_default().push(at);
            }
        }
        Self {
            lines,
            head,
            known,
            by_seq,
            chain: BTreeMap::new(),
            edited: BTreeSet::new(),
            gaps: Vec::new(),
            flaws: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Returns the last line of the true chain: the one that the head names and what follows it, or without a
    /// head the record with the highest number that holds together.
    fn tip(&self) -> Option<usize> {
        let named = match self.head {
            HeadRead::Known(head) => self.known.get(&head.digest).copied(),
            _ => None,
        };
        if let Some(mut tip) = named {
            while let Some(next) = self.follower(tip) {
                tip = next;
            }
            return Some(tip);
        }
        let holds = |at: &usize| self.lines.get(*at).is_some_and(|line| line.digest().is_some());
        let all =
            || self.by_seq.iter().rev().flat_map(|(seq, lines)| lines.iter().map(move |at| (*seq, *at)));
        // A number far beyond the number of lines is itself part of the damage.
        let likely = 2 * self.lines.len() as u64 + 1000;
        all()
            .find(|(seq, at)| *seq <= likely && holds(at))
            .or_else(|| all().find(|(_, at)| holds(at)))
            .or_else(|| all().next())
            .map(|(_, at)| at)
    }

    fn follower(&self, at: usize) -> Option<usize> {
        let line = self.lines.get(at)?;
        let (digest, seq) = (line.digest()?, line.seq()?);
        let next = self.by_seq.get(&(seq.checked_add(1)?))?;
        let fits = |at: &&usize| {
            self.lines.get(**at).is_some_and(|line| line.prev() == Some(digest) && line.digest().is_some())
        };
        next.iter().find(fits).copied()
    }

    /// Follows the chain backwards to its first record.
    fn walk(&mut self) {
        let Some(mut at) = self.tip() else { return };
        loop {
            let Some(line) = self.lines.get(at) else { return };
            let Some(seq) = line.seq() else { return };
            self.chain.insert(seq, at);
            if line.digest().is_none() {
                self.edit(at, "its content does not fit its own digest");
            }
            if seq <= 1 {
                return;
            }
            let before = line.prev().and_then(|prev| self.known.get(&prev)).copied();
            let before = before.filter(|at| self.lines.get(*at).and_then(Line::seq) == Some(seq - 1));
            at = match before.or_else(|| self.step_over(at, seq - 1)) {
                Some(before) => before,
                None => return,
            };
        }
    }

    /// Names records whose digest was taken away: without it they look like those of format 1.
    fn explain_formats(&mut self) {
        let mut format = 1;
        for at in self.chain.values().copied().collect::<Vec<_>>() {
            let Some(Ok(record)) = self.lines.get(at).map(|line| &line.record) else { continue };
            let (said, carries) = (record.format, record.carried.is_some());
            let seq = record.seq;
            let before = self.chain.get(&seq.saturating_sub(1));
            let follows = seq == 1 || before.is_some_and(|before| !self.edited.contains(before));
            match (format, said, carries) {
                (1, None, true) if follows => {
                    self.edit(at, "it carries a digest and the format was taken away");
                }
                (2, _, false) => self.edit(at, "its digest was taken away"),
                _ => {}
            }
            format = if carries { 2 } else { format };
        }
    }

    /// Finds the line before one whose `prev` leads nowhere; what is missing in between becomes a gap.
    fn step_over(&mut self, from: usize, mut seq: u64) -> Option<usize> {
        let blamed = !self.edited.contains(&from);
        if let Some(at) = self.candidate(seq) {
            if blamed && self.lines.get(at).is_some_and(|line| line.digest().is_some()) {
                self.edit(at, &format!("record {} was written behind another record {seq}", seq + 1));
            }
            return Some(at);
        }
        let lowest = self.by_seq.range(..seq).next_back().map_or(0, |(seq, _)| *seq);
        // A number that is far off is itself part of the damage; nobody waits for a list of millions.
        self.gaps.extend((lowest + 1..=seq).rev().take(self.lines.len().max(1000)));
        seq = lowest;
        self.candidate(seq)
    }

    /// Returns the best line of a number: one that holds together and leads on.
    fn candidate(&self, seq: u64) -> Option<usize> {
        let lines = self.by_seq.get(&seq)?;
        let holds = |at: &&usize| self.lines.get(**at).is_some_and(|line| line.digest().is_some());
        let leads = |at: &&usize| {
            let prev = self.lines.get(**at).and_then(Line::prev);
            prev.is_some_and(|prev| prev == GENESIS || self.known.contains_key(&prev))
        };
        let found = lines.iter().find(|at| leads(at)).or_else(|| lines.iter().find(holds)).or(lines.first());
        found.copied()
    }

    fn edit(&mut self, at: usize, how: &str) {
        if self.edited.insert(at) {
            self.blame(FlawKind::Edited, at, None, &format!("was edited: {how}"));
        }
    }

    fn blame(&mut self, kind: FlawKind, at: usize, seq: Option<u64>, how: &str) {
        let Some(line) = self.lines.get(at) else { return };
        let seq = seq.or_else(|| line.seq());
        let event = line.record.as_ref().ok().map(|record| record.kind.clone());
        let name = match (seq, &event) {
            (Some(seq), Some(event)) => format!("record {seq} ({event})"),
            (Some(seq), None) => format!("record {seq}"),
            _ => "a line".to_owned(),
        };
        let message = format!("{name}, line {} at byte {}, {how}", line.number, line.offset);
        let mut flaw = Flaw::new(kind, "journal.jsonl", message);
        flaw.record = seq;
        flaw.line = Some(line.number);
        flaw.offset = Some(line.offset);
        flaw.event = event;
        self.flaws.push((at, flaw));
    }

    fn is_placed(&self, at: usize) -> bool {
        self.chain.values().any(|placed| *placed == at)
    }

    /// Tells records that are missing from those whose line is there and cannot be read any more.
    fn explain_gaps(&mut self) {
        let mut gaps = std::mem::take(&mut self.gaps);
        gaps.sort_unstable();
        let mut missing = Vec::new();
        for seq in gaps {
            let below = self.chain.range(..seq).next_back().map(|(_, at)| *at);
            let above = self.chain.range(seq..).next().map_or(self.lines.len(), |(_, at)| *at);
            let between = below.map_or(0, |at| at + 1)..above;
            let spoilt = between.clone().find(|at| {
                self.lines.get(*at).is_some_and(|line| line.digest().is_none()) && !self.edited.contains(at)
            });
            match spoilt {
                Some(at) => {
                    self.edited.insert(at);
                    self.chain.insert(seq, at);
                    self.blame(
                        FlawKind::Edited,
                        at,
                        Some(seq),
                        "was edited: it does not hold together any more",
                    );
                }
                None => missing.push((seq, between.start)),
            }
        }
        for range in ranges(&missing) {
            self.missing(range);
        }
    }

    fn missing(&mut self, (first, last, at): (u64, u64, usize)) {
        let offset = self.lines.get(at).map(|line| line.offset);
        let place = offset.map(|offset| format!(" before byte {offset}")).unwrap_or_default();
        let what = records(first, last);
        let message = if first == last {
            format!("{what} is missing{place}: it was cut out")
        } else {
            format!("{what} are missing{place}: they were cut out")
        };
        let mut flaw = Flaw::new(FlawKind::Missing, "journal.jsonl", message);
        flaw.record = Some(first);
        flaw.offset = offset;
        self.flaws.push((at, flaw));
    }

    /// Names the lines that are not on the chain.
    fn explain_strays(&mut self) {
        let tip = self.chain.keys().next_back().copied().unwrap_or(0);
        let expected = match self.head {
            HeadRead::Known(head) => head.seq,
            _ => tip,
        };
        let mut at_end = tip;
        let tip_line = self.chain.get(&tip).copied();
        let strays: Vec<usize> = (0..self.lines.len()).filter(|at| !self.is_placed(*at)).collect();
        for at in strays {
            let Some(line) = self.lines.get(at) else { continue };
            let twin = line.seq().and_then(|seq| self.chain.get(&seq)).and_then(|at| self.lines.get(*at));
            let is_last = at + 1 == self.lines.len();
            match (twin, line.digest()) {
                (Some(twin), _) if twin.bytes == line.bytes => {
                    let how = format!("stands there a second time; the first is line {}", twin.number);
                    self.blame(FlawKind::Doubled, at, None, &how);
                }
                (_, None) if tip_line.is_some_and(|tip| at < tip) => self.put_in(at),
                (_, None) if at_end < expected || (is_last && line.seq() == Some(tip + 1)) => {
                    at_end += 1;
                    self.edited.insert(at);
                    self.chain.insert(at_end, at);
                    self.blame(
                        FlawKind::Edited,
                        at,
                        Some(at_end),
                        "was edited: it does not hold together any more",
                    );
                }
                (_, Some(_)) => {
                    self.blame(FlawKind::Inserted, at, None, "was put in: no record was written behind it");
                }
                (_, None) => self.put_in(at),
            }
        }
    }

    /// Names a line that does not hold together and stands where no record is missing.
    fn put_in(&mut self, at: usize) {
        let is_record = self.lines.get(at).is_some_and(|line| line.record.is_ok());
        let how = if is_record {
            "was put in: it does not hold together"
        } else {
            "is not a record: it was put in"
        };
        self.blame(FlawKind::Inserted, at, None, how);
    }

    /// Names the records that do not stand where they were written: the fewest that explain the order.
    fn explain_order(&mut self) {
        let places: Vec<usize> = self.chain.values().copied().collect();
        let in_order = longest_rising(&places);
        let moved: Vec<usize> = places.into_iter().filter(|at| !in_order.contains(at)).collect();
        for at in moved {
            self.blame(FlawKind::Reordered, at, None, "does not stand in its place: records were reordered");
        }
    }

    fn explain_end(&mut self, torn: &[u8]) {
        let tip = self.chain.keys().next_back().copied().unwrap_or(0);
        let whole = self.lines.last().map_or(0, |line| line.offset + line.bytes.len() as u64 + 1);
        match self.head {
            HeadRead::Known(head) if head.seq > tip => {
                let what = records(tip + 1, head.seq);
                let how = if torn.is_empty() {
                    "cut off the end"
                } else {
                    "cut off the end, the first in its middle"
                };
                let were = if head.seq == tip + 1 { "was" } else { "were" };
                let message =
                    format!("{what} {were} {how} at byte {whole}: the head says that {were} written");
                let message =
                    message.replace("that was", "that it was").replace("that were", "that they were");
                let mut flaw = Flaw::new(FlawKind::Cut, "journal.jsonl", message);
                flaw.record = Some(tip + 1);
                flaw.offset = Some(whole);
                self.flaws.push((self.lines.len(), flaw));
            }
            HeadRead::Known(head) if head.seq > 0 && !self.known.contains_key(&head.digest) => {
                if let Some(at) = self.chain.get(&head.seq).copied()
                    && !self.edited.contains(&at)
                {
                    self.edit(at, "the head names another record of this number");
                }
            }
            _ => {}
        }
        if !torn.is_empty() && !matches!(self.head, HeadRead::Known(head) if head.seq > tip) {
            self.notes.push(format!(
                "{} bytes of a torn line stand at its end (byte {whole}); that record was never relied on",
                torn.len()
            ));
        }
        self.note_head();
    }

    fn note_head(&mut self) {
        let all_old =
            self.lines.iter().all(|line| line.record.as_ref().is_ok_and(|record| record.carried.is_none()));
        let unseen = if all_old {
            "that the last record was edited, or records were cut off the end, would not be seen"
        } else {
            "that records were cut off the end would not be seen"
        };
        match self.head {
            HeadRead::Known(_) => {}
            _ if self.lines.is_empty() => {}
            HeadRead::Missing if all_old => {
                self.notes.push("format 1 without a head: the last record cannot be verified".to_owned());
            }
            HeadRead::Missing => self.notes.push(format!("the file `head` is missing: {unseen}")),
            HeadRead::Damaged => self.notes.push(format!("the file `head` is damaged: {unseen}")),
        }
    }

    fn finish(mut self) -> Chain {
        self.flaws.sort_by_key(|(at, _)| *at);
        let mut records = Vec::new();
        let mut format = None;
        for at in self.chain.values() {
            let Some(line) = self.lines.get(*at) else { continue };
            let Ok(record) = &line.record else { continue };
            format = Some(if record.carried.is_some() { 2 } else { 1 });
            if let Some(digest) = line.digest().filter(|_| !self.edited.contains(at)) {
                records.push((record.clone(), digest));
            }
        }
        let last_seq = self.chain.keys().next_back().copied().unwrap_or(0);
        let last = records.last().filter(|(record, _)| record.seq == last_seq);
        let last = last.map(|(_, digest)| Head { seq: last_seq, digest: *digest });
        let flaws = self.flaws.into_iter().map(|(_, flaw)| flaw).collect();
        Chain { flaws, notes: self.notes, records, format, last_seq, last }
    }
}

fn records(first: u64, last: u64) -> String {
    if first == last { format!("record {first}") } else { format!("records {first} to {last}") }
}

/// Puts numbers that follow each other at one place together.
fn ranges(missing: &[(u64, usize)]) -> Vec<(u64, u64, usize)> {
    let mut ranges: Vec<(u64, u64, usize)> = Vec::new();
    for (seq, at) in missing {
        match ranges.last_mut() {
            Some((_, last, _)) if *last + 1 == *seq => *last = *seq,
            _ => ranges.push((*seq, *seq, *at)),
        }
    }
    ranges
}

/// Returns the longest rising part of `places`: what of them stands in order.
fn longest_rising(places: &[usize]) -> BTreeSet<usize> {
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(places.len());
    for (at, place) in places.iter().enumerate() {
        let fits = ends.partition_point(|end| places.get(*end).is_some_and(|other| other < place));
        before.push(fits.checked_sub(1).and_then(|fits| ends.get(fits)).copied());
        match ends.get_mut(fits) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut rising = BTreeSet::new();
    let mut at = ends.last().copied();
    while let Some(now) = at {
        rising.extend(places.get(now));
        at = before.get(now).copied().flatten();
    }
    rising
}
