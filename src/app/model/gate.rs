//! The Gate screen: the evidence, and the phrase that opens the way to production.
//!
//! The guards of design 7 live here: the focus begins on Cancel, keys count only half a second after the
//! screen opened or its evidence changed, pasted text never reaches the phrase, and Enter does nothing
//! before the phrase matches.

use crate::app::text_input::TextInput;
use crate::domain::approval::{AfterApproval, check_phrase};
use crate::domain::evidence::Evidence;
use crate::domain::name::{ReleaseId, RunId};
use crate::domain::run::{GateState, RunState};
use std::sync::Arc;

/// How long keys are ignored after the screen opened, in milliseconds.
pub const GUARD_MS: u64 = 500;

/// What has the focus on the Gate screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GateFocus {
    /// The way back, where the focus begins.
    #[default]
    Cancel,
    /// The findings.
    Findings,
    /// What production gains and loses.
    Changes,
    /// The checklist.
    Checklist,
    /// The phrase.
    Phrase,
}

impl GateFocus {
    /// Every focus, in the order of tab.
    pub const ALL: [Self; 5] = [Self::Cancel, Self::Findings, Self::Changes, Self::Checklist, Self::Phrase];
}

/// Where the evidence stands.
#[derive(Debug, Clone, PartialEq)]
pub enum EvidenceState {
    /// The gate has none yet.
    None,
    /// It is being read.
    Loading {
        /// The file.
        file: String,
    },
    /// It is shown.
    Shown {
        /// The file.
        file: String,
        /// The evidence.
        evidence: Arc<Evidence>,
    },
    /// It cannot be read.
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        problem: String,
    },
}

impl EvidenceState {
    /// Returns the file that it is about.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Loading { file } | Self::Shown { file, .. } | Self::Unreadable { file, .. } => Some(file),
        }
    }
}

/// One gate.
#[derive(Debug, Clone, PartialEq)]
pub struct GateModel {
    /// The run.
    pub run: RunId,
    /// The release.
    pub release: ReleaseId,
    /// What has the focus.
    pub focus: GateFocus,
    /// The evidence.
    pub evidence: EvidenceState,
    /// The chosen finding.
    pub finding: usize,
    /// The first change that is shown.
    pub change: usize,
    /// The chosen point of the checklist.
    pub point: usize,
    /// Which points of the checklist are ticked.
    pub ticked: Vec<bool>,
    /// What was typed.
    pub phrase: TextInput,
    /// What happens after an approval.
    pub then: AfterApproval,
    /// Whether an approval was sent and not answered yet.
    pub sent: bool,
    /// When the screen opened or its evidence changed, in milliseconds of uptime.
    pub opened_ms: u64,
}

impl GateModel {
    /// Makes the gate of `release` as it is opened.
    pub fn new(run: RunId, release: ReleaseId, uptime_ms: u64) -> Self {
        Self {
            run,
            release,
            focus: GateFocus::Cancel,
            evidence: EvidenceState::None,
            finding: 0,
            change: 0,
            point: 0,
            ticked: Vec::new(),
            phrase: TextInput::default(),
            then: AfterApproval::Proceed,
            sent: false,
            opened_ms: uptime_ms,
        }
    }

    /// Begins anew, as if just opened: nothing typed, nothing ticked, the focus on Cancel.
    pub fn reset(&mut self, uptime_ms: u64) {
        let evidence = std::mem::replace(&mut self.evidence, EvidenceState::None);
        *self = Self { evidence, ..Self::new(self.run.clone(), self.release.clone(), uptime_ms) };
        self.fit();
    }

    /// Opens it again over the same evidence: what was ticked stays, what was typed does not.
    pub fn open_again(&mut self, uptime_ms: u64) {
        self.focus = GateFocus::Cancel;
        self.phrase.clear();
        self.opened_ms = uptime_ms;
    }

    /// Makes the ticks fit the evidence's checklist.
    pub fn fit(&mut self) {
        let points = self.shown().map_or(0, |evidence| evidence.checklist.len());
        self.ticked.resize(points, false);
    }

    /// Returns the evidence that is shown.
    pub fn shown(&self) -> Option<&Arc<Evidence>> {
        match &self.evidence {
            EvidenceState::Shown { evidence, .. } => Some(evidence),
            _ => None,
        }
    }

    /// Returns whether keys are still ignored.
    pub fn is_guarded(&self, uptime_ms: u64) -> bool {
        uptime_ms < self.opened_ms.saturating_add(GUARD_MS)
    }

    /// Returns whether what was typed is the lane's phrase.
    pub fn phrase_matches(&self, state: &RunState) -> bool {
        state.plan.lane(&self.release).is_some_and(|lane| check_phrase(lane, self.phrase.text()).is_ok())
    }

    /// Returns what stands between here and an approval, the phrase apart, in the order in which it is best dealt with.
    pub fn obstacles(&self, state: &RunState) -> Vec<String> {
        let mut out = Vec::new();
        match state.gate(&self.release).and_then(|(_, gate)| gate) {
            Some(GateState::Waiting { seal, .. }) => {
                if self.shown().is_some_and(|evidence| evidence.seal != *seal) {
                    out.push("staging was sealed anew: newer evidence is being loaded".to_owned());
                }
            }
            Some(GateState::Passed { .. }) => out.push("the gate was passed already".to_owned()),
            Some(GateState::Void { .. }) => {
                out.push("the approval is void: gather the evidence anew".to_owned());
            }
            None => out.push("the gate is not reached yet: the steps before it come first".to_owned()),
        }
        let Some(evidence) = self.shown() else {
            out.push("the evidence is not shown yet".to_owned());
            return out;
        };
        let blocking = evidence.blocking(state.waivers(&self.release)).count();
        if blocking > 0 {
            let s = if blocking == 1 { "finding stands" } else { "findings stand" };
            out.push(format!("{blocking} blocking {s}: mend or waive by name"));
        }
        let open = self.ticked.iter().filter(|ticked| !**ticked).count();
        if open > 0 {
            let s = if open == 1 { "point" } else { "points" };
            out.push(format!("{open} {s} of the checklist not ticked"));
        }
        out
    }
}
