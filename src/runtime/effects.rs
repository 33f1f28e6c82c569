//! Carries out what the core asks for, and answers with messages.
//!
//! What can block does so on threads of its own, never on the loop's: a mount that hangs must not hold up
//! a key. Nothing here decides anything; the core does, and the supervisor has the last word.

mod engine;
mod history;
mod open_run;

use super::event_loop::Outside;
use super::log_panes::LogPanes;
use crate::app::model::{LogQuery, Towards};
use crate::app::{Effect, Model, Msg};
use crate::catalog::{Draft, checkouts, process_environment};
use crate::compose::status::{StatusPart, StatusReader};
use crate::domain::catalog::Catalog;
use crate::domain::name::{RunId, StepId};
use crate::exec::log_file::LogFile;
use crate::journal::store::Store;
use crate::supervisor::client::Spawner;
use history::Histories;
use open_run::OpenRun;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// How long one look at everything may take before the screen says what does not answer.
const STATUS_DEADLINE: Duration = Duration::from_secs(20);
/// How long git may take for each question.
const GIT_LIMIT: Duration = Duration::from_secs(5);

/// Carries out effects.
#[derive(Debug)]
pub struct Effects {
    store: Store,
    spawner: Spawner,
    /// The catalog as of now; first without the vars, then with them.
    catalog: Arc<Mutex<Arc<Catalog>>>,
    /// The text of the catalog, for the record of a run.
    text: String,
    reader: StatusReader,
    histories: Arc<Mutex<Histories>>,
    tell: UnboundedSender<Msg>,
    open: Option<OpenRun>,
    panes: LogPanes,
}

impl Effects {
    /// Makes it; `outline` is the catalog as far as it is known without the toolkits' vars.
    pub fn new(
        store: Store,
        spawner: Spawner,
        outline: Arc<Catalog>,
        text: String,
        tell: UnboundedSender<Msg>,
    ) -> Self {
        Self {
            store,
            spawner,
            catalog: Arc::new(Mutex::new(outline)),
            text,
            reader: StatusReader::new(),
            histories: Arc::default(),
            tell,
            open: None,
            panes: LogPanes::default(),
        }
    }

    /// Begins to ask the toolkits' vars files, which takes bash a moment.
    pub fn read_catalog(&self, draft: Draft) {
        let (catalog, tell) = (Arc::clone(&self.catalog), self.tell.clone());
        thread::spawn(move || {
            let msg = match draft.resolve(&process_environment()) {
                Ok(resolved) => {
                    let resolved = Arc::new(resolved);
                    *catalog.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&resolved);
                    Msg::CatalogRead(resolved)
                }
                Err(errors) => Msg::TroubleSeen { about: "catalog", message: errors.to_string() },
            };
            // Nobody listens any more once the console has left.
            let _left = tell.send(msg);
        });
    }

    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn read_status(&self) {
        let (catalog, reader, tell) = (self.catalog(), self.reader.clone(), self.tell.clone());
        thread::spawn(move || {
            thread::scope(|scope| {
                for checkout in &catalog.checkouts {
                    let tell = tell.clone();
                    scope.spawn(move || {
                        let _left = tell.send(Msg::CheckoutAnswered(checkouts::read(checkout, GIT_LIMIT)));
                    });
                }
                let parts = tell.clone();
                // What the reading comes to was told part by part.
                let _told = reader.read(&catalog, STATUS_DEADLINE, move |part| {
                    let _left = parts.send(match part {
                        StatusPart::Mount(mount) => Msg::MountAnswered(mount),
                        StatusPart::Release(release) => Msg::ReleaseAnswered(Arc::new(release)),
                    });
                });
            });
            let _left = tell.send(Msg::StatusEnded);
        });
    }

    fn list_runs(&self) {
        let (histories, store, tell) = (Arc::clone(&self.histories), self.store.clone(), self.tell.clone());
        thread::spawn(move || {
            let mut histories = histories.lock().unwrap_or_else(PoisonError::into_inner);
            let (runs, typical) = histories.list(&store);
            let _left = tell.send(Msg::RunsListed { runs, typical });
        });
    }

    fn load_evidence(&self, run: RunId, release: crate::domain::name::ReleaseId, file: String) {
        let (dir, tell) = (self.store.run(&run), self.tell.clone());
        thread::spawn(move || {
            let msg = match dir.evidence(&file) {
                Ok(evidence) => Msg::EvidenceLoaded { run, evidence: Arc::new(evidence), file },
                Err(error) => Msg::EvidenceUnreadable { run, release, problem: error.to_string() },
            };
            let _left = tell.send(msg);
        });
    }

    fn search(&self, run: &RunId, step: StepId, log: &str, query: LogQuery) {
        let (path, tell) = (self.store.run(run).file(log), self.tell.clone());
        thread::spawn(move || {
            let offset = find(&path, &query).unwrap_or_else(|error| {
                log::warn!("cannot search the log of {step}: {error}");
                None
            });
            let _left = tell.send(Msg::SearchEnded { step, pattern: query.pattern, offset });
        });
    }
}

fn find(path: &Path, query: &LogQuery) -> io::Result<Option<u64>> {
    let mut file = LogFile::open(path)?;
    let needle = query.pattern.as_bytes();
    match query.towards {
        Towards::End => file.find(needle, query.from),
        Towards::Beginning => file.find_back(needle, query.from),
    }
}

impl Outside for Effects {
    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::ReadStatus => self.read_status(),
            Effect::ListRuns => self.list_runs(),
            Effect::StartRun { plan } => {
                let work = engine::start(
                    self.store.clone(),
                    self.spawner.clone(),
                    plan,
                    self.text.clone(),
                    self.tell.clone(),
                );
                tokio::spawn(work);
            }
            Effect::OpenRun { run } => {
                let dir = self.store.run(&run);
                self.open = Some(OpenRun::begin(dir, self.spawner.clone(), self.tell.clone()));
            }
            Effect::Send { run, request } => match &self.open {
                Some(open) if *open.id() == run => open.ask(request),
                _ => log::warn!("a request for {run}, which is not open, was dropped: {request:?}"),
            },
            Effect::LoadEvidence { run, release, file } => self.load_evidence(run, release, file),
            Effect::SearchLog { run, step, log, query } => self.search(&run, step, &log, query),
            // The loop itself carries these out.
            Effect::LoadTheme { .. } | Effect::Redraw | Effect::Suspend | Effect::Leave { .. } => {}
        }
    }

    fn logs_grew(&mut self, model: &Model) -> bool {
        self.panes.grew(model)
    }

    fn read_logs(&mut self, model: &mut Model) {
        let Some(run) = &model.run else { return };
        let folder = self.store.run(&run.id).path().to_owned();
        self.panes.read(model, &folder);
    }
}
