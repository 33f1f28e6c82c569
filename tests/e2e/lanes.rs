//! Several releases: lanes in one run, runs side by side, and what they must not do at once.

use crate::support::{Host, kill, step_of, wait_until, word};
use serde_json::Value;

#[test]
fn lanes_have_gates_of_their_own_and_share_the_last_step() {
    let host = Host::new(&[]);
    host.run(&["run", "--release", "8", "--release", "9", "--compose", "none", "--sync", "Extras"]).exits(3);
    assert_eq!((host.state("8/gate"), host.state("9/gate")), ("waiting".into(), "waiting".into()));
    host.run(&["gate", "latest"]).exits(2).says("--release");
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(2).says("8, 9");
    host.run(&["approve", "latest", "--release", "9", "--phrase", "8.10 vetted"]).exits(4).says("9.6 vetted");
    assert_eq!(host.state("9/publish"), "pending");

    host.run(&["approve", "latest", "--release", "8", "--phrase", "8.10 vetted"]).exits(3);
    let run = host.latest();
    assert_eq!(run["state"], "waiting");
    for (step, state) in [
        ("8/publish", "succeeded"),
        ("9/gate", "waiting"),
        ("9/publish", "pending"),
        ("shared/filelists", "pending"),
    ] {
        assert_eq!(step_of(&run, step)["state"], state, "{step}");
    }
    host.run(&["approve", "latest", "--release", "9", "--phrase", "9.6 vetted"]).exits(0);
    let run = host.latest();
    assert_eq!(run["state"], "finished");
    assert_eq!(step_of(&run, "shared/filelists")["state"], "succeeded");
}

#[test]
fn of_several_lanes_the_worst_counts() {
    let host = Host::new(&["step-fails@8/sync/Extras", "sync-exits-0-without-files@9/sync/Extras"]);
    let run = ["run", "--release", "8,9", "--compose", "none", "--sync", "Extras"];
    host.run(&run).exits(1);
    assert_eq!(
        (host.state("8/sync/Extras"), host.state("9/sync/Extras")),
        ("failed".into(), "suspect".into())
    );
    assert_eq!(host.latest()["state"], "failed");
    host.run(&["retry", "latest", "8/sync/Extras"]).exits(5).says("suspect");
    assert_eq!(host.state("8/gate"), "waiting", "no lane waits for another's repair");
    host.run(&["retry", "latest", "9/sync/Extras"]).exits(3);
}

#[test]
fn a_release_has_one_run_at_a_time_and_the_lists_one_push() {
    let host = Host::new(&["step-hangs@8/publish"]);
    host.run(&["run", "--release", "8", "--compose", "none", "--sync", "Extras"]).exits(3);
    let first = word(&host.latest()["id"]);
    // The same release: refused, with the owner's run, and nothing is left of it.
    host.run(&["run", "--release", "8", "--compose", "none", "--sync", "Plus"])
        .exits(4)
        .says("release 8 is locked by")
        .says(&first);
    host.run(&["run", "--release", "9,8", "--compose", "none", "--sync", "Plus"]).exits(4).says(&first);
    assert_eq!(host.json(&["runs"]).as_array().unwrap().len(), 1);
    // Another release: side by side.
    host.run(&["run", "--release", "9", "--compose", "none", "--sync", "Extras"]).exits(3);
    let second = word(&host.latest()["id"]);
    assert_ne!(first, second);

    host.run(&["approve", &first, "--phrase", "8.10 vetted", "--detach"]).exits(0);
    let state = |run: &str, step: &str| {
        let runs = host.json(&["runs"]);
        let found = runs.as_array().unwrap().iter().find(|other| other["id"] == run).unwrap().clone();
        word(&step_of(&found, step)["state"])
    };
    wait_until("8 is being pushed", || (state(&first, "8/publish") == "running").then_some(()));
    let mut watching = host.connect();
    watching.ask(&serde_json::json!({"request": "subscribe"}));
    host.run(&["approve", &second, "--phrase", "9.6 vetted", "--detach"]).exits(0);
    let waits = watching.live(|live: &Value| {
        let waits = &live["steps"]["9/publish"]["waits_for"];
        waits.is_array().then(|| waits.clone())
    });
    assert_eq!(waits[0], "production-lists");
    assert!(word(&waits[1]).contains(&first), "{waits}");
    assert_eq!(state(&second, "9/publish"), "pending");
    let runs = host.json(&["runs"]);
    let waits = step_of(&runs[0], "9/publish")["waits_for"].clone();
    assert_eq!(
        (waits["resource"].as_str(), waits["holder"]["run"].as_str()),
        (Some("production-lists"), Some(&*first))
    );
    assert_eq!(waits["holder"]["step"], "8/publish");
    assert_eq!(
        (runs[0]["holds"].clone(), runs[1]["holds"].clone()),
        (serde_json::json!(["9"]), serde_json::json!(["8"]))
    );
    host.run(&["runs"]).exits(0).says("9/publish waits for production-lists, which root on");

    host.run(&["cancel", &first, "8/publish"]).exits(0);
    // Its child does not listen to TERM.
    wait_until("it may be killed", || {
        (host.run(&["cancel", &first, "8/publish", "--kill"]).code == 0).then_some(())
    });
    wait_until("8 is cancelled", || (state(&first, "8/publish") == "cancelled").then_some(()));
    wait_until("9 is pushed", || (state(&second, "9/publish") == "succeeded").then_some(()));
    wait_until("9 is finished", || (host.latest()["state"] == "finished").then_some(()));
}

#[test]
fn a_run_that_was_killed_gives_its_release_back() {
    let host = Host::new(&[]);
    host.run(&["run", "--release", "8", "--compose", "none", "--sync", "Extras"]).exits(3);
    kill(host.supervisor());
    wait_until("the release is free", || {
        let ran = host.run(&["run", "--release", "8", "--compose", "none", "--sync", "Plus", "--detach"]);
        (ran.code == 0).then_some(())
    });
    let runs = host.json(&["runs"]);
    assert_eq!(runs.as_array().unwrap().len(), 2);
    assert_eq!(runs[1]["state"], "waiting", "its gate is still open: {runs}");
    // The first run cannot come back while the second has its release.
    host.run(&["approve", &word(&runs[1]["id"]), "--phrase", "8.10 vetted"]).exits(4).says("is locked by");
}
