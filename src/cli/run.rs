//! `stagegate run`: a selection, until no lane can move.

use super::args::{Global, RunArgs};
use super::exit::{Exit, Failure};
use super::{context, follow};
use crate::supervisor::client::{Spawner, start_run};
use crate::supervisor::take_over::Order;
use anyhow::Context as _;

/// Makes the plan of a selection and runs it.
pub(super) fn run(global: &Global, args: &RunArgs) -> Result<Exit, Failure> {
    let catalog = context::catalog(global)?;
    let (plan, from) = context::plan(global, &catalog, &args.selection)?;
    let store = context::store(global)?;
    let spawner = Spawner::of_this_program(&store).context("cannot find this program")?;
    let text = context::catalog_text(global)?;
    if args.reason.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
        return Err(Failure::usage_text("a release is taken over only with a reason: --reason \"…\""));
    }
    let order = Order { from, take_over: args.take_over, reason: args.reason.clone() };
    let dir = context::runtime()?.block_on(start_run(&store, &spawner, &plan, &text, &order))?;
    context::own(&format!("{}\n", dir.id()))?;
    let redactor = context::redactor(global);
    for (release, taken) in &dir.load()?.taken {
        context::out(&redactor, &format!("release {release} was {taken}\n"))?;
    }
    if args.detach { Ok(Exit::Done) } else { follow::until_still(global, &dir, follow::Said::default()) }
}
