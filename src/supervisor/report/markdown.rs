//! The report as markdown: short enough to paste, with everything that somebody will ask about later.
//!
//! What comes from disk stands in code spans or tables with its bars escaped, so that no file name can
//! change the shape of the page.

use super::{Report, ReportGate, ReportStep};
use crate::domain::evidence::{Change, ChangeKind, Evidence};
use crate::domain::finding::{Finding, Severity};
use jiff::Timestamp;
use std::fmt::Write as _;

/// How many changes are listed one by one; the JSON form has them all.
const CHANGES: usize = 40;

/// Returns the report as markdown.
pub(super) fn text(report: &Report) -> String {
    let mut out = format!("# {}: run {} is {}\n\n", cell(&report.distribution), report.run, report.state);
    head(&mut out, report);
    steps(&mut out, report);
    troubles(&mut out, report);
    for gate in &report.gates {
        write_gate(&mut out, gate);
    }
    commands(&mut out, report);
    out
}

fn head(out: &mut String, report: &Report) {
    for release in &report.releases {
        let _ = writeln!(
            out,
            "- release {} ({}): `{}` to `{}`",
            release.release, release.revision, release.staging, release.production
        );
    }
    let _ = writeln!(out, "- flow {}, plan `{}`", report.flow, report.plan.get(..12).unwrap_or(&report.plan));
    if let (Some(by), Some(started)) = (&report.by, report.started) {
        let ended = report.ended.map(|ended| format!(", last at rest {}", moment(ended))).unwrap_or_default();
        let _ = writeln!(out, "- started by {} at {}{ended}", cell(by), moment(started));
    }
    for checkout in &report.checkouts {
        let changed = if checkout.dirty == Some(true) { ", **with changes**" } else { "" };
        let revision = checkout.revision.as_deref().map(|revision| format!("`{revision}`"));
        let _ =
            writeln!(out, "- {}: {}{changed}", checkout.name, revision.as_deref().unwrap_or("no revision"));
    }
    if let Some(problem) = &report.journal_problem {
        let _ = writeln!(out, "- **the journal is damaged**: {}", cell(problem));
    }
}

fn steps(out: &mut String, report: &Report) {
    out.push_str("\n## Steps\n\n| step | state | attempts | time | compose |\n|---|---|---:|---:|---|\n");
    for step in &report.steps {
        let stale = if step.stale { " (stale)" } else { "" };
        let composes: Vec<String> = step.composes.values().map(ToString::to_string).collect();
        let _ = writeln!(
            out,
            "| {} | {}{stale} | {} | {} | {} |",
            step.id,
            step.state,
            step.attempts,
            step.seconds.map(clock).unwrap_or_default(),
            composes.join(", ")
        );
    }
}

/// What a step did not do, and what its checks found.
fn troubles(out: &mut String, report: &Report) {
    let told = |step: &&ReportStep| !step.reason.is_empty() || !step.findings.is_empty();
    let mut steps = report.steps.iter().filter(told).peekable();
    if steps.peek().is_some() {
        out.push_str("\n## What was not as it should be\n\n");
    }
    for step in steps {
        let reason = if step.reason.is_empty() { String::new() } else { format!(": {}", cell(&step.reason)) };
        let _ = writeln!(out, "- {} {}{reason}", step.id, step.state);
        for finding in &step.findings {
            let _ = writeln!(out, "  - {}", line(finding));
        }
    }
}

fn write_gate(out: &mut String, gate: &ReportGate) {
    let _ = writeln!(out, "\n## Gate {}: {}\n", gate.step, gate.state);
    if let Some(refusal) = &gate.refusal {
        let _ = writeln!(out, "- **void**: {}", cell(refusal));
    }
    for approval in &gate.approvals {
        let _ = writeln!(
            out,
            "- approved by {} at {} with \"{}\", holds until {}, seal `{}`",
            cell(&approval.by.to_string()),
            moment(approval.at),
            cell(&approval.phrase),
            moment(approval.expires),
            approval.seal.short()
        );
    }
    for waiver in &gate.waivers {
        let finding = gate.evidence.as_ref().and_then(|evidence| {
            evidence.findings.iter().find(|finding| finding.id == waiver.finding).map(line)
        });
        let _ = writeln!(
            out,
            "- waived `{}` by {} at {}: {}{}",
            waiver.finding,
            cell(&waiver.by.to_string()),
            moment(waiver.at),
            cell(&waiver.reason),
            finding.map(|finding| format!(" ({finding})")).unwrap_or_default()
        );
    }
    match &gate.evidence {
        Some(evidence) => write_evidence(out, gate, evidence),
        None => out.push_str("- no evidence was gathered yet\n"),
    }
}

fn write_evidence(out: &mut String, gate: &ReportGate, evidence: &Evidence) {
    let _ = writeln!(out, "- evidence of {}: {}", moment(evidence.at), cell(&evidence.production_now));
    for repo in &evidence.repos {
        let compose =
            repo.compose.as_ref().map_or_else(|| "compose not known".to_owned(), |id| format!("`{id}`"));
        let also = if repo.touched { "" } else { ", not touched by this run" };
        let _ = writeln!(out, "- goes out: {} {compose}{also}", repo.repo);
    }
    let _ = writeln!(
        out,
        "- {} findings, {} of them blocking and not waived",
        evidence.findings.len(),
        evidence.blocking(&gate.waivers).count()
    );
    for finding in evidence.findings.iter().filter(|finding| finding.severity > Severity::Info) {
        let _ = writeln!(out, "  - {}", line(finding));
    }
    let changes = &evidence.changes;
    let all: Vec<&Change> = changes.packages.iter().chain(&changes.files).collect();
    let _ =
        writeln!(out, "- {} package changes, {} image changes", changes.packages.len(), changes.files.len());
    if all.is_empty() {
        return;
    }
    out.push_str("\n| change | where | what | from | to |\n|---|---|---|---|---|\n");
    for change in all.iter().take(CHANGES) {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            word(change.kind),
            cell(&change.place),
            cell(&change.name),
            cell(change.from.as_deref().unwrap_or_default()),
            cell(change.to.as_deref().unwrap_or_default())
        );
    }
    if all.len() > CHANGES {
        let _ = writeln!(out, "\nand {} more, in the JSON form of this report", all.len() - CHANGES);
    }
}

fn commands(out: &mut String, report: &Report) {
    out.push_str("\n## Commands\n\n```\n");
    for step in &report.steps {
        let _ = writeln!(out, "{:<20} {}", step.id, step.command.replace("```", "'''"));
    }
    out.push_str("```\n");
    if report.scripts.is_empty() {
        return;
    }
    out.push_str("\n## Scripts as they were run (SHA-256)\n\n```\n");
    for (path, sum) in &report.scripts {
        let _ = writeln!(out, "{sum}  {path}");
    }
    out.push_str("```\n");
}

fn line(finding: &Finding) -> String {
    let weight = match finding.severity {
        Severity::Blocking => "**blocking** ",
        Severity::Warning => "warning ",
        Severity::Info => "",
    };
    let inherited = if finding.inherited { " (in production already)" } else { "" };
    format!(
        "{weight}{} `{}`: {}{inherited}",
        finding.check,
        finding.path.replace('`', "'"),
        cell(&finding.message)
    )
}

fn word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "added",
        ChangeKind::Updated => "updated",
        ChangeKind::Downgraded => "**downgraded**",
        ChangeKind::Removed => "**removed**",
        ChangeKind::Rebuilt => "rebuilt",
    }
}

/// Returns text that stays within its line and its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn clock(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}
