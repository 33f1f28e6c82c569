//! Signed approvals as they arrive, and once more before production: what of them is believed, and what is not.

use super::super::control::SignedClaim;
use super::gate::sealed;
use super::*;
use crate::domain::approval::{Approval, Signed, text};
use crate::domain::finding::Finding;
use crate::signing::{NAMESPACE, fingerprint};
use jiff::SignedDuration;
use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey, SshSig};
use std::os::unix::fs::PermissionsExt;

/// The clients: two people, each with a connection of their own.
const LENA: u64 = 1;
const OMAR: u64 = 2;

fn key(client: u64) -> PrivateKey {
    Ed25519Keypair::from_seed(&[client as u8; 32]).into()
}

fn who(client: u64) -> &'static str {
    if client == LENA { "lena" } else { "omar" }
}

fn identity(client: u64) -> Identity {
    person(who(client), 1000 + client as u32)
}

/// Lets these people sign.
fn allow(house: &House, clients: &[u64]) {
    let line =
        |client: &u64| format!("{} {}\n", who(*client), key(*client).public_key().to_openssh().unwrap());
    let path = house.folder.path().join("allowed_signers");
    std::fs::write(&path, clients.iter().map(line).collect::<String>()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
}

/// Returns a house at the gate of 8, which asks for the signatures of `people`.
fn at_gate(people: u8) -> House {
    let mut house = House::new();
    let signers = house.folder.path().join("allowed_signers");
    let catalog = Arc::get_mut(&mut house.supervisor.catalog).unwrap();
    (catalog.gate.people, catalog.gate.allowed_signers) = (people, Some(signers));
    catalog.gate.expires_s = 3600;
    allow(&house, &[LENA, OMAR]);
    for event in until_step("8", "8/gate") {
        house.supervisor.record(&event).unwrap();
    }
    let evidence = evidence(Vec::new());
    let file = "gates/8-1.json".to_owned();
    let digest = Some(house.dir().write_evidence(&file, &evidence, &Seal::default()).unwrap());
    let (step, seal) = (id("8/gate"), Seal::default().digest());
    let demand = house.supervisor.catalog.gate.demand();
    house.supervisor.record(&Event::GateOpened { step, evidence: file, seal, demand, digest }).unwrap();
    house.connect(LENA, identity(LENA));
    house.connect(OMAR, identity(OMAR));
    house
}

/// Returns what `client` would sign now, for `seconds`.
fn unsigned(house: &House, client: u64, seconds: i64) -> Approval {
    let plan = house.supervisor.state.plan.clone();
    let now = Timestamp::now();
    let mut one = approval(&plan, "8", identity(client), &Seal::default());
    (one.at, one.expires) = (now, now + SignedDuration::from_secs(seconds));
    let (principal, key) = (who(client).to_owned(), fingerprint(key(client).public_key()));
    one.signed = Some(Signed { principal, key, signature: String::new() });
    one
}

/// Returns `approval` as the key of `client` signs it.
fn sign(house: &House, mut approval: Approval, client: u64) -> Approval {
    let text = text::of(house.supervisor.dir.id(), "8.10", &approval).unwrap();
    let whole = SshSig::sign(&key(client), NAMESPACE, HashAlg::Sha512, text.as_bytes()).unwrap();
    approval.signed.as_mut().unwrap().signature = whole.to_pem(LineEnding::LF).unwrap();
    approval
}

fn request(approval: &Approval) -> Request {
    let signed = approval.signed.clone().map(|signed| SignedClaim {
        principal: signed.principal,
        at: approval.at,
        expires: approval.expires,
        signature: signed.signature,
    });
    Request::Approve {
        release: release_id("8"),
        phrase: approval.phrase.clone(),
        seal: Some(approval.seal.clone()),
        then: approval.then,
        reason: approval.reason.clone(),
        solo: approval.solo,
        signed,
    }
}

#[track_caller]
fn refused(house: &mut House, client: u64, request: Request) -> Refusal {
    match house.ask(client, request) {
        Some(Response::Refused { refusal }) => refusal,
        other => panic!("{other:?}"),
    }
}

/// Has `client` approve; staging is looked at and found as it was sealed.
fn approve(house: &mut House, client: u64) -> String {
    let one = sign(house, unsigned(house, client, 600), client);
    assert_eq!(house.ask(client, request(&one)), None, "staging is looked at first");
    // What the look itself finds is nothing here: there is no such staging.
    house.supervisor.looking.remove(&release_id("8"));
    let (phrase, then) = (one.phrase.clone(), one.then);
    let Request::Approve { signed, .. } = request(&one) else { panic!("no approval") };
    let by = identity(client);
    let pending =
        PendingApproval { client: ClientId(client), by, phrase, then, reason: None, solo: false, signed };
    let purpose = SealPurpose::Approval(Box::new(pending));
    let sealed = Happening::Sealed { release: release_id("8"), purpose, result: Ok(Box::default()) };
    house.supervisor.handle(sealed).unwrap();
    match house.answers.get_mut(&client).unwrap().try_recv() {
        Ok(Response::Done { message }) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_signature_says_is_believed_only_where_it_was_signed() {
    let mut house = at_gate(1);
    let before = house.journal().len();
    let good = sign(&house, unsigned(&house, LENA, 600), LENA);
    let mut bad = |what: &str, change: &dyn Fn(&mut Approval), words: &str| {
        let mut one = good.clone();
        change(&mut one);
        let refusal = refused(&mut house, LENA, request(&one)).to_string();
        assert!(refusal.contains(words), "{what}: {refusal}");
    };
    bad("none", &|one| one.signed = None, "that of lena is not");
    bad("another time", &|one| one.at -= SignedDuration::from_secs(1), "did not sign");
    bad("longer", &|one| one.expires += SignedDuration::from_secs(1), "did not sign");
    bad("hold", &|one| one.then = AfterApproval::Hold, "did not sign");
    bad("a reason", &|one| one.reason = Some("x".to_owned()), "did not sign");
    bad("another name", &|one| one.signed.as_mut().unwrap().principal = "omar".to_owned(), "did not sign");
    bad("no signature", &|one| one.signed.as_mut().unwrap().signature = "x".to_owned(), "no SSH signature");
    // Signed by the right key, and still not what may be: too old, of the future, for too long, over already.
    let mut odd = |change: &dyn Fn(&mut Approval), words: &str| {
        let mut one = unsigned(&house, LENA, 600);
        change(&mut one);
        let one = sign(&house, one, LENA);
        let refusal = refused(&mut house, LENA, request(&one)).to_string();
        assert!(refusal.contains(words), "{refusal}");
    };
    odd(&|one| one.at -= SignedDuration::from_mins(11), "approve anew");
    odd(&|one| one.at += SignedDuration::from_mins(2), "approve anew");
    odd(&|one| one.expires = one.at + SignedDuration::from_secs(3601), "longer than the catalog allows");
    odd(&|one| one.expires = one.at - SignedDuration::from_secs(1), "expired at");
    odd(&|one| one.solo = true, "one person is enough");
    let mut other = request(&good);
    if let Request::Approve { seal: shown, .. } = &mut other {
        *shown = Some(seal(&[("a", "b")]).digest());
    }
    assert!(matches!(refused(&mut house, LENA, other), Refusal::OtherSeal { .. }));
    // Another peer with her signature is not her.
    assert!(refused(&mut house, OMAR, request(&good)).to_string().contains("did not sign"));
    allow(&house, &[OMAR]);
    assert!(refused(&mut house, LENA, request(&good)).to_string().contains("is not in"));
    assert_eq!(house.journal().len(), before, "nothing is recorded");
    allow(&house, &[LENA]);
    assert!(approve(&mut house, LENA).contains("release 8 is approved"));
}

#[test]
fn a_gate_without_signers_takes_no_signature() {
    let mut house = at_gate(1);
    // What looks at the gate may hold the catalog still; it is another one from here on.
    let mut catalog = Catalog::clone(&house.supervisor.catalog);
    catalog.gate.allowed_signers = None;
    house.supervisor.catalog = Arc::new(catalog);
    opened_anew(&mut house, Vec::new());
    let one = sign(&house, unsigned(&house, LENA, 600), LENA);
    assert_eq!(refused(&mut house, LENA, request(&one)), Refusal::NotAsked);
}

#[test]
fn a_file_that_others_may_change_lets_nobody_sign() {
    let mut house = at_gate(1);
    let path = house.folder.path().join("allowed_signers");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let one = sign(&house, unsigned(&house, LENA, 600), LENA);
    assert!(refused(&mut house, LENA, request(&one)).to_string().contains("others may write to it"));
}

#[test]
fn the_second_of_two_opens_the_gate_and_not_the_first_again() {
    let mut house = at_gate(2);
    assert_eq!(approve(&mut house, LENA), "release 8: 1 of 2: lena, waits for a second person");
    assert_eq!(house.word("8/gate"), "waiting");
    let again = sign(&house, unsigned(&house, LENA, 600), LENA);
    assert!(matches!(refused(&mut house, LENA, request(&again)), Refusal::SamePerson { .. }));
    let mut forged = unsigned(&house, OMAR, 600);
    forged.signed = unsigned(&house, LENA, 600).signed;
    let forged = sign(&house, forged, LENA);
    let refusal = refused(&mut house, OMAR, request(&forged));
    assert!(
        matches!(&refusal, Refusal::SamePerson { what, .. } if what.starts_with("the same key")),
        "{refusal}"
    );
    assert_eq!(approve(&mut house, OMAR), "release 8 is approved");
    assert_eq!(house.word("8/gate"), "succeeded");
}

#[test]
fn an_approval_that_expired_while_it_waited_takes_the_gate_with_it() {
    let mut house = at_gate(2);
    let mut old = unsigned(&house, LENA, 600);
    old.expires = old.at;
    let old = sign(&house, old, LENA);
    house.supervisor.record(&Event::Approved { step: id("8/gate"), approval: old }).unwrap();
    let second = sign(&house, unsigned(&house, OMAR, 600), OMAR);
    assert!(
        matches!(refused(&mut house, OMAR, request(&second)), Refusal::Expired { by, .. } if by == "lena")
    );
    assert_eq!(house.word("8/gate"), "void");
}

#[test]
fn signatures_are_verified_again_just_before_production() {
    type Spoil = fn(&mut House, &mut Vec<Approval>);
    let cases: [(&str, Spoil, &str); 5] = [
        ("nothing", |_, _| {}, ""),
        ("a key was taken out", |house, _| allow(house, &[LENA]), "the signature of omar does not count"),
        ("the file is gone", |house, _| allow(house, &[]), "does not count"),
        ("the record was edited", |_, all| all[0].by.user = "toor".to_owned(), "did not sign"),
        ("one signature is missing", |_, all| all[1].signed = None, "that of omar is not"),
    ];
    for (what, spoil, words) in cases {
        let mut house = at_gate(2);
        let one = |client| sign(&house, unsigned(&house, client, 600), client);
        let mut approvals = vec![one(LENA), one(OMAR)];
        spoil(&mut house, &mut approvals);
        let step = id("8/gate");
        for approval in approvals {
            house.supervisor.record(&Event::Approved { step: step.clone(), approval }).unwrap();
        }
        house.supervisor.record(&Event::GatePassed { step }).unwrap();
        house.supervisor.busy.insert(id("8/publish"), Busy::Sealing);
        house.supervisor.handle(sealed(Seal::default())).unwrap();
        if words.is_empty() {
            assert_eq!(house.started("8/publish"), 1, "{what}: {:?}", house.words());
            continue;
        }
        assert_eq!((house.started("8/publish"), house.word("8/gate")), (0, "void"), "{what}");
        let void = house.journal().into_iter().rev().find_map(|event| match event {
            Event::ApprovalVoided { refusal, .. } => Some(refusal.to_string()),
            _ => None,
        });
        assert!(void.unwrap().contains(words), "{what}");
    }
}

/// Opens the gate of 8 anew, as the catalog is now, with these findings.
fn opened_anew(house: &mut House, findings: Vec<Finding>) {
    let mut evidence = house.dir().evidence("gates/8-1.json").unwrap();
    evidence.findings = findings;
    let file = "gates/8-2.json".to_owned();
    let digest = Some(house.dir().write_evidence(&file, &evidence, &Seal::default()).unwrap());
    let (step, seal) = (id("8/gate"), Seal::default().digest());
    let demand = house.supervisor.catalog.gate.demand();
    house.supervisor.record(&Event::GateOpened { step, evidence: file, seal, demand, digest }).unwrap();
}

fn blocker(message: &str) -> Finding {
    Finding::blocking(CheckName::Leftovers, "left", "Extras", message, "remove it")
}

#[test]
fn evidence_that_was_edited_is_not_weighed() {
    let mut house = at_gate(1);
    let blocker = blocker("1 file is left");
    opened_anew(&mut house, vec![blocker.clone()]);
    let one = sign(&house, unsigned(&house, LENA, 600), LENA);
    assert!(matches!(refused(&mut house, LENA, request(&one)), Refusal::Blocked { count: 1, .. }));
    let path = house.dir().file("gates/8-2.json");
    let edited = std::fs::read_to_string(&path).unwrap().replace("\"blocking\"", "\"warning\"");
    std::fs::write(&path, edited).unwrap();
    let refusal = refused(&mut house, LENA, request(&one));
    let run = house.supervisor.dir.id().clone();
    let said = "the evidence is not what was recorded (gates/8-2.json); gather it anew with `stagegate gate ";
    assert_eq!(refusal.to_string(), format!("{said}{run}`"));
    let waive = waiving(&blocker);
    assert!(house.failed(waive).starts_with("the evidence is not what was recorded"));
}

#[test]
fn evidence_that_was_edited_after_the_first_of_two_is_gathered_anew() {
    let mut house = at_gate(2);
    approve(&mut house, LENA);
    let refresh = || Request::Refresh { release: release_id("8"), check: None };
    assert!(house.failed(refresh()).contains("is not waiting for a decision"));
    std::fs::write(house.dir().file("gates/8-1.json"), b"{}").unwrap();
    assert_eq!(house.done(refresh()), "gathering the evidence of release 8 anew");
}

#[test]
fn a_seal_that_was_exchanged_is_not_approved() {
    let house = at_gate(1);
    let path = house.dir().file("gates/8-1.seal.json");
    std::fs::write(&path, serde_json::to_vec(&seal(&[("a", "b")])).unwrap()).unwrap();
    let error = house.supervisor.shown_seal(&release_id("8")).unwrap_err();
    assert_eq!(error, "the seal of gates/8-1.json is not what was recorded");
}

/// A catalog that asks for less than it did when the gate opened changes nothing of that gate.
#[test]
fn what_a_gate_was_opened_with_counts_whatever_the_catalog_says_now() {
    let mut house = at_gate(2);
    approve(&mut house, LENA);
    let mut catalog = Catalog::clone(&house.supervisor.catalog);
    (catalog.gate.people, catalog.gate.allowed_signers) = (1, None);
    house.supervisor.catalog = Arc::new(catalog);
    let before = house.journal().len();
    house.supervisor.advance().unwrap();
    assert_eq!((house.word("8/gate"), house.journal().len()), ("waiting", before), "nothing is recorded");
    let again = sign(&house, unsigned(&house, LENA, 600), LENA);
    assert!(matches!(refused(&mut house, LENA, request(&again)), Refusal::SamePerson { .. }));
    let mut bare = unsigned(&house, OMAR, 600);
    bare.signed = None;
    assert!(matches!(refused(&mut house, OMAR, request(&bare)), Refusal::NotSigned { .. }));
    assert_eq!(approve(&mut house, OMAR), "release 8 is approved");
    assert_eq!(house.word("8/gate"), "succeeded");
}

/// Lets a finding through as a console shows it.
fn waiving(finding: &Finding) -> Request {
    Request::Waive {
        release: release_id("8"),
        finding: finding.id.clone(),
        message: Some(finding.message.clone()),
        reason: "known".to_owned(),
    }
}

#[test]
fn a_waiver_does_not_outlive_what_the_finding_said() {
    let mut house = at_gate(1);
    let waived = blocker("2 of 900 files are left");
    opened_anew(&mut house, vec![waived.clone()]);
    // A console on which it says something else asks for something else.
    let other = house.failed(waiving(&blocker("1 of 900 files is left")));
    assert_eq!(other, "the finding says something else by now: 2 of 900 files are left");
    house.done(waiving(&waived));
    let recorded = house.journal().into_iter().rev().find_map(|event| match event {
        Event::FindingWaived { waiver, .. } => waiver.message,
        _ => None,
    });
    assert_eq!(recorded, Some(waived.message.clone()));
    opened_anew(&mut house, vec![blocker("899 of 900 files are left")]);
    let one = sign(&house, unsigned(&house, LENA, 600), LENA);
    assert!(matches!(refused(&mut house, LENA, request(&one)), Refusal::Blocked { count: 1, .. }));
    opened_anew(&mut house, vec![waived]);
    assert_eq!(approve(&mut house, LENA), "release 8 is approved");
}
