//! Validated names: the newtypes for everything that ends up in a command, a path or a step id.
//!
//! A name from the catalog or from disk becomes one of these before anything else happens to it
//! (design 12.3), so that no later code needs to ask whether it may hold a slash, a blank or a dash
//! at its beginning.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The error of a string that cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a valid {what}: use letters, digits, `.`, `_`, `+` and `-`, not beginning with `-` or `.`, at most 64"
)]
pub struct InvalidName {
    what: &'static str,
    text: String,
}

fn check(what: &'static str, text: &str) -> Result<(), InvalidName> {
    let good = !text.is_empty()
        && text.len() <= 64
        && !text.starts_with(['-', '.'])
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b));
    if good { Ok(()) } else { Err(InvalidName { what, text: text.to_owned() }) }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Makes the name from `text`, or says why it cannot be one.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                check($what, &text)?;
                Ok(Self(text))
            }

            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::str::FromStr for $type {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }
    };
}

name!(
    /// One major version: `8`.
    ReleaseId, "release"
);
name!(
    /// What is composed and synced as one: `Rocky`, `gluster9`.
    RepoName, "repo name"
);
name!(
    /// The special interest group a SIG repo belongs to: `storage`.
    SigName, "SIG name"
);
name!(
    /// An ordered list of step templates: `update`, `minor`.
    FlowName, "flow name"
);
name!(
    /// A step template of the catalog, and the middle word of a step id: `sync`.
    TemplateName, "step name"
);
name!(
    /// Something that one step at a time may hold across lanes and runs: `modules-yaml`.
    ResourceName, "resource name"
);
name!(
    /// One execution of a plan: `20261122T184500Z-8-update`.
    RunId, "run id"
);

/// Identifies a step within a plan: `8/sync/Rocky`, `8/gate`, `shared/filelists`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StepId(String);

impl StepId {
    /// Makes the id of a release's step, of one repo or of the whole release.
    pub fn of_release(release: &ReleaseId, template: &TemplateName, repo: Option<&RepoName>) -> Self {
        match repo {
            Some(repo) => Self(format!("{release}/{template}/{repo}")),
            None => Self(format!("{release}/{template}")),
        }
    }

    /// Makes the id of a step that all lanes share: `shared/filelists`.
    pub fn shared(template: &TemplateName) -> Self {
        Self(format!("shared/{template}"))
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for StepId {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        let parts: Vec<&str> = text.split('/').collect();
        let good = (2..=3).contains(&parts.len()) && parts.iter().all(|part| check("step id", part).is_ok());
        if good { Ok(Self(text)) } else { Err(InvalidName { what: "step id", text }) }
    }
}

impl std::str::FromStr for StepId {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::try_from(text.to_owned())
    }
}

impl From<StepId> for String {
    fn from(id: StepId) -> String {
        id.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_their_folder_or_become_options_are_refused() {
        for bad in ["", "-x", ".", "..", ".hidden", "a/b", "a b", "a\nb", "a;b", "é", "a$b"] {
            assert!(RepoName::new(bad).is_err(), "{bad:?}");
        }
        for good in ["Rocky", "Rocky-devel", "gluster9", "advanced-virt", "8", "8.10"] {
            assert!(RepoName::new(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn step_ids_have_two_or_three_parts() {
        for good in ["8/gate", "8/sync/Rocky", "shared/filelists"] {
            assert!(good.parse::<StepId>().is_ok(), "{good:?}");
        }
        for bad in ["8", "8/", "/gate", "8/a/b/c", "8/../x"] {
            assert!(bad.parse::<StepId>().is_err(), "{bad:?}");
        }
    }
}
