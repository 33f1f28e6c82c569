//! Verification: one file per check, the seal, and the evidence that a gate shows.
//!
//! Checks read and never repair: nothing here writes, creates or removes anything in compose, staging or
//! production. A check that cannot look says so in a finding, because a check that stays silent is a
//! check that passed. The exit code of a script decides nothing here; what is on disk does (design 4).

mod ansible_recap;
mod changes;
mod compose_finished;
mod comps_present;
mod deletions;
mod dependencies_closed;
mod errata_present;
mod evidence;
mod file_lists_fresh;
#[cfg(test)]
mod fixture;
mod found;
pub mod header;
mod held;
mod inputs;
mod inventory;
mod job_log;
mod leftovers;
mod lookout;
mod metadata_consistent;
mod metadata_signed;
mod modules_present;
mod mounts;
mod no_regression;
mod occasion;
mod opened;
pub mod package;
mod packages_signed;
mod pinned;
mod places;
mod production_matches_staging;
mod program;
mod repo_place;
mod repos;
mod right_release;
mod scripts;
mod seal;
mod signer;
mod skipped;
mod staging_matches_compose;
mod sudo;
mod target;
mod tools;
mod torrents_written;
mod trees;
mod watch;

pub use changes::{changes, changes_within};
pub use evidence::{evidence, evidence_again};
pub use lookout::{Lookout, mounts_of};
pub use occasion::Occasion;
pub use packages_signed::Vouched;
pub use pinned::pinned;
pub use seal::{SealCache, seal};

use crate::compose::mounts::silence;
use crate::compose::probe::Prober;
use crate::compose::pulse::Pulse;
use crate::domain::catalog::Catalog;
use crate::domain::compose::ComposeId;
use crate::domain::finding::Finding;
use crate::domain::flow::CheckName;
use crate::domain::name::{RepoName, StepId};
use crate::domain::plan::{Plan, Step};
use crate::domain::release::Release;
use crate::domain::seal::Seal;
use found::Found;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Everything that a check may ask about.
#[derive(Clone, Copy)]
pub struct VetContext<'a> {
    /// The catalog, resolved.
    pub catalog: &'a Catalog,
    /// The release that the step belongs to; none for a step that all lanes share.
    pub release: Option<&'a Release>,
    /// The plan.
    pub plan: &'a Plan,
    /// The step that is checked.
    pub step: &'a Step,
    /// The composes that the plan's pins resolve to, as far as they are known by now.
    pub composes: &'a BTreeMap<RepoName, ComposeId>,
    /// The steps that were skipped in this run, with the reason.
    pub skipped: &'a BTreeMap<StepId, String>,
    /// The environment that the step has or will have.
    pub environment: &'a BTreeMap<String, String>,
    /// GNU parallel's job log, where the supervisor asked for one.
    pub joblog: Option<&'a Path>,
    /// The step's log.
    pub log: Option<&'a Path>,
    /// When the step started; none before it does.
    pub started: Option<Timestamp>,
    /// The public keys that metadata must be signed with; without any, only stale signatures are found.
    pub keys: &'a [PathBuf],
    /// What was approved, where that is known: after a push production must hold it.
    pub sealed: Option<&'a Seal>,
    /// Where is kept what the seal of staging need not read again, where it is kept.
    pub seals: Option<&'a Path>,
    /// How much is read of every package.
    pub reading: Reading,
    /// The packages that were found sound before, where that is kept.
    pub vouched: Option<&'a Vouched>,
    /// Where the check tells how far it is, and hears that it is to end.
    pub pulse: &'a Pulse,
    /// Asks mounts that may not answer; shared by all checks of a process.
    pub prober: &'a Prober,
}

/// How much of every package a check reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reading {
    /// What stands before the payload: some hundred kilobytes at most.
    #[default]
    Headers,
    /// Everything, to compare checksums: as long as the disks take.
    Whole,
}

/// Why there is no seal or no evidence.
#[derive(Debug, thiserror::Error)]
pub enum VetError {
    /// A path could not be read, so that it cannot be vouched for.
    #[error("{} could not be read: {problem}; make it readable and look again", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        problem: String,
    },
    /// Staging changed while it was looked at, so that nothing that was found can be relied on.
    #[error("{path} was {how} while staging was looked at; see what still writes to it, then look again")]
    Moving {
        /// The first path that changed.
        path: String,
        /// `added`, `removed` or `changed`.
        how: &'static str,
    },
    /// The caller cancelled it.
    #[error("cancelled before it was complete")]
    Cancelled,
    /// A mount that it needs does not answer.
    #[error("{}; see what became of it, then look again", silence(place, *for_s))]
    NotAnswering {
        /// The mount by its name in the catalog.
        place: String,
        /// For how long nothing has moved there, in seconds.
        for_s: u64,
    },
    /// The look broke off, or could not even begin.
    #[error("the look broke off: {problem}; look again")]
    Broken {
        /// Why.
        problem: String,
    },
    /// The catalog does not know where the release stands.
    #[error("release {release} cannot be vetted: {problem}")]
    Release {
        /// The release.
        release: String,
        /// Why not.
        problem: String,
    },
}

/// Runs one check and returns what it found, blocking findings first.
///
/// It blocks for as long as the disks take and belongs on a thread of its own. It never panics: what it
/// cannot read is a finding, and so is a defect of its own.
pub fn run_check(name: CheckName, cx: &VetContext<'_>) -> Vec<Finding> {
    let checked = catch_unwind(AssertUnwindSafe(|| {
        let mut found = Found::new(name, &cx.catalog.severities);
        dispatch(name, cx, &mut found);
        found.into_findings()
    }));
    checked.unwrap_or_else(|_| {
        vec![Finding::blocking(
            name,
            "defect",
            cx.step.id.as_str(),
            "the check itself failed, so nothing is known",
            "report this as a defect of stagegate, with the console's log",
        )]
    })
}

fn dispatch(name: CheckName, cx: &VetContext<'_>, found: &mut Found<'_>) {
    match name {
        CheckName::Mounts => mounts::check(cx, found),
        CheckName::Tools => tools::check(cx, found),
        CheckName::Scripts => scripts::check(cx, found),
        CheckName::Signer => signer::check(cx, found),
        CheckName::Sudo => sudo::check(cx, found),
        CheckName::Inputs => inputs::check(cx, found),
        CheckName::Leftovers => leftovers::check(cx, found),
        CheckName::Target => target::check(cx, found),
        CheckName::Deletions => deletions::check(cx, found),
        CheckName::ComposeFinished => compose_finished::check(cx, found),
        CheckName::StagingMatchesCompose => staging_matches_compose::check(cx, found),
        CheckName::ProductionMatchesStaging => production_matches_staging::check(cx, found),
        CheckName::FileListsFresh => file_lists_fresh::check(cx, found),
        CheckName::MetadataSigned => metadata_signed::check(cx, found),
        CheckName::ModulesPresent => modules_present::check(cx, found),
        CheckName::TorrentsWritten => torrents_written::check(cx, found),
        CheckName::JobLog => job_log::check(cx, found),
        // The supervisor reads phrases while the log is written; there is nothing left to do afterwards.
        CheckName::Phrases => {}
        CheckName::Skipped => skipped::check(cx, found),
        CheckName::AnsibleRecap => ansible_recap::check(cx, found),
        CheckName::MetadataConsistent => metadata_consistent::check(cx, found),
        CheckName::PackagesSigned => packages_signed::check(cx, found),
        CheckName::CompsPresent => comps_present::check(cx, found),
        CheckName::ErrataPresent => errata_present::check(cx, found),
        CheckName::NoRegression => no_regression::check(cx, found),
        CheckName::DependenciesClosed => dependencies_closed::check(cx, found),
        CheckName::RightRelease => right_release::check(cx, found),
    }
}

#[cfg(test)]
mod tests;
