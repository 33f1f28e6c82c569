//! The files that are one long list of packages, read block by block: primary, filelists, other.
//!
//! They are long (159 MB for 30,000 packages) and nearly always written by `createrepo_c`, so there are two ways
//! through them. The fast one cuts the inflated bytes into `<package …>…</package>` and compares literals; it
//! holds one block and an unfinished package. What is not exactly in the layout of `createrepo_c` it leaves to
//! the other, a real XML reader, which takes over at the beginning of that very package and stays. Both
//! hand on the same records, and both are checked against the count in the root element.

use super::error::Problem;
use super::fast::{Cursor, number};
use super::package::Want;
use super::xml::{Node, Tag, Xml, is_control};
use memchr::memmem::{Finder, find};
use std::io::{self, BufReader, Read};
use std::ops::ControlFlow;

/// How much is inflated at a time. Measured: 32 and 64 KiB cost a tenth and a twentieth more, beyond this nothing is won.
const BLOCK: usize = 256 << 10;
/// The longest package: the longest real ones (kernel-debuginfo in filelists) have some 20 MB.
const LONGEST_PACKAGE: usize = 64 << 20;
/// The longest beginning of a file in the known layout.
const LONGEST_ROOT: usize = 4096;
const END: &[u8] = b"</package>";

/// Which way through a file is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The fast one as far as the layout is that of `createrepo_c`.
    Fast,
    /// The XML reader alone: what the fast one is compared with.
    Xml,
}

/// How many packages were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// What the root element says, if it says anything.
    pub claimed: Option<u64>,
    /// How many were handed on.
    pub read: u64,
    /// How many of them went the fast way.
    pub fast: u64,
    /// Whether the caller wanted all of them.
    pub whole: bool,
}

/// What a kind of file has for each package.
pub(super) trait Record: Default {
    /// Forgets the last package.
    fn clear(&mut self);

    /// Reads a whole `<package …>…</package>` in the known layout; `None` if it is not in it.
    fn canonical(&mut self, block: &[u8], want: Want) -> Option<()>;

    /// Takes an element; `depth` is 0 for the package itself. Returns whether its text is wanted.
    fn open(&mut self, depth: usize, tag: &Tag<'_>, want: Want) -> Result<bool, Problem>;

    /// Takes the end of an element, with the text that was wanted of it.
    fn close(&mut self, depth: usize, text: &str, want: Want) -> Result<(), Problem>;

    /// Says what is missing from a package that has ended.
    fn complete(&self) -> Result<(), Problem>;
}

/// Hands every package of a file to `each`, until it says that it has enough.
///
/// `root` is the name of the root element. The memory that is held is one block and one package.
pub(super) fn read<T: Record>(
    input: impl Read,
    root: &'static str,
    want: Want,
    way: Way,
    each: &mut dyn FnMut(&T) -> ControlFlow<()>,
) -> Result<Counted, Problem> {
    let mut blocks = Blocks::new(input);
    let mut record = T::default();
    let mut counted = Counted::default();
    let mut prefix = Vec::new();
    if way == Way::Fast {
        match blocks.fast(root, want, &mut record, &mut counted, each)? {
            Fast::Ended => return ended(counted),
            Fast::Enough => return Ok(counted),
            Fast::Other(root) => prefix = root,
        }
    }
    // The root element stands before what is left, so that it is a document.
    prefix.extend_from_slice(blocks.rest());
    let document = io::Cursor::new(prefix).chain(BufReader::with_capacity(BLOCK, blocks.input));
    if slow(document, root, want, &mut record, &mut counted, each)?.is_break() {
        return Ok(counted);
    }
    ended(counted)
}

fn ended(mut counted: Counted) -> Result<Counted, Problem> {
    counted.whole = true;
    match counted.claimed {
        Some(claimed) if claimed != counted.read => Err(Problem::Count { claimed, found: counted.read }),
        _ => Ok(counted),
    }
}

/// How the fast way ended.
enum Fast {
    /// With the file.
    Ended,
    /// The caller had enough.
    Enough,
    /// With something in another layout; this is the root element to put before it.
    Other(Vec<u8>),
}

/// Inflated bytes, of which one block is held.
struct Blocks<R> {
    input: R,
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), from: 0, to: 0, ended: false }
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.from..self.to]
    }

    /// Gets more bytes behind those that are held.
    fn fill(&mut self) -> Result<(), Problem> {
        if self.from > 0 {
            self.buffer.copy_within(self.from..self.to, 0);
            (self.from, self.to) = (0, self.to - self.from);
        }
        if self.to == self.buffer.len() {
            if self.to >= LONGEST_PACKAGE {
                return Err(Problem::RecordTooLong { limit: LONGEST_PACKAGE });
            }
            self.buffer.resize((self.to * 2).clamp(BLOCK, LONGEST_PACKAGE), 0);
        }
        while self.to < self.buffer.len() && !self.ended {
            match self.input.read(&mut self.buffer[self.to..]) {
                Ok(0) => self.ended = true,
                Ok(read) => self.to += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads as far as the layout is known.
    fn fast<T: Record>(
        &mut self,
        root: &'static str,
        want: Want,
        record: &mut T,
        counted: &mut Counted,
        each: &mut dyn FnMut(&T) -> ControlFlow<()>,
    ) -> Result<Fast, Problem> {
        self.fill()?;
        let Some((prefix, claimed)) = self.root(root) else { return Ok(Fast::Other(Vec::new())) };
        counted.claimed = Some(claimed);
        let end = format!("</{root}>").into_bytes();
        let finder = Finder::new(END);
        let mut searched = 0;
        loop {
            if !self.rest().starts_with(b"<package ") {
                if self.to - self.from < end.len() + 2 && !self.ended {
                    self.fill()?;
                    continue;
                }
                let whole = self.ended
                    && self.rest().strip_prefix(&*end).is_some_and(|rest| matches!(rest, b"" | b"\n"));
                return Ok(if whole { Fast::Ended } else { Fast::Other(prefix) });
            }
            let Some(found) = finder.find(&self.rest()[searched..]) else {
                if self.ended {
                    return Ok(Fast::Other(prefix));
                }
                searched = (self.to - self.from).saturating_sub(END.len());
                self.fill()?;
                continue;
            };
            let length = searched + found + END.len();
            if self.rest().len() == length && !self.ended {
                searched = length - END.len();
                self.fill()?;
                continue;
            }
            record.clear();
            let known = self.rest().get(length) == Some(&b'\n');
            if !known || record.canonical(&self.rest()[..length], want).is_none() {
                return Ok(Fast::Other(prefix));
            }
            self.from += length + 1;
            searched = 0;
            (counted.read, counted.fast) = (counted.read + 1, counted.fast + 1);
            if each(record).is_break() {
                return Ok(Fast::Enough);
            }
        }
    }

    /// Passes over the declaration and the root element; returns the latter and its count of packages.
    fn root(&mut self, root: &str) -> Option<(Vec<u8>, u64)> {
        let head = &self.rest()[..self.rest().len().min(LONGEST_ROOT)];
        let mut at = Cursor::new(head);
        at.literal(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
        let begin = head.len() - at.rest().len();
        at.literal(b"<")?;
        at.literal(root.as_bytes())?;
        let mut claimed = None;
        while !at.take(b">\n") {
            let (key, value) = at.attribute()?;
            if key == b"packages" {
                claimed = Some(number(value)?);
            }
        }
        let length = head.len() - at.rest().len();
        let found = (head[begin..length].to_vec(), claimed?);
        self.from += length;
        Some(found)
    }
}

/// Reads a document with the XML reader.
fn slow<T: Record>(
    document: impl io::BufRead,
    root: &'static str,
    want: Want,
    record: &mut T,
    counted: &mut Counted,
    each: &mut dyn FnMut(&T) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Problem> {
    let mut xml = Xml::new(document);
    xml.root(root, |key, value| {
        if key == "packages" {
            let claimed = value.parse().map_err(|_| Problem::field("count", root, value))?;
            counted.claimed = Some(claimed);
        }
        Ok(())
    })?;
    let mut text = String::new();
    let (mut wanted, mut within, mut begun) = (false, false, 0);
    loop {
        let depth = xml.depth();
        match xml.next()? {
            Node::Open(tag) => {
                text.clear();
                if depth == 1 {
                    record.clear();
                    within = tag.name() == "package";
                }
                wanted = within && record.open(depth - 1, &tag, want)?;
                if depth == 1 {
                    begun = xml.at();
                }
            }
            Node::Text(part) if wanted => text.push_str(part),
            Node::Close if within => {
                if text.bytes().any(is_control) {
                    return Err(Problem::Xml {
                        at: xml.at(),
                        message: "it holds a control character".to_owned(),
                    });
                }
                // The package itself is one deep in the document, and has depth 0 for its record.
                record.close(depth.saturating_sub(2), &text, want)?;
                text.clear();
                wanted = false;
                if depth == 2 {
                    within = false;
                    record.complete()?;
                    counted.read += 1;
                    if each(record).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            Node::Text(_) | Node::Close => {}
            Node::End => return Ok(ControlFlow::Continue(())),
        }
        if within && xml.at() - begun > LONGEST_PACKAGE as u64 {
            return Err(Problem::RecordTooLong { limit: LONGEST_PACKAGE });
        }
    }
}

/// Returns the bytes of `block` between its head and `tail`, if it ends so and hides nothing.
pub(super) fn body<'a>(rest: &'a [u8], tail: &[u8]) -> Option<&'a [u8]> {
    let body = rest.strip_suffix(tail)?;
    super::fast::hides_nothing(body).then_some(body)
}

/// Returns what follows the first `end` in `bytes`.
pub(super) fn after<'a>(bytes: &'a [u8], end: &[u8]) -> Option<&'a [u8]> {
    find(bytes, end).map(|at| &bytes[at + end.len()..])
}
