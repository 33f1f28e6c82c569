//! A journal that cannot be written any more: nothing starts, what runs is stopped, and everybody is told.

use super::super::fail_closed::Halt;
use super::super::serve::guarded;
use super::survivors::Left;
use super::*;

/// Fails because of `halt`, and returns what is said.
fn fail_closed(house: &mut House, halt: impl Into<Halt>) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(house.supervisor.fail_closed(&halt.into(), &mut house.happenings)).to_string()
}

/// Runs a house whose steps sleep until its first one is at work.
fn at_work() -> (House, i32) {
    let mut house = House::running(&["sleep", "600"]);
    house.supervisor.advance().unwrap();
    let shell =
        |supervisor: &Supervisor| match &supervisor.state.record(&id("8/compose/Rocky")).unwrap().state {
            StepState::Running { process, .. } => process.map(|(pid, _)| pid),
            _ => None,
        };
    house.until("8/compose/Rocky runs", |supervisor| shell(supervisor).is_some());
    let pid = shell(&house.supervisor).unwrap();
    (house, pid)
}

#[test]
fn a_record_that_cannot_be_written_stops_everything_and_is_told() {
    let (mut house, shell) = at_work();
    house.connect(1, person("lena", 1001));
    let (live, moments) = watch::channel(None);
    house.supervisor.clients.get_mut(&ClientId(1)).unwrap().live = live;
    house.supervisor.clients.get_mut(&ClientId(1)).unwrap().subscribed = true;
    let before = house.journal().len();
    house.supervisor.journal.break_disk();
    let request = Request::Cancel { step: Some(id("8/compose/Rocky")) };
    let error = house.supervisor.handle(Happening::Asked { client: ClientId(1), request }).unwrap_err();
    // Another one asks while it stops; it hears the same.
    let request = Request::Skip { step: id("9/compose/Rocky"), reason: "quick".to_owned() };
    house.supervisor.happenings.send(Happening::Asked { client: ClientId(1), request }).unwrap();
    let said = fail_closed(&mut house, error);

    let journal = house.dir().journal();
    let words = format!("cannot write the journal {}", journal.display());
    assert!(said.starts_with(&words), "{said}");
    let what_next = format!("; mend that, then `stagegate resume {}`", house.dir().id());
    assert!(said.ends_with(&what_next), "{said}");
    assert_eq!(
        moments.borrow().as_ref().unwrap().trouble.as_deref(),
        Some(said.as_str()),
        "every console is told"
    );
    let heard = house.answers.get_mut(&1).unwrap();
    let mut last = None;
    while let Ok(answer) = heard.try_recv() {
        last = Some(answer);
    }
    assert!(matches!(&last, Some(Response::Failed { message }) if message.contains(&said)), "{last:?}");
    assert!(!std::path::Path::new(&format!("/proc/{shell}")).exists(), "what ran was stopped");
    assert_eq!(house.journal().len(), before, "and nothing was written");
}

/// What ends by itself in the meantime is recorded where there is room for it; what was stopped is left for `resume`.
#[test]
fn with_no_room_but_the_reserve_what_ended_is_recorded_and_why() {
    let (mut house, _) = at_work();
    let path = house.dir().journal();
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    let error = crate::journal::JournalError::NoRoom { path, cause: full };
    let said = fail_closed(&mut house, error);
    assert!(
        said.starts_with("no room for another record in ") && said.contains("free some room there, then"),
        "{said}"
    );
    let facts = house.journal();
    assert_eq!(facts.last(), Some(&Event::SupervisorFailed { reason: said.clone() }));
    let ended = |event: &Event| matches!(event, Event::StepEnded { .. } | Event::StepConcluded { .. });
    assert!(!facts.iter().any(ended), "{facts:?}");
    let state = house.dir().load().unwrap();
    assert_eq!(state.failed.map(|(_, reason)| reason), Some(said));
    assert_eq!(state.ended, None);
}

#[test]
fn a_panic_of_the_loop_stops_what_runs_and_says_why() {
    let (mut house, shell) = at_work();
    house.supervisor.happenings.send(Happening::Struck).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let turned = runtime.block_on(async {
        let turning = guarded(&mut house.supervisor, &mut house.happenings);
        tokio::time::timeout(PATIENCE, turning).await
    });
    let halt = turned.expect("the loop ends").unwrap_err();
    let said = fail_closed(&mut house, halt);
    assert!(said.starts_with("the run loop panicked: struck; "), "{said}");
    assert!(!std::path::Path::new(&format!("/proc/{shell}")).exists(), "what ran was stopped");
    let state = house.dir().load().unwrap();
    assert_eq!(state.verdict(false), RunVerdict::Interrupted);
    assert_eq!(state.failed.map(|(_, reason)| reason), Some(said));
}

#[test]
fn what_no_unit_looks_after_any_more_is_stopped() {
    let mut house = House::new();
    let place = super::super::identity::place();
    house.supervisor.record(&Event::SupervisorStarted { pid: 1, start_time: 1, place }).unwrap();
    let starting = starting("8/compose/Rocky", 1, "");
    house.supervisor.record(&starting).unwrap();
    let left = Left::of(&house, "8/compose/Rocky", "exec sleep 600");
    fail_closed(&mut house, Halt::Broken("its socket takes no connections any more".to_owned()));
    assert!(!left.is_there());
}
