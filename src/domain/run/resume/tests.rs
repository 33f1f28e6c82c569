//! The table: rendered for people, held by its laws case by case, and over random journals.

use super::super::recovery::{Sighting, may_go_on_elsewhere};
use super::super::tests::{
    any_event, concluded, ended, fold, good_run, id, place, retried, starting, supervised,
};
use super::*;
use crate::domain::fixture::{Dice, at, plan};
use crate::domain::name::StepId;
use crate::domain::outcome::ProcessEnd;
use crate::domain::run::{Event, RunState};
use proptest::prelude::*;
use std::fmt::Write as _;

const ASKS: [Ask; 4] = [Ask::Itself, Ask::Resume, Ask::Retry { reason: false }, Ask::Retry { reason: true }];

fn interrupted(started: Started, life: Life) -> Standing {
    Standing::Interrupted { started, life }
}

fn standings() -> Vec<Standing> {
    use Standing::{Adrift, Done, GateApproved, GateHeld, GateVoid, GateWaits, Pending, Running, Stopped};
    let mut all = vec![Pending, Running, Done, Stopped, Adrift, GateWaits, GateHeld, GateApproved, GateVoid];
    for started in [Started::Certainly, Started::Perhaps, Started::NoCommand] {
        for life in [Life::Lives, Life::Unknown, Life::Gone, Life::Ended] {
            all.push(interrupted(started, life));
        }
    }
    all
}

/// Returns every case there is.
fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for standing in standings() {
        for stale in [false, true] {
            for repeat in [Repeat::Safe, Repeat::NotSafe] {
                for permit in [Permit::NotNeeded, Permit::Holds, Permit::Lacking] {
                    for cancelled in [false, true] {
                        all.push(Case { standing, stale, repeat, permit, cancelled });
                    }
                }
            }
        }
    }
    all
}

// --------------------------------------------------------------------------------------- for people

fn short(decision: Decision) -> &'static str {
    match decision {
        Decision::GoOn => "goes on",
        Decision::RunAgain => "runs again",
        Decision::Judge => "only its checks are run",
        Decision::Await => "waits for the survivor",
        Decision::Rest => "rests",
        Decision::NeedsRetry(Why::MayBeAlive) => "no: may be alive; `retry` with a reason",
        Decision::NeedsRetry(Why::NotRepeatable) => "no: not repeatable; `retry` with a reason",
        Decision::NeedsRetry(_) => "no: look why it stopped; `retry`",
        Decision::NeedsApproval => "no: needs an approval",
        Decision::Refuse(Why::AtWork) => "no: at work",
        Decision::Refuse(Why::NotYetRun) => "no: has not run",
        Decision::Refuse(Why::Cancelled) => "no: cancelled; `retry`",
        Decision::Refuse(Why::Alive) => "no: alive; `resume` waits, `cancel` stops it",
        Decision::Refuse(_) => "no",
    }
}

/// Returns the table as it is in the documents: one row for each kind of case, in the order of the questions.
fn table() -> String {
    let plain = |standing| Case {
        standing,
        stale: false,
        repeat: Repeat::Safe,
        permit: Permit::NotNeeded,
        cancelled: false,
    };
    let once = |case: Case| Case { repeat: Repeat::NotSafe, ..case };
    let lacks = |case: Case| Case { permit: Permit::Lacking, ..case };
    let stale = |case: Case| Case { stale: true, ..case };
    let cut = |started, life| plain(interrupted(started, life));
    let gone = cut(Started::Certainly, Life::Gone);
    let rows = [
        ("at work under this supervisor", plain(Standing::Running)),
        ("anything, in a cancelled run", Case { cancelled: true, ..plain(Standing::Stopped) }),
        ("pending", plain(Standing::Pending)),
        ("pending, production, no approval that holds", lacks(plain(Standing::Pending))),
        ("succeeded, skipped or passed", plain(Standing::Done)),
        ("the same, stale", stale(plain(Standing::Done))),
        ("the same, stale, not repeatable", once(stale(plain(Standing::Done)))),
        ("failed, suspect or cancelled", plain(Standing::Stopped)),
        ("the same, stale", stale(plain(Standing::Stopped))),
        ("the same, production, no approval that holds", lacks(plain(Standing::Stopped))),
        ("failed, suspect or cancelled, may be alive on another host", plain(Standing::Adrift)),
        ("the same, stale", stale(plain(Standing::Adrift))),
        ("the same, production, no approval that holds", lacks(plain(Standing::Adrift))),
        ("interrupted, alive", cut(Started::Certainly, Life::Lives)),
        ("interrupted, may be alive", cut(Started::Certainly, Life::Unknown)),
        ("interrupted, its process had ended", cut(Started::Certainly, Life::Ended)),
        ("the same, stale", stale(cut(Started::Certainly, Life::Ended))),
        ("interrupted, gone", gone),
        ("interrupted, gone, not repeatable", once(gone)),
        ("interrupted, gone, perhaps never started, not repeatable", once(cut(Started::Perhaps, Life::Gone))),
        ("interrupted, gone, production, no approval that holds", lacks(gone)),
        ("interrupted, a check without a command", once(cut(Started::NoCommand, Life::Gone))),
        ("gate that waits", plain(Standing::GateWaits)),
        ("gate approved, held", plain(Standing::GateHeld)),
        ("gate approved", plain(Standing::GateApproved)),
        ("gate whose approval is void", plain(Standing::GateVoid)),
    ];
    let mut out =
        "| the step | itself | `resume` | `retry` | `retry --reason` |\n|---|---|---|---|---|\n".to_owned();
    for (words, case) in rows {
        let cells: Vec<&str> = ASKS.iter().map(|ask| short(decide(case, *ask))).collect();
        let _ = writeln!(out, "| {words} | {} |", cells.join(" | "));
    }
    out
}

#[test]
fn the_table_of_the_documents_is_what_is_decided() {
    let table = table();
    assert_eq!(include_str!("table.md"), table, "resume/table.md is another; it should be:\n{table}");
    let house = include_str!("../../../../ARCHITECTURE.md");
    assert!(house.contains(&table), "ARCHITECTURE.md has another table than resume/table.md");
}

// ------------------------------------------------------------------------------------ case by case

#[test]
fn every_case_has_an_answer_that_keeps_the_rules() {
    for case in cases() {
        for ask in ASKS {
            let decision = decide(case, ask);
            let what = format!("{case:?} {ask:?}: {decision:?}");
            let named = matches!(ask, Ask::Retry { .. });
            let reasoned = ask == Ask::Retry { reason: true };
            if let Standing::Interrupted { life, started } = case.standing {
                if decision.starts() {
                    assert_ne!(life, Life::Lives, "what lives is started: {what}");
                    assert!(life != Life::Unknown || reasoned, "what may be alive is started: {what}");
                    assert!(
                        case.repeat == Repeat::Safe || reasoned || started == Started::NoCommand,
                        "what is not repeatable is started: {what}"
                    );
                    assert_ne!(ask, Ask::Itself, "nothing restarts by itself: {what}");
                }
            } else if case.stale && case.repeat == Repeat::NotSafe && case.standing != Standing::Pending {
                let ran = matches!(case.standing, Standing::Done | Standing::Stopped);
                assert!(!ran || named || !decision.starts(), "what is not repeatable is started: {what}");
            }
            if case.standing == Standing::Adrift {
                assert!(!decision.starts() || reasoned, "what may go on elsewhere is started: {what}");
            }
            if case.permit == Permit::Lacking && decision.starts() {
                let gate = matches!(
                    case.standing,
                    Standing::GateWaits | Standing::GateHeld | Standing::GateApproved | Standing::GateVoid
                );
                let past = case.standing == Standing::Done && decision == Decision::GoOn;
                assert!(gate || past, "production without an approval: {what}");
            }
            if case.cancelled && !named {
                let rests = matches!(decision, Decision::Refuse(Why::Cancelled) | Decision::Rest);
                assert!(rests, "a cancelled run moves: {what}");
            }
            if case.standing == Standing::Running {
                assert!(!decision.starts(), "what runs is started: {what}");
            }
            let waits = matches!(case.standing, Standing::Interrupted { life: Life::Lives, .. });
            assert!(decision != Decision::Await || waits, "{what}");
            assert!(!named || !matches!(decision, Decision::Await | Decision::Judge), "{what}");
        }
    }
}

#[test]
fn every_answer_that_is_no_says_what_to_do() {
    let plan = plan();
    let run: RunId = "20261122T184500Z-8-update".parse().unwrap();
    for case in cases() {
        for ask in ASKS {
            let decision = decide(case, ask);
            for step in &plan.steps {
                let words = decision.words(step, None, &run, None);
                assert!(!words.is_empty() && !words.contains("  "), "{words}");
                if matches!(decision, Decision::NeedsRetry(_)) {
                    assert!(words.contains(&format!("stagegate retry {run} {}", step.id)), "{words}");
                    assert_eq!(words.contains("skip it"), step.is_skippable(), "{words}");
                }
            }
        }
    }
}

// ------------------------------------------------------------------------------ over random journals

/// Returns a run of random events whose supervisor died in the end, and what a look at its processes may show.
fn broken_run(dice: &mut Dice, repeatable: bool) -> (RunState, Sighting) {
    let mut plan = plan();
    for step in &mut plan.steps {
        step.repeatable = repeatable || dice.coin();
        if dice.coin() {
            step.host = None;
        }
    }
    let events = good_run(&plan);
    let mut events: Vec<Event> = events[..dice.below(events.len() + 1)].to_vec();
    for _ in 0..dice.below(8) {
        events.insert(dice.below(events.len() + 1), any_event(dice, &plan));
    }
    if dice.coin() {
        let step = dice.pick(&plan.steps).id;
        events.push(retried(&plan, &step));
    }
    events.push(supervised());
    let state = fold(&plan, &events);
    let survivor = super::super::recovery::Survivor {
        pid: 4711,
        start_time: 1,
        command: "rsync".to_owned(),
        since: None,
    };
    let sighting = Sighting {
        place: place(),
        survivors: if dice.coin() { vec![survivor] } else { Vec::new() },
        hidden: dice.coin().then(|| "hidden".to_owned()),
    };
    (state, sighting)
}

fn asked(state: &RunState, step: &Step, sighting: &Sighting, ask: Ask) -> Decision {
    let truth = Interrupted::weigh(state, step, sighting);
    decide(Case::of(state, step, truth.as_ref(), 1, at(500)), ask)
}

/// Does what `resume` does with a lane, as events; returns the steps that it starts.
fn resumed(state: &mut RunState, release: usize, sighting: &Sighting) -> Vec<StepId> {
    let lane = state.plan.lanes[release].clone();
    let Some(step) = state.lane_at(&lane).cloned() else { return Vec::new() };
    match asked(state, &step, sighting, Ask::Resume) {
        Decision::RunAgain => {
            let again = retried(&state.plan, &step.id);
            state.apply(at(600), &again);
            vec![step.id]
        }
        Decision::GoOn => vec![step.id],
        _ => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_may_be_alive_is_never_started(numbers in prop::collection::vec(any::<u16>(), 0..300)) {
        let mut dice = Dice::new(numbers);
        let (state, sighting) = broken_run(&mut dice, false);
        for step in &state.plan.steps {
            // What was judged may go on too, where nobody saw its end: on another host.
            if let StepState::Concluded { outcome, end: Some(end), .. } = &state.record(&step.id).unwrap().state
                && *outcome != Outcome::Succeeded
                && may_go_on_elsewhere(step, end)
            {
                for ask in ASKS {
                    let starts = asked(&state, step, &sighting, ask).starts();
                    prop_assert!(!starts || ask == Ask::Retry { reason: true }, "{} {ask:?}", step.id);
                }
            }
            let Some(truth) = Interrupted::weigh(&state, step, &sighting) else { continue };
            for ask in ASKS {
                let starts = asked(&state, step, &sighting, ask).starts();
                match truth.alive {
                    Alive::Yes { .. } => prop_assert!(!starts, "{} {ask:?}", step.id),
                    Alive::Unknown { .. } => {
                        prop_assert!(!starts || ask == Ask::Retry { reason: true }, "{} {ask:?}", step.id);
                    }
                    Alive::No { .. } => {}
                }
                if !step.repeatable && !step.argv.is_empty() {
                    prop_assert!(!starts || ask == Ask::Retry { reason: true }, "{} {ask:?}", step.id);
                }
            }
        }
    }

    #[test]
    fn production_never_starts_without_an_approval_that_holds(numbers in prop::collection::vec(any::<u16>(), 0..300)) {
        let mut dice = Dice::new(numbers);
        let (state, sighting) = broken_run(&mut dice, true);
        for step in state.plan.steps.iter().filter(|step| step.is_production()) {
            let holds = permit(&state, step, at(500)) == Permit::Holds;
            let behind = state.record(&step.id).unwrap().is_behind();
            for ask in ASKS {
                let starts = asked(&state, step, &sighting, ask).starts();
                let past = behind && !matches!(ask, Ask::Retry { .. });
                prop_assert!(!starts || holds || past, "{} {ask:?}", step.id);
                // Nor with one that has expired.
                let truth = Interrupted::weigh(&state, step, &sighting);
                let late = decide(Case::of(&state, step, truth.as_ref(), 1, at(1000)), ask);
                prop_assert!(!late.starts() || past, "{} {ask:?} late", step.id);
            }
        }
    }

    /// A run that is resumed, whose supervisor dies at once, and that is resumed again does what it did the first time.
    #[test]
    fn a_resume_of_a_resumed_run_is_the_same(numbers in prop::collection::vec(any::<u16>(), 0..300)) {
        let mut dice = Dice::new(numbers);
        let (mut state, sighting) = broken_run(&mut dice, true);
        for lane in 0..state.plan.lanes.len() {
            let first = resumed(&mut state, lane, &sighting);
            state.apply(at(700), &supervised());
            let again = resumed(&mut state, lane, &sighting);
            prop_assert_eq!(first, again);
        }
    }

    /// Whatever happened, a lane starts the first of its steps that is not behind it, and no other.
    #[test]
    fn the_order_stays_that_of_the_plan(numbers in prop::collection::vec(any::<u16>(), 0..300)) {
        let mut dice = Dice::new(numbers);
        let (mut state, sighting) = broken_run(&mut dice, true);
        for place in 0..state.plan.lanes.len() {
            let lane = state.plan.lanes[place].clone();
            for started in resumed(&mut state, place, &sighting) {
                let before = lane.steps.iter().take_while(|one| **one != started);
                for one in before {
                    prop_assert!(state.record(one).unwrap().is_behind(), "{started} before {one}");
                }
            }
        }
    }
}

/// Journals of before say as much: the end of its process is in them, and the host is in the plan.
#[test]
fn a_step_whose_end_on_another_host_nobody_saw_is_not_repeated_without_a_look() {
    let plan = plan();
    let nobody = Sighting { place: place(), ..Sighting::default() };
    let of = |step: &str, end: ProcessEnd| {
        let step = plan.step(&id(step)).unwrap();
        let events =
            [supervised(), starting(&step.id, 1), ended(&step.id, end), concluded(&step.id, Outcome::Failed)];
        let mut state = fold(&plan, &events);
        let ask = |state: &RunState, ask: Ask| asked(state, step, &nobody, ask);
        let plainly = ask(&state, Ask::Retry { reason: false });
        assert!(ask(&state, Ask::Retry { reason: true }).starts());
        assert_eq!(ask(&state, Ask::Itself), Decision::Rest);
        // Neither a step above that runs again nor a refusal before its next start makes it forgotten.
        state.apply(at(7), &retried(&plan, &id("8/compose/Rocky")));
        assert_eq!(ask(&state, Ask::Itself).starts(), plainly.starts());
        state.apply(at(8), &Event::StepRefused { step: step.id.clone(), findings: Vec::new() });
        assert_eq!(ask(&state, Ask::Retry { reason: false }), plainly);
        // Whoever gave a reason has answered for it.
        state.apply(at(9), &retried(&plan, &step.id));
        state.apply(at(10), &Event::StepRefused { step: step.id.clone(), findings: Vec::new() });
        assert!(ask(&state, Ask::Retry { reason: false }).starts());
        if let Decision::NeedsRetry(_) = plainly {
            let words = plainly.words(step, None, &"20261122T184500Z-8-update".parse().unwrap(), None);
            let host = step.host.as_deref().unwrap();
            assert!(words.contains(&format!("may be alive: its command runs on {host}")), "{words}");
        }
        plainly
    };
    let error = || String::new();
    let cancelled = || ProcessEnd::Cancelled { killed: true };
    let over = [ProcessEnd::Exited { code: 1 }, ProcessEnd::SpawnFailed { error: error() }];
    let open = [
        ProcessEnd::Exited { code: 255 },
        ProcessEnd::Signalled { signal: 9 },
        ProcessEnd::TimedOut { limit_s: 60 },
        cancelled(),
        ProcessEnd::Leaky { code: 0, survivors: 1, who: Vec::new() },
        ProcessEnd::LogFailed { error: error() },
        ProcessEnd::Faulted { error: error() },
        ProcessEnd::Unkillable { who: Vec::new(), after: Box::new(cancelled()) },
    ];
    for end in over {
        assert_eq!(of("8/errata", end.clone()), Decision::RunAgain, "{end}");
    }
    for end in open {
        assert_eq!(of("8/errata", end.clone()), Decision::NeedsRetry(Why::MayBeAlive), "{end}");
        assert_eq!(of("8/sync/Rocky", end.clone()), Decision::RunAgain, "{end}");
    }
}

/// Its supervisor died before it was judged: its checks alone would not say whether it goes on.
#[test]
fn an_interrupted_step_whose_end_on_another_host_nobody_saw_may_be_alive() {
    let plan = plan();
    let step = plan.step(&id("8/errata")).unwrap();
    let nobody = Sighting { place: place(), ..Sighting::default() };
    for (code, expected) in [(1, Decision::Judge), (255, Decision::NeedsRetry(Why::MayBeAlive))] {
        let end = ended(&step.id, ProcessEnd::Exited { code });
        let state = fold(&plan, &[supervised(), starting(&step.id, 1), end, supervised()]);
        assert_eq!(asked(&state, step, &nobody, Ask::Resume), expected, "{code}");
    }
}

#[test]
fn a_gate_is_released_by_resume_and_by_nothing_else() {
    let case = Case {
        standing: Standing::GateHeld,
        stale: false,
        repeat: Repeat::Safe,
        permit: Permit::NotNeeded,
        cancelled: false,
    };
    assert_eq!(decide(case, Ask::Itself), Decision::Rest);
    assert_eq!(decide(case, Ask::Resume), Decision::GoOn);
    assert!(id("8/gate").as_str().ends_with("gate"));
}
