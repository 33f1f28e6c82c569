//! Follows a run until no lane can move, and says what happens in a line each.

use super::context;
use super::exit::{Exit, Failure};
use crate::domain::name::StepId;
use crate::domain::outcome::Outcome;
use crate::domain::run::{GateState, RunState, RunVerdict, StepState};
use crate::journal::store::RunDir;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often the journal is looked at.
const EVERY: Duration = Duration::from_millis(50);

/// Follows the run in `dir` and returns how it stands once no lane can move.
pub(super) fn until_still(dir: &RunDir) -> Result<Exit, Failure> {
    let mut follower = dir.follow()?;
    let mut said: BTreeMap<StepId, String> = BTreeMap::new();
    loop {
        // Asked before the journal is read: what a supervisor wrote before it went is then read for sure.
        let alive = dir.is_alive();
        follower.poll()?;
        if let Some(problem) = follower.problem() {
            return Err(anyhow::anyhow!("the journal of run {} is damaged: {problem}", dir.id()).into());
        }
        let state = follower.state();
        say_news(state, &mut said)?;
        if is_still(state, alive) {
            return close(dir, state, alive);
        }
        std::thread::sleep(EVERY);
    }
}

/// Returns whether no lane can move without a person.
fn is_still(state: &RunState, alive: bool) -> bool {
    if !alive {
        return true;
    }
    if state.steps.values().any(super::super::domain::run::StepRecord::is_running) {
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
            !approvals.is_empty() && !crate::domain::run::state::is_held(approvals)
        }
        _ => false,
    })
}

fn close(dir: &RunDir, state: &RunState, alive: bool) -> Result<Exit, Failure> {
    for (id, record) in &state.steps {
        if let StepState::Gate { gate: GateState::Void { refusal, .. } } = &record.state {
            context::out(&format!("{id}: void: {refusal}\n"))?;
            return Ok(Exit::Refused);
        }
    }
    let verdict = state.verdict(alive);
    let next = match verdict {
        RunVerdict::Waiting => "vet staging (stagegate gate), then stagegate approve".to_owned(),
        RunVerdict::Failed | RunVerdict::Suspect => {
            "mend the cause, then stagegate retry, or skip with a reason".to_owned()
        }
        RunVerdict::Interrupted => "stagegate resume goes on".to_owned(),
        RunVerdict::Cancelled | RunVerdict::Finished | RunVerdict::Running => String::new(),
    };
    let next = if next.is_empty() { next } else { format!(": {next}") };
    context::out(&format!("run {} is {}{next}\n", dir.id(), verdict.word()))?;
    Ok(verdict.into())
}

fn say_news(state: &RunState, said: &mut BTreeMap<StepId, String>) -> Result<(), Failure> {
    for step in &state.plan.steps {
        let Some(record) = state.record(&step.id) else { continue };
        let line = match &record.state {
            StepState::Pending => continue,
            StepState::Running { end: Some(_), .. } => "checking".to_owned(),
            StepState::Concluded { outcome: Outcome::Succeeded, .. } => {
                format!("succeeded in {} s", record.took_s().unwrap_or(0))
            }
            StepState::Concluded { reason, .. } => format!("{}: {reason}", record.word()),
            StepState::Skipped { reason, .. } => format!("skipped: {reason}"),
            StepState::Gate { gate: GateState::Waiting { approvals, .. } } if !approvals.is_empty() => {
                "approved".to_owned()
            }
            _ => record.word().to_owned(),
        };
        let line = format!(
            "{}{line}",
            if record.attempts > 1 { format!("attempt {} ", record.attempts) } else { String::new() }
        );
        if said.get(&step.id) != Some(&line) {
            context::out(&format!("{:<24} {line}\n", step.id))?;
            said.insert(step.id.clone(), line);
        }
    }
    Ok(())
}
