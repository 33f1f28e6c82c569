//! `kill -9` at random moments, and what is left of the truth after it.
//!
//! Each run goes from a console's first key, or from `stagegate run`, to its gate. On the way one to three processes
//! are killed: the console, the supervisor, the shell of the running step, or another process of it. After each kill
//! the program is asked what happened, and what it says is done (`resume`, `retry`, remove this, wait for that),
//! until the gate waits. At the end five things are counted, and all of them must be nought:
//!
//! | counted | by whom |
//! |---|---|
//! | steps run twice at once | a lock that every process of an attempt inherits (`chaos/witness.sh`) |
//! | log bytes lost | the witness's copy of what each attempt printed; and where the supervisor is killed, the kernel's count of what it had read in that moment: all of it must be in the file once the run was taken up again |
//! | journals unreadable | `runs`, `status`, `report` and `verify-run` must exit 0; each record has its number, its digest and the digest of the one before it |
//! | terminals left raw | the modes of the one terminal that all consoles of a run use, each time a console has left it: by `q`, Ctrl-C, TERM, HUP, INT or QUIT, on a terminal that a killed one had left raw too |
//! | wrong states | `runs` against a second fold of the journal; the journal against the witness: no success without an exit code of 0, no exit code but the real one, no attempt without a record, no record of an end that was not |
//!
//! Seeded: `STAGEGATE_CHAOS_RUNS=200` says how many (20 without it), `STAGEGATE_CHAOS_SEED=7` plays that one story again.
//! The moments are events (the n-th key, n records of the journal more, n bytes of the logs more) and a time after
//! them, so a seed tells the same story as far as a kernel lets it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]
#![expect(clippy::print_stdout, reason = "it prints its table")]

#[path = "support/cgroups.rs"]
mod cgroups;
#[path = "chaos/course.rs"]
mod course;
#[path = "chaos/host.rs"]
mod host;
#[path = "chaos/journal.rs"]
mod journal;
#[path = "chaos/processes.rs"]
mod processes;
#[path = "chaos/seed.rs"]
mod seed;
#[path = "chaos/story.rs"]
mod story;
#[path = "chaos/terminal.rs"]
mod terminal;
#[path = "chaos/verdict.rs"]
mod verdict;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use story::Story;
use verdict::Tally;

/// How many runs there are unless somebody says otherwise.
const RUNS: u64 = 20;
/// After how many runs the table is printed on the way.
const PRINT_EVERY: u64 = 50;
/// How many stories are played side by side: each has a console, a supervisor and a step at work.
const SIDE_BY_SIDE: usize = 2;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`, which is no number")))
}

/// Plays the story of `seed` on a host of its own.
fn one(template: &host::Template, seed: u64) -> Tally {
    let (story, mut host) = (Story::of(seed), template.copy());
    let (tally, diary) = course::play(&host, &story);
    processes::end_all(&host);
    cgroups::sweep(&host.at("state"));
    if number("STAGEGATE_CHAOS_SEED").is_some() {
        println!("{}", diary.join("\n"));
    }
    if !tally.wrongs.is_empty() {
        let kept = host.keep();
        println!("seed {seed} (STAGEGATE_CHAOS_SEED={seed} repeats it), kept in {}:", kept.display());
        println!("{story:#?}\n{}", diary.join("\n"));
        println!("WRONG:\n{}\n", tally.wrongs.join("\n"));
    }
    tally
}

#[test]
fn whoever_is_killed_nothing_runs_twice_nothing_is_lost_and_nothing_lies() {
    let template = host::Template::build();
    let one_seed = number("STAGEGATE_CHAOS_SEED");
    let (next, last) = match (one_seed, number("STAGEGATE_CHAOS_RUNS")) {
        (Some(seed), _) => (AtomicU64::new(seed), seed + 1),
        (None, runs) => (AtomicU64::new(1), 1 + runs.unwrap_or(RUNS)),
    };
    let whole = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= last {
                        return;
                    }
                    let tally = one(&template, seed);
                    let mut whole = whole.lock().unwrap();
                    whole.add(tally);
                    if whole.runs.is_multiple_of(PRINT_EVERY) {
                        println!("{}", whole.table());
                    }
                }
            });
        }
    });
    let whole = whole.into_inner().unwrap();
    println!("{}", whole.table());
    assert!(whole.wrongs.is_empty(), "{}", whole.wrongs.join("\n"));
    if one_seed.is_none() {
        assert!(
            whole.kills.len() == 4 && whole.lives > 4 * whole.runs,
            "not everybody was killed: {whole:?}"
        );
    }
}
