//! The journal: the append-only record of a run, and the folder of files around it (design 3).
//!
//! One writer, the run's supervisor; any number of readers. A record is durable before the act that it
//! authorises. What cannot be read never stops the program: a torn last line, an unknown event or one
//! broken run is said and passed over.

pub mod audit;
pub mod format;
pub mod head;
pub mod lock;
pub mod reader;
pub mod retention;
pub mod store;
pub mod writer;

use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong with the files of a run.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file could not be read or written.
    #[error("{doing} {path}: {cause}{}", hint(path, cause), path = path.display())]
    Io {
        /// What was being done: `cannot read`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said; part of the words, so not their source too.
        cause: io::Error,
    },
    /// The disk is full: there is no room for another record and for the facts that must follow it.
    #[error("no room for another record in {path}: {cause}{hint}", path = path.display(), hint = hint(path, cause))]
    NoRoom {
        /// The journal.
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
    /// An evidence file is not the one that was recorded.
    #[error("the evidence is not what was recorded ({file}); gather it anew with `stagegate gate {run}`")]
    EvidenceAltered {
        /// The run.
        run: String,
        /// The file, relative to the run's folder.
        file: String,
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

/// Says whose a place is that may not be written, and what to do about it.
fn hint(path: &Path, cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::PermissionDenied => {
            let there = path.ancestors().find_map(|place| std::fs::symlink_metadata(place).ok());
            let own = rustix::process::geteuid().as_raw();
            match there.map(|meta| std::os::unix::fs::MetadataExt::uid(&meta)) {
                Some(owner) if owner != own => format!(
                    "; it belongs to {} and this is {}: work as {0}, or name a state folder of your own with --state",
                    user(owner),
                    user(own)
                ),
                _ => "; make it writable, or name another state folder with --state".to_owned(),
            }
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "; nothing runs that cannot be recorded: name another state folder with --state, or mount it writable"
                .to_owned()
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some room there".to_owned(),
        _ => String::new(),
    }
}

fn user(uid: u32) -> String {
    uzers::get_user_by_uid(uid)
        .map_or_else(|| format!("uid {uid}"), |user| user.name().to_string_lossy().into_owned())
}

impl JournalError {
    /// Says what is wrong and what to do, `again` being what comes once it is mended.
    pub fn advice(&self, again: &str) -> String {
        match self {
            Self::Io { path, cause, .. } | Self::NoRoom { path, cause, .. }
                if hint(path, cause).is_empty() =>
            {
                format!("{self}; mend that, then {again}")
            }
            Self::Io { .. } | Self::NoRoom { .. } => format!("{self}, then {again}"),
            _ => self.to_string(),
        }
    }

    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::Io { doing, path, cause }
    }
}

#[cfg(test)]
mod tests;
