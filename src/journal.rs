//! The journal: the append-only record of a run, and the folder of files around it (design 3).
//!
//! One writer, the run's supervisor; any number of readers. A record is durable before the act that it
//! authorises. What cannot be read never stops the program: a torn last line, an unknown event or one
//! broken run is said and passed over.

pub mod format;
pub mod lock;
pub mod reader;
pub mod store;
pub mod writer;

use std::io;
use std::path::PathBuf;

/// What can go wrong with the files of a run.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file could not be read or written.
    #[error("{doing} {path}: {cause}", path = path.display())]
    Io {
        /// What was being done: `cannot read`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said; part of the words, so not their source too.
        cause: io::Error,
    },
    /// The plan is not there, not readable or not what its digest says.
    #[error("the plan of run {run} cannot be used: {problem}")]
    BadPlan {
        /// The run.
        run: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No such run.
    #[error("there is no run `{run}`{}", nearest.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    NoSuchRun {
        /// What was asked for.
        run: String,
        /// The nearest one.
        nearest: Option<String>,
    },
    /// The beginning of a name that several runs share.
    #[error("`{run}` fits several runs, from `{oldest}` to `{newest}`; write more of the name")]
    SeveralRuns {
        /// What was asked for.
        run: String,
        /// The newest that fits.
        newest: String,
        /// The oldest that fits.
        oldest: String,
    },
    /// A file of the run is not what it should be.
    #[error("{path} is damaged: {problem}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl JournalError {
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::Io { doing, path, cause }
    }
}

#[cfg(test)]
mod tests;
