//! What clients ask for: skip, retry, resume, waive; and who of them has the helm.

use super::*;

#[test]
fn what_may_be_skipped() {
    let mut house = House::found(&[concluded("8/compose/Rocky", Outcome::Failed)]);
    for step in ["8/gate", "8/publish", "9/publish", "shared/lists"] {
        assert!(house.failed(skip(step)).contains("cannot be skipped"), "{step}");
    }
    let silent = Request::Skip { step: id("8/prep"), reason: "  ".to_owned() };
    assert!(house.failed(silent).contains("reason"));
    assert!(house.failed(skip("7/prep")).contains("no step"));
    assert_eq!(house.ask(1, skip("8/compose/Rocky")), None);
    house.until("it is skipped", |it| it.state.record(&id("8/compose/Rocky")).unwrap().word() == "skipped");
    assert!(matches!(house.answers.get_mut(&1).unwrap().try_recv(), Ok(Response::Done { .. })));
    assert!(house.failed(skip("8/compose/Rocky")).contains("done"), "once is enough");
    assert!(house.failed(skip("8/compose/Extras")).contains("running"), "its checks are at work");
}

#[test]
fn what_may_be_retried() {
    let mut house = House::running(&["sleep", "600"]);
    assert!(house.failed(retry("7/prep")).contains("no step"));
    assert!(house.failed(retry("8/prep")).contains("has not run yet"));
    house.until("it runs", |it| matches!(it.busy.get(&id("8/compose/Rocky")), Some(Busy::Unit(_))));
    assert!(house.failed(retry("8/compose/Rocky")).contains("at work"));
    house.done(Request::Cancel { step: None });
    house.until("all is stopped", Supervisor::is_settled);
}

/// The first process of an interrupted step may have outlived its supervisor; here it is this test itself.
#[test]
fn nothing_runs_twice_at_once() {
    let own = super::super::identity::own_pid();
    let start_time = super::super::identity::start_time(own).unwrap();
    let starting = starting("8/sync/Rocky", 1, "");
    let lives = |start_time| {
        let mut events = until_step("8", "8/sync/Rocky");
        events.push(starting.clone());
        events.push(Event::StepStarted { step: id("8/sync/Rocky"), pid: own, start_time, contained: None });
        events.push(Event::SupervisorStarted { pid: 1, start_time: 1, place: Place::default() });
        House::found(&events)
    };
    let resume = || Request::Resume { release: Some(release_id("8")) };
    for request in [retry("8/sync/Rocky"), retry("8/compose/Rocky"), skip("8/sync/Rocky")] {
        let mut house = lives(start_time);
        assert!(house.failed(request.clone()).contains("still alive"), "{request:?}");
        assert_eq!(house.word("8/sync/Rocky"), "interrupted");
    }
    let mut house = lives(start_time);
    assert!(house.done(resume()).contains("waits until its first life is over"));
    house.supervisor.advance().unwrap();
    assert_eq!((house.word("8/sync/Rocky"), house.started("8/sync/Rocky")), ("interrupted", 1));
    assert!(
        !house.supervisor.is_settled() && house.supervisor.busy.is_empty(),
        "it watches, and starts nothing"
    );
    let mut house = lives(start_time + 1);
    house.done(resume());
    assert!(house.supervisor.busy.contains_key(&id("8/sync/Rocky")), "another process of the same id");
}

/// A pid and a start time say nothing in another pid namespace: there they are of another process.
#[test]
fn a_shell_of_another_pid_namespace_is_not_looked_for_here() {
    let own = super::super::identity::own_pid();
    let start_time = super::super::identity::start_time(own).unwrap();
    let sync = id("8/sync/Rocky");
    let here = super::super::identity::place();
    for (namespace, seen) in [(here.pid_namespace, 1), (0, 1), (here.pid_namespace + 1, 0)] {
        let mut house = House::new();
        let place = Place { pid_namespace: namespace, ..here.clone() };
        let process = Some((own, start_time));
        let cut = Cut { since: at(0), process, stopping: None, end: None, place };
        house.supervisor.state.steps.get_mut(&sync).unwrap().state = StepState::Interrupted { cut };
        let truths = house.supervisor.truths();
        let is_own = |one: &&crate::domain::run::recovery::Survivor| one.pid == own;
        assert_eq!(truths[&sync].survivors().iter().filter(is_own).count(), seen, "{namespace}");
    }
}

#[test]
fn a_step_that_is_not_repeatable_is_not_resumed_by_itself() {
    let mut house = House::new();
    let step = id("8/compose/Rocky");
    let place = house.supervisor.state.plan.steps.iter().position(|one| one.id == step).unwrap();
    house.supervisor.state.plan.steps[place].repeatable = false;
    house.supervisor.state.steps.get_mut(&step).unwrap().attempts = 1;
    let here = super::super::identity::place();
    let cut = Cut { since: at(0), process: Some((1, 1)), stopping: None, end: None, place: here };
    house.supervisor.state.steps.get_mut(&step).unwrap().state = StepState::Interrupted { cut };
    let resume = || Request::Resume { release: Some(release_id("8")) };
    assert!(house.failed(resume()).contains("not safe to repeat"));
    assert!(house.failed(retry("8/compose/Rocky")).contains("--reason"), "by name, but without a reason");
    let reason = "looked at the compose folder".to_owned();
    house.done(Request::Retry { step, reason });
}

#[test]
fn what_cannot_be_waived() {
    let mut house = House::new();
    let waive = |reason: &str| Request::Waive {
        release: release_id("8"),
        finding: crate::domain::finding::FindingId("abc".to_owned()),
        message: None,
        reason: reason.to_owned(),
    };
    assert!(house.failed(waive(" ")).contains("reason"));
    assert!(house.failed(waive("known")).contains("not waiting"));
}

#[test]
fn one_client_has_the_helm() {
    let mut house = House::new();
    house.connect(1, person("lena", 1001));
    house.connect(2, person("omar", 1002));
    assert_eq!(house.ask(1, Request::TakeHelm { reason: None }), Some(Response::HelmGiven { turn: 1 }));
    let stop = || Request::Cancel { step: Some(id("8/prep")) };
    for request in [stop(), retry("8/prep"), skip("8/prep"), Request::Resume { release: None }] {
        let answer = house.ask(2, request.clone());
        assert_eq!(answer, Some(Response::HelmBusy { by: person("lena", 1001) }), "{request:?}");
    }
    let silent = house.ask(2, Request::TakeHelm { reason: Some("  ".to_owned()) });
    assert_eq!(silent, Some(Response::HelmBusy { by: person("lena", 1001) }), "blanks are no reason");
    let given = house.ask(2, Request::TakeHelm { reason: Some("lena went home".to_owned()) });
    assert_eq!(given, Some(Response::HelmGiven { turn: 2 }));
    house.supervisor.broadcast();
    let live = &house.supervisor.live;
    assert_eq!((live.helm_turn, live.helm_reason.as_deref()), (2, Some("lena went home")));
    let taken = Event::HelmTaken {
        by: person("omar", 1002),
        from: person("lena", 1001),
        reason: "lena went home".to_owned(),
    };
    assert!(house.journal().contains(&taken));
    assert!(matches!(house.ask(1, stop()), Some(Response::HelmBusy { .. })));
    house.supervisor.handle(Happening::Gone { client: ClientId(2) }).unwrap();
    assert!(
        matches!(house.ask(1, stop()), Some(Response::Failed { .. })),
        "it is free, and prep has no process"
    );
    house.ask(1, Request::TakeHelm { reason: None });
    house.ask(1, Request::ReleaseHelm);
    house.connect(3, person("omar", 1002));
    assert!(matches!(house.ask(3, stop()), Some(Response::Failed { .. })));
}

#[test]
fn a_request_of_a_client_that_is_gone_is_nobodys() {
    let mut house = House::new();
    let asked = Happening::Asked { client: ClientId(99), request: Request::Cancel { step: None } };
    house.supervisor.handle(asked).unwrap();
    assert_eq!(house.supervisor.state.cancelled, None);
}

#[test]
fn what_a_check_found_before_a_step_refuses_it() {
    let mut house = House::new();
    house.supervisor.advance().unwrap();
    let finding =
        crate::domain::finding::Finding::blocking(CheckName::Mounts, "gone", "/mnt", "not there", "mount");
    let found = Happening::CheckedBefore {
        step: id("8/compose/Rocky"),
        findings: vec![finding],
        scripts: BTreeMap::new(),
    };
    house.supervisor.handle(found).unwrap();
    assert_eq!((house.word("8/compose/Rocky"), house.started("8/compose/Rocky")), ("failed", 0));
}
