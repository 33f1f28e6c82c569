//! Reads journals: whole, or as they grow.

use super::JournalError;
use super::format::{self, GENESIS, ReadRecord, line_hash};
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
    /// The hash of its last whole line.
    pub last_hash: Option<String>,
}

/// Reads the journal at `path`; a journal that is not there is empty.
pub fn read(path: &Path) -> Result<ReadJournal, JournalError> {
    let mut tail = Tail::new(path);
    let records = tail.poll()?;
    Ok(ReadJournal {
        records,
        problem: tail.problem,
        torn: tail.rest,
        whole_bytes: tail.whole_bytes,
        last_hash: tail.last_hash,
    })
}

/// Follows a journal as it grows.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    rest: Vec<u8>,
    whole_bytes: u64,
    last_hash: Option<String>,
    seq: u64,
    problem: Option<String>,
}

impl Tail {
    /// Makes a follower that begins at the first record.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            rest: Vec::new(),
            whole_bytes: 0,
            last_hash: None,
            seq: 0,
            problem: None,
        }
    }

    /// Returns what is wrong with the journal, if anything is; nothing after that place is read.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Returns the records that are new since the last call.
    pub fn poll(&mut self) -> Result<Vec<ReadRecord>, JournalError> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(JournalError::io("cannot read the journal", &self.path)(error)),
        };
        let length = file.metadata().map_err(JournalError::io("cannot read the journal", &self.path))?.len();
        if length < self.whole_bytes && self.problem.is_none() {
            self.problem = Some("it became shorter than what was read of it".to_owned());
        }
        // What was torn is read again: a new supervisor may have cut it off and written something else there.
        self.rest.clear();
        if length == self.whole_bytes || self.problem.is_some() {
            return Ok(Vec::new());
        }
        file.seek(SeekFrom::Start(self.whole_bytes))
            .and_then(|_| file.take(length - self.whole_bytes).read_to_end(&mut self.rest))
            .map_err(JournalError::io("cannot read the journal", &self.path))?;
        Ok(self.take_lines())
    }

    fn take_lines(&mut self) -> Vec<ReadRecord> {
        let mut records = Vec::new();
        let bytes = std::mem::take(&mut self.rest);
        let mut at = 0;
        while let Some(end) = memchr::memchr(b'\n', bytes.get(at..).unwrap_or_default()) {
            let line = bytes.get(at..at + end).unwrap_or_default();
            match self.check(line) {
                Ok(record) => records.push(record),
                Err(problem) => {
                    self.problem = Some(format!("record {}: {problem}", self.seq + 1));
                    return records;
                }
            }
            at += end + 1;
            self.whole_bytes += end as u64 + 1;
        }
        self.rest = bytes.get(at..).unwrap_or_default().to_vec();
        if self.rest.len() > LONGEST_LINE {
            self.problem = Some(format!("record {} is longer than 16 MiB", self.seq + 1));
        }
        records
    }

    fn check(&mut self, line: &[u8]) -> Result<ReadRecord, String> {
        let record = format::parse(line).map_err(|error| format!("not a record: {error}"))?;
        if record.seq != self.seq + 1 {
            return Err(format!("has the number {}", record.seq));
        }
        if record.prev != self.last_hash.as_deref().unwrap_or(GENESIS) {
            return Err("does not follow from the record before it; one of them was changed".to_owned());
        }
        self.seq = record.seq;
        self.last_hash = Some(line_hash(line));
        Ok(record)
    }
}
