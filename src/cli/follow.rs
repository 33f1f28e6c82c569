//! Follows a run until no lane can move, and says what happens in a line each.
//!
//! On a terminal one more line, redrawn in place, shows what runs right now. What is said at the end names
//! the commands that come next, whole, so that they can be pasted.

pub(super) mod live;
pub(super) mod next;

use super::args::Global;
use super::context;
use super::exit::{Exit, Failure};
use super::progress::{ProgressLine, Stream};
use crate::domain::live::Live;
use crate::domain::name::StepId;
use crate::domain::outcome::Outcome;
use crate::domain::redact::Redactor;
use crate::domain::run::step::is_held;
use crate::domain::run::{GateState, RunState, RunVerdict, StepRecord, StepState};
use crate::journal::store::RunDir;
use crate::runtime::secrets;
use crate::supervisor::recovery::Eyes;
use crate::ui::widgets::text::clock;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// How often the journal is looked at.
const EVERY: Duration = Duration::from_millis(50);

/// What was said of each step, and of which judgement: once of each, also where a retry came to the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Said(BTreeMap<StepId, (String, Option<Timestamp>)>);

impl Said {
    /// Takes the state of a run as known to whoever asks for something now.
    pub(super) fn before(state: &RunState) -> Self {
        let steps = state.steps.iter();
        Self(steps.filter_map(|(id, record)| Some((id.clone(), (line(record)?, judged(record))))).collect())
    }
}

/// Follows the run in `dir` and returns how it stands once no lane can move.
pub(super) fn until_still(global: &Global, dir: &RunDir, mut said: Said) -> Result<Exit, Failure> {
    let redactor = secrets::of_run(dir, &dir.plan()?);
    let mut follower = dir.follow_to_show(&redactor)?;
    follower.poll()?;
    let progress = ProgressLine::new(Stream::Output);
    let live = live::watch(dir);
    let mut asked = BTreeMap::new();
    loop {
        // Asked before the journal is read: what a supervisor wrote before it went is then read for sure.
        let alive = dir.is_alive();
        follower.poll()?;
        if let Some(problem) = follower.problem() {
            return Err(anyhow::anyhow!("the journal of run {} is damaged: {problem}", dir.id()).into());
        }
        let state = follower.state();
        say_news(state, &redactor, &mut said, &progress)?;
        if is_still(state, alive) {
            progress.clear();
            say_trouble(dir, state, alive, &live, &redactor);
            return close(global, dir, state, alive, &redactor);
        }
        let now = live.now();
        say_questions(&context::invocation(global), &now, &redactor, &mut asked, &progress)?;
        if progress.is_seen() {
            let line = live::line(state, &now, Timestamp::now());
            progress.show(&redactor.line(&line));
        }
        std::thread::sleep(EVERY);
    }
}

/// Returns whether no lane can move without a person.
fn is_still(state: &RunState, alive: bool) -> bool {
    if !alive {
        return true;
    }
    if state.steps.values().any(StepRecord::is_running) {
        return false;
    }
    if state.ended.is_some() {
        return true;
    }
    let verdicts: Vec<RunVerdict> = state.plan.lanes.iter().map(|lane| state.lane_verdict(lane)).collect();
    let waits = verdicts.contains(&RunVerdict::Waiting);
    waits && !verdicts.contains(&RunVerdict::Running) && !gate_is_moving(state)
}

/// Returns whether an approved gate is about to let its lane through.
fn gate_is_moving(state: &RunState) -> bool {
    state.steps.values().any(|record| match &record.state {
        StepState::Gate { gate: GateState::Waiting { approvals, demand, .. } } => {
            !approvals.is_empty() && demand.is_met(approvals) && !is_held(approvals)
        }
        _ => false,
    })
}

/// Says why the supervisor gave up, if it did: it recorded that if it still could, and said it in any case.
fn say_trouble(dir: &RunDir, state: &RunState, alive: bool, live: &live::Heard, redactor: &Redactor) {
    let recorded = state.failed.as_ref().map(|(_, reason)| reason.clone());
    let gone = !alive && state.ended.is_none();
    let Some(reason) = recorded.or_else(|| live.now().trouble).filter(|_| gone) else { return };
    context::warn(&format!("stagegate: run {} was stopped: {}\n", dir.id(), redactor.line(&reason)));
}

fn close(
    global: &Global,
    dir: &RunDir,
    state: &RunState,
    alive: bool,
    redactor: &Redactor,
) -> Result<Exit, Failure> {
    let verdict = state.verdict(alive);
    let mut text = format!("\nrun {} is {}\n", dir.id(), verdict.word());
    // Why it is refused is said each time, not only when it became so.
    let why = |(id, record): (&StepId, &StepRecord)| match &record.state {
        StepState::Gate { gate: GateState::Void { refusal, .. } } => {
            Some(format!("  {id} is void: {}\n", redactor.line(&refusal.to_string())))
        }
        _ => None,
    };
    let void: Vec<String> = state.steps.iter().filter_map(why).collect();
    text.push_str(&void.concat());
    if let Some(problem) = problem_of_supervisor(dir, state, alive) {
        let _ = writeln!(text, "  its supervisor failed: {problem}");
    }
    let truths = Eyes::default().truths(dir, state, alive);
    for (id, truth) in &truths {
        let truth = truth.clone().redacted(redactor);
        text.push_str(&redactor.line(&format!("  {id}: {truth}")));
        text.push('\n');
    }
    for line in next::lines(&context::invocation(global), dir.id(), state, alive, &truths) {
        text.push_str(&line);
        text.push('\n');
    }
    context::out(redactor, &text)?;
    Ok(if void.is_empty() { verdict.into() } else { Exit::Refused })
}

/// Returns why a run that was interrupted lost its supervisor, as that could still say: in the journal, else in its own log.
fn problem_of_supervisor(dir: &RunDir, state: &RunState, alive: bool) -> Option<String> {
    if alive || state.ended.is_some() {
        return None;
    }
    if let Some((_, reason)) = &state.failed {
        return Some(reason.clone());
    }
    let log = std::fs::read(dir.file("supervisor.log")).ok()?;
    let log = String::from_utf8_lossy(&log);
    let last = log.lines().rfind(|line| !line.trim().is_empty())?;
    Some(last.chars().filter(|c| !c.is_control()).collect())
}

fn say_news(
    state: &RunState,
    redactor: &Redactor,
    said: &mut Said,
    progress: &ProgressLine,
) -> Result<(), Failure> {
    for step in &state.plan.steps {
        let Some(line) = state.record(&step.id).and_then(line) else { continue };
        let news = (line, state.record(&step.id).and_then(judged));
        if said.0.get(&step.id) != Some(&news) {
            progress.clear();
            context::out(redactor, &format!("{:<24} {}\n", step.id, redactor.line(&news.0)))?;
            said.0.insert(step.id.clone(), news);
        }
    }
    Ok(())
}

/// Says once of each question that a step waits for its answer: nobody may be at a terminal to see it there.
fn say_questions(
    program: &str,
    live: &Live,
    redactor: &Redactor,
    asked: &mut BTreeMap<StepId, String>,
    progress: &ProgressLine,
) -> Result<(), Failure> {
    let questions = live.steps.iter().filter_map(|(id, step)| Some((id.clone(), step.prompt.clone()?)));
    let questions: BTreeMap<StepId, String> = questions.collect();
    for (id, prompt) in questions.iter().filter(|(id, prompt)| asked.get(*id) != Some(*prompt)) {
        progress.clear();
        // The question last: what follows the word password is taken for one, and is not shown.
        let line = format!("waits for input (answer it in the console: {program}): {prompt}");
        context::out(redactor, &format!("{id:<24} {}\n", redactor.line(&line)))?;
    }
    *asked = questions;
    Ok(())
}

/// Returns when a step was judged, if it was.
fn judged(record: &StepRecord) -> Option<Timestamp> {
    match &record.state {
        StepState::Concluded { ended, .. } => Some(*ended),
        _ => None,
    }
}

/// Returns what is to be said of a step, if there is anything yet.
fn line(record: &StepRecord) -> Option<String> {
    let line = match &record.state {
        StepState::Pending => return None,
        StepState::Running { end: Some(_), .. } => "checking".to_owned(),
        StepState::Concluded { outcome: Outcome::Succeeded, .. } => {
            format!("succeeded in {}", clock(record.took_s().unwrap_or(0)))
        }
        StepState::Concluded { reason, .. } => format!("{}: {reason}", record.word()),
        StepState::Skipped { reason, .. } => format!("skipped: {reason}"),
        StepState::Gate { gate: GateState::Waiting { approvals, demand, .. } } if !approvals.is_empty() => {
            match (demand.is_met(approvals), is_held(approvals)) {
                (true, true) => "approved, held".to_owned(),
                (true, false) => "approved".to_owned(),
                (false, _) => demand.words(approvals),
            }
        }
        StepState::Gate { gate: GateState::Void { refusal, .. } } => format!("void: {refusal}"),
        _ => record.word().to_owned(),
    };
    // A gate counts how often its evidence was gathered, which is nobody's attempt.
    let is_gate = matches!(record.state, StepState::Gate { .. });
    let attempt = if record.attempts > 1 && !is_gate {
        format!("attempt {}, ", record.attempts)
    } else {
        String::new()
    };
    Some(format!("{attempt}{line}"))
}
