//! The checks after a push, and those that read what a step left behind.

use super::host;
use crate::compose::pulse::Pulse;
use crate::domain::flow::CheckName;
use crate::vet::fixture::{package, repomd};

const BASH: &str = "BaseOS/x86_64/os/Packages/bash-5.1-1.el8.x86_64.rpm";

#[test]
fn a_partial_push_is_named_by_folder_and_file() {
    let fixture = host();
    std::fs::remove_file(fixture.production(BASH)).unwrap();
    assert_eq!(
        fixture.lines(CheckName::ProductionMatchesStaging, "8/publish"),
        [
            "Blocking BaseOS/x86_64 was pushed in part: 1 of 7 files are missing in production".to_owned(),
            format!("Blocking {BASH} is missing in production"),
        ]
    );
    std::fs::remove_dir_all(fixture.production("storage")).unwrap();
    let lines = fixture.lines(CheckName::ProductionMatchesStaging, "8/publish");
    let whole = "Blocking storage/gluster9 is missing whole in production: 7 files";
    assert!(lines.iter().any(|line| line == whole), "{lines:?}");
}

#[test]
fn content_that_differs_in_production_is_found() {
    let fixture = host();
    fixture.write("production/pub/8.10/BaseOS/x86_64/os/.treeinfo", "[HEADER]\n");
    std::fs::write(fixture.production(BASH), package("bash", "5.1-1.el8", b"CONTENT")).unwrap();
    // The head of a repo is read even where size and time agree.
    let head = "BaseOS/x86_64/os/repodata/repomd.xml";
    let time = std::fs::metadata(fixture.production(head)).unwrap().modified().unwrap();
    let text = std::fs::read_to_string(fixture.production(head)).unwrap();
    std::fs::write(fixture.production(head), text.replace("<revision>1<", "<revision>2<")).unwrap();
    std::fs::File::options().write(true).open(fixture.production(head)).unwrap().set_modified(time).unwrap();
    // Times of whole seconds are compared; make the two others differ for sure.
    for path in [fixture.production(BASH), fixture.production("BaseOS/x86_64/os/.treeinfo")] {
        let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1000);
        std::fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
    }
    assert_eq!(
        fixture.lines(CheckName::ProductionMatchesStaging, "8/publish"),
        [
            "Blocking BaseOS/x86_64/os/.treeinfo differs from staging: other content of the same size"
                .to_owned(),
            format!("Blocking {BASH} differs from staging: another package of the same size"),
            format!("Blocking {head} differs from staging: other content of the same size"),
        ]
    );
}

#[test]
fn what_the_toolkit_never_pushes_is_not_missed_and_extra_content_stays() {
    let fixture = host();
    fixture.write("staging/pub/8.10-RC1/README", "shallow");
    fixture.write("staging/pub/8.10-RC1/metadata/rpms.json", "shallow");
    fixture.write("production/pub/8.10/BaseOS/x86_64/os/Packages/old-1-1.rpm", "history");
    assert!(fixture.lines(CheckName::ProductionMatchesStaging, "8/publish").is_empty());
    fixture.write("production/pub/8.10/BaseOS/x86_64/os/Packages/.old-1.rpm.Ab12Cd", "half");
    let lines = fixture.lines(CheckName::ProductionMatchesStaging, "8/publish");
    assert!(lines.len() == 1 && lines[0].starts_with("Warning"), "{lines:?}");
}

#[test]
fn production_must_hold_what_was_approved_even_if_staging_lost_it() {
    let mut fixture = host();
    let sealed = crate::vet::seal(&fixture.staging(""), None, &Pulse::new()).unwrap();
    fixture.sealed = Some(sealed);
    assert!(fixture.lines(CheckName::ProductionMatchesStaging, "8/publish").is_empty());
    std::fs::remove_file(fixture.staging(BASH)).unwrap();
    std::fs::remove_file(fixture.production(BASH)).unwrap();
    let lines = fixture.lines(CheckName::ProductionMatchesStaging, "8/publish");
    assert!(lines.len() == 1 && lines[0].contains(BASH) && lines[0].contains("was approved"), "{lines:?}");
}

#[test]
fn what_changed_in_staging_during_the_push_is_looked_for_in_production() {
    let mut fixture = host();
    let both = |path: &str, text: &str| {
        fixture.write(&format!("staging/pub/8.10-RC1/{path}"), text);
        fixture.write(&format!("production/pub/8.10/{path}"), text);
    };
    let (sums, more) = ("BaseOS/x86_64/os/CHECKSUM", "BaseOS/x86_64/os/Packages/x-1-1.x86_64.rpm");
    both(sums, "as approved");
    fixture.sealed = Some(crate::vet::seal(&fixture.staging(""), None, &Pulse::new()).unwrap());
    let lines = |fixture: &super::Fixture| fixture.lines(CheckName::ProductionMatchesStaging, "8/publish");
    assert_eq!(lines(&fixture), Vec::<String>::new());
    // Changed after the push: what went out is what was approved.
    fixture.write(&format!("staging/pub/8.10-RC1/{sums}"), "another one");
    let said = lines(&fixture);
    assert!(said.iter().all(|line| line.contains("differs from staging")), "{said:?}");
    // Changed before its copy.
    fixture.write(&format!("production/pub/8.10/{sums}"), "another one");
    fixture.write(&format!("staging/pub/8.10-RC1/{more}"), "new");
    fixture.write(&format!("production/pub/8.10/{more}"), "new");
    assert_eq!(
        lines(&fixture),
        [
            format!("Blocking {sums} was changed after it was approved, and went out like that"),
            format!("Blocking {more} went to production, and nobody approved it"),
        ]
    );
}

#[test]
fn an_empty_staging_is_no_successful_push() {
    let fixture = host();
    std::fs::remove_dir_all(fixture.staging("BaseOS")).unwrap();
    std::fs::remove_dir_all(fixture.staging("storage")).unwrap();
    assert!(
        fixture.lines(CheckName::ProductionMatchesStaging, "8/publish")[0].contains("staging holds nothing")
    );
}

#[test]
fn the_job_log_tells_which_copy_failed() {
    let mut fixture = host();
    assert!(fixture.lines(CheckName::JobLog, "8/publish")[0].starts_with("Warning"));
    fixture.joblog = Some(fixture.path("jobs"));
    assert!(fixture.lines(CheckName::JobLog, "8/publish")[0].contains("could not be read"));
    fixture.write("jobs", "");
    assert!(fixture.lines(CheckName::JobLog, "8/publish")[0].contains("started nothing"));
    let head = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n";
    fixture.write("jobs", head);
    assert!(fixture.lines(CheckName::JobLog, "8/publish")[0].contains("started nothing"));
    let line = |exit: i32, signal: i32, what: &str| {
        format!(
            "1\t:\t1795376506.384\t     2.760\t0\t2040\t{exit}\t{signal}\tsudo rsync -av --relative {what} /mnt/x\n"
        )
    };
    fixture.write("jobs", &format!("{head}{}{}", line(0, 0, "BaseOS/x86_64"), line(0, 0, "BaseOS/source")));
    assert!(fixture.lines(CheckName::JobLog, "8/publish").is_empty());
    fixture.write("jobs", &format!("{head}{}{}", line(11, 0, "BaseOS/x86_64"), line(0, 9, "BaseOS/source")));
    assert_eq!(
        fixture.lines(CheckName::JobLog, "8/publish"),
        [
            "Blocking BaseOS/source its copy was killed by signal 9",
            "Blocking BaseOS/x86_64 its copy failed with exit code 11",
        ]
    );
    fixture.write("jobs", "nonsense\n");
    assert!(fixture.lines(CheckName::JobLog, "8/publish")[0].contains("makes no sense"));
}

#[test]
fn skipped_steps_are_named_at_the_gate() {
    let mut fixture = host();
    fixture.skipped.insert("8/prep".parse().unwrap(), "did it by hand".to_owned());
    fixture.skipped.insert("8/publish".parse().unwrap(), "after the gate".to_owned());
    assert_eq!(fixture.lines(CheckName::Skipped, "8/gate"), ["Blocking 8/prep was skipped: did it by hand"]);
}

#[test]
fn ansible_must_have_reached_a_host() {
    let mut fixture = host();
    fixture.log = Some(fixture.path("errata.log"));
    let recap = |hosts: &str| {
        format!("PLAY [x] ***\r\n\u{1b}[0;32mok: [h]\u{1b}[0m\r\nPLAY RECAP *****\r\n{hosts}\r\n")
    };
    let line = |counts: &str| {
        format!(
            "\u{1b}[0;33mh\u{1b}[0m                  : \u{1b}[0;32mok=4   \u{1b}[0m changed=2   {counts} skipped=1\r\n"
        )
    };
    fixture.write("errata.log", &recap(&line("unreachable=0    failed=0  ")));
    assert!(fixture.lines(CheckName::AnsibleRecap, "8/prep").is_empty());
    fixture.write("errata.log", &recap(&line("unreachable=0    failed=2  ")));
    assert_eq!(fixture.lines(CheckName::AnsibleRecap, "8/prep"), ["Blocking h 2 failed, 0 unreachable"]);
    fixture.write("errata.log", &format!("skipping: no hosts matched\r\n{}", recap("")));
    let lines = fixture.lines(CheckName::AnsibleRecap, "8/prep").join("\n");
    assert!(lines.contains("matched no host") && lines.contains("no host that went through"), "{lines}");
    fixture.write("errata.log", "ERROR! the playbook could not be found\r\n");
    assert!(fixture.lines(CheckName::AnsibleRecap, "8/prep")[0].contains("no recap"));
}

#[test]
fn torrents_must_be_there_for_every_image() {
    let mut fixture = host();
    let isos = fixture.staging("isos").display().to_string();
    fixture.step_mut("8/prep").argv = vec!["bash".into(), "gen-torrents.sh".into(), isos];
    fixture.write("staging/pub/8.10-RC1/isos/x86_64/Rocky-8.10-x86_64-boot.iso", "image");
    fixture.write("torrents/other.torrent", "d");
    assert_eq!(
        fixture.lines(CheckName::TorrentsWritten, "8/prep"),
        ["Blocking Rocky-8.10-x86_64-boot.torrent was not written to DIR/torrents"]
    );
    fixture.write("torrents/Rocky-8.10-x86_64-boot.torrent", "d");
    assert!(fixture.lines(CheckName::TorrentsWritten, "8/prep").is_empty());
    // gen-torrents exits 0 over a folder in which there is none.
    std::fs::remove_file(fixture.staging("isos/x86_64/Rocky-8.10-x86_64-boot.iso")).unwrap();
    let none = format!("Blocking {} holds no image", "DIR/staging/pub/8.10-RC1/isos");
    assert_eq!(fixture.lines(CheckName::TorrentsWritten, "8/prep"), [none]);
}

/// prep exits 0 over a tree that is not there (reality.md 3.2): nothing before it and nothing after it lets that pass.
#[test]
fn staging_of_another_revision_is_not_prepared() {
    let fixture = host();
    std::fs::rename(fixture.staging(""), fixture.path("staging/pub/8.10-RC2")).unwrap();
    let before = fixture.lines(CheckName::Target, "8/prep");
    assert_eq!(
        before,
        ["Blocking DIR/staging/pub/8.10-RC1 staging of the release could not be read: entity not found"]
    );
    for check in [CheckName::MetadataSigned, CheckName::ModulesPresent, CheckName::CompsPresent] {
        let after = fixture.lines(check, "8/prep");
        assert!(after.iter().any(|line| line.starts_with("Blocking")), "{check:?}: {after:?}");
    }
}

#[test]
fn module_data_that_is_gone_or_was_never_there_is_found() {
    let mut fixture = host();
    let head = "BaseOS/x86_64/os/repodata/repomd.xml";
    let line = |fixture: &super::Fixture| fixture.lines(CheckName::ModulesPresent, "8/gate").join("\n");
    fixture.vars_mut().module_variants = vec!["BaseOS".to_owned(), "AppStream".to_owned()];
    let findings = fixture.run(CheckName::ModulesPresent, "8/gate");
    assert!(findings.len() == 1 && findings[0].inherited && findings[0].path == head, "{findings:?}");
    std::fs::write(fixture.production(head), repomd(true)).unwrap();
    fixture.vars_mut().module_variants.clear();
    assert_eq!(line(&fixture), format!("Blocking {head} lost its module data, which production has"));
    std::fs::write(fixture.staging(head), repomd(true)).unwrap();
    assert!(line(&fixture).contains("names module data that is not there"));
    let documents = crate::vet::fixture::text::modules(&[("node:18", &[], &[])], &[]);
    fixture.write("staging/pub/8.10-RC1/BaseOS/x86_64/os/repodata/modules.yaml.gz", &documents);
    assert_eq!(line(&fixture), "");
}
