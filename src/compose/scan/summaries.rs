//! What is known for good about composes that finished, so that a look at them costs one call each.
//!
//! A compose that finished changes no more; that its folder is still the same one is asked every time.
//! Nothing is kept of any other.

use crate::domain::compose::ComposeId;
use crate::domain::status::ComposeSummary;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// What tells one folder from another one of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    device: u64,
    modified: (i64, i64),
    /// When it was made, where the file system knows.
    pub(super) born: Option<SystemTime>,
}

impl Stamp {
    pub(super) fn of(meta: &Metadata) -> Self {
        Self {
            inode: meta.ino(),
            device: meta.dev(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            born: meta.created().ok(),
        }
    }
}

/// How much of a compose was read; each holds all that comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    /// Its `STATUS`.
    Listed,
    /// Its label too.
    Labelled,
    /// That its files agree about its id, too.
    Named,
}

#[derive(Debug)]
struct Known {
    stamp: Stamp,
    trust: Trust,
    summary: ComposeSummary,
}

/// The summaries of composes that finished.
#[derive(Debug, Default)]
pub struct SummaryCache {
    known: Mutex<BTreeMap<PathBuf, Known>>,
}

impl SummaryCache {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, folder: &Path, stamp: &Stamp, wanted: Trust) -> Option<ComposeSummary> {
        let known = self.lock();
        let found = known.get(folder).filter(|known| known.stamp == *stamp && known.trust >= wanted)?;
        Some(found.summary.clone())
    }

    pub(super) fn keep(&self, folder: &Path, stamp: Stamp, trust: Trust, summary: &ComposeSummary) {
        let mut known = self.lock();
        let better = known.get(folder).is_some_and(|known| known.stamp == stamp && known.trust > trust);
        if summary.status.is_finished() && !better {
            known.insert(folder.to_owned(), Known { stamp, trust, summary: summary.clone() });
        }
    }

    /// Forgets the composes below `folder` that are not there any more.
    pub(super) fn forget_all_but(&self, folder: &Path, ids: &[ComposeId]) {
        let there: BTreeSet<PathBuf> = ids.iter().map(|id| folder.join(id.to_string())).collect();
        self.lock().retain(|path, _| !path.starts_with(folder) || there.contains(path));
    }

    /// Returns how many composes are known.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Returns whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
