//! The corpus of journals: every version of the program reads them all, the torn and the damaged too.
//!
//! `tests/journals/v1` has a folder a run: those of real runs in the sandbox (their paths and host renamed, their
//! hashes made anew) and those that were torn or changed by hand. `expected` says what a reader makes of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use stagegate::domain::name::RunId;
use stagegate::journal::reader;
use stagegate::journal::store::Store;
use stagegate::journal::writer::Writer;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals/v1");
    let mut runs: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    runs.sort();
    runs
}

/// Returns a state folder with all of the corpus in it.
fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for run in corpus() {
        let to = folder.path().join("runs").join(run.file_name().unwrap());
        fs::create_dir(&to).unwrap();
        for file in ["plan.json", "journal.jsonl"] {
            fs::copy(run.join(file), to.join(file)).unwrap();
        }
    }
    (folder, store)
}

fn expected(run: &RunId) -> String {
    let file = corpus().into_iter().find(|path| path.ends_with(run.as_str())).unwrap().join("expected");
    fs::read_to_string(file).unwrap().trim().to_owned()
}

#[test]
fn every_journal_of_the_corpus_is_read() {
    let (_folder, store) = store();
    let runs = store.runs();
    assert!(runs.len() >= 11, "the corpus is there");
    for run in runs {
        let dir = store.run(&run);
        let mut follower = dir.follow().unwrap();
        follower.poll().unwrap();
        let read = reader::read(&dir.journal()).unwrap();
        let mut is = format!("{}, {} records", follower.state().verdict(false).word(), read.records.len());
        match read.records.iter().filter(|record| record.fact.is_none()).count() {
            0 => {}
            unknown => write!(is, ", {unknown} unknown").unwrap(),
        }
        if !read.torn.is_empty() {
            is += ", torn";
        }
        if let Some(problem) = follower.problem() {
            write!(is, ", damaged: {problem}").unwrap();
        }
        assert_eq!(is, expected(&run), "{run}");
        assert_eq!(follower.state().events, read.records.len() as u64, "{run}");
    }
}

#[test]
fn what_can_be_written_to_goes_on_and_what_is_damaged_does_not() {
    let (_folder, store) = store();
    for run in store.runs() {
        let dir = store.run(&run);
        let before = reader::read(&dir.journal()).unwrap();
        let bytes = fs::read(dir.journal()).unwrap();
        let opened = Writer::open(&dir.journal());
        assert_eq!(opened.is_err(), before.problem.is_some(), "{run}");
        if opened.is_err() {
            assert_eq!(fs::read(dir.journal()).unwrap(), bytes, "{run} is left as it is");
            continue;
        }
        let after = reader::read(&dir.journal()).unwrap();
        assert_eq!((after.records, after.torn.len()), (before.records, 0), "{run}");
        let kept = fs::read_dir(dir.path()).unwrap().flatten();
        let is_torn = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("journal.torn-");
        assert_eq!(kept.filter(is_torn).count(), usize::from(!before.torn.is_empty()), "{run}");
    }
}

/// Whatever byte a file of the corpus is cut at, it is read without an error and never beyond its whole records.
#[test]
fn every_cut_of_a_real_journal_is_read() {
    let (folder, _store) = store();
    let text =
        fs::read(corpus().into_iter().find(|run| run.ends_with("killed")).unwrap().join("journal.jsonl"))
            .unwrap();
    let path = folder.path().join("cut.jsonl");
    for cut in (0..text.len()).step_by(37) {
        fs::write(&path, &text[..cut]).unwrap();
        let read = reader::read(&path).unwrap();
        assert_eq!(read.problem, None, "cut at {cut}");
        assert_eq!(read.whole_bytes as usize + read.torn.len(), cut);
    }
}
