//! Which requirements nothing answers, as somebody sees the repos who has enabled these streams and no others.
//!
//! No solver: it is not asked whether the packages fit together, only whether for each requirement there is a package
//! at all. `(a if b)` needs a as soon as b can be installed, because somebody will; `dnf repoclosure` takes `a and b` for
//! `a or b` and always wants the a of `(a if b)` (libsolv's `pool_addrelproviders`), which is stricter and laxer than rpm.

use super::pool::{PackageId, Pool, Required, RequirementId, Term};
use super::rich::Rich;
use std::collections::BTreeSet;

/// Who sees what.
#[derive(Debug, Clone)]
pub(super) struct View {
    visible: Vec<bool>,
}

impl View {
    /// Makes a view in which those packages can be seen of which `visible` says so.
    pub(super) fn new(pool: &Pool, visible: impl Fn(PackageId) -> bool) -> Self {
        Self { visible: (0..pool.len() as PackageId).map(visible).collect() }
    }

    /// Returns whether a package can be seen.
    pub(super) fn sees(&self, package: PackageId) -> bool {
        self.visible.get(package as usize).copied().unwrap_or_default()
    }
}

/// Looks up requirements in one view, each once.
#[derive(Debug)]
pub(super) struct Lookup<'a> {
    pool: &'a Pool,
    view: &'a View,
    answered: Vec<Option<bool>>,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(pool: &'a Pool, view: &'a View) -> Self {
        Self { pool, view, answered: vec![None; pool.requirements()] }
    }

    /// Returns what nothing answers of what a package requires.
    pub(super) fn missing(&mut self, package: PackageId) -> impl Iterator<Item = RequirementId> {
        let requires: &'a [RequirementId] = self.pool.requires(package);
        requires.iter().copied().filter(|id| !self.is_answered(*id))
    }

    fn is_answered(&mut self, id: RequirementId) -> bool {
        if let Some(known) = self.answered.get(id as usize).copied().flatten() {
            return known;
        }
        let answered = match self.pool.requirement(id) {
            Required::Plain(term) => self.provided(*term),
            Required::Rich(rich) => self.holds(rich),
            Required::Unreadable => false,
        };
        if let Some(known) = self.answered.get_mut(id as usize) {
            *known = Some(answered);
        }
        answered
    }

    fn provided(&self, term: Term) -> bool {
        self.pool.providers(term).any(|package| self.view.sees(package))
    }

    fn holds(&self, rich: &Rich<Term>) -> bool {
        match rich {
            Rich::Plain(term) => self.provided(*term),
            Rich::And(all) => all.iter().all(|one| self.holds(one)),
            Rich::Or(any) => any.iter().any(|one| self.holds(one)),
            Rich::With(_) | Rich::Without(..) => !self.packages(rich).is_empty(),
            Rich::If(then, condition, other) => {
                if self.holds(condition) {
                    self.holds(then)
                } else {
                    other.as_ref().is_none_or(|other| self.holds(other))
                }
            }
            Rich::Unless(then, condition, other) => {
                self.holds(then)
                    || other.as_ref().is_some_and(|other| self.holds(condition) && self.holds(other))
            }
        }
    }

    /// Returns the packages that answer it alone.
    fn packages(&self, rich: &Rich<Term>) -> BTreeSet<PackageId> {
        match rich {
            Rich::Plain(term) => {
                self.pool.providers(*term).filter(|package| self.view.sees(*package)).collect()
            }
            Rich::Or(any) => any.iter().flat_map(|one| self.packages(one)).collect(),
            Rich::With(all) | Rich::And(all) => {
                let sets = all.iter().map(|one| self.packages(one));
                sets.reduce(|a, b| a.intersection(&b).copied().collect()).unwrap_or_default()
            }
            Rich::Without(these, not_those) => {
                self.packages(these).difference(&self.packages(not_those)).copied().collect()
            }
            Rich::If(then, ..) | Rich::Unless(then, ..) => self.packages(then),
        }
    }
}
