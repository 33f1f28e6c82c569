//! `pungi-koji`: makes a compose.
use super::{Call, complain};
use std::io;

/// Runs the tool.
pub(super) fn run(_call: &Call<'_>) -> io::Result<u8> {
    complain(1, "later")
}
