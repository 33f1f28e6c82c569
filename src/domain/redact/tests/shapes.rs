//! What has the shape of a secret, and the corpus of what has not.

use crate::domain::redact::*;
use proptest::prelude::*;

/// Assembled here, so that no scanner of this repository takes the samples for real ones.
fn sample(parts: &[&str]) -> String {
    parts.concat()
}

#[test]
fn every_shape_is_known() {
    let github = sample(&["gh", "p_", "16C7e42F292c6912E7710c838347Ae178B4a"]);
    let gitlab = sample(&["glp", "at-", "xK9_fq2LmN3pQrStUvWx"]);
    let amazon = sample(&["AK", "IA", "IOSFODNN7EXAMPLE"]);
    let token = sample(&["ey", "JhbGciOiJIUzI1NiJ9.", "eyJzdWIiOiIxIn0.", "dozjgNryP4J3jVmNHl0w5N"]);
    let redactor = Redactor::by_shape();
    for (text, shown) in [
        ("Authorization: Bearer abc123def456ghi7", "Authorization: Bearer [redacted]"),
        ("> authorization: Basic dXNlcjpwYXNz", "> authorization: Basic [redacted]"),
        (r#"{"Authorization": "token abc"}"#, r#"{"Authorization": "token [redacted]"}"#),
        ("sent bearer 0123456789abcdef", "sent bearer [redacted]"),
        ("PRIVATE-TOKEN: abcd", "PRIVATE-TOKEN: [redacted]"),
        (
            "cloning https://koji:hunter2@hub.example.org/x.git",
            "cloning https://koji:[redacted]@hub.example.org/x.git",
        ),
        ("https://u:p@ss@host/", "https://u:[redacted]@host/"),
        ("https://0123456789abcdefghij@host/", "https://[redacted]@host/"),
        (&format!("push {github}."), "push [redacted]."),
        (&format!("CI_JOB {gitlab} ok"), "CI_JOB [redacted] ok"),
        (&format!("key {amazon}"), "key [redacted]"),
        (&format!("jwt={token};"), "jwt=[redacted];"),
        ("password=hunter2 user=x", "password=[redacted] user=x"),
        ("db_password = 'it is long'", "db_password = '[redacted]'"),
        (r#""clientSecret": "s3cr3t","#, r#""clientSecret": "[redacted]","#),
        (r#"{\"token\": \"abc\"}"#, r#"{\"token\": \"[redacted]"}"#),
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD=[redacted] psql"),
        ("export GPG_PASSPHRASE_2=x1y2", "export GPG_PASSPHRASE_2=[redacted]"),
        ("MYSQL_PWD=abc", "MYSQL_PWD=[redacted]"),
        ("gpg --batch --passphrase hunter2 --sign", "gpg --batch --passphrase [redacted] --sign"),
        ("koji --password=hunter2 call", "koji --password=[redacted] call"),
        ("passphrase: hunter2", "passphrase: [redacted]"),
        ("?access_token=abc&x=1", "?access_token=[redacted]&x=1"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "aws_secret_access_key = [redacted]"),
        ("[sudo] password for releng: hunter2", "[sudo] password for releng: [redacted]"),
        ("releng@errata01's password: hunter2", "releng@errata01's password: [redacted]"),
        (
            "Enter passphrase for key '/root/.ssh/id_ed25519': a b",
            "Enter passphrase for key '/root/.ssh/id_ed25519': [redacted]",
        ),
        ("key: -----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY----- end", "key: [redacted] end"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n", "[redacted]"),
        (
            "a\n-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQdG\n=AbCd\n-----END PGP PRIVATE KEY BLOCK-----\nb",
            "a\n[redacted]\nb",
        ),
    ] {
        assert_eq!(redactor.text(text), shown, "{text}");
        assert_eq!(redactor.text(shown), shown, "what was redacted stays as it is");
    }
}

#[test]
fn what_only_looks_like_it_stays() {
    let redactor = Redactor::by_shape();
    for text in [
        "commit 8f14e45fceea167a5a36dedd4bea2543b1c8d9ab",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  repomd.xml",
        "SHA512 (Rocky-8.10-x86_64-boot.iso) = 0123456789abcdef0123456789abcdef0123456789abcdef",
        "bash-0:5.1.8-9.el9.x86_64 python3-keystoneauth1-4.0-1.el8.noarch libsecret-0.18.6-1.el8",
        "Rocky-8-updates-20210721.1 compose_id=Rocky-8-updates-20210721.1",
        "gpg: Signature made Sun 22 Nov 2026 using RSA key 15AF5DAC6D745A60",
        "gpg: signing failed: No secret key",
        "gpg: skipped \"releng@example.org\": No secret key",
        "Please enter the passphrase to unlock the OpenPGP secret key:",
        "[sudo] password for releng: ",
        "releng@errata01's password:",
        "Enter passphrase for key '/root/.ssh/id_ed25519': ",
        "gpg --passphrase-fd 0 --passphrase-file /root/.pass --pinentry-mode loopback",
        "--password-file=/etc/koji.pass TOKEN_FILE=/run/token",
        "Requires: libsecret = 0.18.6-1.el8",
        "gnome-password-generator = 1.6.2",
        "Secret::Service token == other",
        "token=null secret=${KOJI_SECRET} passphrase=$PASS password=********",
        "password: ********",
        "what is secret: a name or a shape",
        "https://koji.example.org:443/packages http://user@host/ git@github.com:rocky-linux/x.git",
        "rsync rsync://host/module ssh://git@host:22/x",
        "-----BEGIN PGP SIGNATURE-----\niQIz\n-----END PGP SIGNATURE-----",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\nmQIN\n-----END PGP PUBLIC KEY BLOCK-----",
        "the bearer of this authorization is known",
        "PASS: 12 tests, FAIL: 0",
    ] {
        assert_eq!(redactor.text(text), text);
    }
}

#[test]
fn shapes_are_switched_off_one_by_one_and_patterns_added() {
    let mut secrets = Secrets::default();
    secrets.shapes.remove(&Shape::Assignments);
    secrets.patterns = vec!["CORP-[0-9]{4}".to_owned(), "seat (?P<a>[0-9]+)".to_owned()];
    let redactor = Redactor::new(&secrets, []);
    assert_eq!(
        redactor.text("password=abc CORP-1234 seat 17 https://u:p@h/"),
        "password=abc [redacted] seat [redacted] https://u:[redacted]@h/"
    );
    for shape in Shape::ALL {
        assert_eq!(Shape::named(shape.name()), Some(shape));
    }
    assert!(check_pattern("a+").is_ok());
    assert!(check_pattern("a*").unwrap_err().contains("fits even where there is nothing"));
    assert!(check_pattern("a(").unwrap_err().contains("unclosed group"));
    assert!(check_pattern("(?=a)").unwrap_err().contains("look-around"));
}

#[test]
fn a_word_may_be_secret_because_of_the_one_before_it() {
    let redactor = Redactor::by_shape();
    let mut words = ["gpg", "--passphrase", "hunter2", "--batch", "--token=x1"].map(str::to_owned);
    redactor.arguments(&mut words);
    assert_eq!(words.join(" "), "gpg --passphrase [redacted] --batch --token=[redacted]");
}

#[test]
fn what_a_finding_or_a_record_holds_is_cleaned_and_stays_what_it_is() {
    let redactor = Redactor::new(
        &Secrets::named(["*TOKEN*"]),
        [&BTreeMap::from([("KOJI_TOKEN".to_owned(), "hunter2hunter2".to_owned())])],
    );
    let list = vec![("a".to_owned(), Some("x hunter2hunter2\n\u{1b}[2J".to_owned()))];
    assert_eq!(redactor.value(list.clone())[0].1.as_deref(), Some("x [redacted]\n\u{1b}[2J"));
    assert_eq!(redactor.shown(list)[0].1.as_deref(), Some("x [redacted]␊␛[2J"));
}

proptest! {
    #[test]
    fn any_text_is_taken(text in "(?s).*") {
        let redactor = Redactor::by_shape();
        let once = redactor.text(&text).into_owned();
        prop_assert_eq!(redactor.line(&text).contains('\n'), false);
        prop_assert!(once == text || once.contains(REDACTED));
    }

    #[test]
    fn a_password_never_shows(before in "[ -~]{0,20}", secret in "[a-km-zA-Z0-9]{6,20}Q7", name in "(db_|)(password|TOKEN|api-key|passphrase)", is in "(=|: | = |=\"|: ')") {
        let text = format!("{before} {name}{is}{secret}");
        prop_assert!(!Redactor::by_shape().text(&text).contains(&secret), "{}", text);
    }
}
