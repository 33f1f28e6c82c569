//! Runs checks, seals and evidence on threads of their own, with everything they may ask about.

use super::happening::{Happening, SealPurpose};
use super::run_loop::Supervisor;
use super::skip::named;
use crate::catalog;
use crate::compose::probe::Prober;
use crate::compose::pulse::Pulse;
use crate::domain::catalog::{Catalog, Mount};
use crate::domain::compose::ComposeId;
use crate::domain::file_digest::FileDigest;
use crate::domain::finding::Finding;
use crate::domain::flow::CheckName;
use crate::domain::live::Looking;
use crate::domain::name::{ReleaseId, RepoName, StepId};
use crate::domain::plan::{Plan, Step};
use crate::domain::run::StepState;
use crate::domain::seal::Seal;
use crate::exec::guard::Owed;
use crate::vet::{Lookout, Reading, SealCache, VetContext, VetError, Vouched, mounts_of, pinned, run_check};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The least time between two reports of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// How much of a gate's evidence is gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Vet {
    /// All of it.
    Everything,
    /// What one check says now, the rest as it was.
    Again {
        /// Which check.
        check: CheckName,
        /// The evidence that has the rest, relative to the run's folder.
        evidence: String,
        /// Its digest, as it was recorded.
        digest: Option<FileDigest>,
    },
}

/// What the checks of a step came to.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) findings: Vec<Finding>,
    /// SHA-256 of the scripts that it runs.
    pub(super) scripts: BTreeMap<String, String>,
    /// The compose that its link names after it, if it is a compose step.
    pub(super) made: Option<ComposeId>,
}

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
    /// The link that tells what the step made, after a compose step.
    link: Option<PathBuf>,
    sealed: Option<Seal>,
    /// Where is kept what the seal need not read again.
    seals: PathBuf,
    /// The run's catalog.
    source: PathBuf,
    pulse: Arc<Pulse>,
    prober: Prober,
    happenings: tokio::sync::mpsc::UnboundedSender<Happening>,
}

impl CheckRequest {
    /// Calls `work` with the context that [`crate::vet`] wants, over what `catalog` says.
    fn with_context<T>(
        &self,
        catalog: &Catalog,
        pulse: &Pulse,
        work: impl FnOnce(&VetContext<'_>) -> T,
    ) -> T {
        let release = self.step.release.as_ref().and_then(|id| catalog.release(id));
        work(&VetContext {
            catalog,
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
            seals: Some(&self.seals),
            reading: Reading::Headers,
            vouched: None,
            pulse,
            prober: &self.prober,
        })
    }

    /// Reads the run's catalog and the toolkit's vars files again: scripts read them anew each time, and somebody may have
    /// edited them since the supervisor started.
    fn catalog_now(&self) -> Result<Catalog, Finding> {
        let source = catalog::Source::File(self.source.clone());
        catalog::load(&source, &catalog::process_environment()).map_err(|errors| {
            let message = format!("could not be read again: {errors}");
            let advice = "mend what it names, then retry the step";
            Finding::blocking(CheckName::Target, "catalog", self.source.to_string_lossy(), message, advice)
        })
    }

    fn run(&self, pulse: &Pulse) -> Checked {
        let scripts = self.scripts();
        let now;
        let catalog = if self.checks.contains(&CheckName::Target) {
            now = match self.catalog_now() {
                Ok(now) => now,
                Err(finding) => return Checked { findings: vec![finding], scripts, made: None },
            };
            &now
        } else {
            &*self.catalog
        };
        let findings = self.with_context(catalog, pulse, |cx| {
            let checked = self.checks.iter().flat_map(|check| {
                pulse.begin(&check.to_string(), None);
                run_check(*check, cx)
            });
            let checked: Vec<Finding> = checked.collect();
            // The links come last, so that as little time as can be passes until the step follows them.
            let mut findings = pinned(cx);
            let told = findings.len();
            let links: Vec<String> = findings.iter().map(|finding| finding.path.clone()).collect();
            let of_links = |finding: &Finding| {
                finding.check == CheckName::ComposeFinished && links.contains(&finding.path)
            };
            findings.extend(checked.into_iter().filter(|finding| told == 0 || !of_links(finding)));
            findings
        });
        // Whoever is to be pinned to it says that nothing is, where it cannot be read.
        let made = self.link.as_ref().and_then(|link| named(link).ok().flatten());
        Checked { findings, scripts, made }
    }

    /// Returns the mounts that the step and its checks touch; where one of the checks is about all, all.
    fn mounts(&self) -> Vec<&Mount> {
        if self.checks.contains(&CheckName::Mounts) {
            return self.catalog.mounts.iter().collect();
        }
        let lanes = self.plan.lanes.iter();
        let lanes = lanes.filter(|lane| self.step.release.as_ref().is_none_or(|id| *id == lane.release));
        let releases = lanes.clone().filter_map(|lane| self.catalog.release(&lane.release));
        let mut paths: Vec<&Path> =
            lanes.flat_map(|lane| [lane.staging.as_path(), lane.production.as_path()]).collect();
        paths.extend(releases.flat_map(|release| {
            let needs = release.needs.iter().map(|need| need.path.as_path());
            needs.chain([release.compose_dir.as_path(), release.toolkit.folder.as_path()])
        }));
        paths.extend(self.catalog.lists.iter().map(|lists| lists.folder.as_path()));
        paths.push(&self.step.cwd);
        mounts_of(&self.catalog, paths)
    }

    /// Looks at all mounts of the step on a thread that may be given up; returns when there is a result or will be none.
    fn look<T: Send + 'static>(
        self: &Arc<Self>,
        tell: &dyn Fn(Looking) -> Happening,
        work: impl FnOnce(&Self, &Pulse) -> T + Send + 'static,
    ) -> Result<T, VetError> {
        let name = self
            .step
            .release
            .as_ref()
            .map_or_else(|| "all releases".to_owned(), |id| format!("release {id}"));
        self.look_at(&name, self.mounts(), tell, work)
    }

    /// The same for a look called `name` at some `mounts`.
    fn look_at<T: Send + 'static>(
        self: &Arc<Self>,
        name: &str,
        mounts: Vec<&Mount>,
        tell: &dyn Fn(Looking) -> Happening,
        work: impl FnOnce(&Self, &Pulse) -> T + Send + 'static,
    ) -> Result<T, VetError> {
        let mut told = (Instant::now(), Looking::default());
        let mut tick = |pulse: &Pulse| {
            let now = pulse.looking();
            if told.0.elapsed() >= PROGRESS_EVERY && now != told.1 {
                told = (Instant::now(), now.clone());
                // The loop outlives every look; if it is gone, so is the run.
                let _gone = self.happenings.send(tell(now));
            }
        };
        let lookout = Lookout { prober: &self.prober, mounts, name, pulse: &self.pulse };
        let mine = Arc::clone(self);
        lookout.look(&mut tick, move |pulse| work(&mine, pulse))
    }

    /// Runs the checks; a look that was ended or got no answer is a finding that blocks.
    fn look_with_checks(self: &Arc<Self>) -> Checked {
        let step = &self.step.id;
        let tell = |looking| Happening::Checking { step: step.clone(), looking };
        self.look(&tell, Self::run).unwrap_or_else(|error| self.came_to_nothing(&error))
    }

    /// Returns what is found by checks that came to no result.
    fn came_to_nothing(&self, error: &VetError) -> Checked {
        let check = self.checks.first().copied().unwrap_or(CheckName::Mounts);
        let kind = if matches!(error, VetError::Cancelled) { "cancelled" } else { "no-answer" };
        let message = format!("its checks found nothing out: {error}");
        let finding = Finding::blocking(check, kind, self.step.id.as_str(), message, "retry the step then");
        Checked { findings: vec![finding], ..Checked::default() }
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
        &mut self,
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
            link: attempt.and_then(|_| self.link_of(step)),
            sealed: self.approved_seal(step),
            seals: step.release.as_ref().map(|release| self.seals_of(release)).unwrap_or_default(),
            source: self.dir.catalog(),
            pulse: self.begin_look(&step.id),
            prober: self.prober.clone(),
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

    fn seals_of(&self, release: &ReleaseId) -> PathBuf {
        self.dir.file(&format!("gates/{release}.cache"))
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

    /// Notes that a look begins for a step, so that it can be ended.
    fn begin_look(&mut self, step: &StepId) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse::new());
        self.looks.insert(step.clone(), Arc::clone(&pulse));
        pulse
    }

    /// Runs checks on a thread of their own and hands what they found to `done`.
    pub(super) fn spawn_checks(request: CheckRequest, done: impl FnOnce(Checked) + Send + 'static) {
        let request = Arc::new(request);
        let asked = Arc::clone(&request);
        let owed = Owed::new(move |result: Option<Checked>| {
            done(result.unwrap_or_else(|| asked.came_to_nothing(&lost())));
        });
        aside(move || owed.give(request.look_with_checks()));
    }

    /// Reads the link of a step on a thread of its own and hands the compose that it names to `done`.
    pub(super) fn look_at_link(
        &mut self,
        step: &Step,
        link: PathBuf,
        done: impl FnOnce(Result<Option<ComposeId>, VetError>) + Send + 'static,
    ) {
        let request = Arc::new(self.check_request(step, &[], None));
        let owed = Owed::new(move |result: Option<_>| done(result.unwrap_or_else(|| Err(lost()))));
        aside(move || {
            let id = &request.step.id;
            let tell = |looking| Happening::Checking { step: id.clone(), looking };
            let name = link.to_string_lossy().into_owned();
            let mounts = mounts_of(&request.catalog, [link.as_path()]);
            let what = name.clone();
            let read = request.look_at(&name, mounts, &tell, move |_, pulse| {
                pulse.begin(&what, None);
                named(&link)
            });
            owed.give(read.flatten());
        });
    }

    /// Gathers the evidence of a gate on a thread of its own.
    pub(super) fn gather(&mut self, gate: &Step, vet: Vet) {
        let Some(release) = gate.release.clone() else { return };
        self.looking.insert(release.clone());
        let request = Arc::new(self.check_request(gate, &[], None));
        let cache = self.seals_of(&release);
        let packages = self.dir.file(&format!("gates/{release}.packages"));
        // Evidence that cannot be read, or is not what was recorded, has nothing to add to: all of it is gathered.
        let before = match vet {
            Vet::Everything => None,
            Vet::Again { check, evidence, digest } => {
                let before = self.dir.evidence_as_recorded(&evidence, digest.as_ref());
                before.ok().map(|before| (check, before))
            }
        };
        let (sender, of) = (self.happenings.clone(), release.clone());
        let owed = Owed::new(move |result: Option<_>| {
            let result = result.unwrap_or_else(|| Err(lost()));
            // The loop outlives this thread; if it is gone, so is the run.
            let _gone = sender.send(Happening::Gathered { release: of, result });
        });
        aside(move || {
            let tell = |looking| Happening::Gathering { release: release.clone(), looking };
            let looked = request.look(&tell, move |request, pulse| {
                let mut seals = SealCache::load(&cache);
                let vouched = Vouched::load(&packages);
                // A gate tells what the push would do with the vars files as they are now.
                let catalog = request.catalog_now().map_err(|finding| VetError::Release {
                    release: request.step.id.to_string(),
                    problem: finding.message,
                })?;
                let result = request.with_context(&catalog, pulse, |cx| {
                    let cx = VetContext { vouched: Some(&vouched), ..*cx };
                    match before {
                        None => crate::vet::evidence(&cx, Some(&mut seals)),
                        Some((check, before)) => crate::vet::evidence_again(&cx, &mut seals, before, check),
                    }
                });
                keep(pulse, "seal", || seals.save(&cache));
                keep(pulse, "packages", || vouched.save(&packages));
                result
            });
            owed.give(looked.flatten().map(Box::new));
        });
    }

    /// Looks at the seal of a release's staging again, on a thread of its own.
    pub(super) fn look_at_seal(&mut self, step: &Step, purpose: SealPurpose) {
        let Some(release) = step.release.clone() else { return };
        let staging = self.state.plan.lane(&release).map(|lane| lane.staging.clone()).unwrap_or_default();
        self.looking.insert(release.clone());
        let request = Arc::new(self.check_request(step, &[], None));
        let cache = self.seals_of(&release);
        let (sender, sealed) = (self.happenings.clone(), release.clone());
        let owed = Owed::new(move |result: Option<_>| {
            let result = result.unwrap_or_else(|| Err(lost()));
            // The loop outlives this thread; if it is gone, so is the run.
            let _gone = sender.send(Happening::Sealed { release: sealed, purpose, result });
        });
        aside(move || {
            let (step, asked, of) = (request.step.id.clone(), request.step.is_gate(), release.clone());
            let tell = |looking| {
                if asked {
                    Happening::Gathering { release: of.clone(), looking }
                } else {
                    Happening::Checking { step: step.clone(), looking }
                }
            };
            let looked = request.look(&tell, move |_, pulse| {
                let mut seals = SealCache::load(&cache);
                let result = crate::vet::seal(&staging, Some(&mut seals), pulse);
                keep(pulse, "seal", || seals.save(&cache));
                result
            });
            owed.give(looked.flatten().map(Box::new));
        });
    }
}

/// Works on a thread of its own. Without one `work` is dropped, and what it owes is told as lost.
fn aside(work: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name("checks".into()).spawn(work) {
        log::error!("no thread to look with: {error}");
    }
}

/// Says that a look went down without a word.
fn lost() -> VetError {
    VetError::Broken { problem: "its thread ended without a result, supervisor.log says why".to_owned() }
}

/// Keeps what was found out; without it the next look only takes longer.
fn keep(pulse: &Pulse, what: &str, save: impl FnOnce() -> std::io::Result<()>) {
    // A look that was given up must not write over what a later one kept.
    if !pulse.is_cancelled()
        && let Err(error) = save()
    {
        log::warn!("the cache of the {what} could not be kept: {error}");
    }
}
