//! What is counted, and against what: the witness's records, the kernel's counts, the journal.

use crate::host::Host;
use crate::journal::{Run, Step, lines};
use crate::processes::Thread;
use crate::story::Whom;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// The name that the thread has which drains a step's terminal into its log.
const DRAIN: &str = "unit-output";

/// What was counted in one run or in many.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) runs: u64,
    pub(crate) kills: BTreeMap<Whom, u64>,
    pub(crate) recoveries: u64,
    /// Attempts of steps that were witnessed, and their bytes.
    pub(crate) lives: u64,
    pub(crate) bytes: u64,
    /// Bytes that killed supervisors had read and not written.
    pub(crate) unwritten: u64,
    /// The logs of steps whose supervisors were killed, and how much these had read.
    pub(crate) owed: Vec<(PathBuf, u64)>,
    /// Runs that did not reach the gate.
    pub(crate) stuck: u64,
    pub(crate) twice: u64,
    pub(crate) lost: u64,
    pub(crate) journals: u64,
    pub(crate) terminals: u64,
    pub(crate) states: u64,
    /// Which attempts were struck, and where.
    pub(crate) struck: BTreeSet<(String, Whom)>,
    /// What is wrong, in words.
    pub(crate) wrongs: Vec<String>,
}

impl Tally {
    /// Says what is wrong.
    pub(crate) fn wrong(&mut self, text: String) {
        self.wrongs.push(text);
    }

    fn wrong_state(&mut self, text: String) {
        self.states += 1;
        self.wrong(text);
    }

    /// Counts a kill.
    pub(crate) fn killed(&mut self, whom: Whom) {
        *self.kills.entry(whom).or_default() += 1;
    }

    /// Adds another one.
    pub(crate) fn add(&mut self, other: Self) {
        self.runs += other.runs;
        for (whom, count) in other.kills {
            *self.kills.entry(whom).or_default() += count;
        }
        self.recoveries += other.recoveries;
        self.lives += other.lives;
        self.bytes += other.bytes;
        self.unwritten += other.unwritten;
        self.stuck += other.stuck;
        self.twice += other.twice;
        self.lost += other.lost;
        self.journals += other.journals;
        self.terminals += other.terminals;
        self.states += other.states;
        self.wrongs.extend(other.wrongs);
    }

    /// Returns the table that is printed at the end.
    pub(crate) fn table(&self) -> String {
        let kills = |whom| self.kills.get(&whom).copied().unwrap_or_default();
        let rows: [(&str, u64); 15] = [
            ("runs", self.runs),
            ("consoles killed", kills(Whom::Console)),
            ("supervisors killed", kills(Whom::Supervisor)),
            ("shells of steps killed", kills(Whom::Leader)),
            ("other processes of steps killed", kills(Whom::Descendant)),
            ("resumed or retried", self.recoveries),
            ("attempts of steps witnessed", self.lives),
            ("log bytes witnessed", self.bytes),
            ("of these caught by a kill unwritten", self.unwritten),
            ("runs that did not reach the gate", self.stuck),
            ("steps run twice at once", self.twice),
            ("log bytes lost", self.lost),
            ("journals unreadable", self.journals),
            ("terminals left raw", self.terminals),
            ("wrong states", self.states),
        ];
        rows.iter().fold(String::new(), |text, (what, count)| text + &format!("{what:<38}{count:>10}\n"))
    }
}

/// Notes what a frozen supervisor had taken from its step's terminal.
///
/// It dies in this moment. What the kernel still has in the terminal was never its own; what it has taken must be in
/// the log once the run was taken up again ([`of_run`]), however little of it was written by now.
pub(crate) fn at_kill(run: &Run, threads: &[Thread], tally: &mut Tally) {
    let records = run.records();
    let begun = records.iter().rfind(|record| record["fact"]["event"] == "step-starting");
    let Some(log) = begun.and_then(|record| record["fact"]["log"].as_str()) else { return };
    for drain in threads.iter().filter(|thread| thread.name == DRAIN) {
        tally.unwritten += drain.read.saturating_sub(drain.written);
        tally.owed.push((run.folder.join(log), drain.read));
    }
}

/// Compares what supervisors had taken when they were killed with what is in the logs.
fn paid(tally: &mut Tally) {
    for (log, read) in std::mem::take(&mut tally.owed) {
        let written = fs::metadata(&log).map_or(0, |log| log.len());
        if written < read {
            tally.lost += read - written;
            tally.wrong(format!("{}: {read} bytes were read and {written} are there", log.display()));
        }
    }
}

/// Compares what `runs` says of a run that rests with what its records come to.
pub(crate) fn at_rest(run: &Run, said: &Value, tally: &mut Tally) {
    let steps = run.fold(&run.records(), run.is_held());
    for row in said["steps"].as_array().into_iter().flatten() {
        let id = row["id"].as_str().unwrap_or_default();
        let step = steps.get(id).cloned().unwrap_or_default();
        if row["state"] != step.word.as_str() || row["stale"] != step.stale {
            tally.wrong_state(format!("{id}: `runs` says {row}, the journal {step:?}"));
        }
    }
    let word = match run.stands_at(&steps) {
        None => "finished",
        Some((_, step)) if step.word == "pending" || step.stale => "interrupted",
        Some((_, step)) => &step.word,
    };
    if said["state"] != word {
        tally.wrong_state(format!("{}: `runs` says {}, the journal {word}", run.id, said["state"]));
    }
}

/// Compares the journal of a run at its gate with what the witness saw.
pub(crate) fn of_run(host: &Host, run: &Run, steps: &BTreeMap<String, Step>, tally: &mut Tally) {
    if let Some(defect) = run.defect() {
        tally.journals += 1;
        tally.wrong(format!("{}: {defect}", run.id));
    }
    let mut starts: BTreeMap<String, u64> = BTreeMap::new();
    let mut ends: BTreeMap<String, String> = BTreeMap::new();
    for line in lines(&host.at("witness/lives")) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["twice", mark] => {
                tally.twice += 1;
                tally.wrong(format!("{mark} began while an earlier life lasted"));
            }
            ["start", mark, _] => *starts.entry((*mark).to_owned()).or_default() += 1,
            ["end", mark, code] => drop(ends.insert((*mark).to_owned(), (*code).to_owned())),
            _ => tally.wrong(format!("the witness says {line}")),
        }
    }
    tally.lives += starts.len() as u64;
    for (mark, count) in &starts {
        if *count != 1 {
            tally.twice += 1;
            tally.wrong(format!("{mark} began {count} times"));
        }
        // A run whose supervisor was killed at its very beginning may have another one after it.
        if mark.starts_with(&format!("{}:", run.id)) && !begun(run, mark) {
            tally.wrong_state(format!("{mark} ran, and no record says so"));
        }
    }
    paid(tally);
    outcomes(run, &ends, tally);
    for (id, step) in steps {
        logs(host, run, id, step, &ends, tally);
    }
}

fn mark_of(run: &Run, fact: &Value, attempt: u64) -> String {
    format!("{}/{}/{attempt}", run.id, fact["step"].as_str().unwrap_or_default()).replace('/', ":")
}

fn begun(run: &Run, mark: &str) -> bool {
    let is_it = |record: &Value| {
        let fact = &record["fact"];
        fact["event"] == "step-starting" && mark_of(run, fact, fact["attempt"].as_u64().unwrap_or(0)) == mark
    };
    run.records().iter().any(is_it)
}

/// Every outcome that was recorded is what the attempt came to: no success without its end, no end but the real one.
fn outcomes(run: &Run, ends: &BTreeMap<String, String>, tally: &mut Tally) {
    let mut attempts: BTreeMap<String, u64> = BTreeMap::new();
    for record in run.records() {
        let fact = &record["fact"];
        let id = fact["step"].as_str().unwrap_or_default().to_owned();
        match fact["event"].as_str().unwrap_or_default() {
            "step-starting" => drop(attempts.insert(id, fact["attempt"].as_u64().unwrap_or(0))),
            "step-ended" => {
                let mark = mark_of(run, fact, attempts[&id]);
                let end = &fact["end"];
                let witnessed = ends.get(&mark).map(String::as_str);
                let right = match end["end"].as_str().unwrap_or_default() {
                    "exited" | "leaky" => {
                        witnessed == end["code"].as_i64().map(|code| code.to_string()).as_deref()
                    }
                    "signalled" => end["signal"] == 9 && struck(&mark, tally),
                    _ => false,
                };
                if !right {
                    tally.wrong_state(format!("{mark}: recorded {end}, witnessed {witnessed:?}"));
                }
            }
            "step-concluded" if fact["outcome"] == "succeeded" => {
                let mark = mark_of(run, fact, attempts[&id]);
                if ends.get(&mark).map(String::as_str) != Some("0") {
                    tally.wrong_state(format!("{mark} succeeded, witnessed {:?}", ends.get(&mark)));
                }
            }
            _ => {}
        }
    }
}

fn struck(mark: &str, tally: &Tally) -> bool {
    tally.struck.iter().any(|(struck, whom)| struck.replace('/', ":") == mark && *whom == Whom::Leader)
}

/// The log of each attempt holds what the attempt printed: all of it where its end was recorded, else the beginning.
fn logs(host: &Host, run: &Run, id: &str, step: &Step, ends: &BTreeMap<String, String>, tally: &mut Tally) {
    for (attempt, name) in &step.logs {
        let mark = format!("{}/{id}/{attempt}", run.id).replace('/', ":");
        let witnessed = fs::read(host.at(&format!("witness/{mark}.out"))).unwrap_or_default();
        let log = fs::read(run.folder.join(name)).unwrap_or_default();
        tally.bytes += witnessed.len() as u64;
        let common = witnessed.len().min(log.len());
        let recorded = is_ended(run, id, *attempt);
        let lost = match witnessed[..common].iter().zip(&log).position(|(one, other)| one != other) {
            Some(differs) => witnessed.len() - differs,
            // Its supervisor lived: all that the witness knows of must be there.
            None if recorded => witnessed.len() - common,
            None => 0,
        };
        // A witness that saw the end saw everything.
        let more = recorded && ends.contains_key(&mark) && log.len() > witnessed.len();
        if lost > 0 || more {
            tally.lost += (lost as u64).max(u64::from(more));
            let sizes = (witnessed.len(), log.len());
            tally.wrong(format!("{mark}: printed and logged {sizes:?} bytes, {lost} lost"));
        }
    }
}

/// Returns whether the end of this attempt was recorded, by the supervisor that began it.
fn is_ended(run: &Run, id: &str, attempt: u64) -> bool {
    let mut running = None;
    for record in run.records() {
        let fact = &record["fact"];
        if fact["step"] != id {
            continue;
        }
        match fact["event"].as_str().unwrap_or_default() {
            "step-starting" => running = fact["attempt"].as_u64(),
            "step-ended" if running == Some(attempt) => return true,
            _ => {}
        }
    }
    false
}
