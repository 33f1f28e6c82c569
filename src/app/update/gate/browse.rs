//! Getting about in a gate's evidence: tabs, rows, groups and the search. Nothing here asks anybody for anything.

use super::super::act::Travel;
use crate::app::effect::Effect;
use crate::app::model::gate::search::GateSearch;
use crate::app::model::{GateFocus, GateModel, GateTab, Model, Overlay, TextPurpose};
use crate::app::text_input::TextInput;
use crate::keys::Action;

/// Moves the focus, or within the tab that has it.
pub(in crate::app::update) fn travel(model: &mut Model, travel: Travel) -> Vec<Effect> {
    let page = model.measures.page;
    let Some(gate) = &mut model.gate else { return Vec::new() };
    match travel {
        Travel::NextPane | Travel::PreviousPane => {
            let focus = travel.among(gate.focus, &GateFocus::ALL);
            go_to(gate, focus);
        }
        Travel::Left | Travel::Right => {
            let way = if travel == Travel::Left { Travel::PreviousPane } else { Travel::NextPane };
            let tab = way.among(gate.tab(), &GateTab::ALL);
            go_to(gate, tab.focus());
        }
        // What is shown is what arrows move in, wherever the focus is.
        _ => {
            let row = travel.in_list(gate.cursor(), gate.length(), page);
            if gate.focus.tab().is_some() {
                gate.choose(row);
            } else {
                go_to(gate, gate.tab().focus());
            }
        }
    }
    Vec::new()
}

fn go_to(gate: &mut GateModel, focus: GateFocus) {
    let before = gate.tab();
    gate.go_to(focus);
    // What was searched for is looked for in the tab that is shown now.
    if gate.tab() != before
        && let Some(search) = gate.search.take()
    {
        gate.search = Some(GateSearch::new(gate, &search.pattern));
    }
}

/// Takes an action that shows another part of the evidence; returns whether it was one.
pub(super) fn show(gate: &mut GateModel, action: Action) -> bool {
    match action {
        Action::ShowFindings => go_to(gate, GateFocus::Findings),
        Action::ShowChanges => go_to(gate, GateFocus::Changes),
        Action::ShowChecklist => go_to(gate, GateFocus::Checklist),
        Action::ShowProduction => go_to(gate, GateFocus::Production),
        Action::ShowChecks => go_to(gate, GateFocus::Checks),
        Action::NextGroup => group(gate, true),
        Action::PreviousGroup => group(gate, false),
        Action::NextMatch => beside(gate, true),
        Action::PreviousMatch => beside(gate, false),
        _ => return false,
    }
    true
}

/// Goes to the first row of the next group, or of the one before.
fn group(gate: &mut GateModel, forward: bool) {
    let heads = heads(gate);
    let at = gate.cursor();
    let next = if forward {
        heads.iter().find(|head| **head > at)
    } else {
        heads.iter().rev().find(|head| **head < at)
    };
    if let Some(row) = next {
        go_to(gate, gate.tab().focus());
        gate.choose(*row);
    }
}

fn heads(gate: &GateModel) -> Vec<usize> {
    match gate.tab() {
        GateTab::Changes => (0..gate.rows.len()).filter(|row| gate.rows[*row].is_head()).collect(),
        GateTab::Findings => gate.shown().map_or_else(Vec::new, |evidence| {
            let weigh = |row: usize| evidence.findings.get(row).map(|finding| finding.severity);
            let first = |row: &usize| *row == 0 || weigh(*row) != weigh(*row - 1);
            (0..evidence.findings.len()).filter(first).collect()
        }),
        GateTab::Checklist | GateTab::Production | GateTab::Checks => Vec::new(),
    }
}

fn beside(gate: &mut GateModel, forward: bool) {
    let Some(search) = &gate.search else { return };
    if let Some(row) = search.beside(gate.cursor(), forward) {
        go_to(gate, gate.tab().focus());
        gate.choose(row);
    }
}

/// Asks what is to be searched for.
pub(super) fn ask_pattern(model: &mut Model) {
    let Some(gate) = &model.gate else { return };
    let before = gate.search.as_ref().map_or("", |search| &search.pattern);
    let input = TextInput::holding(before);
    model.overlays.push(Overlay::Text { purpose: TextPurpose::SearchGate, input });
}

/// Searches the tab that is shown, and goes to the first row from the chosen one on that has it.
pub(in crate::app::update) fn search(model: &mut Model, pattern: &str) {
    let Some(gate) = &mut model.gate else { return };
    if pattern.is_empty() {
        gate.search = None;
        return;
    }
    let search = GateSearch::new(gate, pattern);
    let at = gate.cursor();
    let here = search.hits.iter().find(|hit| **hit >= at).or(search.hits.first()).copied();
    gate.search = Some(search);
    match here {
        Some(row) => {
            go_to(gate, gate.tab().focus());
            gate.choose(row);
        }
        None => model.toast(format!("\"{pattern}\" is nowhere in this tab")),
    }
}
