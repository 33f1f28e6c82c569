//! What the console wants done: plain data, carried out by `runtime::effects`.
//!
//! An effect is never a closure, so tests compare it and the log shows it. Nothing that was typed in
//! answer to a prompt is ever shown: [`Secret`] keeps it out of every log.

use super::model::{LogQuery, ThemeName};
use crate::domain::approval::AfterApproval;
use crate::domain::finding::FindingId;
use crate::domain::flow::CheckName;
use crate::domain::name::{ReleaseId, RunId, StepId};
use crate::domain::plan::Plan;
use crate::domain::seal::SealDigest;
pub use crate::domain::secret::Secret;
use std::fmt;
use std::sync::Arc;

/// What a supervisor is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunRequest {
    /// Give this console the helm; a reason is needed where another console has it.
    TakeHelm {
        /// Why it is taken from somebody else.
        reason: Option<String>,
    },
    /// Give the helm back.
    ReleaseHelm,
    /// Run a step again.
    Retry {
        /// Which step.
        step: StepId,
        /// Why; empty where no reason is needed.
        reason: String,
    },
    /// Leave a step out.
    Skip {
        /// Which step.
        step: StepId,
        /// Why.
        reason: String,
    },
    /// Stop a step.
    CancelStep {
        /// Which step.
        step: StepId,
    },
    /// Stop the whole run.
    CancelRun,
    /// Kill a step that was asked to stop.
    Kill {
        /// Which step.
        step: StepId,
    },
    /// Let a finding through.
    Waive {
        /// The gate's release.
        release: ReleaseId,
        /// Which finding.
        finding: FindingId,
        /// What it says on the screen.
        message: String,
        /// Why.
        reason: String,
    },
    /// Gather evidence anew.
    RefreshEvidence {
        /// The gate's release.
        release: ReleaseId,
        /// The one check that is to look again; without one all do.
        check: Option<CheckName>,
    },
    /// Approve.
    Approve {
        /// The gate's release.
        release: ReleaseId,
        /// What was typed.
        phrase: String,
        /// The seal of the evidence that was shown.
        seal: SealDigest,
        /// What happens next.
        then: AfterApproval,
    },
    /// Go on.
    Resume {
        /// The release whose publish was held; none goes on with the whole run.
        release: Option<ReleaseId>,
    },
    /// Answer a step's prompt.
    Answer {
        /// Which step.
        step: StepId,
        /// What was typed, without the line end.
        text: Secret,
        /// Whether the step's terminal did not show it: where it would by now, it is not typed.
        hidden: bool,
    },
}

impl RunRequest {
    /// Returns whether the supervisor grants it only to whoever has the helm; an approval needs identity instead (design 1).
    pub const fn needs_helm(&self) -> bool {
        matches!(
            self,
            Self::Retry { .. }
                | Self::Skip { .. }
                | Self::CancelStep { .. }
                | Self::CancelRun
                | Self::Kill { .. }
                | Self::Resume { .. }
                | Self::Answer { .. }
        )
    }
}

/// Something to be done outside the model.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Look at mounts, checkouts and every release.
    ReadStatus,
    /// List the runs.
    ListRuns,
    /// Make a run of this plan and start its supervisor.
    StartRun {
        /// The plan that was shown.
        plan: Arc<Plan>,
        /// The run whose rest it is, which gives its lanes up.
        from: Option<RunId>,
        /// Why a release is taken over from whoever has it; without a reason it is not.
        take_over: Option<String>,
    },
    /// Load a run, follow its journal and, while it lives, listen to its supervisor.
    OpenRun {
        /// Which run.
        run: RunId,
    },
    /// Ask a run's supervisor; one is started where none lives.
    Send {
        /// Which run.
        run: RunId,
        /// What is asked.
        request: RunRequest,
    },
    /// Load the evidence of a gate.
    LoadEvidence {
        /// Which run.
        run: RunId,
        /// The gate's release.
        release: ReleaseId,
        /// The evidence file, relative to the run's folder.
        file: String,
    },
    /// Search a step's log.
    SearchLog {
        /// Which run.
        run: RunId,
        /// The step whose last attempt's log is searched.
        step: StepId,
        /// The log, relative to the run's folder.
        log: String,
        /// What, from where and in which direction.
        query: LogQuery,
    },
    /// Stop the search that goes on.
    StopSearch,
    /// Load a theme; the screens change once it is there.
    LoadTheme {
        /// Which.
        theme: ThemeName,
    },
    /// Clear the terminal and draw everything anew.
    Redraw,
    /// Hand the terminal back and sleep until woken.
    Suspend,
    /// Leave the console.
    Leave {
        /// What to say on the terminal afterwards, a line each.
        farewell: Vec<String>,
    },
}

impl Effect {
    /// Returns whether it changes anything outside the console.
    pub fn mutates(&self) -> bool {
        matches!(self, Self::StartRun { .. } | Self::Send { .. })
    }
}

impl fmt::Display for Effect {
    /// Writes it as the console's log has it: a plan by its digest, because its environment may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartRun { plan, .. } => write!(f, "StartRun of plan {}", plan.digest.short()),
            other => write!(f, "{other:?}"),
        }
    }
}
