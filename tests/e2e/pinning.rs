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
    let now = named(host);
    let (day, respin) = now.rsplit_once('.').unwrap();
    let id = format!("{day}.{}", respin.parse::<u32>().unwrap() + 9);
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

#[test]
fn what_is_left_of_a_run_is_planned_anew_and_the_old_run_is_over() {
    let host = Host::new(&["step-fails@8/prep"]);
    host.run(&["run", "--release", "8", "--compose", "Rocky", "--sync", "Rocky,Extras"])
        .exits(1)
        .says("8/prep");
    let first = word(&host.latest()["id"]);
    let (copied, newer) = (named(&host), another(&host));
    // The newer compose is as good as the one that was copied.
    for entry in ["compose", "work", "metadata"] {
        let from = host.at("mnt/compose/8").join(&copied).join(entry);
        if from.exists() {
            copy_as(&from, &host.at("mnt/compose/8").join(&newer).join(entry), (&copied, &newer));
        }
    }
    set(&host, &newer);
    let stopped = host.run(&["retry", "latest", "8/prep"]).exits(1);
    assert!(stopped.out.contains(&format!("--from-run {first}")), "the way on is offered: {}", stopped.out);
    host.run(&["plan", "--from-run", &first, "--release", "8"]).exits(2);
    let plan = host.json(&["plan", "--from-run", &first]);
    let steps: Vec<String> = plan["steps"].as_array().unwrap().iter().map(|step| word(&step["id"])).collect();
    let wanted = ["8/sync/Rocky", "8/prep", "8/errata", "8/sign", "8/gate", "8/publish", "shared/filelists"];
    assert_eq!(steps, wanted, "Extras is done, and so is the compose");
    host.run(&["plan", "--from-run", &first]).exits(0).says(&format!("with {newer}"));

    let ran = host.run(&["run", "--from-run", &first, "--reason", "Rocky moved on"]);
    let second = word(&host.latest()["id"]);
    assert_ne!(first, second, "{}\n{}", ran.out, ran.err);
    assert!(ran.out.contains("release 8 was taken over from root on"), "{}", ran.out);
    let used = host.journal();
    let sync = used.iter().find(|event| event["event"] == "step-starting").unwrap();
    assert_eq!((word(&sync["step"]), word(&sync["composes"]["Rocky"])), ("8/sync/Rocky".to_owned(), newer));
    let runs = host.json(&["runs"]);
    assert_eq!((word(&runs[1]["id"]), word(&runs[1]["state"])), (first.clone(), "cancelled".to_owned()));
    let given = word(&runs[1]["given_up"]["8"]);
    assert!(
        given.starts_with(&format!("given up to run {second} by root on"))
            && given.ends_with("Rocky moved on"),
        "{given}"
    );
    // It is planned anew once.
    host.run(&["plan", "--from-run", &first]).exits(2).says("nothing of run").says(&second);
    host.run(&["retry", &first, "8/prep"]).exits(1).says("go on there");
}

/// Makes `to` hold what `from` holds, its composeinfo under another id.
fn copy_as(from: &std::path::Path, to: &std::path::Path, (old, new): (&str, &str)) {
    for entry in walkdir::WalkDir::new(from).into_iter().map(Result::unwrap) {
        let place = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(place).unwrap();
        } else if entry.file_name() == "composeinfo.json" {
            let text = fs::read_to_string(entry.path()).unwrap();
            let respin = |id: &str| id.rsplit_once('.').unwrap().1.to_owned();
            let text = text.replace(old, new);
            let (was, is) = (respin(old), respin(new));
            fs::write(place, text.replace(&format!("\"respin\": {was}"), &format!("\"respin\": {is}")))
                .unwrap();
        } else {
            fs::hard_link(entry.path(), place).unwrap();
        }
    }
}
