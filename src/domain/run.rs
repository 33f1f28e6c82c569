//! Runs: the events of a journal and the one fold that turns them into the state of a run.
//!
//! [`RunState::apply`](state::RunState::apply) is the only way a run's state changes; the live screen, history, recovery and
//! reports all go through it, so they cannot disagree (design 3).

pub mod containment;
pub mod event;
pub mod hands;
pub mod recovery;
pub mod resume;
pub mod state;
pub mod step;

pub use containment::Containment;
pub use event::Event;
pub use hands::{GivenUp, Taken};
pub use state::{RunState, RunVerdict};
pub use step::{Cut, GateState, Place, Stale, StepRecord, StepState};

#[cfg(test)]
mod tests;
