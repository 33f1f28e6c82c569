//! How a supervisor comes into being: the run's lock, its catalog, its lanes, its journal, in this order.
//!
//! Nothing is recorded before everything is held that the run needs: who cannot have it leaves the run as it was.

use super::happening::Happening;
use super::identity;
use super::locks::{LockError, Locks};
use super::recovery::House;
use super::run_loop::Supervisor;
use super::survivors::survivor_on;
use super::take_over::{Order, TakeOverError, Taker};
use crate::catalog;
use crate::compose::probe::Prober;
use crate::domain::catalog::Catalog;
use crate::domain::file_digest::FileDigest;
use crate::domain::live::Live;
use crate::domain::name::{ReleaseId, RunId};
use crate::domain::run::{Event, RunState};
use crate::exec::cgroup::Ground;
use crate::journal::JournalError;
use crate::journal::lock::{Elsewhere, Holder};
use crate::journal::store::{RunDir, Store};
use crate::journal::writer::Writer;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Why a supervisor cannot begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unable {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the run's catalog cannot be used any more:\n{0}")]
    Catalog(String),
    #[error(
        "{} is not the catalog that run {run} was made with: restore the file, or plan a new run",
        path.display()
    )]
    CatalogAltered { path: PathBuf, run: RunId },
}

impl From<TakeOverError> for Unable {
    fn from(error: TakeOverError) -> Self {
        match error {
            TakeOverError::Lock(error) => Self::Lock(error),
            TakeOverError::Refused(problem) => Self::Refused(problem),
        }
    }
}

/// Takes the run's locks, opens its journal and records that this process is its supervisor now.
pub(super) async fn begin(
    store: &Store,
    dir: &RunDir,
    order: &Order,
    unscoped: Option<&str>,
) -> Result<(Supervisor, UnboundedReceiver<Happening>), Unable> {
    let plan = dir.plan()?;
    let by = identity::own();
    let (since, pid) = (Timestamp::now(), std::process::id());
    let holder = Holder { run: dir.id().clone(), by: by.clone(), since, pid, step: None };
    let elsewhere = if order.take_over { Elsewhere::Override } else { Elsewhere::Respect };
    let mut locks = Locks::take_run(store, dir, holder, elsewhere)?;
    // With the run's lock its journal stands still.
    let found = dir.load()?;
    let (catalog, digest) = own_catalog(dir, found.catalog.as_ref())?;
    // What other runs have by now is none of this one's.
    let own: Vec<ReleaseId> = found.held_lanes().map(|lane| lane.release.clone()).collect();
    let taker = Taker { store, run: dir.id(), by: &by, order };
    let taken = taker.take(&mut locks, &own).await?;
    if let Some(message) = survivor_on(store, dir.id(), &own) {
        return Err(Unable::Refused(message));
    }
    complete_logs(dir);
    let journal = Writer::open(&dir.journal())?;
    let state: RunState = dir.load()?;
    let fresh = state.created.is_none();
    let (happenings, receiver) = unbounded_channel();
    let released = if fresh { own.into_iter().collect() } else { BTreeSet::new() };
    let mut supervisor = Supervisor {
        dir: dir.clone(),
        catalog: Arc::new(catalog),
        state,
        journal,
        locks,
        happenings,
        busy: BTreeMap::new(),
        looking: BTreeSet::new(),
        released,
        phrases: BTreeMap::new(),
        checked: BTreeMap::new(),
        vigils: BTreeMap::new(),
        live: Live::default(),
        live_changed: true,
        clients: BTreeMap::new(),
        helm: None,
        looks: BTreeMap::new(),
        prober: Prober::new(),
        ground: Ground::find(Path::new("/"), &House::of(dir).cgroup(dir.id()), unscoped),
        helm_turn: (0, None),
        broken: None,
        asked: fresh,
        begun: Instant::now(),
    };
    if fresh {
        let (run, version) = (dir.id().clone(), env!("CARGO_PKG_VERSION").to_owned());
        let catalog = Some(digest);
        supervisor.record(&Event::RunCreated { run, plan: plan.digest, by, version, catalog })?;
    }
    announce(&mut supervisor, &taken)?;
    Ok((supervisor, receiver))
}

/// Reads the run's own catalog, once, and returns it with its digest; it must be what was `recorded`.
fn own_catalog(dir: &RunDir, recorded: Option<&FileDigest>) -> Result<(Catalog, FileDigest), Unable> {
    let path = dir.catalog();
    let text = std::fs::read_to_string(&path).map_err(JournalError::io("cannot read", &path))?;
    let digest = FileDigest::of(text.as_bytes());
    if recorded.is_some_and(|recorded| *recorded != digest) {
        return Err(Unable::CatalogAltered { path, run: dir.id().clone() });
    }
    let name = catalog::Source::File(path).name();
    let catalog = catalog::parse(&name, text)
        .and_then(|draft| draft.resolve(&catalog::process_environment()))
        .map_err(|errors| Unable::Catalog(errors.to_string()))?;
    Ok((catalog, digest))
}

/// Appends to the logs what the last supervisor had taken from its steps and not yet written when it was killed.
fn complete_logs(dir: &RunDir) {
    for (log, recovered) in crate::exec::landing::recover(&dir.file("steps")) {
        match recovered {
            Ok(0) => {}
            Ok(bytes) => {
                log::info!("{}: {bytes} bytes were still on their way and are in it now", log.display());
            }
            Err(error) => {
                log::warn!("{}: what was on its way there is left beside it: {error}", log.display());
            }
        }
    }
}

/// Records that this process is the supervisor now, and whose releases it took.
fn announce(supervisor: &mut Supervisor, taken: &[Event]) -> Result<(), JournalError> {
    let pid = identity::own_pid();
    supervisor.record(&Event::SupervisorStarted {
        pid,
        start_time: identity::start_time(pid).unwrap_or(0),
        place: identity::place(),
    })?;
    for event in taken {
        supervisor.record(event)?;
    }
    Ok(())
}
