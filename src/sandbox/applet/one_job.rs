//! `sandbox-job SEQ TAG COMMAND…`: one of the transfers that the real scripts hand to GNU parallel.
//!
//! It obeys what release engineers put into `$PARALLEL`: with `--tag` each line, and what follows a carriage
//! return, begins with the tag; with `--joblog [+]FILE` the end of the command is recorded there, in GNU
//! parallel's columns. Other options are accepted and mean nothing here. `sandbox-job --open` begins the log.

use super::{Call, complain};
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime};

const HEADER: &str = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand";

/// Runs the tool; the exit code is the command's, 128 + N for a signal.
pub(super) fn run(call: &Call<'_>) -> io::Result<u8> {
    let wishes = Wishes::of(&std::env::var("PARALLEL").unwrap_or_default());
    let [seq, rest @ ..] = call.args.as_slice() else {
        return complain(255, "usage: sandbox-job --open | sandbox-job SEQ TAG COMMAND…");
    };
    if seq == "--open" {
        return wishes.open().map(|()| 0);
    }
    let [tag, program, arguments @ ..] = rest else {
        return complain(255, "usage: sandbox-job --open | sandbox-job SEQ TAG COMMAND…");
    };
    let began = (SystemTime::now(), Instant::now());
    let mut command = Command::new(program);
    command.args(arguments);
    let (status, received) = if wishes.tag { tagged(&mut command, tag)? } else { (command.status()?, 0) };
    wishes.record(seq, began, received, status, &call.args[2..].join(" "))?;
    Ok(code_of(status))
}

fn code_of(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// What `$PARALLEL` asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wishes {
    tag: bool,
    joblog: Option<String>,
    /// The log grows (`+FILE`) and has no heading.
    append: bool,
}

impl Wishes {
    fn of(text: &str) -> Self {
        let words = shell_words::split(text).unwrap_or_default();
        let mut wishes = Self { tag: false, joblog: None, append: false };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let file = match word.strip_prefix("--joblog") {
                Some("") => words.next().map(String::as_str),
                Some(rest) => rest.strip_prefix('='),
                None => None,
            };
            wishes.tag |= word == "--tag";
            if let Some(file) = file {
                wishes.append = file.starts_with('+');
                wishes.joblog = Some(file.trim_start_matches('+').to_owned());
            }
        }
        wishes
    }

    fn open(&self) -> io::Result<()> {
        match &self.joblog {
            Some(file) if !self.append => std::fs::write(file, format!("{HEADER}\n")),
            _ => Ok(()),
        }
    }

    fn record(
        &self,
        seq: &str,
        (start, began): (SystemTime, Instant),
        received: u64,
        status: ExitStatus,
        command: &str,
    ) -> io::Result<()> {
        let Some(file) = &self.joblog else { return Ok(()) };
        let start = start.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64();
        let runtime = began.elapsed().as_secs_f64();
        let (exit, signal) = (status.code().unwrap_or_default(), status.signal().unwrap_or_default());
        let line =
            format!("{seq}\t:\t{start:.3}\t{runtime:>10.3}\t0\t{received}\t{exit}\t{signal}\t{command}\n");
        // One write, so that the lines of jobs that end together do not mix.
        OpenOptions::new().append(true).create(true).open(file)?.write_all(line.as_bytes())
    }
}

/// Runs `command` with its output and errors in one pipe, each line behind `tag`.
fn tagged(command: &mut Command, tag: &str) -> io::Result<(ExitStatus, u64)> {
    let (mut reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    // The command keeps the writing ends; ours must go, or the pipe would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (mut chunk, mut tagger, mut received) = (vec![0; 64 * 1024], Tagger::new(tag), 0);
    loop {
        let length = reader.read(&mut chunk)?;
        if length == 0 {
            break;
        }
        received += length as u64;
        let out = tagger.tag(&chunk[..length]);
        io::stdout().lock().write_all(&out)?;
        io::stdout().flush()?;
    }
    Ok((child.wait()?, received))
}

/// Puts a tag before each line and behind each carriage return.
#[derive(Debug)]
struct Tagger {
    tag: Vec<u8>,
    fresh: bool,
}

impl Tagger {
    fn new(tag: &str) -> Self {
        Self { tag: format!("{tag}\t").into_bytes(), fresh: true }
    }

    fn tag(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() * 2);
        for &byte in bytes {
            if self.fresh {
                out.extend_from_slice(&self.tag);
            }
            out.push(byte);
            self.fresh = byte == b'\n' || byte == b'\r';
        }
        out
    }
}

/// `sandbox-flood MEGABYTES`: prints that much as fast as it can, coloured lines and rewritten ones mixed.
pub(super) fn flood(call: &Call<'_>) -> io::Result<u8> {
    let Some(wanted) = call.args.first().and_then(|text| text.parse::<u64>().ok()) else {
        return complain(2, "usage: sandbox-flood MEGABYTES");
    };
    let mut out = BufWriter::with_capacity(256 * 1024, io::stdout().lock());
    let (mut written, mut number) = (0, 0_u64);
    while written < wanted * 1_000_000 {
        number += 1;
        let line = match number % 8 {
            0 => format!("\r{number:>15} {:>3}%   99.99MB/s    0:00:00 ", number / 8 % 101),
            3 => format!("\x1b[0;32mok: [builder{:02}] => (item={number})\x1b[0m\n", number % 16),
            5 => format!("\x1b[1;35m[WARNING]: line {number} repeats itself\x1b[0m\n"),
            _ => {
                format!("flood {number:>10} AppStream/x86_64/os/Packages/f/flood-{number}-1.el8.x86_64.rpm\n")
            }
        };
        written += line.len() as u64;
        out.write_all(line.as_bytes())?;
    }
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_parallel_wishes_is_read_with_quotes_and_plus() {
        let wishes = Wishes::of("--line-buffer --tag --joblog '+/a b/log'");
        assert_eq!(wishes, Wishes { tag: true, joblog: Some("/a b/log".to_owned()), append: true });
        assert_eq!(Wishes::of("--joblog=x").joblog.as_deref(), Some("x"));
        assert_eq!(Wishes::of(""), Wishes { tag: false, joblog: None, append: false });
    }

    #[test]
    fn tags_are_repeated_as_gnu_parallel_repeats_them() {
        let mut tagger = Tagger::new("BaseOS/aarch64");
        let mut out = tagger.tag(b"a.rpm\n\r  1K");
        out.extend(tagger.tag(b" 100%  \r  2K (xfr#1)\n"));
        let tag = "BaseOS/aarch64\t";
        let wanted = format!("{tag}a.rpm\n{tag}\r{tag}  1K 100%  \r{tag}  2K (xfr#1)\n");
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }
}
