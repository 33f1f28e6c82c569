//! An open run: what can be done to it, by whom, and what its logs do.

use super::fixture::{Bench, at_gate, concluded, person, run_id, starting, step_id};
use crate::app::Effect;
use crate::app::effect::{RunRequest, Secret};
use crate::app::model::{
    Confirm, Helm, Match, MatchTally, Mode, Overlay, RunLayout, Screen, SearchFrom, SearchState, Stride,
    TextPurpose,
};
use crate::app::msg::{Answer, Msg};
use crate::domain::live::{Live, LiveStep};
use crate::domain::outcome::Outcome;
use crate::domain::run::event::StopStage;
use crate::domain::run::recovery::{Interrupted, Sighting, Survivor};
use crate::domain::run::{Event, RunState};
use std::collections::BTreeMap;

fn send(request: RunRequest) -> Effect {
    Effect::Send { run: run_id(), request }
}

fn take_helm() -> Effect {
    send(RunRequest::TakeHelm { reason: None })
}

fn helm_given(bench: &mut Bench) {
    let answer = Answer::HelmGiven { turn: 1 };
    bench.tell(Msg::RequestAnswered {
        run: run_id(),
        request: RunRequest::TakeHelm { reason: None },
        answer,
    });
}

fn opened(events: &[Event]) -> Bench {
    let mut bench = Bench::new(Mode::Acting);
    assert_eq!(bench.open_run(events), [take_helm()]);
    helm_given(&mut bench);
    bench
}

fn live(bench: &mut Bench, live: Live) {
    assert_eq!(bench.tell(Msg::LiveTold { run: run_id(), live }), []);
}

#[test]
fn a_started_run_is_shown_and_the_ticks_are_spent() {
    let bench = opened(&[starting("8/sync/Rocky", 1)]);
    assert_eq!(bench.model.screen, Screen::Run);
    assert!(bench.model.ticks.now.is_empty());
    let run = bench.model.run.as_ref().unwrap();
    assert_eq!(run.selected().unwrap().id, step_id("8/sync/Rocky"));
    assert_eq!(run.views[&step_id("8/sync/Rocky")].log.as_deref(), Some("steps/8-sync-Rocky-1.log"));
    assert_eq!(run.helm, Helm::Mine { turn: 1 });
}

#[test]
fn retry_names_what_becomes_stale_and_looks_again_before_it_sends() {
    let failed = [starting("8/sync/Rocky", 1), concluded("8/sync/Rocky", Outcome::Failed)];
    let mut bench = opened(&failed);
    bench.press("t");
    let step = step_id("8/sync/Rocky");
    let question = Confirm::Retry { step: step.clone(), stale: Vec::new(), repeatable: true };
    assert_eq!(bench.model.overlays, [Overlay::Confirm(question)]);
    assert_eq!(bench.press("y"), [send(RunRequest::Retry { step: step.clone(), reason: String::new() })]);
    bench.press("t");
    let plan = bench.model.run.as_ref().unwrap().state.plan.clone();
    bench.go_on(&plan, &[starting("8/sync/Rocky", 2)]);
    assert_eq!(bench.press("y"), [], "it runs by now");
    assert_eq!(bench.model.toasts.last().unwrap().message, "not done: 8/sync/Rocky is running");
}

#[test]
fn an_interrupted_step_runs_again_as_the_table_says() {
    let mut bench = opened(&[starting("8/sync/Rocky", 1)]);
    let step = step_id("8/sync/Rocky");
    let run = bench.model.run.as_mut().unwrap();
    run.alive = false;
    let weigh = |state: &RunState, sighting: &Sighting| {
        let truth = Interrupted::weigh(state, state.plan.step(&step).unwrap(), sighting).unwrap();
        BTreeMap::from([(step.clone(), truth)])
    };
    let survivor = Survivor { pid: 7, start_time: 7, command: "rsync".to_owned(), since: None };
    let lives = Sighting { survivors: vec![survivor], ..Sighting::default() };
    run.truths = weigh(&run.state, &lives);
    assert_eq!(bench.press("t"), []);
    assert!(bench.model.toasts.last().unwrap().message.contains("still alive: resume waits"));
    bench.press("X");
    assert_eq!(bench.press("y"), [send(RunRequest::CancelStep { step: step.clone() })]);
    // What may be alive wants a reason.
    let run = bench.model.run.as_mut().unwrap();
    run.truths =
        weigh(&run.state, &Sighting { hidden: Some("4711 (rsync)".to_owned()), ..Sighting::default() });
    bench.press("t");
    bench.press("enter");
    assert_eq!(bench.model.overlays.len(), 1, "an empty reason is none");
    bench.type_text("4711 is another's");
    let retry = RunRequest::Retry { step: step.clone(), reason: "4711 is another's".to_owned() };
    assert_eq!(bench.press("enter"), [send(retry)]);
    // What is gone and safe to repeat does not.
    let run = bench.model.run.as_mut().unwrap();
    run.truths = weigh(&run.state, &Sighting::default());
    bench.press("t");
    assert_eq!(bench.press("y"), [send(RunRequest::Retry { step: step.clone(), reason: String::new() })]);
}

#[test]
fn skip_wants_a_reason_and_never_a_gate() {
    let mut bench = opened(&[starting("8/sync/Rocky", 1), concluded("8/sync/Rocky", Outcome::Failed)]);
    bench.press("x");
    bench.press("enter");
    assert_eq!(bench.model.overlays.len(), 1, "an empty reason is none");
    bench.type_text("not needed q1");
    let skip = RunRequest::Skip { step: step_id("8/sync/Rocky"), reason: "not needed q1".to_owned() };
    assert_eq!(bench.press("enter"), [send(skip)]);
    for step in ["8/gate", "8/publish"] {
        bench.model.run.as_mut().unwrap().chosen = Some(step_id(step));
        assert_eq!(bench.press("x"), []);
        assert!(bench.model.overlays.is_empty(), "{step}");
    }
}

#[test]
fn stopping_is_staged() {
    let mut bench = opened(&[starting("8/sync/Rocky", 1)]);
    let step = step_id("8/sync/Rocky");
    bench.press("K");
    assert_eq!(bench.model.toasts.last().unwrap().message, "ask it to stop first");
    bench.press("X");
    assert_eq!(bench.press("y"), [send(RunRequest::CancelStep { step: step.clone() })]);
    let plan = bench.model.run.as_ref().unwrap().state.plan.clone();
    let asked = Event::StopRequested {
        step: step.clone(),
        stage: StopStage::Terminate,
        by: person("a"),
        signal: None,
    };
    bench.go_on(&plan, &[starting("8/sync/Rocky", 1), asked]);
    bench.press("X");
    assert!(bench.model.overlays.is_empty(), "the second request is another key");
    bench.press("K");
    assert_eq!(bench.press("y"), [send(RunRequest::Kill { step })]);
    bench.press("ctrl-x");
    assert_eq!(bench.press("y"), [send(RunRequest::CancelRun)]);
}

#[test]
fn the_helm_is_elsewhere_until_it_is_taken_for_a_reason() {
    let mut bench = Bench::new(Mode::Acting);
    bench.open_run(&[starting("8/sync/Rocky", 1)]);
    let busy = Answer::HelmBusy { by: person("other") };
    bench.tell(Msg::RequestAnswered {
        run: run_id(),
        request: RunRequest::TakeHelm { reason: None },
        answer: busy,
    });
    for key in ["X", "ctrl-x", "t", "x", "R", "K", "i"] {
        assert_eq!(bench.press(key), [], "{key}");
        assert!(bench.model.overlays.is_empty(), "{key}");
    }
    bench.press("o");
    assert_eq!(bench.model.overlays.len(), 1);
    bench.type_text("shift over");
    let reason = Some("shift over".to_owned());
    assert_eq!(bench.press("enter"), [send(RunRequest::TakeHelm { reason })]);
    helm_given(&mut bench);
    // A moment from before is out of date, whomever it names.
    live(&mut bench, Live { helm: Some(person("other")), ..Live::default() });
    live(&mut bench, Live { helm: Some(person("me")), helm_turn: 1, ..Live::default() });
    bench.press("X");
    assert_eq!(bench.model.overlays.len(), 1);
    let reason = Some("the shift is not over".to_owned());
    live(&mut bench, Live { helm: Some(person("me")), helm_turn: 2, helm_reason: reason, ..Live::default() });
    assert_eq!(bench.press("y"), [], "the helm went while the question was open");
    let told = &bench.model.banners.last().unwrap().message;
    assert!(told.contains("took the helm: the shift is not over; this console only watches"), "{told}");
}

#[test]
fn a_prompt_is_answered_for_itself_only_and_its_answer_is_shown_to_nobody() {
    let mut bench = opened(&[starting("8/sync/Rocky", 1)]);
    let step = step_id("8/sync/Rocky");
    let asking = |prompt: &str| Live {
        steps: [(
            step.clone(),
            LiveStep { prompt: Some(prompt.to_owned()), secret: true, ..LiveStep::default() },
        )]
        .into(),
        ..Live::default()
    };
    bench.press("i");
    assert!(bench.model.overlays.is_empty(), "nothing asks");
    live(&mut bench, asking("Enter passphrase:"));
    bench.press("i");
    assert!(matches!(
        bench.model.overlays[0],
        Overlay::Text { purpose: TextPurpose::Answer { hidden: true, .. }, .. }
    ));
    bench.type_text("hunter2");
    let effects = bench.press("enter");
    assert!(!format!("{effects:?}").contains("hunter2"));
    let text = Secret("hunter2".to_owned());
    assert_eq!(effects, [send(RunRequest::Answer { step: step.clone(), text, hidden: true })]);
    bench.press("i");
    bench.type_text("secret");
    live(&mut bench, asking("Overwrite? (y/N)"));
    assert!(bench.model.overlays.is_empty(), "what was typed for one prompt never answers another");
}

/// The wording tells nothing of a token, the terminal does; and it may tell only after the field was opened.
#[test]
fn what_the_terminal_does_not_show_is_not_shown_here_either() {
    let mut bench = opened(&[starting("8/sync/Rocky", 1)]);
    let step = step_id("8/sync/Rocky");
    let asking = |secret: bool| Live {
        steps: [(
            step.clone(),
            LiveStep { prompt: Some("Token:".to_owned()), secret, ..LiveStep::default() },
        )]
        .into(),
        ..Live::default()
    };
    live(&mut bench, asking(false));
    bench.press("i");
    let field = |bench: &Bench| match bench.model.overlays.last() {
        Some(Overlay::Text { purpose: TextPurpose::Answer { hidden, shown, .. }, .. }) => (*hidden, *shown),
        other => panic!("{other:?}"),
    };
    assert_eq!(field(&bench), (false, true));
    live(&mut bench, asking(true));
    assert_eq!(field(&bench), (true, false));
    live(&mut bench, asking(false));
    assert_eq!(field(&bench), (true, true), "what was hidden once stays hidden");
    bench.type_text("t0ken");
    let text = Secret("t0ken".to_owned());
    assert_eq!(bench.press("enter"), [send(RunRequest::Answer { step, text, hidden: false })]);
}

#[test]
fn logs_follow_scroll_and_search() {
    let mut bench = opened(&[starting("8/sync/Rocky", 1)]);
    let step = step_id("8/sync/Rocky");
    bench.press("enter");
    assert_eq!(bench.model.run.as_ref().unwrap().layout, RunLayout::Large);
    bench.press("up");
    bench.press("up");
    let view = |bench: &Bench| bench.model.run.as_ref().unwrap().views[&step].clone();
    assert_eq!((view(&bench).stride, view(&bench).follow), (Stride::Lines(-2), false));
    bench.press("F");
    assert!(view(&bench).follow);
    bench.press("/");
    bench.type_text("error n");
    let effects = bench.press("enter");
    assert!(matches!(effects.as_slice(), [Effect::SearchLog { .. }]));
    let ended = |found| Msg::SearchEnded { step: step.clone(), pattern: "error n".to_owned(), found };
    let searching =
        |percent, before| Some(("error n".to_owned(), SearchState::Searching { percent, before }));
    let mut found = Match { offset: 700, around: None, tally: None };
    bench.tell(ended(Some(found)));
    assert_eq!(view(&bench).stride, Stride::Show(700));
    let tally = MatchTally { nth: 3, of: 9, bytes: 5000 };
    let counted =
        |offset| Msg::MatchesCounted { step: step.clone(), pattern: "error n".to_owned(), offset, tally };
    bench.tell(counted(1));
    assert_eq!(view(&bench).search, Some(("error n".to_owned(), SearchState::At(found))), "of another match");
    bench.tell(counted(700));
    found.tally = Some(tally);
    assert_eq!(view(&bench).search, Some(("error n".to_owned(), SearchState::At(found))));
    let Some(Effect::SearchLog { query, .. }) = bench.press("n").pop() else { panic!("no search") };
    assert_eq!((query.from, query.tally), (SearchFrom::Beside(700), Some(tally)));
    assert!(bench.press("n").is_empty(), "one at a time");
    bench.tell(Msg::SearchMoved { step: step.clone(), pattern: "error n".to_owned(), percent: 40 });
    assert_eq!(view(&bench).search, searching(40, Some(found)));
    assert_eq!(bench.press("esc"), [Effect::StopSearch]);
    assert_eq!(view(&bench).search, Some(("error n".to_owned(), SearchState::At(found))), "as before");
    bench.press("N");
    bench.tell(ended(None));
    assert_eq!(view(&bench).search, Some(("error n".to_owned(), SearchState::Nowhere)));
    bench.press("/");
    (0..7).for_each(|_| drop(bench.press("backspace")));
    assert_eq!(bench.press("enter"), [Effect::StopSearch]);
    assert_eq!(view(&bench).search, None, "nothing to search for ends it");
    bench.press("esc");
    assert_eq!(bench.model.run.as_ref().unwrap().layout, RunLayout::Steps);
}

#[test]
fn a_console_that_was_killed_comes_back_to_the_run_that_lives() {
    let mut first = opened(&at_gate());
    first.later(10);
    let run = crate::app::model::RunSummary {
        id: run_id(),
        flow: None,
        releases: Vec::new(),
        verdict: Ok(crate::domain::run::RunVerdict::Running),
        by: None,
        started: None,
        ended: None,
        alive: true,
        done: 0,
        steps: 0,
        past: Vec::new(),
        truths: std::collections::BTreeMap::new(),
        folder: String::new(),
        reported: false,
    };
    let listed = |run| Msg::RunsListed { runs: vec![run], typical: [].into() };
    let mut second = Bench::new(Mode::Acting);
    assert_eq!(second.tell(listed(run.clone())), [Effect::OpenRun { run: run_id() }]);
    assert_eq!(second.model.screen, Screen::Run);
    assert_eq!(second.tell(listed(run)), [], "only the first list does so");
}

#[test]
fn leaving_kills_nothing_and_says_what_goes_on() {
    let mut bench = opened(&[starting("8/sync/Rocky", 1)]);
    for key in ["q", "ctrl-c"] {
        let effects = bench.press(key);
        let [Effect::Leave { farewell }] = effects.as_slice() else { panic!("{effects:?}") };
        assert!(farewell[0].contains("goes on without this console"), "{farewell:?}");
    }
}

#[test]
fn a_step_that_moved_content_has_status_read_again() {
    let mut bench = opened(&[starting("8/sync/Rocky", 1)]);
    let plan = bench.model.run.as_ref().unwrap().state.plan.clone();
    let done = [starting("8/sync/Rocky", 1), concluded("8/sync/Rocky", Outcome::Succeeded)];
    assert_eq!(bench.go_on(&plan, &done), [Effect::ReadStatus]);
}
