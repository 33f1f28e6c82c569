//! The git checkouts whose revisions belong to the record of a run.
//!
//! git itself is asked, read-only and with a time limit; a checkout that cannot be read is said and stops
//! nothing.

use super::bounded::{self, BoundedError, Output};
use crate::domain::catalog::Checkout;
use crate::domain::status::CheckoutStatus;
use std::process::Command;
use std::time::Duration;

/// Asks git for the revision of `checkout` and whether files in it are changed; each of the two questions may take `limit`.
pub fn read(checkout: &Checkout, limit: Duration) -> CheckoutStatus {
    let status =
        |revision, dirty, problem| CheckoutStatus { name: checkout.name.clone(), revision, dirty, problem };
    if !checkout.path.is_dir() {
        return status(None, None, Some(format!("{} is not there", checkout.path.display())));
    }
    let revision = match ask(checkout, &["rev-parse", "--short=12", "HEAD"], limit) {
        Ok(answer) => answer.trim().to_owned(),
        Err(problem) => return status(None, None, Some(problem)),
    };
    match ask(checkout, &["status", "--porcelain", "--untracked-files=no"], limit) {
        Ok(answer) => status(Some(revision), Some(!answer.trim().is_empty()), None),
        Err(problem) => status(Some(revision), None, Some(problem)),
    }
}

fn ask(checkout: &Checkout, arguments: &[&str], limit: Duration) -> Result<String, String> {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(&checkout.path)
        .args(["-c", "core.fsmonitor=false"])
        .args(arguments)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE");
    let output = bounded::run(&mut command, limit).map_err(|error| match error {
        BoundedError::NotInstalled { .. } => "git is not installed".to_owned(),
        other => other.to_string(),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(refusal(checkout, &output))
}

fn refusal(checkout: &Checkout, output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("not a git repository") {
        return format!("{} is not a git checkout", checkout.path.display());
    }
    let first = said.lines().next().unwrap_or_default().trim_start_matches("fatal: ");
    let clean: String = first.chars().filter(|c| !c.is_control()).take(200).collect();
    if clean.is_empty() { format!("git failed ({})", output.status) } else { format!("git: {clean}") }
}
