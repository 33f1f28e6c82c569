//! Runs: the events of a journal and the one fold that turns them into the state of a run.
//!
//! [`RunState::apply`](state::RunState::apply) is the only way a run's state changes; the live screen, history, recovery and
//! reports all go through it, so they cannot disagree (design 3).

pub mod event;
pub mod state;

pub use event::Event;
pub use state::{GateState, RunState, RunVerdict, StepRecord, StepState};

#[cfg(test)]
mod tests;
