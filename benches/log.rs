//! A log of 1 GiB: opened, gone to its end, scrolled, counted and searched, in constant memory.
//!
//! ```text
//! cargo bench --bench log                   1 GiB, each act many times; prints a table
//! cargo test --bench log                    a smoke run on 32 MiB: asserts what is found and what memory it took
//! ```
//!
//! It has a loop of its own for the same reason as the flood: peak memory is a matter of the whole process,
//! and the file is made once for everything. What is measured is what a log pane does before a frame
//! (`exec::log_file`, then `domain::log_line`), and what its search does on a thread of its own.

#![expect(clippy::print_stdout, reason = "a bench prints its results")]

#[path = "shared/processes.rs"]
#[expect(dead_code, reason = "trees and stolen time are looked at elsewhere")]
mod processes;
#[path = "shared/program.rs"]
#[expect(dead_code, reason = "only this process is measured")]
mod program;

use clap::Parser;
use processes::Cost;
use program::{ms, share};
use stagegate::domain::log_line;
use stagegate::exec::log_file::{Found, LogFile, Needle, RawLine, Search, Tally};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Lines of a pane that fills a screen of 200x50.
const ROWS: usize = 46;
/// What peak memory may grow by, whatever the log's size.
const GROWTH_KIB: u64 = 4 * 1024;
const SIZE: u64 = 1 << 30;
const SMOKE: u64 = 32 << 20;

#[derive(Debug, Parser)]
struct Args {
    /// Given by `cargo bench`; without it, this is a smoke run.
    #[arg(long)]
    bench: bool,
    /// How often each act is repeated.
    #[arg(long, default_value_t = 20)]
    times: usize,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let (size, times) = if args.bench { (SIZE, args.times) } else { (SMOKE, 2) };
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let path = scratch.path().join("large.log");
    let lines = write(&path, size)?;
    let own = [std::process::id().cast_signed()];
    let before = Cost::of(&own).peak_kib;
    println!("A log of {} MiB, {lines} lines; p50 / worst of {times}\n\n| | |\n|---|---|", size >> 20);
    look(&path, times)?;
    count(&path, size, lines, times)?;
    search(&path, size, lines, times)?;
    let growth = Cost::of(&own).peak_kib.saturating_sub(before);
    println!("| peak memory grew by | {growth} KiB |");
    anyhow::ensure!(growth <= GROWTH_KIB, "{growth} KiB more memory than before the log was opened");
    Ok(())
}

/// Writes the log: rsync's lines with colours, and one line near its end that is looked for.
fn write(path: &Path, size: u64) -> anyhow::Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 18, File::create(path)?);
    let (mut written, mut number) = (0_u64, 0_u64);
    while written < size {
        let line = if written < size - size / 64 || number.is_multiple_of(2) {
            format!(
                "\x1b[32m{number:>9}\x1b[0m AppStream/x86_64/os/Packages/p/package-{number}-1.el8.x86_64.rpm  100%\n"
            )
        } else {
            format!("{number:>9} rsync: write failed: No space left on device (28), Unrepeatable\n")
        };
        out.write_all(line.as_bytes())?;
        (written, number) = (written + line.len() as u64, number + 1);
    }
    out.into_inner()?.sync_all()?;
    Ok(number)
}

/// Says how long an act took.
fn row(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    println!("| {what} | {:.2} / {:.2} ms |", ms(share(&took, 0.5)), ms(share(&took, 1.0)));
}

/// Says how fast an act went over all of the log.
fn rate(what: &str, size: u64, mut took: Vec<Duration>) {
    took.sort_unstable();
    let gib = |time: Duration| size as f64 / f64::from(1 << 30) / time.as_secs_f64();
    println!("| {what} | {:.2} / {:.2} GiB/s |", gib(share(&took, 0.5)), gib(share(&took, 1.0)));
}

fn time<T>(times: usize, mut act: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<(Vec<Duration>, T)> {
    let mut took = Vec::new();
    let mut last = None;
    for _ in 0..times.max(1) {
        let begun = Instant::now();
        last = Some(act()?);
        took.push(begun.elapsed());
    }
    Ok((took, last.ok_or_else(|| anyhow::anyhow!("nothing was done"))?))
}

/// Makes lines fit to be drawn, as a pane does.
fn draw(lines: &[RawLine]) -> usize {
    lines.iter().map(|line| log_line::render(&line.bytes).width).sum()
}

fn look(path: &Path, times: usize) -> anyhow::Result<()> {
    let (took, columns) = time(times, || Ok(draw(&LogFile::open(path)?.after(0, ROWS)?)))?;
    row("open, and draw its beginning", took);
    let (opened, more) = time(times, || Ok(draw(&LogFile::open(path)?.last(ROWS)?)))?;
    row("open, and draw its end", opened);
    anyhow::ensure!(columns > 0 && more > 0, "there was nothing to draw");
    let mut log = LogFile::open(path)?;
    let mut at = log.len();
    let (took, _) = time(times * 20, || {
        let lines = log.before(at, ROWS)?;
        anyhow::ensure!(lines.len() == ROWS, "a page of {} lines", lines.len());
        at = lines[0].offset;
        Ok(draw(&lines))
    })?;
    row("scroll a page up", took);
    Ok(())
}

fn count(path: &Path, size: u64, lines: u64, times: usize) -> anyhow::Result<()> {
    let (took, last) = time(times, || {
        let mut log = LogFile::open(path)?;
        while log.count_on(u64::MAX)? {}
        Ok(log.counted().0)
    })?;
    anyhow::ensure!(last == lines, "{last} of {lines} lines were counted");
    rate("count all lines", size, took);
    let mut log = LogFile::open(path)?;
    while log.count_on(u64::MAX)? {}
    let (took, _) = time(times * 20, || Ok(log.offset_of(lines / 2 + 1)?))?;
    row("go to a line by its number, once counted", took);
    Ok(())
}

fn search(path: &Path, size: u64, lines: u64, times: usize) -> anyhow::Result<()> {
    let log = LogFile::open(path)?;
    let nowhere = [
        ("text", Needle::new("Nowhere to be found", false)),
        ("text, case ignored", Needle::new("nowhere to be found", true)),
    ];
    for (what, needle) in &nowhere {
        let search = everything(needle);
        let (took, found) = time(times, || Ok(log.find(search, 0..size)?))?;
        anyhow::ensure!(found == Found::Nowhere, "{found:?}");
        rate(&format!("search it for a {what}"), size, took);
        let (took, found) = time(times, || Ok(log.find_back(search, 0..size)?))?;
        anyhow::ensure!(found == Found::Nowhere, "{found:?}");
        rate(&format!("search it backwards for a {what}"), size, took);
    }
    for (what, needle, of) in [
        ("matching lines", Needle::new("unrepeatable", true), None),
        ("matching lines, all of them", Needle::new("_64", false), Some(lines)),
    ] {
        let (took, tally) = time(times, || Ok(log.tally(everything(&needle), u64::MAX, u64::MAX)?))?;
        let Some(Tally { nth, of: all }) = tally else { anyhow::bail!("nobody stopped the count") };
        anyhow::ensure!(nth == all && all > 0 && of.is_none_or(|of| all <= of), "{all} lines match");
        rate(&format!("count {what} ({all})"), size, took);
    }
    Ok(())
}

fn everything(needle: &Needle) -> Search<'_> {
    Search { needle, counts: &|_, _| true, goes_on: &|_| true }
}
