//! Links that move: a step runs with the compose that was pinned, or not at all.

use crate::support::{Host, word};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

const SYNC: [&str; 7] = ["run", "--release", "8", "--compose", "none", "--sync", "Rocky"];
const BOTH: [&str; 7] = ["run", "--release", "8", "--compose", "Rocky", "--sync", "Rocky"];

pub(crate) fn link(host: &Host) -> PathBuf {
    host.at("mnt/compose/8/latest-Rocky-8")
}

pub(crate) fn named(host: &Host) -> String {
    fs::read_link(link(host)).unwrap().to_str().unwrap().to_owned()
}

/// Sets the link of Rocky, as pungi does: remove, then make.
pub(crate) fn set(host: &Host, target: &str) {
    fs::remove_file(link(host)).unwrap();
    symlink(target, link(host)).unwrap();
}

/// A finished compose of Rocky that the link does not name: what a pungi of somebody else leaves.
pub(crate) fn another(host: &Host) -> String {
    let id = format!("{}9", named(host));
    let folder = host.at("mnt/compose/8").join(&id);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("COMPOSE_ID"), &id).unwrap();
    fs::write(folder.join("STATUS"), "FINISHED\n").unwrap();
    id
}

/// The reason of the step's last conclusion or refusal, as its own first blocking finding has it.
fn refused(host: &Host, step: &str) -> String {
    let is = |event: &Value| event["event"] == "step-refused" && event["step"] == step;
    let event = host.journal().into_iter().rfind(is).unwrap();
    word(&event["findings"][0]["message"])
}

#[test]
fn a_link_that_moves_between_two_steps_stops_the_lane_with_both_composes() {
    let host = Host::new(&["step-fails@8/prep"]);
    host.run(&SYNC).exits(1).says("8/prep");
    let (planned, newer) = (named(&host), another(&host));
    set(&host, &newer);
    // Prep copies nothing of the compose, but takes its comps through the same link (incidents R11).
    let told = format!("latest-Rocky-8: was {planned} when this was planned and is now {newer}");
    host.run(&["retry", "latest", "8/prep"]).exits(1).says("not started").says(&told);
    host.run(&["retry", "latest", "8/sync/Rocky"]).exits(1).says("not started").says(&told);
    assert_eq!(host.state("8/prep"), "failed");
    // Set back, it counts no more.
    set(&host, &planned);
    host.run(&["retry", "latest", "8/sync/Rocky"]).exits(3);
    let used = host.journal();
    let prep = used.iter().rfind(|event| event["event"] == "step-starting" && event["step"] == "8/prep");
    assert_eq!(prep.unwrap()["composes"]["Rocky"], planned);
}

#[test]
fn a_link_that_leads_to_no_compose_stops_the_lane_and_names_the_pinned_one() {
    let host = Host::new(&["step-fails"]);
    host.run(&SYNC).exits(1);
    let planned = named(&host);
    let stopped = |told: &str| {
        host.run(&["retry", "latest", "8/sync/Rocky"]).exits(1).says("not started");
        let said = refused(&host, "8/sync/Rocky");
        assert_eq!(said, format!("was {planned} when this was planned and {told}"));
    };
    set(&host, "Rocky-8-updates-20990101.0");
    stopped("leads to Rocky-8-updates-20990101.0 now, which is not there");
    let newer = another_of(&host, &planned);
    fs::write(host.at("mnt/compose/8").join(&newer).join("COMPOSE_ID"), "Rocky-8-updates-20990101.7")
        .unwrap();
    set(&host, &newer);
    stopped(&format!("leads to {newer} now: its COMPOSE_ID says Rocky-8-updates-20990101.7"));
    fs::remove_file(link(&host)).unwrap();
    stopped("is not there now");
    fs::create_dir(link(&host)).unwrap();
    stopped("is a folder now, not a link; pungi cannot set the link, and a sync copies nothing");
    fs::remove_dir(link(&host)).unwrap();
    // A link to a link: what it comes to in the end counts.
    symlink(&planned, host.at("mnt/compose/8/blessed")).unwrap();
    symlink("blessed", link(&host)).unwrap();
    host.run(&["retry", "latest", "8/sync/Rocky"]).exits(3);
}

fn another_of(host: &Host, id: &str) -> String {
    set(host, id);
    another(host)
}

#[test]
fn a_compose_of_the_run_is_pinned_by_what_it_made_and_a_retried_one_pins_anew() {
    let host = Host::new(&["step-fails"]);
    host.run(&BOTH).exits(1).says("8/sync/Rocky");
    let made = named(&host);
    let newer = another(&host);
    set(&host, &newer);
    let told = format!("latest-Rocky-8: was {made} when 8/compose/Rocky made it and is now {newer}");
    host.run(&["retry", "latest", "8/sync/Rocky"]).exits(1).says(&told);
    // The run's own compose moves the link, and that is no surprise.
    host.run(&["retry", "latest", "8/compose/Rocky"]).exits(3);
    let again = named(&host);
    assert!(again != made && again != newer, "{again}");
    let journal = host.journal();
    let pinned: Vec<_> = journal.iter().filter(|event| event["event"] == "compose-pinned").collect();
    assert_eq!((pinned.len(), word(&pinned[1]["compose"])), (2, again.clone()));
    let retried =
        journal.iter().find(|event| event["event"] == "step-retried" && event["step"] == "8/compose/Rocky");
    let stale = retried.unwrap()["stale"].to_string();
    for step in ["8/sync/Rocky", "8/prep", "8/errata", "8/sign", "8/gate", "8/publish"] {
        assert!(stale.contains(&format!("\"{step}\"")), "{step} is stale: {stale}");
    }
    let used = journal.iter().rfind(|e| e["event"] == "step-starting" && e["step"] == "8/sync/Rocky");
    assert_eq!(used.unwrap()["composes"]["Rocky"], again);
}
