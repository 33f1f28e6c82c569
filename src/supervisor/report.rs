//! The report of a run: something to paste into the team's channel and to keep.

use crate::domain::evidence::Evidence;
use crate::domain::plan::script::command_line;
use crate::domain::run::{GateState, RunState, StepState};
use crate::journal::JournalError;
use crate::journal::store::RunDir;
use serde::Serialize;
use std::fmt::Write as _;

/// The record of a run in the form that is written and printed.
#[derive(Debug, Serialize)]
pub struct Report {
    run: String,
    state: &'static str,
    distribution: String,
    flow: String,
    plan: String,
    started: Option<String>,
    by: Option<String>,
    journal_problem: Option<String>,
    checkouts: Vec<crate::domain::status::CheckoutStatus>,
    steps: Vec<ReportStep>,
    gates: Vec<ReportGate>,
}

#[derive(Debug, Serialize)]
struct ReportStep {
    id: String,
    state: &'static str,
    command: String,
    attempts: u32,
    seconds: Option<i64>,
    exit_code: Option<i32>,
    reason: String,
    findings: Vec<crate::domain::finding::Finding>,
}

#[derive(Debug, Serialize)]
struct ReportGate {
    step: String,
    state: &'static str,
    refusal: Option<String>,
    approvals: Vec<crate::domain::approval::Approval>,
    waivers: Vec<crate::domain::evidence::Waiver>,
    evidence: Option<Evidence>,
}

impl Report {
    /// Makes the report of a run as it stands.
    pub fn of(dir: &RunDir, state: &RunState, problem: Option<&str>, alive: bool) -> Self {
        Self {
            run: dir.id().to_string(),
            state: state.verdict(alive).word(),
            distribution: state.plan.distribution.clone(),
            flow: state.plan.flow().to_string(),
            plan: state.plan.digest.to_string(),
            started: state.created.as_ref().map(|(_, _, at)| at.to_string()),
            by: state.created.as_ref().map(|(_, by, _)| by.to_string()),
            journal_problem: problem.map(str::to_owned),
            checkouts: state.plan.checkouts.clone(),
            steps: state
                .plan
                .steps
                .iter()
                .filter(|step| !step.is_gate())
                .map(|step| report_step(state, step))
                .collect(),
            gates: state
                .plan
                .lanes
                .iter()
                .filter_map(|lane| report_gate(dir, state, &lane.release))
                .collect(),
        }
    }

    /// Returns the report as markdown.
    pub fn markdown(&self) -> String {
        let mut out = format!("# {} {}: {}\n\n", self.distribution, self.run, self.state);
        let _ = writeln!(out, "- flow {}, plan `{}`", self.flow, self.plan.get(..12).unwrap_or(&self.plan));
        if let (Some(by), Some(started)) = (&self.by, &self.started) {
            let _ = writeln!(out, "- started by {by}, {started}");
        }
        if let Some(problem) = &self.journal_problem {
            let _ = writeln!(out, "- **the journal is damaged**: {problem}");
        }
        for checkout in &self.checkouts {
            let changed = if checkout.dirty == Some(true) { ", with changes" } else { "" };
            let _ = writeln!(
                out,
                "- {}: {}{changed}",
                checkout.name,
                checkout.revision.as_deref().unwrap_or("no revision")
            );
        }
        out.push_str("\n| step | state | s | command |\n|---|---|---|---|\n");
        for step in &self.steps {
            let seconds = step.seconds.map(|seconds| seconds.to_string()).unwrap_or_default();
            let _ = writeln!(out, "| {} | {} | {seconds} | `{}` |", step.id, step.state, step.command);
        }
        for step in &self.steps {
            if !step.reason.is_empty() {
                let _ = writeln!(out, "\n{} is {}: {}", step.id, step.state, step.reason);
            }
            for finding in &step.findings {
                let _ = writeln!(out, "- {} {}: {}", finding.id, finding.path, finding.message);
            }
        }
        for gate in &self.gates {
            gate.write(&mut out);
        }
        out
    }
}

impl ReportGate {
    fn write(&self, out: &mut String) {
        let _ = writeln!(out, "\n## {}: {}\n", self.step, self.state);
        if let Some(refusal) = &self.refusal {
            let _ = writeln!(out, "- refused: {refusal}");
        }
        for approval in &self.approvals {
            let _ = writeln!(
                out,
                "- approved by {} at {} with `{}`, seal `{}`",
                approval.by,
                approval.at,
                approval.phrase,
                approval.seal.short()
            );
        }
        for waiver in &self.waivers {
            let _ = writeln!(out, "- waived {} by {}: {}", waiver.finding, waiver.by, waiver.reason);
        }
        let Some(evidence) = &self.evidence else { return };
        for repo in &evidence.repos {
            let compose =
                repo.compose.as_ref().map_or_else(|| "compose not known".to_owned(), ToString::to_string);
            let _ = writeln!(
                out,
                "- {}: {compose}{}",
                repo.repo,
                if repo.touched { "" } else { " (also goes out)" }
            );
        }
        let _ = writeln!(
            out,
            "- {} findings, {} package changes",
            evidence.findings.len(),
            evidence.changes.packages.len()
        );
        for change in &evidence.changes.packages {
            let from = change.from.as_deref().unwrap_or("-");
            let to = change.to.as_deref().unwrap_or("-");
            let _ = writeln!(out, "  - {} {}: {from} -> {to}", change.place, change.name);
        }
    }
}

fn report_step(state: &RunState, step: &crate::domain::plan::Step) -> ReportStep {
    let record = state.record(&step.id);
    let reason = match record.map(|record| &record.state) {
        Some(StepState::Concluded { reason, .. } | StepState::Skipped { reason, .. }) => reason.clone(),
        _ => String::new(),
    };
    ReportStep {
        id: step.id.to_string(),
        state: record.map_or("pending", |record| record.word()),
        command: if step.argv.is_empty() { "(checked by Stagegate)".to_owned() } else { command_line(step) },
        attempts: record.map_or(0, |record| record.attempts),
        seconds: record.and_then(super::super::domain::run::state::StepRecord::took_s),
        exit_code: record.and_then(super::super::domain::run::state::StepRecord::exit_code),
        reason,
        findings: record.map(|record| record.findings.clone()).unwrap_or_default(),
    }
}

fn report_gate(
    dir: &RunDir,
    state: &RunState,
    release: &crate::domain::name::ReleaseId,
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
    Some(ReportGate {
        step: step.id.to_string(),
        state: state.record(&step.id).map_or("pending", |record| record.word()),
        refusal,
        approvals,
        waivers: state.waivers(release).to_vec(),
        evidence: evidence.and_then(|file| dir.evidence(file).ok()),
    })
}

/// Writes `report.md` and `report.json` into the run's folder.
pub(super) fn write(dir: &RunDir, state: &RunState) -> Result<(), JournalError> {
    // It is the end: what has not run by now does not run by itself.
    let report = Report::of(dir, state, None, false);
    let json = serde_json::to_vec_pretty(&report).unwrap_or_default();
    dir.write("report.json", &json)?;
    dir.write("report.md", report.markdown().as_bytes())
}
