//! What a gate asks of those who approve it, and how far that is met.
//!
//! It counts what is recorded; whether an approval holds is for [`crate::domain::launch`] to say.

use super::{Approval, Refusal};
use crate::domain::name::ReleaseId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a gate asks for, as the run's catalog says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// How many different people must approve: 1 or 2.
    pub people: u8,
    /// The file of those who may sign (ssh-keygen(1), ALLOWED SIGNERS); none where approvals are not signed.
    pub signers: Option<PathBuf>,
    /// Whether one person may do for two, by saying so and why.
    pub solo: bool,
    /// How long an approval holds, in seconds.
    pub expires_s: u64,
}

/// How the approvals of a gate stand, for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalCount {
    given: usize,
    needed: u8,
    met: bool,
    /// Whether they are signatures.
    signed: bool,
    by: Vec<ApprovedBy>,
    words: String,
}

impl ApprovalCount {
    /// Returns whether some were given and more are needed.
    pub fn is_partial(&self) -> bool {
        self.given > 0 && !self.met
    }

    /// Says it in words.
    pub fn words(&self) -> &str {
        &self.words
    }
}

/// One approval, for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovedBy {
    who: String,
    key: Option<String>,
    at: Timestamp,
    expires: Timestamp,
    solo: bool,
    reason: Option<String>,
}

impl Default for Demand {
    /// One person, no signature: what journals ask for that do not say it.
    fn default() -> Self {
        Self { people: 1, signers: None, solo: false, expires_s: 0 }
    }
}

impl Demand {
    /// Returns whether a journal says it: what a catalog asks for always lets an approval hold for some time.
    pub fn is_recorded(&self) -> bool {
        self.expires_s > 0
    }

    /// Returns whether `approvals` are as many as are asked for: enough people, or one who approves alone.
    pub fn is_met(&self, approvals: &[Approval]) -> bool {
        approvals.iter().any(|approval| approval.solo) || approvals.len() >= usize::from(self.people.max(1))
    }

    /// Returns whether `approval` may stand beside those that were given before; seal, plan and signature apart.
    ///
    /// # Errors
    ///
    /// If an earlier one has expired, it is the same person's, the person is not known, or alone where that is not allowed.
    pub fn admit(&self, before: &[Approval], approval: &Approval, now: Timestamp) -> Result<(), Refusal> {
        if let Some(old) = before.iter().find(|old| old.expires <= now) {
            return Err(Refusal::Expired { by: old.who().to_owned(), expired: old.expires });
        }
        let release = || approval.release.clone();
        if approval.solo {
            self.admit_solo(approval)?;
        }
        if self.people < 2 {
            return Ok(());
        }
        if approval.by.login_uid.is_none() {
            return Err(Refusal::UnknownPerson);
        }
        for old in before {
            if let Some(what) = old.same_person(approval) {
                return Err(Refusal::SamePerson { release: release(), by: old.who().to_owned(), what });
            }
        }
        Ok(())
    }

    /// Returns whether one person may approve alone.
    pub(in crate::domain) fn admit_solo(&self, approval: &Approval) -> Result<(), Refusal> {
        let why = if self.people < 2 {
            "one person is enough, so leave --solo out"
        } else if !self.solo {
            "the catalog does not allow it (solo = false)"
        } else if approval.reason.as_ref().is_none_or(|reason| reason.trim().is_empty()) {
            "that needs a reason: --reason \"…\""
        } else {
            return Ok(());
        };
        Err(Refusal::Solo { release: approval.release.clone(), why: why.to_owned() })
    }

    /// Returns whether `approvals` hold two people who have nothing in common, where two are asked for.
    pub(in crate::domain) fn admit_people(
        &self,
        release: &ReleaseId,
        approvals: &[Approval],
    ) -> Result<(), Refusal> {
        for approval in approvals.iter().filter(|approval| approval.solo) {
            self.admit_solo(approval)?;
        }
        if self.people < 2 {
            return Ok(());
        }
        if approvals.iter().any(|approval| approval.by.login_uid.is_none()) {
            return Err(Refusal::UnknownPerson);
        }
        if approvals.iter().any(|approval| approval.solo) {
            return Ok(());
        }
        let has_other = |one: &Approval| approvals.iter().any(|other| one.same_person(other).is_none());
        if !approvals.iter().any(has_other) {
            let by: Vec<&str> = approvals.iter().map(Approval::who).collect();
            return Err(Refusal::NeedsAnother {
                release: release.clone(),
                people: self.people,
                by: by.join(", "),
            });
        }
        Ok(())
    }

    /// Returns how the approvals stand, for programs.
    pub fn count(&self, approvals: &[Approval]) -> ApprovalCount {
        let by = |approval: &Approval| ApprovedBy {
            who: approval.who().to_owned(),
            key: approval.signed.as_ref().map(|signed| signed.key.clone()),
            at: approval.at,
            expires: approval.expires,
            solo: approval.solo,
            reason: approval.reason.clone(),
        };
        ApprovalCount {
            given: approvals.len(),
            needed: self.people.max(1),
            met: self.is_met(approvals),
            signed: self.signers.is_some(),
            by: approvals.iter().map(by).collect(),
            words: self.words(approvals),
        }
    }

    /// Says how many of how many approved, who, and what is waited for: `1 of 2: alice, waits for a second person`.
    pub fn words(&self, approvals: &[Approval]) -> String {
        let by: Vec<String> = approvals
            .iter()
            .map(|one| format!("{}{}", one.who(), if one.solo { " (solo)" } else { "" }))
            .collect();
        let by = by.join(", ");
        match (self.is_met(approvals), approvals.len()) {
            (true, _) => format!("approved by {by}"),
            (false, 0) if self.people > 1 => format!("waits for {} people", self.people),
            (false, 0) => "waits for an approval".to_owned(),
            (false, given) => format!("{given} of {}: {by}, waits for a second person", self.people),
        }
    }
}

#[cfg(test)]
mod tests;
