//! Steps in cgroups of their own, and supervisors in scopes: what is found of an interrupted step when all else was shed.
//!
//! Where no cgroup can be made, the first test says so past the harness and holds what is said of its steps instead.

use crate::support::{Host, PROGRAM, kill, step_of, wait_until, word};
use serde_json::Value;
use stagegate::journal::store::{RunDir, Store};
use stagegate::supervisor::client::{self, HELLO_PATIENCE, Spawner};
use stagegate::supervisor::scope::Systemd;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SYNC: [&str; 8] = ["run", "--release", "8", "--compose", "none", "--sync", "Extras", "--detach"];
const STEP: &str = "8/sync/Extras";

/// Makes the sync script one that loses a process once, which has its session, parent, environment and descriptors from
/// nobody, as what sudo starts and a daemon does.
fn make_escape(host: &Host) {
    let script = host.at("toolkit/sync/sync-to-staging.sh");
    let text = fs::read_to_string(&script).unwrap();
    let tmp = host.at("tmp");
    let tmp = tmp.to_str().unwrap();
    let escape = format!(
        "if [[ -e {tmp}/escape ]]; then\n\
         rm {tmp}/escape\n\
         setsid env -i /bin/bash -c 'setsid /bin/bash {tmp}/escaper </dev/null >/dev/null 2>&1 &' </dev/null >/dev/null 2>&1\n\
         until [[ -s {tmp}/escaped ]]; do sleep 0.02; done\n\
         echo it is out\n\
         sleep 3600\n\
         fi\n"
    );
    let (first, rest) = text.split_once('\n').unwrap();
    fs::write(&script, format!("{first}\n{escape}{rest}")).unwrap();
    let escaper = format!("trap '' HUP\necho $$ >{tmp}/escaped\nexec -a {tmp}/sleeper sleep 3600\n");
    fs::write(host.at("tmp/escaper"), escaper).unwrap();
    fs::write(host.at("tmp/escape"), "").unwrap();
}

fn is_gone(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}

/// What the journal says that a step's processes were held together by.
fn contained(host: &Host, step: &str) -> Value {
    let started = |event: &Value| event["event"] == "step-started" && event["step"] == step;
    host.journal().into_iter().rfind(started).unwrap()["contained"].clone()
}

#[test]
fn who_left_everything_behind_is_found_after_its_supervisor_was_killed() {
    let host = Host::new(&[]);
    make_escape(&host);
    host.run(&SYNC).exits(0);
    host.wait_for_log(STEP, "it is out");
    let (shell, held) = (host.shell(STEP), contained(&host, STEP));
    let escaped: i32 = fs::read_to_string(host.at("tmp/escaped")).unwrap().trim().parse().unwrap();
    host.kill_supervisor();
    wait_until("its terminal's end has ended the script", || is_gone(shell).then_some(()));
    assert!(!is_gone(escaped));
    if held["by"] == "tree" {
        let why = word(&held["why"]);
        let text = format!("NOT TESTED HERE: no cgroup can be made for a step: {why}\n");
        std::io::stderr().write_all(text.as_bytes()).unwrap();
        assert!(why.starts_with("no "), "{why}");
        host.run(&["report", "latest"])
            .exits(0)
            .says(&format!("each step contained by: process tree ({why})"));
        kill(escaped);
        return;
    }

    let path = PathBuf::from(word(&held["path"]));
    let inside = fs::read_to_string(path.join("cgroup.procs")).unwrap();
    assert_eq!(inside.trim(), escaped.to_string(), "the journal says where it is");
    host.run(&["report", "latest"]).exits(0).says("each step contained by: its own cgroup");
    let report = host.json(&["report", "latest"]);
    assert_eq!(step_of(&report, STEP)["contained"], held);
    let truth = step_of(&host.latest(), STEP)["interrupted"].clone();
    assert_eq!(truth["survivors"][0]["pid"], escaped, "{truth}");
    host.run(&["runs"]).exits(0).says(&format!("still alive as process {escaped} ("));

    // Nobody begins where it lives, and whoever resumes waits for it.
    host.run(&SYNC).exits(4).says("release 8 is not free: 8/sync/Extras of run");
    host.run(&["resume", "latest", "--detach"]).exits(0).says("waits until its first life is over");
    assert_eq!(host.state(STEP), "interrupted");
    host.run(&["cancel", "latest", STEP]).exits(0).says(&escaped.to_string());
    host.wait_for("8/gate", "waiting");
    assert!(is_gone(escaped));
    assert_eq!(host.state(STEP), "succeeded");
    let again = contained(&host, STEP);
    assert_eq!(again["by"], "cgroup");
    assert_ne!(again["path"], held["path"], "each attempt has its own");
    host.run(&["cancel", "latest"]).exits(0);
    // The scope of one that died is systemd's to remove.
    let run = path.parent().unwrap();
    if run.extension().is_none() {
        wait_until("its cgroups are gone with its supervisor", || (!run.exists()).then_some(()));
    }
}

/// Leaves the latest run without a supervisor, and returns its folder and who starts it anew by this systemd-run.
fn left_alone(host: &Host, systemd_run: &str) -> (RunDir, Spawner) {
    host.run(&["run", "--release", "8", "--compose", "none", "--sync", "Extras"]).exits(3);
    host.kill_supervisor();
    let stand_in = host.at("tmp/systemd-run");
    fs::write(&stand_in, format!("#!/bin/bash\n{systemd_run}\n")).unwrap();
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(host.at("tmp/run/systemd/system")).unwrap();
    let systemd = Systemd {
        root: host.at("tmp"),
        path: host.at("tmp").into_os_string(),
        patience: Duration::from_secs(10),
    };
    let spawner =
        Spawner { program: PROGRAM.into(), state: host.at("state"), systemd, patience: HELLO_PATIENCE };
    let store = Store::open(&host.at("state")).unwrap();
    let run = word(&host.latest()["id"]).parse().unwrap();
    (store.run(&run), spawner)
}

fn reach(spawner: &Spawner, dir: &RunDir) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(client::reach(spawner, dir)).unwrap();
}

fn arguments(pid: i32) -> Vec<String> {
    let text = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("cmdline")).unwrap();
    text.trim_end_matches('\0').split('\0').map(str::to_owned).collect()
}

#[test]
fn a_supervisor_is_started_through_systemd_run_and_executed_in_its_place() {
    let host = Host::new(&[]);
    let gives =
        "printf '%s\\n' $$ \"$@\" >\"$0.called\"; while [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\"";
    let (dir, spawner) = left_alone(&host, gives);
    reach(&spawner, &dir);
    let called = fs::read_to_string(host.at("tmp/systemd-run.called")).unwrap();
    let called: Vec<&str> = called.lines().collect();
    assert_eq!(called[0], host.supervisor().to_string(), "it is the process that systemd-run was");
    assert!(called.contains(&"--property=Delegate=yes") && called.contains(&"--scope"), "{called:?}");
    assert!(!arguments(host.supervisor()).iter().any(|argument| argument.starts_with("--unscoped")));
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(0);
}

#[test]
fn where_systemd_run_fails_the_supervisor_is_started_without_a_scope_and_works() {
    let host = Host::new(&[]);
    let (dir, spawner) = left_alone(&host, "echo 'Failed to start transient scope unit: denied' >&2; exit 1");
    reach(&spawner, &dir);
    let why = "--unscoped=no systemd scope: Failed to start transient scope unit: denied";
    assert!(arguments(host.supervisor()).iter().any(|argument| argument == why));
    let log = fs::read_to_string(host.run_folder().join("supervisor.log")).unwrap();
    assert!(log.contains("Failed to start transient scope unit: denied"), "{log}");
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(0);
}
