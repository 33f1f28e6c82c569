//! Units that cannot be started, or whose working directory or program is on a mount that hangs.

use super::*;
use slow_mount::SlowMount;

#[path = "../support/slow_mount.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod slow_mount;

/// Starts it aside: whoever starts a unit must not wait for its mount.
fn start_aside(spec: &UnitSpec) -> Running {
    let (spec, (tell, started)) = (spec.clone(), channel());
    std::thread::spawn(move || {
        let (tell_event, events) = channel();
        let handle = Unit::start(spec, move |event| drop(tell_event.send(event))).unwrap();
        drop(tell.send(Running { handle, events, seen: Vec::new() }));
    });
    started.recv_timeout(DEADLINE).expect("whoever starts it does not wait for the mount")
}

#[test]
fn what_cannot_be_started_says_what_and_why() {
    let missing = Rig::new("").with(|spec| spec.argv = vec!["no-such-program".into()]).run().0;
    assert!(
        matches!(&missing, ProcessEnd::SpawnFailed { error } if error.contains("no-such-program")),
        "{missing:?}"
    );
    let empty = Rig::new("").with(|spec| spec.argv.clear()).run().0;
    assert!(matches!(empty, ProcessEnd::SpawnFailed { .. }));
    let nowhere = Rig::new("").with(|spec| spec.cwd = "/no/such/folder".into()).run().0;
    assert!(
        matches!(&nowhere, ProcessEnd::SpawnFailed { error } if error.contains("/no/such/folder")),
        "{nowhere:?}"
    );
}

#[test]
fn a_start_on_a_mount_that_hangs_is_cancelled_and_nothing_of_it_is_ever_started() {
    let on_mount = |change: fn(&mut UnitSpec, &Path)| {
        let rig = Rig::new("echo >> \"${0%/*}/started\"");
        let folder = rig.path("mounted");
        std::fs::create_dir(&folder).unwrap();
        std::fs::copy("/bin/bash", folder.join("shell")).unwrap();
        let mount = SlowMount::over(&folder);
        if !mount.is_real() {
            return;
        }
        let other = Rig::new("echo here");
        let rig = rig.with(|spec| change(spec, &folder));
        mount.hang();
        let mut running = start_aside(&rig.spec);
        assert_eq!(other.run().0, ProcessEnd::Exited { code: 0 }, "others start");
        assert_eq!(running.handle.kill(), Err(UnitError::NotStopping));
        running.handle.cancel().unwrap();
        let ended = running.wait_for("end", |event| matches!(event, UnitEvent::Ended { .. }));
        assert!(
            matches!(ended, UnitEvent::Ended { end: ProcessEnd::Cancelled { killed: false }, bytes: 0, .. }),
            "{ended:?}"
        );
        assert_eq!(running.seen.len(), 1, "{:?}", running.seen);
        running.handle.join();
        mount.answer();
        // Once it answers whoever was to start it is gone, and has started nothing.
        let until = Instant::now() + DEADLINE;
        while threads_called("unit-birth") > 0 && Instant::now() < until {
            std::thread::yield_now();
        }
        assert!(!rig.path("started").exists());
        rig.assert_nobody_left();
    };
    on_mount(|spec, folder| spec.cwd = folder.to_owned());
    on_mount(|spec, folder| spec.argv[0] = folder.join("shell").to_str().unwrap().to_owned());
}

#[test]
fn a_start_on_a_mount_that_comes_back_goes_on() {
    let rig = Rig::new("pwd");
    let folder = rig.path("mounted");
    std::fs::create_dir(&folder).unwrap();
    let mount = SlowMount::over(&folder);
    if !mount.is_real() {
        return;
    }
    let rig = rig.with(|spec| spec.cwd.clone_from(&folder));
    mount.hang();
    let running = start_aside(&rig.spec);
    mount.answer();
    let (end, seen) = running.finish(&rig);
    assert_eq!(end, ProcessEnd::Exited { code: 0 });
    assert!(matches!(seen[0], UnitEvent::Started { .. }), "{seen:?}");
    assert_eq!(rig.text().trim_end(), folder.canonicalize().unwrap().to_str().unwrap());
}

/// Returns how many threads of this process are called `name`.
fn threads_called(name: &str) -> usize {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let called = |thread: &std::fs::DirEntry| {
        std::fs::read_to_string(thread.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name)
    };
    threads.filter(called).count()
}
