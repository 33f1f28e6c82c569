//! Releases that change hands between runs: what both journals tell of it.

use crate::domain::approval::Identity;
use crate::domain::name::RunId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A lane that another run has now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUp {
    /// When.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: Identity,
    /// Why.
    pub reason: String,
    /// The run that has the release now.
    pub to: RunId,
}

impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "given up to run {} by {}: {}", self.to, self.by, self.reason)
    }
}

/// Whom a run has a release from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The run that had it.
    pub from: RunId,
    /// Whose that was.
    pub owner: Identity,
    /// Why it was taken; none where that run's supervisor had died with it.
    pub reason: Option<String>,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Some(reason) => write!(f, "taken over from {}, run {}: {reason}", self.owner, self.from),
            None => write!(f, "free: {} had it for run {}, whose supervisor is gone", self.owner, self.from),
        }
    }
}
