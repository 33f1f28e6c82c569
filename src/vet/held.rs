//! Which compose of each repo staging should hold when it goes out.
//!
//! For a repo that this run synced, it is the pinned one. For the others it is the one that staging holds
//! whole, as far as names tell; a repo that was synced by half in some earlier run goes out as well, and
//! has to be seen.

use super::VetContext;
use crate::compose::position::{ContentCache, positions};
use crate::compose::scan::scan;
use crate::domain::compose::ComposeId;
use crate::domain::flow::Role;
use crate::domain::name::RepoName;
use crate::domain::plan::Step;
use crate::domain::release::Release;
use crate::domain::status::{PositionState, RepoStatus};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// One repo of staging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    /// Which repo.
    pub(super) repo: RepoName,
    /// The compose that staging should hold, or holds.
    pub(super) compose: Option<ComposeId>,
    /// Whether staging holds anything of it.
    pub(super) present: bool,
    /// Whether this run synced it.
    pub(super) touched: bool,
    /// Why it is neither this nor that compose, if so.
    pub(super) partial: Option<String>,
}

/// Returns every repo of the release, in the catalog's order.
pub(super) fn held(cx: &VetContext<'_>, release: &Release) -> Vec<Held> {
    let touched = touched(cx);
    let untouched = release.repos.iter().any(|repo| !touched.contains(&repo.name));
    let statuses = if untouched { statuses(cx, release) } else { Ok(Vec::new()) };
    let one = |repo: &RepoName| {
        if touched.contains(repo) {
            let compose = cx.composes.get(repo).cloned();
            return Held { repo: repo.clone(), compose, present: true, touched: true, partial: None };
        }
        match &statuses {
            Ok(statuses) => from_status(repo, statuses.iter().find(|status| status.name == *repo)),
            Err(problem) => Held {
                repo: repo.clone(),
                compose: None,
                present: true,
                touched: false,
                partial: Some(problem.clone()),
            },
        }
    };
    release.repos.iter().map(|repo| one(&repo.name)).collect()
}

/// Returns the repos that a sync step of this run brought to staging.
fn touched(cx: &VetContext<'_>) -> BTreeSet<RepoName> {
    let mine = |step: &&Step| {
        matches!(step.role, Role::Sync | Role::SyncAll)
            && step.release == cx.step.release
            && !cx.skipped.contains_key(&step.id)
    };
    let steps = cx.plan.steps.iter().filter(mine);
    steps.flat_map(|step| step.repo.iter().chain(step.pins.iter().map(|pin| &pin.repo))).cloned().collect()
}

fn statuses(cx: &VetContext<'_>, release: &Release) -> Result<Vec<RepoStatus>, String> {
    cx.pulse.begin("repos that this run did not touch", None);
    let scan = scan(release, Timestamp::now()).map_err(|error| error.to_string())?;
    Ok(positions(release, &Arc::new(scan), &ContentCache::default(), cx.pulse))
}

fn from_status(repo: &RepoName, status: Option<&RepoStatus>) -> Held {
    let mut held = Held { repo: repo.clone(), compose: None, present: false, touched: false, partial: None };
    let Some(status) = status else { return held };
    held.compose.clone_from(&status.staging_holds);
    held.present = status.staging.state != PositionState::Absent;
    if matches!(status.staging.state, PositionState::Partial | PositionState::Unknown) {
        held.partial = Some(status.staging.reason.clone());
    }
    held
}
