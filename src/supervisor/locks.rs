//! The locks of a run: its own, one a lane, and one a resource while a step holds it.

use crate::domain::name::{ReleaseId, ResourceName, StepId};
use crate::domain::plan::{Plan, Step};
use crate::journal::JournalError;
use crate::journal::lock::{Attempt, HeldLock, Holder, take};
use crate::journal::store::{RunDir, Store};
use std::collections::BTreeMap;

/// Why a run cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run has the release.
    #[error("release {release} is locked by {}; watch that run, or cancel it first", owner.as_ref().map_or_else(|| "another run".to_owned(), ToString::to_string))]
    LaneBusy {
        /// The release.
        release: ReleaseId,
        /// Who has it.
        owner: Option<Box<Holder>>,
    },
    /// Another supervisor has the run.
    #[error("the run already has a supervisor")]
    RunBusy,
    /// A lock could not be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// The locks a supervisor holds; dropping them frees them.
#[derive(Debug)]
pub struct Locks {
    store: Store,
    holder: Holder,
    _run: HeldLock,
    _lanes: Vec<HeldLock>,
    resources: BTreeMap<StepId, Vec<HeldLock>>,
}

impl Locks {
    /// Takes the run's lock and those of all its lanes, or none.
    pub fn take(store: &Store, dir: &RunDir, plan: &Plan, holder: Holder) -> Result<Self, LockError> {
        let Attempt::Held(run) = take(&dir.lock(), &holder)? else { return Err(LockError::RunBusy) };
        let mut lanes = Vec::new();
        for lane in &plan.lanes {
            match take(&store.lane_lock(&lane.release), &holder)? {
                Attempt::Held(lock) => lanes.push(lock),
                Attempt::Busy(owner) => {
                    let owner = owner.map(Box::new);
                    return Err(LockError::LaneBusy { release: lane.release.clone(), owner });
                }
            }
        }
        Ok(Self { store: store.clone(), holder, _run: run, _lanes: lanes, resources: BTreeMap::new() })
    }

    /// Takes every resource that `step` names, or says which one is taken and by whom.
    pub fn hold(&mut self, step: &Step) -> Result<Option<(ResourceName, String)>, JournalError> {
        let mut held = Vec::new();
        for resource in &step.resources {
            match take(&self.store.resource_lock(resource), &self.holder)? {
                Attempt::Held(lock) => held.push(lock),
                Attempt::Busy(owner) => {
                    let owner = owner.map_or_else(|| "another step".to_owned(), |owner| owner.to_string());
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
