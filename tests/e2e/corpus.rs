//! Makes the corpus of journals: real runs on practice hosts, brought into every state that a run can be in.
//!
//! Not a test of anything: `cargo test --test e2e -- --ignored write_the_corpus` writes `tests/journals/v2` anew, and is
//! to be run once before a version is released. `tests/journals.rs` reads what it wrote, for ever.

use crate::support::{Host, wait_until, word};
use serde_json::{Value, json};
use stagegate::domain::plan::Plan;
use stagegate::domain::run::Event;
use stagegate::journal::format::{GENESIS, line_hash, parse};
use stagegate::journal::reader;
use stagegate::journal::store::RunDir;
use stagegate::journal::writer::Writer;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SYNC: [&str; 7] = ["run", "--release", "8", "--compose", "none", "--sync", "Extras"];
const BOTH: [&str; 7] = ["run", "--release", "8", "--compose", "Extras", "--sync", "Extras"];
const PHRASE: [&str; 4] = ["approve", "latest", "--phrase", "8.10 vetted"];

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals/v2")
}

/// Keeps the journal of the latest run as `name`: paths, host and boot renamed, every digest made anew.
fn keep(host: &Host, name: &str) {
    let folder = host.run_folder();
    let to = corpus().join(name);
    fs::create_dir_all(&to).unwrap();
    let own_host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().to_owned();
    let rename = |text: &str| {
        text.replace(host.at("").to_str().unwrap().trim_end_matches('/'), "/srv/sandbox")
            .replace(&format!("\"host\":\"{own_host}\""), "\"host\":\"compose01\"")
            .replace(&format!(" on {own_host}"), " on compose01")
            .replace(&boot, "302122c5-1046-4ec0-afd2-6ec83749060f")
    };
    let text = fs::read_to_string(folder.join("plan.json")).unwrap();
    let mut plan: Plan = serde_json::from_str(&rename(&text)).unwrap();
    let old = plan.digest.to_string();
    plan.environment.clear();
    plan.digest = plan.compute_digest();
    fs::write(to.join("plan.json"), serde_json::to_vec(&plan).unwrap()).unwrap();
    let new = plan.digest.to_string();
    let text = fs::read_to_string(folder.join("journal.jsonl")).unwrap();
    let lines: Vec<String> = text.lines().map(|line| rename(line).replace(&old, &new)).collect();
    write(&to.join("journal.jsonl"), &lines);
    expect(&to);
}

/// Writes lines with their chain made anew; nothing else of them changes.
fn write(path: &Path, lines: &[String]) {
    let mut prev = GENESIS.to_string();
    let mut text = String::new();
    for line in lines {
        let record = parse(line.as_bytes()).unwrap();
        let (body, _) = line.rsplit_once(",\"digest\":").unwrap();
        let body = body.replace(&format!("\"prev\":\"{}\"", record.prev), &format!("\"prev\":\"{prev}\""));
        prev = line_hash(format!("{body}}}").as_bytes()).to_string();
        writeln!(text, "{body},\"digest\":\"{prev}\"}}").unwrap();
    }
    fs::write(path, text).unwrap();
    // The head of the last record.
    drop(Writer::open(path).unwrap());
}

/// Writes what a reader makes of a run.
fn expect(run: &Path) {
    let read = reader::read(&run.join("journal.jsonl")).unwrap();
    let state = RunDir::at(run).unwrap().load().unwrap();
    let torn = if read.torn.is_empty() { "" } else { ", torn" };
    let damaged = read.problem.map(|problem| format!(", damaged: {problem}")).unwrap_or_default();
    let word = state.verdict(false).word();
    fs::write(run.join("expected"), format!("{word}, {} records{torn}{damaged}\n", read.records.len()))
        .unwrap();
}

/// Makes a run of another one: `change` gets its folder.
fn derive(from: &str, name: &str, change: impl Fn(&Path)) {
    let to = corpus().join(name);
    fs::create_dir_all(&to).unwrap();
    for file in ["plan.json", "journal.jsonl", "head"] {
        fs::copy(corpus().join(from).join(file), to.join(file)).unwrap();
    }
    change(&to);
    expect(&to);
}

fn over(host: &Host) {
    wait_until("the run is over", || (!host.latest()["ended"].is_null()).then_some(()));
}

#[test]
#[ignore = "writes the corpus of journals; tests/journals.rs reads it"]
fn write_the_corpus() {
    let _none = fs::remove_dir_all(corpus());
    to_production();
    stopped();
    interrupted();
    damaged();
}

/// Pinned, waived, held, void, approved, finished, taken over.
fn to_production() {
    let host = Host::new(&[]);
    host.run(&[&BOTH[..], &["--detach"]].concat()).exits(0);
    host.wait_for("8/gate", "waiting");
    let mut first = host.connect();
    first.ask(&json!({"request": "take-helm", "reason": null}));
    let mut second = host.connect();
    let taken = second.ask(&json!({"request": "take-helm", "reason": "the first one went home"}));
    assert_eq!(taken["response"], "done", "{taken}");
    drop((first, second));
    keep(&host, "taken-over");
    host.run(&[&PHRASE[..], &["--hold"]].concat()).exits(0);
    keep(&host, "approved-and-held");
    let comps = host.staging().join("Extras/x86_64/os/slipped-in.txt");
    fs::write(&comps, "x").unwrap();
    host.run(&["resume", "latest"]).exits(4);
    keep(&host, "void");
    fs::remove_file(&comps).unwrap();
    host.run(&["gate", "latest"]).exits(0);
    host.wait_for("8/gate", "waiting");
    host.run(&PHRASE).exits(0);
    over(&host);
    keep(&host, "finished");
}

/// Failed, retried, suspect, skipped, waived, cancelled.
fn stopped() {
    let host = Host::new(&["step-fails@8/sync/Extras"]);
    host.run(&SYNC).exits(1);
    over(&host);
    keep(&host, "failed");
    host.plant("sync-exits-0-without-files@8/sync/Extras");
    host.run(&["retry", "latest", "8/sync/Extras", "--reason", "the mount is back"]).exits(5);
    over(&host);
    keep(&host, "suspect");
    host.run(&["skip", "latest", "8/sync/Extras", "--reason", "it goes out next week"]).exits(3);
    keep(&host, "skipped");
    let gate = host.run(&["gate", "latest", "--format", "json"]).json();
    let finding = gate["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["severity"] == "blocking")
        .unwrap();
    host.run(&["waive", "latest", &word(&finding["id"]), "--reason", "known, and agreed with the team"])
        .exits(0);
    keep(&host, "waived");
    host.run(&["cancel", "latest"]).exits(0);
    over(&host);
    keep(&host, "cancelled-at-the-gate");

    let host = Host::new(&["step-hangs@8/sync/Extras"]);
    host.run(&[&SYNC[..], &["--detach"]].concat()).exits(0);
    host.wait_for("8/sync/Extras", "running");
    wait_until("its process is recorded", || {
        host.journal().iter().any(|fact| fact["event"] == "step-started").then_some(())
    });
    host.run(&["cancel", "latest"]).exits(0);
    // It does not listen to TERM.
    host.run(&["cancel", "latest", "8/sync/Extras", "--kill"]).exits(0);
    over(&host);
    keep(&host, "cancelled");
}

/// Interrupted in a step, at a gate and while stale; resumed; given up.
fn interrupted() {
    let host = Host::new(&["step-hangs@8/sync/Extras"]);
    host.run(&[&BOTH[..], &["--detach"]].concat()).exits(0);
    host.wait_for("8/sync/Extras", "running");
    wait_until("its process is recorded", || {
        let started = |fact: &Value| fact["event"] == "step-started" && fact["step"] == "8/sync/Extras";
        host.journal().iter().any(started).then_some(())
    });
    let shell = host.shell("8/sync/Extras");
    host.kill_supervisor();
    keep(&host, "interrupted");
    // The script and what it waits for are one group; nothing goes on while any of it lives.
    let group = format!("-{shell}");
    assert!(Command::new("kill").args(["-9", "--", &group]).status().unwrap().success());
    host.run(&["resume", "latest"]).exits(3);
    host.kill_supervisor();
    keep(&host, "interrupted-at-the-gate");
    host.plant("step-fails@8/compose/Extras");
    host.run(&["retry", "latest", "8/compose/Extras", "--reason", "once more"]).exits(1);
    over(&host);
    keep(&host, "stale");
}

/// Torn, cut, edited, given up, and begun in format 1.
fn damaged() {
    derive("interrupted", "torn", |run| {
        let path = run.join("journal.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        let whole = text.trim_end().rfind('\n').unwrap() + 1;
        fs::write(&path, &text[..whole + 40]).unwrap();
        fs::remove_file(run.join("head")).unwrap();
    });
    derive("finished", "cut", |run| {
        let path = run.join("journal.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        let whole = text.trim_end().rfind('\n').unwrap() + 1;
        fs::write(&path, &text[..whole]).unwrap();
    });
    derive("finished", "last-record-edited", |run| {
        let path = run.join("journal.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        let last = text.trim_end().rfind('\n').unwrap() + 1;
        fs::write(&path, format!("{}{}", &text[..last], text[last..].replace("run-ended", "run-bended")))
            .unwrap();
    });
    derive("interrupted", "given-up", |run| {
        let reason =
            "no room for another record in /srv/state: No space left on device (os error 28)".to_owned();
        let mut writer = Writer::open(&run.join("journal.jsonl")).unwrap();
        writer.append("2026-11-23T01:02:03Z".parse().unwrap(), &Event::SupervisorFailed { reason }).unwrap();
    });
    let old = corpus().with_file_name("v1").join("killed");
    let to = corpus().join("begun-in-format-1");
    fs::create_dir_all(&to).unwrap();
    for file in ["plan.json", "journal.jsonl"] {
        fs::copy(old.join(file), to.join(file)).unwrap();
    }
    let mut writer = Writer::open(&to.join("journal.jsonl")).unwrap();
    for second in ["2026-11-23T01:02:03Z", "2026-11-23T01:02:04Z"] {
        writer.append(second.parse().unwrap(), &Event::RunEnded {}).unwrap();
    }
    drop(writer);
    expect(&to);
}
