//! Before a step: the signing script works, and without asking anybody.
//!
//! Where it is missing the toolkit signs nothing and exits 0; where its key has a passphrase, it hangs in the first repo
//! (reality.md 3.2). Whether its key is usable only the script itself can tell, so it signs a file of no consequence in a
//! folder of its own, without a terminal and with a time limit. It cannot see whether the key is the one that the catalog's
//! `keys` name: metadata-signed does, afterwards.

use super::VetContext;
use super::found::Found;
use super::places::shown;
use super::program::{Asked, ask, is_executable};
use std::path::Path;
use std::time::Duration;

/// How long the signing script may take for one small file.
const DEADLINE: Duration = Duration::from_secs(20);
/// What is signed: the smallest repomd.xml.
const SAMPLE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>0</revision></repomd>\n";

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(signer) = cx.release.and_then(|release| release.toolkit.signer.as_deref()) else { return };
    if !signer.is_file() {
        found.blocking(
            "missing",
            shown(signer),
            "the signing script is not there; the toolkit would sign nothing and exit 0",
            "restore it, or correct the signer in the catalog",
        );
    } else if !is_executable(signer) {
        found.blocking(
            "not-executable",
            shown(signer),
            "the signing script is not executable; the toolkit would sign nothing and exit 0",
            "set its mode to 755",
        );
    } else {
        cx.pulse.begin("a trial signature", None);
        if let Err(problem) = trial(cx, signer) {
            found.blocking(
                "cannot-sign",
                shown(signer),
                problem,
                "unlock the key in gpg's agent (sign a file by hand), then check again",
            );
        }
    }
}

fn trial(cx: &VetContext<'_>, signer: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no folder for a trial: {}", error.kind()))?;
    let repodata = folder.path().join("repodata");
    let sample = repodata.join("repomd.xml");
    std::fs::create_dir(&repodata)
        .and_then(|()| std::fs::write(&sample, SAMPLE))
        .map_err(|error| format!("no file for a trial: {}", error.kind()))?;
    match ask(signer, &[sample.as_os_str()], folder.path(), cx.environment, DEADLINE, cx.pulse) {
        Asked::Ended { success, said } => {
            let signature = std::fs::metadata(repodata.join("repomd.xml.asc"));
            if signature.is_ok_and(|meta| meta.len() > 0) {
                return Ok(());
            }
            let end = if success { "it exits 0 and" } else { "it fails and" };
            Err(format!("{end} makes no signature{}", quoted(&said)))
        }
        Asked::TookTooLong => {
            Err(format!("it did not sign within {} s; it seems to wait for an answer", DEADLINE.as_secs()))
        }
        Asked::NotStarted(problem) => Err(format!("it could not be started: {problem}")),
        Asked::Cancelled => Err("the trial was cancelled".to_owned()),
    }
}

/// Returns `: words`, or nothing where nothing was said.
pub(super) fn quoted(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}
