//! Drains a PTY into the step's log file, as cheaply as can be, and notices a few things on the way.
//!
//! Bytes are read into a [`Landing`], which survives a `kill -9`, appended raw to the log, and never travel further:
//! what others get are counts and hints. The kernel hands
//! out at most about 4 KiB a read, and 45 bytes a read from a loop of `echo`s; a pause of 50 µs after a
//! small read lets more gather and costs less than it saves. Small reads
//! reach the file together within [`FLUSH_AFTER`], a full one at once; they are looked at in large pieces.
//!
//! Who reads or polls an empty PTY waits for the kernel's worker to end (`tty_buffer_flush_work`, in
//! `n_tty_read` and `n_tty_poll` of Linux), which is a sleep and two wake-ups for each 4 KiB. FIONREAD only
//! looks; so after a full read the drain looks for a moment until there is something, and a flood takes a
//! third of the time and less CPU than blocking reads do.
//!
//! EIO is how a PTY says that nobody holds its other end. It is not final: a process that closed its
//! output may open `/dev/tty` again. So the drain ends when it is told to, not at the first EIO.

use super::landing::Landing;
use super::phrases::{Phrase, PhraseSearch};
use crate::domain::outcome::PhraseHit;
use crate::domain::progress::{Progress, ProgressFormat, ProgressReader};
use crate::domain::redact::behind_cut;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long output may wait in memory before it is in the file, and how far apart the hints are that it is.
pub const FLUSH_AFTER: Duration = Duration::from_millis(16);
/// How long a silence must be before the unfinished line is looked at.
pub const QUIET_AFTER: Duration = Duration::from_millis(150);
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// The room a read must find; the kernel does not fill more.
const ROOM: usize = 8 * 1024;
const SMALL_READ: usize = 1024;
const PAUSE: Duration = Duration::from_micros(50);
/// How long to look for more after a full read, before the kernel is asked in a way that waits.
const LOOK: Duration = Duration::from_micros(50);
const TAIL: usize = 16 * 1024;
const LAST_LINE: usize = 512;
/// How long the rest may take to be read once the drain was told to end.
const LAST_CALL: Duration = Duration::from_millis(500);

/// What the drain tells while it works.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// The log has grown.
    Grown {
        /// Its length now.
        bytes: u64,
        /// The lines that have ended so far.
        lines: u64,
    },
    /// The progress that can be read from the output has changed.
    Progress(Progress),
    /// Nothing has come for [`QUIET_AFTER`].
    Quiet {
        /// The raw bytes of the last line, if it is unfinished; the last 512 at most.
        line: Vec<u8>,
        /// Whether a full-screen dialogue is up.
        alternate_screen: bool,
    },
    /// Nobody holds the other end of the PTY any more.
    HungUp,
    /// Somebody has opened the other end again.
    Reopened,
    /// The log cannot be written; output is thrown away from here on.
    LogFailed(String),
}

/// What the drain knows when it has ended.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Drained {
    /// The length of the log.
    pub bytes: u64,
    /// The first hit of each failure phrase.
    pub phrases: Vec<PhraseHit>,
}

/// Tells a drain to take what is there and end.
#[derive(Debug)]
pub struct LastCall {
    told: AtomicBool,
    wake: OwnedFd,
}

impl LastCall {
    /// Makes one that has not been given yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            told: AtomicBool::new(false),
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    /// Gives it; once is enough.
    pub fn give(&self) {
        self.told.store(true, Ordering::Release);
        // The counter cannot overflow from a handful of calls, and the flag above is what counts.
        let _written = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    fn given(&self) -> bool {
        self.told.load(Ordering::Acquire)
    }
}

/// A step's log, with the landing of what is on its way there.
#[derive(Debug)]
pub struct Log {
    /// `None` once it could not be written.
    file: Option<File>,
    landing: Landing,
    /// How much of what waits in the landing is in the file.
    written: usize,
    bytes: u64,
}

impl Log {
    /// Creates a step's log: it must not exist yet, and nobody else may read it.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::into_file(OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?, path)
    }

    /// Makes the log that goes into `file`, with its landing beside `path`.
    pub(super) fn into_file(file: File, path: &Path) -> io::Result<Self> {
        Ok(Self { file: Some(file), landing: Landing::create(path)?, written: 0, bytes: 0 })
    }

    /// Ends the log, in which everything is by now. Returns its length.
    pub fn close(self) -> u64 {
        // A landing that cannot be removed says nothing that the log does not.
        let _gone = self.landing.remove();
        self.bytes
    }

    /// Appends what waits in the landing and is not in the file yet.
    fn append(&mut self) -> io::Result<()> {
        let Self { file, landing, written, bytes } = self;
        let Some(open) = file else { return Ok(()) };
        let appended = landing.waiting(|piece| {
            let new = piece.get(*written..).unwrap_or_default();
            open.write_all(new)?;
            *written += new.len();
            *bytes += new.len() as u64;
            Ok(())
        });
        let outcome = appended.and_then(|outcome| outcome);
        if outcome.is_err() {
            // What cannot be written is thrown away from here on.
            *file = None;
        }
        outcome
    }

    /// Empties the landing, having shown to `look` what was appended.
    fn clear(&mut self, look: impl FnOnce(&[u8])) -> io::Result<()> {
        let is_whole = self.file.is_some();
        self.landing.waiting(|piece| {
            if is_whole {
                look(piece);
            }
        })?;
        self.written = 0;
        self.landing.clear(self.bytes)
    }
}

/// The drain of one PTY.
#[derive(Debug)]
pub struct Drain {
    master: Arc<OwnedFd>,
    last_call: Arc<LastCall>,
    log: Log,
    flushed: Instant,
    /// When a hint was given last, and whether the log has grown since.
    hinted: Instant,
    grown: bool,
    tail: Vec<u8>,
    phrases: PhraseSearch,
    progress: ProgressReader,
    told_progress: (Instant, Option<Progress>),
    hung_up: bool,
    restless: bool,
}

enum Next {
    Data(usize),
    Nothing,
    HungUp,
}

impl Drain {
    /// Makes the drain of `master` (non-blocking) into `log`.
    pub fn new(
        master: Arc<OwnedFd>,
        log: Log,
        last_call: Arc<LastCall>,
        phrases: Vec<Phrase>,
        progress: ProgressFormat,
    ) -> Self {
        let now = Instant::now();
        Self {
            master,
            last_call,
            log,
            flushed: now,
            hinted: now.checked_sub(FLUSH_AFTER).unwrap_or(now),
            grown: false,
            tail: Vec::with_capacity(2 * TAIL),
            phrases: PhraseSearch::new(phrases),
            progress: ProgressReader::new(progress),
            told_progress: (now, None),
            hung_up: false,
            // A command that asks without a word is quiet from the start.
            restless: true,
        }
    }

    /// Drains until the last call was given and nothing is left.
    pub fn run(mut self, mut notify: impl FnMut(Notice)) -> Drained {
        let mut ends_at = None;
        loop {
            if ends_at.is_none() && self.last_call.given() {
                ends_at = Some(Instant::now() + LAST_CALL);
            }
            match self.read() {
                Next::Data(count) => self.take(count, &mut notify),
                _ if ends_at.is_some() => break,
                Next::Nothing => self.wait(&mut notify),
                Next::HungUp => self.wait_hung_up(&mut notify),
            }
            if ends_at.is_some_and(|end| Instant::now() > end) {
                break;
            }
        }
        self.flush(&mut notify);
        self.hint(&mut notify);
        self.tell_progress(&mut notify);
        Drained { bytes: self.log.close(), phrases: self.phrases.finish() }
    }

    fn read(&mut self) -> Next {
        loop {
            match self.log.landing.take(|room| rustix::io::read(&self.master, room)) {
                Ok(Ok(0)) => return Next::HungUp,
                Ok(Ok(count)) => return Next::Data(count),
                Ok(Err(Errno::INTR)) => {}
                Ok(Err(Errno::AGAIN)) => return Next::Nothing,
                // EIO; anything else leaves as little to be read.
                Ok(Err(_)) | Err(_) => return Next::HungUp,
            }
        }
    }

    fn take(&mut self, count: usize, notify: &mut impl FnMut(Notice)) {
        if self.hung_up {
            self.hung_up = false;
            notify(Notice::Reopened);
        }
        self.restless = true;
        if self.log.landing.room() < ROOM || self.flushed.elapsed() >= FLUSH_AFTER {
            self.flush(notify);
        }
        if count < SMALL_READ {
            std::thread::sleep(PAUSE);
        } else {
            self.append(notify);
            self.look_for_more();
        }
    }

    /// Looks until there is something to read, for [`LOOK`] at most.
    fn look_for_more(&self) {
        let began = Instant::now();
        while matches!(rustix::io::ioctl_fionread(&self.master), Ok(0)) && began.elapsed() < LOOK {
            std::hint::spin_loop();
        }
    }

    /// Waits until there is something to do, having brought everything to the file that has waited long enough.
    fn wait(&mut self, notify: &mut impl FnMut(Notice)) {
        if self.log.landing.filled() > 0 {
            // What has landed is safe, so small reads are written together.
            let due = FLUSH_AFTER.saturating_sub(self.flushed.elapsed());
            if !due.is_zero() && self.poll(true, Some(due)) {
                return;
            }
            self.flush(notify);
        }
        if self.grown {
            let due = FLUSH_AFTER.saturating_sub(self.hinted.elapsed());
            if !self.poll(true, Some(due)) {
                self.hint(notify);
            }
            return;
        }
        let patience = self.restless.then_some(QUIET_AFTER);
        if self.poll(true, patience) || !self.restless {
            return;
        }
        self.restless = false;
        self.tell_progress(notify);
        let line_start = memchr::memrchr(b'\n', &self.tail).map_or(0, |at| at + 1);
        notify(Notice::Quiet {
            line: last_words(&self.tail[line_start..]).to_vec(),
            alternate_screen: super::prompt::in_alternate_screen(&self.tail),
        });
    }

    fn wait_hung_up(&mut self, notify: &mut impl FnMut(Notice)) {
        self.flush(notify);
        self.hint(notify);
        if !self.hung_up {
            self.hung_up = true;
            notify(Notice::HungUp);
        }
        // A poll of the PTY itself would return at once for as long as it is hung up.
        self.poll(false, Some(FLUSH_AFTER * 4));
    }

    /// Waits for output or the last call. Returns whether anything happened in time.
    fn poll(&self, for_output: bool, patience: Option<Duration>) -> bool {
        let patience = patience.and_then(|time| Timespec::try_from(time).ok());
        let mut watched = vec![PollFd::from_borrowed_fd(self.last_call.wake.as_fd(), PollFlags::IN)];
        if for_output {
            watched.push(PollFd::from_borrowed_fd(self.master.as_fd(), PollFlags::IN));
        }
        !matches!(poll(&mut watched, patience.as_ref()), Ok(0))
    }

    /// Appends what has landed to the log.
    fn append(&mut self, notify: &mut impl FnMut(Notice)) {
        if let Err(error) = self.log.append() {
            notify(Notice::LogFailed(error.to_string()));
        }
    }

    /// Brings everything to the log, and looks at it.
    fn flush(&mut self, notify: &mut impl FnMut(Notice)) {
        self.flushed = Instant::now();
        if self.log.landing.filled() == 0 {
            return;
        }
        self.append(notify);
        let (phrases, progress, tail) = (&mut self.phrases, &mut self.progress, &mut self.tail);
        let cleared = self.log.clear(|piece| {
            phrases.feed(piece);
            progress.feed(piece);
            // Cut only now and then: cutting moves everything.
            let keep = &piece[piece.len().saturating_sub(TAIL)..];
            if tail.len() + keep.len() > 2 * TAIL {
                tail.drain(..tail.len() - (TAIL - keep.len()).min(tail.len()));
            }
            tail.extend_from_slice(keep);
        });
        if let Err(error) = cleared {
            notify(Notice::LogFailed(error.to_string()));
        }
        if self.log.file.is_none() {
            return;
        }
        self.grown = true;
        if self.hinted.elapsed() >= FLUSH_AFTER {
            self.hint(notify);
        }
        if self.told_progress.0.elapsed() >= PROGRESS_EVERY {
            self.tell_progress(notify);
        }
    }

    fn hint(&mut self, notify: &mut impl FnMut(Notice)) {
        if std::mem::take(&mut self.grown) {
            self.hinted = Instant::now();
            notify(Notice::Grown { bytes: self.log.bytes, lines: self.phrases.line_ends() });
        }
    }

    fn tell_progress(&mut self, notify: &mut impl FnMut(Notice)) {
        let current = self.progress.current();
        if current != self.told_progress.1 {
            if let Some(progress) = &current {
                notify(Notice::Progress(progress.clone()));
            }
            self.told_progress = (Instant::now(), current);
        }
    }
}

/// Returns the end of a line, with no half of a word in front.
fn last_words(line: &[u8]) -> &[u8] {
    match line.len().checked_sub(LAST_LINE) {
        None | Some(0) => line,
        Some(cut) => behind_cut(&line[cut..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_cut_begins_with_a_whole_word() {
        let prompt = b"Password: ";
        assert_eq!(last_words(prompt), prompt);
        let long = [b"token ghp_", &[b's'; 508][..], b" Password: "].concat();
        assert_eq!(last_words(&long), prompt);
        assert_eq!(last_words(&[b's'; 513]), b"", "all of it is half a word");
        assert_eq!(last_words(&[b's'; 512]).len(), 512, "nothing was cut off");
    }

    #[test]
    fn a_log_is_private_and_never_overwritten() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("03.log");
        Log::create(&path).unwrap().file.unwrap().write_all(b"kept").unwrap();
        assert_eq!(Log::create(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        let private = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777 == 0o600;
        assert!(private(&path) && private(&folder.path().join("03.log.landing")));
        assert_eq!(std::fs::read(&path).unwrap(), b"kept");
    }
}
