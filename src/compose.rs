//! Composes on disk, and where the content of each repo stands between compose, staging and production.
//!
//! Reads only: nothing here writes, creates or removes anything. What is read may be half written,
//! nonsense or on a mount that does not answer, so every read is bounded and no symlink is followed out
//! of its place.

pub mod content;
#[cfg(test)]
mod fixture;
pub mod holding;
mod info;
pub mod pool;
pub mod position;
mod read;
pub mod scan;
pub mod tree;
