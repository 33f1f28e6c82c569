//! The gate: holds, seals, waivers, and what voids an approval (design 7).

use crate::commands::finding_has_its_fields;
use crate::support::{Host, contents, step_of, word};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Brings release 8 to its gate with one small repo.
pub(crate) fn to_the_gate(host: &Host) {
    host.run(&["run", "--release", "8", "--compose", "none", "--sync", "Extras"]).exits(3);
}

/// What was done to staging, and how to undo it.
struct Tampering {
    path: PathBuf,
    was: Option<Vec<u8>>,
}

impl Tampering {
    fn write(path: PathBuf, bytes: Option<&[u8]>) -> Self {
        let was = fs::read(&path).ok();
        put(&path, bytes);
        Self { path, was }
    }

    fn changed(path: PathBuf, at: usize) -> Self {
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 1;
        Self::write(path, Some(&bytes))
    }
}

impl Drop for Tampering {
    fn drop(&mut self) {
        put(&self.path, self.was.as_deref());
    }
}

fn put(path: &Path, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => fs::write(path, bytes).unwrap(),
        None => fs::remove_file(path).unwrap(),
    }
}

fn first_package(folder: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = contents(folder).into_keys().collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "rpm"));
    folder.join(files.first().unwrap())
}

/// Where a package's own header begins: at the second header magic, after the signatures.
fn header_at(package: &Path) -> usize {
    let bytes = fs::read(package).unwrap();
    let magic = [0x8e, 0xad, 0xe8, 0x01];
    memchr::memmem::find_iter(&bytes, &magic).nth(1).unwrap()
}

type Act = Box<dyn Fn() -> Tampering>;

#[test]
fn what_changes_in_staging_after_an_approval_voids_it() {
    let host = Host::new(&[]);
    to_the_gate(&host);
    let before = contents(&host.production());
    let staging = host.staging();
    let package = first_package(&staging.join("AppStream/x86_64/os"));
    let header = header_at(&package) + 200;
    let cases: [(&str, PathBuf, Act); 4] = [
        ("changed", staging.join("BaseOS/x86_64/os/repodata/repomd.xml"), {
            let path = staging.join("BaseOS/x86_64/os/repodata/repomd.xml");
            Box::new(move || Tampering::changed(path.clone(), 60))
        }),
        ("changed", package.clone(), Box::new(move || Tampering::changed(package.clone(), header))),
        ("added", staging.join("Extras/x86_64/os/extra.txt"), {
            let path = staging.join("Extras/x86_64/os/extra.txt");
            Box::new(move || Tampering::write(path.clone(), Some(b"")))
        }),
        ("removed", staging.join("plus/x86_64/os/repodata/repomd.xml.asc"), {
            let path = staging.join("plus/x86_64/os/repodata/repomd.xml.asc");
            Box::new(move || Tampering::write(path.clone(), None))
        }),
    ];
    for (how, path, act) in cases {
        host.run(&["approve", "latest", "--phrase", "8.10 vetted", "--hold"]).exits(0).says("approved");
        assert_eq!(host.state("8/gate"), "waiting", "held");
        let tampered = act();
        let name = path.strip_prefix(&staging).unwrap().to_str().unwrap();
        host.run(&["resume", "latest"]).exits(4).says(name).says(how).says("void");
        assert_eq!(host.state("8/gate"), "void");
        assert_eq!(host.state("8/publish"), "pending");
        assert_eq!(contents(&host.production()), before, "{how} {name}: production is untouched");
        host.run(&["resume", "latest"]).exits(4).says("void");
        host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(4);
        assert_eq!(contents(&host.production()), before, "a void gate does not open");
        drop(tampered);
        let evidence = host.json(&["gate", "latest"]);
        assert_eq!(evidence["state"], "waiting");
    }
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(0);
    assert_ne!(contents(&host.production()), before);
}

#[test]
fn staging_that_changed_before_the_phrase_came_is_shown_anew() {
    let host = Host::new(&[]);
    to_the_gate(&host);
    let before = contents(&host.production());
    let seal = word(&host.json(&["gate", "latest"])["seal"]);
    let command = command_to_copy(&host);
    assert_eq!(command.last().map(String::as_str), seal.get(..12), "{command:?}");
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let short = [&command[..command.len() - 1], &[&seal[..11]][..]].concat();
    host.run(&short).exits(2).says("12 to 64 hexadecimal digits");
    let path = host.staging().join("Extras/x86_64/os/extra.txt");
    fs::write(&path, "late").unwrap();
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(4).says("Extras/x86_64/os/extra.txt");
    assert_eq!(host.state("8/publish"), "pending");
    assert_eq!(contents(&host.production()), before);
    let anew = host.json(&["gate", "latest"]);
    assert_ne!(word(&anew["seal"]), seal, "new evidence");
    let advice = format!("`stagegate gate {} --release 8`", command[1]);
    host.run(&command).exits(4).says("staging was looked at anew").says(&advice);
    // An approval of what was shown before is refused, although the gate has new evidence.
    let stale = serde_json::json!({"request": "approve", "release": "8", "phrase": "8.10 vetted", "seal": seal, "then": "proceed"});
    let answer = host.connect().ask(&stale);
    assert_eq!(answer["response"], "refused", "{answer}");
    assert_eq!(answer["refusal"]["refusal"], "other-seal", "{answer}");
    assert_eq!(host.state("8/gate"), "waiting");
    assert_eq!(contents(&host.production()), before);
    let command = command_to_copy(&host);
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    host.run(&[&command[..], &["--hold"]].concat()).exits(0).says("approved");
}

/// Returns the words of the approve command that `gate` prints, from `approve` on.
fn command_to_copy(host: &Host) -> Vec<String> {
    let printed = host.run(&["gate", "latest"]).exits(0).out;
    let line = printed.lines().find(|line| line.trim_start().starts_with("approve:")).unwrap();
    let (_, words) = line.split_once(" approve ").unwrap();
    let (run, rest) = words.split_once(" --phrase ").unwrap();
    let (phrase, seal) = rest.split_once(" --seal ").unwrap();
    let words = ["approve", run, "--phrase", phrase.trim_matches('"'), "--seal", seal];
    words.map(str::to_owned).to_vec()
}

/// The push reads the vars files anew, hours after the supervisor did.
#[test]
fn vars_files_that_were_edited_since_the_start_stop_the_push() {
    let host = Host::new(&[]);
    to_the_gate(&host);
    let before = contents(&host.production());
    let vars = host.at("toolkit/sync/common_8");
    let text = fs::read_to_string(&vars).unwrap();
    fs::write(&vars, text.replace("REVISION=8.10\n", "REVISION=8.11\n")).unwrap();
    let approved = host.run(&["approve", "latest", "--phrase", "8.10 vetted"]);
    assert_ne!(approved.code, 0, "{approved:?}");
    approved.says("the plan goes here, but the vars files lead to").says("8.11");
    assert_eq!(contents(&host.production()), before, "nothing was pushed");
    fs::write(&vars, text).unwrap();
    host.run(&["retry", "latest", "8/publish"]).exits(0);
    assert_ne!(contents(&host.production()), before);
}

/// `${REV:0:3}` made 8.1 of 8.10: the gate says so before anybody can type the phrase.
#[test]
fn a_push_that_would_cut_the_revision_short_is_told_at_the_gate() {
    let host = Host::new(&[]);
    let script = host.at("toolkit/sync/sync-to-prod.sh");
    let text = fs::read_to_string(&script).unwrap();
    fs::write(&script, format!("{text}\nCUT=${{REV:0:3}}\n")).unwrap();
    to_the_gate(&host);
    let finding = only_blocking(&host.json(&["gate", "latest"]));
    assert_eq!(word(&finding["check"]), "target", "{finding}");
    assert_eq!(word(&finding["message"]), "${REV:0:3} is `8.1` where 8.10 is meant");
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(4).says("blocking");
    assert_eq!(host.state("8/publish"), "pending");
}

#[test]
fn times_modes_and_hard_links_alone_do_not_void() {
    let host = Host::new(&[]);
    to_the_gate(&host);
    host.run(&["approve", "latest", "--phrase", "8.10 vetted", "--hold"]).exits(0);
    let os = host.staging().join("AppStream/x86_64/os");
    let package = first_package(&os);
    let repomd = os.join("repodata/repomd.xml");
    for path in [&package, &repomd] {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o664)).unwrap();
    }
    // A copy in the place of the file is another inode; the same content linked to it is what hardlink makes.
    let copy = os.join("copy");
    fs::copy(&package, &copy).unwrap();
    fs::rename(&copy, &package).unwrap();
    fs::hard_link(&repomd, host.at("tmp/second-name")).unwrap();
    host.run(&["resume", "latest"]).exits(0).says("is finished");
    assert!(
        contents(&host.production().join("8.10"))
            .contains_key(Path::new("AppStream/x86_64/os/repodata/repomd.xml"))
    );
}

#[test]
fn a_skipped_step_blocks_at_the_gate_until_it_is_waived_by_name() {
    let host = Host::new(&["step-fails@8/errata"]);
    host.run(&["run", "--release", "8", "--compose", "none", "--sync", "Extras"]).exits(1).says("8/errata");
    host.run(&["skip", "latest", "8/errata", "--reason", ""]).exits(2);
    assert_eq!(host.state("8/errata"), "failed");
    host.run(&["skip", "latest", "8/errata", "--reason", "errata01 is being rebuilt"]).exits(3);
    assert_eq!(host.state("8/errata"), "skipped");
    let gate = host.json(&["gate", "latest"]);
    let finding = only_blocking(&gate);
    assert!(word(&finding["path"]).contains("8/errata"), "{finding}");
    assert!(finding.to_string().contains("errata01 is being rebuilt"), "{finding}");
    assert_eq!(finding["waived"], false);
    finding_has_its_fields(&finding);

    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(4).says("blocking");
    assert_eq!(host.state("8/publish"), "pending");
    edited_evidence_is_not_approved(&host);
    let id = word(&finding["id"]);
    host.run(&["waive", "latest", "nosuch", "--reason", "x"]).exits(1).says("nosuch");
    host.run(&["waive", "latest", &id]).exits(2);
    host.run(&["waive", "latest", &id, "--reason", "  "]).exits(1).says("reason");
    let waived = host.json(&["waive", "latest", &id, "--reason", "no errata this week"]);
    assert_eq!((&waived["finding"], &waived["message"]), (&finding["id"], &finding["message"]), "{waived}");
    assert_eq!(waived["reason"], "no errata this week");
    assert_eq!(only_blocking(&host.json(&["gate", "latest"]))["waived"], true);
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(0);
    host.run(&["report", "latest"]).exits(0).says("no errata this week").says("errata01 is being rebuilt");
    for step in ["8/gate", "8/publish", "shared/filelists"] {
        let ran = host.run(&["skip", "latest", step, "--reason", "no"]);
        assert_ne!(ran.code, 0, "{step} can be skipped: {ran:?}");
    }
}

/// Makes warnings of what blocks, in the file; the gate opens anew afterwards.
fn edited_evidence_is_not_approved(host: &Host) {
    let opened = host.journal().into_iter().rfind(|event| event["event"] == "gate-opened").unwrap();
    let path = host.run_folder().join(word(&opened["evidence"]));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"blocking\"", "\"warning\"")).unwrap();
    let said = "the evidence is not what was recorded";
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(4).says(said).says("stagegate gate");
    host.run(&["verify-run", "latest"]).exits(1).says("is not what record");
    fs::write(&path, text).unwrap();
    host.run(&["verify-run", "latest"]).exits(0);
}

fn only_blocking(gate: &Value) -> Value {
    let findings = gate["findings"].as_array().unwrap();
    let blocking: Vec<&Value> = findings.iter().filter(|finding| finding["severity"] == "blocking").collect();
    assert_eq!(blocking.len(), 1, "{blocking:?}");
    blocking[0].clone()
}

#[test]
fn a_retry_makes_exactly_what_builds_on_the_step_stale_and_the_approval_with_it() {
    let host = Host::new(&[]);
    to_the_gate(&host);
    host.run(&["approve", "latest", "--phrase", "8.10 vetted", "--hold"]).exits(0);
    host.plant("prompt@8/prep");
    host.run(&["retry", "latest", "8/prep", "--reason", "comps were late", "--detach"]).exits(0);
    host.wait_for_log("8/prep", "[sudo] password");
    let run = host.latest();
    let stale: Vec<String> = run["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["stale"] == true)
        .map(|step| word(&step["id"]))
        .collect();
    assert_eq!(stale, ["8/errata", "8/sign", "8/gate"], "what did not run yet cannot be stale");
    assert_eq!(step_of(&run, "8/sync/Extras")["state"], "succeeded");
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(4);
    let answer = host.connect().ask(&serde_json::json!({"request": "input", "step": "8/prep", "text": "x"}));
    assert_eq!(answer["response"], "done", "{answer}");
    host.wait_for("8/gate", "waiting");
    let run = host.latest();
    assert!(run["steps"].as_array().unwrap().iter().all(|step| step["stale"] == false), "{run}");
    // The approval that was held is gone: resuming does not publish.
    host.run(&["resume", "latest"]).exits(3);
    assert_eq!(host.state("8/publish"), "pending");
    host.run(&["approve", "latest", "--phrase", "8.10 vetted"]).exits(0);
}
