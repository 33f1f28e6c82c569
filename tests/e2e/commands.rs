//! Whole releases by commands, and the contract of their JSON (design 10).

use crate::support::{Host, contents, fields, has_fields, step_of, word};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

const TICKED: &str = "Rocky,Extras,gluster9";

#[test]
fn an_update_by_commands_reaches_production() {
    let host = Host::new(&[]);
    let before = contents(&host.production());
    host.run(&["run", "--release", "8", "--compose", TICKED, "--sync", TICKED]).exits(3).says("is waiting");
    let waiting = host.latest();
    runs_have_their_fields(&waiting);
    assert_eq!(waiting["state"], "waiting");
    assert_eq!(step_of(&waiting, "8/gate")["state"], "waiting");
    assert_eq!(step_of(&waiting, "8/publish")["state"], "pending");
    assert_eq!(contents(&host.production()), before, "nothing is in production before the gate");

    let gate = host.json(&["gate", "latest"]);
    gate_has_its_fields(&gate);
    let blocking = |finding: &&Value| finding["severity"] == "blocking";
    let findings = gate["findings"].as_array().unwrap();
    assert_eq!(findings.iter().find(blocking), None, "a good run has nothing that blocks");

    let journal = host.journal();
    host.run(&["approve", "latest", "--phrase", "8.1 vetted"]).exits(4).says("type `8.10 vetted`");
    host.run(&["approve", "latest", "--phrase", "8.10 Vetted"]).exits(4);
    assert_eq!(host.journal(), journal, "a wrong phrase does nothing");
    assert_eq!(host.state("8/gate"), "waiting");
    assert_eq!(contents(&host.production()), before);

    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(0).says("is finished");
    assert_eq!(host.latest()["state"], "finished");
    status_shows_production_current(&host);
    the_report_names_the_approval(&host);
    real_tools_accept(&host, &host.staging());
    real_tools_accept(&host, &host.production().join("8.10"));
}

fn runs_have_their_fields(run: &Value) {
    has_fields(run, &["id", "state", "started", "ended", "steps"]);
    assert!(run["ended"].is_null(), "it waits: {run}");
    for step in run["steps"].as_array().unwrap() {
        let known = ["approvals", "exit_code", "id", "stale", "state"];
        // How its approvals stand only a gate says that has opened.
        let gate = step["id"].as_str().unwrap().ends_with("/gate");
        assert_eq!(fields(step), known[usize::from(!gate)..]);
    }
    assert_eq!(step_of(run, "8/sync/gluster9")["exit_code"], 0);
    assert_eq!(step_of(run, "8/gate")["exit_code"], Value::Null);
}

fn gate_has_its_fields(gate: &Value) {
    has_fields(gate, &["findings", "changes", "seal"]);
    assert_eq!(word(&gate["seal"]).len(), 64);
    let packages = gate["changes"]["packages"].as_array().unwrap();
    assert!(packages.iter().any(|change| change["name"] == "bash" && change["kind"] == "updated"));
    for finding in gate["findings"].as_array().unwrap() {
        finding_has_its_fields(finding);
    }
}

pub(crate) fn finding_has_its_fields(finding: &Value) {
    has_fields(finding, &["id", "check", "severity", "path", "message", "inherited", "waived"]);
}

fn status_shows_production_current(host: &Host) {
    let status = host.json(&["status"]);
    has_fields(&status, &["releases", "checkouts", "mounts", "runs"]);
    for checkout in status["checkouts"].as_array().unwrap() {
        has_fields(checkout, &["name", "revision", "dirty"]);
        assert_eq!(checkout["dirty"], false, "{checkout}");
    }
    assert_eq!(status["mounts"].as_array().unwrap().len(), 4);
    let majors: Vec<String> =
        status["releases"].as_array().unwrap().iter().map(|release| word(&release["major"])).collect();
    assert_eq!(majors, ["8", "9", "10"]);
    for release in status["releases"].as_array().unwrap() {
        has_fields(release, &["major", "revision", "repos"]);
        for repo in release["repos"].as_array().unwrap() {
            has_fields(repo, &["name", "compose", "staging", "production"]);
            has_fields(&repo["compose"], &["id", "status", "created", "age_s"]);
            has_fields(&repo["staging"], &["state", "reason"]);
            has_fields(&repo["production"], &["state", "reason"]);
        }
    }
    let state = |name: &str, position: &str| {
        let repos = status["releases"][0]["repos"].as_array().unwrap();
        word(&repos.iter().find(|repo| repo["name"] == name).unwrap()[position]["state"])
    };
    for repo in TICKED.split(',') {
        assert_eq!((state(repo, "staging"), state(repo, "production")), ("current".into(), "current".into()));
    }
    assert_eq!(state("NFV", "staging"), "behind", "what was not ticked is as it was");
    assert_eq!(status["releases"][0]["revision"], "8.10");
    assert_eq!(status["runs"][0]["state"], "finished");
}

fn the_report_names_the_approval(host: &Host) {
    host.run(&["report", "latest"]).exits(0).says("8.10 vetted").says("8/publish");
    let report = host.run(&["report", "latest", "--format", "json"]).exits(0).json();
    assert!(report.to_string().contains("8/publish"), "{report}");
    for file in ["report.md", "report.json"] {
        assert!(host.run_folder().join(file).is_file(), "{file}");
    }
}

/// Runs a tool that the tests' set-up installs; a missing one fails, never skips.
#[track_caller]
fn tool<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) -> String {
    let output = Command::new(program).args(args).env("LC_ALL", "C").output();
    let output = output.unwrap_or_else(|why| panic!("`{program}` does not run: {why}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program}: {text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

const READER: &str = "
import sys, createrepo_c as cr
for directory in sys.argv[1:]:
    metadata = cr.Metadata()
    metadata.locate_and_load_xml(directory)
    print(metadata.len())
";

/// gpgv on every repomd.xml, rpmkeys on every package, `createrepo_c`'s reader on every repository.
fn real_tools_accept(host: &Host, tree: &Path) {
    let scratch = tempfile::tempdir().unwrap();
    let (key, ring) = (host.at("keys/RPM-GPG-KEY-sandbox"), scratch.path().join("ring.gpg"));
    let (home, db) =
        (scratch.path().join("home"), format!("--dbpath={}", scratch.path().join("db").display()));
    std::fs::create_dir(&home).unwrap();
    std::fs::create_dir(scratch.path().join("db")).unwrap();
    let homedir: PathBuf = home;
    tool(
        "gpg",
        [OsStr::new("--homedir"), homedir.as_os_str(), OsStr::new("--output"), ring.as_os_str()]
            .into_iter()
            .chain([OsStr::new("--dearmor"), key.as_os_str()]),
    );
    tool("rpmkeys", [OsStr::new(&db), OsStr::new("--import"), key.as_os_str()]);

    let files: Vec<PathBuf> = contents(tree).into_keys().map(|path| tree.join(path)).collect();
    let repomds: Vec<&PathBuf> = files.iter().filter(|path| path.ends_with("repodata/repomd.xml")).collect();
    assert!(repomds.len() > 30, "{repomds:?}");
    for repomd in &repomds {
        let signature = repomd.with_extension("xml.asc");
        tool("gpgv", [OsStr::new("--keyring"), ring.as_os_str(), signature.as_os_str(), repomd.as_os_str()]);
    }
    let packages: Vec<&PathBuf> =
        files.iter().filter(|path| path.extension().is_some_and(|end| end == "rpm")).collect();
    assert!(packages.len() > 100, "{packages:?}");
    let said = tool(
        "rpmkeys",
        [OsStr::new(&db), OsStr::new("-K")].into_iter().chain(packages.iter().map(|p| p.as_os_str())),
    );
    assert_eq!(said.matches(": digests signatures OK").count(), packages.len(), "{said}");

    let folders = repomds.iter().map(|repomd| repomd.parent().unwrap().parent().unwrap());
    let counts = tool(
        "/usr/bin/python3",
        [OsStr::new("-c"), OsStr::new(READER)].into_iter().chain(folders.map(Path::as_os_str)),
    );
    let listed: usize = counts.lines().map(|line| line.parse::<usize>().unwrap()).sum();
    assert_eq!(listed, packages.len(), "every package is in exactly one repository");
}

#[test]
fn a_minor_release_by_commands_reaches_production() {
    let host = Host::new(&[]);
    let script = host.run(&["plan", "--release", "8", "--flow", "minor", "--format", "script"]).exits(0);
    let commands: Vec<&str> = script.out.lines().filter(|line| line.contains("bash ")).collect();
    let isos = host.staging().join("isos");
    let wanted = [
        "bash produce-8.sh".to_owned(),
        "bash updates-8-devel.sh".to_owned(),
        "bash updates-8-extras.sh".to_owned(),
        "bash updates-8-plus.sh".to_owned(),
        "bash updates-8-nfv.sh".to_owned(),
        "bash updates-8-gluster9.sh".to_owned(),
        "bash updates-8-advanced-virt.sh".to_owned(),
        "RLVER=8 bash minor-release-sync-to-staging.sh".to_owned(),
        format!("RLVER=8 bash gen-torrents.sh {}", isos.display()),
        "RLVER=8 bash sign-repos-only.sh".to_owned(),
        "RLVER=8 bash sync-to-prod.sh".to_owned(),
    ];
    assert_eq!(commands, wanted);
    host.run(&["run", "--release", "8", "--flow", "minor"]).exits(3);
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(0);
    let run = host.latest();
    assert_eq!(run["state"], "finished");
    for step in ["8/compose/Rocky", "8/minor-sync", "8/torrents", "8/sign", "8/gate", "8/publish"] {
        assert_eq!(step_of(&run, step)["state"], "succeeded", "{step}");
    }
    for image in ["boot", "dvd1", "minimal"] {
        let name = format!("8.10/isos/x86_64/Rocky-8.10-x86_64-{image}.iso");
        assert!(host.production().join(name).is_file(), "{image}");
    }
    assert!(host.at("opt/rtorrent/watch/start/Rocky-8.10-aarch64-dvd1.torrent").is_file());
}

#[test]
fn usage_errors_exit_2_and_say_what_would_be_right() {
    let host = Host::new(&[]);
    host.run(&["plan", "--release", "7"]).exits(2).says("the catalog has 8, 9, 10");
    host.run(&["plan", "--release", "8", "--flow", "updat"]).exits(2).says("update");
    host.run(&["plan", "--release", "8", "--sync", "Rokcy"]).exits(2).says("Rocky");
    host.run(&["gate", "latest"]).exits(2).says("there is no run `latest`");
    host.run(&["run"]).exits(2).says("--release");
    host.run(&["sandbox", "--fault", "unsinged"]).exits(2).says("did you mean `unsigned`?");
    assert_eq!(host.json(&["runs"]), serde_json::json!([]));
    // What an existing run refuses as usage.
    host.plant("step-fails@8/sync/Extras");
    host.run(&["run", "--release", "8", "--compose", "none", "--sync", "Extras"]).exits(1);
    host.run(&["skip", "latest", "8/sync/Extras"]).exits(2).says("reason");
    host.run(&["gate", "latest", "--release", "9"]).exits(2).says("it has 8");
    host.run(&["log", "latest", "8/sync/Rocky"]).exits(2);
}
