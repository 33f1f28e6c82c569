//! What `resume`, `retry` and a moving lane may do with a step: the one decision table, which everybody asks.
//!
//! The first row that fits counts. *Itself* is a lane that comes to the step while it moves.
//!
#![doc = include_str!("resume/table.md")]
//!
//! Two rules stand above every row. Nothing that is seen alive is started a second time, whoever asks. What may be
//! alive, or is not safe to repeat, starts only for a `retry` by name with a reason, which goes into the journal: then a
//! person has looked where Stagegate cannot. An approval that is lacking is never made up for: the step waits behind its
//! gate. The table is rendered from [`decide`] itself by a test, so that what stands here is what is done.

use super::recovery::{Alive, Gone, Interrupted, Repeat, Started, elsewhere_words};
use super::state::RunState;
use super::step::{GateState, StepState, is_enough, is_held};
use crate::domain::name::RunId;
use crate::domain::outcome::Outcome;
use crate::domain::plan::Step;
use jiff::Timestamp;

/// Who wants a step to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    /// Its lane comes to it by itself, in a run that moves.
    Itself,
    /// `resume`.
    Resume,
    /// `retry` of this very step.
    Retry {
        /// Whether a reason was given.
        reason: bool,
    },
}

/// Whether an interrupted step may still be at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Life {
    /// Its processes were seen.
    Lives,
    /// Nobody here can say.
    Unknown,
    /// It is gone.
    Gone,
    /// Its process had ended when its supervisor died: only its checks are missing.
    Ended,
}

/// Where a step stands, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It has not run, or is to run again.
    Pending,
    /// It is at work under this supervisor.
    Running,
    /// It succeeded, was skipped, or is a gate that was passed.
    Done,
    /// It failed, is suspect or was cancelled.
    Stopped,
    /// The same, and it may be at work on another host yet.
    Adrift,
    /// Its supervisor died while it ran.
    Interrupted {
        /// Whether it was started.
        started: Started,
        /// Whether it may be alive.
        life: Life,
    },
    /// A gate that waits for an approval.
    GateWaits,
    /// A gate with every approval it needs, held back.
    GateHeld,
    /// A gate with every approval it needs.
    GateApproved,
    /// A gate whose approval does not hold any more.
    GateVoid,
}

/// Whether production may be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permit {
    /// It does not touch production.
    NotNeeded,
    /// Its approval holds by the journal; the launch compares the seal.
    Holds,
    /// There is none that holds.
    Lacking,
}

/// What is decided about: all that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Case {
    /// Where it stands.
    pub standing: Standing,
    /// Whether its result counts no more.
    pub stale: bool,
    /// Whether running it again is safe; what never ran is.
    pub repeat: Repeat,
    /// Whether it may touch production, if it does.
    pub permit: Permit,
    /// Whether the run was cancelled.
    pub cancelled: bool,
}

/// Why something is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// It is at work.
    AtWork,
    /// It has not run yet.
    NotYetRun,
    /// The run was cancelled.
    Cancelled,
    /// It stopped its lane, and somebody should look why.
    Stopped,
    /// Its processes are alive.
    Alive,
    /// It may be alive.
    MayBeAlive,
    /// It is not safe to repeat.
    NotRepeatable,
}

/// What is done with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// It is started for the first time, or its lane goes past it.
    GoOn,
    /// It is started once more.
    RunAgain,
    /// Only the checks after it are run; nothing is started.
    Judge,
    /// It is waited for until its survivors are gone; then it is decided anew.
    Await,
    /// Nothing: it moves by other means than these.
    Rest,
    /// A `retry` by name, with a reason, is needed.
    NeedsRetry(Why),
    /// An approval is needed first; the step waits behind its gate.
    NeedsApproval,
    /// No.
    Refuse(Why),
}

impl Decision {
    /// Returns whether it starts a process.
    pub fn starts(self) -> bool {
        matches!(self, Self::GoOn | Self::RunAgain)
    }

    /// Says what is done with `step` of `run`, or why it is not and what can be done instead.
    ///
    /// `truth` is what is known of it if it was interrupted, `void` why the approval of its lane does not hold.
    pub fn words(self, step: &Step, truth: Option<&Interrupted>, run: &RunId, void: Option<&str>) -> String {
        let id = &step.id;
        let alive = truth.map_or_else(|| adrift_words(step), Interrupted::alive_words);
        let or_skip = if step.is_skippable() { ", or skip it with a reason" } else { "" };
        let by_name = format!("`stagegate retry {run} {id} --reason \"…\"`");
        match self {
            Self::GoOn => format!("{id} goes on"),
            Self::RunAgain => format!("{id} runs again"),
            Self::Judge => format!("{id} is not run again ({alive}); the checks after it are run now"),
            Self::Await => format!(
                "{id} waits until its first life is over: {alive}; it goes on by itself then; `stagegate cancel {run} \
                 {id}` stops it"
            ),
            Self::Rest if step.is_gate() => {
                let release = step.release.as_ref().map_or("", |release| release.as_str());
                match void {
                    Some(refusal) => format!(
                        "the approval of release {release} is void: {refusal}; look at new evidence, then approve"
                    ),
                    None => format!("release {release} waits for its approval"),
                }
            }
            Self::Rest => format!("{id} is left as it is"),
            Self::NeedsRetry(Why::MayBeAlive) => {
                format!("{id} {alive}; make sure that it is over, then {by_name}{or_skip}")
            }
            Self::NeedsRetry(Why::NotRepeatable) => {
                let dirt = truth.map_or("", |truth| truth.dirt);
                let dirt = if dirt.is_empty() { String::new() } else { format!(" ({dirt})") };
                format!("{id} is not safe to repeat: look at what it did{dirt}, then {by_name}{or_skip}")
            }
            Self::NeedsRetry(_) => {
                format!("{id} stopped its lane: look why, then `stagegate retry {run} {id}`{or_skip}")
            }
            Self::NeedsApproval => format!(
                "{id} needs an approval that holds: `stagegate gate {run}` shows the evidence, then approve"
            ),
            Self::Refuse(Why::NotYetRun) => format!("{id} has not run yet, so there is nothing to retry"),
            Self::Refuse(Why::Cancelled) => {
                "the run was cancelled; retry the step that it stands at to go on".to_owned()
            }
            Self::Refuse(Why::Alive) => format!(
                "{id} is {alive}; `stagegate resume {run}` waits for its end, `stagegate cancel {run} {id}` stops it"
            ),
            Self::Refuse(_) => format!("{id} is at work; cancel it first"),
        }
    }
}

impl Case {
    /// Gathers what counts about `step`; `truth` is what is known of it if it was interrupted.
    ///
    /// `people` is how many must approve where the journal is too old to say it of the gate.
    pub fn of(
        state: &RunState,
        step: &Step,
        truth: Option<&Interrupted>,
        people: u8,
        now: Timestamp,
    ) -> Self {
        let record = state.record(&step.id);
        let standing = standing(state, step, truth, people);
        let cut = matches!(standing, Standing::Interrupted { .. });
        let never = !cut && record.is_none_or(|record| record.attempts == 0);
        Self {
            standing,
            stale: record.is_some_and(|record| record.stale.is_some()),
            repeat: if never { Repeat::Safe } else { Repeat::of(step) },
            permit: permit(state, step, now),
            cancelled: state.cancelled.is_some(),
        }
    }
}

fn standing(state: &RunState, step: &Step, truth: Option<&Interrupted>, people: u8) -> Standing {
    let Some(record) = state.record(&step.id) else { return Standing::Pending };
    match (&record.state, truth) {
        (StepState::Pending, _) => Standing::Pending,
        (StepState::Running { .. }, None) => Standing::Running,
        (StepState::Running { .. } | StepState::Interrupted { .. }, Some(truth)) => {
            let life = match &truth.alive {
                Alive::Yes { .. } => Life::Lives,
                Alive::Unknown { .. } => Life::Unknown,
                Alive::No { gone: Gone::Ended { .. } } => Life::Ended,
                Alive::No { .. } => Life::Gone,
            };
            Standing::Interrupted { started: truth.started, life }
        }
        // Nobody looked: then nobody knows.
        (StepState::Interrupted { .. }, None) => {
            Standing::Interrupted { started: Started::Perhaps, life: Life::Unknown }
        }
        (StepState::Concluded { outcome: Outcome::Succeeded, .. } | StepState::Skipped { .. }, _) => {
            Standing::Done
        }
        (StepState::Concluded { .. }, _) if record.adrift => Standing::Adrift,
        (StepState::Concluded { .. }, _) => Standing::Stopped,
        (StepState::Gate { gate }, _) => match gate {
            GateState::Passed { .. } => Standing::Done,
            GateState::Void { .. } => Standing::GateVoid,
            // What the gate was opened with counts; `people` only where an old journal does not say it.
            GateState::Waiting { approvals, demand, .. }
                if !demand.is_met(approvals) || (!demand.is_recorded() && !is_enough(approvals, people)) =>
            {
                Standing::GateWaits
            }
            GateState::Waiting { approvals, .. } if is_held(approvals) => Standing::GateHeld,
            GateState::Waiting { .. } => Standing::GateApproved,
        },
    }
}

/// Says of a step that was judged, and of whose end on its host nobody knows, that it may be alive.
fn adrift_words(step: &Step) -> String {
    match &step.host {
        Some(host) => format!("may be alive: {}", elsewhere_words(host)),
        None => "may be alive".to_owned(),
    }
}

/// Returns whether `step` may touch production at `now`, by the journal alone; seal and people are the launch's to judge.
pub fn permit(state: &RunState, step: &Step, now: Timestamp) -> Permit {
    if !step.is_production() {
        return Permit::NotNeeded;
    }
    let gate = step.release.as_ref().and_then(|release| state.gate(release)).and_then(|(_, gate)| gate);
    match gate {
        Some(GateState::Passed { approvals, .. })
            if !approvals.is_empty()
                && approvals.iter().all(|one| one.expires > now && one.plan == state.plan.digest) =>
        {
            Permit::Holds
        }
        _ => Permit::Lacking,
    }
}

/// Decides what is done with a step: the table above.
pub fn decide(case: Case, ask: Ask) -> Decision {
    use Decision::{Await, GoOn, Judge, NeedsRetry, Refuse, Rest, RunAgain};
    // The last question always: whatever starts a step that touches production needs an approval that holds.
    let permitted = |decision: Decision| match case.permit {
        Permit::NotNeeded | Permit::Holds => decision,
        Permit::Lacking => Decision::NeedsApproval,
    };
    let by_name = matches!(ask, Ask::Retry { .. });
    let reasoned = matches!(ask, Ask::Retry { reason: true });
    let lives = matches!(case.standing, Standing::Interrupted { life: Life::Lives, .. });
    match case.standing {
        Standing::Running if by_name => Refuse(Why::AtWork),
        Standing::Running => Rest,
        _ if case.cancelled && !by_name => Refuse(Why::Cancelled),
        _ if lives && by_name => Refuse(Why::Alive),
        Standing::Pending if by_name && !case.cancelled => Refuse(Why::NotYetRun),
        Standing::Pending => permitted(GoOn),
        Standing::Adrift if reasoned => permitted(RunAgain),
        Standing::Adrift if ask == Ask::Itself && !case.stale => Rest,
        Standing::Adrift => NeedsRetry(Why::MayBeAlive),
        Standing::Done | Standing::Stopped if by_name => permitted(RunAgain),
        Standing::Done if !case.stale => GoOn,
        Standing::Done | Standing::Stopped if case.stale => match case.repeat {
            Repeat::Safe => permitted(RunAgain),
            Repeat::NotSafe => NeedsRetry(Why::NotRepeatable),
        },
        Standing::Done | Standing::Stopped | Standing::Interrupted { .. } if ask == Ask::Itself => Rest,
        Standing::Done | Standing::Stopped => NeedsRetry(Why::Stopped),
        Standing::Interrupted { life: Life::Lives, .. } => Await,
        Standing::Interrupted { life: Life::Ended, .. } if !by_name && !case.stale => Judge,
        Standing::Interrupted { life: Life::Unknown, .. } if !reasoned => NeedsRetry(Why::MayBeAlive),
        Standing::Interrupted { started: Started::NoCommand, .. } => permitted(RunAgain),
        Standing::Interrupted { .. } if case.repeat == Repeat::NotSafe && !reasoned => {
            NeedsRetry(Why::NotRepeatable)
        }
        Standing::Interrupted { .. } => permitted(RunAgain),
        Standing::GateWaits | Standing::GateHeld | Standing::GateApproved | Standing::GateVoid if by_name => {
            RunAgain
        }
        Standing::GateApproved => GoOn,
        Standing::GateHeld if ask == Ask::Resume => GoOn,
        Standing::GateWaits | Standing::GateHeld | Standing::GateVoid => Rest,
    }
}

#[cfg(test)]
mod tests;
