//! The Gate screen: evidence, checklist, waivers, and the one way to an approval.
//!
//! [`accept_phrase`] is the only place in the console that makes an approval request, and it asks
//! `availability::approval` first: design 7's guards stand in one function each.

mod browse;

pub(super) use browse::{search, travel};

use super::act::show;
use super::run;
use crate::app::availability::approval;
use crate::app::effect::{Effect, RunRequest};
use crate::app::model::{EvidenceState, GateFocus, GateModel, Model, Overlay, Screen, TextPurpose};
use crate::app::msg::{Answer, Msg};
use crate::app::text_input::TextInput;
use crate::domain::approval::AfterApproval;
use crate::domain::run::GateState;
use crate::keys::{Action, Key};

/// Opens the gate of the lane that is meant, its focus on Cancel.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let now = model.clock.uptime_ms;
    let Some(run) = &model.run else { return Vec::new() };
    let Some(release) = run.gate_release() else { return Vec::new() };
    match model.gate.as_mut().filter(|gate| gate.run == run.id && gate.release == release) {
        Some(gate) => gate.open_again(now),
        None => model.gate = Some(GateModel::new(run.id.clone(), release, now)),
    }
    model.screen = Screen::Gate;
    follow(model)
}

/// Ignores keys for a moment, as if the screen had just opened.
pub(super) fn guard_anew(model: &mut Model) {
    let now = model.clock.uptime_ms;
    if let Some(gate) = &mut model.gate {
        gate.open_again(now);
    }
}

/// Returns whether keys are still ignored.
pub(super) fn is_guarded(model: &Model) -> bool {
    model.gate.as_ref().is_some_and(|gate| gate.is_guarded(model.clock.uptime_ms))
}

/// Goes with the journal: where the gate has other evidence, that is loaded and everything begins anew.
pub(super) fn follow(model: &mut Model) -> Vec<Effect> {
    let now = model.clock.uptime_ms;
    let (Some(run), Some(gate)) = (&model.run, &mut model.gate) else { return Vec::new() };
    let file = match run.state.gate(&gate.release) {
        Some((
            _,
            Some(
                GateState::Waiting { evidence, .. }
                | GateState::Passed { evidence, .. }
                | GateState::Void { evidence, .. },
            ),
        )) => Some(evidence.clone()),
        _ => None,
    };
    if gate.evidence.file() == file.as_deref() {
        return Vec::new();
    }
    let chosen = gate.chosen_id();
    gate.reset(now);
    let Some(file) = file else {
        gate.evidence = EvidenceState::None;
        gate.fit();
        return Vec::new();
    };
    gate.evidence = EvidenceState::Loading { file: file.clone() };
    gate.fit();
    gate.come_back_to(chosen);
    vec![Effect::LoadEvidence { run: run.id.clone(), release: gate.release.clone(), file }]
}

/// Takes the evidence that was loaded, if it is still the one that is wanted.
pub(super) fn evidence_answered(model: &mut Model, msg: Msg) {
    let now = model.clock.uptime_ms;
    let Some(gate) = &mut model.gate else { return };
    let EvidenceState::Loading { file: wanted } = &gate.evidence else { return };
    match msg {
        Msg::EvidenceLoaded { run, evidence, file }
            if run == gate.run && evidence.release == gate.release && file == *wanted =>
        {
            gate.evidence = EvidenceState::Shown { file, evidence };
            gate.reset(now);
        }
        Msg::EvidenceUnreadable { run, release, problem } if run == gate.run && release == gate.release => {
            gate.evidence = EvidenceState::Unreadable { file: wanted.clone(), problem };
        }
        _ => {}
    }
}

/// Takes a key into the phrase; returns whether it was one for it.
pub(super) fn typed(model: &mut Model, key: Key) -> bool {
    match &mut model.gate {
        Some(gate) if gate.focus == GateFocus::Phrase && !gate.sent => gate.phrase.press(key),
        _ => false,
    }
}

/// Takes an action of the screen.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Accept => return accept_phrase(model),
        Action::GateActivate => return show(model, Screen::Run),
        Action::RefreshEvidence => {
            let Some(release) = model.gate.as_ref().map(|gate| gate.release.clone()) else {
                return Vec::new();
            };
            return run::send(model, RunRequest::RefreshEvidence { release, check: None });
        }
        Action::CheckAgain => {
            let Some(gate) = &model.gate else { return Vec::new() };
            let (release, check) = (gate.release.clone(), gate.chosen_check());
            return run::send(model, RunRequest::RefreshEvidence { release, check });
        }
        Action::Search => browse::ask_pattern(model),
        Action::EndLook => {
            let gate = model.gate.as_ref().and_then(|gate| model.run.as_ref()?.state.gate(&gate.release));
            let Some(step) = gate.map(|(step, _)| step.id.clone()) else { return Vec::new() };
            return run::send(model, RunRequest::CancelStep { step });
        }
        Action::Waive => ask_reason(model),
        _ => {}
    }
    let Some(gate) = &mut model.gate else { return Vec::new() };
    if browse::show(gate, action) {
        return Vec::new();
    }
    match action {
        Action::ToggleItem => {
            if let Some(ticked) = gate.ticked.get_mut(gate.point) {
                *ticked = !*ticked;
            }
        }
        Action::ToggleHold => {
            gate.then = match gate.then {
                AfterApproval::Proceed => AfterApproval::Hold,
                AfterApproval::Hold => AfterApproval::Proceed,
            };
        }
        Action::GoToPhrase => gate.go_to(GateFocus::Phrase),
        _ => {}
    }
    Vec::new()
}

fn ask_reason(model: &mut Model) {
    let Some(gate) = &model.gate else { return };
    let Some(finding) = gate.chosen() else { return };
    let (release, message) = (gate.release.clone(), finding.message.clone());
    let purpose = TextPurpose::WaiveReason { release, finding: finding.id.clone(), message };
    model.overlays.push(Overlay::Text { purpose, input: TextInput::default() });
}

/// Asks for approval if the phrase matches and nothing else stands in the way; else does nothing at all.
fn accept_phrase(model: &mut Model) -> Vec<Effect> {
    if !approval(model).is_enabled() {
        return Vec::new();
    }
    let Some(gate) = &mut model.gate else { return Vec::new() };
    let Some(seal) = gate.shown().map(|evidence| evidence.seal.clone()) else { return Vec::new() };
    gate.sent = true;
    let request = RunRequest::Approve {
        release: gate.release.clone(),
        phrase: gate.phrase.text().trim().to_owned(),
        seal,
        then: gate.then,
    };
    run::send(model, request)
}

/// Takes the answer to an approval: the phrase must be typed anew, whatever it was.
pub(super) fn approval_answered(model: &mut Model, answer: &Answer) {
    let now = model.clock.uptime_ms;
    if let Some(gate) = &mut model.gate {
        gate.sent = false;
        gate.open_again(now);
    }
    if matches!(answer, Answer::Done { .. }) && model.screen == Screen::Gate && model.overlays.is_empty() {
        model.screen = Screen::Run;
    }
}

/// Goes back to Cancel; returns false where the focus is there already.
pub(super) fn back(model: &mut Model) -> bool {
    match &mut model.gate {
        Some(gate) if gate.focus != GateFocus::Cancel => {
            gate.go_to(GateFocus::Cancel);
            gate.phrase.clear();
            true
        }
        _ => false,
    }
}
