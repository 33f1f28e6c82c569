//! Who has a release: refusals with names, take-overs with reasons, locks that lie, are damaged or gone.

use crate::support::{Host, PROGRAM, Ran, finish, kill, wait_until, word};
use serde_json::{Value, json};
use stagegate::journal::lock::{Attempt, Elsewhere, Holder, take};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const EXTRAS: [&str; 7] = ["run", "--release", "8", "--compose", "none", "--sync", "Extras"];
const PLUS: [&str; 7] = ["run", "--release", "8", "--compose", "none", "--sync", "Plus"];
const NOBODY: u32 = 65534;

fn journal_of(host: &Host, run: &str) -> Vec<Value> {
    let text = fs::read_to_string(host.at("state/runs").join(run).join("journal.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["fact"].clone()).collect()
}

fn fact(host: &Host, run: &str, event: &str) -> Value {
    let found = journal_of(host, run).into_iter().rfind(|fact| fact["event"] == event);
    found.unwrap_or_else(|| panic!("no {event} in {run}"))
}

fn state_of(host: &Host, run: &str) -> String {
    let runs = host.json(&["runs"]);
    word(&runs.as_array().unwrap().iter().find(|other| other["id"] == run).unwrap()["state"])
}

#[test]
fn a_release_is_taken_over_with_a_reason_that_both_runs_record() {
    let host = Host::new(&["prompt@8/sync/Extras"]);
    host.run(&[&EXTRAS[..], &["--detach"]].concat()).exits(0);
    let first = word(&host.latest()["id"]);
    host.wait_for("8/sync/Extras", "running");
    let held = host.run(&PLUS).exits(4).says("release 8 is locked by root on").says(&first);
    assert!(held.err.contains("take the release over with a reason"), "{}", held.err);
    host.run(&[&PLUS[..], &["--take-over"]].concat()).exits(2).says("--reason");
    host.run(&[&PLUS[..], &["--take-over", "--reason", " "]].concat()).exits(2).says("reason");
    assert_eq!(host.json(&["runs"]).as_array().unwrap().len(), 1, "what was refused leaves nothing behind");

    let reason = "lena went home";
    let taken = host.run(&[&PLUS[..], &["--take-over", "--reason", reason]].concat()).exits(3);
    let second = word(&host.latest()["id"]);
    assert!(taken.out.contains("release 8 was taken over from root on"), "{}", taken.out);
    assert!(taken.out.contains(&format!("run {first}: {reason}")), "{}", taken.out);
    let given = fact(&host, &first, "lane-given-up");
    assert_eq!((given["to"].clone(), given["reason"].clone()), (json!(second), json!(reason)));
    let took = fact(&host, &second, "lane-taken");
    assert_eq!((took["from"].clone(), took["reason"].clone()), (json!(first), json!(reason)));
    assert_eq!(fact(&host, &first, "stop-requested")["step"], "8/sync/Extras");
    wait_until("the first run is over", || (state_of(&host, &first) == "cancelled").then_some(()));
    // It is no way back into the release.
    let told = format!("release 8 was given up to run {second} by root on");
    host.run(&["retry", &first, "8/sync/Extras"]).exits(1).says(&told).says(reason);
    host.run(&["resume", &first]).exits(1).says(&told);
    assert_eq!(state_of(&host, &second), "waiting");
}

#[test]
fn a_push_is_never_taken_over() {
    let host = Host::new(&["step-hangs@8/publish"]);
    host.run(&EXTRAS).exits(3);
    let first = word(&host.latest()["id"]);
    host.run(&["approve", &first, "--phrase", "8.10 vetted", "--detach"]).exits(0);
    host.wait_for("8/publish", "running");
    host.run(&[&PLUS[..], &["--take-over", "--reason", "in a hurry"]].concat())
        .exits(4)
        .says("release 8 cannot be taken over while 8/publish is at work: a push is not interrupted");
    assert_eq!(host.json(&["runs"]).as_array().unwrap().len(), 1);
    assert!(!host.journal().iter().any(|fact| fact["event"] == "lane-given-up"), "nothing was given up");
}

#[test]
fn of_two_commands_at_once_one_wins_the_dead_are_free_and_other_hosts_are_left_alone() {
    let host = Host::new(&[]);
    let winner = two_at_once(&host);
    host.wait_for("8/gate", "waiting");
    // A holder that died: free, and who had it is said.
    host.kill_supervisor();
    let ran = host.run(&PLUS).exits(3);
    let told = format!("for run {winner}, whose supervisor is gone");
    assert!(ran.out.contains("release 8 was free: root on") && ran.out.contains(&told), "{}", ran.out);
    let second = word(&host.latest()["id"]);
    let taken = fact(&host, &second, "lane-taken");
    assert_eq!((taken["from"].clone(), taken["reason"].clone()), (json!(winner), Value::Null));
    host.run(&["cancel", &second]).exits(0);
    let lock = host.at("state/locks/8");
    wait_until("its lock is given back", || fs::read(&lock).unwrap().is_empty().then_some(()));
    another_host(&host, &lock);
}

/// Starts two runs of one release in the same instant; returns the one that began.
fn two_at_once(host: &Host) -> String {
    let start = || {
        let mut command = host.command(&[&EXTRAS[..], &["--detach"]].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let ran = [start(), start()].map(|child| Ran::of(&child.wait_with_output().unwrap()));
    let mut codes = [ran[0].code, ran[1].code];
    codes.sort_unstable();
    assert_eq!(codes, [0, 4], "{ran:?}");
    let (winner, loser) = if ran[0].code == 0 { (&ran[0], &ran[1]) } else { (&ran[1], &ran[0]) };
    let run = winner.out.lines().next().unwrap();
    assert!(loser.err.contains("release 8 is locked by root on") && loser.err.contains(run), "{loser:?}");
    assert_eq!(host.json(&["runs"]).as_array().unwrap().len(), 1);
    run.to_owned()
}

/// A lock that nobody here holds and that names a holder elsewhere.
fn another_host(host: &Host, lock: &Path) {
    let elsewhere = json!({
        "run": "20261101T000000Z-8-update",
        "by": {"uid": 0, "user": "root", "login_uid": 1001, "login": "lena", "host": "compose02", "terminal": "/dev/pts/3"},
        "since": "2026-11-01T00:00:00Z",
        // A process id that lives here says nothing about another host.
        "pid": std::process::id(),
    });
    fs::write(lock, elsewhere.to_string()).unwrap();
    host.run(&PLUS)
        .exits(4)
        .says("release 8 is locked by lena (as root) on compose02, /dev/pts/3")
        .says("whether that run lives cannot be seen from here: look on compose02");
    assert_eq!(fs::read_to_string(lock).unwrap(), elsewhere.to_string(), "its name is still there");
    host.run(&[&PLUS[..], &["--take-over", "--reason", "compose02 burnt down"]].concat())
        .exits(3)
        .says("taken over from lena (as root) on compose02");
}

#[test]
fn locks_that_are_damaged_removed_or_no_files_are_told_and_lose_nothing() {
    let host = Host::new(&["prompt@8/sync/Extras"]);
    let lock = host.at("state/locks/8");
    // Nonsense in a lock that nobody holds is nobody's name.
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    fs::write(&lock, b"\xff\x00 not json").unwrap();
    host.run(&[&EXTRAS[..], &["--detach"]].concat()).exits(0);
    host.wait_for("8/sync/Extras", "running");
    let first = host.latest();
    // Nonsense in one that is held: it is held all the same.
    let name = fs::read(&lock).unwrap();
    fs::write(&lock, b"{\"run\":").unwrap();
    host.run(&PLUS).exits(4).says("locked by another run (its lock file does not say which)");
    fs::write(&lock, &name).unwrap();
    // Removed while it is held: the run notices before its next step, and does not race the other.
    fs::remove_file(&lock).unwrap();
    host.run(&PLUS).exits(3);
    let mut console = {
        let folder = host.at("state/runs").join(word(&first["id"]));
        crate::support::Connection::to(&folder.join("control.sock"))
    };
    console.ask(&json!({"request": "input", "step": "8/sync/Extras", "text": "mellon"}));
    wait_until("the first run stands", || (state_of(&host, &word(&first["id"])) == "failed").then_some(()));
    let refused = fact(&host, &word(&first["id"]), "step-refused");
    assert_eq!(refused["step"], "8/prep");
    let told = word(&refused["findings"][0]["message"]);
    assert!(told.starts_with("the lock of its release was removed while this run held it"), "{told}");
    assert!(told.contains(&word(&host.latest()["id"])), "who has it now is named: {told}");

    let nine = host.at("state/locks/9");
    let run = ["run", "--release", "9", "--compose", "none", "--sync", "Plus"];
    fs::create_dir(&nine).unwrap();
    host.run(&run).exits(1).says("cannot open the lock").says("locks/9");
    fs::remove_dir(&nine).unwrap();
    std::os::unix::fs::symlink("/dev/null", &nine).unwrap();
    host.run(&run).exits(1).says("cannot open the lock");
}

/// Makes everything from `path` up to `top` passable for everybody, so that only owners decide.
fn open_up(path: &Path, top: &Path) {
    for place in path.ancestors().take_while(|place| place.starts_with(top)) {
        fs::set_permissions(place, fs::Permissions::from_mode(0o777)).unwrap();
    }
}

/// Runs the program as nobody, from a copy that nobody may read.
fn as_nobody(host: &Host, args: &[&str]) -> Ran {
    let copy = host.at("stagegate-of-nobody");
    if !copy.exists() {
        fs::copy(PROGRAM, &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(copy);
    command.arg("--config").arg(host.at("stagegate.toml")).arg("--state").arg(host.at("state"));
    command.args(args).stdin(Stdio::null()).uid(NOBODY).gid(NOBODY).current_dir("/").env("HOME", "/");
    finish(command)
}

#[test]
fn another_user_is_refused_by_the_kernels_word() {
    if !rustix::process::geteuid().is_root() {
        // Only root can be somebody else; everywhere else the rule alone is tested (supervisor::tests::socket).
        eprintln!("NOT TESTED HERE: that another uid is refused for real. It takes root to be another user.");
        return;
    }
    let host = Host::new(&[]);
    host.run(&EXTRAS).exits(3);
    let run = word(&host.latest()["id"]);
    let before = host.journal();
    let top = host.at("").ancestors().nth(1).unwrap().to_owned();
    open_up(&host.at("state"), &top);
    // The folders are root's: nobody is told so, and not that there is no run.
    as_nobody(&host, &["runs"])
        .exits(1)
        .says("cannot read the folder")
        .says("it belongs to root and this is");
    as_nobody(&host, &["cancel", &run]).exits(1).says("it belongs to root and this is");
    // Even with every door open: the socket asks the kernel who is there.
    for place in ["state/runs", "state/locks"] {
        open_up(&host.at(place), &top);
    }
    let folder = host.at("state/runs").join(&run);
    open_up(&folder, &top);
    for file in fs::read_dir(&folder).unwrap().flatten() {
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o777)).unwrap();
    }
    for args in [
        &["cancel", &run][..],
        &["approve", &run, "--phrase", "8.10 vetted"],
        &["skip", &run, "8/prep", "--reason", "because"],
    ] {
        as_nobody(&host, args).exits(1).says("this run belongs to root; ").says("cannot act on it");
    }
    assert_eq!(host.journal(), before, "nothing of it reached the journal");
    // A lock of root's is told by its owner's name. What root looked at is closed again.
    for place in ["state/runs", "state/locks"] {
        open_up(&host.at(place), &top);
    }
    fs::set_permissions(host.at("state/locks/8"), fs::Permissions::from_mode(0o600)).unwrap();
    as_nobody(&host, &PLUS).exits(1).says("cannot open the lock").says("it belongs to root and this is");
    fs::set_permissions(host.at("state"), fs::Permissions::from_mode(0o700)).unwrap();
    as_nobody(&host, &PLUS).exits(1).says("Permission denied").says("it belongs to root and this is");
}

#[test]
fn a_state_folder_that_cannot_be_written_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    if rustix::process::geteuid().is_root() {
        let read_only = |what: &str| {
            let mut command = Command::new("unshare");
            let script = format!("mount -t tmpfs -o ro none '{place}' && {what}");
            command.args(["--mount", "sh", "-c", &script]).stdin(Stdio::null());
            command
        };
        if finish(read_only("true")).code != 0 {
            eprintln!("NOT TESTED HERE: a read-only state folder. This root may not mount anything.");
            return;
        }
        finish(read_only(&format!("'{PROGRAM}' --state '{place}' runs")))
            .exits(1)
            .says("cannot make the folder")
            .says("Read-only file system")
            .says("name another state folder with --state, or mount it writable");
    } else {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["--state", place, "runs"]).stdin(Stdio::null());
        finish(command).exits(1).says("cannot make the folder").says("make it writable");
    }
}

// ------------------------------------------------------------------------------------------------ races

/// The rounds of a race.
const ROUNDS: u32 = 100;
/// The processes of a race.
const CONTENDERS: usize = 6;
/// Tells a contender which lock it is about.
const CONTEND_FOR: &str = "STAGEGATE_TEST_CONTEND_FOR";

/// A process of its own that tries to take a lock whenever it is told to.
struct Contender {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Contender {
    fn start(lock: &Path, name: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "locks::contender", "--ignored", "--nocapture"])
            .env(CONTEND_FOR, lock)
            .env("STAGEGATE_TEST_NAME", format!("run{name}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, to, from }
    }

    fn say(&mut self, word: &str) {
        writeln!(self.to, "{word}").unwrap();
        self.to.flush().unwrap();
    }

    /// Reads its next answer, passing over what the test harness prints.
    fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "a contender went away");
            if let Some(at) = line.find("contender ") {
                return line[at + "contender ".len()..].trim().to_owned();
            }
        }
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        kill(i32::try_from(self.child.id()).unwrap());
        let _reaped = self.child.wait();
    }
}

/// The other side of [`Contender`]: no test by itself.
#[test]
#[ignore = "the process that `one_of_many_processes_gets_a_lock` starts"]
fn contender() {
    let Some(lock) = std::env::var_os(CONTEND_FOR).map(PathBuf::from) else { return };
    let holder: Holder = serde_json::from_value(json!({
        "run": std::env::var("STAGEGATE_TEST_NAME").unwrap(),
        "by": {"uid": 0, "user": "root", "login_uid": null, "login": null, "host": "here", "terminal": null},
        "since": "2026-11-01T00:00:00Z",
        "pid": std::process::id(),
    }))
    .unwrap();
    let mut held = None;
    for line in std::io::stdin().lines() {
        let answer = match line.unwrap().as_str() {
            "take" => match take(&lock, &holder, Elsewhere::Respect).unwrap() {
                Attempt::Held(lock) => {
                    held = Some(lock);
                    "won".to_owned()
                }
                Attempt::Busy(owner) => {
                    format!("busy {}", owner.map_or("?".to_owned(), |owner| owner.run.to_string()))
                }
                Attempt::Elsewhere(_) => "elsewhere".to_owned(),
            },
            "place" => {
                held.as_ref().map_or("none", |lock| if lock.is_in_place() { "in" } else { "out" }).to_owned()
            }
            _ => {
                held = None;
                "freed".to_owned()
            }
        };
        writeln!(std::io::stdout(), "contender {answer}").unwrap();
    }
}

/// Says `word` to all of them at once and returns their answers.
fn tell(contenders: &mut [Contender], word: &str) -> Vec<String> {
    tell_and(contenders, word, || {})
}

/// Says `word` to all of them at once, does `meanwhile` while they act, and returns their answers.
fn tell_and(contenders: &mut [Contender], word: &str, meanwhile: impl FnOnce()) -> Vec<String> {
    for one in contenders.iter_mut() {
        one.say(word);
    }
    meanwhile();
    contenders.iter_mut().map(Contender::hear).collect()
}

#[test]
fn one_of_many_processes_gets_a_lock() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("8");
    let mut contenders: Vec<_> = (0..CONTENDERS).map(|name| Contender::start(&lock, name)).collect();
    let mut winners = [0; CONTENDERS];
    for round in 0..ROUNDS {
        let said = tell(&mut contenders, "take");
        let won: Vec<usize> = (0..CONTENDERS).filter(|at| said[*at] == "won").collect();
        assert_eq!(won.len(), 1, "round {round}: {said:?}");
        let busy = format!("busy run{}", won[0]);
        assert!(said.iter().all(|word| *word == "won" || *word == busy), "round {round}: {said:?}");
        winners[won[0]] += 1;
        tell(&mut contenders, "free");
        // A lock file that goes away while nobody holds it is made anew, and is one lock all the same.
        if round % 2 == 0 {
            fs::remove_file(&lock).unwrap();
        }
    }
    println!("{ROUNDS} rounds of {CONTENDERS} processes, one winner each: {winners:?}");
    // Removed while they race: whoever holds a file that is there no more knows it, and never two are in place.
    for round in 0..ROUNDS {
        let said = tell_and(&mut contenders, "take", || {
            let _absent = fs::remove_file(&lock);
        });
        let places = tell(&mut contenders, "place");
        let placed = places.iter().filter(|place| *place == "in").count();
        assert!(placed <= 1, "round {round}: {said:?} {places:?}");
        tell(&mut contenders, "free");
    }
}
