//! What commands have in common: the catalog, the state folder, the status of the positions.

use super::args::{Global, SelectionArgs, Ticks};
use super::exit::{Exit, Failure};
use crate::catalog::{self, CatalogErrors, Source};
use crate::domain::catalog::Catalog;
use crate::domain::name::{ReleaseId, RepoName};
use crate::domain::plan::Plan;
use crate::domain::plan::make::make;
use crate::domain::redact::Redactor;
use crate::domain::run::RunState;
use crate::domain::selection::{ReleaseSelection, Selection};
use crate::domain::status::{CheckoutStatus, MountStatus, ReleaseStatus};
use crate::journal::store::{RunDir, Store};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The catalog of this host, where it is not named.
const SYSTEM_CATALOG: &str = "/etc/stagegate/stagegate.toml";
/// How long a checkout or a mount may take to answer a command.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns where the catalog comes from.
pub(super) fn source(global: &Global) -> Source {
    match &global.config {
        Some(path) => Source::File(path.clone()),
        None if Path::new(SYSTEM_CATALOG).exists() => Source::File(SYSTEM_CATALOG.into()),
        None => Source::BuiltIn,
    }
}

/// Loads the catalog; one with an error runs nothing.
pub(super) fn catalog(global: &Global) -> Result<Catalog, Failure> {
    catalog::load(&source(global), &catalog::process_environment()).map_err(Failure::usage)
}

/// Returns the text of the catalog, which a run keeps.
pub(super) fn catalog_text(global: &Global) -> Result<String, Failure> {
    match source(global) {
        Source::BuiltIn => Ok(catalog::default_text().to_owned()),
        Source::File(path) => Ok(std::fs::read_to_string(path)?),
    }
}

/// Returns the state folder: the flag, `/var/lib/stagegate` for root, else the XDG state folder.
pub(super) fn state_folder(global: &Global) -> Result<PathBuf, Failure> {
    if let Some(folder) = &global.state {
        return Ok(folder.clone());
    }
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/stagegate"));
    }
    directories::ProjectDirs::from("", "", "stagegate")
        .and_then(|folders| folders.state_dir().map(Path::to_owned))
        .ok_or_else(|| Failure::usage_text("no home folder is known; name a state folder with --state"))
}

/// Opens the state folder.
pub(super) fn store(global: &Global) -> Result<Store, Failure> {
    Ok(Store::open(&state_folder(global)?)?)
}

/// The positions, the mounts and the checkouts.
pub(super) struct Facts {
    pub(super) releases: Vec<ReleaseStatus>,
    pub(super) mounts: Vec<MountStatus>,
    pub(super) checkouts: Vec<CheckoutStatus>,
}

/// Looks at every position, mount and checkout.
pub(super) fn facts(catalog: &Catalog) -> Facts {
    let deadline = std::time::Instant::now() + PATIENCE;
    let status = crate::compose::status::StatusReader::new().read(catalog, PATIENCE, |_| {});
    let checkouts = catalog
        .checkouts
        .iter()
        .map(|checkout| {
            catalog::checkouts::read(checkout, deadline.saturating_duration_since(std::time::Instant::now()))
        })
        .collect();
    Facts { releases: status.releases, mounts: status.mounts, checkouts }
}

/// Makes the plan of a selection from the facts of now.
pub(super) fn plan(catalog: &Catalog, args: &SelectionArgs) -> Result<Plan, Failure> {
    let selection = selection(catalog, args)?;
    let facts = facts(catalog);
    make(catalog, &selection, &facts.releases, &facts.checkouts).map_err(Failure::usage)
}

fn selection(catalog: &Catalog, args: &SelectionArgs) -> Result<Selection, Failure> {
    let releases = args.release.iter().map(|id| {
        let release = catalog.release(id).ok_or_else(|| unknown_release(catalog, id))?;
        let all = release.repos.iter().map(|repo| &repo.name);
        Ok(ReleaseSelection {
            release: id.clone(),
            compose: ticked(&args.compose, all),
            sync: ticked(&args.sync, release.sync_order.iter()),
        })
    });
    Ok(Selection { flow: args.flow.clone(), releases: releases.collect::<Result<_, Failure>>()? })
}

/// Returns the failure of a release that the catalog does not have.
pub(super) fn unknown_release(catalog: &Catalog, id: &ReleaseId) -> Failure {
    let known: Vec<&str> = catalog.releases.iter().map(|release| release.id.as_str()).collect();
    Failure::usage_text(format!("there is no release `{id}`; the catalog has {}", known.join(", ")))
}

fn ticked<'a>(ticks: &Ticks, all: impl Iterator<Item = &'a RepoName>) -> BTreeSet<RepoName> {
    match ticks {
        Ticks::All => all.cloned().collect(),
        Ticks::None => BTreeSet::new(),
        Ticks::These(names) => names.iter().cloned().collect(),
    }
}

/// Returns the release that a command is about: the one named, or the only one of the run.
pub(super) fn lane(state: &RunState, named: Option<&ReleaseId>) -> Result<ReleaseId, Failure> {
    let lanes: Vec<&ReleaseId> = state.plan.lanes.iter().map(|lane| &lane.release).collect();
    let list = lanes.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
    match (named, lanes.as_slice()) {
        (Some(named), lanes) if lanes.contains(&named) => Ok(named.clone()),
        (Some(named), _) => {
            Err(Failure::usage_text(format!("the run has no release `{named}`; it has {list}")))
        }
        (None, [only]) => Ok((*only).clone()),
        (None, _) => Err(Failure::usage_text(format!(
            "the run has several releases ({list}); name one with --release"
        ))),
    }
}

/// Makes what takes secrets out of everything that a run shows, by the names of the catalog that it was made from.
pub(super) fn redactor(dir: &RunDir, plan: &Plan) -> Redactor {
    // A run whose catalog cannot be read any more is shown by the names of the built-in one, not by none.
    let read = |source: &Source| catalog::read(source).map(|draft| draft.secrets());
    let names = read(&Source::File(dir.catalog())).or_else(|_| read(&Source::BuiltIn)).unwrap_or_default();
    Redactor::of_plan(&names, plan)
}

/// Finds a run by its id, the beginning of one, or `latest`.
pub(super) fn find_run(global: &Global, text: &str) -> Result<(Store, RunDir), Failure> {
    let store = store(global)?;
    let dir = store.find(text)?;
    Ok((store, dir))
}

/// Returns the command line that reaches the same runs, up to the command: `stagegate --state DIR`.
pub(super) fn invocation(global: &Global) -> String {
    let quoted = |path: &Path| crate::domain::plan::script::quote(&path.to_string_lossy());
    let state = global.state.as_deref().map(|state| format!(" --state {}", quoted(state)));
    format!("stagegate{}", state.unwrap_or_default())
}

/// Writes to standard output; a reader that went away is no failure.
pub(super) fn out(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Writes a value as JSON to standard output.
pub(super) fn out_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    out(&text)
}

/// Makes the small runtime that talks to supervisors.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Opens the console, on a run if one is named.
pub(super) fn console(global: &Global, run: Option<&str>) -> Result<Exit, Failure> {
    let run = run.map(|run| find_run(global, run).map(|(_, dir)| dir.id().clone())).transpose()?;
    crate::runtime::run_console(crate::runtime::ConsoleOptions {
        source: source(global),
        state: state_folder(global)?,
        observe: global.observe,
        theme: global.theme.clone(),
        run,
    })
    .map_err(|error| if error.is::<CatalogErrors>() { Failure::usage(error) } else { error.into() })?;
    Ok(Exit::Done)
}
