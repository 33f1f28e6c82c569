//! Commands that ask a run's supervisor for one thing: retry, skip, cancel, waive, resume.

use super::args::{Global, StepArgs, TextFormat, WaiveArgs};
use super::exit::{Exit, Failure};
use super::{context, follow};
use crate::domain::name::{ReleaseId, StepId};
use crate::journal::store::{RunDir, Store};
use crate::runtime::secrets;
use crate::supervisor::client::{self, Spawner};
use crate::supervisor::control::{Request, Response};
use anyhow::Context as _;

/// Asks the supervisor of a run and prints its answer.
pub(super) fn ask(store: &Store, dir: &RunDir, request: &Request) -> Result<(), Failure> {
    let message = ask_silently(store, dir, request)?;
    let redactor = secrets::of_run(dir, &dir.plan()?);
    context::out(&redactor, &format!("{}\n", redactor.line(&message)))
}

/// Asks the supervisor of a run, starting one anew where none lives, and returns its answer.
pub(super) fn ask_silently(store: &Store, dir: &RunDir, request: &Request) -> Result<String, Failure> {
    let spawner = Spawner::of_this_program(store).context("cannot find this program")?;
    let answer = context::runtime()?.block_on(client::ask(&spawner, dir, request))?;
    match answer {
        Response::Done { message } => Ok(message),
        Response::Refused { refusal } => Err(refusal.into()),
        Response::HelmBusy { by } => Err(Failure::refused(format!(
            "{by} has the helm of this run; ask them, or take the helm in the console"
        ))),
        Response::Failed { message } => Err(anyhow::anyhow!(message).into()),
        Response::Live { .. } | Response::HelmGiven { .. } => {
            Err(anyhow::anyhow!("the supervisor answered out of turn").into())
        }
    }
}

/// Runs a step again and follows the run.
pub(super) fn retry(global: &Global, args: StepArgs) -> Result<Exit, Failure> {
    let (store, dir) = context::find_run(global, &args.run)?;
    let before = follow::Said::before(&dir.load()?);
    ask(&store, &dir, &Request::Retry { step: args.step, reason: args.reason })?;
    if args.detach { Ok(Exit::Done) } else { follow::until_still(global, &dir, before) }
}

/// Leaves a step out and follows the run.
pub(super) fn skip(global: &Global, args: StepArgs) -> Result<Exit, Failure> {
    if args.reason.trim().is_empty() {
        return Err(Failure::usage_text("a step is skipped only with a reason: --reason \"…\""));
    }
    let (store, dir) = context::find_run(global, &args.run)?;
    let before = follow::Said::before(&dir.load()?);
    ask(&store, &dir, &Request::Skip { step: args.step, reason: args.reason })?;
    if args.detach { Ok(Exit::Done) } else { follow::until_still(global, &dir, before) }
}

/// Stops a run or a step.
pub(super) fn cancel(global: &Global, run: &str, step: Option<StepId>, kill: bool) -> Result<Exit, Failure> {
    let (store, dir) = context::find_run(global, run)?;
    let request = match step {
        Some(step) if kill => Request::Kill { step },
        step => Request::Cancel { step },
    };
    ask(&store, &dir, &request)?;
    Ok(Exit::Done)
}

/// Lets a finding through.
pub(super) fn waive(global: &Global, args: WaiveArgs) -> Result<Exit, Failure> {
    let (store, dir) = context::find_run(global, &args.run)?;
    let release = context::lane(&dir.load()?, args.release.as_ref())?;
    let (finding, reason) = (args.finding.clone(), args.reason);
    let request = Request::Waive { release: release.clone(), finding, message: None, reason };
    if args.format == TextFormat::Text {
        ask(&store, &dir, &request)?;
        return Ok(Exit::Done);
    }
    ask_silently(&store, &dir, &request)?;
    let state = dir.load()?;
    let mut waivers = state.waivers(&release).iter().rev();
    let waiver = waivers.find(|waiver| waiver.finding == args.finding);
    context::out_json(&secrets::of_run(&dir, &dir.plan()?), &waiver)?;
    Ok(Exit::Done)
}

/// Goes on and follows the run.
pub(super) fn resume(
    global: &Global,
    run: &str,
    release: Option<ReleaseId>,
    detach: bool,
) -> Result<Exit, Failure> {
    let (store, dir) = context::find_run(global, run)?;
    let before = follow::Said::before(&dir.load()?);
    ask(&store, &dir, &Request::Resume { release })?;
    if detach { Ok(Exit::Done) } else { follow::until_still(global, &dir, before) }
}
