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
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many times the deadline a look may be silent though every mount answers: it may be computing.
const DOUBTS: u32 = 30;
/// The deadline where no mount of the catalog is concerned.
const DEADLINE: Duration = Duration::from_secs(20);

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
        if let Some(silent) = self.silent(tick) {
            return Err(silent);
        }
        let mut hung = None;
        let mut silent = |silent_for: Duration| {
            hung = self.silent(&mut |_| {});
            hung.is_none() && silent_for < patience * DOUBTS
        };
        let watch = Watch { tick, silent: &mut silent };
        match self.prober.watch(self.name, patience, Arc::clone(self.pulse), watch, work) {
            Answer::Ready(result) if !self.pulse.is_cancelled() => Ok(result),
            Answer::Ready(_) | Answer::Cancelled => Err(VetError::Cancelled),
            Answer::Late { since } => Err(hung
                .or_else(|| self.silent(&mut |_| {}))
                .unwrap_or_else(|| not_answering(self.name, since))),
            Answer::Broken { problem } => Err(VetError::Broken { problem }),
        }
    }

    /// Asks all mounts at once, and returns why nothing can be looked at: one is silent, or it is to end.
    fn silent(&self, tick: &mut dyn FnMut(&Pulse)) -> Option<VetError> {
        let answers: Vec<(&str, Answer<()>)> = std::thread::scope(|scope| {
            let asked: Vec<_> = self.mounts.iter().map(|mount| scope.spawn(|| self.ask(mount))).collect();
            tick(self.pulse);
            let answered = self.mounts.iter().zip(asked);
            answered.filter_map(|(mount, asked)| Some((mount.name.as_str(), asked.join().ok()?))).collect()
        });
        if self.pulse.is_cancelled() {
            return Some(VetError::Cancelled);
        }
        answers.into_iter().find_map(|(name, answer)| match answer {
            Answer::Late { since } => Some(not_answering(name, since)),
            Answer::Ready(()) | Answer::Cancelled | Answer::Broken { .. } => None,
        })
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
        self.prober.watch(&mount.name, deadline(mount) / 2, own, watch, look)
    }
}

fn deadline(mount: &Mount) -> Duration {
    Duration::from_secs(mount.deadline_s)
}

fn not_answering(place: &str, since: Instant) -> VetError {
    VetError::NotAnswering { place: place.to_owned(), for_s: since.elapsed().as_secs() }
}
