//! Tables over recordings of the real tools, and a property: nothing makes a reader panic or grow.

use super::*;
use proptest::prelude::*;

macro_rules! recording {
    ($path:literal) => {
        include_bytes!(concat!("../../../tests/fixtures/exec/", $path))
    };
}

const RSYNC: ProgressFormat = ProgressFormat::Rsync;
const PREP: ProgressFormat = ProgressFormat::Createrepo { expected: Some(55) };

/// Feeds a recording line end by line end and returns every progress that differed from the one before.
fn course(format: ProgressFormat, text: &[u8]) -> Vec<Progress> {
    let mut reader = ProgressReader::new(format);
    let mut told = Vec::new();
    for piece in text.split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
        reader.feed(piece);
        if let Some(now) = reader.current().filter(|now| told.last() != Some(now)) {
            told.push(now);
        }
    }
    told
}

fn last(format: ProgressFormat, text: &[u8]) -> (Option<f32>, String) {
    course(format, text).pop().map_or((None, String::new()), |end| (end.fraction, end.label))
}

fn hundredths(told: &[Progress]) -> Vec<u32> {
    let mut steps: Vec<u32> =
        told.iter().filter_map(|now| now.fraction).map(|part| (part * 100.0).round() as u32).collect();
    steps.dedup();
    steps
}

#[test]
fn rsync_counts_files_with_the_one_under_way() {
    let told = course(RSYNC, recording!("terminal/rsync-progress.typescript"));
    let steps = hundredths(&told);
    assert_eq!(steps, [0, 43, 54, 57, 66, 71, 72, 79, 86], "{steps:?}");
    assert!(told.iter().any(|now| now.label == "3/7 files, 2.51MB/s"), "{told:?}");
    assert_eq!(told.last().unwrap().label, "1 transfers done");
}

#[test]
fn rsync_progress2_tells_the_percentage_of_the_whole() {
    for (text, steps) in [
        (
            &recording!("terminal/rsync-progress2.typescript")[..],
            [0, 22, 24, 44, 49, 66, 74, 88, 99].as_slice(),
        ),
        (recording!("terminal/rsync-progress2-noinc.typescript"), &[0, 22, 24, 44, 49, 66, 74]),
    ] {
        let told = course(RSYNC, text);
        let told = hundredths(&told);
        assert_eq!(
            told.iter().copied().filter(|step| steps.contains(step)).collect::<Vec<_>>(),
            steps,
            "{told:?}"
        );
    }
}

#[test]
fn rsync_says_nothing_certain_while_its_list_grows() {
    let mut reader = ProgressReader::new(RSYNC);
    reader.feed(b"sending incremental file list\na.rpm\n\r   3.00M 100%    2.51MB/s    0:00:01 (xfr#1, ir-chk=1000/1003)\n");
    assert_eq!(reader.current(), Some(Progress { fraction: None, label: "3/1003+ files, 2.51MB/s".into() }));
}

#[test]
fn tagged_transfers_are_summed_up() {
    let told = course(RSYNC, recording!("scripts/tl-old-sync-PARALLEL-env.typescript"));
    // A transfer that appears later may take it back; once all are there nothing does.
    let all: Vec<Progress> =
        told.iter().filter(|now| now.label.contains("of 18 transfers")).cloned().collect();
    let steps = hundredths(&all);
    assert!(steps.len() > 20 && steps.is_sorted(), "{steps:?}");
    let end = told.last().unwrap();
    assert_eq!(end.fraction, Some(NEARLY));
    assert!(end.label.starts_with("18 of 18 transfers done, "), "{}", end.label);
}

#[test]
fn transfers_in_a_row_are_counted_without_a_fraction() {
    let (fraction, label) = last(RSYNC, recording!("scripts/gen1-sync-Rocky.typescript"));
    assert_eq!((fraction, label.as_str()), (None, "18 transfers done"));
}

#[test]
fn prep_counts_its_repos() {
    let told = course(PREP, recording!("scripts/gen1-prep.typescript"));
    let steps = hundredths(&told);
    assert!(steps.is_sorted() && steps.len() >= 50, "{steps:?}");
    assert_eq!(*steps.last().unwrap(), 91); // 50 of 55
    assert!(told.iter().any(|now| now.label == "repo 1 of 55: Extras/source/tree"), "{:?}", &told[..4]);
    assert_eq!(told.last().unwrap().label, "50 repos, Fix variants");
    assert_eq!(last(PREP, recording!("scripts/k-prep-ctrlc.typescript")).0, Some(49.0 / 55.0));
}

#[test]
fn createrepo_alone_has_no_fraction() {
    let format = ProgressFormat::Createrepo { expected: None };
    for text in [
        &recording!("terminal/createrepo-plain.typescript")[..],
        recording!("terminal/createrepo-verbose.typescript"),
    ] {
        assert_eq!(last(format, text), (None, "repo 1: mnt/cr".into()));
    }
    for text in [
        &recording!("terminal/createrepo-quiet.typescript")[..],
        recording!("terminal/createrepo-nodir.typescript"),
    ] {
        assert!(course(format, text).is_empty());
    }
}

#[test]
fn ansible_names_its_tasks_and_its_recap() {
    let format = ProgressFormat::Ansible;
    for (text, end) in [
        (&recording!("terminal/ans-ok.typescript")[..], "recap: 2 hosts, all well"),
        (recording!("terminal/ans-fail.typescript"), "recap: 2 of 2 hosts failed"),
        (recording!("terminal/ans-unreach.typescript"), "recap: 1 of 1 hosts failed"),
        (recording!("terminal/ans-nohosts.typescript"), "recap: no host took part"),
        (recording!("terminal/ans-noinv.typescript"), "recap: no host took part"),
        (recording!("terminal/ans-noplaybook.typescript"), ""),
        (recording!("terminal/ans-badmod.typescript"), ""),
    ] {
        assert_eq!(last(format, text).1, end);
    }
    let told = course(format, recording!("terminal/ans-ok.typescript"));
    assert!(told.iter().any(|now| now.label == "task 3: Publish updateinfo"), "{told:?}");
}

#[test]
fn pungi_adds_up_its_phases() {
    let told = course(ProgressFormat::Pungi, recording!("pungi/pungi.global.log.updates"));
    let steps = hundredths(&told);
    assert!(steps.is_sorted() && steps.len() > 30, "{steps:?}");
    assert_eq!(told.last().unwrap(), &Progress { fraction: Some(NEARLY), label: "compose finished".into() });
    for label in ["PKGSET, linked 100/138 packages", "GATHER 12/24", "CREATEREPO 15/30"] {
        assert!(told.iter().any(|now| now.label.starts_with(label)), "{label}");
    }
}

#[test]
fn pungi_that_fails_stays_where_it_was() {
    for (text, end, at_least, at_most) in [
        (&recording!("pungi/pungi.global.log.FINISHED_INCOMPLETE")[..], "compose finished", 0.99, 0.99),
        (recording!("pungi/pungi.global.log.DOOMED"), "compose failed", 0.0, 0.2),
        (recording!("pungi/pungi.global.log.TERMINATED"), "compose failed", 0.2, 0.8),
    ] {
        let (fraction, label) = last(ProgressFormat::Pungi, text);
        assert_eq!(label, end);
        assert!((at_least..=at_most).contains(&fraction.unwrap()), "{end} {fraction:?}");
    }
}

#[test]
fn a_line_that_appears_twice_counts_once() {
    let text = recording!("pungi/pungi.global.log.updates");
    let twice: Vec<u8> = text
        .split_inclusive(|byte| *byte == b'\n')
        .flat_map(|line| [line, line])
        .flatten()
        .copied()
        .collect();
    assert_eq!(course(ProgressFormat::Pungi, &twice), course(ProgressFormat::Pungi, text));
}

#[test]
fn labels_are_short_and_free_of_escapes() {
    let mut reader = ProgressReader::new(ProgressFormat::Ansible);
    reader.feed(format!("TASK [\x1b]52;c;eA==\x07{}] ****\r\n", "n\u{e4}me ".repeat(40)).as_bytes());
    let label = reader.current().unwrap().label;
    assert!(label.chars().count() <= 60 && label.starts_with("task 1: n\u{e4}me"), "{label}");
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic_and_borders_make_no_difference(
        pieces in proptest::collection::vec(
            prop_oneof![
                any::<Vec<u8>>(),
                "[0-9.]{1,4}[KM]? +[0-9]{1,3}% +[0-9.]+MB/s 0:00:0[0-9]( \\(xfr#[0-9], (to|ir)-chk=[0-9]{1,11}/[0-9]{1,11}\\))?[\r\n]".prop_map(String::into_bytes),
                "(V/x\t)?sending incremental file list\n".prop_map(String::into_bytes),
                "2021-07-21 17:44:00 \\[INFO    \\] \\[(BEGIN|DONE |SKIP )\\] (---------- PHASE: (GATHER|PKGSET) ----------|Creating repo \\(arch: [a-c], variant: [A-C]\\): /p)\n".prop_map(String::into_bytes),
                "2021-07-21 17:44:00 \\[DEBUG   \\] Linked [0-9]{1,12} out of [0-9]{1,12} packages\n".prop_map(String::into_bytes),
                "Temporary output repo path: [a-z/]{0,9}\n".prop_map(String::into_bytes),
                "PLAY RECAP \\*\n|TASK \\[[a-z]*\\] \\*\n|h : ok=1 failed=[01]\n".prop_map(String::into_bytes),
            ], 0..30),
        cut in 1usize..40,
    ) {
        let whole = pieces.concat();
        for format in [ProgressFormat::Pungi, RSYNC, PREP, ProgressFormat::Ansible, ProgressFormat::None] {
            let (mut one, mut many) = (ProgressReader::new(format), ProgressReader::new(format));
            one.feed(&whole);
            for piece in whole.chunks(cut) {
                many.feed(piece);
                if let Some(now) = many.current() {
                    prop_assert!(now.fraction.is_none_or(|part| (0.0..=NEARLY).contains(&part)));
                    prop_assert!(now.label.chars().count() <= LABEL && !now.label.chars().any(char::is_control));
                }
            }
            prop_assert_eq!(one.current(), many.current());
        }
    }

    #[test]
    fn a_line_without_end_takes_no_memory(length in 5_000usize..200_000) {
        let mut reader = ProgressReader::new(RSYNC);
        reader.feed(&vec![b'x'; length]);
        reader.feed(&vec![b'y'; length]);
        prop_assert!(reader.partial.len() <= SEGMENT);
    }
}
