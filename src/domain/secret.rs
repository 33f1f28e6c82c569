//! Text that was typed in answer to a prompt, on its way to the terminal it is for.
//!
//! It goes over the control socket and nowhere else: no log, no journal and no test output shows it, because
//! everything that prints a request prints it with `Debug`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
