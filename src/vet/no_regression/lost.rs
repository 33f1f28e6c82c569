//! What became of a name that a repo lost: it stands in another repo, or another package takes its place.
//!
//! Only asked where names were lost, because it reads every repo of the architecture once more. A package that says it
//! obsoletes the name takes its place whatever the version: that is how dnf updates to it.

use super::{CHECK, each, shown, unreadable};
use crate::repodata::package::Relation;
use crate::repodata::{Repo, RepodataError, Verify, Want, Watch};
use crate::vet::VetContext;
use crate::vet::found::Found;
use crate::vet::repo_place::RepoPlace;
use crate::vet::repos::{Pair, Repos};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// A name that is gone, of one architecture.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LostName {
    pub(super) name: String,
    pub(super) arch: String,
}

/// What other repos say of the names.
#[derive(Debug, Default)]
struct Said {
    holds: BTreeSet<LostName>,
    /// From the name to the package that takes its place.
    obsoletes: BTreeMap<String, String>,
}

/// Where the names are now.
#[derive(Debug)]
pub(super) struct Elsewhere {
    repos: Vec<(String, RepoPlace, Said)>,
}

/// Looks for the lost names in all repos of staging.
pub(super) fn elsewhere(
    cx: &VetContext<'_>,
    repos: &Repos,
    gone: &[(usize, LostName)],
    found: &mut Found<'_>,
) -> Option<Elsewhere> {
    let names: BTreeSet<&str> = gone.iter().map(|(_, lost)| lost.name.as_str()).collect();
    let pairs: Vec<&Pair> = repos.pairs.iter().collect();
    let read = each(cx.pulse, "what was lost", pairs, found, |pair| {
        pair.staged().map(|repo| said(repo, &names, cx.pulse))
    })?;
    let mut elsewhere = Elsewhere { repos: Vec::new() };
    for (pair, read) in repos.pairs.iter().zip(read) {
        let said = match read {
            Some(Ok(said)) => said,
            Some(Err(error)) => {
                found.add(unreadable(CHECK, &pair.path, &error));
                Said::default()
            }
            None => Said::default(),
        };
        elsewhere.repos.push((shown(&pair.path), RepoPlace::of(&pair.path), said));
    }
    Some(elsewhere)
}

fn said(repo: &Repo, names: &BTreeSet<&str>, watch: &dyn Watch) -> Result<Said, RepodataError> {
    let mut said = Said::default();
    repo.primary(Want::OTHER_RELATIONS, Verify::Sizes, watch, |package| {
        if names.contains(package.name()) {
            said.holds.insert(LostName { name: package.name().to_owned(), arch: package.arch().to_owned() });
        }
        for obsoleted in package.related(Relation::Obsoletes).filter(|one| names.contains(one.name)) {
            said.obsoletes.insert(obsoleted.name.to_owned(), package.name().to_owned());
        }
        ControlFlow::Continue(())
    })?;
    Ok(said)
}

impl Elsewhere {
    /// Says what became of a name that the repo of that number lost; none if nothing is known.
    pub(super) fn of(&self, place: usize, lost: &LostName) -> Option<String> {
        let (own, at, _) = self.repos.get(place)?;
        let same_kind =
            self.repos.iter().filter(|(_, other, _)| (&other.arch, other.kind) == (&at.arch, at.kind));
        let mut moved = same_kind.clone().filter(|(path, ..)| path != own);
        if let Some((path, ..)) = moved.find(|(_, _, said)| said.holds.contains(lost)) {
            return Some(format!("it stands in {path} now"));
        }
        let mut by = same_kind.filter_map(|(_, _, said)| said.obsoletes.get(&lost.name));
        by.next().map(|by| shown(format!("{by} takes its place")))
    }
}
