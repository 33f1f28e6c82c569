//! Appends to a journal, durably: a record is on disk when `append` returns.
//!
//! Room is reserved ahead of the journal's end, so that a disk that fills up cannot take away the facts about
//! what runs: a record that lets something begin is refused while the reserve stands in its way, one that says
//! how something ended may use it up.

use super::JournalError;
use super::format::{FORMAT, GENESIS, Record, RecordDigest};
use super::head::{Head, HeadWriter};
use super::reader;
use crate::domain::run::Event;
use jiff::Timestamp;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The room that is kept for what must still be said when the disk is full, in bytes.
const RESERVE: u64 = 64 * 1024;
/// How much more is asked for at a time, in bytes.
const STRIDE: u64 = 64 * 1024;
/// The least free room of the disk at which something may begin, in bytes: what it prints wants room too.
const LEAST_FREE: u64 = 1024 * 1024;

/// The one writer of a journal; whoever has it must hold the run's lock.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    head: HeadWriter,
    seq: u64,
    last: RecordDigest,
    /// Whether the format that is written was said already.
    format_said: bool,
    /// The length of the journal in bytes.
    length: u64,
    /// Up to where it has its room for certain; none where the file system cannot reserve any.
    reserved: Option<u64>,
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
        let head = read.head.unwrap_or(Head { seq: 0, digest: GENESIS });
        let writer = HeadWriter::open(path, &head)
            .map_err(JournalError::io("cannot write", super::head::path(path)))?;
        // The file's name is durable too before anything relies on a record in it.
        if let Some(folder) = path.parent() {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(JournalError::io("cannot write the folder", folder))?;
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            head: writer,
            seq: head.seq,
            last: head.digest,
            format_said: read.format == Some(FORMAT),
            length: read.whole_bytes,
            reserved: Some(0),
            failed: false,
        })
    }

    /// Appends one event and waits until it is on disk.
    ///
    /// After a failed write every further append fails too: a journal that cannot be written stops the run.
    /// Where only the room is missing ([`JournalError::NoRoom`]), nothing was written, and what ended can still
    /// be said.
    pub fn append(&mut self, time: Timestamp, event: &Event) -> Result<(), JournalError> {
        if self.failed {
            let problem = "an earlier record could not be written".to_owned();
            return Err(JournalError::Damaged { path: self.path.clone(), problem });
        }
        let format = (!self.format_said).then_some(FORMAT);
        let record = Record { format, seq: self.seq + 1, time, prev: self.last, fact: event };
        let (line, digest) = record
            .line()
            .map_err(|error| JournalError::Damaged { path: self.path.clone(), problem: error.to_string() })?;
        self.reserve(line.len() as u64, may_use_reserve(event))?;
        let head = Head { seq: self.seq + 1, digest };
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        // From here on the record stands, and the head may say so.
        let written = written.and_then(|()| self.head.write(&head));
        self.failed = written.is_err();
        written.map_err(JournalError::io("cannot write the journal", &self.path))?;
        self.length += line.len() as u64;
        (self.seq, self.last, self.format_said) = (head.seq, digest, true);
        Ok(())
    }

    /// Makes sure that a line of `length` bytes has its room, and behind it the reserve.
    fn reserve(&mut self, length: u64, may_use_reserve: bool) -> Result<(), JournalError> {
        if !may_use_reserve && self.free().is_some_and(|free| free < LEAST_FREE) {
            return Err(self.no_room(Errno::NOSPC));
        }
        let end = self.length + length;
        let Some(reserved) = self.reserved.filter(|reserved| *reserved < end + RESERVE) else {
            return Ok(());
        };
        let ask = |bytes| fallocate(&self.file, FallocateFlags::KEEP_SIZE, self.length, bytes);
        let asked = [length + RESERVE + STRIDE, length + RESERVE];
        let mut problem = Errno::NOSPC;
        for bytes in asked {
            match ask(bytes) {
                Ok(()) => {
                    self.reserved = Some(self.length + bytes);
                    return Ok(());
                }
                Err(error) => problem = error,
            }
        }
        if !matches!(problem, Errno::NOSPC | Errno::DQUOT) {
            // This file system cannot reserve; then the write itself says whether there is room.
            self.reserved = None;
            return Ok(());
        }
        if may_use_reserve && (end <= reserved || ask(length).is_ok()) {
            return Ok(());
        }
        Err(self.no_room(problem))
    }

    fn no_room(&self, cause: Errno) -> JournalError {
        JournalError::NoRoom { path: self.path.clone(), cause: io::Error::from(cause) }
    }

    /// Returns the free bytes of the disk that the journal is on; none where nobody says.
    fn free(&self) -> Option<u64> {
        let disk = rustix::fs::fstatvfs(&self.file).ok()?;
        // A file system without blocks has no idea of room either.
        (disk.f_blocks > 0).then(|| disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

#[cfg(test)]
impl Writer {
    /// Returns whether its file system reserves room.
    pub(crate) fn reserves(&self) -> bool {
        self.reserved.is_some()
    }

    /// Lets every further write fail, as on a disk that broke.
    pub(crate) fn break_disk(&mut self) {
        self.file = File::open(&self.path).expect("the journal is there");
        self.reserved = None;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let whole = self.file.metadata().is_ok_and(|facts| facts.len() == self.length);
        if whole && self.reserved.is_some_and(|reserved| reserved > self.length) {
            // What was reserved goes back; if it stays, it is 128 KiB.
            let _kept = self.file.set_len(self.length);
        }
    }
}

/// Returns whether an event says how something ended: nothing begins after it that did not run before.
fn may_use_reserve(event: &Event) -> bool {
    matches!(
        event,
        Event::StepStarted { .. }
            | Event::StepEnded { .. }
            | Event::StepConcluded { .. }
            | Event::StepRefused { .. }
            | Event::StopRequested { .. }
            | Event::RunCancelled { .. }
            | Event::ApprovalVoided { .. }
            | Event::SupervisorFailed { .. }
            | Event::ComposePinned { .. }
            | Event::RunEnded {}
    )
}

/// Appends to what was kept before, if a line was torn here before.
fn keep(path: &Path, torn: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(torn)?;
    file.sync_all()
}
