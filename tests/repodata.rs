//! Real metadata of real packages: what the reader makes of it must be what `createrepo_c`'s own parser makes of it.
//!
//! `createrepo_c`, `modifyrepo_c` and python3-createrepo-c are part of the set-up of the tests, so a missing one fails,
//! never skips.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use rpm::{BuildConfig, CompressionWithLevel, Dependency, FileOptions, PackageBuilder};
use serde_json::{Value, json};
use stagegate::repodata::package::{Comparison, FileKind, Relation};
use stagegate::repodata::{Compression, Mismatch, Nevra, Package, Problem, Repo, Verify, Want, Watch, Way};
use stagegate::repodata::{diff, primary};
use stagegate::sandbox::package::{Kind, PackageSpec, PayloadFile};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Prints every package of a repo as a line of JSON, as `createrepo_c` understands it.
const ORACLE: &str = r#"
import json, os, sys
import createrepo_c as cr

def fail(warning_type, message):
    raise RuntimeError(message)

directory = sys.argv[1]
repomd = cr.Repomd(os.path.join(directory, "repodata/repomd.xml"))
paths = {record.type: os.path.join(directory, record.location_href) for record in repomd.records}
packages, order = {}, []
def new(pkgid, name, arch):
    return packages[pkgid]
primary = {}
def files(package):
    return [[kind or "", (folder or "") + name] for kind, folder, name in package.files]
def done(package):
    packages[package.pkgId] = package
    order.append(package.pkgId)
    primary[package.pkgId] = files(package)
cr.xml_parse_primary(paths["primary"], lambda *_: cr.Package(), done, fail, True)
for pkgid in order:
    packages[pkgid].files = []
cr.xml_parse_filelists(paths["filelists"], new, None, fail)
cr.xml_parse_other(paths["other"], new, None, fail)
def entries(list):
    return [[e[0], e[1] or "", int(e[2] or 0), e[3] or "", e[4] or "", bool(e[5])] for e in list]
for pkgid in order:
    p = packages[pkgid]
    print(json.dumps({"name": p.name, "arch": p.arch, "epoch": int(p.epoch or 0), "version": p.version, "release": p.release,
        "pkgid": p.pkgId, "sizes": [p.size_package, p.size_installed, p.size_archive], "times": [p.time_file, p.time_build],
        "location": p.location_href, "source": p.rpm_sourcerpm or "", "header": [p.rpm_header_start, p.rpm_header_end],
        "requires": entries(p.requires), "provides": entries(p.provides), "conflicts": entries(p.conflicts),
        "obsoletes": entries(p.obsoletes), "recommends": entries(p.recommends), "suggests": entries(p.suggests),
        "supplements": entries(p.supplements), "enhances": entries(p.enhances), "primary": primary[pkgid], "files": files(p),
        "changelogs": len(p.changelogs)}))
"#;

fn run<S: AsRef<OsStr>>(tool: &str, args: impl IntoIterator<Item = S>) -> String {
    let output = Command::new(tool).args(args).env("LC_ALL", "C.UTF-8").output();
    let output = output
        .unwrap_or_else(|why| panic!("`{tool}` does not run ({why}): install createrepo_c and its bindings"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Builds packages that have everything that metadata can say, and writes them into `folder`.
fn packages(folder: &Path, release: &str) {
    std::fs::create_dir_all(folder.join("Packages/s")).unwrap();
    let config = BuildConfig::v4()
        .source_date(1_700_000_000)
        .compression(CompressionWithLevel::Gzip(1))
        .reserved_space(None);
    for number in 0..12_u32 {
        let name = format!("tool{number}");
        let version = ["1.0", "2.0~rc1", "1.10^git5", "0"][number as usize % 4];
        let mut builder = PackageBuilder::new(
            &name,
            version,
            "MIT & \"BSD\"",
            ["x86_64", "noarch"][number as usize % 2],
            "é <b> & \"c\" 'd'",
        );
        builder
            .using_config(config)
            .release(release)
            .description("one\n\n<two> & ]]> three!?")
            .url("https://x.invalid/?a&b");
        if number % 3 == 0 {
            builder.epoch(number);
        }
        builder.requires(Dependency::any("(a if b)")).requires(Dependency::greater_eq("glibc", "2.28-1"));
        builder.requires(Dependency::less("x<y", "1:3")).requires(Dependency::any("/usr/bin/sh"));
        builder.provides(Dependency::eq(format!("lib{name}.so.1(é)(64bit)"), "7"));
        builder.conflicts(Dependency::any("c1")).obsoletes(Dependency::less_eq("o1", "2:1.0-3"));
        builder.recommends(Dependency::any("r1")).suggests(Dependency::any("s1"));
        builder.supplements(Dependency::any("(s2 and s3)")).enhances(Dependency::greater("e1", "5"));
        for path in ["/usr/bin/a b&c", "/etc/x.conf", "/usr/share/é/<y>", "/usr/lib/sendmail"]
            .iter()
            .take(number as usize % 5)
        {
            builder.with_file_contents("content", FileOptions::new(*path)).unwrap();
        }
        builder.with_dir_entry(FileOptions::dir("/etc/tool.d")).unwrap();
        builder.with_ghost(FileOptions::ghost("/etc/ghost")).unwrap();
        builder.add_changelog_entry("A <a@b.invalid>", "- <once>\n- & again", 1_600_000_000_u32);
        let package = builder.build().unwrap();
        package.write_file(folder.join(format!("Packages/{name}.rpm"))).unwrap();
    }
    let source = PackageSpec {
        name: "tool0".into(),
        epoch: 0,
        version: "1.0".into(),
        release: release.into(),
        arch: "x86_64".into(),
        kind: Kind::Source,
        summary: "source".into(),
        license: "MIT".into(),
        requires: vec!["gcc >= 8".into()],
        provides: Vec::new(),
        modularity_label: None,
        files: vec![PayloadFile { path: "/tool0.spec".into(), content: b"x".to_vec(), mode: 0o644 }],
        build_time: 1_700_000_000,
    };
    std::fs::write(folder.join("Packages/s/tool0.src.rpm"), source.build(None).unwrap()).unwrap();
}

fn createrepo(folder: &Path, args: &[&str]) {
    run("createrepo_c", args.iter().map(OsStr::new).chain([OsStr::new("--quiet"), folder.as_os_str()]));
}

/// Repacks every file of a repo as zstd, which the `createrepo_c` of old hosts cannot write.
fn repack(folder: &Path) {
    let repo = Repo::open(folder).unwrap();
    let mut text = String::from("<repomd>");
    for data in &repo.repomd().data {
        let mut plain = Vec::new();
        repo.stream(data, Verify::Both, &()).unwrap().read_to_end(&mut plain).unwrap();
        let name = format!("repodata/{}.xml.zst", data.kind);
        std::fs::write(folder.join(&name), zstd::encode_all(plain.as_slice(), 3).unwrap()).unwrap();
        let _ = write!(text, "<data type=\"{}\"><location href=\"{name}\"/></data>", data.kind);
    }
    std::fs::write(folder.join("repodata/repomd.xml"), text + "</repomd>").unwrap();
}

/// What is read of one package, in the form of the oracle.
fn described(package: &Package) -> Value {
    let entries = |relation| -> Vec<Value> {
        let flag = |comparison: Option<Comparison>| match comparison {
            None => "",
            Some(Comparison::Equal) => "EQ",
            Some(Comparison::Less) => "LT",
            Some(Comparison::LessOrEqual) => "LE",
            Some(Comparison::Greater) => "GT",
            Some(Comparison::GreaterOrEqual) => "GE",
        };
        let entry = package.related(relation);
        entry
            .map(|one| json!([one.name, flag(one.comparison), one.epoch, one.version, one.release, one.pre]))
            .collect()
    };
    let (start, end) = package.header_range.unwrap();
    json!({
        "name": package.name(), "arch": package.arch(), "epoch": package.epoch, "version": package.version(),
        "release": package.release(), "pkgid": package.pkgid(),
        "sizes": [package.sizes.package, package.sizes.installed, package.sizes.archive],
        "times": [package.file_time, package.build_time], "location": package.location(),
        "source": package.source_rpm(), "header": [start, end],
        "requires": entries(Relation::Requires), "provides": entries(Relation::Provides),
        "conflicts": entries(Relation::Conflicts), "obsoletes": entries(Relation::Obsoletes),
        "recommends": entries(Relation::Recommends), "suggests": entries(Relation::Suggests),
        "supplements": entries(Relation::Supplements), "enhances": entries(Relation::Enhances),
        "primary": package.files().map(|(kind, path)| json!([word(kind), path])).collect::<Vec<_>>(),
    })
}

fn word(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "",
        FileKind::Folder => "dir",
        FileKind::Ghost => "ghost",
    }
}

/// Reads a repo whole: primary, filelists and other joined by pkgid. Returns the packages and how many went the fast way.
fn read(folder: &Path) -> (Vec<Value>, u64) {
    let repo = Repo::open(folder).unwrap();
    let mut packages = Vec::new();
    let outcome = repo
        .primary(Want::ALL, Verify::Both, &(), |package| {
            packages.push(described(package));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(outcome.checked.mismatches, []);
    let mut files: BTreeMap<String, Value> = BTreeMap::new();
    let listed = repo.filelists(Want::FILES, Verify::Both, &(), |listed| {
        let list = listed.files().map(|(kind, path)| json!([word(kind), path])).collect();
        files.insert(listed.pkgid.clone(), Value::Array(list));
        ControlFlow::Continue(())
    });
    assert_eq!(listed.unwrap().checked.mismatches, []);
    let mut changelogs: BTreeMap<String, usize> = BTreeMap::new();
    let other = repo.other(Verify::Both, &(), |listed| {
        changelogs.insert(listed.pkgid.clone(), listed.changelogs);
        ControlFlow::Continue(())
    });
    assert_eq!(other.unwrap().checked.mismatches, []);
    for package in &mut packages {
        let pkgid = package["pkgid"].as_str().unwrap().to_owned();
        package["files"] = files.remove(&pkgid).unwrap();
        package["changelogs"] = json!(changelogs.remove(&pkgid).unwrap());
    }
    assert!(files.is_empty() && changelogs.is_empty(), "the same packages in all three");
    (packages, outcome.value.fast)
}

fn oracle(folder: &Path) -> Vec<Value> {
    let said = run("/usr/bin/python3", [OsStr::new("-c"), OsStr::new(ORACLE), folder.as_os_str()]);
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

struct Host {
    _scratch: tempfile::TempDir,
    folder: PathBuf,
}

fn host() -> Host {
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = scratch.path().join("repo");
    packages(&folder, "1.el8");
    Host { _scratch: scratch, folder }
}

#[test]
fn every_compression_reads_as_createrepo_reads_it() {
    let Host { folder, _scratch } = host();
    createrepo(&folder, &["--no-database"]);
    let wanted = oracle(&folder);
    assert_eq!(wanted.len(), 13);
    for (kind, names) in [
        ("gz", "--unique-md-filenames"),
        ("xz", "--simple-md-filenames"),
        ("bz2", "--unique-md-filenames"),
        ("zst", ""),
    ] {
        if kind == "zst" {
            repack(&folder);
        } else {
            createrepo(&folder, &["--general-compress-type", kind, names]);
            assert_eq!(oracle(&folder), wanted, "{kind}: createrepo agrees with itself");
        }
        let (packages, fast) = read(&folder);
        assert_eq!(packages, wanted, "{kind}");
        assert_eq!(fast, 13, "{kind}: the layout is known");
    }
}

/// Sqlite databases and zchunk files stand beside the XML in old and in new repos.
#[test]
fn what_else_stands_in_a_repo_is_verified_or_passed_over() {
    let Host { folder, _scratch } = host();
    createrepo(
        &folder,
        &["--zck", "--database", "--distro", "cpe:/o:rocky:rocky:8,Rocky Linux 8", "--content", "binary"],
    );
    let repo = Repo::open(&folder).unwrap();
    assert_eq!(repo.repomd().cpe_ids().collect::<Vec<_>>(), ["cpe:/o:rocky:rocky:8"]);
    assert_eq!(repo.repomd().passed_over.len(), 3);
    assert_eq!(repo.repomd().data.len(), 6);
    for data in &repo.repomd().data {
        let checked = repo.check(data, &()).unwrap();
        assert_eq!(checked.mismatches, [], "{}", data.kind);
        assert_eq!(Some(checked.open_size), data.open_size);
    }
    assert_eq!(read(&folder).0, oracle(&folder));
}

/// The fast way and the XML reader see the same in what `createrepo_c` writes.
#[test]
fn both_ways_agree_on_real_metadata() {
    let Host { folder, _scratch } = host();
    createrepo(&folder, &[]);
    let repo = Repo::open(&folder).unwrap();
    let read = |way| {
        let mut packages = Vec::new();
        let stream = repo.data("primary", Verify::Sizes, &()).unwrap();
        primary::read(stream, Want::ALL, way, |package| {
            packages.push(package.clone());
            ControlFlow::Continue(())
        })
        .unwrap();
        packages
    };
    assert_eq!(read(Way::Fast), read(Way::Xml));
}

const ADVISORY: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<updates><update from="a" status="final" type="security" version="1"><id>RLSA-1</id><title>T</title><severity>Low</severity>
<issued date="2024-01-01"/><references><reference href="https://x.invalid" id="CVE-1" title="t" type="cve"/></references>
<pkglist><collection short="s"><name>n</name><module name="m" stream="1.10" version="3" context="c" arch="x86_64"/>
<package name="tool0" version="1.0" release="1.el8" epoch="0" arch="x86_64" src="s"><filename>f</filename>
<sum type="sha256">e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</sum></package>
</collection></pkglist></update></updates>"#;
const MODULES: &str = "---\ndocument: modulemd\nversion: 2\ndata:\n  name: m\n  stream: 1.10\n  version: 3\n  context: c\n  arch: x86_64\n  \
    artifacts: {rpms: ['tool1-0:2.0~rc1-1.el8.noarch']}\n";

#[test]
fn what_modifyrepo_adds_is_read_and_its_loss_is_told() {
    let Host { folder, _scratch } = host();
    let aside = folder.parent().unwrap();
    let with = |name: &str, text: &str| {
        std::fs::write(aside.join(name), text).unwrap();
        run("modifyrepo_c", [aside.join(name), folder.join("repodata")]);
    };
    createrepo(&folder, &[]);
    with("updateinfo.xml", ADVISORY);
    with("modules.yaml", MODULES);
    with(
        "group.xml",
        "<comps><group><id>core</id><packagelist><packagereq>tool0</packagereq></packagelist></group></comps>",
    );
    let repo = Repo::open(&folder).unwrap();
    let script = "import sys, createrepo_c as cr\nu = cr.UpdateInfo(sys.argv[1]).updates[0]\np = u.collections[0].packages[0]\n\
                  print(u.id, u.severity, u.references[0].id, u.collections[0].module.stream, p.name, p.version, p.release, p.arch)";
    let path = folder.join(repo.repomd().get("updateinfo").unwrap().href.as_path());
    let said = run("/usr/bin/python3", [OsStr::new("-c"), OsStr::new(script), path.as_os_str()]);
    let mut found = String::new();
    let read = repo.updateinfo(Verify::Both, &(), |advisory| {
        let Nevra { name, version, release, arch, .. } = &advisory.packages().next().unwrap().nevra;
        let stream = &advisory.collections[0].module.as_ref().unwrap().stream;
        let cve = advisory.cves().next().unwrap();
        found = format!(
            "{} {} {cve} {stream} {name} {version} {release} {arch}\n",
            advisory.id, advisory.severity
        );
        ControlFlow::Continue(())
    });
    assert_eq!(read.unwrap().unwrap().checked.mismatches, []);
    assert_eq!(found, said);
    assert_eq!(
        repo.modules(Verify::Both, &()).unwrap().unwrap().value.streams[0].nsvca(),
        "m:1.10:3:c:x86_64"
    );
    assert_eq!(repo.comps(Verify::Both, &()).unwrap().unwrap().value.groups[0].packages[0].name, "tool0");

    let other = aside.join("other");
    packages(&other, "2.el8");
    createrepo(&other, &[]);
    let (old, new) = diff::Side::read_both(&folder, &other, Verify::Both, &()).unwrap();
    let diff = diff::diff(&old, &new);
    assert_eq!(diff.streams.lost, ["m:1.10"]);
    assert_eq!(diff.advisories.lost[0].id, "RLSA-1");
    let fates: BTreeSet<diff::Fate> = diff.packages.iter().map(diff::Change::fate).collect();
    // The package of the lost stream is another than the one without.
    assert_eq!(fates, [diff::Fate::Added, diff::Fate::Updated, diff::Fate::Removed].into());
    assert_eq!(diff.packages.len(), 12 + 2);
}

#[test]
fn what_does_not_match_is_told_and_what_cannot_be_read_is_named() {
    let Host { folder, _scratch } = host();
    createrepo(&folder, &["--simple-md-filenames"]);
    let repomd = std::fs::read_to_string(folder.join("repodata/repomd.xml")).unwrap();
    let open_size = repomd.split("<open-size>").nth(1).unwrap().split('<').next().unwrap();
    let write = |text: &str| std::fs::write(folder.join("repodata/repomd.xml"), text).unwrap();
    let check = || {
        let repo = Repo::open(&folder)?;
        let primary = repo.repomd().get("primary").unwrap();
        repo.check(primary, &())
    };
    write(&repomd.replacen(open_size, "17", 1));
    let checked = check().unwrap();
    assert!(
        matches!(checked.mismatches[..], [Mismatch::OpenSize { claimed: 17, .. }]),
        "a slip of some tools"
    );
    assert_eq!(checked.compression, Compression::Gzip);
    write(&repomd.replacen(open_size, "10000000000", 1));
    let error = check().unwrap_err();
    assert_eq!(error.file, "repodata/primary.xml.gz");
    assert!(matches!(error.problem, Problem::ClaimsTooMuch { claimed: 10_000_000_000, .. }), "{error}");
    write(&repomd);
    let path = folder.join("repodata/primary.xml.gz");
    let bytes = std::fs::read(&path).unwrap();
    let mut more = bytes.clone();
    more.extend_from_slice(&bytes);
    std::fs::write(&path, &more).unwrap();
    let kinds = check().unwrap().mismatches.len();
    assert_eq!(kinds, 4, "size and checksum, of both forms");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = check().unwrap_err();
    assert!(matches!(error.problem, Problem::Damaged { .. }), "{error}");
    assert!(
        error.to_string().starts_with("repodata/primary.xml.gz: is damaged or cut short (gzip)"),
        "{error}"
    );
    std::fs::remove_file(&path).unwrap();
    assert_eq!(check().unwrap_err().problem, Problem::Missing);
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    assert_eq!(check().unwrap_err().problem, Problem::NotAFile);
    std::fs::remove_file(folder.join("repodata/repomd.xml")).unwrap();
    let error = check().unwrap_err();
    assert_eq!((error.file.as_str(), &error.problem), ("repodata/repomd.xml", &Problem::Missing));
}

#[test]
fn a_read_ends_when_it_is_cancelled() {
    struct Cancelled;
    impl Watch for Cancelled {
        fn is_cancelled(&self) -> bool {
            true
        }
    }
    let Host { folder, _scratch } = host();
    createrepo(&folder, &[]);
    let error = Repo::open(&folder).unwrap().packages(Verify::Sizes, &Cancelled).unwrap_err();
    assert_eq!(error.problem, Problem::Cancelled);
}
