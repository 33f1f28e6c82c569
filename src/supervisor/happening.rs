//! What the run loop is told: one thing at a time, from units, checks and clients.

use super::control::{Request, Response};
use crate::domain::approval::Identity;
use crate::domain::compose::ComposeId;
use crate::domain::evidence::Evidence;
use crate::domain::finding::Finding;
use crate::domain::live::{Live, Looking};
use crate::domain::name::{ReleaseId, StepId};
use crate::domain::outcome::PhraseHit;
use crate::domain::seal::Seal;
use crate::exec::unit::UnitEvent;
use crate::vet::VetError;
use std::collections::BTreeMap;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

/// Names a connection for as long as it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// What a fresh look at the seal is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealPurpose {
    /// An approval that has arrived.
    Approval(Box<PendingApproval>),
    /// A publish step that is about to start.
    Publish(StepId),
}

/// An approval that waits for the seal to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingApproval {
    /// Who asked.
    pub client: ClientId,
    /// Who approves.
    pub by: Identity,
    /// What was typed.
    pub phrase: String,
    /// What happens next.
    pub then: crate::domain::approval::AfterApproval,
    /// Why, where a reason was given.
    pub reason: Option<String>,
    /// Whether one person approves alone where two are asked for.
    pub solo: bool,
    /// The signature, if there is one.
    pub signed: Option<super::control::SignedClaim>,
}

/// A skip that waits for the link to be read that those who use the step's compose are pinned by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingSkip {
    /// Who asked.
    pub client: ClientId,
    /// The step.
    pub step: StepId,
    /// Why.
    pub reason: String,
    /// Who skips it.
    pub by: Identity,
}

/// One thing that happened.
#[derive(Debug)]
pub enum Happening {
    /// A unit said something.
    Unit {
        /// Its step.
        step: StepId,
        /// What.
        event: UnitEvent,
    },
    /// The checks before a step are through.
    CheckedBefore {
        /// The step.
        step: StepId,
        /// What they found.
        findings: Vec<Finding>,
        /// SHA-256 of the scripts it runs.
        scripts: BTreeMap<String, String>,
    },
    /// The checks after a step are through.
    CheckedAfter {
        /// The step.
        step: StepId,
        /// What they found.
        findings: Vec<Finding>,
        /// The compose that the link of a compose step names after it.
        made: Option<ComposeId>,
    },
    /// The link of a compose step that is to be skipped was read.
    LinkRead {
        /// The skip.
        skip: PendingSkip,
        /// The compose that it names, if it names one, or why nobody knows.
        read: Result<Option<ComposeId>, VetError>,
    },
    /// The log of a step that ended under an earlier supervisor was searched for failure phrases.
    PhrasesFound {
        /// The step.
        step: StepId,
        /// What was found.
        hits: Vec<PhraseHit>,
    },
    /// A check has come further.
    Checking {
        /// The step.
        step: StepId,
        /// How far it is.
        looking: Looking,
    },
    /// Evidence is there.
    Gathered {
        /// The release.
        release: ReleaseId,
        /// The evidence with its seal, or why there is none.
        result: Result<Box<(Evidence, Seal)>, VetError>,
    },
    /// Gathering evidence has come further.
    Gathering {
        /// The release.
        release: ReleaseId,
        /// How far it is.
        looking: Looking,
    },
    /// The seal was looked at again.
    Sealed {
        /// The release.
        release: ReleaseId,
        /// What for.
        purpose: SealPurpose,
        /// The seal as it is now, or why it could not be read.
        result: Result<Box<Seal>, VetError>,
    },
    /// A client connected.
    Connected {
        /// Which.
        client: ClientId,
        /// Who, as the kernel says.
        identity: Identity,
        /// Where its answers go.
        answers: UnboundedSender<Response>,
        /// Where it sees the moment: only ever the newest, however slowly it reads.
        live: watch::Sender<Option<Live>>,
    },
    /// A client asked for something.
    Asked {
        /// Which.
        client: ClientId,
        /// What.
        request: Request,
    },
    /// A client is gone.
    Gone {
        /// Which.
        client: ClientId,
    },
    /// The system asks the supervisor to end.
    Terminated {
        /// By which signal.
        signal: i32,
    },
    /// Something of the supervisor itself broke.
    Broken {
        /// What.
        what: String,
    },
    /// The run loop is to panic: for the tests of what follows from that.
    #[cfg(test)]
    Struck,
}
