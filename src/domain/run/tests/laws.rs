//! What holds for any sequence of events, however little sense it makes.

use super::*;
use proptest::prelude::*;

/// Returns any event about any step, known or not.
pub(in crate::domain::run) fn any_event(dice: &mut Dice, plan: &Plan) -> Event {
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
