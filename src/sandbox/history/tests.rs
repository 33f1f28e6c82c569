//! What a new host must look like, as far as no outside tool is needed to say so.

use super::*;
use crate::sandbox::signer::tests::shared;

fn host() -> (tempfile::TempDir, HostPaths) {
    let dir = tempfile::tempdir().unwrap();
    let paths = HostPaths::new(dir.path());
    populate(&paths, shared(), "2026-11-22T18:00:00Z".parse().unwrap()).unwrap();
    (dir, paths)
}

fn status_of(dir: &Path) -> String {
    fs::read_to_string(dir.join("STATUS")).unwrap().trim().to_owned()
}

#[test]
fn the_past_has_its_mishaps_and_none_is_the_latest() {
    let (_dir, paths) = host();
    let mut seen = std::collections::BTreeSet::new();
    for major in ["8", "9", "10"] {
        for entry in fs::read_dir(paths.composes(major)).unwrap() {
            let path = entry.unwrap().path();
            let status = status_of(&path);
            if path.is_symlink() {
                assert_eq!(status, "FINISHED", "{}", path.display());
            }
            seen.insert(status);
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["DOOMED", "FINISHED", "STARTED", "TERMINATED"]);
    let latest = fs::read_link(paths.latest_link("8", "Rocky")).unwrap();
    assert!(latest.to_string_lossy().ends_with(".10"), "{}", latest.display());
    let ninth = latest.to_string_lossy().replace(".10", ".9");
    assert!(paths.composes("8").join(ninth).is_dir());
}

#[test]
fn positions_are_where_the_table_says() {
    let (_dir, paths) = host();
    let staging = |path: &str| paths.staging().join(path);
    let production = |path: &str| paths.production().join(path);
    assert!(staging("8.10-RC1/storage/gluster9/x86_64/os/repodata/repomd.xml.asc").is_file());
    assert!(production("8.10/storage/gluster9/source/tree/repodata/repomd.xml.asc").is_file());
    assert!(staging("10.0-RC1/nfv").is_dir() && !production("10.0/nfv").exists());
    assert!(!staging("8.10-RC1/advanced-virt").exists() && !staging("8.10-RC1/virt").exists());
    let repomd = |path: &Path| fs::read(path.join("x86_64/os/repodata/repomd.xml")).unwrap();
    assert_eq!(repomd(&staging("8.10-RC1/BaseOS")), repomd(&production("8.10/BaseOS")));
    assert_ne!(repomd(&staging("9.6-RC1/Devel")), repomd(&production("9.6/Devel")));
}
