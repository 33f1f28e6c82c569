//! `stagegate gate`: the evidence, computed now.

use super::args::{GateArgs, Global, TextFormat};
use super::exit::{Exit, Failure};
use super::follow::next;
use super::{context, findings, steps};
use crate::domain::evidence::{Evidence, Waiver};
use crate::domain::name::ReleaseId;
use crate::domain::run::{GateState, RunState};
use crate::journal::store::RunDir;
use crate::supervisor::control::Request;
use crate::ui::widgets::text::count;
use serde::Serialize;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// How long evidence may take.
const PATIENCE: Duration = Duration::from_hours(1);
/// How often it is looked whether the evidence is there.
const EVERY: Duration = Duration::from_millis(50);

/// The evidence as design 10 has it.
#[derive(Debug, Serialize)]
struct GateReport<'a> {
    run: &'a str,
    gate: &'a str,
    state: &'static str,
    phrase: &'a str,
    findings: Vec<findings::FindingRow<'a>>,
    changes: &'a crate::domain::evidence::Changes,
    seal: &'a str,
    evidence: &'a Evidence,
}

/// Shows the evidence of a gate; a gate that waits undecided has it computed anew.
pub(super) fn run(global: &Global, args: &GateArgs) -> Result<Exit, Failure> {
    let (store, dir) = context::find_run(global, &args.run)?;
    let mut state = dir.load()?;
    let release = context::lane(&state, args.release.as_ref())?;
    let attempts = attempts(&state, &release);
    if may_refresh(&state, &release) {
        steps::ask_silently(&store, &dir, &Request::Refresh { release: release.clone() })?;
        state = wait_for_evidence(&dir, &release, attempts)?;
    }
    let (step, gate) = state
        .gate(&release)
        .ok_or_else(|| Failure::usage_text(format!("release {release} has no gate in this run")))?;
    let word = state.record(&step.id).map_or("pending", crate::domain::run::StepRecord::word);
    let Some(
        GateState::Waiting { evidence: file, .. }
        | GateState::Passed { evidence: file, .. }
        | GateState::Void { evidence: file, .. },
    ) = gate
    else {
        return Err(anyhow::anyhow!("{} has no evidence yet: it is {word}", step.id).into());
    };
    let evidence = dir.evidence(file)?;
    let waivers = state.waivers(&release);
    let phrase = state.plan.lane(&release).map_or("", |lane| &lane.phrase);
    let redactor = context::redactor(&dir, &state.plan);
    let shown = match args.format {
        TextFormat::Json => {
            serde_json::to_string_pretty(&GateReport {
                run: dir.id().as_str(),
                gate: step.id.as_str(),
                state: word,
                phrase,
                findings: findings::rows(&evidence.findings, waivers),
                changes: &evidence.changes,
                seal: &evidence.seal.0,
                evidence: &evidence,
            })? + "\n"
        }
        TextFormat::Text => {
            let mut text = text(&evidence, waivers, word);
            for line in next::lines(&context::invocation(global), dir.id(), &state, dir.is_alive()) {
                text.push_str(&line);
                text.push('\n');
            }
            text
        }
    };
    context::out(&redactor.text(&shown))?;
    Ok(Exit::Done)
}

fn attempts(state: &RunState, release: &ReleaseId) -> u32 {
    state.gate(release).and_then(|(step, _)| state.record(&step.id)).map_or(0, |record| record.attempts)
}

fn may_refresh(state: &RunState, release: &ReleaseId) -> bool {
    match state.gate(release) {
        Some((_, Some(GateState::Waiting { approvals, .. }))) => approvals.is_empty(),
        Some((_, Some(GateState::Void { .. }))) => true,
        _ => false,
    }
}

fn wait_for_evidence(dir: &RunDir, release: &ReleaseId, before: u32) -> Result<RunState, Failure> {
    let mut follower = dir.follow()?;
    let begun = Instant::now();
    loop {
        let alive = dir.is_alive();
        follower.poll()?;
        if attempts(follower.state(), release) > before || !alive {
            return Ok(follower.state().clone());
        }
        if begun.elapsed() > PATIENCE {
            return Err(anyhow::anyhow!("the evidence of release {release} takes longer than an hour").into());
        }
        std::thread::sleep(EVERY);
    }
}

/// Returns the evidence for people.
fn text(evidence: &Evidence, waivers: &[Waiver], state: &str) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "PRODUCTION gate of release {} ({}), {state}", evidence.release, evidence.revision);
    let _ = writeln!(out, "{} -> {}", evidence.staging.display(), evidence.production.display());
    let _ = writeln!(out, "{}\n", evidence.production_now);
    for repo in &evidence.repos {
        let compose =
            repo.compose.as_ref().map_or_else(|| "compose not known".to_owned(), ToString::to_string);
        let also = if repo.touched { "" } else { "  (also goes out)" };
        let _ = writeln!(out, "  {:<16} {compose}{also}", repo.repo);
    }
    out.push_str(&findings::text(&evidence.findings, waivers));
    let blocking = findings::blocking(&evidence.findings, waivers);
    let _ = writeln!(
        out,
        "\n{}, {blocking} of them blocking and not waived",
        count(evidence.findings.len(), "finding")
    );
    let _ = write!(out, "\nproduction gains: {}", findings::changes(&evidence.changes));
    if !evidence.checklist.is_empty() {
        let _ = writeln!(out, "\nto be confirmed by a person:");
    }
    for item in &evidence.checklist {
        let _ = writeln!(out, "  - {item}");
    }
    let _ = writeln!(out, "\nseal {} over {} paths, {}", evidence.seal, evidence.sealed_paths, evidence.at);
    out
}
