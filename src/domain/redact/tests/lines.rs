//! Secrets in output, cut by whatever lies between their characters.

use crate::domain::redact::*;
use proptest::prelude::*;

const VALUE: &str = "hunter2hunter2";

fn redactor() -> Redactor {
    let secrets = Secrets::named(["*TOKEN*"]);
    Redactor::new(&secrets, [&BTreeMap::from([("KOJI_TOKEN".to_owned(), VALUE.to_owned())])])
}

fn shown(raw: &[u8]) -> Vec<String> {
    let mut reading = Reading::new(redactor());
    raw.split(|byte| *byte == b'\n').map(|line| reading.line(line).text()).collect()
}

#[test]
fn a_value_is_known_whatever_cuts_it() {
    for (raw, lines) in [
        ("in hunter2hunter2 out", &["in [redacted] out"][..]),
        ("in hunter2\x1b[31mhunter2\x1b[0m out", &["in [redacted] out"]),
        ("in hunter2\x1b]0;x\x07hunter2 out", &["in [redacted] out"]),
        ("hunter2hunter2\rok", &["ok[redacted]"]),
        ("hunter2\rhunter2", &["[redacted]"]),
        ("a hunter2\r\nhunter2 b", &["a [redacted]", "[redacted] b"]),
        ("a hun\r\nter2\r\nhunter2 b", &["a hun", "[redacted]", "[redacted] b"]),
        ("hunterX\x082hunter2", &["[redacted]"]),
        ("2hunter2\x1b[1Gxxhunter2hunter2", &["xx[redacted]"]),
        ("\x1b[8Ghunter2\x1b[1Ghunter2", &["[redacted]"]),
        ("unfinished hunter2hu", &["unfinished [redacted]"]),
        ("too short hun", &["too short hun"]),
        ("ツhunter2hunter2ツ", &["ツ[redacted]ツ"]),
        ("passwo\x1b[1mrd=\x1b[0mab\x1b[2mcd ef", &["password=[redacted] ef"]),
        ("50%\rpassword=abc\r100%", &["100%word=[redacted]"]),
    ] {
        assert_eq!(shown(raw.as_bytes()), lines, "{raw:?}");
    }
}

#[test]
fn a_private_key_is_hidden_line_by_line_and_what_comes_between_is_not() {
    let log = "before\r\n-----BEGIN \x1b[1mRSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\n\r\nMIIEpAIBAAKCAQEA7bq\r\n\
        the sync goes on\r\nx86_64\tq83vEjRWeJCrze8=\r\nZg==\r\n-----END RSA PRIVATE KEY-----\r\nafter\r\nMIIEpAIBAAKCAQEA7bq\r\n";
    let lines = shown(log.as_bytes());
    let hidden = "[redacted]";
    let want = [
        "before",
        hidden,
        hidden,
        "",
        hidden,
        "the sync goes on",
        hidden,
        hidden,
        hidden,
        "after",
        "MIIEpAIBAAKCAQEA7bq",
        "",
    ];
    assert_eq!(lines, want);
    let open = format!("-----BEGIN PRIVATE KEY-----\n{}", "MIIEpAIBAAKCAQEA7bq\n".repeat(2000));
    let lines = shown(open.as_bytes());
    assert_eq!(
        lines.iter().filter(|line| *line == hidden).count(),
        1025,
        "a key without an end is over at some time"
    );
}

#[test]
fn the_edge_of_a_window_cuts_nothing() {
    let key = format!(
        "-----BEGIN PRIVATE KEY-----\n{}-----END PRIVATE KEY-----\n",
        "MIIEpAIBAAKCAQEA7bq\n".repeat(400)
    );
    let log = format!("first\n{key}a hunter2\nhunter2 b\nlast password=x");
    let all = shown(log.as_bytes());
    let mut offset = 0;
    for (at, _) in log.split('\n').enumerate() {
        let before = &log.as_bytes()[offset.max(LOOK_BACK) - LOOK_BACK..offset];
        let mut reading = Reading::behind(redactor(), before);
        let lines: Vec<String> =
            log[offset..].split('\n').take(3).map(|line| reading.line(line.as_bytes()).text()).collect();
        assert_eq!(lines, all[at..(at + 3).min(all.len())], "from line {at}");
        offset += log.split('\n').nth(at).unwrap().len() + 1;
    }
}

#[test]
fn parts_of_a_line_are_read_together() {
    let mut reading = Reading::new(redactor());
    let parts = ["login password=ab", "cd hunter2", "hunter2 end"];
    let parts: Vec<String> = parts.iter().map(|part| reading.part(part.as_bytes()).text()).collect();
    assert_eq!(parts, ["login password=[redacted]", "[redacted] [redacted]", "[redacted] end"]);
    assert_eq!(reading.line(b"password").text(), "password");
    assert_eq!(reading.line(b"=abc").text(), "=abc");
}

#[test]
fn values_of_several_lines_are_known_line_by_line() {
    let value = "first line here\nsecond line here";
    let secrets = Secrets::named(["*TOKEN*"]);
    let redactor = Redactor::new(&secrets, [&BTreeMap::from([("A_TOKEN".to_owned(), value.to_owned())])]);
    let mut reading = Reading::new(redactor);
    assert_eq!(reading.line(b"first line here\r").text(), "[redacted]");
    assert_eq!(reading.line(b"second line here").text(), "[redacted]");
    assert_eq!(reading.line(b"second line here").text(), "second line here");
}

/// Pieces that a value can be cut with, none of which shows.
fn cut() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just(""),
        Just(""),
        Just(""),
        Just("\x1b[31m"),
        Just("\x1b[0m"),
        Just("\x1b]52;c;eA==\x07"),
        Just("\x07"),
        Just("\r\n"),
        Just("\r"),
        Just("\x1b[?25l"),
        Just("\0"),
        Just("\u{200d}"),
    ]
}

proptest! {
    #[test]
    fn no_piece_of_a_value_longer_than_a_hint_shows(
        cuts in proptest::collection::vec(cut(), VALUE.len()),
        before in "[a-f ]{0,10}(\r|\n|)", after in "( |\r\n)[A-F ]{0,10}",
    ) {
        let value: String = VALUE.chars().zip(&cuts).flat_map(|(c, cut)| std::iter::once(c).chain(cut.chars())).collect();
        let log = format!("{before} {value}{after}");
        let lines = shown(log.as_bytes());
        for line in &lines {
            for at in 0..=VALUE.len() - 5 {
                prop_assert!(!line.contains(&VALUE[at..at + 5]), "{:?} shows {:?}", log, lines);
            }
        }
    }

    #[test]
    fn where_nothing_is_secret_nothing_changes(raw in proptest::collection::vec(any::<u8>(), 0..300)) {
        let plain = crate::domain::log_line::render(&raw);
        prop_assert_eq!(Reading::new(Redactor::default()).line(&raw), plain);
    }

    #[test]
    fn any_bytes_are_read_and_nothing_controls(raw in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut reading = Reading::new(redactor());
        for line in raw.split(|byte| *byte == b'\n') {
            let line = reading.line(line);
            prop_assert!(line.text().chars().all(|c| !c.is_control()));
        }
    }
}
