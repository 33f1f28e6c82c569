//! What is lost, older or another file, and what only looks so.

use super::*;
use crate::vet::fixture::Fixture;
use crate::vet::fixture::text::{RepoText, StreamText, modules};

const BASE: &str = "BaseOS/x86_64/os";
const APPS: &str = "AppStream/x86_64/os";

fn host(published: &[(&str, RepoText)], staged: &[(&str, RepoText)]) -> Fixture {
    let fixture = Fixture::new();
    for (place, repos) in [(fixture.staging(""), staged), (fixture.production(""), published)] {
        std::fs::remove_dir_all(&place).unwrap();
        std::fs::create_dir_all(&place).unwrap();
        for (path, repo) in repos {
            repo.write(&place.join(path));
        }
    }
    fixture
}

fn lines(fixture: &Fixture) -> Vec<String> {
    let findings = fixture.run(CHECK, "8/gate");
    findings.iter().map(|one| format!("{:?} {} {}", one.severity, one.path, one.message)).collect()
}

fn repo(packages: &[&str]) -> RepoText {
    packages.iter().fold(RepoText::new(), |repo, package| repo.package(package, &[]))
}

#[test]
fn names_versions_and_contents_are_held_against_production() {
    let before = repo(&[
        "grub2-2-1.x86_64",
        "grub2-2-1.i686",
        "old-1-1.x86_64",
        "old-2-1.x86_64",
        "bash-1:1-1.x86_64",
        "zsh-5-1.x86_64",
        "data-1-1.x86_64",
        "new-1-1.x86_64",
    ]);
    let now =
        repo(&["grub2-2-2.x86_64", "old-2-1.x86_64", "bash-2-1.x86_64", "data-2-1.noarch", "new-2-1.x86_64"])
            .package("zsh-5-1.x86_64", &["content other"]);
    let fixture = host(&[(BASE, before.clone())], &[(BASE, now)]);
    assert_eq!(
        lines(&fixture),
        [
            "Blocking BaseOS/x86_64/os/bash.x86_64 went down from 1:1-1 to 2-1",
            "Blocking BaseOS/x86_64/os/grub2.i686 is lost: production has it",
            "Blocking BaseOS/x86_64/os/zsh.x86_64 5-1 is another file than production's of the same version",
        ],
        "an older version that is dropped is no loss, nor a package that became noarch"
    );
    assert_eq!(lines(&host(&[(BASE, before.clone())], &[(BASE, before)])), Vec::<String>::new());
}

#[test]
fn a_name_may_move_or_be_replaced() {
    let before = [(BASE, repo(&["moved-1-1.x86_64", "renamed-1-1.x86_64", "gone-1-1.x86_64"]))];
    let after = RepoText::new().package("named-2-1.x86_64", &["obsoletes renamed < 2"]);
    let staged = [
        (BASE, after),
        (APPS, repo(&["moved-1-1.x86_64"])),
        ("AppStream/aarch64/os", repo(&["gone-1-1.x86_64"])),
    ];
    assert_eq!(
        lines(&host(&before, &staged)),
        [
            "Blocking BaseOS/x86_64/os/gone.x86_64 is lost: production has it",
            "Warning BaseOS/x86_64/os/moved.x86_64 is no longer there: it stands in AppStream/x86_64/os now",
            "Warning BaseOS/x86_64/os/renamed.x86_64 is no longer there: named takes its place",
        ]
    );
}

#[test]
fn streams_and_advisories_are_held_against_production() {
    let (old, new) = ("node-18-1.module+el8.x86_64", "node-20-1.module+el8.x86_64");
    let advisories = |ids: &[&str]| {
        let one = |id: &&str| format!("<update><id>{id}</id></update>");
        format!("<updates>{}</updates>", ids.iter().map(one).collect::<String>())
    };
    let both: [StreamText<'_>; 2] = [("node:18", &[], &[old]), ("node:20", &[], &[new])];
    let before = repo(&[old, new])
        .data("modules", modules(&both, &[]))
        .data("updateinfo", advisories(&["A-1", "A-2"]));
    let now = repo(&[new])
        .data("modules", modules(&both[1..], &[]))
        .data("updateinfo", advisories(&["A-2", "A-3"]));
    assert_eq!(
        lines(&host(&[(APPS, before.clone())], &[(APPS, now)])),
        [
            "Blocking AppStream/x86_64/os/A-1 lost the advisory A-1, which production has",
            "Blocking AppStream/x86_64/os/node:18 lost the stream node:18, which production has",
        ],
        "the packages of a stream that is lost are not told once more"
    );
    let kept =
        repo(&[new]).data("modules", modules(&both, &[])).data("updateinfo", advisories(&["A-1", "A-2"]));
    assert_eq!(
        lines(&host(&[(APPS, before.clone())], &[(APPS, kept)])),
        ["Blocking AppStream/x86_64/os/node.x86_64 is lost: production has it"],
        "that of the other stream is none for those who have this one"
    );
    let without = host(&[(APPS, before)], &[(APPS, repo(&[old, new]))]);
    assert_eq!(lines(&without), Vec::<String>::new(), "for modules-present and errata-present to say");
}

#[test]
fn debug_source_and_kickstart_trees_count_in_their_own_way() {
    let place = |kind: &str| format!("BaseOS/x86_64/{kind}");
    let (debug, kickstart) = (place("debug/tree"), place("kickstart"));
    let before = [
        (debug.as_str(), repo(&["bash-debuginfo-1-1.x86_64"])),
        (kickstart.as_str(), repo(&["bash-1-1.x86_64"])),
        ("BaseOS/source/tree", repo(&["bash-2-1.src"])),
        ("Gone/x86_64/os", repo(&["tool-1-1.x86_64"])),
    ];
    let staged = [
        (debug.as_str(), repo(&[])),
        (kickstart.as_str(), repo(&["bash-1-1.x86_64", "bash-2-1.x86_64"])),
        ("BaseOS/source/tree", repo(&["bash-1-1.src"])),
    ];
    let mut fixture = host(&before, &staged);
    let wanted = [
        "Blocking BaseOS/source/tree/bash.src went down from 2-1 to 1-1",
        "Blocking BaseOS/x86_64/kickstart is a kickstart tree, which stays as it was released, and 1 package of it changed",
        "Warning BaseOS/x86_64/debug/tree/bash-debuginfo.x86_64 is lost: production has it",
        "Info Gone/x86_64/os is in production and not in staging: the push leaves it as it is",
    ];
    assert_eq!(lines(&fixture), wanted);
    fixture.release_mut().toolkit.deletes = true;
    assert!(lines(&fixture).contains(
        &"Blocking Gone/x86_64/os is in production and not in staging: the push deletes it".to_owned()
    ));
}

#[test]
fn what_cannot_be_read_is_said_and_a_new_release_has_nothing_to_lose() {
    let fixture = host(&[], &[(BASE, repo(&["bash-1-1.x86_64"]))]);
    std::fs::remove_dir_all(fixture.production("")).unwrap();
    assert_eq!(lines(&fixture), Vec::<String>::new());
    let fixture = host(&[(BASE, repo(&["bash-1-1.x86_64"]))], &[(BASE, repo(&["bash-1-1.x86_64"]))]);
    std::fs::write(fixture.production(BASE).join("repodata/primary"), "<metadata").unwrap();
    assert!(
        lines(&fixture)[0]
            .starts_with("Warning BaseOS/x86_64/os cannot be compared: production's repodata/primary ")
    );
    std::fs::write(fixture.staging(BASE).join("repodata/repomd.xml"), "<repomd").unwrap();
    assert!(lines(&fixture)[0].starts_with("Blocking BaseOS/x86_64/os/repodata/repomd.xml "));
}
