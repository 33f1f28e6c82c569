//! Supervisors killed at named moments, journals cut after named records, other boots and other hosts: what is said then,
//! and what `resume` does (the decision table of `domain/run/resume.rs`).

use crate::support::{Host, Ran, finish, is_over, kill, step_of, wait_until, word};
use serde_json::{Value, json};
use stagegate::domain::run::{Event, Place};
use stagegate::journal::reader;
use stagegate::journal::writer::Writer;
use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

const SYNC: [&str; 8] = ["run", "--release", "8", "--compose", "none", "--sync", "Extras", "--detach"];
const STEP: &str = "8/sync/Extras";

/// The truth about an interrupted step, as `runs` has it.
#[track_caller]
fn truth(host: &Host, step: &str) -> Value {
    let found = step_of(&host.latest(), step);
    assert_eq!(found["state"], "interrupted", "{found}");
    found["interrupted"].clone()
}

fn starts(host: &Host, step: &str) -> usize {
    let starting = |event: &&Value| event["event"] == "step-starting" && event["step"] == step;
    host.journal().iter().filter(starting).count()
}

/// Asserts that a command failed, and said `text`.
#[track_caller]
fn refused(ran: Ran, text: &str) {
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.says(text);
}

// ------------------------------------------------------------------------------- killed at a moment

/// Waits until somebody reads a FIFO; while what is returned is open, the reader waits.
fn held_open(what: &str, fifo: &Path) -> fs::File {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap();
    wait_until(what, || fs::File::options().write(true).custom_flags(flags).open(fifo).ok())
}

#[test]
fn killed_before_a_step_is_recorded_nothing_was_started() {
    let host = Host::new(&[]);
    let script = host.at("toolkit/sync/sync-to-staging.sh");
    let kept = host.at("tmp/kept.sh");
    fs::rename(&script, &kept).unwrap();
    // Whoever reads the script before the step begins waits for ever.
    assert!(Command::new("mkfifo").arg(&script).status().unwrap().success());
    host.run(&SYNC).exits(0);
    let held = held_open("the script is asked for", &script);
    host.kill_supervisor();
    drop(held);
    let run = host.latest();
    assert_eq!(
        (word(&run["state"]), word(&step_of(&run, STEP)["state"])),
        ("interrupted".into(), "pending".into())
    );
    assert_eq!(starts(&host, STEP), 0);
    fs::remove_file(&script).unwrap();
    fs::rename(&kept, &script).unwrap();
    host.run(&["resume", "latest"]).exits(3);
    assert_eq!(starts(&host, STEP), 1);
}

#[test]
fn killed_between_the_end_of_a_step_and_its_checks_only_the_checks_are_run() {
    let host = Host::new(&[]);
    // Whoever reads the job log of the step after it waits for ever.
    let script = host.at("toolkit/sync/sync-to-staging.sh");
    let mut text = fs::read_to_string(&script).unwrap();
    text.push_str(
        "\neval \"log=${PARALLEL##*--joblog +}\"\nmv -- \"$log\" \"$log.kept\"\nmkfifo -- \"$log\"\n",
    );
    fs::write(&script, text).unwrap();
    host.run(&SYNC).exits(0);
    let log = wait_until("the step has ended", || {
        let ended = |event: &Value| event["event"] == "step-ended" && event["step"] == STEP;
        let journal = host.journal();
        let log = journal.iter().find(|event| event["event"] == "step-starting")?["log"].clone();
        journal.iter().any(ended).then(|| host.run_folder().join(word(&log)).with_extension("joblog"))
    });
    let held = held_open("its job log is asked for", &log);
    host.kill_supervisor();
    drop(held);
    fs::rename(log.with_extension("joblog.kept"), &log).unwrap();
    let seen = truth(&host, STEP);
    assert_eq!((&seen["alive"], &seen["because"]), (&json!("no"), &json!("ended")), "{seen}");
    host.run(&["runs"]).exits(0).says("the checks after it are missing; not alive: exit code 0");
    host.run(&["resume", "latest"]).exits(3).says("8/sync/Extras is not run again (not alive: exit code 0)");
    assert_eq!((host.state(STEP), starts(&host, STEP)), ("succeeded".to_owned(), 1));
}

#[test]
fn killed_in_the_middle_of_publish_production_is_not_touched_twice_at_once() {
    let host = Host::new(&["step-hangs@8/publish"]);
    host.run(&SYNC).exits(0);
    host.wait_for("8/gate", "waiting");
    host.run(&["approve", "latest", "--phrase", "8.10 vetted", "--detach"]).exits(0);
    host.wait_for_log("8/publish", "Still waiting...");
    let shell = host.shell("8/publish");
    host.kill_supervisor();
    // The hang-up of its terminal may end the shell; its child listens to no signal but KILL.
    let seen = truth(&host, "8/publish");
    assert_eq!((&seen["started"], &seen["alive"]), (&json!("certainly"), &json!("yes")), "{seen} {shell}");
    host.run(&["runs"])
        .exits(0)
        .says("8/publish: it was started; still alive as process")
        .says("production may hold");
    refused(host.run(&["retry", "latest", "8/publish", "--reason", "x"]), "is still alive as process");
    let second = ["run", "--release", "8", "--compose", "none", "--sync", "Extras"];
    host.run(&second).exits(4).says("release 8 is not free: 8/publish of run").says("stagegate cancel");

    host.run(&["resume", "latest", "--detach"])
        .exits(0)
        .says("waits until its first life is over: still alive");
    assert_eq!(starts(&host, "8/publish"), 1);
    refused(host.run(&["cancel", "latest", "8/publish", "--kill"]), "cancel it first");
    host.run(&["cancel", "latest", "8/publish"]).exits(0).says("what is left of 8/publish was asked to stop");
    host.run(&["cancel", "latest", "8/publish", "--kill"]).exits(0);
    // Whoever asked to resume still wants it: with the approval that holds it is published, once nobody is left.
    host.wait_for("8/publish", "succeeded");
    assert_eq!(starts(&host, "8/publish"), 2);
}

#[test]
fn of_several_that_resume_at_once_one_wins_and_each_is_answered() {
    let host = Host::new(&["prompt@8/sync/Extras"]);
    host.run(&SYNC).exits(0);
    host.wait_for_log(STEP, "[sudo] password");
    let shell = host.shell(STEP);
    host.kill_supervisor();
    wait_until("the step is gone", || is_over(shell).then_some(()));
    let resume = || {
        let mut command = host.command(&["resume", "latest", "--detach"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let all: Vec<_> = (0..4).map(|_| resume()).collect();
    let ran: Vec<Ran> = all.into_iter().map(|child| Ran::of(&child.wait_with_output().unwrap())).collect();
    assert!(ran.iter().all(|ran| !format!("{}{}", ran.out, ran.err).trim().is_empty()), "{ran:?}");
    let won = ran.iter().filter(|ran| ran.out.contains("8/sync/Extras runs again")).count();
    assert_eq!(won, 1, "{ran:?}");
    host.wait_for("8/gate", "waiting");
    assert_eq!(starts(&host, STEP), 2);
    let supervisors = host.journal().iter().filter(|event| event["event"] == "supervisor-started").count();
    assert_eq!(supervisors, 2, "one more than the one that was killed");
}

#[test]
fn what_is_resumed_and_dies_again_is_interrupted_again() {
    let host = Host::new(&["step-hangs@8/sync/Extras"]);
    host.run(&SYNC).exits(0);
    host.wait_for_log(STEP, "Still waiting...");
    host.kill_supervisor();
    host.run(&["resume", "latest", "--detach"]).exits(0).says("waits until its first life is over");
    host.kill_supervisor();
    assert_eq!(truth(&host, STEP)["alive"], "yes", "who waited is gone, the survivor is not");
    assert_eq!(starts(&host, STEP), 1);
    host.run(&["cancel", "latest", STEP]).exits(0);
    host.run(&["cancel", "latest", STEP, "--kill"]).exits(0);
    wait_until("nobody is left", || (truth(&host, STEP)["alive"] == "no").then_some(()));
    assert_eq!(starts(&host, STEP), 1, "stopping it restarts nothing");
    host.run(&["resume", "latest"]).exits(3);
}

// ------------------------------------------------------------------------------ journals cut or changed

/// Cuts the journal of a run back to just behind the first record of `step` that is `event`, and `more` bytes of the next
/// one; and takes the logs away that nobody would have written by then.
fn cut(folder: &Path, event: &str, step: &str, more: usize) {
    let journal = folder.join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let (mut length, mut logs) = (0, Vec::new());
    let found = text.split_inclusive('\n').any(|line| {
        length += line.len();
        let fact = serde_json::from_str::<Value>(line).unwrap()["fact"].clone();
        logs.extend(fact["log"].as_str().map(str::to_owned));
        fact["event"] == event && fact["step"] == step
    });
    assert!(found, "no {event} of {step} in {text}");
    fs::write(&journal, &text[..length + more]).unwrap();
    forget_head(&journal);
    for entry in fs::read_dir(folder.join("steps")).unwrap().flatten() {
        let name = format!("steps/{}", entry.file_name().to_string_lossy());
        if !logs.iter().any(|log| name.starts_with(log.trim_end_matches(".log"))) || name.contains(".2.") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
}

#[test]
fn a_journal_that_ends_at_any_moment_of_a_step_is_resumed_from_there() {
    let host = Host::new(&[]);
    host.run(&SYNC[..7]).exits(3);
    let folder = host.run_folder();
    let journal = folder.join("journal.jsonl");
    host.kill_supervisor();
    let whole = fs::read(&journal).unwrap();

    // Between the passing of the gate and the push: the approval is still there, and the push begins once.
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(0);
    let has_left = || fs::File::open(folder.join("lock")).unwrap().try_lock_shared().ok();
    wait_until("its supervisor has left", has_left);
    cut(&folder, "gate-passed", "8/gate", 0);
    assert_eq!(host.latest()["state"], "interrupted");
    host.run(&["resume", "latest"]).exits(0);
    wait_until("its supervisor has left again", has_left);
    assert_eq!(starts(&host, "8/publish"), 1);

    let moments = [
        ("step-starting", 0, "perhaps", "not-seen", "may or may not have been started"),
        ("step-starting", 40, "perhaps", "not-seen", "may or may not have been started"),
        ("step-started", 0, "certainly", "not-seen", "not alive: no process of it is left"),
    ];
    for (event, more, started, because, words) in moments {
        fs::write(&journal, &whole).unwrap();
        cut(&folder, event, STEP, more);
        let seen = truth(&host, STEP);
        assert_eq!(
            (&seen["started"], &seen["because"]),
            (&json!(started), &json!(because)),
            "{event}: {seen}"
        );
        host.run(&["runs"]).exits(0).says(words);
        host.run(&["report", "latest"]).exits(0).says(words);
        host.run(&["resume", "latest"]).exits(3);
        assert_eq!(host.state(STEP), "succeeded", "{event}");
        assert_eq!(starts(&host, STEP), 2, "{event}");
        host.kill_supervisor();
    }
}

/// Takes away what would tell that a journal was cut: a supervisor that dies in that moment has not written it yet.
fn forget_head(journal: &Path) {
    fs::remove_file(journal.with_file_name("head")).unwrap();
}

/// Writes a journal anew, with every supervisor moved to the place that `change` makes.
fn moved(journal: &Path, change: impl Fn(&mut Place)) {
    let read = reader::read(journal).unwrap();
    assert_eq!((read.problem, read.torn.len()), (None, 0));
    fs::remove_file(journal).unwrap();
    forget_head(journal);
    let mut writer = Writer::open(journal).unwrap();
    for record in read.records {
        let mut event = record.fact.unwrap();
        if let Event::SupervisorStarted { place, .. } = &mut event {
            change(place);
        }
        writer.append(record.time, &event).unwrap();
    }
}

#[test]
fn after_another_boot_it_is_gone_and_on_another_host_nobody_can_say() {
    let host = Host::new(&["prompt@8/sync/Extras"]);
    host.run(&SYNC).exits(0);
    host.wait_for_log(STEP, "[sudo] password");
    let shell = host.shell(STEP);
    host.kill_supervisor();
    wait_until("the step is gone", || is_over(shell).then_some(()));
    let journal = host.run_folder().join("journal.jsonl");

    moved(&journal, |place| place.boot_id = "another".to_owned());
    assert_eq!(truth(&host, STEP)["because"], "other-boot");
    host.run(&["runs"]).exits(0).says("certainly gone: the host was booted since");

    // Where it may be alive, nothing but a person who looked there starts it again.
    moved(&journal, |place| place.host = "compose02".to_owned());
    assert_eq!(truth(&host, STEP)["alive"], "unknown");
    refused(host.run(&["resume", "latest"]), "may be alive: it ran on host compose02");
    refused(host.run(&["retry", "latest", STEP]), "--reason");
    assert_eq!(starts(&host, STEP), 1);
    host.run(&["retry", "latest", STEP, "--reason", "compose02 was switched off"]).exits(3);
    let retried =
        |event: &&Value| event["event"] == "step-retried" && event["reason"] == "compose02 was switched off";
    assert_eq!(host.journal().iter().filter(retried).count(), 1);
}

#[test]
fn a_journal_that_cannot_be_written_stops_everything_and_the_run_says_so() {
    let host = Host::new(&["prompt@8/sync/Extras"]);
    // A file that may not grow any more fails a write as a full disk does, where the signal is ignored.
    let mut start = Command::new("bash");
    start.args(["-c", "trap '' XFSZ; exec \"$@\"", "start"]);
    let command = host.command(&SYNC);
    start.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    finish(start).exits(0);
    host.wait_for_log(STEP, "[sudo] password");
    let (supervisor, shell) = (host.supervisor(), host.shell(STEP));
    let lock = host.run_folder().join("lock");
    let size = fs::metadata(host.run_folder().join("journal.jsonl")).unwrap().len();
    let limit = rustix::process::Rlimit { current: Some(size), maximum: Some(size) };
    let pid = rustix::process::Pid::from_raw(supervisor);
    rustix::process::prlimit(pid, rustix::process::Resource::Fsize, limit).unwrap();
    // Whatever it is asked now would have to be recorded first.
    let asked = host.run(&["cancel", "latest", STEP]);
    assert_eq!(asked.code, 1, "{asked:?}");
    wait_until("the supervisor is gone", || {
        fs::File::open(&lock).is_ok_and(|file| file.try_lock_shared().is_ok()).then_some(())
    });
    assert!(is_over(shell), "nothing runs on unrecorded");
    assert_eq!(host.latest()["state"], "interrupted");
    host.run(&["resume", "latest"]).exits(3);
    kill(shell);
}
