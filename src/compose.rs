//! Composes on disk, and where the content of each repo stands between compose, staging and production.
//!
//! Reads only: nothing here writes, creates or removes anything. What is read may be half written,
//! nonsense or on a mount that does not answer, so every read is bounded, no symlink is followed out of
//! its place, and [`probe`] keeps a hung mount from holding anybody up.

pub mod content;
#[cfg(test)]
mod fixture;
pub mod holding;
mod info;
pub mod mounts;
pub mod pool;
pub mod position;
pub mod probe;
pub mod pulse;
pub(crate) mod read;
pub mod scan;
pub mod status;
pub mod tree;
