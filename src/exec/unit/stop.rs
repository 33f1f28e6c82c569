//! Stopping a unit in stages: whom to signal now, and what to say about it.
//!
//! The shell goes first, alone: the real scripts carry on with their next command when only that command
//! is interrupted. The others get TERM once each, parents before children, and so does whoever still
//! appears later. A second TERM means something else to some tools (GNU parallel), so nobody gets two.

use super::StopStage;
use crate::domain::outcome::LeftProcess;
use crate::exec::group::{self, ProcessId, ProcessStat};
use rustix::process::Signal;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// How long the leader has for itself before the rest of its tree is told.
const HEAD_START: Duration = Duration::from_millis(300);

/// Why a unit is being stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    Cancel,
    Timeout { limit: Duration },
    LogFailed,
    Fault,
    Leak { who: Vec<LeftProcess> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Terminating,
    Killing { since: Instant },
}

/// A stop under way.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) reason: Reason,
    since: Instant,
    grace: Duration,
    stage: Stage,
    termed: HashSet<ProcessId>,
    killed: HashSet<ProcessId>,
    told: Option<StopStage>,
}

impl Stop {
    pub(super) fn new(reason: Reason, grace: Duration, now: Instant) -> Self {
        let stage = match reason {
            // Patience is over, and nobody is left who could clean up.
            Reason::Leak { .. } => Stage::Killing { since: now },
            _ => Stage::Terminating,
        };
        Self { reason, since: now, grace, stage, termed: HashSet::new(), killed: HashSet::new(), told: None }
    }

    /// Goes on to KILL.
    pub(super) fn kill(&mut self, now: Instant) {
        if self.stage == Stage::Terminating {
            self.stage = Stage::Killing { since: now };
        }
    }

    /// Tells whether KILL is being sent.
    pub(super) fn is_killing(&self) -> bool {
        matches!(self.stage, Stage::Killing { .. })
    }

    /// Tells whether anybody had to be killed.
    pub(super) fn has_killed(&self) -> bool {
        !self.killed.is_empty()
    }

    /// Tells whether everything was tried and given time.
    pub(super) fn is_hopeless(&self, now: Instant, patience: Duration) -> bool {
        matches!(self.stage, Stage::Killing { since } if now.duration_since(since) > patience)
    }

    /// Signals whoever is due. Returns what is to be told, if that has changed.
    pub(super) fn step(
        &mut self,
        leader: ProcessId,
        alive: &[ProcessStat],
        now: Instant,
    ) -> Option<StopStage> {
        let waited = now.duration_since(self.since);
        let by_itself = matches!(self.reason, Reason::Timeout { .. } | Reason::LogFailed | Reason::Fault);
        if by_itself && waited >= self.grace {
            self.kill(now);
        }
        match self.stage {
            Stage::Killing { .. } => {
                for process in alive {
                    group::send(process.id, Signal::KILL);
                    self.killed.insert(process.id);
                }
            }
            Stage::Terminating => {
                let leader_lives = alive.iter().any(|process| process.id == leader);
                let only_leader = leader_lives && waited < HEAD_START;
                for process in alive.iter().filter(|process| !only_leader || process.id == leader) {
                    self.terminate(process);
                }
            }
        }
        self.tell(alive.len(), waited)
    }

    fn terminate(&mut self, process: &ProcessStat) {
        if self.termed.insert(process.id) {
            group::send(process.id, Signal::TERM);
            // A stopped process takes its TERM only when it goes on.
            if matches!(process.state, b'T' | b't') {
                group::send(process.id, Signal::CONT);
            }
        }
    }

    fn tell(&mut self, alive: usize, waited: Duration) -> Option<StopStage> {
        if alive == 0 {
            return None;
        }
        let stage = match self.stage {
            Stage::Killing { .. } => StopStage::Killing { alive },
            Stage::Terminating if waited >= self.grace => StopStage::Overdue { alive },
            Stage::Terminating => {
                // Whole seconds, so that it is told once a second.
                let left =
                    Duration::from_secs(self.grace.saturating_sub(waited).as_millis().div_ceil(1000) as u64);
                StopStage::Terminating { left, alive }
            }
        };
        (self.told.replace(stage) != Some(stage)).then_some(stage)
    }
}
