//! Skips of compose steps: their link is read aside, and nothing is recorded before it was.

use super::*;
use crate::supervisor::happening::PendingSkip;

const STEP: &str = "8/compose/Rocky";

fn failed_compose() -> House {
    let mut house = House::found(&[concluded(STEP, Outcome::Failed)]);
    assert_eq!(house.ask(1, skip(STEP)), None, "its link is read first");
    house
}

fn cancel() -> Request {
    Request::Cancel { step: Some(id(STEP)) }
}

/// Takes happenings in until the skip that client 1 asked for is answered.
fn answer(house: &mut House) -> Response {
    house.until("the link is read", |it| !it.busy.contains_key(&id(STEP)));
    house.answers.get_mut(&1).unwrap().try_recv().unwrap()
}

#[test]
fn a_skip_is_recorded_once_its_link_was_read_and_nothing_starts_before_it() {
    let mut house = failed_compose();
    house.supervisor.released.insert(release_id("8"));
    house.supervisor.advance().unwrap();
    assert_eq!((house.word(STEP), house.journal().len()), ("failed", 1));
    assert!(!house.supervisor.is_settled(), "the skip is on its way");
    let done = Response::Done { message: format!("{STEP} is skipped") };
    assert_eq!(answer(&mut house), done);
    let journal = house.journal();
    assert!(
        matches!(
            &journal[1..3],
            [Event::StepSkipped { step, .. }, Event::ComposePinned { step: pinned, repo, compose }]
                if step == pinned && step.as_str() == STEP
                    && compose.to_string().starts_with(&format!("{repo}-8"))
        ),
        "{journal:#?}"
    );
    assert_eq!(house.word(STEP), "skipped");
    house.until("its lane goes on", |it| it.busy.contains_key(&id("8/compose/Extras")));
}

#[test]
fn a_step_that_is_being_skipped_is_neither_skipped_again_nor_retried_nor_resumed() {
    let mut house = failed_compose();
    let again = house.ask(2, skip(STEP));
    let told = format!("{STEP} is being skipped: its link is read now; `stagegate cancel ");
    assert!(matches!(&again, Some(Response::Failed { message }) if message.starts_with(&told)), "{again:?}");
    let retried = house.ask(2, retry(STEP));
    let told = format!("{STEP} is at work; cancel it first");
    assert_eq!(retried, Some(Response::Failed { message: told }));
    house.ask(2, Request::Resume { release: Some(release_id("8")) });
    assert!(matches!(house.supervisor.busy[&id(STEP)], Busy::Skipping));
    assert!(matches!(answer(&mut house), Response::Done { .. }));
    let skips = house.journal().into_iter().filter(|event| matches!(event, Event::StepSkipped { .. }));
    assert_eq!(skips.count(), 1);
}

#[test]
fn a_skip_that_is_ended_while_its_link_is_read_skips_nothing() {
    let of_step = cancel();
    for request in [of_step, Request::Cancel { step: None }] {
        let mut house = failed_compose();
        assert!(matches!(house.ask(2, request), Some(Response::Done { .. })));
        let told = format!(
            "{STEP} is not skipped, as nobody knows what its link names: cancelled before it was complete"
        );
        assert_eq!(answer(&mut house), Response::Failed { message: told });
        assert_eq!(house.word(STEP), "failed");
    }
}

#[test]
fn a_release_that_was_given_up_meanwhile_has_no_step_skipped() {
    let mut house = failed_compose();
    let to = "20261122T184500Z-8-update".parse().unwrap();
    house.done_by(2, Request::GiveUp { release: release_id("8"), to, reason: "mine now".to_owned() });
    let answer = answer(&mut house);
    let told = format!("{STEP} is not skipped: its release was given up to run 20261122T184500Z-8-update");
    assert!(matches!(&answer, Response::Failed { message } if message.starts_with(&told)), "{answer:?}");
    assert_eq!(house.word(STEP), "failed");
}

#[test]
fn a_link_that_could_not_be_read_skips_nothing_and_one_that_is_not_there_pins_nothing() {
    let mut house = failed_compose();
    let pending = |client| PendingSkip {
        client: ClientId(client),
        step: id(STEP),
        reason: "known".to_owned(),
        by: person("lena", 1001),
    };
    let silent = Err(VetError::NotAnswering { place: "compose".to_owned(), for_s: 20 });
    house.supervisor.handle(Happening::LinkRead { skip: pending(1), read: silent }).unwrap();
    let told = format!(
        "{STEP} is not skipped, as nobody knows what its link names: compose: not answering for 20 s; see \
         what became of it, then look again"
    );
    assert_eq!(house.answers.get_mut(&1).unwrap().try_recv(), Ok(Response::Failed { message: told }));
    assert_eq!((house.word(STEP), house.journal().len()), ("failed", 1));
    // What comes of the first reading in the end is nothing to anybody.
    let late = std::iter::from_fn(|| house.happenings.blocking_recv());
    let late = { late }.find(|happening| matches!(happening, Happening::LinkRead { .. }));
    house.supervisor.handle(late.unwrap()).unwrap();
    assert_eq!((house.word(STEP), house.journal().len()), ("failed", 1));

    let link = house.supervisor.link_of(house.supervisor.state.plan.step(&id(STEP)).unwrap()).unwrap();
    std::fs::remove_file(link).unwrap();
    assert_eq!(house.ask(1, skip(STEP)), None);
    assert!(matches!(answer(&mut house), Response::Done { .. }));
    let facts = house.journal();
    assert!(!facts.iter().any(|event| matches!(event, Event::ComposePinned { .. })), "{facts:?}");
    house.until("its lane stops", Supervisor::is_settled);
    let told = "no compose of Rocky is pinned yet";
    let says =
        |event: &Event| matches!(event, Event::StepRefused { findings, .. } if findings[0].message == told);
    assert!(house.journal().iter().any(says), "{:?}", house.words());
}

/// A link is read with the checks after a step, on their thread.
#[test]
fn a_compose_step_that_succeeded_pins_what_the_checks_after_it_read() {
    let mut house = House::new();
    house.supervisor.advance().unwrap();
    house.until("it made a compose", |it| it.state.record(&id(STEP)).unwrap().word() == "succeeded");
    let pins = |event: &Event| matches!(event, Event::ComposePinned { step, .. } if *step == id(STEP));
    assert!(house.journal().iter().any(pins));
}
