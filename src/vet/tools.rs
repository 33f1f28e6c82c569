//! Before a step: every program that its scripts call is found and may be executed.
//!
//! The scripts go on without: no createrepo, no hardlink, no create-filelist, and exit 0 (reality.md 3). It looks along the
//! step's own PATH. It cannot see a program that nobody named, nor whether a version is the right one.

use super::VetContext;
use super::found::Found;
use super::program::find;
use crate::domain::flow::StepTemplate;
use crate::domain::name::TemplateName;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let mut names: Vec<&str> = Vec::new();
    if cx.step.host.is_some() {
        // What runs on another host has its tools there.
        names.push("ssh");
    } else {
        names.extend(cx.step.argv.first().map(String::as_str));
        if let Some(release) = cx.release {
            names.extend(release.toolkit.tools.iter().map(String::as_str));
        }
    }
    names.extend(
        template(cx).map(|template| template.tools.as_slice()).unwrap_or_default().iter().map(String::as_str),
    );
    names.sort_unstable();
    names.dedup();
    for name in names.into_iter().filter(|name| find(name, cx.environment).is_none()) {
        let place = if name.contains('/') { "is not there or not executable" } else { "is not in PATH" };
        found.blocking(
            "tool-missing",
            name,
            format!("{place}; the scripts go on without it and exit 0"),
            "install it, or correct PATH or the tools in the catalog",
        );
    }
}

/// Returns the template that the step was made from.
pub(super) fn template<'a>(cx: &VetContext<'a>) -> Option<&'a StepTemplate> {
    let name = cx.step.id.as_str().split('/').nth(1)?;
    cx.catalog.templates.get(&TemplateName::new(name).ok()?)
}
