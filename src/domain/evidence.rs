//! Evidence: what is laid before the engineer at a gate.

use super::compose::ComposeId;
use super::finding::{Finding, FindingId};
use super::flow::CheckName;
use super::name::{ReleaseId, RepoName};
use super::seal::SealDigest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What happens to one package or file when staging goes to production.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Production gets a name it does not have.
    Added,
    /// Production gets a newer version.
    Updated,
    /// Production gets an older version than its newest.
    Downgraded,
    /// Production has it and staging does not.
    Removed,
    /// The same name with other content.
    Rebuilt,
}

/// One change that a publish brings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change {
    /// What happens.
    pub kind: ChangeKind,
    /// Where: variant and arch, `AppStream/x86_64/os`.
    pub place: String,
    /// The package's name, or the file's path.
    pub name: String,
    /// What production has: version and release.
    pub from: Option<String>,
    /// What staging has.
    pub to: Option<String>,
    /// Bytes of the file that staging has, or that production had; 0 where an old journal does not say.
    #[serde(default)]
    pub size: u64,
}

/// An advisory that production gains or loses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AdvisoryChange {
    /// Added or removed.
    pub kind: ChangeKind,
    /// Where: variant and arch.
    pub place: String,
    /// `RLSA-2024:1234`
    pub id: String,
    /// `security`, `bugfix`, `enhancement`
    pub sort: String,
    /// `Important`; empty where there is none.
    pub severity: String,
    /// One line.
    pub title: String,
    /// The CVE ids that it names.
    pub cves: Vec<String>,
}

/// A module stream that production gains or loses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamChange {
    /// Added or removed.
    pub kind: ChangeKind,
    /// Where: variant and arch.
    pub place: String,
    /// `nodejs:18`
    pub name: String,
    /// Whether the whole module comes or goes with it.
    pub whole_module: bool,
}

/// All changes that a publish brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Changes {
    /// Packages, ordered by place and name.
    pub packages: Vec<Change>,
    /// Images and torrents.
    pub files: Vec<Change>,
    /// Bytes that production gains.
    pub bytes: u64,
    /// Advisories, ordered by place and id; none in journals of before there were any.
    #[serde(default)]
    pub advisories: Vec<AdvisoryChange>,
    /// Module streams, ordered by place and name.
    #[serde(default)]
    pub streams: Vec<StreamChange>,
}

impl Changes {
    /// Returns whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A repo as it goes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingRepo {
    /// Which repo.
    pub repo: RepoName,
    /// The compose that staging holds of it, as far as can be told.
    pub compose: Option<ComposeId>,
    /// Whether this run touched it; if not it is shown as "also goes out".
    pub touched: bool,
}

/// A finding that was let through by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// Which finding.
    pub finding: FindingId,
    /// What the finding said: what says something else is not let through. Earlier versions did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: super::approval::Identity,
    /// When.
    pub at: Timestamp,
}

impl Waiver {
    /// Returns whether it lets `finding` through: the same finding, as long as it says what it said then.
    pub fn covers(&self, finding: &Finding) -> bool {
        self.finding == finding.id && self.message.as_ref().is_none_or(|message| *message == finding.message)
    }

    /// Returns the waiver that lets `finding` through, if one does.
    pub fn of<'a>(finding: &Finding, waivers: &'a [Self]) -> Option<&'a Self> {
        waivers.iter().find(|waiver| waiver.covers(finding))
    }
}

/// What is laid before the engineer at a gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The release.
    pub release: ReleaseId,
    /// Its revision.
    pub revision: String,
    /// What was vetted.
    pub staging: PathBuf,
    /// Where it would go.
    pub production: PathBuf,
    /// When this was computed.
    pub at: Timestamp,
    /// The repos that go out.
    pub repos: Vec<OutgoingRepo>,
    /// Everything that was found, blocking first.
    pub findings: Vec<Finding>,
    /// What production would gain and lose.
    pub changes: Changes,
    /// What a human confirms.
    pub checklist: Vec<String>,
    /// The seal.
    pub seal: SealDigest,
    /// How many paths the seal covers.
    pub sealed_paths: usize,
    /// What production holds now, in a sentence.
    pub production_now: String,
    /// The checks that looked, in the order in which they did; none in evidence of before they were told.
    #[serde(default)]
    pub checks: Vec<Checked>,
}

/// A check that looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Which.
    pub check: CheckName,
    /// When it was through: later than the evidence where it alone looked again.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl Evidence {
    /// Returns the blocking findings that no waiver covers.
    pub fn blocking<'a>(&'a self, waivers: &'a [Waiver]) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(|finding| finding.blocks() && Waiver::of(finding, waivers).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::{at, person};

    fn missing(message: &str) -> Finding {
        Finding::blocking(CheckName::ErrataPresent, "lost", "BaseOS", message, "sync again")
    }

    #[test]
    fn a_waiver_is_for_what_the_finding_said() {
        let (waived, worse) = (missing("2 of 900 are missing"), missing("899 of 900 are missing"));
        assert_eq!(waived.id, worse.id, "it is the same finding");
        let of = |message: Option<&str>| Waiver {
            finding: waived.id.clone(),
            message: message.map(str::to_owned),
            reason: "known".to_owned(),
            by: person("lena", 1001),
            at: at(0),
        };
        let now = of(Some("2 of 900 are missing"));
        assert!(now.covers(&waived) && !now.covers(&worse));
        assert_eq!(Waiver::of(&worse, std::slice::from_ref(&now)), None);
        assert!(of(None).covers(&worse), "an old journal names the finding alone");
        let old = serde_json::to_string(&of(None)).unwrap();
        assert!(!old.contains("message"), "{old}");
        assert_eq!(serde_json::from_str::<Waiver>(&old).unwrap(), of(None));
    }
}
