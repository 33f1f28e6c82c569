//! Retention: which runs may go, and how they go.
//!
//! Only a run that is over, reported up to its last record, undamaged and recognised in every file of its folder
//! may go; anything else stays, with the reason. A run goes by a rename, under its own lock, and is deleted
//! after: whenever that is broken off, nothing half-readable is left, and the next time finishes it.

use super::JournalError;
use super::lock::{self, Attempt, Elsewhere, Holder};
use super::store::{RunDir, Store};
use crate::domain::name::RunId;
use crate::domain::plan::Step;
use crate::domain::run::{RunState, RunVerdict};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What the name of a run's folder begins with while it is deleted.
const ASIDE: &str = ".pruned-";

/// Which runs are asked to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How many of the newest stay in any case.
    pub keep: usize,
    /// Only what was at rest before this moment goes; none asks for no age.
    pub before: Option<Timestamp>,
}

/// A run that may go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Old {
    /// The run.
    pub id: RunId,
    /// How it stands.
    pub state: RunVerdict,
    /// Since when it is at rest.
    pub ended: Timestamp,
    /// The bytes of its files.
    pub bytes: u64,
    /// Its folder.
    pub path: PathBuf,
}

/// Why something stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "because")]
pub enum Reason {
    /// It is one of the newest.
    Newest,
    /// It is too young.
    Young,
    /// It lives.
    Alive,
    /// It can go on.
    Unfinished {
        /// How it stands.
        state: RunVerdict,
    },
    /// Its report is missing or older than its last record.
    Unreported,
    /// It cannot be read as a whole.
    Damaged {
        /// What is wrong.
        problem: String,
    },
    /// It is no run's folder, or holds what is not the run's.
    Foreign {
        /// What was found.
        what: String,
    },
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Newest => f.write_str("is one of the newest"),
            Self::Young => f.write_str("is not old enough"),
            Self::Alive => f.write_str("lives"),
            Self::Unfinished { state } => {
                write!(f, "is {}: cancel it, or let it end, if nobody goes on with it", state.word())
            }
            Self::Unreported => f.write_str("has no report of its last record: `stagegate report` writes it"),
            Self::Damaged { problem } => write!(f, "is damaged, keep it as evidence: {problem}"),
            Self::Foreign { what } => f.write_str(what),
        }
    }
}

/// Something in the folder of runs that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its name there.
    pub name: String,
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
}

/// What may go and what stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Survey {
    /// The runs that may go, newest first.
    pub old: Vec<Old>,
    /// What stays.
    pub kept: Vec<Kept>,
    /// What an earlier removal left, which was broken off.
    pub leftovers: Vec<PathBuf>,
}

/// Looks at everything in the folder of runs.
///
/// # Errors
///
/// If that folder cannot be read.
pub fn survey(store: &Store, rules: &Rules) -> Result<Survey, JournalError> {
    let folder = store.runs_folder();
    let entries = fs::read_dir(&folder).map_err(JournalError::io("cannot read", &folder))?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_by(|a, b| b.cmp(a));
    let newest: Vec<RunId> = store.runs().into_iter().take(rules.keep).collect();
    let mut survey = Survey::default();
    for name in names {
        let path = folder.join(&name);
        if is_leftover(&path) {
            survey.leftovers.push(path);
            continue;
        }
        let judged = match RunId::new(name.clone()) {
            Ok(id) if newest.contains(&id) => Err(Reason::Newest),
            Ok(id) => judge(&store.run(&id), rules),
            Err(_) => Err(Reason::Foreign { what: "is not called like a run".to_owned() }),
        };
        match judged {
            Ok(old) => survey.old.push(old),
            Err(reason) => survey.kept.push(Kept { name, reason }),
        }
    }
    Ok(survey)
}

/// Returns the run as one that may go, or why it stays.
fn judge(dir: &RunDir, rules: &Rules) -> Result<Old, Reason> {
    if dir.is_alive() {
        return Err(Reason::Alive);
    }
    judge_at_rest(dir, rules)
}

fn judge_at_rest(dir: &RunDir, rules: &Rules) -> Result<Old, Reason> {
    let bytes = recognise(dir.path()).map_err(|what| Reason::Foreign { what })?;
    let damaged = |problem: String| Reason::Damaged { problem };
    let mut follower = dir.follow().map_err(|error| damaged(error.to_string()))?;
    follower.poll().map_err(|error| damaged(error.to_string()))?;
    if let Some(problem) = follower.problem() {
        return Err(damaged(problem.to_owned()));
    }
    let state = follower.state();
    if state.created.as_ref().is_none_or(|(run, ..)| run != dir.id()) {
        return Err(damaged("its journal is not its own".to_owned()));
    }
    let verdict = state.verdict(false);
    let ended = match (verdict, state.ended) {
        (RunVerdict::Running | RunVerdict::Interrupted | RunVerdict::Waiting, _) | (_, None) => {
            return Err(Reason::Unfinished { state: verdict });
        }
        (_, Some(ended)) => ended,
    };
    if can_go_on(state) {
        return Err(Reason::Unfinished { state: RunVerdict::Interrupted });
    }
    if rules.before.is_some_and(|before| ended >= before) {
        return Err(Reason::Young);
    }
    let head = follower.head().map(|head| head.digest.to_string());
    if !is_reported(dir, state, head.as_deref()) {
        return Err(Reason::Unreported);
    }
    Ok(Old { id: dir.id().clone(), state: verdict, ended, bytes, path: dir.path().to_owned() })
}

/// Returns whether a step was cut off that this run could still take up.
///
/// The verdict alone does not tell: of several lanes the worst counts, and a failed one hides an interrupted one. What
/// was cut off in a lane that another run has now is that run's to go on with.
fn can_go_on(state: &RunState) -> bool {
    let is_given_up =
        |step: &Step| step.release.as_ref().is_some_and(|release| state.given_up.contains_key(release));
    state.plan.steps.iter().any(|step| !is_given_up(step) && state.cut(&step.id).is_some())
}

/// Returns whether the report in the folder was made from the last record.
///
/// A report of before format 2 does not name a head; there the moment at which the run came to rest tells.
pub fn is_reported(dir: &RunDir, state: &RunState, head: Option<&str>) -> bool {
    let text = fs::read(dir.file("report.json")).unwrap_or_default();
    let Ok(report) = serde_json::from_slice::<Value>(&text) else { return false };
    if let Some(said) = report.pointer("/journal/head") {
        return said.as_str().is_some() && said.as_str() == head;
    }
    let at = report.get("ended").and_then(Value::as_str).and_then(|at| at.parse().ok());
    at.is_some() && state.last == at
}

/// Makes sure that a folder holds what a run's folder holds and nothing else; returns the bytes of its files.
fn recognise(path: &Path) -> Result<u64, String> {
    let kind = fs::symlink_metadata(path).map_err(|error| error.to_string())?.file_type();
    if !kind.is_dir() {
        return Err(if kind.is_symlink() { "is a symbolic link" } else { "is no folder" }.to_owned());
    }
    let mut bytes = 0;
    for entry in WalkDir::new(path).min_depth(1) {
        let entry = entry.map_err(|error| format!("cannot be read: {error}"))?;
        let name = entry.path().strip_prefix(path).unwrap_or(entry.path()).to_string_lossy().into_owned();
        let (is_folder, is_link) = (entry.file_type().is_dir(), entry.file_type().is_symlink());
        if is_link || !is_ours(&name, is_folder) {
            return Err(format!("holds `{name}`, which is not the run's"));
        }
        bytes += entry.metadata().map_or(0, |facts| facts.len());
    }
    for file in ["plan.json", "journal.jsonl"] {
        if !path.join(file).is_file() {
            return Err(format!("has no {file}, so it is no run's folder"));
        }
    }
    Ok(bytes)
}

/// Returns whether a path below a run's folder is one that this program makes.
fn is_ours(name: &str, is_folder: bool) -> bool {
    if is_folder {
        return matches!(name, "steps" | "gates");
    }
    match name.split_once('/') {
        Some(("steps", file)) => matches!(file, "README" | "README.new") || ends(file, &["log", "joblog"]),
        Some(("gates", file)) => ends(file, &["json", "new", "cache", "packages"]),
        Some(_) => false,
        None => {
            name.starts_with("journal.torn-")
                || matches!(
                    name,
                    "plan.json"
                        | "plan.new"
                        | "catalog.toml"
                        | "catalog.new"
                        | "journal.jsonl"
                        | "head"
                        | "lock"
                        | "control.sock"
                        | "report.md"
                        | "report.json"
                        | "report.new"
                        | "supervisor.log"
                )
        }
    }
}

fn ends(file: &str, endings: &[&str]) -> bool {
    !file.contains('/') && file.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending))
}

/// Removes a run that [`survey`] found, if it may still go: looks again under its lock, which `holder` takes.
///
/// # Errors
///
/// If it cannot be renamed or deleted; what was renamed is finished the next time.
pub fn remove(
    store: &Store,
    id: &RunId,
    rules: &Rules,
    holder: &Holder,
) -> Result<Result<Old, Reason>, JournalError> {
    let dir = store.run(id);
    let _lock = match lock::take(&dir.lock(), holder, Elsewhere::Respect) {
        Ok(Attempt::Held(lock)) => lock,
        Ok(Attempt::Busy(_) | Attempt::Elsewhere(_)) => return Ok(Err(Reason::Alive)),
        // Another one has removed it in the meantime, or its lock is not a file.
        Err(error) => return Ok(Err(Reason::Foreign { what: error.to_string() })),
    };
    let old = match judge_at_rest(&dir, rules) {
        Ok(old) => old,
        Err(reason) => return Ok(Err(reason)),
    };
    let aside = store.runs_folder().join(format!("{ASIDE}{id}"));
    fs::rename(dir.path(), &aside).map_err(JournalError::io("cannot put aside", dir.path()))?;
    let folder = store.runs_folder();
    fs::File::open(&folder)
        .and_then(|folder| folder.sync_all())
        .map_err(JournalError::io("cannot write the folder", &folder))?;
    finish(&aside)?;
    Ok(Ok(old))
}

/// Deletes what was put aside; that somebody else does the same is no failure.
///
/// # Errors
///
/// If something of it cannot be deleted.
pub fn finish(aside: &Path) -> Result<(), JournalError> {
    match fs::remove_dir_all(aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(JournalError::io("cannot delete", aside)(error))
        }
        _ => Ok(()),
    }
}

/// Returns whether a path is a run's folder that was put aside, and nothing that only looks like it.
fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_folder = fs::symlink_metadata(path).is_ok_and(|facts| facts.is_dir());
    is_folder && name.strip_prefix(ASIDE).is_some_and(|id| RunId::new(id.to_owned()).is_ok())
}

#[cfg(test)]
mod tests;
