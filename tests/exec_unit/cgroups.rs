//! Steps in a cgroup of their own: what leaves session, parent and environment behind is still theirs.
//!
//! Where no cgroup can be made, each test says so past the harness and holds what is said of such a step instead.

use super::*;
use stagegate::domain::run::Containment;
use stagegate::exec::cgroup::{Cell, Ground};
use std::io::Write as _;

/// A rig whose step is born in a cgroup, if one can be made here.
struct Contained {
    rig: Rig,
    _ground: Ground,
    /// The cgroup's folder; none where there is none.
    folder: Option<PathBuf>,
}

impl Contained {
    fn new(script: &str) -> Self {
        let rig = Rig::new(script);
        let ground = Ground::find(Path::new("/"), &format!("stagegate-test:{}", rig.mark), None);
        let cgroup = ground.cgroup("01-x");
        let folder = cgroup.as_ref().ok().map(|cgroup| cgroup.path().to_owned());
        Self { rig: rig.with(|spec| spec.cgroup = cgroup), _ground: ground, folder }
    }

    fn with(mut self, change: impl FnOnce(&mut UnitSpec)) -> Self {
        self.rig = self.rig.with(change);
        self
    }

    /// Starts it, and holds that what it says of its cgroup is so. Returns none where it has none.
    fn start(&self) -> Option<Running> {
        let mut running = self.rig.start();
        let started = running.wait_for("start", |event| matches!(event, UnitEvent::Started { .. }));
        let UnitEvent::Started { pid, contained, .. } = started else { unreachable!() };
        let Some(folder) = &self.folder else {
            let Containment::Tree { why } = &contained else { panic!("{contained:?}") };
            assert!(why.starts_with("no "), "{why}");
            assert_eq!(contained.to_string(), format!("process tree ({why})"));
            let text = format!("NOT TESTED HERE: cgroups; a step is said to be contained by: {contained}\n");
            std::io::stderr().write_all(text.as_bytes()).unwrap();
            running.wait_for_text(&self.rig, "up");
            // It may have ended by itself.
            let _ended = running.handle.cancel().and_then(|()| running.handle.kill());
            running.wait_for("end", |event| matches!(event, UnitEvent::Ended { .. }));
            running.handle.join();
            // What only a cgroup would have held.
            for name in ["escaped", "agent"].iter().filter(|name| self.rig.path(name).exists()) {
                if let Some(stat) = group::ProcessStat::of(self.pid(name)) {
                    group::send(stat.id, rustix::process::Signal::KILL);
                }
            }
            return None;
        };
        assert_eq!(contained, Containment::Cgroup { path: folder.to_str().unwrap().to_owned() });
        assert_eq!(contained.to_string(), "its own cgroup");
        let inside = std::fs::read_to_string(folder.join("cgroup.procs")).unwrap();
        assert!(inside.lines().any(|line| line == pid.to_string()), "{pid} is in it: {inside}");
        assert!(!inside.lines().any(|line| line == std::process::id().to_string()), "and we are not");
        Some(running)
    }

    fn is_removed(&self) -> bool {
        self.folder.as_ref().is_some_and(|folder| !folder.exists())
    }

    fn pid(&self, name: &str) -> i32 {
        std::fs::read_to_string(self.rig.path(name)).unwrap().trim().parse().unwrap()
    }
}

/// Leaves session, parent, environment, terminal and every descriptor behind before anybody looks.
const ESCAPE: &str = "setsid env -i /bin/bash -c '/usr/bin/setsid /bin/bash -c \"trap \\\"\\\" HUP; echo \\$\\$ >escaped; exec sleep 600\" </dev/null >/dev/null 2>&1 &' </dev/null >/dev/null 2>&1
until [ -s escaped ]; do read -r -t 0.01 <>/dev/tty; done
echo up
";

fn is_there(pid: i32) -> bool {
    group::ProcessStat::of(pid).is_some_and(|process| !process.is_dead())
}

#[test]
fn who_leaves_everything_behind_is_cancelled_with_its_step() {
    let contained = Contained::new(&format!("{ESCAPE}sleep 600"));
    let Some(mut running) = contained.start() else { return };
    running.wait_for_text(&contained.rig, "up");
    let escaped = contained.pid("escaped");
    let stat = group::ProcessStat::of(escaped).unwrap();
    assert_eq!((stat.parent, stat.session), (std::process::id().cast_signed(), escaped), "it has left");
    running.handle.cancel().unwrap();
    assert_eq!(running.finish(&contained.rig).0, ProcessEnd::Cancelled { killed: false });
    assert!(!is_there(escaped) && contained.is_removed());
}

#[test]
fn who_leaves_everything_behind_is_left_behind_by_a_step_that_ends() {
    let contained = Contained::new(ESCAPE).with(|spec| spec.leak_patience = Duration::from_millis(300));
    let Some(running) = contained.start() else { return };
    let (end, _) = running.finish(&contained.rig);
    let escaped = contained.pid("escaped");
    assert!(matches!(&end, ProcessEnd::Leaky { code: 0, who, .. } if who[0].pid == escaped), "{end:?}");
    assert!(!is_there(escaped) && contained.is_removed());
}

#[test]
fn whoever_ignores_term_in_it_is_killed_with_it_on_a_second_request() {
    let contained =
        Contained::new("trap '' TERM; for i in 1 2 3; do sleep 600 & done; echo up; while :; do wait; done")
            .with(|spec| spec.grace = Duration::from_millis(200));
    let Some(mut running) = contained.start() else { return };
    running.wait_for_text(&contained.rig, "up");
    running.handle.cancel().unwrap();
    let overdue =
        |event: &UnitEvent| matches!(event, UnitEvent::Stopping { stage: StopStage::Overdue { .. } });
    running.wait_for("the end of the grace", overdue);
    assert!(!contained.is_removed(), "TERM is not KILL");
    running.handle.kill().unwrap();
    assert_eq!(running.finish(&contained.rig).0, ProcessEnd::Cancelled { killed: true });
    assert!(contained.is_removed());
}

/// What gpg and ssh leave for others is no leak, gets no KILL, and does not hold the cgroup.
#[test]
fn a_daemon_that_stays_on_purpose_outlives_its_cgroup() {
    let contained = Contained::new(
        "cp \"$(command -v sleep)\" gpg-agent
setsid ./gpg-agent 600 </dev/null >/dev/null 2>&1 & echo $! >agent
until [ \"$(cat /proc/$(cat agent)/comm)\" = gpg-agent ]; do read -r -t 0.01 <>/dev/tty; done
trap '' TERM; echo up; while :; do read -r -t 1 <>/dev/tty; done",
    );
    let Some(mut running) = contained.start() else { return };
    running.wait_for_text(&contained.rig, "up");
    let agent = contained.pid("agent");
    running.handle.cancel().unwrap();
    running.handle.kill().unwrap();
    let ended = running.wait_for("end", |event| matches!(event, UnitEvent::Ended { .. }));
    let UnitEvent::Ended { end, survivors, .. } = ended else { unreachable!() };
    assert_eq!((end, survivors.len()), (ProcessEnd::Cancelled { killed: true }, 0));
    assert!(is_there(agent) && contained.is_removed());
    let stat = group::ProcessStat::of(agent).unwrap();
    group::send(stat.id, rustix::process::Signal::KILL);
}

#[test]
fn a_command_that_cannot_be_started_leaves_no_cgroup() {
    let contained = Contained::new("").with(|spec| spec.argv = vec!["no-such-program".to_owned()]);
    let (end, _) = contained.rig.run();
    let ProcessEnd::SpawnFailed { error } = &end else { panic!("{end:?}") };
    assert_eq!(error, "`no-such-program`: No such file or directory (os error 2)");
    assert!(contained.folder.is_none() || contained.is_removed());
    // Another test may be on a visit of its own in this moment.
    let own = Cell::of(std::process::id().cast_signed());
    assert!(own.is_none_or(|cell| !cell.run.ends_with(&contained.rig.mark)), "we came back");
}

#[test]
fn a_cgroup_that_cannot_be_joined_keeps_no_step_from_running() {
    let contained = Contained::new("echo done");
    let Some(folder) = &contained.folder else { return };
    std::fs::remove_dir(folder).unwrap();
    let (end, seen) = contained.rig.run();
    assert_eq!(end, ProcessEnd::Exited { code: 0 });
    let UnitEvent::Started { contained, .. } = &seen[0] else { panic!("{seen:?}") };
    let words = "process tree (its cgroup could not be joined: No such file or directory (os error 2))";
    assert_eq!(contained.to_string(), words);
}
