//! What is laid before the engineer.

use super::{Fixture, host};
use crate::domain::evidence::{Change, ChangeKind, Changes, Evidence};
use crate::domain::finding::Finding;
use crate::domain::flow::CheckName;
use crate::domain::seal::Seal;
use crate::vet::fixture::metadata::createrepo;
use crate::vet::fixture::text::{RepoText, modules};
use crate::vet::fixture::{GLUSTER, ROCKY, package};
use crate::vet::{SealCache, VetError};

fn evidence(fixture: &Fixture) -> Result<(Evidence, Seal), VetError> {
    fixture.with_context("8/gate", |cx| crate::vet::evidence(cx, Some(&mut SealCache::new())))
}

fn changes(fixture: &Fixture, deletes: bool) -> Changes {
    let (staging, production) = (fixture.staging(""), fixture.production(""));
    crate::vet::changes(&staging, &production, 2, deletes, &crate::compose::pulse::Pulse::new()).unwrap()
}

fn short(changes: &[Change]) -> Vec<String> {
    let text = |version: &Option<String>| version.clone().unwrap_or_else(|| "-".to_owned());
    changes
        .iter()
        .map(|c| format!("{:?} {} {} {} {}", c.kind, c.place, c.name, text(&c.from), text(&c.to)))
        .collect()
}

fn stage(fixture: &Fixture, name: &str, version_release: &str) {
    let path = format!("staging/pub/8.10-RC1/BaseOS/x86_64/os/Packages/{name}-{version_release}.x86_64.rpm");
    fixture.put(&path, &package(name, version_release, b"content"));
    index(fixture);
}

/// Makes the metadata of staging anew, as prep does.
fn index(fixture: &Fixture) {
    createrepo(&fixture.staging("BaseOS/x86_64/os"), "");
}

#[test]
fn the_evidence_holds_what_goes_out_and_what_was_found() {
    let fixture = host();
    stage(&fixture, "ksh", "1.0-1.el8");
    let (evidence, seal) = evidence(&fixture).unwrap();
    assert_eq!(evidence.seal, seal.digest());
    assert_eq!(evidence.sealed_paths, seal.paths.len());
    assert_eq!((evidence.revision.as_str(), evidence.checklist.len()), ("8.10", 1));
    let repos: Vec<(&str, String, bool)> = evidence
        .repos
        .iter()
        .map(|out| (out.repo.as_str(), out.compose.as_ref().unwrap().to_string(), out.touched))
        .collect();
    assert_eq!(repos, [("Rocky", ROCKY.to_owned(), true), ("gluster9", GLUSTER.to_owned(), true)]);
    assert_eq!(short(&evidence.changes.packages), ["Added BaseOS/x86_64/os ksh - 1.0-1.el8"]);
    let now = &evidence.production_now;
    assert!(now.starts_with("production holds 8.10 with 4 packages in 2 repos, its metadata last"), "{now}");
    // Nothing is signed here, and that is all there is to find: two repos, five packages, and that no key is known.
    let count = |check| evidence.findings.iter().filter(|finding| finding.check == check).count();
    assert_eq!(count(CheckName::MetadataSigned), 2);
    assert_eq!(count(CheckName::PackagesSigned), 6);
    assert_eq!(evidence.findings.len(), 8);
}

#[test]
fn a_repo_that_this_run_did_not_touch_goes_out_too_and_is_compared() {
    let mut fixture = host();
    fixture.plan.steps.retain(|step| step.repo.as_ref().is_none_or(|repo| repo.as_str() != "gluster9"));
    let (first, _) = evidence(&fixture).unwrap();
    let gluster = first.repos.iter().find(|out| out.repo.as_str() == "gluster9").unwrap();
    assert_eq!(
        (gluster.compose.as_ref().map(ToString::to_string), gluster.touched),
        (Some(GLUSTER.to_owned()), false)
    );
    let bash = "storage/gluster9/x86_64/os/Packages/bash-5.1-1.el8.x86_64.rpm";
    std::fs::write(fixture.staging(bash), package("bash", "5.1-1.el8", b"CONTENT")).unwrap();
    let found = fixture.lines(CheckName::StagingMatchesCompose, "8/gate");
    assert_eq!(found, [format!("Blocking {bash} differs from {GLUSTER}: another package of the same size")]);
    // Half of it there: nobody ticked it, and it would go out.
    std::fs::remove_file(fixture.staging(bash)).unwrap();
    let found = fixture.lines(CheckName::StagingMatchesCompose, "8/gate");
    assert!(found.len() == 1 && found[0].contains("goes out too, and is not whole"), "{found:?}");
}

#[test]
fn skipped_steps_and_leftovers_are_part_of_the_evidence() {
    let mut fixture = host();
    fixture.skipped.insert("8/prep".parse().unwrap(), "no time".to_owned());
    fixture.write("staging/pub/8.10-RC1/BaseOS/x86_64/os/Packages/.bash-5.rpm.Ab12Cd", "half");
    let (evidence, seal) = evidence(&fixture).unwrap();
    let checks: Vec<CheckName> = evidence.findings.iter().map(|finding| finding.check).collect();
    assert!(checks.contains(&CheckName::Skipped) && checks.contains(&CheckName::Leftovers), "{checks:?}");
    assert!(
        seal.paths.contains_key("BaseOS/x86_64/os/Packages/.bash-5.rpm.Ab12Cd"),
        "hidden files are sealed"
    );
}

#[test]
fn there_is_no_evidence_of_what_cannot_be_read() {
    let fixture = host();
    std::fs::remove_dir_all(fixture.staging("")).unwrap();
    assert!(matches!(evidence(&fixture), Err(VetError::Unreadable { .. })));
}

#[test]
fn without_metadata_file_names_tell_versions_in_rpms_order() {
    let fixture = host();
    std::fs::remove_dir_all(fixture.production("BaseOS/x86_64/os/repodata")).unwrap();
    stage(&fixture, "bash", "5.10-1.el8");
    stage(&fixture, "zsh", "5.1-0.9.el8");
    stage(&fixture, "ksh", "1.0-1.el8");
    stage(&fixture, "ksh", "1.0-2.el8");
    assert_eq!(
        short(&changes(&fixture, false).packages),
        [
            "Updated BaseOS/x86_64/os bash 5.1-1.el8 5.10-1.el8",
            "Added BaseOS/x86_64/os ksh - 1.0-2.el8",
            "Downgraded BaseOS/x86_64/os zsh 5.1-1.el8 5.1-0.9.el8",
        ]
    );
}

#[test]
fn metadata_tells_what_clients_will_see() {
    let fixture = host();
    let os = "BaseOS/x86_64/os";
    let advisory = |id: &str| {
        format!(
            "<update type=\"security\"><id>{id}</id><title>t</title><severity>Low</severity><references><reference type=\"cve\" id=\"CVE-1\"/></references></update>"
        )
    };
    let errata = |ids: &[&str]| {
        format!("<updates>{}</updates>", ids.iter().map(|id| advisory(id)).collect::<String>())
    };
    let (old, new) = ("node-18-1.module+el8.x86_64", "node-20-1.module+el8.x86_64");
    RepoText::new()
        .package("bash-1:5.1-1.el8.x86_64", &[])
        .package("tool-2-1.el8.i686", &[])
        .package("zsh-1-1.el8.x86_64", &[])
        .package(old, &[])
        .data("modules", modules(&[("node:18", &[], &[old])], &[]))
        .data("updateinfo", errata(&["A-1", "A-2"]))
        .write(&fixture.production(os));
    RepoText::new()
        .package("bash-1:5.1-1.el8.x86_64", &[])
        .package("bash-1:5.10-1.el8.x86_64", &[])
        .package("tool-1-1.el8.i686", &[])
        .package("zsh-1-1.el8.x86_64", &["content other"])
        .package(old, &[])
        .package(new, &[])
        .package("new-1-1.el8.noarch", &[])
        .package("new-2-1.el8.noarch", &[])
        .data(
            "modules",
            modules(&[("node:18", &[], &[old]), ("node:20", &[], &[new]), ("web:1", &[], &[])], &[]),
        )
        .data("updateinfo", errata(&["A-2", "A-3"]))
        .write(&fixture.staging(os));
    let changes = changes(&fixture, false);
    assert_eq!(
        short(&changes.packages),
        [
            "Updated BaseOS/x86_64/os bash 1:5.1-1.el8 1:5.10-1.el8",
            "Added BaseOS/x86_64/os new - 2-1.el8",
            "Added BaseOS/x86_64/os node - 20-1.module+el8",
            "Downgraded BaseOS/x86_64/os tool.i686 2-1.el8 1-1.el8",
            "Rebuilt BaseOS/x86_64/os zsh 1-1.el8 1-1.el8",
        ]
    );
    assert!(changes.packages.iter().all(|change| change.size == 100));
    let advisories: Vec<String> = changes
        .advisories
        .iter()
        .map(|one| format!("{:?} {} {} {:?}", one.kind, one.id, one.severity, one.cves))
        .collect();
    assert_eq!(advisories, ["Removed A-1 Low [\"CVE-1\"]", "Added A-3 Low [\"CVE-1\"]"]);
    let streams: Vec<String> = changes
        .streams
        .iter()
        .map(|one| format!("{:?} {} {}", one.kind, one.name, one.whole_module))
        .collect();
    assert_eq!(streams, ["Added node:20 false", "Added web:1 true"]);
}

#[test]
fn the_update_of_an_older_stream_is_no_downgrade() {
    let fixture = host();
    std::fs::remove_dir_all(fixture.production("BaseOS/x86_64/os/repodata")).unwrap();
    let module = "1.module+el8.10.0+1+abc";
    for version in ["18.20.3", "20.12.2"] {
        let name = format!("BaseOS/x86_64/os/Packages/nodejs-{version}-{module}.x86_64.rpm");
        let content = package("nodejs", &format!("{version}-{module}"), b"content");
        fixture.put(&format!("staging/pub/8.10-RC1/{name}"), &content);
        fixture.put(&format!("production/pub/8.10/{name}"), &content);
    }
    stage(&fixture, "nodejs", &format!("18.20.4-{module}"));
    assert_eq!(
        short(&changes(&fixture, false).packages),
        [format!("Updated BaseOS/x86_64/os nodejs 18.20.3-{module} 18.20.4-{module}")]
    );
}

#[test]
fn a_rebuild_is_found_though_name_and_size_are_the_same() {
    let fixture = host();
    let bash = fixture.staging("BaseOS/x86_64/os/Packages/bash-5.1-1.el8.x86_64.rpm");
    // The same bytes with another time are no rebuild.
    let touch = || {
        let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1000);
        std::fs::File::options().write(true).open(&bash).unwrap().set_modified(old).unwrap();
    };
    touch();
    assert_eq!(changes(&fixture, false), Changes::default());
    std::fs::write(&bash, package("bash", "5.1-1.el8", b"CONTENT")).unwrap();
    touch();
    index(&fixture);
    assert_eq!(
        short(&changes(&fixture, false).packages),
        ["Rebuilt BaseOS/x86_64/os bash 5.1-1.el8 5.1-1.el8"]
    );
}

#[test]
fn only_a_deleting_push_removes() {
    let fixture = host();
    let zsh = fixture.staging("BaseOS/x86_64/os/Packages/zsh-5.1-1.el8.x86_64.rpm");
    std::fs::remove_file(zsh).unwrap();
    index(&fixture);
    let kept = changes(&fixture, false);
    assert!(kept.packages.is_empty() && kept.files.is_empty(), "{kept:?}");
    assert_eq!(short(&changes(&fixture, true).packages), ["Removed BaseOS/x86_64/os zsh 5.1-1.el8 -"]);
    fixture.write("production/pub/8.10/isos/x86_64/old.iso", "image");
    assert_eq!(short(&changes(&fixture, true).files), ["Removed isos/x86_64 old.iso 5 bytes -"]);
}

#[test]
fn images_and_bytes_are_counted() {
    let fixture = host();
    fixture.write("staging/pub/8.10-RC1/isos/x86_64/Rocky-8.10-x86_64-boot.iso", "image");
    fixture.write("staging/pub/8.10-RC1/README", "too shallow to go out");
    let changes = changes(&fixture, false);
    assert_eq!(short(&changes.files), ["Added isos/x86_64 Rocky-8.10-x86_64-boot.iso - 5 bytes"]);
    assert_eq!(changes.bytes, 5);
    assert!(changes.packages.iter().all(|change| change.kind != ChangeKind::Added));
}

#[test]
fn a_release_that_production_does_not_have_is_all_new() {
    let fixture = host();
    std::fs::remove_dir_all(fixture.production("")).unwrap();
    let (evidence, _) = evidence(&fixture).unwrap();
    assert_eq!(evidence.changes.packages.len(), 4);
    assert!(
        evidence.production_now.starts_with("production holds nothing of 8.10"),
        "{}",
        evidence.production_now
    );
}

#[test]
fn one_check_looks_again_while_staging_is_what_was_sealed_and_all_do_once_it_is_not() {
    let fixture = host();
    let (mut before, seal) = evidence(&fixture).unwrap();
    let invented =
        |check| Finding::blocking(check, "invented", "8/gate", "was there a moment ago", "look again");
    before.findings.insert(0, invented(CheckName::Leftovers));
    before.findings.insert(1, invented(CheckName::CompsPresent));
    let again = |check| {
        fixture.with_context("8/gate", |cx| {
            crate::vet::evidence_again(cx, &mut SealCache::new(), before.clone(), check)
        })
    };
    let (after, same) = again(CheckName::Leftovers).unwrap();
    assert_eq!((same.digest(), after.at, &after.changes), (seal.digest(), before.at, &before.changes));
    assert_eq!(after.findings.len(), before.findings.len() - 1, "what it does not find any more is gone");
    assert!(after.findings.contains(&invented(CheckName::CompsPresent)), "what another found stands");
    assert!(after.findings.is_sorted_by_key(|finding| std::cmp::Reverse(finding.severity)));
    let looked =
        |evidence: &Evidence, check| evidence.checks.iter().find(|one| one.check == check).unwrap().at;
    assert!(looked(&after, CheckName::Leftovers) > looked(&before, CheckName::Leftovers));
    assert_eq!(looked(&after, CheckName::CompsPresent), looked(&before, CheckName::CompsPresent));

    stage(&fixture, "ksh", "1.0-1.el8");
    let (whole, other) = again(CheckName::Leftovers).unwrap();
    assert_ne!(other.digest(), seal.digest());
    assert!(whole.at > before.at && !whole.findings.contains(&invented(CheckName::CompsPresent)));
    assert_eq!(short(&whole.changes.packages), ["Added BaseOS/x86_64/os ksh - 1.0-1.el8"]);
}
