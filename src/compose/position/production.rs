//! Judges production against staging: packages and images by name, and each repository's metadata.

use super::judge::{Share, no_compose, position, share, unknown};
use super::{Facts, repo_folders};
use crate::compose::holding::{Difference, Holding, difference, newest_time};
use crate::domain::release::Repo;
use crate::domain::status::{Position, PositionState};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Production against staging.
pub(super) fn production(repo: &Repo, synced: bool, facts: &Facts) -> Position {
    let production = match &facts.production {
        Ok(production) => production,
        Err(reason) => return unknown(reason.clone()),
    };
    let staging = match &facts.staging {
        Ok(staging) => staging,
        Err(reason) => return unknown(format!("staging: {reason}")),
    };
    let scan = facts.scan.as_ref().ok().and_then(|scan| scan.repo(&repo.name));
    let Some(basis) = facts.bases.get(&repo.name) else { return unknown(no_compose(scan, facts)) };
    let folders = repo_folders(repo, basis);
    if folders.is_empty() {
        return unknown(format!("{} does not say which folders are its own", basis.id));
    }
    for (name, holding) in [("staging", staging), ("production", production)] {
        if let Some(problem) = folders.iter().find_map(|folder| holding.problem(folder)) {
            return unknown(format!("{name}: {problem}"));
        }
    }
    let mut gap = Gap::default();
    for folder in &folders {
        gap.add(staging, production, folder);
    }
    gap.judge(repo, synced, facts, production)
}

/// What lies between staging and production of one repo.
#[derive(Default)]
struct Gap {
    difference: Difference,
    /// How many packages, images and repositories production has.
    there: usize,
    /// Repositories whose metadata production has from earlier, or not at all.
    older: Vec<OsString>,
    /// Repositories whose metadata in production is newer, other or unknown to staging.
    newer: Vec<OsString>,
    /// Repositories whose metadata is staging's already although packages are missing.
    ahead_of_packages: Vec<OsString>,
}

impl Gap {
    fn add(&mut self, staging: &Holding, production: &Holding, folder: &OsStr) {
        let found = difference(staging, production, folder);
        let inside = |repo: &OsStr| Path::new(repo).starts_with(folder);
        for (repo, head) in staging.heads.iter().filter(|(repo, _)| inside(repo)) {
            self.head(repo, head, production.heads.get(repo), &found);
        }
        for repo in production.heads.keys().filter(|repo| inside(repo)) {
            self.there += 1;
            if !staging.heads.contains_key(repo) {
                self.newer.push(repo.clone());
            }
        }
        self.there += production.payload(folder).count();
        self.difference.expected += found.expected;
        self.difference.lacking.extend(found.lacking);
        self.difference.surplus.extend(found.surplus);
    }

    fn head(&mut self, repo: &OsStr, staged: &Head, pushed: Option<&Head>, found: &Difference) {
        // Heads that could not be read were reported before.
        let (Ok(staged), Some(Ok(pushed))) = (staged, pushed) else {
            self.older.push(repo.to_owned());
            return;
        };
        if staged == pushed {
            if found.lacking.iter().any(|(path, _)| Path::new(path).starts_with(repo)) {
                self.ahead_of_packages.push(repo.to_owned());
            }
            return;
        }
        match (newest_time(staged), newest_time(pushed)) {
            (Some(staged), Some(pushed)) if staged > pushed => self.older.push(repo.to_owned()),
            _ => self.newer.push(repo.to_owned()),
        }
    }

    fn judge(&self, repo: &Repo, synced: bool, facts: &Facts, production: &Holding) -> Position {
        let Difference { lacking, surplus, expected } = &self.difference;
        let lacks = || format!("lacks {} of {expected} packages", lacking.len());
        if self.there == 0 {
            let reason = if *expected > 0 {
                format!("none of the {expected} packages of staging")
            } else if synced {
                "nothing in staging either".to_owned()
            } else {
                "not synced by the procedure".to_owned()
            };
            return position(PositionState::Absent, reason);
        }
        if !surplus.is_empty() || !self.newer.is_empty() {
            return position(PositionState::Differs, self.ahead());
        }
        if !self.ahead_of_packages.is_empty() && !lacking.is_empty() {
            let reason =
                format!("{}, but has the new metadata of {}", lacks(), some(&self.ahead_of_packages));
            return position(PositionState::Partial, reason);
        }
        if !lacking.is_empty() {
            return match pushed_in_part(repo, facts, production) {
                Some(new) => position(
                    PositionState::Partial,
                    format!("lacks {} of {} new packages", new.lacks(), new.of),
                ),
                None => position(PositionState::Behind, lacks()),
            };
        }
        if !self.older.is_empty() {
            return position(PositionState::Behind, format!("older metadata in {}", some(&self.older)));
        }
        position(PositionState::Current, "")
    }

    fn ahead(&self) -> String {
        let Difference { lacking, surplus, .. } = &self.difference;
        let mut parts = Vec::new();
        if !surplus.is_empty() {
            parts.push(format!("{} packages that staging lacks", surplus.len()));
        }
        if !self.newer.is_empty() {
            parts.push(format!("newer or other metadata in {}", some(&self.newer)));
        }
        if !lacking.is_empty() {
            parts.push(format!("{} packages of staging missing", lacking.len()));
        }
        format!("production is ahead of staging: {}", parts.join(", "))
    }
}

type Head = Result<Vec<u8>, String>;

/// Names one repository and counts the others.
fn some(repos: &[OsString]) -> String {
    let first = repos.first().map(|repo| Path::new(repo).display().to_string()).unwrap_or_default();
    if repos.len() < 2 { first } else { format!("{first} and {} more", repos.len() - 1) }
}

/// Returns how much of what staging got last is in production already, if some is and some is not.
fn pushed_in_part(repo: &Repo, facts: &Facts, production: &Holding) -> Option<Share> {
    let basis = facts.bases.get(&repo.name)?;
    let now = facts.held.get(&repo.name).map(|held| &held.content).or(basis.content.as_ref().ok())?;
    let before = facts.before.get(&repo.name)?;
    let new = share(repo, now, Some(&before.content), production);
    (new.has > 0 && new.lacks() > 0).then_some(new)
}
