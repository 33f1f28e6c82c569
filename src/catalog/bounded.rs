//! Runs one short program with a deadline and a limit on what it prints.
//!
//! For the questions that the catalog asks of bash and git. It must not be used for steps: those have a
//! terminal, a log and a supervisor. The program gets a process group of its own, which is killed at the
//! deadline and when its leader has ended, so that nothing it left behind holds the pipes open.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// The most that is read of either stream, in bytes.
const MOST: u64 = 1 << 20;

/// What a program printed and how it ended.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// The error of a program that gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum BoundedError {
    #[error("{program} is not installed")]
    NotInstalled { program: String },
    #[error("{program} could not be run: {source}")]
    Run { program: String, source: io::Error },
    #[error("{program} did not answer within {} s and was killed", .limit.as_secs_f32())]
    Deadline { program: String, limit: Duration },
    #[error("{program} printed more than a MiB")]
    TooMuch { program: String },
}

enum Event {
    Stdout(io::Result<Vec<u8>>),
    Stderr(io::Result<Vec<u8>>),
    Exited,
}

/// Runs `command` to its end, at most for `limit`.
pub(super) fn run(command: &mut Command, limit: Duration) -> Result<Output, BoundedError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |source: io::Error| BoundedError::Run { program: program.clone(), source };
    let deadline = Instant::now() + limit;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let folder_is_there = command.get_current_dir().is_none_or(std::path::Path::is_dir);
    let mut child = command.spawn().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound if folder_is_there => BoundedError::NotInstalled { program: program.clone() },
        _ => failed(source),
    })?;
    let group = Pid::from_child(&child);
    let collected = collect(&mut child, group, deadline);
    // The leader is not reaped yet, so its number still names this group and no other.
    let _ = kill_process_group(group, Signal::KILL);
    let Some((stdout, stderr)) = collected.map_err(failed)? else {
        // On a dead mount not even KILL ends it: whoever waits for that is not the caller.
        thread::spawn(move || child.wait());
        return Err(BoundedError::Deadline { program, limit });
    };
    let status = child.wait().map_err(failed)?;
    if [&stdout, &stderr].iter().any(|stream| stream.len() as u64 > MOST) {
        return Err(BoundedError::TooMuch { program });
    }
    Ok(Output { status, stdout, stderr })
}

/// Waits for the end of both streams and of the leader, without reaping it; nothing at the deadline.
fn collect(child: &mut Child, group: Pid, deadline: Instant) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let (events, arrived) = mpsc::channel();
    read_on(child.stdout.take(), events.clone(), Event::Stdout);
    read_on(child.stderr.take(), events.clone(), Event::Stderr);
    thread::spawn(move || {
        let _ = waitid(WaitId::Pid(group), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        let _ = events.send(Event::Exited);
    });
    let (mut stdout, mut stderr, mut exited) = (None, None, false);
    while stdout.is_none() || stderr.is_none() || !exited {
        match arrived.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Event::Stdout(bytes)) => stdout = Some(bytes?),
            Ok(Event::Stderr(bytes)) => stderr = Some(bytes?),
            Ok(Event::Exited) => {
                exited = true;
                let _ = kill_process_group(group, Signal::KILL);
            }
            Err(_) => return Ok(None),
        }
    }
    Ok(stdout.zip(stderr))
}

fn read_on(
    stream: Option<impl Read + Send + 'static>,
    events: mpsc::Sender<Event>,
    event: fn(io::Result<Vec<u8>>) -> Event,
) {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = match stream {
            Some(stream) => stream.take(MOST + 1).read_to_end(&mut bytes).map(|_| bytes),
            None => Ok(bytes),
        };
        let _ = events.send(event(read));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    fn bash(script: &str) -> Command {
        let mut command = Command::new("bash");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn gives_both_streams_and_the_status() {
        let output = run(&mut bash("echo out; echo err >&2; exit 3"), LONG).unwrap();
        assert_eq!((output.stdout, output.stderr), (b"out\n".to_vec(), b"err\n".to_vec()));
        assert_eq!(output.status.code(), Some(3));
    }

    #[test]
    fn kills_the_whole_group_at_the_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let mut command = bash("sleep 600 & exec 9<>\"$FIFO\"; read -r _ <&9");
        let error = run(command.env("FIFO", &fifo), Duration::from_millis(300)).unwrap_err();
        assert!(matches!(error, BoundedError::Deadline { .. }), "{error}");
    }

    #[test]
    fn what_the_leader_leaves_behind_does_not_hold_the_answer_up() {
        let output = run(&mut bash("sleep 600 & echo done"), LONG).unwrap();
        assert_eq!(output.stdout, b"done\n");
    }

    #[test]
    fn a_flood_is_refused() {
        let error = run(&mut bash("while :; do printf %065536d 0; done"), LONG).unwrap_err();
        assert!(matches!(error, BoundedError::TooMuch { .. }), "{error}");
    }

    #[test]
    fn a_missing_program_is_told_from_a_missing_folder() {
        let error = run(&mut Command::new("/nonexistent/program"), LONG).unwrap_err();
        assert!(matches!(error, BoundedError::NotInstalled { .. }), "{error}");
        let error = run(bash("true").current_dir("/nonexistent"), LONG).unwrap_err();
        assert!(matches!(error, BoundedError::Run { .. }), "{error}");
    }
}
