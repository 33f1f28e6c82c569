//! The checks before a step.

use super::host;
use crate::domain::catalog::{Mount, MountRequirement};
use crate::domain::finding::Finding;
use crate::domain::fixture;
use crate::domain::flow::{CheckName, Role, StepTemplate};
use crate::domain::name::TemplateName;
use crate::domain::release::Need;
use std::path::PathBuf;

fn mount(path: PathBuf, require: MountRequirement, min_free: u64) -> Mount {
    Mount { name: "staging".to_owned(), path, require, min_free, deadline_s: 20 }
}

fn template(name: &str, tools: &[String], leftovers: &[String]) -> (TemplateName, StepTemplate) {
    let bare = fixture::template(name, Role::Stage, &[]);
    let template = StepTemplate { tools: tools.to_vec(), leftovers: leftovers.to_vec(), ..bare };
    (template.name.clone(), template)
}

#[test]
fn mounts_must_be_what_the_catalog_wants_and_have_room() {
    let mut fixture = host();
    let place = fixture.path("staging");
    fixture.catalog.mounts = vec![mount(place.clone(), MountRequirement::Marker, 0)];
    let lines = fixture.lines(CheckName::Mounts, "8/sync/Rocky");
    assert_eq!(lines, ["Blocking DIR/staging staging: nothing is mounted there"]);
    fixture.write("staging/.stagegate-mount", "");
    assert!(fixture.lines(CheckName::Mounts, "8/sync/Rocky").is_empty());
    fixture.catalog.mounts = vec![mount(place.clone(), MountRequirement::Mount, 0)];
    assert_eq!(fixture.lines(CheckName::Mounts, "8/sync/Rocky").len(), 1);
    fixture.catalog.mounts = vec![mount("/proc".into(), MountRequirement::Mount, 0)];
    assert!(fixture.lines(CheckName::Mounts, "8/sync/Rocky").is_empty());
    fixture.catalog.mounts = vec![mount(place, MountRequirement::Folder, u64::MAX)];
    let lines = fixture.lines(CheckName::Mounts, "8/sync/Rocky");
    assert!(lines[0].contains(" free, ") && lines.len() == 1, "{lines:?}");
    fixture.catalog.mounts = vec![mount(fixture.path("none"), MountRequirement::Folder, 0)];
    assert_eq!(fixture.lines(CheckName::Mounts, "8/sync/Rocky").len(), 1);
}

#[test]
fn tools_of_toolkit_and_step_must_be_in_path() {
    let mut fixture = host();
    for tool in ["rsync", "createrepo", "sudo"] {
        fixture.script(&format!("bin/{tool}"), "#!/bin/sh\n");
    }
    let list = fixture.path("bin/create-filelist").display().to_string();
    fixture.catalog.templates.extend([template("prep", std::slice::from_ref(&list), &[])]);
    assert_eq!(
        fixture.lines(CheckName::Tools, "8/prep"),
        [
            "Blocking DIR/bin/create-filelist is not there or not executable; the scripts go on without it and exit 0"
        ]
    );
    fixture.script("bin/create-filelist", "#!/bin/sh\n");
    assert!(fixture.lines(CheckName::Tools, "8/prep").is_empty());
    fixture.release_mut().toolkit.tools.push("no-such-tool".to_owned());
    assert_eq!(fixture.run(CheckName::Tools, "8/prep")[0].path, "no-such-tool");
}

#[test]
fn the_script_must_be_there_and_hold_something() {
    let fixture = host();
    fixture.write("toolkit/run.sh", "");
    assert_eq!(
        fixture.lines(CheckName::Scripts, "8/prep"),
        ["Blocking DIR/toolkit/run.sh the script is empty or no file"]
    );
    std::fs::remove_file(fixture.path("toolkit/run.sh")).unwrap();
    assert_eq!(fixture.lines(CheckName::Scripts, "8/prep").len(), 1);
    std::fs::remove_dir_all(fixture.path("toolkit")).unwrap();
    assert_eq!(
        fixture.run(CheckName::Scripts, "8/prep")[0].path,
        fixture.path("toolkit").display().to_string()
    );
}

#[test]
fn the_signer_must_sign_without_asking() {
    let mut fixture = host();
    let signer = fixture.path("bin/sign-repo.sh");
    fixture.release_mut().toolkit.signer = Some(signer.clone());
    let line = |fixture: &super::Fixture| fixture.lines(CheckName::Signer, "8/prep").join("\n");
    assert!(line(&fixture).contains("is not there"));
    fixture.write("bin/sign-repo.sh", "#!/bin/sh\n");
    assert!(line(&fixture).contains("not executable"));
    fixture.script("bin/sign-repo.sh", "#!/bin/sh\nexit 0\n");
    assert!(line(&fixture).contains("exits 0 and makes no signature"), "{}", line(&fixture));
    fixture.script("bin/sign-repo.sh", "#!/bin/sh\necho 'gpg: signing failed: No secret key' >&2\nexit 2\n");
    assert!(line(&fixture).contains("fails and makes no signature: gpg: signing failed: No secret key"));
    fixture.script("bin/sign-repo.sh", "#!/bin/sh\ngrep -q '<repomd' \"$1\" && echo signed > \"$1.asc\"\n");
    assert_eq!(line(&fixture), "");
}

#[test]
fn sudo_must_answer_without_a_question() {
    let fixture = host();
    fixture.script("bin/sudo", "#!/bin/sh\ntest \"$*\" = '-n -l'\n");
    assert!(fixture.lines(CheckName::Sudo, "8/sync/Rocky").is_empty());
    fixture.script("bin/sudo", "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n");
    let lines = fixture.lines(CheckName::Sudo, "8/sync/Rocky");
    assert!(lines[0].contains("`sudo -n -l` fails: sudo: a password is required"), "{lines:?}");
}

#[test]
fn inputs_must_be_there() {
    let mut fixture = host();
    let path = fixture.path("compose/8_metadata/x86_64/AppStream-modules.yaml");
    fixture.release_mut().needs = vec![Need { path, only_where: None }];
    let lines = fixture.lines(CheckName::Inputs, "8/prep");
    assert!(
        lines[0].starts_with("Blocking DIR/compose/8_metadata/x86_64/AppStream-modules.yaml"),
        "{lines:?}"
    );
    fixture.write("compose/8_metadata/x86_64/AppStream-modules.yaml", "");
    assert!(fixture.lines(CheckName::Inputs, "8/prep")[0].contains("is empty"));
    fixture.write("compose/8_metadata/x86_64/AppStream-modules.yaml", "document: modulemd\n");
    assert!(fixture.lines(CheckName::Inputs, "8/prep").is_empty());
}

#[test]
fn inputs_of_a_repo_are_needed_where_the_repo_is() {
    let mut fixture = host();
    let path = fixture.path("compose/comps-RT.aarch64.xml");
    let only_where = Some("RT/aarch64/os".into());
    fixture.release_mut().needs = vec![Need { path, only_where }];
    assert_eq!(fixture.lines(CheckName::Inputs, "8/prep"), Vec::<String>::new());
    fixture.write("staging/pub/8.10-RC1/RT/aarch64/os/repodata/repomd.xml", "");
    assert!(fixture.lines(CheckName::Inputs, "8/prep")[0].contains("comps-RT.aarch64.xml"));
}

#[test]
fn leftovers_are_named_and_inherited_ones_marked() {
    let mut fixture = host();
    let stray = fixture.path("modules.yaml").display().to_string();
    fixture.catalog.templates.extend([template("prep", &[], &[stray])]);
    fixture.write("modules.yaml", "stale");
    fixture.write("staging/pub/8.10-RC1/BaseOS/x86_64/os/.repodata/primary.xml", "");
    fixture.write("staging/pub/8.10-RC1/BaseOS/x86_64/os/Packages/.bash-5.rpm.Ab12Cd", "half");
    fixture.write("production/pub/8.10/BaseOS/x86_64/os/Packages/.bash-5.rpm.Ab12Cd", "half");
    let findings = fixture.run(CheckName::Leftovers, "8/prep");
    let paths: Vec<(&str, bool)> = findings.iter().map(|f| (f.path.as_str(), f.inherited)).collect();
    let stray = fixture.path("modules.yaml").display().to_string();
    assert_eq!(
        paths,
        [
            (stray.as_str(), false),
            ("BaseOS/x86_64/os/.repodata", false),
            ("BaseOS/x86_64/os/Packages/.bash-5.rpm.Ab12Cd", true),
        ]
    );
    assert!(findings.iter().all(Finding::blocks));
}

#[test]
fn a_process_that_still_works_on_the_release_is_named() {
    let mut fixture = host();
    fixture.release_mut().toolkit.tools.push("sleep".to_owned());
    // A program that waits on a pipe is there until the pipe is closed.
    let staging = fixture.staging("");
    let mut child = std::process::Command::new("sh")
        .args(["-c", "read -r line", "sleep"])
        .arg(&staging)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    assert!(fixture.lines(CheckName::Leftovers, "8/prep").is_empty(), "sh is none of the tools");
    fixture.release_mut().toolkit.tools.push("sh".to_owned());
    let findings = fixture.run(CheckName::Leftovers, "8/prep");
    assert_eq!(findings[0].path, format!("process {}", child.id()));
    drop(child.stdin.take());
    child.wait().unwrap();
    assert!(fixture.lines(CheckName::Leftovers, "8/prep").is_empty());
}

#[test]
fn a_script_that_cuts_the_revision_short_is_found_by_file_and_line() {
    let fixture = host();
    fixture.write("toolkit/common", "# ${REV:0:3}\nREV=x # RLVER\nTARGET=\"/mnt/${REV:0:3}\"\n");
    assert_eq!(
        fixture.lines(CheckName::Target, "8/publish"),
        ["Blocking DIR/toolkit/common:3 ${REV:0:3} is `8.1` where 8.10 is meant"]
    );
    assert!(fixture.lines(CheckName::Target, "8/prep")[0].starts_with("Warning"));
    for good in ["${REV:0:4}", "${REVISION:0:1}", "${REV:0:8}", "${OTHER:0:3}"] {
        fixture.write("toolkit/common", &format!("TARGET={good}\n"));
        assert!(fixture.lines(CheckName::Target, "8/publish").is_empty(), "{good}");
    }
    fixture.write("toolkit/common", "TARGET=${REV:0:5}\n");
    assert!(fixture.lines(CheckName::Target, "8/publish")[0].contains("is `8.10-`"));
}

#[test]
fn a_revision_that_leads_elsewhere_is_found() {
    let mut fixture = host();
    fixture.vars_mut().revision = String::new();
    assert!(fixture.lines(CheckName::Target, "8/publish").iter().any(|line| line.contains("is empty")));
    fixture.vars_mut().revision = "9.4".to_owned();
    assert!(
        fixture.lines(CheckName::Target, "8/publish").iter().any(|line| line.contains("no revision of 8"))
    );
    fixture.vars_mut().revision = "8.10".to_owned();
    fixture.vars_mut().release_dir = "pub/8.10-RC2".to_owned();
    let lines = fixture.lines(CheckName::Target, "8/publish");
    assert!(lines[0].contains("the vars files lead to DIR/staging/pub/8.10-RC2 now"), "{lines:?}");
    fixture.release_mut().vars = Err("common_8: no such file".to_owned());
    assert!(fixture.lines(CheckName::Target, "8/publish")[0].contains("common_8: no such file"));
}

#[test]
fn an_empty_staging_and_a_missing_rlver_are_found() {
    let mut fixture = host();
    fixture.environment.remove("RLVER");
    assert!(fixture.lines(CheckName::Target, "8/publish")[0].contains("asks for RLVER"));
    fixture.environment.insert("RLVER".to_owned(), "9".to_owned());
    assert!(fixture.lines(CheckName::Target, "8/publish")[0].contains("RLVER is `9`"));
    fixture.environment.insert("RLVER".to_owned(), "8".to_owned());
    fixture.environment.insert("RLREL".to_owned(), "rc".to_owned());
    assert!(fixture.lines(CheckName::Target, "8/publish")[0].contains("RLREL"));
    fixture.environment.remove("RLREL");
    std::fs::remove_dir_all(fixture.staging("")).unwrap();
    assert!(fixture.lines(CheckName::Target, "8/sync/Rocky")[0].starts_with("Warning"));
    let gone = &fixture.lines(CheckName::Target, "8/publish")[0];
    assert!(gone.starts_with("Blocking") && gone.contains("could not be read"), "{gone}");
    std::fs::create_dir_all(fixture.staging("")).unwrap();
    assert!(fixture.lines(CheckName::Target, "8/publish")[0].contains("staging of the release is empty"));
    assert!(fixture.lines(CheckName::Target, "8/sync/Rocky").is_empty());
}

#[test]
fn what_a_deleting_push_would_delete_is_counted() {
    let mut fixture = host();
    std::fs::remove_dir_all(fixture.staging("BaseOS")).unwrap();
    assert!(fixture.lines(CheckName::Deletions, "8/publish").is_empty(), "this toolkit deletes nothing");
    fixture.release_mut().toolkit.deletes = true;
    let lines = fixture.lines(CheckName::Deletions, "8/publish");
    assert_eq!(lines[0], "Blocking DIR/production/pub/8.10 the push would delete 7 of the 14 files there");
    assert_eq!(lines.len(), 8);
    assert!(lines[1].starts_with("Warning BaseOS/x86_64/os/.treeinfo"), "{lines:?}");
}
