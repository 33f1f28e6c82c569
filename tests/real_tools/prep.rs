//! `createrepo_c`, `modifyrepo_c` and gpg in a prep that ends with 0 whatever happens.

use crate::furnish::{SYNC, alone, came_to, edit, ended, gpg, program, real_host, script};
use crate::support::{Host, wait_until};
use std::fs;
use std::path::PathBuf;

const STEP: &str = "8/prep";
const MODULES: &str = "mnt/compose/8_metadata/x86_64/AppStream-modules.yaml";

/// Puts a script in the place of a tool of the host, which finds the real one as `$real`.
fn instead(host: &Host, name: &str, tool: &str, text: &str) {
    let real = program(tool);
    script(&host.at("bin").join(name), &format!("#!/usr/bin/env bash\nreal='{}'\n{text}\n", real.display()));
}

fn back(host: &Host, name: &str, tool: &str) {
    // It may have taken itself away.
    let _gone = fs::remove_file(host.at("bin").join(name));
    std::os::unix::fs::symlink(program(tool), host.at("bin").join(name)).unwrap();
}

/// Tries prep again, without leave to end well.
fn again(host: &Host, code: i32) {
    host.run(&["retry", "latest", STEP]).exits(code);
}

#[test]
fn the_real_tools_do_the_whole_procedure() {
    let _alone = alone();
    let host = real_host();
    host.run(&SYNC).exits(3);
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(0).says("is finished");
    let log = host.run(&["log", "latest", STEP]).exits(0).out;
    assert!(log.contains("Pool started (with"), "it is createrepo_c: {log}");
    let log = host.run(&["log", "latest", "8/sync/Extras"]).exits(0).out;
    assert!(log.contains("Extras/x86_64 ") && log.contains("total size is"), "it is parallel's rsync: {log}");
}

#[test]
fn a_createrepo_that_is_killed_is_suspect_and_what_it_leaves_is_in_the_way_of_the_next() {
    let _alone = alone();
    let host = real_host();
    let folder = host.staging().join("Extras/x86_64/os");
    instead(
        &host,
        "createrepo",
        "createrepo_c",
        // It is caught while its folder is there.
        "folder=\"${!#}\"\n[[ $folder == */Extras/x86_64/os ]] || exec \"$real\" \"$@\"\n\"$real\" \"$@\" & pid=$!\n\
         until [[ -d $folder/.repodata ]]; do :; done\nkill -STOP $pid; kill -KILL $pid\nwait $pid",
    );
    host.run(&SYNC).exits(5);
    assert!(folder.join(".repodata").is_dir(), "it was caught");
    ended(
        &host,
        STEP,
        "suspect",
        &["exit code 0, but", "Extras/x86_64/os/.repodata", "createrepo that was killed", "Killed"],
    );
    back(&host, "createrepo", "createrepo_c");
    again(&host, 1);
    ended(&host, STEP, "refused", &["Extras/x86_64/os/.repodata", "is left by a createrepo that was killed"]);
    fs::remove_dir_all(folder.join(".repodata")).unwrap();
    again(&host, 3);
}

#[test]
fn a_createrepo_that_cannot_read_or_is_not_there_is_no_success() {
    let _alone = alone();
    let host = real_host();
    fs::write(host.staging().join("Extras/x86_64/os/Packages/broken-1-1.x86_64.rpm"), "garbage").unwrap();
    host.run(&SYNC).exits(5);
    ended(&host, STEP, "suspect", &["exit code 0, but", "Cannot read package", "broken-1-1.x86_64.rpm"]);
    fs::remove_file(host.staging().join("Extras/x86_64/os/Packages/broken-1-1.x86_64.rpm")).unwrap();
    // It goes away after the check.
    instead(&host, "createrepo", "createrepo_c", "rm -- \"$0\"; exec \"$real\" \"$@\"");
    again(&host, 5);
    ended(&host, STEP, "suspect", &["exit code 0, but", "createrepo: No such file or directory"]);
    again(&host, 1);
    ended(&host, STEP, "refused", &["createrepo", "is not in PATH"]);
    back(&host, "createrepo", "createrepo_c");
    // The same of modifyrepo.
    instead(&host, "modifyrepo", "modifyrepo_c", "rm -- \"$0\"; exec \"$real\" \"$@\"");
    again(&host, 5);
    ended(&host, STEP, "suspect", &["exit code 0, but", "modifyrepo: No such file or directory"]);
    back(&host, "modifyrepo", "modifyrepo_c");
    again(&host, 3);
}

#[test]
fn a_signer_that_is_missing_or_cannot_sign_is_seen_before_and_after() {
    let _alone = alone();
    let host = real_host();
    let signer = host.at("bin/sign-repo.sh");
    let text = fs::read_to_string(&signer).unwrap();
    fs::remove_file(&signer).unwrap();
    host.run(&SYNC).exits(1);
    ended(&host, STEP, "refused", &["bin/sign-repo.sh", "the signing script is not there"]);

    fs::write(&signer, &text).unwrap();
    again(&host, 1);
    ended(&host, STEP, "refused", &["bin/sign-repo.sh", "the signing script is not executable"]);

    // It is there when it is looked for, and not for the first repo.
    script(&signer, &text.replace("exec gpg", "[[ $1 != */mnt/* ]] || rm -- \"$0\"\nexec gpg"));
    again(&host, 5);
    ended(&host, STEP, "suspect", &["exit code 0, but", "sign-repo.sh"]);
    assert!(
        came_to(&host, STEP).contains("its signature is not over its current bytes"),
        "{}",
        came_to(&host, STEP)
    );

    // Its key is gone, and one that wants a passphrase is there.
    script(&signer, &text);
    let keys = host.at("gnupg/private-keys-v1.d");
    fs::rename(&keys, host.at("gnupg/kept")).unwrap();
    let end_agent = || {
        let mut command = std::process::Command::new(program("gpgconf"));
        command.arg("--homedir").arg(host.at("gnupg")).args(["--kill", "all"]);
        assert!(command.status().unwrap().success());
    };
    end_agent();
    again(&host, 1);
    ended(&host, STEP, "refused", &["bin/sign-repo.sh", "No secret key"]);
    let make = [
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        "x",
        "--quick-generate-key",
        "locked@localhost",
        "ed25519",
    ];
    gpg(&host, &make.map(AsRef::as_ref));
    script(&signer, &text.replace("--detach-sign", "--local-user locked@localhost --detach-sign"));
    end_agent();
    again(&host, 1);
    ended(&host, STEP, "refused", &["bin/sign-repo.sh", "signing failed"]);
    end_agent();

    fs::remove_dir_all(&keys).unwrap();
    fs::rename(host.at("gnupg/kept"), &keys).unwrap();
    script(&signer, &text);
    again(&host, 3);
}

#[test]
fn module_data_that_is_missing_or_of_somebody_else_is_seen_before_and_after() {
    let _alone = alone();
    let host = real_host();
    let (modules, kept): (PathBuf, PathBuf) = (host.at(MODULES), host.at("tmp/kept"));
    fs::rename(&modules, &kept).unwrap();
    host.run(&SYNC).exits(1);
    ended(&host, STEP, "refused", &["AppStream-modules.yaml", "would be lost from the metadata"]);
    fs::copy(&kept, &modules).unwrap();

    // It goes away after the check.
    instead(
        &host,
        "createrepo",
        "createrepo_c",
        &format!("rm -f -- '{}'; exec \"$real\" \"$@\"", modules.display()),
    );
    again(&host, 5);
    ended(
        &host,
        STEP,
        "suspect",
        &["exit code 0, but", "AppStream-modules.yaml': No such file or directory"],
    );
    assert!(came_to(&host, STEP).contains("AppStream/x86_64/os"), "{}", came_to(&host, STEP));
    back(&host, "createrepo", "createrepo_c");
    fs::copy(&kept, &modules).unwrap();

    // Another's module data lies where the script puts its own.
    fs::write(host.at("tmp/modules.yaml"), "stale").unwrap();
    again(&host, 1);
    ended(&host, STEP, "refused", &["tmp/modules.yaml", "is left over from an earlier attempt"]);
    fs::remove_file(host.at("tmp/modules.yaml")).unwrap();
    again(&host, 3);
}

#[test]
fn comps_and_other_inputs_that_are_missing_are_seen() {
    let _alone = alone();
    let host = real_host();
    let comps = host.at("mnt/compose/8/latest-Rocky-8/work/x86_64/comps/comps-BaseOS.x86_64.xml");
    let kept = host.at("tmp/kept");
    fs::rename(&comps, &kept).unwrap();
    host.run(&SYNC).exits(1);
    ended(&host, STEP, "refused", &["comps-BaseOS.x86_64.xml", "would be lost from the metadata"]);
    fs::copy(&kept, &comps).unwrap();
    instead(
        &host,
        "createrepo",
        "createrepo_c",
        &format!("rm -f -- '{}'; exec \"$real\" \"$@\"", comps.display()),
    );
    again(&host, 5);
    ended(&host, STEP, "suspect", &["exit code 0, but", "comps-BaseOS.x86_64.xml", "doesn't exists"]);
    back(&host, "createrepo", "createrepo_c");
    fs::copy(&kept, &comps).unwrap();
    // Another release in the environment of the step: the plan shows it, and the step does not start.
    edit(&host.at("stagegate.toml"), |text| {
        text.replace("env = { RLVER = \"{release}\" }", "env = { RLVER = \"9\" }")
    });
    host.run(&["cancel", "latest"]).exits(0);
    wait_until("the run is over", || (!host.latest()["ended"].is_null()).then_some(()));
    host.run(&SYNC).exits(1);
    ended(&host, "8/sync/Extras", "refused", &["RLVER is `9`", "the scripts would work on another release"]);
}
