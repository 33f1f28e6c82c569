//! What lies over a screen: help, palette, questions, themes, text fields.

use crate::app::text_input::TextInput;
use crate::domain::finding::FindingId;
use crate::domain::name::{ReleaseId, RunId, StepId};
use crate::domain::plan::Plan;
use crate::keys::Action;
use std::sync::Arc;

/// A question; only its named key answers it with yes, and it lists what would happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Confirm {
    /// Run this plan, exactly as it is held here.
    StartRun {
        /// The plan.
        plan: Arc<Plan>,
        /// The run whose rest it is.
        from: Option<RunId>,
    },
    /// Run a step again.
    Retry {
        /// Which step.
        step: StepId,
        /// The steps that become stale.
        stale: Vec<StepId>,
        /// Whether the catalog says that running it again is safe.
        repeatable: bool,
    },
    /// Stop a step.
    CancelStep {
        /// Which step.
        step: StepId,
    },
    /// Kill a step.
    KillStep {
        /// Which step.
        step: StepId,
    },
    /// Stop the run.
    CancelRun {
        /// The steps that run now.
        running: Vec<StepId>,
    },
    /// Go on with a run that has no supervisor, or with a publish that was held.
    Resume {
        /// The release whose publish was held; none goes on with the whole run.
        release: Option<ReleaseId>,
    },
}

/// What a text field is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextPurpose {
    /// The reason to leave a step out.
    SkipReason {
        /// Which step.
        step: StepId,
    },
    /// The reason to run an interrupted step again that may be alive, or is not safe to repeat.
    RetryReason {
        /// Which step.
        step: StepId,
    },
    /// The reason to let a finding through.
    WaiveReason {
        /// The gate's release.
        release: ReleaseId,
        /// Which finding.
        finding: FindingId,
        /// What it said when the question was opened.
        message: String,
    },
    /// The reason to take the helm from somebody.
    HelmReason,
    /// The reason to take a release over from the run that has it.
    TakeOverReason {
        /// The plan that was not started.
        plan: Arc<Plan>,
        /// The run whose rest it is.
        from: Option<RunId>,
        /// Who has the release, as the refusal says it.
        problem: String,
    },
    /// What to search a log for.
    Search {
        /// Whose log.
        step: StepId,
    },
    /// What to search the shown tab of the gate for.
    SearchGate,
    /// The answer to a step's prompt.
    Answer {
        /// Which step.
        step: StepId,
        /// What it asks.
        prompt: String,
        /// Whether what is typed is hidden here.
        hidden: bool,
        /// Whether the step's terminal shows what is typed, so that it will stand in the step's log.
        shown: bool,
    },
}

/// Something over a screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    /// What can be done here.
    Help {
        /// The first line shown.
        first: usize,
        /// The layers that it is about: those of the screen under it.
        layers: &'static [crate::keys::Layer],
    },
    /// Finding an action by its name.
    Palette {
        /// What was typed.
        input: TextInput,
        /// The chosen one of those that fit.
        cursor: usize,
        /// Every action of the screen under it.
        actions: Vec<Action>,
    },
    /// A question.
    Confirm(Confirm),
    /// Choosing a theme.
    Themes {
        /// The chosen one.
        cursor: usize,
        /// The theme to go back to.
        before: String,
    },
    /// A text field.
    Text {
        /// What for.
        purpose: TextPurpose,
        /// What was typed.
        input: TextInput,
    },
}

/// Returns the actions of a palette that fit what was typed: every word somewhere in the label, the id or the description.
pub fn palette_fits(actions: &[Action], typed: &str) -> Vec<Action> {
    let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
    let fits = |action: &&Action| {
        let info = action.info();
        let text = format!("{} {} {}", info.id, info.label, info.description).to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    };
    actions.iter().filter(fits).copied().collect()
}
