//! Resuming while something of the first life is left, and once nothing is.

use super::super::recovery::MARK;
use super::*;
use crate::domain::outcome::ProcessEnd;
use crate::domain::run::event::StopStage;
use std::process::{Child, Command};

/// A process that bears the mark of a step; dropping it ends it.
pub(super) struct Left(Child);

impl Left {
    pub(super) fn of(house: &House, step: &str, script: &str) -> Self {
        let (_, mark) = house.supervisor.mark(&id(step), 1);
        let child = Command::new("bash").args(["-c", script]).env(MARK, mark).spawn().unwrap();
        let pid = child.id().cast_signed();
        let begun = Instant::now();
        // Until its program is loaded it has the environment of this test.
        while !crate::exec::survivors::Look::take(MARK).marks().any(|(_, id)| id.pid == pid) {
            assert!(begun.elapsed() < PATIENCE, "no process");
            std::thread::yield_now();
        }
        Self(child)
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    pub(super) fn is_there(&self) -> bool {
        crate::exec::group::ProcessStat::of(self.0.id().cast_signed()).is_some_and(|stat| !stat.is_dead())
    }

    fn end(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn began(step: &str, until: &str) -> Vec<Event> {
    let mut events = until_step("8", until);
    events.push(Event::SupervisorStarted { pid: 1, start_time: 1, place: super::super::identity::place() });
    // The links of the composes are asked before and after every step.
    events.extend(["Rocky", "Extras"].map(|repo| Event::ComposePinned {
        step: id(&format!("8/compose/{repo}")),
        repo: repo.parse().unwrap(),
        compose: crate::domain::fixture::compose_id(repo, "8", 1),
    }));
    events.push(starting(step, 1, ""));
    events
}

/// Returns a house whose earlier supervisor died in the middle of the sync of Rocky.
fn interrupted(more: &[Event]) -> House {
    let mut events = began(SYNC, SYNC);
    events.extend_from_slice(more);
    events.push(Event::SupervisorStarted { pid: 1, start_time: 1, place: super::super::identity::place() });
    House::found(&events)
}

const SYNC: &str = "8/sync/Rocky";

fn resume() -> Request {
    Request::Resume { release: Some(release_id("8")) }
}

fn cancel() -> Request {
    Request::Cancel { step: Some(id(SYNC)) }
}

/// Turns the loop until `done`, as its timer does where nothing happens.
fn turn(house: &mut House, what: &str, done: impl Fn(&Supervisor) -> bool) {
    let begun = Instant::now();
    while !done(&house.supervisor) {
        assert!(begun.elapsed() < PATIENCE, "{what} did not happen: {:#?}", house.words());
        match house.happenings.try_recv() {
            Ok(happening) => house.supervisor.handle(happening).unwrap(),
            Err(_) => house.supervisor.advance().unwrap(),
        }
        std::thread::yield_now();
    }
}

#[test]
fn resume_waits_for_survivors_and_goes_on_once_they_are_gone() {
    let mut house = interrupted(&[]);
    let mut left = Left::of(&house, SYNC, "exec sleep 600");
    let said = house.done(resume());
    assert!(said.contains(&left.pid()) && said.contains("waits until its first life is over"), "{said}");
    assert!(said.contains("stagegate cancel"), "{said}");
    turn(&mut house, "it says for whom it waits", |it| {
        it.live.steps.get(&id(SYNC)).is_some_and(|live| live.label.contains("still alive as process"))
    });
    assert_eq!((house.word(SYNC), house.started(SYNC)), ("interrupted", 1));
    left.end();
    turn(&mut house, "it runs again", |it| it.busy.contains_key(&id(SYNC)));
    let retried =
        |event: &Event| matches!(event, Event::StepRetried { reason, .. } if reason.contains("resumed"));
    assert_eq!(house.journal().iter().filter(|event| retried(event)).count(), 1);
    assert!(!house.supervisor.keeps_vigil());
}

#[test]
fn survivors_are_stopped_in_stages() {
    let mut house = interrupted(&[]);
    let deaf = Left::of(&house, SYNC, "trap : TERM; while :; do read -r -t 1 _ < <(sleep 1); done");
    assert!(house.failed(Request::Kill { step: id(SYNC) }).contains("cancel it first"));
    assert!(house.done(cancel()).contains(&deaf.pid()));
    assert!(house.failed(cancel()).contains("--kill"), "a second TERM means something else to some tools");
    turn(&mut house, "the grace is counted down", |it| {
        it.live.steps.get(&id(SYNC)).is_some_and(|live| live.grace_left_s.is_some_and(|left| left > 0))
    });
    assert!(crate::exec::group::ProcessStat::of(deaf.0.id().cast_signed()).is_some(), "TERM is not KILL");
    house.done(Request::Kill { step: id(SYNC) });
    turn(&mut house, "nobody is left", |it| !it.keeps_vigil());
    let stages: Vec<StopStage> = house
        .journal()
        .iter()
        .filter_map(|event| match event {
            Event::StopRequested { stage, .. } => Some(*stage),
            _ => None,
        })
        .collect();
    assert_eq!(stages, [StopStage::Terminate, StopStage::Kill]);
    assert_eq!(house.word(SYNC), "interrupted", "nothing goes on by itself");
    assert!(house.supervisor.busy.is_empty());
    let nobody = house.failed(cancel());
    assert!(nobody.contains("no process of it is left"), "{nobody}");
    house.done(resume());
    assert!(house.supervisor.busy.contains_key(&id(SYNC)));
}

#[test]
fn a_cancelled_run_stops_its_survivors_and_waits_for_nobody() {
    let mut house = interrupted(&[]);
    let mut left = Left::of(&house, SYNC, "exec sleep 600");
    house.done(resume());
    let said = house.done(Request::Cancel { step: None });
    assert!(said.contains("what is left of 8/sync/Rocky"), "{said}");
    turn(&mut house, "TERM ended it", |it| !it.keeps_vigil());
    assert!(!left.0.wait().unwrap().success());
    assert!(house.supervisor.busy.is_empty() && house.supervisor.is_settled());
    assert_eq!(house.started(SYNC), 1);
}

#[test]
fn a_step_whose_process_had_ended_is_judged_and_not_run_again() {
    for (code, word) in [(0, "succeeded"), (3, "failed")] {
        let end = Event::StepEnded { step: id(SYNC), end: ProcessEnd::Exited { code }, log_bytes: 0 };
        let mut house = interrupted(&[end]);
        // Not even where the catalog says that a repeat is safe, or that it is not.
        let place = house.supervisor.state.plan.steps.iter().position(|one| one.id == id(SYNC)).unwrap();
        house.supervisor.state.plan.steps[place].repeatable = code == 0;
        let said = house.done(resume());
        assert!(said.contains(&format!("not run again (not alive: exit code {code})")), "{said}");
        let judged = |it: &Supervisor| {
            matches!(it.state.record(&id(SYNC)).unwrap().state, StepState::Concluded { .. })
        };
        turn(&mut house, "it is judged", judged);
        assert_eq!(house.word(SYNC), word, "{:?}", house.supervisor.state.record(&id(SYNC)));
        assert_eq!(house.started(SYNC), 1);
    }
}

/// The host lost its power: the journal has the end of the step, its log has not what it said in the end.
#[test]
fn a_step_whose_log_lost_its_end_is_not_judged_to_have_succeeded() {
    for (kept, word) in
        [("done, but: rsync error\n", "suspect"), ("done", "suspect"), ("done, all well\n", "succeeded")]
    {
        let end = Event::StepEnded { step: id(SYNC), end: ProcessEnd::Exited { code: 0 }, log_bytes: 15 };
        let mut house = interrupted(&[end]);
        std::fs::write(house.dir().file("steps/07.log"), kept).unwrap();
        let place = house.supervisor.state.plan.steps.iter().position(|one| one.id == id(SYNC)).unwrap();
        house.supervisor.state.plan.steps[place].failure_phrases = vec!["rsync error".to_owned()];
        house.supervisor.state.steps.get_mut(&id(SYNC)).unwrap().log = Some("steps/07.log".to_owned());
        house.done(resume());
        let judged = |it: &Supervisor| {
            matches!(it.state.record(&id(SYNC)).unwrap().state, StepState::Concluded { .. })
        };
        turn(&mut house, "it is judged", judged);
        assert_eq!(house.word(SYNC), word, "{:?}", house.supervisor.state.record(&id(SYNC)));
        if kept == "done" {
            let StepState::Concluded { reason, .. } =
                &house.supervisor.state.record(&id(SYNC)).unwrap().state
            else {
                panic!("not judged")
            };
            assert!(reason.contains("its log has 4 of 15 bytes"), "{reason}");
        }
    }
}

#[test]
fn what_survivors_hold_nobody_else_gets() {
    let mut events = began("8/prep", "8/prep");
    events.extend(until_step("9", "9/prep"));
    events.push(Event::SupervisorStarted { pid: 1, start_time: 1, place: super::super::identity::place() });
    let mut house = House::found(&events);
    for step in &mut house.supervisor.state.plan.steps {
        if step.id.as_str().ends_with("/prep") {
            step.resources = vec!["modules-yaml".parse().unwrap()];
        }
    }
    let mut left = Left::of(&house, "8/prep", "exec sleep 600");
    house.done(Request::Resume { release: Some(release_id("9")) });
    let holder = house.supervisor.live.steps[&id("9/prep")].waits_for.clone().unwrap().1;
    assert!(holder.contains("8/prep") && holder.contains(&left.pid()), "{holder}");
    assert_eq!(house.started("9/prep"), 0);
    left.end();
    turn(&mut house, "lane 9 goes on", |it| {
        it.busy.get(&id("9/prep")).is_some_and(|busy| !matches!(busy, Busy::Waiting))
    });
    assert_eq!(house.word("8/prep"), "interrupted");
}

#[test]
fn no_run_begins_on_a_release_where_a_survivor_lives() {
    let house = interrupted(&[]);
    let mut left = Left::of(&house, SYNC, "exec sleep 600");
    let store = Store::open(house.folder.path()).unwrap();
    let other = "20260101T000000Z-8-update".parse().unwrap();
    let ask = |own, release| super::super::survivors::survivor_on(&store, own, &[release_id(release)]);
    // The house holds its lock as long as it stands; its supervisor is not dead then.
    assert_eq!(ask(&other, "8"), None);
    let id = house.dir().id().clone();
    let House { folder, supervisor, .. } = house;
    drop(supervisor);
    let said = ask(&other, "8").unwrap();
    assert!(said.contains(&left.pid()) && said.contains(&format!("stagegate cancel {id} {SYNC}")), "{said}");
    assert_eq!(ask(&other, "9"), None, "its lane is another");
    assert_eq!(ask(&id, "8"), None, "its own run takes it up");
    left.end();
    assert_eq!(ask(&other, "8"), None);
    drop(folder);
}
