//! The supervisor: the owner of one run.
//!
//! The same binary under a hidden subcommand, in a session of its own. It owns the PTYs, is the only
//! writer of the journal and the logs, holds the locks and enforces the gate (design 2). Consoles come
//! and go; it stays until nothing of its run can move any more.
//!
//! The way through this module: [`client`] spawns or reaches a supervisor; [`serve`] is its process,
//! which `begin` brings into being and `door` lets clients into, each with its `conversation`; [`run_loop`] takes one happening at a time and decides what comes next; `launch` turns a step into
//! a process; [`judge`] turns its end into an outcome; `gate` gathers evidence and opens the way, `weigh` takes
//! approvals in, which [`consent`] makes on the side of whoever approves.

pub mod client;
pub mod consent;
pub mod control;
pub mod identity;
pub mod judge;
pub mod locks;
pub mod recovery;
pub mod run_loop;
pub mod scope;
pub mod serve;

mod begin;
mod checks;
mod conversation;
mod door;
mod fail_closed;
mod gate;
mod give_up;
mod happening;
mod launch;
mod printed;
pub mod report;
mod request;
mod skip;
mod survivors;
pub mod take_over;
mod weigh;

#[cfg(test)]
mod tests;
