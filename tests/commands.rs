//! The commands that look and change nothing, by the real binary: verify and diff on small trees, the
//! redaction of secrets on a practice host, completions and the rest of what is built in.

#![expect(clippy::unwrap_used, reason = "helpers of tests are outside of test functions")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const REPOMD: &str = "<repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>1</revision>\
<data type=\"primary\"><location href=\"repodata/primary.xml\"/></data></repomd>\n";
const WITH_MODULES: &str = "<repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>1</revision>\
<data type=\"primary\"><location href=\"repodata/primary.xml\"/></data>\
<data type=\"modules\"><location href=\"repodata/modules.yaml.gz\"/></data></repomd>\n";
const PRIMARY: &str = "<metadata packages=\"0\"></metadata>\n";
const TOKEN: &str = "correct-horse-battery";

/// Runs the binary in `folder`.
fn stagegate(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stagegate")).args(words).current_dir(folder).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {}", text(output))).unwrap()
}

fn write(path: &Path, content: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Returns `check path message` of every finding.
fn findings(report: &Value) -> Vec<String> {
    let line = |finding: &Value| {
        format!(
            "{} {} {}",
            finding["check"].as_str().unwrap(),
            finding["path"].as_str().unwrap(),
            finding["message"].as_str().unwrap()
        )
    };
    report["findings"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn verify_of_a_folder_reads_no_catalog_and_names_what_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(&root.join("new/BaseOS/repodata/repomd.xml"), REPOMD);
    write(&root.join("new/BaseOS/.repodata/repomd.xml"), REPOMD);
    write(&root.join("new/BaseOS/repodata/primary.xml"), PRIMARY);
    write(&root.join("old/BaseOS/repodata/primary.xml"), PRIMARY);
    write(&root.join("old/BaseOS/repodata/repomd.xml"), WITH_MODULES);
    write(&root.join("old/BaseOS/repodata/modules.yaml.gz"), "");
    let words = ["--config", "no-such-catalog.toml", "verify", "./new", "--format", "json"];
    let output = stagegate(root, &words);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let report = json(&output);
    assert_eq!(
        findings(&report),
        [
            "leftovers BaseOS/.repodata is left by a createrepo that was killed; every later one skips this repo",
            "metadata-consistent BaseOS/.repodata is left by a createrepo that was killed; every later one skips this repo",
            "metadata-signed BaseOS/repodata/repomd.xml is not signed: there is no repomd.xml.asc",
            "metadata-consistent BaseOS/repodata/primary.xml has no checksum in repomd.xml, so that nothing vouches for it",
            "metadata-consistent BaseOS/repodata/repomd.xml names no data of type `filelists`",
            "metadata-consistent BaseOS/repodata/repomd.xml names no data of type `other`",
        ]
    );
    let finding = &report["findings"][0];
    assert_eq!(finding["severity"], "blocking");
    assert_eq!((&finding["inherited"], &finding["waived"]), (&Value::Bool(false), &Value::Bool(false)));
    assert_eq!(finding["id"].as_str().unwrap().len(), 10);

    let output = stagegate(root, &["verify", "./new", "--against", "old", "--format", "json"]);
    let found = findings(&json(&output));
    let lost = "modules-present BaseOS/repodata/repomd.xml lost its module data, which production has";
    assert!(found.iter().any(|line| line == lost), "{found:#?}");
    let unsigned = &json(&output)["findings"].as_array().unwrap().clone();
    let unsigned = unsigned.iter().find(|finding| finding["check"] == "metadata-signed").unwrap();
    assert_eq!(unsigned["inherited"], true, "the tree that it replaces is not signed either");

    let output = stagegate(root, &["verify", "./new"]);
    let lines = text(&output);
    assert!(lines.contains("against nothing; name what it replaces with --against"), "{lines}");
    assert!(!lines.contains("no-regression"), "nothing was compared: {lines}");
    assert!(lines.contains("BLOCKING (3)") && lines.contains("remove it"), "{lines}");
    assert!(!lines.contains('\u{1b}'), "no progress where there is no terminal: {lines:?}");
}

#[test]
fn the_command_line_says_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("tree/repodata/repomd.xml"), REPOMD);
    write(&folder.path().join("text.asc"), "no key");
    for (words, said) in [
        (&["verify", "./nowhere"][..], "./nowhere"),
        (&["verify", "./tree", "--position", "staging"], "--position belongs to a release"),
        (&["verify", "./tree", "--key", "no.asc"], "no.asc"),
        (&["verify", "./tree", "--key", "text.asc"], "text.asc: holds no public key"),
        (&["verify", "./tree/repodata"], "is the metadata of a repo; name the repo itself"),
        (&["verify", "./tree/repodata/repomd.xml"], "is no folder; name the folder that holds it"),
        (&["verify", "https://mirror.invalid/8/"], "is an address, and nothing is fetched"),
        (&["verify", "77"], "there is no release `77`; the catalog has 8"),
        (&["verify", "8", "--position", "compose", "--key", "tree"], "a compose is not signed yet"),
        (&["verify", "8", "--position", "production", "--against", "tree"], "--against"),
        (&["diff", "./tree"], "diff OLD NEW"),
        (&["diff", "./tree", "./tree", "--from", "staging"], "--from and --to belong to a release"),
        (&["diff", "8", "tree"], "compared by its positions"),
        (&["diff", "8", "--from", "staging", "--to", "staging"], ""),
        (&["--state", "state", "report", "latest"], ""),
        (&["verify"], "Usage"),
    ] {
        let output = stagegate(folder.path(), words);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", text(&output));
        assert!(text(&output).contains(said), "{words:?}: {}", text(&output));
    }
}

#[test]
fn diff_of_two_folders_tells_every_kind_of_change() {
    let folder = tempfile::tempdir().unwrap();
    let package = |tree: &str, name: &str, content: &str| {
        write(&folder.path().join(tree).join("BaseOS/x86_64/os/Packages").join(name), content);
    };
    package("old", "bash-5.1-1.x86_64.rpm", "a");
    package("old", "gone-1-1.x86_64.rpm", "a");
    package("old", "kernel-6-2.x86_64.rpm", "a");
    package("old", "same-1-1.x86_64.rpm", "a");
    package("old", "zlib-1-1.x86_64.rpm", "a");
    package("new", "bash-5.1-10.x86_64.rpm", "a");
    package("new", "fresh-1-1.x86_64.rpm", "abc");
    package("new", "kernel-6-1.x86_64.rpm", "a");
    package("new", "zlib-1-1.x86_64.rpm", "other");
    std::fs::hard_link(
        folder.path().join("old/BaseOS/x86_64/os/Packages/same-1-1.x86_64.rpm"),
        folder.path().join("new/BaseOS/x86_64/os/Packages/same-1-1.x86_64.rpm"),
    )
    .unwrap();
    let output = stagegate(folder.path(), &["diff", "./old", "./new", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report = json(&output);
    let changes: Vec<String> = report["changes"]["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| format!("{} {}", change["kind"].as_str().unwrap(), change["name"].as_str().unwrap()))
        .collect();
    assert_eq!(changes, ["updated bash", "added fresh", "removed gone", "downgraded kernel", "rebuilt zlib"]);
    assert_eq!(report["changes"]["packages"][0]["place"], "BaseOS/x86_64/os");
    assert_eq!(report["to"]["path"].as_str().map(Path::new), Some(folder.path().join("new").as_path()));
    let lines = text(&stagegate(folder.path(), &["diff", "./old", "./new"]));
    assert!(lines.contains("5.1-1 -> 5.1-10") && lines.contains("1 removed"), "{lines}");
}

#[test]
fn what_is_built_in_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    for (words, holds) in [
        (&["config"][..], "[secrets]"),
        (&["themes"], "dark"),
        (&["keys"], "open-gate"),
        (&["completions", "bash"], "complete -F"),
        (&["completions", "zsh"], "#compdef stagegate"),
        (&["completions", "fish"], "complete -c stagegate"),
        (&["--help"], "Exit codes: 0 done"),
    ] {
        let output = stagegate(folder.path(), words);
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        let printed = String::from_utf8_lossy(&output.stdout).to_lowercase();
        assert!(printed.contains(&holds.to_lowercase()), "{words:?}: {printed}");
    }
}

/// A practice host whose catalog gives every step a secret, and whose sync script prints it.
struct Host {
    folder: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let host = Self { folder: tempfile::tempdir().unwrap() };
        let dir = host.root().to_string_lossy().into_owned();
        let words = ["sandbox", &dir, "--no-console", "--speed", "instant"];
        let output = stagegate(host.folder.path(), &words);
        assert!(output.status.success(), "{}", text(&output));
        let catalog = host.root().join("stagegate.toml");
        let changed = std::fs::read_to_string(&catalog).unwrap();
        let changed = changed.replace("set = { PATH", &format!("set = {{ KOJI_TOKEN = \"{TOKEN}\", PATH"));
        assert!(changed.contains(TOKEN));
        std::fs::write(&catalog, changed).unwrap();
        let script = host.root().join("toolkit/sync/sync-to-staging.sh");
        let said = std::fs::read_to_string(&script).unwrap();
        std::fs::write(&script, format!("{said}\necho \"logged in with $KOJI_TOKEN as usual\"\n")).unwrap();
        host
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("host")
    }

    fn ask(&self, words: &[&str]) -> Output {
        let (catalog, state) = (self.root().join("stagegate.toml"), self.root().join("state"));
        let mut all = vec!["--config", catalog.to_str().unwrap(), "--state", state.to_str().unwrap()];
        all.extend(words);
        stagegate(self.folder.path(), &all)
    }
}

/// A folder is verified with a public key: the right one, another one, and after a change.
fn signatures_are_verified(host: &Host) {
    let repo = host.root().join("mnt/repos-staging/mirror/pub/rocky/8.10-RC1/BaseOS/x86_64/os");
    let key = host.root().join("keys/RPM-GPG-KEY-sandbox");
    let other = host.folder.path().join("other.asc");
    let signer = stagegate::sandbox::signer::Signer::generate("other", 1_700_000_000).unwrap();
    std::fs::write(&other, signer.public_armored().unwrap()).unwrap();
    let verify = |key: &Path| {
        let words = ["verify", repo.to_str().unwrap(), "--key", key.to_str().unwrap(), "--format", "json"];
        stagegate(host.folder.path(), &words)
    };
    let output = verify(&key);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = verify(&other);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(findings(&json(&output))[0].contains("BAD or by another key"), "{}", text(&output));
    let repomd = repo.join("repodata/repomd.xml");
    let bytes = std::fs::read(&repomd).unwrap();
    std::fs::write(&repomd, [&bytes[..], b" "].concat()).unwrap();
    assert!(findings(&json(&verify(&key)))[0].contains("not over its current bytes"));
    std::fs::write(&repomd, bytes).unwrap();
}

#[test]
fn a_practice_host_is_verified_compared_and_keeps_its_secrets() {
    let host = Host::new();
    signatures_are_verified(&host);
    for position in ["compose", "staging"] {
        let output = host.ask(&["verify", "8", "--position", position, "--format", "json"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        assert_eq!(json(&output)["blocking"], 0);
    }
    let output = host.ask(&["diff", "8", "--to", "compose", "--format", "json"]);
    let report = json(&output);
    let packages = report["changes"]["packages"].as_array().unwrap();
    assert!(
        packages.iter().any(|change| change["name"] == "bash" && change["kind"] == "updated"),
        "{report:#}"
    );
    assert!(
        packages.iter().any(|change| change["place"].as_str().unwrap().starts_with("storage/")),
        "{report:#}"
    );

    let plan = ["--release", "8", "--compose", "none", "--sync", "Extras"];
    for format in ["text", "json", "script"] {
        let output = host.ask(&[&["plan", "--format", format], &plan[..]].concat());
        let printed = text(&output);
        assert!(output.status.success() && !printed.contains(TOKEN), "{format}: {printed}");
        let marked = printed.contains("KOJI_TOKEN") && printed.contains("[redacted]");
        assert!(marked || format == "text", "{format}: {printed}");
    }
    let script = text(&host.ask(&[&["plan", "--format", "script"], &plan[..]].concat()));
    assert!(script.contains("# It cannot run as it stands: [redacted]"), "{script}");
    a_run_keeps_its_secrets(&host, &plan);
}

fn a_run_keeps_its_secrets(host: &Host, plan: &[&str]) {
    let output = host.ask(&[&["run"], plan].concat());
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let printed = text(&output);
    let run = printed.lines().next().unwrap().to_owned();
    let line = format!(" approve {run} --phrase \"8.10 vetted\" --seal ");
    let seal = printed.split_once(&line).and_then(|(_, rest)| rest.lines().next()).unwrap_or_default();
    assert!(seal.len() == 12 && seal.bytes().all(|digit| digit.is_ascii_hexdigit()), "{printed}");
    let file = std::fs::read_dir(host.root().join("state/runs").join(&run).join("steps")).unwrap();
    let logs: Vec<String> =
        file.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap_or_default()).collect();
    assert!(logs.iter().any(|log| log.contains(TOKEN)), "the step printed it");
    for words in [
        &["log", &run, "8/sync/Extras"][..],
        &["runs", "--format", "json"],
        &["status", "--format", "json"],
        &["gate", &run, "--format", "json"],
        &["report", &run],
        &["report", &run, "--format", "json"],
        &["status"],
        &["gate", &run],
    ] {
        let printed = text(&host.ask(words));
        assert!(!printed.contains(TOKEN), "{words:?}: {printed}");
    }
    let log = text(&host.ask(&["log", &run, "8/sync/Extras"]));
    assert!(log.contains("logged in with [redacted] as usual"), "{log}");
    let raw = host.ask(&["log", &run, "8/sync/Extras", "--raw"]);
    assert!(text(&raw).contains(&format!("logged in with {TOKEN} as usual")), "raw is raw");
    let said = String::from_utf8_lossy(&raw.stderr).into_owned();
    assert!(said.contains("this is the log as the step printed it, with secrets"), "{said}");
    let steps = host.root().join("state/runs").join(&run).join("steps");
    assert!(
        std::fs::read_to_string(steps.join("README")).unwrap().starts_with("The logs in this folder are raw")
    );
    for entry in std::fs::read_dir(&steps).unwrap() {
        use std::os::unix::fs::PermissionsExt as _;
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
    }

    let output = host.ask(&["approve", &run, "--phrase", "8.10 vetted"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let printed = text(&output);
    assert!(!printed.contains("8/sync/Extras"), "what was over before is not said again: {printed}");
    assert!(printed.contains("8/publish                succeeded"), "{printed}");
    let report = text(&host.ask(&["report", &run]));
    assert!(report.contains("/toolkit/sync/sync-to-prod.sh"), "{report}");
    assert!(report.contains("| 8/sync/Extras | succeeded | 1 |"), "{report}");
}
