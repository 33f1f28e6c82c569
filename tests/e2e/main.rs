//! The real program on practice hosts, from the first command to production.
//!
//! Each test builds the hosts that it needs and leaves no process behind. None sleeps: what takes time is
//! waited for by name, with a deadline ([`support::wait_until`]).

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod commands;
mod faults;
mod gate;
mod lanes;
mod plan;
mod support;
mod survive;
