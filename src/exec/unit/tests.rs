//! What the public interface cannot provoke: a disk that fills up under the log, a drain that breaks.

use super::*;
use crate::exec::pty;
use std::sync::Mutex;

/// Runs a script that does not listen to TERM into `log`, after `first` was told and `held` was asked before it started.
/// Returns its pid, how it ended, and what was told.
fn run(log: &str, first: Option<Control>, held: Vec<Control>) -> (i32, ProcessEnd, Vec<UnitEvent>) {
    let folder = tempfile::tempdir().unwrap();
    let path = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    let script = "trap '' TERM; while :; do echo line; done".to_owned();
    let argv = vec!["bash".to_owned(), "-c".to_owned(), script];
    let mut spec = UnitSpec::new(argv, path, folder.path().to_owned(), folder.path().join("log"));
    spec.grace = Duration::from_millis(200);
    let turn = pty::turn();
    let spawned = pty::spawn(&turn, &spec.argv, &spec.env, &spec.cwd, spec.pty_size, None).unwrap();
    drop(turn);
    let pid = spawned.child.id().cast_signed();
    let seen = Mutex::new(Vec::new());
    let events = |event| seen.lock().unwrap().push(event);
    let (control, requests) = channel();
    if let Some(first) = first {
        control.send(first).unwrap();
    }
    let log = std::fs::File::options().write(true).open(log).unwrap();
    let log = Log::into_file(log, &spec.log).unwrap();
    let last_call = Arc::new(LastCall::new().unwrap());
    let course = Course::new(spec, spawned, Instant::now(), &events, requests, last_call);
    let UnitEvent::Ended { end, .. } = course.run(log, held, &control) else { panic!("no end") };
    (pid, end, seen.into_inner().unwrap())
}

fn is_gone(pid: i32) -> bool {
    crate::exec::group::ProcessStat::of(pid).is_none()
}

#[test]
fn a_log_that_cannot_be_written_stops_the_step() {
    let (pid, end, seen) = run("/dev/full", None, Vec::new());
    assert!(matches!(&end, ProcessEnd::LogFailed { error } if error.contains("No space left")), "{end:?}");
    let kills = |event: &UnitEvent| matches!(event, UnitEvent::Stopping { stage: StopStage::Killing { .. } });
    assert!(is_gone(pid) && seen.iter().any(kills), "TERM first, then KILL by itself: {seen:?}");
}

#[test]
fn a_drain_that_breaks_stops_the_step() {
    let (pid, end, _) =
        run("/dev/null", Some(Control::DrainBroken("index out of bounds".to_owned())), Vec::new());
    assert_eq!(end, ProcessEnd::Faulted { error: "index out of bounds".to_owned() });
    assert!(is_gone(pid));
}

#[test]
fn what_was_asked_before_the_process_was_there_meets_it_first() {
    let (pid, end, seen) = run("/dev/null", None, vec![Control::Cancel, Control::Kill]);
    assert_eq!(end, ProcessEnd::Cancelled { killed: true });
    assert!(is_gone(pid) && matches!(seen[0], UnitEvent::Started { .. }), "{seen:?}");
}
