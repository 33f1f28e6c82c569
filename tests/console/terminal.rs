//! The terminal itself: its sizes, its colours, and that it is given back whatever ends the console.

use crate::driver::{Console, SMALL};
use crate::host::Host;
use rustix::process::Signal;
use std::collections::BTreeSet;

#[test]
fn the_console_fits_every_size_and_every_way_out_gives_the_terminal_back() {
    let host = Host::new(&[]);
    sizes(&mut host.console());
    for way in ["q", "ctrl-c"] {
        let mut console = host.console();
        console.keys(way);
        assert!(console.left().success(), "{way}");
        console.is_given_back();
    }
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut console = host.console();
        console.signal(signal);
        let status = console.left();
        assert_eq!(status.code(), Some(0), "{signal:?}: {status}");
        console.is_given_back();
    }
    colours(&host);
    typo(&host);
}

fn sizes(console: &mut Console) {
    console.resize((200, 50));
    console.wait_until("a screen of 200 columns", |screen| {
        let wide = screen.lines().any(|line| line.trim_end().chars().count() > 190);
        wide && screen.contains("composed only")
            && screen.lines().nth(49).is_some_and(|line| line.contains("q leave"))
    });
    console.resize((59, 14));
    console.wait_for(&["Stagegate needs more room.", "This terminal has 59x14"]);
    console.resize(SMALL);
    console.wait_for(&["composed only", "q leave"]);
    assert!(!console.screen().contains("needs more room"));
    assert!(console.screen().lines().all(|line| line.chars().count() <= 80), "{}", console.screen());
}

fn colours(host: &Host) {
    let mut grey = Console::start(&host.args(&[]), &[("NO_COLOR", "1")], SMALL);
    grey.wait_for(&["composed only", "▼behind"]);
    assert_eq!(grey.colours(), BTreeSet::new(), "NO_COLOR is heeded");
    grey.keys("q");
    assert!(grey.left().success());
    let mut seen = Vec::new();
    for theme in ["dark", "light"] {
        let mut console = Console::start(&host.args(&["--theme", theme]), &[], SMALL);
        console.wait_for(&["composed only", "▼behind"]);
        assert!(!console.screen().contains("no theme"), "{}", console.screen());
        assert!(console.colours().len() > 1, "{theme}");
        seen.push(console.colours());
        console.keys("q");
        assert!(console.left().success());
    }
    assert_ne!(seen[0], seen[1], "the light theme is another");
}

fn typo(host: &Host) {
    let catalog = std::fs::read_to_string(host.at("stagegate.toml")).unwrap();
    let line = 1 + catalog.lines().position(|line| line.starts_with("role = \"sync\"")).unwrap();
    let broken = host.at("broken.toml");
    std::fs::write(&broken, catalog.replacen("\nrole = \"sync\"", "\nrole = \"snyc\"", 1)).unwrap();
    let state = host.at("state").to_str().unwrap().to_owned();
    let args = ["--config".to_owned(), broken.to_str().unwrap().to_owned(), "--state".to_owned(), state];
    // Wide, so that the path does not wrap.
    let mut console = Console::start(&args, &[], (250, 24));
    assert_eq!(console.left().code(), Some(2), "{}", console.screen());
    console.wait_for(&[&format!("broken.toml:{line}:8"), "snyc", "sync"]);
    assert!(!console.bytes().contains(&0x1b), "the terminal was not touched");
}
