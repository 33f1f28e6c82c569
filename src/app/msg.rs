//! Messages: facts that the console is told, in the past tense.
//!
//! Log bytes are no messages: the runtime reads the visible part of a log into the model just before a
//! frame is drawn (design 2).

use super::effect::RunRequest;
use super::model::{Measures, Moment, RunSummary, Size, ThemeName};
use crate::domain::approval::{Identity, Refusal};
use crate::domain::catalog::Catalog;
use crate::domain::evidence::Evidence;
use crate::domain::live::Live;
use crate::domain::name::{ReleaseId, RunId, StepId};
use crate::domain::run::RunState;
use crate::domain::status::{CheckoutStatus, MountStatus, ReleaseStatus};
use crate::keys::{Action, Key};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a supervisor answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It was done.
    Done {
        /// What was done, in a sentence.
        message: String,
    },
    /// The gate or a lock refused it.
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// Another console has the helm.
    HelmBusy {
        /// Who.
        by: Identity,
    },
    /// It did not work, or nobody could be asked.
    Failed {
        /// Why, and what to do next.
        message: String,
    },
}

/// How the console stands with a run's supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Connection {
    /// No supervisor lives, so there is nobody to talk to.
    #[default]
    NoSupervisor,
    /// It is being called.
    Calling,
    /// It answers.
    Open,
    /// The connection broke; it is called again by itself.
    Lost {
        /// What happened.
        problem: String,
    },
}

/// A fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Msg {
    /// The console started; nothing has been asked for yet.
    ConsoleStarted {
        /// The run to open at once.
        run: Option<RunId>,
    },
    /// The clocks were read; sent before every batch of other messages.
    ClockRead(Moment),
    /// The terminal has this size now.
    Resized(Size),
    /// The next frame will have this much room; sent before it is drawn.
    Measured(Measures),
    /// A key was pressed.
    KeyPressed(Key),
    /// Text was pasted (bracketed paste).
    Pasted(String),
    /// An action was chosen otherwise than by its key.
    ActionChosen(Action),
    /// The terminal went away, or a signal asked the console to end.
    EndRequested,

    /// The catalog was read with the toolkits' vars, which takes a moment.
    CatalogRead(Arc<Catalog>),
    /// A mount answered.
    MountAnswered(MountStatus),
    /// A checkout answered.
    CheckoutAnswered(CheckoutStatus),
    /// A release's composes and positions were read.
    ReleaseAnswered(Arc<ReleaseStatus>),
    /// Everything that was asked has answered, or its deadline passed.
    StatusEnded,

    /// The runs were listed, newest first.
    RunsListed {
        /// The runs.
        runs: Vec<RunSummary>,
        /// How long each step took when it last succeeded, in seconds.
        typical: BTreeMap<StepId, u64>,
    },
    /// A run was made and its supervisor started.
    RunStarted {
        /// Which.
        run: RunId,
    },
    /// No run was made.
    RunNotStarted {
        /// Why, and what to do next.
        problem: String,
    },
    /// A run was opened, or its journal went on.
    RunRead {
        /// Which.
        run: RunId,
        /// Its state now.
        state: Arc<RunState>,
        /// Whether a supervisor holds its lock.
        alive: bool,
    },
    /// A run could not be read.
    RunUnreadable {
        /// Which.
        run: RunId,
        /// Why.
        problem: String,
    },
    /// A supervisor told about the moment.
    LiveTold {
        /// Which run.
        run: RunId,
        /// The moment.
        live: Live,
    },
    /// The connection with a supervisor changed.
    ConnectionChanged {
        /// Which run.
        run: RunId,
        /// What it is now.
        connection: Connection,
    },
    /// A supervisor answered a request.
    RequestAnswered {
        /// Which run.
        run: RunId,
        /// What was asked.
        request: RunRequest,
        /// The answer.
        answer: Answer,
    },
    /// Evidence was loaded.
    EvidenceLoaded {
        /// Which run.
        run: RunId,
        /// The evidence; it names its release.
        evidence: Arc<Evidence>,
        /// The file it came from.
        file: String,
    },
    /// Evidence could not be loaded.
    EvidenceUnreadable {
        /// Which run.
        run: RunId,
        /// The gate's release.
        release: ReleaseId,
        /// Why.
        problem: String,
    },
    /// A search in a log ended.
    SearchEnded {
        /// Which step's log.
        step: StepId,
        /// What was searched for.
        pattern: String,
        /// The offset of the match; none where there is no further one.
        offset: Option<u64>,
    },
    /// A theme was loaded.
    ThemeLoaded {
        /// Which.
        theme: ThemeName,
    },
    /// The console was woken after it had been asleep in the background.
    Woken,
    /// Something went wrong that belongs to no other message.
    TroubleSeen {
        /// What it is about, in a word that never changes; a later one about the same takes its place.
        about: &'static str,
        /// What happened, and what to do next.
        message: String,
    },
}
