//! The control protocol: JSON lines over the run's socket.
//!
//! A message never says who sends it; that is read from the kernel. Every request gets one answer, in
//! order; a connection that subscribed gets [`Response::Live`] lines in between.

use crate::domain::approval::{AfterApproval, Identity, Refusal};
use crate::domain::finding::FindingId;
use crate::domain::flow::CheckName;
use crate::domain::live::Live;
use crate::domain::name::{ReleaseId, RunId, StepId};
use crate::domain::seal::SealDigest;
use crate::domain::secret::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A signature as it comes over the socket. What it was made over the supervisor says itself, from what it knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedClaim {
    /// Who signed, by the name that the allowed signers have.
    pub principal: String,
    /// When.
    pub at: Timestamp,
    /// Until when it is to hold.
    pub expires: Timestamp,
    /// The signature in armour.
    pub signature: String,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "request")]
pub enum Request {
    /// Be told whenever something moves.
    Subscribe,
    /// Take the helm; with a reason also from somebody else.
    TakeHelm {
        /// Why it is taken from whoever has it.
        reason: Option<String>,
    },
    /// Give the helm back.
    ReleaseHelm,
    /// Run a step again; what builds on it becomes stale.
    Retry {
        /// Which step.
        step: StepId,
        /// Why.
        reason: String,
    },
    /// Leave a step out.
    Skip {
        /// Which step.
        step: StepId,
        /// Why.
        reason: String,
    },
    /// Stop a step, or the whole run: TERM.
    Cancel {
        /// Which step; none means the run.
        step: Option<StepId>,
    },
    /// Stop a step that was asked to stop before: KILL.
    Kill {
        /// Which step.
        step: StepId,
    },
    /// Let a finding through by name.
    Waive {
        /// The release.
        release: ReleaseId,
        /// Which finding.
        finding: FindingId,
        /// What it said where it was waived; without it, whatever it says now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// Why.
        reason: String,
    },
    /// Gather a gate's evidence anew.
    Refresh {
        /// The release.
        release: ReleaseId,
        /// The one check that is to look again; without one all do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        check: Option<CheckName>,
    },
    /// Approve a release.
    Approve {
        /// The release.
        release: ReleaseId,
        /// What was typed.
        phrase: String,
        /// The seal of the evidence that was shown; none means that of the gate's last evidence.
        seal: Option<SealDigest>,
        /// What happens next.
        then: AfterApproval,
        /// Why, where a reason was given.
        #[serde(default)]
        reason: Option<String>,
        /// Whether one person approves alone where two are asked for.
        #[serde(default)]
        solo: bool,
        /// The signature, where the gate asks for one.
        #[serde(default)]
        signed: Option<SignedClaim>,
    },
    /// Give a release up to another run: what runs of it is stopped, and its lock goes back.
    GiveUp {
        /// The release.
        release: ReleaseId,
        /// The run that wants it.
        to: RunId,
        /// Why.
        reason: String,
    },
    /// Go on: after an interruption, or with an approval that was held.
    Resume {
        /// Which lane; none means all.
        release: Option<ReleaseId>,
    },
    /// Answer a step that waits for input; the Enter key is added.
    Input {
        /// Which step.
        step: StepId,
        /// What is typed; never recorded.
        text: Secret,
        /// Whether it is for a terminal that does not show it: one that would by now does not get it.
        #[serde(default)]
        hidden: bool,
    },
}

impl Request {
    /// Returns whether it needs the helm. An approval needs identity instead (design 1), and so does a release
    /// that is taken over, for a reason that is recorded: whoever has the helm is the one it is taken from.
    pub fn needs_helm(&self) -> bool {
        matches!(
            self,
            Self::Retry { .. }
                | Self::Skip { .. }
                | Self::Cancel { .. }
                | Self::Kill { .. }
                | Self::Resume { .. }
                | Self::Input { .. }
        )
    }
}

/// What the supervisor answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "response")]
pub enum Response {
    /// It was done.
    Done {
        /// What, as a sentence.
        message: String,
    },
    /// The helm is the client's now.
    HelmGiven {
        /// The turn that this is, as the moments count them.
        turn: u64,
    },
    /// The gate says no.
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// Somebody else has the helm.
    HelmBusy {
        /// Who.
        by: Identity,
    },
    /// It could not be done.
    Failed {
        /// Why, and what to do.
        message: String,
    },
    /// The moment of the run.
    Live {
        /// The moment.
        live: Live,
    },
}
