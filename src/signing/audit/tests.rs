//! Approvals in a journal, audited: what holds passes, and whatever was made up is named with its record.

use super::super::tests::{allowed, key, line, signed_as, signed_by};
use super::*;
use crate::domain::finding::Finding;
use crate::domain::fixture::{approval, at, evidence, person, plan, run, seal, starting};
use crate::domain::flow::CheckName;

/// What a run of one lane records around its gate, a second a record.
struct Story {
    plan: Plan,
    events: Vec<Event>,
    evidence: Option<Evidence>,
}

impl Story {
    /// Two people approve, the gate is passed, and it is published.
    fn of_two() -> Self {
        let plan = plan();
        let demand = Demand { people: 2, signers: Some("/signers".into()), solo: false, expires_s: 1000 };
        let lena = signed_by(&plan, 1001, "lena", &key(1));
        let omar = signed_by(&plan, 1002, "omar", &key(2));
        let mut story = Self { plan, events: Vec::new(), evidence: None };
        story.open(demand);
        story.events.extend([approved(lena), approved(omar), passed(), starting("8/publish", 1, "")]);
        story
    }

    fn open(&mut self, demand: Demand) {
        let step = "8/gate".parse().unwrap();
        let evidence = "gates/8-1.json".to_owned();
        self.events.push(Event::GateOpened {
            step,
            evidence,
            seal: seal(&[]).digest(),
            demand,
            digest: None,
        });
    }

    fn audit(&self, allowed: Allowed<'_>) -> ApprovalAudit {
        let facts =
            (1..).zip(1..).zip(&self.events).map(|((record, second), event)| (record, at(second), event));
        let evidence = |file: &str| (file == "gates/8-1.json").then(|| self.evidence.clone()).flatten();
        approvals(&run(), &self.plan, facts, allowed, &evidence)
    }

    fn flaws(&self) -> Vec<(u64, String)> {
        self.audit(Allowed::IfAsked(&team())).flaws
    }
}

fn team() -> AllowedSigners {
    allowed(&format!("{}{}", line("lena", &key(1)), line("omar", &key(2))))
}

fn approved(approval: Approval) -> Event {
    Event::Approved { step: "8/gate".parse().unwrap(), approval }
}

fn passed() -> Event {
    Event::GatePassed { step: "8/gate".parse().unwrap() }
}

#[track_caller]
fn one_flaw(story: &Story, record: u64, words: &str) {
    let flaws = story.flaws();
    assert!(flaws.iter().any(|(at, said)| *at == record && said.contains(words)), "{words}: {flaws:?}");
}

#[test]
fn approvals_that_hold_are_told_whole() {
    let story = Story::of_two();
    let found = story.audit(Allowed::IfAsked(&team()));
    assert_eq!(found.flaws, []);
    let told: Vec<_> =
        found.approvals.iter().map(|one| (one.record, one.who.as_str(), one.signature)).collect();
    assert_eq!(told, [(2, "lena", SignatureState::Valid), (3, "omar", SignatureState::Valid)]);
    assert_eq!(
        found.approvals[0].key.as_deref(),
        Some(super::super::fingerprint(key(1).public_key()).as_str())
    );
}

#[test]
fn without_the_file_a_signature_is_checked_and_its_owner_is_not_known() {
    let mut story = Story::of_two();
    let found = story.audit(Allowed::Unknown);
    assert_eq!(found.flaws, []);
    assert!(found.approvals.iter().all(|one| one.signature == SignatureState::KeyUnknown));
    let Event::Approved { approval, .. } = &mut story.events[1] else { panic!("not an approval") };
    approval.by.user = "other".to_owned();
    let found = story.audit(Allowed::Unknown);
    assert!(found.flaws[0].1.contains("did not sign"), "{:?}", found.flaws);
    assert_eq!(found.approvals[0].signature, SignatureState::Invalid);
}

#[test]
fn what_was_made_up_is_named() {
    let mut story = Story::of_two();
    story.events[2] = approved(signed_by(&story.plan, 1002, "omar", &key(7)));
    one_flaw(&story, 3, "the approval of release 8 by omar: the signature of omar does not count: SHA256:");
    let mut story = Story::of_two();
    story.events[2] = approved(signed_by(&story.plan, 1002, "lena", &key(1)));
    one_flaw(&story, 3, "the same key");
    let mut story = Story::of_two();
    story.events.remove(2);
    one_flaw(&story, 3, "passed without every approval: 1 of 2: lena");
    one_flaw(&story, 4, "8/publish was started without an approval that held");
    let mut story = Story::of_two();
    story.events[1] = approved(approval(&story.plan, "8", person("lena", 1001), &seal(&[])));
    one_flaw(&story, 2, "it is not signed");
    let mut story = Story::of_two();
    let mut other = story.plan.clone();
    other.distribution.push('!');
    other.digest = other.compute_digest();
    story.events[1] = approved(signed_by(&other, 1001, "lena", &key(1)));
    one_flaw(&story, 2, "it is for the plan");
    let mut story = Story::of_two();
    let sealed = approval(&story.plan, "8", person("lena", 1001), &seal(&[("a", "b")]));
    story.events[1] = approved(signed_as(sealed, "lena", &key(1)));
    one_flaw(&story, 2, "another seal");
    let mut story = Story::of_two();
    let mut late = approval(&story.plan, "8", person("omar", 1002), &seal(&[]));
    late.expires = at(4);
    story.events[2] = approved(signed_as(late, "omar", &key(2)));
    one_flaw(&story, 5, "started after the approval by omar had expired");
    let mut story = Story::of_two();
    let refusal = crate::domain::approval::Refusal::UnknownPerson;
    story.events.insert(4, Event::ApprovalVoided { step: "8/gate".parse().unwrap(), refusal });
    one_flaw(&story, 6, "without an approval that held");
}

#[test]
fn unsigned_approvals_are_as_the_catalog_had_it_unless_a_file_is_named() {
    let plan = plan();
    let one = approval(&plan, "8", person("lena", 1001), &seal(&[]));
    let mut story = Story { plan, events: Vec::new(), evidence: None };
    story.open(Demand::default());
    story.events.extend([approved(one), passed(), starting("8/publish", 1, "")]);
    for allowed in [Allowed::Unknown, Allowed::IfAsked(&team())] {
        let found = story.audit(allowed);
        assert_eq!(found.flaws, []);
        assert_eq!(found.approvals[0].signature, SignatureState::Unsigned);
    }
    let found = story.audit(Allowed::Required(&team()));
    assert!(found.flaws[0].1.contains("it is not signed"), "{:?}", found.flaws);
}

#[test]
fn an_approval_of_what_blocked_is_named_unless_it_was_waived_before() {
    let blocker = Finding::blocking(CheckName::Leftovers, "left", "Extras", "1 file is left", "remove it");
    let mut story = Story::of_two();
    story.evidence = Some(evidence(vec![blocker.clone()]));
    let words = "was given while findings blocked that nobody had waived: 1, the first at Extras";
    one_flaw(&story, 2, words);
    one_flaw(&story, 3, words);
    let waiver = |finding| Waiver {
        finding,
        message: None,
        reason: "known".to_owned(),
        by: person("lena", 1001),
        at: at(1),
    };
    let waived = |finding| Event::FindingWaived { release: "8".parse().unwrap(), waiver: waiver(finding) };
    story.events.insert(2, waived(blocker.id.clone()));
    let flaws = story.flaws();
    assert!(flaws.iter().all(|(record, _)| *record == 2) && flaws.len() == 1, "{flaws:?}");
    let mut story = Story::of_two();
    story.evidence = Some(evidence(vec![blocker.clone()]));
    story.events.insert(1, waived(blocker.id));
    assert_eq!(story.flaws(), []);
}
