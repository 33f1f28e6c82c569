//! Mounts that do not answer, from the plan to production: what says so, what stops, and that it comes back.

use crate::gate::to_the_gate;
use crate::slow_mount::SlowMount;
use crate::support::{Host, finish, wait_until};
use serde_json::Value;

/// Builds a host whose mounts may be silent for two seconds.
fn host() -> Host {
    with_deadline("2s")
}

fn with_deadline(deadline: &str) -> Host {
    with_faults(&[], deadline)
}

fn with_faults(faults: &[&str], deadline: &str) -> Host {
    let host = Host::new(faults);
    let path = host.at("stagegate.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text =
        text.replace("require = \"marker\"", &format!("require = \"marker\", deadline = \"{deadline}\""));
    std::fs::write(&path, text).unwrap();
    host
}

#[test]
fn nothing_is_planned_on_a_mount_that_does_not_answer() {
    let host = host();
    let compose = SlowMount::over(&host.at("mnt/compose"));
    compose.hang();
    let status = host.json(&["status"]);
    let mounts = status["mounts"].as_array().unwrap();
    let state = |name: &str| mounts.iter().find(|mount| mount["name"] == name).unwrap()["state"].clone();
    assert_eq!((state("compose"), state("staging")), ("not-answering".into(), "ready".into()), "{status}");
    for repo in
        status["releases"].as_array().unwrap().iter().filter_map(|release| release["repos"].as_array())
    {
        for repo in repo {
            assert_eq!(repo["staging"]["state"], "unknown", "{repo}");
            assert!(says(&repo["staging"]["reason"], "compose: not answering for "), "{repo}");
        }
    }
    host.run(&["status"]).exits(0).says("not answering for ");
    let plan = ["plan", "--release", "8", "--compose", "none", "--sync", "Extras"];
    host.run(&plan).exits(2).says("release 8 cannot be planned: compose: not answering for ");
    compose.answer();
    host.run(&plan).exits(0);
    drop(compose);
}

fn says(text: &Value, begin: &str) -> bool {
    text.as_str().is_some_and(|text| text.starts_with(begin))
}

#[test]
fn a_step_is_not_started_while_a_mount_does_not_answer_and_is_once_it_does() {
    let host = host();
    let koji = SlowMount::over(&host.at("mnt/koji"));
    koji.hang();
    let run = ["run", "--release", "8", "--compose", "none", "--sync", "Extras"];
    let silent = "its checks found nothing out: koji: not answering for ";
    host.run(&run).exits(1).says(silent);
    assert_eq!(host.state("8/sync/Extras"), "failed");
    assert!(!host.journal().iter().any(|event| event["event"] == "step-starting"));
    // Again while it hangs: refused without waiting, by the same supervisor or by a new one.
    host.run(&["retry", "latest", "8/sync/Extras"]).exits(1);
    let refused = host.journal().into_iter().filter(|event| event["event"] == "step-refused");
    let refused: Vec<Value> = refused.collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(says(&refused[1]["findings"][0]["message"], silent), "{refused:?}");
    koji.answer();
    // The supervisor may still be told so: it looks again when it is asked again.
    wait_until("the step runs", || (host.run(&["retry", "latest", "8/sync/Extras"]).code == 3).then_some(()));
    assert_eq!(host.state("8/sync/Extras"), "succeeded");
}

#[test]
fn a_skip_whose_link_cannot_be_read_holds_nobody_up_and_skips_nothing() {
    let host = with_faults(&["step-fails@8/compose/Rocky"], "2s");
    host.run(&["run", "--release", "8", "--compose", "Rocky", "--sync", "Rocky"]).exits(1);
    let compose = SlowMount::over(&host.at("mnt/compose"));
    compose.hang();
    let skip = ["skip", "latest", "8/compose/Rocky", "--reason", "the older one is good"];
    let unread =
        "8/compose/Rocky is not skipped, as nobody knows what its link names: compose: not answering for ";
    assert_ne!(host.run(&skip).says(unread).code, 0);
    assert_eq!(host.state("8/compose/Rocky"), "failed");
    compose.answer();
    wait_until("it is skipped", || (host.run(&skip).code == 3).then_some(()));
    let pinned = host.journal().into_iter().find(|event| event["event"] == "compose-pinned").unwrap();
    assert_eq!(pinned["compose"], crate::pinning::named(&host));
}

#[test]
fn a_supervisor_answers_others_while_the_link_of_a_skip_is_read() {
    let host = with_faults(&["step-fails@8/compose/Rocky"], "1h");
    host.run(&["run", "--release", "8", "--compose", "Rocky", "--sync", "Rocky"]).exits(1);
    let compose = SlowMount::over(&host.at("mnt/compose"));
    compose.hang();
    let mut skip = host.command(&["skip", "latest", "8/compose/Rocky", "--reason", "it hangs"]);
    let mut skip = skip.stderr(std::process::Stdio::piped()).spawn().unwrap();
    wait_until("the look is ended", || {
        let ran = host.run(&["cancel", "latest", "8/compose/Rocky"]);
        ran.out.contains("8/compose/Rocky is not skipped: the look at its link is ended").then_some(())
    });
    let ended = wait_until("`skip` has ended", || skip.try_wait().unwrap());
    assert!(!ended.success());
    let mut said = String::new();
    std::io::Read::read_to_string(&mut skip.stderr.take().unwrap(), &mut said).unwrap();
    assert!(said.contains("is not skipped, as nobody knows what its link names: cancelled"), "{said}");
    assert_eq!(host.state("8/compose/Rocky"), "failed");
    compose.answer();
}

#[test]
fn a_gate_takes_no_evidence_and_no_seal_of_a_mount_that_does_not_answer() {
    let host = host();
    to_the_gate(&host);
    let staging = SlowMount::over(&host.at("mnt/repos-staging"));
    staging.hang();
    let silent = "the evidence cannot be taken: staging: not answering for ";
    host.run(&["gate", "latest"]).exits(1).says(silent);
    host.run(&["gate", "latest"]).exits(1).says(silent);
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(4);
    staging.answer();
    wait_until("there is evidence", || (host.run(&["gate", "latest"]).code == 0).then_some(()));

    // The seal of the approval itself, and the evidence stays what it was.
    staging.hang();
    let unseen = "the seal cannot be taken: staging: not answering for ";
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(4).says(unseen);
    assert_eq!(host.state("8/gate"), "waiting");
    staging.answer();
    let approve = ["approve", "latest", "--phrase", "8.10 vetted", "--hold"];
    wait_until("it is approved", || (host.run(&approve).code == 0).then_some(()));

    // The seal before production.
    staging.hang();
    let resumed = host.run(&["resume", "latest"]);
    assert_ne!(resumed.code, 0, "{resumed:?}");
    let publish = |event: &Value| event["event"] == "step-starting" && event["step"] == "8/publish";
    assert!(!host.journal().iter().any(publish));
    let refused = |event: &Value| event["event"] == "step-refused" && event["step"] == "8/publish";
    let refused = host.journal().into_iter().rfind(refused).unwrap();
    let said = &refused["findings"][0]["message"];
    assert!(says(said, "its checks found nothing out: staging: not answering for "), "{refused}");
    staging.answer();
    wait_until("it is published", || (host.run(&["retry", "latest", "8/publish"]).code == 0).then_some(()));
    assert_eq!(host.state("8/publish"), "succeeded");
}

#[test]
fn a_look_at_a_gate_can_be_ended_though_a_call_hangs_and_is_no_evidence() {
    let host = with_deadline("1h");
    to_the_gate(&host);
    let staging = SlowMount::over(&host.at("mnt/repos-staging"));
    staging.hang();
    let mut gate = host.command(&["gate", "latest"]);
    let mut gate = gate.stderr(std::process::Stdio::piped()).spawn().unwrap();
    wait_until("the look is ended", || {
        let ran = host.run(&["cancel", "latest", "8/gate"]);
        ran.out.contains("the look at 8/gate is ended").then_some(())
    });
    let ended = wait_until("`gate` has ended", || gate.try_wait().unwrap());
    assert_eq!(ended.code(), Some(1));
    let mut said = String::new();
    std::io::Read::read_to_string(&mut gate.stderr.take().unwrap(), &mut said).unwrap();
    assert!(said.contains("the evidence cannot be taken: cancelled before it was complete"), "{said}");
    assert_eq!(host.state("8/gate"), "failed");
    staging.answer();
    wait_until("there is evidence", || (host.run(&["gate", "latest"]).code == 0).then_some(()));
}

/// The first call that a FUSE server has taken cannot be ended by anybody, so this one needs a real mount.
#[test]
fn verify_ends_at_ctrl_c_though_a_call_hangs_and_says_that_it_knows_nothing() {
    let host = host();
    let staging = SlowMount::over(&host.at("mnt/repos-staging"));
    staging.hang();
    host.run(&["verify", "8"]).exits(1).says("staging: not answering for ");
    if !staging.is_real() {
        return;
    }
    let path = host.at("stagegate.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("deadline = \"2s\"", "deadline = \"1h\"");
    std::fs::write(&path, text).unwrap();
    let mut child = host
        .command(&["verify", "8"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    let status = format!("/proc/{}/status", child.id());
    // Once it listens to the signal (bit 1 of the mask of those that are caught) it is in the look.
    wait_until("it listens to Ctrl-C", || {
        let text = std::fs::read_to_string(&status).unwrap();
        let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:"))?.trim().to_owned();
        (u64::from_str_radix(&mask, 16).unwrap() & 2 != 0).then_some(())
    });
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let code = wait_until("it has ended", || child.try_wait().unwrap());
    assert_eq!(code.code(), Some(1));
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert!(said.contains("cancelled before it was complete"), "{said}");
    staging.answer();
    finish(host.command(&["verify", "8"])).says("checked: ");
}
