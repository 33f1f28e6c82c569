//! Reads GNU parallel's job log: one line for each job that has ended, with its exit code and signal.
//!
//! The scripts throw these codes away; the log is how they are recovered (reality §6). Format: the file
//! that `parallel --joblog` writes (parallel(1)): tab-separated columns Seq, Host, Starttime, `JobRuntime`,
//! Send, Receive, Exitval, Signal, Command, under a heading line.

use std::time::Duration;

/// One entry of a job log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLogEntry {
    /// The number of the job, in the order in which they were started.
    pub seq: u64,
    /// How long it ran.
    pub runtime: Duration,
    /// Its exit code.
    pub exit_code: i32,
    /// The signal that ended it, 0 if none did.
    pub signal: i32,
    /// What was run.
    pub command: String,
}

impl JobLogEntry {
    /// Tells whether it exited with anything but 0 or was ended by a signal.
    pub fn has_failed(&self) -> bool {
        self.exit_code != 0 || self.signal != 0
    }
}

/// What a job log holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobLog {
    /// The entries, in the order in which they ended. Several runs of parallel may follow one another.
    pub entries: Vec<JobLogEntry>,
    /// The numbers of the lines that could not be read, from 1: what they said is not known, so a log with
    /// any proves nothing.
    pub unreadable: Vec<usize>,
}

impl JobLog {
    /// Reads a job log. A line that was cut short in writing counts as unreadable.
    pub fn parse(text: &[u8]) -> Self {
        let mut log = Self::default();
        for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let line = String::from_utf8_lossy(line);
            if line.starts_with("Seq\tHost\t") || line.trim().is_empty() {
                continue;
            }
            match parse_entry(&line) {
                Some(entry) => log.entries.push(entry),
                None => log.unreadable.push(index + 1),
            }
        }
        log
    }

    /// Returns the entries that failed.
    pub fn failures(&self) -> impl Iterator<Item = &JobLogEntry> {
        self.entries.iter().filter(|entry| entry.has_failed())
    }
}

fn parse_entry(line: &str) -> Option<JobLogEntry> {
    let columns: Vec<&str> = line.strip_suffix('\n')?.splitn(9, '\t').collect();
    let [seq, _host, _start, runtime, _sent, _received, exit_code, signal, command] = columns[..] else {
        return None;
    };
    Some(JobLogEntry {
        seq: seq.parse().ok()?,
        runtime: Duration::try_from_secs_f64(runtime.trim().parse().ok()?).ok()?,
        exit_code: exit_code.trim().parse().ok()?,
        signal: signal.trim().parse().ok()?,
        command: command.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RECORDED: &[u8] = include_bytes!("../../tests/fixtures/exec/terminal/parallel-joblog.txt");

    #[test]
    fn a_recorded_log_is_read() {
        let log = JobLog::parse(RECORDED);
        assert_eq!(log.entries.len(), 18);
        assert_eq!((log.unreadable.len(), log.failures().count()), (0, 0));
        let first = &log.entries[0];
        assert_eq!((first.seq, first.runtime), (8, Duration::from_millis(2760)));
        assert!(first.command.starts_with("sudo rsync -av ") && first.command.ends_with("/8.5-RC1"));
    }

    #[test]
    fn failures_are_exit_codes_and_signals() {
        let text = b"Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n\
            1\t:\t1795376506.384\t     2.760\t0\t2040\t11\t0\tsudo rsync A\tB\n\
            2\t:\t1795376506.384\t     0.1\t0\t0\t0\t15\trsync\n\
            3\t:\t1795376506.384\t     0.1\t0\t0\t0\t0\trsync\n";
        let log = JobLog::parse(text);
        let failed: Vec<_> = log.failures().map(|entry| (entry.seq, entry.exit_code, entry.signal)).collect();
        assert_eq!(failed, [(1, 11, 0), (2, 0, 15)]);
        assert_eq!(log.entries[0].command, "sudo rsync A\tB");
    }

    #[test]
    fn a_torn_line_is_no_success() {
        let log = JobLog::parse(&RECORDED[..RECORDED.len() - 1]);
        assert_eq!((log.entries.len(), log.unreadable.as_slice()), (17, &[19][..]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in any::<Vec<u8>>()) {
            let log = JobLog::parse(&text);
            prop_assert!(log.entries.len() + log.unreadable.len() <= text.len() + 1);
        }
    }
}
