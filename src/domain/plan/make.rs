//! Makes a plan from a selection, the catalog and the status of the positions.
//!
//! Pure, so that the Plan screen can call it at every tick of a box and property tests can call it a
//! thousand times. The order is the catalog's; a selection can cut it short, never rearrange it.

use super::{Lane, Pin, PinnedRepo, Plan, PlanDigest, Step};
use crate::domain::catalog::Catalog;
use crate::domain::expand::{Placeholder, UnknownPlaceholder, Values, expand};
use crate::domain::flow::{CheckName, Flow, Role, StepTemplate};
use crate::domain::name::{FlowName, ReleaseId, RepoName, StepId, TemplateName};
use crate::domain::release::{Release, Repo};
use crate::domain::selection::{ReleaseSelection, Selection};
use crate::domain::status::{CheckoutStatus, ReleaseStatus};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No such flow.
    #[error("there is no flow `{flow}`; the catalog has {known}")]
    UnknownFlow {
        /// What was asked for.
        flow: FlowName,
        /// What there is.
        known: String,
    },
    /// No such release.
    #[error("there is no release `{release}`; the catalog has {known}")]
    UnknownRelease {
        /// What was asked for.
        release: ReleaseId,
        /// What there is.
        known: String,
    },
    /// A release twice.
    #[error("release {0} is selected twice; a release is one lane")]
    ReleaseTwice(ReleaseId),
    /// No such repo in the release.
    #[error("release {release} has no repo `{repo}`; it has {known}")]
    UnknownRepo {
        /// The release.
        release: ReleaseId,
        /// What was asked for.
        repo: RepoName,
        /// What there is.
        known: String,
    },
    /// A repo that the procedure never syncs.
    #[error("{repo} of release {release} is composed only; the procedure does not sync it")]
    NeverSynced {
        /// The release.
        release: ReleaseId,
        /// The repo.
        repo: RepoName,
    },
    /// The toolkit's vars could not be read.
    #[error("nothing of release {release} can run: {problem}")]
    VarsUnreadable {
        /// The release.
        release: ReleaseId,
        /// Why.
        problem: String,
    },
    /// One of its mounts does not answer.
    #[error("release {release} cannot be planned: {problem}; look again when it answers")]
    NotAnswering {
        /// The release.
        release: ReleaseId,
        /// Which mount, and for how long.
        problem: String,
    },
    /// A repo to sync has no compose.
    #[error("{repo} of release {release} has no compose to sync ({problem}); tick its compose too")]
    NoCompose {
        /// The release.
        release: ReleaseId,
        /// The repo.
        repo: RepoName,
        /// What is wrong with its link.
        problem: String,
    },
    /// A repo has no compose script.
    #[error("{repo} has no compose script for flow {flow}; give it one in the catalog")]
    NoScript {
        /// The repo.
        repo: RepoName,
        /// The flow.
        flow: FlowName,
    },
    /// Nothing is ticked.
    #[error("nothing is selected: tick something to compose or to sync")]
    NothingSelected,
    /// A template has a placeholder that means nothing here.
    #[error("step `{step}` of the catalog: {source}")]
    Placeholder {
        /// The template.
        step: TemplateName,
        /// Which one.
        source: UnknownPlaceholder,
    },
}

/// Makes the plan of `selection`, or says why there is none.
pub fn make(
    catalog: &Catalog,
    selection: &Selection,
    status: &[ReleaseStatus],
    checkouts: &[CheckoutStatus],
) -> Result<Plan, PlanError> {
    let flow = catalog.flow(&selection.flow).ok_or_else(|| PlanError::UnknownFlow {
        flow: selection.flow.clone(),
        known: join(catalog.flows.iter().map(|flow| flow.name.as_str())),
    })?;
    let mut plan = Plan {
        version: 1,
        digest: PlanDigest(String::new()),
        distribution: catalog.name.clone(),
        selection: selection.clone(),
        environment: catalog.environment.clone(),
        lanes: Vec::new(),
        steps: Vec::new(),
        warnings: Vec::new(),
        checkouts: checkouts.to_vec(),
    };
    let mut seen = BTreeSet::new();
    for ticked in &selection.releases {
        if !seen.insert(&ticked.release) {
            return Err(PlanError::ReleaseTwice(ticked.release.clone()));
        }
        LaneMaker::new(catalog, flow, ticked, status)?.add_to(&mut plan)?;
    }
    if plan.steps.is_empty() {
        return Err(PlanError::NothingSelected);
    }
    add_shared(catalog, flow, &mut plan)?;
    warnings::scripts_changed(&mut plan);
    plan.digest = plan.compute_digest();
    Ok(plan)
}

pub mod warnings;

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// Adds the steps that all lanes share, after every publish.
fn add_shared(catalog: &Catalog, flow: &Flow, plan: &mut Plan) -> Result<(), PlanError> {
    let publishes: Vec<StepId> =
        plan.steps.iter().filter(|step| step.is_production()).map(|step| step.id.clone()).collect();
    if publishes.is_empty() {
        return Ok(());
    }
    for template in templates(catalog, flow).filter(|template| template.role == Role::Lists) {
        let mut values = Values::new();
        if let Some(first) = plan.lanes.first().and_then(|lane| catalog.release(&lane.release)) {
            add_release_values(&mut values, first);
        }
        let mut step = step_from(template, StepId::shared(&template.name), &template.command, &values)?;
        step.release = None;
        step.depends.clone_from(&publishes);
        plan.steps.push(step);
    }
    Ok(())
}

fn templates<'a>(catalog: &'a Catalog, flow: &'a Flow) -> impl Iterator<Item = &'a StepTemplate> {
    flow.steps.iter().filter_map(|name| catalog.templates.get(name))
}

fn add_release_values(values: &mut Values, release: &Release) {
    values.set(Placeholder::Release, release.id.as_str());
    values.set(Placeholder::Revision, release.revision());
    values.set(Placeholder::ComposeFolder, release.toolkit.compose_folder.to_string_lossy());
    values.set(Placeholder::SyncFolder, release.toolkit.folder.to_string_lossy());
    if let Ok(vars) = &release.vars {
        values.set(Placeholder::Category, &vars.category);
    }
    if let Some(staging) = release.staging() {
        values.set(Placeholder::Staging, staging.to_string_lossy());
    }
    if let Some(production) = release.production() {
        values.set(Placeholder::Production, production.to_string_lossy());
    }
}

fn step_from(
    template: &StepTemplate,
    id: StepId,
    command: &[String],
    values: &Values,
) -> Result<Step, PlanError> {
    let fill = |text: &str| {
        expand(text, values).map_err(|source| PlanError::Placeholder { step: template.name.clone(), source })
    };
    Ok(Step {
        id,
        title: fill(&template.title)?,
        role: template.role,
        release: None,
        repo: None,
        argv: command.iter().map(|part| fill(part)).collect::<Result<_, _>>()?,
        env: template
            .env
            .iter()
            .map(|(name, value)| Ok((name.clone(), fill(value)?)))
            .collect::<Result<_, PlanError>>()?,
        cwd: PathBuf::from(fill(&template.cwd)?),
        host: template.host.as_deref().map(fill).transpose()?,
        gate: None,
        depends: Vec::new(),
        resources: template.resources.clone(),
        pins: Vec::new(),
        before: template.before.clone(),
        after: template.after.clone(),
        failure_phrases: template.failure_phrases.clone(),
        repeatable: template.repeatable,
        timeout_s: template.timeout_s,
        progress: template.progress,
    })
}

/// Makes the lane of one release.
struct LaneMaker<'a> {
    catalog: &'a Catalog,
    flow: &'a Flow,
    release: &'a Release,
    ticked: &'a ReleaseSelection,
    status: Option<&'a ReleaseStatus>,
    steps: Vec<Step>,
}

impl<'a> LaneMaker<'a> {
    fn new(
        catalog: &'a Catalog,
        flow: &'a Flow,
        ticked: &'a ReleaseSelection,
        status: &'a [ReleaseStatus],
    ) -> Result<Self, PlanError> {
        let release = catalog.release(&ticked.release).ok_or_else(|| PlanError::UnknownRelease {
            release: ticked.release.clone(),
            known: join(catalog.releases.iter().map(|release| release.id.as_str())),
        })?;
        if let Err(problem) = &release.vars {
            return Err(PlanError::VarsUnreadable { release: release.id.clone(), problem: problem.clone() });
        }
        for repo in ticked.compose.iter().chain(&ticked.sync) {
            if release.repo(repo).is_none() {
                let known = join(release.repos.iter().map(|repo| repo.name.as_str()));
                return Err(PlanError::UnknownRepo {
                    release: release.id.clone(),
                    repo: repo.clone(),
                    known,
                });
            }
        }
        if let Some(repo) = ticked.sync.iter().find(|repo| !release.sync_order.contains(repo)) {
            return Err(PlanError::NeverSynced { release: release.id.clone(), repo: repo.clone() });
        }
        let status = status.iter().find(|status| status.major == release.id);
        if let Some(problem) = status.and_then(|status| status.silent.clone()) {
            return Err(PlanError::NotAnswering { release: release.id.clone(), problem });
        }
        Ok(Self { catalog, flow, release, ticked, status, steps: Vec::new() })
    }

    /// Returns whether the flow changes staging at all with what is ticked; if not, only composes remain.
    fn changes_staging(&self) -> bool {
        let syncs =
            templates(self.catalog, self.flow).any(|step| matches!(step.role, Role::Sync | Role::SyncAll));
        !syncs || !self.ticked.sync.is_empty()
    }

    fn add_to(mut self, plan: &mut Plan) -> Result<(), PlanError> {
        let goes_on = self.changes_staging();
        for template in templates(self.catalog, self.flow) {
            match template.role {
                Role::Compose => self.add_composes(template)?,
                Role::Sync => self.add_syncs(template)?,
                Role::SyncAll if goes_on => self.add_sync_all(template)?,
                Role::Stage | Role::Publish if goes_on => self.add_whole(template)?,
                Role::Gate if goes_on => self.add_gate(template)?,
                _ => {}
            }
        }
        if self.steps.is_empty() {
            return Ok(());
        }
        warnings::of_lane(&self.view(), &mut plan.warnings);
        plan.lanes.push(Lane {
            release: self.release.id.clone(),
            revision: self.release.revision().to_owned(),
            staging: self.release.staging().unwrap_or_default(),
            production: self.release.production().unwrap_or_default(),
            phrase: self.catalog.phrase(self.release),
            steps: self.steps.iter().map(|step| step.id.clone()).collect(),
        });
        plan.steps.append(&mut self.steps);
        Ok(())
    }

    fn view(&self) -> warnings::LaneView<'_> {
        warnings::LaneView {
            release: self.release,
            ticked: self.ticked,
            status: self.status,
            goes_on: self.changes_staging(),
            publishes: self.steps.iter().any(Step::is_production),
        }
    }

    fn values(&self, repo: Option<&Repo>) -> Values {
        let mut values = Values::new();
        add_release_values(&mut values, self.release);
        if let Some(repo) = repo {
            values.set(Placeholder::Repo, repo.name.as_str());
            if let Some(sig) = &repo.sig {
                values.set(Placeholder::Sig, sig.as_str());
            }
            if let Some(script) = repo.script(&self.flow.name) {
                values.set(Placeholder::Script, script);
            }
        }
        values
    }

    fn push(
        &mut self,
        template: &StepTemplate,
        repo: Option<&Repo>,
        fit: impl FnOnce(&mut Step),
    ) -> Result<(), PlanError> {
        let id = StepId::of_release(&self.release.id, &template.name, repo.map(|repo| &repo.name));
        let sig = repo.is_some_and(|repo| repo.sig.is_some()) && !template.sig_command.is_empty();
        let command = if sig { &template.sig_command } else { &template.command };
        let mut step = step_from(template, id, command, &self.values(repo))?;
        step.release = Some(self.release.id.clone());
        step.repo = repo.map(|repo| repo.name.clone());
        fit(&mut step);
        self.steps.push(step);
        Ok(())
    }

    fn add_composes(&mut self, template: &StepTemplate) -> Result<(), PlanError> {
        let release = self.release;
        for repo in release.repos.iter().filter(|repo| self.ticked.compose.contains(&repo.name)) {
            if repo.script(&self.flow.name).is_none() {
                return Err(PlanError::NoScript { repo: repo.name.clone(), flow: self.flow.name.clone() });
            }
            self.push(template, Some(repo), |_| {})?;
        }
        Ok(())
    }

    fn add_syncs(&mut self, template: &StepTemplate) -> Result<(), PlanError> {
        let release = self.release;
        for name in release.sync_order.iter().filter(|name| self.ticked.sync.contains(*name)) {
            let Some(repo) = release.repo(name) else { continue };
            let pin = self.pin(repo)?;
            let depends = produced(&pin);
            self.push(template, Some(repo), |step| {
                step.pins = vec![PinnedRepo { repo: repo.name.clone(), pin }];
                step.depends = depends;
            })?;
        }
        Ok(())
    }

    fn add_sync_all(&mut self, template: &StepTemplate) -> Result<(), PlanError> {
        let release = self.release;
        let mut pins = Vec::new();
        for name in &release.sync_order {
            let Some(repo) = release.repo(name).filter(|repo| repo.sig.is_none()) else { continue };
            pins.push(PinnedRepo { repo: name.clone(), pin: self.pin(repo)? });
        }
        let depends = pins.iter().flat_map(|pinned| produced(&pinned.pin)).collect();
        self.push(template, None, |step| {
            step.pins = pins;
            step.depends = depends;
        })
    }

    /// Adds a step over the release's whole staging: it builds on everything before it that changed staging.
    fn add_whole(&mut self, template: &StepTemplate) -> Result<(), PlanError> {
        let mut depends = self.changed_so_far();
        let pins = self.read_by(template)?;
        for step in pins.iter().flat_map(|pinned| produced(&pinned.pin)) {
            if !depends.contains(&step) {
                depends.push(step);
            }
        }
        self.push(template, None, |step| {
            step.pins = pins;
            step.depends = depends;
        })
    }

    /// Returns the composes whose files a step reads through their links: prep takes comps from the latest Rocky.
    fn read_by(&self, template: &StepTemplate) -> Result<Vec<PinnedRepo>, PlanError> {
        if !template.before.contains(&CheckName::Inputs) {
            return Ok(Vec::new());
        }
        let mut pins = Vec::new();
        for repo in &self.release.repos {
            let link = self.release.latest_link(&repo.name);
            if !self.release.needs.iter().any(|need| need.path.starts_with(&link)) {
                continue;
            }
            match self.pin(repo) {
                Ok(pin) => pins.push(PinnedRepo { repo: repo.name.clone(), pin }),
                // Without a compose the check of the files says what is missing, where staging wants them at all.
                Err(PlanError::NoCompose { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(pins)
    }

    fn add_gate(&mut self, template: &StepTemplate) -> Result<(), PlanError> {
        let depends = self.changed_so_far();
        let name = self.catalog.gate.name.clone();
        self.push(template, None, |step| {
            step.argv = Vec::new();
            step.gate = Some(name);
            step.depends = depends;
        })
    }

    /// Returns the steps so far that nothing builds on yet: what changed staging, else what was composed.
    ///
    /// Every step before a gate is among its ancestors this way, so that redoing any of them voids the approval.
    fn changed_so_far(&self) -> Vec<StepId> {
        let open = |step: &&Step| !self.steps.iter().any(|other| other.depends.contains(&step.id));
        let (composes, changes): (Vec<&Step>, Vec<&Step>) =
            self.steps.iter().filter(open).partition(|step| step.role == Role::Compose);
        let last = if changes.is_empty() { composes } else { changes };
        last.into_iter().map(|step| step.id.clone()).collect()
    }

    fn pin(&self, repo: &Repo) -> Result<Pin, PlanError> {
        let made = self
            .steps
            .iter()
            .find(|step| step.role == Role::Compose && step.repo.as_ref() == Some(&repo.name));
        if let Some(step) = made {
            return Ok(Pin::ProducedBy { step: step.id.clone() });
        }
        let status = self.status.and_then(|status| status.repo(&repo.name));
        match status.and_then(|status| status.latest.compose()) {
            Some(compose) => Ok(Pin::Existing { id: compose.id.clone() }),
            None => Err(PlanError::NoCompose {
                release: self.release.id.clone(),
                repo: repo.name.clone(),
                problem: warnings::link_problem(status),
            }),
        }
    }
}

fn produced(pin: &Pin) -> Vec<StepId> {
    match pin {
        Pin::ProducedBy { step } => vec![step.clone()],
        Pin::Existing { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
