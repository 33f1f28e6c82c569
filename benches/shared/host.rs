//! A practice host on which a compose script is the workload, and runs of it.

use super::program::stagegate;
use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::Value;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The step that runs the workload, as its log is called.
const STEP: &str = "steps/01-8-compose-Rocky.log";

/// The host.
#[derive(Debug)]
pub(crate) struct Host {
    root: PathBuf,
    home: String,
}

/// A process that is not our child; whatever goes wrong, it does not outlive the bench.
#[derive(Debug)]
pub(crate) struct Stranger(OwnedFd);

impl Stranger {
    pub(crate) fn of(pid: i32) -> anyhow::Result<Self> {
        let process = Pid::from_raw(pid).context("no process")?;
        Ok(Self(pidfd_open(process, PidfdFlags::empty()).with_context(|| format!("process {pid} is gone"))?))
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait_gone(&self, patience: Duration) -> anyhow::Result<()> {
        let gone = poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&Timespec::try_from(patience)?))?;
        anyhow::ensure!(gone > 0, "a process does not end");
        Ok(())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        // It is gone already where all went well. What ran on its terminals loses them with it.
        let _gone = pidfd_send_signal(&self.0, Signal::KILL);
    }
}

/// A run whose only step waits for the word to begin.
#[derive(Debug)]
pub(crate) struct Run {
    /// Its id.
    pub(crate) id: String,
    /// Its supervisor's process.
    pub(crate) pid: i32,
    /// The supervisor.
    pub(crate) supervisor: Stranger,
    /// The step's log.
    pub(crate) log: PathBuf,
}

impl Host {
    /// Has the program under test build one in `folder`.
    pub(crate) fn build(folder: &Path) -> anyhow::Result<Self> {
        let (root, home) = (folder.join("host"), folder.display().to_string());
        let words = ["sandbox", "--no-console", "--speed", "instant"];
        let out = Command::new(stagegate()).args(words).arg(&root).env("HOME", &home).output()?;
        anyhow::ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        Ok(Self { root, home })
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
        let pid = i32::try_from(supervisor)?;
        Ok(Run { id, pid, supervisor: Stranger::of(pid)?, log: folder.join(STEP) })
    }

    /// Returns the command of a console on a run.
    pub(crate) fn console(&self, run: &str) -> Vec<String> {
        self.argv(&["attach", run])
    }

    /// Returns a command of this program on this host.
    pub(crate) fn argv(&self, words: &[&str]) -> Vec<String> {
        let path = |name: &str| self.root.join(name).display().to_string();
        let mut argv = vec![stagegate()];
        argv.extend(["--config".to_owned(), path("stagegate.toml"), "--state".to_owned(), path("state")]);
        argv.extend(words.iter().map(|&word| word.to_owned()));
        argv
    }
}
