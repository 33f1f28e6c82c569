//! A practice host for one test: its commands, its files, its supervisors, and their end.

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

#[path = "../support/cgroups.rs"]
mod cgroups;
#[path = "../support/practice.rs"]
mod practice;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_stagegate");
/// How long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// A practice host in a folder of its own; dropping it ends everything that was started on it.
pub(crate) struct Host {
    folder: tempfile::TempDir,
    root: PathBuf,
    _template: Arc<practice::Template>,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// Asserts that it says `text`, on either stream.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        let said = self.out.contains(text) || self.err.contains(text);
        assert!(said, "not said: {text}\nout: {}\nerr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.out, self.err))
    }
}

/// Waits until `look` has something to return.
///
/// Other processes make it true, and they tell nobody but the files that `look` reads; so it looks again and
/// again, pausing on a channel that never gets anything, and gives up after a minute.
#[track_caller]
pub(crate) fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let (_sender, pause) = mpsc::channel::<()>();
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        let _nothing = pause.recv_timeout(Duration::from_millis(50));
    }
}

impl Host {
    /// Builds a host with these faults planted.
    pub(crate) fn new(faults: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("host");
        let (_, template) = practice::host(&root, faults);
        Self { folder, root, _template: template }
    }

    /// Plants a further fault; the host keeps its state.
    pub(crate) fn plant(&self, fault: &str) {
        let mut command = Command::new(PROGRAM);
        command.args(["sandbox", "--no-console", "--speed", "instant", "--fault", fault]).arg(&self.root);
        finish(command).exits(0).says("opened with its state kept");
    }

    /// Asserts that every planted fault has struck.
    #[track_caller]
    pub(crate) fn all_struck(&self) {
        let left: Vec<_> =
            fs::read_dir(self.at("faults")).unwrap().flatten().map(|f| f.file_name()).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The staging directory of release 8.
    pub(crate) fn staging(&self) -> PathBuf {
        self.at("mnt/repos-staging/mirror/pub/rocky/8.10-RC1")
    }

    /// The folder of the lists and of every release's production directory.
    pub(crate) fn production(&self) -> PathBuf {
        self.at("mnt/repos-production/mirror/pub/rocky")
    }

    /// Prepares `stagegate` on this host.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--config").arg(self.at("stagegate.toml")).arg("--state").arg(self.at("state"));
        command.args(args).stdin(Stdio::null());
        command
    }

    /// Runs `stagegate` on this host.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        finish(self.command(args))
    }

    /// Runs a command that prints JSON.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        self.run(&[args, &["--format", "json"]].concat()).exits(0).json()
    }

    /// The run that began last, as `runs` has it.
    #[track_caller]
    pub(crate) fn latest(&self) -> Value {
        self.json(&["runs"])[0].clone()
    }

    /// The state of one step of the latest run.
    #[track_caller]
    pub(crate) fn state(&self, step: &str) -> String {
        word(&step_of(&self.latest(), step)["state"])
    }

    /// Waits until a step of the latest run is in `state`.
    #[track_caller]
    pub(crate) fn wait_for(&self, step: &str, state: &str) {
        wait_until(&format!("{step} is {state}"), || (self.state(step) == state).then_some(()));
    }

    /// Waits until the log of a step of the latest run says `text`.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, step: &str, text: &str) {
        let look = || {
            let ran = self.run(&["log", "latest", step]);
            (ran.code == 0 && ran.out.contains(text)).then_some(())
        };
        wait_until(&format!("the log of {step} says {text}"), look);
    }

    /// The folder of the latest run.
    #[track_caller]
    pub(crate) fn run_folder(&self) -> PathBuf {
        self.at("state/runs").join(word(&self.latest()["id"]))
    }

    /// The events of the latest run's journal.
    #[track_caller]
    pub(crate) fn journal(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.run_folder().join("journal.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["fact"].clone()).collect()
    }

    /// The pid of the latest run's supervisor.
    #[track_caller]
    pub(crate) fn supervisor(&self) -> i32 {
        let started = |event: &Value| event["event"] == "supervisor-started";
        let event = self.journal().into_iter().rfind(started).unwrap();
        i32::try_from(event["pid"].as_i64().unwrap()).unwrap()
    }

    /// The pid of the shell that a step of the latest run started last.
    #[track_caller]
    pub(crate) fn shell(&self, step: &str) -> i32 {
        let started = |event: &Value| event["event"] == "step-started" && event["step"] == step;
        let event = self.journal().into_iter().rfind(started).unwrap();
        i32::try_from(event["pid"].as_i64().unwrap()).unwrap()
    }

    /// Kills the supervisor of the latest run at once, and waits until its lock is free.
    pub(crate) fn kill_supervisor(&self) {
        let lock = self.run_folder().join("lock");
        kill(self.supervisor());
        wait_until("the lock of the run is free", || is_free(&lock).then_some(()));
    }

    /// Opens a connection to the supervisor of the latest run.
    pub(crate) fn connect(&self) -> Connection {
        Connection::to(&self.run_folder().join("control.sock"))
    }

    /// Every process that was started on this host: its folder is in its arguments or its environment.
    fn processes(&self) -> Vec<i32> {
        let needle = self.folder.path().to_str().unwrap().to_owned();
        let names = |pid: i32, what: &str| {
            let text = fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
            String::from_utf8_lossy(&text).contains(&needle)
        };
        let own = i32::try_from(std::process::id()).unwrap();
        fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| *pid != own && (names(*pid, "cmdline") || names(*pid, "environ")))
            .collect()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for _ in 0..100 {
            let left = self.processes();
            if left.is_empty() {
                break;
            }
            left.into_iter().for_each(kill);
        }
        cgroups::sweep(&self.at("state"));
    }
}

/// Runs a command to its end; one that has no end fails the test instead of holding it up.
#[track_caller]
pub(crate) fn finish(mut command: Command) -> Ran {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    if let Ok(output) = receiver.recv_timeout(PATIENCE) {
        return Ran::of(&output.unwrap());
    }
    kill(pid);
    let said = receiver.recv().unwrap().map(|output| Ran::of(&output));
    panic!("{command:?} does not end: {said:?}");
}

/// Tells whether a process has ended; whoever takes orphans in here may never ask what became of them.
pub(crate) fn is_over(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}

/// Sends KILL to one process, if it is there.
pub(crate) fn kill(pid: i32) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

fn is_free(lock: &Path) -> bool {
    fs::File::open(lock).is_ok_and(|file| file.try_lock_shared().is_ok())
}

/// The text of a JSON string.
#[track_caller]
pub(crate) fn word(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// One step of a run, as `runs` has it.
#[track_caller]
pub(crate) fn step_of(run: &Value, step: &str) -> Value {
    let steps = run["steps"].as_array().unwrap_or_else(|| panic!("no steps: {run}"));
    let found = steps.iter().find(|other| other["id"] == step);
    found.unwrap_or_else(|| panic!("no step {step}: {run}")).clone()
}

/// The names of an object's fields, in order.
#[track_caller]
pub(crate) fn fields(value: &Value) -> Vec<&str> {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    object.keys().map(String::as_str).collect()
}

/// Asserts that an object has at least these fields.
#[track_caller]
pub(crate) fn has_fields(value: &Value, wanted: &[&str]) {
    let there = fields(value);
    for name in wanted {
        assert!(there.contains(name), "no `{name}` in {value}");
    }
}

/// Every file below `folder`, by path, with the hash of its content.
pub(crate) fn contents(folder: &Path) -> BTreeMap<PathBuf, String> {
    let files = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    files
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(folder).unwrap().to_owned();
            (path, hex::encode(Sha256::digest(fs::read(entry.path()).unwrap())))
        })
        .collect()
}

/// A connection to a control socket, as a console has one.
pub(crate) struct Connection {
    reading: BufReader<UnixStream>,
    writing: UnixStream,
}

impl Connection {
    /// Opens a connection to the supervisor that listens on `socket`.
    #[track_caller]
    pub(crate) fn to(socket: &Path) -> Self {
        let writing = UnixStream::connect(socket).unwrap();
        writing.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { reading: BufReader::new(writing.try_clone().unwrap()), writing }
    }

    /// Sends a request and returns its answer, passing over what is live.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.writing, "{request}").unwrap();
        loop {
            let answer = self.next();
            if answer["response"] != "live" {
                return answer;
            }
        }
    }

    /// Reads until a live line for which `look` has something.
    #[track_caller]
    pub(crate) fn live<T>(&mut self, look: impl Fn(&Value) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "no such live line");
            let answer = self.next();
            if let Some(found) = look(&answer["live"]) {
                return found;
            }
        }
    }

    #[track_caller]
    fn next(&mut self) -> Value {
        let mut line = String::new();
        assert!(self.reading.read_line(&mut line).unwrap() > 0, "the supervisor hung up");
        serde_json::from_str(&line).unwrap()
    }
}
