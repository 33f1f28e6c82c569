//! A staging and a production that are full, read-only or not mounted: real file systems, in a mount namespace of
//! the test's own.
//!
//! A mount needs root, or a user namespace in which one is root. Where a machine gives neither, the test fails and says
//! so; nobody takes a test for passed that was not made.

use crate::furnish::{SYNC, alone, came_to, edit, ended, program, real_host};
use crate::support::{Host, wait_until};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Set in the process that lives in the namespace.
const INSIDE: &str = "STAGEGATE_TEST_MOUNTS";

/// Runs the test called `name` again in a mount namespace of its own; returns whether this is that one.
fn inside(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let mut command = Command::new(program("unshare"));
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "--propagation", "private"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env(INSIDE, "1");
    let output = command.output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{name} failed in a mount namespace, or this machine gives none to its user ({}):\n{said}",
        if rustix::process::geteuid().is_root() { "root" } else { "unshare --map-root-user --mount" }
    );
    false
}

fn mount(args: &[&str], at: &Path) {
    let mut command = Command::new(program("mount"));
    let output = command.args(args).arg(at).output().unwrap();
    assert!(output.status.success(), "mount {args:?} {}: {output:?}", at.display());
}

/// Puts a file system of its own at the place of a mount of the host, with what was there.
fn on_tmpfs(host: &Host, name: &str, size: &str) {
    let (at, beside) = (host.at("mnt").join(name), host.at("mnt").join(format!("{name}.was")));
    fs::rename(&at, &beside).unwrap();
    fs::create_dir(&at).unwrap();
    mount(&["-t", "tmpfs", "-o", &format!("mode=755,size={size}"), "test"], &at);
    let copied = Command::new("cp").arg("-a").arg(beside.join(".")).arg(&at).status().unwrap();
    assert!(copied.success());
    fs::remove_dir_all(&beside).unwrap();
}

/// Gives a mount this many KiB of room.
fn leave_room(at: &Path, kib: u64) {
    let stat = rustix::fs::statvfs(at).unwrap();
    let used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize / 1024;
    mount(&["-o", &format!("remount,size={}k", used + kib)], at);
}

fn read_only(at: &Path, how: &str) {
    mount(&["-o", &format!("remount,{how}")], at);
}

fn put_away(host: &Host) {
    host.run(&["cancel", "latest"]).exits(0);
    wait_until("the run is over", || (!host.latest()["ended"].is_null()).then_some(()));
}

#[test]
fn a_staging_that_is_full_or_read_only_is_no_success_and_named() {
    let _alone = alone();
    if !inside("mounts::a_staging_that_is_full_or_read_only_is_no_success_and_named") {
        return;
    }
    let host = real_host();
    on_tmpfs(&host, "repos-staging", "100m");
    let staging = host.at("mnt/repos-staging");
    // Room for what is small, and not for the image.
    leave_room(&staging, 4 << 10);
    host.run(&SYNC).exits(1);
    ended(&host, "8/sync/Extras", "failed", &["No space left on device", "Extras/x86_64"]);
    leave_room(&staging, 60 << 10);
    host.run(&["retry", "latest", "8/sync/Extras"]).exits(3);

    put_away(&host);
    read_only(&staging, "ro");
    host.run(&SYNC).exits(1);
    let said = came_to(&host, "8/sync/Extras");
    assert!(said.contains("ead-only"), "{said}");
    ended(
        &host,
        "8/sync/Extras",
        if said.starts_with("refused") { "refused" } else { "failed" },
        &["ead-only"],
    );
    read_only(&staging, "rw");
    host.run(&["retry", "latest", "8/sync/Extras"]).exits(3);

    // Prep has no room to write its metadata, on a host whose catalog asks for none: its script ends with 0.
    put_away(&host);
    edit(&host.at("stagegate.toml"), |text| {
        text.replace("require = \"marker\", min_free = \"1M\"", "require = \"marker\"")
    });
    host.run(&SYNC).exits(3);
    leave_room(&staging, 0);
    host.run(&["retry", "latest", "8/prep"]).exits(5);
    ended(&host, "8/prep", "suspect", &["exit code 0, but", "Critical: Error while closing xml files"]);
}

#[test]
fn a_production_that_is_full_read_only_or_not_there_is_no_success_and_named() {
    let _alone = alone();
    if !inside("mounts::a_production_that_is_full_read_only_or_not_there_is_no_success_and_named") {
        return;
    }
    let host = real_host();
    on_tmpfs(&host, "repos-production", "100m");
    let production = host.at("mnt/repos-production");
    host.run(&SYNC).exits(3);
    leave_room(&production, 4 << 10);
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(5);
    ended(&host, "8/publish", "suspect", &["exit code 0, but", "Extras/x86_64", "No space left on device"]);
    assert_eq!(host.state("shared/filelists"), "pending");
    leave_room(&production, 60 << 10);

    read_only(&production, "ro");
    let ran = host.run(&["retry", "latest", "8/publish"]);
    assert!(matches!(ran.code, 1 | 5), "{ran:?}");
    let said = came_to(&host, "8/publish");
    let how = if said.starts_with("refused") { "refused" } else { said.split(':').next().unwrap() };
    ended(&host, "8/publish", how, &["ead-only"]);
    read_only(&production, "rw");

    // What is under the mount has no marker.
    let covered = host.at("tmp/empty");
    fs::create_dir(&covered).unwrap();
    mount(&["--bind", covered.to_str().unwrap()], &production);
    host.run(&["retry", "latest", "8/publish"]).exits(1);
    ended(&host, "8/publish", "refused", &["repos-production", "nothing is mounted there"]);
    assert_eq!(fs::read_dir(&covered).unwrap().count(), 0, "nothing was written under it");
    let output = Command::new(program("umount")).arg(&production).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    host.run(&["retry", "latest", "8/publish"]).exits(0);
}

#[test]
fn a_sudo_that_asks_for_a_password_is_seen_before_anything_starts() {
    let _alone = alone();
    if !inside("mounts::a_sudo_that_asks_for_a_password_is_seen_before_anything_starts") {
        return;
    }
    let host = real_host();
    let sudo = program("sudo");
    // The real sudo, for somebody who must type a password: root never must.
    let rules = host.at("tmp/sudoers");
    fs::write(&rules, "nobody ALL=(ALL:ALL) ALL\n").unwrap();
    fs::set_permissions(&rules, std::os::unix::fs::PermissionsExt::from_mode(0o440)).unwrap();
    mount(&["--bind", rules.to_str().unwrap()], Path::new("/etc/sudoers"));
    let text = format!(
        "#!/bin/sh\nexec {} --reuid nobody --regid {} --clear-groups {} \"$@\"\n",
        program("setpriv").display(),
        group_of_nobody(),
        sudo.display()
    );
    crate::furnish::script(&host.at("bin/sudo"), &text);
    host.run(&SYNC).exits(1);
    ended(
        &host,
        "8/sync/Extras",
        "refused",
        &["`sudo -n -l` fails", "a password is required", "the scripts copy nothing without it"],
    );
    fs::remove_file(host.at("bin/sudo")).unwrap();
    fs::write(host.at("tmp/leave"), "").unwrap();
    let output = Command::new(program("umount")).arg("/etc/sudoers").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    host.run(&["retry", "latest", "8/sync/Extras"]).exits(3);
}

fn group_of_nobody() -> u32 {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("nobody:")).unwrap();
    line.split(':').nth(3).unwrap().parse().unwrap()
}
