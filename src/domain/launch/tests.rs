//! The door to production: it opens exactly when every condition holds.

use super::*;
use crate::domain::approval::AfterApproval;
use crate::domain::fixture::{Dice, approval, at, person, plan, release_id, run, seal, signed, verified};
use crate::domain::plan::PlanDigest;
use crate::domain::seal::SealDigest;
use proptest::prelude::*;
use std::path::PathBuf;

fn publish(plan: &Plan) -> Step {
    plan.step(&"8/publish".parse().unwrap()).unwrap().clone()
}

/// A case in which everything holds; each test breaks one thing.
struct Case {
    plan: Plan,
    step: Step,
    approvals: Vec<Approval>,
    demand: Demand,
    signers: Vec<VerifiedSigner>,
    shown: Seal,
    now: Seal,
    at: Timestamp,
}

impl Case {
    fn good() -> Self {
        let plan = plan();
        let shown = seal(&[("BaseOS/repomd.xml", "aa"), ("BaseOS/a.rpm", "bb")]);
        let approvals = vec![approval(&plan, "8", person("lena", 1001), &shown)];
        Self {
            step: publish(&plan),
            approvals,
            demand: Demand::default(),
            signers: Vec::new(),
            now: shown.clone(),
            shown,
            at: at(10),
            plan,
        }
    }

    fn of_two() -> Self {
        let mut case = Self::good();
        case.demand.people = 2;
        case.approvals.push(approval(&case.plan, "8", person("omar", 1002), &case.shown));
        case
    }

    /// Two people who signed, in a catalog that asks for it.
    fn signed() -> Self {
        let mut case = Self::of_two();
        case.demand.signers = Some(PathBuf::from("/etc/stagegate/allowed_signers"));
        let of = [("lena@example.org", "SHA256:one"), ("omar@example.org", "SHA256:two")];
        case.approvals =
            case.approvals.into_iter().zip(of).map(|(one, (who, key))| signed(one, who, key)).collect();
        case.verify();
        case
    }

    /// Vouches for every approval as it is now.
    fn verify(&mut self) {
        self.signers = self.approvals.iter().map(|one| verified(&self.plan, one)).collect();
    }

    fn authorize(&self) -> Result<ProductionLaunch, Refusal> {
        let authority = Authority {
            run: &run(),
            plan: &self.plan,
            approvals: &self.approvals,
            signers: &self.signers,
            demand: &self.demand,
            shown: &self.shown,
            now: &self.now,
            at: self.at,
        };
        ProductionLaunch::authorize(&self.step, &authority)
    }

    fn refusal(&self) -> Refusal {
        self.authorize().expect_err("it is refused")
    }
}

#[test]
fn it_opens_for_approvals_that_hold() {
    let case = Case::good();
    let launch = case.authorize().unwrap();
    assert_eq!(*Launch::Production(launch).step(), case.step);
    assert!(Case::of_two().authorize().is_ok());
    assert!(Case::signed().authorize().is_ok());
}

#[test]
fn a_signature_that_nobody_verified_opens_nothing() {
    let mut case = Case::signed();
    case.signers.pop();
    assert!(matches!(case.refusal(), Refusal::BadSignature { by, .. } if by == "omar@example.org"));
    let mut case = Case::signed();
    case.approvals[0].signed = None;
    assert!(matches!(case.refusal(), Refusal::NotSigned { by } if by == "lena"));
}

/// Whatever of an approval is changed after it was verified, nobody has signed that.
#[test]
fn a_verified_signature_covers_the_approval_as_it_is_recorded_and_no_other() {
    type Change = fn(&mut Approval);
    let changes: [(&str, Change); 11] = [
        ("user", |one| one.by.user = "toor".to_owned()),
        ("uid", |one| one.by.uid = 7),
        ("login user", |one| one.by.login_uid = Some(7)),
        ("login name", |one| one.by.login = None),
        ("host", |one| one.by.host = "elsewhere".to_owned()),
        ("time", |one| one.at = at(1)),
        ("expiry", |one| one.expires = at(1001)),
        ("phrase", |one| one.phrase = "8.11 vetted".to_owned()),
        ("what follows", |one| one.then = AfterApproval::Hold),
        ("reason", |one| one.reason = Some("because".to_owned())),
        ("principal", |one| {
            if let Some(signed) = &mut one.signed {
                signed.principal = "nobody@example.org".to_owned();
            }
        }),
    ];
    for (what, change) in changes {
        let mut case = Case::signed();
        change(&mut case.approvals[0]);
        assert!(matches!(case.refusal(), Refusal::BadSignature { .. }), "{what}");
    }
    // A run has its own approvals: those of another do not count.
    let case = Case::signed();
    let other = "20261122T184501Z-8-update".parse().unwrap();
    let authority = Authority {
        run: &other,
        plan: &case.plan,
        approvals: &case.approvals,
        signers: &case.signers,
        demand: &case.demand,
        shown: &case.shown,
        now: &case.now,
        at: case.at,
    };
    let refusal = ProductionLaunch::authorize(&case.step, &authority).unwrap_err();
    assert!(matches!(refusal, Refusal::BadSignature { .. }));
}

#[test]
fn one_person_does_for_two_only_where_that_is_allowed_and_said_why() {
    let alone = || {
        let mut case = Case::signed();
        case.approvals.truncate(1);
        case.approvals[0].solo = true;
        case.approvals[0].reason = Some("omar is ill".to_owned());
        case.demand.solo = true;
        case.verify();
        case
    };
    assert!(alone().authorize().is_ok());
    let mut case = alone();
    case.demand.solo = false;
    assert!(matches!(case.refusal(), Refusal::Solo { .. }), "not allowed");
    let mut case = alone();
    case.approvals[0].reason = Some("  ".to_owned());
    case.verify();
    assert!(matches!(case.refusal(), Refusal::Solo { .. }), "without a reason");
    let mut case = alone();
    case.approvals[0].solo = false;
    case.verify();
    assert!(matches!(case.refusal(), Refusal::NeedsAnother { .. }), "without saying so");
    let mut case = alone();
    case.approvals[0].by.login_uid = None;
    case.verify();
    assert_eq!(case.refusal(), Refusal::UnknownPerson);
}

#[test]
fn nobody_is_two_people_by_key_or_by_name() {
    let mut case = Case::signed();
    case.approvals[1] = signed(case.approvals[1].clone(), "omar@example.org", "SHA256:one");
    case.verify();
    assert!(matches!(case.refusal(), Refusal::NeedsAnother { .. }), "the same key");
    let mut case = Case::signed();
    case.approvals[1] = signed(case.approvals[1].clone(), "lena@example.org", "SHA256:two");
    case.verify();
    assert!(matches!(case.refusal(), Refusal::NeedsAnother { .. }), "the same principal");
    let mut case = Case::signed();
    case.approvals[1].by.login_uid = Some(1001);
    case.verify();
    assert!(matches!(case.refusal(), Refusal::NeedsAnother { .. }), "the same login user");
}

#[test]
fn every_refusal_can_happen() {
    let mut case = Case::good();
    case.approvals.clear();
    assert_eq!(case.refusal(), Refusal::NotApproved { release: release_id("8") });

    let mut case = Case::good();
    case.approvals[0].release = release_id("9");
    assert!(matches!(case.refusal(), Refusal::OtherRelease { .. }));

    let mut case = Case::good();
    case.approvals[0].plan = PlanDigest("0".repeat(64));
    assert!(matches!(case.refusal(), Refusal::OtherPlan { .. }));

    let mut case = Case::good();
    case.at = case.approvals[0].expires;
    assert!(matches!(case.refusal(), Refusal::Expired { .. }), "it ends at its end");

    let mut case = Case::good();
    case.now = seal(&[("BaseOS/repomd.xml", "aa"), ("BaseOS/a.rpm", "other")]);
    let broken = Refusal::SealBroken { path: "BaseOS/a.rpm".to_owned(), how: "changed".to_owned() };
    assert_eq!(case.refusal(), broken);

    let mut case = Case::good();
    case.approvals[0].seal = SealDigest("0".repeat(64));
    assert!(matches!(case.refusal(), Refusal::SealBroken { path, .. } if path == "the record of the seal"));

    let mut case = Case::of_two();
    case.approvals[1].by = person("lena", 1001);
    assert!(matches!(case.refusal(), Refusal::NeedsAnother { people: 2, .. }));

    let mut case = Case::of_two();
    case.approvals[0].by.login_uid = None;
    assert_eq!(case.refusal(), Refusal::UnknownPerson);

    let mut case = Case::good();
    case.step = case.plan.step(&"8/sign".parse().unwrap()).unwrap().clone();
    assert!(matches!(case.refusal(), Refusal::NotProduction { .. }));
}

#[test]
fn every_kind_of_difference_breaks_the_seal() {
    let refused = |now: &[(&str, &str)]| {
        let mut case = Case::good();
        case.now = seal(now);
        match case.refusal() {
            Refusal::SealBroken { path, how } => format!("{path} {how}"),
            other => panic!("{other}"),
        }
    };
    assert_eq!(refused(&[("BaseOS/a.rpm", "bb")]), "BaseOS/repomd.xml removed");
    let added = [("BaseOS/a.rpm", "bb"), ("BaseOS/repomd.xml", "aa"), ("stray", "x")];
    assert_eq!(refused(&added), "stray added");
    assert_eq!(refused(&[]), "BaseOS/a.rpm removed");
}

#[test]
fn it_opens_only_for_a_step_that_the_approved_plan_holds_as_it_is() {
    let mut case = Case::good();
    case.step.argv.push("--delete".to_owned());
    assert!(matches!(case.refusal(), Refusal::OtherPlan { .. }), "another command under the same id");
    let mut case = Case::good();
    case.step.release = Some(release_id("9"));
    assert!(case.authorize().is_err(), "another release under the same id");
    let mut case = Case::good();
    let place = case.plan.steps.iter().position(|step| step.id == case.step.id).unwrap();
    case.plan.steps[place].argv.push("--delete".to_owned());
    case.step = case.plan.steps[place].clone();
    assert!(matches!(case.refusal(), Refusal::OtherPlan { .. }), "a plan that was changed after its digest");
}

#[test]
fn nobody_is_two_people_however_they_log_in() {
    let mut case = Case::of_two();
    case.approvals[1].by = person("lena-again", 1001);
    case.approvals[1].by.uid = 1001;
    assert!(matches!(case.refusal(), Refusal::NeedsAnother { .. }));
    case.approvals.truncate(1);
    assert!(matches!(case.refusal(), Refusal::NeedsAnother { .. }));
    let mut alone = Case::good();
    alone.approvals[0].by.login_uid = None;
    assert!(alone.authorize().is_ok(), "an unset login is good enough alone");
}

#[test]
fn an_ordinary_launch_refuses_every_gate_and_every_publish() {
    let plan = plan();
    for step in &plan.steps {
        let ordinary = OrdinaryLaunch::new(step);
        assert_eq!(
            ordinary.is_some(),
            !matches!(step.id.as_str(), "8/gate" | "8/publish" | "9/gate" | "9/publish")
        );
        assert!(ordinary.is_none_or(|launch| *Launch::Ordinary(launch).step() == *step));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn it_opens_exactly_when_everything_holds(
        people in 0u8..3,
        numbers in prop::collection::vec(any::<u16>(), 60),
        second in 0i64..12,
    ) {
        let mut dice = Dice::new(numbers);
        let mut case = Case::good();
        let good_seal = case.shown.clone();
        case.demand.people = people;
        let asks = dice.coin();
        case.demand.signers = asks.then(|| PathBuf::from("/signers"));
        case.demand.solo = dice.coin();
        case.at = at(second);
        // Each condition is broken in a minority of cases, so that all of them hold often enough.
        let seldom = |dice: &mut Dice| dice.below(8) == 7;
        let count = [1, 2, 1, 3, 0][dice.below(5)];
        case.approvals = (0..count).map(|_| {
            let (name, uid) = dice.pick(&[("lena", 1001), ("omar", 1002), ("lena", 1001), ("root", 0)]);
            let mut one = approval(&case.plan, "8", person(name, uid), &good_seal);
            if seldom(&mut dice) { one.by.login_uid = None; }
            if seldom(&mut dice) { one.release = release_id("9"); }
            if seldom(&mut dice) { one.plan = PlanDigest("other".to_owned()); }
            if seldom(&mut dice) { one.seal = seal(&[]).digest(); }
            if seldom(&mut dice) { one.then = AfterApproval::Hold; }
            one.expires = at(dice.pick(&[1000, 1000, 1000, 11, 10]));
            if seldom(&mut dice) { one.solo = true; }
            if dice.coin() { one.reason = Some("x".to_owned()); }
            if asks && !seldom(&mut dice) {
                let (who, key) = (dice.pick(&["lena", "omar"]), dice.pick(&["one", "two"]));
                one = signed(one, who, key);
            }
            one
        }).collect();
        case.signers = case.approvals.iter().filter(|one| one.signed.is_some() && dice.below(8) != 7)
            .map(|one| verified(&case.plan, one)).collect();
        if seldom(&mut dice) && let Some(one) = case.approvals.first_mut() { one.phrase.push('!'); }
        if seldom(&mut dice) { case.now = seal(&[("BaseOS/a.rpm", "bb")]); }
        if seldom(&mut dice) {
            let any = dice.below(case.plan.steps.len());
            case.step = case.plan.steps[any].clone();
        }
        if seldom(&mut dice) { case.step.argv.push("-x".to_owned()); }
        if seldom(&mut dice) {
            let any = dice.below(case.plan.steps.len());
            case.plan.steps[any].argv.push("-x".to_owned());
        }
        // Two of them who have nothing in common.
        let two = case.approvals.iter().enumerate().any(|(at, one)| case.approvals[..at].iter().any(|other| {
            let keys = one.signed.as_ref().zip(other.signed.as_ref());
            one.by.login_uid != other.by.login_uid
                && keys.is_none_or(|(one, other)| one.key != other.key && one.principal != other.principal)
        }));
        let solo = case.approvals.iter().any(|one| one.solo);
        let may_solo = people == 2 && case.demand.solo
            && case.approvals.iter().all(|one| !one.solo || one.reason.is_some());
        let vouched = !asks || case.approvals.iter().all(|one| {
            one.signed.is_some() && case.signers.contains(&verified(&case.plan, one))
        });
        let known = case.approvals.iter().all(|one| one.by.login_uid.is_some());
        let holds = case.step.is_production()
            && case.plan.is_intact()
            && case.plan.steps.contains(&case.step)
            && !case.approvals.is_empty()
            && case.approvals.iter().all(|one| {
                Some(&one.release) == case.step.release.as_ref()
                    && one.plan == case.plan.digest
                    && one.seal == case.shown.digest()
                    && case.at < one.expires
            })
            && vouched
            && (!solo || may_solo)
            && (people < 2 || known && (solo || two))
            && case.now == case.shown;
        match case.authorize() {
            Ok(launch) => {
                prop_assert!(holds, "opened although something did not hold");
                prop_assert_eq!(launch.step, case.step);
            }
            Err(refusal) => {
                prop_assert!(!holds, "refused although everything held: {refusal}");
                prop_assert!(!refusal.to_string().is_empty());
            }
        }
    }
}
