//! `stagegate log`: a step's log; without `--raw` nothing of an escape sequence reaches the terminal.

use super::args::{Global, LogArgs};
use super::context;
use super::exit::{Exit, Failure};
use crate::domain::log_line;
use crate::domain::redact::Redactor;
use crate::domain::run::RunState;
use crate::journal::store::RunDir;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

/// How much is read at once.
const PIECE: usize = 256 * 1024;
/// A line longer than this is printed in parts.
const LONGEST: usize = 64 * 1024;
/// How often a growing log is looked at.
const EVERY: Duration = Duration::from_millis(50);

/// Prints a step's log.
pub(super) fn run(global: &Global, args: &LogArgs) -> Result<Exit, Failure> {
    let (_, dir) = context::find_run(global, &args.run)?;
    let redactor = context::redactor(&dir, &dir.plan()?);
    let mut printer = Printer { raw: args.raw, redactor, rest: Vec::new() };
    let mut file = None;
    loop {
        let alive = dir.is_alive();
        let state = dir.load()?;
        let over = !alive || !is_running(&state, args);
        if file.is_none() {
            file = open(&dir, &state, args)?;
        }
        if let Some(file) = &mut file {
            print_rest(file, &mut printer)?;
        }
        if !args.follow || over {
            printer.finish()?;
            break;
        }
        std::thread::sleep(EVERY);
    }
    if file.is_none() {
        return Err(Failure::usage_text(format!("{} has no log yet", args.step)));
    }
    Ok(Exit::Done)
}

fn is_running(state: &RunState, args: &LogArgs) -> bool {
    state.record(&args.step).is_some_and(|record| record.is_running() || record.attempts == 0)
}

fn open(dir: &RunDir, state: &RunState, args: &LogArgs) -> Result<Option<std::fs::File>, Failure> {
    let record = state.record(&args.step).ok_or_else(|| {
        let known: Vec<&str> = state.plan.steps.iter().map(|step| step.id.as_str()).collect();
        Failure::usage_text(format!("the run has no step `{}`; it has {}", args.step, known.join(", ")))
    })?;
    let path: Option<PathBuf> = record.log.as_ref().map(|log| dir.file(log));
    match path {
        Some(path) if path.exists() => Ok(Some(std::fs::File::open(path)?)),
        _ => Ok(None),
    }
}

fn print_rest(file: &mut std::fs::File, printer: &mut Printer) -> Result<(), Failure> {
    let at = file.stream_position()?;
    file.seek(SeekFrom::Start(at))?;
    let mut piece = vec![0; PIECE];
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        printer.take(piece.get(..count).unwrap_or_default())?;
    }
}

/// Prints lines as they become whole.
///
/// A secret that the log holds is taken out, also where the bytes are printed as they are (design 12.5).
struct Printer {
    raw: bool,
    redactor: Redactor,
    rest: Vec<u8>,
}

impl Printer {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.rest.extend_from_slice(bytes);
        if self.raw {
            return self.raw_part(self.redactor.safe_length(&self.rest));
        }
        let mut at = 0;
        while let Some(end) = memchr::memchr(b'\n', self.rest.get(at..).unwrap_or_default()) {
            self.print_line(self.rest.get(at..at + end).unwrap_or_default())?;
            at += end + 1;
        }
        self.rest.drain(..at);
        if self.rest.len() > LONGEST {
            let part: Vec<u8> = self.rest.drain(..self.redactor.safe_length(&self.rest)).collect();
            self.print_line(&part)?;
        }
        Ok(())
    }

    fn raw_part(&mut self, length: usize) -> Result<(), Failure> {
        let part: Vec<u8> = self.rest.drain(..length).collect();
        write(&self.redactor.bytes(&part))
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if self.raw {
            return self.raw_part(self.rest.len());
        }
        let part = std::mem::take(&mut self.rest);
        if part.is_empty() { Ok(()) } else { self.print_line(&part) }
    }

    fn print_line(&self, line: &[u8]) -> Result<(), Failure> {
        let text = log_line::plain(line);
        write(format!("{}\n", self.redactor.text(&text)).as_bytes())
    }
}

fn write(bytes: &[u8]) -> Result<(), Failure> {
    match std::io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => Ok(other?),
    }
}
