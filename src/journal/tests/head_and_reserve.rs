//! The head beside the journal, the room behind it, and what is said when the disk gives none.

use super::*;

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
