//! Before a step: its mounts are what the catalog wants, answer, and have room.
//!
//! Where staging is not mounted the scripts build the tree on the local disk, fill it and exit 0 (reality.md 3.1). It reads
//! the mount table, the marker and the free space. It cannot see whether the right export is mounted there, nor how much the
//! step will write.

use super::VetContext;
use super::found::Found;
use super::places::shown;
use crate::compose::mounts::{look, silence};
use crate::compose::probe::Answer;
use crate::domain::catalog::Mount;
use crate::domain::status::MountState;
use std::time::Duration;

pub(super) fn check(cx: &VetContext<'_>, found: &mut Found<'_>) {
    for mount in &cx.catalog.mounts {
        cx.pulse.begin(&mount.name, None);
        let asked = mount.clone();
        match cx.prober.ask(&mount.name, Duration::from_secs(mount.deadline_s), move |_| look(&asked)) {
            Answer::Ready(state) => judge(mount, &state, found),
            Answer::Late { since } => silent(mount, since.elapsed().as_secs(), found),
            Answer::Cancelled => super::trees::cancelled(found),
            Answer::Broken { problem } => {
                let message = format!("{}: nobody could ask it: {problem}", mount.name);
                found.blocking("no-answer", shown(&mount.path), message, "check again");
            }
        }
    }
}

fn judge(mount: &Mount, state: &MountState, found: &mut Found<'_>) {
    let path = shown(&mount.path);
    let advice = "mount it; the scripts would write to the local disk instead";
    match state {
        MountState::Ready { free, .. } if *free < mount.min_free => {
            let message = format!("{}: {} free, {} wanted", mount.name, size(*free), size(mount.min_free));
            found.blocking("no-room", path, message, "make room, or lower min_free in the catalog");
        }
        MountState::Ready { .. } => {}
        MountState::NotMounted => {
            found.blocking("not-mounted", path, format!("{}: nothing is mounted there", mount.name), advice);
        }
        MountState::Missing => {
            found.blocking("missing", path, format!("{}: there is no such folder", mount.name), advice);
        }
        MountState::Failing { problem } => {
            let message = format!("{}: answers with errors alone: {problem}", mount.name);
            found.blocking("failing", path, message, "see what became of its server");
        }
        MountState::NotAnswering { for_s } => silent(mount, *for_s, found),
        MountState::Asking => silent(mount, 0, found),
    }
}

fn silent(mount: &Mount, for_s: u64, found: &mut Found<'_>) {
    let advice = "see what became of its server, then retry";
    found.blocking("no-answer", shown(&mount.path), silence(&mount.name, for_s), advice);
}

/// Writes a size for a sentence: `1.5 GiB`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS.get(unit).unwrap_or(&"PiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_say_them() {
        assert_eq!(size(10), "10 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(200 << 30), "200.0 GiB");
    }
}
