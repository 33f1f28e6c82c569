//! The scripts of the practice host: the toolkit's sync scripts, the pungi scripts, and what they share.
//!
//! Their names, arguments and variables are those of the SOP; their text is our own, in `scripts/`, and needs
//! bash and coreutils alone. What differs from release to release is filled in from the practice table, so
//! that no release is spelt out here.

use super::content::{Content, ContentError, Release, Repo};
use super::layout::HostPaths;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const PRACTICE: &str = include_str!("scripts/lib/practice.sh");
const SIGN_REPO: &str = include_str!("scripts/bin/sign-repo.sh");
const ANSIBLE: &str = include_str!("scripts/bin/ansible-playbook");
const COMMON_N: &str = include_str!("scripts/toolkit/common_N");
const PREP_N: &str = include_str!("scripts/toolkit/prep-staging-N.sh");
const COMPOSE: &str = include_str!("scripts/pungi/compose.sh");
const COMPOSE_ONE: &str = include_str!("scripts/pungi/one.sh");

/// The scripts of the toolkit that are the same for all releases.
const TOOLKIT: &[(&str, &str)] = &[
    ("common", include_str!("scripts/toolkit/common")),
    ("staging-lib", include_str!("scripts/toolkit/staging-lib")),
    ("sync-to-staging.sh", include_str!("scripts/toolkit/sync-to-staging.sh")),
    ("sync-to-staging-sig.sh", include_str!("scripts/toolkit/sync-to-staging-sig.sh")),
    ("sign-repos-only.sh", include_str!("scripts/toolkit/sign-repos-only.sh")),
    ("sync-to-prod.sh", include_str!("scripts/toolkit/sync-to-prod.sh")),
    ("minor-release-sync-to-staging.sh", include_str!("scripts/toolkit/minor-release-sync-to-staging.sh")),
    ("gen-torrents.sh", include_str!("scripts/toolkit/gen-torrents.sh")),
];

/// Why the scripts could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// A file or folder refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The practice table is defective.
    #[error(transparent)]
    Content(#[from] ContentError),
}

/// Writes all scripts of `host`.
pub fn write(host: &HostPaths, content: &Content) -> Result<(), ScriptError> {
    put(&host.root().join("lib/practice.sh"), PRACTICE)?;
    put(&host.bin().join("sign-repo.sh"), SIGN_REPO)?;
    put(&host.bin().join("ansible-playbook"), ANSIBLE)?;
    let sync = host.toolkit().join("sync");
    for (name, text) in TOOLKIT {
        put(&sync.join(name), text)?;
    }
    put(&host.pungi().join("scripts/compose.sh"), COMPOSE)?;
    for (major, release) in &content.releases {
        put(&sync.join(format!("common_{major}")), &common(content, major, release)?)?;
        put(&sync.join(format!("prep-staging-{major}.sh")), &PREP_N.replace("@MAJOR@", major))?;
        for repo in content.repos.iter().filter(|repo| !repo.variants(major).is_empty()) {
            write_compose(host, major, release, repo)?;
        }
    }
    Ok(())
}

/// Returns the folders that a release's scripts know repos by: without groups, and with them.
fn variants<'a>(content: &'a Content, major: &str) -> (Vec<&'a str>, Vec<&'a str>) {
    let own = content.repos.iter().filter(|repo| repo.sig.is_none());
    let all = own.flat_map(|repo| repo.variants(major).iter().map(move |variant| (repo, variant.as_str())));
    let (with, without): (Vec<_>, Vec<_>) = all.partition(|(repo, _)| has_groups(repo));
    let names = |pairs: Vec<(&Repo, &'a str)>| pairs.into_iter().map(|(_, variant)| variant).collect();
    (names(without), names(with))
}

/// Only the base repo has groups, as in the real `common_8`.
fn has_groups(repo: &Repo) -> bool {
    repo.name == "Rocky"
}

fn common(content: &Content, major: &str, release: &Release) -> Result<String, ContentError> {
    let (without, with) = variants(content, major);
    let modular = content.modular_variants(major)?;
    let own = content.repos.iter().filter(|repo| repo.sig.is_none()).map(|repo| repo.name.as_str());
    let mut sigs = String::new();
    // advanced-virt is composed and, as in the SOP, not synced: it has no place in staging.
    for repo in content.repos.iter().filter(|repo| repo.history(major).is_some_and(|h| h.staging.is_some())) {
        if let Some(sig) = &repo.sig {
            let _ = writeln!(sigs, "  [{}]={sig}", repo.name);
        }
    }
    let append = release.staging.strip_prefix(&release.revision).unwrap_or_default();
    Ok(COMMON_N
        .replace("@MAJOR@", major)
        .replace("@REVISION@", &release.revision)
        .replace("@APPEND@", append)
        .replace("@NONMODS@\n", &lines(without))
        .replace("@MODS_REPOS@\n", &lines(with))
        .replace("@MODS@\n", &lines(modular.iter().map(String::as_str)))
        .replace("@NONSIG@\n", &lines(own))
        .replace("@SIG@\n", &sigs))
}

fn lines<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().fold(String::new(), |mut text, name| {
        let _ = writeln!(text, "  {name}");
        text
    })
}

/// Returns what a repo is called in the names of its script and configuration: `devel` of `Rocky-devel`, nothing
/// of `Rocky`.
fn suffix(repo: &str) -> String {
    let lower = repo.to_lowercase();
    match lower.strip_prefix("rocky") {
        Some("") => String::new(),
        Some(rest) => rest.to_owned(),
        None => format!("-{lower}"),
    }
}

fn write_compose(host: &HostPaths, major: &str, release: &Release, repo: &Repo) -> io::Result<()> {
    let suffix = suffix(&repo.name);
    let updates = Compose { script: format!("updates-{major}{suffix}.sh"), version: major, kind: "updates" };
    updates.write(host, major, repo, &format!("r{major}-updates{suffix}.conf"))?;
    if has_groups(repo) {
        let full = Compose { script: format!("produce-{major}.sh"), version: &release.revision, kind: "ga" };
        full.write(host, major, repo, &format!("r{major}.conf"))?;
    }
    Ok(())
}

struct Compose<'a> {
    script: String,
    version: &'a str,
    kind: &'a str,
}

impl Compose<'_> {
    fn write(&self, host: &HostPaths, major: &str, repo: &Repo, config: &str) -> io::Result<()> {
        let what = match self.kind {
            "ga" => format!("Composes all of {} {}, images included.", repo.title, self.version),
            _ => format!("Composes the updates of {} {}.", repo.title, self.version),
        };
        let text = COMPOSE_ONE
            .replace("@WHAT@", &what)
            .replace("@FILE@", &self.script)
            .replace("@MAJOR@", major)
            .replace("@SHORT@", &repo.name)
            .replace("@CONFIG@", config);
        put(&host.pungi().join("scripts").join(&self.script), &text)?;
        let (title, short, version, kind) = (&repo.title, &repo.name, self.version, self.kind);
        let text = format!(
            "# {what}\nrelease_name = \"{title}\"\nrelease_short = \"{short}\"\n\
             release_version = \"{version}\"\nrelease_type = \"{kind}\"\n"
        );
        put(&host.pungi().join(config), &text)
    }
}

/// Writes `text` to `path`, executable if it begins as a script does.
fn put(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)?;
    let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
    fs::set_permissions(path, Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_named_as_in_the_sop() {
        let names = ["Rocky", "Rocky-devel", "Extras", "gluster9"].map(suffix);
        assert_eq!(names, ["", "-devel", "-extras", "-gluster9"]);
    }

    #[test]
    fn the_vars_of_release_8_say_what_the_real_ones_say() {
        let content = Content::embedded().unwrap();
        let text = common(&content, "8", &content.releases["8"]).unwrap();
        for wanted in [
            "\nREVISION=8.10\n",
            "\nAPPEND_TO_DIR=\"-RC1\"\n",
            "\n  PowerTools\n",
            "\n  [gluster9]=storage\n",
        ] {
            assert!(text.contains(wanted), "{wanted} in {text}");
        }
        assert!(!text.contains('@') || text.contains("[@]"), "{text}");
        assert!(!text.contains("advanced-virt"), "{text}");
    }
}
