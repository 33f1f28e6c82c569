//! Streams without packages, packages without streams, and what production has of both.

use super::*;
use crate::vet::fixture::Fixture;
use crate::vet::fixture::text::{RepoText, StreamText, modules};

const REPO: &str = "BaseOS/x86_64/os";

fn lines(fixture: &Fixture) -> Vec<String> {
    let findings = fixture.run(CHECK, "8/gate");
    let inherited = |one: &Finding| if one.inherited { " (inherited)" } else { "" };
    findings
        .iter()
        .map(|one| format!("{:?} {} {}{}", one.severity, one.path, one.message, inherited(one)))
        .collect()
}

#[test]
fn streams_and_packages_must_fit() {
    let fixture = Fixture::new();
    let (node, npm) = ("node-1:18-1.module+el8.x86_64", "npm-8-1.module+el8.noarch");
    let repo = |streams: &[StreamText<'_>]| {
        let repo = RepoText::new().package(node, &[]).package(npm, &[]).package("bash-5-1.el8.x86_64", &[]);
        repo.data("modules", modules(streams, &["node:18"]))
    };
    let both = [node, npm, "node-1:18-1.module+el8.src", "node-debuginfo-1:18-1.module+el8.x86_64"];
    repo(&[("node:18", &[], &both)]).write(&fixture.staging(REPO));
    assert_eq!(lines(&fixture), Vec::<String>::new(), "sources and debug packages stand elsewhere");
    let streams: [StreamText<'_>; 2] = [
        ("node:18", &[], &[node, "gone-1-1.module+el8.x86_64"]),
        ("stale:1", &[], &["stale-1-1.module+el8.x86_64"]),
    ];
    repo(&streams).write(&fixture.staging(REPO));
    let wanted = [
        "Blocking BaseOS/x86_64/os/npm-8-1.module+el8.noarch is a modular package that no stream names, so that it hides those of every stream",
        "Blocking BaseOS/x86_64/os/stale:1 is a stream of which no package is there",
        "Warning BaseOS/x86_64/os/node:18:1:c0:x86_64 is the newest of its stream, and 1 package is not there, the first gone-1-1.module+el8.x86_64",
    ];
    assert_eq!(lines(&fixture), wanted);
    repo(&streams).write(&fixture.production(REPO));
    assert_eq!(lines(&fixture), wanted.map(|line| format!("{line} (inherited)")));
}

#[test]
fn a_stream_may_have_its_packages_in_another_repo_of_the_architecture() {
    let fixture = Fixture::new();
    let node = "node-1:18-1.module+el8.x86_64";
    let stream: StreamText<'_> = ("node:18", &[], &[node]);
    RepoText::new().data("modules", modules(&[stream], &[])).write(&fixture.staging(REPO));
    assert!(lines(&fixture)[0].contains("no package is there"));
    RepoText::new()
        .package(node, &[])
        .data("modules", modules(&[stream], &[]))
        .write(&fixture.staging("AppStream/x86_64/os"));
    assert_eq!(lines(&fixture), Vec::<String>::new());
}

#[test]
fn modular_packages_without_module_data_are_one_finding() {
    let fixture = Fixture::new();
    let repo =
        RepoText::new().package("a-1-1.module+el8.x86_64", &[]).package("b-1-1.module_el8+1.x86_64", &[]);
    repo.write(&fixture.staging(REPO));
    assert_eq!(
        lines(&fixture),
        [format!("Blocking {REPO}/repodata/repomd.xml has no module data and 2 modular packages")]
    );
    repo.data("modules", modules(&[], &[])).write(&fixture.production(REPO));
    assert_eq!(
        lines(&fixture),
        [format!("Blocking {REPO}/repodata/repomd.xml lost its module data, which production has")]
    );
}

#[test]
fn a_broken_file_is_named() {
    let fixture = Fixture::new();
    RepoText::new().data("modules", "---\ndocument: [").write(&fixture.staging(REPO));
    let found = lines(&fixture);
    assert!(
        found.len() == 1 && found[0].starts_with("Blocking BaseOS/x86_64/os/repodata/modules "),
        "{found:?}"
    );
}
