//! Two consoles on one run: one has the helm, the other watches until it takes it over.
//!
//! Both are the same person's here, on terminals of their own, which is how they are told apart.

use crate::driver::Console;
use crate::host::Host;

/// Presses everything that would act, and waits until all of it was taken.
fn presses_everything(console: &mut Console) {
    for key in ["t", "x", "X", "K", "R", "i"] {
        console.keys(key);
        // A question or a field would be open now, and these would answer it.
        console.keys("y enter 3");
    }
    console.keys("?");
    console.wait_for(&["─ Help: "]);
    console.keys("?");
    console.wait_until("the run without its help", |screen| !screen.contains("─ Help: "));
}

#[test]
fn a_second_console_watches_says_who_has_the_helm_and_acts_only_after_taking_it_over() {
    let host = Host::new(&["step-hangs"]);
    let mut first = host.console();
    first.keys("space p");
    first.wait_for(&["1 sync Rocky to staging"]);
    first.keys("r");
    first.wait_for(&["y run"]);
    first.keys("y");
    first.wait_for(&["you have the helm", "Still waiting..."]);
    let before = host.journal();

    let mut second = host.open(&[]);
    second.wait_for(&["OBSERVING", "has the helm", "Still waiting..."]);
    let mut onlooker = host.open(&["--observe"]);
    onlooker.wait_for(&["OBSERVING  cannot act", "Still waiting..."]);
    presses_everything(&mut second);
    presses_everything(&mut onlooker);
    onlooker.keys("o");
    onlooker.wait_for(&["started with --observe"]);
    assert_eq!(host.journal(), before, "whoever watches changes nothing");

    second.keys("o");
    second.wait_for(&["Take the helm"]);
    second.keys("enter");
    second.types("shift ends\r");
    second.wait_for(&["you have the helm"]);
    // Who took it, from where, and why: it stays until it is dismissed.
    let told = format!(", {} took the helm: shift ends; this", second.terminal());
    first.wait_until(&told, |screen| screen.split_whitespace().collect::<Vec<_>>().join(" ").contains(&told));
    first.wait_for(&[&format!(
        "OBSERVING  {} {} has the helm",
        user(),
        second.terminal().replace("/dev/", "")
    )]);
    let taken = host.facts("helm-taken");
    assert_eq!(taken.len(), 1, "{}", host.journal());
    assert_eq!(taken[0]["reason"], "shift ends");
    let before = host.journal();
    presses_everything(&mut first);
    assert_eq!(host.journal(), before, "the first console watches now");

    second.keys("X");
    second.wait_for(&["y "]);
    second.keys("y");
    second.wait_until("the request in the journal", |_| !host.facts("stop-requested").is_empty());
    onlooker.wait_for(&["OBSERVING  cannot act"]);
}

/// Pairs of consoles that are started at the same instant.
const PAIRS: usize = 100;

#[test]
fn of_two_consoles_started_at_the_same_instant_one_has_the_helm_a_hundred_times() {
    let host = Host::new(&[]);
    let run = at_its_gate(&host);
    let mut first_started = 0;
    for pair in 0..PAIRS {
        let mut both = [host.open(&["attach", &run]), host.open(&["attach", &run])];
        for console in &mut both {
            console.wait_until("who has the helm", |screen| mine(screen) || others(screen));
        }
        // What is shown first stays: nobody loses the helm, and nobody gets it, by waiting.
        let has: Vec<usize> = (0..2).filter(|at| mine(&both[*at].screen())).collect();
        let [owner] = has[..] else {
            panic!("pair {pair}: {has:?}\n{}\n{}", both[0].screen(), both[1].screen());
        };
        first_started += usize::from(owner == 0);
        let name = both[owner].terminal().replace("/dev/", "");
        let told = format!("OBSERVING  {} {name} has the helm", user());
        both[1 - owner].wait_for(&[&told]);
        assert!(mine(&both[owner].screen()), "pair {pair}: {}", both[owner].screen());
        for console in &mut both {
            console.keys("q");
            assert!(console.left().success(), "pair {pair}");
        }
    }
    assert!(host.facts("helm-taken").is_empty(), "from nobody anything was taken");
    println!("{PAIRS} pairs: one helm each; the one that was started first had it {first_started} times");
}

fn mine(screen: &str) -> bool {
    screen.contains("you have the helm")
}

fn others(screen: &str) -> bool {
    screen.contains("has the helm")
}

fn user() -> String {
    stagegate::supervisor::identity::own().person().to_owned()
}

/// Brings a run to its gate, where it waits, and returns its id.
fn at_its_gate(host: &Host) -> String {
    let args = host.args(&["run", "--release", "8", "--compose", "none", "--sync", "Extras"]);
    let ran = std::process::Command::new(env!("CARGO_BIN_EXE_stagegate"))
        .args(args)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(3), "{ran:?}");
    host.run().file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_release_is_taken_over_in_the_console_with_a_reason_and_the_other_console_is_told() {
    let host = Host::new(&["prompt@8/sync/Rocky"]);
    let mut first = host.console();
    first.keys("space p");
    first.wait_for(&["1 sync Rocky to staging"]);
    first.keys("r");
    first.wait_for(&["y run"]);
    first.keys("y");
    first.wait_for(&["you have the helm", "waits for input"]);
    let run = host.run().file_name().unwrap().to_str().unwrap().to_owned();

    let mut second = host.open(&[]);
    second.wait_for(&[&run]);
    second.keys("1");
    second.wait_for(&["8 · 8.10 ►", "composed only"]);
    second.wait_until("where everything stands", |screen| !screen.contains("?unknown"));
    second.keys("down down space p");
    // Who has the release stands above the plan, before anything is asked for.
    second.wait_for(&["1 sync Extras to staging", "► 8 is ", "'s now: run"]);
    second.keys("r");
    second.wait_for(&["y run"]);
    second.keys("y");
    second.wait_for(&["Take the release over", "release 8 is locked by", "take it over"]);
    second.keys("enter");
    second.wait_for(&["a reason is needed"]);
    second.types("shift ends\r");
    second.wait_for(&["you have the helm", "sync/Extras"]);
    first.wait_until("who took the release, and why", |screen| {
        let words = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        words.contains("took release 8: shift ends; run")
    });
}
