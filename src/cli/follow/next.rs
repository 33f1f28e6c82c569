//! What an engineer types next, whole: the commands that fit how a run stands.

use crate::domain::name::{ReleaseId, RunId, StepId};
use crate::domain::plan::script::quote;
use crate::domain::plan::{Lane, Step};
use crate::domain::run::recovery::Interrupted;
use crate::domain::run::resume::{Ask, Case, Decision, decide};
use crate::domain::run::step::is_held;
use crate::domain::run::{GateState, RunState, StepState};
use std::collections::BTreeMap;

/// Returns a line for each thing that can be done next; `program` is the command line up to the command.
pub(in crate::cli) fn lines(
    program: &str,
    run: &RunId,
    state: &RunState,
    alive: bool,
    truths: &BTreeMap<StepId, Interrupted>,
) -> Vec<String> {
    let stops = state.lanes().map(|lane| (Some(lane), state.lane_at(lane)));
    let shared = std::iter::once((None, state.shared_at()));
    let mut lines = Vec::new();
    let mut all_lanes = true;
    for (lane, step) in stops.chain(shared) {
        let Some(step) = step else { continue };
        // What all lanes share comes only once every lane is through.
        if lane.is_none() && !all_lanes {
            break;
        }
        all_lanes = false;
        lines.extend(match truths.get(&step.id) {
            Some(truth) => of_interrupted(program, run, state, lane, step, truth),
            None => of_step(program, run, state, lane, step),
        });
    }
    lines.extend(
        state.given_up.values().map(|given| command("watch", program, &format!("attach {}", given.to))),
    );
    if lines.is_empty() && !alive && state.ended.is_none() {
        lines.push(command("go on", program, &format!("resume {run}")));
    }
    lines
}

fn command(what: &str, program: &str, rest: &str) -> String {
    format!("  {:<9} {program} {rest}", format!("{what}:"))
}

fn of_step(program: &str, run: &RunId, state: &RunState, lane: Option<&Lane>, step: &Step) -> Vec<String> {
    let Some(record) = state.record(&step.id) else { return Vec::new() };
    match &record.state {
        StepState::Gate { gate: GateState::Waiting { approvals, demand, .. } }
            if demand.is_met(approvals) && is_held(approvals) =>
        {
            vec![command("publish", program, &format!("resume {run}{}", release(state, lane)))]
        }
        StepState::Gate { gate: gate @ (GateState::Waiting { .. } | GateState::Void { .. }) } => {
            let release = release(state, lane);
            let phrase = lane.map_or("", |lane| &lane.phrase);
            // Whoever copies the line approves the evidence that it stands below.
            let seal = match gate {
                GateState::Waiting { seal, .. } => format!(" --seal {}", seal.short()),
                _ => String::new(),
            };
            vec![
                command("vet", program, &format!("gate {run}{release}")),
                command("approve", program, &format!("approve {run}{release} --phrase \"{phrase}\"{seal}")),
            ]
        }
        _ if record.stops_lane() => {
            let case = Case::of(state, step, None, 1, jiff::Timestamp::now());
            let asks_why = matches!(decide(case, Ask::Retry { reason: false }), Decision::NeedsRetry(_));
            let reason = if asks_why { " --reason \"…\"" } else { "" };
            let mut lines = vec![
                command("log", program, &format!("log {run} {}", step.id)),
                command("retry", program, &format!("retry {run} {}{reason}", step.id)),
            ];
            if lane.is_some() {
                lines.push(command("replan", program, &format!("plan --from-run {run}")));
            }
            if step.is_skippable() {
                lines.push(command("skip", program, &format!("skip {run} {} --reason \"…\"", step.id)));
            }
            if record.log.is_none() {
                lines.remove(0);
            }
            lines
        }
        _ => Vec::new(),
    }
}

/// Returns what can be done about a step whose supervisor died: what the decision table would let pass.
fn of_interrupted(
    program: &str,
    run: &RunId,
    state: &RunState,
    lane: Option<&Lane>,
    step: &Step,
    truth: &Interrupted,
) -> Vec<String> {
    let case = Case::of(state, step, Some(truth), 1, jiff::Timestamp::now());
    let mut lines = vec![command("log", program, &format!("log {run} {}", step.id))];
    if state.record(&step.id).is_none_or(|record| record.log.is_none()) {
        lines.clear();
    }
    if !truth.survivors().is_empty() {
        lines.push(command("stop it", program, &format!("cancel {run} {}", step.id)));
    }
    if matches!(decide(case, Ask::Resume), Decision::NeedsRetry(_)) {
        lines.push(command("retry", program, &format!("retry {run} {} --reason \"…\"", step.id)));
    } else {
        lines.push(command("go on", program, &format!("resume {run}{}", release(state, lane))));
    }
    lines
}

/// Returns ` --release 8` where the run has several.
fn release(state: &RunState, lane: Option<&Lane>) -> String {
    let named = |release: &ReleaseId| format!(" --release {}", quote(release.as_str()));
    lane.filter(|_| state.plan.lanes.len() > 1).map(|lane| named(&lane.release)).unwrap_or_default()
}
