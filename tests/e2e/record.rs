//! What is recorded of a run: `verify-run` and `prune` on runs that really took place.

use crate::support::{Host, wait_until, word};
use std::fs;
use std::process::Command;

const SYNC: [&str; 7] = ["run", "--release", "8", "--compose", "none", "--sync", "Extras"];

#[test]
fn a_run_is_verified_edited_found_out_and_pruned() {
    let host = Host::new(&[]);
    host.run(&SYNC).exits(3);
    host.run(&["verify-run", "latest"]).exits(0).says("is intact").says("as long as recorded");
    host.run(&["prune", "--keep", "0", "--yes"]).exits(0).says("no run to remove").says("lives");
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(0);
    let report = host.run_folder().join("report.json");
    wait_until("the report is written and its supervisor is gone", || {
        let alive = host.run(&["prune", "--keep", "0"]).out.contains("lives");
        (report.exists() && !alive).then_some(())
    });
    let run = word(&host.latest()["id"]);

    // The head that a report prints is what is pasted into the team's channel.
    let head = word(&host.latest()["head"]);
    host.run(&["report", "latest"]).exits(0).says("- journal intact: ").says(&format!("head `{head}`"));
    host.run(&["verify-run", &run, "--head", &head]).exits(0).says("the last, has the digest");
    host.run(&["verify-run", &run, "--head", &head[..16]]).exits(0);
    host.run(&["verify-run", &run, "--head", &"0".repeat(64)]).exits(1).says("was written anew");
    host.run(&["verify-run", &run, "--head", "latest"]).exits(2).says("is no digest");
    host.run(&["verify-run", "no-such-run"]).exits(2).says("there is no run");
    host.run(&["verify-run", "./no/such/folder"]).exits(2);
    let json = host.run(&["verify-run", &run, "--format", "json"]).exits(0).json();
    assert_eq!(
        (&json["intact"], &json["format"], &json["head"]),
        (&true.into(), &2.into(), &head.clone().into())
    );

    edited(&host, &head);
    pruned(&host, &run);
}

/// A copy of the folder, elsewhere, is edited in its last record, and cut.
fn edited(host: &Host, head: &str) {
    let copy = host.at("evidence");
    let copied = Command::new("cp").arg("-a").arg(host.run_folder()).arg(&copy).status().unwrap();
    assert!(copied.success());
    let path = copy.to_str().unwrap();
    host.run(&["verify-run", path, "--head", head]).exits(0).says("is intact");
    let journal = copy.join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let last = text.trim_end().rfind('\n').unwrap() + 1;
    let records = text.lines().count();
    fs::write(&journal, format!("{}{}", &text[..last], text[last..].replace("run-ended", "run-bended")))
        .unwrap();
    host.run(&["verify-run", path])
        .exits(1)
        .says("is NOT intact: 1 problem")
        .says(&format!("record {records} (run-bended), line {records} at byte {last}, was edited"))
        .says(&format!("records 1 to {} can be trusted", records - 1));
    fs::write(&journal, &text[..last]).unwrap();
    host.run(&["verify-run", path]).exits(1).says(&format!(
        "record {records} was cut off the end at byte {last}: the head says that it was written"
    ));
    fs::write(&journal, &text).unwrap();
    let log = fs::read_dir(copy.join("steps")).unwrap().flatten().find(|entry| {
        entry.path().extension().is_some_and(|end| end == "log") && entry.metadata().unwrap().len() > 0
    });
    fs::write(log.unwrap().path(), "").unwrap();
    host.run(&["verify-run", path]).exits(1).says(" has 0 bytes, and record ");
    let json = host.run(&["verify-run", path, "--format", "json"]).exits(1).json();
    assert_eq!(json["flaws"][0]["kind"], "log-shorter");
}

fn pruned(host: &Host, run: &str) {
    host.run(&["prune"]).exits(0).says("no run to remove").says("kept 1: 1 of them new or young");
    host.run(&["prune", "--older-than", "1y"]).exits(2).says("is no age");
    host.run(&["prune", "--yes", "--dry-run"]).exits(2);
    host.run(&["prune", "--keep", "0"])
        .exits(0)
        .says("1 run to remove")
        .says(run)
        .says("nothing was removed");
    assert_eq!(host.json(&["runs"]).as_array().unwrap().len(), 1);
    let notes = host.run_folder().join("notes.txt");
    fs::write(&notes, "why we waited").unwrap();
    host.run(&["prune", "--keep", "0", "--yes"]).exits(0).says("holds `notes.txt`, which is not the run's");
    fs::remove_file(&notes).unwrap();
    let json = host.run(&["prune", "--keep", "0", "--yes", "--format", "json"]).exits(0).json();
    assert_eq!((&json["removed"], &json["old"][0]["id"]), (&true.into(), &run.into()), "{json}");
    assert_eq!(fs::read_dir(host.at("state/runs")).unwrap().count(), 0);
    host.run(&["runs"]).exits(0).says("no run yet");
    host.run(&SYNC).exits(3);
}
