//! Carries out what the core asks for, and answers with messages.
//!
//! What can block does so on threads of its own, never on the loop's: a mount that hangs must not hold up
//! a key. Nothing here decides anything; the core does, and the supervisor has the last word.

mod engine;
mod history;
mod open_run;

use super::event_loop::Outside;
use super::log_panes::LogPanes;
use super::log_search::LogSearch;
use super::logging::Hidden;
use super::runs_watch;
use super::secrets;
use crate::app::model::{LogQuery, redactor_of};
use crate::app::{Effect, Model, Msg};
use crate::catalog::{Draft, checkouts, process_environment};
use crate::compose::status::{StatusPart, StatusReader};
use crate::domain::catalog::Catalog;
use crate::domain::name::{RunId, StepId};
use crate::domain::release::Release;
use crate::journal::JournalError;
use crate::journal::store::Store;
use crate::supervisor::client::Spawner;
use crate::supervisor::take_over::Order;
use history::Histories;
use open_run::OpenRun;
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    /// How many lists of runs are being made.
    listings: Arc<AtomicUsize>,
    /// The catalog as it was written, to ask vars files again that did not answer.
    draft: Arc<Mutex<Option<Draft>>>,
    tell: UnboundedSender<Msg>,
    /// What must not get into the console's log.
    hidden: Hidden,
    open: Option<OpenRun>,
    panes: LogPanes,
    search: Option<LogSearch>,
    /// The catalog's draft, until the toolkits' vars files are asked.
    unread: Option<Draft>,
    /// Whether the runs are watched.
    watching: bool,
}

impl Effects {
    /// Makes it; `outline` is the catalog as far as it is known without the toolkits' vars.
    pub fn new(
        store: Store,
        spawner: Spawner,
        outline: Arc<Catalog>,
        draft: Draft,
        (tell, hidden): (UnboundedSender<Msg>, Hidden),
    ) -> Self {
        hidden.catalog(redactor_of(&outline));
        let reader = StatusReader::new();
        let recovered = tell.clone();
        reader.prober().on_recovery(move |place| {
            log::info!("{place} answers again");
            // Nobody listens any more once the console has left.
            let _left = recovered.send(Msg::PlaceRecovered { place: place.to_owned() });
        });
        Self {
            hidden,
            store,
            spawner,
            catalog: Arc::new(Mutex::new(outline)),
            reader,
            histories: Arc::default(),
            listings: Arc::default(),
            draft: Arc::default(),
            tell,
            open: None,
            panes: LogPanes::default(),
            search: None,
            text: draft.text().to_owned(),
            unread: Some(draft),
            watching: false,
        }
    }

    /// Begins to ask the toolkits' vars files, which takes bash a moment: after the first frame, not beside it.
    fn read_catalog(&mut self) {
        let Some(draft) = self.unread.take() else { return };
        let (catalog, kept, tell) = (Arc::clone(&self.catalog), Arc::clone(&self.draft), self.tell.clone());
        let hidden = self.hidden.clone();
        thread::spawn(move || {
            let msg = match draft.resolve(&process_environment()) {
                Ok(resolved) => {
                    let resolved = Arc::new(resolved);
                    hidden.catalog(redactor_of(&resolved));
                    *catalog.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&resolved);
                    Msg::CatalogRead(resolved)
                }
                Err(errors) => Msg::TroubleSeen { about: "catalog", message: errors.to_string() },
            };
            // Nobody listens any more once the console has left.
            let _left = tell.send(msg);
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(draft);
        });
    }

    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn read_status(&self) {
        let (catalog, reader, tell) = (self.catalog(), self.reader.clone(), self.tell.clone());
        let (kept, draft) = (Arc::clone(&self.catalog), Arc::clone(&self.draft));
        thread::spawn(move || {
            let catalog = ask_vars_again(&catalog, &reader, &draft, &kept, &tell).unwrap_or(catalog);
            thread::scope(|scope| {
                for checkout in &catalog.checkouts {
                    let (tell, reader, catalog) = (tell.clone(), &reader, &catalog);
                    scope.spawn(move || {
                        let answer = match reader.reach(catalog, &checkout.path, GIT_LIMIT) {
                            Ok(()) => checkouts::read(checkout, GIT_LIMIT),
                            Err(problem) => checkouts::unread(checkout, problem),
                        };
                        let _left = tell.send(Msg::CheckoutAnswered(answer));
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

    /// Lists the runs now, and from now on whenever one of them moves.
    fn list_runs(&mut self) {
        let (histories, store, tell) = (Arc::clone(&self.histories), self.store.clone(), self.tell.clone());
        let (listings, catalog) = (Arc::clone(&self.listings), Arc::clone(&self.catalog));
        let list = move || {
            // One at work and one that waits behind it: a state folder that hangs costs no more than that.
            if listings.fetch_add(1, Ordering::Relaxed) >= 2 {
                listings.fetch_sub(1, Ordering::Relaxed);
                return true;
            }
            let secrets = catalog.lock().unwrap_or_else(PoisonError::into_inner).secrets.clone();
            let mut histories = histories.lock().unwrap_or_else(PoisonError::into_inner);
            let (runs, typical) = histories.list(&store, &secrets);
            listings.fetch_sub(1, Ordering::Relaxed);
            tell.send(Msg::RunsListed { runs, typical }).is_ok()
        };
        if std::mem::replace(&mut self.watching, true) {
            thread::spawn(list);
        } else {
            runs_watch::watch(self.store.clone(), list);
        }
    }

    fn load_evidence(&self, run: RunId, release: crate::domain::name::ReleaseId, file: String) {
        let (dir, tell) = (self.store.run(&run), self.tell.clone());
        thread::spawn(move || {
            let shown = || {
                let redactor = secrets::of_run(&dir, &dir.plan()?);
                Ok::<_, JournalError>(redactor.shown(dir.evidence(&file)?))
            };
            let msg = match shown() {
                Ok(evidence) => Msg::EvidenceLoaded { run, evidence: Arc::new(evidence), file },
                Err(error) => Msg::EvidenceUnreadable { run, release, problem: error.to_string() },
            };
            let _left = tell.send(msg);
        });
    }

    fn search(&mut self, run: &RunId, step: StepId, log: &str, query: LogQuery) {
        let dir = self.store.run(run);
        let redactor = {
            let dir = dir.clone();
            move || Ok(secrets::of_run(&dir, &dir.plan().map_err(io::Error::other)?))
        };
        self.search = Some(LogSearch::begin(dir.file(log), step, query, redactor, self.tell.clone()));
    }
}

/// Asks vars files again that could not be read, if the folders that they stand in answer by now.
fn ask_vars_again(
    catalog: &Catalog,
    reader: &StatusReader,
    draft: &Mutex<Option<Draft>>,
    kept: &Mutex<Arc<Catalog>>,
    tell: &UnboundedSender<Msg>,
) -> Option<Arc<Catalog>> {
    let unread = |release: &&Release| release.vars.is_err();
    let folders = catalog.releases.iter().filter(unread).map(|release| &release.toolkit.folder);
    let folders: BTreeSet<&PathBuf> = folders.collect();
    if folders.is_empty() || !folders.iter().all(|folder| reader.reach(catalog, folder, GIT_LIMIT).is_ok()) {
        return None;
    }
    // Until they were asked for the first time there is nothing to ask again.
    let draft = draft.lock().unwrap_or_else(PoisonError::into_inner);
    let resolved = Arc::new(draft.as_ref()?.resolve(&process_environment()).ok()?);
    if *resolved == *catalog {
        return None;
    }
    *kept.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&resolved);
    // Nobody listens any more once the console has left.
    let _left = tell.send(Msg::CatalogRead(Arc::clone(&resolved)));
    Some(resolved)
}

impl Outside for Effects {
    fn carry_out(&mut self, effect: Effect) {
        self.read_catalog();
        match effect {
            Effect::ReadStatus => self.read_status(),
            Effect::ListRuns => self.list_runs(),
            Effect::StartRun { plan, from, take_over } => {
                let order = Order { from, take_over: take_over.is_some(), reason: take_over };
                let work = engine::start(
                    self.store.clone(),
                    self.spawner.clone(),
                    plan,
                    self.text.clone(),
                    order,
                    self.tell.clone(),
                );
                tokio::spawn(work);
            }
            Effect::OpenRun { run } => {
                let dir = self.store.run(&run);
                self.open =
                    Some(OpenRun::begin(dir, self.spawner.clone(), self.tell.clone(), self.hidden.clone()));
            }
            Effect::Send { run, request } => match &self.open {
                Some(open) if *open.id() == run => open.ask(request),
                _ => log::warn!("a request for {run}, which is not open, was dropped: {request:?}"),
            },
            Effect::LoadEvidence { run, release, file } => self.load_evidence(run, release, file),
            Effect::SearchLog { run, step, log, query } => self.search(&run, step, &log, query),
            Effect::StopSearch => self.search = None,
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
