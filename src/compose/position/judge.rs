//! Judges, without reading anything, where the repos of a release stand.

use super::production::production;
use super::{Basis, Facts, Older, repo_folders};
use crate::compose::content::Content;
use crate::compose::holding::{Holding, placed};
use crate::compose::scan::RepoScan;
use crate::domain::compose::ComposeId;
use crate::domain::name::SigName;
use crate::domain::release::{Release, Repo};
use crate::domain::status::{LatestLink, Position, PositionState, RepoStatus};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Says where every repo of `release` stands, from what was read.
pub fn judge(release: &Release, facts: &Facts) -> Vec<RepoStatus> {
    release.repos.iter().map(|repo| judge_repo(release, repo, facts)).collect()
}

fn judge_repo(release: &Release, repo: &Repo, facts: &Facts) -> RepoStatus {
    let scan = facts.scan.as_ref().ok().and_then(|scan| scan.repo(&repo.name));
    let synced = release.sync_order.contains(&repo.name);
    let (staging, staging_holds) = staging(repo, scan, synced, facts);
    RepoStatus {
        name: repo.name.clone(),
        sig: repo.sig.clone(),
        synced,
        latest: latest(scan, facts),
        history: scan.map(|scan| scan.history.clone()).unwrap_or_default(),
        newer_unfinished: scan.and_then(RepoScan::newer_unfinished).cloned(),
        staging,
        staging_holds,
        production: production(repo, synced, facts),
    }
}

fn latest(scan: Option<&RepoScan>, facts: &Facts) -> LatestLink {
    let reason = || facts.scan.as_ref().err().cloned().unwrap_or_else(|| "it was not looked at".to_owned());
    scan.map_or_else(|| LatestLink::Unreadable { reason: reason() }, |scan| scan.latest.clone())
}

pub(super) fn position(state: PositionState, reason: impl Into<String>) -> Position {
    Position { state, reason: reason.into() }
}

pub(super) fn unknown(reason: impl Into<String>) -> Position {
    position(PositionState::Unknown, reason)
}

/// Why a repo without a usable compose cannot be placed.
pub(super) fn no_compose(scan: Option<&RepoScan>, facts: &Facts) -> String {
    let Some(scan) = scan else {
        return facts
            .scan
            .as_ref()
            .err()
            .cloned()
            .unwrap_or_else(|| "its composes were not looked at".to_owned());
    };
    match &scan.latest {
        LatestLink::Compose { compose } => format!("{} was not read", compose.id),
        LatestLink::Missing if scan.all.is_empty() => "it has no compose".to_owned(),
        LatestLink::Missing => "there is no latest link".to_owned(),
        LatestLink::Dangling { target } => format!("the latest link names {target}, which is not there"),
        LatestLink::RealDirectory => "the latest link is a real directory".to_owned(),
        LatestLink::Foreign { target, problem } => format!("the latest link names {target}: {problem}"),
        LatestLink::Unreadable { reason } => format!("the latest link could not be read: {reason}"),
    }
}

/// How much of a compose a position holds.
pub(super) struct Share {
    pub(super) has: usize,
    pub(super) of: usize,
}

impl Share {
    pub(super) fn lacks(&self) -> usize {
        self.of - self.has
    }
}

/// Counts what of `content`, without what `known` has already, is in `holding`.
pub(super) fn share(repo: &Repo, content: &Content, known: Option<&Content>, holding: &Holding) -> Share {
    let mut share = Share { has: 0, of: 0 };
    for (path, entry) in content.payload() {
        if known.is_some_and(|known| known.tree.entry(path, &entry.name).is_some()) {
            continue;
        }
        share.of += 1;
        share.has += usize::from(holding.tree.entry(&in_place(repo, path), &entry.name).is_some());
    }
    share
}

fn in_place(repo: &Repo, path: &OsStr) -> OsString {
    placed(repo.sig.as_ref().map(SigName::as_str), path)
}

fn listed(folders: &[OsString]) -> String {
    let names: Vec<String> = folders.iter().map(|name| Path::new(name).display().to_string()).collect();
    names.join(", ")
}

/// Staging against the latest compose, and the compose that staging holds whole.
fn staging(
    repo: &Repo,
    scan: Option<&RepoScan>,
    synced: bool,
    facts: &Facts,
) -> (Position, Option<ComposeId>) {
    let staging = match &facts.staging {
        Ok(staging) => staging,
        Err(reason) => return (unknown(reason.clone()), None),
    };
    let Some(basis) = facts.bases.get(&repo.name) else { return (unknown(no_compose(scan, facts)), None) };
    let content = match &basis.content {
        Ok(content) => content,
        Err(problem) => return (unknown(format!("{} could not be read: {problem}", basis.id)), None),
    };
    let folders = repo_folders(repo, basis);
    if folders.is_empty() {
        return (unknown(format!("{} holds no packages", basis.id)), None);
    }
    if let Some(problem) = folders.iter().find_map(|folder| staging.problem(folder)) {
        return (unknown(problem), None);
    }
    let held = facts.held.get(&repo.name);
    let holds = held.map(|held| held.id.clone());
    let all = share(repo, content, None, staging);
    if !basis.is_latest {
        let holds = if all.lacks() == 0 { Some(basis.id.clone()) } else { holds };
        return (unknown(no_compose(scan, facts)), holds);
    }
    if all.lacks() == 0 {
        return (position(PositionState::Current, ""), Some(basis.id.clone()));
    }
    (incomplete(repo, basis, content, &all, held, staging, synced, &folders), holds)
}

#[expect(clippy::too_many_arguments, reason = "the facts of one sentence, used here only")]
fn incomplete(
    repo: &Repo,
    basis: &Basis,
    content: &Content,
    all: &Share,
    held: Option<&Older>,
    staging: &Holding,
    synced: bool,
    folders: &[OsString],
) -> Position {
    let latest = &basis.id;
    if let Some(held) = held {
        let new = share(repo, content, Some(&held.content), staging);
        if new.has == 0 {
            return position(
                PositionState::Behind,
                format!("holds {}, {} packages behind {latest}", held.id, new.of),
            );
        }
        let reason =
            format!("{} of {} new packages of {latest} missing; holds {}", new.lacks(), new.of, held.id);
        return position(PositionState::Partial, reason);
    }
    if all.has > 0 {
        return position(
            PositionState::Partial,
            format!("{} of {} packages of {latest} missing", all.lacks(), all.of),
        );
    }
    let others: usize = folders.iter().map(|folder| staging.payload(folder).count()).sum();
    if others > 0 {
        let reason = format!("holds {others} packages, none of the {} of {latest}", all.of);
        return position(PositionState::Behind, reason);
    }
    if synced {
        position(PositionState::Absent, format!("nothing in {}", listed(folders)))
    } else {
        position(PositionState::Absent, "not synced by the procedure")
    }
}
