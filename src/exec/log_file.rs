//! Reads a step's log for whoever looks at it: any size, while it grows, without holding it in memory.
//!
//! Positions are byte offsets, which need no index: the end of a log of a gigabyte is shown at once. Line
//! numbers come from a sparse index that is built as far as somebody asks. A line is never held whole:
//! what is longer than [`LINE_LIMIT`] is cut, keeping the end of a line that overwrites itself with
//! carriage returns and the beginning of any other.
//!
//! It reads with positioned reads and never maps the file: a log that is truncated under us must not kill
//! the console.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

mod search;

pub use search::{Found, Needle, Search, Tally};

/// Bytes that are kept of a line.
pub const LINE_LIMIT: usize = 8 * 1024;
const CHUNK: usize = 256 * 1024;
/// Lines between two marks of the index, to begin with; doubled whenever there are too many marks.
const FIRST_STRIDE: u64 = 256;
const MARKS: usize = 4096;
/// Bytes that are counted at once.
const COUNTED: usize = 4096;

/// Which part of a line was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing was.
    Whole,
    /// The beginning: the line overwrites itself, and its end is what shows.
    Head,
    /// The end.
    Tail,
}

/// The raw bytes of one line; [`crate::domain::log_line`] makes them fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLine {
    /// Where it begins in the file.
    pub offset: u64,
    /// Where the next one begins.
    pub end: u64,
    /// Its bytes without the `\n`, at most [`LINE_LIMIT`].
    pub bytes: Vec<u8>,
    /// What was left out of it.
    pub cut: Cut,
    /// Whether its `\n` has been written.
    pub complete: bool,
}

/// An open log.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    len: u64,
    index: Index,
    /// Holds what was read last, for readers that go on from there.
    chunk: Vec<u8>,
}

#[derive(Debug)]
struct Index {
    /// Offsets of the lines 0, stride, 2 * stride and so on.
    marks: Vec<u64>,
    stride: u64,
    /// How far the file was counted, and the line ends up to there.
    upto: u64,
    line_ends: u64,
}

impl LogFile {
    /// Opens the log at `path`; its size makes no difference.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { file, len, index: Index::new(), chunk: vec![0; CHUNK] })
    }

    /// Returns the length in bytes as of the last look.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Tells whether nothing had been written at the last look.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Looks whether the log has grown. Returns the old length if it has; what is new begins there.
    ///
    /// A log that has become shorter is read anew from its beginning: the answer is `Some(0)`.
    pub fn refresh(&mut self) -> io::Result<Option<u64>> {
        let now = self.file.metadata()?.len();
        let before = std::mem::replace(&mut self.len, now);
        if now < before {
            self.index = Index::new();
            return Ok(Some(0));
        }
        Ok((now > before).then_some(before))
    }

    /// Returns the last bytes before `offset`, at most `count`.
    pub fn bytes_before(&self, offset: u64, count: usize) -> io::Result<Vec<u8>> {
        let begin = offset.saturating_sub(count as u64);
        let mut bytes = vec![0; usize::try_from(offset - begin).unwrap_or(count)];
        let filled = read_at(&self.file, &mut bytes, begin, offset.min(self.len))?.len();
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Returns up to `count` lines from the one that begins at `offset`.
    pub fn after(&mut self, offset: u64, count: usize) -> io::Result<Vec<RawLine>> {
        let mut lines = Vec::new();
        let mut at = offset;
        while lines.len() < count && at < self.len {
            at = self.read_lines(at, count, &mut lines)?;
        }
        Ok(lines)
    }

    /// Returns up to `count` lines that end before `offset`, the first one first.
    pub fn before(&mut self, offset: u64, count: usize) -> io::Result<Vec<RawLine>> {
        let offset = offset.min(self.len);
        let begin = self.begin_of_nth_before(offset, count)?;
        let mut lines = self.after(begin, count)?;
        lines.retain(|line| line.offset < offset);
        Ok(lines)
    }

    /// Returns the last `count` lines, an unfinished one included.
    pub fn last(&mut self, count: usize) -> io::Result<Vec<RawLine>> {
        self.before(self.len, count)
    }

    /// Returns up to `count` lines from line `from` (the first is 0), counting as far as is needed.
    pub fn lines(&mut self, from: u64, count: usize) -> io::Result<Vec<RawLine>> {
        match self.offset_of(from)? {
            Some(offset) => self.after(offset, count),
            None => Ok(Vec::new()),
        }
    }

    /// Returns where line `number` (the first is 0) begins, if there is such a line.
    pub fn offset_of(&mut self, number: u64) -> io::Result<Option<u64>> {
        while self.index.line_ends < number && self.count_on(u64::MAX)? {}
        if self.index.line_ends < number {
            return Ok(None);
        }
        let (mut at, mut line) = self.index.mark_at_line(number);
        while line < number {
            let piece = read_at(&self.file, &mut self.chunk, at, self.len)?;
            let missing = number - line;
            let ends = memchr::memchr_iter(b'\n', piece);
            match ends.clone().nth(missing as usize - 1) {
                Some(end) => return Ok(Some(at + end as u64 + 1).filter(|offset| *offset < self.len)),
                None if piece.is_empty() => return Ok(None),
                None => (at, line) = (at + piece.len() as u64, line + ends.count() as u64),
            }
        }
        Ok(Some(at).filter(|offset| *offset < self.len))
    }

    /// Returns the number of the line (the first is 0) that holds the byte at `offset`.
    pub fn line_at(&mut self, offset: u64) -> io::Result<u64> {
        while self.index.upto < offset.min(self.len) && self.count_on(u64::MAX)? {}
        let (mut at, mut line) = self.index.mark_at_offset(offset);
        while at < offset {
            let piece = read_at(&self.file, &mut self.chunk, at, offset.min(self.len))?;
            if piece.is_empty() {
                break;
            }
            line += memchr::memchr_iter(b'\n', piece).count() as u64;
            at += piece.len() as u64;
        }
        Ok(line)
    }

    /// Counts lines on by about `budget` bytes, so that a viewer can do so while it is idle. Returns whether
    /// there is more to count.
    pub fn count_on(&mut self, budget: u64) -> io::Result<bool> {
        let piece = read_at(&self.file, &mut self.chunk, self.index.upto, self.len)?;
        let piece = &piece[..piece.len().min(usize::try_from(budget).unwrap_or(usize::MAX))];
        self.index.add(piece);
        Ok(!piece.is_empty() && self.index.upto < self.len)
    }

    /// Returns how many lines have been counted, and whether these are all.
    pub fn counted(&self) -> (u64, bool) {
        (self.index.line_ends, self.index.upto >= self.len)
    }

    /// Reads lines from one chunk on. Returns where the next one begins.
    fn read_lines(&mut self, from: u64, count: usize, lines: &mut Vec<RawLine>) -> io::Result<u64> {
        let piece = read_at(&self.file, &mut self.chunk, from, self.len)?;
        let (mut at, mut begin) = (from, 0);
        for stop in memchr::memchr_iter(b'\n', piece) {
            if lines.len() == count {
                return Ok(at);
            }
            let mut line = Gathering::default();
            line.add(&piece[begin..stop]);
            begin = stop + 1;
            let end = from + begin as u64;
            lines.push(line.into_line(at, end, true));
            at = end;
        }
        if lines.len() == count || at > from {
            // What is left over is read again, from the beginning of a chunk.
            return Ok(if piece.is_empty() { self.len } else { at });
        }
        let line = self.read_long_line(from)?;
        let end = line.end;
        lines.push(line);
        Ok(end)
    }

    /// Reads a line that fills more than a chunk, or has no end yet.
    fn read_long_line(&mut self, from: u64) -> io::Result<RawLine> {
        let (mut line, mut at) = (Gathering::default(), from);
        loop {
            let piece = read_at(&self.file, &mut self.chunk, at, self.len)?;
            let stop = memchr::memchr(b'\n', piece);
            line.add(&piece[..stop.unwrap_or(piece.len())]);
            if let Some(stop) = stop {
                return Ok(line.into_line(from, at + stop as u64 + 1, true));
            }
            at += piece.len() as u64;
            if piece.is_empty() || at >= self.len {
                // At its end even where the file has shrunk, so that readers always get on.
                return Ok(line.into_line(from, self.len.max(from + 1), false));
            }
        }
    }

    /// Returns where the `count`th line that begins before `offset` begins.
    fn begin_of_nth_before(&mut self, offset: u64, count: usize) -> io::Result<u64> {
        // The line end right before `offset` belongs to the last of those lines.
        let mut end = offset.saturating_sub(1);
        let mut missing = count;
        while end > 0 && missing > 0 {
            let begin = end.saturating_sub(CHUNK as u64);
            let piece = read_at(&self.file, &mut self.chunk, begin, end)?;
            for stop in memchr::memrchr_iter(b'\n', piece) {
                missing -= 1;
                if missing == 0 {
                    return Ok(begin + stop as u64 + 1);
                }
            }
            end = begin;
        }
        Ok(if count == 0 { offset } else { 0 })
    }
}

/// Reads as much as fits into `buffer`, from `at`, not beyond `end`.
fn read_at<'a>(file: &File, buffer: &'a mut [u8], at: u64, end: u64) -> io::Result<&'a [u8]> {
    let wanted = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX).min(buffer.len());
    let mut filled = 0;
    while filled < wanted {
        match file.read_at(&mut buffer[filled..wanted], at + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(&buffer[..filled])
}

impl Index {
    fn new() -> Self {
        Self { marks: vec![0], stride: FIRST_STRIDE, upto: 0, line_ends: 0 }
    }

    fn add(&mut self, piece: &[u8]) {
        // Counting is several times faster than visiting, and most blocks hold no line to be marked.
        for block in piece.chunks(COUNTED) {
            let ends = memchr::memchr_iter(b'\n', block).count() as u64;
            let first_mark = self.stride - self.line_ends % self.stride;
            if ends >= first_mark {
                self.mark(block);
            } else {
                self.line_ends += ends;
            }
            self.upto += block.len() as u64;
        }
    }

    fn mark(&mut self, block: &[u8]) {
        for end in memchr::memchr_iter(b'\n', block) {
            self.line_ends += 1;
            if self.line_ends.is_multiple_of(self.stride) {
                self.marks.push(self.upto + end as u64 + 1);
                if self.marks.len() > MARKS {
                    self.marks = self.marks.iter().step_by(2).copied().collect();
                    self.stride *= 2;
                }
            }
        }
    }

    /// Returns the offset and the number of the last marked line up to `number`.
    fn mark_at_line(&self, number: u64) -> (u64, u64) {
        let mark = usize::try_from(number / self.stride).unwrap_or(usize::MAX).min(self.marks.len() - 1);
        (self.marks[mark], mark as u64 * self.stride)
    }

    fn mark_at_offset(&self, offset: u64) -> (u64, u64) {
        let mark = self.marks.partition_point(|mark| *mark <= offset).saturating_sub(1);
        (self.marks[mark], mark as u64 * self.stride)
    }
}

/// A line under way: its beginning and its end, with whatever lies between left out.
#[derive(Debug, Default)]
struct Gathering {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    len: u64,
}

impl Gathering {
    fn add(&mut self, piece: &[u8]) {
        self.len += piece.len() as u64;
        let room = LINE_LIMIT - self.head.len();
        let (head, rest) = piece.split_at(piece.len().min(room));
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(LINE_LIMIT)..];
        let surplus = (self.tail.len() + rest.len()).saturating_sub(LINE_LIMIT);
        self.tail.drain(..surplus.min(self.tail.len()));
        self.tail.extend(rest);
    }

    fn into_line(mut self, offset: u64, end: u64, complete: bool) -> RawLine {
        let line = |bytes, cut| RawLine { offset, end, bytes, cut, complete };
        if self.len <= LINE_LIMIT as u64 {
            return line(self.head, Cut::Whole);
        }
        // The end of what is longer than the limit lies in the head's last and the tail's bytes.
        let missing = LINE_LIMIT - self.tail.len();
        let mut last = self.head[self.head.len() - missing..].to_vec();
        last.extend(self.tail.make_contiguous().iter());
        let shown = last.strip_suffix(b"\r").unwrap_or(&last);
        match memchr::memchr(b'\r', shown) {
            Some(at) => line(last[at + 1..].to_vec(), Cut::Head),
            None => line(self.head, Cut::Tail),
        }
    }
}

#[cfg(test)]
mod tests;
