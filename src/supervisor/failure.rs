//! The end of a supervisor in which something broke: no run may look alive that nobody looks after.
//!
//! A thread that panics would otherwise leave a step whose end nobody hears of, and a loop that waits for it for ever. So
//! every thread carries a [`Watchdog`], and the loop ends in order: it says why in the journal, where that can be written, stops
//! what runs, records the ends that it still hears of, and leaves. Its locks fall with its process.

use super::happening::Happening;
use super::recovery::Eyes;
use super::run_loop::Supervisor;
use crate::domain::run::Event;
use crate::exec::group::ProcessId;
use crate::exec::survivors::Ending;
use crate::exec::unit::UnitEvent;
use crate::journal::JournalError;
use std::any::Any;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// How long what is left may take to end after TERM.
const GRACE: Duration = Duration::from_secs(5);
/// How long it may take to end after KILL; what is there after that sleeps in the kernel.
const KILL_PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked who is left.
const LOOK_EVERY: Duration = Duration::from_millis(100);

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

/// Tells the run loop when the thread that it lives in dies of a panic.
#[derive(Debug)]
pub(super) struct Watchdog {
    what: String,
    happenings: UnboundedSender<Happening>,
}

impl Watchdog {
    /// Watches over the thread that is to own it and that does `what`.
    pub(super) fn new(what: impl Into<String>, happenings: &UnboundedSender<Happening>) -> Self {
        Self { what: what.into(), happenings: happenings.clone() }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let what = format!("a thread panicked ({}); supervisor.log says where", self.what);
            // The loop outlives every thread; if it is gone, so is the run.
            let _gone = self.happenings.send(Happening::Broken { what });
        }
    }
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
    /// Ends in order after something broke: says why, stops what runs, and records what it still hears of it.
    pub(super) fn fail(&mut self, happenings: &mut UnboundedReceiver<Happening>, halt: &Halt) {
        log::error!("the run stops: {halt}");
        // Where the journal is what broke this fails too, and supervisor.log has it alone.
        let _told = self.record(&Event::SupervisorFailed { reason: halt.to_string() });
        self.abandon();
        self.join();
        self.stop_rest();
        while let Ok(happening) = happenings.try_recv() {
            if let Happening::Unit { step, event: UnitEvent::Ended { end, bytes, .. } } = happening {
                let _told = self.record(&Event::StepEnded { step, end, log_bytes: bytes });
            }
        }
    }

    /// Stops what no unit looks after any more: that of a unit whose thread died.
    fn stop_rest(&self) {
        let left = || {
            let truths = Eyes::default().truths(self.dir.id(), &self.state, false);
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
