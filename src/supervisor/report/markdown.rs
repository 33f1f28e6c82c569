//! The report as markdown: short enough to paste, with everything that somebody will ask about later.
//!
//! What comes from disk, from a tool or from a person goes through [`cell`], [`code`] or [`block`], so that no file name
//! and no reason can change the shape of the page, load anything or pass for something else.

use super::{Report, ReportGate, ReportStep};
use crate::domain::approval::Approval;
use crate::domain::evidence::{Change, ChangeKind, Evidence};
use crate::domain::finding::{Finding, Severity};
use crate::domain::visible;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// How many changes are listed one by one; the JSON form has them all.
const CHANGES: usize = 40;

/// Returns the report as markdown.
pub(super) fn text(report: &Report) -> String {
    let mut out = format!("# {}: run {} is {}\n\n", cell(&report.distribution), report.run, report.state);
    journal(&mut out, report);
    head(&mut out, report);
    steps(&mut out, report);
    troubles(&mut out, report);
    for gate in &report.gates {
        write_gate(&mut out, gate);
    }
    commands(&mut out, report);
    out
}

/// Says on top whether what follows can be trusted, with the digest that stands for all of it.
fn journal(out: &mut String, report: &Report) {
    let journal = &report.journal;
    if !journal.intact {
        let _ =
            writeln!(out, "**What was recorded of this run is not intact; do not rely on this report.**\n");
        for flaw in &journal.flaws {
            let _ = writeln!(out, "- **{}**", cell(&flaw.message));
        }
        if journal.trusted < journal.records {
            let _ = writeln!(
                out,
                "- only records 1 to {} of {} count below; what was recorded behind them cannot be trusted",
                journal.trusted, journal.records
            );
        }
        out.push('\n');
    }
    let intact = if journal.intact { "intact" } else { "NOT intact" };
    let head = journal.head.map(|head| format!(", head `{head}`")).unwrap_or_default();
    let _ = writeln!(out, "- journal {intact}: {} records{head}", journal.records);
    for note in &journal.notes {
        let _ = writeln!(out, "  - {}", cell(note));
    }
}

fn head(out: &mut String, report: &Report) {
    for release in &report.releases {
        let _ = writeln!(
            out,
            "- release {} ({}): {} to {}",
            release.release,
            cell(&release.revision),
            code(&release.staging),
            code(&release.production)
        );
    }
    let _ = writeln!(out, "- flow {}, plan `{}`", report.flow, report.plan.get(..12).unwrap_or(&report.plan));
    if let (Some(by), Some(started)) = (&report.by, report.started) {
        let ended = report.ended.map(|ended| format!(", last at rest {}", moment(ended))).unwrap_or_default();
        let _ = writeln!(out, "- started by {} at {}{ended}", cell(by), moment(started));
    }
    for checkout in &report.checkouts {
        let changed = if checkout.dirty == Some(true) { ", **with changes**" } else { "" };
        let revision = checkout.revision.as_deref().map(code);
        let _ = writeln!(
            out,
            "- {}: {}{changed}",
            cell(&checkout.name),
            revision.as_deref().unwrap_or("no revision")
        );
    }
    contained(out, report);
    if let Some(problem) = &report.supervisor_problem {
        let _ = writeln!(out, "- **its supervisor failed**: {}", cell(problem));
    }
    out.push_str("- logs: in `steps/` of the run's folder, raw, for their owner alone; `stagegate log` shows them without secrets\n");
}

/// Says what held the processes of the steps together, each way once; which step had which is in the JSON form.
fn contained(out: &mut String, report: &Report) {
    let ways = report.steps.iter().filter_map(|step| step.contained.as_ref()).map(ToString::to_string);
    let ways: BTreeSet<String> = ways.collect();
    if !ways.is_empty() {
        let ways: Vec<String> = ways.iter().map(|way| cell(way)).collect();
        let _ = writeln!(out, "- each step contained by: {}", ways.join(", or "));
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
    let told = |step: &&ReportStep| {
        !step.reason.is_empty() || !step.findings.is_empty() || step.stale_because.is_some()
    };
    let mut steps = report.steps.iter().filter(told).peekable();
    if steps.peek().is_some() {
        out.push_str("\n## What was not as it should be\n\n");
    }
    for step in steps {
        let reason = if step.reason.is_empty() { String::new() } else { format!(": {}", cell(&step.reason)) };
        let _ = writeln!(out, "- {} {}{reason}", step.id, step.state);
        if let Some(why) = &step.stale_because {
            let _ = writeln!(out, "  - stale: {}", cell(why));
        }
        for finding in &step.findings {
            let _ = writeln!(out, "  - {}", line(finding));
        }
    }
}

fn write_gate(out: &mut String, gate: &ReportGate) {
    let _ = writeln!(out, "\n## Gate {}: {}\n", gate.step, gate.state);
    if let Some(why) = &gate.stale_because {
        let _ = writeln!(out, "- **stale**: {}; what was approved before counts no more", cell(why));
    }
    if let Some(refusal) = &gate.refusal {
        let _ = writeln!(out, "- **void**: {}", cell(refusal));
    }
    if let Some(count) = gate.count.as_ref().filter(|count| count.is_partial()) {
        let _ = writeln!(out, "- **not approved yet**: {}", cell(count.words()));
    }
    for approval in &gate.approvals {
        write_approval(out, approval);
    }
    for waiver in &gate.waivers {
        let findings = gate.evidence.iter().flat_map(|evidence| &evidence.findings);
        let mut same = findings.filter(|finding| finding.id == waiver.finding).peekable();
        let changed = same.peek().is_some();
        let finding = match same.find(|finding| waiver.covers(finding)) {
            Some(finding) => format!(" ({})", line(finding)),
            None if changed => " (**which says something else now, so it is not waived**)".to_owned(),
            None => String::new(),
        };
        let _ = writeln!(
            out,
            "- waived `{}` by {} at {}: {}{}",
            waiver.finding,
            cell(&waiver.by.to_string()),
            moment(waiver.at),
            cell(&waiver.reason),
            finding
        );
    }
    match &gate.evidence {
        Some(evidence) => write_evidence(out, gate, evidence),
        None => out.push_str("- no evidence was gathered yet\n"),
    }
}

fn write_approval(out: &mut String, approval: &Approval) {
    let by = cell(&approval.by.to_string());
    let who = match &approval.signed {
        Some(signed) => format!("{} ({by}), signed with {}", cell(&signed.principal), code(&signed.key)),
        None => by,
    };
    let solo = if approval.solo { ", **solo: one person where two are asked for**" } else { "" };
    let reason = approval.reason.as_ref().map(|reason| format!(", because: {}", cell(reason)));
    let _ = writeln!(
        out,
        "- approved by {who} at {} with \"{}\", holds until {}, seal `{}`{solo}{}",
        moment(approval.at),
        cell(&approval.phrase),
        moment(approval.expires),
        approval.seal.short(),
        reason.unwrap_or_default()
    );
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
    let _ = writeln!(
        out,
        "- {} advisory changes, {} module stream changes",
        changes.advisories.len(),
        changes.streams.len()
    );
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
        let _ = writeln!(out, "{:<20} {}", step.id, block(&step.command));
    }
    out.push_str("```\n");
    if report.scripts.is_empty() {
        return;
    }
    out.push_str("\n## Scripts as they were run (SHA-256)\n\n```\n");
    for (path, sum) in &report.scripts {
        let _ = writeln!(out, "{sum}  {}", block(path));
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
    format!("{weight}{} {}: {}{inherited}", finding.check, code(&finding.path), cell(&finding.message))
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

/// Returns text that says what it says and does nothing else: it stays within its line and its cell, and is no markup.
///
/// A backslash before ASCII punctuation is `CommonMark`'s own escape (2.4). HTML begins with `<` alone; links and images
/// need what follows their `]`; an entity can stand for a character, but not for markup.
pub(super) fn cell(text: &str) -> String {
    let text = visible::line(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match (character, rest.peek()) {
            ('<', _) => out.push_str("&lt;"),
            ('&', Some(next)) if next.is_ascii_alphanumeric() || *next == '#' => out.push_str("&amp;"),
            ('\\' | '`' | '*' | '|' | '~', _) | (']', Some('(' | '[' | ':')) => out.extend(['\\', character]),
            _ => out.push(character),
        }
    }
    out
}

/// Returns a path or an id in a code span, in which nothing counts but the mark that ends it.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", visible::line(text).replace('`', "'").replace('|', "\\|"))
}

/// Returns a line of a code block.
pub(super) fn block(text: &str) -> String {
    visible::line(text).replace("```", "'''")
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn clock(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}
