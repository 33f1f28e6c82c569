//! A practice host of a test's own, and what its journals say.

use crate::driver::{Console, SMALL};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;
use stagegate::sandbox::host::BuiltHost;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

#[path = "../support/cgroups.rs"]
mod cgroups;
#[path = "../support/practice.rs"]
mod practice;

/// A practice host; what still runs on it when the test ends is ended.
pub(crate) struct Host {
    _folder: TempDir,
    built: BuiltHost,
    _template: Arc<practice::Template>,
}

impl Host {
    /// Builds one at instant speed with `faults` planted.
    pub(crate) fn new(faults: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (built, template) = practice::host(&folder.path().join("host"), faults);
        Self { _folder: folder, built, _template: template }
    }

    /// Returns a path on it.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.built.paths.root().join(path)
    }

    /// Returns the arguments of a console on it, with `more` behind.
    pub(crate) fn args(&self, more: &[&str]) -> Vec<String> {
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        let mut args = vec!["--config".to_owned(), path(self.at("stagegate.toml"))];
        args.extend(["--state".to_owned(), path(self.at("state"))]);
        args.extend(more.iter().map(|&word| word.to_owned()));
        args
    }

    /// Opens a console at 80x24 and waits until it knows where everything stands.
    pub(crate) fn console(&self) -> Console {
        let mut console = self.open(&[]);
        // What staging holds comes last, after a first answer that only counts what is missing.
        let known = |screen: &str| {
            screen.contains("composed only") && !screen.contains("?unknown") && !screen.contains("◐partial")
        };
        console.wait_until("where everything stands", known);
        console
    }

    /// Opens a console at 80x24.
    pub(crate) fn open(&self, more: &[&str]) -> Console {
        Console::start(&self.args(more), &[], SMALL)
    }

    /// Opens a console at 80x24 that has these variables.
    pub(crate) fn open_with(&self, more: &[&str], env: &[(&str, &str)]) -> Console {
        Console::start(&self.args(more), env, SMALL)
    }

    /// Runs a command of the binary on it.
    pub(crate) fn ask(&self, words: &[&str]) -> std::process::Output {
        std::process::Command::new(env!("CARGO_BIN_EXE_stagegate")).args(self.args(words)).output().unwrap()
    }

    /// Returns the folder of the only run.
    pub(crate) fn run(&self) -> PathBuf {
        let runs = folders(&self.at("state/runs"));
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }

    /// Returns the text of the only run's journal.
    pub(crate) fn journal(&self) -> String {
        std::fs::read_to_string(self.run().join("journal.jsonl")).unwrap()
    }

    /// Returns the facts of the only run that are called `event`.
    pub(crate) fn facts(&self, event: &str) -> Vec<Value> {
        facts(&self.run()).into_iter().filter(|fact| fact["event"] == event).collect()
    }

    /// Returns the process of the step, of its latest attempt.
    pub(crate) fn process(&self, step: &str) -> Pid {
        let started = self.facts("step-started");
        pid(started.iter().rfind(|fact| fact["step"] == step).unwrap()).unwrap()
    }

    /// Returns the log of the step, of its latest attempt.
    pub(crate) fn log(&self, step: &str) -> Vec<u8> {
        let starting = self.facts("step-starting");
        let fact = starting.iter().rfind(|fact| fact["step"] == step).unwrap();
        std::fs::read(self.run().join(fact["log"].as_str().unwrap())).unwrap()
    }
}

/// Returns whether the process lives.
pub(crate) fn lives(process: Pid) -> bool {
    test_kill_process(process).is_ok()
}

impl Drop for Host {
    fn drop(&mut self) {
        for run in folders(&self.at("state/runs")) {
            // The supervisors first: they would go on with something else. Then what they had begun until then.
            for event in ["supervisor-started", "step-started"] {
                let all = facts(&run);
                for process in all.iter().filter(|fact| fact["event"] == event).filter_map(own) {
                    // It may have ended by itself since.
                    let _gone = kill_process(process, Signal::KILL);
                }
            }
        }
        cgroups::sweep(&self.at("state"));
    }
}

/// Returns the process of a fact, if the number is still that one's: its start says so.
fn own(fact: &Value) -> Option<Pid> {
    let process = pid(fact)?;
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let begun: u64 = fields.split(' ').nth(19)?.parse().ok()?;
    (fact["start_time"].as_u64() == Some(begun)).then_some(process)
}

fn pid(fact: &Value) -> Option<Pid> {
    Pid::from_raw(i32::try_from(fact["pid"].as_i64()?).ok()?)
}

fn facts(run: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(run.join("journal.jsonl")).unwrap_or_default();
    let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    records.map(|mut record| record["fact"].take()).collect()
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = path.read_dir() else { return Vec::new() };
    entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}
