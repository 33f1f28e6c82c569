//! What a release engineer relies on createrepo for, and what surprises him.

use super::super::{ModifyrepoOptions, modifyrepo};
use super::*;
use crate::sandbox::package::{Kind, PackageSpec, PayloadFile};

fn repository(count: u32) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..count {
        let spec = PackageSpec {
            name: format!("tool{number}"),
            epoch: 0,
            version: "1.0".into(),
            release: "1".into(),
            arch: "noarch".into(),
            kind: Kind::Binary { source_rpm: "tool-1.0-1.src.rpm".into() },
            summary: "A tool & more".into(),
            license: "MIT".into(),
            requires: vec!["bash >= 4".into()],
            provides: vec![],
            modularity_label: None,
            files: vec![PayloadFile { path: "/usr/bin/tool".into(), content: vec![1], mode: 0o755 }],
            build_time: 1_700_000_000,
        };
        std::fs::write(dir.path().join(spec.file_name()), spec.build(None).unwrap()).unwrap();
    }
    dir
}

fn run(dir: &Path, options: &CreaterepoOptions) -> Result<(Outcome, Vec<String>), MetadataError> {
    let mut lines = Vec::new();
    let outcome =
        createrepo(dir, options, &PackageCache::default(), &mut |line| lines.push(line.to_owned()))?;
    Ok((outcome, lines))
}

fn kinds(dir: &Path) -> Vec<String> {
    let text = fs::read_to_string(dir.join("repodata/repomd.xml")).unwrap();
    Repomd::parse(&text).unwrap().records.into_iter().map(|record| record.kind).collect()
}

fn update() -> CreaterepoOptions {
    CreaterepoOptions { update: true, ..CreaterepoOptions::default() }
}

#[test]
fn a_repository_of_three_packages_says_what_the_tool_says() {
    let dir = repository(3);
    run(dir.path(), &update()).unwrap();
    let (outcome, lines) = run(dir.path(), &update()).unwrap();
    assert_eq!(outcome, Outcome { packages: 3, unreadable: 0 });
    assert_eq!(
        lines,
        [
            "Directory walk started",
            "Directory walk done - 3 packages",
            "Loaded information about 3 packages",
            &format!("Temporary output repo path: {}/.repodata/", dir.path().display()),
            "Pool started (with 1 workers)",
            "Pool finished",
        ]
    );
}

#[test]
fn an_update_forgets_the_modules_and_keeps_the_stale_signature() {
    let dir = repository(1);
    run(dir.path(), &update()).unwrap();
    let modules = dir.path().join("modules.yaml");
    fs::write(&modules, "---\n").unwrap();
    let options = ModifyrepoOptions { compression: Some(Compression::Xz), ..ModifyrepoOptions::default() };
    assert!(modifyrepo(&modules, &dir.path().join("repodata"), &options).unwrap().is_empty());
    assert_eq!(modifyrepo(&modules, &dir.path().join("repodata"), &options).unwrap().len(), 1);
    assert_eq!(kinds(dir.path()), ["primary", "filelists", "other", "modules"]);
    fs::write(dir.path().join("repodata/repomd.xml.asc"), "old").unwrap();

    run(dir.path(), &CreaterepoOptions { keep_all_metadata: true, ..update() }).unwrap();
    assert_eq!(kinds(dir.path()), ["primary", "filelists", "other", "modules"]);
    run(dir.path(), &update()).unwrap();
    assert_eq!(kinds(dir.path()), ["primary", "filelists", "other"]);
    assert_eq!(fs::read(dir.path().join("repodata/repomd.xml.asc")).unwrap(), b"old");
    assert!(
        !fs::read_dir(dir.path().join("repodata"))
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().contains("modules") })
    );
}

#[test]
fn a_group_file_is_listed_plain_and_compressed() {
    let dir = repository(1);
    let comps = dir.path().join("comps-BaseOS.x86_64.xml");
    fs::write(&comps, "<comps/>").unwrap();
    run(dir.path(), &CreaterepoOptions { groupfile: Some(comps), ..update() }).unwrap();
    assert_eq!(kinds(dir.path()), ["primary", "filelists", "other", "group", "group_gz"]);
}

#[test]
fn what_a_killed_run_left_stops_every_later_one() {
    let dir = repository(1);
    run(dir.path(), &update()).unwrap();
    let before = fs::read(dir.path().join("repodata/repomd.xml")).unwrap();
    fs::create_dir(dir.path().join(".repodata")).unwrap();
    for _ in 0..2 {
        let why = run(dir.path(), &update()).unwrap_err().to_string();
        assert!(
            why.ends_with(".repodata/ already exists! (Another createrepo process is running?)"),
            "{why}"
        );
    }
    assert_eq!(fs::read(dir.path().join("repodata/repomd.xml")).unwrap(), before);
}

#[test]
fn a_missing_group_file_or_folder_leaves_no_dirt() {
    let dir = repository(1);
    let options = CreaterepoOptions { groupfile: Some("/nowhere/comps.xml".into()), ..update() };
    assert_eq!(
        run(dir.path(), &options).unwrap_err().to_string(),
        "groupfile /nowhere/comps.xml doesn't exists"
    );
    assert!(!dir.path().join(".repodata").exists());
    assert!(matches!(run(&dir.path().join("no"), &update()), Err(MetadataError::NoDirectory(_))));
}

#[test]
fn a_broken_package_is_left_out_with_a_warning_only() {
    let dir = repository(2);
    fs::write(dir.path().join("broken.rpm"), "not a package").unwrap();
    let (outcome, lines) = run(dir.path(), &update()).unwrap();
    assert_eq!(outcome, Outcome { packages: 2, unreadable: 1 });
    assert!(lines.iter().any(|line| line.contains("Cannot read package") && line.contains("broken.rpm")));
    assert_eq!(lines.last().unwrap(), "Pool finished with errors");
}

#[test]
fn xz_is_used_where_it_is_asked_for() {
    let dir = repository(1);
    run(dir.path(), &CreaterepoOptions { compression: Some(Compression::Xz), ..update() }).unwrap();
    let (_, lines) = run(dir.path(), &update()).unwrap();
    assert!(lines.iter().any(|line| line == "Loaded information about 1 packages"), "{lines:?}");
}
