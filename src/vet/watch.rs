//! Lets a check's pulse watch over the reading of metadata.
//!
//! A reader of `repodata` knows no pulse, and a pulse no reader: here they meet, so that a read of two gigabytes shows
//! that it moves and ends when the check is cancelled.

use crate::compose::pulse::Pulse;
use crate::repodata::Watch;

impl Watch for Pulse {
    fn is_cancelled(&self) -> bool {
        Self::is_cancelled(self)
    }

    fn read(&self, bytes: u64) {
        Self::read(self, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watched_read_moves_the_pulse_and_hears_that_it_is_to_end() {
        let pulse = Pulse::new();
        pulse.begin("metadata", None);
        let watch: &dyn Watch = &pulse;
        watch.read(3);
        assert_eq!(pulse.looking().bytes, 3);
        assert!(!watch.is_cancelled());
        pulse.cancel();
        assert!(watch.is_cancelled());
    }
}
