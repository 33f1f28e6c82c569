//! The machine's own rsync, GNU parallel, sudo, `createrepo_c`, `modifyrepo_c` and gpg in the practice host's scripts: what
//! they do when they are killed, when there is no room, no leave, no key or no input; and that none of it is ever
//! called a success.
//!
//! The words that are asserted are those that an engineer reads: the reason of the step and its findings, in the
//! journal and in `stagegate report`. `bash .ci/test` installs the tools.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "it prints what the steps came to")]

#[path = "real_tools/copies.rs"]
mod copies;
#[path = "real_tools/furnish.rs"]
mod furnish;
#[path = "real_tools/mounts.rs"]
mod mounts;
#[path = "real_tools/prep.rs"]
mod prep;
#[path = "e2e/support.rs"]
#[expect(dead_code, reason = "it has more than these tests need")]
mod support;
