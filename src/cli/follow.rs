//! Follows a run until no lane can move, and says what happens in a line each.
//!
//! On a terminal one more line, redrawn in place, shows what runs right now. What is said at the end names
//! the commands that come next, whole, so that they can be pasted.

mod live;
pub(super) mod next;

use super::args::Global;
use super::context;
use super::exit::{Exit, Failure};
use super::progress::{ProgressLine, Stream};
use crate::domain::name::StepId;
use crate::domain::outcome::Outcome;
use crate::domain::redact::Redactor;
use crate::domain::run::state::is_held;
use crate::domain::run::{GateState, RunState, RunVerdict, StepRecord, StepState};
use crate::journal::store::RunDir;
use crate::ui::widgets::text::clock;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often the journal is looked at.
const EVERY: Duration = Duration::from_millis(50);

/// What was said of each step, so that it is said once.
#[derive(Debug, Clone, Default)]
pub(super) struct Said(BTreeMap<StepId, String>);

impl Said {
    /// Takes the state of a run as known to whoever asks for something now.
    pub(super) fn before(state: &RunState) -> Self {
        let steps = state.steps.iter();
        Self(steps.filter_map(|(id, record)| Some((id.clone(), line(record)?))).collect())
    }
}

/// Follows the run in `dir` and returns how it stands once no lane can move.
pub(super) fn until_still(global: &Global, dir: &RunDir, mut said: Said) -> Result<Exit, Failure> {
    let mut follower = dir.follow()?;
    follower.poll()?;
    let redactor = context::redactor(dir, &follower.state().plan);
    let progress = ProgressLine::new(Stream::Output);
    let live = progress.is_seen().then(|| live::watch(dir));
    loop {
        // Asked before the journal is read: what a supervisor wrote before it went is then read for sure.
        let alive = dir.is_alive();
        follower.poll()?;
        if let Some(problem) = follower.problem() {
            return Err(anyhow::anyhow!("the journal of run {} is damaged: {problem}", dir.id()).into());
        }
        let state = follower.state();
        say_news(state, &redactor, &mut said, &progress)?;
        if is_still(state, alive) {
            progress.clear();
            return close(global, dir, state, alive);
        }
        if let Some(live) = &live {
            let line = live::line(state, &live.now(), jiff::Timestamp::now());
            progress.show(&redactor.text(&line));
        }
        std::thread::sleep(EVERY);
    }
}

/// Returns whether no lane can move without a person.
fn is_still(state: &RunState, alive: bool) -> bool {
    if !alive {
        return true;
    }
    if state.steps.values().any(StepRecord::is_running) {
        return false;
    }
    if state.ended.is_some() {
        return true;
    }
    let verdicts: Vec<RunVerdict> = state.plan.lanes.iter().map(|lane| state.lane_verdict(lane)).collect();
    let waits = verdicts.contains(&RunVerdict::Waiting);
    waits && !verdicts.contains(&RunVerdict::Running) && !gate_is_moving(state)
}

/// Returns whether an approved gate is about to let its lane through.
fn gate_is_moving(state: &RunState) -> bool {
    state.steps.values().any(|record| match &record.state {
        StepState::Gate { gate: GateState::Waiting { approvals, .. } } => {
            !approvals.is_empty() && !is_held(approvals)
        }
        _ => false,
    })
}

fn close(global: &Global, dir: &RunDir, state: &RunState, alive: bool) -> Result<Exit, Failure> {
    let verdict = state.verdict(alive);
    let mut text = format!("\nrun {} is {}\n", dir.id(), verdict.word());
    // Why it is refused is said each time, not only when it became so.
    let why = |(id, record): (&StepId, &StepRecord)| match &record.state {
        StepState::Gate { gate: GateState::Void { refusal, .. } } => {
            Some(format!("  {id} is void: {refusal}\n"))
        }
        _ => None,
    };
    let void: Vec<String> = state.steps.iter().filter_map(why).collect();
    text.push_str(&void.concat());
    for line in next::lines(&context::invocation(global), dir.id(), state, alive) {
        text.push_str(&line);
        text.push('\n');
    }
    context::out(&text)?;
    Ok(if void.is_empty() { verdict.into() } else { Exit::Refused })
}

fn say_news(
    state: &RunState,
    redactor: &Redactor,
    said: &mut Said,
    progress: &ProgressLine,
) -> Result<(), Failure> {
    for step in &state.plan.steps {
        let Some(line) = state.record(&step.id).and_then(line) else { continue };
        if said.0.get(&step.id) != Some(&line) {
            progress.clear();
            context::out(&format!("{:<24} {}\n", step.id, redactor.text(&line)))?;
            said.0.insert(step.id.clone(), line);
        }
    }
    Ok(())
}

/// Returns what is to be said of a step, if there is anything yet.
fn line(record: &StepRecord) -> Option<String> {
    let line = match &record.state {
        StepState::Pending => return None,
        StepState::Running { end: Some(_), .. } => "checking".to_owned(),
        StepState::Concluded { outcome: Outcome::Succeeded, .. } => {
            format!("succeeded in {}", clock(record.took_s().unwrap_or(0)))
        }
        StepState::Concluded { reason, .. } => format!("{}: {reason}", record.word()),
        StepState::Skipped { reason, .. } => format!("skipped: {reason}"),
        StepState::Gate { gate: GateState::Waiting { approvals, .. } } if !approvals.is_empty() => {
            if is_held(approvals) { "approved, held" } else { "approved" }.to_owned()
        }
        StepState::Gate { gate: GateState::Void { refusal, .. } } => format!("void: {refusal}"),
        _ => record.word().to_owned(),
    };
    // A gate counts how often its evidence was gathered, which is nobody's attempt.
    let is_gate = matches!(record.state, StepState::Gate { .. });
    let attempt = if record.attempts > 1 && !is_gate {
        format!("attempt {}, ", record.attempts)
    } else {
        String::new()
    };
    Some(format!("{attempt}{line}"))
}
