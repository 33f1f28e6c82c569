//! Getting about in a gate's evidence: tabs, groups, the search, and one check that looks again.

use super::fixture::{Bench, at_gate, blocking, evidence, release_id, run_id, step_id};
use super::gate::at_gate_with;
use crate::app::Effect;
use crate::app::availability::availability;
use crate::app::effect::RunRequest;
use crate::app::model::{GateFocus, GateModel, GateTab};
use crate::app::msg::Msg;
use crate::domain::approval::Demand;
use crate::domain::evidence::{Change, ChangeKind, Checked, Evidence};
use crate::domain::finding::{Finding, Severity};
use crate::domain::flow::CheckName;
use crate::domain::live::{Live, Looking};
use crate::domain::run::Event;
use crate::domain::seal::SealDigest;
use crate::keys::Action;
use std::sync::Arc;

fn finding(severity: Severity, path: &str) -> Finding {
    Finding::new(CheckName::ErrataPresent, severity, "kind", path, "says Something", "do something")
}

fn change(place: &str, name: &str) -> Change {
    Change { kind: ChangeKind::Added, place: place.into(), name: name.into(), from: None, to: None, size: 1 }
}

fn rich() -> Evidence {
    let findings = vec![
        blocking(),
        finding(Severity::Warning, "BaseOS/a"),
        finding(Severity::Warning, "BaseOS/b"),
        finding(Severity::Info, "Extras/c"),
    ];
    let mut evidence = evidence(findings).as_ref().clone();
    evidence.changes.packages = vec![change("A", "acl"), change("A", "bash"), change("B", "acl-devel")];
    let checked = |check| Checked { check, at: super::fixture::now(), took_ms: 3 };
    evidence.checks = vec![checked(CheckName::MetadataSigned), checked(CheckName::ErrataPresent)];
    evidence
}

/// Lays evidence before whoever is at the gate, as if it were taken anew.
fn lay(bench: &mut Bench, nth: u32, evidence: Evidence) {
    let mut events = at_gate();
    let file = format!("gates/8-{nth}.json");
    let (step, demand) = (step_id("8/gate"), Demand::default());
    events.push(Event::GateOpened {
        step,
        evidence: file.clone(),
        seal: SealDigest("5ea1".to_owned()),
        demand,
        digest: None,
    });
    let plan = bench.model.run.as_ref().unwrap().state.plan.clone();
    bench.go_on(&plan, &events);
    bench.tell(Msg::EvidenceLoaded { run: run_id(), evidence: Arc::new(evidence), file });
    bench.later(500);
}

fn rich_gate() -> Bench {
    let mut bench = at_gate_with(Vec::new());
    lay(&mut bench, 2, rich());
    bench
}

fn gate(bench: &Bench) -> &GateModel {
    bench.model.gate.as_ref().unwrap()
}

#[test]
fn tabs_are_gone_through_by_arrows_by_tab_and_by_their_keys() {
    let mut bench = rich_gate();
    assert_eq!((gate(&bench).focus, gate(&bench).tab()), (GateFocus::Cancel, GateTab::Findings));
    bench.press("right");
    assert_eq!(gate(&bench).focus, GateFocus::Changes);
    bench.press("left");
    bench.press("left");
    assert_eq!(gate(&bench).focus, GateFocus::Checks, "round and round");
    for (key, tab) in [
        ("f", GateTab::Findings),
        ("c", GateTab::Changes),
        ("t", GateTab::Checklist),
        ("p", GateTab::Production),
        ("v", GateTab::Checks),
    ] {
        bench.press(key);
        assert_eq!((gate(&bench).tab(), gate(&bench).focus), (tab, tab.focus()), "{key}");
    }
    bench.press("c");
    bench.press("a");
    assert_eq!(
        (gate(&bench).focus, gate(&bench).tab()),
        (GateFocus::Phrase, GateTab::Changes),
        "it stays shown"
    );
    bench.press("esc");
    bench.press("down");
    assert_eq!(gate(&bench).focus, GateFocus::Changes, "arrows go into what is shown");
}

#[test]
fn rows_pages_and_groups_are_gone_through() {
    let mut bench = rich_gate();
    bench.press("f");
    bench.press("]");
    assert_eq!(gate(&bench).finding, 1, "the first warning");
    bench.press("]");
    assert_eq!(gate(&bench).finding, 3, "the first info");
    bench.press("[");
    assert_eq!(gate(&bench).finding, 1);
    bench.press("end");
    assert_eq!(gate(&bench).finding, 3);
    bench.press("c");
    bench.press("]");
    bench.press("]");
    // Everything, A, acl, bash, B, acl-devel.
    assert_eq!(gate(&bench).change, 4);
    bench.model.measures.page = 3;
    bench.press("pageup");
    assert_eq!(gate(&bench).change, 1);
    bench.press("t");
    let reason = availability(Action::NextGroup, &bench.model);
    assert!(reason.reason().unwrap().contains("no groups"), "{reason:?}");
}

#[test]
fn a_search_goes_from_hit_to_hit_and_on_in_another_tab() {
    let mut bench = rich_gate();
    assert!(!availability(Action::NextMatch, &bench.model).is_enabled());
    bench.press("/");
    bench.type_text("acl");
    bench.press("enter");
    assert!(bench.model.toasts[0].message.contains("nowhere"), "{:?}", bench.model.toasts);
    bench.press("c");
    let search = gate(&bench).search.clone().unwrap();
    assert_eq!((search.pattern.as_str(), search.hits), ("acl", vec![2, 5]));
    bench.press("n");
    assert_eq!(gate(&bench).change, 2);
    bench.press("n");
    assert_eq!(gate(&bench).change, 5);
    bench.press("n");
    assert_eq!(gate(&bench).change, 2, "round and round");
    bench.press("N");
    assert_eq!(gate(&bench).change, 5);
    bench.press("f");
    bench.press("/");
    for _ in 0..3 {
        bench.press("backspace");
    }
    bench.type_text("something");
    bench.press("enter");
    assert_eq!(gate(&bench).search.as_ref().unwrap().hits, [1, 2, 3], "capitals do not count unless typed");
    assert_eq!(gate(&bench).finding, 1);
}

#[test]
fn the_check_of_the_chosen_finding_looks_again_by_itself() {
    let mut bench = rich_gate();
    bench.press("f");
    bench.press("down");
    let request = |check| RunRequest::RefreshEvidence { release: release_id("8"), check };
    let asked = Effect::Send { run: run_id(), request: request(Some(CheckName::ErrataPresent)) };
    assert_eq!(bench.press("r"), [asked]);
    assert_eq!(bench.press("e"), [Effect::Send { run: run_id(), request: request(None) }]);
    bench.press("c");
    let why = availability(Action::CheckAgain, &bench.model);
    assert!(why.reason().unwrap().contains("choose a finding"), "{why:?}");
    bench.press("f");
    let live = Live {
        gathering: [(release_id("8"), Looking::default())].into(),
        ..bench.model.run.as_ref().unwrap().live.clone()
    };
    assert!(!availability(Action::EndLook, &bench.model).is_enabled(), "nothing is looked at");
    bench.tell(Msg::LiveTold { run: run_id(), live });
    assert_eq!(bench.press("r"), [], "one look at a time");
    assert!(availability(Action::EndLook, &bench.model).is_enabled());
}

#[test]
fn whoever_read_a_finding_reads_on_when_the_evidence_is_taken_anew() {
    let mut bench = rich_gate();
    bench.press("f");
    bench.press("end");
    let mut mended = rich();
    mended.findings.remove(0);
    lay(&mut bench, 3, mended);
    assert_eq!(gate(&bench).chosen().unwrap().path, "Extras/c");
    assert_eq!((gate(&bench).focus, gate(&bench).tab()), (GateFocus::Cancel, GateTab::Findings));
    let mut gone = rich();
    gone.findings.truncate(2);
    lay(&mut bench, 4, gone);
    assert_eq!(gate(&bench).finding, 0);
}
