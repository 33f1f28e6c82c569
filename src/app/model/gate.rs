//! The Gate screen: the evidence, and the phrase that opens the way to production.
//!
//! The guards of design 7 live here: the focus begins on Cancel, keys count only half a second after the
//! screen opened or its evidence changed, pasted text never reaches the phrase, and Enter does nothing
//! before the phrase matches.

mod focus;
pub mod rows;
pub mod search;

pub use focus::{GateFocus, GateTab};

use crate::app::text_input::TextInput;
use crate::domain::approval::{AfterApproval, check_phrase};
use crate::domain::evidence::Evidence;
use crate::domain::finding::{Finding, FindingId};
use crate::domain::flow::CheckName;
use crate::domain::name::{ReleaseId, RunId};
use crate::domain::run::{GateState, RunState};
use rows::ChangeRow;
use search::GateSearch;
use std::sync::Arc;

/// The facts about production that stand above its repos.
pub const PRODUCTION_FACTS: usize = 5;

/// How long keys are ignored after the screen opened, in milliseconds.
pub const GUARD_MS: u64 = 500;

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
    /// The tab that is shown while the focus is below the tabs.
    tab: GateTab,
    /// The evidence.
    pub evidence: EvidenceState,
    /// The rows of the changes, as the evidence has them.
    pub rows: Vec<ChangeRow>,
    /// The chosen finding.
    pub finding: usize,
    /// The finding that was chosen before the evidence was taken anew.
    before: Option<FindingId>,
    /// The chosen row of the changes.
    pub change: usize,
    /// The chosen point of the checklist.
    pub point: usize,
    /// The first line of what production holds that is shown.
    pub line: usize,
    /// The chosen check.
    pub check: usize,
    /// What was searched for.
    pub search: Option<GateSearch>,
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
            tab: GateTab::Findings,
            evidence: EvidenceState::None,
            rows: Vec::new(),
            finding: 0,
            before: None,
            change: 0,
            point: 0,
            line: 0,
            check: 0,
            search: None,
            ticked: Vec::new(),
            phrase: TextInput::default(),
            then: AfterApproval::Proceed,
            sent: false,
            opened_ms: uptime_ms,
        }
    }

    /// Begins anew, as if just opened: nothing typed, nothing ticked, the focus on Cancel. Where somebody read, they read on.
    pub fn reset(&mut self, uptime_ms: u64) {
        let before = self.before.take().or_else(|| self.chosen_id());
        let evidence = std::mem::replace(&mut self.evidence, EvidenceState::None);
        let (tab, check) = (self.tab(), self.check);
        let new = Self::new(self.run.clone(), self.release.clone(), uptime_ms);
        *self = Self { tab, evidence, before, check, ..new };
        self.fit();
    }

    /// Opens it again over the same evidence: what was ticked stays, what was typed does not.
    pub fn open_again(&mut self, uptime_ms: u64) {
        self.go_to(GateFocus::Cancel);
        self.phrase.clear();
        self.opened_ms = uptime_ms;
    }

    /// Makes everything that goes by the evidence fit it.
    pub fn fit(&mut self) {
        let Some(evidence) = self.shown().cloned() else {
            (self.rows, self.ticked) = (Vec::new(), Vec::new());
            return;
        };
        self.rows = rows::rows(&evidence.changes);
        self.ticked.resize(evidence.checklist.len(), false);
        self.check = self.check.min(evidence.checks.len().saturating_sub(1));
        if let Some(before) = self.before.take() {
            let at = evidence.findings.iter().position(|finding| finding.id == before);
            self.finding = at.unwrap_or(0);
        }
    }

    /// Returns the tab that is shown.
    pub fn tab(&self) -> GateTab {
        self.focus.tab().unwrap_or(self.tab)
    }

    /// Moves the focus; the tab that is shown stays while it is below the tabs.
    pub fn go_to(&mut self, focus: GateFocus) {
        self.tab = focus.tab().unwrap_or_else(|| self.tab());
        self.focus = focus;
    }

    /// Returns how many rows the shown tab can choose among.
    pub fn length(&self) -> usize {
        let Some(evidence) = self.shown() else { return 0 };
        match self.tab() {
            GateTab::Findings => evidence.findings.len(),
            GateTab::Changes => self.rows.len(),
            GateTab::Checklist => self.ticked.len(),
            GateTab::Production => evidence.repos.len() + PRODUCTION_FACTS,
            GateTab::Checks => evidence.checks.len(),
        }
    }

    /// Returns the chosen row of the shown tab.
    pub fn cursor(&self) -> usize {
        match self.tab() {
            GateTab::Findings => self.finding,
            GateTab::Changes => self.change,
            GateTab::Checklist => self.point,
            GateTab::Production => self.line,
            GateTab::Checks => self.check,
        }
    }

    /// Chooses a row of the shown tab.
    pub fn choose(&mut self, row: usize) {
        match self.tab() {
            GateTab::Findings => self.finding = row,
            GateTab::Changes => self.change = row,
            GateTab::Checklist => self.point = row,
            GateTab::Production => self.line = row,
            GateTab::Checks => self.check = row,
        }
    }

    /// Returns the chosen finding.
    pub fn chosen(&self) -> Option<&Finding> {
        self.shown().and_then(|evidence| evidence.findings.get(self.finding))
    }

    /// Returns the id of the chosen finding.
    pub fn chosen_id(&self) -> Option<FindingId> {
        self.chosen().map(|finding| finding.id.clone())
    }

    /// Has the next evidence choose this finding, if it has it.
    pub fn come_back_to(&mut self, finding: Option<FindingId>) {
        self.before = finding.or_else(|| self.before.take());
    }

    /// Returns the check that the shown tab is about: that of the chosen finding, or the chosen one.
    pub fn chosen_check(&self) -> Option<CheckName> {
        match self.tab() {
            GateTab::Findings => self.chosen().map(|finding| finding.check),
            GateTab::Checks => {
                self.shown().and_then(|evidence| evidence.checks.get(self.check)).map(|checked| checked.check)
            }
            _ => None,
        }
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
