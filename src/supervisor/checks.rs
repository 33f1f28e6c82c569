//! Runs checks, seals and evidence on threads of their own, with everything they may ask about.

use super::happening::{Happening, SealPurpose};
use super::run_loop::Supervisor;
use crate::domain::catalog::Catalog;
use crate::domain::compose::ComposeId;
use crate::domain::finding::Finding;
use crate::domain::flow::CheckName;
use crate::domain::name::{RepoName, StepId};
use crate::domain::plan::{Plan, Step};
use crate::domain::run::StepState;
use crate::domain::seal::Seal;
use crate::vet::{SealCache, VetContext, VetError, run_check};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// The least time between two reports of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Everything that checks of one step may ask about, owned by their thread.
#[derive(Debug)]
pub(super) struct CheckRequest {
    catalog: Arc<Catalog>,
    plan: Plan,
    step: Step,
    checks: Vec<CheckName>,
    composes: BTreeMap<RepoName, ComposeId>,
    skipped: BTreeMap<StepId, String>,
    environment: BTreeMap<String, String>,
    joblog: Option<PathBuf>,
    log: Option<PathBuf>,
    started: Option<Timestamp>,
    sealed: Option<Seal>,
    cancel: Arc<AtomicBool>,
    happenings: tokio::sync::mpsc::UnboundedSender<Happening>,
}

impl CheckRequest {
    /// Calls `work` with the context that [`crate::vet`] wants.
    fn with_context<T>(
        &self,
        tell: &dyn Fn(&str, u64, Option<u64>),
        work: impl FnOnce(&VetContext<'_>) -> T,
    ) -> T {
        let last = std::cell::Cell::new(None::<Instant>);
        let progress = |what: &str, done: u64, of: Option<u64>| {
            if last.get().is_none_or(|at| at.elapsed() >= PROGRESS_EVERY) {
                last.set(Some(Instant::now()));
                tell(what, done, of);
            }
        };
        let release = self.step.release.as_ref().and_then(|id| self.catalog.release(id));
        work(&VetContext {
            catalog: &self.catalog,
            release,
            plan: &self.plan,
            step: &self.step,
            composes: &self.composes,
            skipped: &self.skipped,
            environment: &self.environment,
            joblog: self.joblog.as_deref(),
            log: self.log.as_deref(),
            started: self.started,
            keys: release.map_or(&[], |release| &release.toolkit.keys),
            sealed: self.sealed.as_ref(),
            progress: &progress,
            cancel: &self.cancel,
        })
    }

    fn run(&self) -> Vec<Finding> {
        let tell = |what: &str, done, of| {
            let what = what.to_owned();
            // The loop outlives every check; if it is gone, so is the run.
            let _gone =
                self.happenings.send(Happening::Checking { step: self.step.id.clone(), what, done, of });
        };
        self.with_context(&tell, |cx| {
            self.checks
                .iter()
                .flat_map(|check| {
                    tell(&check.to_string(), 0, None);
                    run_check(*check, cx)
                })
                .collect()
        })
    }

    /// Returns SHA-256 of every argument that names a script in the working directory, for the record.
    fn scripts(&self) -> BTreeMap<String, String> {
        if self.step.host.is_some() {
            return BTreeMap::new();
        }
        self.step
            .argv
            .iter()
            .skip(1)
            .map(|argument| self.step.cwd.join(argument))
            .filter(|path| path.extension().is_some_and(|ending| ending == "sh"))
            .filter_map(|path| {
                let text = std::fs::read(&path).ok()?;
                Some((path.to_string_lossy().into_owned(), hex::encode(Sha256::digest(text))))
            })
            .collect()
    }
}

impl Supervisor {
    /// Gathers what checks of `step` may ask about; `attempt` is the one that just ended, none before it starts.
    pub(super) fn check_request(
        &self,
        step: &Step,
        checks: &[CheckName],
        attempt: Option<u32>,
    ) -> CheckRequest {
        let record = self.state.record(&step.id);
        let started = match record.map(|record| &record.state) {
            Some(StepState::Running { since, .. }) => Some(*since),
            _ => None,
        };
        let mut environment = self.state.plan.environment.clone();
        environment.extend(step.env.clone());
        CheckRequest {
            catalog: Arc::clone(&self.catalog),
            plan: self.state.plan.clone(),
            step: step.clone(),
            checks: checks.to_vec(),
            composes: self.composes_of_lane(step),
            skipped: self.skipped(),
            environment,
            joblog: attempt.and_then(|attempt| self.job_log(step, attempt)),
            log: attempt.and(record).and_then(|record| record.log.as_ref()).map(|log| self.dir.file(log)),
            started,
            sealed: self.approved_seal(step),
            cancel: Arc::clone(&self.cancel),
            happenings: self.happenings.clone(),
        }
    }

    /// Returns every compose that the lane of `step` is pinned to by now.
    fn composes_of_lane(&self, step: &Step) -> BTreeMap<RepoName, ComposeId> {
        let alike = |other: &&Step| other.release == step.release;
        self.state.plan.steps.iter().filter(alike).flat_map(|other| self.composes(other)).collect()
    }

    /// Returns what was approved, for the checks after a publish step.
    fn approved_seal(&self, step: &Step) -> Option<Seal> {
        let release = step.release.as_ref().filter(|_| step.is_production())?;
        self.shown_seal(release).ok().map(|(_, seal, _)| seal)
    }

    fn skipped(&self) -> BTreeMap<StepId, String> {
        let reason = |state: &StepState| match state {
            StepState::Skipped { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        self.state
            .steps
            .iter()
            .filter_map(|(id, record)| Some((id.clone(), reason(&record.state)?)))
            .collect()
    }

    /// Runs checks on a thread of their own and hands what they found to `done`.
    pub(super) fn spawn_checks(
        request: CheckRequest,
        done: impl FnOnce(Vec<Finding>, BTreeMap<String, String>) + Send + 'static,
    ) {
        std::thread::spawn(move || {
            let scripts = request.scripts();
            done(request.run(), scripts);
        });
    }

    /// Gathers the evidence of a gate on a thread of its own.
    pub(super) fn gather(&mut self, gate: &Step) {
        let Some(release) = gate.release.clone() else { return };
        self.looking.insert(release.clone());
        let request = self.check_request(gate, &[], None);
        let cache = self.dir.file(&format!("gates/{release}.cache"));
        std::thread::spawn(move || {
            let sender = request.happenings.clone();
            let tell = |what: &str, done, _| {
                let what = what.to_owned();
                // The loop outlives this thread; if it is gone, so is the run.
                let _gone = sender.send(Happening::Gathering { release: release.clone(), what, done });
            };
            let mut seals = SealCache::load(&cache);
            let result = request
                .with_context(&tell, |cx| crate::vet::evidence(cx, Some(&mut seals)))
                .map(Box::new)
                .map_err(|error: VetError| error.to_string());
            keep(&seals, &cache);
            let _gone = sender.send(Happening::Gathered { release: release.clone(), result });
        });
    }

    /// Looks at the seal of a release's staging again, on a thread of its own.
    pub(super) fn look_at_seal(&mut self, step: &Step, purpose: SealPurpose) {
        let Some(release) = step.release.clone() else { return };
        let staging = self.state.plan.lane(&release).map(|lane| lane.staging.clone()).unwrap_or_default();
        self.looking.insert(release.clone());
        let (sender, cancel) = (self.happenings.clone(), Arc::clone(&self.cancel));
        let cache = self.dir.file(&format!("gates/{release}.cache"));
        std::thread::spawn(move || {
            let mut seals = SealCache::load(&cache);
            let silent = |_: &str, _: u64, _: Option<u64>| {};
            let result = crate::vet::seal(&staging, Some(&mut seals), &silent, &cancel)
                .map(Box::new)
                .map_err(|error| error.to_string());
            keep(&seals, &cache);
            // The loop outlives this thread; if it is gone, so is the run.
            let _gone = sender.send(Happening::Sealed { release, purpose, result });
        });
    }
}

/// Keeps the cache of hashes; without it the next look at the seal only takes longer.
fn keep(seals: &SealCache, path: &std::path::Path) {
    if let Err(error) = seals.save(path) {
        log::warn!("the cache of the seal could not be kept: {error}");
    }
}
