//! The console as an engineer has it: the real binary in a real terminal, keys in, screen out.
//!
//! Every host is a test's own. No sleeps: a wait is for something on the screen or in a journal, with a
//! deadline. Where a step must be caught in the middle, a planted failure holds it there.

#![expect(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

#[path = "console/damage.rs"]
mod damage;
#[path = "console/driver.rs"]
mod driver;
#[path = "console/gate.rs"]
mod gate;
#[path = "console/helm.rs"]
mod helm;
#[path = "console/host.rs"]
mod host;
#[path = "console/hostile.rs"]
mod hostile;
#[path = "console/input.rs"]
mod input;
#[path = "console/logs.rs"]
mod logs;
#[path = "console/mounts.rs"]
mod mounts;
#[path = "console/release.rs"]
mod release;
#[path = "support/slow_mount.rs"]
#[expect(dead_code, reason = "other tests and the benches use the rest of it")]
mod slow_mount;
#[path = "console/survival.rs"]
mod survival;
#[path = "console/terminal.rs"]
mod terminal;
