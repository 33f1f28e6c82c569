//! A gate with something wrong: a lost module stream is found, stands in the way, and is let through by name.

use crate::driver::Console;
use crate::host::Host;
use serde_json::Value;

const REASON: &str = "the streams follow on Monday, agreed by phone";

/// Returns the ids of the blocking findings of the gate's first evidence, in the order in which the screen lists them.
fn blocking(host: &Host) -> Vec<(String, String)> {
    let text = std::fs::read(host.run().join("gates/8-1.json")).unwrap();
    let evidence: Value = serde_json::from_slice(&text).unwrap();
    let findings = evidence["findings"].as_array().unwrap().iter();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    findings
        .filter(|finding| finding["severity"] == "blocking")
        .map(|finding| (word(&finding["id"]), word(&finding["check"])))
        .collect()
}

fn attached_at_the_gate(host: &Host) -> Console {
    let ran = host.ask(&["run", "--release", "8", "--compose", "none", "--sync", "Rocky"]);
    assert_eq!(ran.status.code(), Some(5), "{ran:?}");
    let mut console = host.open(&["attach", "latest"]);
    console.wait_until("prep as suspect", |screen| {
        screen.lines().any(|line| line.contains("! prep") && line.contains("suspect"))
    });
    console.keys("x");
    console.wait_for(&["Leave 8/prep out"]);
    console.types("what it did is good enough\r");
    // What prep lost is lost when it is signed, too.
    console.wait_until("sign as suspect", |screen| {
        screen.lines().any(|line| line.contains("! sign") && line.contains("suspect"))
    });
    console.keys("x");
    console.wait_for(&["Leave 8/sign out"]);
    console.types("signed all the same\r");
    console.wait_for(&["◆ gate               waiting"]);
    console.keys("g");
    console
}

#[test]
fn a_lost_module_stream_is_shown_refused_waived_by_name_and_reported() {
    let host = Host::new(&["modules-lost"]);
    let mut console = attached_at_the_gate(&host);
    let blocking = blocking(&host);
    // What was lost stands before what was left out.
    assert_eq!(blocking[0].1, "modules-present", "{blocking:?}");

    // It is on the screen before anything is pressed, and the phrase does nothing while it stands.
    console.wait_for(&[
        &format!("Findings ✗{}", blocking.len()),
        "▌✗ blocking  modules-present",
        "► [ Cancel ]",
    ]);
    console.press_until("a", "enter accept");
    console.types("8.10 vetted\r");
    console.wait_for(&["Type \"8.10 vetted\"  8.10 vetted", "blocking finding"]);
    assert!(host.facts("approved").is_empty(), "{}", host.journal());
    console.keys("esc");
    console.wait_for(&["► [ Cancel ]", "press a to type it"]);

    console.keys("/");
    console.wait_for(&["Search the findings"]);
    console.types("modules-present\r");
    console.wait_for(&["\"modules-present\": match 1 of ", "✗ blocking modules-present", "AppStream/x86_64"]);
    for (row, (id, _)) in blocking.iter().enumerate() {
        console.keys("home");
        console.keys(&"down ".repeat(row));
        console.wait_for(&[id]);
        console.keys("w");
        console.wait_for(&[&format!("Let finding {id} through")]);
        console.types(&format!("{REASON}\r"));
        console.wait_until("who waived it", |screen| {
            screen.contains(id) && screen.contains("» waived by") && !screen.contains("Let finding")
        });
    }
    console.wait_for(&[&format!("»{}", blocking.len())]);

    console.keys("t space down space down space down space");
    console.wait_for(&["Checklist 4/4", "✓ nothing is in the way", "» waived: ", "agreed by phone"]);
    console.keys("a");
    console.wait_for(&["enter accept"]);
    console.types("8.10 vetted\r");
    console.wait_for(&["✓ finished"]);
    console.keys("q");
    assert!(console.left().success());
    is_reported(&host, &blocking);
}

/// Asserts that every waiver stands in both reports, with its reason and the name that the kernel gave.
fn is_reported(host: &Host, blocking: &[(String, String)]) {
    let waived = host.facts("finding-waived");
    assert_eq!(waived.len(), blocking.len(), "{}", host.journal());
    let user = waived[0]["waiver"]["by"]["user"].as_str().unwrap();
    let markdown = String::from_utf8(host.ask(&["report", "latest"]).stdout).unwrap();
    let json = host.ask(&["report", "latest", "--format", "json"]).stdout;
    let report: Value = serde_json::from_slice(&json).unwrap();
    let waivers = report["gates"][0]["waivers"].as_array().unwrap();
    for (id, check) in blocking {
        let line = markdown.lines().find(|line| line.contains("waived") && line.contains(id.as_str()));
        let line = line.unwrap_or_else(|| unreachable!("{check} {id} is not in\n{markdown}"));
        assert!(line.contains(user) && line.contains(REASON), "{line}");
        let waiver = waivers.iter().find(|waiver| waiver["finding"] == id.as_str()).unwrap();
        assert_eq!((waiver["reason"].as_str(), waiver["by"]["user"].as_str()), (Some(REASON), Some(user)));
    }
}

/// One check looks again from the screen: the rest of the evidence stands, and says when each looked.
#[test]
fn one_check_looks_again_and_the_evidence_says_when() {
    let host = Host::new(&[]);
    let ran = host.ask(&["run", "--release", "8", "--flow", "publish"]);
    assert_eq!(ran.status.code(), Some(3), "{ran:?}");
    let mut console = host.open(&["attach", "latest"]);
    console.wait_for(&["◆ gate               waiting"]);
    console.keys("g");
    console.wait_for(&["► [ Cancel ]", "Checklist 0/4"]);
    console.press_until("v", "staging-matches-compose");
    console.wait_for(&["▌✓ mounts", "found nothing"]);
    console.keys("home r");
    console.wait_until("new evidence", |_| {
        host.facts("gate-opened").len() == 2 || host.run().join("gates/8-2.json").exists()
    });
    let read = |nth: u32| -> Value {
        serde_json::from_slice(&std::fs::read(host.run().join(format!("gates/8-{nth}.json"))).unwrap())
            .unwrap()
    };
    console.wait_until("the second evidence in the journal", |_| host.facts("gate-opened").len() == 2);
    let (first, second) = (read(1), read(2));
    let at = |evidence: &Value, nth: usize| evidence["checks"][nth]["at"].clone();
    assert_eq!((&first["at"], &first["seal"]), (&second["at"], &second["seal"]));
    assert_ne!(at(&first, 0), at(&second, 0), "the chosen check looked again");
    assert_eq!(at(&first, 1), at(&second, 1), "and no other did");
    assert_eq!(first["findings"], second["findings"]);
    // New evidence takes no key for its first half second.
    console.rest();
    console.rest();
    console.keys("q");
    assert!(console.left().success());
}
