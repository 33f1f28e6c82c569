//! The corpus of journals: every version of the program reads them all, the torn and the damaged too.
//!
//! `tests/journals/v1` and `v2` have a folder a run: those of real runs in the sandbox (their paths and host renamed,
//! their hashes made anew) and those that were torn or changed. `expected` says what a reader makes of it, `fold` what
//! state it comes to. `STAGEGATE_UPDATE_FOLDS=1` writes the folds anew; that of a version that was released must not
//! change. v2 is made by `cargo test --test e2e -- --ignored write_the_corpus`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use stagegate::domain::approval::Approval;
use stagegate::domain::name::RunId;
use stagegate::domain::run::{GateState, RunState, StepState};
use stagegate::journal::audit::Audit;
use stagegate::journal::format::FORMAT;
use stagegate::journal::reader::{self, Tail};
use stagegate::journal::store::{RunDir, Store};
use stagegate::journal::writer::Writer;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// What is kept of a run.
const FILES: [&str; 3] = ["plan.json", "journal.jsonl", "head"];

fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals");
    let below = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let versions = ["v1", "v2"].map(|version| folder.join(version));
    let mut runs: Vec<PathBuf> = versions.into_iter().flat_map(below).collect();
    runs.sort();
    runs
}

/// Returns a state folder with all of the corpus in it, under names that begin with the version.
fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for run in corpus() {
        let to = store.run(&id(&run));
        fs::create_dir(to.path()).unwrap();
        for file in FILES.iter().filter(|file| run.join(file).exists()) {
            fs::copy(run.join(file), to.file(file)).unwrap();
        }
    }
    (folder, store)
}

fn id(run: &Path) -> RunId {
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    format!("{}-{}", name(run.parent().unwrap()), name(run)).parse().unwrap()
}

fn path_of(run: &RunId) -> PathBuf {
    corpus().into_iter().find(|path| id(path) == *run).unwrap()
}

fn expected(run: &RunId) -> String {
    fs::read_to_string(path_of(run).join("expected")).unwrap().trim().to_owned()
}

/// Returns a journal of the corpus alone in a folder, without its head.
fn alone(version: &str, name: &str) -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals").join(version).join(name);
    let bytes = fs::read(run.join("journal.jsonl")).unwrap();
    let path = folder.path().join("journal.jsonl");
    fs::write(&path, &bytes).unwrap();
    (folder, path, bytes)
}

#[test]
fn every_journal_of_the_corpus_is_read() {
    let (_folder, store) = store();
    let runs = store.runs();
    assert!(runs.len() >= 28, "the corpus is there");
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
        let format = read.format.unwrap_or(FORMAT);
        assert!(run.as_str().starts_with("v2") || format == 1 || read.records.is_empty(), "{run}");
    }
}

/// Every way in which a run can stand folds to the same state for ever.
#[test]
fn every_journal_folds_to_the_state_that_is_kept_beside_it() {
    let (_folder, store) = store();
    for run in store.runs() {
        let state = store.run(&run).load().unwrap();
        let file = path_of(&run).join("fold");
        let now = fold(&state);
        if std::env::var_os("STAGEGATE_UPDATE_FOLDS").is_some() {
            fs::write(&file, &now).unwrap();
        }
        assert_eq!(now, fs::read_to_string(&file).unwrap_or_default(), "{run}");
    }
}

/// Says what a journal comes to: what an engineer would be told, not how it is kept.
fn fold(state: &RunState) -> String {
    let mut out = format!("{} with a supervisor, ", state.verdict(true).word());
    writeln!(out, "{} without", state.verdict(false).word()).unwrap();
    if let Some((run, by, at)) = &state.created {
        writeln!(out, "run {run} by {by} at {at}").unwrap();
    }
    for (what, at) in [("ended", state.ended), ("cancelled", state.cancelled.as_ref().map(|(at, _)| *at))] {
        if let Some(at) = at {
            writeln!(out, "{what} at {at}").unwrap();
        }
    }
    for step in &state.plan.steps {
        let record = state.record(&step.id).unwrap();
        let stale = if record.stale.is_some() { ", stale" } else { "" };
        write!(out, "{} {}{stale}", step.id, record.word()).unwrap();
        if record.attempts > 0 {
            write!(out, ", attempt {}", record.attempts).unwrap();
        }
        if let Some(code) = record.exit_code() {
            write!(out, ", exit code {code}").unwrap();
        }
        match &record.state {
            StepState::Concluded { reason, .. } | StepState::Skipped { reason, .. } if !reason.is_empty() => {
                write!(out, ": {reason}").unwrap();
            }
            StepState::Gate { gate } => out.push_str(&of_gate(gate)),
            _ => {}
        }
        out.push('\n');
        for (repo, compose) in &record.composes {
            writeln!(out, "  uses {repo} {compose}").unwrap();
        }
        for finding in &record.findings {
            writeln!(out, "  {} {}", finding.check, finding.path).unwrap();
        }
    }
    for ((release, repo), compose) in &state.produced {
        writeln!(out, "made {release} {repo} {compose}").unwrap();
    }
    for waiver in state.waivers.values().flatten() {
        writeln!(out, "waived {}: {}", waiver.finding, waiver.reason).unwrap();
    }
    out
}

fn of_gate(gate: &GateState) -> String {
    let approved = |approvals: &[Approval]| -> String {
        let one =
            |approval: &Approval| format!(", approved with \"{}\" {:?}", approval.phrase, approval.then);
        approvals.iter().map(one).collect()
    };
    match gate {
        GateState::Waiting { evidence, approvals, .. } | GateState::Passed { evidence, approvals, .. } => {
            format!(", {evidence}{}", approved(approvals))
        }
        GateState::Void { refusal, evidence, .. } => format!(", {evidence}: {refusal}"),
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
        drop(opened);
        let after = reader::read(&dir.journal()).unwrap();
        assert_eq!((after.records, after.torn.len()), (before.records, 0), "{run}");
        let kept = fs::read_dir(dir.path()).unwrap().flatten();
        let is_torn = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("journal.torn-");
        assert_eq!(kept.filter(is_torn).count(), usize::from(!before.torn.is_empty()), "{run}");
    }
}

/// What is damaged in the corpus is found by the audit as well, and nothing else of its journals is.
#[test]
fn the_audit_agrees_with_the_reader_about_every_journal() {
    let (_folder, store) = store();
    for run in store.runs() {
        let dir = store.run(&run);
        let problem = reader::read(&dir.journal()).unwrap().problem;
        let audit = Audit::of(&dir).unwrap();
        let flaws: Vec<_> =
            audit.flaws.iter().filter(|flaw| flaw.line.is_some() || flaw.offset.is_some()).collect();
        assert_eq!(flaws.is_empty(), problem.is_none(), "{run}: {problem:?}, {flaws:?}");
        let noted = audit
            .notes
            .iter()
            .any(|note| note == "format 1 without a head: the last record cannot be verified");
        let old = run.as_str().starts_with("v1") && audit.records > 0;
        assert_eq!(noted, old, "{run}: {:?}", audit.notes);
    }
}

// --------------------------------------------------------------------------------------- torn at any byte

/// Whatever byte a journal is cut at, its whole records are read, and the rest is torn and nothing else.
#[test]
fn every_cut_of_every_journal_is_read() {
    for run in corpus() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let bytes = fs::read(run.join("journal.jsonl")).unwrap();
        let whole = reader::read(&run.join("journal.jsonl")).unwrap();
        let mut file = File::create(&path).unwrap();
        // A follower sees every length there is; each record must come once, when its line end does.
        let mut tail = Tail::new(&path);
        let mut seen = Vec::new();
        for (at, byte) in bytes.iter().enumerate() {
            file.write_all(&[*byte]).unwrap();
            let new = tail.poll().unwrap();
            assert!(new.len() <= usize::from(*byte == b'\n'), "{} at {at}", run.display());
            seen.extend(new);
        }
        assert_eq!(seen, whole.records, "{}", run.display());
    }
}

/// The same for whoever reads it anew, on a journal of each format.
#[test]
fn every_cut_is_read_anew() {
    for version in ["v1", "v2"] {
        let (_folder, path, bytes) = alone(version, "cancelled");
        let file = File::options().write(true).open(&path).unwrap();
        for cut in (0..=bytes.len()).rev() {
            file.set_len(cut as u64).unwrap();
            let read = reader::read(&path).unwrap();
            assert_eq!(read.problem, None, "cut at {cut}");
            let lines = memchr::memchr_iter(b'\n', &bytes[..cut]).count();
            assert_eq!(read.records.len(), lines, "no whole record is lost, cut at {cut}");
            assert_eq!(read.whole_bytes as usize + read.torn.len(), cut);
        }
    }
}

/// Beside its head, no cut of any length goes unnoticed, and nobody builds on what is left.
#[test]
fn every_cut_of_a_journal_with_a_head_is_noticed() {
    let (folder, path, bytes) = alone("v2", "cancelled");
    let head = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals/v2/cancelled/head");
    fs::copy(head, folder.path().join("head")).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    for cut in (0..bytes.len()).rev() {
        file.set_len(cut as u64).unwrap();
        let read = reader::read(&path).unwrap();
        assert!(
            read.problem.is_some_and(|problem| problem.starts_with("it was cut: record ")),
            "cut at {cut}"
        );
        if cut % 61 == 0 {
            assert!(Writer::open(&path).is_err(), "cut at {cut}");
        }
    }
}

/// Whoever goes on behind a torn line keeps it aside and loses nothing.
#[test]
fn a_writer_goes_on_behind_every_cut() {
    for version in ["v1", "v2"] {
        let (folder, path, bytes) = alone(version, "cancelled");
        let ends: Vec<usize> = memchr::memchr_iter(b'\n', &bytes).map(|end| end + 1).collect();
        // Around every line end, and here and there in between.
        let near = |cut: &usize| cut.is_multiple_of(67) || ends.iter().any(|end| cut.abs_diff(*end) <= 1);
        for cut in (0..=bytes.len()).filter(near) {
            for entry in fs::read_dir(folder.path()).unwrap().flatten() {
                fs::remove_file(entry.path()).unwrap();
            }
            fs::write(&path, &bytes[..cut]).unwrap();
            let before = reader::read(&path).unwrap();
            let mut writer = Writer::open(&path).unwrap();
            let now = jiff::Timestamp::UNIX_EPOCH;
            writer.append(now, &stagegate::domain::run::Event::RunEnded {}).unwrap();
            drop(writer);
            let after = reader::read(&path).unwrap();
            assert_eq!((after.problem, after.torn.len()), (None, 0), "cut at {cut}");
            assert_eq!(after.records[..before.records.len()], before.records, "cut at {cut}");
            assert_eq!(after.records.len(), before.records.len() + 1, "cut at {cut}");
            assert_eq!(after.format, Some(FORMAT), "a journal of format 1 goes on in format 2");
            let kept = folder.path().join(format!("journal.torn-{}", before.records.len() + 1));
            assert_eq!(fs::read(kept).unwrap_or_default(), before.torn, "cut at {cut}");
        }
    }
}

/// No flipped byte goes unnoticed in format 2, not even in the last record; nothing before it is lost.
#[test]
fn every_flipped_byte_is_noticed() {
    let (_folder, path, bytes) = alone("v2", "cancelled");
    let mut seed = 0x5eed_u64;
    for at in 0..bytes.len() {
        // A linear congruential step (Knuth's constants): the same bits each time the test runs.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (seed >> 61);
        fs::write(&path, &flipped).unwrap();
        let read = reader::read(&path).unwrap();
        let before = memchr::memchr_iter(b'\n', &bytes[..at]).count();
        assert_eq!(read.records.len(), before, "byte {at}");
        assert!(read.problem.is_some() || !read.torn.is_empty(), "byte {at}");
    }
}

#[test]
fn garbage_and_zeros_anywhere_are_noticed_and_lose_nothing_before_them() {
    for version in ["v1", "v2"] {
        let (_folder, path, bytes) = alone(version, "cancelled");
        for garbage in [&b"\0"[..], b"\n", b"\0\0\0\0\0\0\0\0\n", b"\xff\xfe", b"{}\n", b"[[[[[[[[", b"\r"] {
            for at in (0..bytes.len()).step_by(97) {
                let spoilt = [&bytes[..at], garbage, &bytes[at..]].concat();
                fs::write(&path, spoilt).unwrap();
                let read = reader::read(&path).unwrap();
                let before = memchr::memchr_iter(b'\n', &bytes[..at]).count();
                assert!(read.records.len() >= before, "{garbage:?} at {at}");
                // Blanks between the parts of an object change nothing but the hash, which format 1 checks a line later.
                let lines = memchr::memchr_iter(b'\n', &bytes).count();
                assert!(
                    read.problem.is_some() || read.records.len() < lines || version == "v1",
                    "{garbage:?} at {at}"
                );
            }
        }
    }
}

/// One broken run is in nobody's way: whatever is in the folder of runs, all of it is listed.
#[test]
fn whatever_is_broken_the_others_are_listed() {
    let (folder, store) = store();
    let runs = folder.path().join("runs");
    fs::create_dir(runs.join("no-files")).unwrap();
    fs::create_dir_all(runs.join("folders/journal.jsonl")).unwrap();
    fs::create_dir_all(runs.join("folders/plan.json")).unwrap();
    std::os::unix::fs::symlink("/dev/full", runs.join("a-device")).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_stagegate"))
        .args(["runs", "--format", "json", "--state"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), corpus().len() + 2);
    for run in listed {
        let name = run["id"].as_str().unwrap();
        let broken = name == "no-files" || name == "folders";
        assert_eq!(run["state"] == "unreadable", broken, "{run}");
        let damaged = run["problem"].as_str().is_some_and(|problem| problem.contains("journal damaged"));
        let is_damaged = !broken && expected(&name.parse().unwrap()).contains("damaged");
        assert_eq!(damaged, is_damaged, "{run}");
    }
    let dirs: Vec<RunDir> = store.runs().iter().map(|run| store.run(run)).collect();
    assert_eq!(dirs.iter().filter(|dir| dir.load().is_err()).count(), 2);
}
