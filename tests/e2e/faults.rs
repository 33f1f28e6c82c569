//! Every failure that the practice host knows: what the console calls it, where it stops, and that trying again works.

use crate::support::{Host, contents, step_of, word};
use serde_json::{Value, json};
use std::fs;

const SYNC: [&str; 7] = ["run", "--release", "8", "--compose", "none", "--sync", "Rocky"];

/// What the last attempt of a step of the latest run came to: its reason and findings.
fn concluded(host: &Host, step: &str) -> Value {
    let journal = host.journal();
    let concluded = |event: &&Value| {
        (event["event"] == "step-concluded" || event["event"] == "step-refused") && event["step"] == step
    };
    journal.iter().rfind(concluded).unwrap_or_else(|| panic!("{step} is not concluded: {journal:?}")).clone()
}

/// Frees the release for the next run.
fn put_away(host: &Host) {
    host.run(&["cancel", "latest"]).exits(0);
    crate::support::wait_until("the run is over", || {
        (!host.latest()["ended"].is_null() && host.latest()["state"] == "cancelled").then_some(())
    });
}

#[test]
fn a_sync_that_exits_0_without_its_files_is_suspect() {
    let host = Host::new(&["sync-exits-0-without-files"]);
    let before = contents(&host.staging());
    host.run(&SYNC).exits(5).says("8/sync/Rocky").says("suspect");
    let run = host.latest();
    let step = step_of(&run, "8/sync/Rocky");
    assert_eq!((step["state"].clone(), step["exit_code"].clone()), (json!("suspect"), json!(0)));
    assert_eq!(run["state"], "suspect");
    assert_eq!(step_of(&run, "8/prep")["state"], "pending", "the lane stops");
    assert_eq!(contents(&host.staging()), before);
    let text = concluded(&host, "8/sync/Rocky").to_string();
    for name in ["BaseOS/x86_64/os/Packages/b/bash-4.4.20-5.el8.x86_64.rpm", "AppStream/aarch64/os"] {
        assert!(text.contains(name), "{name} is not named: {text}");
    }
    host.run(&["report", "latest"]).exits(0).says("bash-4.4.20-5.el8.x86_64.rpm");
    host.all_struck();
    host.run(&["retry", "latest", "8/sync/Rocky"]).exits(3);
}

#[test]
fn a_sync_that_fails_or_whose_link_moves_stops_its_lane() {
    let host = Host::new(&["step-fails"]);
    host.run(&SYNC).exits(1).says("8/sync/Rocky").says("failed");
    assert_eq!(step_of(&host.latest(), "8/sync/Rocky")["exit_code"], 1);
    let reason = word(&concluded(&host, "8/sync/Rocky")["reason"]);
    assert!(reason.contains("Failed to change directory"), "{reason}");
    assert_eq!(host.state("8/prep"), "pending");
    host.run(&["log", "latest", "8/sync/Rocky"]).exits(0).says("mount.nfs4: Connection timed out");

    // The same step again, struck by another failure each time.
    host.plant("disk-full@8/sync/Rocky");
    host.run(&["retry", "latest", "8/sync/Rocky"]).exits(1);
    let text = concluded(&host, "8/sync/Rocky").to_string();
    assert!(text.contains("No space left on device"), "{text}");

    let link = host.at("mnt/compose/8/latest-Rocky-8");
    let target = fs::read_link(&link).unwrap();
    host.plant("link-moves");
    let ran = host.run(&["retry", "latest", "8/sync/Rocky"]);
    assert_ne!(fs::read_link(&link).unwrap(), target, "it moved");
    let told = concluded(&host, "8/sync/Rocky");
    assert_eq!(ran.code, 5, "a link that moves under the sync is no success: {told}\n{}", ran.out);
    assert!(told.to_string().contains("latest-Rocky-8"), "{told}");
    // While the link leads elsewhere than the plan says, the step does not even start.
    host.run(&["retry", "latest", "8/sync/Rocky"]).exits(1).says("not started");
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    host.run(&["retry", "latest", "8/sync/Rocky"]).exits(3);
    host.all_struck();
}

#[test]
fn a_doomed_compose_fails_and_the_next_one_is_pinned() {
    let host = Host::new(&["compose-doomed"]);
    host.run(&["run", "--release", "8", "--compose", "Rocky", "--sync", "Rocky"])
        .exits(1)
        .says("8/compose/Rocky");
    let text = concluded(&host, "8/compose/Rocky").to_string();
    assert!(text.contains("DOOMED") || text.contains("Compose run failed"), "{text}");
    assert_eq!(host.state("8/sync/Rocky"), "pending");
    host.run(&["retry", "latest", "8/compose/Rocky"]).exits(3);
    let pinned = host.journal().into_iter().find(|event| event["event"] == "compose-pinned").unwrap();
    let link = fs::read_link(host.at("mnt/compose/8/latest-Rocky-8")).unwrap();
    assert_eq!(pinned["compose"], link.to_str().unwrap());
    let used = host
        .journal()
        .into_iter()
        .find(|event| event["event"] == "step-starting" && event["step"] == "8/sync/Rocky");
    assert_eq!(used.unwrap()["composes"]["Rocky"], pinned["compose"]);
}

#[test]
fn staging_that_was_not_made_ready_stops_before_the_gate() {
    let host = Host::new(&["modules-lost", "errata-skipped", "unsigned"]);
    host.run(&SYNC).exits(5).says("8/prep");
    assert_eq!(step_of(&host.latest(), "8/prep")["exit_code"], 0);
    let told = concluded(&host, "8/prep").to_string();
    assert!(told.contains("AppStream/x86_64/os") && told.contains("modules"), "{told}");
    host.run(&["retry", "latest", "8/prep"]).exits(5).says("8/errata");
    let told = concluded(&host, "8/errata").to_string();
    assert!(told.contains("no hosts matched"), "{told}");
    host.run(&["retry", "latest", "8/errata"]).exits(5).says("8/sign");
    let told = concluded(&host, "8/sign").to_string();
    assert!(told.contains("AppStream/x86_64/os"), "{told}");
    assert_eq!(host.state("8/gate"), "pending");
    host.run(&["retry", "latest", "8/sign"]).exits(3);
    host.all_struck();
}

#[test]
fn a_push_that_lost_files_is_suspect_and_can_be_repeated_under_the_same_seal() {
    let host = Host::new(&["partial-push"]);
    host.run(&SYNC).exits(3);
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(5).says("8/publish");
    assert_eq!(step_of(&host.latest(), "8/publish")["exit_code"], 0);
    assert_eq!(host.state("shared/filelists"), "pending");
    let told = concluded(&host, "8/publish").to_string();
    assert!(told.contains("AppStream/x86_64") && told.contains(".rpm"), "{told}");
    host.plant("disk-full");
    host.run(&["retry", "latest", "8/publish"]).exits(5);
    let told = concluded(&host, "8/publish").to_string();
    assert!(told.contains("No space left on device"), "{told}");
    assert_eq!(host.state("8/gate"), "succeeded", "the approval still holds");
    host.run(&["retry", "latest", "8/publish"]).exits(0);
    host.all_struck();
    // It is the same approval all the time, and it is not for other content.
    let approvals = host.journal().iter().filter(|event| event["event"] == "approved").count();
    assert_eq!(approvals, 1);
    let before = contents(&host.production());
    fs::write(host.staging().join("Extras/x86_64/os/extra.txt"), "late").unwrap();
    host.run(&["retry", "latest", "8/publish"]).exits(4).says("extra.txt");
    assert_eq!(contents(&host.production()), before);
}

#[test]
fn a_step_that_hangs_is_cancelled_in_two_stages() {
    let host = Host::new(&["step-hangs"]);
    host.run(&[&SYNC[..], &["--detach"]].concat()).exits(0);
    host.wait_for_log("8/sync/Rocky", "Still waiting...");
    let mut watching = host.connect();
    watching.ask(&json!({"request": "subscribe"}));
    let early = host.run(&["cancel", "latest", "8/sync/Rocky", "--kill"]);
    assert_ne!(early.code, 0, "KILL is a second request: {early:?}");
    host.run(&["cancel", "latest", "8/sync/Rocky"]).exits(0);
    let left = watching.live(|live| live["steps"]["8/sync/Rocky"]["grace_left_s"].as_u64());
    assert!(left <= 10, "{left}");
    assert_eq!(host.state("8/sync/Rocky"), "running", "TERM alone does not end it");
    host.run(&["cancel", "latest", "8/sync/Rocky", "--kill"]).exits(0);
    host.wait_for("8/sync/Rocky", "cancelled");
    assert_eq!(host.state("8/prep"), "pending");
    let told = concluded(&host, "8/sync/Rocky").to_string();
    assert!(told.contains(".rpm"), "the checks say what is missing: {told}");
    host.run(&["retry", "latest", "8/sync/Rocky"]).exits(3);
}

#[test]
fn a_flood_is_in_the_log_to_the_last_byte() {
    let host = Host::new(&["flood"]);
    host.run(&SYNC).exits(3);
    let log = host.run_folder().join("steps");
    let log = fs::read_dir(log).unwrap().flatten().find(|f| f.file_name() == "01-8-sync-Rocky.log").unwrap();
    let length = log.metadata().unwrap().len();
    assert!(length > 200_000_000, "{length}");
    let ended =
        host.journal().into_iter().find(|e| e["event"] == "step-ended" && e["step"] == "8/sync/Rocky");
    assert_eq!(ended.unwrap()["log_bytes"], length);
    let text = fs::read(log.path()).unwrap();
    let tail = String::from_utf8_lossy(&text[text.len() - 4000..]).into_owned();
    assert!(tail.contains("total size is"), "the work that came after the flood is there too: {tail}");
}

#[test]
fn a_prompt_is_shown_and_its_answer_goes_nowhere_but_to_the_step() {
    let host = Host::new(&["prompt"]);
    host.run(&[&SYNC[..], &["--detach"]].concat()).exits(0);
    host.wait_for("8/sync/Rocky", "running");
    let mut console = host.connect();
    console.ask(&json!({"request": "subscribe"}));
    let (prompt, secret) = console.live(|live| {
        let step = &live["steps"]["8/sync/Rocky"];
        Some((step["prompt"].as_str()?.to_owned(), step["secret"].clone()))
    });
    assert!(prompt.contains("[sudo] password for"), "{prompt}");
    assert_eq!(secret, true);
    let answer = console.ask(&json!({"request": "input", "step": "8/sync/Rocky", "text": "open sesame"}));
    assert_eq!(answer["response"], "done", "{answer}");
    host.wait_for("8/gate", "waiting");
    for entry in walkdir::WalkDir::new(host.at("state")).into_iter().map(Result::unwrap) {
        if entry.file_type().is_file() {
            let text = fs::read(entry.path()).unwrap();
            assert!(memchr::memmem::find(&text, b"sesame").is_none(), "{}", entry.path().display());
        }
    }
    put_away(&host);
}

#[test]
fn a_mount_that_does_not_answer_holds_nothing_up() {
    let host = Host::new(&["mount-not-answering"]);
    let ran = host.run(&["status", "--format", "json"]).exits(0).json();
    assert_eq!(ran["releases"].as_array().unwrap().len(), 3, "{ran}");
    let rocky = &ran["releases"][0]["repos"][0];
    assert_eq!(rocky["name"], "Rocky");
    assert_ne!(rocky["compose"]["status"], "FINISHED", "{rocky}");
}

#[test]
fn every_fault_is_tried_here() {
    let this = concat!(include_str!("faults.rs"), include_str!("../console/hostile.rs"));
    for kind in stagegate::sandbox::fault::FAULTS {
        assert!(this.contains(&format!("\"{}", kind.name)), "{} is not", kind.name);
    }
}
