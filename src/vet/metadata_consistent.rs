//! At the gate and in `verify`: what the metadata names is there as it says, and what is there is named.
//!
//! Whoever updates from a mirror reads `repomd.xml`, then what it names, then the packages that are named there: one
//! that is missing or another breaks the update of everybody (incidents.md, 6). Every repo is looked at, whatever
//! is wrong with the others. Metadata is foreign text: no location in it is followed out of its repo, and what cannot
//! be read of it is a finding. Packages are compared by size, and read only where [`Reading::Whole`] asks for it:
//! another build of the same size is found by nothing less.

mod files;
mod history;
mod packages;
mod shelf;
mod strays;
mod twice;

use super::found::Found;
use super::places::shown;
use super::repos::{NO_REPO, Opened, Repos, Wanted, each, repos, unreadable};
use super::trees::{or_found, repositories, walk};
use super::{Reading, VetContext};
use crate::compose::tree::{Depth, Root, Tree};
use crate::domain::finding::Finding;
use crate::domain::flow::CheckName;
use crate::repodata::Repo;
use packages::Unread;
use shelf::Shelf;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const CHECK: CheckName = CheckName::MetadataConsistent;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let what = "metadata in staging";
    let Some(Repos { places, tree, pairs }) = repos(cx, what, Depth::Facts, Wanted::Staged, found) else {
        return;
    };
    let mut opened = BTreeMap::new();
    for pair in pairs {
        opened.extend(pair.staged.map(|repo| (pair.path, repo)));
    }
    if opened.is_empty() {
        found.blocking("none", shown(&places.staging), "holds no repository", NO_REPO);
    }
    let position = Position { root: &places.staging, tree: &tree, repos: opened };
    let Some(mut flaws) = position.flaws(cx, what, found) else { return };
    let Some(before) = in_production(cx, &places.production, &flaws, found) else { return };
    for flaw in &mut flaws {
        flaw.finding.inherited = before.contains(&flaw.finding.id.0);
    }
    history::weigh(&mut flaws, &position.repos, cx.pulse);
    for flaw in flaws {
        found.add(flaw.finding);
    }
}

/// Returns the ids of the findings that production has in the repos that `flaws` are about.
fn in_production(
    cx: &VetContext<'_>,
    production: &Path,
    flaws: &[Flaw],
    found: &mut Found<'_>,
) -> Option<BTreeSet<String>> {
    let mut within: Vec<PathBuf> = Vec::new();
    // A folder sorts before what is below it, which is walked with it.
    for repo in flaws.iter().map(|flaw| &flaw.repo).collect::<BTreeSet<_>>() {
        let there = production.join(repo).is_dir();
        if there && !within.last().is_some_and(|last| repo.starts_with(last)) {
            within.push(repo.clone());
        }
    }
    if within.is_empty() {
        return Some(BTreeSet::new());
    }
    let within = if within == [PathBuf::new()] { Vec::new() } else { within };
    let what = "the same metadata in production";
    let root = Root { path: production.to_owned(), within };
    let walked = walk(cx, what, &[root], Depth::Facts).pop();
    let tree = walked.and_then(|walked| or_found(walked, production, found))?;
    let open = |path: PathBuf| (Repo::open(&production.join(&path)), path);
    let opened = repositories(&tree).into_iter().map(open).map(|(repo, path)| (path, repo)).collect();
    let position = Position { root: production, tree: &tree, repos: opened };
    let flaws = position.flaws(cx, what, found)?;
    Some(flaws.into_iter().map(|flaw| flaw.finding.id.0).collect())
}

/// One thing that is wrong, and the repo in which it is.
#[derive(Debug)]
struct Flaw {
    repo: PathBuf,
    /// Of a package that no repo names: where it is.
    unlisted: Option<PathBuf>,
    finding: Finding,
}

impl Flaw {
    fn blocking(
        repo: &Path,
        kind: &str,
        path: impl Into<String>,
        message: impl Into<String>,
        advice: &str,
    ) -> Self {
        let finding = Finding::blocking(CHECK, kind, path, message, advice);
        Self { repo: repo.to_owned(), unlisted: None, finding }
    }
}

/// One position: where it is, what is in it, and its repos by their paths.
struct Position<'a> {
    root: &'a Path,
    tree: &'a Tree,
    repos: BTreeMap<PathBuf, Opened>,
}

impl Position<'_> {
    /// Looks at every repo and at what belongs to none; none where it was cancelled.
    fn flaws(&self, cx: &VetContext<'_>, what: &str, found: &mut Found<'_>) -> Option<Vec<Flaw>> {
        let shelf = Shelf::new(self.root, self.tree);
        // The longest come first, so that no thread is left alone with the longest at the end.
        let mut repos: Vec<(&Path, &Opened)> =
            self.repos.iter().map(|(path, repo)| (path.as_path(), repo)).collect();
        repos.sort_by_key(|(_, repo)| std::cmp::Reverse(files::bytes(repo)));
        let looked = each(cx.pulse, what, repos, found, |(path, repo)| match repo {
            Ok(repo) => files::look(path, repo, &shelf, cx),
            Err(error) => {
                let finding = unreadable(CHECK, path, error);
                let flaw = Flaw { repo: path.to_owned(), unlisted: None, finding };
                files::Looked { repo: path.to_owned(), flaws: vec![flaw], ..files::Looked::default() }
            }
        })?;
        let known: BTreeMap<&Path, bool> =
            looked.iter().map(|looked| (looked.repo.as_path(), looked.is_known)).collect();
        let mut flaws = strays::flaws(&shelf, &known);
        let mut unread = Vec::new();
        for looked in looked {
            flaws.extend(looked.flaws);
            unread.extend(looked.unread);
        }
        if cx.reading == Reading::Whole {
            flaws.extend(self.read(cx, unread, found)?);
        }
        Some(flaws)
    }

    /// Reads packages to their ends.
    fn read(&self, cx: &VetContext<'_>, unread: Vec<Unread>, found: &mut Found<'_>) -> Option<Vec<Flaw>> {
        let files = packages::distinct(unread);
        let read = each(cx.pulse, "packages, read to their ends", files, found, |file| {
            packages::read(self.root, &file, cx.pulse)
        })?;
        Some(read.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests;
