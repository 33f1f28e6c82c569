//! Survivors as they are found and stopped: real processes with a mark in their environment.

use super::*;
use std::process::{Child, Command};

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Starts a shell that carries `mark` and has a child of its own; returns once that child is there.
fn family(mark: &str, script: &str) -> (Killed, ProcessId, i32) {
    let child =
        Killed(Command::new("bash").args(["-c", script]).env("STAGEGATE_TEST", mark).spawn().unwrap());
    let pid = child.0.id().cast_signed();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        if let Some(first) = children.split_ascii_whitespace().next() {
            return (child, ProcessStat::of(pid).unwrap().id, first.parse().unwrap());
        }
        assert!(Instant::now() < deadline, "no child");
        std::thread::yield_now();
    }
}

#[test]
fn marked_processes_and_their_children_are_found_and_nobody_else() {
    let mark = format!("one-{}", std::process::id());
    // Its child has an environment of its own, like what sudo starts.
    let (shell, id, child) = family(&mark, "env -i sleep 600 & wait");
    let found = Look::take("STAGEGATE_TEST").of(|other| other == mark, |_| false, None);
    assert_eq!(found.iter().map(|id| id.pid).collect::<HashSet<_>>(), HashSet::from([id.pid, child]));
    assert_eq!(Look::take("STAGEGATE_TEST").of(|_| false, |_| false, None), []);
    assert_eq!(
        Look::take("STAGEGATE_TEST").of(|_| false, |_| false, Some(id)).len(),
        2,
        "known by its shell"
    );
    let reused = ProcessId { start_time: id.start_time + 1, ..id };
    assert_eq!(
        Look::take("STAGEGATE_TEST").of(|_| false, |_| false, Some(reused)),
        [],
        "a pid that was used again"
    );
    assert!(Look::take("STAGEGATE_TEST").marks().any(|(other, at)| other == mark && at == id));
    assert!(command(child).contains("sleep 600"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let since = started_at(id.start_time).unwrap();
    assert!(now.cast_signed().abs_diff(since) < 3600, "{since} is about now, {now}");
    group::send(ProcessStat::of(child).unwrap().id, Signal::KILL);
    drop(shell);
    let deadline = Instant::now() + Duration::from_secs(30);
    while ProcessStat::of(child).is_some_and(|stat| !stat.is_dead()) {
        assert!(Instant::now() < deadline, "KILL is not taken");
        std::thread::yield_now();
    }
    assert_eq!(Look::take("STAGEGATE_TEST").of(|other| other == mark, |_| false, None), []);
}

/// The shell of the step is long gone, and another program, which leads a session too, was given its pid.
#[test]
fn a_session_whose_id_was_used_again_is_not_the_steps() {
    let mark = format!("three-{}", std::process::id());
    let (_setsid, id, child) = family(&mark, "setsid -w sleep 600 & wait");
    let deadline = Instant::now() + Duration::from_secs(30);
    let leader = loop {
        let led = fs::read_to_string(format!("/proc/{child}/task/{child}/children")).unwrap_or_default();
        let pids = led.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).chain([child]);
        let leader = pids.filter_map(ProcessStat::of).find(|stat| stat.session == stat.id.pid);
        match leader {
            Some(leader) => break leader.id,
            None => assert!(Instant::now() < deadline, "no session"),
        }
        std::thread::yield_now();
    };
    let look = Look::take("STAGEGATE_TEST");
    let of = |shell: ProcessId| look.of(|_| false, |_| false, Some(shell));
    assert_eq!(of(leader), [leader], "the session is the step's own");
    let before = ProcessId { start_time: leader.start_time - 1, ..leader };
    assert_eq!(of(before), [], "it was begun after the step's shell had ended");
    assert!(look.of(|other| other == mark, |_| false, Some(before)).contains(&id), "the mark still counts");
    group::send(leader, Signal::KILL);
}

#[test]
fn stopping_is_staged() {
    let mark = format!("two-{}", std::process::id());
    let (mut shell, id, child) = family(&mark, "trap : TERM; sleep 600 & while :; do wait; done");
    let look = || Look::take("STAGEGATE_TEST").of(|other| other == mark, |_| false, None);
    let mut ending = Ending::new(Duration::from_secs(10));
    assert!(ending.left() > Duration::ZERO);
    let deadline = Instant::now() + Duration::from_secs(30);
    // Its child dies of TERM, the shell does not listen.
    while look().iter().any(|id| id.pid == child) {
        ending.step(&look());
        assert!(Instant::now() < deadline, "TERM reached nobody");
    }
    assert!(shell.0.try_wait().unwrap().is_none(), "nobody is killed by a first request");
    assert_eq!(look().iter().map(|id| id.pid).collect::<Vec<_>>(), [id.pid]);
    ending.kill();
    assert_eq!(ending.left(), Duration::ZERO);
    ending.step(&look());
    assert!(!shell.0.wait().unwrap().success());
}
