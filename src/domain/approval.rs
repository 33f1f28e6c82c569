//! Approvals: who opened the gate, for exactly what, and until when.

use super::name::ReleaseId;
use super::plan::{Lane, PlanDigest};
use super::seal::SealDigest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who acted, as the kernel says (design 7): never taken from an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The user id of the peer of the control socket.
    pub uid: u32,
    /// Its name, or the number where it has none.
    pub user: String,
    /// The login user id that survives sudo; none where the kernel has none.
    pub login_uid: Option<u32>,
    /// The login user's name.
    pub login: Option<String>,
    /// The host.
    pub host: String,
    /// The terminal, if there is one: `/dev/pts/3`.
    pub terminal: Option<String>,
}

impl Identity {
    /// Returns the person as screens show them: the login user if known, else the user.
    pub fn person(&self) -> &str {
        self.login.as_deref().unwrap_or(&self.user)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.login {
            Some(login) if *login != self.user => write!(f, "{login} (as {}) on {}", self.user, self.host),
            _ => write!(f, "{} on {}", self.user, self.host),
        }
    }
}

/// What happens once the approval is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterApproval {
    /// Production starts at once.
    Proceed,
    /// Production waits for a resume.
    Hold,
}

/// One person's approval of one release in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The release.
    pub release: ReleaseId,
    /// Who.
    pub by: Identity,
    /// When.
    pub at: Timestamp,
    /// Until when it holds.
    pub expires: Timestamp,
    /// The plan it is for.
    pub plan: PlanDigest,
    /// The seal of the evidence that was shown.
    pub seal: SealDigest,
    /// What was typed.
    pub phrase: String,
    /// What happens next.
    pub then: AfterApproval,
}

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
    /// Staging could not be looked at, so nobody knows whether it is what was vetted.
    #[error("the seal cannot be taken: {problem}")]
    SealUnknown {
        /// Why not.
        problem: String,
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
    /// The step publishes nothing.
    #[error("step {step} publishes nothing, so there is nothing to authorise")]
    NotProduction {
        /// The step.
        step: super::name::StepId,
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

/// Checks what was typed against the lane's phrase; white space around it does not count.
pub fn check_phrase(lane: &Lane, typed: &str) -> Result<(), Refusal> {
    if typed.trim() == lane.phrase {
        Ok(())
    } else {
        Err(Refusal::WrongPhrase { expected: lane.phrase.clone() })
    }
}
