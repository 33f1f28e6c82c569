//! One workload through one contender, measured.

use super::contender::{Contender, LineEnd, PATIENCE, Question, Ready, prepare};
use super::host::{Host, Stranger};
use super::processes::{Cost, MachineTime, trees};
use super::screen::Screen;
use super::workload::{Stage, Workload};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a flood may take.
const FLOOD: Duration = Duration::from_mins(10);
/// How long a key may stay without an answer before it counts as lost.
const DEAD: Duration = Duration::from_secs(5);
/// Between two keys; prime, so that no rhythm of a contender falls in with it.
const BETWEEN: Duration = Duration::from_millis(61);

/// What one workload through one contender came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// Wall time by the child's clock.
    pub(crate) wall: Duration,
    /// CPU seconds of the contender, user and system.
    pub(crate) cpu: f64,
    /// Peak resident sets of the contender's processes, summed, in KiB.
    pub(crate) peak_kib: u64,
    /// From each key to its frame.
    pub(crate) keys: Vec<Duration>,
    /// Keys that got no answer within five seconds.
    pub(crate) dead_keys: usize,
    /// The part of the machine's time that was stolen meanwhile.
    pub(crate) stolen: f64,
}

/// Measures.
pub(crate) fn measure(
    contender: Contender,
    workload: Workload,
    stage: &mut Stage,
    host: &Host,
    scratch: &Path,
) -> anyhow::Result<Sample> {
    let ready = prepare(contender, workload, stage, host, scratch)?;
    let script = Stranger::of(ready.script)?;
    let before = Cost::of(&trees(&ready.roots, ready.script));
    let machine = MachineTime::now();
    let over = AtomicBool::new(false);
    let (took, keys, dead_keys) = std::thread::scope(|scope| {
        let asking = ready.screen.as_ref().map(|screen| scope.spawn(|| ask(screen, ready.questions, &over)));
        let took = stage.word().and_then(|()| stage.done(FLOOD));
        over.store(true, Ordering::Relaxed);
        let (keys, dead) = asking.and_then(|asking| asking.join().ok()).unwrap_or_default();
        took.map(|took| (took, keys, dead))
    })?;
    is_whole(&ready, workload, stage)?;
    let after = Cost::of(&trees(&ready.roots, ready.script));
    let stolen = machine.stolen();
    stage.word()?;
    let sample = Sample {
        wall: took.wall,
        cpu: after.cpu_since(&before),
        peak_kib: after.peak_kib,
        keys,
        dead_keys,
        stolen,
    };
    ready.leave()?;
    // A script that went with its terminal has not heard the word, and the next one must not hear it instead.
    drop(script);
    stage.forget()?;
    Ok(sample)
}

/// Presses keys until the flood is over; an answer that came after it counts as well.
fn ask(screen: &Screen, questions: &[Question], over: &AtomicBool) -> (Vec<Duration>, usize) {
    let (mut answers, mut dead) = (Vec::new(), 0);
    for question in questions.iter().cycle() {
        std::thread::sleep(BETWEEN);
        if over.load(Ordering::Relaxed) {
            break;
        }
        match screen.press(question.keys, question.words, DEAD) {
            Some(took) => answers.push(took),
            None => dead += 1,
        }
        screen.types(question.undo);
    }
    (answers, dead)
}

/// Makes sure that whoever keeps the output has kept all of it.
fn is_whole(ready: &Ready, workload: Workload, stage: &Stage) -> anyhow::Result<()> {
    let Some((log, line_end)) = &ready.log else { return Ok(()) };
    let mut wanted = stage.bytes(workload)?;
    if *line_end == LineEnd::Terminal {
        wanted += stage.line_ends(workload);
    }
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        let kept = std::fs::metadata(log)?.len();
        if kept == wanted {
            return Ok(());
        }
        anyhow::ensure!(
            kept < wanted && std::time::Instant::now() < until,
            "{kept} of {wanted} bytes were kept"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
