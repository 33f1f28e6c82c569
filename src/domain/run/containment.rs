//! What holds the processes of one attempt together: said, never assumed.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What holds the processes of one attempt together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Containment {
    /// A cgroup of its own: who is born in it stays in it, whatever session, parent or environment it takes.
    Cgroup {
        /// Its folder on the host where it ran.
        path: String,
    },
    /// No more than what can be seen of its tree: descent, session, terminal, mark.
    Tree {
        /// Why it has no cgroup.
        why: String,
    },
}

/// Says what follows "contained by: ".
impl fmt::Display for Containment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cgroup { .. } => f.write_str("its own cgroup"),
            Self::Tree { why } => write!(f, "process tree ({why})"),
        }
    }
}
