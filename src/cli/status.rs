//! `stagegate status`: where every repo of every release stands.

use super::args::{Global, StatusArgs, TableFormat};
use super::context::{self, Facts};
use super::exit::{Exit, Failure};
use super::runs::{self, RunRow};
use crate::domain::catalog::Catalog;
use crate::domain::compose::ComposeId;
use crate::domain::plan::make::warnings::status_word;
use crate::domain::redact::Redactor;
use crate::domain::status::{
    ComposeStatus, LatestLink, MountState, MountStatus, Position, PositionState, RepoStatus,
};
use crate::domain::visible;
use serde::Serialize;
use signal_hook::consts::SIGINT;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often `--watch` prints.
const WATCH_EVERY: Duration = Duration::from_secs(5);
/// To the first cell, and erase everything.
const HOME_AND_CLEAR: &str = "\x1b[H\x1b[2J";

/// The status as design 10 has it.
#[derive(Debug, Serialize)]
struct StatusReport<'a> {
    releases: Vec<ReleaseRow<'a>>,
    checkouts: &'a [crate::domain::status::CheckoutStatus],
    mounts: &'a [MountStatus],
    runs: Vec<RunRow>,
}

#[derive(Debug, Serialize)]
struct ReleaseRow<'a> {
    major: &'a str,
    revision: &'a str,
    problem: Option<&'a str>,
    repos: Vec<RepoRow<'a>>,
}

#[derive(Debug, Serialize)]
struct RepoRow<'a> {
    name: &'a str,
    sig: Option<&'a str>,
    compose: ComposeRow<'a>,
    newer_unfinished: Option<&'a ComposeId>,
    staging: &'a Position,
    staging_holds: Option<&'a ComposeId>,
    production: &'a Position,
}

/// The latest compose; its fields are null where the link leads to none, and `link` says why.
#[derive(Debug, Serialize)]
struct ComposeRow<'a> {
    id: Option<&'a ComposeId>,
    status: Option<ComposeStatus>,
    created: Option<jiff::Timestamp>,
    age_s: Option<i64>,
    label: Option<&'a str>,
    link: &'static str,
}

/// Prints the status once, or again and again.
pub(super) fn run(global: &Global, args: &StatusArgs) -> Result<Exit, Failure> {
    if !args.watch {
        context::own(&once(global, args.format)?)?;
        return Ok(Exit::Done);
    }
    let asked_to_end = Arc::new(AtomicBool::new(false));
    // A second Ctrl-C ends it at once, should a mount not answer; nothing of the terminal has to be restored.
    signal_hook::flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&asked_to_end))?;
    signal_hook::flag::register(SIGINT, Arc::clone(&asked_to_end))?;
    let clears = std::io::stdout().is_terminal() && args.format == TableFormat::Table;
    while !asked_to_end.load(Ordering::Relaxed) {
        let text = once(global, args.format)?;
        context::own(&if clears { format!("{HOME_AND_CLEAR}{text}") } else { text })?;
        let shown = Instant::now();
        while shown.elapsed() < WATCH_EVERY && !asked_to_end.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(Exit::Done)
}

/// Returns the status as it is now, as it may be printed.
fn once(global: &Global, format: TableFormat) -> Result<String, Failure> {
    let catalog = context::catalog(global)?;
    let facts = context::facts(&catalog);
    let runs = runs::rows(&context::store(global)?);
    let redactor = Redactor::new(&catalog.secrets, [&catalog.environment]);
    if format == TableFormat::Json {
        return context::json(&redactor, &report(&facts, runs));
    }
    let facts = Facts {
        releases: redactor.shown(facts.releases),
        mounts: redactor.shown(facts.mounts),
        checkouts: redactor.shown(facts.checkouts),
    };
    Ok(visible::lines(&redactor.text(&table(&catalog, &facts, &runs))).into_owned())
}

fn report(facts: &Facts, runs: Vec<RunRow>) -> StatusReport<'_> {
    let releases = facts.releases.iter().map(|release| ReleaseRow {
        major: release.major.as_str(),
        revision: &release.revision,
        problem: release.problem.as_deref(),
        repos: release.repos.iter().map(repo_row).collect(),
    });
    StatusReport { releases: releases.collect(), checkouts: &facts.checkouts, mounts: &facts.mounts, runs }
}

fn repo_row(repo: &RepoStatus) -> RepoRow<'_> {
    let compose = repo.latest.compose();
    RepoRow {
        name: repo.name.as_str(),
        sig: repo.sig.as_ref().map(crate::domain::name::SigName::as_str),
        compose: ComposeRow {
            id: compose.map(|compose| &compose.id),
            status: compose.map(|compose| compose.status),
            created: compose.map(|compose| compose.created),
            age_s: compose.map(|compose| compose.age_s),
            label: compose.and_then(|compose| compose.label.as_deref()),
            link: link_word(&repo.latest),
        },
        newer_unfinished: repo.newer_unfinished.as_ref().map(|compose| &compose.id),
        staging: &repo.staging,
        staging_holds: repo.staging_holds.as_ref(),
        production: &repo.production,
    }
}

fn link_word(link: &LatestLink) -> &'static str {
    match link {
        LatestLink::Compose { .. } => "compose",
        LatestLink::Missing => "missing",
        LatestLink::Dangling { .. } => "dangling",
        LatestLink::RealDirectory => "real-directory",
        LatestLink::Foreign { .. } => "foreign",
        LatestLink::Unreadable { .. } => "unreadable",
    }
}

fn position_word(position: &Position) -> &'static str {
    match position.state {
        PositionState::Current => "current",
        PositionState::Behind => "behind",
        PositionState::Partial => "partial",
        PositionState::Differs => "differs",
        PositionState::Absent => "absent",
        PositionState::Unknown => "unknown",
    }
}

fn table(catalog: &Catalog, facts: &Facts, runs: &[RunRow]) -> String {
    let mut out = format!("{}\n", catalog.name);
    for release in &facts.releases {
        let _ = writeln!(out, "\nrelease {} {}", release.major, release.revision);
        if let Some(problem) = &release.problem {
            let _ = writeln!(out, "  nothing can run: {problem}");
        }
        let _ = writeln!(
            out,
            "  {:<15} {:<34} {:<9} {:<10} WHY",
            "REPO", "LATEST COMPOSE", "STAGING", "PRODUCTION"
        );
        for repo in &release.repos {
            let mut why = vec![repo.staging.reason.as_str(), repo.production.reason.as_str()];
            why.retain(|reason| !reason.is_empty());
            why.dedup();
            let _ = writeln!(
                out,
                "  {:<15} {:<34} {:<9} {:<10} {}",
                repo.name,
                latest(repo),
                position_word(&repo.staging),
                position_word(&repo.production),
                why.join("; ")
            );
        }
    }
    out.push('\n');
    for mount in &facts.mounts {
        let _ = writeln!(out, "{:<12} {:<32} {}", mount.name, mount.path.display(), mount_text(&mount.state));
    }
    for checkout in &facts.checkouts {
        let revision = checkout.revision.as_deref().unwrap_or("-");
        let state = match (checkout.dirty, &checkout.problem) {
            (_, Some(problem)) => problem.as_str(),
            (Some(true), _) => "changed",
            (Some(false), _) => "as committed",
            (None, _) => "not known",
        };
        let _ = writeln!(out, "{:<12} {revision:<32} {state}", checkout.name);
    }
    if let Some(run) = runs.first() {
        let _ = writeln!(out, "\nlast run: {}", run.headline());
        out.push_str(&run.truths());
    }
    out
}

fn latest(repo: &RepoStatus) -> String {
    match &repo.latest {
        LatestLink::Compose { compose } if compose.status == ComposeStatus::Finished => {
            compose.id.to_string()
        }
        LatestLink::Compose { compose } => format!("{} {}", compose.id, status_word(compose.status)),
        link => format!("link {}", link_word(link)),
    }
}

fn mount_text(state: &MountState) -> String {
    const GIB: u64 = 1 << 30;
    match state {
        MountState::Ready { free, total } => format!("{} of {} GiB free", free / GIB, total / GIB),
        MountState::NotMounted => "not mounted".to_owned(),
        MountState::Missing => "not there".to_owned(),
        MountState::NotAnswering { for_s } => format!("not answering for {for_s} s"),
        MountState::Failing { problem } => format!("failing: {problem}"),
        MountState::Asking => "asking".to_owned(),
    }
}
