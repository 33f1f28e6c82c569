//! Mounts that hang, are slow or fail, read by the library as the console and the commands read them.
//!
//! The mounts are real (FUSE) where this machine has them; see `support/slow_mount.rs`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

#[path = "support/slow_mount.rs"]
#[expect(dead_code, reason = "other tests and the benches use the rest of it")]
mod slow_mount;

use slow_mount::SlowMount;
use stagegate::catalog::{self, Source};
use stagegate::compose::pool::Width;
use stagegate::compose::status::{Status, StatusReader};
use stagegate::domain::catalog::Catalog;
use stagegate::domain::status::{MountState, Position, PositionState};
use stagegate::sandbox::host::{self, BuildOptions, BuiltHost, Speed};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_mins(1);

/// A practice host.
struct Host {
    _folder: tempfile::TempDir,
    built: BuiltHost,
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = BuildOptions {
            dir: folder.path().join("host"),
            binary: PathBuf::from(env!("CARGO_BIN_EXE_stagegate")),
            speed: Speed::Instant,
            faults: Vec::new(),
            fresh: false,
            now: jiff::Timestamp::now(),
        };
        let built = host::build(&options, &mut |_| {}).unwrap();
        Self { _folder: folder, built }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.built.paths.root().join(path)
    }

    /// Its catalog, in which a mount may be silent for a second.
    fn catalog(&self) -> Catalog {
        let source = Source::File(self.at("stagegate.toml"));
        let mut catalog = catalog::load(&source, &BTreeMap::new()).unwrap();
        for mount in &mut catalog.mounts {
            mount.deadline_s = 1;
        }
        catalog
    }

    fn mount(catalog: &Catalog, name: &str) -> SlowMount {
        SlowMount::over(&catalog.mount(name).unwrap().path)
    }
}

fn state<'a>(status: &'a Status, name: &str) -> &'a MountState {
    &status.mounts.iter().find(|mount| mount.name == name).unwrap().state
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Waits until no more threads than `most` are there: one that has told its answer may still be ending.
#[track_caller]
fn wait_for_threads(most: usize) {
    let begun = Instant::now();
    while threads() > most {
        assert!(begun.elapsed() < LONG, "{} threads, expected {most}", threads());
        std::thread::yield_now();
    }
}

/// Waits until a reading says that `name` is ready, and returns it.
#[track_caller]
fn wait_until_ready(reader: &StatusReader, catalog: &Catalog, name: &str) -> Status {
    let begun = Instant::now();
    loop {
        let status = reader.read(catalog, LONG, |_| {});
        if matches!(state(&status, name), MountState::Ready { .. }) {
            return status;
        }
        assert!(begun.elapsed() < LONG, "{name} answers again, and nobody sees it: {:?}", status.mounts);
    }
}

/// One after the other: they count all threads of this process.
#[test]
fn mounts_that_hang_cost_few_threads_and_come_back() {
    let host = Host::new();
    before_it_is_asked(&host);
    while_it_is_read(&host);
    with_errors_alone(&host);
}

fn before_it_is_asked(host: &Host) {
    let catalog = host.catalog();
    let production = Host::mount(&catalog, "production");
    let reader = StatusReader::new();
    let healthy = reader.read(&catalog, LONG, |_| {});
    assert!(matches!(state(&healthy, "production"), MountState::Ready { .. }), "{:?}", healthy.mounts);
    let before = threads();
    production.hang();
    let poke = usize::from(production.is_real());
    let hung = |status: &Status| {
        assert!(
            matches!(state(status, "production"), MountState::NotAnswering { .. }),
            "{:?}",
            status.mounts
        );
        assert!(matches!(state(status, "staging"), MountState::Ready { .. }), "{:?}", status.mounts);
        for (now, then) in status.releases.iter().zip(&healthy.releases) {
            for (repo, before) in now.repos.iter().zip(&then.repos) {
                let Position { state, reason } = &repo.production;
                assert_eq!(*state, PositionState::Unknown);
                assert!(reason.starts_with("production: not answering for "), "{reason}");
                assert_eq!(repo.staging, before.staging, "{} {}", now.major, repo.name);
            }
        }
    };
    hung(&reader.read(&catalog, LONG, |_| {}));
    wait_for_threads(before + poke + 1);
    let begun = Instant::now();
    for _ in 0..100 {
        hung(&reader.read(&catalog, LONG, |_| {}));
    }
    // Had each waited for the deadline of a quarter of a second alone, it would be three times that.
    assert!(begun.elapsed() < LONG);
    wait_for_threads(before + poke + 1);
    production.answer();
    let status = wait_until_ready(&reader, &catalog, "production");
    assert_eq!(positions(&status), positions(&healthy));
    wait_for_threads(before);
}

fn positions(status: &Status) -> Vec<(String, Position, Position)> {
    let repos = status.releases.iter().flat_map(|release| &release.repos);
    repos.map(|repo| (repo.name.to_string(), repo.staging.clone(), repo.production.clone())).collect()
}

/// A mount that hangs in the middle of a walk costs the walkers that were in it, and no more.
fn while_it_is_read(host: &Host) {
    let catalog = host.catalog();
    let Some(staging) = SlowMount::wide(&catalog.mount("staging").unwrap().path, 1, Duration::ZERO) else {
        return;
    };
    let healthy = StatusReader::new().read(&catalog, LONG, |_| {});
    let before = threads();
    let calls = staging.calls();
    let _warm = StatusReader::new().read(&catalog, LONG, |_| {});
    let whole = staging.calls() - calls;
    for part in [2, 10] {
        let reader = StatusReader::new();
        staging.hang_after(whole / part);
        let status = reader.read(&catalog, LONG, |_| {});
        let unknown = |status: &Status| {
            positions(status).iter().all(|(_, staging, _)| staging.state == PositionState::Unknown)
        };
        assert!(unknown(&status), "{:?}", positions(&status));
        // All that walked may be in it: two of a local disk, and no more than this on one as slow as this.
        wait_for_threads(before + Width::default().most);
        let stuck = threads();
        for _ in 0..20 {
            assert!(unknown(&reader.read(&catalog, LONG, |_| {})));
        }
        wait_for_threads(stuck);
        staging.answer();
        let status = wait_until_ready(&reader, &catalog, "staging");
        assert_eq!(positions(&status), positions(&healthy));
        wait_for_threads(before);
    }
}

/// A server that answers with errors alone is not one that does not answer.
fn with_errors_alone(host: &Host) {
    let catalog = host.catalog();
    let Some(staging) = SlowMount::wide(&catalog.mount("staging").unwrap().path, 1, Duration::ZERO) else {
        return;
    };
    let reader = StatusReader::new();
    for (errno, words) in [
        (rustix::io::Errno::STALE, "stale network file handle"),
        (rustix::io::Errno::IO, "input/output error"),
    ] {
        staging.fail(errno);
        let status = reader.read(&catalog, LONG, |_| {});
        let MountState::Failing { problem } = state(&status, "staging") else {
            panic!("{:?}", status.mounts);
        };
        assert!(problem.contains(words), "{problem}");
        let told = positions(&status).into_iter().map(|(_, staging, _)| staging);
        let known: Vec<_> = told.filter(|position| position.state != PositionState::Unknown).collect();
        assert!(known.is_empty(), "{known:?}");
        staging.answer();
        let _ready = wait_until_ready(&reader, &catalog, "staging");
    }
}
