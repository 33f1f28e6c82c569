//! After prep and at the gate: no repo lost its module data, and streams and packages fit.
//!
//! `createrepo --update` drops the `modules` record, and the prep that should add it again exits 0 when it cannot, or
//! adds what was left over from another repo (reality.md 3.2): then modular packages hide or break upgrades for
//! everybody (AlmaLinux/build-system#309). A modular package that no stream names, and a stream whose packages are not there,
//! show either. That single streams are lost is for no-regression. What production has in the same way is inherited.

mod fit;

use super::VetContext;
use super::found::Found;
use super::inventory::{Held, Inventory};
use super::places::shown;
use super::repo_place::{RepoKind, RepoPlace};
use super::repos::{Pair, Repos, Wanted, each, repos, unreadable};
use crate::compose::tree::Depth;
use crate::domain::finding::{Finding, Severity};
use crate::domain::flow::CheckName;
use crate::domain::release::Release;
use crate::repodata::modules::Modules;
use crate::repodata::{Problem, Repo, RepodataError, Verify, Watch};
use fit::Misfit;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const CHECK: CheckName = CheckName::ModulesPresent;
const ADVICE: &str = "see that its modules.yaml is there, then run prep again";

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(release) = cx.release else { return };
    let Some(repos) = repos(cx, "module data", Depth::Names, Wanted::Staged, found) else { return };
    let wanted = wanted(release);
    for repo in wanted.iter().filter(|repo| repos.pairs.iter().all(|pair| pair.path != **repo)) {
        // A variant that is in neither position is not part of the release.
        if repos.places.production.join(repo).join("repodata").exists() {
            let message = "should hold module data and has no metadata at all in staging";
            found.blocking("no-repo", shown(repo), message, "run prep again");
        }
    }
    let Some(staged) = Position::read(cx, &repos, Pair::staged, found) else { return };
    let misfits = staged.misfits();
    let published = if misfits.iter().all(BTreeSet::is_empty) {
        None
    } else {
        Position::read(cx, &repos, Pair::published, found)
    };
    let before = published.map(|published| published.misfits()).unwrap_or_default();
    for (at, pair) in repos.pairs.iter().enumerate() {
        let finding = state(pair, &staged.modules[at], wanted.contains(&pair.path));
        let lost = finding.is_some();
        if let Some(finding) = finding {
            found.add(finding);
        }
        let (now, before) = (&misfits[at], before.get(at));
        for misfit in now.iter().filter(|misfit| !(lost && misfit.is_without_data())) {
            let mut finding = misfit.finding(pair);
            finding.inherited = before.is_some_and(|before| before.contains(misfit));
            found.add(finding);
        }
    }
}

/// Returns the repos that the vars files say have modules: `AppStream/x86_64/os`.
fn wanted(release: &Release) -> BTreeSet<PathBuf> {
    let Ok(vars) = &release.vars else { return BTreeSet::new() };
    let pairs =
        vars.module_variants.iter().flat_map(|variant| vars.arches.iter().map(move |arch| (variant, arch)));
    pairs.map(|(variant, arch)| Path::new(variant).join(arch).join("os")).collect()
}

/// What was read of a repo's modules: none where it is not there, or its repomd.xml not readable.
type ReadModules = Option<Result<Option<Modules>, RepodataError>>;

/// All repos of a position.
struct Position<'a> {
    places: Vec<&'a Path>,
    modules: Vec<ReadModules>,
    held: Vec<Option<Held>>,
    inventory: Inventory,
}

impl<'a> Position<'a> {
    fn read(
        cx: &VetContext<'_>,
        repos: &'a Repos,
        side: fn(&Pair) -> Option<&Repo>,
        found: &mut Found<'_>,
    ) -> Option<Self> {
        let pairs: Vec<&Pair> = repos.pairs.iter().collect();
        let read = each(cx.pulse, "module data", pairs, found, |pair| {
            let repo = side(pair)?;
            // Packages of debug and source trees are in streams as well, and their module data lies in the os tree.
            let fits = matches!(RepoPlace::of(&pair.path).kind, RepoKind::Os | RepoKind::Kickstart);
            // A repo without a list of packages has none; that it should have one is for metadata-consistent.
            let held = fits.then(|| Held::read(repo, cx.pulse).ok()).flatten();
            Some((modules(repo, cx.pulse), held))
        })?;
        let (modules, held): (Vec<ReadModules>, Vec<Option<Held>>) = read
            .into_iter()
            .map(|read| read.map_or((None, None), |(modules, held)| (Some(modules), held)))
            .unzip();
        let places = repos.pairs.iter().map(|pair| pair.path.as_path()).collect();
        let gathered = repos.pairs.iter().zip(&held).filter_map(|(pair, held)| Some((pair, held.as_ref()?)));
        let inventory = Inventory::gather(gathered, true);
        Some(Self { places, modules, held, inventory })
    }

    /// Returns of each repo what does not fit.
    fn misfits(&self) -> Vec<BTreeSet<Misfit>> {
        let one = |at: usize| {
            let (Some(Ok(modules)), Some(held)) = (&self.modules[at], &self.held[at]) else {
                return BTreeSet::new();
            };
            let arch = RepoPlace::of(self.places[at]).arch;
            fit::misfits(modules.as_ref(), held, self.inventory.os(&arch).unwrap_or(held))
        };
        (0..self.places.len()).map(one).collect()
    }
}

fn modules(repo: &Repo, watch: &dyn Watch) -> Result<Option<Modules>, RepodataError> {
    repo.modules(Verify::Sizes, watch).map(|read| read.map(|read| read.value))
}

/// Says whether the module data is there at all.
fn state(pair: &Pair, staged: &ReadModules, wanted: bool) -> Option<Finding> {
    let path = pair.file("repodata/repomd.xml");
    let blocking =
        |kind, message: String| Finding::new(CHECK, Severity::Blocking, kind, path, message, ADVICE);
    let names = |repo: &Repo| repo.repomd().get("modules").is_some();
    match (&pair.staged, staged) {
        (Some(Err(error)), _) => Some(unreadable(CHECK, &pair.path, error)),
        (_, Some(Err(error))) if error.problem == Problem::Missing => {
            Some(blocking("no-file", format!("names module data that is not there: {}", shown(&error.file))))
        }
        (_, Some(Err(error))) => Some(unreadable(CHECK, &pair.path, error)),
        (_, Some(Ok(None))) if pair.published().is_some_and(names) => {
            Some(blocking("lost", "lost its module data, which production has".to_owned()))
        }
        (_, Some(Ok(None))) if wanted => {
            let mut finding = blocking("missing", "has no module data".to_owned());
            finding.inherited = pair.published().is_some();
            Some(finding)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
