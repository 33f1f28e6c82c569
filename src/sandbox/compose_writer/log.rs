//! pungi's log: the lines, their form and their time.
//!
//! Every line goes to `logs/global/pungi.global.log` and to the caller alike. Local time without a zone, as pungi writes.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

/// Where a compose gets its time from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clock {
    /// The machine's.
    System,
    /// A time in the past that goes on by `step` seconds with each line.
    Fixed {
        /// Unix seconds.
        start: u32,
        /// Seconds.
        step: u32,
    },
}

impl Clock {
    /// Returns the time at which the compose begins, in Unix seconds.
    pub fn start(&self) -> u32 {
        match self {
            Self::System => crate::sandbox::metadata::unix_now(),
            Self::Fixed { start, .. } => *start,
        }
    }
}

/// Returns a moment in local time.
pub(super) fn zoned(time: u32) -> jiff::Zoned {
    jiff::Timestamp::from_second(time.into()).unwrap_or_default().to_zoned(jiff::tz::TimeZone::system())
}

/// How bad a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// DEBUG
    Debug,
    /// INFO
    Info,
    /// WARNING
    Warning,
    /// ERROR
    Error,
    /// CRITICAL
    Critical,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }
}

/// The log of one compose.
pub(super) struct Log<'p> {
    file: File,
    clock: Clock,
    lines: u32,
    progress: &'p mut dyn FnMut(&str),
}

impl fmt::Debug for Log<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Log({} lines)", self.lines)
    }
}

impl<'p> Log<'p> {
    pub(super) fn open(dir: &Path, clock: Clock, progress: &'p mut dyn FnMut(&str)) -> io::Result<Self> {
        let folder = dir.join("logs/global");
        fs::create_dir_all(&folder)?;
        Ok(Self { file: File::create(folder.join("pungi.global.log"))?, clock, lines: 0, progress })
    }

    /// Returns the time of the next line, in Unix seconds.
    pub(super) fn now(&self) -> u32 {
        match self.clock {
            Clock::System => self.clock.start(),
            Clock::Fixed { start, step } => start + step * self.lines,
        }
    }

    /// Returns the time to write on files, if it is not the machine's.
    pub(super) fn fixed(&self) -> Option<u32> {
        matches!(self.clock, Clock::Fixed { .. }).then(|| self.now())
    }

    pub(super) fn line(&mut self, level: Level, text: &str) {
        self.put(&format!("[{:<8}] {text}", level.word()));
    }

    /// Writes a line that bears its phase's name.
    pub(super) fn phase_line(&mut self, phase: &str, level: Level, text: &str) {
        self.put(&format!("[{phase:<16}] [{:<8}] {text}", level.word()));
    }

    fn put(&mut self, text: &str) {
        let line = format!("{} {text}", zoned(self.now()).strftime("%Y-%m-%d %H:%M:%S"));
        self.lines += 1;
        // pungi's logger swallows what it cannot write, and the compose goes on
        let _ = self.file.write_all(format!("{line}\n").as_bytes());
        (self.progress)(&line);
    }
}
