//! From a checked catalog and the toolkit's vars files to the domain's [`Catalog`].
//!
//! Vars files of all releases are asked side by side. What can only be seen now (two releases that go to the
//! same folder) is an error; what is merely odd is a notice on the screens.

use super::diagnostic::Problem;
use super::reader::At;
use super::schema::{Raw, RawFlow, RawNeed, RawRelease, RawStep, RawToolkit, Scripts};
use super::validate::{repo_of, script_problem};
use super::vars::{self, Answer, Request};
use crate::domain::catalog::{Catalog, GateRules};
use crate::domain::expand::{Placeholder, Values, expand};
use crate::domain::flow::{Flow, Role, StepTemplate};
use crate::domain::name::{FlowName, ReleaseId, TemplateName};
use crate::domain::release::{Need, Release, Repo, Toolkit, ToolkitVars};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a folder may take to answer beyond the time limit of bash.
const GRACE: Duration = Duration::from_secs(1);

/// Makes the catalog, or says what is wrong with it now that the vars are known.
pub(super) fn catalog(
    source: &str,
    raw: &Raw,
    environment: &BTreeMap<String, String>,
) -> Result<Catalog, Vec<Problem>> {
    with_answers(source, raw, environment, ask_all(raw))
}

/// Makes the catalog before the vars files are asked: nothing of any release can run yet.
pub(super) fn outline(
    source: &str,
    raw: &Raw,
    environment: &BTreeMap<String, String>,
) -> Result<Catalog, Vec<Problem>> {
    let unasked = with_toolkits(raw).map(|_| Err("its vars files are being read".to_owned())).collect();
    with_answers(source, raw, environment, unasked)
}

fn with_answers(
    source: &str,
    raw: &Raw,
    environment: &BTreeMap<String, String>,
    answers: Vec<Result<Answer, String>>,
) -> Result<Catalog, Vec<Problem>> {
    let mut problems = Vec::new();
    let flows: Vec<Flow> = raw.flows.entries.iter().filter_map(flow).collect();
    let mut releases = Vec::new();
    for ((raw_release, toolkit), answer) in with_toolkits(raw).zip(answers) {
        releases.push(release(raw, raw_release, toolkit, answer, &flows, &mut problems));
    }
    same_places(raw, &releases, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let gate = raw.gate.as_ref();
    let mut catalog = Catalog {
        name: raw.name.as_ref().map(|name| name.value.clone()).unwrap_or_default(),
        source: source.to_owned(),
        mounts: raw.mounts.entries.clone(),
        checkouts: raw.checkouts.entries.clone(),
        environment: resolved_environment(raw, environment),
        secrets: raw.secrets.clone(),
        releases,
        flows,
        templates: raw.steps.entries.iter().map(|step| (step.name.clone(), template(step))).collect(),
        gate: GateRules {
            name: gate.map(|gate| gate.name.clone()).unwrap_or_default(),
            phrase: gate.map(|gate| gate.phrase.value.clone()).unwrap_or_default(),
            expires_s: gate.map_or(0, |gate| gate.expires_s),
            people: gate.map_or(1, |gate| gate.people),
            allowed_signers: gate.and_then(|gate| gate.allowed_signers.clone()),
            solo: gate.is_some_and(|gate| gate.solo),
            checklist: gate.map(|gate| gate.checklist.clone()).unwrap_or_default(),
        },
        severities: raw.severities.clone(),
        lists: raw.lists.clone(),
        torrents: raw.torrents.clone(),
        notices: Vec::new(),
    };
    catalog.notices = notices(raw, &catalog);
    Ok(catalog)
}

/// Returns each release with its toolkit, which checking has made sure of.
fn with_toolkits(raw: &Raw) -> impl Iterator<Item = (&RawRelease, &RawToolkit)> {
    raw.releases.entries.iter().filter_map(|release| {
        let toolkit = raw.toolkits.entries.iter().find(|toolkit| toolkit.name == release.toolkit.value)?;
        Some((release, toolkit))
    })
}

/// Asks all vars files at once. Bash has a time limit of its own; a folder whose mount hangs is given up a
/// little later, with the thread that hangs in it.
fn ask_all(raw: &Raw) -> Vec<Result<Answer, String>> {
    let asked: Vec<_> = with_toolkits(raw)
        .map(|(release, toolkit)| {
            let (tell, told) = mpsc::channel();
            let question = question(&release.id, toolkit);
            let folder = toolkit.folder.clone();
            thread::spawn(move || {
                // Whoever asked may have given up.
                let _gone = tell.send(question.and_then(|question| question.ask()));
            });
            (folder, told)
        })
        .collect();
    let until = Instant::now() + vars::TIME_LIMIT + GRACE;
    let answer = |(folder, told): (PathBuf, mpsc::Receiver<Result<Answer, String>>)| match told
        .recv_timeout(until.saturating_duration_since(Instant::now()))
    {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => Err(format!(
            "the vars files in {} did not answer within {} s; see whether its mount answers",
            folder.display(),
            (vars::TIME_LIMIT + GRACE).as_secs()
        )),
        Err(RecvTimeoutError::Disconnected) => {
            Err("reading the vars files failed: this is a defect of Stagegate".to_owned())
        }
    };
    asked.into_iter().map(answer).collect()
}

/// A request that owns what it asks about, for a thread that may outlive whoever asks.
struct Question {
    folder: PathBuf,
    files: Vec<String>,
    release: ReleaseId,
    arrays: Vec<String>,
}

impl Question {
    fn ask(&self) -> Result<Answer, String> {
        let request = Request {
            folder: &self.folder,
            files: &self.files,
            release: &self.release,
            arrays: &self.arrays,
            limit: vars::TIME_LIMIT,
        };
        vars::read(request).map_err(|error| error.to_string())
    }
}

fn question(release: &ReleaseId, toolkit: &RawToolkit) -> Result<Question, String> {
    let values = Values::new().with(Placeholder::Release, release.as_str());
    let files: Vec<String> = toolkit
        .vars
        .iter()
        .map(|file| expand(file, &values))
        .collect::<Result<_, _>>()
        .map_err(|e| e.to_string())?;
    let mut arrays: Vec<String> = toolkit.needs.iter().filter_map(|need| need.variants.clone()).collect();
    arrays.sort();
    arrays.dedup();
    Ok(Question { folder: toolkit.folder.clone(), files, release: release.clone(), arrays })
}

fn release(
    raw: &Raw,
    release: &RawRelease,
    toolkit: &RawToolkit,
    answer: Result<Answer, String>,
    flows: &[Flow],
    problems: &mut Vec<Problem>,
) -> Release {
    let mut values = Values::new().with(Placeholder::Release, release.id.as_str());
    let (mut production_dir, mut needs) = (PathBuf::new(), Vec::new());
    if let Ok(answer) = &answer {
        values.set(Placeholder::Revision, &answer.vars.revision);
        values.set(Placeholder::Category, &answer.vars.category);
        let production = release.production.as_ref().unwrap_or(&toolkit.production);
        if let Some(below) = expanded(production, &values, problems) {
            production_dir = answer.vars.production_root.join(below.trim_matches('/'));
        }
        needs = toolkit.needs.iter().flat_map(|need| needed_files(need, &values, answer)).collect();
    }
    let names = release.compose.iter().chain(&release.sync);
    let mut repos: Vec<Repo> = Vec::new();
    for name in names {
        if !repos.iter().any(|repo| repo.name.as_str() == name.value) {
            repos.extend(repo(raw, release, name, flows, &values, problems));
        }
    }
    let compose_dir = expand(&release.compose_dir, &values).unwrap_or_default();
    let sync_order = release
        .sync
        .iter()
        .filter_map(|name| {
            repos.iter().find(|repo| repo.name.as_str() == name.value).map(|repo| repo.name.clone())
        })
        .collect();
    Release {
        id: release.id.clone(),
        compose_dir: PathBuf::from(compose_dir),
        production_dir,
        toolkit: Toolkit {
            folder: toolkit.folder.clone(),
            compose_folder: toolkit.compose_folder.clone(),
            depth: toolkit.depth,
            deletes: toolkit.deletes,
            signer: toolkit.signer.clone(),
            keys: toolkit.keys.clone(),
            tools: toolkit.tools.clone(),
        },
        vars: answer.map(|answer| answer.vars),
        repos,
        sync_order,
        needs,
    }
}

fn expanded(text: &At<String>, values: &Values, problems: &mut Vec<Problem>) -> Option<String> {
    match expand(text, values) {
        Ok(text) => Some(text),
        Err(error) => {
            problems.push(Problem { span: text.span.clone(), message: error.to_string(), advice: None });
            None
        }
    }
}

/// Returns the files that `need` means, for every arch and variant.
fn needed_files(need: &RawNeed, values: &Values, answer: &Answer) -> Vec<Need> {
    let variants = need.variants.as_ref().and_then(|name| answer.arrays.get(name));
    let variants: Vec<Option<&str>> =
        variants.map_or_else(|| vec![None], |names| names.iter().map(|name| Some(name.as_str())).collect());
    let mut files = Vec::new();
    for arch in &answer.vars.arches {
        for variant in &variants {
            let mut values = values.clone().with(Placeholder::Arch, arch);
            if let Some(variant) = variant {
                values.set(Placeholder::Variant, *variant);
            }
            let only_where =
                need.only_where.as_ref().map(|folder| expand(folder, &values).map(PathBuf::from));
            let path = expand(&need.path, &values).map(PathBuf::from);
            if let (Ok(path), Ok(only_where)) = (path, only_where.transpose()) {
                files.push(Need { path, only_where });
            }
        }
    }
    files.sort();
    files.dedup();
    files
}

fn repo(
    raw: &Raw,
    release: &RawRelease,
    name: &At<String>,
    flows: &[Flow],
    values: &Values,
    problems: &mut Vec<Problem>,
) -> Option<Repo> {
    let repo = repo_of(raw, release, name)?;
    let composed = release.compose.iter().any(|composed| composed.value == name.value);
    let scripts = repo.scripts.as_ref().filter(|_| composed);
    let mut by_flow = BTreeMap::new();
    for flow in flows {
        let Some(script) = scripts.and_then(|scripts| script_of(scripts, &flow.name)) else { continue };
        let script = expand(script, values).unwrap_or_default();
        if let Some(problem) = script_problem(&script) {
            let message = format!("the compose script of `{}` is not a file name: {problem}", repo.name);
            problems.push(Problem { span: name.span.clone(), message, advice: None });
            continue;
        }
        by_flow.insert(flow.name.clone(), script);
    }
    Some(Repo { name: repo.name.clone(), sig: repo.sig.clone(), scripts: by_flow })
}

fn script_of<'a>(scripts: &'a Scripts, flow: &FlowName) -> Option<&'a String> {
    let own = scripts.by_flow.iter().find(|(name, _)| name.value == flow.as_str()).map(|(_, script)| script);
    own.or(scripts.default.as_ref())
}

/// Notes releases whose staging or production folders are the same, or one within the other.
fn same_places(raw: &Raw, releases: &[Release], problems: &mut Vec<Problem>) {
    let overlap = |a: &Path, b: &Path| a.starts_with(b) || b.starts_with(a);
    for (at, release) in releases.iter().enumerate() {
        for other in &releases[..at] {
            for (what, a, b) in [
                ("production", release.production(), other.production()),
                ("staging", release.staging(), other.staging()),
            ] {
                let (Some(a), Some(b)) = (a, b) else { continue };
                if overlap(&a, &b) {
                    let span = raw.releases.entries.iter().find(|entry| entry.id == release.id);
                    problems.push(Problem {
                        span: span.map(|entry| entry.span.clone()).unwrap_or_default(),
                        message: format!(
                            "the {what} folder of release {}, {}, overlaps with that of {}, {}",
                            release.id,
                            a.display(),
                            other.id,
                            b.display()
                        ),
                        advice: Some("look at `production` in the catalog and at the vars files".to_owned()),
                    });
                }
            }
        }
    }
}

fn resolved_environment(raw: &Raw, environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let Some(section) = &raw.environment else { return BTreeMap::new() };
    let inherited =
        section.inherit.iter().filter_map(|name| Some((name.clone(), environment.get(name)?.clone())));
    let mut resolved: BTreeMap<String, String> = inherited.collect();
    resolved.extend(section.set.clone());
    resolved
}

fn flow(raw: &RawFlow) -> Option<Flow> {
    let steps: Vec<TemplateName> =
        raw.steps.iter().map(|step| TemplateName::new(step.value.clone())).collect::<Result<_, _>>().ok()?;
    Some(Flow { name: raw.name.clone(), about: raw.about.clone(), steps })
}

fn template(step: &RawStep) -> StepTemplate {
    let texts = |list: &[At<String>]| list.iter().map(|text| text.value.clone()).collect::<Vec<_>>();
    let arguments = |command: &Option<At<Vec<At<String>>>>| {
        command.as_ref().map(|command| texts(&command.value)).unwrap_or_default()
    };
    StepTemplate {
        name: step.name.clone(),
        role: step.role,
        title: step.title.value.clone(),
        command: arguments(&step.command),
        sig_command: arguments(&step.sig_command),
        cwd: step.cwd.as_ref().map(|cwd| cwd.value.clone()).unwrap_or_default(),
        host: step.host.as_ref().map(|host| host.value.clone()),
        env: step.env.iter().map(|(name, text)| (name.clone(), text.value.clone())).collect(),
        resources: step.resources.clone(),
        tools: step.tools.clone(),
        leftovers: step.leftovers.clone(),
        before: step.before.iter().map(|check| check.value).collect(),
        after: step.after.iter().map(|check| check.value).collect(),
        failure_phrases: texts(&step.failure_phrases),
        repeatable: step.repeatable,
        timeout_s: step.timeout_s,
        progress: step.progress,
    }
}

/// Says which composes the toolkit would sync in one go that the catalog knows nothing of.
fn composes_without_repo(catalog: &Catalog, release: &Release, vars: &ToolkitVars) -> Option<String> {
    if !catalog.templates.values().any(|template| template.role == Role::SyncAll) {
        return None;
    }
    let unknown = |name: &&String| !release.repos.iter().any(|repo| repo.name.as_str() == name.as_str());
    let unknown: Vec<&str> = vars.nonsig_composes.iter().filter(unknown).map(String::as_str).collect();
    let message = format!(
        "release {}: NONSIG_COMPOSE names {}, which is no repo of the catalog: a sync of all composes may stop there",
        release.id,
        unknown.join(", ")
    );
    (!unknown.is_empty()).then_some(message)
}

/// Says what is odd without being wrong.
fn notices(raw: &Raw, catalog: &Catalog) -> Vec<String> {
    let mut notices = Vec::new();
    for release in &catalog.releases {
        match &release.vars {
            Ok(vars) => notices.extend(composes_without_repo(catalog, release, vars)),
            Err(problem) => notices.push(format!("release {}: {problem}", release.id)),
        }
        for (what, place) in [("staging", release.staging()), ("production", release.production())] {
            if let Some(place) =
                place.filter(|place| !catalog.mounts.iter().any(|mount| place.starts_with(&mount.path)))
            {
                notices.push(format!(
                    "release {}: its {what}, {}, is on no mount of the catalog: nothing watches that mount",
                    release.id,
                    place.display()
                ));
            }
        }
    }
    for repo in &raw.repos.entries {
        if !catalog.releases.iter().any(|release| release.repo(&repo.name).is_some()) {
            notices.push(format!("repo {} is in the order of no release", repo.name));
        }
    }
    notices
}
