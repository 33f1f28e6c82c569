//! The report of a run: something to paste into the team's channel and to keep.
//!
//! It is made from the folded journal and the evidence files alone, so that it can be made again at any
//! time. No secret leaves through it: both of its forms go through a [`Redactor`] (design 12.5).

mod markdown;

use crate::domain::approval::Approval;
use crate::domain::compose::ComposeId;
use crate::domain::evidence::{Evidence, Waiver};
use crate::domain::finding::Finding;
use crate::domain::name::{ReleaseId, RepoName};
use crate::domain::plan::Step;
use crate::domain::plan::script::command_line;
use crate::domain::redact::Redactor;
use crate::domain::run::{GateState, RunState, StepRecord, StepState};
use crate::domain::status::CheckoutStatus;
use crate::journal::JournalError;
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
    journal_problem: Option<String>,
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
    command: String,
    attempts: u32,
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
    approvals: Vec<Approval>,
    waivers: Vec<Waiver>,
    evidence: Option<Evidence>,
}

impl Report {
    /// Makes the report of a run as it stands; `problem` is what is wrong with its journal.
    pub fn of(
        dir: &RunDir,
        state: &RunState,
        problem: Option<&str>,
        alive: bool,
        redactor: Redactor,
    ) -> Self {
        let plan = redactor.plan(&state.plan);
        let steps = plan.steps.iter().filter(|step| !step.is_gate());
        let steps: Vec<ReportStep> = steps.map(|step| report_step(state, step, alive, &redactor)).collect();
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
            journal_problem: problem.map(str::to_owned),
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

    /// Returns the report as JSON, with a line end.
    pub fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        format!("{}\n", self.redactor.text(&text))
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

fn report_step(state: &RunState, step: &Step, alive: bool, redactor: &Redactor) -> ReportStep {
    let record = state.record(&step.id);
    let reason = match record.map(|record| &record.state) {
        Some(StepState::Concluded { reason, .. } | StepState::Skipped { reason, .. }) => reason.clone(),
        _ => String::new(),
    };
    let word = match record {
        Some(record) if record.is_running() && !alive => "interrupted",
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
        command: if step.argv.is_empty() { "(checked by Stagegate)".to_owned() } else { command_line(step) },
        attempts: record.map_or(0, |record| record.attempts),
        seconds: record.and_then(StepRecord::took_s),
        exit_code: record.and_then(StepRecord::exit_code),
        reason: redactor.text(&reason).into_owned(),
        composes,
        scripts: record.map(|record| record.scripts.clone()).unwrap_or_default(),
        findings: record.map(|record| cleaned(&record.findings, redactor)).unwrap_or_default(),
    }
}

/// Takes secrets out before the text is escaped for a form in which they would not be known again.
fn cleaned(findings: &[Finding], redactor: &Redactor) -> Vec<Finding> {
    let clean = |finding: &Finding| Finding {
        path: redactor.text(&finding.path).into_owned(),
        message: redactor.text(&finding.message).into_owned(),
        ..finding.clone()
    };
    findings.iter().map(clean).collect()
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
            (Some(evidence), Vec::new(), Some(refusal.to_string()))
        }
    };
    let evidence = evidence.and_then(|file| dir.evidence(file).ok()).map(|mut evidence| {
        evidence.findings = cleaned(&evidence.findings, redactor);
        evidence
    });
    Some(ReportGate {
        step: step.id.to_string(),
        release: release.clone(),
        state: state.record(&step.id).map_or("pending", StepRecord::word),
        refusal,
        approvals,
        waivers: state.waivers(release).to_vec(),
        evidence,
    })
}

/// Writes `report.md` and `report.json` into the run's folder; `secrets` are the catalog's names.
pub(super) fn write(dir: &RunDir, state: &RunState, secrets: &[String]) -> Result<(), JournalError> {
    // It is the end: what has not run by now does not run by itself.
    let report = Report::of(dir, state, None, false, Redactor::of_plan(secrets, &state.plan));
    dir.write("report.json", report.json().as_bytes())?;
    dir.write("report.md", report.markdown().as_bytes())
}

#[cfg(test)]
mod tests;
