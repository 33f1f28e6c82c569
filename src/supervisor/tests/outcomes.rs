//! How steps end, as the journal and the answers say it.

use super::*;
use crate::compose::pulse::Pulse;
use crate::domain::outcome::ProcessEnd;
use crate::domain::run::event::StopStage;

const STEP: &str = "8/compose/Rocky";

fn runs(house: &mut House, step: &str) {
    house.supervisor.advance().unwrap();
    let step = id(step);
    // Its process is there once it is recorded.
    let has_process = move |it: &Supervisor| {
        let record = it.state.record(&step).unwrap();
        matches!(record.state, StepState::Running { process: Some(_), .. })
    };
    house.until("it runs", has_process);
}

fn reason(house: &House, step: &str) -> String {
    match &house.supervisor.state.record(&id(step)).unwrap().state {
        StepState::Concluded { reason, .. } => reason.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_supervisor_that_is_told_to_stop_names_the_signal() {
    let mut house = House::running(&["sleep", "600"]);
    runs(&mut house, STEP);
    house.supervisor.handle(Happening::Terminated { signal: 15 }).unwrap();
    house.until("everything is stopped", Supervisor::is_settled);
    let journal = house.journal();
    let run = journal.iter().find(|fact| matches!(fact, Event::RunCancelled { .. }));
    assert!(matches!(run, Some(Event::RunCancelled { signal: Some(15), .. })), "{run:?}");
    let step = journal.iter().find(|fact| matches!(fact, Event::StopRequested { .. }));
    assert!(matches!(step, Some(Event::StopRequested { signal: Some(15), .. })), "{step:?}");
    let told = "because SIGTERM told the supervisor to stop";
    assert_eq!(reason(&house, STEP), format!("cancelled {told}"));
    assert_eq!(house.supervisor.state.cancelled.as_ref().map(|(_, why)| why.as_str()), Some(told));
}

#[test]
fn a_stop_is_recorded_before_it_is_done_and_says_who_asked() {
    let mut house = House::running(&["sleep", "600"]);
    runs(&mut house, STEP);
    let stops = |house: &House| {
        let of = |fact: &Event| match fact {
            Event::StopRequested { step, stage, .. } if *step == id(STEP) => Some(*stage),
            _ => None,
        };
        house.journal().iter().filter_map(of).collect::<Vec<_>>()
    };
    let refused = house.failed(Request::Kill { step: id(STEP) });
    assert_eq!(
        refused,
        "the step has not been asked to stop: cancel it first, kill it if that does not help"
    );
    assert_eq!(stops(&house), [], "what was refused is not recorded as done");
    house.done(Request::Cancel { step: Some(id(STEP)) });
    assert_eq!(stops(&house), [StopStage::Terminate], "durable when the answer is there");
    house.until("it is cancelled", |it| it.state.record(&id(STEP)).unwrap().word() == "cancelled");
    let who = person("lena", 1001);
    assert_eq!(reason(&house, STEP), format!("cancelled by {who}"));
    let journal = house.journal();
    let at = |wanted: fn(&Event) -> bool| journal.iter().position(wanted).unwrap();
    let asked = at(|fact| matches!(fact, Event::StopRequested { .. }));
    let ended = at(|fact| matches!(fact, Event::StepEnded { step, .. } if step.as_str() == STEP));
    assert!(asked < ended);
}

#[test]
fn a_step_in_its_checks_has_no_process_to_kill_and_that_is_said() {
    let mut house = House::new();
    let starting = starting(STEP, 1, "steps/1.log");
    house.supervisor.record(&starting).unwrap();
    let end = ProcessEnd::Exited { code: 0 };
    house.supervisor.record(&Event::StepEnded { step: id(STEP), end, log_bytes: 0 }).unwrap();
    let kill = || Request::Kill { step: id(STEP) };
    assert_eq!(house.failed(kill()), format!("{STEP} has no process to stop"));
    house.supervisor.busy.insert(id(STEP), Busy::After);
    let look = Arc::new(Pulse::new());
    house.supervisor.looks.insert(id(STEP), Arc::clone(&look));
    let told = "is over (exit code 0), the look at it is ended and found nothing out";
    assert_eq!(house.done(kill()), format!("the process of {STEP} {told}"));
    assert!(look.is_cancelled());
    let stops = house.journal().into_iter().filter(|fact| matches!(fact, Event::StopRequested { .. }));
    assert_eq!(stops.count(), 1, "who ended it is on record");
}

#[test]
fn a_command_that_cannot_be_started_fails_and_says_why() {
    let mut house = House::running(&["/no/such/program"]);
    house.supervisor.advance().unwrap();
    house.until("it failed", |it| it.state.record(&id(STEP)).unwrap().word() == "failed");
    let reason = reason(&house, STEP);
    assert!(reason.starts_with("could not start: `/no/such/program`: "), "{reason}");
}

#[test]
fn a_signal_that_nobody_here_sent_is_named() {
    let mut house = House::running(&["bash", "-c", "kill -KILL $$"]);
    house.supervisor.advance().unwrap();
    house.until("it failed", |it| it.state.record(&id(STEP)).unwrap().word() == "failed");
    assert_eq!(reason(&house, STEP), "killed by SIGKILL, which was not sent from here");
}
