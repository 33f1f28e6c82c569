//! The console at work: the terminal, the loop, and everything that the pure core only asks for.
//!
//! [`run_console`] is what the command line calls. The way through: `terminal` and `signals` and `input`
//! tell what happens outside; `event_loop` feeds it to `app::update` and draws; `effects` carries out what
//! comes back and answers with messages; `log_panes` reads the visible part of logs just before a frame.

pub mod clock;
pub mod console;
pub mod effects;
pub mod event_loop;
pub mod input;
pub mod log_panes;
mod log_search;
pub mod logging;
mod runs_watch;
pub mod secrets;
pub mod signals;
pub mod terminal;

pub use console::{ConsoleOptions, run_console};
