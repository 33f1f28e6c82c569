//! Which check looks where: the one table that gates, `verify` and its tests read.
//!
//! A check that has no row does not compile, so that a new one is forgotten nowhere. What a step asks for by itself,
//! before or after it, is the catalog's word and stands in no row.

use crate::domain::flow::CheckName;

/// When checks are asked that no step names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The evidence of every gate, whatever its flow.
    Gate,
    /// `verify` of the composes of a release.
    Composes,
    /// `verify` of staging.
    Staging,
    /// `verify` of production.
    Production,
    /// `verify` of a folder of RPM repos, about which no catalog says anything.
    Folder,
}

impl Occasion {
    /// Returns the checks of this occasion, in the order in which they are told.
    pub fn checks(self) -> Vec<CheckName> {
        let mut checks: Vec<CheckName> =
            TOLD.iter().copied().filter(|check| occasions(*check).contains(&self)).collect();
        if self == Self::Folder {
            // Nothing is known of it beforehand, and what lies about there may explain all that follows.
            checks.sort_by_key(|check| *check != CheckName::Leftovers);
        }
        checks
    }
}

macro_rules! table {
    ($( $check:ident [$($occasion:ident),*]; )+) => {
        /// Every check, in the order in which they are told.
        const TOLD: &[CheckName] = &[$( CheckName::$check ),+];

        /// Returns when a check is asked that no step names; never for one that only looks around a step.
        const fn occasions(check: CheckName) -> &'static [Occasion] {
            match check {
                $( CheckName::$check => &[$( Occasion::$occasion ),*], )+
            }
        }
    };
}

table! {
    Mounts [Gate, Staging, Production];
    Target [Gate];
    ComposeFinished [Composes];
    StagingMatchesCompose [Gate, Staging];
    ProductionMatchesStaging [Production];
    RightRelease [Gate, Staging, Production];
    MetadataConsistent [Gate, Staging, Production, Folder];
    MetadataSigned [Gate, Staging, Production, Folder];
    PackagesSigned [Gate, Staging, Production, Folder];
    ModulesPresent [Gate, Staging, Production, Folder];
    CompsPresent [Gate, Staging, Production, Folder];
    ErrataPresent [Gate, Staging, Production, Folder];
    // Nothing stands behind production: there is nothing that it could have lost.
    NoRegression [Gate, Staging, Folder];
    DependenciesClosed [Gate, Staging, Production, Folder];
    FileListsFresh [Production];
    Leftovers [Gate, Staging, Folder];
    Deletions [Gate];
    Skipped [Gate];
    // Around a step alone.
    Tools [];
    Scripts [];
    Signer [];
    Sudo [];
    Inputs [];
    TorrentsWritten [];
    JobLog [];
    Phrases [];
    AnsibleRecap [];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(occasion: Occasion) -> String {
        occasion.checks().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_gate_is_told_everything_that_can_be_known_before_the_push() {
        assert_eq!(
            told(Occasion::Gate),
            "mounts target staging-matches-compose right-release metadata-consistent metadata-signed \
             packages-signed modules-present comps-present errata-present no-regression dependencies-closed \
             leftovers deletions skipped"
        );
    }

    #[test]
    fn verify_is_told_what_fits_its_position() {
        assert_eq!(told(Occasion::Composes), "compose-finished");
        assert_eq!(
            told(Occasion::Staging),
            "mounts staging-matches-compose right-release metadata-consistent metadata-signed packages-signed \
             modules-present comps-present errata-present no-regression dependencies-closed leftovers"
        );
        assert_eq!(
            told(Occasion::Production),
            "mounts production-matches-staging right-release metadata-consistent metadata-signed packages-signed \
             modules-present comps-present errata-present dependencies-closed file-lists-fresh"
        );
        assert_eq!(
            told(Occasion::Folder),
            "leftovers metadata-consistent metadata-signed packages-signed modules-present comps-present \
             errata-present no-regression dependencies-closed"
        );
    }

    /// What `verify` finds wrong in staging, a gate finds too.
    #[test]
    fn a_gate_asks_whatever_verify_asks_of_staging() {
        let gate = Occasion::Gate.checks();
        assert!(Occasion::Staging.checks().iter().all(|check| gate.contains(check)));
    }
}
