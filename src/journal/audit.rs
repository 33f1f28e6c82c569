//! Audits a run's folder: whether its journal, its plan, its evidence and its logs are what was recorded.
//!
//! It reads and changes nothing, works on a copy of the folder on another machine, and names every flaw it
//! finds, not only the first. What it cannot know it says as a note: no key protects the journal itself, so somebody
//! who writes journal and head anew is found by the signatures of its approvals (`crate::signing::audit`), or by
//! comparing with a digest that was kept elsewhere.

mod chain;

use super::JournalError;
use super::format::{ReadRecord, RecordDigest};
use super::head::{self, Head};
use super::reader;
use super::store::RunDir;
use crate::domain::file_digest::FileDigest;
use crate::domain::name::RunId;
use crate::domain::outcome::ProcessEnd;
use crate::domain::plan::PlanDigest;
use crate::domain::run::Event;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlawKind {
    /// The content of a record was changed.
    Edited,
    /// Records are missing in the middle.
    Missing,
    /// Records are missing at the end.
    Cut,
    /// A record does not stand in its place.
    Reordered,
    /// A record stands there twice.
    Doubled,
    /// A line was put in.
    Inserted,
    /// The journal cannot be read on from there.
    Unreadable,
    /// The journal is that of another run.
    OtherRun,
    /// The plan is not the one that was recorded.
    PlanAltered,
    /// The run's catalog is not the one that was recorded.
    CatalogAltered,
    /// A gate's seal or evidence is not what was recorded.
    EvidenceAltered,
    /// A step's log is shorter than it was when the step ended.
    LogShorter,
    /// A step's log is longer than it was when the step ended.
    LogLonger,
    /// A step's log is not there.
    LogMissing,
    /// An approval is not what it says, or production was touched without one that held.
    ApprovalInvalid,
    /// The journal does not have the digest that was kept elsewhere.
    OtherHead,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flaw {
    /// What.
    pub kind: FlawKind,
    /// The file, relative to the run's folder.
    pub file: String,
    /// The record, counted from 1.
    pub record: Option<u64>,
    /// The line of the journal, counted from 1.
    pub line: Option<u64>,
    /// Where it is in the file, in bytes.
    pub offset: Option<u64>,
    /// The kind of event that the record says it is.
    pub event: Option<String>,
    /// The whole of it as a sentence fragment.
    pub message: String,
}

impl Flaw {
    fn new(kind: FlawKind, file: &str, message: String) -> Self {
        Self { kind, file: file.to_owned(), record: None, line: None, offset: None, event: None, message }
    }
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// The run.
    pub run: String,
    /// Whether nothing is wrong.
    pub intact: bool,
    /// The format of the journal; none where it has no record.
    pub format: Option<u32>,
    /// The number of its last record.
    pub records: u64,
    /// How many records from the first on can be trusted; only they are counted anywhere.
    pub trusted: u64,
    /// The digest of its last record, which stands for all of it; none where that record cannot be trusted.
    pub head: Option<RecordDigest>,
    /// How many step logs have the length that was recorded.
    pub logs: u64,
    /// What is wrong.
    pub flaws: Vec<Flaw>,
    /// What cannot be known, and what is to be known though nothing is wrong with it.
    pub notes: Vec<String>,
    #[serde(skip)]
    digests: Vec<(u64, RecordDigest)>,
}

/// The least digits of a digest that are taken for one.
const FEWEST_DIGITS: usize = 16;

/// Returns whether `text` can be a digest that was kept elsewhere: sixteen to 64 hexadecimal digits.
pub fn is_digest(text: &str) -> bool {
    (FEWEST_DIGITS..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Audit {
    /// Audits the run in `dir`.
    ///
    /// # Errors
    ///
    /// If the journal is there and cannot be read.
    pub fn of(dir: &RunDir) -> Result<Self, JournalError> {
        let path = dir.journal();
        // First the head: the journal is never behind what it said a moment ago.
        let head = head::read(&path);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(JournalError::io("cannot read the journal", &path)(error)),
        };
        let chain = chain::examine(&bytes, head);
        let mut audit = Self {
            run: dir.id().to_string(),
            intact: false,
            format: chain.format,
            records: chain.last_seq,
            trusted: 0,
            head: chain.last.map(|last: Head| last.digest),
            logs: 0,
            flaws: chain.flaws,
            notes: chain.notes,
            digests: chain.records.iter().map(|(record, digest)| (record.seq, *digest)).collect(),
        };
        if bytes.is_empty() && audit.flaws.is_empty() {
            audit.notes.push("the journal has no record: the run never began".to_owned());
        }
        audit.agree_with_reader(&reader::read(&path)?);
        let facts: Vec<&ReadRecord> = chain.records.iter().map(|(record, _)| record).collect();
        audit.check_plan(dir, &facts);
        audit.check_catalog(dir, &facts);
        audit.check_gates(dir, &facts);
        audit.check_logs(dir, &facts);
        audit.intact = audit.flaws.is_empty();
        Ok(audit)
    }

    /// Whatever else is found: a journal that its reader stops in is not intact.
    fn agree_with_reader(&mut self, read: &reader::ReadJournal) {
        self.trusted = read.records.len() as u64;
        if let Some(problem) = read.problem.as_ref().filter(|_| self.flaws.is_empty()) {
            self.flaws.push(Flaw::new(FlawKind::Unreadable, "journal.jsonl", problem.clone()));
        }
        let unknown = read.records.iter().filter(|record| record.fact.is_none()).count();
        if unknown > 0 {
            self.notes.push(format!("{unknown} records are of kinds that this version does not know"));
        }
    }

    /// Compares with a digest that was kept elsewhere (see [`is_digest`]): of the last record, or of one before it.
    pub fn compare(&mut self, kept: &str) {
        let kept = kept.to_ascii_lowercase();
        let found = self.digests.iter().find(|(_, digest)| digest.to_string().starts_with(&kept));
        match found.map(|(seq, _)| *seq) {
            Some(seq) if seq == self.records => {
                self.notes.push(format!("record {seq}, the last, has the digest {kept}"));
            }
            Some(seq) => self.notes.push(format!(
                "record {seq} has the digest {kept}; {} records were written behind it",
                self.records - seq
            )),
            None => {
                let message = format!(
                    "no record has the digest {kept}: the journal is not the one that it was taken from, or was written anew"
                );
                self.flaws.push(Flaw::new(FlawKind::OtherHead, "journal.jsonl", message));
                self.intact = false;
            }
        }
    }

    fn check_plan(&mut self, dir: &RunDir, facts: &[&ReadRecord]) {
        let created = facts.iter().find_map(|record| match &record.fact {
            Some(Event::RunCreated { run, plan, .. }) => Some((record.seq, run, plan)),
            _ => None,
        });
        let problem = match (dir.plan(), created) {
            (Err(error), _) => Some(error.to_string()),
            (Ok(plan), Some((seq, _, digest))) if plan.digest != *digest => {
                Some(other_plan(seq, digest, &plan.digest))
            }
            _ => None,
        };
        if let Some(problem) = problem {
            self.flaws.push(Flaw::new(FlawKind::PlanAltered, "plan.json", problem));
        }
        if let Some((seq, run, _)) = created
            && run != dir.id()
        {
            self.other_run(seq, run, dir);
        }
    }

    fn check_catalog(&mut self, dir: &RunDir, facts: &[&ReadRecord]) {
        let recorded = facts.iter().find_map(|record| match &record.fact {
            Some(Event::RunCreated { catalog: Some(catalog), .. }) => Some((record.seq, catalog)),
            _ => None,
        });
        let Some((seq, recorded)) = recorded else { return };
        let problem = match fs::read(dir.catalog()).map(|text| FileDigest::of(&text)) {
            Ok(found) if found == *recorded => return,
            Ok(found) => format!(
                "catalog.toml has the digest {}, and record {seq} says {}",
                found.short(),
                recorded.short()
            ),
            Err(error) => format!("catalog.toml cannot be read: {error}"),
        };
        let mut flaw = Flaw::new(FlawKind::CatalogAltered, "catalog.toml", problem);
        flaw.record = Some(seq);
        self.flaws.push(flaw);
    }

    fn other_run(&mut self, seq: u64, run: &RunId, dir: &RunDir) {
        let message = format!("record {seq} says that it is the journal of run {run}, not of {}", dir.id());
        self.flaws.push(Flaw::new(FlawKind::OtherRun, "journal.jsonl", message));
    }

    fn check_gates(&mut self, dir: &RunDir, facts: &[&ReadRecord]) {
        for record in facts {
            let Some(Event::GateOpened { evidence, seal, digest, .. }) = &record.fact else { continue };
            let read = dir.evidence_as_recorded(evidence, digest.as_ref());
            let problem = match (read, dir.seal(evidence)) {
                (Err(JournalError::EvidenceAltered { .. }), _) => {
                    format!("{evidence} is not what record {} says", record.seq)
                }
                (Err(error), _) | (_, Err(error)) => error.to_string(),
                (Ok(_), Ok(found)) if found.digest() == *seal => continue,
                (Ok(_), Ok(found)) => format!(
                    "{evidence} has the seal {}, and record {} says {}",
                    found.digest().short(),
                    record.seq,
                    seal.short()
                ),
            };
            let mut flaw = Flaw::new(FlawKind::EvidenceAltered, evidence, problem);
            flaw.record = Some(record.seq);
            self.flaws.push(flaw);
        }
    }

    fn check_logs(&mut self, dir: &RunDir, facts: &[&ReadRecord]) {
        let mut open: BTreeMap<&crate::domain::name::StepId, &str> = BTreeMap::new();
        for record in facts {
            match &record.fact {
                Some(Event::StepStarting { step, log, .. }) if !log.is_empty() => {
                    open.insert(step, log);
                }
                Some(Event::StepEnded { step, end, log_bytes }) => {
                    let Some(log) = open.remove(step) else { continue };
                    let whole = !matches!(end, ProcessEnd::SpawnFailed { .. } | ProcessEnd::LogFailed { .. });
                    self.check_log(dir, log, record.seq, whole.then_some(*log_bytes));
                }
                _ => {}
            }
        }
    }

    fn check_log(&mut self, dir: &RunDir, log: &str, seq: u64, bytes: Option<u64>) {
        let Some(bytes) = bytes else { return };
        let (kind, problem) = match fs::metadata(dir.file(log)).map(|facts| facts.len()) {
            Ok(now) if now == bytes => {
                self.logs += 1;
                return;
            }
            Ok(now) if now < bytes => (FlawKind::LogShorter, format!("has {now} bytes")),
            Ok(now) => (FlawKind::LogLonger, format!("has {now} bytes")),
            Err(error) => (FlawKind::LogMissing, format!("cannot be read: {error}")),
        };
        let message = format!("{log} {problem}, and record {seq} says that the step ended with {bytes}");
        let mut flaw = Flaw::new(kind, log, message);
        flaw.record = Some(seq);
        self.flaws.push(flaw);
    }
}

fn other_plan(seq: u64, recorded: &PlanDigest, found: &PlanDigest) -> String {
    format!(
        "plan.json has the digest {}, and record {seq} says that the run is one of {}",
        found.short(),
        recorded.short()
    )
}

#[cfg(test)]
mod tests;
