//! Who may approve beside whom, and how it is said.

use super::*;
use crate::domain::fixture::{approval, at, person, plan, seal, signed};

fn of(name: &str, login: u32, key: &str) -> Approval {
    let one = approval(&plan(), "8", person(name, login), &seal(&[]));
    signed(one, &format!("{name}@example.org"), key)
}

fn two() -> Demand {
    Demand { people: 2, signers: Some("/signers".into()), ..Demand::default() }
}

#[test]
fn a_second_approval_is_a_second_persons() {
    let first = [of("lena", 1001, "SHA256:one")];
    let admit = |second: &Approval| two().admit(&first, second, at(10));
    assert_eq!(admit(&of("omar", 1002, "SHA256:two")), Ok(()));
    for (second, why) in [
        (of("omar", 1002, "SHA256:one"), "the same key SHA256:one"),
        (of("lena", 1002, "SHA256:two"), "the same principal lena@example.org"),
        (of("omar", 1001, "SHA256:two"), "the same login user 1001"),
    ] {
        let refusal = admit(&second).unwrap_err();
        assert!(matches!(&refusal, Refusal::SamePerson { what, .. } if what == why), "{refusal}");
        assert!(
            refusal.to_string().starts_with("lena@example.org approved release 8 already ("),
            "{refusal}"
        );
    }
    let mut unknown = of("omar", 1002, "SHA256:two");
    unknown.by.login_uid = None;
    assert_eq!(admit(&unknown), Err(Refusal::UnknownPerson));
    assert_eq!(two().admit(&[], &unknown, at(10)), Err(Refusal::UnknownPerson), "nor as the first");
}

#[test]
fn one_that_has_expired_holds_nobodys_place() {
    let first = [of("lena", 1001, "SHA256:one")];
    let refusal = two().admit(&first, &of("omar", 1002, "SHA256:two"), at(1000)).unwrap_err();
    assert!(matches!(refusal, Refusal::Expired { by, .. } if by == "lena@example.org"));
}

#[test]
fn alone_is_said_allowed_and_explained_or_not_at_all() {
    let mut alone = of("lena", 1001, "SHA256:one");
    (alone.solo, alone.reason) = (true, Some("omar is ill".to_owned()));
    let allowed = Demand { solo: true, ..two() };
    assert_eq!(allowed.admit(&[], &alone, at(10)), Ok(()));
    assert!(matches!(two().admit(&[], &alone, at(10)), Err(Refusal::Solo { .. })));
    assert!(matches!(Demand::default().admit(&[], &alone, at(10)), Err(Refusal::Solo { .. })), "not needed");
    alone.reason = None;
    assert!(matches!(allowed.admit(&[], &alone, at(10)), Err(Refusal::Solo { .. })));
}

#[test]
fn it_is_said_how_many_who_and_what_is_waited_for() {
    let (lena, omar) = (of("lena", 1001, "SHA256:one"), of("omar", 1002, "SHA256:two"));
    let words = |approvals: &[Approval]| two().words(approvals);
    assert_eq!(words(&[]), "waits for 2 people");
    assert_eq!(words(std::slice::from_ref(&lena)), "1 of 2: lena@example.org, waits for a second person");
    assert_eq!(words(&[lena.clone(), omar]), "approved by lena@example.org, omar@example.org");
    assert_eq!(words(&[Approval { solo: true, ..lena }]), "approved by lena@example.org (solo)");
    assert_eq!(Demand::default().words(&[]), "waits for an approval");
}
