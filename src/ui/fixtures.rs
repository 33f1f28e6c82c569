//! A distribution, its composes, a run and a gate, made up for tests and pictures of the screens.
//!
//! The clock stands still at [`now`], and nothing is read from this machine, so that two drawings of one state are the
//! same for ever. Plans and run states come out of the real planner and the real fold: a picture can show nothing that
//! the program cannot reach. Not part of the public API.

pub mod console;
pub mod evidence;
pub mod frame;
pub mod host;
pub mod logs;
pub mod run;

use crate::domain::approval::Identity;
use jiff::Timestamp;

/// Returns the moment at which every clock of the fixtures stands.
pub fn now() -> Timestamp {
    at(0)
}

/// Returns the moment `seconds` after [`now`].
pub fn at(seconds: i64) -> Timestamp {
    // 2026-11-22T18:45:00Z
    Timestamp::from_second(1_795_373_100 + seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Makes a value from text that is known to be one.
pub fn parse<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().expect("fixtures hold valid names only")
}

/// Returns the engineer at this console.
pub fn me() -> Identity {
    person(1001, "releng1", "/dev/pts/3")
}

/// Returns the engineer at the other console.
pub fn other() -> Identity {
    person(1002, "releng2", "/dev/pts/7")
}

fn person(uid: u32, login: &str, terminal: &str) -> Identity {
    Identity {
        uid: 0,
        user: "root".to_owned(),
        login_uid: Some(uid),
        login: Some(login.to_owned()),
        host: "compose01".to_owned(),
        terminal: Some(terminal.to_owned()),
    }
}
