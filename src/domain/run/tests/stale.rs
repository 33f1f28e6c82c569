//! Staleness: a step that runs again takes with it exactly what builds on it, and what pins another compose its users.

use super::*;
use crate::domain::flow::Role;
use crate::domain::name::RepoName;
use crate::domain::plan::{Pin, Step, make::make};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Returns what builds on `step`, found the slow way: until nothing is added any more, whatever the order of the plan.
fn builds_on(plan: &Plan, step: &StepId) -> BTreeSet<StepId> {
    let mut found = BTreeSet::from([step.clone()]);
    loop {
        let before = found.len();
        for other in &plan.steps {
            let made = |pin: &Pin| matches!(pin, Pin::ProducedBy { step } if found.contains(step));
            let pinned = other.pins.iter().any(|pinned| made(&pinned.pin));
            if pinned || other.depends.iter().any(|parent| found.contains(parent)) {
                found.insert(other.id.clone());
            }
        }
        if found.len() == before {
            found.remove(step);
            return found;
        }
    }
}

fn stale(state: &RunState) -> BTreeSet<StepId> {
    state.steps.iter().filter(|(_, record)| record.stale.is_some()).map(|(id, _)| id.clone()).collect()
}

/// Returns a run of any plan in which everything went well, each user of a made compose having used respin 1.
fn any_finished_run(dice: &mut Dice) -> RunState {
    let catalog = dice.catalog();
    let selection = dice.selection(&catalog);
    let status = dice.status(&catalog, true);
    let plan = make(&catalog, &selection, &status, &[]).unwrap_or_else(|_| plan());
    let mut state = fold(&plan, &good_run(&plan));
    for step in &plan.steps {
        let made = step.pins.iter().filter(|pinned| matches!(pinned.pin, Pin::ProducedBy { .. }));
        let of = |repo: &RepoName| compose_id(repo.as_str(), step.release.as_ref().unwrap().as_str(), 1);
        let composes = made.map(|pinned| (pinned.repo.clone(), of(&pinned.repo))).collect();
        state.steps.get_mut(&step.id).unwrap().composes = composes;
    }
    state
}

/// Returns the events in which a step of `plan` goes well.
fn goes_well(plan: &Plan, step: &Step) -> Vec<Event> {
    if step.is_gate() {
        return vec![opened(&step.id), approved(plan, &step.id), Event::GatePassed { step: step.id.clone() }];
    }
    attempt(&step.id, Outcome::Succeeded)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_retry_takes_its_descendants_and_nothing_else(numbers in prop::collection::vec(any::<u16>(), 0..300)) {
        let mut dice = Dice::new(numbers);
        let mut state = any_finished_run(&mut dice);
        let plan = state.plan.clone();
        let step = dice.pick(&plan.steps);
        let before = state.clone();
        state.apply(at(900), &retried(&plan, &step.id));
        let expected = builds_on(&plan, &step.id);
        prop_assert_eq!(stale(&state), expected.clone());
        for (other, record) in state.steps.iter().filter(|(other, _)| **other != step.id) {
            if !expected.contains(other) {
                prop_assert_eq!(record, &before.steps[other]);
            } else if plan.step(other).unwrap().is_gate() {
                prop_assert_eq!(record.word(), "pending", "its approval is gone");
            }
        }
        // What all lanes share builds on every push; another lane builds on nothing of this one.
        for other in &expected {
            let of = &plan.step(other).unwrap().release;
            prop_assert!(of.is_none() || *of == step.release, "{other} is of another lane than {}", step.id);
        }
        // Each runs again in its turn, and then nothing is stale any more.
        for again in plan.steps.iter().filter(|again| again.id == step.id || expected.contains(&again.id)) {
            for event in goes_well(&plan, again) {
                state.apply(at(950), &event);
            }
        }
        prop_assert_eq!(stale(&state), BTreeSet::new());
        prop_assert_eq!(state.verdict(false), RunVerdict::Finished);
    }

    #[test]
    fn another_compose_takes_its_users_and_what_builds_on_them(numbers in prop::collection::vec(any::<u16>(), 0..300)) {
        let mut dice = Dice::new(numbers);
        let mut state = any_finished_run(&mut dice);
        let plan = state.plan.clone();
        let composes: Vec<&Step> = plan.steps.iter().filter(|step| step.role == Role::Compose).collect();
        prop_assume!(!composes.is_empty());
        let step = dice.pick(&composes);
        let (repo, release) = (step.repo.clone().unwrap(), step.release.clone().unwrap());
        let pinned = |respin| Event::ComposePinned {
            step: step.id.clone(),
            repo: repo.clone(),
            compose: compose_id(repo.as_str(), release.as_str(), respin),
        };
        state.apply(at(900), &pinned(1));
        prop_assert_eq!(stale(&state), BTreeSet::new(), "the same compose changes nothing");
        state.apply(at(901), &pinned(2));
        let made = |pin: &Pin| matches!(pin, Pin::ProducedBy { step: by } if *by == step.id);
        let mut expected = BTreeSet::new();
        for user in plan.steps.iter().filter(|user| user.pins.iter().any(|pinned| made(&pinned.pin))) {
            expected.insert(user.id.clone());
            expected.extend(builds_on(&plan, &user.id));
        }
        prop_assert_eq!(stale(&state), expected.clone());
        for other in expected {
            let why = state.record(&other).unwrap().stale.as_ref().unwrap().to_string();
            prop_assert!(why.starts_with(&format!("{} pinned {repo}-{release}-", step.id)), "{why}");
        }
    }
}

#[test]
fn it_says_which_step_ran_again_and_when() {
    let plan = plan();
    let mut state = fold(&plan, &good_run(&plan));
    state.apply(at(900), &retried(&plan, &id("8/sync/Rocky")));
    let why = |step: &str| state.record(&id(step)).unwrap().stale.as_ref().unwrap().to_string();
    for step in ["8/prep", "8/gate", "8/publish", "shared/lists"] {
        assert_eq!(why(step), "8/sync/Rocky ran again at 1970-01-01 00:15 UTC", "{step}");
    }
    assert_eq!(state.record(&id("9/publish")).unwrap().stale, None);
}

#[test]
fn an_interrupted_step_that_is_stale_stands_where_it_stood() {
    let plan = plan();
    let mut state = until(&plan, "8/prep");
    let mut events = vec![starting(&id("8/prep"), 1), supervised(), retried(&plan, &id("8/sync/Rocky"))];
    events.extend(attempt(&id("8/sync/Rocky"), Outcome::Succeeded));
    for event in events {
        state.apply(at(901), &event);
    }
    assert!(state.record(&id("8/prep")).unwrap().stale.is_some());
    assert_eq!(state.lane_at(&plan.lanes[0]).unwrap().id, id("8/prep"));
    assert_eq!(state.lane_verdict(&plan.lanes[0]), RunVerdict::Interrupted, "only a person starts it");
}
