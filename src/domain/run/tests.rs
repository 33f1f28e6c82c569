//! The laws of the fold: what no sequence of events can bring about, and what each event does.

use super::event::StopStage;
use super::*;
use crate::domain::approval::{AfterApproval, Demand, Refusal};
use crate::domain::evidence::Waiver;
use crate::domain::finding::{Finding, FindingId};
use crate::domain::fixture::{self, Dice, at, compose_id, person, plan, release_id, repo_name};
use crate::domain::flow::CheckName;
use crate::domain::name::StepId;
use crate::domain::outcome::{Outcome, ProcessEnd};
use crate::domain::plan::{Plan, PlanDigest, Step};
use proptest::prelude::*;
use std::collections::BTreeMap;

mod stale;

pub(super) fn id(text: &str) -> StepId {
    text.parse().unwrap()
}

pub(super) fn starting(step: &StepId, attempt: u32) -> Event {
    Event::StepStarting {
        step: step.clone(),
        attempt,
        log: format!("steps/{attempt}.log"),
        argv: Vec::new(),
        added_env: BTreeMap::new(),
        composes: BTreeMap::new(),
        findings: Vec::new(),
        scripts: BTreeMap::new(),
    }
}

pub(super) fn ended(step: &StepId, end: ProcessEnd) -> Event {
    Event::StepEnded { step: step.clone(), end, log_bytes: 10 }
}

pub(super) fn concluded(step: &StepId, outcome: Outcome) -> Event {
    Event::StepConcluded { step: step.clone(), outcome, reason: "because".to_owned(), findings: Vec::new() }
}

/// Returns everything that is recorded of an attempt with `outcome`.
pub(super) fn attempt(step: &StepId, outcome: Outcome) -> Vec<Event> {
    vec![
        starting(step, 1),
        Event::StepStarted { step: step.clone(), pid: 7, start_time: 99, contained: None },
        ended(step, ProcessEnd::Exited { code: i32::from(outcome == Outcome::Failed) }),
        concluded(step, outcome),
    ]
}

pub(super) fn opened(step: &StepId) -> Event {
    Event::GateOpened {
        step: step.clone(),
        evidence: "gates/8-1.json".to_owned(),
        seal: fixture::seal(&[]).digest(),
        demand: Demand::default(),
        digest: None,
    }
}

pub(super) fn approved(plan: &Plan, step: &StepId) -> Event {
    let release = plan.step(step).and_then(|step| step.release.clone()).unwrap_or(release_id("8"));
    let approval = fixture::approval(plan, release.as_str(), person("lena", 1001), &fixture::seal(&[]));
    Event::Approved { step: step.clone(), approval }
}

pub(super) fn voided(step: &StepId) -> Event {
    let refusal = Refusal::SealBroken { path: "BaseOS".to_owned(), how: "changed".to_owned() };
    Event::ApprovalVoided { step: step.clone(), refusal }
}

pub(super) fn retried(plan: &Plan, step: &StepId) -> Event {
    Event::StepRetried {
        step: step.clone(),
        reason: String::new(),
        by: person("lena", 1001),
        stale: plan.descendants(step),
    }
}

pub(super) fn skipped(step: &StepId) -> Event {
    Event::StepSkipped { step: step.clone(), reason: "known".to_owned(), by: person("lena", 1001) }
}

pub(super) fn cancelled() -> Event {
    Event::RunCancelled { by: person("lena", 1001), signal: None }
}

/// Returns the place in which everything here happens.
pub(super) fn place() -> Place {
    Place { boot_id: "boot".to_owned(), host: "compose01".to_owned(), pid_namespace: 7 }
}

pub(super) fn supervised() -> Event {
    Event::SupervisorStarted { pid: 1, start_time: 2, place: place() }
}

/// Returns the events of a run of `plan` in which everything goes well.
pub(super) fn good_run(plan: &Plan) -> Vec<Event> {
    let mut events = vec![
        Event::RunCreated {
            run: "20261122T184500Z-8-update".parse().unwrap(),
            plan: plan.digest.clone(),
            by: person("lena", 1001),
            version: "0".to_owned(),
            catalog: None,
        },
        supervised(),
    ];
    for step in &plan.steps {
        if step.is_gate() {
            let passed = Event::GatePassed { step: step.id.clone() };
            events.extend([opened(&step.id), approved(plan, &step.id), passed]);
        } else {
            events.extend(attempt(&step.id, Outcome::Succeeded));
        }
    }
    events.push(Event::RunEnded {});
    events
}

pub(super) fn fold<'a>(plan: &Plan, events: impl IntoIterator<Item = &'a Event>) -> RunState {
    let mut state = RunState::new(plan.clone());
    for (second, event) in (0..).zip(events) {
        state.apply(at(second), event);
    }
    state
}

/// Returns the state of a run in which the events of `plan` went well until `step`, which has not begun.
pub(super) fn until(plan: &Plan, step: &str) -> RunState {
    let stop = |event: &&Event| match event {
        Event::StepStarting { step: starting, .. } | Event::GateOpened { step: starting, .. } => {
            starting.as_str() != step
        }
        _ => true,
    };
    let events = good_run(plan);
    fold(plan, events.iter().take_while(stop))
}

fn word(state: &RunState, step: &str) -> &'static str {
    state.record(&id(step)).unwrap().word()
}

#[test]
fn a_good_run_finishes() {
    let plan = plan();
    let state = fold(&plan, &good_run(&plan));
    assert_eq!(state.verdict(false), RunVerdict::Finished);
    assert!(state.steps.values().all(|record| record.word() == "succeeded" && record.attempts == 1));
    assert_eq!(state.ended, state.last);
    assert_eq!(state.record(&id("8/prep")).unwrap().exit_code(), Some(0));
    assert_eq!(state.record(&id("8/prep")).unwrap().took_s(), Some(3));
}

#[test]
fn a_retry_makes_exactly_what_builds_on_it_stale() {
    let plan = plan();
    for step in &plan.steps {
        let mut state = fold(&plan, &good_run(&plan));
        let before = state.clone();
        state.apply(at(900), &retried(&plan, &step.id));
        let stale = plan.descendants(&step.id);
        for (other, record) in &state.steps {
            if *other == step.id {
                assert_eq!((record.word(), &record.stale), ("pending", &None), "{other}");
            } else if stale.contains(other) {
                let expected = Stale { by: step.id.clone(), at: at(900), compose: None };
                assert_eq!(record.stale, Some(expected), "{other} after {}", step.id);
                assert!(!record.is_behind(), "{other}");
            } else {
                assert_eq!(record, &before.steps[other], "{other} after {}", step.id);
            }
        }
        assert_eq!(state.ended, None);
    }
}

#[test]
fn a_retry_before_the_gate_takes_the_approval_away() {
    let plan = plan();
    for step in ["8/compose/Rocky", "8/sync/Extras", "8/prep", "8/errata", "8/sign", "8/gate"] {
        let mut state = until(&plan, "8/publish");
        assert!(matches!(state.gate(&release_id("8")), Some((_, Some(GateState::Passed { .. })))));
        state.apply(at(900), &retried(&plan, &id(step)));
        assert_eq!(state.gate(&release_id("8")).unwrap().1, None, "{step}");
        assert_ne!(state.lane_at(&plan.lanes[0]).unwrap().id, id("8/publish"), "{step}");
    }
}

#[test]
fn a_stale_step_runs_again_even_if_it_was_skipped_over_or_had_failed() {
    let plan = plan();
    let mut state = until(&plan, "8/prep");
    for event in attempt(&id("8/prep"), Outcome::Failed) {
        state.apply(at(1), &event);
    }
    assert_eq!(state.lane_verdict(&plan.lanes[0]), RunVerdict::Failed);
    for event in
        [vec![retried(&plan, &id("8/sync/Rocky"))], attempt(&id("8/sync/Rocky"), Outcome::Succeeded)].concat()
    {
        state.apply(at(2), &event);
    }
    assert_eq!(state.lane_at(&plan.lanes[0]).unwrap().id, id("8/prep"));
    assert_eq!(
        state.lane_verdict(&plan.lanes[0]),
        RunVerdict::Running,
        "it is due, its old outcome is history"
    );
    assert!(!state.record(&id("8/prep")).unwrap().stops_lane());
}

#[test]
fn the_worst_lane_counts() {
    let plan = plan();
    let lane = |release: &str, what: &str| -> Vec<Event> {
        let step = id(&format!("{release}/compose/Rocky"));
        match what {
            "failed" => attempt(&step, Outcome::Failed),
            "suspect" => attempt(&step, Outcome::Suspect),
            "cancelled" => attempt(&step, Outcome::Cancelled),
            "interrupted" => vec![starting(&step, 1), supervised()],
            "waiting" | "finished" => {
                let mut events: Vec<Event> = good_run(&plan);
                events
                    .retain(|event| serde_json::to_string(event).unwrap().contains(&format!("\"{release}/")));
                if what == "waiting" {
                    events
                        .retain(|event| !matches!(event, Event::Approved { .. } | Event::GatePassed { .. }));
                    events.retain(|event| !serde_json::to_string(event).unwrap().contains("publish"));
                }
                events
            }
            _ => vec![starting(&step, 1)],
        }
    };
    let order = ["failed", "suspect", "interrupted", "cancelled", "waiting"];
    for (place, worse) in order.iter().enumerate() {
        for better in order[place..].iter().chain(&["finished"]) {
            for lanes in [(*worse, *better), (*better, *worse)] {
                let state = fold(&plan, &[lane("8", lanes.0), lane("9", lanes.1)].concat());
                assert_eq!(state.verdict(true).word(), *worse, "{lanes:?}");
                assert_eq!(state.verdict(false).word(), *worse, "{lanes:?}");
            }
        }
    }
}

#[test]
fn without_a_supervisor_nothing_runs_and_a_failure_still_counts_more() {
    let plan = plan();
    let mut events = attempt(&id("8/compose/Rocky"), Outcome::Failed);
    events.push(starting(&id("9/compose/Rocky"), 1));
    let state = fold(&plan, &events);
    assert_eq!(state.verdict(true), RunVerdict::Running);
    assert_eq!(state.verdict(false), RunVerdict::Failed);
    let state = fold(&plan, &[starting(&id("9/compose/Rocky"), 1)]);
    assert_eq!(state.verdict(false), RunVerdict::Interrupted);
}

#[test]
fn a_cancelled_run_is_cancelled_until_somebody_retries() {
    let plan = plan();
    let mut state = until(&plan, "8/prep");
    state.apply(at(50), &cancelled());
    assert_eq!(state.verdict(true), RunVerdict::Cancelled);
    state.apply(at(51), &retried(&plan, &id("8/prep")));
    assert_eq!(state.cancelled, None);
    assert_eq!(state.verdict(true), RunVerdict::Running);

    let mut waiting = until(&plan, "8/gate");
    waiting.apply(at(50), &opened(&id("8/gate")));
    waiting.apply(at(51), &cancelled());
    assert_eq!(
        waiting.lane_verdict(&plan.lanes[0]),
        RunVerdict::Cancelled,
        "nothing waits in a cancelled run"
    );
}

#[test]
fn a_new_supervisor_finds_what_ran_interrupted() {
    let plan = plan();
    let step = id("8/compose/Rocky");
    let started = Event::StepStarted { step: step.clone(), pid: 7, start_time: 99, contained: None };
    let state = fold(&plan, &[supervised(), starting(&step, 1), started, supervised()]);
    let cut = Cut { since: at(1), process: Some((7, 99)), stopping: None, end: None, place: place() };
    let expected = StepState::Interrupted { cut };
    assert_eq!(state.record(&step).unwrap().state, expected);
    assert_eq!(state.lane_verdict(&plan.lanes[0]), RunVerdict::Interrupted);
    assert_eq!(state.verdict(false), RunVerdict::Interrupted);
}

#[test]
fn what_holds_an_attempt_together_is_recorded_and_journals_that_do_not_say_it_are_read() {
    let plan = plan();
    let step = id("8/compose/Rocky");
    let read = |more: &str| -> Event {
        let text = r#"{"event":"step-started","step":"8/compose/Rocky","pid":7,"start_time":99"#;
        serde_json::from_str(&format!("{text}{more}}}")).unwrap()
    };
    let old = read("");
    assert_eq!(old, Event::StepStarted { step: step.clone(), pid: 7, start_time: 99, contained: None });
    assert!(!serde_json::to_string(&old).unwrap().contains("contained"));
    let cgroup = read(r#","contained":{"by":"cgroup","path":"/sys/fs/cgroup/x"}"#);
    let tree = read(r#","contained":{"by":"tree","why":"no systemd scope here"}"#);
    for (event, words) in [
        (&cgroup, Some("its own cgroup")),
        (&tree, Some("process tree (no systemd scope here)")),
        (&old, None),
    ] {
        let state = fold(&plan, &[supervised(), starting(&step, 1), event.clone(), supervised()]);
        let contained = state.record(&step).unwrap().contained.as_ref().map(ToString::to_string);
        assert_eq!(contained.as_deref(), words, "an interruption takes nothing from it");
    }
    let again = fold(&plan, &[supervised(), starting(&step, 1), cgroup, supervised(), starting(&step, 2)]);
    assert_eq!(again.record(&step).unwrap().contained, None, "the next attempt says it anew");
}

#[test]
fn the_length_of_a_log_is_kept_with_an_end_that_nobody_judged() {
    let plan = plan();
    let step = id("8/compose/Rocky");
    let end = ended(&step, ProcessEnd::Exited { code: 0 });
    let mut events = vec![supervised(), starting(&step, 1), end, supervised()];
    let bytes = |events: &[Event]| fold(&plan, events).record(&step).unwrap().log_bytes;
    assert_eq!(bytes(&events), Some(10), "an interruption takes nothing from it");
    events.push(starting(&step, 2));
    assert_eq!(bytes(&events), None, "the next attempt has a log of its own");
}

#[test]
fn a_stop_and_its_end_are_recorded() {
    let plan = plan();
    let step = id("8/compose/Rocky");
    let stop = Event::StopRequested {
        step: step.clone(),
        stage: StopStage::Terminate,
        by: person("lena", 1),
        signal: None,
    };
    let mut state = fold(&plan, &[starting(&step, 1), stop]);
    assert!(matches!(
        state.record(&step).unwrap().state,
        StepState::Running { stopping: Some(StopStage::Terminate), .. }
    ));
    state.apply(at(5), &ended(&step, ProcessEnd::Cancelled { killed: false }));
    state.apply(at(6), &concluded(&step, Outcome::Cancelled));
    assert_eq!(word(&state, "8/compose/Rocky"), "cancelled");
    assert!(state.record(&step).unwrap().stops_lane());
}

#[test]
fn a_refused_step_has_failed_with_its_finding() {
    let plan = plan();
    let step = id("8/compose/Rocky");
    let finding = Finding::blocking(CheckName::Mounts, "gone", "/mnt/compose", "not mounted", "mount it");
    let state = fold(&plan, &[Event::StepRefused { step: step.clone(), findings: vec![finding] }]);
    let record = state.record(&step).unwrap();
    assert_eq!((record.word(), record.attempts, record.exit_code()), ("failed", 0, None));
    assert!(
        matches!(&record.state, StepState::Concluded { reason, .. } if reason == "not started: /mnt/compose: not mounted")
    );
}

#[test]
fn what_was_produced_and_waived_is_known_by_release() {
    let plan = plan();
    let pinned = Event::ComposePinned {
        step: id("8/compose/Rocky"),
        repo: repo_name("Rocky"),
        compose: compose_id("Rocky", "8", 9),
    };
    let waiver = Waiver {
        finding: FindingId("abc".to_owned()),
        message: None,
        reason: "known".to_owned(),
        by: person("lena", 1),
        at: at(1),
    };
    let waived = Event::FindingWaived { release: release_id("9"), waiver };
    let state = fold(&plan, &[pinned, waived]);
    assert_eq!(state.produced(&release_id("8"), &repo_name("Rocky")), Some(&compose_id("Rocky", "8", 9)));
    assert_eq!(state.produced(&release_id("9"), &repo_name("Rocky")), None);
    assert_eq!((state.waivers(&release_id("8")).len(), state.waivers(&release_id("9")).len()), (0, 1));
}

#[test]
fn a_void_approval_does_not_pass_a_gate() {
    let plan = plan();
    let gate = id("8/gate");
    let passed = Event::GatePassed { step: gate.clone() };
    let after = |events: &[Event]| {
        let mut state = until(&plan, "8/gate");
        for event in events {
            state.apply(at(99), event);
        }
        word(&state, "8/gate")
    };
    assert_eq!(after(std::slice::from_ref(&passed)), "pending", "not before it opened");
    assert_eq!(after(&[opened(&gate), passed.clone()]), "waiting", "not without an approval");
    assert_eq!(after(&[opened(&gate), approved(&plan, &gate), passed.clone()]), "succeeded");
    assert_eq!(after(&[opened(&gate), approved(&plan, &gate), voided(&gate), passed.clone()]), "void");
    let all = [opened(&gate), approved(&plan, &gate), passed.clone(), voided(&gate)];
    assert_eq!(after(&all), "void");
    assert_eq!(
        after(&[opened(&gate), approved(&plan, &gate), opened(&gate), passed]),
        "waiting",
        "new evidence"
    );
}

#[test]
fn held_means_that_anybody_asked_to_hold() {
    let plan = plan();
    let mut one = fixture::approval(&plan, "8", person("lena", 1), &fixture::seal(&[]));
    assert!(!step::is_held(&[one.clone()]));
    let free = one.clone();
    one.then = AfterApproval::Hold;
    assert!(step::is_held(&[free, one]));
    assert!(!step::is_held(&[]));
}

// ------------------------------------------------------------------------------------------------ laws

/// Returns any event about any step, known or not.
pub(super) fn any_event(dice: &mut Dice, plan: &Plan) -> Event {
    let mut steps: Vec<StepId> = plan.steps.iter().map(|step| step.id.clone()).collect();
    steps.push(id("7/sync/Nothing"));
    let gates: Vec<StepId> =
        plan.steps.iter().filter(|step| step.is_gate()).map(|step| step.id.clone()).collect();
    let step = if dice.coin() { dice.pick(&steps) } else { dice.pick(&gates) };
    let outcomes = [Outcome::Succeeded, Outcome::Failed, Outcome::Suspect, Outcome::Cancelled];
    match dice.below(20) {
        0 => starting(&step, u32::try_from(dice.below(5)).unwrap()),
        1 => Event::StepStarted { step, pid: 1, start_time: 1, contained: None },
        2 => ended(&step, ProcessEnd::Exited { code: dice.pick(&[0, 1, 255]) }),
        3 | 4 => concluded(&step, dice.pick(&outcomes)),
        5 => Event::StepRefused { step, findings: Vec::new() },
        6 => skipped(&step),
        7 => retried(plan, &step),
        8 => Event::StepRetried { step, reason: String::new(), by: person("x", 1), stale: dice.some(&steps) },
        9 => cancelled(),
        10 | 11 => opened(&step),
        12 => approved(plan, &step),
        13 => voided(&step),
        14 => Event::GatePassed { step },
        15 => supervised(),
        16 => Event::RunEnded {},
        17 => Event::ChecksResumed { step, by: person("x", 1) },
        18 => Event::StopRequested { step, stage: StopStage::Terminate, by: person("x", 1), signal: None },
        _ => Event::ComposePinned { step, repo: repo_name("Rocky"), compose: compose_id("Rocky", "8", 3) },
    }
}

/// Everything that can be asked of a state; none of it may panic.
fn ask_everything(state: &RunState) -> Vec<RunVerdict> {
    for record in state.steps.values() {
        let _ = (record.word(), record.is_behind(), record.stops_lane(), record.exit_code(), record.took_s());
    }
    let mut verdicts: Vec<RunVerdict> =
        state.plan.lanes.iter().map(|lane| state.lane_verdict(lane)).collect();
    verdicts.extend([state.verdict(true), state.verdict(false)]);
    let _ = state.shared_at();
    verdicts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A model of one gate, kept beside the fold: only evidence, then an approval of that evidence, then the
    /// passing, without a refusal or a retry in between, lets a lane come to its publish step.
    #[test]
    fn no_sequence_of_events_leads_past_a_gate_without_an_approval(numbers in prop::collection::vec(any::<u16>(), 0..600)) {
        let plan = plan();
        let mut dice = Dice::new(numbers.clone());
        let mut state = RunState::new(plan.clone());
        let mut model: BTreeMap<StepId, u8> = BTreeMap::new();
        for second in 0..(numbers.len() / 4) {
            let event = any_event(&mut dice, &plan);
            state.apply(at(i64::try_from(second).unwrap()), &event);
            match &event {
                Event::GateOpened { step, .. } => { model.insert(step.clone(), 1); }
                Event::Approved { step, .. } if model.get(step) == Some(&1) => { model.insert(step.clone(), 2); }
                Event::GatePassed { step } if model.get(step) == Some(&2) => { model.insert(step.clone(), 3); }
                Event::ApprovalVoided { step, .. } | Event::StepRefused { step, .. } => { model.remove(step); }
                Event::StepRetried { step, stale, .. } => {
                    model.remove(step);
                    for one in stale { model.remove(one); }
                }
                _ => {}
            }
            for lane in &plan.lanes {
                let gate = plan.steps.iter().find(|step| step.is_gate() && step.release.as_ref() == Some(&lane.release)).unwrap();
                let open = state.record(&gate.id).unwrap().is_behind();
                prop_assert!(!open || model.get(&gate.id) == Some(&3), "{} is open after {event:?}", gate.id);
                let due = state.lane_at(lane).is_some_and(crate::domain::plan::Step::is_production);
                prop_assert!(!due || open, "{} is due before its gate, after {event:?}", lane.release);
            }
            ask_everything(&state);
        }
    }

    #[test]
    fn any_part_of_any_run_folds(numbers in prop::collection::vec(any::<u16>(), 0..200), cut in 0usize..80, drop in any::<u64>()) {
        let plan = plan();
        let events = good_run(&plan);
        let prefix = fold(&plan, events.iter().take(cut));
        ask_everything(&prefix);
        // Some events missing in the middle, as a version that does not know their kind reads them.
        let thinned = fold(&plan, events.iter().enumerate().filter(|(n, _)| drop >> (n % 64) & 1 == 0).map(|(_, event)| event));
        ask_everything(&thinned);
        // Other events in between.
        let mut dice = Dice::new(numbers);
        let mut mixed = events.clone();
        for _ in 0..10 {
            mixed.insert(dice.below(mixed.len() + 1), any_event(&mut dice, &plan));
        }
        ask_everything(&fold(&plan, &mixed));
    }

    /// Folding is what it is however a journal is read: at once or piece by piece.
    #[test]
    fn a_fold_goes_on_where_it_stopped(numbers in prop::collection::vec(any::<u16>(), 0..200), cut in 0usize..50) {
        let plan = plan();
        let mut dice = Dice::new(numbers);
        let events: Vec<Event> = (0..50).map(|_| any_event(&mut dice, &plan)).collect();
        let whole = fold(&plan, &events);
        let mut parts = fold(&plan, &events[..cut]);
        for (second, event) in (i64::try_from(cut).unwrap()..).zip(&events[cut..]) {
            parts.apply(at(second), event);
        }
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn events_of_unknown_steps_change_no_step(numbers in prop::collection::vec(any::<u16>(), 0..200)) {
        let plan = plan();
        let other = Plan { digest: PlanDigest("other".to_owned()), ..fixture::plan() };
        let mut dice = Dice::new(numbers);
        let unknown = id("7/prep");
        let before = fold(&plan, &good_run(&plan));
        let mut after = before.clone();
        for event in attempt(&unknown, Outcome::Failed).iter().chain(&[opened(&unknown), approved(&other, &unknown), voided(&unknown), skipped(&unknown)]) {
            if dice.coin() { after.apply(at(1), event); }
        }
        prop_assert_eq!(after.steps, before.steps);
    }

    #[test]
    fn the_verdict_is_that_of_the_worst_lane(numbers in prop::collection::vec(any::<u16>(), 0..400)) {
        let plan = plan();
        let mut dice = Dice::new(numbers.clone());
        let events: Vec<Event> = (0..numbers.len() / 4).map(|_| any_event(&mut dice, &plan)).collect();
        let state = fold(&plan, &events);
        let lanes: Vec<RunVerdict> = plan.lanes.iter().map(|lane| state.lane_verdict(lane)).collect();
        prop_assert_ne!(state.verdict(false), RunVerdict::Running);
        if let Some(failed) = lanes.iter().find(|verdict| **verdict == RunVerdict::Failed) {
            prop_assert_eq!(state.verdict(false), *failed);
        }
        if state.verdict(true) == RunVerdict::Finished {
            prop_assert!(state.steps.values().all(StepRecord::is_behind));
        }
    }

    #[test]
    fn events_survive_their_form(numbers in prop::collection::vec(any::<u16>(), 0..40)) {
        let plan = plan();
        let mut dice = Dice::new(numbers);
        let event = any_event(&mut dice, &plan);
        let text = serde_json::to_string(&event).unwrap();
        prop_assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }
}

// ------------------------------------------------------------------------------- lanes of other runs

fn given_up(release: &str) -> Event {
    Event::LaneGivenUp {
        release: release_id(release),
        by: person("omar", 1002),
        reason: "lena went home".to_owned(),
        to: "20261101T000000Z-8-update".parse().unwrap(),
    }
}

fn apply_all(state: &mut RunState, events: &[Event]) {
    for event in events {
        state.apply(at(4), event);
    }
}

/// Brings every step of the lane behind the run.
fn through(state: &mut RunState, release: &str) {
    let lane = state.plan.lane(&release_id(release)).unwrap().clone();
    for step in lane.steps {
        if state.plan.step(&step).is_some_and(Step::is_gate) {
            let (plan, gate) = (state.plan.clone(), step.clone());
            state.apply(at(1), &opened(&gate));
            state.apply(at(2), &approved(&plan, &gate));
            state.apply(at(3), &Event::GatePassed { step });
        } else {
            apply_all(state, &attempt(&step, Outcome::Succeeded));
        }
    }
}

#[test]
fn a_lane_that_was_given_up_is_over_and_the_others_decide() {
    let mut state = RunState::new(plan());
    state.apply(at(0), &starting(&id("8/sync/Rocky"), 1));
    state.apply(at(1), &given_up("8"));
    let lane = state.plan.lane(&release_id("8")).unwrap().clone();
    assert_eq!(state.lane_verdict(&lane), RunVerdict::Running, "what runs of it still runs");
    state.apply(at(2), &concluded(&id("8/sync/Rocky"), Outcome::Cancelled));
    assert_eq!(state.lane_verdict(&lane), RunVerdict::Cancelled);
    assert_eq!(state.verdict(true), RunVerdict::Running, "9 goes on");
    assert!(state.held_lanes().all(|lane| lane.release == release_id("9")));
    through(&mut state, "9");
    assert_eq!(state.verdict(true), RunVerdict::Running, "the shared list check comes for 9 alone");
    let shared = state.shared_at().unwrap().id.clone();
    apply_all(&mut state, &attempt(&shared, Outcome::Succeeded));
    assert_eq!(state.verdict(false), RunVerdict::Finished);
    state.apply(at(10), &given_up("9"));
    assert_eq!(state.verdict(false), RunVerdict::Finished, "what was finished stays finished");

    let mut state = RunState::new(plan());
    for release in ["8", "9"] {
        state.apply(at(1), &given_up(release));
    }
    assert_eq!(state.verdict(false), RunVerdict::Cancelled);
    assert!(!state.lanes_are_through(), "nothing of it is through, so nothing shared comes");
}
