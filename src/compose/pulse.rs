//! The pulse of a read: how far it is, whether it still moves, and whether it is to end.
//!
//! A read that waits for a mount moves nothing; one that works does, however long it takes. So whoever
//! waits for a read looks at its pulse and not at a clock alone. The pulse does no waiting itself, and it
//! is shared with a thread that nobody may be waiting for any more.

use crate::domain::live::{Looking, Part};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What is being looked at, since when, and of how many files.
#[derive(Debug, Default)]
struct Phase {
    what: String,
    of: Option<u64>,
    begun: Option<Instant>,
    part: Option<Part>,
}

/// The pulse of one read.
#[derive(Debug, Default)]
pub struct Pulse {
    cancelled: AtomicBool,
    beats: AtomicU64,
    done: AtomicU64,
    bytes: AtomicU64,
    phase: Mutex<Phase>,
}

impl Pulse {
    /// Makes the pulse of a read that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells the read to end as soon as it can.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Returns whether it was told to end.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what is looked at from now on, and how many files that is, where it is known.
    pub fn begin(&self, what: &str, of: Option<u64>) {
        let mut phase = self.phase();
        let part = phase.part.take();
        *phase = Phase { what: what.to_owned(), of, begun: Some(Instant::now()), part };
        drop(phase);
        self.done.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        self.beat();
    }

    /// Says which part of the whole everything from now on belongs to; none where that is to be forgotten.
    pub fn enter(&self, part: Option<Part>) {
        let name = part.as_ref().map_or_else(String::new, |part| part.name.clone());
        self.phase().part = part;
        self.begin(&name, None);
    }

    /// Says that something moved.
    pub fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts files that were looked at.
    pub fn count(&self, files: u64) {
        self.done.fetch_add(files, Ordering::Relaxed);
        self.beat();
    }

    /// Counts bytes that were read.
    pub fn read(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.beat();
    }

    /// Returns how often anything moved.
    pub fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    /// Returns how far it is.
    pub fn looking(&self) -> Looking {
        let phase = self.phase();
        let bytes = self.bytes.load(Ordering::Relaxed);
        let took_ms =
            phase.begun.map_or(0, |begun| u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
        Looking {
            what: phase.what.clone(),
            done: self.done.load(Ordering::Relaxed),
            of: phase.of,
            bytes,
            // Of less than half a second nothing can be told.
            part: phase.part.clone(),
            rate: if took_ms < 500 { 0 } else { bytes.saturating_mul(1000) / took_ms },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_counts_anew_and_everything_moves_it() {
        let pulse = Pulse::new();
        assert_eq!(pulse.looking(), Looking::default());
        pulse.begin("listing staging", None);
        pulse.count(3);
        pulse.begin("sealing staging", Some(3));
        pulse.count(1);
        pulse.read(1 << 20);
        let now = pulse.looking();
        assert_eq!(
            (now.what.as_str(), now.done, now.of, now.bytes),
            ("sealing staging", 1, Some(3), 1 << 20)
        );
        assert_eq!(pulse.beats(), 5);
        assert!(!pulse.is_cancelled());
        pulse.cancel();
        assert!(pulse.is_cancelled());
    }
}
