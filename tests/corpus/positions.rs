//! What only a release's positions show, planted on a practice host: content in the wrong place, a compose that did not
//! finish, a push that did not get everywhere, lists that do not tell of it (incidents 1, 8, 9 and 14).

use super::practice::{Template, host};
use super::repo::{run, touch};
use super::report::{Report, bounded};
use stagegate::sandbox::filelist;
use stagegate::sandbox::host::BuiltHost;
use stagegate::sandbox::signer::Signer;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// A practice host of which release 8 is as it should be in all its positions.
struct Host {
    _dir: tempfile::TempDir,
    _template: Arc<Template>,
    built: BuiltHost,
}

const MEMORY: u64 = 256 << 10;

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (built, template) = host(&dir.path().join("host"), &[]);
        let host = Self { _dir: dir, _template: template, built };
        host.make_lists();
        host
    }

    /// Makes the lists anew, as the push does: the copy of a host is newer than the lists that were copied with it.
    fn make_lists(&self) {
        let folder = self.production("");
        let (mut names, mut times) = (Vec::new(), Vec::new());
        filelist::write_names(&folder, &mut names).unwrap();
        filelist::write_times(&folder, &mut times).unwrap();
        fs::write(folder.join("fullfilelist"), names).unwrap();
        for name in ["fullfiletimelist", LIST] {
            fs::write(folder.join(name), &times).unwrap();
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.built.paths.root().join("mnt").join(path)
    }

    fn staging(&self, path: &str) -> PathBuf {
        self.at("repos-staging/mirror/pub/rocky/8.10-RC1").join(path)
    }

    fn production(&self, path: &str) -> PathBuf {
        self.at("repos-production/mirror/pub/rocky").join(path)
    }

    fn compose(&self, path: &str) -> String {
        self.at("compose/8").join(path).to_str().unwrap().to_owned()
    }

    fn verify(&self, position: &str) -> Report {
        let catalog = self.built.paths.root().join("stagegate.toml");
        let args = ["--config", catalog.to_str().unwrap(), "verify", "8", "--position", position];
        Report::of(&bounded(MEMORY, &[&args[..], &["--format", "json"]].concat()))
    }
}

#[test]
fn the_clean_positions_have_no_findings() {
    let host = Host::new();
    for position in ["compose", "staging", "production"] {
        host.verify(position).and_nothing_else();
    }
}

/// Where production is not mounted nothing is lost against it.
#[test]
fn production_is_not_mounted() {
    let host = Host::new();
    fs::remove_file(host.at("repos-production/.stagegate-mount")).unwrap();
    for position in ["staging", "production"] {
        let path = host.at("repos-production").to_str().unwrap().to_owned();
        let report = host.verify(position);
        report.finds("mounts", &path, "production: nothing is mounted there").and_nothing_else();
    }
}

/// What the SOP's own example does (R4): `sync-to-staging.sh gluster9 storage` ignores the SIG and exits 0.
#[test]
fn gluster9_is_in_the_releases_own_folder() {
    let host = Host::new();
    let (right, wrong) = (host.staging("storage/gluster9"), host.staging("gluster9"));
    run("cp", &["-a", right.to_str().unwrap(), wrong.to_str().unwrap()]);
    let says = "gluster9 belongs in storage, not in the release's own folder";
    host.verify("staging").finds("staging-matches-compose", "gluster9", says).and_nothing_else();
}

/// The same where nothing of the SIG was synced before: its own place is empty, and what production has there stays.
#[test]
fn gluster9_is_in_the_releases_own_folder_alone() {
    let host = Host::new();
    fs::rename(host.staging("storage/gluster9"), host.staging("gluster9")).unwrap();
    let says = "gluster9 belongs in storage, not in the release's own folder";
    let mut report = host.verify("staging").finds("staging-matches-compose", "gluster9", says);
    for tree in ["aarch64/debug/tree", "aarch64/os", "source/tree", "x86_64/debug/tree", "x86_64/os"] {
        let says = "is in production and not in staging: the push leaves it as it is";
        report = report.tells("no-regression", &format!("storage/gluster9/{tree}"), says);
    }
    report.and_nothing_else();
}

#[test]
fn a_package_of_the_compose_was_not_synced() {
    let host = Host::new();
    let path = "Extras/x86_64/os/Packages/p/passt-0.1-1.el8.x86_64.rpm";
    fs::remove_file(host.staging(path)).unwrap();
    host.verify("staging")
        .finds("staging-matches-compose", "Extras", "goes out too, and is not whole")
        .finds("metadata-consistent", path, "is missing, and primary.xml names it")
        .and_nothing_else();
}

/// R2: one of the push's copies failed, the lists were made again, and the script exited 0.
#[test]
fn production_is_one_repo_behind() {
    let host = Host::new();
    fs::remove_dir_all(host.production("8.10/plus")).unwrap();
    let mut report = host.verify("production");
    for tree in ["plus/aarch64", "plus/source", "plus/x86_64"] {
        report = report.finds("production-matches-staging", tree, "is missing whole in production");
    }
    report.and_nothing_else();
}

#[test]
fn a_push_ended_in_the_middle_of_a_repo() {
    let host = Host::new();
    let path = "BaseOS/x86_64/os/Packages/b/bash-4.4.20-4.el8.x86_64.rpm";
    fs::remove_file(host.production("8.10").join(path)).unwrap();
    host.verify("production")
        .finds("production-matches-staging", "BaseOS/x86_64", "was pushed in part: 1 of")
        .finds("production-matches-staging", path, "is missing in production")
        .finds("metadata-consistent", path, "is missing, and primary.xml names it")
        .and_nothing_else();
}

/// R16: `${REV:0:1}` named release 1 in the metadata of 10.
#[test]
fn metadata_says_that_it_is_of_release_1() {
    let host = Host::new();
    let path = "AppStream/x86_64/os/repodata/repomd.xml";
    let repomd = host.staging(path);
    run("sed", &["-i", "s|cpe:/o:rocky:rocky:8|cpe:/o:rocky:rocky:1|", repomd.to_str().unwrap()]);
    let says = "says that it belongs to `cpe:/o:rocky:rocky:1`";
    host.verify("staging")
        .finds("right-release", path, says)
        .finds("metadata-signed", path, "is not over its current bytes")
        .and_nothing_else();
}

/// AlmaLinux/mirrors#1355: metadata two days old, while everything that was looked at was up to date.
#[test]
fn production_has_the_metadata_of_before() {
    let host = Host::new();
    let path = "AppStream/x86_64/os/repodata/repomd.xml";
    let repomd = host.staging(path);
    run("sed", &["-i", "s|<revision>|<revision>9|", repomd.to_str().unwrap()]);
    let signer = Signer::load(&host.built.paths.root().join("keys/sandbox.secret.asc")).unwrap();
    let now = u32::try_from(jiff::Timestamp::now().as_second()).unwrap();
    let signature = signer.detach_sign_armored(&fs::read(&repomd).unwrap(), now).unwrap();
    fs::write(repomd.with_extension("xml.asc"), signature).unwrap();
    host.verify("staging").and_nothing_else();
    host.verify("production")
        .finds("production-matches-staging", path, "differs from staging")
        .finds("production-matches-staging", &format!("{path}.asc"), "differs from staging")
        .and_nothing_else();
}

const LIST: &str = "fullfiletimelist-rocky";

#[test]
fn a_file_list_is_older_than_the_push() {
    let host = Host::new();
    run("touch", &["--date=2020-01-01", host.production(LIST).to_str().unwrap()]);
    host.verify("production")
        .finds("file-lists-fresh", LIST, "is older than the metadata that was pushed")
        .and_nothing_else();
}

/// Mirrors remove what a list does not name.
#[test]
fn a_file_list_is_short() {
    let host = Host::new();
    let package = "8.10/BaseOS/x86_64/os/Packages/b/bash-4.4.20-4.el8.x86_64.rpm";
    touch(&host.production(LIST), |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.ends_with(package)).collect();
        *bytes = format!("{}\n", lines.join("\n")).into_bytes();
    });
    host.verify("production")
        .finds("file-lists-fresh", LIST, "of the")
        .finds("file-lists-fresh", &format!("{LIST}: {package}"), "is in production and not in the list")
        .and_nothing_else();
}

/// create-filelist writes in place (R13): a mirror may fetch half of it.
#[test]
fn a_file_list_is_cut_short() {
    let host = Host::new();
    touch(&host.production(LIST), |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        bytes.truncate(text.find("[End]").unwrap());
    });
    host.verify("production").finds("file-lists-fresh", LIST, "does not end with [End]").and_nothing_else();
}

/// fedora-eln#58: `latest` led to an old compose for 16 days.
#[test]
fn the_latest_compose_is_doomed() {
    let host = Host::new();
    let link = host.compose("latest-Rocky-8");
    fs::write(format!("{link}/STATUS"), "DOOMED\n").unwrap();
    host.verify("compose").finds("compose-finished", &link, "is DOOMED").and_nothing_else();
}

#[test]
fn the_link_to_the_latest_compose_is_gone() {
    let host = Host::new();
    let link = host.compose("latest-Extras-8");
    fs::remove_file(&link).unwrap();
    host.verify("compose").finds("compose-finished", &link, "there is no such link").and_nothing_else();
}
