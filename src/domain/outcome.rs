//! How a step ended: the whole space of outcomes, not just an exit code (design 4).

use serde::{Deserialize, Serialize};
use std::fmt;

/// How the process of a step ended, before any check has looked at what it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "end")]
pub enum ProcessEnd {
    /// The script's shell exited with `code`, its whole tree is gone and the PTY is at its end.
    Exited {
        /// The exit code, 0 to 255.
        code: i32,
    },
    /// The script's shell was killed by `signal`, which nobody here had asked for.
    Signalled {
        /// The signal number.
        signal: i32,
    },
    /// The command could not be started at all.
    SpawnFailed {
        /// What the system said, with the program it could not start.
        error: String,
    },
    /// The step ran longer than its catalog entry allows and was stopped.
    TimedOut {
        /// The limit, in seconds.
        limit_s: u64,
    },
    /// The step was stopped on request.
    Cancelled {
        /// Whether KILL was needed after TERM.
        killed: bool,
    },
    /// The shell exited, but processes it had started were still there when patience ended.
    Leaky {
        /// The exit code of the shell.
        code: i32,
        /// How many processes were left, and stopped.
        survivors: usize,
    },
    /// The log could not be written, so the step was stopped: nothing runs unrecorded.
    LogFailed {
        /// What the system said.
        error: String,
    },
}

impl ProcessEnd {
    /// Returns the exit code where there was one.
    pub fn exit_code(&self) -> Option<i32> {
        match self {
            Self::Exited { code } | Self::Leaky { code, .. } => Some(*code),
            _ => None,
        }
    }
}

impl fmt::Display for ProcessEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { code } => write!(f, "exit code {code}"),
            Self::Signalled { signal } => write!(f, "killed by signal {signal}"),
            Self::SpawnFailed { error } => write!(f, "could not start: {error}"),
            Self::TimedOut { limit_s } => write!(f, "stopped after its limit of {limit_s} s"),
            Self::Cancelled { killed: false } => write!(f, "cancelled"),
            Self::Cancelled { killed: true } => write!(f, "cancelled, by KILL"),
            Self::Leaky { code, survivors } => {
                write!(f, "exit code {code}, but {survivors} of its processes were left behind and stopped")
            }
            Self::LogFailed { error } => write!(f, "stopped: its log could not be written: {error}"),
        }
    }
}

/// What a step came to, once the checks after it have spoken too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It exited 0 and every check agrees.
    Succeeded,
    /// Its process says that it failed.
    Failed,
    /// It exited 0, but a check, a job log or a phrase in its log says that it did not do its work.
    Suspect,
    /// It was stopped on request.
    Cancelled,
}

/// A failure phrase that was found in a step's log, where it was found first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhraseHit {
    /// The phrase of the catalog.
    pub phrase: String,
    /// The line that holds it, free of escape sequences and cut at about 1,000 characters.
    pub line: String,
    /// The line's number in the log, from 1.
    pub line_number: u64,
}
