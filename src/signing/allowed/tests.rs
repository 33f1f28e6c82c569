//! The file of those who may sign, as ssh-keygen(1) has it, and what is refused in it.

use super::super::tests::{allowed, key, line};
use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-11-22T18:45:00Z";

fn problem(text: &str) -> String {
    let error = AllowedSigners::parse(Path::new("/signers"), text, &TimeZone::UTC).unwrap_err();
    error.to_string()
}

#[test]
fn each_key_signs_under_its_own_names() {
    let (lena, omar) = (key(1), key(2));
    let text = format!(
        "# the team\n\n{}\t{}",
        line("lena@example.org,lena", &lena),
        line("\"omar@example.org\"", &omar)
    );
    let file = allowed(&text);
    let check = |who: &str, key: &ssh_key::PrivateKey| file.check(who, key.public_key().key_data(), at(NOW));
    assert_eq!(check("lena@example.org", &lena), Ok(()));
    assert_eq!(check("lena", &lena), Ok(()));
    assert_eq!(check("omar@example.org", &omar), Ok(()));
    assert!(check("omar@example.org", &lena).unwrap_err().contains("for other principals"));
    assert!(check("lena", &key(3)).unwrap_err().contains("is not in /etc/stagegate/allowed_signers"));
    let name = |asked, key: &ssh_key::PrivateKey| file.principal(key.public_key().key_data(), asked, at(NOW));
    assert_eq!(name(None, &lena).as_deref(), Ok("lena@example.org"), "the first");
    assert_eq!(name(Some("lena"), &lena).as_deref(), Ok("lena"));
    assert!(name(Some("omar@example.org"), &lena).is_err());
}

#[test]
fn names_are_patterns() {
    for (pattern, name, fits) in [
        ("*", "anyone", true),
        ("*@example.org", "lena@example.org", true),
        ("*@example.org", "lena@example.com", false),
        ("l?na@*", "lena@x", true),
        ("l?na@*", "lna@x", false),
        ("*,!omar@*", "lena@x", true),
        ("*,!omar@*", "omar@x", false),
        ("!omar@*", "lena@x", false),
        ("a*b*c", "aXbYbZc", true),
        ("a*b*c", "aXbYbZ", false),
        ("", "", true),
        ("lena", "lena2", false),
    ] {
        assert_eq!(fits_list(pattern, name), fits, "{pattern} {name}");
    }
    let file = allowed(&line("*@example.org", &key(1)));
    let refused = file.principal(key(1).public_key().key_data(), None, at(NOW)).unwrap_err();
    assert!(refused.contains("--principal NAME"), "{refused}");
    assert!(file.principal(key(1).public_key().key_data(), Some("lena@example.org"), at(NOW)).is_ok());
}

#[test]
fn a_key_is_for_what_and_for_when_its_line_says() {
    let check = |options: &str, now: &str| {
        let file = allowed(&line(&format!("lena {options}"), &key(1)));
        file.check("lena", key(1).public_key().key_data(), at(now))
    };
    assert_eq!(check("namespaces=\"file,approval@stagegate\"", NOW), Ok(()));
    assert_eq!(check("namespaces=\"*@stagegate\"", NOW), Ok(()));
    assert!(check("namespaces=\"file\"", NOW).unwrap_err().contains("namespace"));
    let from = "valid-after=\"20261122Z\",valid-before=\"202611231200Z\"";
    assert!(
        check(from, "2026-11-21T23:59:59Z").unwrap_err().contains("not valid before 2026-11-22T00:00:00Z")
    );
    assert_eq!(check(from, "2026-11-22T00:00:00Z"), Ok(()));
    assert_eq!(check(from, "2026-11-23T11:59:59Z"), Ok(()));
    assert!(check(from, "2026-11-23T12:00:00Z").unwrap_err().contains("valid until"));
    assert_eq!(
        check("VALID-AFTER=20261122184459Z", NOW),
        Ok(()),
        "names in any letters, quotes where needed"
    );
}

#[test]
fn times_without_a_zone_are_the_hosts() {
    let prague = TimeZone::fixed(jiff::tz::offset(1));
    let text = line("lena valid-after=\"202611221945\"", &key(1));
    let file = AllowedSigners::parse(Path::new("/signers"), &text, &prague).unwrap();
    let check = |now: &str| file.check("lena", key(1).public_key().key_data(), at(now));
    assert!(check("2026-11-22T18:44:59Z").is_err());
    assert_eq!(check("2026-11-22T18:45:00Z"), Ok(()));
}

#[test]
fn what_is_not_understood_is_refused_with_its_line() {
    let good = line("lena", &key(1));
    for (bad, why) in [
        (line("* cert-authority", &key(1)), "cert-authority is not taken here"),
        (line("* CERT-AUTHORITY,namespaces=\"x\"", &key(1)), "cert-authority is not taken here"),
        (line("lena no-touch-required", &key(1)), "option `no-touch-required` is not known"),
        (line("lena namespaces", &key(1)), "option `namespaces` is not known"),
        (line("lena valid-after=\"tomorrow\"", &key(1)), "`tomorrow` is no time"),
        (line("lena valid-before=\"20261322\"", &key(1)), "`20261322` is no time"),
        (line("lena ,", &key(1)), "an option without a name"),
        (line("\"lena", &key(1)), "a quotation mark is not closed"),
        ("lena ssh-ed25519 AAAA\n".to_owned(), "not a public key"),
        ("lena\n".to_owned(), "it has no key"),
    ] {
        let said = problem(&format!("{good}\n{bad}"));
        assert!(
            said.starts_with("the allowed signers file /signers, line 3: ") && said.contains(why),
            "{bad}: {said}"
        );
    }
}

#[test]
fn a_file_that_others_may_change_is_no_word_of_the_team() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("signers");
    std::fs::write(&path, line("lena", &key(1))).unwrap();
    let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    for bad in [0o666, 0o664, 0o646] {
        mode(bad);
        let said = AllowedSigners::trusted(&path).unwrap_err().to_string();
        assert!(said.contains("others may write to it: `chmod go-w"), "{said}");
        assert!(AllowedSigners::read(&path).is_ok(), "whoever audits names the file himself");
    }
    mode(0o644);
    assert!(AllowedSigners::trusted(&path).unwrap().has(key(1).public_key().key_data()));
    // Who may write to its folder may put another file in its place; in a sticky one nobody but the owner may.
    let folder_mode = |mode| {
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    folder_mode(0o777);
    let said = AllowedSigners::trusted(&path).unwrap_err().to_string();
    assert!(said.contains("of its folder") && said.contains("others may write to it"), "{said}");
    folder_mode(0o1777);
    assert!(AllowedSigners::trusted(&path).is_ok());
    folder_mode(0o700);
    let said = AllowedSigners::read(folder.path()).unwrap_err().to_string();
    assert!(said.contains("it is no file"), "{said}");
    let said = AllowedSigners::read(&folder.path().join("none")).unwrap_err().to_string();
    assert!(said.contains("cannot be read: No such file"), "{said}");
}
