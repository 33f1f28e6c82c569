//! The flood: five noisy children, drained by Stagegate with its console open, by two anchors, and by peers.
//!
//! ```text
//! cargo bench --bench flood                       three rounds of everything; the tables come out as Markdown
//! cargo bench --bench flood -- --rounds 5 --scale 0.2 --only reference,stagegate --workloads seq,cat
//! STAGEGATE_PEERS=DIR[:DIR] cargo bench …         where mprocs and turbo are, if not in PATH
//! cargo test --bench flood                        a smoke run of a few thousand lines; asserts counts, no times
//! ```
//!
//! It has a loop of its own instead of criterion's or divan's: those repeat a function of this process until
//! its time is known, while here whole trees of processes take turns within each round (only then do ratios
//! mean anything on a machine that others share), rounds with stolen time are repeated, and CPU, memory and the
//! answer to keys are measured beside the time. Peers that are not installed are named as missing.

#![expect(clippy::print_stdout, reason = "a bench prints its results")]
#![expect(clippy::print_stderr, reason = "and says how far it is")]

#[path = "flood/contender.rs"]
mod contender;
#[path = "shared/host.rs"]
mod host;
#[path = "flood/measure.rs"]
mod measure;
#[path = "shared/processes.rs"]
mod processes;
#[path = "shared/program.rs"]
mod program;
#[path = "flood/reader.rs"]
mod reader;
#[path = "shared/screen.rs"]
#[expect(dead_code, reason = "stillness is looked at elsewhere")]
mod screen;
#[path = "flood/table.rs"]
mod table;
#[path = "flood/workload.rs"]
mod workload;

use clap::Parser;
use contender::Contender;
use host::Host;
use measure::{Sample, measure};
use processes::MachineTime;
use std::path::PathBuf;
use table::Samples;
use workload::{Stage, Workload};

/// Part of the machine's time that may be stolen in a round that counts.
const STEAL: f64 = 0.05;
/// How often a round is repeated because of that before it counts all the same, and is said to.
const REPEATS: usize = 3;
/// How much of everything a smoke run takes.
const SMOKE: f64 = 0.002;

#[derive(Debug, Parser)]
struct Args {
    /// Given by `cargo bench`; without it, this is a smoke run.
    #[arg(long)]
    bench: bool,
    /// A smoke run: little of everything, without peers, no tables.
    #[arg(long)]
    quick: bool,
    /// How many rounds count.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How much of everything: 1 is what the budgets are about.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// The contenders, by name; the reference always takes part.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The workloads, by name.
    #[arg(long, value_delimiter = ',')]
    workloads: Vec<String>,
    /// Run this script on a PTY and read what it prints: the anchors.
    #[arg(long, hide = true)]
    read: Option<PathBuf>,
    /// Keep what is read, with an index.
    #[arg(long, hide = true)]
    keep: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    match (&args.read, &args.keep) {
        (Some(script), None) => return reader::plain(script),
        (Some(script), Some(log)) => return reader::indexed(script, log),
        (None, _) => {}
    }
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let host = Host::build(scratch.path())?;
    if args.quick || !args.bench {
        return smoke(&host, scratch.path());
    }
    let mut stage = Stage::new(&scratch.path().join("stage"), args.scale)?;
    let contenders = contenders(&args.only);
    let workloads: Vec<Workload> =
        Workload::ALL.into_iter().filter(|one| wanted(&args.workloads, one.name())).collect();
    println!("{}", machine());
    let mut samples = Samples::new();
    let (mut counted, mut repeats) = (0, 0);
    while counted < args.rounds {
        let round = round(&contenders, &workloads, counted, &mut stage, &host, scratch.path())?;
        let stolen = round.iter().map(|(_, sample)| sample.stolen).fold(0.0, f64::max);
        if stolen > STEAL && repeats < REPEATS {
            repeats += 1;
            eprintln!("round repeated: {:.0} % of the machine's time was stolen", stolen * 100.0);
            continue;
        }
        counted += 1;
        for (key, sample) in round {
            samples.entry(key).or_default().push(sample);
        }
    }
    if repeats > 0 {
        println!("\n{repeats} rounds were repeated because of stolen time.");
    }
    println!("{}", table::write(&samples, &workloads, args.scale, counted));
    Ok(())
}

fn wanted(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|one| one == name)
}

/// Returns who takes part, and says who does not.
fn contenders(only: &[String]) -> Vec<Contender> {
    let mut here = Vec::new();
    for contender in Contender::ALL {
        if contender != Contender::Reference && !wanted(only, contender.name()) {
            continue;
        }
        match contender.version() {
            Some(version) => {
                println!("- {}: {version}", contender.name());
                here.push(contender);
            }
            None => println!("- {}: missing, not installed here", contender.name()),
        }
    }
    here
}

/// Says on what it was measured, in general words.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let system = rustix::system::uname();
    let when = jiff::Zoned::now().date();
    format!("\n{cores} cores, Linux {}, {when}.", system.release().to_string_lossy())
}

type Round = Vec<((Contender, usize), Sample)>;

/// Has everybody drain everything once, each workload in turn, another contender first each round.
fn round(
    contenders: &[Contender],
    workloads: &[Workload],
    number: usize,
    stage: &mut Stage,
    host: &Host,
    scratch: &std::path::Path,
) -> anyhow::Result<Round> {
    let mut round = Round::new();
    for (place, workload) in Workload::ALL.into_iter().enumerate().filter(|(_, one)| workloads.contains(one))
    {
        for turn in 0..contenders.len() {
            let contender = contenders[(turn + number) % contenders.len()];
            let sample = measure(contender, workload, stage, host, scratch)?;
            eprintln!(
                "round {}: {:>8} {:>9}: {:6.2} s, CPU {:6.2} s, {:5.1} MiB, {} keys, {} dead, {:.1} % stolen",
                number + 1,
                workload.name(),
                contender.name(),
                sample.wall.as_secs_f64(),
                sample.cpu,
                sample.peak_kib as f64 / 1024.0,
                sample.keys.len(),
                sample.dead_keys,
                sample.stolen * 100.0
            );
            round.push(((contender, place), sample));
        }
    }
    Ok(round)
}

/// Drains little of everything once; that every byte was kept is asserted where it is measured.
fn smoke(host: &Host, scratch: &std::path::Path) -> anyhow::Result<()> {
    let began = MachineTime::now();
    let mut stage = Stage::new(&scratch.join("stage"), SMOKE)?;
    let contenders = [Contender::Plain, Contender::Reference, Contender::Stagegate];
    let round = round(&contenders, &Workload::ALL, 0, &mut stage, host, scratch)?;
    anyhow::ensure!(round.len() == 15, "{} of 15 samples", round.len());
    let unmeasured = round.iter().filter(|(_, sample)| sample.peak_kib == 0).count();
    anyhow::ensure!(unmeasured == 0, "{unmeasured} contenders were gone before they were measured");
    let samples = round.into_iter().map(|(key, sample)| (key, vec![sample])).collect();
    let tables = table::write(&samples, &Workload::ALL, SMOKE, 1);
    anyhow::ensure!(!tables.contains("NaN"), "the tables have holes:\n{tables}");
    println!("15 samples, every kept byte accounted for; {:.1} % stolen", began.stolen() * 100.0);
    Ok(())
}
