//! How fast the console is there, and how still it is then.
//!
//! ```text
//! cargo bench --bench start                 exec to first frame, idle wake-ups and frames, memory
//! STAGEGATE_BIN=PROGRAM cargo bench …       measures another build
//! cargo test --bench start                  a smoke run: asserts what is counted, no times
//! ```
//!
//! The first frame is there when the word for the Status screen is drawn; the clock begins before the process
//! does. Idle is counted once the console knows where everything stands: bytes drawn (a frame of an unchanged
//! screen is none), and how often any of its threads went to sleep, which is how often one was woken.
//! It has a loop of its own for the same reason as the flood: it measures processes.

#![expect(clippy::print_stdout, reason = "a bench prints its results")]

#[path = "shared/host.rs"]
#[expect(dead_code, reason = "runs are started elsewhere")]
mod host;
#[path = "shared/processes.rs"]
#[expect(dead_code, reason = "stolen time is looked at elsewhere")]
mod processes;
#[path = "shared/program.rs"]
mod program;
#[path = "shared/screen.rs"]
#[expect(dead_code, reason = "keys are pressed elsewhere")]
mod screen;

use clap::Parser;
use host::Host;
use processes::Cost;
use program::{ms, share};
use screen::Screen;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(1);
/// How long nothing may be drawn before a console counts as having settled.
const STILL: Duration = Duration::from_secs(2);

#[derive(Debug, Parser)]
struct Args {
    /// Given by `cargo bench`; without it, this is a smoke run.
    #[arg(long)]
    bench: bool,
    /// How often the console is started.
    #[arg(long, default_value_t = 40)]
    starts: usize,
    /// For how long it is watched while it does nothing, in seconds.
    #[arg(long, default_value_t = 50)]
    idle: u64,
}

fn main() -> anyhow::Result<()> {
    let mut args = Args::parse();
    if !args.bench {
        (args.starts, args.idle) = (2, 3);
    }
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let host = Host::build(scratch.path())?;
    let mut first =
        (0..args.starts).map(|_| start(&host).map(|(_, took)| took)).collect::<Result<Vec<_>, _>>()?;
    first.sort_unstable();
    let (quickest, median, slowest) = (share(&first, 0.0), share(&first, 0.5), share(&first, 1.0));
    let (screen, _) = start(&host)?;
    settle(&screen)?;
    let before = (Cost::of(&[screen.pid()]), screen.drawn());
    std::thread::sleep(Duration::from_secs(args.idle));
    let after = (Cost::of(&[screen.pid()]), screen.drawn());
    let sleeps = after.0.sleeps.saturating_sub(before.0.sleeps);
    anyhow::ensure!(
        before.0.peak_kib > 0 && before.0.sleeps > 0,
        "the console was gone before it was measured"
    );
    anyhow::ensure!(after.1 == before.1, "an idle console drew {} bytes", after.1 - before.1);
    println!("| | |\n|---|---|");
    println!(
        "| exec to first frame, of {} starts | {:.1} ms median, {:.1} quickest, {:.1} slowest |",
        args.starts,
        ms(median),
        ms(quickest),
        ms(slowest)
    );
    println!(
        "| idle on Status for {} s | {sleeps} wake-ups, {} bytes drawn, CPU {:.2} s |",
        args.idle,
        after.1 - before.1,
        after.0.cpu_since(&before.0)
    );
    println!("| peak resident memory, on Status | {:.1} MiB |", after.0.peak_kib as f64 / 1024.0);
    Ok(())
}

/// Starts a console on Status, and returns it with the time that its first frame took.
fn start(host: &Host) -> anyhow::Result<(Screen, Duration)> {
    let begun = Instant::now();
    let screen = Screen::start(&host.argv(&[]), &[("HOME", host.home())], &["Status"])?;
    let seen = screen.seen(PATIENCE).ok_or_else(|| anyhow::anyhow!("there was no first frame"))?;
    Ok((screen, seen.duration_since(begun)))
}

/// Waits until nothing has been drawn for a while.
fn settle(screen: &Screen) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let before = screen.drawn();
        std::thread::sleep(STILL);
        if screen.drawn() == before {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < until, "the console never comes to rest");
    }
}
