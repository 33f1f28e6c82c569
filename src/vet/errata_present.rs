//! After the errata and at the gate: no repo lost its advisories, and what they name is there.
//!
//! Every prep erases the errata (`createrepo --update` drops `updateinfo`), so that an errata step which reached no host
//! leaves none. Advisories that name packages which are not there (bodhi#694), modular ones without their module
//! (peridot#79: no client applies them) and ids twice are told; that single advisories are lost is for no-regression.
//! Packages are looked for in all repos of the release and the architecture, sources and debug packages in theirs. What
//! production has in the same way is inherited. Where the lane's errata step was skipped, which is a finding of its own, or
//! the lane syncs a whole release and publishes its errata after it, that a repo has none is a warning. It reads updateinfo
//! and the package lists. It cannot see an advisory that nobody wrote, nor a wrong severity.

use super::VetContext;
use super::found::Found;
use super::inventory::{Held, Inventory, is_modular};
use super::places::shown;
use super::repo_place::RepoPlace;
use super::repos::{Pair, Repos, Wanted, each, repos, unreadable};
use crate::compose::tree::Depth;
use crate::domain::finding::{Finding, Severity};
use crate::domain::flow::{CheckName, Role};
use crate::domain::plan::Step;
use crate::repodata::updateinfo::Advisory;
use crate::repodata::{Repo, RepodataError, Verify, Watch};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

const CHECK: CheckName = CheckName::ErrataPresent;
const ADVICE: &str = "publish the errata again, then sign";

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(repos) = repos(cx, "errata", Depth::Names, Wanted::Staged, found) else { return };
    let Some(staging) = inventory(cx, &repos, Pair::staged, found) else { return };
    let what = "errata in staging";
    let pairs: Vec<&Pair> = repos.pairs.iter().collect();
    let Some(read) = each(cx.pulse, what, pairs, found, |pair| Read::new(pair, pair.staged(), &staging, cx))
    else {
        return;
    };
    // Production is read as closely only where there is something that it may have too.
    let flawed = read.iter().any(|read| matches!(read, Some(Ok(read)) if !read.flaws.is_empty()));
    let production =
        if flawed { inventory(cx, &repos, Pair::published, &mut Found::new(CHECK, &[])) } else { None };
    let production = production.unwrap_or_default();
    for (pair, read) in repos.pairs.iter().zip(read) {
        for finding in one(cx, pair, read, &production) {
            found.add(finding);
        }
    }
}

/// Reads what all repos of a position hold. One that could not be read is said; what is missing cannot be told then.
fn inventory(
    cx: &VetContext<'_>,
    repos: &Repos,
    side: fn(&Pair) -> Option<&Repo>,
    found: &mut Found<'_>,
) -> Option<Inventory> {
    let pairs: Vec<&Pair> = repos.pairs.iter().collect();
    let held =
        each(cx.pulse, "packages", pairs, found, |pair| side(pair).map(|repo| Held::read(repo, cx.pulse)))?;
    let mut whole = true;
    let mut read = Vec::new();
    for (pair, held) in repos.pairs.iter().zip(&held) {
        match held {
            Some(Ok(held)) => read.push((pair, held)),
            Some(Err(error)) => {
                whole = false;
                found.add(unreadable(CHECK, &pair.path, error));
            }
            None => {}
        }
    }
    Some(Inventory::gather(read, whole))
}

/// Says why there need be no errata: somebody decided so, or they are published after this run.
///
/// The step that publishes errata is known by its checks.
fn why_none(cx: &VetContext<'_>) -> Option<&'static str> {
    let lane = cx.plan.lane(&cx.release?.id)?;
    let steps = || lane.steps.iter().filter_map(|id| cx.plan.step(id));
    let of_errata = |step: &Step| {
        let checks = [CheckName::AnsibleRecap, CHECK];
        step.role == Role::Stage && step.after.iter().any(|check| checks.contains(check))
    };
    let mut errata = steps().filter(|step| of_errata(step)).peekable();
    if errata.peek().is_none() {
        let is_whole = steps().any(|step| step.role == Role::SyncAll);
        return is_whole.then_some("a whole release was synced, and this flow publishes none");
    }
    errata.all(|step| cx.skipped.contains_key(&step.id)).then_some("the step that publishes them was skipped")
}

/// What is wrong with an advisory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Flaw {
    /// Its id is there more than once.
    Twice,
    /// It names packages that are not there, nor any newer ones.
    NoPackage(Vec<String>),
    /// It names packages of which only newer ones are there.
    Superseded(Vec<String>),
    /// It names modular packages and not their module.
    NoModule(Vec<String>),
}

/// The errata of a repo.
#[derive(Debug, Default)]
struct Read {
    named: bool,
    ids: BTreeSet<String>,
    flaws: BTreeSet<(String, Flaw)>,
}

impl Read {
    /// Reads one repo of a position; none if it is not there, or not readable, as its own finding says.
    fn new(
        pair: &Pair,
        repo: Option<&Repo>,
        inventory: &Inventory,
        cx: &VetContext<'_>,
    ) -> Option<Result<Self, RepodataError>> {
        repo.map(|repo| Self::of(repo, &RepoPlace::of(&pair.path).arch, inventory, cx.pulse))
    }

    fn of(repo: &Repo, arch: &str, inventory: &Inventory, watch: &dyn Watch) -> Result<Self, RepodataError> {
        let mut read = Self::default();
        let outcome = repo.updateinfo(Verify::Sizes, watch, |advisory| {
            if !read.ids.insert(advisory.id.clone()) {
                read.flaws.insert((advisory.id.clone(), Flaw::Twice));
            }
            for flaw in flaws(&advisory, arch, inventory) {
                read.flaws.insert((advisory.id.clone(), flaw));
            }
            ControlFlow::Continue(())
        })?;
        read.named = outcome.is_some();
        Ok(read)
    }
}

fn flaws(advisory: &Advisory, arch: &str, inventory: &Inventory) -> Vec<Flaw> {
    type Make = fn(Vec<String>) -> Flaw;
    let (mut gone, mut superseded, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for collection in &advisory.collections {
        for package in &collection.packages {
            let nevra = &package.nevra;
            if collection.module.is_none() && is_modular(&nevra.release) {
                bare.push(nevra.to_string());
            }
            let shelves = inventory.shelves(arch, nevra);
            if shelves.is_empty() || shelves.iter().any(|held| held.has(nevra)) {
                continue;
            }
            let newer = shelves.iter().any(|held| held.has_newer(nevra));
            if newer { &mut superseded } else { &mut gone }.push(nevra.to_string());
        }
    }
    let kinds: [(Vec<String>, Make); 3] =
        [(gone, Flaw::NoPackage), (superseded, Flaw::Superseded), (bare, Flaw::NoModule)];
    let some = kinds.into_iter().filter(|(packages, _)| !packages.is_empty());
    some.map(|(mut packages, flaw)| {
        packages.sort();
        packages.dedup();
        flaw(packages)
    })
    .collect()
}

fn one(
    cx: &VetContext<'_>,
    pair: &Pair,
    read: Option<Result<Read, RepodataError>>,
    production: &Inventory,
) -> Vec<Finding> {
    let read = match (read, &pair.staged) {
        (Some(Ok(read)), _) => read,
        (Some(Err(error)), _) => return vec![unreadable(CHECK, &pair.path, &error)],
        (None, Some(Err(error))) => return vec![unreadable(CHECK, &pair.path, error)],
        (None, _) => return Vec::new(),
    };
    let before = Read::new(pair, pair.published(), production, cx).and_then(Result::ok).unwrap_or_default();
    let path = pair.file("repodata/repomd.xml");
    if !read.named && before.named {
        let (severity, message) = match why_none(cx) {
            Some(why) => (Severity::Warning, format!("has no errata, which production has: {why}")),
            None => (Severity::Blocking, "lost its errata, which production has".to_owned()),
        };
        return vec![Finding::new(CHECK, severity, "lost", path, message, ADVICE)];
    }
    if read.ids.is_empty() && !before.ids.is_empty() {
        let message = "has errata without any advisory, and production has some";
        return vec![Finding::new(CHECK, Severity::Blocking, "empty", path, message, ADVICE)];
    }
    let mut by_id: BTreeMap<&str, Vec<&Flaw>> = BTreeMap::new();
    read.flaws.iter().for_each(|(id, flaw)| by_id.entry(id).or_default().push(flaw));
    let finding = |id: &str, flaw: &Flaw| {
        let mut finding = tell(flaw, pair.file(id));
        finding.inherited = before.flaws.contains(&(id.to_owned(), flaw.clone()));
        finding
    };
    by_id
        .into_iter()
        .flat_map(|(id, flaws)| flaws.into_iter().map(move |flaw| (id, flaw)))
        .map(|(id, flaw)| finding(id, flaw))
        .collect()
}

fn tell(flaw: &Flaw, path: String) -> Finding {
    let (severity, kind, message, advice) = match flaw {
        Flaw::Twice => (
            Severity::Warning,
            "twice".to_owned(),
            "is there more than once".to_owned(),
            "see which of them is right and have the errata made anew",
        ),
        Flaw::NoPackage(packages) => (
            Severity::Blocking,
            format!("no-package {}", packages.join(" ")),
            format!("names what no repo of the release has: {}", some(packages)),
            "see whether the package was to go out, or the advisory is another release's",
        ),
        Flaw::Superseded(packages) => (
            Severity::Info,
            format!("superseded {}", packages.join(" ")),
            format!("names what only newer versions are there of: {}", some(packages)),
            "nothing, if the older ones were taken out on purpose",
        ),
        Flaw::NoModule(packages) => (
            Severity::Blocking,
            format!("no-module {}", packages.join(" ")),
            format!(
                "names modular packages without their module, so that no client applies it: {}",
                some(packages)
            ),
            "have the advisory made with its <module>",
        ),
    };
    Finding::new(CHECK, severity, &kind, path, shown(message), advice)
}

/// Names the first of them, and how many more there are.
fn some(packages: &[String]) -> String {
    let first = packages.first().map_or("", String::as_str);
    match packages.len().saturating_sub(1) {
        0 => first.to_owned(),
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
