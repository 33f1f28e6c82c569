//! Writes the comps folder and makes git checkouts of the practice host's script folders, where git is installed.
//!
//! The console shows the revision and the dirt of real checkouts, so practice ones must be real too. Nobody's
//! git configuration, hooks or identity takes part; without git the folders stay plain.

use crate::sandbox::comps;
use crate::sandbox::content::{ARCHES, Content};
use crate::sandbox::koji::Koji;
use crate::sandbox::layout::HostPaths;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes the group definitions of each release, `comps/comps-BaseOS.x86_64-8.xml`, from what was built for it.
pub(super) fn write_comps(paths: &HostPaths, content: &Content, koji: &Koji) -> io::Result<()> {
    let folder = paths.root().join("comps");
    fs::create_dir_all(&folder)?;
    for major in content.releases.keys() {
        let base = content.repos.iter().find(|repo| repo.name == "Rocky");
        for variant in base.map_or(&[][..], |repo| repo.variants(major)) {
            let builds = koji.latest(major, std::slice::from_ref(variant), u32::MAX);
            for arch in ARCHES {
                let file = folder.join(format!("comps-{variant}.{arch}-{major}.xml"));
                fs::write(file, comps::comps_xml(variant, arch, &builds))?;
            }
        }
    }
    Ok(())
}

/// Turns `folder` into a checkout with one commit made at `now`; where git cannot, it stays a plain folder.
pub(super) fn commit(folder: &Path, now: jiff::Timestamp) {
    let steps: [&[&str]; 3] = [
        &["init", "--quiet", "--template=", "--initial-branch=main"],
        &["add", "--all"],
        &["commit", "--quiet", "--no-verify", "--message=Practice copy"],
    ];
    let done = steps.iter().all(|args| git(folder, args, now).status().is_ok_and(|status| status.success()));
    if !done {
        // Half a checkout would only confuse.
        drop(fs::remove_dir_all(folder.join(".git")));
    }
}

fn git(folder: &Path, args: &[&str], now: jiff::Timestamp) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder);
    git.args(["-c", "user.name=Practice", "-c", "user.email=practice@localhost"]);
    git.args(["-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", "-c", "core.excludesFile="]);
    git.args(args);
    git.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("HOME", folder);
    let date = format!("{} +0000", now.as_second());
    git.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date);
    git.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    git
}
