//! `stagegate log`: a step's log, without secrets and without anything that a terminal obeys.
//!
//! With `--raw` it is what the step printed, byte for byte. That is said on standard error, and a terminal does not
//! get it: escape sequences from logs never reach the engineer's terminal (design 12.4).

use super::args::{Global, LogArgs};
use super::context;
use super::exit::{Exit, Failure};
use crate::domain::redact::Reading;
use crate::domain::run::RunState;
use crate::journal::store::RunDir;
use crate::runtime::secrets;
use std::io::{IsTerminal as _, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

/// How much is read at once.
const PIECE: usize = 256 * 1024;
/// A line longer than this is printed in parts.
const LONGEST: usize = 32 * 1024;
/// How far before its end a part is cut at a blank, so that no word and no escape sequence is cut in two.
const BLANK_WITHIN: usize = 4 * 1024;
/// What is said of a raw log.
const RAW: &str =
    "stagegate: this is the log as the step printed it, with secrets and escape sequences, if it has any\n";
/// How often a growing log is looked at.
const EVERY: Duration = Duration::from_millis(50);

/// Prints a step's log.
pub(super) fn run(global: &Global, args: &LogArgs) -> Result<Exit, Failure> {
    let (_, dir) = context::find_run(global, &args.run)?;
    let redactor = secrets::of_run(&dir, &dir.plan()?);
    if args.raw {
        if std::io::stdout().is_terminal() {
            return Err(Failure::usage_text(
                "a raw log can hold anything, so a terminal does not get it: send it into a file or a pipe, or leave out --raw",
            ));
        }
        context::warn(RAW);
    }
    let mut printer = Printer { raw: args.raw, reading: Reading::new(redactor), rest: Vec::new() };
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
struct Printer {
    raw: bool,
    reading: Reading,
    rest: Vec<u8>,
}

impl Printer {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.raw {
            return write(bytes);
        }
        self.rest.extend_from_slice(bytes);
        let rest = std::mem::take(&mut self.rest);
        let mut at = 0;
        while let Some(end) = memchr::memchr(b'\n', rest.get(at..).unwrap_or_default()) {
            self.print_line(rest.get(at..at + end).unwrap_or_default())?;
            at += end + 1;
        }
        let rest = rest.get(at..).unwrap_or_default();
        let parts = self.print_parts(rest)?;
        self.rest = rest.get(parts..).unwrap_or_default().to_vec();
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let part = std::mem::take(&mut self.rest);
        if part.is_empty() { Ok(()) } else { self.print_line(&part) }
    }

    /// Prints what is longer than a line should be, as lines; returns how many bytes that were.
    fn print_parts(&mut self, line: &[u8]) -> Result<usize, Failure> {
        let mut at = 0;
        while let Some(part) = line.get(at..at + LONGEST) {
            let near = part.get(LONGEST - BLANK_WITHIN..).unwrap_or_default();
            let blank = near.iter().rposition(|byte| matches!(byte, b' ' | b'\r' | b'\t'));
            let end = blank.map_or(LONGEST, |blank| LONGEST - BLANK_WITHIN + blank + 1);
            let shown = self.reading.part(part.get(..end).unwrap_or_default());
            Self::print(&shown.text())?;
            at += end;
        }
        Ok(at)
    }

    fn print_line(&mut self, line: &[u8]) -> Result<(), Failure> {
        let parts = self.print_parts(line)?;
        let shown = self.reading.line(line.get(parts..).unwrap_or_default());
        Self::print(&shown.text())
    }

    fn print(text: &str) -> Result<(), Failure> {
        write(format!("{}\n", text.trim_end()).as_bytes())
    }
}

fn write(bytes: &[u8]) -> Result<(), Failure> {
    match std::io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => Ok(other?),
    }
}
