//! What commands have in common: the catalog, the state folder, the status of the positions.

use super::args::{Global, SelectionArgs, Ticks};
use super::exit::{Exit, Failure};
use crate::catalog::{self, CatalogErrors, Source};
use crate::domain::catalog::{Catalog, Checkout};
use crate::domain::name::{ReleaseId, RepoName, RunId};
use crate::domain::plan::Plan;
use crate::domain::plan::make::make;
use crate::domain::plan::replan::remaining;
use crate::domain::redact::Redactor;
use crate::domain::run::RunState;
use crate::domain::selection::{ReleaseSelection, Selection};
use crate::domain::status::{CheckoutStatus, MountStatus, ReleaseStatus};
use crate::domain::visible;
use crate::journal::store::{RunDir, Store};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The catalog of this host, where it is not named.
const SYSTEM_CATALOG: &str = "/etc/stagegate/stagegate.toml";
/// How long a checkout or a mount may take to answer a command.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a checkout may take all the same, where a mount has taken all the time there was.
const LEAST: Duration = Duration::from_secs(2);

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
    let store = Store::open(&state_folder(global)?)?;
    if let Some(closed) = store.closed() {
        warn(&format!("stagegate: {closed}\n"));
    }
    Ok(store)
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
    let reader = crate::compose::status::StatusReader::new();
    let status = reader.read(catalog, PATIENCE, |_| {});
    let left = || deadline.saturating_duration_since(std::time::Instant::now()).max(LEAST);
    let read = |checkout: &Checkout| match reader.reach(catalog, &checkout.path, left()) {
        Ok(()) => catalog::checkouts::read(checkout, left()),
        Err(problem) => catalog::checkouts::unread(checkout, problem),
    };
    let checkouts = catalog.checkouts.iter().map(read).collect();
    Facts { releases: status.releases, mounts: status.mounts, checkouts }
}

/// Makes the plan of a selection from the facts of now; where it is the rest of a run, returns that run too.
pub(super) fn plan(
    global: &Global,
    catalog: &Catalog,
    args: &SelectionArgs,
) -> Result<(Plan, Option<RunId>), Failure> {
    let Some(run) = &args.from_run else {
        let selection = selection(catalog, args)?;
        let facts = facts(catalog);
        let plan = make(catalog, &selection, &facts.releases, &facts.checkouts).map_err(Failure::usage)?;
        return Ok((plan, None));
    };
    let (_, dir) = find_run(global, run)?;
    let state = dir.load()?;
    if let (None, Some((release, given))) = (state.lanes().next(), state.given_up.iter().next()) {
        return Err(Failure::usage_text(format!(
            "nothing of run {} is left: release {release} was {given}",
            dir.id()
        )));
    }
    let facts = facts(catalog);
    let selection = remaining(&state, dir.is_alive(), &facts.releases);
    if selection.releases.is_empty() {
        return Err(Failure::usage_text(format!("nothing of run {} is left to be done", dir.id())));
    }
    let plan = make(catalog, &selection, &facts.releases, &facts.checkouts).map_err(Failure::usage)?;
    Ok((plan, Some(dir.id().clone())))
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

/// Makes what takes secrets out of everything else, errors included: with what the catalog calls secret, if it can be read.
pub(super) fn redactor(global: &Global) -> Redactor {
    let process = catalog::process_environment();
    let draft = catalog::read(&source(global)).or_else(|_| catalog::read(&Source::BuiltIn));
    let secrets = draft.as_ref().map(catalog::Draft::secrets).unwrap_or_default();
    let outline = draft.and_then(|draft| draft.outline(&process));
    let set = outline.map(|catalog| catalog.environment).unwrap_or_default();
    Redactor::new(&secrets, [&process, &set])
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

/// Writes to standard output as it is, for what is built in; a reader that went away is no failure.
pub(super) fn own(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Writes lines for people to standard output: without secrets, and without anything that a terminal obeys.
///
/// What stands within a line must have been made one before ([`Redactor::shown`]): here nobody knows any more
/// whether a line end is ours or that of a file's name.
pub(super) fn out(redactor: &Redactor, text: &str) -> Result<(), Failure> {
    own(&visible::lines(&redactor.text(text)))
}

/// Writes a value as JSON to standard output: without secrets, otherwise exact.
pub(super) fn out_json(redactor: &Redactor, value: &impl serde::Serialize) -> Result<(), Failure> {
    own(&json(redactor, value)?)
}

/// Returns what [`out_json`] writes.
pub(super) fn json(redactor: &Redactor, value: &impl serde::Serialize) -> Result<String, Failure> {
    let mut tree = serde_json::to_value(value)?;
    redactor.json(&mut tree);
    Ok(format!("{}\n", visible::json(&serde_json::to_string_pretty(&tree)?)))
}

/// Writes a remark to standard error.
pub(super) fn warn(text: &str) {
    // It belongs on the terminal; if that is gone, nobody reads it.
    let _gone = std::io::stderr().write_all(visible::lines(text).as_bytes());
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
