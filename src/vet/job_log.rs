//! After a step that runs GNU parallel: every one of its jobs ended well.
//!
//! The push loses parallel's exit code, so its job log is the only witness (reality.md 6). The supervisor makes the file
//! beforehand; where it stays empty, nothing was copied at all: `sudo -l` failed, or parallel is missing. Columns: Seq Host
//! Starttime `JobRuntime` Send Receive Exitval Signal Command. It cannot see what parallel was never told to copy:
//! staging-matches-compose and production-matches-staging do.

use super::VetContext;
use super::found::Found;
use super::places::shown;
use std::path::Path;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(path) = cx.joblog else {
        let message = "no job log was asked for, so nobody knows how the copies ended";
        found.warning("none", cx.step.id.as_str(), message, "compare the trees yourself");
        return;
    };
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            let message = format!("the job log could not be read: {}", error.kind());
            found.blocking("unreadable", shown(path), message, "run the step again");
            return;
        }
    };
    let mut copies = 0;
    for line in text.lines().filter(|line| !line.starts_with("Seq\t") && !line.trim().is_empty()) {
        copies += 1;
        match Line::parse(line) {
            Some(line) if line.exit == 0 && line.signal == 0 => {}
            Some(line) => {
                found.blocking("failed", line.what(), line.end(), "see the step's log, run it again");
            }
            None => {
                let message = format!("a line of the job log makes no sense: {}", shown(line));
                found.blocking("garbled", shown(path), message, "run the step again");
            }
        }
    }
    if copies == 0 {
        let message = "GNU parallel started nothing: `sudo -l` failed, or there was nothing to copy";
        found.blocking("empty", cx.step.id.as_str(), message, "see the step's log, run it again");
    }
}

struct Line<'a> {
    exit: i32,
    signal: i32,
    command: &'a str,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.splitn(9, '\t').skip(6);
        let exit = fields.next()?.trim().parse().ok()?;
        let signal = fields.next()?.trim().parse().ok()?;
        Some(Self { exit, signal, command: fields.next()? })
    }

    /// Returns the folder that was copied: the last argument but one of an rsync, else the command.
    fn what(&self) -> String {
        let words: Vec<&str> = self.command.split_whitespace().collect();
        let is_rsync =
            words.iter().any(|word| Path::new(word).file_name().is_some_and(|name| name == "rsync"));
        match words.as_slice() {
            [.., source, _] if is_rsync => shown(source),
            _ => shown(self.command),
        }
    }

    fn end(&self) -> String {
        if self.signal == 0 {
            format!("its copy failed with exit code {}", self.exit)
        } else {
            format!("its copy was killed by signal {}", self.signal)
        }
    }
}
