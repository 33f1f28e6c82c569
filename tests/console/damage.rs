//! Runs that are broken, in the console: they are listed with the others, and an open one says what is wrong.

use crate::host::Host;
use std::fs;
use std::path::Path;

#[test]
fn broken_runs_are_listed_and_an_open_one_says_that_its_journal_is_damaged() {
    let host = Host::new(&[]);
    let runs = host.at("state/runs");
    fs::create_dir_all(&runs).unwrap();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals");
    for (number, (version, name)) in
        [("v1", "line-changed"), ("v1", "torn-in-the-first-line"), ("v2", "cut"), ("v2", "given-up")]
            .into_iter()
            .enumerate()
    {
        let to = runs.join(format!("2026110{number}T000000Z-8-{name}"));
        fs::create_dir(&to).unwrap();
        for file in ["plan.json", "journal.jsonl", "head"] {
            let from = corpus.join(version).join(name).join(file);
            if from.exists() {
                fs::copy(from, to.join(file)).unwrap();
            }
        }
    }
    fs::create_dir(runs.join("20261105T000000Z-8-nothing")).unwrap();
    fs::write(runs.join("a file"), "").unwrap();

    let mut console = host.console();
    console.keys("5");
    console.wait_for(&["5 runs", "unreadable  20261105T000000Z-8-nothing"]);
    console.keys("q");
    for (run, said) in
        [("20261102T000000Z-8-cut", "it was cut"), ("20261103T000000Z-8-given-up", "room for another record")]
    {
        let mut console = host.open(&["attach", run]);
        console.wait_for(&[said]);
        console.keys("q");
    }
}
