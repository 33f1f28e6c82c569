//! The Run screen: the journal's state, the supervisor's word, the helm, and the panes.

use super::act::{Travel, next_screen, show};
use super::{gate, log, overlay, status};
use crate::app::effect::{Effect, RunRequest};
use crate::app::model::{
    Helm, Measures, Mode, Model, Overlay, RunFocus, RunLayout, RunModel, Screen, TextPurpose, Ticks,
};
use crate::app::msg::{Answer, Connection, Msg};
use crate::app::text_input::TextInput;
use crate::domain::approval::Identity;
use crate::domain::flow::Role;
use crate::domain::live::Live;
use crate::domain::name::{ReleaseId, RunId};
use crate::domain::redact::Redactor;
use crate::domain::run::{RunState, StepState};
use crate::keys::Action;
use std::sync::Arc;

/// Takes the news that a run was started: shows it, and forgets the ticks that it came from.
pub(super) fn started(model: &mut Model, run: RunId) -> Vec<Effect> {
    model.plan.starting = false;
    model.plan.rest_of = None;
    model.banners.retain(|banner| banner.about != "start");
    let nothing = Ticks::none(model.ticks.now.flow.clone());
    model.ticks.change(nothing);
    super::plan::make_anew(model);
    let mut effects = open(model, run);
    effects.push(Effect::ListRuns);
    effects
}

/// Opens a run and goes to its screen.
pub(super) fn open(model: &mut Model, run: RunId) -> Vec<Effect> {
    model.overlays.clear();
    model.run = None;
    model.gate = None;
    model.opening = Some(run.clone());
    let mut effects = show(model, Screen::Run);
    effects.push(Effect::OpenRun { run });
    effects
}

/// Takes what is told about a run; what is about another than the open one counts for nothing.
pub(super) fn told(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::RunRead { run, state, redactor, alive, truths } => {
            let effects = read(model, run.clone(), state, redactor, alive);
            if let Some(open) = model.run.as_mut().filter(|open| open.id == run) {
                open.truths = truths;
            }
            effects
        }
        Msg::RunUnreadable { run, problem } => {
            if model.opening.as_ref() == Some(&run) || is_open(model, &run) {
                model.opening = None;
                model.banner("run", format!("run {run}: {problem}"));
            }
            Vec::new()
        }
        Msg::LiveTold { run, live } => {
            if is_open(model, &run) {
                live_told(model, live);
            }
            Vec::new()
        }
        Msg::ConnectionChanged { run, connection } if is_open(model, &run) => connected(model, connection),
        Msg::RequestAnswered { run, request, answer } if is_open(model, &run) => {
            answered(model, &request, answer)
        }
        _ => Vec::new(),
    }
}

fn is_open(model: &Model, run: &RunId) -> bool {
    model.run.as_ref().is_some_and(|open| open.id == *run)
}

fn read(model: &mut Model, run: RunId, state: Arc<RunState>, redactor: Redactor, alive: bool) -> Vec<Effect> {
    let mut effects = Vec::new();
    if let Some(open) = model.run.as_mut().filter(|open| open.id == run) {
        if moved_content(&open.state, &state) {
            effects.extend(status::look(model));
        }
        let known = open_given_up(model);
        if let Some((release, given)) = state.given_up.iter().find(|(release, _)| !known.contains(release)) {
            // Who and why come first: a narrow screen cuts the end off.
            let words =
                format!("{} took release {release}: {}; run {} has it now", given.by, given.reason, given.to);
            model.banner("given-up", words);
        }
        if let Some(open) = model.run.as_mut() {
            open.state = state;
            open.alive = alive;
            open.take_logs();
        }
    } else if model.opening.as_ref() == Some(&run) {
        model.opening = None;
        model.banners.retain(|banner| banner.about != "run");
        model.run = Some(RunModel::new(run, state, redactor, alive));
    }
    overlay::drop_outdated(model);
    effects.extend(gate::follow(model));
    effects
}

fn open_given_up(model: &Model) -> Vec<ReleaseId> {
    model.run.iter().flat_map(|open| open.state.given_up.keys().cloned()).collect()
}

/// Returns whether a step ended that can have moved content from one position to another.
fn moved_content(before: &RunState, now: &RunState) -> bool {
    let moves = |role: Role| !matches!(role, Role::Gate | Role::Lists);
    now.plan.steps.iter().filter(|step| moves(step.role)).any(|step| {
        let concluded = |state: &RunState| {
            state.record(&step.id).is_some_and(|record| matches!(record.state, StepState::Concluded { .. }))
        };
        concluded(now) && !concluded(before)
    })
}

fn live_told(model: &mut Model, live: Live) {
    let mut taken = None;
    let Some(run) = model.run.as_mut() else { return };
    run.helm = match (&run.helm, &live.helm) {
        (Helm::Asked, _) => Helm::Asked,
        // What was said before the helm was given may be heard after it.
        (Helm::Mine { turn }, _) if live.helm_turn <= *turn => Helm::Mine { turn: *turn },
        (Helm::Mine { .. }, Some(by)) => {
            let why = live.helm_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            taken = Some(format!("{} took the helm{why}; this console only watches now", at(by)));
            Helm::Other { by: by.clone() }
        }
        (_, None) => Helm::Free,
        (_, Some(by)) => Helm::Other { by: by.clone() },
    };
    let trouble = live.trouble.clone();
    run.live = live;
    if let Some(trouble) = trouble {
        model.banner("supervisor", format!("the supervisor stops everything and ends: {trouble}"));
    }
    if let Some(taken) = taken {
        // It stays until it is dismissed: whoever had the helm may look away just then.
        model.banner("helm", taken);
    }
    overlay::drop_outdated(model);
}

/// Says who somebody is, and at which terminal.
fn at(by: &Identity) -> String {
    let terminal = by.terminal.as_ref().map(|terminal| format!(", {terminal}")).unwrap_or_default();
    format!("{by}{terminal}")
}

fn connected(model: &mut Model, connection: Connection) -> Vec<Effect> {
    let acts = !model.mode.observes();
    let Some(run) = model.run.as_mut() else { return Vec::new() };
    let opened = connection == Connection::Open && run.connection != Connection::Open;
    if connection != Connection::Open {
        run.live = Live::default();
        run.helm = Helm::Unknown;
    }
    run.connection = connection;
    if opened && acts && run.alive && matches!(run.helm, Helm::Unknown | Helm::Free) {
        return ask_for_helm(run, None);
    }
    Vec::new()
}

fn ask_for_helm(run: &mut RunModel, reason: Option<String>) -> Vec<Effect> {
    run.helm = Helm::Asked;
    vec![Effect::Send { run: run.id.clone(), request: RunRequest::TakeHelm { reason } }]
}

/// Sends a request, after having asked for the helm where nobody has it and the request needs it.
pub(super) fn send(model: &mut Model, request: RunRequest) -> Vec<Effect> {
    let Some(run) = model.run.as_mut().filter(|_| !model.mode.observes()) else { return Vec::new() };
    let mut effects = Vec::new();
    if request.needs_helm() && matches!(run.helm, Helm::Unknown | Helm::Free) {
        effects.extend(ask_for_helm(run, None));
    }
    effects.push(Effect::Send { run: run.id.clone(), request });
    effects
}

fn answered(model: &mut Model, request: &RunRequest, answer: Answer) -> Vec<Effect> {
    let Some(run) = model.run.as_mut() else { return Vec::new() };
    let helm = matches!(request, RunRequest::TakeHelm { .. });
    match (&answer, helm) {
        (Answer::HelmGiven { turn }, _) => run.helm = Helm::Mine { turn: *turn },
        (Answer::HelmBusy { by }, _) => run.helm = Helm::Other { by: by.clone() },
        (_, true) => run.helm = Helm::Unknown,
        (Answer::Done { .. }, false) if *request == RunRequest::ReleaseHelm => run.helm = Helm::Free,
        _ => {}
    }
    if matches!(request, RunRequest::Approve { .. }) {
        gate::approval_answered(model, &answer);
    }
    match answer {
        // The helm is shown all the time; having it needs no remark unless it was taken from somebody.
        Answer::HelmGiven { .. } => model.banners.retain(|banner| banner.about != "helm"),
        Answer::Done { message } => {
            model.banners.retain(|banner| banner.about != "request");
            model.toast(message);
        }
        Answer::HelmBusy { by } => {
            model.toast(format!("{} has the helm; this console only watches", at(&by)));
        }
        Answer::Refused { refusal } => model.banner("request", format!("refused: {refusal}")),
        Answer::Failed { message } => model.banner("request", message),
    }
    Vec::new()
}

/// Only watches from now on, acts again, or asks why the helm is taken from somebody.
pub(super) fn toggle_observe(model: &mut Model) -> Vec<Effect> {
    match model.mode {
        Mode::WatchingForGood => Vec::new(),
        Mode::Watching => {
            model.mode = Mode::Acting;
            let Some(run) = model.run.as_mut() else { return Vec::new() };
            let free = matches!(run.helm, Helm::Unknown | Helm::Free);
            if run.alive && run.connection == Connection::Open && free {
                return ask_for_helm(run, None);
            }
            Vec::new()
        }
        Mode::Acting => match model.run.as_ref().map(|run| (run.id.clone(), &run.helm)) {
            Some((_, Helm::Other { .. })) => {
                let input = TextInput::default();
                model.overlays.push(Overlay::Text { purpose: TextPurpose::HelmReason, input });
                Vec::new()
            }
            Some((run, Helm::Mine { .. })) => {
                model.mode = Mode::Watching;
                vec![Effect::Send { run, request: RunRequest::ReleaseHelm }]
            }
            _ => {
                model.mode = Mode::Watching;
                Vec::new()
            }
        },
    }
}

/// Takes the helm from somebody, for a reason.
pub(super) fn take_helm(model: &mut Model, reason: String) -> Vec<Effect> {
    match model.run.as_mut() {
        Some(run) if !model.mode.observes() => ask_for_helm(run, Some(reason)),
        _ => Vec::new(),
    }
}

/// Gives the views the room that the next frame has.
pub(super) fn measured(model: &mut Model, measures: &Measures) {
    let Some(run) = model.run.as_mut() else { return };
    for (step, rows, columns) in &measures.panes {
        if let Some(view) = run.views.get_mut(step) {
            view.rows = *rows;
            view.columns = *columns;
        }
    }
}

/// Moves in the list of steps or in a log, or to another pane.
pub(super) fn travel(model: &mut Model, travel: Travel) -> Vec<Effect> {
    let page = model.measures.page;
    let Some(run) = model.run.as_mut() else { return next_screen(model, travel) };
    if matches!(travel, Travel::NextPane | Travel::PreviousPane) {
        next_pane(run, travel);
        return Vec::new();
    }
    if run.reads_log() {
        log::scroll(model, travel);
        return Vec::new();
    }
    let steps = run.steps();
    let at = run.selected().and_then(|now| steps.iter().position(|step| step.id == now.id)).unwrap_or(0);
    let to = travel.in_list(at, steps.len(), page);
    if to != at {
        run.chosen = steps.get(to).map(|step| step.id.clone());
    }
    Vec::new()
}

fn next_pane(run: &mut RunModel, travel: Travel) {
    if run.layout == RunLayout::Large {
        return;
    }
    let mut all = vec![RunFocus::Steps];
    all.extend((0..run.panes().len()).map(RunFocus::Pane));
    run.focus = travel.among(run.focus, &all);
}

/// Divides the screen otherwise.
pub(super) fn lay_out(model: &mut Model, action: Action) {
    let Some(run) = model.run.as_mut() else { return };
    match (action, run.layout) {
        (Action::OpenLog, _) => {
            run.chosen = run.focused();
            run.layout = RunLayout::Large;
            run.focus = RunFocus::Pane(0);
        }
        (_, RunLayout::Lanes) => {
            run.layout = RunLayout::Steps;
            run.focus = RunFocus::Steps;
        }
        _ => {
            run.layout = RunLayout::Lanes;
            run.focus = RunFocus::Pane(0);
        }
    }
}

/// Goes back within the screen; returns whether there was a way back.
pub(super) fn back(model: &mut Model) -> bool {
    let Some(run) = model.run.as_mut() else { return false };
    if run.reads_log() || run.layout != RunLayout::Steps {
        run.focus = RunFocus::Steps;
        run.layout = RunLayout::Steps;
        return true;
    }
    if model.banners.pop().is_some() {
        return true;
    }
    run.chosen.take().is_some()
}
