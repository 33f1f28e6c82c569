//! The sections of a catalog against each other: names that lead somewhere, orders, placeholders, safety.
//!
//! It looks at what was read and notes what is wrong; it changes nothing. The safety rules are here: no
//! publish without a gate before it, nothing that changes staging between the two, a phrase that names what
//! goes out.

mod flows;
mod steps;

use super::diagnostic::advise;
use super::reader::{At, Sink};
use super::schema::{Raw, RawRelease, RawRepo, Section};
use super::text::file_name_problem;
use crate::domain::expand::{Placeholder, Values, expand};
use crate::domain::flow::{CheckName, Role};
use std::collections::BTreeMap;

/// Notes everything that is wrong between the sections.
pub(super) fn check(raw: &Raw, sink: &Sink) {
    environment(raw, sink);
    for release in &raw.releases.entries {
        check_release(raw, release, sink);
    }
    for repo in &raw.repos.entries {
        check_scripts(raw, repo, sink);
    }
    same_production(raw, sink);
    for step in &raw.steps.entries {
        steps::check(raw, step, sink);
    }
    for flow in &raw.flows.entries {
        flows::check(raw, flow, sink);
    }
    if let Some(gate) = &raw.gate {
        flows::check_phrase(&gate.phrase, sink);
    }
}

/// Notes a name that no entry of `section` has.
fn known<T>(name: &At<String>, what: &str, section: &Section<T>, sink: &Sink) -> bool {
    if section.has(name) {
        return true;
    }
    let advice = advise(name, &format!("one of the {what}s"), section.names());
    sink.note(&name.span, format!("there is no {what} `{}`", name.value), advice);
    false
}

/// Notes every name that stands in a list for the second time.
fn no_duplicates(names: &[At<String>], sink: &Sink) {
    for (at, name) in names.iter().enumerate() {
        if names[..at].iter().any(|earlier| earlier.value == name.value) {
            sink.note(&name.span, format!("`{}` stands here twice", name.value), "take one out".to_owned());
        }
    }
}

fn environment(raw: &Raw, sink: &Sink) {
    let Some(environment) = &raw.environment else { return };
    let has =
        |name: &str| environment.set.contains_key(name) || environment.inherit.iter().any(|n| n == name);
    if !has("PATH") {
        let advice = "add it to `set`: steps get this environment and nothing else".to_owned();
        sink.note(&environment.span, "[environment] has no PATH", advice);
    }
}

/// Returns the repo as `release` has it: what it says of its own, and for the rest what holds for all releases.
pub(super) fn repo_of(raw: &Raw, release: &RawRelease, name: &str) -> Option<RawRepo> {
    let find =
        |section: &Section<RawRepo>| section.entries.iter().find(|repo| repo.name.as_str() == name).cloned();
    match (find(&release.repos), find(&raw.repos)) {
        (Some(own), Some(all)) => {
            Some(RawRepo { name: own.name, sig: own.sig.or(all.sig), scripts: own.scripts.or(all.scripts) })
        }
        (own, all) => own.or(all),
    }
}

fn check_release(raw: &Raw, release: &RawRelease, sink: &Sink) {
    known(&release.toolkit, "toolkit", &raw.toolkits, sink);
    for repo in &release.repos.entries {
        check_scripts(raw, repo, sink);
    }
    let flows: Vec<&str> = flows::with_role(raw, Role::Compose);
    for (order, composes) in [(&release.compose, true), (&release.sync, false)] {
        no_duplicates(order, sink);
        for name in order {
            if !release.repos.has(name) && !known(name, "repo", &raw.repos, sink) {
                continue;
            }
            if let Some(repo) = repo_of(raw, release, name).filter(|_| composes) {
                check_composable(&repo, name, &flows, sink);
            }
        }
    }
    check_sig_commands(raw, release, sink);
}

fn check_composable(repo: &RawRepo, name: &At<String>, flows: &[&str], sink: &Sink) {
    let Some(scripts) = &repo.scripts else {
        let advice =
            format!("add `compose = \"SCRIPT\"` to repo `{}`, or take it out of the order", repo.name);
        sink.note(&name.span, format!("repo `{}` has no compose script", repo.name), advice);
        return;
    };
    let has = |flow: &str| scripts.by_flow.iter().any(|(name, _)| name.value == flow);
    if scripts.default.is_none()
        && let Some(flow) = flows.iter().find(|flow| !has(flow))
    {
        let advice = "add it, or `default = \"SCRIPT\"`".to_owned();
        sink.note(
            &name.span,
            format!("repo `{}` has no compose script for flow `{flow}`", repo.name),
            advice,
        );
    }
}

/// Notes flows that do not exist, and script names that would not be file names.
fn check_scripts(raw: &Raw, repo: &RawRepo, sink: &Sink) {
    for (flow, _) in repo.scripts.iter().flat_map(|scripts| &scripts.by_flow) {
        known(flow, "flow", &raw.flows, sink);
    }
}

/// Notes SIG repos in the sync order that would go to the wrong place for want of a command of their own.
fn check_sig_commands(raw: &Raw, release: &RawRelease, sink: &Sink) {
    let sig = |name: &&At<String>| repo_of(raw, release, name).is_some_and(|repo| repo.sig.is_some());
    let Some(repo) = release.sync.iter().find(sig) else { return };
    for step in raw.steps.entries.iter().filter(|step| step.role == Role::Sync && step.sig_command.is_none())
    {
        let message =
            format!("`{}` is a SIG repo, and step `{}` has no `sig_command`", repo.value, step.name);
        let advice = "without one it would be synced outside its SIG's folder".to_owned();
        sink.note(&repo.span, message, advice);
    }
}

/// Notes releases that would go to the same place whatever the vars files say.
fn same_production(raw: &Raw, sink: &Sink) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for release in &raw.releases.entries {
        let toolkit = raw.toolkits.entries.iter().find(|toolkit| toolkit.name == release.toolkit.value);
        let Some(place) = release.production.as_ref().or(toolkit.map(|toolkit| &toolkit.production)) else {
            continue;
        };
        let values = Values::new()
            .with(Placeholder::Release, release.id.as_str())
            .with(Placeholder::Category, "{category}")
            .with(Placeholder::Revision, format!("{{revision}} of {}", release.id));
        let Ok(place_text) = expand(place, &values) else { continue };
        if let Some(other) = seen.get(place_text.as_str()) {
            let message = format!("releases {other} and {} have the same production directory", release.id);
            let advice = "name it with {revision} or {release}".to_owned();
            sink.note(
                &release.production.as_ref().map_or(&release.span, |place| &place.span).clone(),
                message,
                advice,
            );
        } else {
            seen.insert(place_text, release.id.as_str());
        }
    }
}

/// Returns whether the check needs a section that the catalog may lack, and which.
fn needed_section(raw: &Raw, check: CheckName) -> Option<&'static str> {
    match check {
        CheckName::FileListsFresh if raw.lists.is_none() => Some("[lists]"),
        CheckName::TorrentsWritten if raw.torrents.is_none() => Some("[torrents]"),
        _ => None,
    }
}

/// Returns why the expanded name of a script is not a file name.
pub(super) fn script_problem(name: &str) -> Option<String> {
    file_name_problem(name).map(|problem| format!("`{name}` {problem}"))
}
