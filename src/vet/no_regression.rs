//! At the gate: nothing that production has is lost, older, or another thing under the same name.
//!
//! grub2 could not be found in Rocky 9's repos for days (kairos#2351); updates of perl went backwards where a stream was
//! lost (lbr38/repomanager#408); a package that was built anew under its old name breaks every mirror and client that has
//! the other. So each repo, debug, source and kickstart included, is held against production's at the same place: names,
//! streams and advisories lost, versions gone down, the same version with other content. That a repo lost its modules or
//! errata as a whole is said by modules-present and errata-present, and not once more for each stream. Kickstart trees are
//! made once, at the release (`cp -na` in the minor release's script): any change of one is told. It reads the metadata
//! of both. It cannot see what is wrong in both alike.

mod lost;

use super::VetContext;
use super::found::Found;
use super::places::shown;
use super::repo_place::{RepoKind, RepoPlace};
use super::repos::{Pair, Repos, Wanted, each, repos, unreadable};
use crate::compose::tree::Depth;
use crate::domain::finding::{Finding, Severity};
use crate::domain::flow::CheckName;
use crate::repodata::diff::{Change, Diff, Side, diff};
use crate::repodata::list::Listing;
use crate::repodata::{Problem, Repo, RepodataError, Verify};
use lost::LostName;
use std::collections::{BTreeSet, HashMap};

const CHECK: CheckName = CheckName::NoRegression;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(repos) = repos(cx, "what production has", Depth::Names, Wanted::Both, found) else { return };
    let pairs: Vec<&Pair> = repos.pairs.iter().collect();
    let Some(looked) = each(cx.pulse, "what production has", pairs, found, |pair| one(cx, pair)) else {
        return;
    };
    let mut gone = Vec::new();
    for (place, (findings, names)) in looked.into_iter().enumerate() {
        for finding in findings {
            found.add(finding);
        }
        gone.extend(names.into_iter().map(|name| (place, name)));
    }
    tell_lost(cx, &repos, gone, found);
}

/// Compares one repo; returns what is wrong with it, and the names that it lost.
fn one(cx: &VetContext<'_>, pair: &Pair) -> (Vec<Finding>, BTreeSet<LostName>) {
    let alone = |finding: Finding| (vec![finding], BTreeSet::new());
    let (staged, published) = match (&pair.staged, &pair.published) {
        (Some(Err(error)), _) => return alone(unreadable(CHECK, &pair.path, error)),
        (_, Some(Err(error))) => return alone(production_unreadable(pair, error)),
        (None, Some(Ok(_))) => return alone(repo_gone(cx, pair)),
        (Some(Ok(staged)), Some(Ok(published))) => (staged, published),
        (_, None) => return (Vec::new(), BTreeSet::new()),
    };
    let read = |repo: &Repo| Side::read(repo.folder(), Verify::Sizes, cx.pulse);
    let now = match read(staged) {
        Ok(now) => now,
        Err(error) => return alone(unreadable(CHECK, &pair.path, &error)),
    };
    let before = match read(published) {
        Ok(before) => before,
        Err(error) if error.problem == Problem::Cancelled => return (Vec::new(), BTreeSet::new()),
        Err(error) => return alone(production_unreadable(pair, &error)),
    };
    let kind = RepoPlace::of(&pair.path).kind;
    let comparison = Comparison { pair, kind, before: &before, now: &now, names: by_name(&now) };
    comparison.compare(&diff(&before, &now))
}

fn by_name(side: &Side) -> HashMap<&str, Vec<Listing<'_>>> {
    let mut names: HashMap<&str, Vec<Listing<'_>>> = HashMap::new();
    for listing in side.packages.iter() {
        names.entry(listing.name()).or_default().push(listing);
    }
    names
}

struct Comparison<'a> {
    pair: &'a Pair,
    kind: RepoKind,
    before: &'a Side,
    now: &'a Side,
    /// What staging has, by name.
    names: HashMap<&'a str, Vec<Listing<'a>>>,
}

impl Comparison<'_> {
    fn compare(&self, diff: &Diff<'_>) -> (Vec<Finding>, BTreeSet<LostName>) {
        let mut findings = Vec::new();
        if self.kind == RepoKind::Kickstart && !diff.packages.is_empty() {
            findings.push(self.thawed(diff.packages.len()));
        }
        // What a repo lost as a whole is said elsewhere.
        let streams = if self.now.modules.is_some() { diff.streams.lost.as_slice() } else { &[] };
        findings.extend(streams.iter().map(|stream| self.lost("stream", stream)));
        if !self.now.advisories.is_empty() {
            let ids: BTreeSet<&str> =
                diff.advisories.lost.iter().map(|advisory| advisory.id.as_str()).collect();
            findings.extend(ids.into_iter().map(|id| self.lost("advisory", id)));
        }
        let mut names = BTreeSet::new();
        for change in &diff.packages {
            match change {
                Change::Downgraded(was, is) => findings.push(self.older(was, is)),
                Change::Rebuilt(_, is) => findings.push(self.rebuilt(is)),
                Change::Removed(was) if self.is_lost(was, streams) => {
                    names.insert(LostName { name: was.name().to_owned(), arch: was.arch().to_owned() });
                }
                Change::Removed(_) | Change::Added(_) | Change::Updated(..) => {}
            }
        }
        (findings, names)
    }

    /// Returns whether nothing of that name is left for those who have it. A package may become noarch and back.
    fn is_lost(&self, was: &Listing<'_>, lost_streams: &[String]) -> bool {
        if was.stream().is_some_and(|stream| lost_streams.iter().any(|lost| lost == stream)) {
            return false;
        }
        let by_stream = self.now.modules.is_some() && self.before.modules.is_some();
        let same = |is: &Listing<'_>| {
            (is.arch() == was.arch() || is.arch() == "noarch" || was.arch() == "noarch")
                && (!by_stream || is.stream() == was.stream())
        };
        !self.names.get(was.name()).is_some_and(|all| all.iter().any(same))
    }

    fn path(&self, listing: &Listing<'_>) -> String {
        self.pair.file(&format!("{}.{}", listing.name(), listing.arch()))
    }

    fn older(&self, was: &Listing<'_>, is: &Listing<'_>) -> Finding {
        let (from, to) = (version(was), version(is));
        let message = shown(format!("went down from {from} to {to}"));
        let kind = format!("older {from} {to}");
        let advice = "see why the compose has the older one; nobody who has the newer one will get it";
        Finding::new(CHECK, Severity::Blocking, &kind, self.path(is), message, advice)
    }

    fn rebuilt(&self, is: &Listing<'_>) -> Finding {
        let version = version(is);
        let message = shown(format!("{version} is another file than production's of the same version"));
        let kind = format!("rebuilt {version} {}", is.pkgid().1);
        let advice = "have it built under a new release; mirrors and clients keep the other file";
        Finding::new(CHECK, Severity::Blocking, &kind, self.path(is), message, advice)
    }

    fn lost(&self, what: &str, name: &str) -> Finding {
        let message = shown(format!("lost the {what} {name}, which production has"));
        let advice = "bring it back, or waive it by name if it was to go";
        Finding::new(
            CHECK,
            Severity::Blocking,
            &format!("lost-{what}"),
            self.pair.file(name),
            message,
            advice,
        )
    }

    fn thawed(&self, changes: usize) -> Finding {
        let count = if changes == 1 { "1 package".to_owned() } else { format!("{changes} packages") };
        let message =
            format!("is a kickstart tree, which stays as it was released, and {count} of it changed");
        let advice = "see what was synced over it, and put the released tree back";
        Finding::new(CHECK, Severity::Blocking, "kickstart", shown(&self.pair.path), message, advice)
    }
}

/// Returns `1:2.0-3.el8`.
fn version(listing: &Listing<'_>) -> String {
    let epoch = if listing.epoch() > 0 { format!("{}:", listing.epoch()) } else { String::new() };
    format!("{epoch}{}-{}", listing.version(), listing.release())
}

fn production_unreadable(pair: &Pair, error: &RepodataError) -> Finding {
    let message = shown(format!("cannot be compared: production's {} {}", error.file, error.problem));
    let advice = "compare it by hand: nobody can say what it would lose";
    Finding::new(CHECK, Severity::Warning, "production-unreadable", shown(&pair.path), message, advice)
}

fn repo_gone(cx: &VetContext<'_>, pair: &Pair) -> Finding {
    let deletes = cx.release.is_some_and(|release| release.toolkit.deletes);
    let (severity, message) = if deletes {
        (Severity::Blocking, "is in production and not in staging: the push deletes it")
    } else {
        (Severity::Info, "is in production and not in staging: the push leaves it as it is")
    };
    let advice = "sync it to staging, unless it was to end";
    Finding::new(CHECK, severity, "repo-gone", shown(&pair.path), message, advice)
}

/// Says what became of the names that were lost.
fn tell_lost(cx: &VetContext<'_>, repos: &Repos, gone: Vec<(usize, LostName)>, found: &mut Found<'_>) {
    if gone.is_empty() {
        return;
    }
    let Some(elsewhere) = lost::elsewhere(cx, repos, &gone, found) else { return };
    for (place, lost) in gone {
        let Some(pair) = repos.pairs.get(place) else { continue };
        let kind = RepoPlace::of(&pair.path).kind;
        let path = pair.file(&format!("{}.{}", lost.name, lost.arch));
        let advice = "bring it back, or waive it by name if it was to go";
        match elsewhere.of(place, &lost) {
            Some(what) => {
                found.warning("gone-elsewhere", path, format!("is no longer there: {what}"), advice);
            }
            // Debug packages go with what they are of, and are installed by nobody who only updates.
            None if kind == RepoKind::Debug => {
                found.warning("lost-name", path, "is lost: production has it", advice);
            }
            None => found.blocking("lost-name", path, "is lost: production has it", advice),
        }
    }
}

#[cfg(test)]
mod tests;
