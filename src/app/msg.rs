//! Messages: facts that the console is told, in the past tense.
//!
//! Log bytes are no messages: the runtime reads the visible part of a log into the model just before a
//! frame is drawn (design 2).

mod shown;

use super::effect::RunRequest;
use super::model::{Match, MatchTally, Measures, Moment, RunSummary, Size, ThemeName};
use crate::domain::approval::{Identity, Refusal};
use crate::domain::catalog::Catalog;
use crate::domain::evidence::Evidence;
use crate::domain::live::Live;
use crate::domain::name::{ReleaseId, RunId, StepId};
use crate::domain::plan::Plan;
use crate::domain::redact::Redactor;
use crate::domain::run::RunState;
use crate::domain::run::recovery::Interrupted;
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
    /// This console has the helm now.
    HelmGiven {
        /// The turn that this is, as the moments count them.
        turn: u64,
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
    /// A place that had been given up answers again, so that another look is worth while.
    PlaceRecovered {
        /// The mount's name, or its path where the catalog has no name for it.
        place: String,
    },
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
        /// The plan, and the run whose rest it is, where another run has a release of it, which can be taken over.
        locked: Option<(Arc<Plan>, Option<RunId>)>,
    },
    /// A run was opened, or its journal went on.
    RunRead {
        /// Which.
        run: RunId,
        /// Its state now, fit to be shown.
        state: Arc<RunState>,
        /// What made it so: it knows the values of its plan.
        redactor: Redactor,
        /// Whether a supervisor holds its lock.
        alive: bool,
        /// The truth about its interrupted steps.
        truths: BTreeMap<StepId, Interrupted>,
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
    /// Evidence was loaded, fit to be shown.
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
    /// A search in a log has come further.
    SearchMoved {
        /// Which step's log.
        step: StepId,
        /// What is searched for.
        pattern: String,
        /// How much it has looked through.
        percent: u8,
    },
    /// A search in a log ended.
    SearchEnded {
        /// Which step's log.
        step: StepId,
        /// What was searched for.
        pattern: String,
        /// The match; none where no line matches.
        found: Option<Match>,
    },
    /// The lines that match were counted.
    MatchesCounted {
        /// Which step's log.
        step: StepId,
        /// What was searched for.
        pattern: String,
        /// The match that was asked about.
        offset: u64,
        /// Which of all it is.
        tally: MatchTally,
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
