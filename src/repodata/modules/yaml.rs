//! YAML as modules.yaml needs it: texts, lists and mappings, one document at a time.
//!
//! A scalar stays the text that was written: YAML would make a number of the stream `1.10`, and 1.1 of that. Aliases
//! are refused, as libmodulemd refuses them, so that nothing can be multiplied; nesting and the number of nodes have
//! limits. Documents are cut apart at their markers, which YAML allows nowhere else (YAML 1.2, 9.1.2).

use crate::repodata::error::{Problem, cut};
use saphyr_parser::{Event, Parser};
use std::borrow::Cow;
use std::io::{BufRead, Read as _};

/// The longest document; the longest real ones have some hundred kilobytes.
const LONGEST_DOCUMENT: usize = 8 << 20;
/// The deepest nesting; modulemd needs six.
const DEEPEST: usize = 32;
/// The most nodes of a document.
const MOST_NODES: usize = 1 << 20;

/// The documents of a file.
pub(super) struct Documents<R> {
    input: R,
    text: Vec<u8>,
    /// How much of `text` belongs to the document that was handed on.
    given: usize,
    line: u64,
    ended: bool,
}

impl<R: BufRead> Documents<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, text: Vec::new(), given: 0, line: 1, ended: false }
    }

    /// Returns the next document and the line on which it begins.
    pub(super) fn next(&mut self) -> Result<Option<(&str, u64)>, Problem> {
        let before = self.text.drain(..self.given).filter(|byte| *byte == b'\n').count();
        self.line += before as u64;
        let mut end = 0;
        while !self.ended {
            let from = self.text.len();
            let left = (LONGEST_DOCUMENT + 1 - from.min(LONGEST_DOCUMENT)) as u64;
            if self.input.by_ref().take(left).read_until(b'\n', &mut self.text)? == 0 {
                self.ended = true;
            }
            if self.text.len() > LONGEST_DOCUMENT {
                return Err(Problem::RecordTooLong { limit: LONGEST_DOCUMENT });
            }
            if is_marker(&self.text[from..]) && has_content(&self.text[..from]) {
                end = from;
                break;
            }
        }
        self.given = if end > 0 { end } else { self.text.len() };
        if self.given == 0 {
            return Ok(None);
        }
        let text = std::str::from_utf8(&self.text[..self.given]).map_err(|_| Problem::NotUtf8)?;
        Ok(Some((text, self.line)))
    }
}

/// Returns whether a document begins at this line.
fn is_marker(line: &[u8]) -> bool {
    line.strip_prefix(b"---").is_some_and(|rest| matches!(rest, [] | [b' ' | b'\t' | b'\n' | b'\r', ..]))
}

/// Returns whether there is more than comments, directives and empty lines.
fn has_content(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n');
    lines.any(|line| !matches!(line, [] | [b'\r' | b'#' | b'%', ..] | b"..." | b"...\r"))
}

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node<'a> {
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// Returns the value of a key; of one that stands there twice the last.
    pub(super) fn get(&self, key: &str) -> Option<&Node<'a>> {
        let Self::Map(entries) = self else { return None };
        entries.iter().rev().find(|(other, _)| other == key).map(|(_, node)| node)
    }

    /// Returns the text of a key.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the texts of a list, or a single one.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let list = match self {
            Self::List(list) => list.as_slice(),
            Self::Text(text) if !text.is_empty() => std::slice::from_ref(self),
            _ => &[],
        };
        list.iter().filter_map(|node| match node {
            Self::Text(text) => Some(&**text),
            _ => None,
        })
    }

    /// Returns the entries of a mapping.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Node<'a>)> {
        let entries = match self {
            Self::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().map(|(key, node)| (&**key, node))
    }
}

/// What is being read.
enum Frame<'a> {
    List(Vec<Node<'a>>),
    Map(Vec<(Cow<'a, str>, Node<'a>)>, Option<Cow<'a, str>>),
}

/// Reads one document that begins on `line` of its file; `None` if it holds nothing.
pub(super) fn parse(text: &str, line: u64) -> Result<Option<Node<'_>>, Problem> {
    let broken = |at: usize, message: &str| Problem::Yaml {
        line: line + at.saturating_sub(1) as u64,
        message: cut(message),
    };
    let mut parser = Parser::new_from_str(text);
    let mut frames: Vec<Frame<'_>> = Vec::new();
    let (mut root, mut nodes) = (None, 0);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| broken(error.marker().line(), error.info()))?;
        let at = span.start.line();
        let whole = match event {
            Event::Scalar(text, ..) => Some(Node::Text(text)),
            Event::Alias(_) => return Err(broken(at, "aliases are not read")),
            Event::SequenceStart(..) => {
                frames.push(Frame::List(Vec::new()));
                None
            }
            Event::MappingStart(..) => {
                frames.push(Frame::Map(Vec::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => frames.pop().map(|frame| match frame {
                Frame::List(list) => Node::List(list),
                Frame::Map(entries, _) => Node::Map(entries),
            }),
            Event::StreamEnd => break,
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => None,
        };
        if frames.len() > DEEPEST {
            return Err(Problem::TooDeep(DEEPEST));
        }
        let Some(node) = whole else { continue };
        nodes += 1;
        if nodes > MOST_NODES {
            return Err(Problem::TooMany { what: "YAML nodes in a document", limit: MOST_NODES });
        }
        match frames.last_mut() {
            Some(Frame::List(list)) => list.push(node),
            Some(Frame::Map(entries, key)) => match (key.take(), node) {
                (Some(key), node) => entries.push((key, node)),
                (None, Node::Text(text)) => *key = Some(text),
                (None, _) => return Err(broken(at, "a key is no text")),
            },
            None if root.is_none() => root = Some(node),
            None => return Err(broken(at, "there is more than one document where one was expected")),
        }
    }
    // A document of comments alone is an empty text.
    Ok(root.filter(|root| !matches!(root, Node::Text(text) if text.is_empty() || text == "~")))
}
