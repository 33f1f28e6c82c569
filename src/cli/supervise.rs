//! The hidden command that owns one run.

use super::args::Global;
use super::context;
use super::exit::{Exit, Failure};
use crate::domain::name::RunId;
use crate::supervisor::take_over::Order;

/// Owns the run called `run`.
pub(super) fn run(
    global: &Global,
    run: &str,
    from: Option<String>,
    take_over: bool,
    reason: Option<String>,
    unscoped: Option<&str>,
) -> Result<Exit, Failure> {
    let run = RunId::new(run).map_err(Failure::usage)?;
    let from = from.map(RunId::new).transpose().map_err(Failure::usage)?;
    let order = Order { from, take_over, reason };
    crate::supervisor::serve::serve(&context::state_folder(global)?, &run, &order, unscoped)?;
    Ok(Exit::Done)
}
