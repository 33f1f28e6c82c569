//! The real program on practice hosts, from the first command to production.
//!
//! Each test builds the hosts that it needs and leaves no process behind. None sleeps: what takes time is
//! waited for by name, with a deadline ([`support::wait_until`]).

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod cgroups;
mod commands;
mod corpus;
mod disk;
mod faults;
mod gate;
mod lanes;
mod locks;
mod mounts;
mod pinning;
mod plan;
mod record;
mod recover;
mod signatures;
mod silent;
#[path = "../support/slow_mount.rs"]
#[expect(dead_code, reason = "other tests and the benches use the rest of it")]
mod slow_mount;
mod support;
mod survive;
