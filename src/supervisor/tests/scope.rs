//! Supervisors that are started through a stand-in of systemd-run, and what happens where it gives no scope.

use super::super::client::{ClientError, HELLO_PATIENCE, Spawner, start_run};
use super::super::recovery::House as Place;
use super::super::scope::Systemd;
use super::super::take_over::Order;
use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Writes down what it was called with, and executes the rest.
const GIVES: &str =
    "printf '%s\\n' \"$@\" >\"$0.called\"; while [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\"";
/// Says why it cannot.
const REFUSES: &str = "echo 'Failed to connect to bus: No such file or directory' >&2; exit 1";
/// Waits for an answer that never comes.
const HANGS: &str = "mkfifo \"$0.bus\"; read -r _ <\"$0.bus\"";
/// What stands in for a supervisor.
const SUPERVISOR: &str = "printf '%s\\n' $$ \"$@\" >\"$0.called\"; echo '{\"supervisor\":\"ready\"}'";

/// A host with a store, a stand-in for the supervisor, and one for systemd-run if there is one.
struct Host {
    folder: TempDir,
    store: Store,
    spawner: Spawner,
}

fn write_script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/bash\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

impl Host {
    fn new(systemd: bool, systemd_run: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for path in ["bin", "empty", "state"] {
            fs::create_dir(at(path)).unwrap();
        }
        if systemd {
            fs::create_dir_all(at("run/systemd/system")).unwrap();
        }
        write_script(&at("stagegate"), SUPERVISOR);
        if let Some(script) = systemd_run {
            write_script(&at("bin/systemd-run"), script);
        }
        let path = std::env::join_paths([at("empty"), at("bin")]).unwrap();
        let patience = Duration::from_millis(500);
        let systemd = Systemd { root: folder.path().to_owned(), path, patience };
        let (program, state, patience) = (at("stagegate"), at("state"), HELLO_PATIENCE);
        let spawner = Spawner { program, state, systemd, patience };
        Self { store: Store::open(&at("state")).unwrap(), spawner, folder }
    }

    fn start(&self) -> Result<RunDir, ClientError> {
        let plan = plan_of(&catalog(), &["true"]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(start_run(&self.store, &self.spawner, &plan, "", &Order::default()))
    }

    /// What a stand-in was called with.
    fn called(&self, program: &str) -> Option<Vec<String>> {
        let text = fs::read_to_string(self.folder.path().join(format!("{program}.called"))).ok()?;
        Some(text.lines().map(str::to_owned).collect())
    }

    /// Why the supervisor was told that it has no scope.
    fn unscoped(&self) -> Option<String> {
        let called = self.called("stagegate").unwrap();
        assert_eq!(called[1..3], ["supervise", "--state"]);
        called.iter().find_map(|argument| argument.strip_prefix("--unscoped=")).map(str::to_owned)
    }
}

#[test]
fn where_systemd_manages_the_host_a_supervisor_is_started_in_a_scope_of_its_own() {
    let host = Host::new(true, Some(GIVES));
    let dir = host.start().unwrap();
    let asked = host.called("bin/systemd-run").unwrap();
    let end = asked.iter().position(|argument| argument == "--").unwrap();
    let unit = format!("--unit={}:{}", Place::of(&dir).cgroup(dir.id()), std::process::id());
    let mut wanted = vec!["--scope", "--quiet", "--collect", "--property=Delegate=yes", &unit];
    if !rustix::process::geteuid().is_root() {
        wanted.insert(0, "--user");
    }
    assert_eq!(asked[..end], wanted);
    let state = host.spawner.state.to_str().unwrap();
    let program = host.spawner.program.to_str().unwrap();
    assert_eq!(asked[end + 1..], [program, "supervise", "--state", state, dir.id().as_str()]);
    assert_eq!(host.unscoped(), None);
}

#[test]
fn where_systemd_gives_no_scope_a_supervisor_is_started_as_it_is_and_knows_why() {
    for (systemd_run, why) in [
        (Some(REFUSES), "no systemd scope: Failed to connect to bus: No such file or directory"),
        (Some("exit 1"), "no systemd scope: systemd-run failed"),
        (Some(HANGS), "no systemd scope: systemd-run did not answer within 0 s"),
        (None, "no systemd scope: systemd-run is not in PATH"),
    ] {
        let host = Host::new(true, systemd_run);
        let begun = Instant::now();
        let dir = host.start().unwrap();
        assert!(begun.elapsed() < PATIENCE);
        assert_eq!(host.unscoped().as_deref(), Some(why));
        assert!(dir.path().exists());
    }
}

/// Otherwise it would work on in a folder that is gone, with nobody who could find it.
#[test]
fn a_supervisor_that_says_nothing_in_time_is_gone_before_the_folder_of_its_run_is() {
    for (systemd, systemd_run) in [(false, None), (true, Some(GIVES))] {
        let mut host = Host::new(systemd, systemd_run);
        host.spawner.patience = Duration::from_secs(3);
        let silent =
            "trap '' TERM; printf '%s\\n' $$ >\"$0.called\"; while :; do read -r -t 1 _ < <(sleep 1); done";
        write_script(&host.spawner.program, silent);
        let error = host.start().unwrap_err().to_string();
        assert!(error.contains("did not say within 3 s whether it began, and was ended"), "{error}");
        assert_eq!(host.store.runs(), []);
        let pid = host.called("stagegate").unwrap()[0].parse().unwrap();
        assert_eq!(crate::exec::group::ProcessStat::of(pid), None, "it is reaped");
    }
}

#[test]
fn where_systemd_does_not_manage_the_host_it_is_not_asked() {
    let host = Host::new(false, Some(GIVES));
    host.start().unwrap();
    assert_eq!((host.called("bin/systemd-run"), host.unscoped()), (None, None));
}

#[test]
fn what_a_supervisor_says_is_heard_through_systemd_run() {
    let host = Host::new(true, Some(GIVES));
    write_script(
        &host.spawner.program,
        "echo '{\"supervisor\":\"locked\",\"message\":\"release 8 is busy\"}'",
    );
    assert!(matches!(host.start(), Err(ClientError::Locked(message)) if message == "release 8 is busy"));
    // It is slower than systemd may be, but it is no longer systemd that is waited for.
    let host = Host::new(true, Some(GIVES));
    write_script(&host.spawner.program, &format!("sleep 1.5; {SUPERVISOR}"));
    host.start().unwrap();
    assert_eq!(host.unscoped(), None);
}
