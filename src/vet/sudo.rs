//! Before a step: `sudo -l` works without a question.
//!
//! The 2021 scripts call it before every copy, and copy nothing where it fails (reality.md 3.3). It cannot see whether
//! sudo's rules allow the very command that the script will run.

use super::VetContext;
use super::found::Found;
use super::program::{Asked, ask, find};
use super::signer::quoted;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(20);

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    if cx.step.host.is_some() {
        return;
    }
    let Some(sudo) = find("sudo", cx.environment) else {
        found.blocking(
            "missing",
            "sudo",
            "is not in PATH; the scripts copy nothing without it",
            "install it, or correct PATH in the catalog",
        );
        return;
    };
    let arguments = [OsStr::new("-n"), OsStr::new("-l")];
    let problem = match ask(&sudo, &arguments, Path::new("/"), cx.environment, DEADLINE, cx.pulse) {
        Asked::Ended { success: true, .. } => return,
        Asked::Ended { said, .. } => format!("`sudo -n -l` fails{}", quoted(&said)),
        Asked::TookTooLong => format!("`sudo -n -l` did not answer within {} s", DEADLINE.as_secs()),
        Asked::NotStarted(problem) => format!("`sudo -n -l` could not be started: {problem}"),
        Asked::Cancelled => "the check was cancelled".to_owned(),
    };
    found.blocking(
        "refused",
        "sudo",
        format!("{problem}; the scripts copy nothing without it"),
        "run `sudo -v` or correct sudoers, then check again",
    );
}
