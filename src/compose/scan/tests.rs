//! Tests of the scan.

use super::*;
use crate::compose::fixture::Host;
use crate::domain::status::ComposeStatus as S;
use rustix::fs::{FileType, Mode};
use std::os::unix::fs::symlink;

fn scanned(host: &Host, repos: &[&str]) -> Scan {
    scan(&host.release(repos), Timestamp::now()).unwrap()
}

fn ids(composes: &[ComposeSummary]) -> Vec<String> {
    composes.iter().map(|compose| compose.id.to_string()).collect()
}

#[test]
fn history_is_newest_first_by_date_and_numeric_respin() {
    let host = Host::new();
    for id in [
        "Rocky-8-updates-20210721.9",
        "Rocky-8.5-20210720.0",
        "Rocky-8-updates-20210721.10",
        "Rocky-8.6-20210722.n.2",
    ] {
        host.compose(id, "FINISHED", &[]);
    }
    for other in [
        "Rocky-devel-8-updates-20210721.0",
        "Rocky-9-updates-20210721.0",
        "Rocky-8",
        "Rocky-8-updates-20210799",
        "junk",
    ] {
        std::fs::create_dir(host.composes().join(other)).unwrap();
    }
    std::fs::write(host.composes().join("Rocky-8-updates-20210730.0"), "a file").unwrap();
    symlink("Rocky-8.5-20210720.0", host.composes().join("Rocky-8-updates-20210731.0")).unwrap();
    host.link("Rocky", "Rocky-8-updates-20210721.10");
    let scan = scanned(&host, &["Rocky", "Rocky-devel", "NFV"]);
    let rocky = &scan.repos[0];
    assert_eq!(
        ids(&rocky.history),
        [
            "Rocky-8.6-20210722.n.2",
            "Rocky-8-updates-20210721.10",
            "Rocky-8-updates-20210721.9",
            "Rocky-8.5-20210720.0",
        ]
    );
    assert_eq!(rocky.latest.compose().unwrap().id.to_string(), "Rocky-8-updates-20210721.10");
    assert_eq!(ids(&scan.repos[1].history), ["Rocky-devel-8-updates-20210721.0"]);
    assert_eq!(scan.repos[1].history[0].status, ComposeStatus::None);
    assert!(scan.repos[2].history.is_empty());
    assert_eq!(scan.repos[2].latest, LatestLink::Missing);
}

#[test]
fn only_the_newest_are_opened_and_the_one_that_the_link_names() {
    let host = Host::new();
    for respin in 0..HISTORY + 15 {
        host.compose(&format!("Rocky-8-updates-20210721.{respin}"), "FINISHED", &[]);
    }
    host.link("Rocky", "Rocky-8-updates-20210721.1");
    let rocky = scanned(&host, &["Rocky"]).repos.remove(0);
    assert_eq!(rocky.all.len(), HISTORY + 15);
    assert_eq!(rocky.history.len(), HISTORY + 1);
    assert_eq!(rocky.history.last().unwrap().id.respin(), 1);
}

#[test]
fn every_state_of_a_link_is_told() {
    let host = Host::new();
    host.compose("Rocky-8-updates-20210721.1", "FINISHED", &[]);
    let link = |target: &str| {
        host.link("Rocky", target);
        scanned(&host, &["Rocky"]).repos.remove(0).latest
    };
    symlink("Rocky-8-updates-20210721.1", host.composes().join("hop")).unwrap();
    for good in ["Rocky-8-updates-20210721.1", "./Rocky-8-updates-20210721.1/", "hop"] {
        assert!(link(good).compose().is_some(), "{good}");
    }
    let absolute = host.composes().join("Rocky-8-updates-20210721.1");
    assert!(link(absolute.to_str().unwrap()).compose().is_some());
    let dangling = LatestLink::Dangling { target: "Rocky-8-updates-20210722.0".to_owned() };
    assert_eq!(link("Rocky-8-updates-20210722.0"), dangling);

    host.compose("NFV-8-updates-20210721.0", "FINISHED", &[]);
    host.compose("Rocky-9-updates-20210721.0", "FINISHED", &[]);
    std::fs::create_dir_all(host.path("elsewhere/Rocky-8-updates-20210721.1")).unwrap();
    std::fs::create_dir(host.composes().join("stuff")).unwrap();
    std::fs::write(host.composes().join("file"), "").unwrap();
    symlink("round", host.composes().join("round")).unwrap();
    host.compose("Rocky-8-updates-20210721.2", "FINISHED", &[]);
    std::fs::write(host.composes().join("Rocky-8-updates-20210721.2/COMPOSE_ID"), "Rocky-8-\x1b[31m")
        .unwrap();
    host.compose("Rocky-8-updates-20210721.3", "FINISHED", &[]);
    std::fs::remove_file(host.composes().join("Rocky-8-updates-20210721.3/COMPOSE_ID")).unwrap();
    for (target, part) in [
        ("NFV-8-updates-20210721.0", "a compose of NFV 8, not of Rocky 8"),
        ("Rocky-9-updates-20210721.0", "a compose of Rocky 9"),
        ("../../elsewhere/Rocky-8-updates-20210721.1", "outside"),
        ("stuff", "no compose id"),
        ("file", "not a folder"),
        ("round", "a circle"),
        ("Rocky-8-updates-20210721.2", "COMPOSE_ID says Rocky-8-\u{fffd}[31m"),
        ("Rocky-8-updates-20210721.3", "COMPOSE_ID could not be read: missing"),
    ] {
        let LatestLink::Foreign { problem, .. } = link(target) else { panic!("{target}") };
        assert!(problem.contains(part), "{target}: {problem}");
    }

    let place = host.composes().join("latest-Rocky-8");
    std::fs::remove_file(&place).unwrap();
    assert_eq!(scanned(&host, &["Rocky"]).repos[0].latest, LatestLink::Missing);
    std::fs::create_dir(&place).unwrap();
    assert_eq!(scanned(&host, &["Rocky"]).repos[0].latest, LatestLink::RealDirectory);
    std::fs::remove_dir(&place).unwrap();
    std::fs::write(&place, "").unwrap();
    assert!(matches!(scanned(&host, &["Rocky"]).repos[0].latest, LatestLink::Foreign { .. }));
}

#[test]
fn every_status_and_nonsense_in_its_place() {
    let host = Host::new();
    let words = [
        "STARTED",
        "FINISHED",
        "FINISHED_INCOMPLETE",
        "DOOMED",
        "TERMINATED",
        "",
        "PERHAPS",
        "x".repeat(100).leak(),
    ];
    for (at, word) in words.iter().enumerate() {
        host.compose(&format!("Rocky-8-updates-20210721.{}", 90 - at), word, &[]);
    }
    let fifo = host.composes().join("Rocky-8-updates-20210721.10");
    std::fs::create_dir(&fifo).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, fifo.join("STATUS"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
        .unwrap();
    let rocky = scanned(&host, &["Rocky"]).repos.remove(0);
    let statuses: Vec<ComposeStatus> = rocky.history.iter().map(|compose| compose.status).collect();
    assert_eq!(
        statuses,
        [
            S::Started,
            S::Finished,
            S::FinishedIncomplete,
            S::Doomed,
            S::Terminated,
            S::None,
            S::Unknown,
            S::Unknown,
            S::Unknown,
        ]
    );
}

#[test]
fn a_doomed_compose_that_is_newer_than_the_latest_is_told() {
    let host = Host::new();
    host.compose("Rocky-8-updates-20210721.1", "FINISHED", &[]);
    host.link("Rocky", "Rocky-8-updates-20210721.1");
    assert!(scanned(&host, &["Rocky"]).repos[0].newer_unfinished().is_none());
    host.compose("Rocky-8-updates-20210720.4", "DOOMED", &[]);
    assert!(scanned(&host, &["Rocky"]).repos[0].newer_unfinished().is_none(), "it is older");
    host.compose("Rocky-8-updates-20210722.0", "DOOMED", &[]);
    let newer = |scan: Scan| scan.repos[0].newer_unfinished().unwrap().clone();
    assert_eq!(newer(scanned(&host, &["Rocky"])).status, ComposeStatus::Doomed);
    // Left for ever by a pungi that was killed.
    host.compose("Rocky-8-updates-20210722.10", "STARTED", &[]);
    let found = newer(scanned(&host, &["Rocky"]));
    assert_eq!((found.status, found.id.respin()), (ComposeStatus::Started, 10));
}

#[test]
fn the_label_and_the_id_come_from_composeinfo() {
    let host = Host::new();
    let id = "Rocky-8.5-20210720.0";
    host.compose(id, "FINISHED", &[]);
    host.link("Rocky", id);
    let info =
        |id: &str| format!(r#"{{"payload":{{"compose":{{"id":"{id}","label":"RC-1.0","respin":0}}}}}}"#);
    let place = host.composes().join(id).join("compose/metadata/composeinfo.json");
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(&place, info(id)).unwrap();
    let latest = scanned(&host, &["Rocky"]).repos.remove(0).latest;
    assert_eq!(latest.compose().unwrap().label.as_deref(), Some("RC-1.0"));
    for bad in [info("Rocky-8.5-20210720.1"), "{".to_owned(), "[[[[".repeat(5000), "null".to_owned()] {
        std::fs::write(&place, bad).unwrap();
        let latest = scanned(&host, &["Rocky"]).repos.remove(0).latest;
        assert!(matches!(latest, LatestLink::Foreign { .. }), "{latest:?}");
    }
}

#[test]
fn a_copied_compose_is_as_old_as_its_files() {
    let host = Host::new();
    let id: ComposeId = "Rocky-8-updates-20210721.1".parse().unwrap();
    host.compose(&id.to_string(), "FINISHED", &[]);
    let day = day_of(&id).unwrap();
    let time = SystemTime::from(day) + std::time::Duration::from_hours(18);
    let status = std::fs::File::options()
        .write(true)
        .open(host.composes().join(id.to_string()).join("STATUS"))
        .unwrap();
    status.set_modified(time).unwrap();
    let now = day + jiff::SignedDuration::from_hours(42);
    let scan = scan(&host.release(&["Rocky"]), now).unwrap();
    let compose = &scan.repos[0].history[0];
    assert_eq!(compose.created, Timestamp::try_from(time).unwrap());
    assert_eq!(compose.age_s, 24 * 3600);
    // A time before the day in its name is a reset clock.
    status.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let scan = super::scan(&host.release(&["Rocky"]), now).unwrap();
    assert!(scan.repos[0].history[0].created > day);
}

#[test]
fn a_folder_that_is_not_there_is_an_error_that_names_it() {
    let host = Host::new();
    std::fs::remove_dir(host.composes()).unwrap();
    let error = scan(&host.release(&["Rocky"]), Timestamp::now()).unwrap_err();
    assert!(error.to_string().contains("compose/8"), "{error}");
}
