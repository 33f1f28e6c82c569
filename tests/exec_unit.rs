//! Units on real PTYs with nasty scripts.
//!
//! No sleeps: every wait is for a named event, with a deadline. What the scripts wait for among themselves
//! they wait for on FIFOs. After each test, nobody who carries its mark may be left.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

use stagegate::domain::outcome::ProcessEnd;
use stagegate::domain::progress::ProgressFormat;
use stagegate::exec::group;
use stagegate::exec::phrases::Phrase;
use stagegate::exec::signals;
use stagegate::exec::unit::{StopStage, Unit, UnitError, UnitEvent, UnitHandle, UnitSpec};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

#[path = "exec_unit/cgroups.rs"]
mod cgroups;
#[path = "exec_unit/starts.rs"]
mod starts;
#[path = "exec_unit/trees.rs"]
mod trees;

const DEADLINE: Duration = Duration::from_mins(1);
static NEXT: AtomicU32 = AtomicU32::new(0);

struct Rig {
    folder: TempDir,
    mark: String,
    spec: UnitSpec,
}

struct Running {
    handle: UnitHandle,
    events: Receiver<UnitEvent>,
    seen: Vec<UnitEvent>,
}

impl Rig {
    fn new(script: &str) -> Self {
        signals::defaults_for_children().unwrap();
        group::adopt_orphans().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mark = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = folder.path().join("script.sh");
        std::fs::write(&path, script).unwrap();
        let env = BTreeMap::from([
            ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin".to_owned()),
            ("TERM".to_owned(), "xterm".to_owned()),
            ("STAGEGATE_TEST".to_owned(), mark.clone()),
        ]);
        let argv = vec!["bash".to_owned(), path.to_str().unwrap().to_owned()];
        let log = folder.path().join("step.log");
        let mut spec = UnitSpec::new(argv, env, folder.path().to_owned(), log);
        spec.mark = Some("STAGEGATE_TEST".to_owned());
        Self { folder, mark, spec }
    }

    fn with(mut self, change: impl FnOnce(&mut UnitSpec)) -> Self {
        change(&mut self.spec);
        self
    }

    fn start(&self) -> Running {
        let (tell, events) = channel();
        let handle = Unit::start(self.spec.clone(), move |event| drop(tell.send(event))).unwrap();
        Running { handle, events, seen: Vec::new() }
    }

    /// Starts it with a listener that panics at the first event that is `wanted`.
    fn start_broken(&self, wanted: fn(&UnitEvent) -> bool) -> Running {
        let (tell, events) = channel();
        let listener = move |event: UnitEvent| {
            assert!(!wanted(&event), "a defect of ours");
            drop(tell.send(event));
        };
        let handle = Unit::start(self.spec.clone(), listener).unwrap();
        Running { handle, events, seen: Vec::new() }
    }

    fn log(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("step.log")).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8(self.log()).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lets a script that reads from the FIFO `name` go on.
    fn open_gate(&self, name: &str) {
        let path = self.path(name);
        let (tell, opened) = channel();
        // Opening blocks until the script reads.
        std::thread::spawn(move || tell.send(std::fs::write(path, b"go\n")));
        opened.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("nobody reads {name}")).unwrap();
    }

    fn assert_nobody_left(&self) {
        let needle = format!("STAGEGATE_TEST={}", self.mark);
        let carries = |path: PathBuf| {
            std::fs::read(path.join("environ"))
                .is_ok_and(|text| text.split(|byte| *byte == 0).any(|entry| entry == needle.as_bytes()))
        };
        let left: Vec<PathBuf> = std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| carries(path.clone()))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }

    fn run(&self) -> (ProcessEnd, Vec<UnitEvent>) {
        self.start().finish(self)
    }
}

impl Running {
    fn wait_for(&mut self, what: &str, wanted: impl Fn(&UnitEvent) -> bool) -> UnitEvent {
        let until = Instant::now() + DEADLINE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let event = self
                .events
                .recv_timeout(left)
                .unwrap_or_else(|error| panic!("no {what}: {error}; seen {:?}", self.seen));
            self.seen.push(event.clone());
            if wanted(&event) {
                return event;
            }
        }
    }

    /// Waits until the log holds `text`.
    fn wait_for_text(&mut self, rig: &Rig, text: &str) {
        let has =
            |path: &Path| memchr::memmem::find(&std::fs::read(path).unwrap(), text.as_bytes()).is_some();
        let path = rig.path("step.log");
        if has(&path) {
            return;
        }
        self.wait_for(text, |event| {
            assert!(!matches!(event, UnitEvent::Ended { .. }), "ended before {text}");
            has(&path)
        });
    }

    /// Types on the terminal and returns what came of it.
    fn types(&self, text: &str, hidden: bool) -> Result<(), UnitError> {
        let (tell, typed) = channel();
        self.handle.write_input(text.as_bytes().to_vec(), hidden, move |came| tell.send(came).unwrap());
        typed.recv_timeout(DEADLINE).unwrap()
    }

    fn finish(mut self, rig: &Rig) -> (ProcessEnd, Vec<UnitEvent>) {
        let ended = self.wait_for("end", |event| matches!(event, UnitEvent::Ended { .. }));
        self.handle.join();
        rig.assert_nobody_left();
        let UnitEvent::Ended { end, bytes, survivors, .. } = ended else { unreachable!() };
        assert_eq!(survivors, []);
        if rig.spec.log.starts_with(rig.folder.path()) {
            assert_eq!(bytes, rig.log().len() as u64);
        }
        assert!(self.events.try_recv().is_err(), "an event after the end");
        (end, self.seen)
    }
}

fn phrases(seen: &[UnitEvent]) -> Vec<(String, u64)> {
    let Some(UnitEvent::Ended { phrases, .. }) = seen.last() else { panic!("no end") };
    phrases.iter().map(|hit| (hit.line.clone(), hit.line_number)).collect()
}

#[test]
fn a_script_runs_and_its_output_is_in_the_log() {
    let rig = Rig::new("echo hello; echo err >&2; tty; stty size; pwd; exit 0");
    let (end, seen) = rig.run();
    assert_eq!(end, ProcessEnd::Exited { code: 0 });
    assert!(matches!(seen[0], UnitEvent::Started { .. }));
    let text = rig.text();
    assert!(text.starts_with("hello\nerr\n/dev/pts/"), "{text}");
    assert!(text.contains("\n50 160\n") && text.contains(rig.folder.path().to_str().unwrap()), "{text}");
}

#[test]
fn exit_codes_and_signals_are_told_apart() {
    assert_eq!(Rig::new("exit 3").run().0, ProcessEnd::Exited { code: 3 });
    assert_eq!(Rig::new("kill -9 $$").run().0, ProcessEnd::Signalled { signal: 9 });
    assert_eq!(Rig::new("kill -TERM $$").run().0, ProcessEnd::Signalled { signal: 15 });
    assert_eq!(Rig::new("bash -c 'kill -9 $$'").run().0, ProcessEnd::Exited { code: 137 });
}

#[test]
fn the_environment_is_exactly_what_was_given() {
    let rig = Rig::new("exec env");
    rig.run();
    let text = rig.text();
    let mut names: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.retain(|name| !["OLDPWD", "PWD", "SHLVL", "_"].contains(name)); // bash's own
    names.sort_unstable();
    assert_eq!(names, ["PATH", "STAGEGATE_TEST", "TERM"]);
}

#[test]
fn signals_are_at_their_defaults_and_no_descriptor_of_ours_is_open() {
    let rig =
        Rig::new("grep -E 'Sig(Ign|Blk)' /proc/self/status; ls -l /proc/self/fd | sed 's/.* //' | sort -u");
    rig.run();
    let text = rig.text();
    assert!(text.contains("SigBlk:\t0000000000000000"), "{text}");
    let ignored = text.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
    // ILL, FPE and SEGV cannot be changed safely; 32 and 33 belong to the C library.
    let beyond_us = [4, 8, 11, 32, 33].iter().fold(0_u64, |mask, signal| mask | 1 << (signal - 1));
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & !beyond_us, 0, "{text}");
    assert!(!text.contains("ptmx") && !text.contains("step.log") && !text.contains("eventfd"), "{text}");
}

/// Whoever starts a supervisor may have blocked or ignored everything: cron, nohup, a careless wrapper.
#[test]
fn signals_that_a_parent_blocked_or_ignored_reach_a_step() {
    let parent = "import os, signal, sys
for each in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(each, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
os.execv(sys.argv[1], sys.argv[1:])";
    let mut blocked = std::process::Command::new("python3");
    blocked.args(["-c", parent]).arg(std::env::current_exe().unwrap()).args([
        "--exact",
        "signals_are_at_their_defaults_and_no_descriptor_of_ours_is_open",
        "a_stopped_process_takes_its_term",
        "exit_codes_and_signals_are_told_apart",
    ]);
    let output = blocked.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("3 passed"), "{said}");
}

#[test]
fn a_log_of_an_earlier_attempt_is_never_touched() {
    let rig = Rig::new("echo new; touch ran");
    std::fs::write(rig.path("step.log"), "old").unwrap();
    let mut running = rig.start();
    let ended = running.wait_for("end", |event| matches!(event, UnitEvent::Ended { .. }));
    assert!(matches!(ended, UnitEvent::Ended { end: ProcessEnd::LogFailed { .. }, .. }));
    assert_eq!(rig.text(), "old");
    assert!(!rig.path("ran").exists());
}

#[test]
fn cancel_reaches_the_whole_tree_and_the_script_does_not_go_on() {
    let rig = Rig::new("bash -c 'sleep 600 & sleep 600' ; touch went-on; echo next");
    let mut running = rig.start();
    running.wait_for("start", |event| matches!(event, UnitEvent::Started { .. }));
    assert_eq!(running.handle.kill(), Err(UnitError::NotStopping));
    running.handle.cancel().unwrap();
    let (end, seen) = running.finish(&rig);
    assert_eq!(end, ProcessEnd::Cancelled { killed: false });
    assert!(
        seen.iter()
            .any(|event| matches!(event, UnitEvent::Stopping { stage: StopStage::Terminating { .. } }))
    );
    assert!(!rig.path("went-on").exists());
}

#[test]
fn who_ignores_term_is_killed_on_a_second_request_only() {
    let rig = Rig::new("trap '' TERM; echo ready; while :; do sleep 600; done")
        .with(|spec| spec.grace = Duration::from_millis(300));
    let mut running = rig.start();
    running.wait_for_text(&rig, "ready");
    running.handle.cancel().unwrap();
    running.wait_for("overdue", |event| {
        matches!(event, UnitEvent::Stopping { stage: StopStage::Overdue { .. } })
    });
    running.handle.kill().unwrap();
    let (end, seen) = running.finish(&rig);
    assert_eq!(end, ProcessEnd::Cancelled { killed: true });
    assert!(
        seen.iter().any(|event| matches!(event, UnitEvent::Stopping { stage: StopStage::Killing { .. } }))
    );
}

/// bash waits for its command and passes over a SIGINT that the command did not die of (reality.md 4).
#[test]
fn sigint_to_the_script_alone_changes_nothing() {
    let rig = Rig::new("mkfifo gate; echo ready; sh -c 'read -r word < gate'; echo end");
    let mut running = rig.start();
    let started = running.wait_for("start", |event| matches!(event, UnitEvent::Started { .. }));
    let UnitEvent::Started { pid, .. } = started else { unreachable!() };
    running.wait_for_text(&rig, "ready");
    let script = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(script, rustix::process::Signal::INT).unwrap();
    rig.open_gate("gate");
    let (end, _) = running.finish(&rig);
    assert_eq!(end, ProcessEnd::Exited { code: 0 });
    assert!(rig.text().trim_end().ends_with("end"), "{}", rig.text());
}

#[test]
fn a_stopped_process_takes_its_term() {
    let rig = Rig::new("echo ready; kill -STOP $$; touch went-on");
    let mut running = rig.start();
    running.wait_for_text(&rig, "ready");
    running.handle.cancel().unwrap();
    assert_eq!(running.finish(&rig).0, ProcessEnd::Cancelled { killed: false });
    assert!(!rig.path("went-on").exists());
}

#[test]
fn a_shell_that_survives_term_gets_its_later_children_stopped_too() {
    // The trap runs when the first sleep has been stopped, and the script goes on to the next.
    let rig = Rig::new("trap 'echo trapped' TERM; echo ready; sleep 600; sleep 601; sleep 602; echo through");
    let mut running = rig.start();
    running.wait_for_text(&rig, "ready");
    running.handle.cancel().unwrap();
    assert_eq!(running.finish(&rig).0, ProcessEnd::Cancelled { killed: false });
    assert_eq!(rig.text().matches("trapped").count(), 1);
}

#[test]
fn a_panic_of_the_unit_ends_the_tree_and_is_told() {
    let rig = Rig::new("trap '' TERM HUP; setsid sleep 600 & echo ready; while :; do sleep 600; done");
    let running = rig.start_broken(|event| matches!(event, UnitEvent::Output { .. }));
    let (end, _) = running.finish(&rig);
    assert_eq!(end, ProcessEnd::Faulted { error: "a defect of ours".to_owned() });
    assert_eq!(rig.text(), "ready\n", "what it printed is kept");
}

#[test]
fn a_panic_before_anything_was_seen_ends_the_tree_too() {
    let rig = Rig::new("trap '' TERM HUP; sleep 600");
    let running = rig.start_broken(|event| matches!(event, UnitEvent::Started { .. }));
    assert!(matches!(running.finish(&rig).0, ProcessEnd::Faulted { .. }));
}

#[test]
fn requests_to_a_unit_that_has_ended_are_refused() {
    let rig = Rig::new("exit 0");
    let mut running = rig.start();
    running.wait_for("end", |event| matches!(event, UnitEvent::Ended { .. }));
    let until = Instant::now() + DEADLINE;
    while running.handle.cancel().is_ok() {
        assert!(Instant::now() < until, "cancel is still taken");
        std::thread::yield_now();
    }
    assert_eq!(running.types("x", false), Err(UnitError::Ended));
    assert_eq!(running.handle.kill(), Err(UnitError::Ended));
}

#[test]
fn units_side_by_side_do_not_touch_each_other() {
    let rigs: Vec<Rig> = (0..4)
        .map(|_| Rig::new("mkfifo gate; setsid sleep 600 & echo up; read x <gate; kill $!; wait"))
        .collect();
    let mut units: Vec<Running> = rigs.iter().map(Rig::start).collect();
    for (rig, unit) in rigs.iter().zip(&mut units) {
        unit.wait_for_text(rig, "up");
    }
    let (first, rest) = (units.remove(0), units);
    first.handle.cancel().unwrap();
    assert_eq!(first.finish(&rigs[0]).0, ProcessEnd::Cancelled { killed: false });
    for (rig, unit) in rigs[1..].iter().zip(rest) {
        rig.open_gate("gate");
        assert!(matches!(unit.finish(rig).0, ProcessEnd::Exited { .. }));
    }
}

#[test]
fn progress_is_told_while_it_runs() {
    let line = "\\r  3.00M 100%%  2.51MB/s  0:00:01 (xfr#1, to-chk=4/7)\\n";
    let script =
        format!("printf 'sending incremental file list\\na.rpm\\n{line}'; mkfifo gate; read x <gate");
    let rig = Rig::new(&script).with(|spec| spec.progress = ProgressFormat::Rsync);
    let mut running = rig.start();
    let told = running
        .wait_for("progress", |event| matches!(event, UnitEvent::Progress(now) if now.fraction > Some(0.4)));
    assert!(matches!(told, UnitEvent::Progress(now) if now.label == "3/7 files, 2.51MB/s"));
    rig.open_gate("gate");
    running.finish(&rig);
}

#[test]
fn a_grandchild_in_a_session_of_its_own_is_cancelled_too() {
    let rig =
        Rig::new("mkfifo gate; setsid bash -c 'echo inner; sleep 600' & set -m; sleep 600 & read x <gate");
    let mut running = rig.start();
    running.wait_for_text(&rig, "inner");
    running.handle.cancel().unwrap();
    assert_eq!(running.finish(&rig).0, ProcessEnd::Cancelled { killed: false });
}

#[test]
fn who_stays_behind_is_stopped_and_told() {
    let rig =
        Rig::new("mkfifo up; setsid bash -c 'trap \"\" HUP TERM; echo >up; sleep 600' & read x <up; exit 4")
            .with(|spec| spec.leak_patience = Duration::from_millis(300));
    let (end, _) = rig.run();
    let ProcessEnd::Leaky { code: 4, survivors, who } = end else { panic!("{end:?}") };
    assert!((1..=2).contains(&survivors));
    assert!(
        who.iter().all(|left| ["bash", "sleep"].contains(&left.name.as_str()) && left.pid > 1),
        "{who:?}"
    );
}

#[test]
fn who_lets_go_of_everything_but_its_mark_is_still_found() {
    // Orphaned in a new session before anybody could have looked, holding no terminal.
    let rig = Rig::new(
        "mkfifo up; (setsid bash -c 'echo >up; exec sleep 600' </dev/null >/dev/null 2>&1 &); read x <up",
    )
    .with(|spec| spec.leak_patience = Duration::from_millis(300));
    let end = rig.run().0;
    assert!(
        matches!(&end, ProcessEnd::Leaky { code: 0, survivors: 1, who } if who[0].name == "sleep"),
        "{end:?}"
    );
}

#[test]
fn a_gpg_agent_may_stay() {
    let rig = Rig::new(
        "mkfifo up gate; cp \"$(command -v bash)\" gpg-agent
        setsid ./gpg-agent -c 'echo up >up; read x <gate' </dev/null >/dev/null 2>&1 &
        read x <up; exit 0",
    );
    let mut running = rig.start();
    let ended = running.wait_for("end", |event| matches!(event, UnitEvent::Ended { .. }));
    assert!(matches!(ended, UnitEvent::Ended { end: ProcessEnd::Exited { code: 0 }, .. }), "{ended:?}");
    // It reads, so it was left alone.
    rig.open_gate("gate");
}

#[test]
fn the_end_waits_for_output_of_those_who_finish_in_time() {
    let rig = Rig::new(
        "mkfifo gate up; (trap '' HUP; echo >up; read x <gate; echo last words) & read x <up; echo first",
    );
    let mut running = rig.start();
    running.wait_for_text(&rig, "first");
    rig.open_gate("gate");
    assert_eq!(running.finish(&rig).0, ProcessEnd::Exited { code: 0 });
    assert_eq!(rig.text(), "first\nlast words\n");
}

#[test]
fn a_script_that_closes_its_output_is_waited_for() {
    let rig = Rig::new(
        "mkfifo gate; echo before; exec <&- >&- 2>&-; read x <gate; touch after; echo back >/dev/tty; exit 5",
    );
    let mut running = rig.start();
    running.wait_for_text(&rig, "before");
    rig.open_gate("gate");
    assert_eq!(running.finish(&rig).0, ProcessEnd::Exited { code: 5 });
    assert!(rig.path("after").exists());
    assert_eq!(rig.text(), "before\nback\n");
}

#[test]
fn a_flood_is_in_the_log_to_the_last_byte() {
    let rig = Rig::new("mkfifo copy; cksum <copy >sum & seq 1 7000000 | tee copy; wait; printf end");
    let (end, seen) = rig.run();
    assert_eq!(end, ProcessEnd::Exited { code: 0 });
    let log = rig.log();
    let body = log.strip_suffix(b"end").unwrap();
    assert!(body.len() > 50 << 20);
    std::fs::write(rig.path("body"), body).unwrap();
    let sum =
        std::process::Command::new("cksum").stdin(std::fs::File::open(rig.path("body")).unwrap()).output();
    assert_eq!(sum.unwrap().stdout, std::fs::read(rig.path("sum")).unwrap());
    let outputs = seen.iter().filter(|event| matches!(event, UnitEvent::Output { .. })).count();
    let Some(UnitEvent::Ended { duration, .. }) = seen.last() else { panic!("no end") };
    assert!(outputs as u128 <= duration.as_millis() / 16 + 4, "{outputs} hints in {duration:?}");
}

#[test]
fn raw_bytes_stay_raw() {
    let rig = Rig::new(r"printf '10%%\r20%%\r\xff\xfe\x1b]52;c;never ended\x1b[?25l\x00 \r\nx'");
    rig.run();
    assert_eq!(rig.log(), b"10%\r20%\r\xff\xfe\x1b]52;c;never ended\x1b[?25l\0 \r\nx");
}

#[test]
fn failure_phrases_are_found_with_their_lines() {
    let rig = Rig::new(
        "echo fine; printf 'rsync error: error in file IO (code 11)\\n'; printf '\\e[31mBAD sig\\e[0m'",
    )
    .with(|spec| {
        spec.failure_phrases =
            ["rsync error", "BAD sig", "never"].map(|text| Phrase::new(text).unwrap()).into();
    });
    let (end, seen) = rig.run();
    assert_eq!(end, ProcessEnd::Exited { code: 0 });
    assert_eq!(
        phrases(&seen),
        [("rsync error: error in file IO (code 11)".into(), 2), ("BAD sig".into(), 3)]
    );
}

#[test]
fn a_timeout_stops_in_stages_and_kills_by_itself() {
    let slow = Rig::new("sleep 600").with(|spec| spec.timeout = Some(Duration::from_secs(1)));
    assert_eq!(slow.run().0, ProcessEnd::TimedOut { limit_s: 1 });
    let stubborn = Rig::new("trap '' TERM; while :; do sleep 600; done").with(|spec| {
        spec.timeout = Some(Duration::from_secs(1));
        spec.grace = Duration::from_millis(300);
    });
    assert_eq!(stubborn.run().0, ProcessEnd::TimedOut { limit_s: 1 });
}

#[test]
fn a_password_is_asked_for_answered_and_not_logged() {
    let rig = Rig::new("read -rsp '[sudo] password for releng: ' x; echo; [ \"$x\" = s3cret ] && echo right");
    let mut running = rig.start();
    let asked = running.wait_for("prompt", |event| matches!(event, UnitEvent::WaitingForInput { .. }));
    assert_eq!(
        asked,
        UnitEvent::WaitingForInput { prompt: "[sudo] password for releng:".into(), secret: true }
    );
    running.types("s3cret\n", true).unwrap();
    running.wait_for("answer", |event| matches!(event, UnitEvent::InputTaken));
    assert_eq!(running.finish(&rig).0, ProcessEnd::Exited { code: 0 });
    assert_eq!(rig.text(), "[sudo] password for releng: \nright\n");
}

#[test]
fn a_question_is_asked_and_answered_with_echo() {
    let rig = Rig::new("printf \"File 'repomd.xml.asc' exists. Overwrite? (y/N) \"; read x; echo \"got $x\"");
    let mut running = rig.start();
    let asked = running.wait_for("prompt", |event| matches!(event, UnitEvent::WaitingForInput { .. }));
    assert!(
        matches!(asked, UnitEvent::WaitingForInput { prompt, secret: false } if prompt.ends_with("(y/N)"))
    );
    running.types("y\n", false).unwrap();
    running.wait_for("answer", |event| matches!(event, UnitEvent::InputTaken));
    assert_eq!(running.finish(&rig).0, ProcessEnd::Exited { code: 0 });
    assert!(rig.text().ends_with("(y/N) y\ngot y\n"));
}

#[test]
fn what_is_hidden_is_not_typed_where_it_would_be_shown() {
    let rig =
        Rig::new("read -p 'Name: ' x; echo; read -rsp 'Token: ' y; echo; [ \"$y\" = t0ken ] && echo right");
    let mut running = rig.start();
    let asked = running.wait_for("prompt", |event| matches!(event, UnitEvent::WaitingForInput { .. }));
    assert!(matches!(asked, UnitEvent::WaitingForInput { secret: false, .. }));
    // Its question has changed since the token was typed for another one.
    assert_eq!(running.types("t0ken\n", true), Err(UnitError::Shown));
    running.types("lena\n", false).unwrap();
    let asked = running.wait_for(
        "token",
        |event| matches!(event, UnitEvent::WaitingForInput { prompt, .. } if prompt == "Token:"),
    );
    assert!(matches!(asked, UnitEvent::WaitingForInput { secret: true, .. }));
    running.types("t0ken\n", true).unwrap();
    assert_eq!(running.finish(&rig).0, ProcessEnd::Exited { code: 0 });
    let text = rig.text();
    assert!(text.ends_with("right\n") && !text.contains("t0ken"), "{text}");
}

#[test]
fn a_read_without_a_word_and_a_full_screen_dialogue_are_seen() {
    let silent = Rig::new("cat >/dev/null");
    let mut running = silent.start();
    running.wait_for("prompt", |event| matches!(event, UnitEvent::WaitingForInput { .. }));
    running.types("\x04", false).unwrap();
    assert_eq!(running.finish(&silent).0, ProcessEnd::Exited { code: 0 });

    let pinentry = Rig::new(
        "printf '\\e[?1049h\\e[2J Passphrase: ____'; mkfifo gate; read x <gate; printf '\\e[?1049l'; echo done",
    );
    let mut running = pinentry.start();
    let asked = running.wait_for("prompt", |event| matches!(event, UnitEvent::WaitingForInput { .. }));
    assert!(matches!(asked, UnitEvent::WaitingForInput { secret: true, .. }));
    pinentry.open_gate("gate");
    assert_eq!(running.finish(&pinentry).0, ProcessEnd::Exited { code: 0 });
}

/// In a container the session of a supervisor may have been begun outside: the kernel then calls it 0.
#[test]
fn a_session_from_outside_the_pid_namespace_is_no_obstacle() {
    let own = std::env::current_exe().unwrap();
    let mut inside = std::process::Command::new("unshare");
    if !rustix::process::getuid().is_root() {
        inside.args(["--user", "--map-root-user"]);
    }
    inside.args(["--pid", "--fork", "--mount-proc"]).arg(own);
    let output = inside
        .args(["--exact", "cancel_reaches_the_whole_tree_and_the_script_does_not_go_on"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
