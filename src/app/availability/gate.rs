//! What can be done at a gate, and the one judgement on whether its approval may be sent.

use super::{Answer, Availability, helm, may_act, open_run, reachable, when};
use crate::app::model::{EvidenceState, GateFocus, GateModel, GateTab, Model, RunModel, Screen};
use crate::domain::evidence::Waiver;
use crate::domain::run::GateState;
use crate::keys::Action;

/// Returns whether an action of the Gate screen can be taken now; none for the actions of other screens.
pub(super) fn judge(action: Action, model: &Model) -> Option<Answer> {
    let at_gate = model.screen == Screen::Gate;
    Some(match action {
        Action::ToggleItem
        | Action::ToggleHold
        | Action::GoToPhrase
        | Action::GateActivate
        | Action::EndLook => item(action, model),
        Action::Waive => waive(model),
        Action::RefreshEvidence => refresh(model),
        Action::CheckAgain => check_again(model),
        Action::ShowFindings
        | Action::ShowChanges
        | Action::ShowChecklist
        | Action::ShowProduction
        | Action::ShowChecks => shown(model).map(|_| ()),
        Action::NextGroup | Action::PreviousGroup => groups(model),
        Action::Search if at_gate => shown(model).map(|_| ()),
        Action::NextMatch | Action::PreviousMatch if at_gate => matches(model),
        _ => return None,
    })
}

/// Returns the open gate if its evidence is shown.
fn shown(model: &Model) -> Result<&GateModel, String> {
    let (_, gate) = open_gate(model)?;
    when(gate.shown().is_some(), "the evidence is not shown yet")?;
    Ok(gate)
}

fn groups(model: &Model) -> Answer {
    let gate = shown(model)?;
    let grouped = matches!(gate.tab(), GateTab::Findings | GateTab::Changes);
    when(grouped, "what this tab lists has no groups")
}

fn matches(model: &Model) -> Answer {
    let search = shown(model)?.search.as_ref().ok_or("nothing was searched for yet")?;
    when(!search.hits.is_empty(), "what was searched for is nowhere in this tab")
}

fn open_gate(model: &Model) -> Result<(&RunModel, &GateModel), String> {
    let run = open_run(model)?;
    let gate = model.gate.as_ref().filter(|gate| gate.run == run.id);
    gate.map(|gate| (run, gate)).ok_or_else(|| "no gate is open".to_owned())
}

fn item(action: Action, model: &Model) -> Answer {
    let (run, gate) = open_gate(model)?;
    match action {
        Action::ToggleItem => {
            when(gate.focus == GateFocus::Checklist, "go to the checklist first")?;
            when(!gate.ticked.is_empty(), "the checklist is empty")
        }
        Action::EndLook => {
            let run = helm(model)?;
            when(run.live.gathering.contains_key(&gate.release), "nothing is being looked at")
        }
        Action::GateActivate => when(gate.focus == GateFocus::Cancel, "nothing to choose here"),
        _ => {
            may_act(model)?;
            match run.state.gate(&gate.release) {
                Some((_, Some(GateState::Passed { .. }))) => Err("the gate was passed already".to_owned()),
                _ => Ok(()),
            }
        }
    }
}

fn refresh(model: &Model) -> Answer {
    reachable(model)?;
    let (run, gate) = open_gate(model)?;
    when(!run.live.gathering.contains_key(&gate.release), "the evidence is being gathered already")?;
    match run.state.gate(&gate.release) {
        Some((_, Some(GateState::Waiting { .. } | GateState::Void { .. }))) => Ok(()),
        _ => Err("the gate is not waiting".to_owned()),
    }
}

fn check_again(model: &Model) -> Answer {
    refresh(model)?;
    let (_, gate) = open_gate(model)?;
    let evidence = gate.shown().ok_or("the evidence is not shown yet")?;
    let check = gate.chosen_check().ok_or("choose a finding or a check first")?;
    let known = evidence.checks.iter().any(|checked| checked.check == check);
    when(known, "this evidence does not tell its checks apart; gather all of it anew")
}

fn waive(model: &Model) -> Answer {
    reachable(model)?;
    let (run, gate) = open_gate(model)?;
    let EvidenceState::Shown { evidence, .. } = &gate.evidence else {
        return Err("the evidence is not shown yet".to_owned());
    };
    when(gate.tab() == GateTab::Findings, "go to the findings first")?;
    let finding = evidence.findings.get(gate.finding).ok_or("nothing was found")?;
    when(finding.blocks(), "it does not block, so there is nothing to waive")?;
    let waived = Waiver::of(finding, run.state.waivers(&gate.release));
    when(waived.is_none(), "it was waived already")
}

/// Returns whether the approval that is typed on the open gate may be sent: everything holds, the phrase too.
pub fn approval(model: &Model) -> Availability {
    match judge_approval(model) {
        Ok(()) => Availability::Enabled,
        Err(reason) => Availability::Disabled(reason),
    }
}

fn judge_approval(model: &Model) -> Answer {
    reachable(model)?;
    let (run, gate) = open_gate(model)?;
    when(model.screen == Screen::Gate, "the gate is not on the screen")?;
    when(gate.focus == GateFocus::Phrase, "the phrase has not the focus")?;
    when(!gate.sent, "the approval was sent; waiting for the answer")?;
    if let Some(obstacle) = gate.obstacles(&run.state).into_iter().next() {
        return Err(obstacle);
    }
    let phrase = run.state.plan.lane(&gate.release).map_or("", |lane| &lane.phrase);
    when(gate.phrase_matches(&run.state), &format!("type `{phrase}`"))
}
