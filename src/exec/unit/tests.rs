//! What the public interface cannot provoke: a disk that fills up under the log.

use super::*;
use std::sync::Mutex;

#[test]
fn a_log_that_cannot_be_written_stops_the_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    let script = "trap '' TERM; while :; do echo line; done".to_owned();
    let argv = vec!["bash".to_owned(), "-c".to_owned(), script];
    let mut spec = UnitSpec::new(argv, path, folder.path().to_owned(), folder.path().join("log"));
    spec.grace = Duration::from_millis(200);
    let spawned = pty::spawn(&spec.argv, &spec.env, &spec.cwd, spec.pty_size).unwrap();
    let pid = spawned.child.id().cast_signed();
    let seen = Mutex::new(Vec::new());
    let events = |event| seen.lock().unwrap().push(event);
    let (control, requests) = channel();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let last_call = Arc::new(LastCall::new().unwrap());
    let course = Course::new(spec, spawned, Instant::now(), &events, requests, last_call);
    let UnitEvent::Ended { end, bytes: 0, .. } = course.run(full, &control) else { panic!("no end") };
    assert!(matches!(&end, ProcessEnd::LogFailed { error } if error.contains("No space left")), "{end:?}");
    assert!(crate::exec::group::ProcessStat::of(pid).is_none());
    let seen = seen.into_inner().unwrap();
    assert!(
        seen.iter().any(|event| matches!(event, UnitEvent::Stopping { stage: StopStage::Killing { .. } }))
    );
}
