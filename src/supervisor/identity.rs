//! Who somebody is, as the kernel says.
//!
//! The user comes from the socket's peer credentials (or from this process itself), the login user
//! from `/proc/PID/loginuid`, which survives sudo and su. No environment variable is asked.

use crate::domain::approval::Identity;
use crate::domain::run::Place;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// The login uid of a process that never logged in: -1 as an unsigned number (`audit(7)`).
const UNSET: u32 = u32::MAX;

/// Returns the identity of the process `pid` that runs as `uid`.
pub fn of_process(pid: Option<i32>, uid: u32) -> Identity {
    let login_uid = pid.and_then(login_uid);
    Identity {
        uid,
        user: user_name(uid),
        login_uid,
        login: login_uid.map(user_name),
        host: host(),
        terminal: pid.and_then(terminal),
    }
}

/// Returns the identity of this process, with the terminal of the process that started it.
pub fn own() -> Identity {
    let mut identity = of_process(Some(own_pid()), rustix::process::getuid().as_raw());
    if identity.terminal.is_none() {
        let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
        identity.terminal = parent.and_then(terminal);
    }
    identity
}

/// Returns the identity of this process as a supervisor sees it over its socket.
pub fn as_peer() -> Identity {
    of_process(Some(own_pid()), rustix::process::geteuid().as_raw())
}

/// Returns this process's id.
pub fn own_pid() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

/// Returns where this process lives: boot, host and pid namespace; what the system does not say stays empty.
pub fn place() -> Place {
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    Place {
        boot_id: boot_id.map(|id| id.trim().to_owned()).unwrap_or_default(),
        host: host(),
        pid_namespace: fs::metadata("/proc/self/ns/pid").map_or(0, |namespace| namespace.ino()),
    }
}

/// Returns the start time of the process `pid` in clock ticks since boot (field 22 of its stat file), while it exists.
pub fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    if fields.next() == Some("Z") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

fn login_uid(pid: i32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/loginuid")).ok()?;
    text.trim().parse().ok().filter(|uid| *uid != UNSET)
}

fn terminal(pid: i32) -> Option<String> {
    let link = fs::read_link(format!("/proc/{pid}/fd/0")).ok()?;
    let link = link.to_string_lossy().into_owned();
    (link.starts_with("/dev/pts/") || link.starts_with("/dev/tty")).then_some(link)
}

fn user_name(uid: u32) -> String {
    uzers::get_user_by_uid(uid)
        .map_or_else(|| uid.to_string(), |user| user.name().to_string_lossy().into_owned())
}

fn host() -> String {
    let name = rustix::system::uname();
    let name = name.nodename().to_string_lossy();
    name.split('.').next().unwrap_or("unknown").to_owned()
}
