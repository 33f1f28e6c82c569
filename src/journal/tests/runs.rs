//! The store: naming runs, finding them, and keeping them from other users.

use super::*;

#[test]
fn runs_of_one_second_have_different_names() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let made: Vec<RunId> =
        (0..4).map(|_| store.create(&plan(), "catalog", at(1_800_000_000)).unwrap().id().clone()).collect();
    let mut different = made.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 4);
    assert_eq!(store.runs(), made.iter().rev().cloned().collect::<Vec<_>>(), "newest first");
    assert!(made.iter().all(|run| run.as_str().starts_with("20270115T080000Z-")), "{made:?}");
}

#[test]
fn a_run_is_found_by_its_name_a_beginning_or_as_the_latest() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert!(matches!(store.find("latest"), Err(JournalError::NoSuchRun { .. })));
    let first = store.create(&plan(), "", at(1_800_000_000)).unwrap();
    let second = store.create(&plan(), "", at(1_800_000_060)).unwrap();
    let third = store.create(&plan(), "", at(1_800_000_060)).unwrap();
    assert_eq!(store.find("latest").unwrap(), third);
    assert_eq!(store.find(second.id().as_str()).unwrap(), second, "a whole name, though another begins so");
    assert_eq!(store.find("20270115T080000").unwrap(), first);
    let several = store.find("20270115T0801").unwrap_err().to_string();
    assert!(several.contains(second.id().as_str()) && several.contains(third.id().as_str()), "{several}");
    let close = first.id().as_str().replace("8-9", "8-8");
    let typo = store.find(&close).unwrap_err().to_string();
    assert!(typo.contains("there is no run") && typo.contains("did you mean"), "{typo}");
    assert!(store.find("").is_err(), "nothing names no run");
    assert!(store.find("../runs").is_err());
}

#[test]
fn one_broken_run_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let good = store.create(&plan(), "", at(1_800_000_000)).unwrap();
    for name in ["empty-run", "not a name", ".hidden"] {
        fs::create_dir(folder.path().join("runs").join(name)).unwrap();
    }
    fs::write(folder.path().join("runs").join("a-file"), "").unwrap();
    assert_eq!(store.runs(), ["empty-run".parse().unwrap(), good.id().clone()]);
    assert!(matches!(store.find("empty-run").unwrap().load(), Err(JournalError::BadPlan { .. })));
    assert_eq!(good.load().unwrap().plan, plan());
    let text = fs::read_to_string(good.file("plan.json")).unwrap();
    fs::write(good.file("plan.json"), text.replace("sign.sh", "else.sh")).unwrap();
    let changed = good.plan().unwrap_err().to_string();
    assert!(changed.contains("does not fit its digest"), "{changed}");
}

#[test]
fn what_is_kept_is_only_for_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("state")).unwrap();
    let run = store.create(&plan(), "", at(0)).unwrap();
    write_all(&run.journal(), &[Event::RunEnded {}]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(store.root()), 0o700);
    assert_eq!((mode(run.path()), mode(&run.journal()), mode(&run.file("plan.json"))), (0o700, 0o600, 0o600));
}

#[test]
fn a_state_folder_that_others_could_read_is_closed_and_that_is_said() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("state");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(Store::open(&root).unwrap().closed(), None);
    assert_eq!((mode(&root), mode(&root.join("runs")), mode(&root.join("locks"))), (0o700, 0o700, 0o700));
    set(&root, 0o755);
    set(&root.join("runs"), 0o755);
    let said = Store::open(&root).unwrap().closed().unwrap();
    assert!(said.starts_with("others could look into the raw logs of runs until now; closed"), "{said}");
    assert!(said.ends_with("/state/runs"), "{said}");
    assert_eq!(
        (mode(&root), mode(&root.join("runs"))),
        (0o755, 0o700),
        "the folder around it is left as it is"
    );
    assert_eq!(Store::open(&root).unwrap().closed(), None);
}
