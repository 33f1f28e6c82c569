//! What is closed and what is not: versions, rich dependencies, files, SIGs, architectures; and what each stream sees.

use crate::domain::finding::Finding;
use crate::domain::flow::CheckName;
use crate::vet::fixture::Fixture;
use crate::vet::fixture::text::{RepoText, StreamText, modules};

const BASE: &str = "BaseOS/x86_64/os";
const STREAMS: &str = "AppStream/x86_64/os";

/// Makes a release of those repos, and nothing in production.
fn host(repos: &[(&str, RepoText)]) -> Fixture {
    let fixture = Fixture::new();
    for place in [fixture.staging(""), fixture.production("")] {
        std::fs::remove_dir_all(&place).unwrap();
        std::fs::create_dir_all(&place).unwrap();
    }
    for (place, repo) in repos {
        repo.write(&fixture.staging(place));
    }
    fixture
}

fn lines(fixture: &Fixture) -> Vec<String> {
    let findings = fixture.run(CheckName::DependenciesClosed, "8/gate");
    assert!(findings.iter().all(Finding::blocks), "{findings:?}");
    findings.iter().map(|one| format!("{} {}", one.path, one.message)).collect()
}

/// Returns what is missing in one repo of those packages.
fn missing(packages: &[(&str, &[&str])]) -> Vec<String> {
    let repo = packages.iter().fold(RepoText::new(), |repo, (nevra, lines)| repo.package(nevra, lines));
    let mark = ": nothing in the release's own repos provides it";
    let lines = lines(&host(&[(BASE, repo)]));
    lines.iter().map(|line| line.split_once(' ').unwrap().1.replace(mark, "")).collect()
}

#[test]
fn a_requirement_is_answered_by_names_provides_and_files_in_their_versions() {
    let found = missing(&[
        (
            "glibc-2.28-1.el8.x86_64",
            &[
                "provides libc.so.6()(64bit)",
                "provides config(glibc) = 2.28-1.el8",
                "requires config(glibc) = 2.28-1.el8",
            ],
        ),
        (
            "bash-1:5.1-1.el8.x86_64",
            &["file /usr/bin/bash", "long /usr/share/doc/bash", "provides sh", "requires libc.so.6()(64bit)"],
        ),
        (
            "good-1-1.noarch",
            &[
                "requires rpmlib(CompressedFileNames) <= 3.0.4-1",
                "requires /usr/bin/bash",
                "requires /usr/share/doc/bash",
                "requires bash = 1:5.1-1.el8",
                "requires bash >= 4",
                "requires sh > 9",
                "requires good = 1",
            ],
        ),
        (
            "bad-1-1.noarch",
            &[
                "requires /usr/bin/zsh",
                "requires /usr/share/doc/zsh",
                "requires bash < 1:5",
                "requires bash = 5.1-1.el8",
                "requires nothing",
            ],
        ),
        ("source-1-1.src", &["requires anything"]),
    ]);
    assert_eq!(
        found,
        [
            "bad-1-1.noarch requires /usr/bin/zsh",
            "bad-1-1.noarch requires /usr/share/doc/zsh",
            "bad-1-1.noarch requires bash < 1:5",
            "bad-1-1.noarch requires bash = 5.1-1.el8",
            "bad-1-1.noarch requires nothing",
        ]
    );
}

#[test]
fn rich_dependencies_are_weighed() {
    let about = |rich: &str| {
        let line = format!("requires {rich}");
        let found = missing(&[
            ("a-1-1.noarch", &["provides both"]),
            ("b-2-1.noarch", &["provides both"]),
            ("p-1-1.noarch", &[&line]),
        ]);
        assert!(found.len() <= 1, "{found:?}");
        found.is_empty()
    };
    for (rich, holds) in [
        ("(a or x)", true),
        ("(x or y)", false),
        ("(a and b)", true),
        ("(a and x)", false),
        ("(a and (x or b >= 2))", true),
        ("(x if a)", false),
        ("(x if y)", true),
        ("(x if y else z)", false),
        ("(x if y else a)", true),
        ("(a if b else x)", true),
        ("(a unless b)", true),
        ("(x unless b)", false),
        ("(x unless b else a)", true),
        ("(x unless y else a)", false),
        ("(both with a)", true),
        ("(a with b)", false),
        ("(both without a)", true),
        ("(both without both)", false),
        ("(b >= 2 with b < 3)", true),
        ("(b >= 3 or b < 2)", false),
        ("(a xor b)", false),
        ("((a or x) and (b or y))", true),
    ] {
        assert_eq!(about(rich), holds, "{rich}");
    }
}

#[test]
fn repos_of_an_architecture_are_one_and_a_sig_relies_on_the_base_alone() {
    let requires = |name: &str, what: &str| {
        RepoText::new().package(&format!("{name}-1-1.x86_64"), &[&format!("requires {what}")])
    };
    let fixture = host(&[
        (BASE, requires("base", "app").package("libs-1-1.i686", &["provides libs.so.1"])),
        (STREAMS, requires("app", "libs.so.1").package("reaching-1-1.x86_64", &["requires gluster"])),
        ("storage/gluster9/x86_64/os", requires("gluster", "base")),
        ("virt/advanced/x86_64/os", requires("libvirt", "gluster")),
        ("BaseOS/aarch64/os", requires("lonely", "base")),
        ("BaseOS/x86_64/debug/tree", requires("base-debuginfo", "nothing")),
        ("BaseOS/x86_64/kickstart", requires("old", "nothing")),
        ("BaseOS/source/tree", requires("source", "nothing")),
    ]);
    let found = lines(&fixture);
    let who: Vec<&str> = found.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(
        who,
        [
            "AppStream/x86_64/os/reaching-1-1.x86_64",
            "BaseOS/aarch64/os/lonely-1-1.x86_64",
            "virt/advanced/x86_64/os/libvirt-1-1.x86_64"
        ]
    );
}

#[test]
fn what_production_lacks_already_is_inherited() {
    let repo = RepoText::new().package("a-1-1.x86_64", &["requires old"]);
    let fixture = host(&[(BASE, repo.clone().package("b-1-1.x86_64", &["requires new"]))]);
    repo.write(&fixture.production(BASE));
    let found = fixture.run(CheckName::DependenciesClosed, "8/gate");
    let told: Vec<(&str, bool)> = found.iter().map(|one| (one.path.as_str(), one.inherited)).collect();
    assert_eq!(told, [("BaseOS/x86_64/os/a-1-1.x86_64", true), ("BaseOS/x86_64/os/b-1-1.x86_64", false)]);
    assert_ne!(found[0].id, found[1].id);
}

#[test]
fn what_cannot_be_read_is_all_that_is_said_of_an_architecture() {
    let fixture = host(&[
        (BASE, RepoText::new().package("a-1-1.x86_64", &[])),
        (STREAMS, RepoText::new().package("b-1-1.x86_64", &["requires a"])),
    ]);
    assert_eq!(lines(&fixture), Vec::<String>::new());
    std::fs::write(fixture.staging(BASE).join("repodata/primary"), "<metadata packages=\"1\"><pack").unwrap();
    let found = lines(&fixture);
    assert!(found.len() == 1 && found[0].starts_with("BaseOS/x86_64/os/repodata/primary "), "{found:?}");
    std::fs::remove_dir_all(fixture.staging(BASE)).unwrap();
    assert!(lines(&fixture)[0].contains("b-1-1.x86_64 requires a"), "without the repo it is missing");
}

/// Two streams of perl, of which 5.26 is the default, and a stream of a module that needs one of them.
fn perl() -> RepoText {
    RepoText::new()
        .package("perl-5.26-1.module+el8.x86_64", &["provides perl(v26)"])
        .package("perl-5.30-1.module+el8.x86_64", &["provides perl(v30)"])
}

#[test]
fn a_stream_sees_its_own_packages_and_those_of_the_streams_it_requires() {
    let perl_streams: [StreamText<'_>; 2] = [
        ("perl:5.26", &[], &["perl-5.26-1.module+el8.x86_64"]),
        ("perl:5.30", &[], &["perl-5.30-1.module+el8.x86_64"]),
    ];
    let check = |requires: &[(&str, &str)], needs: &str| {
        let dbi = ("dbi:1", requires, &["dbi-1-1.module+el8.x86_64"][..]);
        let text = modules(&[perl_streams[0], perl_streams[1], dbi], &["perl:5.26"]);
        let repo = perl().package("dbi-1-1.module+el8.x86_64", &[needs]).data("modules", text);
        lines(&host(&[(STREAMS, repo)]))
    };
    let none = Vec::<String>::new();
    assert_eq!(check(&[("perl", "5.26")], "requires perl(v26)"), none);
    assert_eq!(check(&[("perl", "5.30")], "requires perl(v30)"), none, "it enables the other stream");
    assert_eq!(check(&[("perl", "")], "requires perl(v26)"), none, "any means the default");
    assert_eq!(check(&[("perl", "-5.26")], "requires perl(v30)"), none, "all but the default");
    assert_eq!(
        check(&[("perl", "5.30")], "requires perl(v26)"),
        [
            "AppStream/x86_64/os/dbi-1-1.module+el8.x86_64 dbi-1-1.module+el8.x86_64 requires perl(v26): nothing provides it where dbi:1 is enabled"
        ],
        "streams of a module exclude one another"
    );
    assert_eq!(
        check(&[("perl", "5.32")], "requires perl(v26)"),
        ["AppStream/x86_64/os/dbi:1 dbi:1 requires perl:[5.32]: there is no such stream"]
    );
}

#[test]
fn only_the_stream_that_is_broken_is_told_and_the_default_is_like_any_other() {
    let streams: [StreamText<'_>; 2] = [
        ("node:18", &[], &["node-18-1.module+el8.x86_64", "npm-18-1.module+el8.x86_64"]),
        ("node:20", &[], &["node-20-1.module+el8.x86_64", "npm-20-1.module+el8.x86_64"]),
    ];
    let repo = |default: &[&str]| {
        RepoText::new()
            .package("node-18-1.module+el8.x86_64", &[])
            .package("npm-18-1.module+el8.x86_64", &["requires node = 18"])
            .package("node-20-1.module+el8.x86_64", &[])
            .package("npm-20-1.module+el8.x86_64", &["requires node = 18"])
            .package("plain-1-1.x86_64", &["requires npm = 18"])
            .data("modules", modules(&streams, default))
    };
    let broken = "AppStream/x86_64/os/npm-20-1.module+el8.x86_64 npm-20-1.module+el8.x86_64 requires node = 18: nothing provides it where node:20 is enabled";
    assert_eq!(lines(&host(&[(STREAMS, repo(&["node:18"]))])), [broken]);
    let without = lines(&host(&[(STREAMS, repo(&[]))]));
    assert_eq!(without.len(), 2, "{without:?}");
    assert!(
        without[1].starts_with("AppStream/x86_64/os/plain-1-1.x86_64 "),
        "nobody enables a stream unasked: {without:?}"
    );
}

#[test]
fn a_stream_hides_packages_of_the_same_name() {
    let streams: [StreamText<'_>; 1] = [("web:2", &[], &["httpd-2-1.module+el8.x86_64"])];
    let repo = |default: &[&str]| {
        RepoText::new()
            .package("httpd-2-1.module+el8.x86_64", &[])
            .package("httpd-3-1.el8.x86_64", &["requires gone", "provides web-server"])
            .package("site-1-1.el8.x86_64", &["requires web-server"])
            .package("like-1-1.el8.x86_64", &["requires nothing", "provides httpd = 9"])
            .data("modules", modules(&streams, default))
    };
    let found = lines(&host(&[(STREAMS, repo(&["web:2"]))]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("site-1-1.el8.x86_64 requires web-server"), "{found:?}");
    let found = lines(&host(&[(STREAMS, repo(&[]))]));
    assert!(found.len() == 2 && found[0].contains("httpd-3-1.el8.x86_64 requires gone"), "{found:?}");
    assert!(found[1].contains("like-1-1.el8.x86_64 requires nothing"), "{found:?}");
}

#[test]
fn a_stream_in_two_contexts_is_two_and_streams_may_require_one_another_across_repos() {
    let streams: [StreamText<'_>; 5] = [
        ("perl:5.26", &[], &["perl-5.26-1.module+el8.x86_64"]),
        ("perl:5.30", &[], &["perl-5.30-1.module+el8.x86_64"]),
        ("dbi:1@old", &[("perl", "5.26")], &["dbi-1-1.module+el8+old.x86_64"]),
        ("dbi:1@new", &[("perl", "5.30")], &["dbi-1-1.module+el8+new.x86_64"]),
        ("app:1", &[("dbi", "1"), ("perl", "5.30")], &["app-1-1.module+el8.x86_64"]),
    ];
    let apps = RepoText::new()
        .package("dbi-1-1.module+el8+old.x86_64", &["requires perl(v26)", "provides dbi(old)"])
        .package("dbi-1-1.module+el8+new.x86_64", &["requires perl(v30)", "provides dbi(new)"])
        .package("app-1-1.module+el8.x86_64", &["requires dbi(new)", "requires perl(v30)"])
        .data("modules", modules(&streams[2..], &["dbi:1"]));
    let perl = perl().data("modules", modules(&streams[..2], &["perl:5.26"]));
    assert_eq!(lines(&host(&[(BASE, perl), (STREAMS, apps)])), Vec::<String>::new());
}
