//! At the gate: a step before it was skipped.
//!
//! Skipping is allowed, with a reason; what it means for production is for the person at the gate to say, by a waiver with
//! that step's name on it (design 4). It cannot see what the flow never had.

use super::VetContext;
use super::found::Found;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    let Some(release) = cx.release else { return };
    let Some(lane) = cx.plan.lane(&release.id) else { return };
    let before = lane.steps.iter().take_while(|id| **id != cx.step.id);
    for (id, reason) in before.filter_map(|id| Some((id, cx.skipped.get(id)?))) {
        found.blocking(
            "skipped",
            id.as_str(),
            format!("was skipped: {reason}"),
            "run it, or waive this with the reason why production does not need it",
        );
    }
}
