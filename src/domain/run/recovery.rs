//! The truth about a step whose supervisor died: was it started, may it still be alive, is it safe to repeat?
//!
//! Pure: a [`Sighting`] says what a look at the host's processes showed, and [`Interrupted::weigh`] says what follows
//! from that and from the journal. It claims no more than both can bear: a process of another boot of this host is
//! certainly gone, one of another host or pid namespace cannot be seen from here and so may be alive.

use super::state::RunState;
use super::step::{Cut, Place};
use crate::domain::flow::Role;
use crate::domain::name::StepId;
use crate::domain::outcome::ProcessEnd;
use crate::domain::plan::Step;
use crate::domain::redact::Redactor;
use jiff::Timestamp;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt;

/// The inode of the pid namespace that sees every process of a host (`PROC_PID_INIT_INO` in the kernel).
const INITIAL_NAMESPACE: u64 = 0xEFFF_FFFC;
/// The longest command line that is shown, in characters.
const COMMAND: usize = 120;

/// A process that belongs to a step whose supervisor died.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Survivor {
    /// Its pid.
    pub pid: i32,
    /// When it started, in clock ticks since boot, which tells it from a later process of the same pid.
    pub start_time: u64,
    /// Its command line, free of control characters and whole up to a few thousand characters.
    pub command: String,
    /// When it started; none where the kernel does not say.
    pub since: Option<Timestamp>,
}

impl Survivor {
    /// Returns it with the secrets taken out of its command line.
    #[must_use]
    pub fn redacted(mut self, redactor: &Redactor) -> Self {
        self.command = redactor.text(&self.command).into_owned();
        self
    }
}

impl fmt::Display for Survivor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} ({})", self.pid, shown(&self.command))?;
        match self.since {
            Some(since) => write!(f, " since {}", since.strftime("%Y-%m-%d %H:%M:%S UTC")),
            None => Ok(()),
        }
    }
}

/// Returns a command line as it is shown: the arguments that fit, whole.
///
/// Half an argument may be half a secret, which nobody would know for one any more.
pub fn shown(command: &str) -> Cow<'_, str> {
    let Some((end, _)) = command.char_indices().nth(COMMAND) else { return Cow::Borrowed(command) };
    let (head, rest) = command.split_at(end);
    let fits =
        if rest.starts_with(' ') { head } else { head.rsplit_once(' ').map_or(head, |(fits, _)| fits) };
    Cow::Owned(format!("{fits} …"))
}

/// What a look at the processes of this host showed about one step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sighting {
    /// Where it was looked.
    pub place: Place,
    /// The living processes of the step, of any attempt.
    pub survivors: Vec<Survivor>,
    /// Why others may be there that could not be seen.
    pub hidden: Option<String>,
}

/// Whether a command was started at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Started {
    /// Its process is in the journal, or was seen.
    Certainly,
    /// The journal says that it was about to start, and no more.
    Perhaps,
    /// There is no command: only Stagegate's own checks, which change nothing.
    NoCommand,
}

/// Why nothing of a step can be alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "because")]
pub enum Gone {
    /// Its process had ended before its supervisor died; only the checks after it were left.
    Ended {
        /// How it ended.
        end: ProcessEnd,
    },
    /// The host was booted since.
    OtherBoot,
    /// It has no process.
    NoCommand,
    /// Its processes were looked for, and there are none.
    NotSeen,
}

/// Whether a step may still be at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "alive")]
pub enum Alive {
    /// It is.
    Yes {
        /// Who is there.
        survivors: Vec<Survivor>,
    },
    /// It is not.
    No {
        /// Why that is certain.
        #[serde(flatten)]
        gone: Gone,
    },
    /// It may be.
    Unknown {
        /// Why nobody here can say.
        why: String,
    },
}

/// Whether a step may be run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repeat {
    /// The catalog says that running it again is safe.
    Safe,
    /// The catalog says that it is not.
    NotSafe,
}

impl Repeat {
    /// Returns what the plan says of `step`.
    pub fn of(step: &Step) -> Self {
        if step.repeatable { Self::Safe } else { Self::NotSafe }
    }
}

/// The truth about a step whose supervisor died.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interrupted {
    /// Which step.
    pub step: StepId,
    /// When it was about to start.
    pub since: Timestamp,
    /// Whether it was started.
    pub started: Started,
    /// Whether it may still be alive.
    #[serde(flatten)]
    pub alive: Alive,
    /// Whether it is safe to repeat.
    pub repeat: Repeat,
    /// What it may have left behind.
    pub dirt: &'static str,
}

impl Interrupted {
    /// Weighs what the journal has of `step` against what was seen; none for a step that was not interrupted.
    pub fn weigh(state: &RunState, step: &Step, sighting: &Sighting) -> Option<Self> {
        let cut = state.cut(&step.id)?;
        let seen = !sighting.survivors.is_empty();
        let started = match (step.argv.is_empty(), &cut.process) {
            (true, _) => Started::NoCommand,
            (false, None) if !seen && cut.end.is_none() => Started::Perhaps,
            (false, _) => Started::Certainly,
        };
        Some(Self {
            step: step.id.clone(),
            since: cut.since,
            started,
            alive: alive(step, &cut, sighting),
            repeat: Repeat::of(step),
            dirt: dirt(step),
        })
    }

    /// Returns who is alive.
    pub fn survivors(&self) -> &[Survivor] {
        match &self.alive {
            Alive::Yes { survivors } => survivors,
            _ => &[],
        }
    }

    /// Returns it with the secrets taken out of the command lines.
    #[must_use]
    pub fn redacted(mut self, redactor: &Redactor) -> Self {
        if let Alive::Yes { survivors } = &mut self.alive {
            for survivor in survivors {
                *survivor = survivor.clone().redacted(redactor);
            }
        }
        if let Alive::Unknown { why } = &mut self.alive {
            *why = redactor.text(why).into_owned();
        }
        self
    }

    /// Says whether it was started.
    pub fn started_words(&self) -> &'static str {
        match (self.started, &self.alive) {
            (Started::NoCommand, _) => "it is a check of Stagegate's own, cut off in its middle",
            (Started::Certainly, Alive::No { gone: Gone::Ended { .. } }) => {
                "it was started and its process ended; the checks after it are missing"
            }
            (Started::Certainly, _) => "it was started",
            (Started::Perhaps, _) => {
                "it may or may not have been started: its supervisor died in that moment"
            }
        }
    }

    /// Says whether it may still be alive.
    pub fn alive_words(&self) -> String {
        match &self.alive {
            Alive::Yes { survivors } => {
                let all: Vec<String> = survivors.iter().map(ToString::to_string).collect();
                format!("still alive as {}", all.join(", "))
            }
            Alive::No { gone: Gone::Ended { end } } => format!("not alive: {end}"),
            Alive::No { gone: Gone::OtherBoot } => "certainly gone: the host was booted since".to_owned(),
            Alive::No { gone: Gone::NoCommand } => "not alive: it has no process".to_owned(),
            Alive::No { gone: Gone::NotSeen } => "not alive: no process of it is left".to_owned(),
            Alive::Unknown { why } => format!("may be alive: {why}"),
        }
    }

    /// Says whether it is safe to repeat, and what it may have left behind.
    pub fn repeat_words(&self) -> String {
        let word = match self.repeat {
            Repeat::Safe => "safe to repeat",
            Repeat::NotSafe => "not safe to repeat",
        };
        if self.dirt.is_empty() { word.to_owned() } else { format!("{word}; {}", self.dirt) }
    }
}

/// In a line: `it was started; not alive: no process of it is left; safe to repeat; …`.
impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}; {}", self.started_words(), self.alive_words(), self.repeat_words())
    }
}

fn alive(step: &Step, cut: &Cut, sighting: &Sighting) -> Alive {
    let no = |gone| Alive::No { gone };
    let unknown = |why: String| Alive::Unknown { why };
    let differs = |a: &str, b: &str| !a.is_empty() && !b.is_empty() && a != b;
    let (then, here) = (&cut.place, &sighting.place);
    if !sighting.survivors.is_empty() {
        return Alive::Yes { survivors: sighting.survivors.clone() };
    }
    if let Some(end) = cut.end.as_ref().filter(|end| !may_go_on_elsewhere(step, end)) {
        return no(Gone::Ended { end: end.clone() });
    }
    if step.argv.is_empty() {
        return no(Gone::NoCommand);
    }
    if differs(&then.host, &here.host) {
        return unknown(format!("it ran on host {}, which cannot be seen from {}", then.host, here.host));
    }
    if let Some(host) = &step.host {
        return unknown(elsewhere_words(host));
    }
    if differs(&then.boot_id, &here.boot_id) {
        return no(Gone::OtherBoot);
    }
    let elsewhere = then.pid_namespace != 0 && then.pid_namespace != here.pid_namespace;
    if elsewhere && here.pid_namespace != INITIAL_NAMESPACE {
        return unknown("it ran in another pid namespace, which cannot be seen from here".to_owned());
    }
    match &sighting.hidden {
        Some(why) => unknown(why.clone()),
        None => no(Gone::NotSeen),
    }
}

/// Returns whether the command of `step` may be at work on another host after what is started here ended as `end`.
///
/// ssh hands on how the command there ended, and says 255 where it has not come to know it. Whatever else ended it here
/// ended ssh alone.
pub fn may_go_on_elsewhere(step: &Step, end: &ProcessEnd) -> bool {
    let is_over = match end {
        ProcessEnd::Exited { code } => *code != 255,
        ProcessEnd::SpawnFailed { .. } => true,
        _ => false,
    };
    step.host.is_some() && !is_over
}

/// Says that a command of `host` may go on there.
pub(super) fn elsewhere_words(host: &str) -> String {
    format!("its command runs on {host}, where it may go on; look there")
}

/// Returns what a step that was cut off may have left behind, by its role.
fn dirt(step: &Step) -> &'static str {
    if step.argv.is_empty() {
        return "";
    }
    match step.role {
        Role::Compose => "it may have left an unfinished compose; the latest link names the one before",
        Role::Sync | Role::SyncAll => "staging may hold a part of what it copies",
        Role::Stage => "staging may hold half-made metadata or a .repodata folder",
        Role::Publish => "production may hold a part of what was approved, and mirrors may have taken it",
        Role::Lists => "the mirrors' lists may be half-written",
        Role::Gate => "",
    }
}

#[cfg(test)]
mod tests;
