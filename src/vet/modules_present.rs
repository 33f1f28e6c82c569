//! After prep and at the gate: no repo lost its module data.
//!
//! `createrepo --update` drops the `modules` record, and the prep that should add it again exits 0 when
//! it cannot (reality.md 3.2): then modular packages hide or break upgrades for everybody.

use super::VetContext;
use super::found::Found;
use super::places::{Places, places, shown};
use super::trees::{or_found, repositories, walk};
use crate::compose::tree::{Depth, Root};
use crate::domain::finding::{Finding, Severity};
use crate::domain::flow::CheckName;
use crate::domain::release::Release;
use quick_xml::events::{BytesStart, Event};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(release) = cx.release else { return };
    let Some(places) = places(cx, release) else { return };
    let walked = walk(cx, "module data in staging", &[Root::whole(&places.staging)], Depth::Names).pop();
    let Some(tree) = walked.and_then(|walked| or_found(walked, &places.staging, found)) else { return };
    let wanted = wanted(release);
    let repos: BTreeSet<PathBuf> = repositories(&tree).into_iter().collect();
    cx.pulse.begin("module data in staging", Some(repos.len() as u64));
    for repo in &repos {
        if cx.pulse.is_cancelled() {
            return super::trees::cancelled(found);
        }
        cx.pulse.count(1);
        one(&places, repo, wanted.contains(repo), found);
    }
    for repo in wanted.iter().filter(|repo| !repos.contains(*repo)) {
        // A variant that is in neither position is not part of the release.
        if places.production.join(repo).join("repodata").exists() {
            let message = "should hold module data and has no metadata at all in staging";
            found.blocking("no-repo", shown(repo), message, "run prep again");
        }
    }
}

/// Returns the repos that the vars files say have modules: `AppStream/x86_64/os`.
fn wanted(release: &Release) -> BTreeSet<PathBuf> {
    let Ok(vars) = &release.vars else { return BTreeSet::new() };
    let pairs =
        vars.module_variants.iter().flat_map(|variant| vars.arches.iter().map(move |arch| (variant, arch)));
    pairs.map(|(variant, arch)| Path::new(variant).join(arch).join("os")).collect()
}

fn one(places: &Places, repo: &Path, wanted: bool, found: &mut Found<'_>) {
    let path = shown(repo.join("repodata/repomd.xml"));
    let check = CheckName::ModulesPresent;
    let advice = "see that its modules.yaml is there, then run prep again";
    let staged = modules(&places.staging.join(repo));
    let published = modules(&places.production.join(repo));
    let (kind, message) = match (&staged, &published) {
        (Err(problem), _) => ("unreadable", format!("could not be read: {problem}")),
        (Ok(Some(file)), _) => {
            let file = Path::new(file);
            // A file outside the repo is not there for whoever downloads the repo.
            let inside = file.is_relative() && !file.components().any(|part| part.as_os_str() == "..");
            if inside && places.staging.join(repo).join(file).is_file() {
                return;
            }
            ("no-file", format!("names module data that is not there: {}", shown(file)))
        }
        (Ok(None), Ok(Some(_))) => ("lost", "lost its module data, which production has".to_owned()),
        (Ok(None), _) if wanted => ("missing", "has no module data".to_owned()),
        (Ok(None), _) => return,
    };
    let mut finding = Finding::new(check, Severity::Blocking, kind, path, message, advice);
    finding.inherited = kind == "missing" && published == Ok(None);
    found.add(finding);
}

/// Returns where the repo's module data is, relative to the repo, if its repomd.xml names any.
fn modules(repo: &Path) -> Result<Option<String>, String> {
    let bytes = std::fs::read(repo.join("repodata/repomd.xml")).map_err(|error| error.kind().to_string())?;
    let text = String::from_utf8_lossy(&bytes);
    let mut reader = quick_xml::Reader::from_str(&text);
    let mut inside = false;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) if tag.local_name().as_ref() == "data" => {
                inside = attribute(&tag, "type").as_deref() == Some("modules");
            }
            Event::Start(tag) | Event::Empty(tag) if inside && tag.local_name().as_ref() == "location" => {
                return Ok(Some(attribute(&tag, "href").unwrap_or_default()));
            }
            Event::Eof => return Ok(None),
            _ => {}
        }
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attributes = tag.attributes().flatten();
    let mut mine = attributes.filter(|attribute| attribute.key.local_name().as_ref() == name);
    mine.next().map(|attribute| attribute.value.into_owned())
}
