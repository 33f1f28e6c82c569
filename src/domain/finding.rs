//! Findings: what checks say, with a severity, a path and what to do.

use super::flow::CheckName;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Said, nothing more.
    Info,
    /// To be read before approving.
    Warning,
    /// Must be gone or waived by name.
    Blocking,
}

/// The catalog's word on how much a check's findings weigh below a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeverityRule {
    /// The check it is about.
    pub check: CheckName,
    /// A pattern over the path relative to the release: `*` within a part, `**` across parts; none fits all.
    pub path: Option<String>,
    /// Whether it is about findings that production has already, or has not; none fits both.
    #[serde(default)]
    pub inherited: Option<bool>,
    /// The weight.
    pub severity: Severity,
}

/// Names a finding for good: the same problem at the same path has the same id in every evaluation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FindingId(pub String);

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its stable id: ten hexadecimal digits.
    pub id: FindingId,
    /// The check that found it.
    pub check: CheckName,
    /// Its weight.
    pub severity: Severity,
    /// Where: a path, a step or a program.
    pub path: String,
    /// What is wrong, as a sentence fragment.
    pub message: String,
    /// What to do next.
    pub advice: String,
    /// Whether production has it already.
    pub inherited: bool,
}

impl Finding {
    /// Makes a finding; `kind` names the problem within the check and never changes, whatever the message says.
    pub fn new(
        check: CheckName,
        severity: Severity,
        kind: &str,
        path: impl Into<String>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let path = path.into();
        let mut hash = Sha256::new();
        hash.update(format!("{check}\0{kind}\0{path}"));
        let id = FindingId(hex::encode(&hash.finalize()[..5]));
        Self { id, check, severity, path, message: message.into(), advice: advice.into(), inherited: false }
    }

    /// Makes a blocking finding.
    pub fn blocking(
        check: CheckName,
        kind: &str,
        path: impl Into<String>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(check, Severity::Blocking, kind, path, message, advice)
    }

    /// Returns whether it stops what it was found for.
    pub fn blocks(&self) -> bool {
        self.severity == Severity::Blocking
    }
}

/// Says in one line what stops a step: the first blocking finding, by its path, and how many more there are.
pub fn first_blocking(findings: &[Finding]) -> Option<String> {
    let mut blocking = findings.iter().filter(|finding| finding.blocks());
    let first = blocking.next()?;
    let more = match blocking.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Some(format!("{}: {}{more}", first.path, first.message))
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_value(self).ok().and_then(|value| value.as_str().map(str::to_owned));
        f.pad(text.as_deref().unwrap_or("unknown"))
    }
}
