//! Why an approval does not open the way, in words that say what to do.

use crate::domain::name::{ReleaseId, RunId, StepId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Why an approval does not open the way (exit code 4).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "refusal")]
pub enum Refusal {
    /// The phrase is not the release's.
    #[error("the phrase does not match; type `{expected}`")]
    WrongPhrase {
        /// The right one.
        expected: String,
    },
    /// No approval was given.
    #[error("release {release} has no approval")]
    NotApproved {
        /// The release.
        release: ReleaseId,
    },
    /// The approval is too old.
    #[error("the approval by {by} expired at {expired}; vet staging again and approve anew")]
    Expired {
        /// Who gave it.
        by: String,
        /// When it ended.
        expired: Timestamp,
    },
    /// It is for another plan.
    #[error("the approval is for plan {approved}, not for {plan}")]
    OtherPlan {
        /// The approved plan.
        approved: String,
        /// This plan.
        plan: String,
    },
    /// It is for another release.
    #[error("the approval is for release {approved}, not for {release}")]
    OtherRelease {
        /// The approved release.
        approved: ReleaseId,
        /// This release.
        release: ReleaseId,
    },
    /// Staging is not what was vetted.
    #[error(
        "staging is not what was vetted: {path} was {how}; the approval is void, look at the evidence again"
    )]
    SealBroken {
        /// The first path that differs.
        path: String,
        /// `added`, `removed` or `changed`.
        how: String,
    },
    /// Staging was looked at anew since the evidence was shown that is approved.
    #[error(
        "staging was looked at anew: the evidence that stands has the seal {stands}, not {shown}; see it with \
         `stagegate gate {run} --release {release}`"
    )]
    OtherSeal {
        /// The run.
        run: RunId,
        /// The release.
        release: ReleaseId,
        /// The first digits of the seal that was shown.
        shown: String,
        /// The first digits of the seal of the evidence that stands.
        stands: String,
    },
    /// Staging could not be looked at, so nobody knows whether it is what was vetted.
    #[error("the seal cannot be taken: {problem}")]
    SealUnknown {
        /// Why not.
        problem: String,
    },
    /// The evidence file is not the one that was recorded when the gate opened.
    #[error("the evidence is not what was recorded ({file}); gather it anew with `stagegate gate {run}`")]
    EvidenceAltered {
        /// The run.
        run: RunId,
        /// The file, relative to the run's folder.
        file: String,
    },
    /// Blocking findings are neither gone nor waived.
    #[error("{count} blocking findings stand, the first at {path}; mend them or waive them by name")]
    Blocked {
        /// How many.
        count: usize,
        /// The first one's path.
        path: String,
    },
    /// Another person is needed.
    #[error("release {release} needs {people} people; {by} alone is not enough")]
    NeedsAnother {
        /// The release.
        release: ReleaseId,
        /// How many people it needs.
        people: u8,
        /// Who approved so far.
        by: String,
    },
    /// The kernel does not say who the person is, where that matters.
    #[error("the login user is not known to the kernel; where two people are asked for, log in as yourself")]
    UnknownPerson,
    /// The catalog asks for signatures, and there is none.
    #[error("approvals are signed here, and that of {by} is not; sign it with a key of the allowed signers")]
    NotSigned {
        /// Whose approval it is.
        by: String,
    },
    /// The catalog asks for no signatures, so nothing says whose keys count.
    #[error("the catalog names no allowed signers, so a signature says nothing here; approve without one")]
    NotAsked,
    /// Its signature is not that of somebody who may sign.
    #[error("the signature of {by} does not count: {problem}")]
    BadSignature {
        /// Whose it says it is.
        by: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Somebody approved already who is the same person.
    #[error("{by} approved release {release} already ({what}); it waits for a second person")]
    SamePerson {
        /// The release.
        release: ReleaseId,
        /// Who approved before.
        by: String,
        /// What shows that it is the same person.
        what: String,
    },
    /// One person alone is not allowed, or not needed.
    #[error("one person cannot approve release {release} alone: {why}")]
    Solo {
        /// The release.
        release: ReleaseId,
        /// Why not.
        why: String,
    },
    /// What is to be approved cannot be said in one unmistakable text.
    #[error("the approval cannot be written down: {what} has a character that ends or hides a line")]
    Unsayable {
        /// Which part of it.
        what: String,
    },
    /// The step publishes nothing.
    #[error("step {step} publishes nothing, so there is nothing to authorise")]
    NotProduction {
        /// The step.
        step: StepId,
    },
    /// The gate is not waiting.
    #[error("the gate of release {release} is not waiting ({state})")]
    NotWaiting {
        /// The release.
        release: ReleaseId,
        /// What it is instead.
        state: String,
    },
}
