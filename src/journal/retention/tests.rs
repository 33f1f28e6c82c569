//! Every rule of retention, with folders that break it, and removals that are broken off or race.

use super::*;
use crate::domain::fixture::{at, person, plan, starting};
use crate::domain::outcome::Outcome;
use crate::domain::run::{Event, Place};
use crate::journal::audit::Audit;
use crate::journal::writer::Writer;
use std::os::unix::fs::symlink;

const ALL: Rules = Rules { keep: 0, before: None };

struct House {
    folder: tempfile::TempDir,
    store: Store,
}

fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    House { folder, store }
}

fn holder(id: &RunId) -> Holder {
    Holder { run: id.clone(), by: person("lena", 1001), since: at(0), pid: 1, step: None }
}

/// Makes a run of `second` whose first step came to `outcome`, that is over or not.
fn run(store: &Store, second: i64, outcome: Outcome, ended: bool) -> RunDir {
    let plan = plan();
    let dir = store.create(&plan, "", at(1_800_000_000 + second)).unwrap();
    let mut writer = Writer::open(&dir.journal()).unwrap();
    let mut say = |event: Event| writer.append(at(1_800_000_000 + second), &event).unwrap();
    let by = person("lena", 1001);
    say(Event::RunCreated {
        run: dir.id().clone(),
        plan: plan.digest.clone(),
        by,
        version: "1".to_owned(),
        catalog: None,
    });
    for step in plan.steps.iter().take(if outcome == Outcome::Succeeded { plan.steps.len() } else { 1 }) {
        let outcome = if step.is_gate() { continue } else { outcome };
        let reason = String::new();
        say(Event::StepConcluded { step: step.id.clone(), outcome, reason, findings: Vec::new() });
    }
    if ended {
        say(Event::RunEnded {});
    }
    dir
}

/// Writes the report that belongs to the journal as it is now.
fn report(dir: &RunDir) {
    let head = Audit::of(dir).unwrap().head;
    let text = serde_json::json!({ "journal": { "head": head } }).to_string();
    dir.write("report.json", text.as_bytes()).unwrap();
    dir.write("report.md", b"# report").unwrap();
}

/// Makes a run that may go.
fn old(store: &Store, second: i64) -> RunDir {
    let dir = run(store, second, Outcome::Failed, true);
    report(&dir);
    dir
}

fn names(survey: &Survey) -> Vec<&RunId> {
    survey.old.iter().map(|old| &old.id).collect()
}

/// Returns why the run in `dir` stays; it must be the only thing there.
#[track_caller]
fn kept(store: &Store, dir: &RunDir) -> Reason {
    let survey = survey(store, &ALL).unwrap();
    assert_eq!(names(&survey), Vec::<&RunId>::new());
    assert_eq!(survey.kept.len(), 1, "{survey:?}");
    assert_eq!(survey.kept[0].name, dir.id().as_str());
    // What is not listed is not removed either, whoever asks for it.
    assert!(remove(store, dir.id(), &ALL, &holder(dir.id())).unwrap().is_err());
    assert!(dir.journal().exists());
    survey.kept[0].reason.clone()
}

#[test]
fn a_run_that_is_over_and_reported_goes_with_all_its_files() {
    let House { folder, store } = house();
    let dir = old(&store, 0);
    dir.write("steps/01-8-prep.log", &[0; 1000]).unwrap();
    dir.write("steps/01-8-prep.joblog", b"").unwrap();
    fs::write(dir.file("journal.torn-3"), "{").unwrap();
    let found = survey(&store, &ALL).unwrap();
    assert_eq!(names(&found), [dir.id()]);
    let old = &found.old[0];
    assert!(old.state == RunVerdict::Failed && old.bytes > 1000, "{old:?}");
    assert_eq!(remove(&store, dir.id(), &ALL, &holder(dir.id())).unwrap().unwrap().id, *dir.id());
    assert_eq!(fs::read_dir(folder.path().join("runs")).unwrap().count(), 0);
    assert!(
        matches!(remove(&store, dir.id(), &ALL, &holder(dir.id())), Ok(Err(Reason::Foreign { .. }))),
        "it is gone"
    );
}

#[test]
fn the_newest_and_the_young_stay() {
    let House { store, folder: _folder } = house();
    let dirs: Vec<RunDir> = (0..4).map(|n| old(&store, n * 1000)).collect();
    let two = survey(&store, &Rules { keep: 2, before: None }).unwrap();
    assert_eq!(names(&two), [dirs[1].id(), dirs[0].id()]);
    assert!(two.kept.iter().all(|kept| kept.reason == Reason::Newest));
    let young = survey(&store, &Rules { keep: 0, before: Some(at(1_800_001_000)) }).unwrap();
    assert_eq!(names(&young), [dirs[0].id()], "what came to rest at that very moment is not older");
    assert!(young.kept.iter().all(|kept| kept.reason == Reason::Young));
    // A rule that held when it was listed counts when it is removed too.
    let rules = Rules { keep: 0, before: Some(at(1_800_000_000)) };
    assert_eq!(remove(&store, dirs[0].id(), &rules, &holder(dirs[0].id())).unwrap(), Err(Reason::Young));
}

#[test]
fn a_run_that_lives_stays() {
    let House { store, folder: _folder } = house();
    let dir = old(&store, 0);
    let lock::Attempt::Held(held) = lock::take(&dir.lock(), &holder(dir.id()), Elsewhere::Respect).unwrap()
    else {
        panic!()
    };
    assert_eq!(kept(&store, &dir), Reason::Alive);
    drop(held);
    assert_eq!(names(&survey(&store, &ALL).unwrap()), [dir.id()]);
}

#[test]
fn a_run_that_was_resumed_while_it_was_looked_at_stays() {
    let House { store, folder: _folder } = house();
    let dir = old(&store, 0);
    assert_eq!(names(&survey(&store, &ALL).unwrap()), [dir.id()]);
    // A supervisor has come and gone between the look and the removal.
    let retried = Event::StepRetried {
        step: "8/prep".parse().unwrap(),
        reason: String::new(),
        by: person("lena", 1001),
        stale: Vec::new(),
    };
    Writer::open(&dir.journal()).unwrap().append(at(1), &retried).unwrap();
    let stays = remove(&store, dir.id(), &ALL, &holder(dir.id())).unwrap();
    assert!(matches!(stays, Err(Reason::Unfinished { .. })), "{stays:?}");
}

#[test]
fn an_unfinished_run_stays() {
    let House { store, folder: _folder } = house();
    let dir = run(&store, 0, Outcome::Failed, false);
    report(&dir);
    assert!(matches!(kept(&store, &dir), Reason::Unfinished { .. }));
}

/// The failure of one lane is the verdict on all of them, and says nothing of what was cut off in another.
#[test]
fn a_failed_run_with_an_interrupted_step_stays() {
    let House { store, folder: _folder } = house();
    let dir = run(&store, 0, Outcome::Failed, false);
    let mut writer = Writer::open(&dir.journal()).unwrap();
    let starting = starting("9/prep", 1, "");
    let place = Place::default();
    for event in [starting, Event::SupervisorStarted { pid: 1, start_time: 1, place }, Event::RunEnded {}] {
        writer.append(at(1_800_000_000), &event).unwrap();
    }
    report(&dir);
    assert_eq!(dir.load().unwrap().verdict(false), RunVerdict::Failed);
    assert_eq!(kept(&store, &dir), Reason::Unfinished { state: RunVerdict::Interrupted });
    // Whoever has the lane now goes on with it.
    let given = Event::LaneGivenUp {
        release: "9".parse().unwrap(),
        by: person("lena", 1001),
        reason: String::new(),
        to: "20270101T000000Z-8-update".parse().unwrap(),
    };
    for event in [given, Event::RunEnded {}] {
        writer.append(at(1_800_000_001), &event).unwrap();
    }
    report(&dir);
    assert_eq!(names(&survey(&store, &ALL).unwrap()), [dir.id()]);
}

#[test]
fn a_run_whose_report_is_missing_or_old_stays() {
    let House { store, folder: _folder } = house();
    let dir = run(&store, 0, Outcome::Failed, true);
    assert_eq!(kept(&store, &dir), Reason::Unreported);
    fs::write(dir.file("report.json"), "{").unwrap();
    assert_eq!(kept(&store, &dir), Reason::Unreported);
    report(&dir);
    Writer::open(&dir.journal()).unwrap().append(at(9), &Event::RunEnded {}).unwrap();
    assert_eq!(kept(&store, &dir), Reason::Unreported);
    report(&dir);
    assert_eq!(names(&survey(&store, &ALL).unwrap()), [dir.id()]);
}

#[test]
fn a_report_of_an_older_version_counts_if_it_is_of_the_last_moment() {
    let House { store, folder: _folder } = house();
    let dir = run(&store, 0, Outcome::Failed, true);
    let ended = |second: i64| format!("{{\"ended\":\"{}\"}}", at(1_800_000_000 + second));
    fs::write(dir.file("report.json"), ended(-1)).unwrap();
    assert_eq!(kept(&store, &dir), Reason::Unreported);
    fs::write(dir.file("report.json"), ended(0)).unwrap();
    assert_eq!(names(&survey(&store, &ALL).unwrap()), [dir.id()]);
}

#[test]
fn a_damaged_run_stays_as_evidence() {
    let House { store, folder: _folder } = house();
    let dir = old(&store, 0);
    let bytes = fs::read(dir.journal()).unwrap();
    fs::write(dir.journal(), &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(kept(&store, &dir), Reason::Damaged { problem } if problem.contains("it was cut")));
    fs::write(dir.journal(), &bytes).unwrap();
    fs::write(dir.file("plan.json"), "{}").unwrap();
    assert!(matches!(kept(&store, &dir), Reason::Damaged { .. }));
}

#[test]
fn what_is_not_the_runs_stays_with_the_run() {
    let House { store, folder } = house();
    let outside = folder.path().join("outside");
    fs::write(&outside, "precious").unwrap();
    let dir = old(&store, 0);
    for (file, make) in [
        ("notes.txt", (|path| fs::write(path, "mine").unwrap()) as fn(&Path)),
        ("steps/core.1234", |path| fs::write(path, "").unwrap()),
        ("steps/more", |path| fs::create_dir(path).unwrap()),
        ("gates/8-9.json", |path| symlink("../../../outside", path).unwrap()),
        ("supervisor.log", |path| symlink("../../outside", path).unwrap()),
    ] {
        let path = dir.file(file);
        make(&path);
        let reason = kept(&store, &dir);
        assert!(matches!(&reason, Reason::Foreign { what } if what.contains(file)), "{file}: {reason:?}");
        let _none = fs::remove_dir(&path).or_else(|_| fs::remove_file(&path));
    }
    assert_eq!(fs::read_to_string(&outside).unwrap(), "precious");
    assert_eq!(names(&survey(&store, &ALL).unwrap()), [dir.id()]);
}

#[test]
fn what_is_no_run_stays() {
    let House { store, folder } = house();
    let runs = folder.path().join("runs");
    fs::write(runs.join("20260101T000000Z-8-update"), "a file").unwrap();
    fs::create_dir(runs.join("20260102T000000Z-8-update")).unwrap();
    symlink(folder.path(), runs.join("20260103T000000Z-8-update")).unwrap();
    symlink(folder.path(), runs.join(".pruned-20260104T000000Z-8-update")).unwrap();
    fs::create_dir(runs.join("lost and found")).unwrap();
    fs::create_dir(runs.join(".pruned-lost and found")).unwrap();
    let found = survey(&store, &ALL).unwrap();
    assert_eq!(names(&found), Vec::<&RunId>::new());
    assert_eq!((found.kept.len(), found.leftovers.len()), (6, 0), "{found:?}");
    for name in ["20260101T000000Z-8-update", "20260102T000000Z-8-update", "20260103T000000Z-8-update"] {
        let id = name.parse().unwrap();
        assert!(!matches!(remove(&store, &id, &ALL, &holder(&id)), Ok(Ok(_))), "{name}");
        assert!(runs.join(name).symlink_metadata().is_ok());
    }
}

/// A kill between the rename and the end of the deletion leaves nothing that looks like a run.
#[test]
fn a_removal_that_was_broken_off_is_finished_by_the_next() {
    let House { store, folder } = house();
    let dir = old(&store, 0);
    let aside = folder.path().join("runs").join(format!(".pruned-{}", dir.id()));
    fs::rename(dir.path(), &aside).unwrap();
    fs::remove_file(aside.join("plan.json")).unwrap();
    assert_eq!(store.runs(), Vec::<RunId>::new());
    let found = survey(&store, &ALL).unwrap();
    assert_eq!((names(&found).len(), &found.kept, &found.leftovers), (0, &Vec::new(), &vec![aside.clone()]));
    finish(&aside).unwrap();
    finish(&aside).unwrap();
    assert!(!aside.exists());
}

#[test]
fn two_removals_at_once_remove_each_run_once() {
    let House { store, folder } = house();
    let ids: Vec<RunId> = (0..8).map(|n| old(&store, n).id().clone()).collect();
    let removed = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for id in &ids {
                    if let Ok(old) = remove(&store, id, &ALL, &holder(id)).unwrap() {
                        removed.lock().unwrap().push(old.id);
                    }
                }
            });
        }
    });
    let mut removed = removed.into_inner().unwrap();
    removed.sort();
    assert_eq!(removed, ids);
    assert_eq!(fs::read_dir(folder.path().join("runs")).unwrap().count(), 0);
}

/// A supervisor that waits for the lock of a run that is removed must not take the lock of what was moved away.
#[test]
fn a_lock_that_was_moved_away_is_not_held() {
    let House { store, folder } = house();
    let dir = old(&store, 0);
    let lock::Attempt::Held(held) = lock::take(&dir.lock(), &holder(dir.id()), Elsewhere::Respect).unwrap()
    else {
        panic!()
    };
    fs::rename(dir.path(), folder.path().join("runs/aside")).unwrap();
    assert!(
        lock::take(&dir.lock(), &holder(dir.id()), Elsewhere::Respect).is_err(),
        "there is nothing to lock any more"
    );
    assert!(!dir.path().exists(), "and nothing is made again");
    drop(held);
}
