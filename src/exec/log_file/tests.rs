//! The log reader against a plain model of the same bytes.

use super::*;
use memchr::memmem;
use proptest::prelude::*;
use std::io::{Seek as _, Write as _};

fn log_of(bytes: &[u8]) -> (tempfile::NamedTempFile, LogFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let log = LogFile::open(file.path()).unwrap();
    (file, log)
}

fn texts(lines: &[RawLine]) -> Vec<String> {
    lines.iter().map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect()
}

#[test]
fn lines_are_read_from_either_end() {
    let (_file, mut log) = log_of(b"one\ntwo\n\nfour");
    assert_eq!(texts(&log.after(0, 10).unwrap()), ["one", "two", "", "four"]);
    assert_eq!(texts(&log.last(2).unwrap()), ["", "four"]);
    assert_eq!(texts(&log.last(99).unwrap()), ["one", "two", "", "four"]);
    assert_eq!(texts(&log.before(8, 1).unwrap()), ["two"]);
    assert_eq!(texts(&log.lines(1, 2).unwrap()), ["two", ""]);
    assert!(log.lines(4, 1).unwrap().is_empty());
    let last = &log.last(1).unwrap()[0];
    assert_eq!((last.offset, last.end, last.complete), (9, 13, false));
}

#[test]
fn an_empty_log_has_no_lines() {
    let (_file, mut log) = log_of(b"");
    assert!(log.is_empty() && log.last(5).unwrap().is_empty() && log.after(0, 5).unwrap().is_empty());
    assert_eq!(log.offset_of(0).unwrap(), None);
    assert_eq!((find(&log, "x", 0), find_back(&log, "x", 9)), (None, None));
    assert_eq!((log.line_begin(9).unwrap(), log.next_line(0).unwrap()), (0, 0));
}

#[test]
fn only_what_was_appended_is_new() {
    let (mut file, mut log) = log_of(b"one\ntw");
    assert_eq!(log.refresh().unwrap(), None);
    assert!(!log.last(1).unwrap()[0].complete);
    file.write_all(b"o\nthree\n").unwrap();
    assert_eq!(log.refresh().unwrap(), Some(6));
    assert_eq!(texts(&log.after(4, 9).unwrap()), ["two", "three"]);
    assert_eq!(log.line_at(9).unwrap(), 2);
    file.as_file_mut().set_len(0).unwrap();
    file.rewind().unwrap();
    file.write_all(b"new\n").unwrap();
    assert_eq!(log.refresh().unwrap(), Some(0));
    assert_eq!(texts(&log.last(9).unwrap()), ["new"]);
    assert_eq!(log.offset_of(1).unwrap(), None);
}

#[test]
fn a_line_of_a_hundred_megabytes_is_cut() {
    let mut bytes = b"first\n".to_vec();
    bytes.resize(100 << 20, b'x');
    bytes.extend_from_slice(b"\nlast\n");
    let (_file, mut log) = log_of(&bytes);
    let lines = log.after(0, 9).unwrap();
    assert_eq!(lines.iter().map(|line| line.bytes.len()).collect::<Vec<_>>(), [5, LINE_LIMIT, 4]);
    assert_eq!(lines[1].cut, Cut::Tail);
    assert_eq!(log.last(3).unwrap(), lines);
    assert_eq!(log.offset_of(2).unwrap(), Some((100 << 20) + 1));
}

#[test]
fn of_a_line_that_overwrites_itself_the_end_is_kept() {
    let mut bytes = Vec::new();
    for percent in 0..100_000 {
        write!(bytes, "  {percent}% of a file\r").unwrap();
    }
    bytes.extend_from_slice(b"done (xfr#1)\r\nnext\n");
    let (_file, mut log) = log_of(&bytes);
    let line = &log.after(0, 1).unwrap()[0];
    assert_eq!(line.cut, Cut::Head);
    assert!(line.bytes.len() <= LINE_LIMIT && line.bytes.ends_with(b"99999% of a file\rdone (xfr#1)\r"));
    assert_eq!(crate::domain::log_line::plain(&line.bytes), "done (xfr#1)a file");
}

#[test]
fn the_index_stays_small_and_right() {
    let bytes: Vec<u8> =
        (0..3_000_000_u32).flat_map(|number| format!("{}\n", number % 10).into_bytes()).collect();
    let (_file, mut log) = log_of(&bytes);
    assert_eq!(log.offset_of(2_999_999).unwrap(), Some(5_999_998));
    assert!(log.index.marks.len() <= MARKS && log.index.stride > FIRST_STRIDE);
    for line in [0, 1, 255, 256, 257, 1_234_567, 2_999_999] {
        assert_eq!(log.offset_of(line).unwrap(), Some(2 * line));
        assert_eq!(log.line_at(2 * line).unwrap(), line);
    }
    assert_eq!(log.counted().0, 3_000_000);
    assert_eq!(log.offset_of(3_000_000).unwrap(), None);
}

fn search(needle: &Needle) -> Search<'_> {
    Search { needle, counts: &|_, _| true, goes_on: &|_| true }
}

fn at(found: Found) -> Option<u64> {
    match found {
        Found::At(offset) => Some(offset),
        Found::Nowhere => None,
        Found::Stopped => panic!("nobody stopped it"),
    }
}

fn find(log: &LogFile, text: &str, from: u64) -> Option<u64> {
    at(log.find(search(&Needle::new(text, false)), from..u64::MAX).unwrap())
}

fn find_back(log: &LogFile, text: &str, before: u64) -> Option<u64> {
    at(log.find_back(search(&Needle::new(text, false)), 0..before).unwrap())
}

#[test]
fn a_needle_across_a_border_is_found_from_both_sides() {
    for at in [0, 1, CHUNK - 3, CHUNK - 1, CHUNK, 2 * CHUNK - 2, 3 * CHUNK] {
        let mut bytes = vec![b'.'; 3 * CHUNK + 10];
        bytes[at..at + 6].copy_from_slice(b"needle");
        let (_file, log) = log_of(&bytes);
        let (at, len) = (at as u64, bytes.len() as u64);
        assert_eq!(find(&log, "needle", 0), Some(at));
        assert_eq!(find(&log, "needle", at), Some(at));
        assert_eq!(find(&log, "needle", at + 1), None);
        assert_eq!(find_back(&log, "needle", len), Some(at));
        assert_eq!(find_back(&log, "needle", at + 1), Some(at));
        assert_eq!(find_back(&log, "needle", at), None);
    }
}

#[test]
fn small_letters_find_capitals_where_they_may() {
    let (_file, log) = log_of("Error: E\u{308}\nerror\nÜBER ERROR\n".as_bytes());
    let all = |text: &str, folded| {
        log.tally(search(&Needle::new(text, folded)), u64::MAX, u64::MAX).unwrap().unwrap().of
    };
    assert_eq!((all("error", true), all("error", false), all("ERROR", false)), (3, 1, 1));
    assert_eq!((all("Über", true), all("ÜBER", true), all(": e", true), all("(.*)", true)), (1, 1, 1, 0));
}

#[test]
fn who_objects_to_a_line_is_heard_and_a_search_can_be_stopped() {
    let long = "x".repeat(3 * CHUNK);
    let (_file, log) =
        log_of(format!("pass word\npass secret\n{long} pass secret {long}\npass\n").as_bytes());
    let needle = Needle::new("pass", false);
    let counts = |_, line: &[u8]| memmem::find(line, b"secret").is_none();
    let shy = Search { counts: &counts, ..search(&needle) };
    let last = log.len() - 5;
    assert_eq!(log.find(shy, 0..u64::MAX).unwrap(), Found::At(0));
    assert_eq!(log.find(shy, 10..u64::MAX).unwrap(), Found::At(last));
    assert_eq!(log.find_back(shy, 0..last).unwrap(), Found::At(0));
    assert_eq!(log.tally(shy, last, 2).unwrap(), Some(Tally { nth: 2, of: 2 }));
    assert_eq!(log.tally(shy, last, 1).unwrap(), None, "there are more");
    let looked = std::cell::Cell::new(0);
    let patience = |bytes| {
        looked.set(looked.get() + bytes);
        looked.get() < CHUNK as u64
    };
    let short = Search { goes_on: &patience, ..search(&needle) };
    assert_eq!(log.find(short, 30..last).unwrap(), Found::Stopped);
    assert_eq!(log.tally(short, 0, 9).unwrap(), None);
}

#[test]
fn lines_are_found_around_an_offset() {
    let long = "x".repeat(3 * LINE_LIMIT);
    let (_file, log) = log_of(format!("a\n{long}\nend").as_bytes());
    let behind = 2 + 3 * LINE_LIMIT as u64 + 1;
    for offset in [2, 1000, behind - 1] {
        assert_eq!((log.line_begin(offset).unwrap(), log.next_line(offset).unwrap()), (2, behind));
    }
    assert_eq!((log.line_begin(behind).unwrap(), log.next_line(behind).unwrap()), (behind, log.len()));
    assert_eq!((log.line_begin(1).unwrap(), log.next_line(1).unwrap()), (0, 2));
}

proptest! {
    #[test]
    fn it_agrees_with_the_model(
        bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'a'), Just(b'b'), Just(b'\r')], 0..200),
        from in 0usize..210, count in 0usize..20, needle in "[ab]{1,3}",
    ) {
        let (_file, mut log) = log_of(&bytes);
        let mut model: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        if model.last().is_some_and(|last| last.is_empty()) {
            model.pop();
        }
        let bodies = |lines: Vec<RawLine>| lines.into_iter().map(|line| line.bytes).collect::<Vec<_>>();
        let expected: Vec<&[u8]> = model.iter().skip(from).take(count).copied().collect();
        prop_assert_eq!(bodies(log.lines(from as u64, count).unwrap()), expected);
        let last: Vec<&[u8]> = model[model.len() - count.min(model.len())..].to_vec();
        prop_assert_eq!(bodies(log.last(count).unwrap()), last);
        let tail = bytes.get(from..).unwrap_or_default();
        let found = memmem::find(tail, needle.as_bytes()).map(|at| (from + at) as u64);
        prop_assert_eq!(find(&log, &needle, from as u64), found);
        // The first match of each line, whole ones and the one that `from` cuts off.
        let mut offset = 0;
        let mut firsts = Vec::new();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            firsts.extend(memmem::find(line, needle.as_bytes()).map(|at| (offset + at) as u64));
            offset += line.len();
        }
        let back = firsts.iter().rfind(|at| **at < from as u64).copied();
        prop_assert_eq!(find_back(&log, &needle, from as u64), back);
        let tally = log.tally(search(&Needle::new(&needle, false)), from as u64, u64::MAX).unwrap().unwrap();
        let nth = firsts.iter().filter(|at| **at <= from as u64).count() as u64;
        prop_assert_eq!(tally, Tally { nth, of: firsts.len() as u64 });
        let at = from.min(bytes.len());
        let line = memchr::memchr_iter(b'\n', &bytes[..at]).count() as u64;
        prop_assert_eq!(log.line_at(at as u64).unwrap(), line);
    }
}
