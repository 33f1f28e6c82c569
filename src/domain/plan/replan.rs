//! What is left of a run, to be planned anew: the same selection minus what is done.
//!
//! Pure, like [`make`](super::make): the command and the console show the same plan for it, and nothing of
//! it runs that was not shown.

use super::{Lane, Step};
use crate::domain::flow::Role;
use crate::domain::name::{ReleaseId, RepoName};
use crate::domain::outcome::Outcome;
use crate::domain::run::{RunState, RunVerdict, StepRecord, StepState};
use crate::domain::selection::{ReleaseSelection, Selection};
use crate::domain::status::ReleaseStatus;
use std::collections::BTreeSet;

/// Returns what is left of the run: of the lanes that stand, or of all that are not through where none stands.
///
/// A sync counts as done only while the link still names the compose that it copied, so that no release is put
/// together from two composes. Where only the steps over all of staging are left, its syncs stay: they are
/// safe to repeat, and a flow begins with them. `alive` says whether a supervisor has the run.
pub fn remaining(state: &RunState, alive: bool, status: &[ReleaseStatus]) -> Selection {
    let stands = |lane: &&Lane| match state.lane_verdict(lane) {
        RunVerdict::Finished | RunVerdict::Waiting => false,
        RunVerdict::Running => !alive,
        _ => true,
    };
    let mut lanes: Vec<&Lane> = state.lanes().filter(stands).collect();
    if lanes.is_empty() {
        let open = |lane: &&Lane| state.lane_verdict(lane) != RunVerdict::Finished;
        lanes = state.lanes().filter(open).collect();
    }
    let releases = lanes.into_iter().filter_map(|lane| left_of(state, lane, status)).collect();
    Selection { flow: state.plan.selection.flow.clone(), releases }
}

fn left_of(state: &RunState, lane: &Lane, status: &[ReleaseStatus]) -> Option<ReleaseSelection> {
    let ticked = state.plan.selection.releases.iter().find(|ticked| ticked.release == lane.release)?;
    let left = Left { state, lane, status };
    let compose: BTreeSet<RepoName> =
        ticked.compose.iter().filter(|repo| !left.is_composed(repo)).cloned().collect();
    let mut sync: BTreeSet<RepoName> =
        ticked.sync.iter().filter(|repo| compose.contains(*repo) || !left.is_synced(repo)).cloned().collect();
    if sync.is_empty() && left.has_more_than_composes() {
        sync.clone_from(&ticked.sync);
    }
    Some(ReleaseSelection { release: lane.release.clone(), compose, sync })
}

struct Left<'a> {
    state: &'a RunState,
    lane: &'a Lane,
    status: &'a [ReleaseStatus],
}

impl Left<'_> {
    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.lane.steps.iter().filter_map(|id| self.state.plan.step(id))
    }

    fn done(&self, step: &Step) -> Option<&StepRecord> {
        self.state.record(&step.id).filter(|record| {
            record.stale.is_none()
                && matches!(record.state, StepState::Concluded { outcome: Outcome::Succeeded, .. })
        })
    }

    fn is_composed(&self, repo: &RepoName) -> bool {
        let of_repo = |step: &&Step| step.role == Role::Compose && step.repo.as_ref() == Some(repo);
        self.steps().find(of_repo).is_some_and(|step| self.done(step).is_some())
    }

    fn is_synced(&self, repo: &RepoName) -> bool {
        let copies = |step: &&Step| {
            matches!(step.role, Role::Sync | Role::SyncAll)
                && step.pins.iter().any(|pinned| pinned.repo == *repo)
        };
        let record = self.steps().find(copies).and_then(|step| self.done(step));
        let copied = record.and_then(|record| record.composes.get(repo));
        copied.is_some() && copied == self.latest(&self.lane.release, repo)
    }

    fn latest(&self, release: &ReleaseId, repo: &RepoName) -> Option<&crate::domain::compose::ComposeId> {
        let status = self.status.iter().find(|status| status.major == *release)?;
        status.repo(repo)?.latest.compose().map(|compose| &compose.id)
    }

    fn has_more_than_composes(&self) -> bool {
        self.steps().any(|step| step.role != Role::Compose && self.done(step).is_none())
    }
}

#[cfg(test)]
mod tests;
