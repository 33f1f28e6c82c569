//! Errata that are gone, and advisories that name what is not there.

use super::*;
use crate::vet::fixture::Fixture;
use crate::vet::fixture::text::RepoText;
use std::fmt::Write as _;

const BASE: &str = "BaseOS/x86_64/os";
const APPS: &str = "AppStream/x86_64/os";

/// Writes advisories: `id`, a module or none, and what it names.
fn updateinfo(advisories: &[(&str, Option<&str>, &[&str])]) -> String {
    let mut out = String::from("<updates>");
    for (id, module, packages) in advisories {
        let _ = write!(out, "<update type=\"security\"><id>{id}</id><pkglist><collection short=\"x\">");
        if let Some(module) = module {
            let _ = write!(
                out,
                "<module name=\"{module}\" stream=\"1\" version=\"1\" context=\"c\" arch=\"x86_64\"/>"
            );
        }
        for package in *packages {
            let crate::repodata::Nevra { name, epoch, version, release, arch } = package.parse().unwrap();
            let _ = write!(
                out,
                "<package name=\"{name}\" epoch=\"{epoch}\" version=\"{version}\" release=\"{release}\" arch=\"{arch}\" src=\"x.src.rpm\"/>"
            );
        }
        out.push_str("</collection></pkglist></update>");
    }
    out + "</updates>"
}

fn lines(fixture: &Fixture) -> Vec<String> {
    let findings = fixture.run(CHECK, "8/gate");
    let inherited = |one: &Finding| if one.inherited { " (inherited)" } else { "" };
    findings
        .iter()
        .map(|one| format!("{:?} {} {}{}", one.severity, one.path, one.message, inherited(one)))
        .collect()
}

#[test]
fn errata_that_production_has_must_stay() {
    let fixture = Fixture::new();
    assert!(lines(&fixture).is_empty(), "neither has any");
    let with = |text: String| RepoText::new().package("bash-5-1.x86_64", &[]).data("updateinfo", text);
    with(updateinfo(&[("A-1", None, &["bash-5-1.x86_64"])])).write(&fixture.production(BASE));
    assert_eq!(
        lines(&fixture),
        [format!("Blocking {BASE}/repodata/repomd.xml lost its errata, which production has")]
    );
    with(updateinfo(&[])).write(&fixture.staging(BASE));
    assert_eq!(
        lines(&fixture),
        [format!(
            "Blocking {BASE}/repodata/repomd.xml has errata without any advisory, and production has some"
        )]
    );
    with(updateinfo(&[("A-2", None, &["bash-5-1.x86_64"])])).write(&fixture.staging(BASE));
    assert!(lines(&fixture).is_empty(), "that A-1 is lost is for no-regression: {:?}", lines(&fixture));
    with("<updates><update><id></id></update></updates>".to_owned()).write(&fixture.staging(BASE));
    let found = lines(&fixture);
    assert!(found.len() == 1 && found[0].contains("has no id in advisory 1"), "{found:?}");
}

#[test]
fn that_nobody_published_errata_is_a_warning_where_that_was_decided() {
    let mut fixture = Fixture::new();
    let text = updateinfo(&[("A-1", None, &["bash-5-1.x86_64"])]);
    let with = RepoText::new().package("bash-5-1.x86_64", &[]).data("updateinfo", text);
    with.write(&fixture.production(BASE));
    let weight = |fixture: &Fixture| {
        let found = fixture.run(CHECK, "8/gate");
        assert!(found.len() == 1 && found[0].message.contains("errata, which production has"), "{found:?}");
        found[0].severity
    };
    // A step of the lane publishes errata: then they must be there, whatever else was skipped.
    let prep: crate::domain::name::StepId = "8/prep".parse().unwrap();
    fixture.step_mut("8/prep").after = vec![CheckName::AnsibleRecap];
    fixture.skipped.insert("8/sync/Rocky".parse().unwrap(), "no time".to_owned());
    assert_eq!(weight(&fixture), Severity::Blocking);
    fixture.skipped.insert(prep, "errata01 is being rebuilt".to_owned());
    assert_eq!(weight(&fixture), Severity::Warning);
    fixture.skipped.clear();
    // None does: after an update they were lost, after a whole release they are still to come.
    fixture.step_mut("8/prep").after.clear();
    assert_eq!(weight(&fixture), Severity::Blocking);
    fixture.plan.lanes[0].steps.insert(0, "8/minor-sync".parse().unwrap());
    assert_eq!(weight(&fixture), Severity::Warning);
    fixture.step_mut("8/prep").after = vec![CheckName::AnsibleRecap];
    assert_eq!(weight(&fixture), Severity::Blocking);
}

#[test]
fn what_an_advisory_names_is_looked_for_in_all_repos_of_the_architecture() {
    let fixture = Fixture::new();
    std::fs::remove_dir_all(fixture.staging("storage")).unwrap();
    RepoText::new().package("tool-2-1.x86_64", &[]).write(&fixture.staging(APPS));
    RepoText::new().package("tool-1-1.src", &[]).write(&fixture.staging("AppStream/source/tree"));
    RepoText::new().package("far-1-1.aarch64", &[]).write(&fixture.staging("BaseOS/aarch64/os"));
    let base = RepoText::new().package("bash-5-1.x86_64", &[]).data(
        "updateinfo",
        updateinfo(&[
            (
                "A-1",
                None,
                &["bash-5-1.x86_64", "tool-2-1.x86_64", "tool-1-1.src", "bash-debuginfo-5-1.x86_64"],
            ),
            ("A-2", None, &["far-1-1.aarch64", "far-2-1.aarch64"]),
            ("A-3", None, &["tool-1-1.x86_64"]),
            ("A-4", None, &["tool-3-1.x86_64", "gone-1-1.noarch", "tool-9-1.src"]),
            ("A-1", None, &["bash-5-1.x86_64"]),
        ]),
    );
    base.write(&fixture.staging(BASE));
    assert_eq!(
        lines(&fixture),
        [
            format!("Blocking {BASE}/A-2 names what no repo of the release has: far-2-1.aarch64"),
            format!("Blocking {BASE}/A-4 names what no repo of the release has: gone-1-1.noarch and 2 more"),
            format!("Warning {BASE}/A-1 is there more than once"),
            format!("Info {BASE}/A-3 names what only newer versions are there of: tool-1-1.x86_64"),
        ]
    );
    RepoText::new()
        .package("bash-debuginfo-5-1.x86_64", &[])
        .write(&fixture.staging("BaseOS/x86_64/debug/tree"));
    assert_eq!(lines(&fixture).len(), 4, "it is there");
    RepoText::new().write(&fixture.staging("BaseOS/x86_64/debug/tree"));
    assert!(
        lines(&fixture)[0].contains("A-1 names what no repo of the release has: bash-debuginfo-5-1.x86_64")
    );
}

#[test]
fn a_modular_package_needs_its_module_and_what_production_has_is_inherited() {
    let fixture = Fixture::new();
    let modular = "node-1-1.module+el8.x86_64";
    let repo = |advisories: &[(&str, Option<&str>, &[&str])]| {
        RepoText::new().package(modular, &[]).data("updateinfo", updateinfo(advisories))
    };
    repo(&[("A-1", Some("node"), &[modular])]).write(&fixture.staging(BASE));
    assert!(lines(&fixture).is_empty());
    repo(&[("A-1", None, &[modular]), ("A-2", None, &["gone-1-1.noarch"])]).write(&fixture.staging(BASE));
    repo(&[("A-2", None, &["gone-1-1.noarch"])]).write(&fixture.production(BASE));
    assert_eq!(
        lines(&fixture),
        [
            format!(
                "Blocking {BASE}/A-1 names modular packages without their module, so that no client applies it: {modular}"
            ),
            format!("Blocking {BASE}/A-2 names what no repo of the release has: gone-1-1.noarch (inherited)"),
        ]
    );
}
