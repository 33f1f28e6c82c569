//! Before and after every step that uses a compose: its links still name what was pinned.
//!
//! The scripts follow `latest-X-8` at the moment they run, whatever it names by then (incidents R11): a
//! compose that finishes between sync and prep gives content of one with comps of the other. No catalog
//! switches this off and no rule makes it weigh less, because a plan runs with what it showed or not at all.

use super::VetContext;
use super::places::shown;
use crate::compose::scan::latest;
use crate::domain::compose::ComposeId;
use crate::domain::finding::Finding;
use crate::domain::flow::CheckName;
use crate::domain::name::RepoName;
use crate::domain::plan::{Pin, PinnedRepo};
use crate::domain::release::Release;
use crate::domain::status::LatestLink;
use std::time::{Duration, Instant};

/// How long a link that is not there is looked for again: pungi removes it before it makes it anew, and a
/// file server may show the moment between for a while.
const GAP: Duration = Duration::from_secs(2);
/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What to do about a link that names something else.
const ADVICE: &str = "plan what is left anew (`stagegate run --from-run`), or set the link back and retry";

/// Returns a blocking finding for every link that the step's pins go through and that does not name what was
/// pinned.
///
/// It blocks for as long as the disks take and belongs on a thread of its own.
pub fn pinned(cx: &VetContext<'_>) -> Vec<Finding> {
    let Some(release) = cx.release else { return Vec::new() };
    cx.step.pins.iter().filter_map(|pin| one(cx, release, pin)).collect()
}

fn one(cx: &VetContext<'_>, release: &Release, pin: &PinnedRepo) -> Option<Finding> {
    let path = shown(release.latest_link(&pin.repo));
    let finding = |kind: &str, message: String, advice: &str| {
        Some(Finding::blocking(CheckName::ComposeFinished, kind, path.clone(), message, advice))
    };
    let Some(id) = cx.composes.get(&pin.repo) else {
        let message = format!("no compose of {} is pinned yet", pin.repo);
        return finding("not-pinned", message, "run its compose step first");
    };
    let was = was(id, &pin.pin);
    let during = if cx.started.is_some() { "; it moved while the step ran" } else { "" };
    match look(cx, release, &pin.repo) {
        LatestLink::Compose { compose } if compose.id == *id => None,
        LatestLink::Compose { compose } => {
            finding("moved", format!("{was} and is now {}{during}", compose.id), ADVICE)
        }
        LatestLink::Missing => finding("no-link", format!("{was} and is not there now"), ADVICE),
        LatestLink::Dangling { target } => {
            finding("dangling", format!("{was} and leads to {target} now, which is not there"), ADVICE)
        }
        LatestLink::RealDirectory => finding(
            "real-folder",
            format!(
                "{was} and is a folder now, not a link; pungi cannot set the link, and a sync copies nothing"
            ),
            "see that it holds nothing of value, remove it and set the link",
        ),
        LatestLink::Foreign { target, problem } => {
            finding("foreign", format!("{was} and leads to {target} now: {problem}"), ADVICE)
        }
        LatestLink::Unreadable { reason } => {
            let message = format!("{was} and could not be read now: {reason}");
            finding("link-unreadable", message, "see whether the mount answers, then retry")
        }
    }
}

fn was(id: &ComposeId, pin: &Pin) -> String {
    match pin {
        Pin::Existing { .. } => format!("was {id} when this was planned"),
        Pin::ProducedBy { step } => format!("was {id} when {step} made it"),
    }
}

/// Reads a link; one that is not there is looked for again for a moment.
fn look(cx: &VetContext<'_>, release: &Release, repo: &RepoName) -> LatestLink {
    let begun = Instant::now();
    loop {
        let link = latest(release, repo);
        if link != LatestLink::Missing || begun.elapsed() > GAP || cx.pulse.is_cancelled() {
            return link;
        }
        cx.pulse.beat();
        std::thread::sleep(LOOK_EVERY);
    }
}
