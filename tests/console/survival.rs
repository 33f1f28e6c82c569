//! What a run survives: its console killed, its console's terminal closed. And a prompt, said and answered.

use crate::host::{Host, lives};

const STEP: &str = "8/sync/Rocky";
const ASKS: &str = "8/sync/Rocky waits for input: [sudo] password for";

#[test]
fn a_step_outlives_its_consoles_is_answered_in_a_new_one_and_its_lane_goes_on_to_the_gate() {
    let host = Host::new(&["prompt"]);
    let mut console = host.console();
    console.keys("space p");
    console.wait_for(&["1 sync Rocky to staging"]);
    console.keys("r");
    console.wait_for(&["y run"]);
    console.keys("y");
    console.wait_for(&[ASKS, "i answer"]);
    let process = host.process(STEP);
    let run = host.run().file_name().unwrap().to_str().unwrap().to_owned();
    console.wait_for(&[&run]);
    console.kill9();
    assert!(lives(process), "the step runs on without its console");

    let mut console = host.open(&[]);
    console.wait_for(&[&run, ASKS, "► sync/Rocky         running"]);
    console.hang_up();
    assert!(lives(process), "the step runs on without its console's terminal");
    assert_eq!(host.process(STEP), process, "it was not started anew");
    assert!(host.facts("step-ended").is_empty(), "{}", host.journal());

    let mut console = host.open(&[]);
    console.wait_for(&[&run, ASKS]);
    let screens = [
        ("1", "composed only"),
        ("2", "C  S"),
        ("5", "━ Runs ━"),
        ("6", "━ Console log ━"),
        ("4", "─ Evidence ─"),
    ];
    for (key, sign) in screens {
        console.keys(key);
        console.wait_for(&[sign, ASKS]);
    }
    // The gate hears nothing in its first half second.
    console.press_until("3", "━ Steps ━");
    console.wait_for(&["i answer", "you have the helm"]);
    console.keys("i");
    console.wait_for(&["8/sync/Rocky asks: [sudo] password for", "enter send it"]);
    console.types("mellon");
    console.wait_for(&["••••••"]);
    console.keys("enter");
    console.wait_for(&["✓ sync/Rocky       succeeded", "◆ gate               waiting"]);
    assert!(!host.journal().contains("mellon"), "an answer is no record");
    assert!(!String::from_utf8_lossy(console.bytes()).contains("mellon"), "a password is not shown");

    whole_log(&host, &mut console);
    console.keys("q");
    assert!(console.left().success());
    assert!(lives_on(&host), "the run waits at its gate without a console");
}

/// Opens the log of the step large, and goes to its first line and its last.
fn whole_log(host: &Host, console: &mut crate::driver::Console) {
    let log = String::from_utf8(host.log(STEP)).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines.len() > 30, "{log}");
    console.keys("home enter");
    console.wait_for(&["━ 8/sync/Rocky  ✓ succeeded ━"]);
    console.keys("home");
    console.wait_for(&["○ paused 1–", &format!(" of {} ━", lines.len()), lines[0].trim_end()]);
    console.keys("end");
    let end = format!("–{0} of {0} ━", lines.len());
    let last = lines[lines.len() - 1].rsplit('\t').next().unwrap().trim_end();
    console.wait_for(&["● following", &end, last]);
    console.keys("esc");
    console.wait_for(&["━ Steps ━"]);
}

fn lives_on(host: &Host) -> bool {
    let started = host.facts("supervisor-started");
    assert_eq!(started.len(), 1, "one supervisor from the beginning");
    let pid = i32::try_from(started[0]["pid"].as_i64().unwrap()).unwrap();
    lives(rustix::process::Pid::from_raw(pid).unwrap())
}
