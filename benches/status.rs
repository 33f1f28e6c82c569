//! Status of 3 releases x 8 repos x 100 composes (design 11): warm on a local disk, and on a mount on which
//! every call takes a millisecond.
//!
//! `cargo bench --bench status`. The slow mount is a real one (FUSE); where there is none, that is said and the
//! row is missing.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to measure")]

#[path = "../tests/support/slow_mount.rs"]
#[expect(dead_code, reason = "the tests make mounts hang and fail, which is not measured")]
mod slow_mount;

use divan::Bencher;
use slow_mount::SlowMount;
use stagegate::compose::status::StatusReader;
use stagegate::domain::catalog::{Catalog, GateRules, Mount, MountRequirement};
use stagegate::domain::name::{ReleaseId, RepoName, SigName};
use stagegate::domain::release::{Release, Repo, Toolkit, ToolkitVars};
use stagegate::domain::status::PositionState;
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

const REPOS: [&str; 8] = ["Rocky", "Rocky-devel", "Extras", "NFV", "Plus", "RT", "gluster9", "advanced-virt"];
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a network mount takes names and attributes for granted, at the least (nfs(5), `acregmin`).
const TTL: Duration = Duration::from_secs(3);

fn main() {
    divan::main();
}

/// Everything on a local disk, in the page cache.
#[divan::bench(sample_count = 20)]
fn warm(bencher: Bencher<'_, '_>) {
    let (_dir, catalog) = host();
    measure(bencher, &catalog);
}

/// The same on one mount that takes a millisecond for each call.
#[divan::bench(sample_count = 20)]
fn one_millisecond_a_call(bencher: Bencher<'_, '_>) {
    let (dir, catalog) = host();
    let Some(mount) = SlowMount::wide(&dir.path().join("mnt"), 64, TTL) else { return };
    mount.slow(Duration::from_millis(1));
    let before = mount.calls();
    let reader = StatusReader::new();
    let _first = reader.read(&catalog, PATIENCE, |_| {});
    let cold = mount.calls() - before;
    let _second = reader.read(&catalog, PATIENCE, |_| {});
    let warm = mount.calls() - before - cold;
    let line = format!("calls of a first status: {cold}, of a later one: {warm}\n");
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
    measure(bencher, &catalog);
}

fn measure(bencher: Bencher<'_, '_>, catalog: &Catalog) {
    let reader = StatusReader::new();
    let first = reader.read(catalog, PATIENCE, |_| {});
    for repo in first.releases.iter().flat_map(|release| &release.repos) {
        assert_eq!(repo.staging.state, PositionState::Current, "{}: {}", repo.name, repo.staging.reason);
    }
    bencher.bench_local(|| reader.read(catalog, PATIENCE, |_| {}));
}

/// Three releases: a hundred composes of every repo, of which staging holds the newest and production nothing.
fn host() -> (tempfile::TempDir, Catalog) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("mnt");
    let releases: Vec<Release> = ["8", "9", "10"].into_iter().map(|major| release(&root, major)).collect();
    for release in &releases {
        for repo in REPOS {
            fill(release, repo);
        }
    }
    let mount = |name: &str, below: &str| Mount {
        name: name.to_owned(),
        path: root.join(below),
        require: MountRequirement::Folder,
        min_free: 0,
        deadline_s: 20,
    };
    std::fs::create_dir_all(root.join("production")).unwrap();
    let catalog = Catalog {
        name: "Bench".to_owned(),
        source: "here".to_owned(),
        mounts: ["compose", "staging", "production"].map(|name| mount(name, name)).to_vec(),
        checkouts: Vec::new(),
        environment: BTreeMap::new(),
        secrets: stagegate::domain::redact::Secrets::default(),
        releases,
        flows: Vec::new(),
        templates: BTreeMap::new(),
        gate: GateRules {
            name: "staging-vetted".to_owned(),
            phrase: "{revision} vetted".to_owned(),
            expires_s: 60,
            people: 1,
            allowed_signers: None,
            solo: false,
            checklist: Vec::new(),
        },
        severities: Vec::new(),
        lists: None,
        torrents: None,
        notices: Vec::new(),
    };
    (dir, catalog)
}

fn fill(release: &Release, repo: &str) {
    let major = &release.id;
    let files: Vec<String> = ["a", "b", "c"]
        .into_iter()
        .map(|letter| format!("{repo}/x86_64/os/Packages/{letter}/{letter}-1.rpm"))
        .chain([format!("{repo}/x86_64/os/repodata/repomd.xml")])
        .collect();
    for at in 0..100 {
        let id = format!("{repo}-{major}-updates-202107{:02}.{}", at / 10 + 1, at % 10);
        let compose = release.compose_dir.join(&id);
        put(&compose.join("compose"), &files);
        std::fs::write(compose.join("STATUS"), "FINISHED\n").unwrap();
        std::fs::write(compose.join("COMPOSE_ID"), &id).unwrap();
    }
    let latest = format!("{repo}-{major}-updates-20210710.9");
    symlink(&latest, release.compose_dir.join(format!("latest-{repo}-{major}"))).unwrap();
    let sig = if repo == "gluster9" { "storage" } else { "" };
    put(&release.staging().unwrap().join(sig), &files);
}

fn put(root: &Path, files: &[String]) {
    for file in files {
        let path: PathBuf = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
}

fn release(root: &Path, major: &str) -> Release {
    let name = |name: &str| RepoName::new(name).unwrap();
    let repo = |repo: &str| Repo {
        name: name(repo),
        sig: (repo == "gluster9").then(|| SigName::new("storage").unwrap()),
        scripts: BTreeMap::new(),
    };
    Release {
        id: ReleaseId::new(major).unwrap(),
        compose_dir: root.join("compose").join(major),
        production_dir: root.join("production/pub").join(major),
        toolkit: Toolkit {
            folder: root.join("toolkit"),
            compose_folder: root.join("pungi"),
            depth: 2,
            deletes: false,
            signer: None,
            keys: Vec::new(),
            tools: Vec::new(),
        },
        vars: Ok(ToolkitVars {
            revision: format!("{major}.10"),
            append: "-RC1".to_owned(),
            staging_root: root.join("staging"),
            production_root: root.join("production"),
            category: "pub".to_owned(),
            release_dir: format!("pub/{major}.10-RC1"),
            arches: vec!["x86_64".to_owned()],
            variants: Vec::new(),
            module_variants: Vec::new(),
            nonsig_composes: Vec::new(),
        }),
        sync_order: REPOS.iter().filter(|repo| **repo != "advanced-virt").map(|repo| name(repo)).collect(),
        repos: REPOS.iter().map(|name| repo(name)).collect(),
        needs: Vec::new(),
    }
}
