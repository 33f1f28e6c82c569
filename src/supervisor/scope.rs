//! A scope of its own for a supervisor, from systemd where that manages the host.
//!
//! What stays in the session of a login is ended with it where logind says so (`KillUserProcesses=yes`); what is in a scope
//! of the system's manager is not. And the scope is delegated, so that its steps may have cgroups. `systemd-run --scope`
//! executes the program in its own process: pid, output and parent are as without it.

use super::recovery::House;
use crate::exec::cgroup::is_run_by_systemd;
use crate::journal::store::RunDir;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How long systemd may take to give a scope.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where it is seen whether systemd manages the host, and where its tools are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Systemd {
    /// The folder that the host's files are below: `/`.
    pub root: PathBuf,
    /// The `PATH` in which `systemd-run` is looked for.
    pub path: OsString,
    /// How long it may take to give a scope.
    pub patience: Duration,
}

impl Default for Systemd {
    /// Returns that of this host.
    fn default() -> Self {
        Self {
            root: PathBuf::from("/"),
            path: std::env::var_os("PATH").unwrap_or_default(),
            patience: PATIENCE,
        }
    }
}

/// What systemd can do for a supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Offer {
    /// It does not manage this host.
    Nothing,
    /// It does, but cannot be asked.
    Unable(&'static str),
    /// This program gives a scope.
    Scope(PathBuf),
}

impl Systemd {
    /// Returns what it can do here.
    pub(super) fn offer(&self) -> Offer {
        if !is_run_by_systemd(&self.root) {
            return Offer::Nothing;
        }
        let is_program =
            |path: &PathBuf| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
        let found =
            std::env::split_paths(&self.path).map(|folder| folder.join("systemd-run")).find(is_program);
        found.map_or(Offer::Unable("no systemd scope: systemd-run is not in PATH"), Offer::Scope)
    }
}

/// Returns the arguments with which systemd-run executes `command` in a scope of its own, delegated to it.
pub(super) fn arguments(dir: &RunDir, command: Vec<OsString>) -> Vec<OsString> {
    // A scope whose supervisor died is there as long as its survivors are: each supervisor has one of its own name.
    let name = format!("{}:{}", House::of(dir).cgroup(dir.id()), std::process::id());
    let mut arguments: Vec<OsString> = Vec::new();
    if !rustix::process::geteuid().is_root() {
        arguments.push("--user".into());
    }
    arguments.extend(["--scope", "--quiet", "--collect", "--property=Delegate=yes"].map(OsString::from));
    arguments.push(format!("--unit={name}").into());
    arguments.push("--".into());
    arguments.extend(command);
    arguments
}
