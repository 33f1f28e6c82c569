//! Reads output line by line and takes secrets out of it as it will be seen.
//!
//! A secret in output may be cut anywhere: by a colour in its middle, by the carriage return of a progress line, by
//! the line end that a narrow terminal put there, by the border of what was read or is shown. So what is looked at
//! is what was *printed*, in its order and without its escape sequences, together with the end of what came before;
//! and then once more what a line shows in the end. A value that has begun at the end of a line is hidden although
//! nobody knows yet whether it goes on.
//!
//! Who shows a part of a log gives the [`LOOK_BACK`] bytes before it to [`Reading::behind`]. A private key that
//! began earlier than that is not known as one: keys are shorter, and no frame reads a whole log.

use super::{REDACTED, Redactor, Shape, merged, shape};
use crate::domain::log_line::{self, Drawing, LogLine};
use memchr::memmem;
use regex::bytes::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// Bytes before the first shown line that are looked at: an RSA key of 16384 bits has 13 kB, an OpenPGP key
/// with many signatures several times that.
pub const LOOK_BACK: usize = 64 * 1024;
/// How much of it is read in full where no key begins in it; values and prompts are shorter.
const NEAR: usize = 4 * 1024;
/// Bytes of an unfinished line that the next part of it is looked at with.
const CONTEXT: usize = 1024;
/// Lines after which a private key without an end is over.
const LONGEST_KEY: u32 = 1024;

static BEGIN: LazyLock<Option<Regex>> = LazyLock::new(|| shape::compile(shape::BEGIN_KEY).ok());
static END: LazyLock<Option<Regex>> = LazyLock::new(|| shape::compile(shape::END_KEY).ok());

/// The state of reading output from one line to the next.
#[derive(Debug, Clone)]
pub struct Reading {
    redactor: Redactor,
    /// The end of what was printed before, with `\n` for each line end.
    before: String,
    /// The lines that the private key that is being printed may still have.
    key: Option<u32>,
}

impl Reading {
    /// Begins at the beginning of a log.
    pub fn new(redactor: Redactor) -> Self {
        Self { redactor, before: String::new(), key: None }
    }

    /// Begins in the middle of a log, behind the bytes `before`: the last [`LOOK_BACK`] of them are enough.
    pub fn behind(redactor: Redactor, before: &[u8]) -> Self {
        let mut reading = Self::new(redactor);
        let near = NEAR.max(reading.longest().saturating_mul(2)).min(before.len());
        let has_key = reading.redactor.0.shapes.contains(&Shape::PrivateKeys)
            && memmem::find(before, b"PRIVATE KEY").is_some();
        let from = if has_key { before.len().saturating_sub(LOOK_BACK) } else { before.len() - near };
        let mut rest = before.get(from..).unwrap_or_default();
        while let Some(end) = memchr::memchr(b'\n', rest) {
            reading.line(rest.get(..end).unwrap_or_default());
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        if !rest.is_empty() {
            reading.part(rest);
        }
        reading
    }

    /// Draws the next line, without its secrets.
    pub fn line(&mut self, raw: &[u8]) -> LogLine {
        let line = self.part(raw);
        self.before.push('\n');
        line
    }

    /// Draws a part of a line that goes on.
    pub fn part(&mut self, raw: &[u8]) -> LogLine {
        if let Some(text) = log_line::as_printed(raw) {
            // What is printed once from left to right needs no canvas, unless something of it is to be hidden.
            let hidden = self.hidden(text);
            if hidden.is_empty() {
                return LogLine::plain(text);
            }
            return self.finish(log_line::draw(raw), &hidden);
        }
        let drawing = log_line::draw(raw);
        let hidden = self.hidden(drawing.printed());
        self.finish(drawing, &hidden)
    }

    /// Finds what is to be hidden of what is printed next, and remembers it.
    fn hidden(&mut self, printed: &str) -> Vec<Range<usize>> {
        let mut hidden = self.keys(printed);
        self.values(printed, &mut hidden);
        self.shapes(printed, &mut hidden);
        self.remember(printed);
        merged(printed, hidden)
    }

    fn longest(&self) -> usize {
        self.redactor.0.values.as_ref().map_or(0, |values| values.longest)
    }

    fn finish(&self, drawing: Drawing, hidden: &[Range<usize>]) -> LogLine {
        let seen = if drawing.overwrites() { self.redactor.find(&drawing.seen()) } else { Vec::new() };
        drawing.into_line(hidden, &seen, REDACTED)
    }

    /// Finds values that a name made secret, across whatever lies between their characters.
    fn values(&self, printed: &str, hidden: &mut Vec<Range<usize>>) {
        let Some(values) = &self.redactor.0.values else { return };
        let before: String = self.before.chars().filter(|c| *c != '\n').collect();
        let ends: Vec<usize> = memchr::memchr_iter(b'\n', printed.as_bytes()).collect();
        let together = if ends.is_empty() {
            before.clone() + printed
        } else {
            before.clone() + &printed.replace('\n', "")
        };
        let mut found = Vec::new();
        values.find(&together, &mut found);
        found.extend(values.cut_off(&together));
        // From a place without line ends to the same place with them.
        let place = |at: usize| {
            let at = at.saturating_sub(before.len());
            ends.iter().fold(at, |at, end| if *end <= at { at + 1 } else { at })
        };
        let inside = found.into_iter().filter(|range| range.end > before.len());
        hidden.extend(inside.map(|range| place(range.start)..place(range.end - 1) + 1));
    }

    /// Finds what has a shape, in the line as far as it has been printed.
    fn shapes(&self, printed: &str, hidden: &mut Vec<Range<usize>>) {
        let open = self.before.rsplit('\n').next().unwrap_or_default();
        let mut found = Vec::new();
        if open.is_empty() {
            self.redactor.find_shapes(printed, &mut found);
            hidden.append(&mut found);
            return;
        }
        self.redactor.find_shapes(&format!("{open}{printed}"), &mut found);
        let inside = found.into_iter().filter(|range| range.end > open.len());
        let inside = inside.map(|range| range.start.saturating_sub(open.len())..range.end - open.len());
        hidden.extend(inside);
    }

    /// Finds what belongs to a private key: the lines between its two marks that can be armour.
    fn keys(&mut self, printed: &str) -> Vec<Range<usize>> {
        let mut hidden = Vec::new();
        let (Some(begin), Some(end)) = (&*BEGIN, &*END) else { return hidden };
        if !self.redactor.0.shapes.contains(&Shape::PrivateKeys) {
            return hidden;
        }
        let mut at = 0;
        for line in printed.split('\n') {
            let mut from = 0;
            while from <= line.len() {
                let rest = line.get(from..).unwrap_or_default();
                if self.key.is_none() {
                    let Some(mark) = begin.find(rest.as_bytes()) else { break };
                    self.key = Some(LONGEST_KEY);
                    hidden.push(at + from + mark.start()..at + from + mark.end());
                    from += mark.end();
                } else if let Some(mark) = end.find(rest.as_bytes()) {
                    self.key = None;
                    hidden.push(at + from..at + from + mark.end());
                    from += mark.end();
                } else {
                    if is_armour(rest) {
                        hidden.push(at + from..at + line.len());
                    }
                    break;
                }
            }
            at += line.len() + 1;
        }
        self.key = self.key.and_then(|left| left.checked_sub(1));
        hidden
    }

    fn remember(&mut self, printed: &str) {
        self.before.push_str(printed);
        let keep = CONTEXT.max(self.longest());
        // Cut only now and then: cutting moves everything.
        if self.before.len() > 2 * keep {
            let from = self.before.ceil_char_boundary(self.before.len() - keep);
            self.before.drain(..from);
        }
    }
}

/// Tells whether a line can be part of an armoured key: base64, or one of the headers before it.
fn is_armour(line: &str) -> bool {
    let base64 =
        |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
    let line = line.trim();
    let headers = ["Version:", "Comment:", "Proc-Type:", "DEK-Info:", "Hash:", "Charset:", "MessageID:"];
    // Output of jobs side by side has a tag in front.
    let last = line.split_ascii_whitespace().next_back().unwrap_or_default();
    !line.is_empty()
        && (base64(line)
            || headers.iter().any(|header| line.contains(header))
            || (last.len() >= 16 && base64(last)))
}
