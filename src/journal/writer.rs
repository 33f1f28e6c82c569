//! Appends to a journal, durably: a record is on disk when `append` returns.

use super::JournalError;
use super::format::{GENESIS, Record, line_hash};
use super::reader;
use crate::domain::run::Event;
use jiff::Timestamp;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The one writer of a journal; whoever has it must hold the run's lock.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    seq: u64,
    prev: String,
    failed: bool,
}

impl Writer {
    /// Opens the journal at `path` to append after its last whole record.
    ///
    /// A torn last line was never acknowledged to anybody; its bytes are kept beside the journal in
    /// `journal.torn-SEQ` before the journal is cut back to its last whole record.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let file = OpenOptions::new()
            .append(true)
            .read(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(JournalError::io("cannot open the journal", path))?;
        let read = reader::read(path)?;
        if let Some(problem) = read.problem {
            return Err(JournalError::Damaged { path: path.to_owned(), problem });
        }
        if !read.torn.is_empty() {
            let kept = path.with_file_name(format!("journal.torn-{}", read.records.len() + 1));
            keep(&kept, &read.torn).map_err(JournalError::io("cannot keep the torn line in", &kept))?;
            file.set_len(read.whole_bytes).map_err(JournalError::io("cannot cut back", path))?;
        }
        file.sync_all().map_err(JournalError::io("cannot write", path))?;
        // The file's name is durable too before anything relies on a record in it.
        if let Some(folder) = path.parent() {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(JournalError::io("cannot write the folder", folder))?;
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            seq: read.records.len() as u64,
            prev: read.last_hash.unwrap_or_else(|| GENESIS.to_owned()),
            failed: false,
        })
    }

    /// Appends one event and waits until it is on disk.
    ///
    /// After a failure every further append fails too: a journal that cannot be written stops the run.
    pub fn append(&mut self, time: Timestamp, event: &Event) -> Result<(), JournalError> {
        if self.failed {
            let problem = "an earlier record could not be written".to_owned();
            return Err(JournalError::Damaged { path: self.path.clone(), problem });
        }
        let record = Record { seq: self.seq + 1, time, prev: &self.prev, fact: event };
        let mut line = serde_json::to_vec(&record)
            .map_err(|error| JournalError::Damaged { path: self.path.clone(), problem: error.to_string() })?;
        let hash = line_hash(&line);
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        self.failed = written.is_err();
        written.map_err(JournalError::io("cannot write the journal", &self.path))?;
        self.seq += 1;
        self.prev = hash;
        Ok(())
    }
}

/// Appends to what was kept before, if a line was torn here before.
fn keep(path: &Path, torn: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(torn)?;
    file.sync_all()
}
