//! `stagegate gate`: the evidence, computed now.

use super::args::{GateArgs, Global, TextFormat};
use super::exit::{Exit, Failure};
use super::follow::{live, next};
use super::progress::{ProgressLine, Stream};
use super::{context, findings, steps};
use crate::domain::approval::demand::ApprovalCount;
use crate::domain::evidence::{Evidence, Waiver};
use crate::domain::name::ReleaseId;
use crate::domain::run::{GateState, RunState, StepState};
use crate::journal::store::RunDir;
use crate::runtime::secrets;
use crate::supervisor::control::Request;
use crate::supervisor::recovery::Eyes;
use crate::ui::widgets::text::{count, looking};
use jiff::Timestamp;
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
    approvals: Option<ApprovalCount>,
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
    let before = (state.events, attempts(&state, &release));
    if may_refresh(&dir, &state, &release) {
        steps::ask_silently(&store, &dir, &Request::Refresh { release: release.clone(), check: None })?;
        state = wait_for_evidence(&dir, &release, before)?;
        if let Some(problem) = failed(&state, &release) {
            return Err(anyhow::anyhow!("{problem}").into());
        }
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
    let approvals = gate.and_then(GateState::approvals);
    let asks = words(gate);
    let evidence = dir.evidence(file)?;
    let waivers = state.waivers(&release);
    let phrase = state.plan.lane(&release).map_or("", |lane| &lane.phrase);
    let redactor = secrets::of_run(&dir, &state.plan);
    match args.format {
        TextFormat::Json => {
            let report = GateReport {
                run: dir.id().as_str(),
                gate: step.id.as_str(),
                state: word,
                phrase,
                approvals: approvals.clone(),
                findings: findings::rows(&evidence.findings, waivers),
                changes: &evidence.changes,
                seal: &evidence.seal.0,
                evidence: &evidence,
            };
            context::out_json(&redactor, &report)?;
        }
        TextFormat::Text => {
            // Both as they are shown, for they are compared.
            let waivers = redactor.shown(waivers.to_vec());
            let mut text = text(&redactor.shown(evidence), &waivers, word);
            if let Some(asks) = asks {
                let _ = writeln!(text, "{}", redactor.line(&asks));
            }
            let alive = dir.is_alive();
            let truths = Eyes::default().truths(&dir, &state, alive);
            for line in next::lines(&context::invocation(global), dir.id(), &state, alive, &truths) {
                text.push_str(&line);
                text.push('\n');
            }
            context::out(&redactor, &text)?;
        }
    }
    Ok(Exit::Done)
}

/// Says what the gate asks for and who gave it, where that is more than one unsigned approval.
fn words(gate: Option<&GateState>) -> Option<String> {
    let Some(GateState::Waiting { demand, approvals, .. } | GateState::Passed { demand, approvals, .. }) =
        gate
    else {
        return None;
    };
    let plain = demand.people < 2 && demand.signers.is_none() && approvals.is_empty();
    let signed = demand.signers.as_ref();
    let signed = signed.map(|file| format!(", signed by keys of {}", file.display())).unwrap_or_default();
    (!plain).then(|| format!("{}{signed}", demand.words(approvals)))
}

fn attempts(state: &RunState, release: &ReleaseId) -> u32 {
    state.gate(release).and_then(|(step, _)| state.record(&step.id)).map_or(0, |record| record.attempts)
}

fn may_refresh(dir: &RunDir, state: &RunState, release: &ReleaseId) -> bool {
    match state.gate(release) {
        // What was given holds the evidence; what has expired holds nothing, nor does what is not there as recorded.
        Some((_, Some(GateState::Waiting { approvals, evidence, digest, .. }))) => {
            approvals.iter().all(|approval| approval.expires <= Timestamp::now())
                || dir.evidence_as_recorded(evidence, digest.as_ref()).is_err()
        }
        Some((_, Some(GateState::Void { .. }))) => true,
        _ => failed(state, release).is_some(),
    }
}

/// Returns why a gate's evidence could not be taken, if so.
fn failed(state: &RunState, release: &ReleaseId) -> Option<String> {
    let (step, _) = state.gate(release)?;
    match &state.record(&step.id)?.state {
        StepState::Concluded { reason, .. } => Some(format!("{}: {reason}", step.id)),
        _ => None,
    }
}

/// Waits for evidence, or for the reason why there is none; `before` is how many events and attempts there were.
fn wait_for_evidence(dir: &RunDir, release: &ReleaseId, before: (u64, u32)) -> Result<RunState, Failure> {
    let mut follower = dir.follow()?;
    let begun = Instant::now();
    let line = ProgressLine::new(Stream::Errors);
    let live = line.is_seen().then(|| live::watch(dir));
    loop {
        let alive = dir.is_alive();
        follower.poll()?;
        let state = follower.state();
        // A gate that failed before was asked again; only what comes after that counts.
        let refused = state.events > before.0 && failed(state, release).is_some();
        if attempts(state, release) > before.1 || refused || !alive {
            return Ok(state.clone());
        }
        if let Some(look) = live.as_ref().and_then(|live| live.now().gathering.get(release).cloned()) {
            line.show(&looking(&look));
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
