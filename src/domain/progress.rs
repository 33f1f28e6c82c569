//! Reads how far a command has come from what it prints, in the words of pungi, rsync, `createrepo_c` and
//! ansible (formats: reality §5.3 and §6, recorded from the real tools).
//!
//! Pure, incremental, of bounded memory, and never sure of the end: a fraction stops at 0.99, because only
//! the process can tell that it is done. A reader that does not understand says nothing rather than guess.

mod ansible;
mod createrepo;
mod pungi;
mod rsync;

use super::log_line;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The most that can be known before the process has ended.
const NEARLY: f32 = 0.99;
/// Characters of a label.
const LABEL: usize = 60;
/// Bytes of a segment that are looked at; the tools' own lines are shorter.
const SEGMENT: usize = 4096;

/// How many of the segments that overwrite each other are read, of one piece: a few for each of many transfers at once.
const UPDATES: usize = 128;

/// Which tool's output to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProgressFormat {
    /// pungi's log: phases, and pairs of variant and architecture.
    Pungi,
    /// rsync with `--progress` or `--info=progress2`, alone, in a row, or many at once under GNU parallel
    /// with `--tag`.
    Rsync,
    /// `createrepo_c`, repo after repo.
    Createrepo {
        /// How many repos there will be, if that is known.
        expected: Option<u32>,
    },
    /// ansible-playbook.
    Ansible,
    /// Nothing can be read.
    #[default]
    None,
}

/// How far a command has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// From 0 to 0.99, where it can be told.
    pub fraction: Option<f32>,
    /// What it is at, at most 60 characters, free of escape sequences.
    pub label: String,
}

impl Progress {
    fn new(fraction: Option<f32>, label: &str) -> Self {
        let fraction = fraction.filter(|part| part.is_finite()).map(|part| part.clamp(0.0, NEARLY));
        Self { fraction, label: log_line::plain(label.as_bytes()).chars().take(LABEL).collect() }
    }
}

#[derive(Debug)]
enum Parser {
    Pungi(Box<pungi::Pungi>),
    Rsync(rsync::Rsync),
    Createrepo(createrepo::Createrepo),
    Ansible(ansible::Ansible),
    None,
}

/// Reads progress from a stream of output, in pieces of any size.
#[derive(Debug)]
pub struct ProgressReader {
    parser: Parser,
    partial: Vec<u8>,
}

impl ProgressReader {
    /// Makes a reader of `format`.
    pub fn new(format: ProgressFormat) -> Self {
        let parser = match format {
            ProgressFormat::Pungi => Parser::Pungi(Box::default()),
            ProgressFormat::Rsync => Parser::Rsync(rsync::Rsync::default()),
            ProgressFormat::Createrepo { expected } => {
                Parser::Createrepo(createrepo::Createrepo::new(expected))
            }
            ProgressFormat::Ansible => Parser::Ansible(ansible::Ansible::default()),
            ProgressFormat::None => Parser::None,
        };
        Self { parser, partial: Vec::new() }
    }

    /// Reads the next piece of output.
    pub fn feed(&mut self, piece: &[u8]) {
        if matches!(self.parser, Parser::None) {
            return;
        }
        let mut rest = piece;
        if let Some(first) = memchr::memchr2(b'\r', b'\n', piece) {
            self.segment(&piece[..first]);
            let last = memchr::memrchr2(b'\r', b'\n', piece).unwrap_or(first);
            let whole = &piece[first + 1..=last.max(first)];
            if self.parser.may_understand(whole) {
                self.segments(whole);
            }
            rest = &piece[last + 1..];
        }
        let room = SEGMENT.saturating_sub(self.partial.len());
        self.partial.extend_from_slice(&rest[..rest.len().min(room)]);
    }

    /// Reads whole segments; of those that overwrite each other in a row the last [`UPDATES`].
    fn segments(&mut self, whole: &[u8]) {
        let mut updates: VecDeque<&[u8]> = VecDeque::with_capacity(UPDATES);
        let mut from = 0;
        for end in memchr::memchr2_iter(b'\r', b'\n', whole) {
            let segment = &whole[from..end];
            from = end + 1;
            if whole[end] == b'\r' {
                if updates.len() == UPDATES {
                    updates.pop_front();
                }
                updates.push_back(segment);
            } else {
                updates.drain(..).for_each(|update| self.segment(update));
                self.segment(segment);
            }
        }
        for update in updates {
            self.segment(update);
        }
    }

    /// Returns what is known now; nothing before anything was understood.
    pub fn current(&self) -> Option<Progress> {
        match &self.parser {
            Parser::Pungi(parser) => parser.progress(),
            Parser::Rsync(parser) => parser.progress(),
            Parser::Createrepo(parser) => parser.progress(),
            Parser::Ansible(parser) => parser.progress(),
            Parser::None => None,
        }
    }

    fn segment(&mut self, end: &[u8]) {
        if self.partial.is_empty() {
            self.parser.take(&end[..end.len().min(SEGMENT)]);
            return;
        }
        let mut whole = std::mem::take(&mut self.partial);
        let room = SEGMENT.saturating_sub(whole.len());
        whole.extend_from_slice(&end[..end.len().min(room)]);
        self.parser.take(&whole);
        // Keep the allocation.
        whole.clear();
        self.partial = whole;
    }
}

impl Parser {
    /// Returns whether `whole` may hold anything that this parser understands; cheap, and wrong in one way only.
    fn may_understand(&self, whole: &[u8]) -> bool {
        match self {
            Self::Rsync(parser) => parser.may_understand(whole),
            // Its level stands in brackets.
            Self::Pungi(_) => memchr::memmem::find(whole, b"] ").is_some(),
            Self::Createrepo(_) | Self::Ansible(_) => !whole.is_empty(),
            Self::None => false,
        }
    }

    fn take(&mut self, segment: &[u8]) {
        let text = String::from_utf8_lossy(segment);
        match self {
            Self::Pungi(parser) => parser.take(&text),
            Self::Rsync(parser) => parser.take(&text),
            Self::Createrepo(parser) => parser.take(&text),
            Self::Ansible(parser) => parser.take(&text),
            Self::None => {}
        }
    }
}

/// Returns `done` of `all`, unless there is nothing to count.
fn part(done: u32, all: u32) -> Option<f32> {
    (all > 0).then(|| done.min(all) as f32 / all as f32)
}

#[cfg(test)]
mod tests;
