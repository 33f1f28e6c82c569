//! Two trees as a gate sees them: a catalog with one release, and a plan whose lane says where staging and production are.

use stagegate::compose::probe::Prober;
use stagegate::compose::pulse::Pulse;
use stagegate::domain::catalog::{Catalog, GateRules};
use stagegate::domain::finding::Finding;
use stagegate::domain::flow::{CheckName, ProgressSource, Role};
use stagegate::domain::name::{FlowName, ReleaseId};
use stagegate::domain::plan::{Lane, Plan, PlanDigest, Step};
use stagegate::domain::redact::Secrets;
use stagegate::domain::release::{Release, Toolkit};
use stagegate::domain::selection::Selection;
use stagegate::vet::{Reading, VetContext, run_check};
use std::collections::BTreeMap;
use std::path::Path;

/// The two trees.
pub(crate) struct Subject {
    catalog: Catalog,
    plan: Plan,
    step: Step,
}

impl Subject {
    /// Makes it of the release's two folders; what is shallower than `depth` is not pushed.
    pub(crate) fn new(staging: &Path, production: &Path, depth: u8) -> anyhow::Result<Self> {
        let id = ReleaseId::new("8")?;
        let lane = Lane {
            release: id.clone(),
            revision: "8.10".to_owned(),
            staging: staging.to_owned(),
            production: production.to_owned(),
            phrase: String::new(),
            steps: Vec::new(),
        };
        let plan = Plan {
            version: 1,
            digest: PlanDigest(String::new()),
            distribution: "Bench".to_owned(),
            selection: Selection { flow: FlowName::new("update")?, releases: Vec::new() },
            environment: BTreeMap::new(),
            lanes: vec![lane],
            steps: Vec::new(),
            warnings: Vec::new(),
            checkouts: Vec::new(),
        };
        Ok(Self { catalog: catalog(release(id.clone(), production, depth)), plan, step: step(id)? })
    }

    /// Runs a check and returns what it found.
    pub(crate) fn check(&self, check: CheckName) -> Vec<Finding> {
        let nothing = BTreeMap::new();
        run_check(
            check,
            &VetContext {
                catalog: &self.catalog,
                release: self.catalog.releases.first(),
                plan: &self.plan,
                step: &self.step,
                composes: &BTreeMap::new(),
                skipped: &BTreeMap::new(),
                environment: &nothing,
                joblog: None,
                log: None,
                started: None,
                keys: &[],
                sealed: None,
                seals: None,
                reading: Reading::Headers,
                vouched: None,
                pulse: &Pulse::new(),
                prober: &Prober::new(),
            },
        )
    }

    /// Runs a check that must find nothing.
    pub(crate) fn passes(&self, check: CheckName) -> anyhow::Result<()> {
        let found = self.check(check);
        anyhow::ensure!(found.is_empty(), "{check} finds {} things: {:?}", found.len(), found.first());
        Ok(())
    }
}

fn step(release: ReleaseId) -> anyhow::Result<Step> {
    Ok(Step {
        id: format!("{release}/gate").parse()?,
        title: "gate".to_owned(),
        role: Role::Gate,
        release: Some(release),
        repo: None,
        argv: Vec::new(),
        env: BTreeMap::new(),
        cwd: "/".into(),
        host: None,
        gate: None,
        depends: Vec::new(),
        resources: Vec::new(),
        pins: Vec::new(),
        before: Vec::new(),
        after: Vec::new(),
        failure_phrases: Vec::new(),
        repeatable: true,
        timeout_s: None,
        progress: ProgressSource::History,
    })
}

fn release(id: ReleaseId, production: &Path, depth: u8) -> Release {
    Release {
        id,
        compose_dir: production.join("none"),
        production_dir: production.to_owned(),
        toolkit: Toolkit {
            folder: "/".into(),
            compose_folder: "/".into(),
            depth,
            deletes: false,
            signer: None,
            keys: Vec::new(),
            tools: Vec::new(),
        },
        vars: Err("a bench has no vars files".to_owned()),
        repos: Vec::new(),
        sync_order: Vec::new(),
        needs: Vec::new(),
    }
}

fn catalog(release: Release) -> Catalog {
    Catalog {
        name: "Bench".to_owned(),
        source: "here".to_owned(),
        mounts: Vec::new(),
        checkouts: Vec::new(),
        environment: BTreeMap::new(),
        secrets: Secrets::default(),
        releases: vec![release],
        flows: Vec::new(),
        templates: BTreeMap::new(),
        gate: GateRules {
            name: "staging-vetted".to_owned(),
            phrase: String::new(),
            expires_s: 60,
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
