//! The tables: medians over rounds, and ratios to the reference of the same round.

use super::contender::Contender;
use super::measure::Sample;
use super::program::{ms, share};
use super::workload::Workload;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Every sample, by contender and place of the workload in [`Workload::ALL`], one a round.
pub(crate) type Samples = BTreeMap<(Contender, usize), Vec<Sample>>;

/// Makes the tables in Markdown.
pub(crate) fn write(samples: &Samples, workloads: &[Workload], scale: f64, rounds: usize) -> String {
    let mut out = String::new();
    let mut contenders: Vec<Contender> = samples.keys().map(|(contender, _)| *contender).collect();
    contenders.dedup();
    let titles: Vec<String> = workloads.iter().map(|workload| workload.title(scale)).collect();
    let mut table = |title: &str, cell: &dyn Fn(Contender, Workload) -> String| {
        let _fits = writeln!(
            out,
            "\n### {title}\n\n| | {} |\n|---|{}",
            titles.join(" | "),
            "---|".repeat(titles.len())
        );
        for &contender in &contenders {
            let cells: Vec<String> = workloads.iter().map(|&workload| cell(contender, workload)).collect();
            let _fits = writeln!(out, "| {} | {} |", contender.name(), cells.join(" | "));
        }
    };
    let ratios = |contender, workload, of: &dyn Fn(&Sample) -> f64| {
        let own = at(samples, contender, workload);
        let reference = at(samples, Contender::Reference, workload);
        median(own.iter().zip(reference).map(|(own, reference)| of(own) / of(reference).max(0.01)).collect())
    };
    let middle = |contender, workload, of: &dyn Fn(&Sample) -> f64| {
        median(at(samples, contender, workload).iter().map(of).collect())
    };
    let wall = |sample: &Sample| sample.wall.as_secs_f64();
    let cpu = |sample: &Sample| sample.cpu;
    table(
        &format!("Wall time, s (ratio to the reference of the same round), median of {rounds}"),
        &|who, what| format!("{:.2} ({:.2})", middle(who, what, &wall), ratios(who, what, &wall)),
    );
    table("CPU of the contender, s (ratio)", &|who, what| {
        format!("{:.2} ({:.2})", middle(who, what, &cpu), ratios(who, what, &cpu))
    });
    table("Peak resident memory, MiB", &|who, what| {
        format!("{:.1}", middle(who, what, &|sample: &Sample| sample.peak_kib as f64 / 1024.0))
    });
    table("Key to frame, ms: p50 / p99 (keys)", &|who, what| keys(at(samples, who, what)));
    out
}

fn at(samples: &Samples, contender: Contender, workload: Workload) -> &[Sample] {
    let place = Workload::ALL.iter().position(|one| *one == workload).unwrap_or(0);
    samples.get(&(contender, place)).map_or(&[], Vec::as_slice)
}

/// Says how fast keys were answered, over all rounds.
fn keys(samples: &[Sample]) -> String {
    let mut all: Vec<Duration> = samples.iter().flat_map(|sample| sample.keys.iter().copied()).collect();
    let dead: usize = samples.iter().map(|sample| sample.dead_keys).sum();
    all.sort_unstable();
    let at = |part| ms(share(&all, part));
    match (all.len(), dead) {
        (0, 0) => "–".to_owned(),
        (0, dead) => format!("none of {dead} answered"),
        (count, 0) => format!("{:.1} / {:.1} ({count})", at(0.5), at(0.99)),
        (count, dead) => format!("{:.1} / {:.1} ({count}; {dead} dead)", at(0.5), at(0.99)),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}
