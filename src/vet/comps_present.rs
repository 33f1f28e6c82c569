//! After prep and at the gate: no repo lost its groups.
//!
//! `createrepo` keeps groups only where it is told the file, and a comps file that is missing is a line in the log of a prep
//! that exits 0 (reality.md 3.2: 12 os repos not updated). Then installers offer nothing and `dnf group` finds nothing. What
//! production lacks in the same way is inherited. It reads the comps files of both. It cannot see whether a group names the
//! right packages.

use super::VetContext;
use super::found::Found;
use super::places::shown;
use super::repos::{Pair, Wanted, each, repos, unreadable};
use crate::compose::tree::Depth;
use crate::domain::finding::{Finding, Severity};
use crate::domain::flow::CheckName;
use crate::domain::release::Release;
use crate::repodata::comps::Comps;
use crate::repodata::{Repo, RepodataError, Verify, Watch};
use std::collections::BTreeSet;
use std::path::Path;

const CHECK: CheckName = CheckName::CompsPresent;
const ADVICE: &str = "see that its comps file is there and whole, then run prep again";

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(repos) = repos(cx, "groups", Depth::Names, Wanted::Staged, found) else { return };
    let looked = each(cx.pulse, "groups", repos.pairs, found, |pair| one(cx, &pair));
    for finding in looked.into_iter().flatten().flatten() {
        found.add(finding);
    }
}

fn one(cx: &VetContext<'_>, pair: &Pair) -> Vec<Finding> {
    let staged = match &pair.staged {
        None => return Vec::new(),
        Some(Err(error)) => return vec![unreadable(CHECK, &pair.path, error)],
        Some(Ok(staged)) => staged,
    };
    let before = pair.published().map(|repo| read(repo, cx.pulse));
    let before = before.as_ref();
    let groups = match read(staged, cx.pulse) {
        Ok(groups) => groups,
        Err(error) => {
            let mut finding = unreadable(CHECK, &pair.path, &error);
            finding.inherited = before.is_some_and(|before| before.as_ref().is_err_and(|old| *old == error));
            return vec![finding];
        }
    };
    let path = pair.file("repodata/repomd.xml");
    let blocking = |kind: &str, message: String| {
        Finding::new(CHECK, Severity::Blocking, kind, path.clone(), shown(message), ADVICE)
    };
    let old = before.and_then(|before| before.as_ref().ok()?.as_ref());
    let had_groups = old.is_some_and(|old| !old.groups.is_empty());
    let Some(new) = groups else {
        if had_groups {
            return vec![blocking("lost", "lost its groups, which production has".to_owned())];
        }
        if cx.release.is_some_and(|release| is_wanted(release, &pair.path)) {
            let mut finding = blocking("missing", "has no groups, and prep has a file with them".to_owned());
            finding.inherited = before.is_some();
            return vec![finding];
        }
        return Vec::new();
    };
    // pungi writes a comps file for every variant; one that never had groups may be without any.
    let wanted = cx.release.is_some_and(|release| is_wanted(release, &pair.path));
    // Of a folder that nobody says anything of, nobody knows.
    let unknown = old.is_none() && cx.release.is_some_and(|release| release.needs.is_empty());
    if new.groups.is_empty() && (had_groups || wanted || unknown) {
        let mut finding = blocking("empty", "has a comps file without any group".to_owned());
        finding.inherited = old.is_some() && !had_groups;
        if !had_groups && !wanted {
            finding.severity = Severity::Warning;
        }
        return vec![finding];
    }
    let Some(old) = old else { return Vec::new() };
    lost(old, &new)
        .into_iter()
        .map(|(what, id)| {
            blocking(&format!("lost-{what} {id}"), format!("lost the {what} `{id}`, which production has"))
        })
        .collect()
}

/// Returns what the old groups have and the new ones have not, and what it is.
fn lost<'a>(old: &'a Comps, new: &Comps) -> Vec<(&'static str, &'a str)> {
    fn ids(comps: &Comps) -> [(&'static str, BTreeSet<&str>); 3] {
        [
            ("group", comps.groups.iter().map(|one| one.id.as_str()).collect()),
            ("environment", comps.environments.iter().map(|one| one.id.as_str()).collect()),
            ("category", comps.categories.iter().map(|one| one.id.as_str()).collect()),
        ]
    }
    let mut lost = Vec::new();
    for ((what, had), (_, has)) in ids(old).into_iter().zip(ids(new)) {
        lost.extend(had.into_iter().filter(|id| !has.contains(id)).map(|id| (what, id)));
    }
    lost
}

fn read(repo: &Repo, watch: &dyn Watch) -> Result<Option<Comps>, RepodataError> {
    repo.comps(Verify::Sizes, watch).map(|read| read.map(|read| read.value))
}

/// Returns whether prep is given a comps file for the repo: pungi names it `comps-BaseOS.x86_64.xml`.
fn is_wanted(release: &Release, repo: &Path) -> bool {
    let parts: Vec<&str> = repo.iter().filter_map(|part| part.to_str()).collect();
    let [variant, arch, "os"] = parts.as_slice() else { return false };
    let name = format!("comps-{variant}.{arch}.xml");
    release.needs.iter().any(|need| need.path.file_name().is_some_and(|file| *file == *name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::release::Need;
    use crate::vet::fixture::Fixture;
    use crate::vet::fixture::text::RepoText;

    const REPO: &str = "BaseOS/x86_64/os";

    fn comps(ids: &[&str]) -> RepoText {
        let group = |id: &&str| format!("<group><id>{id}</id><name>{id}</name></group>");
        let groups: String = ids.iter().map(group).collect();
        RepoText::new()
            .data("group", format!("<comps>{groups}<environment><id>minimal</id></environment></comps>"))
    }

    fn lines(fixture: &Fixture) -> Vec<String> {
        let findings = fixture.run(CHECK, "8/gate");
        assert!(findings.iter().all(Finding::blocks), "{findings:?}");
        let inherited = |one: &Finding| if one.inherited { " (inherited)" } else { "" };
        findings.iter().map(|one| format!("{} {}{}", one.path, one.message, inherited(one))).collect()
    }

    #[test]
    fn groups_that_production_has_must_stay() {
        let fixture = Fixture::new();
        assert!(lines(&fixture).is_empty(), "neither has any");
        comps(&["core", "base"]).write(&fixture.production(REPO));
        let head = format!("{REPO}/repodata/repomd.xml");
        assert_eq!(lines(&fixture), [format!("{head} lost its groups, which production has")]);
        comps(&["core", "new"]).write(&fixture.staging(REPO));
        assert_eq!(lines(&fixture), [format!("{head} lost the group `base`, which production has")]);
        RepoText::new()
            .data("group", "<comps><group><id>core</id></group><group><id>base</id></group></comps>")
            .write(&fixture.staging(REPO));
        assert_eq!(lines(&fixture), [format!("{head} lost the environment `minimal`, which production has")]);
        comps(&["core", "base", "more"]).write(&fixture.staging(REPO));
        assert!(lines(&fixture).is_empty());
        comps(&[]).write(&fixture.staging(REPO));
        assert_eq!(lines(&fixture), [format!("{head} has a comps file without any group")]);
        comps(&[]).write(&fixture.production(REPO));
        assert!(lines(&fixture).is_empty(), "it never had groups");
        RepoText::new().write(&fixture.staging(REPO));
        assert!(lines(&fixture).is_empty(), "a file without groups is no loss");
    }

    #[test]
    fn a_repo_that_prep_has_groups_for_must_have_them_and_a_broken_file_is_named() {
        let mut fixture = Fixture::new();
        let path = fixture.path("work/x86_64/comps/comps-BaseOS.x86_64.xml");
        fixture.release_mut().needs = vec![Need { path, only_where: None }];
        RepoText::new().write(&fixture.staging(REPO));
        std::fs::remove_dir_all(fixture.production("")).unwrap();
        assert_eq!(
            lines(&fixture),
            [format!("{REPO}/repodata/repomd.xml has no groups, and prep has a file with them")]
        );
        RepoText::new().data("group", "<comps><group>").write(&fixture.staging(REPO));
        let found = lines(&fixture);
        assert!(found.len() == 1 && found[0].starts_with("BaseOS/x86_64/os/repodata/group "), "{found:?}");
    }
}
