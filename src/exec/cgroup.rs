//! A cgroup for each step: what no process of it can shed, whatever session, parent or environment it takes.
//!
//! Where one may be made is found out, not assumed: in the scope that systemd gave the supervisor, delegated to it; or, on
//! a host that no systemd manages, below the supervisor's own cgroup. Where systemd runs and gave no scope, none is made:
//! the tree of cgroups is systemd's there. No controller is switched on, so a cgroup here counts and limits nothing.
//!
//! A step must be *born* in its cgroup, else its first child might be born outside. There are two ways without unsafe
//! code (clone3 would be a third). A re-exec of this program that joins and then executes the command would need a
//! way of its own to tell why a program cannot be executed, and a path to itself that is still good after an update.
//! So the supervisor itself goes in for the moment in which it forks, and comes back on every path ([`Visit`]). What
//! another thread forks in that moment (a check that asks git or sudo) is born in there too, and is sent home at once:
//! it is known by its session, which is the supervisor's, while a step's command begins with one of its own. A lock
//! around every fork of the program would have to be known to modules that know nothing of each other.
//!
//! It is no prison. Whoever may write to cgroups can leave, and on hosts whose PAM has `pam_systemd` behind sudo, logind
//! may move what sudo starts into a scope of its own. So it is one more way of belonging to a step (`group`), not the only one.

use super::group::{ProcessStat, is_resident};
use place::{Place, places};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the cgroup of a run is called by, before the run.
pub const PREFIX: &str = "stagegate-";
/// How often it is looked for processes that are not the step's: each look sees what forked during the one before.
const LOOKS: usize = 5;
/// How often a cgroup is tried to be removed whose last process has only just ended, and how long in between.
const REMOVALS: usize = 20;
const BETWEEN: Duration = Duration::from_millis(5);

/// Where a supervisor may make a cgroup for each of its steps. Dropping it removes what is empty of them.
#[derive(Debug)]
pub enum Ground {
    /// In the scope that systemd gave it.
    Scope {
        /// The scope's folder, in which it is itself.
        own: PathBuf,
    },
    /// No systemd manages the cgroups here: in one of its run's, below the one that it is in.
    Own {
        /// The folder of the cgroup that it is in.
        own: PathBuf,
        /// The folder of the run's.
        run: PathBuf,
    },
    /// Nowhere.
    None {
        /// Why.
        why: String,
    },
}

impl Ground {
    /// Looks where the run that is called `name` may have its cgroups, on the host whose files are below `root`.
    ///
    /// `unscoped` is why systemd gave no scope, where whoever started this process knows it.
    pub fn find(root: &Path, name: &str, unscoped: Option<&str>) -> Self {
        let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
        let places = places(&read("proc/self/mountinfo"), &read("proc/self/cgroup"));
        let at = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
        if is_run_by_systemd(root) {
            // Only who starts supervisors gives this name to a scope, and asks for it to be delegated.
            let is_scope = |place: &&Place| {
                let last = place.folder.file_name().and_then(|last| last.to_str()).unwrap_or_default();
                let rest = last.strip_prefix(name).and_then(|rest| rest.strip_suffix(".scope"));
                rest.is_some_and(|rest| rest.starts_with(':'))
            };
            return match places.iter().find(is_scope) {
                Some(place) => Self::Scope { own: at(&place.folder) },
                None => Self::None { why: unscoped.unwrap_or("no systemd scope here").to_owned() },
            };
        }
        let Some(place) = places.iter().find(|place| place.unified) else {
            return Self::None { why: "no systemd and no cgroup2 here".to_owned() };
        };
        let own = at(&place.folder);
        let run = own.join(name);
        // What supervisors that died have left empty.
        sweep_below(&run);
        let made = match fs::create_dir(&run) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        };
        // To come back, its own must be writable too.
        let made = made.and_then(|()| opened(&own).map(drop));
        match made {
            Ok(()) => Self::Own { own, run },
            Err(error) => Self::None { why: format!("no cgroup may be made here: {error}") },
        }
    }

    /// Makes the cgroup of one attempt of a step, or says why there is none.
    pub fn cgroup(&self, step: &str) -> Result<Cgroup, String> {
        let (home, path) = match self {
            Self::Scope { own } => (own, own.join(step)),
            Self::Own { own, run } => (own, run.join(step)),
            Self::None { why } => return Err(why.clone()),
        };
        // What an earlier attempt of that number left is empty, or it is not this one's.
        sweep(&path);
        match fs::create_dir_all(path.parent().unwrap_or(&path)).and_then(|()| fs::create_dir(&path)) {
            Ok(()) => Ok(Cgroup { path, home: home.clone() }),
            Err(error) => Err(format!("its cgroup could not be made: {error}")),
        }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        match self {
            // The scope itself goes with its last process, and that is systemd's business.
            Self::Scope { own } => sweep_below(own),
            Self::Own { run, .. } => {
                // Where somebody is left in it, it stays.
                let _kept = sweep(run);
            }
            Self::None { .. } => {}
        }
    }
}

/// Tells whether systemd manages the host whose files are below `root` (`sd_booted(3)`).
pub fn is_run_by_systemd(root: &Path) -> bool {
    root.join("run/systemd/system").is_dir()
}

/// The cgroup of one attempt of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroup {
    path: PathBuf,
    home: PathBuf,
}

impl Cgroup {
    /// Returns its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves this process into it, until what is returned is dropped: what is started meanwhile is born in it.
    pub fn visit(&self) -> io::Result<Visit<'_>> {
        // The visit begins before the move, so that one that is half done is undone too.
        let visit = Visit(self);
        join(&self.path, 0).map(|()| visit)
    }

    /// Returns the pids of who is in it or below it.
    pub fn pids(&self) -> Vec<i32> {
        let mut found = Vec::new();
        collect(&self.path, &mut found);
        found
    }

    /// Kills all who are in it at once, unless somebody is in it who must not be. Returns whether it did.
    ///
    /// Before Linux 5.14, and in version 1, there is no such thing, and each must be killed by itself.
    pub fn kill(&self) -> bool {
        let own = rustix::process::getpid().as_raw_pid();
        let spared = |pid: &i32| *pid == own || ProcessStat::of(*pid).is_some_and(|one| is_resident(&one));
        if self.pids().iter().any(spared) {
            return false;
        }
        let kill = fs::File::options().write(true).open(self.path.join("cgroup.kill"));
        kill.and_then(|mut kill| kill.write_all(b"1")).is_ok()
    }

    /// Removes it, if nobody is in it but daemons that stay on purpose: they go home to the supervisor's own.
    pub fn close(&self) {
        for _ in 0..REMOVALS {
            if !self.path.exists() || sweep(&self.path) {
                return;
            }
            let inside = self.pids();
            let stays = |pid: &&i32| ProcessStat::of(**pid).is_some_and(|one| is_resident(&one));
            let staying: Vec<i32> = inside.iter().filter(stays).copied().collect();
            if staying.len() < inside.len() {
                // Whoever looks for what the step left behind finds it in there.
                return;
            }
            for pid in staying {
                // It may have ended meanwhile.
                let _gone = join(&self.home, pid);
            }
            std::thread::sleep(BETWEEN);
        }
    }

    /// Sends home who was born in it and is not the step's: what other threads started during a visit.
    fn send_strangers_home(&self) {
        let own = rustix::process::getpid().as_raw_pid();
        let Some(session) = ProcessStat::of(own).map(|stat| stat.session) else { return };
        let is_stranger =
            |pid: &i32| *pid != own && ProcessStat::of(*pid).is_some_and(|stat| stat.session == session);
        for _ in 0..LOOKS {
            let strangers: Vec<i32> = self.pids().into_iter().filter(is_stranger).collect();
            if strangers.is_empty() {
                return;
            }
            for pid in strangers {
                // It may have ended meanwhile.
                let _gone = join(&self.home, pid);
            }
        }
    }
}

/// A moment in which this process is in the cgroup of a step. Dropping it brings it back.
#[derive(Debug)]
pub struct Visit<'a>(&'a Cgroup);

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if let Err(error) = join(&self.0.home, 0) {
            // It is never counted as one of the step's, and comes home with the next visit.
            log::warn!("the supervisor is still in {}: {error}", self.0.path.display());
        }
        self.0.send_strangers_home();
    }
}

/// The cgroup of a step as the kernel names it for each of its processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// What the run's is called by, without [`PREFIX`] and `.scope`.
    pub run: String,
    /// What the attempt's is called by.
    pub step: String,
}

impl Cell {
    /// Returns the step's cgroup that a process is in, if it is in one.
    pub fn of(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?)
    }

    /// Reads `/proc/PID/cgroup` (cgroups(7)): `0::/stagegate-RUN/STEP`, whatever stands before and behind.
    fn parse(text: &str) -> Option<Self> {
        text.lines().find_map(|line| {
            let parts: Vec<&str> = line.splitn(3, ':').nth(2)?.split('/').collect();
            parts.windows(2).rev().find_map(|pair| {
                let run = pair.first()?.strip_prefix(PREFIX)?;
                let run = run.strip_suffix(".scope").unwrap_or(run).to_owned();
                Some(Self { run, step: (*pair.last()?).to_owned() })
            })
        })
    }
}

fn opened(folder: &Path) -> io::Result<fs::File> {
    fs::File::options().write(true).open(folder.join("cgroup.procs"))
}

/// Moves a process into a cgroup; 0 is whoever asks.
fn join(folder: &Path, pid: i32) -> io::Result<()> {
    opened(folder)?.write_all(format!("{pid}\n").as_bytes())
}

fn folders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path())
}

fn collect(folder: &Path, found: &mut Vec<i32>) {
    let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    // 0 stands for a process of another pid namespace.
    found.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|pid| *pid > 0));
    folders(folder).for_each(|below| collect(&below, found));
}

/// Removes a cgroup and those below it, as far as nobody is in them. Returns whether it is gone.
fn sweep(folder: &Path) -> bool {
    sweep_below(folder);
    fs::remove_dir(folder).is_ok()
}

fn sweep_below(folder: &Path) {
    for below in folders(folder) {
        let _kept = sweep(&below);
    }
}

mod place;
#[cfg(test)]
mod tests;
