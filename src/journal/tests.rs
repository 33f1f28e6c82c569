//! Journals that are cut, changed and written to; below: the head and the reserve, locks, finding runs.

mod head_and_reserve;
mod locks;
mod runs;

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
