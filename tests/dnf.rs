//! dnf's own `repoclosure` and `repodiff` on trees of real packages, and what `stagegate verify` and `stagegate diff` say of the
//! same trees: where both know the answer, it is one answer.
//!
//! dnf, dnf-plugins-core and `createrepo_c` are part of the set-up of the tests (`bash .ci/test` installs them), so a missing one fails,
//! never skips. dnf reads folders of the test and nothing of the machine: no configuration, no cache, no network.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "dnf/closure.rs"]
mod closure;
#[path = "dnf/differences.rs"]
mod differences;
#[path = "dnf/tree.rs"]
mod tree;
