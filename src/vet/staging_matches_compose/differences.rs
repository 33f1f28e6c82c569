//! What staging lacks or has otherwise, the most telling first.
//!
//! Whoever reads one line of it must read of a missing package, not of a repomd.xml that differs because of
//! it; and must learn from that line how many files are missing.

use crate::compose::content::ContentKind;
use crate::domain::compose::ComposeId;
use crate::vet::found::Found;
use crate::vet::places::shown;
use std::collections::BTreeMap;
use std::path::Path;

/// All differences of one check, in any order until they are added to what was found.
#[derive(Debug, Default)]
pub(super) struct Differences {
    all: Vec<Difference>,
    missing: BTreeMap<String, usize>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Difference {
    rank: Rank,
    path: String,
    compose: String,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    MissingTree,
    Missing(u8),
    Differs(u8),
}

/// Packages before images before everything else, metadata last: it only follows from the others.
fn weight(kind: ContentKind) -> u8 {
    match kind {
        ContentKind::Package => 0,
        ContentKind::Image => 1,
        ContentKind::Metadata => 3,
        ContentKind::Other => 2,
    }
}

impl Differences {
    /// Adds a folder of which nothing is there, with the number of its files.
    pub(super) fn missing_tree(&mut self, compose: &ComposeId, path: &Path, files: usize) {
        *self.missing.entry(compose.to_string()).or_default() += files;
        self.add(Rank::MissingTree, compose, path, format!("is missing whole: {files} files of {compose}"));
    }

    /// Adds a file that is not there.
    pub(super) fn missing(&mut self, compose: &ComposeId, path: &Path, kind: ContentKind) {
        *self.missing.entry(compose.to_string()).or_default() += 1;
        self.add(Rank::Missing(weight(kind)), compose, path, format!("is missing; {compose} has it"));
    }

    /// Adds a file that is there and is another.
    pub(super) fn differs(&mut self, compose: &ComposeId, path: &Path, kind: ContentKind, how: &str) {
        self.add(Rank::Differs(weight(kind)), compose, path, format!("differs from {compose}: {how}"));
    }

    fn add(&mut self, rank: Rank, compose: &ComposeId, path: &Path, detail: String) {
        self.all.push(Difference { rank, path: shown(path), compose: compose.to_string(), detail });
    }

    /// Adds all of them to what was found, in the order in which they matter.
    pub(super) fn add_to(mut self, found: &mut Found<'_>) {
        found.keep_order();
        self.all.sort();
        for difference in self.all {
            let kind = match difference.rank {
                Rank::MissingTree => "missing-tree",
                Rank::Missing(_) => "missing",
                Rank::Differs(_) => "differs",
            };
            let mut message = difference.detail;
            // Said once for each compose, with the first file of it that is missing.
            if let Rank::Missing(_) = difference.rank
                && let Some(count @ 2..) = self.missing.remove(&difference.compose)
            {
                message = format!("is missing, one of {count} missing files of {}", difference.compose);
            }
            found.blocking(kind, difference.path, message, "sync the repo again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::flow::CheckName;

    #[test]
    fn a_missing_package_is_named_first_and_says_how_many_are_missing() {
        let id: ComposeId = "Rocky-8-updates-20210721.1".parse().unwrap();
        let mut differences = Differences::default();
        differences.differs(&id, Path::new("a/repodata/repomd.xml"), ContentKind::Metadata, "3 bytes");
        differences.missing(&id, Path::new("a/repodata/x.xml.gz"), ContentKind::Metadata);
        differences.missing(&id, Path::new("b/Packages/z.rpm"), ContentKind::Package);
        differences.differs(&id, Path::new("a/Packages/a.rpm"), ContentKind::Package, "2 bytes");
        differences.missing(&id, Path::new("b/Packages/b.rpm"), ContentKind::Package);
        let mut found = Found::new(CheckName::StagingMatchesCompose, &[]);
        differences.add_to(&mut found);
        let findings = found.into_findings();
        let paths: Vec<&str> = findings.iter().map(|finding| finding.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "b/Packages/b.rpm",
                "b/Packages/z.rpm",
                "a/repodata/x.xml.gz",
                "a/Packages/a.rpm",
                "a/repodata/repomd.xml"
            ]
        );
        assert_eq!(findings[0].message, format!("is missing, one of 3 missing files of {id}"));
        assert_eq!(findings[1].message, format!("is missing; {id} has it"));
    }
}
