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
use std::collections::BTreeMap;

mod given_up;
mod laws;
mod stale;

pub(super) use laws::any_event;

pub(super) fn id(text: &str) -> StepId {
    text.parse().unwrap()
}

pub(super) fn starting(step: &StepId, attempt: u32) -> Event {
    fixture::starting(step.as_str(), attempt, &format!("steps/{attempt}.log"))
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
