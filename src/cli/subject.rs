//! What `verify` looks at outside of any run: the checks want a plan and a step, and get an empty plan whose
//! one lane says where the content stands.
//!
//! Nothing of it can be run: there is no command in it, and the executor is not reachable from here.

use crate::compose::probe::Prober;
use crate::compose::pulse::Pulse;
use crate::domain::catalog::{Catalog, GateRules, Mount};
use crate::domain::finding::Finding;
use crate::domain::flow::{CheckName, ProgressSource, Role};
use crate::domain::name::{FlowName, InvalidName, ReleaseId, StepId};
use crate::domain::plan::{Lane, Pin, PinnedRepo, Plan, PlanDigest, Step};
use crate::domain::release::{Release, Toolkit};
use crate::domain::selection::Selection;
use crate::vet::{Reading, VetContext, mounts_of, run_check};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A folder that holds nothing and never will: what a tree replaces when nobody says what.
const NOTHING: &str = "/dev/null";

/// Two trees and what is known about them.
#[derive(Debug)]
pub(super) struct Subject {
    catalog: Catalog,
    release: Release,
    plan: Plan,
    keys: Vec<PathBuf>,
    reading: Reading,
}

impl Subject {
    /// Makes the subject of a release whose content stands in `tree`, to replace what stands in `against`.
    pub(super) fn of_release(
        catalog: &Catalog,
        release: &Release,
        tree: PathBuf,
        against: Option<PathBuf>,
        keys: Vec<PathBuf>,
    ) -> Result<Self, InvalidName> {
        let plan = plan(catalog, release, tree, against)?;
        let reading = Reading::default();
        Ok(Self { catalog: catalog.clone(), release: release.clone(), plan, keys, reading })
    }

    /// Makes the subject of a folder of RPM repos, about which no catalog says anything.
    pub(super) fn of_folder(
        tree: PathBuf,
        against: Option<PathBuf>,
        keys: Vec<PathBuf>,
    ) -> Result<Self, InvalidName> {
        let (catalog, release) = (no_catalog(), no_release()?);
        Self::of_release(&catalog, &release, tree, against, keys)
    }

    /// Has its checks read as much of every package as `reading` says.
    pub(super) fn reading(self, reading: Reading) -> Self {
        Self { reading, ..self }
    }

    /// Returns the mounts that its checks read.
    pub(super) fn mounts(&self) -> Vec<&Mount> {
        let lanes = self.plan.lanes.iter();
        let mut paths: Vec<&Path> =
            lanes.flat_map(|lane| [lane.staging.as_path(), lane.production.as_path()]).collect();
        paths.push(&self.release.compose_dir);
        mounts_of(&self.catalog, paths)
    }

    /// Runs one check.
    pub(super) fn check(&self, name: CheckName, pulse: &Pulse, prober: &Prober) -> Vec<Finding> {
        let Ok(step) = step(&self.release, name) else { return Vec::new() };
        run_check(
            name,
            &VetContext {
                catalog: &self.catalog,
                release: Some(&self.release),
                plan: &self.plan,
                step: &step,
                composes: &BTreeMap::new(),
                skipped: &BTreeMap::new(),
                environment: &self.catalog.environment,
                joblog: None,
                log: None,
                started: None,
                keys: &self.keys,
                sealed: None,
                seals: None,
                reading: self.reading,
                vouched: None,
                pulse,
                prober,
            },
        )
    }
}

fn plan(
    catalog: &Catalog,
    release: &Release,
    tree: PathBuf,
    against: Option<PathBuf>,
) -> Result<Plan, InvalidName> {
    let lane = Lane {
        release: release.id.clone(),
        revision: release.revision().to_owned(),
        staging: tree,
        production: against.unwrap_or_else(|| PathBuf::from(NOTHING)),
        phrase: String::new(),
        steps: Vec::new(),
    };
    Ok(Plan {
        version: 1,
        digest: PlanDigest(String::new()),
        distribution: catalog.name.clone(),
        selection: Selection { flow: FlowName::new("verify")?, releases: Vec::new() },
        environment: catalog.environment.clone(),
        lanes: vec![lane],
        steps: Vec::new(),
        warnings: Vec::new(),
        checkouts: Vec::new(),
    })
}

/// Makes the step that a check is told it is about: composes are judged as after a compose step, all else as
/// at a gate.
fn step(release: &Release, check: CheckName) -> Result<Step, InvalidName> {
    let id: StepId = format!("{}/verify", release.id).parse()?;
    let composes = check == CheckName::ComposeFinished;
    let pin = |repo: &crate::domain::release::Repo| PinnedRepo {
        repo: repo.name.clone(),
        pin: Pin::ProducedBy { step: id.clone() },
    };
    let pins = if composes { release.repos.iter().map(pin).collect() } else { Vec::new() };
    Ok(Step {
        title: "verify".to_owned(),
        role: if composes { Role::Compose } else { Role::Gate },
        release: Some(release.id.clone()),
        repo: None,
        argv: Vec::new(),
        env: BTreeMap::new(),
        cwd: PathBuf::from("/"),
        host: None,
        gate: None,
        depends: Vec::new(),
        resources: Vec::new(),
        pins,
        before: Vec::new(),
        after: Vec::new(),
        failure_phrases: Vec::new(),
        repeatable: true,
        timeout_s: None,
        progress: ProgressSource::History,
        id,
    })
}

fn no_catalog() -> Catalog {
    Catalog {
        name: String::new(),
        source: "none".to_owned(),
        mounts: Vec::new(),
        checkouts: Vec::new(),
        environment: BTreeMap::new(),
        secrets: crate::domain::redact::Secrets::default(),
        releases: Vec::new(),
        flows: Vec::new(),
        templates: BTreeMap::new(),
        gate: GateRules {
            name: String::new(),
            phrase: String::new(),
            expires_s: 0,
            people: 1,
            allowed_signers: None,
            solo: false,
            checklist: Vec::new(),
        },
        severities: Vec::new(),
        lists: None,
        torrents: None,
        notices: Vec::new(),
    }
}

fn no_release() -> Result<Release, InvalidName> {
    let nowhere = Path::new(NOTHING).to_owned();
    Ok(Release {
        id: ReleaseId::new("tree")?,
        compose_dir: nowhere.clone(),
        production_dir: nowhere.clone(),
        toolkit: Toolkit {
            folder: nowhere.clone(),
            compose_folder: nowhere,
            depth: 0,
            deletes: true,
            signer: None,
            keys: Vec::new(),
            tools: Vec::new(),
        },
        vars: Err("a folder has no vars files".to_owned()),
        repos: Vec::new(),
        sync_order: Vec::new(),
        needs: Vec::new(),
    })
}
