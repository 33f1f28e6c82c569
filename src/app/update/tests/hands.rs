//! Releases that change hands: what is left of a run planned anew, and a release taken over for a reason.

use super::fixture::{
    Bench, at_gate, concluded, person, release_id, repo, run_id, starting, status, step_id,
};
use crate::app::Effect;
use crate::app::model::{Confirm, Mode, Overlay, Screen, TextPurpose};
use crate::app::msg::Msg;
use crate::domain::name::RunId;
use crate::domain::outcome::Outcome;
use crate::domain::plan::Pin;
use crate::domain::run::Event;
use crate::domain::status::LatestLink;
use std::sync::Arc;

fn other_run() -> RunId {
    RunId::new("20261122T190000Z-8-update").unwrap()
}

#[test]
fn a_lane_that_stands_is_planned_anew_with_what_the_links_name_by_then() {
    let mut bench = Bench::new(Mode::Acting);
    bench.open_run(&[starting("8/sync/Rocky", 1), concluded("8/sync/Rocky", Outcome::Failed)]);
    assert_eq!(bench.press("p"), [Effect::ReadStatus], "the links are looked at again");
    assert_eq!(bench.model.screen, Screen::Plan);
    let ticked = bench.model.ticks.now.clone();
    assert!(ticked.sync.contains(&(release_id("8"), repo("Rocky"))), "{ticked:?}");
    // The link names another compose by now, and that is what is shown.
    let mut moved = status("8").as_ref().clone();
    let LatestLink::Compose { compose } = &mut moved.repos[0].latest else { unreachable!() };
    compose.id = "Rocky-8-20260722.0".parse().unwrap();
    bench.tell(Msg::ReleaseAnswered(Arc::new(moved)));
    bench.tell(Msg::StatusEnded);
    let plan = Arc::clone(bench.model.plan.plan().unwrap());
    let pin = &plan.step(&step_id("8/sync/Rocky")).unwrap().pins[0].pin;
    assert_eq!(*pin, Pin::Existing { id: "Rocky-8-20260722.0".parse().unwrap() });
    bench.press("r");
    let question = Confirm::StartRun { plan: plan.clone(), from: Some(run_id()) };
    assert_eq!(bench.model.overlays, [Overlay::Confirm(question)]);
    assert_eq!(bench.press("y"), [Effect::StartRun { plan, from: Some(run_id()), take_over: None }]);
    bench.tell(Msg::RunStarted { run: other_run() });
    assert_eq!(bench.model.plan.rest_of, None, "the next plan is nobody's rest");
}

#[test]
fn a_run_of_which_nothing_stands_is_not_planned_anew() {
    let mut bench = Bench::new(Mode::Acting);
    bench.open_run(&at_gate());
    assert_eq!(bench.press("p"), []);
    assert_eq!(bench.model.screen, Screen::Run);
    assert!(bench.model.toasts[0].message.contains("no lane of this run stands"), "{:?}", bench.model.toasts);
}

#[test]
fn a_release_that_another_run_has_is_taken_over_for_a_reason_only() {
    let mut bench = Bench::new(Mode::Acting);
    let plan = bench.plan();
    bench.press("r");
    bench.press("r");
    bench.press("y");
    let problem = "release 8 is locked by lena on compose01".to_owned();
    let locked = Some((plan.clone(), None));
    bench.tell(Msg::RunNotStarted { problem: problem.clone(), locked });
    let Some(Overlay::Text { purpose, .. }) = bench.model.overlay() else { panic!("it asks why") };
    assert_eq!(
        *purpose,
        TextPurpose::TakeOverReason { plan: plan.clone(), from: None, problem: problem.clone() }
    );
    assert_eq!(bench.press("enter"), [], "without a reason nothing is taken");
    assert_eq!(bench.model.overlays.len(), 1);
    bench.type_text("lena went home");
    let take_over = Some("lena went home".to_owned());
    assert_eq!(bench.press("enter"), [Effect::StartRun { plan, from: None, take_over }]);
    // Refused again, as during a push: it is said, and not asked for once more.
    bench.tell(Msg::RunNotStarted { problem: "a push is not interrupted".to_owned(), locked: None });
    assert!(bench.model.overlays.is_empty());
    assert!(bench.model.banners[0].message.contains("a push is not interrupted"));
}

#[test]
fn whoever_looks_at_a_run_is_told_who_took_its_release_and_why() {
    let mut bench = Bench::new(Mode::Acting);
    bench.open_run(&[starting("8/sync/Rocky", 1)]);
    let plan = bench.model.run.as_ref().unwrap().state.plan.clone();
    let (by, reason) = (person("omar"), "lena went home".to_owned());
    let given = Event::LaneGivenUp { release: release_id("8"), by, reason, to: other_run() };
    bench.go_on(&plan, &[starting("8/sync/Rocky", 1), given, concluded("8/sync/Rocky", Outcome::Cancelled)]);
    let told = &bench.model.banners.last().unwrap().message;
    assert_eq!(
        *told,
        "omar (as root) on compose01 took release 8: lena went home; run 20261122T190000Z-8-update has it now"
    );
    assert_eq!(bench.press("p"), []);
    assert!(
        bench.model.toasts.last().unwrap().message.contains("was given up to run"),
        "{:?}",
        bench.model.toasts
    );
}
