//! Finds programs as a shell would, and runs the few that a check has to ask, with a deadline.
//!
//! What is run here must be harmless: it gets no terminal and nothing to read, so that a prompt ends it
//! instead of waiting for an answer that nobody can see.

use crate::compose::pulse::Pulse;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How a program ended that a check asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// It ended, with or without success, and these were the last words on its error stream.
    Ended {
        /// Whether its exit code was 0.
        success: bool,
        /// Its last words, on one line.
        said: String,
    },
    /// It was still at it when the time was up, and was killed.
    TookTooLong,
    /// It could not be started.
    NotStarted(String),
    /// The check was cancelled.
    Cancelled,
}

/// Returns where `name` is found: itself if it holds a slash, else in the `PATH` of `environment`.
pub(super) fn find(name: &str, environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    if name.contains('/') {
        let path = PathBuf::from(name);
        return is_executable(&path).then_some(path);
    }
    let path = environment.get("PATH")?;
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|path| is_executable(path))
}

/// Returns whether `path` is a file that this process may execute.
pub(super) fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Runs `program` with `arguments` in `folder`, without a terminal and with an empty input.
pub(super) fn ask(
    program: &Path,
    arguments: &[&OsStr],
    folder: &Path,
    environment: &BTreeMap<String, String>,
    deadline: Duration,
    pulse: &Pulse,
) -> Asked {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env_clear().envs(environment);
    // With a terminal named in the environment, gpg's agent would ask for a passphrase there.
    command.env_remove("GPG_TTY").env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Asked::NotStarted(error.kind().to_string()),
    };
    // Read beside it: a program that says more than a pipe holds would else wait for ever.
    let words = child.stderr.take().map(|mut stream| {
        std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = stream.by_ref().take(64 << 10).read_to_end(&mut said);
            said
        })
    });
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                // A grandchild may hold the stream open: its words are not worth waiting for.
                let said = words.filter(settled).and_then(|words| words.join().ok());
                return Asked::Ended {
                    success: status.success(),
                    said: last_words(&said.unwrap_or_default()),
                };
            }
            Ok(None) if pulse.is_cancelled() => {
                end(&mut child);
                return Asked::Cancelled;
            }
            Ok(None) if begun.elapsed() >= deadline => {
                end(&mut child);
                return Asked::TookTooLong;
            }
            Ok(None) => {
                // It has a deadline of its own: as long as it may take, the check is not silent.
                pulse.beat();
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Asked::NotStarted(error.kind().to_string()),
        }
    }
}

fn settled(words: &std::thread::JoinHandle<Vec<u8>>) -> bool {
    let begun = Instant::now();
    while !words.is_finished() && begun.elapsed() < Duration::from_millis(500) {
        std::thread::sleep(Duration::from_millis(5));
    }
    words.is_finished()
}

fn end(child: &mut std::process::Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn last_words(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.trim().chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, deadline: Duration) -> Asked {
        let environment = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
        let program = find("sh", &environment).unwrap();
        let arguments = [OsStr::new("-c"), OsStr::new(script)];
        ask(&program, &arguments, Path::new("/"), &environment, deadline, &Pulse::new())
    }

    #[test]
    fn programs_are_asked_without_a_terminal_and_within_a_time() {
        let long = Duration::from_mins(1);
        let good = Asked::Ended { success: true, said: String::new() };
        assert_eq!(shell("test ! -t 0 && ! read -r line", long), good);
        assert_eq!(
            shell("echo one >&2; echo two >&2; exit 3", long),
            Asked::Ended { success: false, said: "two".into() }
        );
        assert_eq!(shell("sleep 600 & sleep 600", Duration::from_millis(50)), Asked::TookTooLong);
        // More than a pipe holds.
        assert!(matches!(shell("head -c 300000 /dev/zero >&2", long), Asked::Ended { .. }));
    }

    #[test]
    fn a_program_is_found_where_the_step_would_find_it() {
        let environment = BTreeMap::from([("PATH".to_owned(), "/nowhere:/usr/bin:/bin".to_owned())]);
        assert!(find("sh", &environment).is_some());
        assert!(find("no-such-program", &environment).is_none());
        assert!(find("sh", &BTreeMap::new()).is_none());
        assert!(find("/bin/sh", &BTreeMap::new()).is_some());
        assert!(find("/bin", &BTreeMap::new()).is_none());
    }
}
