//! What the scripts keep to themselves: they end without a word, or with the wrong one, and what has happened is said all the same.

use crate::support::{Host, contents, step_of, word};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const SYNC: [&str; 7] = ["run", "--release", "8", "--compose", "none", "--sync", "Rocky"];

/// Puts another script in the place of one of the toolkit's, which is kept beside it as `NAME.real`.
fn instead(host: &Host, name: &str, text: &str) {
    let script = host.at("toolkit/sync").join(name);
    let real = script.with_extension("sh.real");
    if !real.exists() {
        fs::rename(&script, &real).unwrap();
    }
    fs::write(&script, format!("#!/bin/bash\n{text}\n")).unwrap();
}

fn back(host: &Host, name: &str) {
    let script = host.at("toolkit/sync").join(name);
    fs::rename(script.with_extension("sh.real"), &script).unwrap();
}

fn take_away(path: &Path) {
    fs::rename(path, path.with_extension("away")).unwrap();
}

fn bring_back(path: &Path) {
    fs::rename(path.with_extension("away"), path).unwrap();
}

/// The 2021 push leaves the mirrors an old list, or exits 1 over a whole push, where create-filelist is not there.
#[test]
fn a_push_without_create_filelist_does_not_start_and_one_that_exits_1_failed_whatever_it_did() {
    let host = Host::new(&[]);
    host.run(&SYNC).exits(3);
    let before = contents(&host.production());
    let maker = host.at("bin/create-filelist");
    take_away(&maker);
    let approved = host.run(&["approve", "latest", "--phrase", "8.10 vetted"]);
    assert_ne!(approved.code, 0, "{approved:?}");
    approved.says("create-filelist").says("is not there or not executable");
    assert_eq!(contents(&host.production()), before, "nothing was pushed");
    fs::write(&maker, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&maker, fs::Permissions::from_mode(0o644)).unwrap();
    host.run(&["retry", "latest", "8/publish"]).exits(1).says("is not there or not executable");
    fs::remove_file(&maker).unwrap();
    bring_back(&maker);

    // Everything is copied, and the last command of the script fails: the exit code counts, and trying again is safe.
    instead(&host, "sync-to-prod.sh", "bash \"$0.real\" \"$@\"; exit 1");
    host.run(&["retry", "latest", "8/publish"]).exits(1).says("8/publish");
    host.run(&["report", "latest"]).exits(0).says("exit code 1; its checks found nothing");
    assert_ne!(contents(&host.production()), before, "it was pushed");
    back(&host, "sync-to-prod.sh");
    host.run(&["retry", "latest", "8/publish"]).exits(0);
    assert_eq!(host.latest()["state"], "finished");
}

/// With RLREL=beta the toolkit of 2026 exits 1 and prints nothing.
#[test]
fn a_script_that_fails_without_a_word_failed() {
    let host = Host::new(&[]);
    instead(&host, "sync-to-staging.sh", "exit 1");
    host.run(&SYNC).exits(1).says("8/sync/Rocky").says("exit code 1").says("it printed nothing");
    assert_eq!(step_of(&host.latest(), "8/sync/Rocky")["state"], "failed");
    assert_eq!(host.state("8/prep"), "pending");
}

/// `export RLVER=9`, as the SOP has it, in the shell that stagegate is started from.
#[test]
fn what_is_exported_where_stagegate_is_started_reaches_no_script() {
    let host = Host::new(&[]);
    instead(&host, "sync-to-staging.sh", "echo \"RLVER is $RLVER, RLREL is ${RLREL-unset}\"; exit 1");
    let mut command = host.command(&SYNC);
    command.env("RLVER", "9").env("RLREL", "rc").env("REVISION", "9.9");
    assert_eq!(command.output().unwrap().status.code(), Some(1));
    host.run(&["log", "latest", "8/sync/Rocky"]).exits(0).says("RLVER is 8, RLREL is unset");
}

/// The minor release's script breaks off at the first compose that is not there, and gen-torrents at a lock that is; both
/// exit 0.
#[test]
fn a_minor_release_that_stops_in_the_middle_is_no_success() {
    let host = Host::new(&[]);
    let link = host.at("mnt/compose/8/latest-Extras-8");
    take_away(&link);
    let minor = ["run", "--release", "8", "--flow", "minor", "--compose", "none"];
    let refused = host.run(&minor);
    assert_ne!(refused.code, 0);
    refused.says("Extras of release 8").says("there is no latest link");
    bring_back(&link);

    // It goes while the script is at work, after the step's own look at it.
    let body = format!("mv {0} {0}.away; bash \"$0.real\" \"$@\"; mv {0}.away {0}", link.display());
    instead(&host, "minor-release-sync-to-staging.sh", &body);
    let before = contents(&host.production());
    let ran = host.run(&minor);
    assert_eq!(ran.code, 5, "{ran:?}");
    ran.says("8/minor-sync").says("suspect");
    let step = step_of(&host.latest(), "8/minor-sync");
    assert_eq!((word(&step["state"]).as_str(), step["exit_code"].as_i64()), ("suspect", Some(0)));
    host.run(&["report", "latest"]).exits(0).says("Extras");
    back(&host, "minor-release-sync-to-staging.sh");

    let lock = host.at("tmp/gen-torrents.lock");
    fs::write(&lock, "").unwrap();
    let ran = host.run(&["retry", "latest", "8/minor-sync"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.says("8/torrents").says("gen-torrents.lock");
    fs::remove_file(&lock).unwrap();
    // The practice script says what the real one keeps to itself: an update's compose has no images.
    host.run(&["retry", "latest", "8/torrents"]).exits(1).says("No images in");
    assert_eq!(contents(&host.production()), before);
}
