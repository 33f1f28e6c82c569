//! Failing closed: what a supervisor does once the files of its run cannot be written any more, or it broke itself.
//!
//! No run may look alive that nobody looks after.
//!
//! Nothing starts any more, production least of all. What runs is stopped in stages, TERM, a grace, KILL, so that no
//! process goes on unrecorded. Why, and what to do, is said wherever it can be: to every console and command that
//! listens, in `supervisor.log`, and in the journal, whose reserve is kept for just that.

use super::control::Response;
use super::happening::{ClientId, Happening};
use super::recovery::Eyes;
use super::run_loop::{ABANDON_GRACE, Connection, Supervisor};
use crate::domain::outcome::ProcessEnd;
use crate::domain::run::Event;
use crate::exec::group::ProcessId;
use crate::exec::survivors::Ending;
use crate::exec::unit::UnitEvent;
use crate::journal::JournalError;
use std::any::Any;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedReceiver;

/// How often it is looked whether what was stopped is over.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the last words may take to reach those who listen.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// How long what is left may take to end after TERM.
const GRACE: Duration = Duration::from_secs(5);
/// How long it may take to end after KILL; what is there after that sleeps in the kernel.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// Why a run loop stopped before its run did.
#[derive(Debug, thiserror::Error)]
pub(super) enum Halt {
    /// The journal cannot be written: nothing may happen unrecorded.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Something of the supervisor itself broke.
    #[error("{0}")]
    Broken(String),
}

/// Makes the reason of a panic of the run loop itself.
pub(super) fn panicked(payload: &(dyn Any + Send)) -> Halt {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Halt::Broken(format!("the run loop panicked: {text}"))
}

impl Supervisor {
    /// Stops everything because of `halt`, says so wherever it can, and returns what was said.
    pub(super) async fn fail_closed(
        &mut self,
        halt: &Halt,
        happenings: &mut UnboundedReceiver<Happening>,
    ) -> anyhow::Error {
        let resume = format!("`stagegate resume {}`", self.dir.id());
        let reason = match halt {
            Halt::Journal(error) => error.advice(&resume),
            Halt::Broken(what) => format!("{what}; tell whoever looks after this program, then {resume}"),
        };
        self.live.trouble = Some(reason.clone());
        self.broadcast();
        // Whose request it was that could not be recorded waits for an answer.
        for client in self.clients.keys().copied().collect::<Vec<_>>() {
            self.refuse_all(client, &reason);
        }
        // Where nothing can be written at all, whoever listens was told, and so is supervisor.log.
        let _unwritten = self.record(&Event::SupervisorFailed { reason: reason.clone() });
        self.abandon();
        let begun = Instant::now();
        while self.has_units() && begun.elapsed() < ABANDON_GRACE {
            tokio::select! {
                biased;
                happening = happenings.recv() => match happening {
                    Some(happening) => self.hear_out(happening, &reason),
                    None => break,
                },
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        self.join(Duration::ZERO);
        while let Ok(happening) = happenings.try_recv() {
            self.hear_out(happening, &reason);
        }
        self.stop_rest();
        self.broadcast();
        tokio::time::sleep(LAST_WORDS).await;
        anyhow::anyhow!(reason)
    }

    /// Takes in what still happens while everything stops: an end is recorded if it can be, nobody's wish is granted.
    fn hear_out(&mut self, happening: Happening, reason: &str) {
        match happening {
            // What was stopped here has not come to an end of its own: it is interrupted, and `resume` repeats it.
            Happening::Unit { step, event: UnitEvent::Ended { end, bytes, .. } }
                if !matches!(end, ProcessEnd::Cancelled { .. }) =>
            {
                let _unwritten = self.record(&Event::StepEnded { step, end, log_bytes: bytes });
            }
            Happening::Connected { client, identity, answers, live } => {
                let connection = Connection { identity, answers, live, subscribed: true };
                self.clients.insert(client, connection);
                self.broadcast();
            }
            Happening::Asked { client, .. } => self.refuse_all(client, reason),
            Happening::Gone { client } => self.on_gone(client),
            _ => {}
        }
    }

    fn refuse_all(&mut self, client: ClientId, reason: &str) {
        self.answer(client, Response::Failed { message: format!("the run stops: {reason}") });
    }

    /// Stops what no unit looks after any more: that of a unit whose thread died.
    fn stop_rest(&self) {
        let left = || {
            let truths = Eyes::default().truths(&self.dir, &self.state, false);
            let own = self.state.steps.iter().filter(|(_, record)| record.is_running());
            let of = own.filter_map(|(id, _)| truths.get(id));
            let of = of.flat_map(|truth| truth.survivors().to_vec());
            of.map(|one| ProcessId { start_time: one.start_time, pid: one.pid }).collect::<Vec<_>>()
        };
        let mut ending = Ending::new(GRACE);
        let begun = Instant::now();
        loop {
            let alive = left();
            if alive.is_empty() || begun.elapsed() > GRACE + KILL_PATIENCE {
                return;
            }
            if begun.elapsed() > GRACE {
                ending.kill();
            }
            ending.step(&alive);
            std::thread::sleep(LOOK_EVERY);
        }
    }
}
