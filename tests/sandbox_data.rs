//! The real tools on the data of a practice host: rpm, gpg and `createrepo_c` must accept what was made without them.
//!
//! They are part of the set-up of the tests (the README names the packages), so a missing one fails, never skips.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use stagegate::sandbox::{
    compose_writer::{Kind, Order, assemble},
    history,
    layout::HostPaths,
};
use std::{
    collections::BTreeSet,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

struct Host {
    scratch: PathBuf,
    paths: HostPaths,
}

/// One host for all tests here; none of them may change what is there. It stays below `target/` until the next run.
fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandbox_data");
        if place.exists() {
            std::fs::remove_dir_all(&place).unwrap();
        }
        let scratch = place.join("scratch");
        std::fs::create_dir_all(&scratch).unwrap();
        let paths = HostPaths::new(place.join("host"));
        let now = jiff::Timestamp::now();
        let signer = history::make_key(&paths, now).unwrap();
        history::populate(&paths, &signer, now).unwrap();
        assemble(&paths, &Order::new("8", "Rocky", Kind::Produce), &mut |_| ()).unwrap();
        Host { scratch, paths }
    })
}

fn run<S: AsRef<OsStr>>(tool: &str, args: impl IntoIterator<Item = S>) -> Output {
    Command::new(tool).args(args).env("LC_ALL", "C").output().unwrap_or_else(|why| {
        panic!("`{tool}` does not run ({why}): install rpm, gpg, gpgv and python3-createrepo-c")
    })
}

fn good(output: &Output, what: &str) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {}\n{text}\n{errors}", output.status);
    text
}

fn below(root: &Path, wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    walkdir::WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.is_file() && wanted(path))
        .collect()
}

fn is_package(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "rpm")
}

fn repositories(root: &Path) -> Vec<PathBuf> {
    let found = below(root, |path| path.ends_with("repodata/repomd.xml"));
    found.iter().map(|path| path.parent().unwrap().parent().unwrap().to_owned()).collect()
}

#[test]
fn rpm_accepts_every_package_with_the_hosts_key() {
    let host = host();
    let database = host.scratch.join("rpmdb");
    std::fs::create_dir(&database).unwrap();
    let db = format!("--dbpath={}", database.display());
    let key = host.paths.public_key();
    good(&run("rpmkeys", [db.as_str(), "--import", key.to_str().unwrap()]), "import");
    let packages = below(&host.paths.mnt(), is_package);
    assert!(packages.len() > 1000, "{}", packages.len());
    for part in packages.chunks(200) {
        let mut args = vec![db.clone(), "--checksig".into()];
        args.extend(part.iter().map(|path| path.display().to_string()));
        let text = good(&run("rpmkeys", &args), "checksig");
        let accepted = text.lines().filter(|line| line.ends_with(": digests signatures OK")).count();
        assert_eq!(accepted, part.len(), "{text}");
    }
}

#[test]
fn rpm_refuses_a_package_that_was_touched() {
    let host = host();
    let package = below(&host.paths.koji(), is_package).remove(0);
    let mut bytes = std::fs::read(package).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let touched = host.scratch.join("touched.rpm");
    std::fs::write(&touched, bytes).unwrap();
    let output = run("rpmkeys", ["--checksig", "--nosignature", touched.to_str().unwrap()]);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn rpm_reads_what_a_modular_package_and_a_source_package_say() {
    let host = host();
    let query = |path: &Path| {
        let format = "%{NAME}|%{MODULARITYLABEL}|%{SOURCERPM}|%{SOURCEPACKAGE}\n";
        good(&run("rpm", ["-qp", "--nosignature", "--qf", format, path.to_str().unwrap()]), "query")
    };
    let find = |start: &str, end: &str| -> PathBuf {
        let matches = |path: &Path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with(start) && name.ends_with(end)
        };
        below(&host.paths.koji(), matches).remove(0)
    };
    let modular = query(&find("nodejs-18", ".x86_64.rpm"));
    let fields: Vec<&str> = modular.trim().split('|').collect();
    assert!(fields[1].starts_with("nodejs:18:"), "{modular}");
    assert!(fields[2].starts_with("nodejs-18") && fields[2].ends_with(".src.rpm"), "{modular}");
    let source = find("bash-", ".src.rpm");
    assert_eq!(query(&source), "bash|(none)|(none)|1\n");
    let text = good(&run("rpm", ["-qip", "--nosignature", source.to_str().unwrap()]), "info");
    assert!(text.contains("Name        : bash") && text.contains("Source RPM  : (none)"), "{text}");
}

#[test]
fn gpgv_accepts_every_repository_of_staging_and_production() {
    let host = host();
    let ring = host.scratch.join("sandbox.gpg");
    let key = host.paths.public_key();
    let home = host.scratch.join("gnupg");
    std::fs::create_dir(&home).unwrap();
    let dearmor = ["--homedir", home.to_str().unwrap(), "--output", ring.to_str().unwrap(), "--dearmor"];
    good(&run("gpg", dearmor.iter().copied().chain([key.to_str().unwrap()])), "dearmor");
    let mut checked = 0;
    for root in [host.paths.staging(), host.paths.production()] {
        for repository in repositories(&root) {
            let repomd = repository.join("repodata/repomd.xml");
            let signature = repository.join("repodata/repomd.xml.asc");
            let args =
                ["--keyring", ring.to_str().unwrap(), signature.to_str().unwrap(), repomd.to_str().unwrap()];
            good(&run("gpgv", args), &repomd.display().to_string());
            checked += 1;
        }
    }
    assert!(checked > 200, "{checked}");
}

/// Reads each repository with `createrepo_c`'s own parser, and each package again from its header, and compares all of it.
const READER: &str = r#"
import os, sys, xml.etree.ElementTree
import createrepo_c as cr

def fail(warning_type, message):
    raise RuntimeError(message)

def described(package, with_file_time):
    same = ["name", "arch", "epoch", "version", "release", "pkgId", "summary", "description", "rpm_license",
            "rpm_vendor", "rpm_group", "rpm_buildhost", "rpm_sourcerpm", "rpm_packager", "url", "time_build", "size_package",
            "size_installed", "rpm_header_start", "rpm_header_end", "requires", "provides", "conflicts", "obsoletes"]
    values = {name: getattr(package, name) or None for name in same}
    values["files"] = sorted((kind or "", folder + "/" * (folder[-1:] not in ("", "/")) + name) for kind, folder, name in package.files)
    values["changelogs"] = [(author, date, text) for author, date, text in package.changelogs]
    if with_file_time:
        values["time_file"] = package.time_file
    return values

for directory in sys.argv[1:]:
    repomd = cr.Repomd(os.path.join(directory, "repodata/repomd.xml"))
    records = {record.type: os.path.join(directory, record.location_href) for record in repomd.records}
    for record in repomd.records:
        path = os.path.join(directory, record.location_href)
        assert os.path.getsize(path) == record.size, path
        assert record.checksum in os.path.basename(path), path
    metadata = cr.Metadata(key=cr.HT_KEY_FILENAME)
    metadata.locate_and_load_xml(directory)
    packages = {key: metadata.get(key) for key in metadata.keys()}
    for kind in ["primary", "filelists", "other"]:
        getattr(cr, "xml_parse_" + kind)(records[kind], lambda *found: cr.Package(), None, fail)
    for package in packages.values():
        path = os.path.join(directory, package.location_href)
        real = cr.package_from_rpm(path)
        real.time_file = int(os.stat(path).st_mtime)
        a, b = described(package, True), described(real, True)
        assert a == b, "%s: %s" % (path, {key: (a[key], b[key]) for key in a if a[key] != b[key]})
    advisories = 0
    if "updateinfo" in records:
        names = {(p.name, p.version, p.release, p.arch) for p in packages.values()}
        info = cr.UpdateInfo(records["updateinfo"])
        for update in info.updates:
            advisories += 1
            for collection in update.collections:
                for p in collection.packages:
                    assert (p.name, p.version, p.release, p.arch) in names, (directory, update.id, p.name)
    groups = 0
    if "group" in records:
        groups = len(xml.etree.ElementTree.parse(records["group"]).findall("group"))
        assert "group_gz" in records
    print("%d|%d|%d|%s|%s" % (len(packages), advisories, groups, "modules" in records, directory))
"#;

#[test]
fn createrepo_reads_every_repository_and_agrees_with_it() {
    let host = host();
    let mut all = Vec::new();
    for root in [host.paths.compose(), host.paths.staging(), host.paths.production()] {
        // a killed compose has trees without metadata, and a doomed one has no metadata at all
        all.extend(repositories(&root));
    }
    let script = host.scratch.join("reader.py");
    std::fs::write(&script, READER).unwrap();
    let mut seen = 0;
    for part in all.chunks(100) {
        let args =
            [OsStr::new(script.as_os_str())].into_iter().chain(part.iter().map(|path| path.as_os_str()));
        let text = good(&run("/usr/bin/python3", args), "createrepo_c's bindings");
        for line in text.lines() {
            let fields: Vec<&str> = line.splitn(5, '|').collect();
            let repository = Path::new(fields[4]);
            let on_disk = below(repository, is_package).len();
            assert_eq!(fields[0].parse::<usize>().unwrap(), on_disk, "{}", repository.display());
            expect_documents(&host.paths, repository, &fields);
            seen += 1;
        }
    }
    assert_eq!(seen, all.len());
}

/// Groups, modules and errata are where prep and the errata step put them.
fn expect_documents(paths: &HostPaths, repository: &Path, fields: &[&str]) {
    let text = repository.display().to_string();
    let published = !repository.starts_with(paths.compose());
    let os = text.ends_with("/os");
    let base =
        ["BaseOS", "AppStream", "PowerTools", "CRB"].iter().any(|name| text.contains(&format!("/{name}/")));
    // Release 10 has no modules. Whole parts of the path: a date such as 20261010 holds a 10 too.
    let of_release_10 = repository
        .iter()
        .any(|part| part == "10" || part.to_str().is_some_and(|part| part.starts_with("10.")));
    let modular = text.contains("/AppStream/") && !of_release_10 || text.contains("/PowerTools/");
    assert_eq!(fields[1] != "0", published && os, "errata: {text}");
    assert_eq!(fields[2] != "0", os && base, "groups: {text}");
    assert_eq!(fields[3] == "True", os && modular, "modules: {text}");
}

#[test]
fn every_modular_package_of_staging_is_in_a_module_document() {
    let host = host();
    let mut checked = BTreeSet::new();
    for major in ["8", "9"] {
        for arch in ["x86_64", "aarch64"] {
            let yaml = std::fs::read_to_string(host.paths.modules_yaml(major, arch, "AppStream")).unwrap();
            let revision = if major == "8" { "8.10-RC1" } else { "9.6-RC1" };
            let tree = host.paths.staging().join(revision).join("AppStream").join(arch).join("os");
            for package in
                below(&tree, |path| is_package(path) && path.to_string_lossy().contains(".module+"))
            {
                let name = package.file_stem().unwrap().to_string_lossy().into_owned();
                let rest = name.rsplit_once('-').unwrap().1.to_owned();
                assert!(yaml.contains(&rest), "{name} is in no module document");
                checked.insert(name);
            }
        }
    }
    assert!(checked.len() >= 8, "{checked:?}");
}
