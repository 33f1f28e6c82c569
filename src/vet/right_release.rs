//! Before the errata, before signing, and at the gate: every repo in staging is one of this release.
//!
//! `${REV:0:1}` wrote `cpe:/o:rocky:rocky:1` into the metadata of 10 until somebody looked, and what was built for another
//! release lands beside the right packages without any script noticing. So the CPE ids of every `repomd.xml` must name the
//! release, and the dist tags of its packages (`.el8`, `.el8_10`, `+el8.10.0`) its major version. A `repomd.xml` that is
//! none is told here first: an errata step that was killed leaves half a one, and only prep mends it. What production has in
//! the same way is inherited. Beside the release's folder, `latest-8` must lead to a revision of 8: the minor release's script
//! set it whatever release it ran for (incidents.md, R12). It cannot tell the release of a repo without CPE id, nor that of a package without dist tag.

use super::VetContext;
use super::found::Found;
use super::places::shown;
use super::repos::{Pair, Wanted, each, repos, unreadable};
use crate::compose::tree::Depth;
use crate::domain::finding::{Finding, Severity};
use crate::domain::flow::CheckName;
use crate::repodata::{Repo, RepodataError, Verify, Watch};
use std::collections::BTreeSet;
use std::path::Path;

const CHECK: CheckName = CheckName::RightRelease;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(repos) = repos(cx, "releases", Depth::Names, Wanted::Staged, found) else { return };
    let Some(major) = cx.release.map(|release| release.id.as_str()) else { return };
    links(repos.places.staging.parent(), found);
    let pairs: Vec<&Pair> = repos.pairs.iter().collect();
    let Some(looked) = each(cx.pulse, "releases", pairs, found, |pair| one(pair, major, cx.pulse)) else {
        return;
    };
    for finding in looked.into_iter().flatten() {
        found.add(finding);
    }
}

/// Looks at the `latest-8` links in the folder of all releases.
fn links(folder: Option<&Path>, found: &mut Found<'_>) {
    // What cannot be read there is no part of this release.
    for entry in folder.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten() {
        let (name, target) = (entry.file_name(), std::fs::read_link(entry.path()).ok());
        let major = name.to_str().and_then(|name| name.strip_prefix("latest-"));
        let revision = target.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
        let (Some(major), Some(revision)) = (major, revision) else { continue };
        let of = revision.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        if major.bytes().all(|byte| byte.is_ascii_digit()) && !of.is_empty() && of != major {
            let message = shown(format!("leads to {revision}, which is no revision of {major}"));
            found.warning("latest", shown(entry.path()), message, "set it anew: `ln -sfn`");
        }
    }
}

fn one(pair: &Pair, major: &str, watch: &dyn Watch) -> Vec<Finding> {
    let staged = match &pair.staged {
        None => return Vec::new(),
        Some(Err(error)) => return vec![unreadable(CHECK, &pair.path, error)],
        Some(Ok(staged)) => staged,
    };
    let path = pair.file("repodata/repomd.xml");
    let mut findings = Vec::new();
    for id in staged.repomd().cpe_ids().filter(|id| cpe_major(id).is_some_and(|other| other != major)) {
        let message = shown(format!("says that it belongs to `{id}`"));
        let advice = "see what gives `--distro` to createrepo_c, then run prep again";
        let mut finding =
            Finding::new(CHECK, Severity::Blocking, &format!("cpe {id}"), path.clone(), message, advice);
        finding.inherited =
            pair.published().is_some_and(|old| old.repomd().cpe_ids().any(|other| other == id));
        findings.push(finding);
    }
    let foreign = match others_of(staged, major, watch) {
        Ok(foreign) => foreign,
        Err(error) => {
            findings.push(unreadable(CHECK, &pair.path, &error));
            return findings;
        }
    };
    let Some(first) = foreign.first() else { return findings };
    let message = match foreign.len() {
        1 => format!("has a package that was built for another release: {first}"),
        many => format!("has {many} packages that were built for another release, the first is {first}"),
    };
    let advice = "see that they are meant to be here";
    let mut finding = Finding::new(CHECK, Severity::Warning, "dist-tag", path, shown(message), advice);
    // What production cannot say is not inherited from it.
    let before = pair.published().and_then(|old| others_of(old, major, watch).ok());
    finding.inherited = before.is_some_and(|before| foreign.is_subset(&before));
    findings.push(finding);
    findings
}

/// Returns the packages whose dist tag is another release's, as `bash-5.1-1.el9.x86_64`.
fn others_of(repo: &Repo, major: &str, watch: &dyn Watch) -> Result<BTreeSet<String>, RepodataError> {
    let packages = repo.packages(Verify::Sizes, watch)?.value;
    let other = |release: &str| dist_major(release).is_some_and(|tagged| tagged != major);
    let name = |one: crate::repodata::list::Listing<'_>| {
        format!("{}-{}-{}.{}", one.name(), one.version(), one.release(), one.arch())
    };
    Ok(packages.iter().filter(|one| other(one.release())).map(name).collect())
}

/// Returns the major version of `cpe:/o:rocky:rocky:8.10` and `cpe:2.3:o:rocky:rocky:8:…`.
fn cpe_major(id: &str) -> Option<&str> {
    let parts: Vec<&str> = id.split(':').collect();
    let version = match parts.as_slice() {
        ["cpe", part, _, _, version, ..] if part.starts_with('/') => version,
        ["cpe", "2.3", _, _, _, version, ..] => version,
        _ => return None,
    };
    version.split('.').next().filter(|major| !major.is_empty() && *major != "*" && *major != "-")
}

/// Returns the major version of the dist tag in a package's release: 8 of `1.el8_10` and `3.module+el8.4.0+123+ab`.
fn dist_major(release: &str) -> Option<&str> {
    let at = release.match_indices("el").find_map(|(at, tag)| {
        let starts = release.get(..at)?.ends_with(['.', '+']);
        let rest = release.get(at + tag.len()..)?;
        (starts && rest.starts_with(|c: char| c.is_ascii_digit())).then_some(rest)
    })?;
    let end = at.find(|c: char| !c.is_ascii_digit()).unwrap_or(at.len());
    at.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vet::fixture::Fixture;
    use crate::vet::fixture::text::RepoText;

    const REPO: &str = "BaseOS/x86_64/os";

    fn told(fixture: &Fixture) -> Vec<String> {
        let tell = |one: &Finding| {
            let inherited = if one.inherited { " (inherited)" } else { "" };
            format!("{:?} {} {}{inherited}", one.severity, one.path, one.message)
        };
        fixture.run(CHECK, "8/gate").iter().map(tell).collect()
    }

    fn with_cpe(folder: &std::path::Path, id: &str) {
        RepoText::new().write(folder);
        let path = folder.join("repodata/repomd.xml");
        let tags = format!("<tags><distro cpeid=\"{id}\">Rocky Linux</distro></tags></repomd>");
        let text = std::fs::read_to_string(&path).unwrap().replace("</repomd>", &tags);
        assert!(text.contains("cpeid"), "{text}");
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn the_cpe_id_names_the_release() {
        let fixture = Fixture::new();
        with_cpe(&fixture.staging(REPO), "cpe:/o:rocky:rocky:8");
        assert_eq!(told(&fixture), Vec::<String>::new());
        with_cpe(&fixture.staging(REPO), "cpe:/o:rocky:rocky:1");
        let said =
            "Blocking BaseOS/x86_64/os/repodata/repomd.xml says that it belongs to `cpe:/o:rocky:rocky:1`";
        assert_eq!(told(&fixture), [said]);
        with_cpe(&fixture.production(REPO), "cpe:/o:rocky:rocky:1");
        assert_eq!(told(&fixture), [format!("{said} (inherited)")]);
    }

    #[test]
    fn a_package_of_another_release_is_named() {
        let fixture = Fixture::new();
        let ours = RepoText::new()
            .package("bash-0:4.4-1.el8_10.x86_64", &[])
            .package("nodejs-1:18-1.module+el8.10.0+1+ab.x86_64", &[])
            .package("elfutils-0:1-1.x86_64", &[]);
        ours.write(&fixture.staging(REPO));
        assert_eq!(told(&fixture), Vec::<String>::new());
        ours.clone().package("zsh-0:5-1.el9.x86_64", &[]).write(&fixture.staging(REPO));
        let said = "Warning BaseOS/x86_64/os/repodata/repomd.xml has a package that was built for another release: \
                    zsh-5-1.el9.x86_64";
        assert_eq!(told(&fixture), [said]);
        ours.package("zsh-0:5-1.el9.x86_64", &[]).write(&fixture.production(REPO));
        assert_eq!(told(&fixture), [format!("{said} (inherited)")]);
    }

    #[test]
    fn half_a_repomd_sends_back_to_prep() {
        let fixture = Fixture::new();
        RepoText::new().write(&fixture.staging(REPO));
        std::fs::write(fixture.staging(REPO).join("repodata/repomd.xml"), "<repomd><revision>1").unwrap();
        let findings = fixture.run(CHECK, "8/gate");
        assert_eq!(findings.len(), 1, "{findings:?}");
        let finding = &findings[0];
        assert!(finding.blocks() && finding.advice.contains("prep does"), "{finding:?}");
    }

    #[test]
    fn versions_are_read_of_both_forms_of_a_cpe_id_and_of_dist_tags() {
        for (id, major) in [
            ("cpe:/o:rocky:rocky:10", Some("10")),
            ("cpe:/o:rocky:rocky:8.10:GA", Some("8")),
            ("cpe:2.3:o:rocky:rocky:9:*:*", Some("9")),
            ("cpe:/o:rocky:rocky", None),
            ("cpe:2.3:o:rocky:rocky:*:*", None),
            ("Rocky Linux 8", None),
        ] {
            assert_eq!(cpe_major(id), major, "{id}");
        }
        for (release, major) in [
            ("1.el8", Some("8")),
            ("1.el10_1.2", Some("10")),
            ("3.module+el8.4.0+123+ab", Some("8")),
            ("1.el8s", Some("8")),
            ("1.fc40", None),
            ("2.modelel9", None),
            ("1", None),
        ] {
            assert_eq!(dist_major(release), major, "{release}");
        }
    }

    #[test]
    fn a_latest_link_that_leads_to_another_release_is_told() {
        let fixture = Fixture::new();
        let set = |name: &str, target: &str| {
            std::os::unix::fs::symlink(target, fixture.path("staging/pub").join(name)).unwrap();
        };
        set("latest-8", "8.10-RC1");
        set("latest-10", "10.0");
        set("latest", "9.6");
        set("latest-old", "9.6");
        assert_eq!(told(&fixture), Vec::<String>::new());
        set("latest-9", "8.10-RC1");
        let line = "leads to 8.10-RC1, which is no revision of 9";
        assert!(matches!(&told(&fixture)[..], [one] if one.ends_with(line)), "{:?}", told(&fixture));
    }
}
