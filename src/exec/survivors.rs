//! The processes of steps whose supervisor died: nobody's children any more, so they are looked for on the host.
//!
//! A process belongs to a step if the step's mark is in its environment, if it is in the step's cgroup or in the session
//! of the step's shell, or if its parent belongs. What cannot be looked into (another user's process, as of `sudo`) is not passed over in silence:
//! where it may be an orphan of the step, the look says so. A process that lost its mark *and* its parent is known only
//! where the step had a cgroup; the checks before a step look for such by their arguments.

use super::cgroup::Cell;
use super::group::{self, ProcessId, ProcessStat, is_resident, snapshot};
use crate::domain::run::recovery::shown;
use rustix::process::Signal;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read as _;
use std::time::{Duration, Instant};

/// How long the parents have for themselves before the rest is told.
const HEAD_START: Duration = Duration::from_millis(300);
/// The longest command line that is read, in bytes: more than is shown, so that what is secret is whole when it is looked
/// for.
const COMMAND: usize = 4096;

/// One look at all processes of the host.
#[derive(Debug)]
pub struct Look {
    all: Vec<ProcessStat>,
    /// The mark of each process that carries one.
    marks: HashMap<i32, String>,
    /// The step's cgroup that each process is in, if it is in one.
    cells: HashMap<i32, Cell>,
    /// Those whose environment nobody here may read.
    dark: HashSet<i32>,
    /// Whether other users' processes cannot be seen at all (`hidepid`, proc(5)).
    veiled: bool,
}

impl Look {
    /// Looks at every process, for marks that are called `name`.
    pub fn take(name: &str) -> Self {
        let (mut marks, mut dark) = (HashMap::new(), HashSet::new());
        let prefix = format!("{name}=");
        let all: Vec<ProcessStat> = snapshot().into_iter().filter(|process| !process.is_dead()).collect();
        for process in &all {
            match group::environment(process.id.pid) {
                Ok(text) => {
                    let entry =
                        text.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(prefix.as_bytes()));
                    if let Some(mark) = entry {
                        marks.insert(process.id.pid, String::from_utf8_lossy(mark).into_owned());
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                    dark.insert(process.id.pid);
                }
                // It has ended meanwhile.
                Err(_) => {}
            }
        }
        // Everybody may read this of everybody, so what sudo started is seen here too.
        let cell = |process: &ProcessStat| Some((process.id.pid, Cell::of(process.id.pid)?));
        let cells = all.iter().filter_map(cell).collect();
        let veiled = fs::metadata("/proc/1").is_err();
        Self { all, marks, cells, dark, veiled }
    }

    /// Returns every mark that a living process carries, with its process; daemons left on purpose are not among them.
    pub fn marks(&self) -> impl Iterator<Item = (&str, ProcessId)> {
        let alive = self.all.iter().filter(|process| !is_resident(process));
        alive.filter_map(|process| Some((self.marks.get(&process.id.pid)?.as_str(), process.id)))
    }

    /// Returns every step's cgroup that a living process is in, with that process.
    pub fn cells(&self) -> impl Iterator<Item = (&Cell, ProcessId)> {
        let alive = self.all.iter().filter(|process| !is_resident(process));
        alive.filter_map(|process| Some((self.cells.get(&process.id.pid)?, process.id)))
    }

    /// Returns the living processes of a step, parents before their children.
    ///
    /// `fits` knows its marks, `holds` its cgroups; `shell` is the first process of its session, if it is known.
    pub fn of(
        &self,
        fits: impl Fn(&str) -> bool,
        holds: impl Fn(&Cell) -> bool,
        shell: Option<ProcessId>,
    ) -> Vec<ProcessId> {
        // No pid is given out again while it is somebody's session: whoever has it now came when nobody of the old one
        // was left.
        let is_over = |shell: ProcessId| {
            self.all.iter().any(|process| process.id.pid == shell.pid && process.id != shell)
        };
        let shell = shell.filter(|shell| !is_over(*shell));
        let in_session = |process: &ProcessStat| {
            shell.is_some_and(|shell| {
                process.id == shell
                    || (process.session == shell.pid && process.id.start_time >= shell.start_time)
            })
        };
        let own = |process: &ProcessStat| {
            in_session(process)
                || self.marks.get(&process.id.pid).is_some_and(|mark| fits(mark))
                || self.cells.get(&process.id.pid).is_some_and(&holds)
        };
        let mut found: HashSet<i32> = HashSet::new();
        let mut all: Vec<&ProcessStat> = self.all.iter().filter(|process| !is_resident(process)).collect();
        all.sort_by_key(|process| process.id);
        // Pids wrap around, so a child may come before its parent: until nobody new is found.
        loop {
            let before = found.len();
            for process in &all {
                if own(process) || found.contains(&process.parent) {
                    found.insert(process.id.pid);
                }
            }
            if found.len() == before {
                break;
            }
        }
        all.into_iter().map(|process| process.id).filter(|id| found.contains(&id.pid)).collect()
    }

    /// Says why orphans of a step may be there that cannot be seen, if that is so; `since` is when the step began, in
    /// clock ticks since boot.
    ///
    /// An orphan is whose parent is the first process, or one that takes orphans in; what another living process has
    /// started since, a cron daemon say, is that process's own.
    pub fn hidden_since(&self, since: u64) -> Option<String> {
        if self.veiled {
            return Some("this host hides the processes of other users (hidepid)".to_owned());
        }
        let stats: HashMap<i32, &ProcessStat> =
            self.all.iter().map(|process| (process.id.pid, process)).collect();
        let is_orphan = |process: &&ProcessStat| {
            let young = |process: &ProcessStat| process.id.start_time >= since;
            let mut oldest = *process;
            while let Some(parent) = stats.get(&oldest.parent).filter(|parent| young(parent)) {
                oldest = parent;
            }
            young(process) && (oldest.parent == 1 || takes_orphans(oldest.parent))
        };
        let dark = self.all.iter().filter(|process| self.dark.contains(&process.id.pid));
        let orphans: Vec<String> = dark
            .filter(|process| !is_resident(process))
            .filter(is_orphan)
            .take(3)
            .map(|process| format!("{} ({})", process.id.pid, shown(&command(process.id.pid))))
            .collect();
        (!orphans.is_empty()).then(|| {
            format!("other users' processes that began since cannot be looked into: {}", orphans.join(", "))
        })
    }
}

/// Tells whether a process takes orphans in: the service manager of a user does.
fn takes_orphans(pid: i32) -> bool {
    fs::read(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim_ascii_end() == b"systemd")
}

/// Returns the command line of a process, free of control characters; whoever shows it cuts it ([`shown`]), once the
/// secrets are out of it.
pub fn command(pid: i32) -> String {
    let mut text = Vec::new();
    // What cannot be read is gone, and has no command line any more.
    let _read = fs::File::open(format!("/proc/{pid}/cmdline"))
        .and_then(|file| file.take(COMMAND as u64).read_to_end(&mut text));
    if text.len() == COMMAND {
        // It may go on in the middle of an argument.
        text.truncate(memchr::memrchr(b'\0', &text).unwrap_or(COMMAND));
    }
    let text = String::from_utf8_lossy(&text);
    let clean: String = text
        .trim_end_matches('\0')
        .chars()
        .map(|c| {
            if c == '\0' {
                ' '
            } else if c.is_control() {
                '?'
            } else {
                c
            }
        })
        .collect();
    if !clean.is_empty() {
        return clean;
    }
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let name: String = name.trim_end().chars().filter(|c| !c.is_control()).collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

/// Returns when a process that started `ticks` after boot did so, in seconds since the epoch.
pub fn started_at(ticks: u64) -> Option<i64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let boot: i64 = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    let after = ticks / rustix::param::clock_ticks_per_second().max(1);
    boot.checked_add(i64::try_from(after).ok()?)
}

/// Stops survivors in stages: TERM once to each, parents a moment before their children; KILL on a second request.
#[derive(Debug)]
pub struct Ending {
    since: Instant,
    grace: Duration,
    killing: bool,
    termed: HashSet<ProcessId>,
}

impl Ending {
    /// Begins with TERM; `grace` is what is counted down before KILL is worth asking for.
    pub fn new(grace: Duration) -> Self {
        Self { since: Instant::now(), grace, killing: false, termed: HashSet::new() }
    }

    /// Goes on to KILL.
    pub fn kill(&mut self) {
        self.killing = true;
    }

    /// Returns what is left of the grace.
    pub fn left(&self) -> Duration {
        if self.killing { Duration::ZERO } else { self.grace.saturating_sub(self.since.elapsed()) }
    }

    /// Signals whoever is due.
    pub fn step(&mut self, alive: &[ProcessId]) {
        if self.killing {
            for id in alive {
                group::send(*id, Signal::KILL);
            }
            return;
        }
        let pids: HashSet<i32> = alive.iter().map(|id| id.pid).collect();
        let early = self.since.elapsed() < HEAD_START;
        for id in alive {
            let stat = ProcessStat::of(id.pid);
            let is_child = stat.is_some_and(|stat| pids.contains(&stat.parent));
            if (early && is_child) || !self.termed.insert(*id) {
                continue;
            }
            group::send(*id, Signal::TERM);
            // A stopped process takes its TERM only when it goes on.
            if stat.is_some_and(|stat| matches!(stat.state, b'T' | b't')) {
                group::send(*id, Signal::CONT);
            }
        }
    }
}

#[cfg(test)]
mod tests;
