//! The head: a small file beside the journal that says how far it had come.
//!
//! The journal's own chain cannot tell that records are missing at its end. The head can: it holds number and
//! digest of the last record and is written over in place after each record is durable. It is not synced itself,
//! so a power loss may leave it behind the journal; ahead of it the journal can only be if somebody cut it.
//! One fixed-size line: it never needs room again once it is there, and a reader that meets it half written
//! sees that from its check digits.
//!
//! ```text
//! 2 00000000000000000042 5f0e…(64 digits) 1c9d…(16 digits of SHA-256 over all before them)
//! ```

use super::format::{FORMAT, RecordDigest, line_hash};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The length of its line, in bytes.
const LENGTH: usize = 2 + 21 + 65 + 16 + 1;
/// How often it is read again by somebody who may have met it half written.
const READS: u32 = 5;

/// How far a journal had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of its last record; 0 before the first.
    pub seq: u64,
    /// The digest of that record.
    pub digest: RecordDigest,
}

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeadRead {
    /// There is none.
    #[default]
    Missing,
    /// It cannot be read.
    Damaged,
    /// It says this.
    Known(Head),
}

/// Returns the path of the head of the journal at `journal`.
pub fn path(journal: &Path) -> PathBuf {
    journal.with_file_name("head")
}

/// Reads the head of the journal at `journal`.
pub fn read(journal: &Path) -> HeadRead {
    let path = path(journal);
    for _ in 0..READS {
        let mut text = Vec::new();
        match File::open(&path).and_then(|file| file.take(LENGTH as u64 + 1).read_to_end(&mut text)) {
            Ok(0) => return HeadRead::Missing,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return HeadRead::Missing,
            Err(_) => return HeadRead::Damaged,
        }
        if let Some(head) = parse(&text) {
            return HeadRead::Known(head);
        }
    }
    HeadRead::Damaged
}

fn parse(text: &[u8]) -> Option<Head> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('\n')?;
    let (said, check) = text.rsplit_once(' ')?;
    if check != line_hash(said.as_bytes()).short() {
        return None;
    }
    let mut words = said.split(' ').skip(1);
    let head =
        Head { seq: words.next()?.parse().ok()?, digest: RecordDigest::from_hex(words.next()?.as_bytes())? };
    words.next().is_none().then_some(head)
}

fn line(head: &Head) -> String {
    let said = format!("{FORMAT} {:020} {}", head.seq, head.digest);
    format!("{said} {}\n", line_hash(said.as_bytes()).short())
}

/// The one writer of a head.
#[derive(Debug)]
pub struct HeadWriter {
    file: File,
    path: PathBuf,
}

impl HeadWriter {
    /// Opens the head of the journal at `journal` and writes `head` into it, so that it has its room.
    pub fn open(journal: &Path, head: &Head) -> io::Result<Self> {
        let path = path(journal);
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        let writer = Self { file, path };
        writer.write(head)?;
        writer.file.set_len(LENGTH as u64)?;
        Ok(writer)
    }

    /// Writes `head` over what was there.
    pub fn write(&self, head: &Head) -> io::Result<()> {
        self.file.write_all_at(line(head).as_bytes(), 0)
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
