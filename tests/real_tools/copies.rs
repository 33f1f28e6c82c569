//! rsync, GNU parallel and sudo in a sync and in a push: killed, cut short, without room, without leave.

use crate::furnish::{
    IMAGE_AT, SYNC, alone, came_to, edit, ended, fast, in_the_middle, no_rsync_works_on, program, real_host,
    script, slow, start,
};
use crate::support::{Host, kill, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

const STEP: &str = "8/sync/Extras";

fn terminate(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
}

/// Catches the sync in the middle of the large file, does something to it, and waits until it is judged.
fn caught(host: &Host, act: impl FnOnce(i32)) {
    slow(host);
    let mut follower = start(host, &SYNC);
    act(in_the_middle(&host.staging()));
    let status = follower.wait().unwrap();
    assert!(!matches!(status.code(), Some(0 | 3)), "{status}");
    fast(host);
    // What sudo started has lost its parent, its session and its mark with it, and may take a moment.
    wait_until("no rsync is left", || no_rsync_works_on(&host.staging()).then_some(()));
}

/// The pieces of the file that killed rsyncs have left.
fn pieces(target: &Path) -> Vec<PathBuf> {
    let folder = target.join(IMAGE_AT).parent().unwrap().to_owned();
    let all = folder.read_dir().unwrap().flatten().map(|entry| entry.path());
    all.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(".install.img.")).collect()
}

#[test]
fn a_sync_whose_rsync_is_killed_failed_and_its_piece_is_in_the_way_of_the_next() {
    let _alone = alone();
    let host = real_host();
    caught(&host, kill);
    ended(&host, STEP, "failed", &["killed by signal 9", "Extras/x86_64", "install.img"]);
    assert_eq!(host.state("8/prep"), "pending");
    let left = pieces(&host.staging());
    if !left.is_empty() {
        host.run(&["retry", "latest", STEP]).exits(1);
        ended(&host, STEP, "refused", &["is left by an rsync that was killed", "install.img"]);
        for path in &left {
            fs::remove_file(path).unwrap();
        }
    }
    host.run(&["retry", "latest", STEP]).exits(3);
    assert!(host.staging().join(IMAGE_AT).is_file());
}

#[test]
fn a_sync_whose_rsync_is_terminated_or_interrupted_at_the_terminal_failed() {
    let _alone = alone();
    let host = real_host();
    caught(&host, terminate);
    ended(&host, STEP, "failed", &["rsync error: received SIG", "Extras/x86_64"]);
    for path in pieces(&host.staging()) {
        fs::remove_file(path).unwrap();
    }
    host.run(&["cancel", "latest"]).exits(0);
    wait_until("the run is over", || (!host.latest()["ended"].is_null()).then_some(()));
    caught(&host, |_| ctrl_c(&host, STEP));
    ended(&host, STEP, "failed", &["Extras/x86_64", "install.img"]);
}

/// Types Ctrl-C on the terminal of a step.
fn ctrl_c(host: &Host, step: &str) {
    let answer = host.connect().ask(&json!({"request": "input", "step": step, "text": "\u{3}"}));
    assert_eq!(answer["response"], "done", "{answer}");
}

#[test]
fn a_push_that_exits_0_after_its_rsync_was_killed_or_interrupted_is_suspect() {
    let _alone = alone();
    let host = real_host();
    host.run(&SYNC).exits(3);
    slow(&host);
    let target = host.production().join("8.10");
    let mut follower = start(&host, &["approve", "latest", "--phrase", "8.10 vetted"]);
    kill(in_the_middle(&target));
    assert_eq!(follower.wait().unwrap().code(), Some(5));
    ended(
        &host,
        "8/publish",
        "suspect",
        &["exit code 0, but", "Extras/x86_64", "killed by signal 9", "install.img"],
    );
    assert_eq!(host.state("shared/filelists"), "pending");
    for path in pieces(&target) {
        fs::remove_file(path).unwrap();
    }
    let mut follower = start(&host, &["retry", "latest", "8/publish"]);
    in_the_middle(&target);
    ctrl_c(&host, "8/publish");
    let code = follower.wait().unwrap().code();
    assert!(matches!(code, Some(1 | 5)), "{code:?}");
    let said = came_to(&host, "8/publish");
    ended(
        &host,
        "8/publish",
        if code == Some(5) { "suspect" } else { "failed" },
        &["Extras/x86_64", "install.img"],
    );
    assert!(!said.starts_with("succeeded"), "{said}");
    for path in pieces(&target) {
        fs::remove_file(path).unwrap();
    }
    fast(&host);
    host.run(&["retry", "latest", "8/publish"]).exits(0);
    assert!(target.join(IMAGE_AT).is_file());
}

#[test]
fn a_copy_without_its_tools_does_not_start_and_sudo_that_fails_in_the_script_alone_is_found() {
    let _alone = alone();
    let host = real_host();
    // The script's own `sudo -l`, not the one of the check.
    let real = program("sudo");
    script(
        &host.at("bin/sudo"),
        &format!(
            "#!/bin/bash\n[[ $* != -l ]] || {{ echo 'sudo: a password is required' >&2; exit 1; }}\nexec {} \"$@\"\n",
            real.display()
        ),
    );
    host.run(&SYNC).exits(1);
    ended(&host, STEP, "failed", &["sudo: a password is required", "GNU parallel started nothing"]);
    fs::remove_file(host.at("bin/sudo")).unwrap();
    // A PATH that has all but one.
    for tool in ["rsync", "parallel", "sudo"] {
        without(&host, tool);
        host.run(&["cancel", "latest"]).exits(0);
        wait_until("the run is over", || (!host.latest()["ended"].is_null()).then_some(()));
        host.run(&SYNC).exits(1);
        ended(&host, STEP, "refused", &[tool, "is not in PATH"]);
    }
}

/// Gives the steps a PATH in which one tool is missing.
fn without(host: &Host, tool: &str) {
    let folder = host.at(&format!("without-{tool}"));
    fs::create_dir(&folder).unwrap();
    for place in ["/usr/bin", "/bin"] {
        for entry in fs::read_dir(place).unwrap().flatten() {
            if entry.file_name() != tool {
                let _twice = std::os::unix::fs::symlink(entry.path(), folder.join(entry.file_name()));
            }
        }
    }
    let bin = host.at("bin").to_str().unwrap().to_owned();
    edit(&host.at("stagegate.toml"), |text| {
        let at = text.find("PATH = \"").unwrap() + 8;
        let end = at + text[at..].find('"').unwrap();
        format!("{}{bin}:{}{}", &text[..at], folder.display(), &text[end..])
    });
}
