//! Reads the status of every release in the catalog, part by part, without ever waiting for a mount
//! longer than its deadline.
//!
//! What is known is handed on at once: mounts as they answer, a release first with its composes alone,
//! then with its positions. A mount that does not answer makes what stands on it `unknown`, with the
//! reason, and nothing else. All reads of one mount follow each other (see [`super::probe`]); the mounts
//! are read side by side.

mod reading;
mod round;

use super::mounts::{mounted, place_of, silence};
use super::probe::{Answer, Prober};
use crate::domain::catalog::Catalog;
use crate::domain::status::{MountStatus, ReleaseStatus};
use reading::Reading;
use round::{Asker, Round};
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

/// One thing that became known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusPart {
    /// A mount answered, or did not.
    Mount(MountStatus),
    /// Where a release stands, as far as is known now; a later part replaces it.
    Release(ReleaseStatus),
}

/// Everything that one reading came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// All releases, in the catalog's order.
    pub releases: Vec<ReleaseStatus>,
    /// All mounts, in the catalog's order.
    pub mounts: Vec<MountStatus>,
}

/// Reads status again and again; it remembers which mounts owe an answer and what finished composes hold.
#[derive(Debug, Clone, Default)]
pub struct StatusReader {
    prober: Prober,
    reading: Reading,
}

impl StatusReader {
    /// Makes a reader that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the prober, for whoever else wants to ask the same mounts.
    pub fn prober(&self) -> &Prober {
        &self.prober
    }

    /// Asks the mount that `path` is on whether it answers at all; what stands there does not matter.
    ///
    /// For those who are about to start a program that reads there: one that hangs cannot be ended.
    pub fn reach(&self, catalog: &Catalog, path: &Path, patience: Duration) -> Result<(), String> {
        let place = place_of(&catalog.mounts, &mounted(), path);
        let asked = path.to_owned();
        // What the root of a mount is called may come from a cache; how much room there is never does.
        match self.prober.ask(&place, patience, move |_| drop(rustix::fs::statvfs(&asked))) {
            Answer::Ready(()) => Ok(()),
            Answer::Late { since } => Err(silence(&place, since.elapsed().as_secs())),
            Answer::Cancelled => Err(format!("{place}: the look at it was cancelled")),
            Answer::Broken { problem } => Err(format!("{place}: {problem}")),
        }
    }

    /// Reads everything, telling `on_part` of each part as it becomes known. A mount in which nothing moves
    /// for `patience`, or for the deadline that the catalog gives it, is not waited for.
    pub fn read(&self, catalog: &Catalog, patience: Duration, mut on_part: impl FnMut(StatusPart)) -> Status {
        let (tell, told) = channel();
        std::thread::scope(|scope| {
            self.reading.begin_round();
            let asker = Asker::new(scope, self, tell, patience);
            let mut round = Round::new(catalog, asker, &mut on_part);
            round.begin();
            round.listen(&told);
            round.finish()
        })
    }
}

#[cfg(test)]
mod tests;
