//! Who holds a lock: what its file says to people.

use super::approval::Identity;
use super::name::{RunId, StepId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The run.
    pub run: RunId,
    /// Who started it, with host and terminal.
    pub by: Identity,
    /// Since when.
    pub since: Timestamp,
    /// The supervisor's process id on that host, for people to look at; nothing is ever decided by it.
    pub pid: u32,
    /// The step that holds it, where it is a resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terminal = self.by.terminal.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
        let step = self.step.as_ref().map(|step| format!(", step {step}")).unwrap_or_default();
        write!(
            f,
            "{}{terminal}, run {}{step}, since {}",
            self.by,
            self.run,
            self.since.strftime("%Y-%m-%d %H:%M:%SZ")
        )
    }
}
