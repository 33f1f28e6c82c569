//! pungi's log. Its phases overlap and WEAVER nests, so the whole is a weighted sum over phases and not a
//! place on a line; a phase counts its `[DONE ]` lines against those begun or to be expected.
//!
//! The weights are rough shares of a production compose's time; a phase that is skipped loses its weight.

use super::{Progress, part};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Phases that take time, in the order in which they are mostly met, with their weights.
const PHASES: [(&str, f32); 9] = [
    ("INIT", 2.0),
    ("PKGSET", 12.0),
    ("BUILDINSTALL", 20.0),
    ("GATHER", 25.0),
    ("CREATEREPO", 15.0),
    ("CREATEISO", 18.0),
    ("REPOCLOSURE", 5.0),
    ("IMAGE_CHECKSUM", 3.0),
    ("TEST", 1.0),
];

/// What the lines of a phase's own work begin with.
const WORK: [(&str, &str); 7] = [
    ("Creating comps repo", "INIT"),
    ("Running buildinstall", "BUILDINSTALL"),
    ("Gathering packages (", "GATHER"),
    ("Linking packages (", "GATHER"),
    ("Creating repo (", "CREATEREPO"),
    ("Creating ISO (", "CREATEISO"),
    ("Running repoclosure", "REPOCLOSURE"),
];

/// How many lines are remembered so that one that appears twice counts once.
const REMEMBERED: usize = 20_000;
/// How many pairs of variant and architecture are counted.
const PAIRS: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct Pungi {
    phases: BTreeMap<&'static str, Phase>,
    pairs: BTreeSet<(String, String)>,
    seen: HashSet<u64>,
    linked: Option<(u32, u32)>,
    pipeline: Option<(u32, u32)>,
    ended: Option<&'static str>,
    furthest: f32,
}

#[derive(Debug, Default)]
struct Phase {
    state: State,
    begun: u32,
    done: u32,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Pending,
    Running,
    Done,
    Skipped,
}

impl Pungi {
    pub(super) fn take(&mut self, line: &str) {
        let Some(message) = message(line) else { return };
        if let Some(counts) = message.strip_prefix("Linked ") {
            self.linked = counts.trim_end_matches(" packages").split_once(" out of ").and_then(numbers);
        } else if message.starts_with("Compose finished: ") {
            self.ended = Some("compose finished");
        } else if message.starts_with("Compose failed: ") {
            self.ended = Some("compose failed");
        } else if let Some(rest) = message.strip_prefix("[BEGIN] ") {
            self.work(message, rest, State::Running);
        } else if let Some(rest) = message.strip_prefix("[DONE ] ") {
            self.work(message, rest, State::Done);
        } else if let Some(rest) = message.strip_prefix("[SKIP ] ") {
            self.work(message, rest, State::Skipped);
        }
        self.furthest = self.furthest.max(self.weigh());
    }

    pub(super) fn progress(&self) -> Option<Progress> {
        if let Some(ended) = self.ended {
            let fraction = if ended.ends_with("finished") { 1.0 } else { self.furthest };
            return Some(Progress::new(Some(fraction), ended));
        }
        let running = PHASES.iter().filter_map(|(name, _)| {
            let phase = self.phases.get(name).filter(|phase| phase.state == State::Running)?;
            Some(match self.counts(name, phase) {
                (_, 0) => (*name).to_owned(),
                (done, all) => format!("{name} {done}/{all}"),
            })
        });
        let mut words: Vec<String> = running.collect();
        if let (Some((done, all)), false) = (self.linked.filter(|(done, all)| done < all), words.is_empty()) {
            words.push(format!("linked {done}/{all} packages"));
        }
        if words.is_empty() {
            words.extend(self.pipeline.map(|(at, all)| format!("pipeline {at}/{all}")));
        }
        let begun = !self.phases.is_empty();
        begun.then(|| Progress::new(Some(self.furthest), &words.join(", ")))
    }

    fn work(&mut self, message: &str, rest: &str, state: State) {
        let mut hasher = DefaultHasher::new();
        message.hash(&mut hasher);
        if self.seen.len() < REMEMBERED && !self.seen.insert(hasher.finish()) {
            return;
        }
        if let Some(counts) = rest.strip_prefix("Running pipeline (") {
            let counts = counts.split_once(')').and_then(|(counts, _)| numbers(counts.split_once('/')?));
            self.pipeline = counts.or(self.pipeline);
            return;
        }
        if let Some(name) = rest.strip_prefix("---------- PHASE: ").and_then(|name| name.split(' ').next()) {
            if let Some((name, _)) = PHASES.iter().find(|(known, _)| *known == name) {
                self.phases.entry(name).or_default().state = state;
            }
            return;
        }
        self.pair(rest);
        let Some((_, name)) = WORK.iter().find(|(start, _)| rest.starts_with(start)) else { return };
        let phase = self.phases.entry(name).or_default();
        match state {
            State::Running => phase.begun += 1,
            State::Done => phase.done += 1,
            State::Pending | State::Skipped => {}
        }
    }

    fn pair(&mut self, rest: &str) {
        // "for arch 'x86_64' variant 'BaseOS'" and "(arch: x86_64, variant: BaseOS)"
        let between = |start: &str, end: char| Some(rest.split_once(start)?.1.split_once(end)?.0);
        let (Some(arch), Some(variant)) = (
            between("arch: ", ',').or_else(|| between("arch '", '\'')),
            between("variant: ", ')').or_else(|| between("variant '", '\'')),
        ) else {
            return;
        };
        if arch != "None" && variant != "None" && self.pairs.len() < PAIRS {
            self.pairs.insert((variant.to_owned(), arch.to_owned()));
        }
    }

    /// Returns how many pieces of a phase's work are done, and how many there will be.
    fn counts(&self, name: &str, phase: &Phase) -> (u32, u32) {
        let pairs = self.pairs.len() as u32;
        let variants = self.pairs.iter().map(|(variant, _)| variant).collect::<BTreeSet<_>>().len() as u32;
        let expected = match name {
            // Each pair is gathered and then linked.
            "GATHER" => 2 * pairs,
            // Each pair has packages and debuginfo, each variant its sources.
            "CREATEREPO" => 2 * pairs + variants,
            _ => 0,
        };
        (phase.done, expected.max(phase.begun))
    }

    fn weigh(&self) -> f32 {
        let (mut done, mut all) = (0.0, 0.0);
        for (name, weight) in PHASES {
            let Some(phase) = self.phases.get(name) else {
                all += weight;
                continue;
            };
            let share = match phase.state {
                State::Skipped => continue,
                State::Done => 1.0,
                State::Pending => 0.0,
                State::Running if name == "PKGSET" => {
                    self.linked.and_then(|(done, all)| part(done, all)).unwrap_or(0.0) / 2.0
                }
                State::Running => {
                    let (done, all) = self.counts(name, phase);
                    part(done, all).unwrap_or(0.0)
                }
            };
            all += weight;
            done += weight * share;
        }
        if all > 0.0 { done / all } else { 0.0 }
    }
}

/// Returns the text behind `DATE TIME [LEVEL   ]`, or behind `DATE TIME [PHASE] [LEVEL   ]`.
fn message(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(" [")?;
    let (level, rest) = rest.split_once("] ")?;
    if is_level(level) {
        return Some(rest);
    }
    let (level, rest) = rest.strip_prefix('[')?.split_once("] ")?;
    is_level(level).then_some(rest)
}

fn is_level(text: &str) -> bool {
    matches!(text.trim_end(), "DEBUG" | "INFO" | "WARNING" | "ERROR" | "CRITICAL")
}

fn numbers((first, second): (&str, &str)) -> Option<(u32, u32)> {
    Some((first.trim().parse().ok()?, second.trim().parse().ok()?))
}
