//! Finds the processes of a run and kills them with `kill -9`.
//!
//! They are found as an engineer with root would: by what they were started as and by their environment. A process
//! is killed through a descriptor of it, so that no other one of the same number is hit.

use crate::host::Host;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A process that was found.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// What it is called.
    pub(crate) name: String,
    descriptor: OwnedFd,
}

impl Process {
    /// Pins the process `pid`, if it is there.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let descriptor = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned();
        Some(Self { pid, name, descriptor })
    }

    fn send(&self, signal: Signal) {
        // It may be gone by now.
        let _gone = pidfd_send_signal(&self.descriptor, signal);
    }

    /// Kills it.
    pub(crate) fn kill(&self) {
        self.send(Signal::KILL);
    }

    /// Returns whether it has ended (a zombie has).
    pub(crate) fn is_over(&self) -> bool {
        state(self.pid, self.pid).is_none_or(|state| "ZX".contains(state))
    }

    /// Stops all of its threads and returns what each has read and written by then.
    ///
    /// A process that is killed now dies with exactly this in its memory, as from a `kill -9` in this moment.
    pub(crate) fn freeze(&self) -> Vec<Thread> {
        self.send(Signal::STOP);
        let begun = Instant::now();
        let folder = PathBuf::from(format!("/proc/{}/task", self.pid));
        loop {
            let threads: Vec<i32> = numbers(&folder);
            if threads.iter().all(|&thread| state(self.pid, thread).is_none_or(|s| "TtZX".contains(s))) {
                return threads
                    .iter()
                    .filter_map(|&thread| Thread::of(&folder.join(thread.to_string())))
                    .collect();
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "process {} does not stop", self.pid);
            std::thread::yield_now();
        }
    }
}

/// What a thread has done so far (`/proc/PID/task/TID/io`, proc(5)).
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) name: String,
    /// Bytes that it got from reads.
    pub(crate) read: u64,
    /// Bytes that it gave to writes.
    pub(crate) written: u64,
}

impl Thread {
    fn of(folder: &Path) -> Option<Self> {
        let name = fs::read_to_string(folder.join("comm")).ok()?.trim_end().to_owned();
        let io = fs::read_to_string(folder.join("io")).ok()?;
        let count = |key: &str| io.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok());
        Some(Self { name, read: count("rchar:")?, written: count("wchar:")? })
    }
}

fn numbers(folder: &Path) -> Vec<i32> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn state(process: i32, thread: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{process}/task/{thread}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Returns the supervisors of a host's runs.
pub(crate) fn supervisors(host: &Host) -> Vec<Process> {
    let state = host.at("state");
    let is_one = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        words.contains(&b"supervise".as_slice())
            && words.iter().any(|word| *word == state.as_os_str().as_encoded_bytes())
    };
    numbers(Path::new("/proc")).into_iter().filter(is_one).filter_map(Process::of).collect()
}

/// Returns the living processes of the attempt that `mark` names, in the order of their numbers.
pub(crate) fn of_attempt(host: &Host, mark: &str) -> Vec<Process> {
    let (mark, chaos) =
        (format!("STAGEGATE_STEP={mark}@"), format!("CHAOS={}", host.at("witness").display()));
    let carries = |pid: &i32| {
        let text = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let has = |entry: &str| text.split(|byte| *byte == 0).any(|other| other == entry.as_bytes());
        text.split(|byte| *byte == 0).any(|other| other.starts_with(mark.as_bytes())) && has(&chaos)
    };
    let mut found: Vec<i32> = numbers(Path::new("/proc")).into_iter().filter(carries).collect();
    found.sort_unstable();
    found.into_iter().filter_map(Process::of).collect()
}

/// Ends whatever was started on a host and is still there.
pub(crate) fn end_all(host: &Host) {
    let folder = host.at("").to_str().unwrap().trim_end_matches('/').to_owned();
    let own = i32::try_from(std::process::id()).unwrap();
    for _ in 0..100 {
        let names = |pid: &i32| {
            ["cmdline", "environ"].iter().any(|what| {
                let text = fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
                memchr::memmem::find(&text, folder.as_bytes()).is_some()
            })
        };
        let left: Vec<Process> = numbers(Path::new("/proc"))
            .into_iter()
            .filter(|pid| *pid != own && names(pid))
            .filter_map(Process::of)
            .filter(|process| !process.is_over())
            .collect();
        if left.is_empty() {
            return;
        }
        left.iter().for_each(Process::kill);
    }
}
