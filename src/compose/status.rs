//! Reads the status of every release in the catalog, part by part, without ever waiting for a mount
//! longer than its deadline.
//!
//! What is known is handed on at once: mounts as they answer, a release first with its composes alone,
//! then with its positions. A mount that does not answer makes what stands on it `unknown`, with the
//! reason, and nothing else. All reads of one mount follow each other (see [`super::probe`]); the mounts
//! are read side by side.

mod reading;
mod round;

use super::probe::Prober;
use crate::domain::catalog::Catalog;
use crate::domain::status::{MountStatus, ReleaseStatus};
use reading::Reading;
use round::{Asker, Round};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

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

    /// Reads everything within `deadline`, telling `on_part` of each part as it becomes known.
    pub fn read(&self, catalog: &Catalog, deadline: Duration, mut on_part: impl FnMut(StatusPart)) -> Status {
        let (tell, told) = channel();
        std::thread::scope(|scope| {
            let asker = Asker::new(scope, self, tell, Instant::now() + deadline);
            let mut round = Round::new(catalog, asker, &mut on_part);
            round.begin();
            round.listen(&told);
            round.finish()
        })
    }
}

#[cfg(test)]
mod tests;
