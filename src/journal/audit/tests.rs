//! Journals that were tampered with in every way, and what the audit says of each.

use super::chain::{Chain, examine};
use super::*;
use crate::domain::approval::Demand;
use crate::domain::evidence::Evidence;
use crate::domain::finding::Finding;
use crate::domain::fixture::{at, evidence, person, plan, starting};
use crate::domain::flow::CheckName;
use crate::domain::name::StepId;
use crate::domain::outcome::Outcome;
use crate::domain::seal::Seal;
use crate::journal::format::{GENESIS, Record, line_hash};
use crate::journal::head::HeadRead;
use crate::journal::store::Store;
use crate::journal::writer::Writer;
use proptest::prelude::*;
use std::path::Path;

fn concluded(n: u64) -> Event {
    Event::StepConcluded {
        step: "8/prep".parse().unwrap(),
        outcome: Outcome::Failed,
        reason: format!("reason {n}"),
        findings: Vec::new(),
    }
}

/// Returns the lines of a journal of `count` records in `format`, and its head.
fn journal(format: u32, count: u64) -> (Vec<Vec<u8>>, HeadRead) {
    let mut lines = Vec::new();
    let mut prev = GENESIS;
    for seq in 1..=count {
        let said = (format == 2 && seq == 1).then_some(2);
        let fact = concluded(seq);
        let record = Record { format: said, seq, time: at(0), prev, fact: &fact };
        let (mut line, digest) = record.line().unwrap();
        prev = digest;
        if format == 1 {
            line = serde_json::to_vec(&record).unwrap();
            prev = line_hash(&line);
            line.push(b'\n');
        }
        lines.push(line);
    }
    (lines, HeadRead::Known(Head { seq: count, digest: prev }))
}

/// Changes the reason in a record of format 2 and makes its digest anew, as somebody would who knows the format.
fn forged(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(line.to_vec()).unwrap().replace("reason", "excuse");
    let body = format!("{}}}", &text[..text.rfind(",\"digest\"").unwrap()]);
    let digest = line_hash(body.as_bytes());
    format!("{},\"digest\":\"{digest}\"}}\n", &body[..body.len() - 1]).into_bytes()
}

fn said(chain: &Chain) -> Vec<(FlawKind, Option<u64>)> {
    chain.flaws.iter().map(|flaw| (flaw.kind, flaw.record)).collect()
}

#[test]
fn what_nobody_touched_is_intact() {
    for format in [1, 2] {
        for count in [0, 1, 7] {
            let (lines, head) = journal(format, count);
            let chain = examine(&lines.concat(), head);
            assert_eq!(said(&chain), [], "{:?}", chain.flaws);
            assert_eq!((chain.last_seq, chain.records.len() as u64), (count, count));
            assert_eq!(chain.notes, Vec::<String>::new());
            assert_eq!(chain.format, (count > 0).then_some(format));
        }
    }
}

#[test]
fn an_edited_record_is_named_with_its_place_and_kind() {
    for edited in 0..7 {
        let (mut lines, head) = journal(2, 7);
        let offset: usize = lines[..edited].iter().map(Vec::len).sum();
        let text = String::from_utf8(lines[edited].clone()).unwrap().replace("reason", "excuse");
        lines[edited] = text.into_bytes();
        let seq = edited as u64 + 1;
        for head in [head, HeadRead::Missing] {
            let chain = examine(&lines.concat(), head);
            assert_eq!(said(&chain), [(FlawKind::Edited, Some(seq))], "{:?}", chain.flaws);
            let flaw = &chain.flaws[0];
            assert_eq!((flaw.line, flaw.offset), (Some(seq), Some(offset as u64)));
            assert_eq!(flaw.event.as_deref(), Some("step-concluded"));
            assert!(
                flaw.message.starts_with(&format!(
                    "record {seq} (step-concluded), line {seq} at byte {offset}, was edited: its content does not fit"
                )) || edited == 6,
                "{}",
                flaw.message
            );
        }
    }
}

#[test]
fn an_edited_record_with_a_digest_made_anew_is_named() {
    for edited in 0..7 {
        let (mut lines, head) = journal(2, 7);
        lines[edited] = forged(&lines[edited]);
        let chain = examine(&lines.concat(), head);
        assert_eq!(said(&chain), [(FlawKind::Edited, Some(edited as u64 + 1))], "{:?}", chain.flaws);
    }
}

#[test]
fn a_line_that_is_no_record_any_more_is_that_record_edited() {
    for garbage in ["", "garbage", "{\"seq\":99}", "\0\0\0\0"] {
        for edited in 0..7 {
            let (mut lines, head) = journal(2, 7);
            lines[edited] = format!("{garbage}\n").into_bytes();
            let chain = examine(&lines.concat(), head);
            assert_eq!(said(&chain), [(FlawKind::Edited, Some(edited as u64 + 1))], "{:?}", chain.flaws);
        }
    }
}

#[test]
fn format_1_names_what_it_can() {
    for edited in 0..6 {
        let (mut lines, _) = journal(1, 7);
        let text = String::from_utf8(lines[edited].clone()).unwrap().replace("reason", "excuse");
        lines[edited] = text.into_bytes();
        let chain = examine(&lines.concat(), HeadRead::Missing);
        assert_eq!(said(&chain), [(FlawKind::Edited, Some(edited as u64 + 1))], "{:?}", chain.flaws);
        assert_eq!(chain.notes, ["format 1 without a head: the last record cannot be verified"]);
    }
    let (mut lines, head) = journal(1, 7);
    lines[6] = String::from_utf8(lines[6].clone()).unwrap().replace("reason", "excuse").into_bytes();
    assert_eq!(said(&examine(&lines.concat(), HeadRead::Missing)), [], "nothing covers the last record");
    assert_eq!(said(&examine(&lines.concat(), head)), [(FlawKind::Edited, Some(7))], "but a head does");
}

#[test]
fn cut_records_are_named_at_the_end_and_in_the_middle() {
    for format in [1, 2] {
        let (lines, head) = journal(format, 7);
        let whole: usize = lines[..5].iter().map(Vec::len).sum();
        let chain = examine(&lines[..5].concat(), head);
        assert_eq!(said(&chain), [(FlawKind::Cut, Some(6))]);
        assert_eq!(
            chain.flaws[0].message,
            format!(
                "records 6 to 7 were cut off the end at byte {whole}: the head says that they were written"
            )
        );
        let chain = examine(&[&lines[..5].concat()[..], &lines[5][..20]].concat(), head);
        assert!(chain.flaws[0].message.contains("the first in its middle"), "{:?}", chain.flaws);
        assert_eq!(said(&examine(b"", head)), [(FlawKind::Cut, Some(1))], "all of it");

        let middle = [&lines[..2].concat()[..], &lines[4..].concat()].concat();
        let chain = examine(&middle, head);
        assert_eq!(said(&chain), [(FlawKind::Missing, Some(3))], "{:?}", chain.flaws);
        let offset: usize = lines[..2].iter().map(Vec::len).sum();
        assert_eq!(
            chain.flaws[0].message,
            format!("records 3 to 4 are missing before byte {offset}: they were cut out")
        );
        assert_eq!(said(&examine(&lines[3..].concat(), head)), [(FlawKind::Missing, Some(1))]);
    }
}

#[test]
fn without_a_head_it_is_said_that_a_cut_would_not_be_seen() {
    let (lines, _) = journal(2, 7);
    for (head, word) in [(HeadRead::Missing, "missing"), (HeadRead::Damaged, "damaged")] {
        let chain = examine(&lines[..5].concat(), head);
        assert_eq!(said(&chain), []);
        assert_eq!(
            chain.notes,
            [format!("the file `head` is {word}: that records were cut off the end would not be seen")]
        );
    }
}

#[test]
fn a_head_that_is_behind_is_fine_if_the_chain_passes_through_it() {
    let (lines, _) = journal(2, 7);
    let (_, behind) = journal(2, 4);
    assert_eq!(said(&examine(&lines.concat(), behind)), []);
    let other = HeadRead::Known(Head { seq: 4, digest: line_hash(b"another") });
    assert_eq!(said(&examine(&lines.concat(), other)), [(FlawKind::Edited, Some(4))]);
}

#[test]
fn records_that_changed_places_are_named_and_no_others() {
    for format in [1, 2] {
        let (mut lines, head) = journal(format, 7);
        lines.swap(2, 5);
        let mut named = said(&examine(&lines.concat(), head));
        named.sort_by_key(|(_, seq)| *seq);
        assert_eq!(named, [(FlawKind::Reordered, Some(3)), (FlawKind::Reordered, Some(6))]);
        let (mut lines, head) = journal(format, 7);
        let moved = lines.remove(1);
        lines.insert(5, moved);
        assert_eq!(said(&examine(&lines.concat(), head)), [(FlawKind::Reordered, Some(2))]);
    }
}

#[test]
fn doubled_and_inserted_records_are_named() {
    for format in [1, 2] {
        let (mut lines, head) = journal(format, 7);
        lines.insert(4, lines[1].clone());
        let chain = examine(&lines.concat(), head);
        assert_eq!(said(&chain), [(FlawKind::Doubled, Some(2))], "{:?}", chain.flaws);
        assert!(
            chain.flaws[0].message.contains("line 5")
                && chain.flaws[0].message.contains("the first is line 2")
        );
        let (mut lines, head) = journal(format, 7);
        lines.insert(3, b"who wrote this?\n".to_vec());
        assert_eq!(said(&examine(&lines.concat(), head)), [(FlawKind::Inserted, None)]);
    }
    let (mut lines, head) = journal(2, 7);
    lines.insert(3, forged(&lines[2]));
    let chain = examine(&lines.concat(), head);
    assert_eq!(said(&chain), [(FlawKind::Inserted, Some(3))], "{:?}", chain.flaws);
}

#[test]
fn several_things_at_once_are_all_named() {
    let (mut lines, head) = journal(2, 12);
    lines.insert(9, b"garbage\n".to_vec());
    lines[4] = forged(&lines[4]);
    lines.remove(2);
    lines.pop();
    let mut named = said(&examine(&lines.concat(), head));
    named.sort_by_key(|(_, seq)| *seq);
    assert_eq!(
        named,
        [
            (FlawKind::Inserted, None),
            (FlawKind::Missing, Some(3)),
            (FlawKind::Edited, Some(5)),
            (FlawKind::Cut, Some(12)),
        ]
    );
}

#[test]
fn digests_that_were_taken_away_are_missed() {
    // Somebody makes a journal of format 2 look like one of format 1: every hash anew, and the head removed.
    let (_, head) = journal(2, 3);
    let (old, _) = journal(1, 3);
    let chain = examine(&old.concat(), head);
    assert!(!chain.flaws.is_empty(), "the head of before finds it");
    let (lines, _) = journal(2, 3);
    let mut bare = lines;
    let text = String::from_utf8(bare[1].clone()).unwrap();
    bare[1] = format!("{}}}\n", &text[..text.rfind(",\"digest\"").unwrap()]).into_bytes();
    assert_eq!(said(&examine(&bare.concat(), HeadRead::Missing)), [(FlawKind::Edited, Some(2))]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is done to a journal, the audit does not panic and never calls it intact, given its head.
    #[test]
    fn any_damage_is_found(
        format in 1u32..=2,
        cut in any::<prop::sample::Index>(),
        remove in any::<prop::sample::Index>(),
        insert in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let (lines, head) = journal(format, 6);
        let before = lines.concat();
        let mut after = before.clone();
        let from = cut.index(before.len());
        let to = from + remove.index(before.len() - from + 1);
        after.splice(from..to, insert);
        let chain = examine(&after, head);
        prop_assert_eq!(chain.flaws.is_empty(), after.starts_with(&before), "{:?}", chain.flaws);
        prop_assert!(chain.records.len() <= 6);
        let _ = examine(&after, HeadRead::Missing);
    }

    #[test]
    fn any_flipped_byte_is_found(format in 1u32..=2, at in any::<prop::sample::Index>(), flip in 1u8..) {
        let (lines, head) = journal(format, 6);
        let mut bytes = lines.concat();
        let at = at.index(bytes.len());
        let seq = bytes[..at].split(|byte| *byte == b'\n').count() as u64;
        bytes[at] ^= flip;
        let chain = examine(&bytes, head);
        prop_assert!(!chain.flaws.is_empty());
        let named: Vec<u64> = chain.flaws.iter().filter_map(|flaw| flaw.record).collect();
        prop_assert!(named.contains(&seq), "{seq} of {:?}", chain.flaws);
    }
}

// ------------------------------------------------------------------------------------------- the run's folder

struct House {
    _folder: tempfile::TempDir,
    dir: RunDir,
}

fn id(text: &str) -> StepId {
    text.parse().unwrap()
}

/// Makes a run with a step that left a log of 12 bytes, and a gate.
fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan();
    let dir = Store::open(folder.path()).unwrap().create(&plan, "", at(0)).unwrap();
    let (step, log) = (id("8/sync/Rocky"), "steps/01.log".to_owned());
    let by = person("lena", 1001);
    let catalog = Some(FileDigest::of(b""));
    dir.write(&log, b"twelve bytes").unwrap();
    let digest = Some(dir.write_evidence("gates/8-1.json", &blocked(), &Seal::default()).unwrap());
    let events = [
        Event::RunCreated { run: dir.id().clone(), plan: plan.digest, by, version: "1".to_owned(), catalog },
        starting(step.as_str(), 1, &log),
        Event::StepEnded { step, end: ProcessEnd::Exited { code: 0 }, log_bytes: 12 },
        Event::GateOpened {
            step: id("8/gate"),
            evidence: "gates/8-1.json".to_owned(),
            seal: Seal::default().digest(),
            demand: Demand::default(),
            digest,
        },
        Event::RunEnded {},
    ];
    let mut writer = Writer::open(&dir.journal()).unwrap();
    for event in &events {
        writer.append(at(0), event).unwrap();
    }
    House { _folder: folder, dir }
}

/// Returns evidence in which one finding blocks.
fn blocked() -> Evidence {
    evidence(vec![Finding::blocking(CheckName::Leftovers, "left", "a", "is left", "remove it")])
}

fn audited(dir: &RunDir) -> Vec<(FlawKind, String)> {
    Audit::of(dir).unwrap().flaws.into_iter().map(|flaw| (flaw.kind, flaw.message)).collect()
}

#[test]
fn a_run_that_nobody_touched_is_intact() {
    let House { dir, _folder } = house();
    let audit = Audit::of(&dir).unwrap();
    assert!(audit.intact, "{audit:?}");
    assert_eq!((audit.records, audit.trusted, audit.logs, audit.format), (5, 5, 1, Some(2)));
    assert_eq!(audit.notes, Vec::<String>::new());
}

#[test]
fn logs_plan_and_evidence_are_compared_with_what_was_recorded() {
    let mut edited = blocked();
    edited.findings.clear();
    let edited = serde_json::to_vec(&edited).unwrap();
    let changes: [(&str, &[u8], FlawKind, &str); 7] = [
        (
            "steps/01.log",
            b"twelve",
            FlawKind::LogShorter,
            "has 6 bytes, and record 3 says that the step ended with 12",
        ),
        ("steps/01.log", b"twelve bytes and more", FlawKind::LogLonger, "has 21 bytes"),
        ("plan.json", b"{}", FlawKind::PlanAltered, "cannot be used"),
        ("catalog.toml", b"[gate]\npeople = 1\n", FlawKind::CatalogAltered, "and record 1 says"),
        (
            "gates/8-1.seal.json",
            b"{\"paths\":{\"a\":{\"is\":\"link\",\"target\":\"b\"}}}",
            FlawKind::EvidenceAltered,
            "and record 4 says",
        ),
        ("gates/8-1.json", b"", FlawKind::EvidenceAltered, "is not what record 4 says"),
        ("gates/8-1.json", &edited, FlawKind::EvidenceAltered, "is not what record 4 says"),
    ];
    for (file, content, kind, words) in changes {
        let House { dir, _folder } = house();
        fs::write(dir.file(file), content).unwrap();
        let found = audited(&dir);
        assert_eq!(found.len(), 1, "{file}: {found:?}");
        assert!(found[0].0 == kind && found[0].1.contains(words), "{file}: {found:?}");
    }
    let House { dir, _folder } = house();
    fs::remove_file(dir.file("steps/01.log")).unwrap();
    assert_eq!(audited(&dir)[0].0, FlawKind::LogMissing);
}

#[test]
fn a_plan_that_was_exchanged_for_another_good_one_is_found() {
    let House { dir, _folder } = house();
    let mut other = plan();
    other.steps.pop();
    other.digest = other.compute_digest();
    fs::write(dir.file("plan.json"), serde_json::to_vec(&other).unwrap()).unwrap();
    let found = audited(&dir);
    assert!(found[0].0 == FlawKind::PlanAltered && found[0].1.contains("record 1 says"), "{found:?}");
}

#[test]
fn a_journal_of_another_run_is_found_and_a_copy_of_the_folder_is_not_one() {
    let House { dir, _folder } = house();
    let copy = dir.path().with_file_name("evidence-of-tuesday");
    copy_folder(dir.path(), &copy);
    let copied = RunDir::at(&copy).unwrap();
    assert_eq!(copied.id(), dir.id());
    assert!(Audit::of(&copied).unwrap().intact);
    let other = dir.path().with_file_name("20270101T000000Z-8-update");
    copy_folder(dir.path(), &other);
    let store = Store::open(dir.path().parent().unwrap().parent().unwrap()).unwrap();
    let found = audited(&store.run(&"20270101T000000Z-8-update".parse().unwrap()));
    assert_eq!(found[0].0, FlawKind::OtherRun, "{found:?}");
    assert!(RunDir::at(dir.path().parent().unwrap()).is_err(), "the folder of runs is no run");
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().flatten() {
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What no chain can tell: a whole journal made anew, head and all. A digest that was pasted elsewhere can.
#[test]
fn a_digest_that_was_kept_elsewhere_finds_a_journal_that_was_written_anew() {
    let House { dir, _folder } = house();
    let head = Audit::of(&dir).unwrap().head.unwrap().to_string();
    let mut same = Audit::of(&dir).unwrap();
    same.compare(&head[..16].to_uppercase());
    assert!(
        same.intact && same.notes[0].starts_with("record 5, the last, has the digest"),
        "{:?}",
        same.notes
    );
    let first = reader::read(&dir.journal()).unwrap().records[0].digest(2).to_string();
    let mut earlier = Audit::of(&dir).unwrap();
    earlier.compare(&first);
    assert!(earlier.intact && earlier.notes[0].ends_with("4 records were written behind it"));

    let events: Vec<Event> =
        reader::read(&dir.journal()).unwrap().records.into_iter().filter_map(|record| record.fact).collect();
    fs::remove_file(dir.journal()).unwrap();
    fs::remove_file(dir.file("head")).unwrap();
    let mut writer = Writer::open(&dir.journal()).unwrap();
    for event in &events {
        writer.append(at(1), event).unwrap();
    }
    let mut forged = Audit::of(&dir).unwrap();
    assert!(forged.intact, "{forged:?}");
    forged.compare(&head);
    assert!(!forged.intact);
    assert_eq!(forged.flaws[0].kind, FlawKind::OtherHead);
    assert!(!is_digest("beef") && !is_digest(&"g".repeat(64)) && is_digest(&head) && is_digest(&head[..16]));
}
