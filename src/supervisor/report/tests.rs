//! The report of a run that was folded from events, as it would be from a journal.

use super::*;
use crate::domain::approval::{Demand, Identity};
use crate::domain::evidence::{Change, ChangeKind, Changes};
use crate::domain::finding::{FindingId, Severity};
use crate::domain::fixture::{self, bare_plan, bare_step};
use crate::domain::flow::{CheckName, Role};
use crate::domain::outcome::{Outcome, ProcessEnd};
use crate::domain::plan::{Lane, Plan};
use crate::domain::run::Event;
use crate::domain::seal::{Seal, SealDigest};
use crate::journal::store::Store;

const TOKEN: &str = "correct-horse|battery";

fn step(id: &str, role: Role, argv: &[&str]) -> Step {
    Step {
        repo: id.split('/').nth(2).map(|repo| RepoName::new(repo).unwrap()),
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        env: BTreeMap::from([("KOJI_TOKEN".to_owned(), TOKEN.to_owned())]),
        cwd: "/toolkit".into(),
        gate: (role == Role::Gate).then(|| "staging-vetted".to_owned()),
        ..bare_step(id, role)
    }
}

fn plan() -> Plan {
    let steps = vec![
        step("8/sync/Rocky", Role::Sync, &["bash", "sync-to-staging.sh", "Rocky"]),
        step("8/gate", Role::Gate, &[]),
        step("8/publish", Role::Publish, &["bash", "sync-to-prod.sh"]),
    ];
    let lane = Lane {
        release: ReleaseId::new("8").unwrap(),
        revision: "8.10".to_owned(),
        staging: "/staging/8.10-RC1".into(),
        production: "/production/8.10".into(),
        phrase: "8.10 vetted".to_owned(),
        steps: steps.iter().map(|step| step.id.clone()).collect(),
    };
    let mut plan = Plan { distribution: "Practice".to_owned(), ..bare_plan(lane, steps) };
    plan.digest = plan.compute_digest();
    plan
}

fn identity() -> Identity {
    Identity {
        uid: 0,
        user: "root".to_owned(),
        login_uid: Some(1000),
        login: Some("engineer".to_owned()),
        host: "compose1".to_owned(),
        terminal: None,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn finding() -> Finding {
    let message = format!("line 3 of its log says: {TOKEN}");
    Finding::new(CheckName::StagingMatchesCompose, Severity::Blocking, "missing", "a|b.rpm", message, "sync")
}

fn evidence() -> Evidence {
    let change = |at| Change {
        kind: ChangeKind::Added,
        place: "BaseOS/x86_64/os".to_owned(),
        name: format!("package{at:02}"),
        from: None,
        to: Some("1-1".to_owned()),
        size: 0,
    };
    Evidence {
        staging: "/staging/8.10-RC1".into(),
        production: "/production/8.10".into(),
        at: at(60),
        changes: Changes { packages: (0..45).map(change).collect(), bytes: 1, ..Changes::default() },
        seal: SealDigest("0123456789abcdef".to_owned()),
        production_now: "production holds nothing".to_owned(),
        ..fixture::evidence(vec![finding()])
    }
}

fn opened(step: crate::domain::name::StepId, evidence: String) -> Event {
    Event::GateOpened { step, evidence, seal: self::evidence().seal, demand: Demand::default(), digest: None }
}

fn waiver(message: Option<&str>) -> Waiver {
    Waiver {
        finding: FindingId(finding().id.0),
        message: message.map(str::to_owned),
        reason: "known".to_owned(),
        by: identity(),
        at: at(70),
    }
}

fn report() -> (tempfile::TempDir, Report) {
    report_with(waiver(None))
}

fn report_with(waiver: Waiver) -> (tempfile::TempDir, Report) {
    let folder = tempfile::tempdir().unwrap();
    let dir = Store::open(folder.path()).unwrap().create(&plan(), "", at(0)).unwrap();
    let file = "gates/8-1.json".to_owned();
    dir.write_evidence(&file, &evidence(), &Seal::default()).unwrap();
    let step: crate::domain::name::StepId = "8/sync/Rocky".parse().unwrap();
    let gate: crate::domain::name::StepId = "8/gate".parse().unwrap();
    let compose: ComposeId = "Rocky-8-updates-20210721.1".parse().unwrap();
    let rocky = RepoName::new("Rocky").unwrap();
    let release = ReleaseId::new("8").unwrap();
    let why = format!("no systemd scope: {TOKEN}");
    let contained = Containment::Tree { why };
    let events = [
        (
            0,
            Event::RunCreated {
                run: dir.id().clone(),
                plan: plan().digest,
                by: identity(),
                version: "1".into(),
                catalog: None,
            },
        ),
        (
            1,
            Event::StepStarting {
                step: step.clone(),
                attempt: 2,
                log: "steps/1.log".to_owned(),
                argv: Vec::new(),
                added_env: BTreeMap::new(),
                composes: BTreeMap::from([(rocky, compose)]),
                findings: Vec::new(),
                scripts: BTreeMap::from([("/toolkit/sync-to-staging.sh".to_owned(), "ab12".to_owned())]),
            },
        ),
        (1, Event::StepStarted { step: step.clone(), pid: 1, start_time: 1, contained: Some(contained) }),
        (2, Event::StepEnded { step: step.clone(), end: ProcessEnd::Exited { code: 0 }, log_bytes: 1 }),
        (
            3,
            Event::StepConcluded {
                step,
                outcome: Outcome::Succeeded,
                reason: String::new(),
                findings: Vec::new(),
            },
        ),
        (60, opened(gate, file)),
        (70, Event::FindingWaived { release, waiver }),
    ];
    let mut state = RunState::new(plan());
    for (second, event) in events {
        state.apply(at(second), &event);
    }
    let redactor = Redactor::of_plan(&Secrets::named(["*TOKEN*"]), &state.plan);
    let report = Report::of(&dir, &state, crate::journal::audit::Audit::of(&dir).unwrap(), true, redactor);
    (folder, report)
}

#[test]
fn it_tells_what_was_run_with_which_scripts_and_composes() {
    let (_folder, report) = report();
    let text = report.markdown();
    for line in [
        "| 8/sync/Rocky | succeeded | 2 | 0:02 | Rocky-8-updates-20210721.1 |",
        "ab12  /toolkit/sync-to-staging.sh",
        "- release 8 (8.10): `/staging/8.10-RC1` to `/production/8.10`",
        "- each step contained by: process tree (no systemd scope: [redacted])",
        "## Gate 8/gate: waiting",
        "- 1 findings, 0 of them blocking and not waived",
        "and 5 more, in the JSON form of this report",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    let waived = text.lines().find(|line| line.starts_with("- waived")).unwrap();
    assert!(waived.contains("engineer (as root) on compose1") && waived.contains(": known ("), "{waived}");
    let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
    let tree = serde_json::json!({"by": "tree", "why": "no systemd scope: [redacted]"});
    assert_eq!(json["steps"][0]["contained"], tree);
    assert_eq!(json["scripts"]["/toolkit/sync-to-staging.sh"], "ab12");
    assert_eq!(json["steps"][0]["composes"]["Rocky"], "Rocky-8-updates-20210721.1");
    assert_eq!(json["gates"][0]["evidence"]["changes"]["packages"].as_array().unwrap().len(), 45);
}

#[test]
fn no_secret_leaves_through_it() {
    let (_folder, report) = report();
    for text in [report.markdown(), report.json()] {
        assert!(!text.contains("correct-horse"), "{text}");
        assert!(text.contains("[redacted]"), "{text}");
    }
}

#[test]
fn names_from_disk_do_not_change_its_shape() {
    let (_folder, report) = report();
    let text = report.markdown();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    assert!(rows.iter().all(|row| [6, 7].contains(&bars(row))), "{rows:#?}");
    assert_eq!(text.matches("```").count() % 2, 0);
}

#[test]
fn nothing_that_others_wrote_is_markup() {
    for (text, cell) in [
        ("plain - text_with (parts) -> [redacted] #1!", "plain - text_with (parts) -> [redacted] #1!"),
        ("a|b\n| forged | row |", "a\\|b␊\\| forged \\| row \\|"),
        ("<img src=x onerror=y> & &lt; &#60;", "&lt;img src=x onerror=y> & &amp;lt; &amp;#60;"),
        ("![x](https://host/?leak) [y][z] [w]: u", "![x\\](https://host/?leak) [y\\][z] [w\\]: u"),
        (
            "`code` **bold** ~~gone~~ \\* \u{1b}[2J\u{202e}",
            "\\`code\\` \\*\\*bold\\*\\* \\~\\~gone\\~\\~ \\\\\\* ␛[2J\u{fffd}",
        ),
    ] {
        assert_eq!(super::markdown::cell(text), cell, "{text:?}");
    }
    assert_eq!(super::markdown::code("a`b`|\nc"), "`a'b'\\|␊c`");
    assert_eq!(super::markdown::block("a\n```\u{7}"), "a␊'''␇");
}

#[test]
fn a_waiver_of_what_says_something_else_now_is_told_as_none() {
    let (_folder, report) = report_with(waiver(Some("it said something else")));
    let text = report.markdown();
    assert!(text.contains("- 1 findings, 1 of them blocking and not waived"), "{text}");
    let waived = text.lines().find(|line| line.starts_with("- waived")).unwrap();
    assert!(waived.ends_with("(**which says something else now, so it is not waived**)"), "{waived}");
}
