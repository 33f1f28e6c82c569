//! What the engineer should know before a plan runs; warnings advise and never stop a run.

use super::super::{Plan, Warning, WarningKind};
use crate::domain::name::RepoName;
use crate::domain::release::Release;
use crate::domain::selection::ReleaseSelection;
use crate::domain::status::{ComposeStatus, LatestLink, PositionState, ReleaseStatus, RepoStatus};

/// What the warnings of one lane are made from.
pub(super) struct LaneView<'a> {
    pub(super) release: &'a Release,
    pub(super) ticked: &'a ReleaseSelection,
    pub(super) status: Option<&'a ReleaseStatus>,
    pub(super) goes_on: bool,
    pub(super) publishes: bool,
}

/// Says in words why a link leads to no compose.
pub(super) fn link_problem(status: Option<&RepoStatus>) -> String {
    match status.map(|status| &status.latest) {
        None => "its composes could not be read".to_owned(),
        Some(LatestLink::Missing) => "there is no latest link".to_owned(),
        Some(LatestLink::Dangling { target }) => {
            format!("its latest link names {target}, which is not there")
        }
        Some(LatestLink::Unreadable { reason }) => format!("its latest link could not be read: {reason}"),
        Some(LatestLink::RealDirectory) => "its latest link is a real directory; remove it".to_owned(),
        Some(LatestLink::Foreign { target, problem }) => format!("its latest link names {target}: {problem}"),
        Some(LatestLink::Compose { compose }) => format!("it is {}", compose.id),
    }
}

/// Adds the warnings of one lane.
pub(super) fn of_lane(lane: &LaneView<'_>, out: &mut Vec<Warning>) {
    let mut add = |kind, repo: Option<&RepoName>, message: String| {
        out.push(Warning { kind, release: lane.release.id.clone(), repo: repo.cloned(), message });
    };
    for repo in lane.status.iter().flat_map(|status| &status.repos) {
        of_repo(lane, repo, &mut |kind, message| add(kind, Some(&repo.name), message));
    }
    let unsynced: Vec<&str> = lane
        .ticked
        .compose
        .iter()
        .filter(|repo| lane.release.sync_order.contains(repo) && !lane.ticked.sync.contains(*repo))
        .map(RepoName::as_str)
        .collect();
    if !unsynced.is_empty() {
        let names = unsynced.join(", ");
        add(WarningKind::CutShort, None, format!("{names}: composed here, but not synced to staging"));
    }
    if !lane.goes_on {
        let message = "nothing is synced, so staging is neither signed nor published".to_owned();
        add(WarningKind::CutShort, None, message);
    }
}

fn of_repo(lane: &LaneView<'_>, repo: &RepoStatus, add: &mut dyn FnMut(WarningKind, String)) {
    let synced = lane.ticked.sync.contains(&repo.name);
    let composed = lane.ticked.compose.contains(&repo.name);
    if synced && !composed {
        of_existing(repo, add);
    }
    if repo.production.state == PositionState::Differs && lane.publishes {
        add(WarningKind::ProductionAhead, format!("{}: {}", repo.name, repo.production.reason));
    }
    let waits = matches!(
        repo.production.state,
        PositionState::Behind | PositionState::Partial | PositionState::Absent
    ) && repo.staging.state != PositionState::Absent;
    if lane.publishes && !synced && repo.synced && waits {
        let message = format!("{}: not ticked, but what staging holds of it goes out too", repo.name);
        add(WarningKind::AlsoGoesOut, message);
    }
}

/// Warns about a compose that was there before the plan.
fn of_existing(repo: &RepoStatus, add: &mut dyn FnMut(WarningKind, String)) {
    let Some(compose) = repo.latest.compose() else { return };
    if compose.status != ComposeStatus::Finished {
        let status = status_word(compose.status);
        add(WarningKind::ComposeUnfinished, format!("{} is {status}, not FINISHED", compose.id));
    }
    if let Some(newer) = &repo.newer_unfinished {
        let status = status_word(newer.status);
        add(
            WarningKind::NewerUnfinished,
            format!("{} is newer than {}, but is {status}", newer.id, compose.id),
        );
    }
    if let Some(held) = repo.staging_holds.as_ref().filter(|held| **held > compose.id) {
        add(WarningKind::ComposeOlderThanStaging, format!("staging holds {held}, newer than {}", compose.id));
    } else if repo.staging.state == PositionState::Current {
        add(WarningKind::NothingNew, format!("{}: staging already holds {}", repo.name, compose.id));
    }
}

/// Returns the word that pungi writes for a status.
pub fn status_word(status: ComposeStatus) -> &'static str {
    match status {
        ComposeStatus::Started => "STARTED",
        ComposeStatus::Finished => "FINISHED",
        ComposeStatus::FinishedIncomplete => "FINISHED_INCOMPLETE",
        ComposeStatus::Doomed => "DOOMED",
        ComposeStatus::Terminated => "TERMINATED",
        ComposeStatus::None => "without a STATUS",
        ComposeStatus::Unknown => "of an unknown STATUS",
    }
}

/// Adds a warning for every script folder that is not at a committed revision.
pub(super) fn scripts_changed(plan: &mut Plan) {
    let Some(release) = plan.lanes.first().map(|lane| lane.release.clone()) else { return };
    let changed: Vec<Warning> = plan
        .checkouts
        .iter()
        .filter(|checkout| checkout.dirty == Some(true))
        .map(|checkout| Warning {
            kind: WarningKind::ScriptsChanged,
            release: release.clone(),
            repo: None,
            message: format!("{} has changes that are not committed", checkout.name),
        })
        .collect();
    plan.warnings.extend(changed);
}
