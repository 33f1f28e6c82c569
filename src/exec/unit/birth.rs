//! The birth of a unit's process, on a thread of its own.
//!
//! Whoever starts a command waits until the kernel has entered its working directory and loaded its program, and either may
//! be on a mount that does not answer. So nobody else waits for that: neither whoever starts the unit nor the unit's own
//! thread, which hears requests meanwhile. Both are looked at before the start, outside the turn that starts take, so that
//! one that hangs keeps no other from starting.
//!
//! Until the thread begins to fork, a stop ends the unit at once, and nothing of it is ever started. From then on a stop
//! waits for the process, and is the first that the process meets.

use super::{Control, UnitSpec};
use crate::domain::outcome::ProcessEnd;
use crate::exec::guard::Owed;
use crate::exec::pty::{self, SpawnError, Spawned};
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing is started yet.
    Looking,
    /// There is a process, or will be.
    Forking,
    /// Nothing will be started any more.
    GivenUp,
}

/// A start that is under way.
#[derive(Debug, Clone)]
struct Birth(Arc<Mutex<Phase>>);

impl Birth {
    /// Begins to start the command of `spec`; what comes of it is told as [`Control::Born`].
    fn begin(spec: &UnitSpec, control: Sender<Control>) -> io::Result<Self> {
        let birth = Self(Arc::new(Mutex::new(Phase::Looking)));
        let (spec, mine) = (spec.clone(), birth.clone());
        let owed = Owed::new(move |born: Option<_>| {
            let lost = || ProcessEnd::Faulted { error: "the thread that starts it broke off".to_owned() };
            // Nobody listens once it was given up; then there is no process either.
            let _told = control.send(Control::Born(Box::new(born.unwrap_or_else(|| Err(lost())))));
        });
        let body = move || match mine.carry_out(&spec) {
            Ok(Some(spawned)) => owed.give(Ok(spawned)),
            Ok(None) => {}
            Err(error) => owed.give(Err(ProcessEnd::SpawnFailed { error: error.to_string() })),
        };
        std::thread::Builder::new().name("unit-birth".into()).spawn(body)?;
        Ok(birth)
    }

    fn carry_out(&self, spec: &UnitSpec) -> Result<Option<Spawned>, SpawnError> {
        pty::look(&spec.argv, &spec.env, &spec.cwd)?;
        let turn = pty::turn();
        if self.leave(Phase::Forking) != Phase::Forking {
            return Ok(None);
        }
        let cgroup = spec.cgroup.as_ref().ok();
        pty::spawn(&turn, &spec.argv, &spec.env, &spec.cwd, spec.pty_size, cgroup).map(Some)
    }

    /// Goes on to `next` if nothing is started yet, and returns where it stands.
    fn leave(&self, next: Phase) -> Phase {
        let mut phase = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *phase == Phase::Looking {
            *phase = next;
        }
        *phase
    }
}

/// Starts the command of `spec`, and returns its process with the requests that have come meanwhile, or how the unit ended
/// without one.
pub(super) fn born(
    spec: &UnitSpec,
    begun: Instant,
    requests: &Receiver<Control>,
    told: &Sender<Control>,
) -> Result<(Spawned, Vec<Control>), ProcessEnd> {
    let birth = Birth::begin(spec, told.clone())
        .map_err(|error| ProcessEnd::SpawnFailed { error: format!("no thread to start it with: {error}") })?;
    let mut held = Vec::new();
    let mut timeout = spec.timeout;
    loop {
        let request = match timeout {
            Some(limit) => requests.recv_timeout(limit.saturating_sub(begun.elapsed())),
            None => requests.recv().map_err(RecvTimeoutError::from),
        };
        let end = match (request, timeout) {
            (Ok(Control::Born(born)), _) => return born.map(|spawned| (spawned, held)),
            (Ok(stop @ (Control::Cancel | Control::Kill)), _) => {
                held.push(stop);
                ProcessEnd::Cancelled { killed: false }
            }
            (Ok(other), _) => {
                held.push(other);
                continue;
            }
            (Err(_), limit) => {
                // The course of the process sees to it, if there is one.
                timeout = None;
                ProcessEnd::TimedOut { limit_s: limit.unwrap_or_default().as_secs() }
            }
        };
        if birth.leave(Phase::GivenUp) == Phase::GivenUp {
            return Err(end);
        }
    }
}
