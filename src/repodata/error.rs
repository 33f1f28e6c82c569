//! What can be wrong with metadata, and what to do about it.
//!
//! A problem is a value: a reader never panics, hangs or grows without bound over what a file says. `Problem`
//! knows no file; `RepodataError` names it.

use super::checksum::ChecksumKind;
use super::compression::Compression;
use super::href::HrefError;
use std::io;

/// Why a file of a repo could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}; {}", problem.advice())]
pub struct RepodataError {
    /// The file, relative to the repo: `repodata/repomd.xml`.
    pub file: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a metadata file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is none.
    #[error("is missing")]
    Missing,
    /// `repomd.xml` names no such data.
    #[error("names no data of type `{0}`")]
    NotNamed(String),
    /// It is a folder, a FIFO, a device or a symlink.
    #[error("is no plain file")]
    NotAFile,
    /// The system refused.
    #[error("could not be read: {0}")]
    Io(String),
    /// Whoever waits for it asked for the end.
    #[error("was not read to its end, as asked")]
    Cancelled,
    /// It is longer than anything that is read.
    #[error("is longer than {limit} bytes, the most that is read of it")]
    TooLong {
        /// In bytes, uncompressed.
        limit: u64,
    },
    /// It says that it is longer than anything that is read.
    #[error("claims {claimed} bytes, more than the {limit} that are read of it")]
    ClaimsTooMuch {
        /// In bytes.
        claimed: u64,
        /// In bytes.
        limit: u64,
    },
    /// It is compressed as zchunk, which nobody needs: the same data stands there in another form.
    #[error("is compressed as zchunk, which is not read")]
    Zchunk,
    /// It does not decompress.
    #[error("is damaged or cut short ({}): {message}", compression.word())]
    Damaged {
        /// What its first bytes say.
        compression: Compression,
        /// The decoder's words.
        message: String,
    },
    /// It is no XML.
    #[error("is no well-formed XML at byte {at}: {message}")]
    Xml {
        /// Counted in what was given to the XML reader.
        at: u64,
        /// The reader's words.
        message: String,
    },
    /// It declares a document type, which could define entities.
    #[error("declares a document type, which metadata never does")]
    Doctype,
    /// It uses an entity that XML does not know.
    #[error("uses the entity `{0}`, which is not resolved")]
    Entity(String),
    /// It is another document.
    #[error("is a `{found}` and no `{wanted}` document")]
    Root {
        /// What it should be.
        wanted: &'static str,
        /// What it is.
        found: String,
    },
    /// A field has a value that it cannot have.
    #[error("has a wrong {what} in {place}: `{value}`")]
    Field {
        /// The field.
        what: &'static str,
        /// The package, advisory or data type.
        place: String,
        /// What stands there, at most 80 characters of it.
        value: String,
    },
    /// A field is not there.
    #[error("has no {what} in {place}")]
    NoField {
        /// The field.
        what: &'static str,
        /// The package, advisory or data type.
        place: String,
    },
    /// A location leads out of the repo.
    #[error("has a wrong location for `{place}`: {problem}")]
    Href {
        /// The data type.
        place: String,
        /// Why it is wrong.
        problem: HrefError,
    },
    /// One record is longer than any can be.
    #[error("has a record of more than {limit} bytes")]
    RecordTooLong {
        /// In bytes.
        limit: usize,
    },
    /// It has more of something than can be true.
    #[error("has more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are read.
        limit: usize,
    },
    /// It nests deeper than any metadata does.
    #[error("nests deeper than {0} levels")]
    TooDeep(usize),
    /// It counts wrongly.
    #[error("says that it has {claimed} packages and has {found}")]
    Count {
        /// What the root element says.
        claimed: u64,
        /// How many there are.
        found: u64,
    },
    /// It is no YAML.
    #[error("is no YAML that is read, at line {line}: {message}")]
    Yaml {
        /// From 1.
        line: u64,
        /// The reader's words.
        message: String,
    },
    /// It is not in UTF-8.
    #[error("is not in UTF-8")]
    NotUtf8,
    /// It lies on another server.
    #[error("lies elsewhere: xml:base is `{0}`")]
    Elsewhere(String),
    /// A checksum of a kind that is not known.
    #[error("has a checksum of the unknown kind `{0}`")]
    UnknownChecksum(String),
    /// A checksum that is none.
    #[error("has a {} checksum that is none: `{text}`", kind.word())]
    NotAChecksum {
        /// Its kind.
        kind: ChecksumKind,
        /// What stands there.
        text: String,
    },
}

impl Problem {
    /// Returns what to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Missing | Self::NotNamed(_) => "sync the repo again, or run createrepo_c on it",
            Self::NotAFile => "put the file itself there",
            Self::Io(_) => "look at the mount and at the permissions",
            Self::Cancelled => "ask again",
            Self::TooLong { .. }
            | Self::ClaimsTooMuch { .. }
            | Self::RecordTooLong { .. }
            | Self::TooMany { .. }
            | Self::TooDeep(_) => "do not trust it; make the metadata anew",
            Self::Zchunk => "have it made as gz, xz or zstd too",
            Self::Elsewhere(_) => "make the metadata anew without a base URL",
            _ => "make the metadata anew: prep does, or createrepo_c",
        }
    }

    /// Names the file.
    pub fn of(self, file: &str) -> RepodataError {
        RepodataError { file: file.to_owned(), problem: self }
    }

    /// Makes the problem of a field, whose value is cut where it is long.
    pub(super) fn field(what: &'static str, place: &str, value: &str) -> Self {
        Self::Field { what, place: cut(place), value: cut(value) }
    }

    /// Makes the problem of a field that is not there.
    pub(super) fn no_field(what: &'static str, place: &str) -> Self {
        Self::NoField { what, place: cut(place) }
    }
}

/// Returns at most 80 characters, none of them a control character.
pub(super) fn cut(text: &str) -> String {
    let safe = |c: char| if c.is_control() { '?' } else { c };
    let mut short: String = text.chars().take(80).map(safe).collect();
    if text.chars().nth(80).is_some() {
        short.push('…');
    }
    short
}

/// A problem travels through `Read` as the cause of an I/O error.
impl From<Problem> for io::Error {
    fn from(problem: Problem) -> Self {
        Self::other(problem)
    }
}

impl From<&io::Error> for Problem {
    fn from(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>());
        inner.cloned().unwrap_or_else(|| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            io::ErrorKind::InvalidData if error.raw_os_error().is_none() => Self::NotUtf8,
            _ => Self::Io(words(error)),
        })
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::from(&error)
    }
}

/// Says what an I/O error means, without its number; where Rust has no words for it, the system's.
pub(super) fn words(error: &io::Error) -> String {
    let kind = error.kind().to_string();
    if kind != "uncategorized error" {
        return kind;
    }
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
