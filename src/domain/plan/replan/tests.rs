//! What is left of a run after anything that can have happened to it.

use super::*;
use crate::domain::fixture::{
    at, catalog, compose_id, person, release_id, repo_name, selection, status, ticked,
};
use crate::domain::name::StepId;
use crate::domain::outcome::ProcessEnd;
use crate::domain::plan::make::make;
use crate::domain::run::Event;
use crate::domain::status::LatestLink;
use std::collections::BTreeMap;

fn id(text: &str) -> StepId {
    text.parse().unwrap()
}

/// A run of 8 and 9 in which Extras is composed, and Rocky and Extras are synced.
fn run() -> RunState {
    let catalog = catalog();
    let lanes = ["8", "9"].map(|release| ticked(release, &["Extras"], &["Rocky", "Extras"]));
    RunState::new(make(&catalog, &selection("update", lanes.into()), &status(&catalog), &[]).unwrap())
}

fn conclude(state: &mut RunState, step: &str, outcome: Outcome) {
    let step = id(step);
    let pins = state.plan.step(&step).unwrap().pins.clone();
    let release = state.plan.step(&step).unwrap().release.clone().unwrap();
    let composes =
        pins.iter().map(|pin| (pin.repo.clone(), compose_id(pin.repo.as_str(), release.as_str(), 1)));
    let starting = Event::StepStarting {
        step: step.clone(),
        attempt: 1,
        log: String::new(),
        argv: Vec::new(),
        added_env: BTreeMap::new(),
        composes: composes.collect(),
        findings: Vec::new(),
        scripts: BTreeMap::new(),
    };
    state.apply(at(1), &starting);
    let end = ProcessEnd::Exited { code: 0 };
    state.apply(at(2), &Event::StepEnded { step: step.clone(), end, log_bytes: 0 });
    let (reason, findings) = (String::new(), Vec::new());
    state.apply(at(3), &Event::StepConcluded { step, outcome, reason, findings });
}

fn left(state: &RunState, status: &[ReleaseStatus]) -> Vec<(String, String, String)> {
    let names = |set: &BTreeSet<RepoName>| {
        set.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>().join(",")
    };
    let selection = remaining(state, true, status);
    assert_eq!(selection.flow, state.plan.selection.flow);
    let one = |it: &ReleaseSelection| (it.release.to_string(), names(&it.compose), names(&it.sync));
    selection.releases.iter().map(one).collect()
}

fn lane(release: &str, compose: &str, sync: &str) -> (String, String, String) {
    (release.to_owned(), compose.to_owned(), sync.to_owned())
}

/// Says that the link of `repo` in 8 leads to another compose by now.
fn moved(repo: &str) -> Vec<ReleaseStatus> {
    let mut status = status(&catalog());
    let found = status[0].repos.iter_mut().find(|it| it.name == repo_name(repo)).unwrap();
    let LatestLink::Compose { compose } = &mut found.latest else { panic!("it has one") };
    compose.id = compose_id(repo, "8", 9);
    status
}

#[test]
fn what_is_done_is_left_out_and_only_lanes_that_stand_are_planned() {
    let status = status(&catalog());
    let mut state = run();
    assert_eq!(
        left(&state, &status),
        [lane("8", "Extras", "Extras,Rocky"), lane("9", "Extras", "Extras,Rocky")]
    );
    conclude(&mut state, "8/compose/Extras", Outcome::Succeeded);
    conclude(&mut state, "8/sync/Rocky", Outcome::Suspect);
    assert_eq!(left(&state, &status), [lane("8", "", "Extras,Rocky")], "9 moves on by itself");
    conclude(&mut state, "8/sync/Rocky", Outcome::Succeeded);
    conclude(&mut state, "8/sync/Extras", Outcome::Failed);
    assert_eq!(left(&state, &status), [lane("8", "", "Extras")]);
    // A compose that is made anew is synced anew.
    conclude(&mut state, "8/compose/Extras", Outcome::Failed);
    conclude(&mut state, "8/sync/Extras", Outcome::Succeeded);
    assert_eq!(left(&state, &status), [lane("8", "Extras", "Extras")]);
}

#[test]
fn a_sync_of_a_compose_that_the_link_names_no_more_is_not_done() {
    let mut state = run();
    for step in ["8/compose/Extras", "8/sync/Rocky", "8/sync/Extras"] {
        conclude(&mut state, step, Outcome::Succeeded);
    }
    conclude(&mut state, "8/prep", Outcome::Failed);
    assert_eq!(left(&state, &moved("Rocky")), [lane("8", "", "Rocky")], "content and comps of one compose");
    // With every sync done a flow still begins with them, and what comes after is planned.
    let same = status(&catalog());
    assert_eq!(left(&state, &same), [lane("8", "", "Extras,Rocky")]);
    let made = make(&catalog(), &remaining(&state, true, &same), &same, &[]).unwrap();
    assert!(made.step(&id("8/prep")).is_some() && made.step(&id("8/publish")).is_some());
    assert!(made.step(&id("8/compose/Extras")).is_none());
}

#[test]
fn what_was_skipped_or_is_stale_is_not_done_and_a_lane_given_up_is_no_more_this_runs() {
    let status = status(&catalog());
    let mut state = run();
    conclude(&mut state, "8/compose/Extras", Outcome::Succeeded);
    conclude(&mut state, "8/sync/Rocky", Outcome::Succeeded);
    let by = person("lena", 1001);
    let (step, reason) = (id("8/sync/Extras"), "later".to_owned());
    state.apply(at(4), &Event::StepSkipped { step, reason, by: by.clone() });
    conclude(&mut state, "8/prep", Outcome::Failed);
    assert_eq!(left(&state, &status), [lane("8", "", "Extras")]);
    let retried = Event::StepRetried {
        step: id("8/compose/Extras"),
        reason: String::new(),
        by: by.clone(),
        stale: vec![id("8/sync/Rocky"), id("8/prep")],
    };
    state.apply(at(5), &retried);
    conclude(&mut state, "8/compose/Extras", Outcome::Failed);
    assert_eq!(left(&state, &status), [lane("8", "Extras", "Extras,Rocky")]);
    let (release, to) = (release_id("8"), "20261101T000000Z-8-update".parse().unwrap());
    state.apply(at(6), &Event::LaneGivenUp { release, by, reason: "enough".to_owned(), to });
    assert_eq!(left(&state, &status), [lane("9", "Extras", "Extras,Rocky")]);
}
