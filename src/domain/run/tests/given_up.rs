//! Lanes that another run took over.

use super::*;

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
