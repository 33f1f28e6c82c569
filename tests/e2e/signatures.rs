//! Two people with their own keys open the gate of one host, and everything that is less than that does not.
//!
//! A host takes long to build, so one story goes through all of it: each part begins where the last one ended, at a
//! gate that waits. Login users are set as `pam_loginuid` does it, which needs a process that has none yet, or root.

use crate::gate::to_the_gate;
use crate::support::{Host, PROGRAM, Ran, contents, finish, step_of, wait_until, word};
use jiff::Timestamp;
use serde_json::{Value, json};
use stagegate::domain::run::Event;
use stagegate::journal::{reader, writer::Writer};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const PHRASE: [&str; 4] = ["approve", "latest", "--phrase", "8.10 vetted"];
const LENA: u32 = 61_001;
const OMAR: u32 = 61_002;

/// The host, and the team's keys.
struct Team {
    host: Host,
    folder: tempfile::TempDir,
}

impl Team {
    fn new() -> Self {
        let team = Self { host: Host::new(&[]), folder: tempfile::tempdir().unwrap() };
        for name in ["lena", "omar", "mallory"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(team.key(name));
            finish(keygen).exits(0);
        }
        team.allow(&["lena", "omar"]);
        let signers = team.signers();
        let rules = format!("people = 2\nallowed_signers = \"{}\"\nsolo = true", signers.display());
        team.edit("people = 1", &rules);
        team
    }

    fn key(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn signers(&self) -> PathBuf {
        self.folder.path().join("allowed_signers")
    }

    fn allow(&self, names: &[&str]) {
        use std::os::unix::fs::PermissionsExt;
        let public = |name: &&str| fs::read_to_string(self.key(name).with_extension("pub")).unwrap();
        let line = |name: &&str| format!("{name}@example.org {}", public(name));
        fs::write(self.signers(), names.iter().map(line).collect::<String>()).unwrap();
        fs::set_permissions(self.signers(), fs::Permissions::from_mode(0o644)).unwrap();
    }

    fn edit(&self, from: &str, to: &str) {
        let path = self.host.at("stagegate.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from}");
        fs::write(&path, text.replace(from, to)).unwrap();
    }

    /// Runs a command as somebody who logged in as `login`, with the agent that listens on `agent`, if one does.
    #[track_caller]
    fn run_with(&self, login: u32, agent: Option<&Path>, args: &[&str]) -> Ran {
        let inner = self.host.command(args);
        let mut command = Command::new("sh");
        let script = format!("echo {login} > /proc/self/loginuid && exec \"$@\"");
        command.args(["-c", &script, "sh", PROGRAM]).args(inner.get_args()).stdin(Stdio::null());
        match agent {
            Some(agent) => command.env("SSH_AUTH_SOCK", agent),
            None => command.env_remove("SSH_AUTH_SOCK"),
        };
        finish(command)
    }

    /// Approves with somebody's key file, as somebody who logged in as `login`.
    #[track_caller]
    fn approve(&self, login: u32, name: &str, more: &[&str]) -> Ran {
        let key = self.key(name);
        let args = [&PHRASE[..], &["--key", key.to_str().unwrap()], more].concat();
        self.run_with(login, None, &args)
    }

    fn approvals(&self) -> Value {
        step_of(&self.host.latest(), "8/gate")["approvals"].clone()
    }
}

#[test]
fn two_people_with_their_own_keys_open_the_gate_and_nobody_else_does() {
    let team = Team::new();
    let os = team.host.staging().join("BaseOS/x86_64/os");
    // What a minor release leaves behind, and every push takes along.
    let copied = Command::new("cp").arg("-r").arg(&os).arg(os.with_file_name("kickstart")).status().unwrap();
    assert!(copied.success());
    to_the_gate(&team.host);
    let before = contents(&team.host.production());
    nobody_opens_it_alone(&team);
    what_changes_after_two_approvals_voids_them(&team);
    whose_key_is_taken_away_does_not_count_any_more(&team);
    assert_eq!(contents(&team.host.production()), before, "production is untouched");
    both_open_it(&team);
    assert_ne!(contents(&team.host.production()), before);
    what_is_recorded_can_be_verified_elsewhere(&team);
    one_approves_alone_and_the_report_says_so(&team);
    what_has_expired_opens_nothing(&team);
}

fn nobody_opens_it_alone(team: &Team) {
    let host = &team.host;
    assert_eq!(host.json(&["gate", "latest"])["approvals"]["words"], "waits for 2 people");
    team.run_with(LENA, None, &PHRASE).exits(2).says("SSH_AUTH_SOCK is not set").says("--key FILE");
    team.approve(LENA, "mallory", &[]).exits(4).says("is not in").says("SHA256:");
    let unsigned = json!({"request": "approve", "release": "8", "phrase": "8.10 vetted", "seal": null, "then": "proceed"});
    let answer = host.connect().ask(&unsigned);
    assert_eq!(answer["refusal"]["refusal"], "not-signed", "{answer}");
    team.approve(LENA, "lena", &["--solo"]).exits(2);
    assert_eq!(team.approvals()["given"], 0);

    team.approve(LENA, "lena", &[]).exits(3).says("1 of 2: lena@example.org, waits for a second person");
    let count = team.approvals();
    assert_eq!((&count["given"], &count["needed"], &count["met"]), (&json!(1), &json!(2), &json!(false)));
    assert_eq!(count["by"][0]["who"], "lena@example.org");
    assert!(word(&count["by"][0]["key"]).starts_with("SHA256:"), "{count}");
    host.run(&["gate", "latest"]).exits(0).says("1 of 2: lena@example.org, waits for a second person");
    host.run(&["runs"]).exits(0).says("1 of 2: lena@example.org");
    team.approve(OMAR, "lena", &[]).exits(4).says("the same key SHA256:").says("second person");
    team.approve(LENA, "omar", &[]).exits(4).says("the same login user 61001");
    // Her signature says what she approved, and does not become somebody else's, or another approval's.
    let given =
        host.journal().into_iter().rfind(|event| event["event"] == "approved").unwrap()["approval"].clone();
    let mut replayed = unsigned.clone();
    replayed["signed"] = json!({"principal": "omar@example.org", "at": given["at"], "expires": given["expires"],
        "signature": given["signed"]["signature"]});
    let answer = host.connect().ask(&replayed);
    assert_eq!(answer["refusal"]["refusal"], "bad-signature", "{answer}");
    assert_eq!(team.approvals()["given"], 1);
    host.run(&["resume", "latest"]).exits(3);
    assert_eq!(host.state("8/publish"), "pending");
}

/// What the toolkit never signs is sealed all the same: the metadata of a kickstart tree.
fn what_changes_after_two_approvals_voids_them(team: &Team) {
    let host = &team.host;
    team.approve(OMAR, "omar", &["--hold"]).exits(0).says("approved");
    assert_eq!(host.state("8/gate"), "waiting", "held");
    let name = "BaseOS/x86_64/kickstart/repodata/repomd.xml";
    let path = host.staging().join(name);
    let was = fs::read(&path).unwrap();
    fs::write(&path, [&was[..], b"\n"].concat()).unwrap();
    host.run(&["resume", "latest"]).exits(4).says(name).says("changed").says("void");
    assert_eq!(host.state("8/gate"), "void");
    assert_eq!(host.state("8/publish"), "pending");
    fs::write(&path, was).unwrap();
    assert_eq!(host.json(&["gate", "latest"])["approvals"]["given"], 0, "both begin anew");
}

fn whose_key_is_taken_away_does_not_count_any_more(team: &Team) {
    let host = &team.host;
    team.approve(LENA, "lena", &[]).exits(3);
    team.approve(OMAR, "omar", &["--hold"]).exits(0);
    team.allow(&["lena"]);
    host.run(&["resume", "latest"])
        .exits(4)
        .says("the signature of omar@example.org does not count")
        .says("void");
    assert_eq!(host.state("8/publish"), "pending");
    team.allow(&["lena", "omar"]);
    host.run(&["gate", "latest"]).exits(0);
}

/// An agent that ends with the test.
struct Agent(Child);

impl Agent {
    fn start(socket: &Path) -> Self {
        let agent = Command::new("ssh-agent").arg("-D").arg("-a").arg(socket).stdout(Stdio::piped()).spawn();
        let mut agent = agent.unwrap();
        let mut line = String::new();
        BufReader::new(agent.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(agent)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // One that has ended needs no end.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn both_open_it(team: &Team) {
    let socket = team.folder.path().join("agent");
    let _agent = Agent::start(&socket);
    for name in ["mallory", "omar"] {
        let mut add = Command::new("ssh-add");
        add.arg("-q").arg(team.key(name)).env("SSH_AUTH_SOCK", &socket);
        finish(add).exits(0);
    }
    team.approve(LENA, "lena", &["--reason", "errata read"]).exits(3);
    team.run_with(OMAR, Some(&socket), &PHRASE).exits(0).says("is finished");
    let report = team.host.run(&["report", "latest"]).exits(0);
    let report = report
        .says("- approved by lena@example.org (")
        .says(", signed with `SHA256:")
        .says("because: errata read");
    report.says("- approved by omar@example.org (");
    let report = team.host.json(&["report", "latest"]);
    let approvals = &report["gates"][0]["approvals"];
    assert_eq!(approvals[1]["signed"]["principal"], "omar@example.org", "{approvals}");
    assert!(word(&approvals[1]["signed"]["key"]).starts_with("SHA256:"));
}

fn what_is_recorded_can_be_verified_elsewhere(team: &Team) {
    let here = team.host.run(&["verify-run", "latest"]).exits(0);
    here.says("is intact")
        .says("by lena@example.org")
        .says("signature valid, SHA256:")
        .says("signers allowed by");
    let copy = team.folder.path().join(word(&team.host.latest()["id"]));
    let copied = Command::new("cp").arg("-r").arg(team.host.run_folder()).arg(&copy).status().unwrap();
    assert!(copied.success());
    let folder = copy.to_str().unwrap();
    let signers = team.signers();
    let verify = |more: &[&str]| team.host.run(&[&["verify-run", folder, "--format", "json"], more].concat());
    let whole = ["--allowed-signers", signers.to_str().unwrap()];
    let told = verify(&whole).exits(0).json();
    assert_eq!(told["intact"], true);
    assert_eq!(told["approvals"][0]["signature"], "valid", "{told}");
    assert_eq!(told["approvals"].as_array().unwrap().len(), 6, "those that became void too");
    // Elsewhere nobody has the file: what could not be verified is said.
    let hidden = signers.with_extension("hidden");
    fs::rename(&signers, &hidden).unwrap();
    let told = verify(&[]).exits(0).json();
    assert_eq!(told["approvals"][0]["signature"], "key-unknown");
    assert!(told["notes"].to_string().contains("whose the keys are was not verified"), "{told}");
    fs::rename(&hidden, &signers).unwrap();

    let journal = copy.join("journal.jsonl");
    let was = fs::read(&journal).unwrap();
    let start = memchr::memmem::rfind(&was, b"\"event\":\"approved\"").unwrap();
    let end = start + memchr::memchr(b'\n', &was[start..]).unwrap();
    for at in (start..end).step_by(37) {
        let mut flipped = was.clone();
        flipped[at] ^= 1;
        fs::write(&journal, flipped).unwrap();
        assert_eq!(verify(&whole).code, 1, "byte {at}");
    }
    fs::write(&journal, was).unwrap();
    // Somebody who makes every digest anew is found by the signature.
    let records = reader::read(&journal).unwrap().records;
    for name in ["journal.jsonl", "head"] {
        fs::remove_file(copy.join(name)).unwrap();
    }
    let mut forged = Writer::open(&journal).unwrap();
    for record in records {
        let mut fact = record.fact.unwrap();
        if let Event::Approved { approval, .. } = &mut fact {
            "somebody".clone_into(&mut approval.by.user);
        }
        forged.append(record.time, &fact).unwrap();
    }
    drop(forged);
    let told = verify(&whole).exits(1).json();
    let kinds: Vec<&Value> = told["flaws"].as_array().unwrap().iter().map(|flaw| &flaw["kind"]).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| *kind == "approval-invalid"), "{told}");
    assert!(told["flaws"][0]["message"].to_string().contains("did not sign what is approved here"), "{told}");
}

/// Brings release 8 to the gate of a run that only publishes.
fn to_the_gate_of_a_publish(team: &Team) {
    team.host.run(&["run", "--release", "8", "--flow", "publish"]).exits(3);
}

fn one_approves_alone_and_the_report_says_so(team: &Team) {
    to_the_gate_of_a_publish(team);
    team.approve(LENA, "lena", &["--solo", "--reason", "omar is ill"]).exits(0).says("is finished");
    let approved = team.host.journal().into_iter().rfind(|event| event["event"] == "approved").unwrap();
    assert_eq!(approved["approval"]["solo"], true);
    team.host.run(&["report", "latest"]).exits(0).says("**solo: one person").says("omar is ill");
    team.host.run(&["verify-run", "latest"]).exits(0).says("SOLO").says("because: omar is ill");
    team.edit("\nsolo = true", "\nsolo = false");
    to_the_gate_of_a_publish(team);
    team.approve(LENA, "lena", &["--solo", "--reason", "omar is ill"]).exits(4).says("does not allow it");
    team.host.run(&["cancel", "latest"]).exits(0);
}

fn what_has_expired_opens_nothing(team: &Team) {
    team.edit("expires = \"4h\"", "expires = \"1s\"");
    to_the_gate_of_a_publish(team);
    team.approve(LENA, "lena", &[]).exits(3);
    let expires: Timestamp = word(&team.approvals()["by"][0]["expires"]).parse().unwrap();
    wait_until("the approval has expired", || (Timestamp::now() > expires).then_some(()));
    let refused = team.approve(OMAR, "omar", &[]).exits(4);
    refused.says("the approval by lena@example.org expired at");
    assert_eq!(team.host.state("8/gate"), "void");
    assert_eq!(team.host.state("8/publish"), "pending");
}
