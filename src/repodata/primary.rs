//! primary.xml: every package with its version, checksum, size, place and dependencies.
//!
//! The layout is that of `createrepo_c` (`src/xml_dump_primary.c`). Two ways through one package stand here side
//! by side, so that they stay equal: `canonical` compares literals, `open` and `close` follow the elements. It
//! must not judge what it reads; a version that rpm would refuse is handed on.

use super::checksum::ChecksumKind;
use super::error::Problem;
use super::fast::{Cursor, field, number};
use super::package::{Comparison, Entry, FileKind, Package, Piece, Relation, Sizes, Span, Want};
use super::records::{self, Counted, Record, Way, after, body};
use super::xml::Tag;
use std::io::Read;
use std::ops::ControlFlow;

/// What of every package is read.
///
/// `each` gets the packages in the order of the file and may end the reading. The error is a [`Problem`] of the
/// file, also when it has more or fewer packages than it says.
pub fn read(
    input: impl Read,
    want: Want,
    way: Way,
    mut each: impl FnMut(&Package) -> ControlFlow<()>,
) -> Result<Counted, Problem> {
    records::read(input, "metadata", want, way, &mut each)
}

/// What the XML reader has begun and not ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reading {
    element: Element,
    relation: Option<Relation>,
    file: Option<FileKind>,
}

/// The elements whose text is wanted.
#[derive(Debug, Clone, Copy, Default)]
enum Element {
    #[default]
    Other,
    Name,
    Arch,
    Checksum,
    SourceRpm,
    File,
}

impl Record for Package {
    fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
        self.files.clear();
        self.pieces = Default::default();
        self.epoch = 0;
        self.sizes = Sizes::default();
        (self.file_time, self.build_time, self.header_range) = (0, 0, None);
        self.checksum_kind = None;
        self.reading = Reading::default();
    }

    fn canonical(&mut self, block: &[u8], want: Want) -> Option<()> {
        let mut at = Cursor::new(block);
        self.canonical_head(&mut at)?;
        let inner = body(at.rest(), b"  </format>\n</package>")?;
        if want == Want::IDENTITY {
            return self.whole().ok();
        }
        self.canonical_format(inner, want)?;
        self.whole().ok()
    }

    fn open(&mut self, depth: usize, tag: &Tag<'_>, want: Want) -> Result<bool, Problem> {
        self.reading.element = Element::Other;
        match (depth, tag.name()) {
            (1, "name") => self.reading.element = Element::Name,
            (1, "arch") => self.reading.element = Element::Arch,
            (1, "version") => self.open_version(tag)?,
            (1, "checksum") => {
                let kind = tag.attribute("type")?.ok_or_else(|| self.lacks("checksum type"))?;
                self.checksum_kind = Some(ChecksumKind::from_name(&kind)?);
                self.reading.element = Element::Checksum;
            }
            (1, "time" | "size") => self.open_numbers(tag)?,
            (1, "location") => tag.attributes(|key, value| {
                match key {
                    "href" => self.set(Piece::Location, value),
                    "base" => self.set(Piece::Base, value),
                    _ => {}
                }
                Ok(())
            })?,
            (2, "sourcerpm") if want.has(Want::FORMAT) => self.reading.element = Element::SourceRpm,
            (2, "header-range") if want.has(Want::FORMAT) => self.open_numbers(tag)?,
            (2, "file") if want.has(Want::FILES) => {
                let kind = tag.attribute("type")?.unwrap_or_default();
                let wrong = || Problem::field("type of a file", self.name(), &kind);
                self.reading.file = Some(FileKind::from_name(kind.as_bytes()).ok_or_else(wrong)?);
                self.reading.element = Element::File;
            }
            (2, name) => {
                let relation = Relation::from_name(name.as_bytes());
                self.reading.relation = relation.filter(|relation| want.has(Want::of(*relation)));
            }
            (3, "entry") => {
                if let Some(relation) = self.reading.relation {
                    self.open_entry(relation, tag)?;
                }
            }
            _ => {}
        }
        Ok(!matches!(self.reading.element, Element::Other))
    }

    fn close(&mut self, depth: usize, text: &str, _: Want) -> Result<(), Problem> {
        match std::mem::take(&mut self.reading.element) {
            Element::Name => self.set(Piece::Name, text),
            Element::Arch => self.set(Piece::Arch, text),
            Element::Checksum => {
                if !self.checksum_kind().fits(text) {
                    return Err(Problem::field("checksum", self.name(), text));
                }
                self.set(Piece::PkgId, text);
            }
            Element::SourceRpm => self.set(Piece::SourceRpm, text),
            Element::File => {
                let span = self.push(text);
                self.files.extend(self.reading.file.take().map(|kind| (kind, span)));
            }
            Element::Other => {}
        }
        if depth == 2 {
            self.reading.relation = None;
        }
        Ok(())
    }

    fn complete(&self) -> Result<(), Problem> {
        self.whole()
    }
}

/// The XML reader's part.
impl Package {
    fn lacks(&self, what: &'static str) -> Problem {
        Problem::no_field(what, if self.name().is_empty() { "a package" } else { self.name() })
    }

    fn open_version(&mut self, tag: &Tag<'_>) -> Result<(), Problem> {
        tag.attributes(|key, value| {
            match key {
                "epoch" => {
                    self.epoch = epoch(value).ok_or_else(|| Problem::field("epoch", self.name(), value))?;
                }
                "ver" => self.set(Piece::Version, value),
                "rel" => self.set(Piece::Release, value),
                _ => {}
            }
            Ok(())
        })
    }

    /// Takes `time`, `size` and `header-range`, whose attributes are numbers.
    fn open_numbers(&mut self, tag: &Tag<'_>) -> Result<(), Problem> {
        tag.attributes(|key, value| {
            let wrong = || Problem::field("number", self.name(), value);
            let read = || number(value.as_bytes()).ok_or_else(wrong);
            match key {
                "file" => self.file_time = read()?,
                "build" => self.build_time = read()?,
                "package" => self.sizes.package = read()?,
                "installed" => self.sizes.installed = read()?,
                "archive" => self.sizes.archive = read()?,
                "start" => self.header_range = Some((read()?, self.header_range.unwrap_or_default().1)),
                "end" => self.header_range = Some((self.header_range.unwrap_or_default().0, read()?)),
                _ => {}
            }
            Ok(())
        })
    }

    fn open_entry(&mut self, relation: Relation, tag: &Tag<'_>) -> Result<(), Problem> {
        let mut entry = Entry::new(relation);
        tag.attributes(|key, value| {
            let taken = self.set_entry(&mut entry, key.as_bytes(), value);
            taken.ok_or_else(|| Problem::field("dependency", self.name(), value))
        })?;
        self.entries.push(entry);
        Ok(())
    }
}

/// What both ways share.
impl Package {
    fn set_entry(&mut self, entry: &mut Entry, key: &[u8], value: &str) -> Option<()> {
        match key {
            b"name" => entry.name = self.push(value),
            b"flags" => entry.comparison = Some(Comparison::from_name(value)?),
            b"epoch" => entry.epoch = epoch(value)?,
            b"ver" => entry.version = self.push(value),
            b"rel" => entry.release = self.push(value),
            b"pre" => entry.pre = matches!(value, "1" | "TRUE" | "true"),
            _ => {}
        }
        Some(())
    }
}

impl Entry {
    fn new(relation: Relation) -> Self {
        let none = Span::default();
        Self { relation, comparison: None, epoch: 0, pre: false, name: none, version: none, release: none }
    }
}

/// Returns an epoch; none is 0.
fn epoch(text: &str) -> Option<u32> {
    if text.is_empty() { Some(0) } else { number(text.as_bytes())?.try_into().ok() }
}

/// The fast part.
impl Package {
    /// Reads from `<package` to `<format>`.
    fn canonical_head(&mut self, at: &mut Cursor<'_>) -> Option<()> {
        at.literal(b"<package type=\"rpm\">\n  <name>")?;
        self.set(Piece::Name, &field(at.text()?)?);
        at.literal(b"</name>\n  <arch>")?;
        self.set(Piece::Arch, &field(at.text()?)?);
        at.literal(b"</arch>\n  <version epoch=\"")?;
        self.epoch = epoch(&field(at.quoted()?)?)?;
        at.literal(b" ver=\"")?;
        self.set(Piece::Version, &field(at.quoted()?)?);
        at.literal(b" rel=\"")?;
        self.set(Piece::Release, &field(at.quoted()?)?);
        at.literal(b"/>\n  <checksum type=\"")?;
        let kind = ChecksumKind::from_name(&field(at.quoted()?)?).ok()?;
        at.literal(b" pkgid=\"YES\">")?;
        let pkgid = field(at.text()?)?;
        if !kind.fits(&pkgid) {
            return None;
        }
        self.checksum_kind = Some(kind);
        self.set(Piece::PkgId, &pkgid);
        at.literal(b"</checksum>\n  ")?;
        for name in [&b"summary"[..], b"description", b"packager", b"url"] {
            at.skip_element(name)?;
            at.literal(b"\n  ")?;
        }
        at.literal(b"<time file=\"")?;
        self.file_time = number(at.quoted()?)?;
        at.literal(b" build=\"")?;
        self.build_time = number(at.quoted()?)?;
        at.literal(b"/>\n  <size package=\"")?;
        self.sizes.package = number(at.quoted()?)?;
        at.literal(b" installed=\"")?;
        self.sizes.installed = number(at.quoted()?)?;
        at.literal(b" archive=\"")?;
        self.sizes.archive = number(at.quoted()?)?;
        at.literal(b"/>\n  <location")?;
        while !at.take(b"/>\n  <format>\n") {
            let (key, value) = at.attribute()?;
            match key {
                b"href" => self.set(Piece::Location, &field(value)?),
                b"xml:base" => self.set(Piece::Base, &field(value)?),
                _ => return None,
            }
        }
        Some(())
    }

    /// Reads what is between `<format>` and `</format>`.
    fn canonical_format(&mut self, inner: &[u8], want: Want) -> Option<()> {
        let mut at = Cursor::new(inner);
        while !at.rest().is_empty() {
            at.literal(b"    <")?;
            if at.take(b"file") {
                self.canonical_file(&mut at, want)?;
                continue;
            }
            at.literal(b"rpm:")?;
            if at.take(b"header-range start=\"") {
                let start = number(at.quoted()?)?;
                at.literal(b" end=\"")?;
                let end = number(at.quoted()?)?;
                at.literal(b"/>\n")?;
                self.header_range = want.has(Want::FORMAT).then_some((start, end));
                continue;
            }
            let mut tag = at;
            let name = tag.until(b'>')?;
            if let Some(relation) = Relation::from_name(name) {
                tag.literal(b"\n")?;
                at = if want.has(Want::of(relation)) {
                    self.canonical_entries(tag, relation, name)?
                } else {
                    let end = [b"    </rpm:", name, b">\n"].concat();
                    Cursor::new(after(tag.rest(), &end)?)
                };
                continue;
            }
            self.canonical_text(&mut at, want)?;
        }
        Some(())
    }

    /// Reads `rpm:license>…</rpm:license>` and the like, of which the source package alone counts.
    fn canonical_text(&mut self, at: &mut Cursor<'_>, want: Want) -> Option<()> {
        const PLAIN: [&[u8]; 5] = [b"license", b"vendor", b"group", b"buildhost", b"sourcerpm"];
        let mut tag = *at;
        let name = tag.until(b'>')?;
        *at = tag;
        let (name, empty) = name.strip_suffix(b"/").map_or((name, false), |name| (name, true));
        if !PLAIN.contains(&name) {
            return None;
        }
        if !empty {
            let text = at.text()?;
            if name == b"sourcerpm" && want.has(Want::FORMAT) {
                self.set(Piece::SourceRpm, &field(text)?);
            }
            at.literal(b"</rpm:")?;
            at.literal(name)?;
            at.literal(b">")?;
        }
        at.literal(b"\n")
    }

    /// Reads the entries of a relation and its end.
    fn canonical_entries<'a>(
        &mut self,
        mut at: Cursor<'a>,
        relation: Relation,
        name: &[u8],
    ) -> Option<Cursor<'a>> {
        while at.take(b"      <rpm:entry") {
            let mut entry = Entry::new(relation);
            while !at.take(b"/>\n") {
                let (key, value) = at.attribute()?;
                self.set_entry(&mut entry, key, &field(value)?)?;
            }
            self.entries.push(entry);
        }
        at.literal(b"    </rpm:")?;
        at.literal(name)?;
        at.literal(b">\n")?;
        Some(at)
    }

    /// Reads a file after `<file`.
    fn canonical_file(&mut self, at: &mut Cursor<'_>, want: Want) -> Option<()> {
        let kind = if at.take(b" type=\"") { FileKind::from_name(at.quoted()?)? } else { FileKind::File };
        at.literal(b">")?;
        let path = at.text()?;
        if want.has(Want::FILES) {
            let span = self.push(&field(path)?);
            self.files.push((kind, span));
        }
        at.literal(b"</file>\n")
    }
}

#[cfg(test)]
mod tests;
