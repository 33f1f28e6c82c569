//! Runs the command of one step and tells what became of it: PTY, log, process tree, prompts.
//!
//! Blocking threads and no async runtime, so that a flood of output in one step cannot delay another.
//! It decides nothing about releases, writes no journal and never judges whether a step did its work:
//! it reports facts (`domain::outcome::ProcessEnd`), the supervisor draws the conclusions.
//! Log bytes leave this module in one way only, appended raw to the step's log file.

pub mod cgroup;
pub mod group;
pub mod guard;
pub mod joblog;
pub mod landing;
pub mod log_file;
pub mod output;
pub mod phrases;
pub mod prompt;
pub mod pty;
pub mod signals;
pub mod survivors;
pub mod unit;
