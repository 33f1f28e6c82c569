//! `stagegate run`: a selection, until no lane can move.

use super::args::{Global, RunArgs};
use super::exit::{Exit, Failure};
use super::{context, follow};
use crate::supervisor::client::{Spawner, start_run};
use anyhow::Context as _;

/// Makes the plan of a selection and runs it.
pub(super) fn run(global: &Global, args: &RunArgs) -> Result<Exit, Failure> {
    let catalog = context::catalog(global)?;
    let plan = context::plan(&catalog, &args.selection)?;
    let store = context::store(global)?;
    let spawner = Spawner::of_this_program(&store).context("cannot find this program")?;
    let text = context::catalog_text(global)?;
    let dir = context::runtime()?.block_on(start_run(&store, &spawner, &plan, &text))?;
    context::out(&format!("{}\n", dir.id()))?;
    if args.detach { Ok(Exit::Done) } else { follow::until_still(global, &dir, follow::Said::default()) }
}
