//! What processes cost: CPU seconds and peak memory, read from `/proc` while they live.
//!
//! CPU is `utime + stime` of the whole thread group (proc(5)); the kernel scales both to the exact run time,
//! so only the clock tick of 10 ms is lost. Memory is `VmHWM`, the peak of the resident set.

use std::collections::BTreeMap;
use std::fs;

/// A clock tick in seconds: `USER_HZ` is 100 on every architecture that we run on.
const TICK: f64 = 0.01;

/// What some processes have cost up to now.
#[derive(Debug, Default, Clone)]
pub(crate) struct Cost {
    /// Ticks by process.
    ticks: BTreeMap<i32, u64>,
    /// Peak resident sets, summed, in KiB.
    pub(crate) peak_kib: u64,
    /// How often any of their threads went to sleep by itself.
    pub(crate) sleeps: u64,
}

impl Cost {
    /// Reads what `processes` have cost; those that are gone are passed over.
    pub(crate) fn of(processes: &[i32]) -> Self {
        let mut cost = Self::default();
        for &pid in processes {
            let Some(stat) = Stat::of(pid) else { continue };
            cost.ticks.insert(pid, stat.ticks);
            cost.peak_kib += status(&format!("/proc/{pid}/status"), "VmHWM:").unwrap_or(0);
            for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
                let file = task.path().join("status");
                cost.sleeps += status(&file.display().to_string(), "voluntary_ctxt_switches:").unwrap_or(0);
            }
        }
        cost
    }

    /// Returns the CPU seconds since `before`. Who was not there then counts in full.
    pub(crate) fn cpu_since(&self, before: &Self) -> f64 {
        let one = |(pid, now): (&i32, &u64)| now.saturating_sub(*before.ticks.get(pid).unwrap_or(&0));
        self.ticks.iter().map(one).sum::<u64>() as f64 * TICK
    }
}

fn status(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

struct Stat {
    parent: i32,
    ticks: u64,
}

impl Stat {
    fn of(pid: i32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Self { parent: fields.get(1)?.parse().ok()?, ticks: number(11)? + number(12)? })
    }
}

/// Returns `roots` and everything below them, except `without` and what is below that.
pub(crate) fn trees(roots: &[i32], without: i32) -> Vec<i32> {
    let all: Vec<(i32, i32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, Stat::of(pid)?.parent)))
        .collect();
    let mut open = roots.to_vec();
    let mut found = Vec::new();
    while let Some(pid) = open.pop() {
        if pid == without || found.contains(&pid) {
            continue;
        }
        found.push(pid);
        open.extend(all.iter().filter(|(_, parent)| *parent == pid).map(|(child, _)| *child));
    }
    found
}

/// The machine's CPU time up to now, as `/proc/stat` counts it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MachineTime {
    all: u64,
    steal: u64,
}

impl MachineTime {
    /// Reads it.
    pub(crate) fn now() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        let fields: Vec<u64> =
            line.split_ascii_whitespace().skip(1).take(8).filter_map(|field| field.parse().ok()).collect();
        Self { all: fields.iter().sum(), steal: fields.get(7).copied().unwrap_or(0) }
    }

    /// Returns which part of the time since then the hypervisor gave to others, 0 to 1.
    pub(crate) fn stolen(self) -> f64 {
        let now = Self::now();
        let all = now.all.saturating_sub(self.all);
        if all == 0 { 0.0 } else { now.steal.saturating_sub(self.steal) as f64 / all as f64 }
    }
}
