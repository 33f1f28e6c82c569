//! Acts that take turns: wall time and CPU time of each, in rounds that are made again where others took the machine.
//!
//! Ratios are taken within a round and their medians printed: absolute times of a machine that others share mean little.

use super::processes::MachineTime;
use std::time::{Duration, Instant};

/// What an act took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    /// By the clock.
    pub(crate) wall: Duration,
    /// Of all threads of this process together.
    pub(crate) cpu: Duration,
}

/// Something that is measured, and the act that it is compared with.
pub(crate) struct Act<'a> {
    /// What it is called.
    pub(crate) name: &'static str,
    /// The name of its limit.
    pub(crate) limit: &'static str,
    /// What puts everything in its place beforehand, and then does it.
    pub(crate) work: Box<dyn FnMut() -> anyhow::Result<Took> + 'a>,
}

impl<'a> Act<'a> {
    /// Makes an act that needs no preparation.
    pub(crate) fn new(
        name: &'static str,
        limit: &'static str,
        mut work: impl FnMut() -> anyhow::Result<()> + 'a,
    ) -> Self {
        Self { name, limit, work: Box::new(move || timed(&mut work)) }
    }
}

/// What all rounds of one act took.
pub(crate) struct Row {
    name: &'static str,
    limit: &'static str,
    took: Vec<Took>,
}

impl Row {
    /// Returns the name of its act.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the median of its wall times in milliseconds.
    pub(crate) fn wall_ms(&self) -> f64 {
        median(self.took.iter().map(|took| took.wall.as_secs_f64() * 1000.0).collect())
    }
}

/// Measures one piece of work.
pub(crate) fn timed(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Took> {
    let (begun, before) = (Instant::now(), cpu_time());
    work()?;
    Ok(Took { wall: begun.elapsed(), cpu: cpu_time().saturating_sub(before) })
}

/// Makes every act in turn, once a round; a round of a `patient` bench in which much was stolen is made again.
pub(crate) fn rounds(mut acts: Vec<Act<'_>>, rounds: usize, patient: bool) -> anyhow::Result<Vec<Row>> {
    let mut rows: Vec<Row> =
        acts.iter().map(|act| Row { name: act.name, limit: act.limit, took: Vec::new() }).collect();
    let (mut made, mut tries) = (0, 0);
    while made < rounds {
        tries += 1;
        let machine = MachineTime::now();
        let round = acts.iter_mut().map(|act| (act.work)()).collect::<anyhow::Result<Vec<Took>>>()?;
        if patient && tries < rounds * 2 && machine.stolen() > 0.05 {
            continue;
        }
        made += 1;
        for (row, took) in rows.iter_mut().zip(round) {
            row.took.push(took);
        }
    }
    Ok(rows)
}

/// Returns the rows of a Markdown table: wall and CPU in milliseconds, and how many times its limit each is.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = "| | limit | ms | x limit | CPU ms | x limit |\n|---|---|---|---|---|---|\n".to_owned();
    for row in rows {
        let Some(limit) = rows.iter().find(|other| other.name == row.limit) else { continue };
        let ms = |part: Part| median(row.took.iter().map(|took| part(took).as_secs_f64() * 1000.0).collect());
        let share = |part: Part| {
            let pairs = row.took.iter().zip(&limit.took);
            median(pairs.map(|(took, limit)| part(took).as_secs_f64() / part(limit).as_secs_f64()).collect())
        };
        let (wall, cpu): (Part, Part) = (|took| took.wall, |took| took.cpu);
        let of = if row.limit == row.name { "" } else { row.limit };
        text += &format!(
            "| {} | {of} | {:.0} | {:.2} | {:.0} | {:.2} |\n",
            row.name,
            ms(wall),
            share(wall),
            ms(cpu),
            share(cpu)
        );
    }
    text
}

/// One of the two that an act took.
type Part = fn(&Took) -> Duration;

/// Returns the middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Returns the CPU time of all threads of this process up to now.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
