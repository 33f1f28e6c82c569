//! The report of a run: something to paste into the team's channel and to keep.
//!
//! It is made from the folded journal and the evidence files alone, so that it can be made again at any
//! time. No secret leaves through it: both of its forms go through a [`Redactor`] (design 12.5).

mod markdown;

use super::recovery::Eyes;
use crate::domain::approval::Approval;
use crate::domain::approval::demand::ApprovalCount;
use crate::domain::compose::ComposeId;
use crate::domain::evidence::{Evidence, Waiver};
use crate::domain::finding::Finding;
use crate::domain::name::{ReleaseId, RepoName, StepId};
use crate::domain::plan::Step;
use crate::domain::plan::script::command_line;
use crate::domain::redact::{Redactor, Secrets};
use crate::domain::run::recovery::Interrupted;
use crate::domain::run::{Containment, GateState, RunState, StepRecord, StepState};
use crate::domain::status::CheckoutStatus;
use crate::domain::visible;
use crate::journal::JournalError;
use crate::journal::audit::Audit;
use crate::journal::store::RunDir;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// The record of a run in the form that is written and printed.
#[derive(Debug, Serialize)]
pub struct Report {
    run: String,
    state: &'static str,
    distribution: String,
    flow: String,
    plan: String,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    by: Option<String>,
    /// Whether the journal that all of this is made from is intact, and its head.
    journal: Audit,
    supervisor_problem: Option<String>,
    releases: Vec<ReportRelease>,
    checkouts: Vec<CheckoutStatus>,
    steps: Vec<ReportStep>,
    /// SHA-256 of every script that was run, by path.
    scripts: BTreeMap<String, String>,
    gates: Vec<ReportGate>,
    #[serde(skip)]
    redactor: Redactor,
}

#[derive(Debug, Serialize)]
struct ReportRelease {
    release: ReleaseId,
    revision: String,
    staging: String,
    production: String,
}

#[derive(Debug, Serialize)]
struct ReportStep {
    id: String,
    state: &'static str,
    stale: bool,
    stale_because: Option<String>,
    /// The truth about it, where its supervisor died.
    interrupted: Option<Interrupted>,
    command: String,
    attempts: u32,
    /// What held the processes of the last attempt together; none where it had none.
    contained: Option<Containment>,
    seconds: Option<i64>,
    exit_code: Option<i32>,
    reason: String,
    composes: BTreeMap<RepoName, ComposeId>,
    scripts: BTreeMap<String, String>,
    findings: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct ReportGate {
    step: String,
    release: ReleaseId,
    state: &'static str,
    refusal: Option<String>,
    stale_because: Option<String>,
    approvals: Vec<Approval>,
    /// How many of how many approved, and who.
    count: Option<ApprovalCount>,
    waivers: Vec<Waiver>,
    evidence: Option<Evidence>,
}

impl Report {
    /// Makes the report of a run as it stands; `journal` says what of it can be trusted.
    pub fn of(dir: &RunDir, state: &RunState, journal: Audit, alive: bool, redactor: Redactor) -> Self {
        let plan = redactor.plan(&state.plan);
        let mut truths = Eyes::default().truths(dir, state, alive);
        let steps = plan.steps.iter().filter(|step| !step.is_gate());
        let steps: Vec<ReportStep> =
            steps.map(|step| report_step(state, step, &mut truths, &redactor)).collect();
        let created = state.created.as_ref();
        Self {
            run: dir.id().to_string(),
            state: state.verdict(alive).word(),
            distribution: plan.distribution.clone(),
            flow: plan.flow().to_string(),
            plan: plan.digest.to_string(),
            started: created.map(|(_, _, at)| *at),
            ended: state.ended,
            by: created.map(|(_, by, _)| by.to_string()),
            journal,
            supervisor_problem: state.failed.as_ref().map(|(_, reason)| redactor.text(reason).into_owned()),
            releases: plan.lanes.iter().map(report_release).collect(),
            checkouts: plan.checkouts.clone(),
            scripts: steps.iter().flat_map(|step| step.scripts.clone()).collect(),
            steps,
            gates: plan
                .lanes
                .iter()
                .filter_map(|lane| report_gate(dir, state, &lane.release, &redactor))
                .collect(),
            redactor,
        }
    }

    /// Returns the report as markdown.
    pub fn markdown(&self) -> String {
        self.redactor.text(&markdown::text(self)).into_owned()
    }

    /// Writes `report.md` and `report.json` into the run's folder.
    ///
    /// # Errors
    ///
    /// If one of them cannot be written.
    pub fn file(&self, dir: &RunDir) -> Result<(), JournalError> {
        dir.write("report.md", self.markdown().as_bytes())?;
        dir.write("report.json", self.json().as_bytes())
    }

    /// Returns the report as JSON, with a line end.
    pub fn json(&self) -> String {
        let mut tree = serde_json::to_value(self).unwrap_or_default();
        self.redactor.json(&mut tree);
        format!("{}\n", visible::json(&serde_json::to_string_pretty(&tree).unwrap_or_default()))
    }
}

fn report_release(lane: &crate::domain::plan::Lane) -> ReportRelease {
    ReportRelease {
        release: lane.release.clone(),
        revision: lane.revision.clone(),
        staging: lane.staging.to_string_lossy().into_owned(),
        production: lane.production.to_string_lossy().into_owned(),
    }
}

fn report_step(
    state: &RunState,
    step: &Step,
    truths: &mut BTreeMap<StepId, Interrupted>,
    redactor: &Redactor,
) -> ReportStep {
    let record = state.record(&step.id);
    let interrupted = truths.remove(&step.id).map(|truth| truth.redacted(redactor));
    let reason = match record.map(|record| &record.state) {
        _ if interrupted.is_some() => interrupted.as_ref().map(ToString::to_string).unwrap_or_default(),
        Some(StepState::Concluded { reason, .. } | StepState::Skipped { reason, .. }) => reason.clone(),
        _ => String::new(),
    };
    let word = match record {
        Some(_) if interrupted.is_some() => "interrupted",
        Some(record) => record.word(),
        None => "pending",
    };
    let made = match (&step.release, &step.repo) {
        (Some(release), Some(repo)) if step.role == crate::domain::flow::Role::Compose => {
            state.produced(release, repo).map(|id| (repo.clone(), id.clone()))
        }
        _ => None,
    };
    let mut composes = record.map(|record| record.composes.clone()).unwrap_or_default();
    composes.extend(made);
    ReportStep {
        id: step.id.to_string(),
        state: word,
        stale: record.is_some_and(|record| record.stale.is_some()),
        stale_because: record.and_then(|record| record.stale.as_ref()).map(ToString::to_string),
        interrupted,
        command: if step.argv.is_empty() { "(checked by Stagegate)".to_owned() } else { command_line(step) },
        attempts: record.map_or(0, |record| record.attempts),
        contained: record.and_then(|record| record.contained.clone()).map(|how| redactor.value(how)),
        seconds: record.and_then(StepRecord::took_s),
        exit_code: record.and_then(StepRecord::exit_code),
        reason: redactor.text(&reason).into_owned(),
        composes,
        scripts: record.map(|record| record.scripts.clone()).unwrap_or_default(),
        findings: record.map(|record| redactor.value(record.findings.clone())).unwrap_or_default(),
    }
}

fn report_gate(
    dir: &RunDir,
    state: &RunState,
    release: &ReleaseId,
    redactor: &Redactor,
) -> Option<ReportGate> {
    let (step, gate) = state.gate(release)?;
    let (evidence, approvals, refusal) = match gate {
        None => (None, Vec::new(), None),
        Some(
            GateState::Waiting { evidence, approvals, .. } | GateState::Passed { evidence, approvals, .. },
        ) => (Some(evidence), approvals.clone(), None),
        Some(GateState::Void { evidence, refusal, .. }) => {
            (Some(evidence), Vec::new(), Some(redactor.text(&refusal.to_string()).into_owned()))
        }
    };
    // Before it is escaped for a form in which a secret would not be known again.
    let evidence = evidence.and_then(|file| dir.evidence(file).ok()).map(|evidence| redactor.value(evidence));
    Some(ReportGate {
        step: step.id.to_string(),
        release: release.clone(),
        state: state.record(&step.id).map_or("pending", StepRecord::word),
        refusal,
        stale_because: state
            .record(&step.id)
            .and_then(|record| record.stale.as_ref())
            .map(ToString::to_string),
        approvals: redactor.value(approvals),
        count: gate.and_then(GateState::approvals),
        waivers: redactor.value(state.waivers(release).to_vec()),
        evidence,
    })
}

/// Writes `report.md` and `report.json` into the run's folder; `secrets` is what the catalog calls so.
pub fn write(dir: &RunDir, state: &RunState, secrets: &Secrets) -> Result<(), JournalError> {
    // It is the end: what has not run by now does not run by itself.
    let audit = Audit::of(dir)?;
    Report::of(dir, state, audit, false, Redactor::of_plan(secrets, &state.plan)).file(dir)
}

#[cfg(test)]
mod tests;
