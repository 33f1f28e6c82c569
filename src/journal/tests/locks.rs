//! Locks: one holder at a time, whom others are told.

use super::*;

fn holder(run: &str) -> Holder {
    Holder { run: run.parse().unwrap(), by: person("lena", 1001), since: at(0), pid: 42, step: None }
}

fn take(path: &Path, holder: &Holder) -> Result<Attempt, JournalError> {
    super::super::lock::take(path, holder, Elsewhere::Respect)
}

#[test]
fn the_second_taker_is_told_who_has_a_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("8");
    assert!(!is_held(&path), "a lock that is not there is free");
    let Attempt::Held(held) = take(&path, &holder("first")).unwrap() else { panic!("it was free") };
    assert!(is_held(&path));
    let Attempt::Busy(Some(owner)) = take(&path, &holder("second")).unwrap() else { panic!("it was taken") };
    assert_eq!(owner, holder("first"));
    assert!(owner.to_string().contains("lena (as root) on compose01, run first"), "{owner}");
    drop(held);
    assert!(!is_held(&path));
    let Attempt::Held(_again) = take(&path, &holder("x")).unwrap() else { panic!("it was freed") };
    assert_eq!(
        fs::read(&path).unwrap(),
        serde_json::to_vec(&holder("x")).unwrap(),
        "nothing of a longer name is left"
    );
}

/// Looking whether a run lives must never keep its supervisor from beginning.
#[test]
fn who_looks_at_a_lock_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    drop(take(&path, &holder("first")).unwrap());
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    is_held(&path);
                }
            });
        }
        let busy = (0..300).filter(|_| matches!(take(&path, &holder("x")), Ok(Attempt::Busy(_)))).count();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(busy, 0, "of 300");
    });
}

#[test]
fn a_lock_with_a_damaged_holder_is_a_lock_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("8");
    let Attempt::Held(_held) = take(&path, &holder("first")).unwrap() else { panic!("it was free") };
    fs::write(&path, b"\xff\x00 not json").unwrap();
    assert!(matches!(take(&path, &holder("second")).unwrap(), Attempt::Busy(None)));
}
