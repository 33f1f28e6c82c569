//! When everything of the invented past happened, counted back from now.
//!
//! Whole days before now at a fixed local hour, so that a day's composes share its date.

use jiff::{SignedDuration, Timestamp, civil::Time, tz::TimeZone};

/// Days before now on which a generation was built; later ones were built yesterday.
const BUILT: [i64; 3] = [45, 12, 4];

/// The dates of a host.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    now: Timestamp,
}

impl Calendar {
    pub(super) fn ending(now: Timestamp) -> Self {
        Self { now }
    }

    /// Returns when the packages of a generation were built (Unix seconds).
    pub(super) fn built(&self, generation: u32) -> u32 {
        self.moment(Self::days(generation), 9)
    }

    /// Returns when the first compose of a generation began: the day after its build.
    pub(super) fn composed(&self, generation: u32) -> u32 {
        self.moment(Self::days(generation) - 1, 11)
    }

    /// Returns when a generation was synced, prepared and signed: some days later.
    pub(super) fn staged(&self, generation: u32) -> u32 {
        self.moment((Self::days(generation) - 2).max(1), 15)
    }

    fn days(generation: u32) -> i64 {
        BUILT.get(generation as usize).copied().unwrap_or(2)
    }

    fn moment(&self, days: i64, hour: i8) -> u32 {
        let before = self.now - SignedDuration::from_hours(24 * days);
        let local = before.to_zoned(TimeZone::system());
        let at = local.with().time(Time::constant(hour, 44, 0, 0)).build().unwrap_or(local);
        u32::try_from(at.timestamp().as_second()).unwrap_or_default()
    }
}
