//! The checks about composes: finished, pinned, copied to staging.

use super::host;
use crate::compose::pulse::Pulse;
use crate::domain::finding::Finding;
use crate::domain::flow::CheckName;
use crate::vet::fixture::{Fixture, GLUSTER, ROCKY, package};
use crate::vet::{VetContext, pinned};
use jiff::{SignedDuration, Timestamp};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const BASH: &str = "BaseOS/x86_64/os/Packages/bash-5.1-1.el8.x86_64.rpm";

#[test]
fn a_compose_that_did_not_finish_is_found() {
    let fixture = host();
    let status = format!("compose/8/{ROCKY}/STATUS");
    for (word, line) in [
        (
            "STARTED\n",
            "Blocking DIR/compose/8/latest-Rocky-8 Rocky-8-updates-20210721.1 is STARTED, whether or not pungi still runs",
        ),
        ("DOOMED\n", "Blocking DIR/compose/8/latest-Rocky-8 Rocky-8-updates-20210721.1 is DOOMED"),
        ("TERMINATED\n", "Blocking DIR/compose/8/latest-Rocky-8 Rocky-8-updates-20210721.1 is TERMINATED"),
    ] {
        fixture.write(&status, word);
        assert_eq!(fixture.lines(CheckName::ComposeFinished, "8/sync/Rocky"), [line]);
    }
    fixture.write(&status, "FINISHED_INCOMPLETE\n");
    assert!(fixture.lines(CheckName::ComposeFinished, "8/sync/Rocky")[0].starts_with("Warning"));
    std::fs::remove_file(fixture.path(&status)).unwrap();
    assert!(fixture.lines(CheckName::ComposeFinished, "8/sync/Rocky")[0].contains("has no STATUS"));
}

#[test]
fn a_link_that_is_missing_moved_or_no_link_is_found() {
    let fixture = host();
    let link = fixture.path("compose/8/latest-Rocky-8");
    let newer = "Rocky-8-updates-20210722.0";
    fixture.write(&format!("compose/8/{newer}/COMPOSE_ID"), newer);
    fixture.write(&format!("compose/8/{newer}/STATUS"), "STARTED\n");
    let lines = fixture.lines(CheckName::ComposeFinished, "8/sync/Rocky");
    assert!(
        lines.len() == 1 && lines[0].starts_with("Warning Rocky-8-updates-20210722.0 is newer"),
        "{lines:?}"
    );
    fixture.write(&format!("compose/8/{newer}/STATUS"), "FINISHED\n");
    std::fs::remove_file(&link).unwrap();
    assert!(fixture.lines(CheckName::ComposeFinished, "8/sync/Rocky")[0].contains("no such link"));
    symlink(newer, &link).unwrap();
    fixture.write(&format!("compose/8/{newer}/COMPOSE_ID"), ROCKY);
    assert!(fixture.lines(CheckName::ComposeFinished, "8/sync/Rocky")[0].contains("COMPOSE_ID"));
    std::fs::remove_file(&link).unwrap();
    std::fs::create_dir(&link).unwrap();
    assert!(fixture.lines(CheckName::ComposeFinished, "8/sync/Rocky")[0].contains("is a folder"));
}

#[test]
fn a_compose_step_must_have_moved_the_link_to_something_new() {
    let mut fixture = host();
    let now = Timestamp::now();
    fixture.started = Some(now.checked_sub(SignedDuration::from_mins(1)).unwrap());
    assert!(fixture.lines(CheckName::ComposeFinished, "8/compose/Rocky").is_empty());
    fixture.started = Some(now.checked_add(SignedDuration::from_mins(1)).unwrap());
    assert_eq!(
        fixture.lines(CheckName::ComposeFinished, "8/compose/Rocky"),
        [format!("Blocking DIR/compose/8/latest-Rocky-8 still names {ROCKY}, which is older than this step")]
    );
}

#[test]
fn a_sync_that_left_something_out_is_found() {
    let fixture = host();
    std::fs::remove_file(fixture.staging(BASH)).unwrap();
    fixture.write("staging/pub/8.10-RC1/BaseOS/x86_64/os/.treeinfo", "longer than it was\n");
    let head = fixture.staging("BaseOS/x86_64/os/repodata/repomd.xml");
    let text = std::fs::read_to_string(&head).unwrap();
    std::fs::write(&head, text.replace("<revision>1<", "<revision>2<")).unwrap();
    let lines = fixture.lines(CheckName::StagingMatchesCompose, "8/sync/Rocky");
    assert_eq!(
        lines,
        [
            format!("Blocking {BASH} is missing; {ROCKY} has it"),
            format!("Blocking BaseOS/x86_64/os/.treeinfo differs from {ROCKY}: 19 bytes instead of 9"),
            format!(
                "Blocking BaseOS/x86_64/os/repodata/repomd.xml differs from {ROCKY}: other content of the same size"
            ),
        ]
    );
    // Prep makes metadata and .treeinfo anew: at the gate the package alone counts.
    let gate = fixture.lines(CheckName::StagingMatchesCompose, "8/gate");
    assert_eq!(gate, [format!("Blocking {BASH} is missing; {ROCKY} has it")]);
    // The minor release's script changes .treeinfo.
    let minor = fixture.lines(CheckName::StagingMatchesCompose, "8/minor-sync");
    assert!(minor.len() == 1 && minor[0].contains(BASH), "{minor:?}");
    std::fs::remove_dir_all(fixture.staging("BaseOS/x86_64")).unwrap();
    assert_eq!(
        fixture.lines(CheckName::StagingMatchesCompose, "8/gate"),
        [format!("Blocking BaseOS/x86_64 is missing whole: 2 files of {ROCKY}")]
    );
}

#[test]
fn a_package_of_the_same_size_with_other_content_is_found_at_the_gate() {
    let fixture = host();
    std::fs::write(fixture.staging(BASH), package("bash", "5.1-1.el8", b"CONTENT")).unwrap();
    assert!(
        fixture.lines(CheckName::StagingMatchesCompose, "8/sync/Rocky").is_empty(),
        "a size is all it asks"
    );
    assert_eq!(
        fixture.lines(CheckName::StagingMatchesCompose, "8/gate"),
        [format!("Blocking {BASH} differs from {ROCKY}: another package of the same size")]
    );
    // Older packages are history.
    fixture.copy(
        &format!("compose/8/{ROCKY}/compose/BaseOS/x86_64/os/Packages"),
        "staging/pub/8.10-RC1/BaseOS/x86_64/os/Packages",
    );
    fixture.write("staging/pub/8.10-RC1/BaseOS/x86_64/os/Packages/bash-4.rpm", "old");
    assert!(fixture.lines(CheckName::StagingMatchesCompose, "8/gate").is_empty());
}

#[test]
fn content_that_the_toolkit_does_not_copy_is_not_missed() {
    let fixture = host();
    assert!(!fixture.staging("metadata").exists());
    fixture.write(&format!("compose/8/{ROCKY}/compose/BaseOS/README"), "too shallow");
    assert!(fixture.lines(CheckName::StagingMatchesCompose, "8/sync/Rocky").is_empty());
}

#[test]
fn a_sig_repo_in_the_releases_own_folder_is_in_the_wrong_place() {
    let mut fixture = host();
    fixture.copy(&format!("compose/8/{GLUSTER}/compose/gluster9"), "staging/pub/8.10-RC1/gluster9");
    let line = "Blocking gluster9 gluster9 belongs in storage, not in the release's own folder";
    assert_eq!(fixture.lines(CheckName::StagingMatchesCompose, "8/sync/gluster9"), [line]);
    assert_eq!(fixture.lines(CheckName::StagingMatchesCompose, "8/gate"), [line]);
    // What the SOP's own example does: only there, and not where it belongs.
    std::fs::remove_dir_all(fixture.staging("storage")).unwrap();
    let lines = fixture.lines(CheckName::StagingMatchesCompose, "8/sync/gluster9");
    assert!(
        lines.iter().any(|l| l.contains("storage/gluster9/x86_64 is missing whole: 7 files")),
        "{lines:?}"
    );
    // At the gate of another run nothing seems to be staged of it, and it goes out all the same.
    fixture.composes.clear();
    let lines = fixture.lines(CheckName::StagingMatchesCompose, "8/gate");
    assert!(lines.iter().any(|found| found == line), "{lines:?}");
}

#[test]
fn a_sig_in_other_letters_is_in_the_wrong_place() {
    let fixture = host();
    fixture.copy(&format!("compose/8/{GLUSTER}/compose/gluster9"), "staging/pub/8.10-RC1/Storage/gluster9");
    let line = "Blocking Storage is `storage` in other letters; what stands there would go out beside it";
    assert_eq!(fixture.lines(CheckName::StagingMatchesCompose, "8/sync/gluster9"), [line]);
    assert_eq!(fixture.lines(CheckName::StagingMatchesCompose, "8/gate"), [line]);
}

#[test]
fn a_link_to_a_folder_is_told_where_the_push_picks_up_folders() {
    let fixture = host();
    std::os::unix::fs::symlink("BaseOS", fixture.staging("BaseOS-again")).unwrap();
    std::os::unix::fs::symlink("x86_64", fixture.staging("BaseOS/amd64")).unwrap();
    // Deeper ones are copied as what they are, and one that leads to a file or nowhere is none.
    std::os::unix::fs::symlink("os", fixture.staging("BaseOS/x86_64/link")).unwrap();
    std::os::unix::fs::symlink("nowhere", fixture.staging("gone")).unwrap();
    assert_eq!(
        fixture.lines(CheckName::StagingMatchesCompose, "8/gate"),
        [
            "Warning BaseOS-again is a link to a folder; the push copies what it leads to as a folder of its own",
            "Warning BaseOS/amd64 is a link to a folder; the push passes over it",
        ]
    );
}

#[test]
fn an_empty_compose_is_found_though_nothing_of_it_is_missing() {
    let fixture = host();
    std::fs::remove_dir_all(fixture.path(&format!("compose/8/{ROCKY}/compose/BaseOS"))).unwrap();
    let lines = fixture.lines(CheckName::StagingMatchesCompose, "8/sync/Rocky");
    assert!(lines[0].contains("holds no package and no image"), "{lines:?}");
}

#[test]
fn a_pin_that_nobody_knows_is_found() {
    let mut fixture = host();
    fixture.composes.clear();
    assert!(fixture.lines(CheckName::StagingMatchesCompose, "8/sync/Rocky")[0].contains("is pinned"));
    assert!(pins(&fixture, "8/sync/Rocky")[0].contains("no compose of Rocky is pinned yet"));
}

/// What the look at a step's links finds.
fn pins(fixture: &Fixture, step: &str) -> Vec<String> {
    let root = fixture.path("").display().to_string();
    let findings = fixture.with_context(step, pinned);
    assert!(findings.iter().all(Finding::blocks));
    findings.iter().map(|f| format!("{} {}", f.path, f.message).replace(&root, "DIR/")).collect()
}

/// Sets a link anew, as pungi does: remove, then make.
fn set(link: &Path, target: &str) {
    std::fs::remove_file(link).unwrap();
    symlink(target, link).unwrap();
}

const NEWER: &str = "Rocky-8-updates-20210722.0";
const PLANNED: &str = "DIR/compose/8/latest-Rocky-8 was Rocky-8-updates-20210721.1 when this was planned";

fn with_a_newer_compose() -> (Fixture, PathBuf) {
    let fixture = host();
    fixture.write(&format!("compose/8/{NEWER}/COMPOSE_ID"), NEWER);
    fixture.write(&format!("compose/8/{NEWER}/STATUS"), "FINISHED\n");
    let link = fixture.path("compose/8/latest-Rocky-8");
    (fixture, link)
}

#[test]
fn a_link_that_moved_is_told_with_both_composes_and_counts_no_more_once_it_is_back() {
    let (mut fixture, link) = with_a_newer_compose();
    assert!(pins(&fixture, "8/sync/Rocky").is_empty());
    set(&link, NEWER);
    assert_eq!(pins(&fixture, "8/sync/Rocky"), [format!("{PLANNED} and is now {NEWER}")]);
    // Steps that share the link stop at the same word, and one of many pins is enough.
    assert_eq!(pins(&fixture, "8/minor-sync"), [format!("{PLANNED} and is now {NEWER}")]);
    assert!(pins(&fixture, "8/sync/gluster9").is_empty(), "another repo's link is its own");
    fixture.started = Some(Timestamp::now());
    assert_eq!(
        pins(&fixture, "8/sync/Rocky"),
        [format!("{PLANNED} and is now {NEWER}; it moved while the step ran")]
    );
    set(&link, ROCKY);
    assert!(pins(&fixture, "8/sync/Rocky").is_empty());
}

#[test]
fn a_link_that_leads_to_no_compose_is_told_with_the_one_that_was_pinned() {
    let (fixture, link) = with_a_newer_compose();
    set(&link, "Rocky-8-updates-20210723.0");
    let dangling = format!("{PLANNED} and leads to Rocky-8-updates-20210723.0 now, which is not there");
    assert_eq!(pins(&fixture, "8/sync/Rocky"), [dangling]);
    fixture.write(&format!("compose/8/{NEWER}/COMPOSE_ID"), ROCKY);
    set(&link, NEWER);
    let other = format!("{PLANNED} and leads to {NEWER} now: its COMPOSE_ID says {ROCKY}");
    assert_eq!(pins(&fixture, "8/sync/Rocky"), [other]);
    std::fs::remove_file(&link).unwrap();
    assert_eq!(pins(&fixture, "8/sync/Rocky"), [format!("{PLANNED} and is not there now")]);
    std::fs::create_dir(&link).unwrap();
    let lines = pins(&fixture, "8/sync/Rocky");
    assert!(lines[0].starts_with(&format!("{PLANNED} and is a folder now, not a link")), "{lines:?}");
}

#[test]
fn a_chain_of_links_is_followed_to_its_end() {
    let (fixture, link) = with_a_newer_compose();
    let middle = fixture.path("compose/8/blessed");
    symlink(ROCKY, &middle).unwrap();
    set(&link, "blessed");
    assert!(pins(&fixture, "8/sync/Rocky").is_empty(), "the end of the chain is what was pinned");
    set(&middle, NEWER);
    assert_eq!(pins(&fixture, "8/sync/Rocky"), [format!("{PLANNED} and is now {NEWER}")]);
    set(&middle, "nowhere");
    let lines = pins(&fixture, "8/sync/Rocky");
    assert!(lines[0].ends_with("leads to blessed now, which is not there"), "{lines:?}");
    set(&middle, "latest-Rocky-8");
    let lines = pins(&fixture, "8/sync/Rocky");
    assert!(lines[0].contains("a circle"), "{lines:?}");
}

#[test]
fn the_moment_in_which_pungi_sets_a_link_anew_is_waited_for() {
    let (fixture, link) = with_a_newer_compose();
    std::fs::remove_file(&link).unwrap();
    let pulse = Pulse::new();
    let begun = pulse.beats();
    let findings = std::thread::scope(|scope| {
        scope.spawn(|| {
            while pulse.beats() < begun + 3 {
                std::thread::yield_now();
            }
            symlink(ROCKY, &link).unwrap();
        });
        fixture.with_context("8/sync/Rocky", |cx| pinned(&VetContext { pulse: &pulse, ..*cx }))
    });
    assert!(findings.is_empty(), "{findings:?}");
}
