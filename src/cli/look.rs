//! A long look at files from a command: progress on the terminal, Ctrl-C at any moment, a deadline for
//! mounts that do not answer.
//!
//! The look itself is on a thread that nobody waits for once it is given up; a call that hangs keeps the
//! command from ending no longer than a working one.

use super::exit::Failure;
use super::progress::{ProgressLine, Stream};
use crate::compose::probe::Prober;
use crate::compose::pulse::Pulse;
use crate::domain::catalog::Mount;
use crate::ui::widgets::text::looking;
use crate::vet::Lookout;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Carries out `work` with the mounts that it reads.
pub(super) fn look<T: Send + 'static>(
    mounts: Vec<&Mount>,
    work: impl FnOnce(&Pulse, &Prober) -> T + Send + 'static,
) -> Result<T, Failure> {
    let asked_to_end = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // A second one ends it at once; nothing of the terminal has to be restored.
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked_to_end))?;
        signal_hook::flag::register(signal, Arc::clone(&asked_to_end))?;
    }
    let line = ProgressLine::new(Stream::Errors);
    let pulse = Arc::new(Pulse::new());
    let ending = Arc::clone(&pulse);
    let mut tick = |pulse: &Pulse| {
        if asked_to_end.load(Ordering::Relaxed) {
            ending.cancel();
        }
        line.show(&looking(&pulse.looking()));
    };
    let prober = Prober::new();
    let theirs = prober.clone();
    let lookout = Lookout { prober: &prober, mounts, name: "the look at it", pulse: &pulse };
    let looked = lookout.look(&mut tick, move |pulse| work(pulse, &theirs));
    line.clear();
    Ok(looked?)
}
