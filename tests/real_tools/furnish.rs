//! A practice host whose tools are the machine's own: rsync, GNU parallel, sudo, `createrepo_c`, `modifyrepo_c`, gpg.
//!
//! The scripts are the practice host's, and call what they always call; only what the names lead to is another.
//! prep ends with 0 whatever happens, as the real one does, so that nothing but the checks can say what went wrong.

use crate::support::{Host, wait_until, word};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The size of the file that a copy is caught in.
const IMAGE: usize = 8 << 20;
/// Where it is below a release or a compose.
pub(crate) const IMAGE_AT: &str = "Extras/x86_64/os/images/install.img";
/// What syncs it, and what follows up to the gate.
pub(crate) const SYNC: [&str; 7] = ["run", "--release", "8", "--compose", "none", "--sync", "Extras"];

/// Held by the test that runs: two runs that begin in the same second have the same id, whatever their host, and what is
/// looked for by that id must not be another test's.
static ALONE: Mutex<()> = Mutex::new(());

/// Waits until no other test of this process runs.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Builds a host and puts the real tools into it.
pub(crate) fn real_host() -> Host {
    let host = Host::new(&[]);
    for applet in
        ["rsync", "createrepo", "modifyrepo", "hardlink", "sandbox-job", "sandbox-sign", "sandbox-flood"]
    {
        fs::remove_file(host.at("bin").join(applet)).unwrap();
    }
    symlink(program("createrepo_c"), host.at("bin/createrepo")).unwrap();
    symlink(program("modifyrepo_c"), host.at("bin/modifyrepo")).unwrap();
    let said = Command::new(program("parallel")).arg("--version").output().unwrap();
    assert!(said.stdout.starts_with(b"GNU parallel"), "`parallel` is not GNU's: {said:?}");
    edit(&host.at("lib/practice.sh"), |text| text.to_owned() + include_str!("push.sh"));
    edit(&host.at("toolkit/sync/prep-staging-8.sh"), |text| text.replace("exit \"${failed}\"", "exit 0"));
    signer(&host);
    edit(&host.at("stagegate.toml"), |text| {
        let tools = "tools = [\"rsync\", \"parallel\", \"sudo\", \"createrepo\", \"modifyrepo\", \"gpg\"]";
        let home = host.at("tmp").to_str().unwrap().to_owned();
        text.replace("tools = [\"rsync\", \"createrepo\", \"modifyrepo\", \"hardlink\"]", tools)
            .replace(
                "\"tools\", \"scripts\", \"leftovers\", \"target\", \"compose-f",
                "\"tools\", \"scripts\", \"sudo\", \"leftovers\", \"target\", \"compose-f",
            )
            .replace(
                "\"scripts\", \"leftovers\", \"target\", \"deletions\"",
                "\"scripts\", \"sudo\", \"leftovers\", \"target\", \"deletions\"",
            )
            .replace("set = { PATH", &format!("set = {{ PARALLEL_HOME = \"{home}\", PATH"))
    });
    image(&host);
    host
}

/// Returns where a tool is that the tests' set-up installs; a missing one fails, never skips.
pub(crate) fn program(name: &str) -> PathBuf {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|at| at.join(name))
        .find(|at| at.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed: bash .ci/test installs what the tests need"))
}

/// Changes a file.
pub(crate) fn edit(path: &Path, change: impl Fn(&str) -> String) {
    let text = fs::read_to_string(path).unwrap();
    let changed = change(&text);
    assert_ne!(text, changed, "{}", path.display());
    fs::write(path, changed).unwrap();
}

/// Writes an executable script.
pub(crate) fn script(path: &Path, text: &str) {
    let _absent = fs::remove_file(path);
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Has the practice host's key in a keyring of gpg's, and repos signed by gpg.
fn signer(host: &Host) {
    let home = host.at("gnupg");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    gpg(host, &["--import".as_ref(), host.at("keys/sandbox.secret.asc").as_os_str()]);
    let text = format!(
        "#!/usr/bin/env bash\nexec gpg --homedir '{}' --batch --yes --armor --detach-sign \"$1\"\n",
        home.display()
    );
    script(&host.at("bin/sign-repo.sh"), &text);
}

/// Runs gpg on the host's keyring.
pub(crate) fn gpg(host: &Host, args: &[&std::ffi::OsStr]) {
    let mut command = Command::new(program("gpg"));
    command.arg("--homedir").arg(host.at("gnupg")).args(["--batch", "--yes", "--quiet"]).args(args);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Puts a large file into the compose of Extras.
fn image(host: &Host) {
    let path = host.at("mnt/compose/8/latest-Extras-8/compose").join(IMAGE_AT);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let bytes: Vec<u8> =
        (0..IMAGE as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
    fs::write(path, bytes).unwrap();
}

/// Has rsync copy a megabyte a second.
pub(crate) fn slow(host: &Host) {
    fs::write(host.at("pace"), "--bwlimit=1m\n").unwrap();
}

/// Has rsync copy as fast as it can.
pub(crate) fn fast(host: &Host) {
    fs::remove_file(host.at("pace")).unwrap();
}

/// Starts a command on the host and leaves it running.
pub(crate) fn start(host: &Host, args: &[&str]) -> Child {
    host.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until rsync is in the middle of the large file, below `target`; returns the rsync that sudo started.
pub(crate) fn in_the_middle(target: &Path) -> i32 {
    let folder = target.join(IMAGE_AT).parent().unwrap().to_owned();
    wait_until("rsync is in the middle of the image", || {
        let parts = folder.read_dir().ok()?.flatten();
        parts
            .filter(|part| part.file_name().to_string_lossy().starts_with(".install.img."))
            .find_map(|part| (part.metadata().ok()?.len() > 100_000).then_some(()))
    });
    // The first of the three is the one that sudo waits for.
    rsyncs(target, "Extras/x86_64").into_iter().min().unwrap()
}

/// Tells whether every rsync into `target` has ended.
pub(crate) fn no_rsync_works_on(target: &Path) -> bool {
    rsyncs(target, "").is_empty()
}

/// Returns the rsyncs that copy something that begins like `source` into `target`.
fn rsyncs(target: &Path, source: &str) -> Vec<i32> {
    let target = target.to_str().unwrap();
    let is_it = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<String> =
            line.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
        let is_rsync =
            words.first().is_some_and(|word| Path::new(word).file_name() == Some("rsync".as_ref()));
        is_rsync
            && words.iter().any(|word| word.starts_with(source))
            && words.iter().any(|word| word == target)
    };
    let pids =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(is_it).collect()
}

/// Returns what the last attempt of a step came to: `outcome: reason`, with every finding.
pub(crate) fn came_to(host: &Host, step: &str) -> String {
    let journal = host.journal();
    let judged = |event: &&Value| {
        (event["event"] == "step-concluded" || event["event"] == "step-refused") && event["step"] == step
    };
    let event = journal.iter().rfind(judged).unwrap_or_else(|| panic!("{step} is not judged: {journal:?}"));
    let refused = event["event"] == "step-refused";
    let head =
        if refused { "refused".to_owned() } else { word(&event["outcome"]) + ": " + &word(&event["reason"]) };
    let findings = event["findings"].as_array().unwrap().iter();
    findings.fold(head, |text, one| {
        text + &format!(
            "\n  {}: {} [{}; {}]",
            word(&one["path"]),
            word(&one["message"]),
            word(&one["check"]),
            word(&one["severity"])
        )
    })
}

/// Asserts how a step ended, and that what an engineer reads of it has all of `words`.
#[track_caller]
pub(crate) fn ended(host: &Host, step: &str, how: &str, words: &[&str]) {
    let said = came_to(host, step);
    println!("{step}: {said}\n");
    assert!(said.starts_with(how), "{how} was expected: {said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not said: {said}");
    }
    let state = if how == "refused" { "failed" } else { how };
    assert_eq!(host.state(step), state);
    let shown = host.run(&["report", "latest"]).exits(0).out;
    // Backquotes have a meaning in Markdown.
    let mut plain = words.iter().filter(|word| !word.contains('`'));
    assert!(plain.all(|word| shown.contains(word)), "the report does not say {words:?}: {shown}");
}
