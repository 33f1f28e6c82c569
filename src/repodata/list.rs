//! All packages of a repo, compactly: what it takes to compare two repos of 30,000 packages.
//!
//! One string holds all text and one row of numbers each package, some 9 MB for 30,000. It keeps no dependencies
//! and no files.

use super::checksum::ChecksumKind;
use super::error::Problem;
use super::nevra::{Nevra, compare};
use super::package::Package;
use std::cmp::Ordering;
use std::collections::HashMap;

/// A piece of the text of a list.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: u32,
    length: u32,
}

#[derive(Debug, Clone)]
struct Row {
    name: Span,
    arch: Span,
    version: Span,
    release: Span,
    pkgid: Span,
    location: Span,
    epoch: u32,
    stream: u32,
    kind: ChecksumKind,
    size: u64,
    installed: u64,
    build_time: u64,
}

/// The packages of one repo, in the order of the file.
#[derive(Debug, Clone, Default)]
pub struct PackageList {
    text: String,
    rows: Vec<Row>,
    /// Short texts that come again and again: architectures and releases.
    common: HashMap<String, Span>,
    streams: Vec<String>,
}

/// How many different short texts are shared; beyond that they are just written again.
const MOST_COMMON: usize = 4096;
/// The largest repos have some 100,000 packages (Fedora's Everything, with its updates).
const MOST_PACKAGES: usize = 1_000_000;
const MOST_TEXT: usize = 512 << 20;

impl PackageList {
    /// Makes an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a package; an error if there are more than any repo has.
    pub fn push(&mut self, package: &Package) -> Result<(), Problem> {
        if self.rows.len() >= MOST_PACKAGES || self.text.len() >= MOST_TEXT {
            return Err(Problem::TooMany { what: "packages", limit: self.rows.len() });
        }
        let row = Row {
            name: self.add(package.name()),
            arch: self.share(package.arch(), |row| row.arch),
            version: self.add(package.version()),
            release: self.share(package.release(), |row| row.release),
            pkgid: self.add(package.pkgid()),
            location: self.add(package.location()),
            epoch: package.epoch,
            stream: 0,
            kind: package.checksum_kind(),
            size: package.sizes.package,
            installed: package.sizes.installed,
            build_time: package.build_time,
        };
        self.rows.push(row);
        Ok(())
    }

    fn read(&self, span: Span) -> &str {
        let from = span.from as usize;
        self.text.get(from..from + span.length as usize).unwrap_or_default()
    }

    fn add(&mut self, text: &str) -> Span {
        let from = self.text.len() as u32;
        self.text.push_str(text);
        Span { from, length: text.len() as u32 }
    }

    /// Adds a text that comes again and again, mostly at once: then without asking the table.
    fn share(&mut self, text: &str, of: fn(&Row) -> Span) -> Span {
        if let Some(span) = self.rows.last().map(of).filter(|span| self.read(*span) == text) {
            return span;
        }
        if let Some(span) = self.common.get(text) {
            return *span;
        }
        let span = self.add(text);
        if self.common.len() < MOST_COMMON {
            self.common.insert(text.to_owned(), span);
        }
        span
    }

    /// Returns how many packages there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the package at a place; `None` beyond the end.
    pub fn get(&self, place: usize) -> Option<Listing<'_>> {
        self.rows.get(place).map(|row| Listing { list: self, row })
    }

    /// Returns all packages in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = Listing<'_>> {
        self.rows.iter().map(|row| Listing { list: self, row })
    }

    /// Says which packages belong to which module stream (`nodejs:18`), by their NEVRA with the epoch.
    ///
    /// Packages of two streams of one module are then no updates of each other.
    pub fn set_streams(&mut self, streams: &HashMap<String, String>) {
        let mut places: HashMap<&str, u32> = HashMap::new();
        let mut names = Vec::new();
        let found: Vec<u32> = (self.iter())
            .map(|listing| {
                let Some(stream) = streams.get(&listing.nevra().with_epoch()) else { return 0 };
                *places.entry(stream).or_insert_with(|| {
                    names.push(stream.clone());
                    names.len() as u32
                })
            })
            .collect();
        for (row, stream) in self.rows.iter_mut().zip(found) {
            row.stream = stream;
        }
        self.streams = names;
    }
}

/// One package of a list.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    list: &'a PackageList,
    row: &'a Row,
}

impl<'a> Listing<'a> {
    fn text(&self, span: Span) -> &'a str {
        self.list.read(span)
    }

    /// Returns the name.
    pub fn name(&self) -> &'a str {
        self.text(self.row.name)
    }

    /// Returns the architecture.
    pub fn arch(&self) -> &'a str {
        self.text(self.row.arch)
    }

    /// Returns the epoch, 0 where there is none.
    pub fn epoch(&self) -> u32 {
        self.row.epoch
    }

    /// Returns the version.
    pub fn version(&self) -> &'a str {
        self.text(self.row.version)
    }

    /// Returns the release.
    pub fn release(&self) -> &'a str {
        self.text(self.row.release)
    }

    /// Returns the checksum of the file, in hexadecimal, and its kind.
    pub fn pkgid(&self) -> (ChecksumKind, &'a str) {
        (self.row.kind, self.text(self.row.pkgid))
    }

    /// Returns the location as it is written: foreign text, see [`super::href::check`].
    pub fn location(&self) -> &'a str {
        self.text(self.row.location)
    }

    /// Returns the module stream, `nodejs:18`, if [`PackageList::set_streams`] said one.
    pub fn stream(&self) -> Option<&'a str> {
        self.list.streams.get((self.row.stream as usize).checked_sub(1)?).map(String::as_str)
    }

    /// Returns the bytes of the file.
    pub fn size(&self) -> u64 {
        self.row.size
    }

    /// Returns the bytes of what is installed.
    pub fn installed(&self) -> u64 {
        self.row.installed
    }

    /// Returns when it was built: seconds since 1970.
    pub fn build_time(&self) -> u64 {
        self.row.build_time
    }

    /// Returns the full name.
    pub fn nevra(&self) -> Nevra {
        Nevra::new(self.name(), self.epoch(), self.version(), self.release(), self.arch())
    }

    /// Orders epoch, version and release as rpm does.
    pub fn cmp_evr(&self, other: &Listing<'_>) -> Ordering {
        compare(
            (self.epoch(), self.version(), self.release()),
            (other.epoch(), other.version(), other.release()),
        )
    }
}
