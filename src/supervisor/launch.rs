//! From a step that is due to its process: pins, checks before it, the launch, what its unit says.

use super::checks::Checked;
use super::happening::{Happening, SealPurpose};
use super::locks::LockError;
use super::recovery::file_stem;
use super::run_loop::{Busy, Supervisor};
use crate::domain::compose::ComposeId;
use crate::domain::finding::Finding;
use crate::domain::flow::{CheckName, ProgressSource};
use crate::domain::launch::{Launch, OrdinaryLaunch};
use crate::domain::name::{RepoName, StepId};
use crate::domain::outcome::{LeftProcess, ProcessEnd};
use crate::domain::plan::{Pin, Step, script};
use crate::domain::progress::ProgressFormat;
use crate::domain::run::resume::Why;
use crate::domain::run::{Event, StepState};
use crate::exec::phrases::Phrase;
use crate::exec::unit::{StopStage, Unit, UnitEvent, UnitSpec};
use crate::journal::JournalError;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

impl Supervisor {
    /// Returns the composes that `step` uses, as far as they are known now.
    pub(super) fn composes(&self, step: &Step) -> BTreeMap<RepoName, ComposeId> {
        let mut composes = BTreeMap::new();
        for pinned in &step.pins {
            let id = match &pinned.pin {
                Pin::Existing { id } => Some(id.clone()),
                Pin::ProducedBy { .. } => step
                    .release
                    .as_ref()
                    .and_then(|release| self.state.produced(release, &pinned.repo))
                    .cloned(),
            };
            composes.extend(id.map(|id| (pinned.repo.clone(), id)));
        }
        composes
    }

    /// Refuses to repeat a step of its own accord that is not safe to repeat.
    pub(super) fn refuse_repeat(&mut self, step: &Step, why: Why) -> Result<(), JournalError> {
        let (kind, message, advice) = match why {
            Why::MayBeAlive => (
                "may-be-alive",
                "is stale, but may still be at work on its host",
                "look there and make sure that it is over, then retry it by name, or skip it, with a reason",
            ),
            _ => (
                "not-repeatable",
                "is stale, but not safe to run again by itself",
                "look at what it left behind, then retry it by name or skip it with a reason",
            ),
        };
        let finding = Finding::blocking(CheckName::Leftovers, kind, step.id.as_str(), message, advice);
        self.record(&Event::StepRefused { step: step.id.clone(), findings: vec![finding] })
    }

    /// Refuses a step whose lane is not this run's alone any more.
    pub(super) fn refuse_unlocked(&mut self, step: &Step, error: &LockError) -> Result<(), JournalError> {
        let finding = Finding::blocking(
            CheckName::Leftovers,
            "lock-lost",
            step.id.as_str(),
            format!("the lock of its release was removed while this run held it: {error}"),
            "see who removed it, and that nothing else works on the release; then retry",
        );
        self.record(&Event::StepRefused { step: step.id.clone(), findings: vec![finding] })
    }

    pub(super) fn check_before(&mut self, step: &Step) {
        let request = self.check_request(step, &step.before, None);
        let (id, sender) = (step.id.clone(), self.happenings.clone());
        Self::spawn_checks(request, move |Checked { findings, scripts, .. }| {
            // The loop outlives every check; if it is gone, so is the run.
            let _gone = sender.send(Happening::CheckedBefore { step: id, findings, scripts });
        });
    }

    pub(super) fn on_checked_before(
        &mut self,
        id: &StepId,
        findings: Vec<Finding>,
        scripts: BTreeMap<String, String>,
    ) -> Result<(), JournalError> {
        let Some(step) = self.state.plan.step(id).cloned() else { return Ok(()) };
        self.live_step(id).checking = None;
        self.looks.remove(id);
        if !self.may_move(&step) {
            self.done_with(id);
            return Ok(());
        }
        if findings.iter().any(Finding::blocks) {
            self.done_with(id);
            return self.record(&Event::StepRefused { step: id.clone(), findings });
        }
        self.checked.insert(id.clone(), (findings, scripts));
        if Self::publishes(&step) {
            self.busy.insert(id.clone(), Busy::Sealing);
            self.look_at_seal(&step, SealPurpose::Publish(id.clone()));
            return Ok(());
        }
        match OrdinaryLaunch::new(&step) {
            Some(launch) => self.start(&Launch::Ordinary(launch)),
            None => Ok(()),
        }
    }

    /// Starts what may be started: records it durably first.
    pub(super) fn start(&mut self, launch: &Launch) -> Result<(), JournalError> {
        let step = launch.step().clone();
        let attempt = self.state.record(&step.id).map_or(0, |record| record.attempts) + 1;
        let (findings, scripts) = self.checked.remove(&step.id).unwrap_or_default();
        let log = if step.argv.is_empty() { String::new() } else { self.log_name(&step, attempt, "log") };
        let argv = script::local_argv(&step);
        let added_env = self.added_env(&step, attempt)?;
        self.record(&Event::StepStarting {
            step: step.id.clone(),
            attempt,
            log: log.clone(),
            argv: if argv == step.argv { Vec::new() } else { argv.clone() },
            added_env: added_env.clone(),
            composes: self.composes(&step),
            findings,
            scripts,
        })?;
        if step.argv.is_empty() {
            self.busy.insert(step.id.clone(), Busy::After);
            self.check_after(&step);
            return Ok(());
        }
        let phrases = step.failure_phrases.iter().map(|phrase| Phrase::new(phrase.clone())).collect();
        let phrases: Vec<Phrase> = match phrases {
            Ok(phrases) => phrases,
            Err(error) => {
                let error = format!("a failure phrase of the catalog cannot be looked for: {error}");
                return self.on_ended(&step.id, ProcessEnd::SpawnFailed { error }, 0);
            }
        };
        let mut spec = self.unit_spec(&step, argv, added_env, self.dir.file(&log), phrases);
        spec.records = self.job_log(&step, attempt).into_iter().collect();
        spec.cgroup = self.ground.cgroup(&self.attempt_name(&step, attempt));
        let (id, sender) = (step.id.clone(), self.happenings.clone());
        let started = Unit::start(spec, move |event| {
            // The loop outlives every unit; if it is gone, so is the run.
            let _gone = sender.send(Happening::Unit { step: id.clone(), event });
        });
        match started {
            Ok(unit) => {
                self.busy.insert(step.id.clone(), Busy::Unit(unit));
                Ok(())
            }
            Err(error) => self.on_ended(&step.id, ProcessEnd::SpawnFailed { error: error.to_string() }, 0),
        }
    }

    /// Returns a file name for this attempt: `steps/03-8-sync-Rocky.log`, `….2.log` for the second one.
    pub(super) fn log_name(&self, step: &Step, attempt: u32, ending: &str) -> String {
        format!("steps/{}.{ending}", self.attempt_name(step, attempt))
    }

    /// Returns what the files and the cgroup of an attempt are called by: `03-8-sync-Rocky`, `….2` for the second one.
    fn attempt_name(&self, step: &Step, attempt: u32) -> String {
        let again = if attempt > 1 { format!(".{attempt}") } else { String::new() };
        format!("{}{again}", file_stem(&self.state.plan, &step.id))
    }

    /// Returns the job log of an attempt, if the step's checks want one.
    pub(super) fn job_log(&self, step: &Step, attempt: u32) -> Option<PathBuf> {
        step.after
            .contains(&CheckName::JobLog)
            .then(|| self.dir.file(&self.log_name(step, attempt, "joblog")))
    }

    /// Returns what is added to the environment, and makes the job log that it names (design 4).
    fn added_env(&self, step: &Step, attempt: u32) -> Result<BTreeMap<String, String>, JournalError> {
        let mut env = BTreeMap::from([self.mark(&step.id, attempt)]);
        if let Some(path) = self.job_log(step, attempt) {
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&path)
                .map_err(JournalError::io("cannot make the job log", &path))?;
            let file = script::quote(&path.to_string_lossy());
            env.insert("PARALLEL".to_owned(), format!("--line-buffer --tag --joblog +{file}"));
        }
        Ok(env)
    }

    /// Returns how many repos a step over all of staging goes through: os and debug of every variant and
    /// arch, and the sources of every variant.
    fn expected_repos(&self, step: &Step) -> Option<u32> {
        let release = self.catalog.release(step.release.as_ref()?)?;
        let vars = release.vars.as_ref().ok()?;
        u32::try_from(vars.variants.len() * (2 * vars.arches.len() + 1)).ok()
    }

    fn unit_spec(
        &self,
        step: &Step,
        argv: Vec<String>,
        added: BTreeMap<String, String>,
        log: PathBuf,
        phrases: Vec<Phrase>,
    ) -> UnitSpec {
        let mut env = self.state.plan.environment.clone();
        if step.host.is_none() {
            env.extend(step.env.clone());
        }
        env.extend(added);
        // The working directory of a step on another host is there, not here.
        let cwd = if step.host.is_some() { PathBuf::from("/") } else { step.cwd.clone() };
        let mut spec = UnitSpec::new(argv, env, cwd, log);
        spec.mark = Some(super::recovery::MARK.to_owned());
        spec.timeout = step.timeout_s.map(Duration::from_secs);
        spec.failure_phrases = phrases;
        spec.progress = match step.progress {
            ProgressSource::History => ProgressFormat::None,
            ProgressSource::Pungi => ProgressFormat::Pungi,
            ProgressSource::Rsync => ProgressFormat::Rsync,
            ProgressSource::Createrepo => ProgressFormat::Createrepo { expected: self.expected_repos(step) },
            ProgressSource::Ansible => ProgressFormat::Ansible,
        };
        spec
    }

    pub(super) fn on_unit(&mut self, id: &StepId, event: UnitEvent) -> Result<(), JournalError> {
        match event {
            UnitEvent::Started { pid, start_time, contained } => {
                let contained = Some(contained);
                return self.record(&Event::StepStarted { step: id.clone(), pid, start_time, contained });
            }
            UnitEvent::Ended { end, phrases, bytes, survivors, .. } => {
                self.phrases.insert(id.clone(), phrases);
                return self.on_ended(id, with_survivors(end, survivors), bytes);
            }
            UnitEvent::Output { bytes_total } => self.live_step(id).log_bytes = bytes_total,
            UnitEvent::Progress(progress) => {
                let live = self.live_step(id);
                live.fraction = progress.fraction;
                live.label = progress.label;
            }
            UnitEvent::WaitingForInput { prompt, secret } => {
                let live = self.live_step(id);
                live.prompt = Some(prompt);
                live.secret = secret;
            }
            UnitEvent::InputTaken => self.live_step(id).prompt = None,
            UnitEvent::Stopping { stage } => {
                self.live_step(id).grace_left_s = match stage {
                    StopStage::Terminating { left, .. } => Some(left.as_secs()),
                    StopStage::Overdue { .. } | StopStage::Killing { .. } => Some(0),
                };
            }
        }
        Ok(())
    }

    fn on_ended(&mut self, id: &StepId, end: ProcessEnd, log_bytes: u64) -> Result<(), JournalError> {
        let Some(step) = self.state.plan.step(id).cloned() else { return Ok(()) };
        let state = self.state.record(id).map(|record| &record.state);
        let ran = matches!(state, Some(StepState::Running { process: Some(_), .. }));
        self.record(&Event::StepEnded { step: id.clone(), end, log_bytes })?;
        let live = self.live_step(id);
        live.prompt = None;
        live.grace_left_s = None;
        live.log_bytes = log_bytes;
        // Where nothing ran there is nothing to look at, and a look could hang on the mount on which its start did.
        if ran {
            self.busy.insert(id.clone(), Busy::After);
            self.check_after(&step);
            Ok(())
        } else {
            self.on_checked_after(id, Vec::new(), None)
        }
    }

    /// Takes a step off the list of what is at work.
    pub(super) fn done_with(&mut self, id: &StepId) {
        self.busy.remove(id);
        self.looks.remove(id);
        self.locks.free(id);
        self.live.steps.remove(id);
        self.live_changed = true;
    }
}

/// Processes that even KILL could not end belong to how the step ended, whatever its shell said.
fn with_survivors(end: ProcessEnd, survivors: Vec<LeftProcess>) -> ProcessEnd {
    if survivors.is_empty() {
        return end;
    }
    ProcessEnd::Unkillable { who: survivors, after: Box::new(end) }
}
