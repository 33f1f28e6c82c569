//! How a step ended: the whole space of outcomes, not just an exit code (design 4).

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How many processes are named in a sentence.
const NAMED: usize = 5;

/// A process of a step that outlived it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftProcess {
    /// Its pid.
    pub pid: i32,
    /// Its name, as `ps` shows it; empty if it was gone before it could be read.
    pub name: String,
}

impl fmt::Display for LeftProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() { "?" } else { &self.name };
        write!(f, "{} ({name})", self.pid)
    }
}

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
        /// How many processes were left, and stopped; 0 where only its terminal was still held.
        survivors: usize,
        /// Which; journals of older versions do not say.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        who: Vec<LeftProcess>,
    },
    /// The log could not be written, so the step was stopped: nothing runs unrecorded.
    LogFailed {
        /// What the system said.
        error: String,
    },
    /// Stagegate itself failed while it ran the step, and ended its processes: nothing runs unwatched.
    Faulted {
        /// What failed.
        error: String,
    },
    /// Not even KILL ended all of its processes: they sleep in the kernel, on a dead mount as a rule.
    Unkillable {
        /// Who is still there.
        who: Vec<LeftProcess>,
        /// How it would have ended without them.
        after: Box<ProcessEnd>,
    },
}

impl ProcessEnd {
    /// Returns the exit code where there was one.
    pub fn exit_code(&self) -> Option<i32> {
        match self {
            Self::Exited { code } | Self::Leaky { code, .. } => Some(*code),
            Self::Unkillable { after, .. } => after.exit_code(),
            _ => None,
        }
    }
}

impl fmt::Display for ProcessEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { code } => write!(f, "exit code {code}{}", shell_signal(*code)),
            Self::Signalled { signal } => {
                write!(f, "killed by {}, which was not sent from here", signal_name(*signal))
            }
            Self::SpawnFailed { error } => write!(f, "could not start: {error}"),
            Self::TimedOut { limit_s } => write!(f, "stopped after its limit of {limit_s} s"),
            Self::Cancelled { killed: false } => write!(f, "cancelled"),
            Self::Cancelled { killed: true } => write!(f, "cancelled, by KILL"),
            Self::Leaky { code, survivors: 0, .. } => {
                write!(f, "exit code {code}, but a process that cannot be found here still held its terminal")
            }
            Self::Leaky { code, survivors, who } => {
                write!(f, "exit code {code}, but {survivors} of its processes were left behind and stopped")?;
                if who.is_empty() { Ok(()) } else { write!(f, ": {}", named(who)) }
            }
            Self::LogFailed { error } => write!(f, "stopped: its log could not be written: {error}"),
            Self::Faulted { error } => {
                write!(
                    f,
                    "stopped by a defect of stagegate, its processes were ended: {error}; supervisor.log says more"
                )
            }
            Self::Unkillable { who, after } => {
                write!(f, "{after}; still there after KILL, asleep in the kernel: process {}", named(who))
            }
        }
    }
}

/// Names processes, the first few of many.
fn named(who: &[LeftProcess]) -> String {
    let names: Vec<String> = who.iter().take(NAMED).map(ToString::to_string).collect();
    let more = who.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// Returns `SIGTERM` for 15; a number that has no name stays one.
pub fn signal_name(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |signal| signal.to_string())
}

/// Says what a shell means by an exit code above 128: its last command was ended by a signal (bash(1)).
fn shell_signal(code: i32) -> String {
    let signal = Signal::try_from(code - 128).ok().filter(|_| code > 128);
    signal.map_or_else(String::new, |signal| format!(" ({signal} ended its last command)"))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn left(pid: i32) -> LeftProcess {
        LeftProcess { pid, name: "rsync".to_owned() }
    }

    #[test]
    fn an_end_names_what_an_engineer_asks_for() {
        let cancelled = || Box::new(ProcessEnd::Cancelled { killed: true });
        let cases = [
            (ProcessEnd::Exited { code: 3 }, "exit code 3"),
            (ProcessEnd::Exited { code: 137 }, "exit code 137 (SIGKILL ended its last command)"),
            (ProcessEnd::Exited { code: 255 }, "exit code 255"),
            (ProcessEnd::Signalled { signal: 9 }, "killed by SIGKILL, which was not sent from here"),
            (ProcessEnd::Signalled { signal: 40 }, "killed by signal 40, which was not sent from here"),
            (
                ProcessEnd::Leaky { code: 0, survivors: 7, who: (1..=7).map(left).collect() },
                "exit code 0, but 7 of its processes were left behind and stopped: \
                 1 (rsync), 2 (rsync), 3 (rsync), 4 (rsync), 5 (rsync) and 2 more",
            ),
            (
                ProcessEnd::Leaky { code: 0, survivors: 0, who: Vec::new() },
                "exit code 0, but a process that cannot be found here still held its terminal",
            ),
            (
                ProcessEnd::Unkillable { who: vec![left(7)], after: cancelled() },
                "cancelled, by KILL; still there after KILL, asleep in the kernel: process 7 (rsync)",
            ),
        ];
        for (end, words) in cases {
            assert_eq!(end.to_string(), words);
        }
    }

    #[test]
    fn an_older_journal_names_nobody_and_is_read() {
        let old: ProcessEnd = serde_json::from_str(r#"{"end":"leaky","code":0,"survivors":2}"#).unwrap();
        assert_eq!(old, ProcessEnd::Leaky { code: 0, survivors: 2, who: Vec::new() });
        assert_eq!(old.to_string(), "exit code 0, but 2 of its processes were left behind and stopped");
    }
}
