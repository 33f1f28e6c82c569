//! The hidden command that owns one run.

use super::args::Global;
use super::context;
use super::exit::{Exit, Failure};
use crate::domain::name::RunId;

/// Owns the run called `run`.
pub(super) fn run(global: &Global, run: &str) -> Result<Exit, Failure> {
    let run = RunId::new(run).map_err(Failure::usage)?;
    crate::supervisor::serve::serve(&context::state_folder(global)?, &run)?;
    Ok(Exit::Done)
}
