//! Looks for failure phrases in a stream of output: text that a good run never prints.
//!
//! All phrases are searched in one pass, across the borders of the pieces the stream comes in. The first
//! hit of each phrase is recorded with its line; a phrase that was found is not searched again, so a step
//! that fails noisily costs no more than a quiet one. Memory is bounded whatever the output.

use crate::domain::log_line;
use crate::domain::outcome::PhraseHit;
use crate::domain::redact::behind_cut;
use aho_corasick::{AhoCorasick, MatchKind};

/// Bytes of a line that are kept on either side of a border.
const LINE_LIMIT: usize = 1024;

/// The error of a text that cannot be a failure phrase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be a failure phrase: use 1 to 500 bytes on one line")]
pub struct InvalidPhrase(String);

/// A text that a good run of the step never prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase(String);

impl Phrase {
    /// Makes the phrase, or says why the text is empty, too long or more than a line.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidPhrase> {
        let text = text.into();
        let good = (1..=500).contains(&text.len()) && !text.contains(['\n', '\r']);
        if good { Ok(Self(text)) } else { Err(InvalidPhrase(text)) }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The search over one step's output.
#[derive(Debug)]
pub struct PhraseSearch {
    open: Vec<Phrase>,
    automaton: Option<AhoCorasick>,
    hits: Vec<PhraseHit>,
    pending: Vec<Pending>,
    /// The end of what was fed so far: at least the longest phrase, at most [`LINE_LIMIT`].
    carry: Vec<u8>,
    line_ends: u64,
}

/// A hit whose line has not ended yet.
#[derive(Debug)]
struct Pending {
    phrase: String,
    line_number: u64,
    line: Vec<u8>,
}

impl PhraseSearch {
    /// Makes the search for `phrases`.
    pub fn new(phrases: Vec<Phrase>) -> Self {
        let mut search = Self {
            open: phrases,
            automaton: None,
            hits: vec![],
            pending: vec![],
            carry: vec![],
            line_ends: 0,
        };
        search.rebuild();
        search
    }

    /// Returns how many lines have ended so far.
    pub fn line_ends(&self) -> u64 {
        self.line_ends
    }

    /// Searches the next piece of output.
    pub fn feed(&mut self, piece: &[u8]) {
        self.continue_pending(piece);
        if self.automaton.is_some() {
            self.search_border(piece);
            self.search_piece(piece);
        }
        self.line_ends += memchr::memchr_iter(b'\n', piece).count() as u64;
        self.carry_on(piece);
    }

    /// Ends the search and returns the first hit of each phrase that was found, in order of the lines.
    pub fn finish(mut self) -> Vec<PhraseHit> {
        for pending in std::mem::take(&mut self.pending) {
            self.hits.push(pending.into_hit());
        }
        self.hits.sort_by_key(|hit| hit.line_number);
        self.hits
    }

    fn rebuild(&mut self) {
        let patterns = self.open.iter().map(Phrase::as_str);
        // Only with leftmost matches does the searcher compare several bytes at once before it looks closer:
        // with others every `c` of a flood costs a look at `command not found`.
        let builder = || AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(patterns).ok();
        self.automaton = if self.open.is_empty() { None } else { builder() };
    }

    fn continue_pending(&mut self, piece: &[u8]) {
        let end = end_of_line(piece);
        let mut still_open = Vec::new();
        for mut pending in std::mem::take(&mut self.pending) {
            let room = LINE_LIMIT.saturating_sub(pending.line.len());
            let rest = &piece[..end.unwrap_or(piece.len())];
            pending.line.extend_from_slice(&rest[..rest.len().min(room)]);
            if end.is_some() || pending.line.len() >= LINE_LIMIT {
                self.hits.push(pending.into_hit());
            } else {
                still_open.push(pending);
            }
        }
        self.pending = still_open;
    }

    /// Searches what begins in the last piece and ends in this one.
    fn search_border(&mut self, piece: &[u8]) {
        let longest = self.open.iter().map(|phrase| phrase.0.len()).max().unwrap_or(0);
        let before = self.carry.len().min(longest.saturating_sub(1));
        if before == 0 {
            return;
        }
        let mut border = self.carry[self.carry.len() - before..].to_vec();
        border.extend_from_slice(&piece[..piece.len().min(longest - 1)]);
        let mut from = 0;
        while let Some((phrase, start, end)) = self.find(&border, from) {
            from = start;
            // What lies wholly before the border was seen with the last piece.
            if end <= before {
                from = start + 1;
                continue;
            }
            self.record(phrase, piece, start.cast_signed() - before.cast_signed(), end - before);
        }
    }

    fn search_piece(&mut self, piece: &[u8]) {
        let mut from = 0;
        while let Some((phrase, start, end)) = self.find(piece, from) {
            // Another phrase may begin inside this one: search on from the same place, without this phrase.
            from = start;
            self.record(phrase, piece, start.cast_signed(), end);
        }
    }

    fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize, usize)> {
        let found = self.automaton.as_ref()?.find(text.get(from..)?)?;
        Some((found.pattern().as_usize(), from + found.start(), from + found.end()))
    }

    /// Records a hit at `start` (negative: in the carry) to `end` of `piece`.
    fn record(&mut self, phrase: usize, piece: &[u8], start: isize, end: usize) {
        let phrase = self.open.remove(phrase);
        self.rebuild();
        let ahead = &piece[..start.max(0).cast_unsigned()];
        let mut line = if let Some(begin) = start_of_line(ahead) {
            front(&ahead[begin..]).to_vec()
        } else {
            let keep = self.carry.len() - start.min(0).unsigned_abs();
            let mut line = self.carry[start_of_line(&self.carry[..keep]).unwrap_or(0)..].to_vec();
            line.extend_from_slice(ahead);
            front(&line).to_vec()
        };
        line.extend_from_slice(&piece[start.max(0).cast_unsigned()..end]);
        let before = memchr::memchr_iter(b'\n', ahead).count() as u64;
        let mut pending = Pending { phrase: phrase.0, line_number: self.line_ends + before + 1, line };
        let rest = &piece[end..];
        let stop = end_of_line(rest);
        let room = LINE_LIMIT.saturating_sub(pending.line.len());
        pending.line.extend_from_slice(&rest[..stop.unwrap_or(rest.len()).min(room)]);
        if stop.is_some() || pending.line.len() >= LINE_LIMIT {
            self.hits.push(pending.into_hit());
        } else {
            self.pending.push(pending);
        }
    }

    fn carry_on(&mut self, piece: &[u8]) {
        let keep = &piece[piece.len().saturating_sub(LINE_LIMIT)..];
        let surplus = (self.carry.len() + keep.len()).saturating_sub(LINE_LIMIT);
        self.carry.drain(..surplus.min(self.carry.len()));
        self.carry.extend_from_slice(keep);
    }
}

impl Pending {
    fn into_hit(self) -> PhraseHit {
        PhraseHit { phrase: self.phrase, line: log_line::plain(&self.line), line_number: self.line_number }
    }
}

/// Returns as much of what stands before a phrase as is kept, with no half of a word in front.
fn front(before: &[u8]) -> &[u8] {
    match before.len().checked_sub(LINE_LIMIT / 2) {
        None | Some(0) => before,
        Some(cut) => behind_cut(&before[cut..]),
    }
}

// A carriage return begins a line anew as far as people see it: an rsync error follows one without `\n`.
fn start_of_line(ahead: &[u8]) -> Option<usize> {
    memchr::memrchr2(b'\n', b'\r', ahead).map(|at| at + 1)
}

fn end_of_line(rest: &[u8]) -> Option<usize> {
    memchr::memchr2(b'\n', b'\r', rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn search(phrases: &[&str], pieces: &[&[u8]]) -> Vec<PhraseHit> {
        let mut search = PhraseSearch::new(phrases.iter().map(|text| Phrase::new(*text).unwrap()).collect());
        for piece in pieces {
            search.feed(piece);
        }
        search.finish()
    }

    fn hit(phrase: &str, line: &str, line_number: u64) -> PhraseHit {
        PhraseHit { phrase: phrase.to_owned(), line: line.to_owned(), line_number }
    }

    #[test]
    fn the_first_hit_of_each_phrase_is_kept_with_its_line() {
        let text = b"start\n\r  10%\rrsync: write failed: No space left on device (28)\nrsync error: x\nrsync error: y\n";
        let hits = search(&["rsync error", "No space left", "never"], &[text]);
        let first = hit("No space left", "rsync: write failed: No space left on device (28)", 2);
        assert_eq!(hits, [first, hit("rsync error", "rsync error: x", 3)]);
    }

    #[test]
    fn phrases_that_overlap_are_all_found() {
        let hits = search(
            &["signing failed", "gpg: signing", "failed: No secret"],
            &[b"gpg: signing failed: No secret key\n"],
        );
        assert_eq!(hits.len(), 3);
    }

    #[test]
    fn an_unfinished_last_line_counts() {
        assert_eq!(search(&["boom"], &[b"a\nbo", b"om ", b"here"]), [hit("boom", "boom here", 2)]);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let flood = vec![b'x'; 100_000];
        let hits = search(&["boom"], &[&flood, b"boom", &flood]);
        assert!(hits[0].line.len() <= LINE_LIMIT && hits[0].line.contains("boom"));
    }

    #[test]
    fn a_line_that_is_cut_in_front_begins_with_a_whole_word() {
        let line = format!("password={} then it all went boom here\n", "s".repeat(1000));
        let kept = "then it all went boom here";
        assert_eq!(search(&["boom"], &[line.as_bytes()]), [hit("boom", kept, 1)]);
        for border in [3, 600, 1020, line.len() - 8] {
            let (before, after) = line.as_bytes().split_at(border);
            assert_eq!(search(&["boom"], &[before, after]), [hit("boom", kept, 1)], "{border}");
        }
        let flood = format!("{}boom\n", "s".repeat(600));
        assert_eq!(search(&["boom"], &[flood.as_bytes()]), [hit("boom", "boom", 1)]);
    }

    #[test]
    fn a_phrase_is_something_on_one_line() {
        for bad in ["", "a\nbc", "a\r", &"x".repeat(501)] {
            assert!(Phrase::new(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn borders_make_no_difference(text in "[ab\n\r]{0,120}", cuts in proptest::collection::vec(0usize..120, 0..12)) {
            let phrases = ["aab", "abba", "bbb", "aaaaa"];
            let whole = search(&phrases, &[text.as_bytes()]);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            let mut expected: Vec<_> = phrases.iter().filter(|phrase| text.contains(**phrase)).collect();
            expected.sort();
            let mut found: Vec<_> = whole.iter().map(|hit| hit.phrase.as_str()).collect();
            found.sort_unstable();
            prop_assert_eq!(found, expected.into_iter().copied().collect::<Vec<_>>());
            let sort = |mut hits: Vec<PhraseHit>| { hits.sort_by(|a, b| a.phrase.cmp(&b.phrase)); hits };
            prop_assert_eq!(sort(search(&phrases, &pieces)), sort(whole));
        }
    }
}
