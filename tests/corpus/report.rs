//! What the real binary says of the trees, in bounded memory and time, and what it must say: the defect by its check and
//! path, what follows from it, and nothing else.

use super::template::Trees;
use serde_json::Value;
use std::process::{Command, Output};

/// The most memory that a look may take, in KiB: what it allocates, stacks included (`RLIMIT_DATA`). Beyond it an
/// allocation fails, and with it the program.
const MEMORY: u64 = 256 << 10;
/// The longest that a look may take, in seconds; it takes a fraction of one.
const TIME: u64 = 60;

/// What was found, as it is left to be explained.
#[derive(Debug)]
pub(crate) struct Report {
    findings: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    severity: String,
    check: String,
    path: String,
    message: String,
    inherited: bool,
}

/// Runs the program within the bounds.
pub(crate) fn bounded(memory: u64, args: &[&str]) -> Output {
    let script = "ulimit -c 0 && ulimit -d \"$1\" && shift && exec \"$@\"";
    Command::new("timeout")
        .arg(format!("{TIME}s"))
        .args(["bash", "-c", script, "bash", &memory.to_string(), env!("CARGO_BIN_EXE_stagegate")])
        .args(args)
        .output()
        .unwrap()
}

impl Trees {
    /// Verifies staging against production.
    pub(crate) fn verify(&self) -> Report {
        self.verify_with(&[])
    }

    pub(crate) fn verify_with(&self, more: &[&str]) -> Report {
        let (staging, production, key) = (self.staging(""), self.production(""), self.key());
        let mut args = vec!["verify", staging.to_str().unwrap(), "--key", key.to_str().unwrap()];
        args.extend(["--against", production.to_str().unwrap(), "--format", "json"]);
        args.extend(more);
        Report::of(&bounded(MEMORY, &args))
    }
}

impl Report {
    pub(crate) fn of(output: &Output) -> Self {
        let errors = String::from_utf8_lossy(&output.stderr);
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|why| panic!("{why}, it ended with {}: {errors}", output.status));
        let word = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
        let line = |finding: &Value| Line {
            severity: word(finding, "severity"),
            check: word(finding, "check"),
            path: word(finding, "path"),
            message: word(finding, "message"),
            inherited: finding["inherited"].as_bool().unwrap(),
        };
        let findings: Vec<Line> = report["findings"].as_array().unwrap().iter().map(line).collect();
        let blocks = findings.iter().any(|one| one.severity == "blocking" && !one.inherited);
        assert_eq!(output.status.code(), Some(i32::from(blocks)), "{findings:#?}{errors}");
        Self { findings }
    }

    /// The defect itself: one blocking finding of that check at that path, which says that.
    pub(crate) fn finds(self, check: &str, path: &str, says: &str) -> Self {
        self.take("blocking", check, path, says)
    }

    /// The same, of what only has to be read.
    pub(crate) fn warns(self, check: &str, path: &str, says: &str) -> Self {
        self.take("warning", check, path, says)
    }

    /// The same, of what only says something.
    pub(crate) fn tells(self, check: &str, path: &str, says: &str) -> Self {
        self.take("info", check, path, says)
    }

    /// What another check rightly says because of the defect.
    pub(crate) fn follows(self, check: &str, path: &str, says: &str) -> Self {
        self.take("blocking", check, path, says)
    }

    fn take(mut self, severity: &str, check: &str, path: &str, says: &str) -> Self {
        let fits = |line: &Line| {
            line.severity == severity
                && line.check == check
                && line.path == path
                && line.message.contains(says)
        };
        let Some(at) = self.findings.iter().position(fits) else {
            panic!("no {severity} finding of {check} at {path} says `{says}`: {:#?}", self.findings)
        };
        self.findings.remove(at);
        self
    }

    pub(crate) fn and_nothing_else(self) {
        assert_eq!(self.findings, [], "not explained by the defect");
    }
}

/// The trees that the defects are seeded into have none, and a look at them fits into far less memory than it may take.
#[test]
fn the_clean_trees_have_no_findings() {
    let trees = Trees::new();
    trees.verify().and_nothing_else();
    trees.verify_with(&["--deep"]).and_nothing_else();
}

/// The bound would be worth nothing if it did not hold.
#[test]
fn the_bound_on_memory_stops_a_look() {
    let trees = Trees::new();
    let staging = trees.staging("");
    let output = bounded(1 << 10, &["verify", staging.to_str().unwrap(), "--format", "json"]);
    assert!(!matches!(output.status.code(), Some(0 | 1)), "{output:?}");
}
