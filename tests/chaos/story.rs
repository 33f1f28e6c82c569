//! What is to happen in one run: how it is begun, and who is killed when. All of it from the seed.

use crate::seed::Numbers;
use std::time::Duration;

/// How the run is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// In the console, by keys.
    Keys,
    /// By `stagegate run`, followed on a pipe; a console is opened beside it.
    Command,
}

/// The moment of a kill, by an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// After this many of the keys that begin the run.
    Key(usize),
    /// When the journal has this many records more.
    Records(u64),
    /// When the logs have this many bytes more.
    Bytes(u64),
}

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whom {
    /// The console on the terminal.
    Console,
    /// The supervisor of the run.
    Supervisor,
    /// The shell of the running step.
    Leader,
    /// Another process of the running step.
    Descendant,
}

/// One `kill -9`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kill {
    pub(crate) when: When,
    /// How long after that.
    pub(crate) jitter: Duration,
    pub(crate) whom: Whom,
    /// Which of several.
    pub(crate) which: u64,
}

/// How a console is left that was not killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Q,
    CtrlC,
    Terminate,
    HangUp,
    Interrupt,
    Quit,
}

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    pub(crate) start: Start,
    pub(crate) compose: &'static str,
    pub(crate) sync: &'static str,
    /// The keys that select the same, from the first screen on.
    pub(crate) ticks: &'static [&'static str],
    /// Whether the syncs print some megabytes at once before they begin.
    pub(crate) flood: bool,
    pub(crate) kills: Vec<Kill>,
    pub(crate) ways: Vec<Way>,
}

/// What is composed and synced, and the keys for it: down, compose, sync.
const SELECTIONS: [(&str, &str, &[&str]); 3] = [
    ("Extras", "Extras", &["\x1b[B", "\x1b[B", "c", " "]),
    ("none", "Rocky", &[" "]),
    ("Rocky", "Rocky,Extras", &["c", " ", "\x1b[B", "\x1b[B", " "]),
];
const WAYS: [Way; 6] = [Way::Q, Way::CtrlC, Way::Terminate, Way::HangUp, Way::Interrupt, Way::Quit];

impl Story {
    /// Makes up the story of `seed`.
    pub(crate) fn of(seed: u64) -> Self {
        let mut numbers = Numbers::of(seed);
        let start = numbers.pick(&[Start::Keys, Start::Command]);
        let (compose, sync, ticks) = numbers.pick(&SELECTIONS);
        let flood = numbers.below(4) == 0;
        let mut kills = Vec::new();
        for number in 0..=numbers.below(3) {
            let first_keys = number == 0 && start == Start::Keys && numbers.below(3) == 0;
            kills.push(kill(&mut numbers, first_keys.then_some(ticks.len() + 4), flood));
        }
        let ways = (0..16).map(|_| numbers.pick(&WAYS)).collect();
        Self { start, compose, sync, ticks, flood, kills, ways }
    }
}

fn kill(numbers: &mut Numbers, keys: Option<usize>, flood: bool) -> Kill {
    let (when, whom) = if let Some(keys) = keys {
        (When::Key(numbers.below(keys as u64) as usize), Whom::Console)
    } else {
        let when = match numbers.below(2) {
            0 => When::Records(numbers.below(26)),
            _ => When::Bytes(1 + numbers.below(if flood { 6_000_000 } else { 40_000 })),
        };
        (
            when,
            numbers.pick(&[
                Whom::Console,
                Whom::Supervisor,
                Whom::Supervisor,
                Whom::Leader,
                Whom::Descendant,
            ]),
        )
    };
    let jitter = Duration::from_micros(numbers.below(if flood { 2_000 } else { 60_000 }));
    Kill { when, jitter, whom, which: numbers.below(1 << 16) }
}
