//! What is hidden, and what is not.

use super::*;

fn redactor(environment: &[(&str, &str)]) -> Redactor {
    let secrets = Secrets::named(["*TOKEN*", "GPG_PASSPHRASE"]);
    let pairs = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Redactor::new(&secrets, [&pairs.collect::<BTreeMap<_, _>>()])
}

#[test]
fn names_fit_patterns_whole_and_in_any_case() {
    let patterns = ["*TOKEN*".to_owned(), "PASS*".to_owned(), "EXACT".to_owned()];
    for (name, secret) in [
        ("KOJI_TOKEN", true),
        ("koji_token_2", true),
        ("TOKEN", true),
        ("TOKE", false),
        ("PASSWORD", true),
        ("MY_PASS", false),
        ("EXACT", true),
        ("EXACTLY", false),
        ("", false),
    ] {
        assert_eq!(is_secret(&patterns, name), secret, "{name}");
    }
}

#[test]
fn a_value_is_taken_out_wherever_it_occurs() {
    let redactor = redactor(&[("KOJI_TOKEN", "hunter2hunter2"), ("LANG", "C.UTF-8")]);
    assert_eq!(redactor.text("login hunter2hunter2!"), "login [redacted]!");
    assert_eq!(redactor.text("LANG=C.UTF-8 hunter2"), "LANG=C.UTF-8 hunter2");
    let shown = redactor.environment(&BTreeMap::from([
        ("KOJI_TOKEN".to_owned(), "x".to_owned()),
        ("URL".to_owned(), "https://hunter2hunter2@host/".to_owned()),
    ]));
    assert_eq!(shown["KOJI_TOKEN"], REDACTED);
    assert_eq!(shown["URL"], "https://[redacted]@host/");
}

#[test]
fn short_values_are_hidden_by_name_alone() {
    let redactor = redactor(&[("A_TOKEN", "12345"), ("B_TOKEN", "")]);
    assert_eq!(redactor.text("12345 steps"), "12345 steps");
    let environment = BTreeMap::from([("A_TOKEN".to_owned(), "12345".to_owned())]);
    assert_eq!(redactor.environment(&environment)["A_TOKEN"], REDACTED);
}

#[test]
fn the_longest_value_and_every_form_of_it_go() {
    let redactor =
        redactor(&[("A_TOKEN", "abcdef"), ("B_TOKEN", "abcdefgh"), ("GPG_PASSPHRASE", "it's \"so\"")]);
    assert_eq!(redactor.text("abcdefgh abcdef"), "[redacted] [redacted]");
    assert_eq!(redactor.text(&serde_json::to_string("it's \"so\"").unwrap()), "\"[redacted]\"");
    assert_eq!(redactor.text(&quote("it's \"so\"")), "'[redacted]'");
}

#[test]
fn without_secrets_nothing_changes() {
    let redactor = redactor(&[("PATH", "/usr/bin:/bin")]);
    assert_eq!(redactor.text("/usr/bin:/bin"), "/usr/bin:/bin");
    assert!(matches!(Redactor::default().text("x"), Cow::Borrowed("x")));
}

mod lines;
mod shapes;
