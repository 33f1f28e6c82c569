//! How far a run is: what its steps print where they tell, else how long they took before.
//!
//! A step that runs never counts as more than 99 percent: over is over when its process tree is.

use super::run::RunModel;
use crate::domain::name::StepId;
use crate::domain::plan::Step;
use crate::domain::run::{StepRecord, StepState};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The weight of a step where nothing is known of any step, in seconds.
const UNKNOWN_S: f64 = 60.0;
/// The most that a running step counts for.
const MOST: f32 = 0.99;

/// How far something is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// 0 to 1.
    pub fraction: f32,
    /// Seconds left, where enough is known to say so.
    pub left_s: Option<u64>,
    /// Steps behind it.
    pub done: usize,
    /// Steps in all.
    pub steps: usize,
}

/// Returns for how many seconds a step has been running.
pub fn running_s(record: &StepRecord, now: Timestamp) -> Option<u64> {
    match &record.state {
        StepState::Running { since, .. } => Some((now.as_second() - since.as_second()).max(0) as u64),
        _ => None,
    }
}

/// Returns how far a running step is: as it says itself, else by how long it took before; none where nobody knows.
pub fn step_fraction(
    run: &RunModel,
    step: &StepId,
    typical: &BTreeMap<StepId, u64>,
    now: Timestamp,
) -> Option<f32> {
    let record = run.record(step)?;
    let elapsed = running_s(record, now)?;
    let told = run.live_step(step).and_then(|live| live.fraction);
    let by_time = || {
        let usual = typical.get(step).filter(|usual| **usual > 0)?;
        Some(elapsed as f32 / *usual as f32)
    };
    told.or_else(by_time).map(|fraction| fraction.clamp(0.0, MOST))
}

/// Returns what a step weighs, in seconds: what it took before, else what it took in this run.
fn weight(run: &RunModel, step: &StepId, typical: &BTreeMap<StepId, u64>) -> Option<f64> {
    let before = typical.get(step).map(|usual| *usual as f64);
    let now = || run.record(step).and_then(StepRecord::took_s).map(|took| took as f64);
    before.or_else(now).map(|seconds| seconds.max(1.0))
}

/// Returns what a step of this run weighs in the middle, which stands for those of which nothing is known.
fn usual(run: &RunModel, typical: &BTreeMap<StepId, u64>) -> f64 {
    let known: Vec<f64> = run.steps().iter().filter_map(|step| weight(run, &step.id, typical)).collect();
    if known.is_empty() { UNKNOWN_S } else { known.iter().sum::<f64>() / known.len() as f64 }
}

/// Returns how far the given steps are together, each weighing what it took before.
pub fn of_steps<'a>(
    run: &RunModel,
    steps: impl Iterator<Item = &'a Step>,
    typical: &BTreeMap<StepId, u64>,
    now: Timestamp,
) -> Progress {
    let (mut all, mut behind, mut left, mut known) = (0.0, 0.0, 0.0, true);
    let (mut done, mut count) = (0, 0);
    let unknown = usual(run, typical);
    for step in steps.filter(|step| !step.is_gate()) {
        count += 1;
        let weight = weight(run, &step.id, typical).unwrap_or(unknown);
        all += weight;
        let Some(record) = run.record(&step.id) else { continue };
        if record.is_behind() {
            done += 1;
            behind += weight;
            continue;
        }
        let fraction = f64::from(step_fraction(run, &step.id, typical, now).unwrap_or(0.0));
        behind += weight * fraction;
        let by_itself = running_s(record, now).filter(|_| fraction > 0.02);
        match (by_itself, typical.get(&step.id)) {
            (Some(elapsed), _) => left += elapsed as f64 * (1.0 - fraction) / fraction,
            (None, Some(usual)) => left += *usual as f64 * (1.0 - fraction),
            (None, None) => known = false,
        }
    }
    let fraction = if all > 0.0 { (behind / all) as f32 } else { 1.0 };
    Progress { fraction, left_s: known.then_some(left.round() as u64), done, steps: count }
}

impl RunModel {
    /// Returns how far the whole run is; of lanes side by side the slowest decides the time left.
    pub fn progress(&self, typical: &BTreeMap<StepId, u64>, now: Timestamp) -> Progress {
        let plan = &self.state.plan;
        let mut whole = of_steps(self, plan.steps.iter(), typical, now);
        let lanes = plan.lanes.iter().map(|lane| {
            let steps = lane.steps.iter().filter_map(|id| plan.step(id));
            of_steps(self, steps, typical, now).left_s
        });
        let longest = lanes.collect::<Option<Vec<u64>>>().and_then(|left| left.into_iter().max());
        let shared = of_steps(self, plan.shared(), typical, now).left_s;
        whole.left_s = longest.zip(shared).map(|(lane, shared)| lane + shared);
        whole
    }
}
