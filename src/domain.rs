//! The pure heart of Stagegate: what a release, a plan, a run and an approval *are*.
//!
//! Nothing here reads a file, a clock, a socket or the terminal. Everything is plain data and
//! functions over it, so that the console, the supervisor, the reports and the tests share one truth.

pub mod approval;
pub mod catalog;
pub mod compose;
pub mod evidence;
pub mod expand;
pub mod file_digest;
pub mod finding;
#[cfg(test)]
pub(crate) mod fixture;
pub mod flow;
pub mod holder;
pub mod launch;
pub mod live;
pub mod log_line;
pub mod name;
pub mod outcome;
pub mod plan;
pub mod progress;
pub mod redact;
pub mod release;
pub mod run;
pub mod seal;
pub mod secret;
pub mod selection;
pub mod status;
pub mod visible;
