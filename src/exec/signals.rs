//! Signals as a step finds them: none blocked, none ignored, whoever started the supervisor.
//!
//! Both are inherited through `exec`, and std resets neither (SIGPIPE apart). A step that was started with
//! TERM blocked could only be killed, and one with CHLD ignored never learns how its children ended.
//! It must not touch what the console does with its own signals: only a supervisor calls this.

use nix::sys::signal::SigSet;
use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The signals that a program may have ignored for it: the classic ones, then the real-time ones without the
/// two that belong to the C library (signal(7)).
const CLASSIC: std::ops::RangeInclusive<i32> = 1..=31;
const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;

/// Clears the mask of this thread, and with it of every thread and process that it will start, and makes
/// their dispositions default ones. Call once, before any other thread is there.
///
/// A handler, unlike an ignored signal, does not survive `exec`; so each ignored signal gets one that does
/// nothing. ILL, FPE and SEGV are left: no safe call changes them, and the kernel ends a program that causes
/// one of them whether it ignores them or not.
pub fn defaults_for_children() -> io::Result<()> {
    SigSet::empty().thread_set_mask()?;
    let status = fs::read_to_string("/proc/self/status")?;
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    let is_ignored = |signal: &i32| mask & (1 << (signal - 1)) != 0;
    let sigpipe = nix::libc::SIGPIPE; // std restores that one itself
    let left_alone = |signal: &i32| *signal == sigpipe || signal_hook::consts::FORBIDDEN.contains(signal);
    for signal in CLASSIC.chain(REAL_TIME).filter(is_ignored).filter(|signal| !left_alone(signal)) {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(())
}
