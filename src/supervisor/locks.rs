//! The locks of a run: its own, one a lane, and one a resource while a step holds it.

use crate::domain::name::{ReleaseId, ResourceName, StepId};
use crate::domain::plan::Step;
use crate::journal::JournalError;
use crate::journal::lock::{Attempt, Elsewhere, HeldLock, Holder, take};
use crate::journal::store::{RunDir, Store};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Why a run cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run has the release.
    #[error("release {release} is locked by {}; watch that run, cancel it, or take the release over with a reason", name(owner.as_deref()))]
    LaneBusy {
        /// The release.
        release: ReleaseId,
        /// Who has it.
        owner: Option<Box<Holder>>,
    },
    /// A run on another host had the release when it was last heard of.
    #[error("release {release} is locked by {owner}, on another host; whether that run lives cannot be seen from here: look on {}, and take the release over with a reason if it is gone", owner.by.host)]
    LaneElsewhere {
        /// The release.
        release: ReleaseId,
        /// Who had it.
        owner: Box<Holder>,
    },
    /// Another supervisor has the run.
    #[error("the run already has a supervisor")]
    RunBusy,
    /// Its supervisor was on another host when it was last heard of.
    #[error("the run was last supervised on another host, by {owner}; go on with it on {}, or plan what is left anew", owner.by.host)]
    RunElsewhere {
        /// Who had it.
        owner: Box<Holder>,
    },
    /// A lock could not be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

fn name(owner: Option<&Holder>) -> String {
    owner.map_or_else(|| "another run (its lock file does not say which)".to_owned(), ToString::to_string)
}

/// The locks a supervisor holds; dropping them frees them.
#[derive(Debug)]
pub struct Locks {
    store: Store,
    holder: Holder,
    elsewhere: Elsewhere,
    _run: HeldLock,
    lanes: BTreeMap<ReleaseId, HeldLock>,
    resources: BTreeMap<StepId, Vec<HeldLock>>,
}

impl Locks {
    /// Takes the run's lock alone; `elsewhere` says what is done about lanes and resources of other hosts.
    pub fn take_run(
        store: &Store,
        dir: &RunDir,
        holder: Holder,
        elsewhere: Elsewhere,
    ) -> Result<Self, LockError> {
        let run = match take(&dir.lock(), &holder, Elsewhere::Respect)? {
            Attempt::Held(run) => run,
            Attempt::Busy(_) => return Err(LockError::RunBusy),
            Attempt::Elsewhere(owner) => return Err(LockError::RunElsewhere { owner: Box::new(owner) }),
        };
        let (lanes, resources) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { store: store.clone(), holder, elsewhere, _run: run, lanes, resources })
    }

    /// Takes the lock of a lane; returns who died with it, if anybody did.
    pub fn take_lane(&mut self, release: &ReleaseId) -> Result<Option<Holder>, LockError> {
        let release = release.clone();
        match take(&self.store.lane_lock(&release), &self.holder, self.elsewhere)? {
            Attempt::Held(lock) => {
                let left_by = lock.left_by().cloned();
                self.lanes.insert(release, lock);
                Ok(left_by)
            }
            Attempt::Busy(owner) => Err(LockError::LaneBusy { release, owner: owner.map(Box::new) }),
            Attempt::Elsewhere(owner) => Err(LockError::LaneElsewhere { release, owner: Box::new(owner) }),
        }
    }

    /// Returns whether it holds the lock of a lane.
    pub fn has_lane(&self, release: &ReleaseId) -> bool {
        self.lanes.contains_key(release)
    }

    /// Gives the lock of a lane back.
    pub fn free_lane(&mut self, release: &ReleaseId) {
        self.lanes.remove(release);
    }

    /// Makes sure that a lane is still this run's before a step of it starts: a lock whose file was removed
    /// keeps nobody out. It is taken again; the error says who was faster.
    pub fn vouch(&mut self, release: &ReleaseId) -> Result<(), LockError> {
        if self.lanes.get(release).is_none_or(HeldLock::is_in_place) {
            return Ok(());
        }
        log::warn!("somebody removed the lock of release {release} while it was held; it is taken anew");
        self.take_lane(release).map(|_| ())
    }

    /// Takes every resource that `step` names, or says which one is taken and by whom.
    pub fn hold(&mut self, step: &Step) -> Result<Option<(ResourceName, String)>, JournalError> {
        let mut held = Vec::new();
        let holder = Holder { since: Timestamp::now(), step: Some(step.id.clone()), ..self.holder.clone() };
        for resource in &step.resources {
            match take(&self.store.resource_lock(resource), &holder, self.elsewhere)? {
                Attempt::Held(lock) => held.push(lock),
                Attempt::Busy(owner) => return Ok(Some((resource.clone(), name(owner.as_ref())))),
                Attempt::Elsewhere(owner) => {
                    let host = owner.by.host.clone();
                    let owner = format!("{owner}, on {host}, where it must be seen whether that run lives;");
                    return Ok(Some((resource.clone(), owner)));
                }
            }
        }
        self.resources.insert(step.id.clone(), held);
        Ok(None)
    }

    /// Gives back what `step` holds.
    pub fn free(&mut self, step: &StepId) {
        self.resources.remove(step);
    }
}
