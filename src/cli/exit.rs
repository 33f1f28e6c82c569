//! Exit codes and failures of commands.

use crate::domain::approval::Refusal;
use crate::domain::run::RunVerdict;
use std::process::ExitCode;

/// How a command ended; the numbers are the contract of design 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// The command line or the catalog is wrong.
    Usage,
    /// A gate waits.
    Gate,
    /// Refused: by a lock, the gate, an identity or the seal.
    Refused,
    /// A step is suspect.
    Suspect,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Gate => 3,
            Exit::Refused => 4,
            Exit::Suspect => 5,
        })
    }
}

impl From<RunVerdict> for Exit {
    fn from(verdict: RunVerdict) -> Self {
        match verdict {
            RunVerdict::Finished => Self::Done,
            RunVerdict::Waiting => Self::Gate,
            RunVerdict::Suspect => Self::Suspect,
            RunVerdict::Running | RunVerdict::Failed | RunVerdict::Interrupted | RunVerdict::Cancelled => {
                Self::Failed
            }
        }
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) error: anyhow::Error,
}

impl Failure {
    /// Makes the failure of a wrong command line or catalog.
    pub(super) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Usage, error: error.into() }
    }

    /// Makes the failure of a wrong command line from a sentence.
    pub(super) fn usage_text(text: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, error: anyhow::anyhow!(text.into()) }
    }

    /// Makes the failure of something that somebody refused.
    pub(super) fn refused(text: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, error: anyhow::anyhow!(text.into()) }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { exit: Exit::Failed, error }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self { exit: Exit::Failed, error: error.into() }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self { exit: Exit::Failed, error: error.into() }
    }
}

impl From<crate::journal::JournalError> for Failure {
    fn from(error: crate::journal::JournalError) -> Self {
        let exit = match error {
            crate::journal::JournalError::NoSuchRun { .. }
            | crate::journal::JournalError::SeveralRuns { .. } => Exit::Usage,
            _ => Exit::Failed,
        };
        Self { exit, error: error.into() }
    }
}

impl From<crate::supervisor::client::ClientError> for Failure {
    fn from(error: crate::supervisor::client::ClientError) -> Self {
        let exit = match error {
            crate::supervisor::client::ClientError::Locked(_) => Exit::Refused,
            _ => Exit::Failed,
        };
        Self { exit, error: error.into() }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self { exit: Exit::Refused, error: refusal.into() }
    }
}
