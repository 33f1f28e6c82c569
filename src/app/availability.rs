//! Whether an action can be taken now, and if not, why.
//!
//! The same answer decides what a key does, what the footer and the help show in grey, and what the
//! palette offers; an action that cannot be taken stays visible and says why.

mod gate;

pub use gate::approval;

use super::model::{FlowShape, Helm, Model, RunLayout, RunModel, ticks::Syncs};
use super::msg::Connection;
use crate::domain::name::{ReleaseId, RepoName, StepId};
use crate::domain::plan::Step;
use crate::domain::run::resume::{Ask, Case, Decision, decide};
use crate::domain::run::step::is_held;
use crate::domain::run::{GateState, RunVerdict, StepRecord, StepState};
use crate::keys::Action;

/// Whether an action can be taken now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Availability {
    /// It can.
    Enabled,
    /// It cannot, for this reason: a sentence fragment that says what to do instead where there is something.
    Disabled(String),
}

impl Availability {
    /// Returns whether it can be taken.
    pub const fn is_enabled(&self) -> bool {
        matches!(self, Self::Enabled)
    }

    /// Returns why not.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Enabled => None,
            Self::Disabled(reason) => Some(reason),
        }
    }
}

type Answer = Result<(), String>;

fn when(good: bool, reason: &str) -> Answer {
    if good { Ok(()) } else { Err(reason.to_owned()) }
}

/// Returns whether `action` can be taken now.
pub fn availability(action: Action, model: &Model) -> Availability {
    match judge(action, model) {
        Ok(()) => Availability::Enabled,
        Err(reason) => Availability::Disabled(reason),
    }
}

fn judge(action: Action, model: &Model) -> Answer {
    if action.mutates() {
        may_act(model)?;
    }
    if let Some(answer) = gate::judge(action, model) {
        return answer;
    }
    match action {
        Action::ToggleSync => sync(model),
        Action::ToggleCompose => compose(model),
        Action::TickRelease => release_ready(model).map(|_| ()),
        Action::TickNothing => when(!model.ticks.now.is_empty(), "nothing is ticked"),
        Action::UndoTick => when(model.ticks.can_undo(), "there is no change to undo"),
        Action::NextFlow => when(model.catalog.flows.len() > 1, "the catalog has one flow only"),
        Action::Refresh => when(!model.status.is_asking(), "a look is under way already"),
        Action::StartRun => start_run(model),
        Action::ShowRun | Action::SideBySide | Action::OpenLog => in_run(model, action),
        Action::ShowGate | Action::OpenGate => {
            let run = open_run(model)?;
            when(run.gate_release().is_some(), "this run has no gate")
        }
        Action::OpenRun => when(!model.history.runs.is_empty(), "there is no run yet"),
        Action::Retry | Action::Skip | Action::CancelStep | Action::KillStep | Action::Attach => {
            on_step(action, model)
        }
        Action::CancelRun => {
            let run = helm(model)?;
            let over = matches!(run.verdict(), RunVerdict::Finished | RunVerdict::Cancelled);
            // A run that waits or stands holds the lock of its releases; cancelled, it gives them back.
            when(run.alive && !over, "this run is over, or has no supervisor")
        }
        Action::Resume => resume(model).map(|_| ()),
        Action::PlanAnew => plan_anew(model),
        Action::NextMatch | Action::PreviousMatch => {
            let run = open_run(model)?;
            let view = run.focused().and_then(|step| run.views.get(&step));
            when(view.is_some_and(|view| view.search.is_some()), "nothing was searched for yet")
        }
        Action::ToggleObserve => observe(model),
        Action::ChooseTheme => when(model.themes.len() > 1, "there is one theme only"),
        _ => Ok(()),
    }
}

/// Returns whether this console may change anything at all.
fn may_act(model: &Model) -> Answer {
    when(!model.mode.observes(), "observe mode: this console only watches")
}

fn open_run(model: &Model) -> Result<&RunModel, String> {
    model
        .run
        .as_ref()
        .ok_or_else(|| "no run is open; start one from Status, or open one in History".to_owned())
}

fn in_run(model: &Model, action: Action) -> Answer {
    let run = open_run(model)?;
    if action != Action::SideBySide || run.layout == RunLayout::Lanes {
        return Ok(());
    }
    when(run.state.plan.lanes.len() > 1, "this run has one lane")
}

/// Returns the open run if its supervisor can be asked, or is started by asking.
fn reachable(model: &Model) -> Result<&RunModel, String> {
    may_act(model)?;
    let run = open_run(model)?;
    when(!run.alive || run.connection == Connection::Open, "the supervisor of this run does not answer yet")?;
    Ok(run)
}

/// Returns the open run if its helm is this console's, or can be had for the asking.
fn helm(model: &Model) -> Result<&RunModel, String> {
    let run = reachable(model)?;
    match &run.helm {
        Helm::Other { by } if run.alive => Err(format!("{by} has the helm; take it first")),
        Helm::Asked if run.alive => Err("the helm was asked for and not given yet".to_owned()),
        _ => Ok(run),
    }
}

fn release_ready(model: &Model) -> Result<ReleaseId, String> {
    let release = model.catalog.releases.get(model.status.column).ok_or("the catalog has no release")?;
    match &release.vars {
        Ok(_) => Ok(release.id.clone()),
        Err(problem) => Err(format!("nothing of release {} can run: {problem}", release.id)),
    }
}

fn repo_ready(model: &Model) -> Result<(ReleaseId, RepoName), String> {
    let release = release_ready(model)?;
    model.status.under_cursor(&model.catalog).ok_or_else(|| format!("release {release} has no such repo"))
}

fn sync(model: &Model) -> Answer {
    let shape = FlowShape::of(&model.catalog, &model.ticks.now.flow);
    if shape.takes_whole_releases() {
        return release_ready(model).map(|_| ());
    }
    let (id, name) = repo_ready(model)?;
    let Some(release) = model.catalog.release(&id) else { return Ok(()) };
    when(
        release.sync_order.contains(&name),
        &format!("{name} is composed only; the procedure does not sync it"),
    )?;
    let sig = release.repo(&name).is_some_and(|repo| repo.sig.is_some());
    let flow = &model.ticks.now.flow;
    match shape.syncs {
        Syncs::ByRepo => Ok(()),
        Syncs::No => Err(format!("flow {flow} does not sync")),
        Syncs::AllAtOnce => when(!sig, &format!("flow {flow} does not sync SIG repos")),
    }
}

fn compose(model: &Model) -> Answer {
    let (_, name) = repo_ready(model)?;
    let flow = &model.ticks.now.flow;
    let shape = FlowShape::of(&model.catalog, flow);
    when(shape.composes, &format!("flow {flow} does not compose"))?;
    let repo = model.catalog.releases.get(model.status.column).and_then(|release| release.repo(&name));
    when(
        repo.is_some_and(|repo| repo.script(flow).is_some()),
        &format!("{name} has no compose script; give it one in the catalog"),
    )
}

/// Returns whether a run may be started, whatever is ticked.
pub(super) fn may_start(model: &Model) -> Answer {
    may_act(model)?;
    when(!model.plan.starting, "a run is being started already")
}

fn start_run(model: &Model) -> Answer {
    may_start(model)?;
    model.plan.made.as_ref().map(|_| ()).map_err(ToString::to_string)
}

/// Returns the focused step of the open run with its record.
fn focused(run: &RunModel) -> Result<(&Step, &StepRecord), String> {
    let id = run.focused().ok_or("no step is chosen")?;
    let step = run.state.plan.step(&id).ok_or("no step is chosen")?;
    let record = run.record(&id).ok_or("nothing is recorded about this step")?;
    Ok((step, record))
}

fn on_step(action: Action, model: &Model) -> Answer {
    let run = helm(model)?;
    let (step, _) = focused(run)?;
    step_allows(model, action, &step.id)
}

/// Returns whether `action` can be taken on the step `id` of the open run, wherever the focus is.
pub(super) fn step_allows(model: &Model, action: Action, id: &StepId) -> Answer {
    let run = helm(model)?;
    let step = run.state.plan.step(id).ok_or("the run has no such step")?;
    let record = run.record(id).ok_or("nothing is recorded about this step")?;
    let word = record.word();
    let not_running = format!("{} does not run ({word})", step.id);
    match action {
        Action::Retry => retry(run, step, record),
        Action::Skip => {
            when(step.is_skippable(), "gates, publish steps and list checks cannot be skipped")?;
            when(
                !record.is_running() && !record.is_behind(),
                &format!("{} cannot be skipped any more ({word})", step.id),
            )
        }
        Action::CancelStep | Action::KillStep if survives(run, &step.id) => {
            let asked = run.state.cut(&step.id).is_some_and(|cut| cut.stopping.is_some());
            match action {
                Action::KillStep => when(asked, "ask it to stop first"),
                _ => when(!asked, "it was asked to stop already; kill is another key"),
            }
        }
        Action::CancelStep => match &record.state {
            StepState::Running { stopping: None, .. } => Ok(()),
            StepState::Running { .. } => Err("it was asked to stop already; kill is another key".to_owned()),
            // The checks before a step and the look at a gate's evidence can be ended too.
            _ if run.is_looked_at(step) => Ok(()),
            _ => Err(not_running),
        },
        Action::KillStep => match &record.state {
            StepState::Running { stopping: Some(_), .. } => Ok(()),
            StepState::Running { .. } => Err("ask it to stop first".to_owned()),
            _ => Err(not_running),
        },
        _ => {
            when(record.is_running(), &not_running)?;
            let asks = run.live_step(&step.id).is_some_and(|live| live.prompt.is_some());
            when(asks, "it does not wait for input")
        }
    }
}

fn retry(run: &RunModel, step: &Step, record: &StepRecord) -> Answer {
    when(!step.is_gate(), "a gate is not run again; gather its evidence anew")?;
    when(!record.is_running() || !run.alive, &format!("{} is running", step.id))?;
    when(!survives(run, &step.id), "it is still alive: resume waits until it is over, stop ends it")?;
    when(
        record.attempts > 0 || record.stale.is_some() || !matches!(record.state, StepState::Pending),
        &format!("{} has not run yet", step.id),
    )?;
    let busy = run
        .state
        .plan
        .descendants(&step.id)
        .into_iter()
        .find(|id| run.record(id).is_some_and(StepRecord::is_running));
    match busy {
        Some(busy) => Err(format!("{busy} builds on it and is running")),
        None => Ok(()),
    }
}

/// Returns whether processes of an interrupted step are still there.
fn survives(run: &RunModel, id: &StepId) -> bool {
    run.truths.get(id).is_some_and(|truth| !truth.survivors().is_empty())
}

/// Returns whether a step runs again only for a reason: the decision table says so.
pub(super) fn retry_needs_reason(model: &Model, id: &StepId) -> bool {
    let Some(run) = &model.run else { return false };
    let Some(step) = run.state.plan.step(id) else { return false };
    let case = Case::of(&run.state, step, run.truths.get(id), model.catalog.gate.people, model.clock.wall);
    matches!(decide(case, Ask::Retry { reason: false }), Decision::NeedsRetry(_))
}

/// Returns what can be resumed: the release whose publish is held, or the whole run.
pub(super) fn resume(model: &Model) -> Result<Option<ReleaseId>, String> {
    let run = helm(model)?;
    let held = run.state.plan.lanes.iter().map(|lane| &lane.release).find(|release| {
        matches!(run.state.gate(release), Some((_, Some(GateState::Waiting { approvals, demand, .. })))
            if demand.is_met(approvals) && is_held(approvals))
    });
    if let Some(release) = held {
        return Ok(Some(release.clone()));
    }
    let stands = |lane| run.state.lane_verdict(lane) == RunVerdict::Interrupted;
    let stands = run.state.plan.lanes.iter().any(stands);
    when(!run.alive || stands, "the run has a supervisor and goes on by itself")?;
    match run.verdict() {
        RunVerdict::Finished => Err("the run is finished".to_owned()),
        RunVerdict::Waiting => Err("the run waits at its gate".to_owned()),
        _ => Ok(None),
    }
}

fn plan_anew(model: &Model) -> Answer {
    let run = open_run(model)?;
    if let (None, Some((release, given))) = (run.state.lanes().next(), run.state.given_up.iter().next()) {
        return Err(format!("release {release} was {given}"));
    }
    let stands = !matches!(run.verdict(), RunVerdict::Running | RunVerdict::Waiting | RunVerdict::Finished);
    when(stands, "no lane of this run stands, so there is nothing to plan anew")
}

fn observe(model: &Model) -> Answer {
    when(
        model.mode != super::model::Mode::WatchingForGood,
        "this console was started with --observe; start one without it to act",
    )
}
