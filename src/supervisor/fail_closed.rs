//! Failing closed: what a supervisor does once the files of its run cannot be written any more.
//!
//! Nothing starts any more, production least of all. What runs is stopped in stages, TERM, a grace, KILL, so that no
//! process goes on unrecorded. Why, and what to do, is said wherever it can be: to every console and command that
//! listens, in `supervisor.log`, and in the journal, whose reserve is kept for just that.

use super::control::Response;
use super::happening::{ClientId, Happening};
use super::run_loop::{ABANDON_GRACE, Connection, Supervisor};
use crate::domain::outcome::ProcessEnd;
use crate::domain::run::Event;
use crate::exec::unit::UnitEvent;
use crate::journal::JournalError;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedReceiver;

/// How often it is looked whether what was stopped is over.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the last words may take to reach those who listen.
const LAST_WORDS: Duration = Duration::from_millis(200);

impl Supervisor {
    /// Stops everything because of `error`, says so wherever it can, and returns what was said.
    pub(super) async fn fail_closed(
        &mut self,
        error: &JournalError,
        happenings: &mut UnboundedReceiver<Happening>,
    ) -> anyhow::Error {
        let reason = error.advice(&format!("`stagegate resume {}`", self.dir.id()));
        self.live.trouble = Some(reason.clone());
        self.broadcast();
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
        // Where nothing can be written at all, whoever listens was told, and so is supervisor.log.
        let _unwritten = self.record(&Event::SupervisorFailed { reason: reason.clone() });
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
}
