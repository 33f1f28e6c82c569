//! Searches a log of any size for a text, in windows of constant size.
//!
//! What is found are lines: the first match in each counts, and the next search goes on behind its end. A
//! caller may object to a line, which is how a match that redaction hides stays hidden. The text is looked
//! for in the raw bytes, so one that an escape sequence interrupts is not found.

use super::{LINE_LIMIT, LogFile, read_at};
use memchr::memmem;
use std::io;
use std::ops::Range;

/// Bytes that are looked through at once.
const WINDOW: usize = 256 * 1024;
/// Bytes that are looked through towards the beginning before the next ones above them.
const STRETCH: u64 = 4 * 1024 * 1024;

/// What is searched for.
#[derive(Debug)]
pub struct Needle {
    finder: Finder,
    len: usize,
}

#[derive(Debug)]
enum Finder {
    Exact(Box<memmem::Finder<'static>>),
    Folded(regex::bytes::Regex),
}

impl Needle {
    /// Makes one of a text; with `folded`, A to Z are the same as a to z.
    pub fn new(text: &str, folded: bool) -> Self {
        let pattern = format!("(?i-u){}", regex::escape(text));
        let folded = Some(pattern).filter(|_| folded && text.contains(|c: char| c.is_ascii_alphabetic()));
        let finder = match folded.and_then(|pattern| regex::bytes::Regex::new(&pattern).ok()) {
            Some(regex) => Finder::Folded(regex),
            None => Finder::Exact(Box::new(memmem::Finder::new(text.as_bytes()).into_owned())),
        };
        Self { finder, len: text.len() }
    }

    /// Returns where it is first found in `bytes`.
    pub fn find(&self, bytes: &[u8]) -> Option<usize> {
        match &self.finder {
            Finder::Exact(finder) => finder.find(bytes),
            Finder::Folded(regex) => regex.find(bytes).map(|found| found.start()),
        }
    }
}

/// What came of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A match begins here.
    At(u64),
    /// There is none.
    Nowhere,
    /// It was stopped before it was through.
    Stopped,
}

/// How many lines of a log match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Up to and with the line that was asked about.
    pub nth: u64,
    /// In all.
    pub of: u64,
}

/// A search, with those who have a say in it.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    /// What is searched for.
    pub needle: &'a Needle,
    /// Returns whether a line may count. It is given where the line begins and its bytes, or those around the
    /// match in a very long one.
    pub counts: &'a dyn Fn(u64, &[u8]) -> bool,
    /// Is told how many bytes are about to be looked through; returns whether to go on.
    pub goes_on: &'a dyn Fn(u64) -> bool,
}

impl LogFile {
    /// Finds the first match that begins in `range`.
    pub fn find(&self, search: Search<'_>, range: Range<u64>) -> io::Result<Found> {
        let mut found = Found::Nowhere;
        let through = self.visit(search, range, &mut |offset| {
            found = Found::At(offset);
            false
        })?;
        Ok(if through { found } else { Found::Stopped })
    }

    /// Finds the last line with a match that begins in `range`, and its first match there.
    pub fn find_back(&self, search: Search<'_>, range: Range<u64>) -> io::Result<Found> {
        let mut end = range.end.min(self.len());
        while end > range.start {
            // Lines are looked through forwards, so a stretch begins where a line does.
            let begin = self.line_begin(end.saturating_sub(STRETCH))?.max(range.start);
            let mut found = Found::Nowhere;
            let through = self.visit(search, begin..end, &mut |offset| {
                found = Found::At(offset);
                true
            })?;
            match (through, found) {
                (false, _) => return Ok(Found::Stopped),
                (true, Found::Nowhere) => end = begin,
                (true, found) => return Ok(found),
            }
        }
        Ok(Found::Nowhere)
    }

    /// Counts the lines that match, and those of them whose match begins at `upto` or before; none if it was
    /// stopped, or if there are more than `most`.
    pub fn tally(&self, search: Search<'_>, upto: u64, most: u64) -> io::Result<Option<Tally>> {
        let mut tally = Tally { nth: 0, of: 0 };
        let through = self.visit(search, 0..self.len(), &mut |offset| {
            tally.of += 1;
            tally.nth += u64::from(offset <= upto);
            tally.of <= most
        })?;
        Ok(Some(tally).filter(|tally| through && tally.of <= most))
    }

    /// Returns where the line that holds `offset` begins.
    pub fn line_begin(&self, offset: u64) -> io::Result<u64> {
        let (mut end, mut window) = (offset.min(self.len()), vec![0; LINE_LIMIT]);
        while end > 0 {
            let begin = end.saturating_sub(window.len() as u64);
            if let Some(stop) = memchr::memrchr(b'\n', read_at(&self.file, &mut window, begin, end)?) {
                return Ok(begin + stop as u64 + 1);
            }
            end = begin;
        }
        Ok(0)
    }

    /// Returns where the line behind the one that holds `offset` begins: the end of the log if there is none.
    pub fn next_line(&self, offset: u64) -> io::Result<u64> {
        let (mut at, mut window) = (offset, vec![0; LINE_LIMIT]);
        loop {
            let piece = read_at(&self.file, &mut window, at, self.len())?;
            if let Some(stop) = memchr::memchr(b'\n', piece) {
                return Ok(at + stop as u64 + 1);
            }
            if piece.is_empty() {
                return Ok(self.len());
            }
            at += piece.len() as u64;
        }
    }

    /// Tells `take` the first match of each line that begins in `range`, until it wants no more. Returns
    /// whether it was let to go on to there.
    fn visit(
        &self,
        search: Search<'_>,
        range: Range<u64>,
        take: &mut dyn FnMut(u64) -> bool,
    ) -> io::Result<bool> {
        let Search { needle, counts, goes_on } = search;
        let reach = needle.len.saturating_sub(1);
        let mut window = vec![0; WINDOW.max(4 * needle.len)];
        let end = range.end.saturating_add(reach as u64).min(self.len());
        // Whether the rest of a line that has been told has still to be passed over.
        let (mut at, mut passing) = (range.start, false);
        while needle.len > 0 && at < range.end.min(self.len()) {
            let piece = read_at(&self.file, &mut window, at, end)?;
            if piece.is_empty() {
                break;
            }
            if !goes_on(piece.len() as u64) {
                return Ok(false);
            }
            let mut from = 0;
            if passing {
                from = memchr::memchr(b'\n', piece).map_or(piece.len(), |stop| stop + 1);
                passing = from == piece.len() && piece.last() != Some(&b'\n');
            }
            while let Some(start) = needle.find(&piece[from..]).map(|start| from + start) {
                let offset = at + start as u64;
                if offset >= range.end {
                    return Ok(true);
                }
                let line_end = memchr::memchr(b'\n', &piece[start..]).map(|stop| start + stop);
                let agreed =
                    if let (Some(before), Some(stop)) = (memchr::memrchr(b'\n', &piece[..start]), line_end) {
                        counts(at + before as u64 + 1, &piece[before + 1..stop])
                    } else {
                        let (begin, line) = self.around(offset, needle.len)?;
                        counts(begin, &line)
                    };
                if agreed && !take(offset) {
                    return Ok(true);
                }
                passing = line_end.is_none();
                from = line_end.map_or(piece.len(), |stop| stop + 1);
            }
            let whole = at + piece.len() as u64 >= end;
            let next = if whole || passing { piece.len() } else { from.max(piece.len() - reach) };
            at += next as u64;
        }
        Ok(true)
    }

    /// Reads the line around a match, as far as it lies within the limit on either side.
    fn around(&self, offset: u64, len: usize) -> io::Result<(u64, Vec<u8>)> {
        let begin = offset.saturating_sub(LINE_LIMIT as u64);
        let mut window = vec![0; 2 * LINE_LIMIT + len];
        let piece = read_at(&self.file, &mut window, begin, self.len())?;
        let start = ((offset - begin) as usize).min(piece.len());
        let from = memchr::memrchr(b'\n', &piece[..start]).map_or(0, |stop| stop + 1);
        let to = memchr::memchr(b'\n', &piece[start..]).map_or(piece.len(), |stop| start + stop);
        Ok((begin + from as u64, piece[from..to].to_vec()))
    }
}
