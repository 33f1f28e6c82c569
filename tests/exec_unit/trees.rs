//! Trees as the real tools grow them: GNU parallel's groups, sudo's sessions, processes that nothing ends.
//!
//! Where a tool is not installed or not allowed, the test says so in its output and takes a stand-in that
//! scatters in the same way.

use super::*;
use rustix::process::{Pid, Signal, kill_process};
use std::io::Write as _;
use std::process::Command;

/// Says what this host cannot show, past the harness, which keeps the output of a good test to itself.
fn say_loudly(what: &str) {
    std::io::stderr().write_all(format!("NOT TESTED HERE: {what}\n").as_bytes()).unwrap();
}

/// Tells whether `command` works here; if not, says loudly what is tested in its place.
fn works(command: &[&str], stand_in: &str) -> bool {
    let ran = Command::new(command[0]).args(&command[1..]).output();
    let works = ran.is_ok_and(|output| output.status.success());
    if !works {
        say_loudly(&format!("`{}` does not work on this host; {stand_in}", command.join(" ")));
    }
    works
}

/// Returns the pid that a script wrote to `name`, once it has.
fn pid_in(rig: &Rig, name: &str) -> i32 {
    std::fs::read_to_string(rig.path(name)).unwrap().trim().parse().unwrap()
}

fn is_there(pid: i32) -> bool {
    group::ProcessStat::of(pid).is_some_and(|process| !process.is_dead())
}

/// Starts a script that says `up` as often as it has processes, each of which wrote its pid, and cancels it.
fn cancelled(script: &str, pids: &[&str]) -> ProcessEnd {
    let rig = Rig::new(script);
    let mut running = rig.start();
    for name in pids {
        running.wait_for_text(&rig, &format!("up {name}"));
    }
    let pids: Vec<i32> = pids.iter().map(|name| pid_in(&rig, name)).collect();
    assert!(pids.iter().all(|pid| is_there(*pid)), "all are up before anything is cancelled");
    running.handle.cancel().unwrap();
    let (end, _) = running.finish(&rig);
    assert!(!pids.iter().any(|pid| is_there(*pid)), "{pids:?}");
    assert!(!rig.path("went-on").exists(), "the script went on");
    end
}

/// What each process of a tree does: writes its pid, says so, and sleeps.
const SLEEPER: &str = "#!/bin/bash\necho $$ >$1\necho up $1\nexec sleep 600\n";

fn with_sleeper(script: &str) -> String {
    format!("cat >sleeper <<'END'\n{SLEEPER}END\nchmod +x sleeper\n{script}\ntouch went-on\n")
}

#[test]
fn the_groups_of_gnu_parallel_are_cancelled() {
    let stand_in = "the process groups of a shell with job control stand in";
    let script = if works(&["parallel", "--version"], stand_in) {
        "parallel --will-cite -j3 --line-buffer ./sleeper ::: one two three"
    } else {
        "set -m; ./sleeper one & ./sleeper two & ./sleeper three & wait"
    };
    let end = cancelled(&with_sleeper(script), &["one", "two", "three"]);
    assert_eq!(end, ProcessEnd::Cancelled { killed: false });
}

#[test]
fn the_sessions_of_sudo_are_cancelled() {
    // With use_pty, sudo gives each command a session and a terminal of its own, and clears its environment.
    let stand_in = "sessions on terminals of their own, made by script(1), stand in";
    let script = if works(&["sudo", "-n", "true"], stand_in) {
        "sudo -n ./sleeper one & sudo -n ./sleeper two & wait"
    } else {
        "script -qc './sleeper one' /dev/null & script -qc './sleeper two' /dev/null & wait"
    };
    let end = cancelled(&with_sleeper(script), &["one", "two"]);
    assert_eq!(end, ProcessEnd::Cancelled { killed: false });
}

#[test]
fn parallel_over_sudo_is_cancelled_as_one_tree() {
    let stand_in = "setsid below a shell with job control stands in";
    let script = if works(&["parallel", "--version"], stand_in) && works(&["sudo", "-n", "true"], stand_in) {
        "parallel --will-cite -j2 sudo -n ./sleeper ::: one two"
    } else {
        "set -m; setsid -w ./sleeper one & setsid -w ./sleeper two & wait"
    };
    let rig = Rig::new(&with_sleeper(script));
    let running = rig.start();
    // parallel groups what its children print, so their pids say when they are up.
    let until = Instant::now() + DEADLINE;
    while !["one", "two"]
        .iter()
        .all(|name| std::fs::read(rig.path(name)).is_ok_and(|pid| pid.ends_with(b"\n")))
    {
        assert!(Instant::now() < until, "the tree never grew: {}", rig.text());
        let _event = running.events.recv_timeout(Duration::from_millis(20));
    }
    let pids = [pid_in(&rig, "one"), pid_in(&rig, "two")];
    running.handle.cancel().unwrap();
    assert_eq!(running.finish(&rig).0, ProcessEnd::Cancelled { killed: false });
    assert!(!pids.iter().any(|pid| is_there(*pid)), "{pids:?}");
    assert!(!rig.path("went-on").exists());
}

#[test]
fn a_stopped_grandchild_in_a_group_of_its_own_is_cancelled() {
    let script = with_sleeper(
        "set -m; ./sleeper one & until [ -s one ]; do read -t 0.01 <>/dev/tty; done; kill -STOP $(cat one); echo stopped; sleep 600",
    );
    let rig = Rig::new(&script);
    let mut running = rig.start();
    running.wait_for_text(&rig, "stopped");
    let pid = pid_in(&rig, "one");
    running.handle.cancel().unwrap();
    assert_eq!(running.finish(&rig).0, ProcessEnd::Cancelled { killed: false });
    assert!(!is_there(pid));
}

/// What sudo runs reads from a terminal that sudo made, on which a secret is hidden although ours is in raw mode.
#[test]
fn a_question_behind_sudo_is_seen_answered_and_not_logged() {
    let stand_in = "nothing stands in for a terminal that sudo makes";
    if !works(&["sudo", "-n", "true"], stand_in) {
        return;
    }
    let rig = Rig::new("sudo -n bash -c 'read x; read -rs y; [ \"$x$y\" = loudt0ken ] && echo right'");
    let mut running = rig.start();
    let wait = |running: &mut Running, wanted: bool| {
        running.wait_for(
            "a silent read",
            |event| matches!(event, UnitEvent::WaitingForInput { secret, .. } if *secret == wanted),
        );
    };
    wait(&mut running, false);
    assert_eq!(running.types("t0ken\n", true), Err(UnitError::Shown));
    running.types("loud\n", false).unwrap();
    wait(&mut running, true);
    running.types("t0ken\n", true).unwrap();
    assert_eq!(running.finish(&rig).0, ProcessEnd::Exited { code: 0 });
    let text = rig.text();
    assert!(text.contains("right") && !text.contains("t0ken"), "{text}");
}

/// A cgroup of the version 1 freezer: who is in it cannot be ended, not even by KILL, as on a dead NFS mount.
struct Freezer(PathBuf);

impl Freezer {
    fn new() -> Option<Self> {
        let path = PathBuf::from(format!("/sys/fs/cgroup/freezer/stagegate-test-{}", std::process::id()));
        std::fs::create_dir(&path).ok()?;
        path.join("freezer.state").exists().then_some(Self(path))
    }

    fn freeze(&self, pid: i32) {
        std::fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
        std::fs::write(self.0.join("freezer.state"), "FROZEN").unwrap();
        let until = Instant::now() + DEADLINE;
        while std::fs::read_to_string(self.0.join("freezer.state")).unwrap().trim() != "FROZEN" {
            assert!(Instant::now() < until, "it does not freeze");
            std::thread::yield_now();
        }
    }

    fn thaw(&self) {
        std::fs::write(self.0.join("freezer.state"), "THAWED").unwrap();
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        self.thaw();
        // What was killed while it was frozen is gone a moment later.
        let until = Instant::now() + DEADLINE;
        while std::fs::remove_dir(&self.0).is_err() && Instant::now() < until {
            std::thread::yield_now();
        }
    }
}

#[test]
fn who_is_there_after_kill_is_named() {
    let Some(freezer) = Freezer::new() else {
        say_loudly("no version 1 freezer, so no process can be made that KILL does not end");
        return;
    };
    let rig = Rig::new(&with_sleeper("./sleeper one")).with(|spec| {
        spec.grace = Duration::from_millis(100);
        spec.kill_patience = Duration::from_millis(300);
    });
    let mut running = rig.start();
    running.wait_for_text(&rig, "up one");
    let pid = pid_in(&rig, "one");
    freezer.freeze(pid);
    running.handle.cancel().unwrap();
    running.handle.kill().unwrap();
    let ended = running.wait_for("end", |event| matches!(event, UnitEvent::Ended { .. }));
    let UnitEvent::Ended { end, survivors, .. } = ended else { unreachable!() };
    assert_eq!(end, ProcessEnd::Cancelled { killed: true });
    assert_eq!(survivors.iter().map(|left| left.pid).collect::<Vec<_>>(), [pid]);
    assert!(is_there(pid));
    drop(freezer);
    let gone = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).is_err() || !is_there(pid);
    assert!(gone, "thawed, it takes the KILL that it was sent");
}

/// What makes a container of a shell: processes, mounts and terminals of its own, the latter counted from 0.
const CONTAINER: [&str; 6] = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
const OWN_TERMINALS: &str =
    "mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts && mount --bind /dev/pts/ptmx /dev/ptmx";
/// Is set where a test runs in a container of its own.
const INSIDE: &str = "STAGEGATE_TEST_INSIDE";

fn in_container(script: &str) -> Vec<String> {
    let mut command: Vec<String> = CONTAINER.map(str::to_owned).to_vec();
    if !rustix::process::getuid().is_root() {
        command.extend(["--user", "--map-root-user"].map(str::to_owned));
    }
    command.extend(["sh".to_owned(), "-c".to_owned(), format!("{OWN_TERMINALS} && {script}")]);
    command
}

/// Every container has a `/dev/pts/0`; the test runs in one, so that its step has that terminal too.
#[test]
fn a_terminal_of_the_same_number_in_a_container_is_not_the_steps() {
    if std::env::var_os(INSIDE).is_some() {
        return beside_a_container();
    }
    let probe = in_container("script -qec true /dev/null </dev/null");
    if !works(&probe.iter().map(String::as_str).collect::<Vec<_>>(), "nothing stands in for a container") {
        return;
    }
    let own = std::env::current_exe().unwrap();
    let name = "trees::a_terminal_of_the_same_number_in_a_container_is_not_the_steps";
    let command = in_container(&format!("exec '{}' --exact {name}", own.display()));
    let output = Command::new(&command[0]).args(&command[1..]).env(INSIDE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn beside_a_container() {
    let rig = Rig::new("tty; echo up; exec sleep 600");
    let mut running = rig.start();
    running.wait_for_text(&rig, "up");
    assert_eq!(rig.text(), "/dev/pts/0\nup\n");
    let Some(UnitEvent::Started { pid, .. }) = running.seen.first() else { panic!("{:?}", running.seen) };
    let leader = group::ProcessStat::of(*pid).unwrap();
    let command = in_container("exec script -qc 'exec sleep 601' /dev/null");
    let mut container = Command::new(&command[0])
        .args(&command[1..])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let stranger = until_there(|pid| {
        let text = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        text == b"sleep\x00601\x00"
    });
    let link = std::fs::read_link(format!("/proc/{stranger}/fd/0")).unwrap();
    assert_eq!(link, Path::new("/dev/pts/0"));
    assert_eq!(group::ProcessStat::of(stranger).unwrap().terminal, leader.terminal);

    let mut tree = group::Tree::new(leader.id, Path::new("/dev/pts/0"), None);
    let members = |tree: &mut group::Tree| -> Vec<i32> { tree.scan().iter().map(|one| one.id.pid).collect() };
    assert_eq!(members(&mut tree), [leader.id.pid]);
    tree.adopt_holders();
    assert_eq!(members(&mut tree), [leader.id.pid]);
    running.handle.cancel().unwrap();
    assert_eq!(running.finish(&rig).0, ProcessEnd::Cancelled { killed: false });
    assert!(is_there(stranger), "a process of a container was stopped with the step");
    container.kill().unwrap();
    container.wait().unwrap();
}

/// Returns the first process that is `wanted`, once there is one.
fn until_there(wanted: impl Fn(i32) -> bool) -> i32 {
    let until = Instant::now() + DEADLINE;
    loop {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        if let Some(found) = pids.into_iter().find(|pid| wanted(*pid)) {
            return found;
        }
        assert!(Instant::now() < until, "no such process");
        std::thread::yield_now();
    }
}
