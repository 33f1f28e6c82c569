//! What is claimed about an interrupted step, and that nothing more is.

use super::super::event::{Event, StopStage};
use super::super::tests::{attempt, concluded, ended, fold, id, place, starting, supervised};
use super::*;
use crate::domain::fixture::{at, person, plan};
use crate::domain::outcome::Outcome;

/// Returns the truth about `step` after `events`, under a supervisor of [`place`] that is dead.
fn truth(step: &str, events: &[Event], sighting: &Sighting) -> Interrupted {
    let plan = plan();
    let state = fold(&plan, [&[supervised()], events].concat().iter());
    Interrupted::weigh(&state, plan.step(&id(step)).unwrap(), sighting).unwrap()
}

fn here() -> Sighting {
    Sighting { place: place(), ..Sighting::default() }
}

fn survivor() -> Survivor {
    Survivor { pid: 4711, start_time: 99, command: "bash sync.sh Rocky".to_owned(), since: Some(at(0)) }
}

fn began(step: &str) -> Vec<Event> {
    vec![
        starting(&id(step), 1),
        Event::StepStarted { step: id(step), pid: 4711, start_time: 99, contained: None },
    ]
}

const SYNC: &str = "8/sync/Rocky";

#[test]
fn whether_it_was_started() {
    let about_to = [starting(&id(SYNC), 1)];
    let perhaps = truth(SYNC, &about_to, &here());
    assert_eq!(perhaps.started, Started::Perhaps);
    assert!(perhaps.to_string().contains("may or may not have been started"), "{perhaps}");
    // A process that bears its mark is proof, whatever the journal lacks.
    let seen = Sighting { survivors: vec![survivor()], ..here() };
    assert_eq!(truth(SYNC, &about_to, &seen).started, Started::Certainly);
    assert_eq!(truth(SYNC, &began(SYNC), &here()).started, Started::Certainly);
    let lists = truth("shared/lists", &[starting(&id("shared/lists"), 1)], &here());
    assert_eq!(lists.started, Started::NoCommand);
    assert_eq!(lists.alive, Alive::No { gone: Gone::NoCommand });
}

#[test]
fn whether_it_may_be_alive() {
    let alive = |step: &str, sighting: &Sighting| truth(step, &began(step), sighting).alive;
    assert_eq!(alive(SYNC, &here()), Alive::No { gone: Gone::NotSeen });
    let seen = Sighting { survivors: vec![survivor()], ..here() };
    assert_eq!(alive(SYNC, &seen), Alive::Yes { survivors: vec![survivor()] });
    let elsewhere = |change: fn(&mut Place)| {
        let mut sighting = here();
        change(&mut sighting.place);
        sighting
    };
    let booted = elsewhere(|place| place.boot_id = "other".to_owned());
    assert_eq!(alive(SYNC, &booted), Alive::No { gone: Gone::OtherBoot });
    let unknown = |sighting: &Sighting, step: &str, word: &str| match alive(step, sighting) {
        Alive::Unknown { why } => assert!(why.contains(word), "{why}"),
        other => panic!("{other:?}"),
    };
    // Another host has another boot, too; that says nothing about this one.
    let other_host = elsewhere(|place| {
        place.host = "compose02".to_owned();
        place.boot_id = "other".to_owned();
    });
    unknown(&other_host, SYNC, "compose01");
    unknown(&elsewhere(|place| place.pid_namespace = 8), SYNC, "pid namespace");
    assert_eq!(
        alive(SYNC, &elsewhere(|place| place.pid_namespace = INITIAL_NAMESPACE)),
        Alive::No { gone: Gone::NotSeen },
        "the initial namespace sees all"
    );
    unknown(&Sighting { hidden: Some("4711 (rsync)".to_owned()), ..here() }, SYNC, "4711 (rsync)");
    // What ssh started over there knows nothing of our boots.
    unknown(&here(), "8/errata", "errata01");
    unknown(&booted, "8/errata", "errata01");
    // A journal that says nothing of places is taken to be of this one.
    let plan = plan();
    let blank = Event::SupervisorStarted { pid: 1, start_time: 1, place: Place::default() };
    let state = fold(&plan, &[vec![blank], began(SYNC)].concat());
    let told = Interrupted::weigh(&state, plan.step(&id(SYNC)).unwrap(), &here()).unwrap();
    assert_eq!(told.alive, Alive::No { gone: Gone::NotSeen });
}

#[test]
fn an_end_that_was_recorded_is_an_end() {
    let mut events = began(SYNC);
    events.push(ended(&id(SYNC), ProcessEnd::Exited { code: 3 }));
    let told = truth(SYNC, &events, &here());
    assert_eq!(told.alive, Alive::No { gone: Gone::Ended { end: ProcessEnd::Exited { code: 3 } } });
    assert!(told.to_string().contains("exit code 3"), "{told}");
    // It stays so when the next supervisor has found it, and dies as well.
    events.extend([supervised(), Event::ChecksResumed { step: id(SYNC), by: person("x", 1) }, supervised()]);
    assert_eq!(truth(SYNC, &events, &here()).alive, told.alive);
}

#[test]
fn a_step_that_was_judged_or_never_began_is_not_interrupted() {
    let plan = plan();
    let step = plan.step(&id(SYNC)).unwrap();
    for events in [
        vec![supervised()],
        attempt(&id(SYNC), Outcome::Failed),
        [began(SYNC), vec![supervised(), concluded(&id(SYNC), Outcome::Failed)]].concat(),
    ] {
        let state = fold(&plan, &events);
        assert_eq!(Interrupted::weigh(&state, step, &here()), None);
    }
}

#[test]
fn where_it_ran_is_where_its_supervisor_lived_not_the_next_one() {
    let plan = plan();
    let later = Place { boot_id: "later".to_owned(), ..place() };
    let mut events = vec![supervised()];
    events.extend(began(SYNC));
    let next = |place: &Place| Event::SupervisorStarted { pid: 9, start_time: 9, place: place.clone() };
    events.extend([next(&later), next(&later)]);
    let state = fold(&plan, &events);
    assert_eq!(state.cut(&id(SYNC)).unwrap().place, place());
    let stop = Event::StopRequested {
        step: id(SYNC),
        stage: StopStage::Terminate,
        by: person("x", 1),
        signal: None,
    };
    events.extend([stop, next(&later)]);
    let cut = fold(&plan, &events).cut(&id(SYNC)).unwrap();
    assert_eq!(
        (cut.place, cut.stopping),
        (place(), Some(StopStage::Terminate)),
        "a request outlives who took it"
    );
}

#[test]
fn of_a_long_command_line_the_arguments_that_fit_are_shown_and_no_half_of_one() {
    assert_eq!(shown("rsync -a x y"), "rsync -a x y");
    let exact = format!("rsync {}", "x".repeat(114));
    assert_eq!(shown(&exact), exact);
    assert_eq!(shown(&format!("{exact} y")), format!("{exact} …"));
    assert_eq!(shown(&format!("rsync -a {}", "s".repeat(200))), "rsync -a …");
    assert_eq!(
        shown(&"é".repeat(200)),
        format!("{} …", "é".repeat(120)),
        "the program has no blank before it"
    );
}

/// The value goes on beyond what is shown of the line.
#[test]
fn a_secret_that_is_longer_than_what_is_shown_is_taken_out_whole() {
    let secret = format!("correct {} staple", "horse ".repeat(40));
    let names = ["BACKUP_PASSPHRASE".to_owned()];
    let environment = std::collections::BTreeMap::from([(names[0].clone(), secret.clone())]);
    let secrets = crate::domain::redact::Secrets::named([&names[0]]);
    let mut plan = plan();
    plan.environment = environment;
    let redactor = Redactor::of_plan(&secrets, &plan);
    let alive = Survivor { command: format!("restic --with {secret} backup"), ..survivor() };
    let seen = Sighting { survivors: vec![alive], ..here() };
    let text = truth(SYNC, &began(SYNC), &seen).redacted(&redactor).to_string();
    assert!(text.contains("restic --with [redacted] backup"), "{text}");
    assert!(!text.contains("horse"), "{text}");
}
