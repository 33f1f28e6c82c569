//! The peers: `createrepo_c`'s Python bindings and dnf's `repodiff` and `repoclosure`, where they are installed.

use super::turns::{Took, timed};
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Returns whether the Python bindings of `createrepo_c` are installed, and says so if not.
pub(crate) fn has_bindings() -> bool {
    let mut python = Command::new("/usr/bin/python3");
    let there = runs(python.args(["-c", "import createrepo_c"]));
    if !there {
        println!("createrepo_c's Python bindings are not installed (python3-createrepo-c): no rows of them");
    }
    there
}

/// Reads primary.xml of repos with the bindings, one after the other.
pub(crate) fn bindings(repos: &[PathBuf]) -> anyhow::Result<Took> {
    const SCRIPT: &str = "import sys, time, createrepo_c as cr\n\
        begun, before = time.monotonic(), time.process_time()\n\
        count = [0]\n\
        def each(package): count[0] += 1\n\
        for file in sys.argv[1:]: cr.xml_parse_primary(file, lambda *_: cr.Package(), each, None, False)\n\
        print(time.monotonic() - begun, time.process_time() - before)";
    let files = repos.iter().map(|repo| repo.join("repodata/primary.xml.gz"));
    let said = Command::new("/usr/bin/python3").args(["-c", SCRIPT]).args(files).output()?;
    let text = String::from_utf8_lossy(&said.stdout);
    let mut numbers = text.split_whitespace().map(|number| number.parse().map(Duration::from_secs_f64));
    let mut next = || anyhow::Ok(numbers.next().context("the bindings say nothing")??);
    Ok(Took { wall: next()?, cpu: next()? })
}

/// Returns whether dnf has a command, and says so if not.
pub(crate) fn has_dnf(command: &str) -> bool {
    let there = runs(Command::new("dnf").args(["--releasever=8", command, "--help"]));
    if !there {
        println!("dnf {command} is not installed (dnf-plugins-core): no row of it");
    }
    there
}

fn runs(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Runs a command of dnf on those repos; its caches are kept in `scratch`, and nothing of the machine's is read.
pub(crate) fn dnf(scratch: &Path, repos: &[(&str, PathBuf)], words: &[&str]) -> anyhow::Result<Took> {
    let config = scratch.join("dnf.conf");
    std::fs::write(&config, "[main]\n")?;
    let mut command = Command::new("dnf");
    command.args(["--quiet", "--assumeno", "--releasever=8", "--forcearch=x86_64"]);
    command.arg(format!("--config={}", config.display()));
    command.arg(format!("--installroot={}", scratch.join("root").display()));
    for (option, folder) in [("cachedir", "cache"), ("persistdir", "persist"), ("logdir", "log")] {
        std::fs::create_dir_all(scratch.join(folder))?;
        command.arg(format!("--setopt={option}={}", scratch.join(folder).display()));
    }
    for option in ["reposdir=/dev/null", "varsdir=/dev/null", "module_platform_id=platform:el8"] {
        command.arg(format!("--setopt={option}"));
    }
    for (name, folder) in repos {
        command.arg(format!("--repofrompath={name},file://{}", folder.display()));
        command.arg(format!("--repo={name}"));
    }
    command.args(words);
    timed(|| {
        let said = command.output()?;
        let text = String::from_utf8_lossy(&said.stderr);
        anyhow::ensure!(said.status.success(), "dnf {words:?}: {text}");
        Ok(())
    })
}
