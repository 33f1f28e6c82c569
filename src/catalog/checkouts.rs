//! The git checkouts whose revisions belong to the record of a run.
//!
//! git itself is asked, read-only and with a time limit; a checkout that cannot be read is said and stops
//! nothing.

use super::bounded::{self, BoundedError, Output};
use crate::domain::catalog::Checkout;
use crate::domain::status::CheckoutStatus;
use std::process::Command;
use std::time::Duration;

/// Asks git for the revision of `checkout` and whether files in it are changed or new; each of the two questions
/// may take `limit`.
pub fn read(checkout: &Checkout, limit: Duration) -> CheckoutStatus {
    read_with("git", checkout, limit)
}

/// Returns the status of a checkout that nobody could look at, and why.
pub fn unread(checkout: &Checkout, problem: String) -> CheckoutStatus {
    CheckoutStatus { name: checkout.name.clone(), revision: None, dirty: None, problem: Some(problem) }
}

fn read_with(git: &str, checkout: &Checkout, limit: Duration) -> CheckoutStatus {
    let status =
        |revision, dirty, problem| CheckoutStatus { name: checkout.name.clone(), revision, dirty, problem };
    if !checkout.path.is_dir() {
        return status(None, None, Some(format!("{} is not there", checkout.path.display())));
    }
    let revision = match ask(git, checkout, &["rev-parse", "--short=12", "HEAD"], limit) {
        Ok(answer) => answer.trim().to_owned(),
        Err(problem) => return status(None, None, Some(problem)),
    };
    match ask(git, checkout, &["status", "--porcelain", "--untracked-files=normal"], limit) {
        Ok(answer) => status(Some(revision), Some(!answer.trim().is_empty()), None),
        Err(problem) => status(Some(revision), None, Some(problem)),
    }
}

fn ask(git: &str, checkout: &Checkout, arguments: &[&str], limit: Duration) -> Result<String, String> {
    let mut command = Command::new(git);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    const LONG: Duration = Duration::from_mins(1);

    fn git(folder: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(folder)
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(arguments);
        let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn checkout(path: &Path) -> Checkout {
        Checkout { name: "toolkit".to_owned(), path: path.to_path_buf() }
    }

    #[test]
    fn tells_the_revision_and_what_is_changed_or_new() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        git(path, &["init", "--quiet"]);
        fs::write(path.join("common"), "REVISION=8.10\n").unwrap();
        git(path, &["add", "common"]);
        git(path, &["commit", "--quiet", "--message", "one"]);
        let clean = read(&checkout(path), LONG);
        assert_eq!(clean.revision.as_deref(), Some(git(path, &["rev-parse", "--short=12", "HEAD"]).as_str()));
        assert_eq!((clean.dirty, clean.problem), (Some(false), None));
        fs::write(path.join("common_9"), "REVISION=9.6\n").unwrap();
        assert_eq!(read(&checkout(path), LONG).dirty, Some(true));
        fs::remove_file(path.join("common_9")).unwrap();
        fs::write(path.join("common"), "REVISION=8.11\n").unwrap();
        assert_eq!(read(&checkout(path), LONG).dirty, Some(true));
    }

    #[test]
    fn says_what_is_no_checkout() {
        let folder = tempfile::tempdir().unwrap();
        let status = read(&checkout(folder.path()), LONG);
        assert_eq!((status.revision, status.dirty), (None, None));
        assert!(status.problem.unwrap().ends_with("is not a git checkout"));
        let status = read(&checkout(&folder.path().join("gone")), LONG);
        assert!(status.problem.unwrap().ends_with("is not there"));
    }

    #[test]
    fn says_when_git_is_not_there_or_does_not_answer() {
        let folder = tempfile::tempdir().unwrap();
        let status = read_with("/nonexistent/git", &checkout(folder.path()), LONG);
        assert_eq!(status.problem.as_deref(), Some("git is not installed"));
        let hanging = folder.path().join("git");
        fs::write(&hanging, "#!/bin/sh\nsleep 600 & wait\n").unwrap();
        fs::set_permissions(&hanging, fs::Permissions::from_mode(0o755)).unwrap();
        let status =
            read_with(&hanging.display().to_string(), &checkout(folder.path()), Duration::from_millis(300));
        assert!(status.problem.unwrap().contains("did not answer"), "a hanging git is given up");
    }
}
