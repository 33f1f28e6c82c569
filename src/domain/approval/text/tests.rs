//! The signed text, byte by byte: a change here is a change of what people signed, and wants another version.

use super::*;
use crate::domain::fixture::{approval, person, plan, run, seal, signed};

fn one() -> Approval {
    let plan = plan();
    let mut one =
        signed(approval(&plan, "8", person("lena", 1001), &seal(&[])), "lena@example.org", "SHA256:x");
    one.plan.0 = "p1an".to_owned();
    one.seal.0 = "5ea1".to_owned();
    one
}

#[test]
fn it_is_this_text() {
    let mut one = one();
    let text = "stagegate approval 1
run: 20261122T184500Z-8-update
release: 8
revision: 8.10
plan: p1an
seal: 5ea1
phrase: 8.10 vetted
then: proceed
principal: lena@example.org
uid: 0
user: root
login-uid: 1001
login: lena
host: compose01
at: 1970-01-01T00:00:00Z
expires: 1970-01-01T00:16:40Z
";
    assert_eq!(of(&run(), "8.10", &one).unwrap(), text);
    one.solo = true;
    one.reason = Some("omar is ill".to_owned());
    one.then = AfterApproval::Hold;
    let text = format!("{}solo: yes\nreason: omar is ill\n", text.replace("proceed", "hold"));
    assert_eq!(of(&run(), "8.10", &one).unwrap(), text);
    (one.by.login_uid, one.by.login) = (None, None);
    let text = text.replace("login-uid: 1001\nlogin: lena\n", "");
    assert_eq!(of(&run(), "8.10", &one).unwrap(), text);
}

#[test]
fn nothing_in_it_passes_for_another_line() {
    let mut forged = one();
    forged.reason = Some("fine\nsolo: yes".to_owned());
    assert_eq!(of(&run(), "8.10", &forged), Err(Refusal::Unsayable { what: "reason".to_owned() }));
    for hidden in ["\r", "\u{85}", "\u{2028}", "\u{202e}", "\u{2066}", "\0", "\u{1b}[2K"] {
        let mut forged = one();
        forged.by.host = format!("host{hidden}");
        assert_eq!(
            of(&run(), "8.10", &forged),
            Err(Refusal::Unsayable { what: "host".to_owned() }),
            "{hidden:?}"
        );
    }
    let mut plain = one();
    plain.reason = Some("naïve – 理由 : ok".to_owned());
    assert!(of(&run(), "8.10", &plain).is_ok(), "letters of any language are letters");
}

#[test]
fn what_nobody_signs_has_no_text() {
    let unsigned = Approval { signed: None, ..one() };
    assert_eq!(of(&run(), "8.10", &unsigned), Err(Refusal::NotSigned { by: "lena".to_owned() }));
}
