//! Journals that are cut, changed and written to; locks; finding runs.

use super::format::{FORMAT, GENESIS, line_hash};
use super::head::{self, Head, HeadRead};
use super::lock::{Attempt, Elsewhere, Holder, is_held};
use super::reader;
use super::reader::{Tail, read};
use super::store::Store;
use super::writer::Writer;
use super::*;
use crate::domain::fixture::{at, person, plan};
use crate::domain::name::RunId;
use crate::domain::outcome::Outcome;
use crate::domain::run::Event;
use proptest::prelude::*;
use std::fs;
use std::io::Write as _;
use std::path::Path;

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,30}", "[\\x00-\\x1f\"\\\\]{0,8}", "[\\u{80}-\\u{2fff}]{0,8}"]
}

fn any_event() -> impl Strategy<Value = Event> {
    let by = || person("lena", 1001);
    prop_oneof![
        any_text().prop_map(|reason| Event::StepConcluded {
            step: "8/prep".parse().unwrap(),
            outcome: Outcome::Suspect,
            reason,
            findings: Vec::new(),
        }),
        any_text().prop_map(move |reason| Event::HelmTaken { by: by(), from: by(), reason }),
        (any::<i32>(), any::<u64>()).prop_map(|(pid, start_time)| Event::SupervisorStarted {
            pid,
            start_time,
            place: crate::domain::run::Place::default()
        }),
        Just(Event::RunEnded {}),
    ]
}

fn write_all(path: &Path, events: &[Event]) {
    let mut writer = Writer::open(path).unwrap();
    for (second, event) in (0..).zip(events) {
        writer.append(at(second), event).unwrap();
    }
}

fn facts(path: &Path) -> Vec<Event> {
    let read = read(path).unwrap();
    assert_eq!(read.problem, None);
    read.records.into_iter().filter_map(|record| record.fact).collect()
}

/// Returns the first `count` records of a journal that was written once for all tests.
fn bytes_of(count: usize) -> Vec<u8> {
    static WRITTEN: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    lines(WRITTEN.get_or_init(|| written(8)))[..count].concat()
}

fn written(count: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let events: Vec<Event> = (0..count)
        .map(|n| Event::StepConcluded {
            step: "8/prep".parse().unwrap(),
            outcome: Outcome::Failed,
            reason: format!("reason {n}"),
            findings: Vec::new(),
        })
        .collect();
    write_all(&path, &events);
    fs::read(path).unwrap()
}

/// Reads `bytes` as a journal.
fn read_bytes(bytes: &[u8]) -> reader::ReadJournal {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    fs::write(&path, bytes).unwrap();
    read(&path).unwrap()
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(events in prop::collection::vec(any_event(), 0..12), cut in 0usize..12) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let cut = cut.min(events.len());
        write_all(&path, &events[..cut]);
        // A second writer goes on where the first stopped.
        write_all(&path, &events[cut..]);
        prop_assert_eq!(facts(&path), events.clone());
        let read = read(&path).unwrap();
        prop_assert!(read.records.iter().zip(1..).all(|(record, seq)| record.seq == seq));
        prop_assert_eq!(read.whole_bytes, fs::metadata(&path).unwrap().len());
        prop_assert!(read.torn.is_empty());
    }

    /// Every byte of every line is held by that line's digest, so a change stops the reader there; what is before it
    /// stays as it was.
    #[test]
    fn a_changed_byte_is_noticed(at in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut bytes = bytes_of(5);
        let at = at.index(bytes.len());
        let before = bytes[..at].split(|byte| *byte == b'\n').count() - 1;
        bytes[at] ^= flip;
        let read = read_bytes(&bytes);
        prop_assert!(read.problem.is_some() || !read.torn.is_empty());
        prop_assert_eq!(read.records.len(), before);
    }

    #[test]
    fn a_cut_is_a_torn_line_or_a_shorter_journal(cut in any::<prop::sample::Index>()) {
        let bytes = bytes_of(4);
        let cut = cut.index(bytes.len());
        let read = read_bytes(&bytes[..cut]);
        prop_assert_eq!(read.problem, None);
        let whole = lines(&bytes[..cut]).iter().filter(|line| line.ends_with(b"\n")).count();
        prop_assert_eq!(read.records.len(), whole);
        prop_assert_eq!(read.whole_bytes as usize + read.torn.len(), cut);
    }

    #[test]
    fn a_line_removed_moved_doubled_or_put_in_is_noticed(line in 0usize..5, other in 0usize..5, how in 0usize..4) {
        let original = lines(&bytes_of(6));
        let mut changed = original.clone();
        match how {
            0 => drop(changed.remove(line)),
            1 => changed.swap(line, other),
            2 => changed.insert(line, original[line].clone()),
            _ => {
                let text = String::from_utf8(original[line].clone()).unwrap().replace("reason", "excuse");
                changed[line] = text.into_bytes();
            }
        }
        let read = read_bytes(&changed.concat());
        prop_assert_eq!(read.problem.is_some(), changed != original);
        if changed != original {
            prop_assert!(read.records.len() <= line.max(other) + 1);
        }
    }

    /// However a journal grows, its follower has what a reader of the whole has.
    #[test]
    fn a_follower_has_what_a_reader_has(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let bytes = bytes_of(5);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let mut tail = Tail::new(&path);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.sort_unstable();
        cuts.push(bytes.len());
        let mut seen = Vec::new();
        for cut in cuts {
            fs::write(&path, &bytes[..cut]).unwrap();
            seen.extend(tail.poll().unwrap());
            prop_assert_eq!(tail.problem(), None);
        }
        prop_assert_eq!(seen, read(&path).unwrap().records);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_bytes(&bytes);
        let mut after = bytes_of(2);
        after.extend(bytes);
        let read = read_bytes(&after);
        prop_assert_eq!(read.records.len(), 2);
    }
}

#[test]
fn a_torn_line_is_kept_aside_and_the_journal_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    write_all(&path, &[Event::RunEnded {}, Event::RunEnded {}]);
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"seq\":3,\"ti").unwrap();
    assert_eq!(read(&path).unwrap().torn, b"{\"seq\":3,\"ti");
    write_all(&path, &[Event::RunEnded {}]);
    assert_eq!(facts(&path).len(), 3);
    assert_eq!(fs::read(folder.path().join("journal.torn-3")).unwrap(), b"{\"seq\":3,\"ti");
}

#[test]
fn a_line_torn_twice_at_one_place_is_kept_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    for torn in ["{\"first", "{\"second"] {
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .unwrap()
            .write_all(torn.as_bytes())
            .unwrap();
        Writer::open(&path).unwrap();
    }
    let kept = fs::read_to_string(folder.path().join("journal.torn-1")).unwrap();
    assert!(kept.contains("{\"first") && kept.contains("{\"second"), "{kept}");
}

/// A console that has read half a line must not trip over the line that a new supervisor writes in its place.
#[test]
fn a_follower_survives_a_torn_line_that_was_cut_off_and_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    write_all(&path, &[Event::RunEnded {}]);
    let mut tail = Tail::new(&path);
    for torn in ["{\"seq\":2", &"x".repeat(400)] {
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(torn.as_bytes()).unwrap();
        tail.poll().unwrap();
        write_all(&path, &[Event::RunEnded {}]);
        assert_eq!(tail.poll().unwrap().len(), 1, "{:?}", tail.problem());
    }
    assert_eq!(tail.problem(), None);
}

#[test]
fn a_damaged_journal_is_read_up_to_the_damage_and_never_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut all = lines(&bytes_of(4));
    all.remove(2);
    fs::write(&path, all.concat()).unwrap();
    let before = fs::read(&path).unwrap();
    let read = read(&path).unwrap();
    assert_eq!(read.records.len(), 2);
    assert_eq!(read.problem.as_deref(), Some("record 3: has the number 4"));
    assert!(matches!(Writer::open(&path), Err(JournalError::Damaged { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn an_unknown_fact_is_passed_over() {
    let line = format!(
        "{{\"seq\":1,\"time\":\"2026-11-22T18:45:00Z\",\"prev\":\"{GENESIS}\",\"fact\":{{\"event\":\"moon-phase\",\"is\":3}}}}"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    fs::write(&path, format!("{line}\n")).unwrap();
    write_all(&path, &[Event::RunEnded {}]);
    let read = read(&path).unwrap();
    assert_eq!(read.problem, None);
    assert_eq!(
        (read.records[0].fact.clone(), read.records[1].fact.clone()),
        (None, Some(Event::RunEnded {}))
    );
    assert_eq!(read.records[1].prev, line_hash(line.as_bytes()).to_string());
    assert_eq!(
        (read.records[0].format, read.records[1].format),
        (None, Some(FORMAT)),
        "the new format is said once"
    );
}

// ----------------------------------------------------------------------------------------------- locks

fn holder(run: &str) -> Holder {
    Holder { run: run.parse().unwrap(), by: person("lena", 1001), since: at(0), pid: 42, step: None }
}

fn take(path: &Path, holder: &Holder) -> Result<Attempt, JournalError> {
    super::lock::take(path, holder, Elsewhere::Respect)
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

// ----------------------------------------------------------------------------------------------- store

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

// ----------------------------------------------------------------------------------------- the head, the reserve

#[test]
fn the_head_goes_with_the_journal_and_shows_a_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut lengths = Vec::new();
    let mut writer = Writer::open(&path).unwrap();
    assert_eq!(head::read(&path), HeadRead::Known(Head { seq: 0, digest: GENESIS }));
    for second in 0..4 {
        writer.append(at(second), &Event::RunEnded {}).unwrap();
        lengths.push(fs::metadata(&path).unwrap().len());
        let read = read(&path).unwrap();
        assert_eq!(HeadRead::Known(read.head.unwrap()), head::read(&path), "after each record");
    }
    drop(writer);
    let bytes = fs::read(&path).unwrap();
    for (cut, said) in [
        (lengths[2], "it was cut: record 4 was written, and it ends with record 3"),
        (lengths[2] - 1, "it was cut: record 4 was written, and it ends with record 2"),
        (0, "it was cut: record 4 was written, and it ends with record 0"),
    ] {
        fs::write(&path, &bytes[..usize::try_from(cut).unwrap()]).unwrap();
        assert_eq!(read(&path).unwrap().problem.as_deref(), Some(said));
        assert!(matches!(Writer::open(&path), Err(JournalError::Damaged { .. })), "nothing is built on it");
    }
    fs::remove_file(&path).unwrap();
    assert!(read(&path).unwrap().problem.unwrap().contains("record 4 was written"), "removed altogether");
    fs::write(&path, &bytes).unwrap();
    assert_eq!(read(&path).unwrap().problem, None);
}

/// A power loss can leave an old head, none, or half of one; none of that keeps a run from going on.
#[test]
fn a_head_that_is_behind_missing_or_damaged_is_no_problem() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let head = head::path(&path);
    write_all(&path, &[Event::RunEnded {}]);
    let old = fs::read(&head).unwrap();
    write_all(&path, &[Event::RunEnded {}, Event::RunEnded {}]);
    let new = fs::read(&head).unwrap();
    assert_eq!((old.len(), new.len()), (105, 105), "one line of one size, written in place");
    let half = [&new[..60], &old[60..]].concat();
    for text in [&old[..], b"", b"\0\0\0\0", b"2 x y z\n", &half, &new[..50]] {
        fs::write(&head, text).unwrap();
        assert_eq!(read(&path).unwrap().problem, None);
        drop(Writer::open(&path).unwrap());
        assert_eq!(fs::read(&head).unwrap(), new, "the next writer puts it right");
    }
    fs::remove_file(&head).unwrap();
    assert_eq!(read(&path).unwrap().problem, None);
    for byte in 0..new.len() {
        let mut flipped = new.clone();
        flipped[byte] ^= 1;
        fs::write(&head, &flipped).unwrap();
        assert!(!matches!(head::read(&path), HeadRead::Known(_)), "byte {byte}");
    }
}

#[test]
fn a_head_of_another_journal_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    write_all(&path, &[Event::RunEnded {}, Event::RunEnded {}]);
    let other = folder.path().join("other/journal.jsonl");
    fs::create_dir(other.parent().unwrap()).unwrap();
    Writer::open(&other).unwrap().append(at(9), &Event::RunEnded {}).unwrap();
    fs::copy(head::path(&other), head::path(&path)).unwrap();
    let problem = read(&path).unwrap().problem.unwrap();
    assert_eq!(problem, "record 1 is not the one that was written; the journal or its head was changed");
}

/// What a power loss leaves of the last record counts as torn where nobody was told of that record.
#[test]
fn a_last_line_in_pieces_that_was_never_acknowledged_is_torn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    write_all(&path, &[Event::RunEnded {}, Event::RunEnded {}]);
    let head = fs::read(head::path(&path)).unwrap();
    let whole = fs::read(&path).unwrap();
    write_all(&path, &[Event::RunEnded {}]);
    let mut bytes = fs::read(&path).unwrap();
    let middle = whole.len() + 30;
    bytes[middle..middle + 20].fill(0);
    fs::write(&path, &bytes).unwrap();
    assert!(read(&path).unwrap().problem.is_some(), "the head knows of it: it was changed");
    fs::write(head::path(&path), head).unwrap();
    let read = read(&path).unwrap();
    assert_eq!((read.problem, read.records.len(), read.torn), (None, 2, bytes[whole.len()..].to_vec()));
    write_all(&path, &[Event::RunEnded {}]);
    assert_eq!(facts(&path).len(), 3);
    assert_eq!(fs::read(folder.path().join("journal.torn-3")).unwrap(), bytes[whole.len()..]);
}

/// Room is reserved ahead while a writer has the journal, shows in no length, and goes back after.
#[test]
fn room_is_reserved_ahead_and_given_back() {
    use std::os::unix::fs::MetadataExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let taken = || fs::metadata(&path).unwrap().blocks() * 512;
    let mut writer = Writer::open(&path).unwrap();
    writer.append(at(0), &Event::RunEnded {}).unwrap();
    let length = fs::metadata(&path).unwrap().len();
    assert!(length < 1000, "{length}");
    if !writer.reserves() {
        // A file system that cannot reserve is said to be one, and the rest of this does not hold there.
        eprintln!("{} is on a file system that cannot reserve room", path.display());
        return;
    }
    writer
        .append(
            at(1),
            &Event::StepRetried {
                step: "8/prep".parse().unwrap(),
                reason: String::new(),
                by: person("lena", 1001),
                stale: Vec::new(),
            },
        )
        .unwrap();
    assert!(taken() >= 64 * 1024, "{}", taken());
    drop(writer);
    assert!(taken() < 64 * 1024, "{}", taken());
    assert_eq!(facts(&path).len(), 2);
}

#[test]
fn a_writer_that_failed_once_writes_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut writer = Writer::open(&path).unwrap();
    writer.append(at(0), &Event::RunEnded {}).unwrap();
    writer.break_disk();
    let first = writer.append(at(1), &Event::RunEnded {}).unwrap_err();
    assert!(first.advice("go on").contains("mend that, then go on"), "{}", first.advice("go on"));
    assert!(matches!(writer.append(at(2), &Event::RunEnded {}), Err(JournalError::Damaged { .. })));
    assert_eq!(facts(&path).len(), 1);
}

#[test]
fn what_helps_is_said() {
    let of = |kind: std::io::ErrorKind| {
        let error = JournalError::io("cannot write", "/state/journal.jsonl")(kind.into());
        error.advice("`stagegate resume R`")
    };
    let full = of(std::io::ErrorKind::StorageFull);
    assert!(full.ends_with("; free some room there, then `stagegate resume R`"), "{full}");
    let read_only = of(std::io::ErrorKind::ReadOnlyFilesystem);
    assert!(read_only.ends_with("or mount it writable, then `stagegate resume R`"), "{read_only}");
    let other = of(std::io::ErrorKind::Other);
    assert!(other.ends_with("; mend that, then `stagegate resume R`"), "{other}");
}
