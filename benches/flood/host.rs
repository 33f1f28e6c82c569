//! A practice host on which a compose script is the workload, and runs of it.

use anyhow::Context as _;
use serde_json::Value;
use stagegate::sandbox::host::{self, BuildOptions, Speed};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The step that runs the workload, as its log is called.
const STEP: &str = "steps/01-8-compose-Rocky.log";

/// The host.
#[derive(Debug)]
pub(crate) struct Host {
    root: PathBuf,
    home: String,
}

/// A run whose only step waits for the word to begin.
#[derive(Debug)]
pub(crate) struct Run {
    /// Its id.
    pub(crate) id: String,
    /// Its supervisor's process.
    pub(crate) supervisor: i32,
    /// The step's log.
    pub(crate) log: PathBuf,
}

impl Host {
    /// Builds one in `folder`.
    pub(crate) fn build(folder: &Path) -> anyhow::Result<Self> {
        let options = BuildOptions {
            dir: folder.join("host"),
            binary: PathBuf::from(env!("CARGO_BIN_EXE_stagegate")),
            speed: Speed::Instant,
            faults: Vec::new(),
            fresh: false,
            now: jiff::Timestamp::now(),
        };
        let built = host::build(&options, &mut |_| {})?;
        let home = folder.display().to_string();
        Ok(Self { root: built.paths.root().to_owned(), home })
    }

    /// Returns the home folder of those who work here.
    pub(crate) fn home(&self) -> &str {
        &self.home
    }

    /// Starts a run whose only step is `script`, by a supervisor of its own.
    pub(crate) fn start(&self, script: &Path) -> anyhow::Result<Run> {
        let compose = self.root.join("pungi/scripts/updates-8.sh");
        fs::write(compose, format!("#!/usr/bin/env bash\nexec '{}'\n", script.display()))?;
        let words =
            ["run", "--release", "8", "--flow", "update", "--compose", "Rocky", "--sync", "none", "--detach"];
        let argv = self.argv(&words);
        let out = Command::new(&argv[0]).args(&argv[1..]).env("HOME", &self.home).output()?;
        anyhow::ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let id = String::from_utf8(out.stdout)?.trim().to_owned();
        let folder = self.root.join("state/runs").join(&id);
        let journal = fs::read_to_string(folder.join("journal.jsonl"))?;
        let supervisor = journal
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find_map(|record| {
                record["fact"]["event"].eq("supervisor-started").then(|| record["fact"]["pid"].as_i64())?
            })
            .context("the run has no supervisor")?;
        Ok(Run { id, supervisor: i32::try_from(supervisor)?, log: folder.join(STEP) })
    }

    /// Returns the command of a console on a run.
    pub(crate) fn console(&self, run: &str) -> Vec<String> {
        self.argv(&["attach", run])
    }

    /// Returns a command of this program on this host.
    pub(crate) fn argv(&self, words: &[&str]) -> Vec<String> {
        let path = |name: &str| self.root.join(name).display().to_string();
        let mut argv = vec![env!("CARGO_BIN_EXE_stagegate").to_owned()];
        argv.extend(["--config".to_owned(), path("stagegate.toml"), "--state".to_owned(), path("state")]);
        argv.extend(words.iter().map(|&word| word.to_owned()));
        argv
    }
}

/// Waits until a process that is not ours is gone.
pub(crate) fn wait_gone(pid: i32, patience: Duration) -> anyhow::Result<()> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let Some(process) = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else {
        return Ok(());
    };
    let ends = Instant::now() + patience;
    let left = rustix::event::Timespec::try_from(ends.saturating_duration_since(Instant::now()))?;
    let mut watched = [rustix::event::PollFd::new(&process, rustix::event::PollFlags::IN)];
    let gone = rustix::event::poll(&mut watched, Some(&left))?;
    anyhow::ensure!(gone > 0, "process {pid} does not end");
    Ok(())
}
