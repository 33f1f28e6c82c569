//! Marks: the glyph, the word and the role of every state, in one place.
//!
//! A state is never told by colour alone (design 8): whoever draws one takes all three from here, so that a state looks
//! the same on every screen. The glyphs are one column wide in every terminal font that was tried; none is an emoji.

use super::theme::Role;
use crate::domain::evidence::ChangeKind;
use crate::domain::finding::Severity;
use crate::domain::outcome::Outcome;
use crate::domain::run::{GateState, RunVerdict, StepRecord, StepState};
use crate::domain::status::{ComposeStatus, LatestLink, MountState, PositionState};

/// How a state is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// One column.
    pub glyph: &'static str,
    /// The word for it.
    pub word: &'static str,
    /// Its colour, by role.
    pub role: Role,
}

const fn mark(glyph: &'static str, word: &'static str, role: Role) -> Mark {
    Mark { glyph, word, role }
}

/// Returns the mark of a position.
pub fn position(state: PositionState) -> Mark {
    match state {
        PositionState::Current => mark("✓", "current", Role::Ok),
        PositionState::Behind => mark("▼", "behind", Role::Warn),
        PositionState::Partial => mark("◐", "partial", Role::Error),
        PositionState::Differs => mark("≠", "differs", Role::Suspect),
        PositionState::Absent => mark("○", "absent", Role::Muted),
        PositionState::Unknown => mark("?", "unknown", Role::Muted),
    }
}

/// Returns the mark of a compose's `STATUS`; its word is pungi's, cut to eight columns.
pub fn compose(status: ComposeStatus) -> Mark {
    match status {
        ComposeStatus::Started => mark("…", "STARTED", Role::Warn),
        ComposeStatus::Finished => mark("✓", "FINISHED", Role::Ok),
        ComposeStatus::FinishedIncomplete => mark("◐", "INCOMPL", Role::Warn),
        ComposeStatus::Doomed => mark("✗", "DOOMED", Role::Error),
        ComposeStatus::Terminated => mark("■", "TERMIN", Role::Error),
        ComposeStatus::None => mark("?", "NOSTATUS", Role::Warn),
        ComposeStatus::Unknown => mark("?", "UNKNOWN", Role::Warn),
    }
}

/// Returns the mark of a `latest-*` link that leads to no compose; its word stands where the compose would.
pub fn link(link: &LatestLink) -> Mark {
    match link {
        LatestLink::Compose { compose: summary } => compose(summary.status),
        LatestLink::Missing => mark("○", "no compose", Role::Muted),
        LatestLink::Dangling { .. } => mark("✗", "link dangles", Role::Error),
        LatestLink::RealDirectory => mark("✗", "link is a folder", Role::Error),
        LatestLink::Foreign { .. } => mark("✗", "link is foreign", Role::Error),
        LatestLink::Unreadable { .. } => mark("?", "link unreadable", Role::Error),
    }
}

/// Returns the mark of a mount.
pub fn mount(state: &MountState) -> Mark {
    match state {
        MountState::Ready { .. } => mark("✓", "ready", Role::Ok),
        MountState::NotMounted => mark("✗", "not mounted", Role::Error),
        MountState::Missing => mark("✗", "no such folder", Role::Error),
        MountState::NotAnswering { .. } => mark("!", "not answering", Role::Error),
        MountState::Failing { .. } => mark("!", "failing", Role::Error),
        MountState::Asking => mark("…", "asking", Role::Muted),
    }
}

/// Returns the mark of a run.
pub fn verdict(verdict: RunVerdict) -> Mark {
    let (glyph, role) = match verdict {
        RunVerdict::Running => ("►", Role::Running),
        RunVerdict::Failed => ("✗", Role::Error),
        RunVerdict::Suspect => ("!", Role::Suspect),
        RunVerdict::Interrupted => ("‖", Role::Error),
        RunVerdict::Cancelled => ("■", Role::Warn),
        RunVerdict::Waiting => ("◆", Role::Waiting),
        RunVerdict::Finished => ("✓", Role::Ok),
    };
    mark(glyph, verdict.word(), role)
}

/// The mark of a step that is due and waits for what another step holds.
pub const HELD_UP: Mark = mark("…", "held up", Role::Waiting);

/// Returns the mark of a step; `stale` goes before what it came to, and nothing runs where no supervisor is `alive`.
pub fn step(record: &StepRecord, alive: bool) -> Mark {
    let cut = matches!(record.state, StepState::Interrupted { .. });
    if record.stale.is_some() && !cut {
        return mark("↻", "stale", Role::Warn);
    }
    let (glyph, role) = match &record.state {
        StepState::Running { .. } if !alive => return mark("‖", "interrupted", Role::Error),
        StepState::Pending => ("·", Role::Pending),
        StepState::Running { stopping: Some(_), .. } => return mark("■", "stopping", Role::Warn),
        StepState::Running { end: Some(_), .. } => return mark("►", "checking", Role::Running),
        StepState::Running { .. } => ("►", Role::Running),
        StepState::Concluded { outcome, .. } => match outcome {
            Outcome::Succeeded => ("✓", Role::Ok),
            Outcome::Failed => ("✗", Role::Error),
            Outcome::Suspect => ("!", Role::Suspect),
            Outcome::Cancelled => ("■", Role::Warn),
        },
        StepState::Interrupted { .. } => ("‖", Role::Error),
        StepState::Skipped { .. } => ("»", Role::Skipped),
        StepState::Gate { gate } => match gate {
            GateState::Waiting { .. } => ("◆", Role::Waiting),
            GateState::Passed { .. } => return mark("✓", "passed", Role::Ok),
            GateState::Void { .. } => ("◇", Role::Error),
        },
    };
    mark(glyph, record.word(), role)
}

/// The mark of a finding that was waived.
pub const WAIVED: Mark = mark("»", "waived", Role::Skipped);

/// Returns the mark of a severity.
pub fn severity(severity: Severity) -> Mark {
    match severity {
        Severity::Blocking => mark("✗", "blocking", Role::Error),
        Severity::Warning => mark("!", "warning", Role::Warn),
        Severity::Info => mark("·", "info", Role::Muted),
    }
}

/// Returns the mark of a change that a publish brings.
pub fn change(kind: ChangeKind) -> Mark {
    match kind {
        ChangeKind::Added => mark("+", "added", Role::Added),
        ChangeKind::Updated => mark("▲", "updated", Role::Ok),
        ChangeKind::Downgraded => mark("▼", "downgraded", Role::Error),
        ChangeKind::Removed => mark("-", "removed", Role::Removed),
        ChangeKind::Rebuilt => mark("≠", "rebuilt", Role::Suspect),
    }
}
