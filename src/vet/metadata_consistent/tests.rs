//! Each defect is found at its path and nowhere else; a clean tree gives no finding.

use crate::domain::finding::{Finding, Severity, SeverityRule};
use crate::domain::flow::CheckName;
use crate::vet::Reading;
use crate::vet::fixture::metadata::{createrepo, record};
use crate::vet::fixture::{Fixture, package};
use std::os::unix::fs::symlink;
use std::path::Path;

const OS: &str = "BaseOS/x86_64/os";
const BASH: &str = "BaseOS/x86_64/os/Packages/bash-5.1-1.el8.x86_64.rpm";

fn run(fixture: &Fixture) -> Vec<Finding> {
    fixture.run(CheckName::MetadataConsistent, "8/gate")
}

/// Returns each finding's path and message; the findings must block and not be inherited.
fn lines(fixture: &Fixture) -> Vec<String> {
    let findings = run(fixture);
    assert!(findings.iter().all(|finding| finding.blocks() && !finding.inherited), "{findings:#?}");
    findings.iter().map(|finding| format!("{} {}", finding.path, finding.message)).collect()
}

fn file(fixture: &Fixture, path: &str) -> std::path::PathBuf {
    fixture.staging(OS).join(path)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Rewrites a metadata file and what repomd.xml says of it, so that only its content can be wrong.
fn rewrite(fixture: &Fixture, kind: &str, change: impl FnOnce(String) -> String) {
    let path = file(fixture, &format!("repodata/{kind}.xml"));
    let (head, text) = (file(fixture, "repodata/repomd.xml"), read(&path));
    let href = format!("repodata/{kind}.xml");
    let new = change(text.clone());
    let old = record(kind, &href, text.as_bytes());
    let repomd = read(&head);
    assert!(repomd.contains(&old), "{repomd}");
    std::fs::write(&path, &new).unwrap();
    std::fs::write(&head, repomd.replace(&old, &record(kind, &href, new.as_bytes()))).unwrap();
}

#[test]
fn clean_trees_give_no_finding_however_deep() {
    let mut fixture = Fixture::new();
    // A kickstart repo shares its packages by hard links, and its repomd.xml has been edited.
    let (os, kickstart) = (fixture.staging(OS), fixture.staging("BaseOS/x86_64/kickstart"));
    std::fs::create_dir_all(kickstart.join("Packages")).unwrap();
    for entry in std::fs::read_dir(os.join("Packages")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::hard_link(&path, kickstart.join("Packages").join(path.file_name().unwrap())).unwrap();
    }
    createrepo(&kickstart, "");
    let head = kickstart.join("repodata/repomd.xml");
    std::fs::write(&head, read(&head).replace("<revision>1<", "<revision>8.10<")).unwrap();
    assert_eq!(lines(&fixture), Vec::<String>::new());
    fixture.reading = Reading::Whole;
    assert_eq!(lines(&fixture), Vec::<String>::new());
}

#[test]
fn a_metadata_file_that_is_missing_or_another_is_found_and_the_other_repos_are_looked_at() {
    let fixture = Fixture::new();
    std::fs::remove_file(file(&fixture, "repodata/filelists.xml")).unwrap();
    let primary = file(&fixture, "repodata/primary.xml");
    std::fs::write(&primary, read(&primary).replace("<url></url>", "<url/>     ")).unwrap();
    std::fs::write(fixture.staging("storage/gluster9/x86_64/os/repodata/repomd.xml"), "").unwrap();
    let lines = lines(&fixture);
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert_eq!(lines[0], format!("{OS}/repodata/filelists.xml is missing"));
    assert!(
        lines[1].starts_with(&format!("{OS}/repodata/primary.xml has the checksum sha256:")),
        "{lines:?}"
    );
    assert!(lines[2].starts_with("storage/gluster9/x86_64/os/repodata/repomd.xml "), "{lines:?}");
}

#[test]
fn sizes_and_inflated_sizes_are_compared() {
    let fixture = Fixture::new();
    let head = file(&fixture, "repodata/repomd.xml");
    let text = read(&head);
    let size = std::fs::metadata(file(&fixture, "repodata/other.xml")).unwrap().len();
    let wrong = |element: &str| {
        let (before, after) = text.split_at(text.find("type=\"other\"").unwrap());
        let after = after.replacen(&format!("<{element}>{size}<"), &format!("<{element}>7<"), 1);
        std::fs::write(&head, format!("{before}{after}")).unwrap();
        run(&fixture).into_iter().map(|f| (f.severity, f.path, f.message)).collect::<Vec<_>>()
    };
    let other = format!("{OS}/repodata/other.xml");
    let said = format!("has {size} bytes, and repomd.xml says 7");
    assert_eq!(wrong("size"), [(Severity::Blocking, other.clone(), said)]);
    // Some tools write a wrong open-size: to be seen, and no reason to stop.
    let found = wrong("open-size");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0, &found[0].1), (Severity::Warning, &other));
}

#[test]
fn a_package_that_is_missing_or_of_another_size_is_found() {
    let fixture = Fixture::new();
    std::fs::remove_file(fixture.staging(BASH)).unwrap();
    let zsh = BASH.replace("bash", "zsh");
    let mut bytes = std::fs::read(fixture.staging(&zsh)).unwrap();
    let size = bytes.len();
    bytes.pop();
    std::fs::write(fixture.staging(&zsh), bytes).unwrap();
    assert_eq!(
        lines(&fixture),
        [
            format!("{BASH} is missing, and primary.xml names it"),
            format!("{zsh} has {} bytes, and primary.xml says {size}", size - 1),
        ]
    );
}

#[test]
fn other_content_of_the_same_size_is_found_only_when_it_is_read() {
    let mut fixture = Fixture::new();
    std::fs::write(fixture.staging(BASH), package("bash", "5.1-1.el8", b"CONTENT")).unwrap();
    assert_eq!(lines(&fixture), Vec::<String>::new());
    fixture.reading = Reading::Whole;
    let found = lines(&fixture);
    assert!(
        found.len() == 1 && found[0].starts_with(&format!("{BASH} has the sha256 checksum")),
        "{found:?}"
    );
}

#[test]
fn a_package_in_no_metadata_is_found() {
    let fixture = Fixture::new();
    let stray = "BaseOS/x86_64/os/Packages/k/ksh-1-1.el8.x86_64.rpm";
    fixture.put(&format!("staging/pub/8.10-RC1/{stray}"), &package("ksh", "1-1.el8", b"content"));
    assert_eq!(lines(&fixture), [format!("{stray} is on disk and in no metadata: nobody can install it")]);
}

#[test]
fn a_package_in_no_metadata_with_a_newer_one_in_it_is_history() {
    let fixture = Fixture::new();
    // What a sync of a whole new compose leaves: the packages of before, and metadata that knows only the new ones.
    let weight = |name: &str, version_release: &str| {
        let path = format!("{OS}/Packages/{name}-{version_release}.x86_64.rpm");
        let bytes = package(name, version_release, b"content");
        fixture.put(&format!("staging/pub/8.10-RC1/{path}"), &bytes);
        let found = run(&fixture);
        std::fs::remove_file(fixture.staging(&path)).unwrap();
        assert!(found.len() == 1 && found[0].path == path, "{found:?}");
        found[0].severity
    };
    assert_eq!(weight("bash", "5.0-9.el8"), Severity::Warning);
    assert_eq!(weight("bash", "5.1-0.9.el8"), Severity::Warning);
    // One that is newer than what is listed, or of which nothing is listed, has been forgotten.
    assert_eq!(weight("bash", "5.10-1.el8"), Severity::Blocking);
    assert_eq!(weight("bas", "5.0-9.el8"), Severity::Blocking);
    assert_eq!(weight("ksh", "5.0-9.el8"), Severity::Blocking);
}

#[test]
fn lists_that_disagree_are_found_with_a_name() {
    let fixture = Fixture::new();
    let one = |text: &str| {
        let from = text.find("<package ").unwrap();
        let to = text.find("</package>\n").unwrap() + "</package>\n".len();
        text[from..to].to_owned()
    };
    rewrite(&fixture, "filelists", |text| {
        text.replace(&one(&text), "").replace("packages=\"2\"", "packages=\"1\"")
    });
    rewrite(&fixture, "other", |text| {
        let foreign = one(&text).replace("pkgid=\"", "pkgid=\"ffff").replace("bash", "fish");
        text.replace(&one(&text), &format!("{}{foreign}", one(&text)))
            .replace("packages=\"2\"", "packages=\"3\"")
    });
    let lines = lines(&fixture);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("filelists.xml lacks 1 packages that primary.xml has, the first is bash-"));
    assert!(
        lines[1].contains("other.xml has 1 packages that primary.xml has not, the first is fish-5.1-1.el8")
    );
}

#[test]
fn a_wrong_count_is_found_once() {
    let fixture = Fixture::new();
    rewrite(&fixture, "primary", |text| text.replace("packages=\"2\"", "packages=\"3\""));
    assert_eq!(lines(&fixture), [format!("{OS}/repodata/primary.xml says that it has 3 packages and has 2")]);
}

#[test]
fn a_location_that_leaves_the_repo_is_found_and_never_opened() {
    let mut fixture = Fixture::new();
    fixture.reading = Reading::Whole;
    let outside = fixture.staging("outside.rpm");
    std::fs::rename(fixture.staging(BASH), &outside).unwrap();
    rewrite(&fixture, "primary", |text| {
        let text =
            text.replace("href=\"Packages/bash-5.1-1.el8.x86_64.rpm\"", "href=\"../../../outside.rpm\"");
        text.replace("href=\"Packages/zsh-5.1-1.el8.x86_64.rpm\"", "href=\"/etc/passwd\"")
    });
    let found = lines(&fixture);
    let outside: Vec<&String> = found.iter().filter(|line| line.contains("the location of")).collect();
    assert_eq!(outside.len(), 2, "{found:#?}");
    assert!(outside[0].starts_with(&format!("{OS}/../../../outside.rpm the location of bash-5.1-1.el8")));
    assert!(outside[1].contains("`/etc/passwd` is not relative to the repo"));
    // One named in repomd.xml is not followed either.
    let head = file(&fixture, "repodata/repomd.xml");
    std::fs::write(&head, read(&head).replace("repodata/other.xml", "../../../../x")).unwrap();
    let found = lines(&fixture);
    assert!(
        found.iter().any(|line| line.starts_with(&format!("{OS}/repodata/repomd.xml has a wrong location")))
    );
}

#[test]
fn symlinks_count_as_far_as_they_stay_in_the_release() {
    let mut fixture = Fixture::new();
    fixture.reading = Reading::Whole;
    let pool = fixture.staging("BaseOS/x86_64/os/pool");
    std::fs::create_dir_all(&pool).unwrap();
    std::fs::rename(fixture.staging(BASH), pool.join("bash")).unwrap();
    symlink("../pool/bash", fixture.staging(BASH)).unwrap();
    assert_eq!(lines(&fixture), Vec::<String>::new());
    std::fs::rename(pool.join("bash"), fixture.path("elsewhere")).unwrap();
    std::fs::remove_file(fixture.staging(BASH)).unwrap();
    symlink(fixture.path("elsewhere"), fixture.staging(BASH)).unwrap();
    assert_eq!(lines(&fixture), [format!("{BASH} is a symlink that leads to nothing within the release")]);
}

#[test]
fn packages_without_metadata_are_one_finding() {
    let fixture = Fixture::new();
    std::fs::rename(file(&fixture, "repodata"), file(&fixture, ".repodata")).unwrap();
    fixture.write(&format!("staging/pub/8.10-RC1/{OS}/Packages/.zsh-5.rpm.Ab12Cd"), "half");
    let found = lines(&fixture);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(&format!("{OS}/Packages holds packages without metadata")), "{found:?}");
    assert!(found[0].contains(".repodata of a createrepo that was killed"), "{found:?}");
}

#[test]
fn leftovers_in_a_repo_are_found() {
    let fixture = Fixture::new();
    fixture.write(&format!("staging/pub/8.10-RC1/{OS}/.repodata/primary.xml"), "half");
    fixture.write(&format!("staging/pub/8.10-RC1/{OS}/Packages/.zsh-5.rpm.Ab12Cd"), "half");
    let found = lines(&fixture);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with(&format!("{OS}/.repodata is left by a createrepo")), "{found:?}");
    assert!(
        found[1].starts_with(&format!("{OS}/Packages/.zsh-5.rpm.Ab12Cd is left by an rsync")),
        "{found:?}"
    );
}

#[test]
fn metadata_that_nobody_should_read_is_a_finding() {
    use std::fmt::Write as _;
    use std::io::Write as _;
    let fixture = Fixture::new();
    let primary = |bytes: &[u8], open_size: Option<u64>| {
        std::fs::write(file(&fixture, "repodata/primary.xml.gz"), bytes).unwrap();
        let mut data = record("primary", "repodata/primary.xml.gz", bytes);
        let from = data.find("<open-checksum").unwrap();
        let to = data.find("<location").unwrap();
        data.replace_range(from..to, "");
        let from = data.find("<open-size").unwrap();
        data.truncate(from);
        if let Some(size) = open_size {
            let _ = write!(data, "<open-size>{size}</open-size>");
        }
        data.push_str("</data>");
        let head = format!("<repomd><revision>1</revision>{data}</repomd>");
        std::fs::write(file(&fixture, "repodata/repomd.xml"), head).unwrap();
        let mut found: Vec<String> = run(&fixture)
            .into_iter()
            .filter(Finding::blocks)
            .map(|f| format!("{} {}", f.path, f.message))
            .collect();
        assert_eq!(found.len(), 1, "{found:#?}");
        found.remove(0)
    };
    let gz = |bytes: &[u8]| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    };
    let whole =
        gz("<metadata packages=\"1\"><package><name>x</name></package></metadata>".repeat(99).as_bytes());
    let said = primary(&whole[..whole.len() / 2], None);
    assert!(said.contains("is damaged or cut short (gzip)") || said.contains("XML"), "{said}");
    let said = primary(&gz(&vec![b' '; 32 << 20]), Some(10));
    assert!(said.contains("is longer than"), "{said}");
    let said = primary(&gz(b"<metadata/>"), Some(10 << 30));
    assert!(said.contains("claims 10737418240 bytes"), "{said}");
    let said = primary(&gz(b"<!DOCTYPE m [<!ENTITY a \"b\">]><metadata>&a;</metadata>"), None);
    assert!(said.contains("document type"), "{said}");
    let said = primary(b"\x1f\x8bnothing of gzip", None);
    assert!(said.contains("damaged"), "{said}");
}

#[test]
fn what_production_has_already_is_inherited_and_the_catalog_weighs_it() {
    let mut fixture = Fixture::new();
    let sig = "storage/gluster9/x86_64/os/Packages/old-1-1.el8.x86_64.rpm";
    for position in ["staging/pub/8.10-RC1", "production/pub/8.10"] {
        fixture.put(&format!("{position}/{sig}"), &package("old", "1-1.el8", b"content"));
    }
    std::fs::remove_file(fixture.staging(BASH)).unwrap();
    fixture.catalog.severities.push(SeverityRule {
        check: CheckName::MetadataConsistent,
        path: Some("storage/**/*.rpm".to_owned()),
        inherited: Some(true),
        severity: Severity::Warning,
    });
    let found: Vec<_> = run(&fixture).into_iter().map(|f| (f.path, f.severity, f.inherited)).collect();
    assert_eq!(
        found,
        [(BASH.to_owned(), Severity::Blocking, false), (sig.to_owned(), Severity::Warning, true)]
    );
}

#[test]
fn a_cancelled_look_and_an_empty_staging_do_not_pass() {
    let fixture = Fixture::new();
    let cancelled = fixture.with_context("8/gate", |cx| {
        cx.pulse.cancel();
        crate::vet::run_check(CheckName::MetadataConsistent, cx)
    });
    assert!(cancelled.iter().any(|f| f.blocks() && f.message.contains("cancelled")), "{cancelled:?}");
    std::fs::remove_dir_all(fixture.staging("")).unwrap();
    std::fs::create_dir_all(fixture.staging("")).unwrap();
    let found = run(&fixture);
    assert!(found.len() == 1 && found[0].message == "holds no repository", "{found:?}");
}
