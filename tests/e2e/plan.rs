//! The plan: the SOP's commands in the SOP's order, from the catalog and from nothing else.

use crate::support::{Host, contents, finish, has_fields, word};
use serde_json::Value;
use std::fs;

const UPDATE: [&str; 7] = ["plan", "--release", "8", "--flow", "update", "--compose", "all"];

/// The lines of a plan's script that are commands.
fn commands(script: &str) -> Vec<String> {
    let keep = |line: &&str| !line.is_empty() && !line.starts_with(['#', 's']) || line.starts_with("ssh ");
    script.lines().filter(keep).filter(|line| !line.starts_with("export ")).map(str::to_owned).collect()
}

fn sop(host: &Host) -> Vec<String> {
    let root = host.at("");
    let root = root.to_str().unwrap().trim_end_matches('/');
    let mut lines = vec![format!("cd -- {root}/pungi/scripts")];
    for suffix in ["", "-devel", "-extras", "-plus", "-nfv", "-gluster9", "-advanced-virt"] {
        lines.push(format!("bash updates-8{suffix}.sh"));
    }
    lines.push(format!("cd -- {root}/toolkit/sync"));
    for repo in ["Rocky", "Rocky-devel", "Extras", "NFV", "Plus"] {
        lines.push(format!("RLVER=8 bash sync-to-staging.sh {repo}"));
    }
    lines.push("RLVER=8 bash sync-to-staging-sig.sh gluster9 storage".to_owned());
    lines.push("RLVER=8 bash prep-staging-8.sh".to_owned());
    lines.push(format!(
        "ssh -tt -- errata01 'cd -- {root}/hosts/errata01/etc/peridot-ansible && ansible-playbook -i inventories/hosts.ini -e rlver=8 playbooks/secparse001-publish.yml'"
    ));
    lines.push("RLVER=8 bash sign-repos-only.sh".to_owned());
    lines.push("exit 3".to_owned());
    lines.push(format!("cd -- {root}/toolkit/sync"));
    lines.push("RLVER=8 bash sync-to-prod.sh".to_owned());
    lines
}

/// Writes a copy of the host's catalog with one thing replaced, and returns its path.
#[track_caller]
fn edited(host: &Host, from: &str, to: &str) -> String {
    let text = fs::read_to_string(host.at("stagegate.toml")).unwrap();
    assert!(text.contains(from), "the catalog has no `{from}`");
    let path = host.at("edited.toml");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The script of the full update by another catalog.
#[track_caller]
fn script_by(host: &Host, catalog: &str) -> Vec<String> {
    let args = [&UPDATE[..], &["--sync", "all", "--format", "script", "--config", catalog]].concat();
    let mut command = std::process::Command::new(crate::support::PROGRAM);
    command.arg("--state").arg(host.at("state")).args(args);
    let ran = finish(command).exits(0);
    commands(&ran.out)
}

#[test]
fn the_plan_is_the_sop_and_the_catalog_is_the_plan() {
    let host = Host::new(&[]);
    let sop = sop(&host);
    let script = host.run(&[&UPDATE[..], &["--sync", "all", "--format", "script"]].concat()).exits(0);
    assert_eq!(commands(&script.out), sop);
    the_json_has_its_fields(&host);
    a_tick_less_is_a_line_less(&host, &sop);
    edits_change_the_plan_and_nothing_else(&host, &sop);
    typos_are_named_with_their_place(&host);
    assert!(
        !host.at("state/runs").exists() || host.json(&["runs"]) == serde_json::json!([]),
        "plans run nothing"
    );
}

/// A dry run that was not dry deleted from production (incidents.md, R15).
#[test]
fn looking_and_planning_write_nothing() {
    let host = Host::new(&[]);
    let (staging, production) = (host.staging(), host.production().join("8.10"));
    let (staging, production) = (staging.to_str().unwrap(), production.to_str().unwrap());
    let before = contents(&host.at(""));
    let key = host.at("keys/RPM-GPG-KEY-sandbox");
    for args in [
        &[&UPDATE[..], &["--sync", "all"]].concat()[..],
        &[&UPDATE[..], &["--sync", "all", "--format", "script"]].concat(),
        &["plan", "--release", "8", "--flow", "minor", "--format", "json"],
        &["status"],
        &["runs"],
        &["verify", staging, "--key", key.to_str().unwrap(), "--against", production],
        &["diff", production, staging],
    ] {
        host.run(args);
    }
    assert_eq!(contents(&host.at("")), before);
}

fn the_json_has_its_fields(host: &Host) {
    let plan = host.json(&[&UPDATE[..], &["--sync", "all"]].concat());
    assert_eq!(word(&plan["digest"]).len(), 64);
    let steps = plan["steps"].as_array().unwrap();
    for step in steps {
        has_fields(step, &["id", "title", "argv", "env", "cwd", "host", "gate", "depends", "resources"]);
    }
    let step = |id: &str| steps.iter().find(|step| step["id"] == id).unwrap();
    assert_eq!(step("8/gate")["gate"], "staging-vetted");
    assert_eq!(step("8/gate")["argv"], serde_json::json!([]));
    assert!(steps.iter().filter(|step| step["id"] != "8/gate").all(|step| step["gate"].is_null()));
    assert_eq!(step("8/publish")["env"], serde_json::json!({"RLVER": "8"}));
    assert_eq!(step("8/publish")["argv"], serde_json::json!(["bash", "sync-to-prod.sh"]));
    assert_eq!(step("8/publish")["resources"], serde_json::json!(["production-lists"]));
    assert_eq!(step("8/errata")["host"], "errata01");
    let depends = |id: &str, on: &str| step(id)["depends"].as_array().unwrap().contains(&Value::from(on));
    assert!(depends("8/publish", "8/gate") && depends("8/sync/Rocky", "8/compose/Rocky"));
    // The same selection has the same digest, another selection another one.
    let again = host.json(&[&UPDATE[..], &["--sync", "all"]].concat());
    assert_eq!(again["digest"], plan["digest"]);
    let other = host.json(&[&UPDATE[..], &["--sync", "Rocky"]].concat());
    assert_ne!(other["digest"], plan["digest"]);
}

fn a_tick_less_is_a_line_less(host: &Host, sop: &[String]) {
    let ran = host.run(&[
        "plan",
        "--release",
        "8",
        "--compose",
        "gluster9,Rocky",
        "--sync",
        "Plus,NFV,Rocky",
        "--format",
        "script",
    ]);
    let left = commands(&ran.exits(0).out);
    let gone = [
        "-devel",
        "-extras",
        "-plus.sh",
        "-nfv.sh",
        "-advanced-virt",
        " Rocky-devel",
        " Extras",
        " gluster9 storage",
    ];
    let wanted: Vec<String> =
        sop.iter().filter(|line| !gone.iter().any(|end| line.contains(end))).cloned().collect();
    assert_eq!(left, wanted, "in the SOP's order, whatever the order of the ticks");
    let ran = host.run(&["plan", "--release", "8", "--flow", "publish", "--format", "script"]).exits(0);
    assert!(commands(&ran.out).ends_with(&["RLVER=8 bash sync-to-prod.sh".to_owned()]), "{}", ran.out);
}

fn edits_change_the_plan_and_nothing_else(host: &Host, sop: &[String]) {
    let replaced =
        |from: &str, to: &str| -> Vec<String> { sop.iter().map(|line| line.replace(from, to)).collect() };
    // A script.
    let catalog = edited(
        host,
        r#"command = ["bash", "sign-repos-only.sh"]"#,
        r#"command = ["bash", "sign-all.sh", "-v"]"#,
    );
    assert_eq!(script_by(host, &catalog), replaced("sign-repos-only.sh", "sign-all.sh -v"));
    // The name of a repo, in every place that the catalog has it.
    let text = fs::read_to_string(host.at("stagegate.toml")).unwrap();
    let path = host.at("edited.toml");
    fs::write(&path, text.replace("\"NFV\"", "\"RealTime\"").replace("[repos.NFV]", "[repos.RealTime]"))
        .unwrap();
    assert_eq!(
        script_by(host, path.to_str().unwrap()),
        replaced("sync-to-staging.sh NFV", "sync-to-staging.sh RealTime")
    );
    // The order.
    let catalog = edited(
        host,
        r#"sync = ["Rocky", "Rocky-devel", "Extras", "NFV", "Plus", "gluster9"]"#,
        r#"sync = ["Rocky", "Rocky-devel", "Plus", "Extras", "NFV", "gluster9"]"#,
    );
    let mut ordered = sop.to_vec();
    let at = |wanted: &str, lines: &[String]| lines.iter().position(|line| line.ends_with(wanted)).unwrap();
    let plus = ordered.remove(at("sync-to-staging.sh Plus", &ordered));
    let extras = at("sync-to-staging.sh Extras", &ordered);
    ordered.insert(extras, plus);
    assert_eq!(script_by(host, &catalog), ordered);
}

fn typos_are_named_with_their_place(host: &Host) {
    let text = fs::read_to_string(host.at("stagegate.toml")).unwrap();
    let line_of = |needle: &str| text.lines().position(|line| line.contains(needle)).unwrap() + 1;
    let cases = [
        (r#"progress = "ansible""#, r#"progres = "ansible""#, "progress"),
        (
            r#""metadata-signed", "modules-present", "phrases"]"#,
            r#""metadata-singed", "modules-present", "phrases"]"#,
            "metadata-signed",
        ),
        (r#"sync = ["Rocky", "Rocky-devel""#, r#"sync = ["Rokcy", "Rocky-devel""#, "Rocky"),
        (r#"name = "Rocky Linux (practice)""#, r#"name = Rocky""#, "name"),
    ];
    for (from, to, right) in cases {
        let catalog = edited(host, from, to);
        let place = format!("edited.toml:{}:", line_of(from));
        for command in [&["status"][..], &["plan", "--release", "8"], &["run", "--release", "8"]] {
            let mut program = std::process::Command::new(crate::support::PROGRAM);
            program.args(["--config", &catalog]).arg("--state").arg(host.at("state")).args(command);
            let ran = finish(program).exits(2).says(&place).says(right);
            let after = ran.err.split_once(&place).unwrap().1;
            let column: String = after.chars().take_while(char::is_ascii_digit).collect();
            assert!(!column.is_empty(), "no column: {}", ran.err);
        }
    }
}
