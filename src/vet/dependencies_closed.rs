//! At the gate: a requirement that nothing in the release's own repos provides.
//!
//! Packages vanish and others keep requiring them (kairos#2351: grub2 gone from Rocky 9's repos); pungi ends FINISHED over a
//! broken closure (reality.md 3.4), and no tool that the SOP names knows modules: dnf declined to. So all `os` repos of an
//! architecture are looked at together, as somebody sees them who enables the defaults, and once more for every stream.
//! Debug, source and kickstart trees are not: nobody installs from them alone, and a kickstart tree is as old as the
//! release. What production lacks already is inherited. It cannot see what other repositories would provide or break, nor
//! conflicts between files.

mod closure;
mod group;
mod pool;
mod rich;
mod streams;
mod version;

use super::VetContext;
use super::found::Found;
use super::places::shown;
use super::repo_place::{RepoKind, RepoPlace};
use super::repos::{Pair, Wanted, each, repos, unreadable};
use crate::compose::tree::Depth;
use crate::domain::finding::{Finding, Severity};
use crate::domain::flow::CheckName;
use crate::repodata::{Problem, Repo};
use group::{Group, How, Member, Missing, Unread};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const CHECK: CheckName = CheckName::DependenciesClosed;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(repos) = repos(cx, "dependencies", Depth::Names, Wanted::Both, found) else { return };
    let arches = by_arch(&repos.pairs);
    let looked =
        each(cx.pulse, "dependencies", arches.into_values().collect(), found, |members| look(cx, &members));
    for finding in looked.into_iter().flatten().flatten() {
        found.add(finding);
    }
}

/// A repo of an architecture in both positions.
struct Both<'a> {
    pair: &'a Pair,
    place: RepoPlace,
}

/// Returns the `os` repos of each architecture.
fn by_arch(pairs: &[Pair]) -> BTreeMap<String, Vec<Both<'_>>> {
    let mut arches: BTreeMap<String, Vec<Both<'_>>> = BTreeMap::new();
    for pair in pairs {
        let place = RepoPlace::of(&pair.path);
        if place.kind == RepoKind::Os {
            arches.entry(place.arch.clone()).or_default().push(Both { pair, place });
        }
    }
    arches
}

/// Looks at one architecture. What cannot be read is the only thing said of it: everything else would seem to lack what
/// stands there.
fn look(cx: &VetContext<'_>, both: &[Both<'_>]) -> Vec<Finding> {
    let broken: Vec<Finding> = (both.iter())
        .filter_map(|both| {
            Some(unreadable(CHECK, &both.pair.path, both.pair.staged.as_ref()?.as_ref().err()?))
        })
        .collect();
    if !broken.is_empty() {
        return broken;
    }
    let missing = match Group::read(&members(both, Pair::staged), cx.pulse) {
        Ok(group) => group.missing(),
        // That it was cancelled is said once, for all.
        Err(Unread(_, error)) if error.problem == Problem::Cancelled => return Vec::new(),
        Err(Unread(path, error)) => return vec![unreadable(CHECK, &path, &error)],
    };
    if missing.is_empty() {
        return Vec::new();
    }
    // Where production cannot be read nothing is inherited.
    let before: BTreeSet<Missing> = Group::read(&members(both, Pair::published), cx.pulse)
        .map(|group| group.missing().into_iter().collect())
        .unwrap_or_default();
    missing.iter().map(|one| finding(one, before.contains(one))).collect()
}

fn members<'a>(both: &'a [Both<'_>], side: impl Fn(&Pair) -> Option<&Repo>) -> Vec<Member<'a>> {
    let member = |both: &'a Both<'_>| {
        let (path, prefix): (&Path, &Path) = (&both.pair.path, &both.place.prefix);
        side(both.pair).map(|repo| Member { path, prefix, repo })
    };
    both.iter().filter_map(member).collect()
}

fn finding(missing: &Missing, inherited: bool) -> Finding {
    let Missing { repo, who, what, how } = missing;
    let path = shown(repo.join(who));
    let (kind, why, advice) = match how {
        How::Nothing => (
            "requires",
            "nothing in the release's own repos provides it".to_owned(),
            "bring back what provides it, or take the package out",
        ),
        How::InStream(stream) => (
            "requires",
            format!("nothing provides it where {stream} is enabled"),
            "bring back what provides it, or correct what the stream requires",
        ),
        How::Unreadable => {
            ("unreadable-requirement", "rpm does not understand it".to_owned(), "have the package built anew")
        }
        How::NoStream => (
            "requires-stream",
            "there is no such stream".to_owned(),
            "bring the stream back, or correct what this one requires",
        ),
    };
    let message = shown(format!("{who} requires {what}: {why}"));
    let kind = format!("{kind} {what}");
    let mut finding = Finding::new(CHECK, Severity::Blocking, &kind, path, message, advice);
    finding.inherited = inherited;
    finding
}

#[cfg(test)]
mod tests;
