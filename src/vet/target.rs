//! Before a step: the revision leads to the place that the plan showed, and nowhere else.
//!
//! An empty revision makes a deleting push copy `/` over production; `${REV:0:3}` sends 8.10 to `8.1`; an edited vars file
//! opens a new directory in silence (reality.md 3). It reads the vars files and the script's text. It cannot see a path that
//! a script puts together in any other way.

use super::VetContext;
use super::found::Found;
use super::places::{Places, places, shown};
use super::scripts::{script_of, texts};
use crate::domain::flow::Role;
use crate::domain::release::{Release, ToolkitVars};
use std::path::Path;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(release) = cx.release else { return };
    let vars = match &release.vars {
        Ok(vars) => vars,
        Err(problem) => {
            let message = format!("the toolkit's vars files could not be read: {problem}");
            found.blocking("no-vars", release.id.as_str(), message, "correct the vars files");
            return;
        }
    };
    resolves(release, vars, found);
    let Some(places) = places(cx, release) else { return };
    unmoved(release, &places, found);
    there(cx, release, &places, found);
    environment(cx, release, found);
    cuts(cx, release, vars, found);
}

fn resolves(release: &Release, vars: &ToolkitVars, found: &mut Found<'_>) {
    let advice = "correct the vars files; with an empty revision a push goes to the wrong place";
    if vars.revision.trim().is_empty() || vars.release_dir.trim_matches('/').is_empty() {
        found.blocking("empty", release.id.as_str(), "REVISION or RELEASE_DIR is empty", advice);
        return;
    }
    if vars.revision.split('.').next() != Some(release.id.as_str()) {
        let message = format!("REVISION is {}, which is no revision of {}", vars.revision, release.id);
        found.blocking("other-release", release.id.as_str(), message, advice);
    }
    let production = &release.production_dir;
    let inside = production.starts_with(&vars.production_root) && *production != vars.production_root;
    if !inside || !production.is_absolute() {
        let message = format!("is not below {}", vars.production_root.display());
        found.blocking("outside", shown(production), message, "correct `production` in the catalog");
    }
}

fn unmoved(release: &Release, shown_places: &Places, found: &mut Found<'_>) {
    let pairs =
        [(&shown_places.staging, release.staging()), (&shown_places.production, release.production())];
    for (planned, now) in pairs {
        if now.as_ref() != Some(planned) {
            let now = now.map_or_else(|| "nowhere".to_owned(), shown);
            found.blocking(
                "moved",
                shown(planned),
                format!("the plan goes here, but the vars files lead to {now} now"),
                "make a new plan, or restore the vars files",
            );
        }
    }
}

fn there(cx: &VetContext<'_>, release: &Release, places: &Places, found: &mut Found<'_>) {
    let staging = &places.staging;
    let makes_it = matches!(cx.step.role, Role::Sync | Role::SyncAll | Role::Compose);
    match std::fs::read_dir(staging) {
        Ok(entries) => {
            let folders = entries.flatten().filter(|entry| entry.path().is_dir()).count();
            if folders == 0 && !makes_it {
                found.blocking(
                    "empty-staging",
                    shown(staging),
                    "staging of the release is empty; a deleting push would empty production",
                    "sync the composes first",
                );
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && makes_it => found.warning(
            "new-staging",
            shown(staging),
            format!("staging has no {} yet; the sync makes it", release.revision()),
            "see that it is meant to be new, and not a slip in the vars files",
        ),
        Err(error) => found.blocking(
            "no-staging",
            shown(staging),
            format!("staging of the release could not be read: {}", error.kind()),
            "sync the composes first",
        ),
    }
    let parent = places.production.parent().unwrap_or(Path::new("/"));
    if cx.step.role == Role::Publish && !parent.is_dir() {
        found.blocking(
            "no-production",
            shown(parent),
            "the folder that the release goes to is not there",
            "see that production is mounted, and correct the vars files",
        );
    } else if cx.step.role == Role::Publish && !places.production.is_dir() {
        found.warning(
            "new-production",
            shown(&places.production),
            "production does not have this release yet; the push makes it",
            "see that it is meant to be new",
        );
    }
}

/// The scripts take release 8 in silence where `RLVER` is not set (reality.md 3.1).
fn environment(cx: &VetContext<'_>, release: &Release, found: &mut Found<'_>) {
    match cx.environment.get("RLVER").or_else(|| cx.step.env.get("RLVER")) {
        Some(set) if set != release.id.as_str() => found.blocking(
            "other-rlver",
            cx.step.id.as_str(),
            format!("RLVER is `{set}`; the scripts would work on another release"),
            "correct env of the step in the catalog",
        ),
        Some(_) => {}
        None => {
            let Some(script) = script_of(cx.step) else { return };
            let texts = texts(&script, release.id.as_str());
            let own = format!("RLVER={}", release.id);
            let set = texts.iter().any(|(path, text)| *path == script && text.contains(&own));
            if !set && texts.iter().any(|(_, text)| text.contains("RLVER")) {
                found.blocking(
                    "no-rlver",
                    shown(&script),
                    "asks for RLVER, which is not set; the scripts then take a release of their own choice",
                    "set RLVER in env of the step in the catalog",
                );
            }
        }
    }
    if cx.environment.get("RLREL").is_some_and(|set| !matches!(set.as_str(), "stable" | "beta" | "lh")) {
        found.blocking(
            "rlrel",
            cx.step.id.as_str(),
            "RLREL is none of stable, beta, lh; the scripts would make the revision empty",
            "correct env of the step in the catalog",
        );
    }
}

/// Finds `${REV:0:3}` in what the step runs, where it makes of the revision something else.
fn cuts(cx: &VetContext<'_>, release: &Release, vars: &ToolkitVars, found: &mut Found<'_>) {
    let Some(script) = script_of(cx.step) else { return };
    for (path, text) in texts(&script, release.id.as_str()) {
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#')) {
            for cut in wrong_cuts(line, release.id.as_str(), vars) {
                let place = format!("{}:{}", shown(&path), at + 1);
                let message = format!("{} is `{}` where {} is meant", cut.text, cut.result, vars.revision);
                let advice = "correct the script: `${REV/-*/}` drops the suffix whatever its length";
                if cx.step.role == Role::Publish {
                    found.blocking("cut", place, message, advice);
                } else {
                    found.warning("cut", place, message, advice);
                }
            }
        }
    }
}

struct Cut {
    text: String,
    result: String,
}

/// Returns the cuts of the revision on one line whose result is neither the revision nor the major version.
fn wrong_cuts(line: &str, major: &str, vars: &ToolkitVars) -> Vec<Cut> {
    let whole = format!("{}{}", vars.revision, vars.append);
    let mut cuts = Vec::new();
    for (name, value) in [("REV", whole.as_str()), ("REVISION", vars.revision.as_str())] {
        let open = format!("${{{name}:0:");
        for (at, _) in line.match_indices(&open) {
            let Some((digits, _)) = line.get(at + open.len()..).and_then(|rest| rest.split_once('}')) else {
                continue;
            };
            let Ok(length) = digits.trim().parse::<usize>() else { continue };
            let result: String = value.chars().take(length).collect();
            if result != value && result != vars.revision && result != major {
                cuts.push(Cut { text: format!("{open}{digits}}}"), result });
            }
        }
    }
    cuts
}
