//! The state folder: where runs and locks are, and how to open them.
//!
//! ```text
//! STATE/runs/20261122T184500Z-8-update/{plan.json catalog.toml journal.jsonl steps/ gates/ control.sock lock report.md}
//! STATE/locks/{8,resource-production-lists}
//! ```

use super::JournalError;
use super::head::Head;
use super::lock;
use super::reader::{self, Tail};
use crate::domain::evidence::Evidence;
use crate::domain::file_digest::FileDigest;
use crate::domain::name::{ReleaseId, ResourceName, RunId};
use crate::domain::plan::Plan;
use crate::domain::redact::Redactor;
use crate::domain::run::{Event, RunState};
use crate::domain::seal::Seal;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What stands beside the logs of every run.
const RAW: &str = "\
The logs in this folder are raw: byte for byte what the steps printed, with every secret and every escape sequence
that they printed. Only their owner can read them (0600). Do not copy them anywhere, and do not cat them.

`stagegate log RUN STEP` and the console show them without secrets and without anything that a terminal obeys.
";

/// The state folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    root: PathBuf,
    /// The folders that others could look into before it was opened.
    closed: Vec<PathBuf>,
}

impl Store {
    /// Opens the state folder at `root`, making it (0700) where it is not there.
    ///
    /// Logs are raw, so nobody else may look into `runs` and `locks`: where somebody could, they are closed, and
    /// [`Store::closed`] tells. `root` itself is left as it is: it may have been there for something else.
    pub fn open(root: &Path) -> Result<Self, JournalError> {
        let folders = [root.join("runs"), root.join("locks")];
        let mut closed = Vec::new();
        for folder in &folders {
            make_folder(folder)?;
            let facts = fs::metadata(folder).map_err(JournalError::io("cannot look at", folder))?;
            // What belongs to somebody else is theirs to close.
            let ours = facts.uid() == rustix::process::geteuid().as_raw();
            if ours && facts.mode() & 0o077 != 0 {
                fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(JournalError::io(
                    "others can look into the logs, which are raw, and it cannot be closed (chmod 0700)",
                    folder,
                ))?;
                closed.push(folder.clone());
            }
        }
        // A folder that cannot be read is not one without runs.
        let runs = &folders[0];
        fs::read_dir(runs).map_err(JournalError::io("cannot read the folder", runs))?;
        let root = fs::canonicalize(root).map_err(JournalError::io("cannot open the state folder", root))?;
        Ok(Self { root, closed })
    }

    /// Says which folders others could look into until this was opened, if any.
    pub fn closed(&self) -> Option<String> {
        let folders: Vec<String> = self.closed.iter().map(|folder| folder.display().to_string()).collect();
        let words =
            "others could look into the raw logs of runs until now; closed to all but their owner (0700)";
        (!folders.is_empty()).then(|| format!("{words}: {}", folders.join(", ")))
    }

    /// Returns the folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the folder that the runs' folders are in.
    pub fn runs_folder(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// Returns every run's id, newest first; what is no run is passed over.
    pub fn runs(&self) -> Vec<RunId> {
        let entries = fs::read_dir(self.runs_folder()).into_iter().flatten().flatten();
        let mut runs: Vec<RunId> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| RunId::new(entry.file_name().to_string_lossy()).ok())
            .collect();
        runs.sort_by(|a, b| b.cmp(a));
        runs
    }

    /// Returns the files of the run called `id`.
    pub fn run(&self, id: &RunId) -> RunDir {
        RunDir { id: id.clone(), path: self.runs_folder().join(id.as_str()) }
    }

    /// Finds the run that `text` names: its id, a unique beginning of one, or `latest`.
    pub fn find(&self, text: &str) -> Result<RunDir, JournalError> {
        let runs = self.runs();
        let none = || JournalError::NoSuchRun { run: text.to_owned(), nearest: nearest(text, &runs) };
        let fits = |run: &&RunId| !text.is_empty() && run.as_str().starts_with(text);
        let exact =
            if text == "latest" { runs.first() } else { runs.iter().find(|run| run.as_str() == text) };
        if let Some(run) = exact {
            return Ok(self.run(run));
        }
        match runs.iter().filter(fits).collect::<Vec<_>>().as_slice() {
            [] => Err(none()),
            [run] => Ok(self.run(run)),
            [newest, .., oldest] => Err(JournalError::SeveralRuns {
                run: text.to_owned(),
                newest: newest.to_string(),
                oldest: oldest.to_string(),
            }),
        }
    }

    /// Returns the path of a release's lane lock.
    pub fn lane_lock(&self, release: &ReleaseId) -> PathBuf {
        self.root.join("locks").join(release.as_str())
    }

    /// Returns the path of a resource's lock.
    pub fn resource_lock(&self, resource: &ResourceName) -> PathBuf {
        self.root.join("locks").join(format!("resource-{resource}"))
    }

    /// Makes the folder of a new run of `plan`, with the catalog that it was made from; its id begins with the time.
    pub fn create(&self, plan: &Plan, catalog: &str, now: Timestamp) -> Result<RunDir, JournalError> {
        let lanes: Vec<&str> = plan.lanes.iter().map(|lane| lane.release.as_str()).collect();
        let stem = format!("{}-{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), lanes.join("-"), plan.flow());
        for n in 1..1000 {
            let name = if n == 1 { stem.clone() } else { format!("{stem}-{n}") };
            let id = RunId::new(name.clone())
                .map_err(|error| JournalError::BadPlan { run: name.clone(), problem: error.to_string() })?;
            let dir = self.run(&id);
            match DirBuilder::new().mode(0o700).create(&dir.path) {
                Ok(()) => {
                    return match dir.fill(plan, catalog) {
                        Ok(()) => Ok(dir),
                        Err(error) => {
                            // A run that never was leaves nothing behind; what stays cannot be mistaken for one.
                            let _left = fs::remove_dir_all(&dir.path);
                            Err(error)
                        }
                    };
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(JournalError::io("cannot make the run's folder", &dir.path)(error)),
            }
        }
        Err(JournalError::BadPlan { run: stem, problem: "too many runs within one second".to_owned() })
    }
}

fn nearest(text: &str, runs: &[RunId]) -> Option<String> {
    runs.iter()
        .map(|run| (strsim::jaro_winkler(text, run.as_str()), run))
        .filter(|(score, _)| *score > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, run)| run.to_string())
}

fn make_folder(path: &Path) -> Result<(), JournalError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(JournalError::io("cannot make the folder", path))
}

/// The files of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    id: RunId,
    path: PathBuf,
}

impl RunDir {
    /// Takes the folder at `path` for a run's, wherever it is; its journal says which run it is.
    pub fn at(path: &Path) -> Result<Self, JournalError> {
        let path = fs::canonicalize(path).map_err(JournalError::io("cannot read the folder", path))?;
        let journal = path.join("journal.jsonl");
        if !journal.is_file() && !path.join("plan.json").is_file() {
            let problem = "it is no run's folder: it has neither journal.jsonl nor plan.json".to_owned();
            return Err(JournalError::Damaged { path, problem });
        }
        let said = reader::read(&journal)?.records.into_iter().find_map(|record| match record.fact {
            Some(Event::RunCreated { run, .. }) => Some(run),
            _ => None,
        });
        let named = || path.file_name().and_then(|name| RunId::new(name.to_string_lossy()).ok());
        let id = said.or_else(named).ok_or_else(|| JournalError::Damaged {
            path: path.clone(),
            problem: "neither its journal nor its name says which run it is".to_owned(),
        })?;
        Ok(Self { id, path })
    }

    /// Returns the run's id.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Returns its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of its journal.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.jsonl")
    }

    /// Returns the path of its control socket.
    pub fn socket(&self) -> PathBuf {
        self.path.join("control.sock")
    }

    /// Returns the path of its lock.
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// Returns the path of the catalog it was made from.
    pub fn catalog(&self) -> PathBuf {
        self.path.join("catalog.toml")
    }

    /// Returns the path of its report, which is written when it ends.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.md")
    }

    /// Returns the path of a log or evidence file that the journal names.
    pub fn file(&self, relative: &str) -> PathBuf {
        self.path.join(relative)
    }

    /// Returns whether its supervisor lives: whether its lock is held.
    pub fn is_alive(&self) -> bool {
        lock::is_held(&self.lock())
    }

    /// Reads its plan and checks it against its digest.
    pub fn plan(&self) -> Result<Plan, JournalError> {
        let bad = |problem: String| JournalError::BadPlan { run: self.id.to_string(), problem };
        let text = fs::read(self.path.join("plan.json")).map_err(|error| bad(error.to_string()))?;
        let plan: Plan = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        if !plan.is_intact() {
            return Err(bad("its content does not fit its digest".to_owned()));
        }
        Ok(plan)
    }

    /// Folds its journal into its state.
    pub fn load(&self) -> Result<RunState, JournalError> {
        let mut follower = self.follow()?;
        follower.poll()?;
        Ok(follower.state)
    }

    /// Makes a follower of its journal.
    pub fn follow(&self) -> Result<Follower, JournalError> {
        Ok(Follower { state: RunState::new(self.plan()?), tail: Tail::new(&self.journal()), redactor: None })
    }

    /// Makes a follower for somebody who shows the run: nothing secret and nothing that a terminal obeys gets into its state.
    pub fn follow_to_show(&self, redactor: &Redactor) -> Result<Follower, JournalError> {
        let state = RunState::new(redactor.plan(&self.plan()?));
        Ok(Follower { state, redactor: Some(redactor.clone()), ..self.follow()? })
    }

    /// Reads an evidence file, if it is still the one that was recorded when its gate opened.
    ///
    /// An old journal has no digest of it; then it is taken as it is.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is not what was recorded.
    pub fn evidence_as_recorded(
        &self,
        relative: &str,
        recorded: Option<&FileDigest>,
    ) -> Result<Evidence, JournalError> {
        let path = self.file(relative);
        let text = fs::read(&path).map_err(JournalError::io("cannot read", &path))?;
        if recorded.is_some_and(|recorded| *recorded != FileDigest::of(&text)) {
            return Err(JournalError::EvidenceAltered {
                run: self.id.to_string(),
                file: relative.to_owned(),
            });
        }
        serde_json::from_slice(&text)
            .map_err(|error| JournalError::Damaged { path, problem: error.to_string() })
    }

    /// Reads an evidence file that the journal names, whatever became of it.
    pub fn evidence(&self, relative: &str) -> Result<Evidence, JournalError> {
        self.read_json(relative)
    }

    /// Reads the seal that belongs to an evidence file.
    pub fn seal(&self, evidence: &str) -> Result<Seal, JournalError> {
        self.read_json(&seal_file(evidence))
    }

    /// Writes an evidence file and its seal durably; returns the digest of the evidence file, to be recorded.
    pub fn write_evidence(
        &self,
        relative: &str,
        evidence: &Evidence,
        seal: &Seal,
    ) -> Result<FileDigest, JournalError> {
        make_folder(&self.path.join("gates"))?;
        self.write_json(&seal_file(relative), seal)?;
        self.write_json(relative, evidence)
    }

    fn read_json<T: DeserializeOwned>(&self, relative: &str) -> Result<T, JournalError> {
        let path = self.file(relative);
        let text = fs::read(&path).map_err(JournalError::io("cannot read", &path))?;
        serde_json::from_slice(&text)
            .map_err(|error| JournalError::Damaged { path, problem: error.to_string() })
    }

    fn write_json<T: Serialize>(&self, relative: &str, value: &T) -> Result<FileDigest, JournalError> {
        let text = serde_json::to_vec(value).map_err(|error| JournalError::Damaged {
            path: self.file(relative),
            problem: error.to_string(),
        })?;
        self.write(relative, &text)?;
        Ok(FileDigest::of(&text))
    }

    /// Writes a file of the run as a whole: beside its place first, then renamed.
    pub fn write(&self, relative: &str, content: &[u8]) -> Result<(), JournalError> {
        let path = self.file(relative);
        let fresh = path.with_extension("new");
        let io = |doing| JournalError::io(doing, &path);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)
            .map_err(io("cannot write"))?;
        file.write_all(content).and_then(|()| file.sync_all()).map_err(io("cannot write"))?;
        fs::rename(&fresh, &path).map_err(io("cannot write"))?;
        // The new name is durable too: a record that names this file may follow.
        match path.parent() {
            Some(folder) => fs::File::open(folder).and_then(|it| it.sync_all()).map_err(io("cannot write")),
            None => Ok(()),
        }
    }

    fn fill(&self, plan: &Plan, catalog: &str) -> Result<(), JournalError> {
        make_folder(&self.path.join("steps"))?;
        make_folder(&self.path.join("gates"))?;
        self.write("steps/README", RAW.as_bytes())?;
        self.write("catalog.toml", catalog.as_bytes())?;
        self.write_json("plan.json", plan)?;
        Ok(())
    }
}

fn seal_file(evidence: &str) -> String {
    evidence.replace(".json", ".seal.json")
}

/// Folds a journal as it grows.
#[derive(Debug)]
pub struct Follower {
    state: RunState,
    tail: Tail,
    /// What every fact goes through before it is folded, for those who only show it.
    redactor: Option<Redactor>,
}

impl Follower {
    /// Returns the state so far, and reads no further.
    pub fn into_state(self) -> RunState {
        self.state
    }

    /// Returns the state so far.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Returns what is wrong with the journal, if anything is.
    pub fn problem(&self) -> Option<&str> {
        self.tail.problem()
    }

    /// Returns number and digest of the last record that was read: the digest stands for all of them.
    pub fn head(&self) -> Option<Head> {
        self.tail.head()
    }

    /// Reads on; returns whether anything was new.
    pub fn poll(&mut self) -> Result<bool, JournalError> {
        let records = self.tail.poll()?;
        for record in &records {
            if let Some(event) = &record.fact {
                match &self.redactor {
                    Some(redactor) => self.state.apply(record.time, &redactor.shown(event.clone())),
                    None => self.state.apply(record.time, event),
                }
            } else {
                self.state.last = Some(record.time);
                self.state.events += 1;
            }
        }
        Ok(!records.is_empty())
    }
}
