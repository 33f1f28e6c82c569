//! The clocks, read in one place so that tests can set them.

use crate::app::model::Moment;
use jiff::Timestamp;
use std::time::Instant;

/// Reads the clocks.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// Makes the clock of a console that starts now.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Reads both clocks.
    pub fn read(&self) -> Moment {
        let uptime_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Moment { wall: Timestamp::now(), uptime_ms }
    }
}
