//! Runs whole releases on a practice host with nothing but its own scripts and tools, bash and coreutils.

#![expect(clippy::unwrap_used, reason = "helpers of tests are outside of test functions")]

#[path = "support/practice.rs"]
mod practice;

use stagegate::sandbox::fault::FAULTS;
use stagegate::sandbox::host::{self, BuildOptions, BuiltHost, Speed};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use walkdir::WalkDir;

/// A practice host in a folder with a blank in its name.
struct Host {
    _folder: tempfile::TempDir,
    built: BuiltHost,
    _template: Arc<practice::Template>,
}

fn options(dir: &Path, faults: &[&str]) -> BuildOptions {
    BuildOptions {
        dir: dir.to_owned(),
        binary: PathBuf::from(env!("CARGO_BIN_EXE_stagegate")),
        speed: Speed::Instant,
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        fresh: false,
        now: jiff::Timestamp::now(),
    }
}

impl Host {
    fn new(faults: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (built, template) = practice::host(&folder.path().join("practice host"), faults);
        Self { _folder: folder, built, _template: template }
    }

    fn root(&self) -> &Path {
        self.built.paths.root()
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    fn staging(&self) -> PathBuf {
        self.built.paths.staging().join("8.10-RC1")
    }

    fn production(&self) -> PathBuf {
        self.built.paths.production().join("8.10")
    }

    /// Prepares a command that sees nothing of this machine but bash and coreutils.
    fn bash(&self, folder: &str, arguments: &[&str], release: Option<&str>) -> Command {
        let mut command = Command::new("bash");
        command.args(arguments).current_dir(self.at(folder)).env_clear().stdin(Stdio::null());
        command.env("PATH", format!("{}/bin:/usr/bin:/bin", self.root().display()));
        if let Some(release) = release {
            command.env("RLVER", release);
        }
        command
    }

    fn sync(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.bash("toolkit/sync", arguments, Some("8")).output().unwrap())
    }

    fn compose(&self, script: &str) -> Ran {
        Ran::of(&self.bash("pungi/scripts", &[script], None).output().unwrap())
    }

    fn errata(&self) -> Ran {
        let folder = self.at("hosts/errata01/etc/peridot-ansible");
        let remote = format!(
            "cd -- '{}' && ansible-playbook -i inventories/hosts.ini -e rlver=8 playbooks/secparse001-publish.yml",
            folder.display()
        );
        let command = ["-c", "exec ssh -T -- errata01 \"$0\"", &remote];
        Ran::of(&self.bash(".", &command, None).output().unwrap())
    }

    /// Everything from sync to signing.
    fn stage(&self) {
        for repo in ["Rocky", "Rocky-devel", "Extras", "NFV", "Plus"] {
            self.clean("sync", &self.sync(&["sync-to-staging.sh", repo]));
        }
        self.clean("sync", &self.sync(&["sync-to-staging-sig.sh", "gluster9", "storage"]));
        self.clean("prep", &self.sync(&["prep-staging-8.sh"]));
        self.clean("errata", &self.errata());
        self.clean("sign", &self.sync(&["sign-repos-only.sh"]));
    }

    /// Asserts that `ran` is good and says nothing that its step's catalog entry calls a failure.
    #[track_caller]
    fn clean(&self, step: &str, ran: &Ran) {
        ran.good();
        let text = std::fs::read_to_string(self.built.paths.catalog()).unwrap();
        let catalog: toml::Table = text.parse().unwrap();
        let phrases = catalog["steps"][step]["failure_phrases"].as_array().unwrap();
        assert!(phrases.len() > 3, "{phrases:?}");
        for phrase in phrases.iter().map(|phrase| phrase.as_str().unwrap()) {
            assert!(!ran.text.contains(phrase), "{step} says `{phrase}`: {}", ran.text);
        }
    }

    fn plant(&self, fault: &str) {
        let again = host::build(&options(self.root(), &[fault]), &mut |_| {}).unwrap();
        assert!(again.reopened, "planting keeps the host");
    }

    fn latest(&self, repo: &str) -> String {
        let link = self.built.paths.latest_link("8", repo).read_link().unwrap();
        link.to_str().unwrap().to_owned()
    }

    /// Asserts that no planted failure is left.
    fn all_struck(&self) {
        let left: Vec<_> = self.at("faults").read_dir().unwrap().flatten().map(|f| f.file_name()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// What a command printed, and how it ended.
#[derive(Debug)]
struct Ran {
    code: i32,
    text: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        Self { code: output.status.code().unwrap(), text: String::from_utf8(both).unwrap() }
    }

    #[track_caller]
    fn good(&self) -> &Self {
        assert_eq!(self.code, 0, "{}", self.text);
        for phrase in ["command not found", "rsync error", "No such file", "Permission denied", "unbound"] {
            assert!(!self.text.contains(phrase), "{phrase}: {}", self.text);
        }
        self
    }
}

/// Files below `folder` by path, with their sizes.
fn files(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let files =
        WalkDir::new(folder).into_iter().map(Result::unwrap).filter(|item| item.file_type().is_file());
    files
        .map(|item| {
            let size = item.metadata().unwrap().len();
            (item.path().strip_prefix(folder).unwrap().to_owned(), size)
        })
        .collect()
}

/// What production does not have of staging, or has with another size. (The push deletes nothing, so production has
/// more: the metadata files of earlier days.)
fn missing(host: &Host) -> Vec<PathBuf> {
    let production = files(&host.production());
    let differs = |(path, size): &(PathBuf, u64)| production.get(path) != Some(size);
    files(&host.staging()).into_iter().filter(differs).map(|(path, _)| path).collect()
}

fn packages(folder: &Path) -> BTreeSet<String> {
    let rpms = files(folder).into_keys().filter(|path| path.extension().is_some_and(|end| end == "rpm"));
    rpms.map(|path| path.to_str().unwrap().to_owned()).collect()
}

/// Checks every repomd.xml below `folder` with gpgv, by the public key of `host`; returns the bad ones.
fn badly_signed(host: &Host, folder: &Path) -> Vec<PathBuf> {
    let armored = std::fs::File::open(host.built.paths.public_key()).unwrap();
    let mut key = Vec::new();
    pgp::armor::Dearmor::new(BufReader::new(armored)).read_to_end(&mut key).unwrap();
    let keyring = host.at("tmp/keyring.gpg");
    std::fs::write(&keyring, key).unwrap();
    let repomds: Vec<_> =
        files(folder).into_keys().filter(|path| path.ends_with("repodata/repomd.xml")).collect();
    assert!(repomds.len() > 20, "{repomds:?}");
    let good = |path: &PathBuf| {
        let file = folder.join(path);
        let mut gpgv = Command::new("gpgv");
        gpgv.arg("--keyring").arg(&keyring).arg(file.with_extension("xml.asc")).arg(file);
        gpgv.stderr(Stdio::null()).status().unwrap().success()
    };
    repomds.into_iter().filter(|path| !good(path)).collect()
}

fn repomd(folder: &Path, repo: &str) -> String {
    std::fs::read_to_string(folder.join(repo).join("repodata/repomd.xml")).unwrap()
}

#[test]
fn an_update_of_8_goes_from_compose_to_production() {
    let host = Host::new(&[]);
    let before = packages(&host.production());
    for suffix in ["", "-devel", "-extras", "-plus", "-nfv", "-gluster9", "-advanced-virt"] {
        let ran = host.compose(&format!("updates-8{suffix}.sh"));
        host.clean("compose", &ran);
        assert!(ran.text.trim_end().contains("Compose finished: "), "{}", ran.text);
    }
    host.stage();
    assert_eq!(badly_signed(&host, &host.staging()), Vec::<PathBuf>::new());
    for record in ["type=\"modules\"", "type=\"group\"", "type=\"updateinfo\""] {
        let repomd = repomd(&host.staging(), "AppStream/x86_64/os");
        assert!(repomd.contains(record), "{record}: {repomd}");
    }

    host.clean("publish", &host.sync(&["sync-to-prod.sh"]));
    let after = packages(&host.production());
    assert!(after.is_superset(&before), "older packages stay");
    let news: BTreeSet<_> = after.difference(&before).collect();
    for tree in
        ["BaseOS/x86_64/os", "AppStream/aarch64/os", "storage/gluster9/x86_64/os", "BaseOS/source/tree"]
    {
        assert!(news.iter().any(|path| path.starts_with(tree)), "{tree}: {news:?}");
    }
    assert_eq!(missing(&host), Vec::<PathBuf>::new());
    assert_eq!(badly_signed(&host, &host.production()), Vec::<PathBuf>::new());
    assert!(!host.built.paths.production().join("8.1").exists(), "8.10 is not cut to 8.1");

    let listed = |name: &str| std::fs::read_to_string(host.built.paths.production().join(name)).unwrap();
    for name in ["fullfiletimelist-rocky", "fullfiletimelist"] {
        let list = listed(name);
        assert!(list.ends_with("\n\n[End]\n"), "{name}");
        assert!(news.iter().all(|path| list.contains(&format!("\t8.10/{path}\n"))), "{name}");
    }
    assert!(news.iter().all(|path| listed("fullfilelist").contains(&format!("\n./8.10/{path}\n"))));
}

#[test]
fn a_minor_release_of_8_brings_images_torrents_and_kickstart() {
    let host = Host::new(&[]);
    host.clean("compose", &host.compose("produce-8.sh"));
    assert!(host.latest("Rocky").starts_with("Rocky-8.10-2"), "{}", host.latest("Rocky"));
    host.clean("minor-sync", &host.sync(&["minor-release-sync-to-staging.sh"]));
    let staging = host.staging();
    let isos = host.staging().join("isos");
    for image in ["boot", "dvd1", "minimal"] {
        assert!(isos.join(format!("x86_64/Rocky-8.10-x86_64-{image}.iso")).is_file(), "{image}");
    }
    let sums = std::fs::read_to_string(isos.join("aarch64/CHECKSUM")).unwrap();
    assert_eq!(sums.matches("SHA256 (").count(), 3, "{sums}");
    assert!(repomd(&staging, "AppStream/x86_64/kickstart").contains("type=\"primary\""));
    let treeinfo = std::fs::read_to_string(staging.join("BaseOS/x86_64/os/.treeinfo")).unwrap();
    assert_eq!(treeinfo.matches("[variant-AppStream]").count(), 1, "{treeinfo}");
    assert_eq!(badly_signed(&host, &staging), Vec::<PathBuf>::new());

    host.clean("torrents", &host.sync(&["gen-torrents.sh", isos.to_str().unwrap()]));
    let torrent = host.at("opt/rtorrent/watch/start/Rocky-8.10-aarch64-dvd1.torrent");
    assert!(std::fs::read(torrent).unwrap().starts_with(b"d8:announce"));
    let again = host.sync(&["gen-torrents.sh", isos.to_str().unwrap()]);
    assert_eq!(again.code, 2, "not repeatable: {}", again.text);
    assert_eq!(host.sync(&["gen-torrents.sh"]).code, 1);

    host.sync(&["sign-repos-only.sh"]).good();
    host.sync(&["sync-to-prod.sh"]).good();
    assert!(host.production().join("isos/x86_64/Rocky-8.10-x86_64-boot.iso").is_file());
    assert_eq!(badly_signed(&host, &host.production()), Vec::<PathBuf>::new());
}

#[test]
fn parallel_in_the_environment_tags_lines_and_keeps_a_job_log() {
    let host = Host::new(&[]);
    let log = host.at("tmp/the joblog");
    std::fs::write(&log, "").unwrap();
    let mut command = host.bash("toolkit/sync", &["sync-to-staging.sh", "Rocky"], Some("8"));
    command.env("PARALLEL", format!("--line-buffer --tag --joblog '+{}'", log.display()));
    let ran = Ran::of(&command.output().unwrap());
    ran.good();
    let first = "AppStream/x86_64\tsending incremental file list\n";
    assert!(ran.text.contains(first), "{}", ran.text);
    let rows = std::fs::read_to_string(log).unwrap();
    let rows: Vec<Vec<&str>> = rows.lines().map(|row| row.split('\t').collect()).collect();
    assert_eq!(rows.len(), 9, "three variants in two architectures and source: {rows:?}");
    assert!(rows.iter().all(|row| row.len() == 9 && row[6] == "0" && row[8].starts_with("rsync -av ")));
}

#[test]
fn a_sync_without_files_a_lost_module_and_an_unsigned_repo_exit_0() {
    let host = Host::new(&["sync-exits-0-without-files", "modules-lost", "unsigned"]);
    let before = files(&host.staging());
    host.sync(&["sync-to-staging.sh", "Rocky"]).good();
    assert_eq!(files(&host.staging()), before);
    host.stage();
    assert!(files(&host.staging()).len() > before.len(), "the second time it syncs");
    assert!(!repomd(&host.staging(), "AppStream/x86_64/os").contains("type=\"modules\""));
    assert!(repomd(&host.staging(), "AppStream/aarch64/os").contains("type=\"modules\""));
    assert_eq!(
        badly_signed(&host, &host.staging()),
        [PathBuf::from("AppStream/x86_64/os/repodata/repomd.xml")]
    );
    host.all_struck();
    host.sync(&["sign-repos-only.sh"]).good();
    assert_eq!(badly_signed(&host, &host.staging()), Vec::<PathBuf>::new());
}

#[test]
fn a_doomed_compose_leaves_the_link_and_the_next_one_is_good() {
    let host = Host::new(&["compose-doomed"]);
    let before = host.latest("Rocky");
    let ran = host.compose("updates-8.sh");
    assert_eq!(ran.code, 1);
    assert!(ran.text.contains("Compose run failed: "), "{}", ran.text);
    assert_eq!(host.latest("Rocky"), before);
    host.compose("updates-8.sh").good();
    assert_ne!(host.latest("Rocky"), before);
}

#[test]
fn a_partial_push_and_a_full_disk_exit_0_and_rewrite_the_lists() {
    let host = Host::new(&[]);
    host.stage();
    let list = host.built.paths.production().join("fullfiletimelist");
    for (fault, phrase, temporaries) in [
        ("disk-full", "No space left on device (28)", 0),
        ("partial-push", "rsync error: error in rsync protocol data stream (code 12)", 1),
    ] {
        host.plant(fault);
        std::fs::write(&list, "old").unwrap();
        let ran = host.sync(&["sync-to-prod.sh"]);
        assert_eq!(ran.code, 0);
        assert!(ran.text.contains(phrase), "{}", ran.text);
        assert!(std::fs::read_to_string(&list).unwrap().ends_with("[End]\n"), "lists are rewritten");
        assert!(!missing(&host).is_empty(), "{fault}: something is missing");
        let staging = files(&host.staging());
        let more = files(&host.production()).into_keys().filter(|path| !staging.contains_key(path));
        let hidden = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with('.');
        assert_eq!(more.filter(hidden).count(), temporaries, "{fault}: temporary files");
        host.all_struck();
    }
    host.sync(&["sync-to-prod.sh"]).good();
    assert_eq!(missing(&host), Vec::<PathBuf>::new());
}

#[test]
fn a_full_disk_in_staging_shows_in_the_exit_code() {
    let host = Host::new(&["disk-full@8/sync/Rocky"]);
    let ran = host.sync(&["sync-to-staging.sh", "Rocky"]);
    assert_eq!(ran.code, 1, "the number of transfers that failed: {}", ran.text);
    assert!(ran.text.contains("(code 11)"), "{}", ran.text);
}

#[test]
fn a_link_moves_while_the_sync_runs() {
    let host = Host::new(&["link-moves"]);
    let before = host.latest("Rocky");
    host.sync(&["sync-to-staging.sh", "Rocky"]).good();
    assert_ne!(host.latest("Rocky"), before);
    assert!(host.built.paths.latest_link("8", "Rocky").join("compose").is_dir());
}

#[test]
fn errata_reach_no_host_and_exit_0() {
    let host = Host::new(&["errata-skipped"]);
    let ran = host.errata();
    assert_eq!(ran.code, 0);
    assert!(ran.text.contains("skipping: no hosts matched"), "{}", ran.text);
    let ran = host.errata();
    assert!(ran.text.contains("ok=4") && ran.text.contains("failed=0"), "{}", ran.text);
}

#[test]
fn a_step_fails_once() {
    let host =
        Host::new(&["step-fails", "step-fails@8/prep", "step-fails@8/errata", "step-fails@8/compose/Plus"]);
    assert_eq!(host.sync(&["sync-to-staging.sh", "Rocky"]).code, 1);
    assert_eq!(host.sync(&["prep-staging-8.sh"]).code, 1);
    assert_eq!(host.errata().code, 1);
    assert_eq!(host.compose("updates-8-plus.sh").code, 1);
    host.all_struck();
    host.sync(&["sync-to-staging.sh", "Rocky"]).good();
}

#[test]
fn a_flood_is_200_megabytes_of_lines_colours_and_returns() {
    let host = Host::new(&["flood"]);
    let mut command = host.bash("toolkit/sync", &["sync-to-staging.sh", "Rocky"], Some("8"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let (mut chunk, mut total, mut returns, mut escapes) = (vec![0; 1 << 20], 0, 0, 0);
    loop {
        let length = out.read(&mut chunk).unwrap();
        if length == 0 {
            break;
        }
        total += length;
        returns += memchr::memchr_iter(b'\r', &chunk[..length]).count();
        escapes += memchr::memchr_iter(0x1b, &chunk[..length]).count();
    }
    assert!(child.wait().unwrap().success());
    assert!(total > 200_000_000 && returns > 100_000 && escapes > 100_000, "{total} {returns} {escapes}");
}

#[test]
fn a_prompt_waits_on_the_terminal_without_echo() {
    let host = Host::new(&["prompt"]);
    let (mut pty, pts) = pty_process::blocking::open().unwrap();
    let command = pty_process::blocking::Command::new("bash")
        .args(["sync-to-staging.sh", "Rocky"])
        .current_dir(host.at("toolkit/sync"))
        .env_clear()
        .env("PATH", format!("{}/bin:/usr/bin:/bin", host.root().display()))
        .env("USER", "releng");
    let mut child = command.spawn(pts).unwrap();
    let mut shown = Vec::new();
    let mut chunk = [0; 4096];
    while !String::from_utf8_lossy(&shown).contains("[sudo] password for releng: ") {
        let length = pty.read(&mut chunk).unwrap();
        assert!(length > 0, "{}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(&chunk[..length]);
    }
    pty.write_all(b"open sesame\n").unwrap();
    // The end of a terminal is an error on Linux.
    while let Ok(length) = pty.read(&mut chunk)
        && length > 0
    {
        shown.extend_from_slice(&chunk[..length]);
    }
    assert!(child.wait().unwrap().success());
    let shown = String::from_utf8_lossy(&shown);
    assert!(!shown.contains("sesame"), "{shown}");
    assert!(shown.contains("sending incremental file list"), "{shown}");
}

#[test]
fn a_prompt_without_a_terminal_fails_as_sudo_does() {
    let host = Host::new(&["prompt"]);
    let mut command = Command::new("setsid");
    command.args(["--wait", "bash", "sync-to-staging.sh", "Rocky"]).current_dir(host.at("toolkit/sync"));
    command.env("PATH", format!("{}/bin:/usr/bin:/bin", host.root().display()));
    let ran = Ran::of(&command.output().unwrap());
    assert_eq!(ran.code, 1);
    assert!(ran.text.contains("sudo: a terminal is required to read the password"), "{}", ran.text);
}

#[test]
fn a_step_that_hangs_has_a_child_that_survives_term() {
    let host = Host::new(&["step-hangs"]);
    let mut command = host.bash("toolkit/sync", &["sync-to-staging.sh", "Rocky"], Some("8"));
    let mut script = command.process_group(0).stdout(Stdio::piped()).spawn().unwrap();
    let group = rustix::process::Pid::from_child(&script);
    let mut lines = BufReader::new(script.stdout.take().unwrap()).lines();
    let said = lines.next().unwrap().unwrap();
    assert!(said.starts_with("Waiting for the metadata lock"), "{said}");
    // The child has said so only after it stopped listening to TERM.
    assert_eq!(lines.next().unwrap().unwrap(), "Still waiting...");
    rustix::process::kill_process_group(group, rustix::process::Signal::TERM).unwrap();
    assert!(!script.wait().unwrap().success(), "the script itself ends by TERM");
    rustix::process::test_kill_process_group(group).expect("its child is still there");
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    assert!(lines.next().is_none(), "its output ends with the child");
}

#[test]
fn a_mount_that_does_not_answer_has_a_marker_that_cannot_be_opened() {
    let host = Host::new(&["mount-not-answering"]);
    let marker = |mount: std::path::PathBuf| mount.join(".stagegate-mount").metadata().unwrap().file_type();
    assert!(marker(host.built.paths.compose()).is_fifo());
    assert!(marker(host.built.paths.staging_mount()).is_file(), "only that mount hangs");
}

#[test]
fn every_fault_is_tried_here() {
    let this = concat!(include_str!("sandbox_scripts.rs"), include_str!("console/hostile.rs"));
    for kind in FAULTS {
        assert!(this.contains(&format!("\"{}", kind.name)), "{} is not", kind.name);
    }
}

#[test]
fn a_host_is_reopened_with_its_state_and_built_anew_on_demand() {
    let host = Host::new(&[]);
    let compose = host.latest("Plus");
    host.compose("updates-8-plus.sh").good();
    let newer = host.latest("Plus");
    assert_ne!(compose, newer);
    let mut again = options(host.root(), &["unsigned"]);
    again.speed = Speed::Watch;
    assert!(host::build(&again, &mut |_| {}).unwrap().reopened);
    assert_eq!(host.latest("Plus"), newer);
    assert_eq!(std::fs::read_to_string(host.at("speed")).unwrap(), "watch\n");
    assert!(host.at("faults/unsigned@8:sign").is_file());
    std::fs::write(host.at("my notes"), "mine").unwrap();
    again.fresh = true;
    again.faults.clear();
    assert!(!host::build(&again, &mut |_| {}).unwrap().reopened);
    assert_ne!(host.latest("Plus"), newer);
    assert!(host.at("my notes").is_file() && !host.at("faults/unsigned@8:sign").exists());
}

#[test]
fn the_scripts_refuse_what_the_real_ones_refuse() {
    let host = Host::new(&[]);
    assert_eq!(host.sync(&["sync-to-staging.sh"]).code, 1);
    assert_eq!(host.sync(&["sync-to-staging-sig.sh", "gluster9"]).code, 1);
    assert_eq!(host.sync(&["sync-to-staging.sh", "nosuch"]).code, 1);
    let seven = host.bash("toolkit/sync", &["sync-to-staging.sh", "Rocky"], Some("7")).output().unwrap();
    assert_eq!(seven.status.code(), Some(1));
    let remote = host.bash(".", &["-c", "ssh nowhere true"], None).output().unwrap();
    assert_eq!(remote.status.code(), Some(255));
}

#[test]
fn its_catalog_is_understood_and_its_vars_are_read() {
    let host = Host::new(&[]);
    let source = stagegate::catalog::Source::File(host.built.paths.catalog());
    let catalog = stagegate::catalog::load(&source, &BTreeMap::new()).unwrap();
    for (id, revision) in [("8", "8.10"), ("9", "9.6"), ("10", "10.0")] {
        let release = catalog.releases.iter().find(|release| release.id.as_str() == id).unwrap();
        assert!(release.vars.is_ok(), "{:?}", release.vars);
        assert_eq!(release.revision(), revision);
        assert!(release.staging().unwrap().is_dir(), "{:?}", release.staging());
        assert!(release.production().unwrap().is_dir(), "{:?}", release.production());
    }
}
