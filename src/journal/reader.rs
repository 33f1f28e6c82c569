//! Reads journals: whole, or as they grow.
//!
//! Reading stops at the first record that is wrong, and everything before it counts. What exactly is wrong,
//! there and behind it, is [`super::audit`]'s question.

use super::JournalError;
use super::format::{self, FORMAT, GENESIS, ReadRecord, RecordDigest};
use super::head::{self, Head, HeadRead};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The longest line that is taken for a record, in bytes.
const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// What a journal holds.
#[derive(Debug, Default)]
pub struct ReadJournal {
    /// Its whole records, up to the first that is wrong.
    pub records: Vec<ReadRecord>,
    /// What is wrong with it, if anything but a torn last line is.
    pub problem: Option<String>,
    /// The bytes of a torn last line.
    pub torn: Vec<u8>,
    /// How many bytes its whole records take.
    pub whole_bytes: u64,
    /// The format of its last record; none where it has no record.
    pub format: Option<u32>,
    /// Number and digest of its last whole record.
    pub head: Option<Head>,
}

/// Reads the journal at `path`; a journal that is not there is empty.
pub fn read(path: &Path) -> Result<ReadJournal, JournalError> {
    let mut tail = Tail::new(path);
    let records = tail.poll()?;
    Ok(ReadJournal {
        records,
        head: tail.head(),
        problem: tail.problem,
        torn: tail.rest,
        whole_bytes: tail.whole_bytes,
        format: tail.format,
    })
}

/// Follows a journal as it grows.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    rest: Vec<u8>,
    whole_bytes: u64,
    format: Option<u32>,
    /// The digest of every record so far: the head may name any of them.
    digests: Vec<RecordDigest>,
    problem: Option<String>,
}

impl Tail {
    /// Makes a follower that begins at the first record.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            rest: Vec::new(),
            whole_bytes: 0,
            format: None,
            digests: Vec::new(),
            problem: None,
        }
    }

    /// Returns what is wrong with the journal, if anything is; nothing after that place is read.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Returns number and digest of the last record that was read.
    pub fn head(&self) -> Option<Head> {
        self.digests.last().map(|digest| Head { seq: self.seq(), digest: *digest })
    }

    fn seq(&self) -> u64 {
        self.digests.len() as u64
    }

    /// Returns the records that are new since the last call.
    pub fn poll(&mut self) -> Result<Vec<ReadRecord>, JournalError> {
        // First the head: the journal is never behind what it said a moment ago.
        let head = head::read(&self.path);
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.compare(head);
                return Ok(Vec::new());
            }
            Err(error) => return Err(JournalError::io("cannot read the journal", &self.path)(error)),
        };
        let length = file.metadata().map_err(JournalError::io("cannot read the journal", &self.path))?.len();
        if length < self.whole_bytes && self.problem.is_none() {
            self.problem = Some("it became shorter than what was read of it".to_owned());
        }
        // What was torn is read again: a new supervisor may have cut it off and written something else there.
        self.rest.clear();
        let mut records = Vec::new();
        if length > self.whole_bytes && self.problem.is_none() {
            file.seek(SeekFrom::Start(self.whole_bytes))
                .and_then(|_| file.take(length - self.whole_bytes).read_to_end(&mut self.rest))
                .map_err(JournalError::io("cannot read the journal", &self.path))?;
            records = self.take_lines(head);
        }
        self.compare(head);
        Ok(records)
    }

    /// Compares the journal with its head: one that was cut ends before it.
    fn compare(&mut self, head: HeadRead) {
        let HeadRead::Known(head) = head else { return };
        if self.problem.is_some() || head.seq == 0 {
            return;
        }
        let known = usize::try_from(head.seq - 1).ok().and_then(|place| self.digests.get(place));
        self.problem = match known {
            Some(digest) if *digest == head.digest => None,
            Some(_) => Some(format!(
                "record {} is not the one that was written; the journal or its head was changed",
                head.seq
            )),
            None => Some(format!(
                "it was cut: record {} was written, and it ends with record {}",
                head.seq,
                self.seq()
            )),
        };
    }

    fn take_lines(&mut self, head: HeadRead) -> Vec<ReadRecord> {
        let mut records = Vec::new();
        let bytes = std::mem::take(&mut self.rest);
        let mut at = 0;
        while let Some(end) = memchr::memchr(b'\n', bytes.get(at..).unwrap_or_default()) {
            let line = bytes.get(at..at + end).unwrap_or_default();
            match self.check(line) {
                Ok(record) => records.push(record),
                Err(_) if at + end + 1 == bytes.len() && self.was_never_whole(line, head) => break,
                Err(problem) => {
                    self.problem = Some(format!("record {}: {problem}", self.seq() + 1));
                    return records;
                }
            }
            at += end + 1;
            self.whole_bytes += end as u64 + 1;
        }
        self.rest = bytes.get(at..).unwrap_or_default().to_vec();
        if self.rest.len() > LONGEST_LINE {
            self.problem = Some(format!("record {} is longer than 16 MiB", self.seq() + 1));
        }
        records
    }

    /// Returns whether a bad last line is one that a power loss left in pieces: it does not hold together, and
    /// the head knows of no record there.
    fn was_never_whole(&self, line: &[u8], head: HeadRead) -> bool {
        let unknown = matches!(head, HeadRead::Known(head) if head.seq <= self.seq());
        let format = self.format.unwrap_or(FORMAT);
        unknown && format::parse(line).map_or(true, |record| format >= 2 && record.flaw(format).is_some())
    }

    fn check(&mut self, line: &[u8]) -> Result<ReadRecord, String> {
        let record = format::parse(line).map_err(|error| format!("not a record: {error}"))?;
        let format = format_of(self.format, record.format)?;
        if let Some(flaw) = record.flaw(format) {
            return Err(flaw.to_owned());
        }
        if record.seq != self.seq() + 1 {
            return Err(format!("has the number {}", record.seq));
        }
        if record.prev != self.digests.last().unwrap_or(&GENESIS).to_string() {
            return Err("does not follow from the record before it; one of them was changed".to_owned());
        }
        self.format = Some(format);
        self.digests.push(record.digest(format));
        Ok(record)
    }
}

/// Returns the format of a record that says `said` behind records of format `before`.
pub(super) fn format_of(before: Option<u32>, said: Option<u32>) -> Result<u32, String> {
    match (before, said) {
        (_, Some(said)) if said > FORMAT => Err(format!(
            "is of format {said}; this version reads formats up to {FORMAT}, a newer one is needed"
        )),
        (Some(before), Some(said)) if said <= before => Err(format!("says format {said} anew")),
        (_, Some(said)) => Ok(said),
        (before, None) => Ok(before.unwrap_or(1)),
    }
}
