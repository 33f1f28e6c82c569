//! The gate and the push behind it: what opens them, and what of an approval does not.

use super::*;

/// Returns a house that stands before the publish of 8 with an approval that holds for an empty staging.
fn before_publish() -> House {
    let mut house = House::new();
    for event in until_step("8", "8/publish") {
        house.supervisor.record(&event).unwrap();
    }
    std::fs::write(house.dir().file("gates/8-1.seal.json"), serde_json::to_vec(&Seal::default()).unwrap())
        .unwrap();
    let plan = house.supervisor.state.plan.clone();
    let valid = {
        let mut one = approval(&plan, "8", person("lena", 1001), &Seal::default());
        one.expires = Timestamp::MAX;
        one
    };
    let gate = id("8/gate");
    let opened = Event::GateOpened {
        step: gate.clone(),
        evidence: "gates/8-1.json".to_owned(),
        seal: Seal::default().digest(),
        demand: Demand::default(),
        digest: None,
    };
    for event in
        [opened, Event::Approved { step: gate.clone(), approval: valid }, Event::GatePassed { step: gate }]
    {
        house.supervisor.record(&event).unwrap();
    }
    house.supervisor.busy.insert(id("8/publish"), Busy::Sealing);
    house
}

pub(super) fn sealed(now: Seal) -> Happening {
    Happening::Sealed {
        release: release_id("8"),
        purpose: SealPurpose::Publish(id("8/publish")),
        result: Ok(Box::new(now)),
    }
}

#[test]
fn production_starts_with_an_approval_that_holds() {
    let mut house = before_publish();
    house.supervisor.handle(sealed(Seal::default())).unwrap();
    assert_eq!(house.started("8/publish"), 1, "{:?}", house.words());
}

#[test]
fn production_does_not_start_in_a_run_that_was_cancelled_meanwhile() {
    let mut house = before_publish();
    house.done(Request::Cancel { step: None });
    house.supervisor.handle(sealed(Seal::default())).unwrap();
    assert_eq!(house.started("8/publish"), 0);
    assert!(!house.supervisor.busy.contains_key(&id("8/publish")));
    house.until("the other lane's checks are over", Supervisor::is_settled);
    assert_eq!(house.started("8/publish"), 0);
}

#[test]
fn production_does_not_start_over_a_changed_staging() {
    let mut house = before_publish();
    house.supervisor.handle(sealed(seal(&[("BaseOS/stray", "x")]))).unwrap();
    assert_eq!((house.started("8/publish"), house.word("8/gate")), (0, "void"));
    assert!(house.journal().iter().any(|event| matches!(
        event,
        Event::ApprovalVoided { refusal: Refusal::SealBroken { path, .. }, .. } if path == "BaseOS/stray"
    )));
    assert!(!house.supervisor.busy.contains_key(&id("8/publish")));
}

#[test]
fn production_does_not_start_over_a_staging_that_cannot_be_read() {
    let mut house = before_publish();
    let unread = Happening::Sealed {
        release: release_id("8"),
        purpose: SealPurpose::Publish(id("8/publish")),
        result: Err(VetError::NotAnswering { place: "staging".to_owned(), for_s: 20 }),
    };
    house.supervisor.handle(unread).unwrap();
    assert_eq!((house.started("8/publish"), house.word("8/gate")), (0, "void"));
    assert!(house.journal().iter().any(|event| matches!(
        event,
        Event::ApprovalVoided { refusal, .. } if refusal.to_string()
            == "the seal cannot be taken: staging: not answering for 20 s; see what became of it, then look again"
    )));
}

#[test]
fn evidence_of_a_lane_that_went_back_opens_no_gate() {
    let mut house = House::new();
    for event in until_step("8", "8/gate") {
        house.supervisor.record(&event).unwrap();
    }
    house.supervisor.looking.insert(release_id("8"));
    house.done(retry("8/sync/Rocky"));
    let late = Happening::Gathered { release: release_id("8"), result: Err(VetError::Cancelled) };
    house.supervisor.handle(late).unwrap();
    assert_eq!(house.word("8/gate"), "pending");
    assert!(!house.journal().iter().any(|event| matches!(event, Event::StepRefused { .. })));
}

#[test]
fn a_gate_without_evidence_waits_for_a_retry() {
    let mut house = House::new();
    for event in until_step("8", "8/gate") {
        house.supervisor.record(&event).unwrap();
    }
    house.supervisor.looking.insert(release_id("8"));
    let none = Happening::Gathered { release: release_id("8"), result: Err(VetError::Cancelled) };
    house.supervisor.handle(none).unwrap();
    assert_eq!(house.word("8/gate"), "failed");
    house.done(retry("8/gate"));
    assert!(house.supervisor.looking.contains(&release_id("8")));
}

#[test]
fn nobody_approves_what_does_not_wait_or_was_cancelled() {
    let approve = |house: &mut House| {
        let request = Request::Approve {
            release: release_id("8"),
            phrase: "8.10 vetted".to_owned(),
            seal: None,
            then: AfterApproval::Proceed,
            reason: None,
            solo: false,
            signed: None,
        };
        match house.ask(7, request) {
            Some(Response::Refused { refusal: Refusal::NotWaiting { state, .. } }) => state,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(approve(&mut House::new()), "pending");
    let mut house = House::new();
    house.done(Request::Cancel { step: None });
    assert!(approve(&mut house).contains("cancelled"));
    // The seal was being looked at when somebody cancelled.
    let mut house = before_publish();
    house.done(Request::Cancel { step: None });
    let pending = PendingApproval {
        client: ClientId(1),
        by: person("lena", 1001),
        phrase: "8.10 vetted".to_owned(),
        then: AfterApproval::Proceed,
        reason: None,
        solo: false,
        signed: None,
    };
    let before = house.journal().len();
    let looked = Happening::Sealed {
        release: release_id("8"),
        purpose: SealPurpose::Approval(Box::new(pending)),
        result: Ok(Box::default()),
    };
    house.supervisor.handle(looked).unwrap();
    assert_eq!(house.journal().len(), before, "nothing is recorded");
}
