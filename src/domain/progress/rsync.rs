//! rsync: `--progress` counts files, `--info=progress2` tells the percentage of the whole.
//!
//! Under GNU parallel with `--tag` many run at once and each segment begins with its tag; they are read
//! apart and summed up. While rsync still builds its list (`ir-chk`) the total is unreliable, and no
//! fraction is told.

use super::{Progress, part};
use memchr::memmem;
use std::collections::BTreeMap;

/// How many transfers are told apart; the toolkit runs 18.
const TAGS: usize = 128;
const TAG: usize = 80;

#[derive(Debug, Default)]
pub(super) struct Rsync {
    transfers: BTreeMap<String, Transfer>,
}

#[derive(Debug, Default)]
struct Transfer {
    /// Files looked at and files in all, with whether the list is complete.
    files: Option<(u32, u32, bool)>,
    percent: u32,
    /// Whether percentages are of the whole and not of a file.
    whole: bool,
    named: bool,
    rate: String,
    /// How many transfers ended here, one after the other.
    ended: u32,
    running: bool,
}

/// One progress line: `3.00M 100%    2.51MB/s    0:00:01 (xfr#1, to-chk=4/7)`.
struct Line<'a> {
    percent: u32,
    rate: &'a str,
    check: Option<(u32, u32, bool)>,
}

impl Rsync {
    /// Returns whether text may begin a transfer, or tell of one that has begun.
    pub(super) fn may_understand(&self, text: &[u8]) -> bool {
        !self.transfers.is_empty()
            || memchr::memchr(b'%', text).is_some()
            || memmem::find(text, b" file list").is_some()
    }

    pub(super) fn take(&mut self, segment: &str) {
        let (tag, text) = match segment.split_once('\t') {
            Some((tag, text)) if !tag.is_empty() && tag.len() <= TAG && !tag.contains(' ') => (tag, text),
            _ => ("", segment),
        };
        let text = text.trim();
        let known = self.transfers.contains_key(tag);
        if text.is_empty() || (!known && self.transfers.len() >= TAGS) {
            return;
        }
        // Text before the first sign of rsync (sudo's preamble) makes no transfer.
        let sign = Line::parse(text);
        if !known && sign.is_none() && !is_begin(text) {
            return;
        }
        self.transfers.entry(tag.to_owned()).or_default().take(text, sign);
    }

    pub(super) fn progress(&self) -> Option<Progress> {
        let all: Vec<&Transfer> = self.transfers.values().collect();
        match all.as_slice() {
            [] => None,
            [one] => Some(one.progress()),
            many => Some(sum(many)),
        }
    }
}

fn sum(transfers: &[&Transfer]) -> Progress {
    let known: Vec<f32> =
        transfers.iter().filter_map(|one| one.files.map(|(_, all, _)| all as f32)).collect();
    let usual = if known.is_empty() { 1.0 } else { known.iter().sum::<f32>() / known.len() as f32 };
    // A transfer of which nothing is known yet counts as a usual one at its beginning.
    let weight = |one: &Transfer| one.files.map_or(usual, |(_, all, _)| all as f32).max(1.0);
    let done: f32 = transfers.iter().map(|one| weight(one) * one.fraction().unwrap_or(0.0)).sum();
    let all: f32 = transfers.iter().map(|one| weight(one)).sum();
    let ended = transfers.iter().filter(|one| !one.running).count();
    let files = |pick: fn((u32, u32, bool)) -> u32| -> u32 {
        transfers.iter().filter_map(|one| one.files.map(pick)).fold(0, u32::saturating_add)
    };
    let (seen, total) = (files(|counts| counts.0), files(|counts| counts.1));
    let label = format!("{ended} of {} transfers done, {seen}/{total} files", transfers.len());
    Progress::new(Some(done / all), &label)
}

impl Transfer {
    fn take(&mut self, text: &str, line: Option<Line<'_>>) {
        if let Some(line) = line {
            self.running = true;
            self.percent = line.percent;
            line.rate.clone_into(&mut self.rate);
            if let Some(check) = line.check {
                self.files = Some(check);
                // A file that is through is at 100 %; a whole is not until its end.
                self.whole |= line.percent < 100;
                self.named = false;
            }
        } else if is_begin(text) {
            *self = Self { ended: self.ended, running: true, ..Self::default() };
        } else if text.starts_with("total size is ") {
            self.ended += 1;
            self.running = false;
            self.percent = 0;
        } else if !self.whole {
            self.named = true;
            self.percent = 0;
        }
    }

    fn fraction(&self) -> Option<f32> {
        if !self.running {
            return Some(1.0);
        }
        if self.files.is_some_and(|(_, _, complete)| !complete) {
            return None;
        }
        if self.whole || (self.files.is_none() && !self.named) {
            return part(self.percent, 100);
        }
        let (done, all, _) = self.files?;
        // The file under way counts with its percentage.
        let within = if self.named && done < all { self.percent as f32 / 100.0 } else { 0.0 };
        Some((done as f32 + within) / all.max(1) as f32)
    }

    fn progress(&self) -> Progress {
        let mut words = Vec::new();
        if self.ended > 0 {
            words.push(format!("{} transfers done", self.ended));
        }
        if let Some((done, all, complete)) = self.files.filter(|_| self.running) {
            words.push(format!("{done}/{all}{} files", if complete { "" } else { "+" }));
        }
        if self.running && !self.rate.is_empty() {
            words.push(self.rate.clone());
        }
        if words.is_empty() {
            words.push("building the list of files".to_owned());
        }
        // How many there will be in a row is not known, so the whole has no fraction.
        let fraction = if self.ended == 0 { self.fraction() } else { None };
        Progress::new(fraction, &words.join(", "))
    }
}

fn is_begin(text: &str) -> bool {
    text == "sending incremental file list" || text == "building file list ... done"
}

impl<'a> Line<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let size = words.next()?;
        let percent: u32 = words.next()?.strip_suffix('%')?.parse().ok()?;
        let rate = words.next()?;
        let time = words.next()?;
        let good = size.starts_with(|c: char| c.is_ascii_digit())
            && percent <= 100
            && rate.ends_with("B/s")
            && time.contains(':');
        if !good {
            return None;
        }
        let check = words.next().filter(|word| word.starts_with("(xfr#")).and_then(|_| words.next());
        Some(Self { percent, rate, check: check.and_then(parse_check) })
    }
}

/// Reads `to-chk=4/7)` or, while the list still grows, `ir-chk=1034/2101)`.
fn parse_check(word: &str) -> Option<(u32, u32, bool)> {
    let (kind, counts) = word.strip_suffix(')')?.split_once("-chk=")?;
    let (left, all) = counts.split_once('/')?;
    let (left, all): (u32, u32) = (left.parse().ok()?, all.parse().ok()?);
    Some((all.checked_sub(left)?, all, kind == "to"))
}
