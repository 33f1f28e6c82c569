//! Looks at mounts that may hang: with a deadline, with a way to end the look, and at the cost of one thread.
//!
//! Checks, evidence and seals read thousands of files in one go. Each such look has a thread of its own that
//! nobody waits for once it is silent: then the mounts are asked, and the one that does not answer is named.
//! A look is begun only while the mounts answer, so that looks do not pile up behind a mount that hangs. A
//! look that was ended or given up found nothing, whatever its thread finds out later.

use super::VetError;
use crate::compose::mounts::{look as look_at_mount, mounted, place_of};
use crate::compose::probe::{Answer, Prober, Watch};
use crate::compose::pulse::Pulse;
use crate::domain::catalog::{Catalog, Mount};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How many times the deadline a look may be silent though every mount answers: it may be computing.
const DOUBTS: u32 = 30;
/// The deadline where no mount of the catalog is concerned.
const DEADLINE: Duration = Duration::from_secs(20);

/// How often it is told how far it is while the mounts are asked.
const TICK: Duration = Duration::from_millis(50);

/// Who looks, and at what.
#[derive(Debug)]
pub struct Lookout<'a> {
    /// Asks; what is out is known to it.
    pub prober: &'a Prober,
    /// The mounts that are looked at.
    pub mounts: Vec<&'a Mount>,
    /// What the look is called: `release 8`. There is one look of a name at a time.
    pub name: &'a str,
    /// Where the look tells how far it is, and hears that it is to end.
    pub pulse: &'a Arc<Pulse>,
}

/// Returns the mounts of the catalog that `paths` are on.
pub fn mounts_of<'a, 'p>(catalog: &'a Catalog, paths: impl IntoIterator<Item = &'p Path>) -> Vec<&'a Mount> {
    let mounted = mounted();
    let places: BTreeSet<String> =
        paths.into_iter().map(|path| place_of(&catalog.mounts, &mounted, path)).collect();
    catalog.mounts.iter().filter(|mount| places.contains(&mount.name)).collect()
}

impl Lookout<'_> {
    /// Carries out `work`, telling `tick` many times a second how far it is.
    pub fn look<T: Send + 'static>(
        &self,
        tick: &mut dyn FnMut(&Pulse),
        work: impl FnOnce(&Pulse) -> T + Send + 'static,
    ) -> Result<T, VetError> {
        // Half of the deadline is for the silence, half for the mounts to explain it.
        let patience = self.mounts.iter().map(|mount| deadline(mount)).max().unwrap_or(DEADLINE) / 2;
        // The watch ticks, and so do the questions that it asks in between.
        let tick = RefCell::new(tick);
        let tell = |pulse: &Pulse| (tick.borrow_mut())(pulse);
        if let Some(silent) = self.silent(&tell) {
            return Err(silent);
        }
        let mut hung = None;
        let mut silent = |silent_for: Duration| {
            hung = self.silent(&tell);
            hung.is_none() && silent_for < patience * DOUBTS
        };
        let watch = Watch { tick: &mut |pulse| tell(pulse), silent: &mut silent };
        match self.prober.watch(self.name, patience, self.pulse, watch, work) {
            Answer::Ready(result) if !self.pulse.is_cancelled() => Ok(result),
            Answer::Ready(_) | Answer::Cancelled => Err(VetError::Cancelled),
            Answer::Late { since } => {
                Err(hung.or_else(|| self.silent(&tell)).unwrap_or_else(|| not_answering(self.name, since)))
            }
            Answer::Broken { problem } => Err(VetError::Broken { problem }),
        }
    }

    /// Asks all mounts at once, and returns why nothing can be looked at: one is silent, or it is to end.
    fn silent(&self, tell: &dyn Fn(&Pulse)) -> Option<VetError> {
        let (answer, answered) = channel();
        let mut hung = None;
        std::thread::scope(|scope| {
            for mount in &self.mounts {
                let answer = answer.clone();
                // Whoever listens waits for every answer.
                scope.spawn(move || drop(answer.send((mount.name.as_str(), self.ask(mount)))));
            }
            drop(answer);
            loop {
                match answered.recv_timeout(TICK) {
                    Ok((name, Answer::Late { since })) => hung = Some(not_answering(name, since)),
                    Ok((_, Answer::Ready(()) | Answer::Cancelled | Answer::Broken { .. })) => {}
                    Err(RecvTimeoutError::Timeout) => tell(self.pulse),
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
        });
        if self.pulse.is_cancelled() { Some(VetError::Cancelled) } else { hung }
    }

    /// Asks one mount, unless the look is to end before it answers.
    fn ask(&self, mount: &Mount) -> Answer<()> {
        let (own, asked) = (Arc::new(Pulse::new()), mount.clone());
        let ending = Arc::clone(&own);
        let mut tick = |_: &Pulse| {
            if self.pulse.is_cancelled() {
                ending.cancel();
            }
        };
        let watch = Watch { tick: &mut tick, silent: &mut |_| false };
        // How it stands is for the checks; that it says anything at all is enough.
        let look = move |_: &Pulse| drop(look_at_mount(&asked));
        self.prober.watch(&mount.name, deadline(mount) / 2, &own, watch, look)
    }
}

fn deadline(mount: &Mount) -> Duration {
    Duration::from_secs(mount.deadline_s)
}

fn not_answering(place: &str, since: Instant) -> VetError {
    VetError::NotAnswering { place: place.to_owned(), for_s: since.elapsed().as_secs() }
}
