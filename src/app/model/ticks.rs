//! What is ticked, and the flow: all that a plan is made from.
//!
//! Some flows have no steps of single repos: `publish` takes a release as it stands, `minor` syncs all
//! repos at once. [`FlowShape`] says so, that the ticks of a screen never promise what a flow cannot do.

use crate::domain::catalog::Catalog;
use crate::domain::flow::Role;
use crate::domain::name::{FlowName, ReleaseId, RepoName};
use crate::domain::selection::{ReleaseSelection, Selection};
use std::collections::BTreeSet;

/// How many changes can be undone.
const UNDO: usize = 200;

/// How a flow syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Syncs {
    /// One step a repo.
    ByRepo,
    /// All repos that are not SIG repos in one step.
    AllAtOnce,
    /// Not at all.
    No,
}

/// What the steps of a flow are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowShape {
    /// Whether it composes.
    pub composes: bool,
    /// How it syncs.
    pub syncs: Syncs,
}

impl FlowShape {
    /// Returns the shape of the flow called `name`.
    pub fn of(catalog: &Catalog, name: &FlowName) -> Self {
        let roles: Vec<Role> = catalog
            .flow(name)
            .iter()
            .flat_map(|flow| &flow.steps)
            .filter_map(|step| catalog.templates.get(step))
            .map(|template| template.role)
            .collect();
        let syncs = if roles.contains(&Role::Sync) {
            Syncs::ByRepo
        } else if roles.contains(&Role::SyncAll) {
            Syncs::AllAtOnce
        } else {
            Syncs::No
        };
        Self { composes: roles.contains(&Role::Compose), syncs }
    }

    /// Returns whether it takes releases as they stand, without looking at repos.
    pub const fn takes_whole_releases(self) -> bool {
        !self.composes && matches!(self.syncs, Syncs::No)
    }
}

/// A set of ticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticks {
    /// The flow.
    pub flow: FlowName,
    /// What to compose.
    pub compose: BTreeSet<(ReleaseId, RepoName)>,
    /// What to sync.
    pub sync: BTreeSet<(ReleaseId, RepoName)>,
    /// Releases taken as they stand, for flows that do not look at repos.
    pub whole: BTreeSet<ReleaseId>,
}

impl Ticks {
    /// Makes ticks of `flow` with nothing ticked.
    pub const fn none(flow: FlowName) -> Self {
        Self { flow, compose: BTreeSet::new(), sync: BTreeSet::new(), whole: BTreeSet::new() }
    }

    /// Makes the ticks that come to `selection`.
    pub fn of(catalog: &Catalog, selection: &Selection) -> Self {
        let mut ticks = Self::none(selection.flow.clone());
        let whole = FlowShape::of(catalog, &selection.flow).takes_whole_releases();
        for ticked in &selection.releases {
            let cell = |repo: &RepoName| (ticked.release.clone(), repo.clone());
            ticks.compose.extend(ticked.compose.iter().map(cell));
            ticks.sync.extend(ticked.sync.iter().map(cell));
            if whole {
                ticks.whole.insert(ticked.release.clone());
            }
        }
        ticks
    }

    /// Returns whether nothing is ticked.
    pub fn is_empty(&self) -> bool {
        self.compose.is_empty() && self.sync.is_empty() && self.whole.is_empty()
    }

    /// Returns whether anything of `release` is ticked.
    pub fn touches(&self, release: &ReleaseId) -> bool {
        self.whole.contains(release) || self.touches_repo(release)
    }

    fn touches_repo(&self, release: &ReleaseId) -> bool {
        self.compose.iter().chain(&self.sync).any(|(id, _)| id == release)
    }

    /// Returns the selection that a plan is made from: one lane a release, in the catalog's order.
    pub fn selection(&self, catalog: &Catalog) -> Selection {
        let shape = FlowShape::of(catalog, &self.flow);
        let repos = |set: &BTreeSet<(ReleaseId, RepoName)>, release: &ReleaseId| {
            set.iter().filter(|(id, _)| id == release).map(|(_, repo)| repo.clone()).collect()
        };
        let taken = |release: &ReleaseId| {
            if shape.takes_whole_releases() {
                self.whole.contains(release)
            } else {
                self.touches_repo(release)
            }
        };
        let releases = catalog
            .releases
            .iter()
            .filter(|release| taken(&release.id))
            .map(|release| ReleaseSelection {
                release: release.id.clone(),
                compose: repos(&self.compose, &release.id),
                sync: repos(&self.sync, &release.id),
            })
            .collect();
        Selection { flow: self.flow.clone(), releases }
    }
}

/// The ticks and how they came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicksModel {
    /// What is ticked now.
    pub now: Ticks,
    /// What was ticked before, the latest last.
    before: Vec<Ticks>,
}

impl TicksModel {
    /// Makes it with nothing ticked and the catalog's first flow.
    pub fn new(catalog: &Catalog) -> Self {
        let first = catalog.flows.first().map(|flow| flow.name.clone());
        // A catalog without a flow is refused when it is loaded; the name is a stand-in that plans nothing.
        let flow = first.or_else(|| FlowName::new("update").ok());
        let flow = flow.unwrap_or_else(|| unreachable!("`update` is a valid name"));
        Self { now: Ticks::none(flow), before: Vec::new() }
    }

    /// Takes `next` and remembers what was; does nothing where nothing changed.
    pub fn change(&mut self, next: Ticks) {
        if next == self.now {
            return;
        }
        if self.before.len() == UNDO {
            self.before.remove(0);
        }
        self.before.push(std::mem::replace(&mut self.now, next));
    }

    /// Goes back by one change; returns whether there was one.
    pub fn undo(&mut self) -> bool {
        match self.before.pop() {
            Some(before) => {
                self.now = before;
                true
            }
            None => false,
        }
    }

    /// Returns whether there is something to undo.
    pub fn can_undo(&self) -> bool {
        !self.before.is_empty()
    }
}
