//! Which build is measured, and medians.

use std::time::Duration;

/// Returns the program under test: the one that was built with the bench, or `STAGEGATE_BIN`.
pub(crate) fn stagegate() -> String {
    std::env::var("STAGEGATE_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_stagegate").to_owned())
}

/// Returns a share of sorted times: 0.5 is the median.
pub(crate) fn share(sorted: &[Duration], part: f64) -> Duration {
    let at = ((sorted.len() as f64 * part) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

/// Returns milliseconds.
pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
