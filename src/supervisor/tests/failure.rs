//! What is left of a run when something in its supervisor breaks: never something that looks alive.

use super::super::failure::{Halt, Watchdog};
use super::super::serve::guarded;
use super::survivors::Left;
use super::*;
use crate::domain::outcome::ProcessEnd;

/// Turns the loop until it breaks, and has it end in order.
fn broken(house: &mut House) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let turned = runtime.block_on(async {
        let turning = guarded(&mut house.supervisor, &mut house.happenings);
        tokio::time::timeout(PATIENCE, turning).await
    });
    let halt = match turned.expect("the loop turns for ever") {
        Err(halt @ Halt::Broken(_)) => halt,
        other => panic!("{other:?}"),
    };
    house.supervisor.fail(&mut house.happenings, &halt);
    halt.to_string()
}

#[test]
fn a_panic_of_the_loop_stops_what_runs_and_says_why() {
    let mut house = House::running(&["sleep", "600"]);
    house.supervisor.advance().unwrap();
    let step = id("8/compose/Rocky");
    house.until("it runs", |it| {
        matches!(it.state.record(&step).unwrap().state, StepState::Running { process: Some(_), .. })
    });
    let StepState::Running { process: Some((pid, _)), .. } =
        house.supervisor.state.record(&step).unwrap().state
    else {
        unreachable!("it runs")
    };
    house.supervisor.happenings.send(Happening::Struck).unwrap();
    assert_eq!(broken(&mut house), "the run loop panicked: struck");
    let journal = house.journal();
    let place = |wanted: &dyn Fn(&Event) -> bool| journal.iter().position(wanted).expect("it is recorded");
    let failed =
        place(&|event| matches!(event, Event::SupervisorFailed { reason } if reason.contains("struck")));
    let ended = place(
        &|event| matches!(event, Event::StepEnded { step: of, end: ProcessEnd::Cancelled { .. }, .. } if *of == step),
    );
    assert!(failed < ended, "why comes first: it is what must not be lost");
    assert_eq!(crate::exec::group::ProcessStat::of(pid), None, "nothing of it is left");
    let state = house.dir().load().unwrap();
    assert_eq!(state.verdict(false), RunVerdict::Interrupted);
    assert!(state.failed.unwrap().1.contains("struck"));
}

#[test]
fn a_thread_that_panics_ends_the_supervisor_in_order() {
    let mut house = House::running(&["sleep", "600"]);
    house.supervisor.advance().unwrap();
    let watchdog = Watchdog::new("checks of 8/prep", &house.supervisor.happenings);
    let thread = std::thread::spawn(move || {
        let _watchdog = watchdog;
        std::panic::panic_any("struck");
    });
    assert!(thread.join().is_err());
    let why = broken(&mut house);
    assert!(why.contains("checks of 8/prep") && why.contains("supervisor.log"), "{why}");
    assert!(house.journal().iter().any(|event| matches!(event, Event::SupervisorFailed { .. })));
    assert!(house.supervisor.busy.is_empty());
}

#[test]
fn a_thread_that_ends_as_it_should_breaks_nothing() {
    let mut house = House::new();
    drop(Watchdog::new("checks", &house.supervisor.happenings));
    assert!(house.happenings.try_recv().is_err());
}

#[test]
fn what_no_unit_looks_after_any_more_is_stopped() {
    let mut house = House::new();
    let place = super::super::identity::place();
    house.supervisor.record(&Event::SupervisorStarted { pid: 1, start_time: 1, place }).unwrap();
    let starting = Event::StepStarting {
        step: id("8/compose/Rocky"),
        attempt: 1,
        log: String::new(),
        argv: Vec::new(),
        added_env: BTreeMap::new(),
        composes: BTreeMap::new(),
        findings: Vec::new(),
        scripts: BTreeMap::new(),
    };
    house.supervisor.record(&starting).unwrap();
    let left = Left::of(&house, "8/compose/Rocky", "exec sleep 600");
    let halt = Halt::Broken("a thread panicked (unit of 8/compose/Rocky)".to_owned());
    house.supervisor.fail(&mut house.happenings, &halt);
    assert!(!left.is_there());
}
