//! What outlives what: followers, supervisors, their steps, and the journal that they leave (design 2, 3).

use crate::support::{Host, kill, wait_until, word};
use serde_json::json;
use std::fs;
use std::io::Write;
use std::process::Stdio;

const SYNC: [&str; 7] = ["run", "--release", "8", "--compose", "none", "--sync", "Extras"];

#[test]
fn a_follower_that_is_killed_takes_nothing_with_it() {
    let host = Host::new(&["prompt@8/sync/Extras"]);
    let mut follower = host.command(&SYNC).stdout(Stdio::null()).spawn().unwrap();
    wait_until("there is a run", || (host.json(&["runs"]) != json!([])).then_some(()));
    host.wait_for_log("8/sync/Extras", "[sudo] password");
    let supervisor = host.supervisor();
    kill(i32::try_from(follower.id()).unwrap());
    assert!(!follower.wait().unwrap().success());
    assert_eq!(host.state("8/sync/Extras"), "running");
    host.connect().ask(&json!({"request": "input", "step": "8/sync/Extras", "text": "x"}));
    host.wait_for("8/gate", "waiting");
    assert_eq!(host.supervisor(), supervisor, "the same supervisor all the time");
    host.run(&["log", "latest", "8/sync/Extras"])
        .exits(0)
        .says("[sudo] password")
        .says("sending incremental file list");
}

/// Makes the sync script one that does not listen to a terminal that hangs up, and leaves a child like that.
fn make_deaf(host: &Host) {
    let script = host.at("toolkit/sync/sync-to-staging.sh");
    let text = fs::read_to_string(&script).unwrap();
    let deaf = "if [[ -e /proc/self/cwd/../../tmp/deaf ]]; then\n  trap '' HUP\n  echo deaf\n  sleep 3600 > /dev/null 2>&1 < /dev/null &\n  wait\nfi\n";
    let (first, rest) = text.split_once('\n').unwrap();
    fs::write(&script, format!("{first}\n{deaf}{rest}")).unwrap();
    fs::write(host.at("tmp/deaf"), "").unwrap();
}

#[test]
fn a_killed_supervisor_leaves_an_interrupted_run_that_resumes_once_its_step_is_over() {
    let host = Host::new(&[]);
    make_deaf(&host);
    host.run(&[&SYNC[..], &["--detach"]].concat()).exits(0);
    host.wait_for_log("8/sync/Extras", "deaf");
    let (shell, supervisor) = (host.shell("8/sync/Extras"), host.supervisor());
    let child = wait_until("the shell has a child", || only_child(shell));
    host.kill_supervisor();
    assert_eq!(host.latest()["state"], "interrupted");
    assert_eq!(host.state("8/sync/Extras"), "interrupted");

    // Its first life goes on: nothing starts a second one.
    let refused = host.run(&["retry", "latest", "8/sync/Extras", "--reason", "x"]);
    assert_ne!(refused.code, 0, "{refused:?}");
    assert!(refused.err.contains("still alive"), "{refused:?}");
    assert_ne!(host.run(&["skip", "latest", "8/sync/Extras", "--reason", "x"]).code, 0);
    // Nor when only a descendant of its shell is left: whoever resumes waits for it.
    kill(shell);
    wait_until("the shell is gone", || is_gone(shell).then_some(()));
    host.run(&["resume", "latest", "--detach"])
        .exits(0)
        .says("waits until its first life is over")
        .says(&format!("process {child} (sleep 3600)"));
    assert_eq!(host.state("8/sync/Extras"), "interrupted");

    fs::remove_file(host.at("tmp/deaf")).unwrap();
    kill(child);
    host.wait_for("8/gate", "waiting");
    assert_ne!(host.supervisor(), supervisor);
    assert_eq!(host.state("8/sync/Extras"), "succeeded");
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(0);
}

/// The run's own copy asks for less than it did; it is as it was afterwards.
fn an_edited_catalog_begins_no_supervisor(host: &Host) {
    let path = host.run_folder().join("catalog.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}\n# edited\n")).unwrap();
    let records = host.journal().len();
    let said = "catalog.toml is not the catalog that run ";
    let advice = "restore the file, or plan a new run";
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(1).says(said).says(advice);
    assert_eq!(host.journal().len(), records, "nothing is recorded");
    host.run(&["verify-run", "latest"]).exits(1).says("catalog.toml has the digest");
    fs::write(&path, text).unwrap();
    host.run(&["verify-run", "latest"]).exits(0);
}

fn is_gone(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}

fn only_child(pid: i32) -> Option<i32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_ascii_whitespace().next()?.parse().ok()
}

#[test]
fn a_supervisor_that_is_killed_at_the_gate_comes_back_for_the_approval() {
    let host = Host::new(&[]);
    host.run(&SYNC).exits(3);
    host.kill_supervisor();
    assert_eq!(host.latest()["state"], "waiting");
    an_edited_catalog_begins_no_supervisor(&host);
    host.run(&["approve", "latest", "--phrase", "wrong"]).exits(4);
    host.run(&["approve", "latest", "--phrase", "8.10 vetted", "--hold"]).exits(0);
    host.kill_supervisor();
    assert_eq!(host.state("8/publish"), "pending");
    // A held approval is in the journal, so the next supervisor knows it, and holds it too.
    host.run(&["resume", "latest"]).exits(0);
}

#[test]
fn a_cancelled_run_stands_still_until_somebody_retries() {
    let host = Host::new(&["step-hangs@8/sync/Extras"]);
    host.run(&[&SYNC[..], &["--detach"]].concat()).exits(0);
    host.wait_for_log("8/sync/Extras", "Still waiting...");
    host.run(&["cancel", "latest"]).exits(0);
    host.run(&["cancel", "latest", "8/sync/Extras", "--kill"]).exits(0);
    host.wait_for("8/sync/Extras", "cancelled");
    wait_until("the run is over", || (!host.latest()["ended"].is_null()).then_some(()));
    assert_eq!(host.latest()["state"], "cancelled");
    assert_eq!(host.state("8/prep"), "pending");
    let refused = host.run(&["resume", "latest"]);
    assert!(refused.code != 0 && refused.err.contains("cancelled"), "{refused:?}");
    // Trying again takes the cancellation back, and the run goes on to its gate.
    host.run(&["retry", "latest", "8/sync/Extras"]).exits(3);
    host.run(&["cancel", "latest"]).exits(0);
    wait_until("the run is over", || (!host.latest()["ended"].is_null()).then_some(()));
    assert_eq!(host.latest()["state"], "cancelled", "a gate of a cancelled run waits for nobody");
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(4).says("cancelled");
    assert_eq!(host.state("8/publish"), "pending");
    host.run(&["retry", "latest", "8/gate"]).exits(3);
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(0);
}

#[test]
fn a_journal_that_is_torn_or_from_another_version_is_read_and_a_broken_run_stops_nothing() {
    let host = Host::new(&["step-fails@8/sync/Extras"]);
    host.run(&SYNC).exits(1);
    wait_until("the run is over", || (!host.latest()["ended"].is_null()).then_some(()));
    let folder = host.run_folder();
    let journal = folder.join("journal.jsonl");
    append_unknown(&journal);
    let mut file = fs::File::options().append(true).open(&journal).unwrap();
    file.write_all(b"{\"seq\":99,\"time\":\"2026-").unwrap();
    drop(file);
    assert_eq!(host.state("8/sync/Extras"), "failed");
    host.run(&["report", "latest"]).exits(0);

    // The next supervisor keeps the torn bytes beside the journal, and goes on behind the unknown record.
    host.run(&["retry", "latest", "8/sync/Extras"]).exits(3);
    let kept: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("journal.torn-"))
        .collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(fs::read(folder.join(&kept[0])).unwrap(), b"{\"seq\":99,\"time\":\"2026-");
    assert!(host.journal().iter().any(|event| event["event"] == "seen-through-walls"));
    host.run(&["cancel", "latest"]).exits(0);
    wait_until("the run is over", || (!host.latest()["ended"].is_null()).then_some(()));

    // Broken runs are listed with what is wrong, and the good one beside them as before.
    let good = word(&host.latest()["id"]);
    let runs = host.at("state/runs");
    for (name, plan) in [("20990101T000000Z-8-update", "{"), ("20990102T000000Z-8-update", "")] {
        fs::create_dir(runs.join(name)).unwrap();
        if !plan.is_empty() {
            fs::write(runs.join(name).join("plan.json"), plan).unwrap();
        }
    }
    fs::write(runs.join("a file"), "").unwrap();
    let all = host.json(&["runs"]);
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(all[..2].iter().all(|run| run["state"] == "unreadable" && run["problem"].is_string()), "{all:?}");
    assert_eq!(all[2]["id"], good.as_str());
    host.run(&["status"]).exits(0);
    host.run(&["report", &good]).exits(0);
    host.run(&["run", "--release", "9", "--compose", "none", "--sync", "Extras", "--detach"]).exits(0);

    // A record that was changed is noticed, and nothing is built on it.
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(
        &journal,
        text.replacen("\"step-fails\"", "\"step-failz\"", 1).replacen("8/sync/Extras", "8/sync/Extrax", 1),
    )
    .unwrap();
    let damaged = host.run(&["report", &good]);
    assert!(damaged.code != 0 || damaged.out.contains("changed"), "{damaged:?}");
    let refused = host.run(&["retry", &good, "8/sync/Extras"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    host.run(&["runs"]).exits(0);
}

/// Appends a well-formed record of a kind that this version does not know.
fn append_unknown(journal: &std::path::Path) {
    use stagegate::journal::format::{line_hash, parse};
    let text = fs::read_to_string(journal).unwrap();
    let last = parse(text.lines().last().unwrap().as_bytes()).unwrap();
    let (seq, prev) = (last.seq + 1, last.digest(2).to_string());
    let record = json!({"seq": seq, "time": "2026-11-22T00:00:00Z", "prev": prev, "fact": {"event": "seen-through-walls", "by": 7}});
    let record = record.to_string();
    let digest = line_hash(record.as_bytes());
    let body = record.strip_suffix('}').unwrap();
    fs::write(journal, format!("{text}{body},\"digest\":\"{digest}\"}}\n")).unwrap();
}
