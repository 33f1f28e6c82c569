//! Process trees: who belongs to a step, how to signal exactly those, and how to see that all are gone.
//!
//! The real scripts scatter: GNU parallel puts each of its jobs in a process group, sudo puts each command
//! in a session with a terminal of its own, background processes outlive their shell. So membership is
//! decided five ways (descent, session, controlling terminal, marked or terminal-holding orphans that came
//! back to us as their subreaper, the step's cgroup), and remembered, so that a member stays one when its parent dies.
//!
//! A process is identified by pid *and* start time: a pid that has been used again is never signalled.
//! `waitpid` is only ever called for single, known pids; other people's children are left to them.
//! What escapes where the step has no cgroup ([`super::cgroup`] says why): a process that leaves its session, loses
//! its parent and clears its environment between two looks, holding no terminal.

use super::cgroup::Cgroup;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Identifies a process for as long as the machine is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId {
    /// When it started, in clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub start_time: u64,
    /// Its pid, which alone would not identify it.
    pub pid: i32,
}

/// What `/proc/PID/stat` says of a process (proc(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessStat {
    /// Who it is.
    pub id: ProcessId,
    /// Its parent's pid.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Its session.
    pub session: i32,
    /// Its controlling terminal, encoded as the kernel does.
    pub terminal: i32,
    /// The foreground process group of that terminal.
    pub foreground: i32,
    /// `R`, `S`, `D`, `T`, `Z` and so on.
    pub state: u8,
    threads: u32,
}

impl ProcessStat {
    /// Tells whether only its exit status is left.
    pub fn is_dead(&self) -> bool {
        // A leader that left while its threads run on is shown as `Z` too.
        matches!(self.state, b'X' | b'x') || (self.state == b'Z' && self.threads <= 1)
    }

    fn parse(text: &[u8]) -> Option<Self> {
        // The name in parentheses may itself hold blanks and parentheses.
        let close = memchr::memrchr(b')', text)?;
        let pid_end = memchr::memchr(b' ', text)?;
        let pid = std::str::from_utf8(text.get(..pid_end)?).ok()?.parse().ok()?;
        let rest = std::str::from_utf8(text.get(close + 1..)?).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<i32>().ok();
        Some(Self {
            id: ProcessId { pid, start_time: fields.get(19)?.parse().ok()? },
            state: *fields.first()?.as_bytes().first()?,
            parent: number(1)?,
            group: number(2)?,
            session: number(3)?,
            terminal: number(4)?,
            foreground: number(5)?,
            threads: fields.get(17)?.parse().ok()?,
        })
    }

    /// Reads the process with `pid`, if there is one.
    pub fn of(pid: i32) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }
}

/// Makes this process the parent of its orphaned descendants. Call once, early.
pub fn adopt_orphans() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// Sends `signal` to exactly this process. Returns whether it was there to receive it.
pub fn send(id: ProcessId, signal: Signal) -> bool {
    let Some(pid) = Pid::from_raw(id.pid).filter(|pid| pid.as_raw_pid() > 1) else { return false };
    let same = || ProcessStat::of(id.pid).is_some_and(|now| now.id == id);
    match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        // The descriptor pins the process, so the look at its start time cannot go stale.
        Ok(pinned) => same() && rustix::process::pidfd_send_signal(pinned, signal).is_ok(),
        // Kernels before 5.3 (EL8) have no pidfd_open.
        Err(rustix::io::Errno::SRCH) => false,
        Err(_) => same() && rustix::process::kill_process(pid, signal).is_ok(),
    }
}

/// Returns every process of the host that can be seen.
pub(super) fn snapshot() -> Vec<ProcessStat> {
    let Ok(folder) = fs::read_dir("/proc") else { return Vec::new() };
    let mut text = Vec::with_capacity(512);
    let mut found = Vec::new();
    for entry in folder.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        text.clear();
        let read =
            fs::File::open(format!("/proc/{pid}/stat")).and_then(|mut file| file.read_to_end(&mut text));
        if read.is_ok() {
            found.extend(ProcessStat::parse(&text));
        }
    }
    found
}

/// A process that waits for somebody to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Who.
    pub id: ProcessId,
    /// The terminal that it reads, where that is not the step's own: sudo gives a command one and hands on what is
    /// typed on its own (`use_pty`).
    pub behind: Option<PathBuf>,
}

/// The processes of one step, found anew at each [`Tree::scan`] and remembered in between.
#[derive(Debug)]
pub struct Tree {
    leader: ProcessId,
    slave: PathBuf,
    /// The slave's device and inode: its path and its number are given once in each container.
    device: Option<(u64, u64)>,
    terminal: i32,
    mark: Option<Vec<u8>>,
    cgroup: Option<Cgroup>,
    own_pid: i32,
    own_session: i32,
    sessions: BTreeSet<i32>,
    known: HashMap<i32, u64>,
}

impl Tree {
    /// Makes the tree below `leader`, the first process of its own session on the terminal `slave`.
    ///
    /// `mark` is a `NAME=value` that only this step has in its environment; orphans are known by it.
    pub fn new(leader: ProcessId, slave: &Path, mark: Option<&str>) -> Self {
        let own_pid = rustix::process::getpid().as_raw_pid();
        // 0 where our session was begun outside our pid namespace, as in many containers; getsid(2) says the
        // same there, but rustix takes 0 for impossible.
        let own_session = ProcessStat::of(own_pid).map_or(0, |own| own.session);
        Self {
            leader,
            slave: slave.to_owned(),
            device: fs::metadata(slave).ok().map(|data| (data.dev(), data.ino())),
            terminal: terminal_number(slave),
            mark: mark.map(|mark| mark.as_bytes().to_vec()),
            cgroup: None,
            own_pid,
            own_session,
            sessions: BTreeSet::from([leader.pid]),
            known: HashMap::from([(leader.pid, leader.start_time)]),
        }
    }

    /// Counts whoever is in `cgroup`, in which the leader was born, as a member too.
    #[must_use]
    pub fn within(mut self, cgroup: Option<Cgroup>) -> Self {
        self.cgroup = cgroup;
        self
    }

    /// Kills the whole cgroup at once where that is possible; a fork bomb is not outrun one by one.
    pub fn kill_cgroup(&self) {
        // Where it is not, each member is sent its KILL.
        let _killed = self.cgroup.as_ref().is_some_and(Cgroup::kill);
    }

    /// Returns the living members, parents before their children, and reaps dead ones that are ours.
    ///
    /// Daemons like gpg-agent, which tools leave behind on purpose, are not among them.
    /// The leader is never reaped here: its exit status belongs to whoever started it.
    pub fn scan(&mut self) -> Vec<ProcessStat> {
        // Nobody in the tree is older than its leader: a session or pid used again cannot slip in.
        let mut all = snapshot();
        all.retain(|process| {
            process.id.start_time >= self.leader.start_time && process.id.pid != self.own_pid
        });
        self.forget_gone(&all);
        let members = self.members(&all);
        self.known.clear();
        let mut alive = Vec::new();
        for process in all.iter().filter(|process| members.contains(&process.id.pid)) {
            self.known.insert(process.id.pid, process.id.start_time);
            if !process.is_dead() {
                alive.extend((!is_resident(process)).then_some(*process));
            } else if process.parent == self.own_pid && process.id != self.leader {
                reap(process.id.pid);
            }
        }
        let leads_session = |pid: &i32| self.known.contains_key(pid) && *pid != self.own_session;
        let led: Vec<i32> = alive.iter().map(|process| process.session).filter(leads_session).collect();
        self.sessions.extend(led);
        alive.sort_by_key(|process| process.id);
        alive
    }

    /// Counts processes anywhere on the host that hold the step's terminal open as members from now on.
    pub fn adopt_holders(&mut self) {
        for process in snapshot() {
            if process.id.pid != self.own_pid && self.is_holder(process.id.pid) {
                self.known.insert(process.id.pid, process.id.start_time);
            }
        }
    }

    /// Returns a member that sleeps in a read of the step's terminal, or of one that stands before it.
    pub fn reader_of_terminal(&self, alive: &[ProcessStat]) -> Option<Reader> {
        // Background groups that read are stopped by the kernel, so they cannot be waiting.
        let mut sleeping = alive.iter().filter(|process| {
            process.state == b'S' && process.terminal != 0 && process.group == process.foreground
        });
        sleeping.find_map(|process| self.reader(process))
    }

    fn reader(&self, process: &ProcessStat) -> Option<Reader> {
        let own = process.terminal == self.terminal;
        let behind = if own { None } else { Some(terminal_behind_sudo(process)?) };
        let pid = process.id.pid;
        // Where the kernel does not let us look (hidepid, another user's process), the wording must do.
        let call = fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
        let mut words = call.split_ascii_whitespace();
        let is_read = words.next() == Some(READ_CALL);
        let descriptor = words.next().and_then(|word| word.strip_prefix("0x"))?;
        let descriptor = u64::from_str_radix(descriptor, 16).ok()?;
        let target = fs::read_link(format!("/proc/{pid}/fd/{descriptor}")).ok()?;
        let terminal = behind.as_deref().unwrap_or(&self.slave);
        (is_read && (target == terminal || target == Path::new("/dev/tty")))
            .then_some(Reader { id: process.id, behind })
    }

    fn forget_gone(&mut self, all: &[ProcessStat]) {
        let now: HashSet<ProcessId> = all.iter().map(|process| process.id).collect();
        self.known.retain(|pid, start_time| now.contains(&ProcessId { pid: *pid, start_time: *start_time }));
        let in_use: HashSet<i32> = all.iter().map(|process| process.session).collect();
        self.sessions.retain(|session| in_use.contains(session));
    }

    fn members(&self, all: &[ProcessStat]) -> HashSet<i32> {
        let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
        for process in all {
            children.entry(process.parent).or_default().push(process.id.pid);
        }
        let inside: HashSet<i32> =
            self.cgroup.as_ref().map(Cgroup::pids).unwrap_or_default().into_iter().collect();
        let is_root = |process: &&ProcessStat| inside.contains(&process.id.pid) || self.is_root(process);
        let mut open: Vec<i32> = all.iter().filter(is_root).map(|process| process.id.pid).collect();
        let mut members = HashSet::new();
        while let Some(pid) = open.pop() {
            if members.insert(pid) {
                open.extend(children.get(&pid).into_iter().flatten());
            }
        }
        members
    }

    fn is_root(&self, process: &ProcessStat) -> bool {
        self.known.contains_key(&process.id.pid)
            || (self.sessions.contains(&process.session) && process.session != self.own_session)
            || (self.terminal != 0 && process.terminal == self.terminal && is_of_our_world(process.id.pid))
            || (process.parent == self.own_pid && !process.is_dead() && self.is_marked(process.id.pid))
    }

    fn is_marked(&self, pid: i32) -> bool {
        let carries = |mark: &Vec<u8>| {
            environment(pid).is_ok_and(|text| text.split(|byte| *byte == 0).any(|entry| entry == mark))
        };
        self.mark.as_ref().is_some_and(carries) || self.is_holder(pid)
    }

    /// Tells whether a process holds the step's terminal open: this one, not that of the same name in a container.
    fn is_holder(&self, pid: i32) -> bool {
        let Ok(folder) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        folder.flatten().any(|entry| {
            let path = entry.path();
            // Only what is called like it is looked at more closely: another open file may be on a dead mount.
            fs::read_link(&path).is_ok_and(|target| target == self.slave)
                && self.device.is_none_or(|device| {
                    fs::metadata(&path).is_ok_and(|data| (data.dev(), data.ino()) == device)
                })
        })
    }
}

#[cfg(target_arch = "x86_64")]
const READ_CALL: &str = "0";
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
const READ_CALL: &str = "63";
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
const READ_CALL: &str = "3";

/// Daemons that tools start on demand and leave running for good: they are no part of a step's work, and
/// stopping them would hurt others who use them.
const RESIDENTS: [&str; 6] = ["gpg-agent", "keyboxd", "scdaemon", "dirmngr", "ssh-agent", "tpm2daemon"];

/// Tells whether a process is a daemon that a tool left behind on purpose.
pub(super) fn is_resident(process: &ProcessStat) -> bool {
    // Whoever has a terminal has not left it: that is no daemon.
    if process.terminal != 0 {
        return false;
    }
    let of = |what: &str| fs::read(format!("/proc/{}/{what}", process.id.pid)).unwrap_or_default();
    let name = of("comm");
    let name = name.trim_ascii_end();
    // A shared connection that ssh keeps open (ControlPersist, ansible's default) renames itself like this.
    RESIDENTS.iter().any(|resident| resident.as_bytes() == name)
        || (name == b"ssh" && of("cmdline").starts_with(b"ssh: "))
}

/// How long a process may take to load its program, and how often it is looked whether it has.
const LOADING: Duration = Duration::from_secs(2);
const LOADING_EVERY: Duration = Duration::from_millis(1);

/// Returns the environment of a process as `/proc/PID/environ` has it: `NAME=value`, each ended by a NUL.
///
/// In the middle of `execve(2)` a process has none for a moment, and what is read in two pieces ends with the first.
/// Whoever took that for an answer would call a step gone that is about to go on, so it is waited for.
pub(super) fn environment(pid: i32) -> io::Result<Vec<u8>> {
    let begun = Instant::now();
    loop {
        let text = fs::read(format!("/proc/{pid}/environ"))?;
        let whole = environment_length(pid).is_none_or(|length| length == text.len() as u64);
        if whole || begun.elapsed() > LOADING {
            return Ok(text);
        }
        std::thread::sleep(LOADING_EVERY);
    }
}

/// Returns how long the environment of a process is, [`u64::MAX`] while it loads its program, and nothing of what has
/// none: fields 9, 26, 50 and 51 of `/proc/PID/stat` (proc(5)).
fn environment_length(pid: i32) -> Option<u64> {
    const KERNEL_THREAD: u64 = 0x0020_0000;
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let close = memchr::memrchr(b')', &text)?;
    let rest = String::from_utf8_lossy(&text[close + 1..]);
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let (flags, code, begin, end) = (number(9)?, number(26)?, number(50)?, number(51)?);
    let has_one = flags & KERNEL_THREAD == 0 && !matches!(fields[0], "Z" | "X");
    // While it loads, both are zero, then both are the beginning; where its code stands is told last of all
    // (load_elf_binary of Linux). An empty one has a place all the same.
    has_one.then(|| if end == 0 || code == 0 { u64::MAX } else { end.saturating_sub(begin) })
}

fn reap(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        // An error means that it was not ours after all, which is as good.
        let _gone = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
    }
}

/// Tells whether a process sees the same processes and mounts as we do: terminals are numbered anew in each container.
///
/// Of whom that cannot be told, it is not so; if it is of the step, something else than its terminal says so.
fn is_of_our_world(pid: i32) -> bool {
    ["pid", "mnt"].iter().all(|kind| {
        let of = |who: &str| fs::read_link(format!("/proc/{who}/ns/{kind}"));
        of("self").is_ok_and(|own| of(&pid.to_string()).is_ok_and(|its| its == own))
    })
}

/// Returns the terminal of a process, if it was given by a program that hands on what is typed on its own.
fn terminal_behind_sudo(process: &ProcessStat) -> Option<PathBuf> {
    // Its session is led by the program itself; others that make terminals (expect, script) answer by themselves.
    let leader = fs::read(format!("/proc/{}/comm", process.session)).ok()?;
    let hands_on = [&b"sudo"[..], b"su", b"doas"].contains(&leader.trim_ascii_end());
    let device = process.terminal.cast_unsigned();
    let path = PathBuf::from(format!("/dev/pts/{}", (device & 0xff) | ((device >> 12) & 0xf_ff00)));
    (hands_on && terminal_number(&path) == process.terminal).then_some(path)
}

/// Returns the terminal as `/proc/PID/stat` encodes it (`new_encode_dev` in the kernel), 0 if unknown.
fn terminal_number(slave: &Path) -> i32 {
    let Ok(device) = fs::metadata(slave).map(|data| data.rdev()) else { return 0 };
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    ((minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let text =
            b"42 (a) b (c) S 1 2 3 34816 5 4194304 101 0 0 0 0 0 0 0 20 0 7 0 104100 3133440 380 1 2\n";
        let stat = ProcessStat::parse(text).unwrap();
        assert_eq!(stat.id, ProcessId { pid: 42, start_time: 104_100 });
        assert_eq!((stat.parent, stat.group, stat.session, stat.terminal), (1, 2, 3, 34816));
        assert_eq!((stat.state, stat.foreground, stat.threads), (b'S', 5, 7));
    }

    #[test]
    fn garbage_is_no_process() {
        for text in [&b""[..], b"1", b"1 (x", b"1 (x) S", b") S 1 2 3", b"\xff (x) S 1 2"] {
            assert!(ProcessStat::parse(text).is_none());
        }
    }

    #[test]
    fn a_process_that_is_loading_its_program_is_not_without_its_mark() {
        // Each of them loads a program again and again.
        let script = "n=$1; [ $n -gt 0 ] || exec sleep 60; exec sh -c \"$2\" sh $((n - 1)) \"$2\"";
        let mut child = std::process::Command::new("sh")
            .args(["-c", script, "sh", "300", script])
            .env("STAGEGATE_TEST", "loading")
            .spawn()
            .unwrap();
        let pid = child.id().cast_signed();
        // The first program is not loaded where it has the environment of this test.
        let is_marked =
            |text: &[u8]| text.split(|byte| *byte == 0).any(|one| one == b"STAGEGATE_TEST=loading");
        while !is_marked(&environment(pid).unwrap()) {}
        while fs::read(format!("/proc/{pid}/comm")).unwrap() != b"sleep\n" {
            let text = environment(pid).unwrap();
            let (length, stat) = (environment_length(pid), fs::read_to_string(format!("/proc/{pid}/stat")));
            assert!(is_marked(&text), "{length:?} {stat:?} {}", String::from_utf8_lossy(&text));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_pid_that_was_used_again_is_not_signalled() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let id = ProcessStat::of(child.id().cast_signed()).unwrap().id;
        let other = ProcessId { start_time: id.start_time + 1, ..id };
        assert!(!send(other, Signal::KILL));
        assert!(child.try_wait().unwrap().is_none());
        assert!(send(id, Signal::KILL));
        assert!(!child.wait().unwrap().success());
    }
}
