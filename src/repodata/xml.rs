//! XML as metadata needs it: elements, their attributes and their text, in bounded memory.
//!
//! A thin layer over `quick-xml` that makes of it what the readers share: no document types, no entities but
//! XML's own, one root, an end to every element, a limit to each piece and to the depth. Names are taken
//! without their prefix, as `createrepo_c` takes them. It must not know what it reads.

use super::error::Problem;
use quick_xml::XmlVersion;
use quick_xml::errors::Error;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use std::io::{self, BufRead, Read};

/// The longest tag or text.
const LONGEST_PIECE: usize = 16 << 20;
/// The deepest nesting; metadata needs five or six.
const DEEPEST: usize = 64;

/// What comes next in a document.
pub(super) enum Node<'a> {
    /// An element begins.
    Open(Tag<'a>),
    /// Text, or a part of it.
    Text(&'a str),
    /// An element ends.
    Close,
    /// The document has ended.
    End,
}

/// The beginning of an element.
pub(super) struct Tag<'a>(BytesStart<'a>);

impl Tag<'_> {
    /// Returns the name without its prefix.
    pub(super) fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }

    /// Hands every attribute to `each`: its name without prefix, and its value.
    pub(super) fn attributes(
        &self,
        mut each: impl FnMut(&str, &str) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        for attribute in self.0.attributes() {
            let attribute = attribute.map_err(|error| broken(0, &error.to_string()))?;
            if attribute.value.contains('<') {
                return Err(broken(0, "an attribute holds `<`"));
            }
            let value =
                attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| problem(&error, 0))?;
            if value.bytes().any(is_control) {
                return Err(broken(0, "an attribute holds a control character"));
            }
            each(attribute.key.local_name().into_inner(), &value)?;
        }
        Ok(())
    }

    /// Returns the value of the attribute called `name`.
    pub(super) fn attribute(&self, name: &str) -> Result<Option<String>, Problem> {
        let mut found = None;
        self.attributes(|key, value| {
            if key == name {
                found = Some(value.to_owned());
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// Returns whether XML 1.0 forbids the byte.
pub(super) fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')
}

/// Lets through so much of a reader until it is told that the next piece begins.
struct Allowance<R> {
    inner: R,
    left: usize,
}

impl<R: BufRead> Read for Allowance<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl<R: BufRead> BufRead for Allowance<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(Problem::RecordTooLong { limit: LONGEST_PIECE }.into());
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
        self.inner.consume(bytes);
    }
}

/// What document types a document may declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doctype {
    /// None.
    Refused,
    /// One that is named and defines nothing here. What it names is never fetched.
    Named,
}

/// A document that is being read.
pub(super) struct Xml<R: BufRead> {
    reader: quick_xml::Reader<Allowance<R>>,
    buffer: Vec<u8>,
    text: String,
    depth: usize,
    rooted: bool,
    doctype: Doctype,
}

impl<R: BufRead> Xml<R> {
    pub(super) fn new(input: R) -> Self {
        Self::with_doctype(input, Doctype::Refused)
    }

    pub(super) fn with_doctype(input: R, doctype: Doctype) -> Self {
        let mut reader = quick_xml::Reader::from_reader(Allowance { inner: input, left: LONGEST_PIECE });
        reader.config_mut().expand_empty_elements = true;
        Self { reader, buffer: Vec::new(), text: String::new(), depth: 0, rooted: false, doctype }
    }

    /// Returns how many bytes were read.
    pub(super) fn at(&self) -> u64 {
        self.reader.buffer_position()
    }

    /// Returns how many elements are open.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Reads the root element, which must be called `name`, and hands on its attributes.
    pub(super) fn root(
        &mut self,
        name: &'static str,
        each: impl FnMut(&str, &str) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        match self.next()? {
            Node::Open(tag) if tag.name() == name => tag.attributes(each),
            Node::Open(tag) => Err(Problem::Root { wanted: name, found: super::error::cut(tag.name()) }),
            _ => Err(Problem::Root { wanted: name, found: "empty".to_owned() }),
        }
    }

    /// Returns what comes next; comments and processing instructions are passed over.
    pub(super) fn next(&mut self) -> Result<Node<'_>, Problem> {
        loop {
            match self.step()? {
                Step::Open(name) => {
                    return Ok(Node::Open(Tag(BytesStart::from_content(self.text.as_str(), name))));
                }
                Step::Text => return Ok(Node::Text(&self.text)),
                Step::Close => return Ok(Node::Close),
                Step::End => return Ok(Node::End),
                // So that whoever counts the bytes of a record can do so within any number of comments.
                Step::Nothing if self.depth > 0 => return Ok(Node::Text("")),
                Step::Nothing => {}
            }
        }
    }

    /// Takes one event, and leaves what it holds in `self.text`.
    fn step(&mut self) -> Result<Step, Problem> {
        self.buffer.clear();
        self.text.clear();
        let at = self.reader.buffer_position();
        self.reader.get_mut().left = LONGEST_PIECE;
        let event = self.reader.read_event_into(&mut self.buffer).map_err(|error| problem(&error, at))?;
        match event {
            Event::Start(tag) | Event::Empty(tag) => {
                self.text.push_str(&tag);
                let name = tag.name().into_inner().len();
                if self.depth == 0 && std::mem::replace(&mut self.rooted, true) {
                    return Err(broken(at, "it has more than one root element"));
                }
                if self.depth == DEEPEST {
                    return Err(Problem::TooDeep(DEEPEST));
                }
                self.depth += 1;
                return Ok(Step::Open(name));
            }
            Event::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                return Ok(Step::Close);
            }
            Event::Text(text) => self.text.push_str(&text.xml10_content()),
            Event::CData(text) => self.text.push_str(&text.xml10_content()),
            Event::GeneralRef(name) => {
                if let Some(c) = name.resolve_char_ref().map_err(|error| problem(&error, at))? {
                    self.text.push(c);
                } else {
                    let unknown = || Problem::Entity(super::error::cut(&name));
                    self.text.push_str(resolve_predefined_entity(&name).ok_or_else(unknown)?);
                }
            }
            Event::DocType(text) if self.doctype == Doctype::Named && !text.contains('[') => {
                return Ok(Step::Nothing);
            }
            Event::DocType(_) => return Err(Problem::Doctype),
            Event::Eof if self.depth > 0 => return Err(broken(at, "it ends within an element")),
            Event::Eof => return Ok(Step::End),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => return Ok(Step::Nothing),
        }
        if self.depth > 0 {
            return Ok(Step::Text);
        }
        if self.text.trim_start_matches('\u{feff}').trim().is_empty() {
            return Ok(Step::Nothing);
        }
        Err(broken(at, "there is text outside the root element"))
    }
}

/// What one event came to.
enum Step {
    /// An element, with the length of its name.
    Open(usize),
    Text,
    Close,
    End,
    Nothing,
}

fn broken(at: u64, message: &str) -> Problem {
    Problem::Xml { at, message: super::error::cut(message) }
}

fn problem(error: &Error, at: u64) -> Problem {
    match error {
        Error::Io(error) => Problem::from(&**error),
        Error::Encoding(_) => Problem::NotUtf8,
        other => broken(at, &other.to_string()),
    }
}
