//! A step that prints everything that can take over a terminal, and secrets: what reaches the engineer's terminal.
//!
//! Everything the console writes is parsed: only the sequences that ratatui and crossterm draw with may be in it.

use crate::driver::Console;
use crate::host::Host;
use stagegate::sandbox::applet::zoo::SECRETS;
use std::collections::BTreeMap;
use std::path::Path;
use vte::{Params, Parser, Perform};

/// Megabytes of each of the large beasts; of those that are not single bytes there are five.
const LARGE: &str = "4";
/// What console and supervisor may need beyond an idle console, in kB: less than half of what is printed.
const ROOM: u64 = 8 * 1024;

/// A practice host whose sync of Rocky 8 prints the zoo and then stays, with a secret that has a name.
fn host() -> Host {
    let host = Host::new(&["hostile@8/sync/Rocky", "step-hangs@8/sync/Rocky"]);
    let catalog = host.at("stagegate.toml");
    let text = std::fs::read_to_string(&catalog).unwrap();
    let set = format!("set = {{ ZOO_MEGABYTES = \"{LARGE}\", KOJI_TOKEN = \"{}\", PATH", SECRETS[0]);
    let changed = text.replacen("set = { PATH", &set, 1);
    assert_ne!(text, changed);
    std::fs::write(&catalog, changed).unwrap();
    host
}

/// What a program wrote to its terminal, taken apart.
#[derive(Debug, Default)]
struct Written {
    /// How often each kind of sequence was written.
    sequences: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

impl Written {
    fn of(bytes: &[u8]) -> Self {
        let mut written = Self::default();
        Parser::new().advance(&mut written, bytes);
        written
    }

    fn foreign(&mut self, what: String) {
        self.wrong.push(what);
    }
}

impl Perform for Written {
    fn print(&mut self, character: char) {
        let bad = character.is_control() || stagegate::domain::visible::misleads(character);
        if bad || stagegate::domain::visible::joins(character) {
            self.foreign(format!("the character {character:?}"));
        }
    }

    fn execute(&mut self, byte: u8) {
        self.foreign(format!("the control {byte:#04x}"));
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        let modes: Vec<u16> = params.iter().flatten().copied().collect();
        let ours = match (intermediates, action) {
            (b"", 'H' | 'm' | 'J' | 'K') => true,
            (b"?", 'h' | 'l') => modes.iter().all(|mode| [25, 1049, 2004].contains(mode)),
            _ => false,
        };
        let name = format!("{}{action}", String::from_utf8_lossy(intermediates));
        if !ours || ignore {
            self.foreign(format!("the sequence {name} {modes:?}"));
        }
        *self.sequences.entry(name).or_default() += 1;
    }

    fn esc_dispatch(&mut self, _: &[u8], _: bool, byte: u8) {
        self.foreign(format!("ESC {}", char::from(byte)));
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _: bool) {
        self.foreign(format!("OSC {:?}", params.first().map(|first| String::from_utf8_lossy(first))));
    }

    fn hook(&mut self, _: &Params, _: &[u8], _: bool, action: char) {
        self.foreign(format!("DCS {action}"));
    }
}

/// Asserts that nothing but drawing reached the terminal, and no secret is on the screen.
#[track_caller]
fn is_clean(console: &Console) {
    let written = Written::of(console.bytes());
    assert_eq!(written.wrong, Vec::<String>::new(), "reached the terminal");
    assert!(written.sequences["H"] > 10 && written.sequences["?h"] >= 2, "{written:?}");
    assert!(std::str::from_utf8(console.bytes()).is_ok(), "all of it is UTF-8");
    shows_no_secret(console);
}

#[track_caller]
fn shows_no_secret(console: &Console) {
    let screen = console.screen();
    for secret in SECRETS {
        assert!(!screen.contains(secret), "{secret} shows:\n{screen}");
    }
    assert!(
        screen.lines().next().unwrap().contains("Rocky Linux (practice)"),
        "the frame is whole:\n{screen}"
    );
}

/// Asserts that drawing everything anew changes nothing: what was drawn bit by bit stands where it should.
#[track_caller]
fn stands_where_it_should(console: &mut Console) {
    console.rest();
    let before = pane(&console.screen());
    let written = console.bytes().len();
    console.keys("ctrl-l");
    console.wait_for_bytes(written, b"\x1b[2J");
    console.wait_until(&format!("the same screen as before:\n{before}"), |screen| pane(screen) == before);
}

/// Returns the rows of the log's pane; above it a clock runs.
fn pane(screen: &str) -> String {
    let rows: Vec<&str> = screen.lines().skip(5).map(str::trim_end).collect();
    rows.join("\n")
}

/// Returns the most memory that a process has had, in kB (proc(5), `VmHWM`).
fn most_memory(process: u32) -> u64 {
    let status =
        std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_hostile_log_is_shown_and_reaches_nothing() {
    let host = host();
    let mut console = host.console();
    let idle = most_memory(console.process());
    console.keys("space p");
    console.wait_for(&["plan ", "1 sync Rocky to staging"]);
    console.keys("r");
    console.wait_for(&["y run"]);
    console.keys("y");
    console.wait_for(&["you have the helm", "zoo closed", "Still waiting..."]);
    is_clean(&console);

    // The zoo, beast after beast, from its end to the large ones.
    console.keys("l");
    console.wait_for(&["Still waiting..."]);
    let mut seen = String::new();
    for _ in 0..40 {
        console.keys("up");
        console.settle();
        shows_no_secret(&console);
        seen.push_str(&console.screen());
    }
    for shown in [
        "abo wc",
        "zoo clipboard:  it was not taken",
        "zoo title: a title of screen it stays",
        "zoo screen: it is where it was",
        "zoo c1 raw: a31mb",
        "zoo token: logged in with [redacted]; TOKEN=[redacted] again",
        "zoo header: Authorization: Basic [redacted]",
        "https://koji:[redacted]@hub/ and --password [redacted]",
        "[sudo] password for releng: [redacted]",
    ] {
        assert!(seen.contains(shown), "{shown} was not seen in\n{}", console.screen());
    }
    stands_where_it_should(&mut console);
    for keys in
        ["right", "right", "w", "pageup", "home", "pagedown", "pagedown", "pagedown", "w", "left", "end"]
    {
        console.keys(keys);
        console.settle();
        shows_no_secret(&console);
    }
    console.wait_for(&["Still waiting..."]);
    stands_where_it_should(&mut console);
    is_clean(&console);

    let supervisor = host.facts("supervisor-started")[0]["pid"].as_u64().unwrap();
    let most = [most_memory(console.process()), most_memory(u32::try_from(supervisor).unwrap())];
    assert!(most.iter().all(|most| *most < idle + ROOM), "{most:?} kB; an idle console has {idle} kB");
    let log = host.log("8/sync/Rocky");
    assert!(log.len() > 20_000_000, "the log keeps what was printed");
    let holds = |needle: &[u8]| memchr::memmem::find(&log, needle).is_some();
    assert!(holds(b"\x1b]52;c;c3RvbGVu\x07") && holds(SECRETS[0].as_bytes()));
    console.keys("ctrl-c");
    assert!(console.left().success());
    console.is_given_back();
    is_the_same_everywhere(&host);
}

/// Every command about that run: no secret, and nothing that a terminal obeys.
fn is_the_same_everywhere(host: &Host) {
    for words in [
        &["status"][..],
        &["status", "--format", "json"],
        &["runs"],
        &["runs", "--format", "json"],
        &["report", "latest"],
        &["report", "latest", "--format", "json"],
        &["log", "latest", "8/sync/Rocky"],
        &["plan", "--release", "8", "--compose", "none", "--sync", "Rocky", "--format", "script"],
    ] {
        let output = host.ask(words);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(
            printed
                .chars()
                .all(|c| c == '\n' || !(c.is_control() || stagegate::domain::visible::misleads(c))),
            "{words:?}"
        );
        for secret in SECRETS {
            assert!(!printed.contains(secret), "{words:?} prints {secret}");
        }
        assert!(!printed.is_empty(), "{words:?}");
    }
    let raw = host.ask(&["log", "latest", "8/sync/Rocky", "--raw"]);
    assert!(raw.stdout == host.log("8/sync/Rocky"), "--raw is the log byte for byte");
    assert_eq!(
        String::from_utf8_lossy(&raw.stderr),
        "stagegate: this is the log as the step printed it, with secrets and escape sequences, if it has any\n"
    );
}

#[test]
fn a_raw_log_is_not_for_a_terminal() {
    let host = host();
    let output = host.ask(&["run", "--release", "8", "--compose", "none", "--sync", "Rocky", "--detach"]);
    assert!(output.status.success(), "{output:?}");
    let mut console = Console::start(&host.args(&["log", "latest", "8/sync/Rocky", "--raw"]), &[], (80, 24));
    console.wait_for(&["a raw log can hold anything"]);
    assert_eq!(console.left().code(), Some(2));
}
