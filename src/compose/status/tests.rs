//! Tests of the status: everything that answers is told, nothing that hangs is waited for.

use super::*;
use crate::compose::fixture::{Host, fifo, put, release, repomd, threads_called};
use crate::compose::probe::Answer;
use crate::compose::pulse::Pulse;
use crate::domain::catalog::{GateRules, Mount, MountRequirement};
use crate::domain::compose::ComposeId;
use crate::domain::release::Release;
use crate::domain::status::{LatestLink, MountState, PositionState};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const BASH1: &str = "BaseOS/x86_64/os/Packages/b/bash-1.rpm";
const BASH2: &str = "BaseOS/x86_64/os/Packages/b/bash-2.rpm";
const SOON: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(30);

fn catalog(dir: &Path, releases: Vec<Release>) -> Catalog {
    let mount = |name: &str| Mount {
        name: name.to_owned(),
        path: dir.join(name),
        require: MountRequirement::Marker,
        min_free: 0,
        deadline_s: 20,
    };
    let gate = GateRules {
        name: "staging-vetted".to_owned(),
        phrase: "{revision} vetted".to_owned(),
        expires_s: 60,
        people: 1,
        allowed_signers: None,
        solo: false,
        checklist: Vec::new(),
    };
    Catalog {
        name: "Test".to_owned(),
        source: "here".to_owned(),
        mounts: ["compose", "staging", "production"].map(mount).to_vec(),
        checkouts: Vec::new(),
        environment: BTreeMap::new(),
        secrets: crate::domain::redact::Secrets::default(),
        releases,
        flows: Vec::new(),
        templates: BTreeMap::new(),
        gate,
        severities: Vec::new(),
        lists: None,
        torrents: None,
        notices: Vec::new(),
    }
}

/// One release with one repo: two composes, staging holds the older one, production nothing.
fn host() -> (Host, Catalog) {
    let host = Host::new();
    for mount in ["compose", "staging", "production"] {
        std::fs::write(host.path(mount).join(".stagegate-mount"), "").unwrap();
    }
    host.compose("Rocky-8-updates-20210720.0", "FINISHED", &[BASH1]);
    host.compose("Rocky-8-updates-20210721.0", "FINISHED", &[BASH1, BASH2]);
    host.link("Rocky", "Rocky-8-updates-20210721.0");
    put(&host.staging(), &[BASH1]);
    repomd(&host.staging(), "BaseOS/x86_64/os", 100);
    let catalog = catalog(host.dir.path(), vec![host.release(&["Rocky"])]);
    (host, catalog)
}

fn states(status: &Status) -> (PositionState, PositionState) {
    let repo = &status.releases[0].repos[0];
    (repo.staging.state, repo.production.state)
}

#[test]
fn parts_come_as_they_are_known_and_end_in_the_whole() {
    let (host, catalog) = host();
    let mut parts = Vec::new();
    let reader = StatusReader::new();
    let status = reader.read(&catalog, LONG, |part| parts.push(part));
    assert_eq!(states(&status), (PositionState::Behind, PositionState::Absent));
    let repo = &status.releases[0].repos[0];
    assert_eq!(repo.staging_holds.as_ref().unwrap().to_string(), "Rocky-8-updates-20210720.0");
    assert!(status.mounts.iter().all(|mount| matches!(mount.state, MountState::Ready { .. })));

    let releases: Vec<&ReleaseStatus> = parts
        .iter()
        .filter_map(|part| if let StatusPart::Release(release) = part { Some(release) } else { None })
        .collect();
    // First, before anything answered, a release of which nothing is known.
    assert!(matches!(parts[0], StatusPart::Release(_)));
    assert!(matches!(releases[0].repos[0].latest, LatestLink::Unreadable { .. }));
    // The composes come before the positions.
    let early = releases.iter().find(|release| release.repos[0].latest.compose().is_some()).unwrap();
    assert_eq!(early.repos[0].staging.state, PositionState::Unknown);
    assert_eq!(**releases.last().unwrap(), status.releases[0]);
    assert_eq!(parts.iter().filter(|part| matches!(part, StatusPart::Mount(_))).count(), 3);

    // What changes is seen by the next reading.
    put(&host.staging(), &[BASH2]);
    put(&host.production(), &[BASH1]);
    repomd(&host.production(), "BaseOS/x86_64/os", 50);
    assert_eq!(states(&reader.read(&catalog, LONG, |_| {})), (PositionState::Current, PositionState::Behind));
    put(&host.production(), &[BASH2]);
    repomd(&host.production(), "BaseOS/x86_64/os", 100);
    assert_eq!(
        states(&reader.read(&catalog, LONG, |_| {})),
        (PositionState::Current, PositionState::Current)
    );
}

#[test]
fn a_mount_that_is_not_mounted_makes_its_position_unknown_and_nothing_else() {
    let (host, catalog) = host();
    std::fs::remove_file(host.path("staging/.stagegate-mount")).unwrap();
    let status = StatusReader::new().read(&catalog, LONG, |_| {});
    let repo = &status.releases[0].repos[0];
    assert_eq!(repo.staging.reason, "staging is not mounted");
    assert_eq!(repo.staging.state, PositionState::Unknown);
    assert!(repo.latest.compose().is_some());
    std::fs::remove_dir_all(host.path("compose")).unwrap();
    let status = StatusReader::new().read(&catalog, LONG, |_| {});
    assert_eq!(status.mounts[0].state, MountState::Missing);
    let repo = &status.releases[0].repos[0];
    assert!(matches!(&repo.latest, LatestLink::Unreadable { reason } if reason.contains("no such folder")));
}

/// Has `mount` read something that hangs until somebody writes to the FIFO.
fn hang(host: &Host, reader: &StatusReader, mount: &str) -> PathBuf {
    let path = fifo(host.dir.path(), &format!("{mount}.fifo"));
    let slow = path.clone();
    let read = move |_: &Pulse| std::fs::read(slow).map_or(0, |bytes| bytes.len());
    assert!(matches!(reader.prober().ask(mount, SOON, read), Answer::Late { .. }));
    path
}

/// Lets go of what [`hang`] holds, and waits until that read is over.
fn release_mount(reader: &StatusReader, fifo: &Path, mount: &str) {
    std::fs::write(fifo, "four").unwrap();
    assert!(matches!(reader.prober().ask(mount, LONG, |_| ()), Answer::Ready(()) | Answer::Late { .. }));
    let begun = std::time::Instant::now();
    while reader.prober().silent_since(mount).is_some() {
        assert!(begun.elapsed() < LONG, "{mount} was let go and is still silent");
        std::thread::yield_now();
    }
}

#[test]
fn a_mount_that_hangs_is_not_waited_for_and_looked_at_again_when_it_comes_back() {
    let (host, catalog) = host();
    let reader = StatusReader::new();
    let fifo = hang(&host, &reader, "staging");
    let status = reader.read(&catalog, LONG, |_| {});
    assert!(matches!(status.mounts[1].state, MountState::NotAnswering { .. }), "{:?}", status.mounts);
    let repo = &status.releases[0].repos[0];
    assert_eq!(repo.staging.state, PositionState::Unknown);
    assert!(repo.staging.reason.starts_with("staging: not answering for "), "{}", repo.staging.reason);
    // All else is told.
    assert!(repo.latest.compose().is_some());
    release_mount(&reader, &fifo, "staging");
    let status = reader.read(&catalog, LONG, |_| {});
    assert!(matches!(status.mounts[1].state, MountState::Ready { .. }));
    assert_eq!(states(&status), (PositionState::Behind, PositionState::Absent));
}

#[test]
fn a_mount_that_hangs_is_the_only_one_to_be_blamed() {
    let (host, catalog) = host();
    let reader = StatusReader::new();
    let fifo = hang(&host, &reader, "compose");
    let status = reader.read(&catalog, LONG, |_| {});
    let repo = &status.releases[0].repos[0];
    assert!(matches!(&repo.latest, LatestLink::Unreadable { reason } if reason.starts_with("compose: not")));
    for position in [&repo.staging, &repo.production] {
        assert!(position.reason.starts_with("compose: not answering for "), "{}", position.reason);
    }
    std::fs::write(fifo, "x").unwrap();
}

#[test]
fn hours_of_hanging_cost_one_thread_a_mount() {
    let (host, mut catalog) = host();
    let reader = StatusReader::new();
    // Names that no other test's threads have.
    let mounts = ["h-compose", "h-staging", "h-prod"];
    for (mount, name) in catalog.mounts.iter_mut().zip(mounts) {
        mount.name = name.to_owned();
    }
    let fifos = mounts.map(|mount| hang(&host, &reader, mount));
    for _ in 0..1000 {
        let status = reader.read(&catalog, LONG, |_| {});
        assert!(status.mounts.iter().all(|mount| matches!(mount.state, MountState::NotAnswering { .. })));
        assert_eq!(states(&status), (PositionState::Unknown, PositionState::Unknown));
    }
    assert_eq!(mounts.map(|mount| threads_called(&format!("read {mount}"))), [1, 1, 1]);
    for (mount, fifo) in mounts.iter().zip(&fifos) {
        release_mount(&reader, fifo, mount);
    }
    assert_eq!(states(&reader.read(&catalog, LONG, |_| {})), (PositionState::Behind, PositionState::Absent));
}

#[test]
fn a_release_whose_vars_cannot_be_read_still_shows_its_composes() {
    let (_host, mut catalog) = host();
    catalog.releases[0].vars = Err("common_8: REVISION is not set".to_owned());
    let status = StatusReader::new().read(&catalog, LONG, |_| {});
    assert_eq!(status.releases[0].problem.as_deref(), Some("common_8: REVISION is not set"));
    let repo = &status.releases[0].repos[0];
    assert!(repo.latest.compose().is_some());
    assert_eq!(
        (repo.staging.state, repo.staging.reason.as_str()),
        (PositionState::Unknown, "common_8: REVISION is not set")
    );
}

#[test]
fn three_releases_of_eight_repos_with_a_hundred_composes_each() {
    let dir = tempfile::tempdir().unwrap();
    let repos = ["Rocky", "Rocky-devel", "Extras", "NFV", "Plus", "RT", "gluster9", "advanced-virt"];
    let mut releases = Vec::new();
    for major in ["8", "9", "10"] {
        let release = release(dir.path(), major, &repos);
        for repo in repos {
            let file = format!("{repo}/x86_64/os/Packages/p/{repo}-1.rpm");
            for at in 0..100 {
                let id = format!("{repo}-{major}-updates-202107{:02}.{}", at / 10 + 1, at % 10);
                let compose = release.compose_dir.join(&id);
                put(&compose.join("compose"), &[&file]);
                std::fs::write(compose.join("STATUS"), "FINISHED\n").unwrap();
                std::fs::write(compose.join("COMPOSE_ID"), &id).unwrap();
            }
            let latest = format!("{repo}-{major}-updates-20210710.9");
            std::os::unix::fs::symlink(&latest, release.compose_dir.join(format!("latest-{repo}-{major}")))
                .unwrap();
            let sig = if repo == "gluster9" { "storage/" } else { "" };
            put(&release.staging().unwrap(), &[&format!("{sig}{file}")]);
        }
        releases.push(release);
    }
    let mut catalog = catalog(dir.path(), releases);
    // No mount is named: the folders are asked for themselves.
    catalog.mounts.clear();
    let status = StatusReader::new().read(&catalog, LONG, |_| {});
    for release in &status.releases {
        for repo in &release.repos {
            let newest: ComposeId =
                format!("{}-{}-updates-20210710.9", repo.name, release.major).parse().unwrap();
            assert_eq!(repo.latest.compose().unwrap().id, newest);
            assert_eq!(repo.history.len(), crate::compose::scan::HISTORY);
            assert_eq!(repo.staging.state, PositionState::Current, "{repo:?}");
            assert_eq!(repo.staging_holds.as_ref(), Some(&newest));
            assert_eq!(repo.production.state, PositionState::Absent);
        }
    }
    assert_eq!(status.releases.len() * status.releases[0].repos.len(), 24);
}
