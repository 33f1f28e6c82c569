//! One package as primary.xml has it, and what of it is to be read.
//!
//! A package holds all its text in one string and all its lists in one vector each, and is used again for the
//! next, so that reading 30,000 of them allocates nothing. Whoever wants to keep one clones it.

use super::checksum::ChecksumKind;
use super::error::Problem;
use super::href::{self, HrefError};
use rpm_version::Evr;
use std::fmt;
use std::ops::BitOr;

/// What is to be read of each package. The identity (name, version, checksum, sizes, times, location) always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want(u8);

impl Want {
    /// The identity alone: enough to compare repos.
    pub const IDENTITY: Self = Self(0);
    /// The source package and the range of the header.
    pub const FORMAT: Self = Self(1);
    /// What it requires.
    pub const REQUIRES: Self = Self(2);
    /// What it provides.
    pub const PROVIDES: Self = Self(4);
    /// Conflicts, obsoletes, and the weak dependencies.
    pub const OTHER_RELATIONS: Self = Self(8);
    /// The files.
    pub const FILES: Self = Self(16);
    /// Everything.
    pub const ALL: Self = Self(31);

    /// Returns whether any of `other` is wanted.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns what must be wanted for a relation to be read.
    pub(super) const fn of(relation: Relation) -> Self {
        match relation {
            Relation::Requires => Self::REQUIRES,
            Relation::Provides => Self::PROVIDES,
            _ => Self::OTHER_RELATIONS,
        }
    }
}

impl BitOr for Want {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// How a package stands to what a dependency names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// `rpm:provides`
    Provides,
    /// `rpm:requires`
    Requires,
    /// `rpm:conflicts`
    Conflicts,
    /// `rpm:obsoletes`
    Obsoletes,
    /// `rpm:recommends`
    Recommends,
    /// `rpm:suggests`
    Suggests,
    /// `rpm:supplements`
    Supplements,
    /// `rpm:enhances`
    Enhances,
}

impl Relation {
    /// Returns the relation whose element is called `name`, without its prefix.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"provides" => Self::Provides,
            b"requires" => Self::Requires,
            b"conflicts" => Self::Conflicts,
            b"obsoletes" => Self::Obsoletes,
            b"recommends" => Self::Recommends,
            b"suggests" => Self::Suggests,
            b"supplements" => Self::Supplements,
            b"enhances" => Self::Enhances,
            _ => return None,
        })
    }
}

/// How the version of a dependency is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparison {
    /// `EQ`
    Equal,
    /// `LT`
    Less,
    /// `LE`
    LessOrEqual,
    /// `GT`
    Greater,
    /// `GE`
    GreaterOrEqual,
}

impl Comparison {
    /// Returns the comparison that metadata calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "EQ" => Self::Equal,
            "LT" => Self::Less,
            "LE" => Self::LessOrEqual,
            "GT" => Self::Greater,
            "GE" => Self::GreaterOrEqual,
            _ => return None,
        })
    }
}

/// A dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dependency<'a> {
    /// How the package stands to it.
    pub relation: Relation,
    /// A package, a capability, a file, or a rich dependency in brackets.
    pub name: &'a str,
    /// How its version is compared, if it has one.
    pub comparison: Option<Comparison>,
    /// 0 where there is none.
    pub epoch: u32,
    /// Empty where there is none.
    pub version: &'a str,
    /// Empty where there is none: then any release will do.
    pub release: &'a str,
    /// Whether it must be there before the package is installed.
    pub pre: bool,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// A plain file or a link.
    File,
    /// A folder.
    Folder,
    /// Something that the package owns and does not bring.
    Ghost,
}

impl FileKind {
    /// Returns the kind that metadata calls `name`.
    pub(super) fn from_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"dir" => Self::Folder,
            b"ghost" => Self::Ghost,
            b"file" | b"" => Self::File,
            _ => return None,
        })
    }
}

/// A piece of the text of a package.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    from: u32,
    to: u32,
}

/// The pieces of text that every package has.
#[derive(Debug, Clone, Copy)]
#[repr(usize)]
pub(super) enum Piece {
    Name,
    Arch,
    Version,
    Release,
    PkgId,
    Location,
    Base,
    SourceRpm,
}

const PIECES: usize = 8;

/// A dependency whose text lies in the package's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) relation: Relation,
    pub(super) comparison: Option<Comparison>,
    pub(super) epoch: u32,
    pub(super) pre: bool,
    pub(super) name: Span,
    pub(super) version: Span,
    pub(super) release: Span,
}

/// Numbers of bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Of the file.
    pub package: u64,
    /// Of what is installed.
    pub installed: u64,
    /// Of the payload, inflated.
    pub archive: u64,
}

/// One package of primary.xml.
#[derive(Clone, Default)]
pub struct Package {
    pub(super) text: String,
    pub(super) pieces: [Span; PIECES],
    pub(super) entries: Vec<Entry>,
    pub(super) files: Vec<(FileKind, Span)>,
    /// 0 where there is none.
    pub epoch: u32,
    /// Of the file, installed and inflated.
    pub sizes: Sizes,
    /// When the file was written: seconds since 1970.
    pub file_time: u64,
    /// When it was built: seconds since 1970.
    pub build_time: u64,
    /// Where its header begins and ends, in bytes of the file.
    pub header_range: Option<(u64, u64)>,
    pub(super) checksum_kind: Option<ChecksumKind>,
    pub(super) reading: super::primary::Reading,
}

impl Package {
    /// Adds text and returns where it is.
    pub(super) fn push(&mut self, text: &str) -> Span {
        let from = self.text.len() as u32;
        self.text.push_str(text);
        Span { from, to: self.text.len() as u32 }
    }

    pub(super) fn set(&mut self, piece: Piece, text: &str) {
        self.pieces[piece as usize] = self.push(text);
    }

    pub(super) fn get(&self, span: Span) -> &str {
        self.text.get(span.from as usize..span.to as usize).unwrap_or_default()
    }

    pub(super) fn piece(&self, piece: Piece) -> &str {
        self.get(self.pieces[piece as usize])
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        self.piece(Piece::Name)
    }

    /// Returns the architecture; `src` for a source package.
    pub fn arch(&self) -> &str {
        self.piece(Piece::Arch)
    }

    /// Returns the version.
    pub fn version(&self) -> &str {
        self.piece(Piece::Version)
    }

    /// Returns the release.
    pub fn release(&self) -> &str {
        self.piece(Piece::Release)
    }

    /// Returns epoch, version and release, in rpm's order.
    pub fn evr(&self) -> Evr<'_> {
        Evr::new(self.epoch.to_string(), self.version().to_owned(), self.release().to_owned())
    }

    /// Returns the checksum of the file, in hexadecimal: what tells two builds of the same version apart.
    pub fn pkgid(&self) -> &str {
        self.piece(Piece::PkgId)
    }

    /// Returns the kind of that checksum.
    pub fn checksum_kind(&self) -> ChecksumKind {
        self.checksum_kind.unwrap_or(ChecksumKind::Sha256)
    }

    /// Returns the location as it is written. It is foreign text: see [`Package::href`].
    pub fn location(&self) -> &str {
        self.piece(Piece::Location)
    }

    /// Returns the location if it stays below the repo.
    pub fn href(&self) -> Result<&str, HrefError> {
        href::check(self.location()).map(|()| self.location())
    }

    /// Returns where the repo lies instead (`xml:base`), if it says so.
    pub fn base(&self) -> Option<&str> {
        Some(self.piece(Piece::Base)).filter(|base| !base.is_empty())
    }

    /// Returns the file name of the source package; empty for a source package.
    pub fn source_rpm(&self) -> &str {
        self.piece(Piece::SourceRpm)
    }

    /// Returns the dependencies that were wanted, in the order of the file.
    pub fn dependencies(&self) -> impl Iterator<Item = Dependency<'_>> {
        self.entries.iter().map(|entry| Dependency {
            relation: entry.relation,
            name: self.get(entry.name),
            comparison: entry.comparison,
            epoch: entry.epoch,
            version: self.get(entry.version),
            release: self.get(entry.release),
            pre: entry.pre,
        })
    }

    /// Returns the dependencies of one relation.
    pub fn related(&self, relation: Relation) -> impl Iterator<Item = Dependency<'_>> {
        self.dependencies().filter(move |dependency| dependency.relation == relation)
    }

    /// Returns the files, if they were wanted: of primary.xml only those that others are wont to require.
    pub fn files(&self) -> impl Iterator<Item = (FileKind, &str)> {
        self.files.iter().map(|(kind, span)| (*kind, self.get(*span)))
    }

    /// Says what is missing.
    pub(super) fn whole(&self) -> Result<(), Problem> {
        let place = if self.name().is_empty() { "a package" } else { self.name() };
        let pieces = [
            ("name", Piece::Name),
            ("arch", Piece::Arch),
            ("version", Piece::Version),
            ("release", Piece::Release),
            ("checksum", Piece::PkgId),
            ("location", Piece::Location),
        ];
        let missing = pieces.into_iter().find(|(_, piece)| self.piece(*piece).is_empty());
        missing.map_or(Ok(()), |(what, _)| Err(Problem::no_field(what, place)))
    }
}

/// Two packages are equal if they say the same, wherever their text lies.
impl PartialEq for Package {
    fn eq(&self, other: &Self) -> bool {
        let numbers = |one: &Self| {
            (one.epoch, one.sizes, one.file_time, one.build_time, one.header_range, one.checksum_kind)
        };
        let pieces = |one: &Self| one.pieces.map(|span| one.get(span).to_owned());
        numbers(self) == numbers(other)
            && pieces(self) == pieces(other)
            && self.dependencies().eq(other.dependencies())
            && self.files().eq(other.files())
    }
}

impl Eq for Package {}

impl fmt::Debug for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Package")
            .field("pieces", &self.pieces.map(|span| self.get(span)))
            .field("epoch", &self.epoch)
            .field("sizes", &self.sizes)
            .field("times", &(self.file_time, self.build_time))
            .field("header_range", &self.header_range)
            .field("dependencies", &self.dependencies().collect::<Vec<_>>())
            .field("files", &self.files().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
