//! Ticks, flows and the plan that is made anew at every one of them.

use super::fixture::{Bench, catalog, release_id, repo};
use crate::app::Effect;
use crate::app::model::{Confirm, Mode, Overlay, Screen};
use crate::app::msg::Msg;
use crate::domain::name::StepId;
use crate::keys::Action;

fn steps(bench: &Bench) -> Vec<&str> {
    bench
        .model
        .plan
        .plan()
        .map_or_else(Vec::new, |plan| plan.steps.iter().map(|step| step.id.as_str()).collect())
}

#[test]
fn a_tick_becomes_a_plan_and_undo_takes_it_back() {
    let mut bench = Bench::new(Mode::Acting);
    assert_eq!(bench.press("c"), []);
    assert_eq!(steps(&bench), ["8/compose/Rocky"]);
    bench.press("space");
    let whole = ["8/compose/Rocky", "8/sync/Rocky", "8/sign", "8/gate", "8/publish"];
    assert_eq!(steps(&bench), whole);
    bench.press("u");
    assert_eq!(steps(&bench), ["8/compose/Rocky"]);
    bench.press("u");
    assert!(bench.model.plan.made.is_err());
    bench.press("u");
    assert_eq!(bench.model.toasts[0].message, "there is no change to undo");
}

#[test]
fn ticks_of_several_releases_become_lanes() {
    let mut bench = Bench::new(Mode::Acting);
    bench.press("s");
    bench.press("right");
    bench.press("a");
    let plan = bench.model.plan.plan().unwrap();
    let lanes: Vec<&str> = plan.lanes.iter().map(|lane| lane.release.as_str()).collect();
    assert_eq!(lanes, ["8", "9"]);
    assert_eq!(plan.lanes[1].steps.len(), 3 + 2 + 3, "three composes, two syncs, sign, gate, publish");
    bench.press("a");
    assert_eq!(bench.model.plan.plan().unwrap().lanes.len(), 1, "again: unticked");
    bench.press("n");
    assert!(bench.model.ticks.now.is_empty());
}

#[test]
fn all_that_is_behind_is_ticked_and_nothing_else() {
    let mut bench = Bench::new(Mode::Acting);
    bench.press("A");
    let ticked: Vec<_> = bench.model.ticks.now.sync.iter().cloned().collect();
    let expected = [(release_id("8"), repo("Rocky")), (release_id("9"), repo("Rocky"))];
    assert_eq!(ticked, expected, "gluster9 is current, virt is never synced");
    assert!(bench.model.ticks.now.compose.is_empty());
}

#[test]
fn what_is_never_synced_says_so_when_it_is_ticked() {
    let mut bench = Bench::new(Mode::Acting);
    bench.press("end");
    bench.press("s");
    assert_eq!(bench.model.toasts[0].message, "virt is composed only; the procedure does not sync it");
    assert!(bench.model.ticks.now.is_empty());
}

#[test]
fn flows_keep_only_what_they_can_do() {
    let mut bench = Bench::new(Mode::Acting);
    bench.press("down");
    bench.press("s");
    bench.press("f");
    assert_eq!(bench.model.ticks.now.flow.as_str(), "minor");
    assert_eq!(bench.model.ticks.now.sync.len(), 1, "minor syncs what is no SIG repo, all at once");
    bench.press("s");
    assert_eq!(bench.model.toasts[0].message, "flow minor does not sync SIG repos");
    bench.press("f");
    assert_eq!(steps(&bench), ["8/gate", "8/publish"], "publish takes the release as it stands");
    bench.press("right");
    bench.press("s");
    assert_eq!(steps(&bench), ["8/gate", "8/publish", "9/gate", "9/publish"]);
}

#[test]
fn run_asks_first_and_only_its_named_key_starts_what_was_shown() {
    let mut bench = Bench::new(Mode::Acting);
    assert_eq!(bench.press("r"), [], "nothing is ticked");
    assert!(bench.model.overlays.is_empty());
    let plan = bench.plan();
    assert_eq!(bench.model.screen, Screen::Status);
    bench.press("r");
    assert!(bench.model.overlays.is_empty(), "Status shows no commands, so it asks nothing");
    assert_eq!(bench.model.screen, Screen::Plan, "the commands are shown first");
    bench.press("r");
    assert_eq!(
        bench.model.overlays,
        [Overlay::Confirm(Confirm::StartRun { plan: plan.clone(), from: None })]
    );
    for key in ["enter", "space", "r", "x", "1", "tab"] {
        assert_eq!(bench.press(key), [], "{key} starts nothing");
        assert_eq!(bench.model.overlays.len(), 1, "{key} leaves the question open");
    }
    // The ground moves under the question; what was shown is what runs.
    bench.tell(Msg::ReleaseAnswered(super::fixture::status("9")));
    assert_eq!(bench.press("y"), [Effect::StartRun { plan, from: None, take_over: None }]);
    assert!(bench.model.plan.starting);
    bench.press("r");
    assert!(bench.model.overlays.is_empty(), "one run at a time is started");
    bench.tell(Msg::RunNotStarted { problem: "release 8 is locked".to_owned(), locked: None });
    assert_eq!(bench.model.banners[0].message, "no run was started: release 8 is locked");
    assert!(!bench.model.plan.starting);
}

#[test]
fn a_release_whose_vars_are_unreadable_cannot_be_ticked() {
    let mut bench = Bench::new(Mode::Acting);
    let mut broken = catalog().as_ref().clone();
    broken.releases[0].vars = Err("bash: common: not found".to_owned());
    bench.tell(Msg::CatalogRead(std::sync::Arc::new(broken)));
    for key in ["s", "c", "a"] {
        bench.press(key);
        assert!(bench.model.ticks.now.is_empty(), "{key}");
    }
    assert!(bench.model.toasts[0].message.contains("bash: common: not found"));
}

#[test]
fn screens_are_reached_by_number_and_by_tab() {
    let mut bench = Bench::new(Mode::Acting);
    for (key, screen) in
        [("2", Screen::Plan), ("5", Screen::History), ("6", Screen::Log), ("1", Screen::Status)]
    {
        bench.press(key);
        assert_eq!(bench.model.screen, screen);
    }
    bench.press("3");
    assert_eq!(bench.model.screen, Screen::Status, "there is no run");
    bench.press("enter");
    assert_eq!(bench.model.screen, Screen::Plan);
    bench.act(Action::GoLast);
    let _: Option<&StepId> = bench.model.plan.plan().map(|plan| &plan.steps[0].id);
}

#[test]
fn the_console_starts_by_looking_and_looks_again_only_when_the_last_look_is_over() {
    let mut bench = Bench::new(Mode::Acting);
    assert_eq!(bench.tell(Msg::ConsoleStarted { run: None }), [Effect::ReadStatus, Effect::ListRuns]);
    assert_eq!(bench.press("f5"), [], "a look is under way already");
    assert_eq!(bench.tell(Msg::StatusEnded), []);
    assert_eq!(bench.press("f5"), [Effect::ReadStatus, Effect::ListRuns]);
}
