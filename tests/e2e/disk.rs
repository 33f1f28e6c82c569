//! A state disk that is full to the last byte or read-only, in the middle of a run and at its start.
//!
//! The disk is a small tmpfs over the state folder. Each test runs itself once more in a mount namespace of its own,
//! as root or with a user namespace, so that nothing stays mounted whatever happens.

use crate::support::{Host, Ran, finish, is_over, kill, wait_until, word};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Set in the namespace.
const INSIDE: &str = "STAGEGATE_TEST_OWN_MOUNTS";

/// Runs the test called `name` in a mount namespace; returns whether this is in there.
#[track_caller]
fn inside(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let probe = tempfile::tempdir().unwrap();
    let may_mount = |how: &&&[&str]| {
        let mut mount = Command::new("unshare");
        mount.args(**how).args(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(probe.path());
        mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let how = ways.iter().find(may_mount);
    let how = how.expect("this host lets nobody mount: run this test as root, or allow user namespaces");
    let mut test = Command::new("unshare");
    test.args(*how).arg(std::env::current_exe().unwrap());
    test.args(["--exact", &format!("disk::{name}"), "--nocapture"]).env(INSIDE, "1");
    // Everything in there has its own deadline.
    let output = test.stdin(Stdio::null()).output().unwrap();
    Ran::of(&output).exits(0).says("1 passed");
    false
}

/// A practice host whose state folder is a small disk of its own.
struct Small {
    host: Host,
}

impl Small {
    fn new() -> Self {
        let host = Host::new(&[]);
        fs::create_dir_all(host.at("state")).unwrap();
        let small = Self { host };
        small.mount(&["-t", "tmpfs", "-o", "size=8m", "tmpfs"]);
        small
    }

    #[track_caller]
    fn mount(&self, how: &[&str]) {
        let mut mount = Command::new("mount");
        mount.args(how).arg(self.host.at("state"));
        finish(mount).exits(0);
    }

    /// Fills the disk to its last byte.
    fn fill(&self) {
        let mut file = fs::File::create(self.filler()).unwrap();
        for piece in [64 * 1024, 4096, 1] {
            while file.write_all(&vec![b'x'; piece]).is_ok() {}
        }
        assert!(fs::write(self.host.at("state/one-byte-more"), "x").is_err(), "it is full");
        fs::remove_file(self.host.at("state/one-byte-more")).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.host.at("state/core.4711")
    }

    /// Lets a script wait at its beginning, until [`Small::go`], and then do `further`.
    fn hold(&self, script: &str, further: &str) {
        let path = self.host.at(script);
        let text = fs::read_to_string(&path).unwrap();
        let wait = format!(
            "touch '{0}.here'\nuntil [ -e '{0}.go' ]; do read -t 0.05 <> <(:); done\n{further}\n",
            path.display()
        );
        let (first, rest) = text.split_once('\n').unwrap();
        fs::write(&path, format!("{first}\n{wait}{rest}")).unwrap();
    }

    fn wait_for(&self, script: &str) {
        let here = self.host.at(&format!("{script}.here"));
        wait_until("the script waits", || here.exists().then_some(()));
    }

    fn go(&self, script: &str) {
        fs::write(self.host.at(&format!("{script}.go")), "").unwrap();
    }

    /// Starts a command and does not wait for it.
    fn start(&self, args: &[&str]) -> std::process::Child {
        self.host.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn facts(&self) -> Vec<String> {
        self.host.journal().iter().map(|fact| word(&fact["event"])).collect()
    }

    fn is_untouched(&self, before: &[PathBuf]) {
        assert_eq!(files(&self.host.production()), before, "production is as it was");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name();
    walk.into_iter().flatten().map(walkdir::DirEntry::into_path).collect()
}

#[track_caller]
fn ended(child: std::process::Child) -> Ran {
    Ran::of(&child.wait_with_output().unwrap())
}

const COMPOSE_8: &str = "pungi/scripts/updates-8-extras.sh";
const COMPOSE_9: &str = "pungi/scripts/updates-9-extras.sh";
const SYNC: &str = "toolkit/sync/sync-to-staging.sh";

/// The journal: what ended is still recorded, nothing further starts, what runs is stopped, and `resume` goes on.
#[test]
fn a_full_disk_stops_the_run_before_its_next_step_and_resume_goes_on() {
    if !inside("a_full_disk_stops_the_run_before_its_next_step_and_resume_goes_on") {
        return;
    }
    let small = Small::new();
    small.hold(COMPOSE_8, "exec > /dev/null");
    small.hold(COMPOSE_9, "");
    let run = small.start(&["run", "--release", "8,9", "--compose", "Extras", "--sync", "Extras"]);
    small.wait_for(COMPOSE_8);
    small.wait_for(COMPOSE_9);
    let shell = small.host.shell("9/compose/Extras");
    small.fill();
    small.go(COMPOSE_8);
    let folder = small.host.run_folder();
    let id = folder.file_name().unwrap().to_str().unwrap();
    let words = format!(
        "stagegate: run {id} was stopped: no room for another record in {}/journal.jsonl: No space left on device \
         (os error 28); free some room there, then `stagegate resume {id}`",
        folder.display()
    );
    ended(run).exits(1).says(&words).says(&format!("run {id} is interrupted"));
    assert_eq!(
        small.host.state("8/compose/Extras"),
        "succeeded",
        "what ended is recorded, on a disk without a byte"
    );
    assert_eq!(small.host.state("8/sync/Extras"), "pending");
    assert_eq!(small.facts().last().unwrap(), "supervisor-failed");
    assert!(is_over(shell), "what ran was stopped");
    let stopped = word(&small.host.latest()["problem"]);
    assert!(words.ends_with(&stopped), "{stopped}");
    small.host.run(&["verify-run", "latest"]).exits(0).says("is intact");
    small.host.run(&["status"]).exits(0);
    small.host.run(&["report", "latest"]).exits(0).says("interrupted");

    // Nothing goes on without room, and that is said too.
    small.host.run(&["resume", "latest"]).exits(1).says("; free some room there, then try again");
    small.free();
    small.go(COMPOSE_9);
    small.host.run(&["resume", "latest"]).exits(3);
    for (step, state) in [("8/gate", "waiting"), ("9/gate", "waiting"), ("9/compose/Extras", "succeeded")] {
        assert_eq!(small.host.state(step), state, "{step}");
    }
    assert_eq!(small.host.latest()["problem"], Value::Null);
    small.host.run(&["verify-run", "latest"]).exits(0).says("is intact");
}

/// The log: the step is stopped and says why, the run ends, and its report is written once there is room.
#[test]
fn a_log_that_finds_no_room_fails_its_step_by_name() {
    if !inside("a_log_that_finds_no_room_fails_its_step_by_name") {
        return;
    }
    let small = Small::new();
    small.hold(SYNC, "");
    let run = small.start(&["run", "--release", "8", "--compose", "none", "--sync", "Extras"]);
    small.wait_for(SYNC);
    small.fill();
    small.go(SYNC);
    ended(run).exits(1).says("failed: stopped: its log could not be written: No space left on device");
    let step = "8/sync/Extras";
    assert_eq!(small.host.state(step), "failed");
    assert_eq!(small.facts().last().unwrap(), "run-ended");
    small.host.run(&["verify-run", "latest"]).exits(0);
    // The landing of its output gave its room back, which may have been enough for a report.
    for name in ["report.json", "report.md"] {
        let _unwritten = std::fs::remove_file(small.host.run_folder().join(name));
    }
    small.fill();
    small.host.run(&["report", "latest"]).exits(0);
    assert!(!small.host.run_folder().join("report.json").exists());
    small.host.run(&["prune", "--keep", "0", "--yes"]).exits(0).says("has no report of its last record");

    small.free();
    small.host.run(&["report", "latest"]).exits(0);
    assert!(small.host.run_folder().join("report.json").exists(), "the report is written once there is room");
    small.host.run(&["retry", "latest", step]).exits(3);
}

/// Production: an approval that finds no room is not given, and nothing is pushed.
#[test]
fn a_full_disk_at_the_gate_keeps_production_as_it_is() {
    if !inside("a_full_disk_at_the_gate_keeps_production_as_it_is") {
        return;
    }
    let small = Small::new();
    small.host.run(&["run", "--release", "8", "--compose", "none", "--sync", "Extras"]).exits(3);
    let before = files(&small.host.production());
    small.fill();
    let approve = ["approve", "latest", "--phrase", "8.10 vetted"];
    small.host.run(&approve).exits(1).says("free some room there");
    small.is_untouched(&before);
    assert!(!small.facts().contains(&"approved".to_owned()));
    small.free();
    wait_until("its supervisor is gone", || {
        (!small.host.run(&["prune", "--keep", "0"]).out.contains("lives")).then_some(())
    });
    small.host.run(&["resume", "latest"]).exits(3);
    small.host.run(&approve).exits(0);
    assert!(files(&small.host.production()).len() >= before.len());
}

/// A start: nothing that looks like a run is left of one that found no room for its plan.
#[test]
fn a_full_disk_starts_nothing_and_leaves_nothing() {
    if !inside("a_full_disk_starts_nothing_and_leaves_nothing") {
        return;
    }
    let small = Small::new();
    small.host.run(&["runs"]).exits(0);
    small.fill();
    let run = ["run", "--release", "8", "--compose", "none", "--sync", "Extras"];
    small.host.run(&run).exits(1).says("No space left on device (os error 28); free some room there");
    assert_eq!(fs::read_dir(small.host.at("state/runs")).unwrap().count(), 0);
    small.host.run(&["runs"]).exits(0).says("no run yet");
    small.free();
    small.host.run(&run).exits(3);
}

/// A disk that came up read-only after a crash: everything can be read, nothing goes on, and it is said why.
#[test]
fn a_read_only_disk_is_said_and_everything_can_be_read() {
    if !inside("a_read_only_disk_is_said_and_everything_can_be_read") {
        return;
    }
    let small = Small::new();
    small.hold(SYNC, "");
    small.host.run(&["run", "--release", "8", "--compose", "none", "--sync", "Extras", "--detach"]).exits(0);
    small.wait_for(SYNC);
    let shell = small.host.shell("8/sync/Extras");
    small.host.kill_supervisor();
    kill(shell);
    wait_until("the step is over", || is_over(shell).then_some(()));
    small.mount(&["-o", "remount,ro"]);
    small.host.run(&["runs"]).exits(0).says("interrupted");
    small.host.run(&["status"]).exits(0);
    small.host.run(&["verify-run", "latest"]).exits(0).says("is intact");
    small.host.run(&["report", "latest"]).exits(0);
    small.host.run(&["prune", "--keep", "0", "--yes"]).exits(0).says("no run to remove");
    small.host.run(&["resume", "latest"]).exits(1).says("Read-only file system (os error 30)");
    small.mount(&["-o", "remount,rw"]);
    small.go(SYNC);
    small.host.run(&["resume", "latest"]).exits(3);
}
