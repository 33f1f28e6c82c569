//! The gate's guards, each by itself; `whole` tries them all at once with any keys in any order.

use super::fixture::{Bench, at_gate, blocking, evidence, person, release_id, run_id, step_id};
use crate::app::Effect;
use crate::app::effect::RunRequest;
use crate::app::model::{GateFocus, Mode, Screen};
use crate::app::msg::{Answer, Msg};
use crate::domain::approval::{AfterApproval, Demand, Refusal};
use crate::domain::evidence::Waiver;
use crate::domain::finding::Finding;
use crate::domain::run::Event;
use crate::domain::seal::SealDigest;

pub(super) fn at_gate_with(findings: Vec<Finding>) -> Bench {
    let mut bench = Bench::new(Mode::Acting);
    bench.open_run(&at_gate());
    let answer = Answer::HelmGiven { turn: 1 };
    bench.tell(Msg::RequestAnswered {
        run: run_id(),
        request: RunRequest::TakeHelm { reason: None },
        answer,
    });
    let file = "gates/8-1.json".to_owned();
    let load = Effect::LoadEvidence { run: run_id(), release: release_id("8"), file: file.clone() };
    assert_eq!(bench.press("g"), [load]);
    bench.tell(Msg::EvidenceLoaded { run: run_id(), evidence: evidence(findings), file });
    bench
}

fn tick_checklist(bench: &mut Bench) {
    bench.later(500);
    for _ in 0..3 {
        bench.press("tab");
    }
    assert_eq!(bench.model.gate.as_ref().unwrap().focus, GateFocus::Checklist);
    bench.press("space");
    bench.press("a");
}

fn approval() -> Effect {
    let request = RunRequest::Approve {
        release: release_id("8"),
        phrase: "8.10 vetted".to_owned(),
        seal: SealDigest("5ea1".to_owned()),
        then: AfterApproval::Proceed,
    };
    Effect::Send { run: run_id(), request }
}

#[test]
fn the_phrase_of_the_release_approves_what_was_shown() {
    let mut bench = at_gate_with(Vec::new());
    tick_checklist(&mut bench);
    bench.type_text("8.10 vette");
    assert_eq!(bench.press("enter"), [], "not yet");
    bench.type_text("d");
    assert_eq!(bench.press("enter"), [approval()]);
    assert_eq!(bench.press("enter"), [], "once is enough");
}

#[test]
fn keys_of_the_first_half_second_count_for_nothing() {
    let mut bench = at_gate_with(Vec::new());
    bench.later(499);
    bench.press("tab");
    bench.press("a");
    assert_eq!(bench.model.gate.as_ref().unwrap().focus, GateFocus::Cancel);
    bench.later(1);
    bench.press("tab");
    assert_eq!(bench.model.gate.as_ref().unwrap().focus, GateFocus::Findings);
    bench.press("1");
    bench.press("4");
    bench.press("a");
    assert_eq!(bench.model.gate.as_ref().unwrap().focus, GateFocus::Cancel, "opened again, guarded again");
}

#[test]
fn enter_on_the_gate_goes_back_as_it_opened() {
    let mut bench = at_gate_with(Vec::new());
    bench.later(500);
    assert_eq!(bench.press("enter"), []);
    assert_eq!(bench.model.screen, Screen::Run);
}

#[test]
fn pasted_text_never_fills_the_phrase() {
    let mut bench = at_gate_with(Vec::new());
    tick_checklist(&mut bench);
    bench.tell(Msg::Pasted("8.10 vetted".to_owned()));
    assert_eq!(bench.model.gate.as_ref().unwrap().phrase.text(), "");
    assert_eq!(bench.press("enter"), []);
}

#[test]
fn an_open_checklist_and_blocking_findings_stand_in_the_way_until_they_are_dealt_with() {
    let mut bench = at_gate_with(vec![blocking()]);
    tick_checklist(&mut bench);
    bench.type_text("8.10 vetted");
    assert_eq!(bench.press("enter"), []);
    bench.press("esc");
    bench.press("tab");
    bench.press("w");
    bench.type_text("known, mended tomorrow");
    let waive = RunRequest::Waive {
        release: release_id("8"),
        finding: blocking().id,
        message: blocking().message,
        reason: "known, mended tomorrow".to_owned(),
    };
    assert_eq!(bench.press("enter"), [Effect::Send { run: run_id(), request: waive }]);
    let waived = |message: &str| Event::FindingWaived {
        release: release_id("8"),
        waiver: Waiver {
            finding: blocking().id,
            message: Some(message.to_owned()),
            reason: "known".to_owned(),
            by: person("me"),
            at: super::fixture::now(),
        },
    };
    let plan = bench.model.run.as_ref().unwrap().state.plan.clone();
    let mut events = at_gate();
    events.push(waived("it said something else when it was waived"));
    bench.go_on(&plan, &events);
    bench.press("a");
    bench.type_text("8.10 vetted");
    assert_eq!(bench.press("enter"), [], "it still blocks");
    let mut events = at_gate();
    events.push(waived(&blocking().message));
    bench.go_on(&plan, &events);
    assert_eq!(bench.press("enter"), [approval()]);
}

#[test]
fn newer_evidence_makes_everything_begin_anew() {
    let mut bench = at_gate_with(Vec::new());
    tick_checklist(&mut bench);
    bench.type_text("8.10 vetted");
    let mut events = at_gate();
    events.push(Event::GateOpened {
        step: step_id("8/gate"),
        evidence: "gates/8-2.json".to_owned(),
        seal: SealDigest("0ther".to_owned()),
        demand: Demand::default(),
        digest: None,
    });
    let plan = bench.model.run.as_ref().unwrap().state.plan.clone();
    let file = "gates/8-2.json".to_owned();
    let load = Effect::LoadEvidence { run: run_id(), release: release_id("8"), file };
    assert_eq!(bench.go_on(&plan, &events), [load]);
    assert_eq!(bench.press("enter"), []);
    let gate = bench.model.gate.as_ref().unwrap();
    assert_eq!((gate.focus, gate.phrase.text()), (GateFocus::Cancel, ""));
    assert!(gate.is_guarded(bench.model.clock.uptime_ms));
}

#[test]
fn a_refusal_is_said_and_the_phrase_must_be_typed_anew() {
    let mut bench = at_gate_with(Vec::new());
    tick_checklist(&mut bench);
    bench.type_text("8.10 vetted");
    let Some(Effect::Send { request, .. }) = bench.press("enter").pop() else { panic!("no request") };
    let refusal = Refusal::SealBroken { path: "BaseOS/x".to_owned(), how: "changed".to_owned() };
    bench.tell(Msg::RequestAnswered { run: run_id(), request, answer: Answer::Refused { refusal } });
    assert!(bench.model.banners[0].message.contains("BaseOS/x was changed"));
    let gate = bench.model.gate.as_ref().unwrap();
    assert_eq!((gate.sent, gate.phrase.text(), gate.focus), (false, "", GateFocus::Cancel));
}

#[test]
fn an_approval_needs_no_helm_but_observe_mode_forbids_it() {
    let mut bench = at_gate_with(Vec::new());
    let busy = Answer::HelmBusy { by: person("other") };
    bench.tell(Msg::RequestAnswered { run: run_id(), request: RunRequest::CancelRun, answer: busy });
    tick_checklist(&mut bench);
    bench.type_text("8.10 vetted");
    bench.model.mode = Mode::Watching;
    assert_eq!(bench.press("enter"), []);
    bench.model.mode = Mode::Acting;
    assert_eq!(bench.press("enter"), [approval()]);
}

#[test]
fn hold_is_chosen_before_the_phrase() {
    let mut bench = at_gate_with(Vec::new());
    bench.later(500);
    bench.press("H");
    assert_eq!(bench.model.gate.as_ref().unwrap().then, AfterApproval::Hold);
}
