//! Tests of the positions.

use super::*;
use crate::compose::fixture::{Host, put, repomd, write};
use crate::compose::pulse::Pulse;
use crate::compose::scan::scan;
use crate::domain::status::{Position, PositionState};
use std::fs::{remove_dir_all, remove_file};

const OS: &str = "BaseOS/x86_64/os";
const BASH1: &str = "BaseOS/x86_64/os/Packages/b/bash-1.rpm";
const BASH2: &str = "BaseOS/x86_64/os/Packages/b/bash-2.rpm";
const ZSH1: &str = "AppStream/x86_64/os/Packages/z/zsh-1.rpm";
const ZSH2: &str = "AppStream/x86_64/os/Packages/z/zsh-2.rpm";
const OLD: &str = "Rocky-8-updates-20210720.0";
const NEW: &str = "Rocky-8-updates-20210721.0";

fn look(host: &Host, repos: &[&str]) -> Vec<RepoStatus> {
    let release = host.release(repos);
    let scan = Arc::new(scan(&release, jiff::Timestamp::now()).unwrap());
    positions(&release, &scan, &ContentCache::default(), &Pulse::new())
}

fn rocky(host: &Host) -> RepoStatus {
    look(host, &["Rocky"]).remove(0)
}

fn is(position: &Position, state: PositionState, part: &str) {
    assert_eq!(position.state, state, "{position:?}");
    assert!(position.reason.contains(part), "{position:?}");
}

/// Two composes, the latest with two new packages.
fn host() -> Host {
    let host = Host::new();
    host.compose(OLD, "FINISHED", &[BASH1, ZSH1]);
    host.compose(NEW, "FINISHED", &[BASH1, BASH2, ZSH2, "metadata/rpms.json"]);
    host.link("Rocky", NEW);
    host
}

/// The same, synced and pushed.
fn pushed() -> Host {
    let host = host();
    for root in [host.staging(), host.production()] {
        put(&root, &[BASH1, BASH2, ZSH1, ZSH2]);
        repomd(&root, OS, 200);
        repomd(&root, "AppStream/x86_64/os", 200);
    }
    host
}

#[test]
fn staging_goes_from_absent_to_current() {
    let host = host();
    let status = rocky(&host);
    is(&status.staging, PositionState::Absent, "AppStream, BaseOS");
    is(&status.production, PositionState::Absent, "nothing in staging either");
    put(&host.staging(), &[BASH1, ZSH1]);
    let status = rocky(&host);
    is(&status.staging, PositionState::Behind, "holds Rocky-8-updates-20210720.0, 2 packages behind");
    assert_eq!(status.staging_holds.unwrap().to_string(), OLD);
    put(&host.staging(), &[ZSH2]);
    let status = rocky(&host);
    is(&status.staging, PositionState::Partial, "1 of 2 new packages of Rocky-8-updates-20210721.0 missing");
    put(&host.staging(), &[BASH2]);
    let status = rocky(&host);
    is(&status.staging, PositionState::Current, "");
    assert_eq!(status.staging_holds.unwrap().to_string(), NEW);
    is(&status.production, PositionState::Absent, "none of the 4 packages of staging");
}

#[test]
fn without_a_whole_older_compose_staging_is_partial_or_behind_something_unknown() {
    let host = host();
    put(&host.staging(), &[BASH2]);
    let status = rocky(&host);
    is(&status.staging, PositionState::Partial, "2 of 3 packages");
    assert_eq!(status.staging_holds, None);
    remove_file(host.staging().join(BASH2)).unwrap();
    put(&host.staging(), &["BaseOS/x86_64/os/Packages/a/acl-0.rpm"]);
    is(&rocky(&host).staging, PositionState::Behind, "none of the 3 of");
    remove_file(host.staging().join("BaseOS/x86_64/os/Packages/a/acl-0.rpm")).unwrap();
    is(&rocky(&host).staging, PositionState::Absent, "nothing in");
}

#[test]
fn an_iso_counts_and_its_checksum_file_does_not() {
    let host = host();
    put(&host.staging(), &[BASH1, ZSH1, BASH2, ZSH2]);
    put(
        &host.composes().join(NEW).join("compose"),
        &["BaseOS/x86_64/iso/dvd.iso", "BaseOS/x86_64/iso/CHECKSUM"],
    );
    is(&rocky(&host).staging, PositionState::Partial, "1 of 3 new packages");
    put(&host.staging(), &["BaseOS/x86_64/iso/dvd.iso"]);
    is(&rocky(&host).staging, PositionState::Current, "");
}

#[test]
fn a_sig_repo_stands_in_its_folder_and_one_that_is_not_synced_says_so() {
    let host = Host::new();
    let file = "gluster9/x86_64/os/Packages/g/gluster-9.rpm";
    host.compose("gluster9-8-updates-20210721.0", "FINISHED", &[file]);
    host.link("gluster9", "gluster9-8-updates-20210721.0");
    host.compose("advanced-virt-8-updates-20210721.0", "FINISHED", &["av/x86_64/os/Packages/q/qemu.rpm"]);
    host.link("advanced-virt", "advanced-virt-8-updates-20210721.0");
    put(&host.staging(), &[file]);
    let status = look(&host, &["gluster9", "advanced-virt"]);
    is(&status[0].staging, PositionState::Absent, "nothing in storage/gluster9");
    is(&status[1].staging, PositionState::Absent, "not synced by the procedure");
    is(&status[1].production, PositionState::Absent, "not synced by the procedure");
    assert!(!status[1].synced);
    put(&host.staging().join("storage"), &[file]);
    put(&host.staging(), &["av/x86_64/os/Packages/q/qemu.rpm"]);
    let status = look(&host, &["gluster9", "advanced-virt"]);
    is(&status[0].staging, PositionState::Current, "");
    is(&status[1].staging, PositionState::Current, "");
}

#[test]
fn without_a_latest_compose_staging_is_unknown_but_production_is_not() {
    let host = pushed();
    remove_file(host.composes().join("latest-Rocky-8")).unwrap();
    let status = rocky(&host);
    is(&status.staging, PositionState::Unknown, "no latest link");
    assert_eq!(status.staging_holds.unwrap().to_string(), NEW);
    is(&status.production, PositionState::Current, "");
    for compose in [OLD, NEW] {
        remove_dir_all(host.composes().join(compose)).unwrap();
    }
    let status = rocky(&host);
    is(&status.staging, PositionState::Unknown, "no compose");
    is(&status.production, PositionState::Unknown, "no compose");
}

#[test]
fn an_empty_compose_is_never_current() {
    let host = Host::new();
    host.compose(NEW, "FINISHED", &["metadata/rpms.json"]);
    host.link("Rocky", NEW);
    is(&rocky(&host).staging, PositionState::Unknown, "holds no packages");
}

#[test]
fn a_doomed_compose_is_not_what_staging_holds() {
    let host = host();
    host.compose("Rocky-8-updates-20210720.9", "DOOMED", &[BASH1]);
    put(&host.staging(), &[BASH1, ZSH1]);
    assert_eq!(rocky(&host).staging_holds.unwrap().to_string(), OLD);
}

#[test]
fn production_that_has_everything_is_current() {
    is(&rocky(&pushed()).production, PositionState::Current, "");
}

#[test]
fn production_is_behind_by_packages_or_by_metadata() {
    let host = pushed();
    repomd(&host.production(), OS, 100);
    is(&rocky(&host).production, PositionState::Behind, "older metadata in BaseOS/x86_64/os");
    remove_file(host.production().join(OS).join("repodata/repomd.xml")).unwrap();
    is(&rocky(&host).production, PositionState::Behind, "older metadata");
    repomd(&host.production(), OS, 100);
    repomd(&host.production(), "AppStream/x86_64/os", 100);
    for file in [BASH2, ZSH2] {
        remove_file(host.production().join(file)).unwrap();
    }
    is(&rocky(&host).production, PositionState::Behind, "lacks 2 of 4 packages");
}

#[test]
fn a_push_that_stopped_half_way_is_partial() {
    let host = pushed();
    remove_file(host.production().join(BASH2)).unwrap();
    is(&rocky(&host).production, PositionState::Partial, "has the new metadata of BaseOS/x86_64/os");
    // One variant pushed, the other not begun.
    repomd(&host.production(), OS, 100);
    is(&rocky(&host).production, PositionState::Partial, "lacks 1 of 2 new packages");
    // Nothing of the new compose pushed, although an old package is missing too.
    for file in [BASH1, ZSH2] {
        remove_file(host.production().join(file)).unwrap();
    }
    repomd(&host.production(), "AppStream/x86_64/os", 100);
    is(&rocky(&host).production, PositionState::Behind, "lacks 3 of 4");
}

#[test]
fn production_ahead_of_staging_differs() {
    let host = pushed();
    repomd(&host.production(), OS, 300);
    is(
        &rocky(&host).production,
        PositionState::Differs,
        "production is ahead of staging: newer or other metadata in BaseOS",
    );
    let host = pushed();
    put(&host.production(), &["BaseOS/x86_64/os/Packages/b/bash-3.rpm"]);
    is(&rocky(&host).production, PositionState::Differs, "1 packages that staging lacks");
    let host = pushed();
    remove_dir_all(host.staging()).unwrap();
    let status = rocky(&host);
    is(&status.staging, PositionState::Absent, "");
    is(&status.production, PositionState::Differs, "4 packages that staging lacks");
}

#[test]
fn what_cannot_be_read_is_unknown_and_named() {
    let host = pushed();
    let head = host.staging().join(OS).join("repodata/repomd.xml");
    remove_file(&head).unwrap();
    std::fs::create_dir(&head).unwrap();
    // A folder called repomd.xml is no metadata at all; a link is one that must not be followed.
    remove_dir_all(&head).unwrap();
    std::os::unix::fs::symlink("elsewhere", &head).unwrap();
    let status = rocky(&host);
    is(&status.staging, PositionState::Unknown, "BaseOS/x86_64/os/repodata/repomd.xml: not a plain file");
    is(&status.production, PositionState::Unknown, "staging: BaseOS");
    let host = pushed();
    remove_dir_all(host.production().join("AppStream")).unwrap();
    std::os::unix::fs::symlink("BaseOS", host.production().join("AppStream")).unwrap();
    is(&rocky(&host).production, PositionState::Unknown, "production: AppStream");
    let mut release = host.release(&["Rocky"]);
    release.vars = Err("common_8: no REVISION".to_owned());
    let scan = Arc::new(scan(&release, jiff::Timestamp::now()).unwrap());
    let status = positions(&release, &scan, &ContentCache::default(), &Pulse::new()).remove(0);
    is(&status.staging, PositionState::Unknown, "vars could not be read");
    assert!(status.latest.compose().is_some());
}

#[test]
fn finished_composes_are_listed_once_and_others_again() {
    let host = host();
    let release = host.release(&["Rocky"]);
    let cache = ContentCache::default();
    let read = |id: &str| {
        let folders = [(host.composes().join(id), release.toolkit.depth)];
        cache.read(&folders, &Pulse::new()).remove(0).unwrap()
    };
    assert!(Arc::ptr_eq(&read(NEW), &read(NEW)));
    assert_eq!(cache.len(), 1);
    // A directory that changed is listed again.
    write(&host.composes().join(NEW), "touched", "");
    let folder = std::fs::File::open(host.composes().join(NEW)).unwrap();
    folder.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let before = read(OLD);
    assert_eq!(read(NEW).payload().count(), 3);
    assert_eq!(cache.len(), 2);
    host.compose("Rocky-8-updates-20210722.0", "STARTED", &[BASH1]);
    let running = read("Rocky-8-updates-20210722.0");
    put(&host.composes().join("Rocky-8-updates-20210722.0/compose"), &[BASH2]);
    assert_eq!((running.payload().count(), read("Rocky-8-updates-20210722.0").payload().count()), (1, 2));
    assert_eq!(before.payload().count(), 2);
    assert_eq!(cache.len(), 2);
}
