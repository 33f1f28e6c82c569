//! The journal of a run, read without the program's own reader: its records, its chain, and what they come to.
//!
//! Two folds that agree say more than one: this is the short one, over what a chaos run can hold.

use crate::host::Host;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A run on disk.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) folder: PathBuf,
    /// Its steps in order; none while its plan is not written yet.
    pub(crate) steps: Vec<String>,
}

/// What the records say of one step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Step {
    /// The word that `runs` has for it.
    pub(crate) word: String,
    pub(crate) stale: bool,
    pub(crate) attempt: u64,
    /// The log of each attempt.
    pub(crate) logs: BTreeMap<u64, String>,
    /// Its shell, once it has one.
    pub(crate) shell: Option<i32>,
    /// Whether its process has ended, with the exit code if that was it.
    pub(crate) end: Option<Value>,
    /// The last record that judged or refused it.
    pub(crate) judged: Option<Value>,
}

impl Run {
    /// Returns the latest run of a host, if there is one.
    pub(crate) fn latest(host: &Host) -> Option<Self> {
        let runs = host.at("state/runs").read_dir().ok()?;
        let folder = runs.flatten().map(|entry| entry.path()).max()?;
        let plan = fs::read(folder.join("plan.json")).ok();
        let plan = plan.and_then(|text| serde_json::from_slice::<Value>(&text).ok()).unwrap_or_default();
        let steps = plan["steps"].as_array().cloned().unwrap_or_default();
        let steps = steps.iter().map(|step| step["id"].as_str().unwrap().to_owned()).collect();
        Some(Self { id: folder.file_name()?.to_str()?.to_owned(), folder, steps })
    }

    /// Returns its records as far as they are whole.
    pub(crate) fn records(&self) -> Vec<Value> {
        let text = fs::read(self.folder.join("journal.jsonl")).unwrap_or_default();
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines = text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap_or_default()).collect()
    }

    /// Returns what is wrong with the chain of its records, if anything is.
    pub(crate) fn defect(&self) -> Option<String> {
        let text = fs::read(self.folder.join("journal.jsonl")).ok()?;
        let mut before = "0".repeat(64);
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        let (last, lines) = lines.split_last()?;
        if !last.is_empty() {
            return Some(format!("its last line is torn: {}", String::from_utf8_lossy(last)));
        }
        for (at, line) in lines.iter().enumerate() {
            let record: Value = serde_json::from_slice(line).unwrap_or_default();
            let digest = record["digest"].as_str().unwrap_or_default().to_owned();
            // What it is the digest of: the line without it.
            let field = format!(",\"digest\":\"{digest}\"}}");
            let body = line.strip_suffix(field.as_bytes()).unwrap_or_default();
            let is_its_own =
                hex::encode(Sha256::new().chain_update(body).chain_update(b"}").finalize()) == digest;
            if record["seq"] != at + 1 || record["prev"] != before.as_str() || !is_its_own {
                return Some(format!("line {}: {}", at + 1, String::from_utf8_lossy(line)));
            }
            before = digest;
        }
        None
    }

    /// Returns whether a supervisor holds it.
    pub(crate) fn is_held(&self) -> bool {
        fs::File::open(self.folder.join("lock")).is_ok_and(|file| file.try_lock_shared().is_err())
    }

    /// Returns the bytes in all of its logs.
    pub(crate) fn log_bytes(&self) -> u64 {
        let logs = self.folder.join("steps").read_dir().into_iter().flatten().flatten();
        let logs = logs.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "log"));
        logs.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
    }

    /// Folds its records, as they stand for a run with or without a supervisor.
    pub(crate) fn fold(&self, records: &[Value], held: bool) -> BTreeMap<String, Step> {
        let fresh = || Step { word: "pending".into(), ..Step::default() };
        let mut steps: BTreeMap<String, Step> = self.steps.iter().map(|id| (id.clone(), fresh())).collect();
        for record in records {
            apply(&mut steps, &record["fact"]);
        }
        if !held {
            interrupt(&mut steps);
        }
        steps
    }

    /// Returns the step that the run stands at.
    pub(crate) fn stands_at<'a>(&'a self, steps: &'a BTreeMap<String, Step>) -> Option<(&'a str, &'a Step)> {
        let behind = |step: &Step| !step.stale && ["succeeded", "skipped"].contains(&step.word.as_str());
        let id = self.steps.iter().find(|id| steps.get(*id).is_some_and(|step| !behind(step)))?;
        Some((id, &steps[id]))
    }
}

fn interrupt(steps: &mut BTreeMap<String, Step>) {
    for step in steps.values_mut().filter(|step| step.word == "running") {
        step.word = "interrupted".into();
    }
}

fn apply(steps: &mut BTreeMap<String, Step>, fact: &Value) {
    let event = fact["event"].as_str().unwrap_or_default();
    if event == "supervisor-started" {
        return interrupt(steps);
    }
    for id in fact["stale"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let step = steps.entry(id.to_owned()).or_default();
        let gate = ["waiting", "void"].contains(&step.word.as_str()) || id.ends_with("/gate");
        if !["pending", "skipped"].contains(&step.word.as_str()) {
            step.stale = true;
            if gate {
                step.word = "pending".into();
            }
        }
    }
    let Some(step) = fact["step"].as_str().and_then(|id| steps.get_mut(id)) else { return };
    match event {
        "step-starting" => {
            step.word = "running".into();
            step.stale = false;
            step.attempt = fact["attempt"].as_u64().unwrap_or_default();
            step.logs.insert(step.attempt, fact["log"].as_str().unwrap_or_default().to_owned());
            (step.shell, step.end) = (None, None);
        }
        "step-started" => step.shell = fact["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()),
        "step-ended" => step.end = Some(fact["end"].clone()),
        "step-concluded" => {
            fact["outcome"].as_str().unwrap_or_default().clone_into(&mut step.word);
            step.judged = Some(fact.clone());
        }
        "step-refused" => {
            step.word = "failed".into();
            step.stale = false;
            step.judged = Some(fact.clone());
        }
        // Its process had ended with its supervisor, and its checks are run by the next one.
        "checks-resumed" => step.word = "running".into(),
        "step-retried" => {
            step.word = "pending".into();
            step.stale = false;
        }
        "gate-opened" => {
            step.word = "waiting".into();
            step.stale = false;
        }
        _ => {}
    }
}

/// Returns the lines of a file of the witness.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}
