//! Before a sync and after a compose: the link names a compose that is finished, and after a compose a new one.
//!
//! Whether it names the compose that was pinned is asked of every step that uses one ([`super::pinned()`]). The scripts
//! follow `latest-X-8` at the moment they run, whatever it names by then; pungi leaves `STARTED` behind when it is killed,
//! and moves the link for `FINISHED_INCOMPLETE` too (reality.md 5). It reads the link, `STATUS` and `COMPOSE_ID`. It cannot
//! see whether what pungi calls finished is all that should be in it.

use super::VetContext;
use super::found::Found;
use super::places::shown;
use crate::compose::scan::{RepoScan, scan};
use crate::domain::flow::Role;
use crate::domain::name::RepoName;
use crate::domain::release::Release;
use crate::domain::status::{ComposeStatus, ComposeSummary, LatestLink};
use jiff::{SignedDuration, Timestamp};

/// How far a file server's clock may be behind this host's.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_secs(5);

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(release) = cx.release else { return };
    let repos = repos(cx);
    if repos.is_empty() {
        return;
    }
    cx.pulse.begin("composes", None);
    let scan = match scan(release, Timestamp::now()) {
        Ok(scan) => scan,
        Err(error) => {
            let path = shown(&release.compose_dir);
            found.blocking("unreadable", path, error.to_string(), "see whether its mount answers");
            return;
        }
    };
    for repo in repos {
        if let Some(scan) = scan.repo(repo) {
            one(cx, release, scan, found);
        } else {
            let message = "is no repo of the release";
            found.blocking("unknown", repo.as_str(), message, "correct the catalog");
        }
    }
}

/// Returns the repos whose links matter to the step.
fn repos<'a>(cx: &VetContext<'a>) -> Vec<&'a RepoName> {
    let pinned: Vec<&RepoName> = cx.step.pins.iter().map(|pin| &pin.repo).collect();
    if pinned.is_empty() { cx.step.repo.iter().collect() } else { pinned }
}

fn one(cx: &VetContext<'_>, release: &Release, scan: &RepoScan, found: &mut Found<'_>) {
    let link = shown(release.latest_link(&scan.name));
    let Some(compose) = link_target(&scan.latest, &link, found) else { return };
    status(compose, &link, found);
    if cx.step.role == Role::Compose {
        made_by_the_step(cx, compose, &link, found);
    }
    if let Some(newer) = scan.newer_unfinished() {
        found.warning(
            "newer-unfinished",
            newer.id.to_string(),
            format!("is newer than {} and {}", compose.id, word(newer.status)),
            "see why it did not finish before publishing the older one",
        );
    }
}

/// Returns the compose that a link leads to, or says why it leads to none.
fn link_target<'a>(latest: &'a LatestLink, link: &str, found: &mut Found<'_>) -> Option<&'a ComposeSummary> {
    let advice = "run the compose, or set the link by hand";
    match latest {
        LatestLink::Compose { compose } => return Some(compose),
        LatestLink::Missing => found.blocking("no-link", link, "there is no such link", advice),
        LatestLink::Dangling { target } => {
            found.blocking("dangling", link, format!("leads to {target}, which is not there"), advice);
        }
        LatestLink::RealDirectory => found.blocking(
            "real-folder",
            link,
            "is a folder, not a link; pungi cannot set the link, and a sync copies nothing",
            "see that it holds nothing of value, remove it and set the link",
        ),
        LatestLink::Foreign { target, problem } => {
            found.blocking("foreign", link, format!("leads to {target}: {problem}"), advice);
        }
        LatestLink::Unreadable { reason } => {
            let advice = "see whether the mount answers";
            found.blocking("link-unreadable", link, format!("could not be read: {reason}"), advice);
        }
    }
    None
}

fn status(compose: &ComposeSummary, link: &str, found: &mut Found<'_>) {
    match compose.status {
        ComposeStatus::Finished => {}
        ComposeStatus::FinishedIncomplete => found.warning(
            "incomplete",
            link,
            format!("{} is FINISHED_INCOMPLETE: deliverables that may fail did", compose.id),
            "see its deliverables.json for what is missing",
        ),
        other => found.blocking(
            "not-finished",
            link,
            format!("{} {}", compose.id, word(other)),
            "compose again, or set the link to a finished compose",
        ),
    }
}

fn word(status: ComposeStatus) -> &'static str {
    match status {
        ComposeStatus::Started => "is STARTED, whether or not pungi still runs",
        ComposeStatus::Finished => "is FINISHED",
        ComposeStatus::FinishedIncomplete => "is FINISHED_INCOMPLETE",
        ComposeStatus::Doomed => "is DOOMED",
        ComposeStatus::Terminated => "is TERMINATED",
        ComposeStatus::None => "has no STATUS",
        ComposeStatus::Unknown => "has a STATUS that pungi does not write",
    }
}

/// After a compose step: the link names what the step made, not what was there before.
fn made_by_the_step(cx: &VetContext<'_>, compose: &ComposeSummary, link: &str, found: &mut Found<'_>) {
    let Some(started) = cx.started else { return };
    let earliest = started.checked_sub(CLOCK_SLACK).unwrap_or(started);
    if compose.created < earliest {
        found.blocking(
            "not-new",
            link,
            format!("still names {}, which is older than this step", compose.id),
            "see the step's log: pungi made no compose, or did not move the link",
        );
    }
}
