//! `stagegate prune`: lists the runs that may go, and removes them if told to.

use super::args::{Global, PruneArgs, TextFormat};
use super::context;
use super::exit::{Exit, Failure};
use crate::domain::visible;
use crate::journal::lock::Holder;
use crate::journal::retention::{self, Kept, Old, Reason, Rules, Survey};
use crate::journal::store::Store;
use crate::supervisor::identity;
use crate::ui::widgets::text::{bytes, count};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::fmt::Write as _;

/// How many of the newest runs stay where nothing is said.
const KEEP: usize = 20;
/// How old a run must be where nothing is said.
const OLDER_THAN: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Reads an age: `90d`, `12w`, `48h`.
pub(super) fn age(text: &str) -> Result<SignedDuration, String> {
    let wrong = || format!("`{text}` is no age: write a number with h, d or w behind it, such as 90d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let hours: i64 = match unit {
        "h" => 1,
        "d" => 24,
        "w" => 7 * 24,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(SignedDuration::from_hours(i64::from(number) * hours))
}

/// What was done, for programs.
#[derive(Debug, Serialize)]
struct Done {
    /// Whether what is listed was removed.
    removed: bool,
    #[serde(flatten)]
    survey: Survey,
    /// What could not be removed.
    problems: Vec<String>,
}

/// Lists what may go, and with `--yes` removes it.
pub(super) fn run(global: &Global, options: &PruneArgs) -> Result<Exit, Failure> {
    let store = context::store(global)?;
    let rules = rules(options, Timestamp::now());
    let survey = retention::survey(&store, &rules)?;
    let mut done = Done { removed: options.yes, survey, problems: Vec::new() };
    if options.yes {
        remove(&store, &rules, &mut done);
    }
    let redactor = context::redactor(global);
    match options.format {
        TextFormat::Json => context::out_json(&redactor, &done)?,
        TextFormat::Text => context::out(&redactor, &text(&done, &context::invocation(global)))?,
    }
    Ok(if done.problems.is_empty() { Exit::Done } else { Exit::Failed })
}

/// What is asked for counts; where nothing is, both usual rules do.
fn rules(options: &PruneArgs, now: Timestamp) -> Rules {
    let (keep, age) = match (options.keep, options.older_than) {
        (None, None) => (KEEP, Some(OLDER_THAN)),
        (keep, age) => (keep.unwrap_or(0), age),
    };
    Rules { keep, before: age.map(|age| now.checked_sub(age).unwrap_or(Timestamp::MIN)) }
}

fn remove(store: &Store, rules: &Rules, done: &mut Done) {
    for leftover in &done.survey.leftovers {
        if let Err(error) = retention::finish(leftover) {
            done.problems.push(error.to_string());
        }
    }
    let by = identity::own();
    for old in std::mem::take(&mut done.survey.old) {
        let holder = Holder {
            run: old.id.clone(),
            by: by.clone(),
            since: Timestamp::now(),
            pid: std::process::id(),
            step: None,
        };
        match retention::remove(store, &old.id, rules, &holder) {
            Ok(Ok(old)) => done.survey.old.push(old),
            Ok(Err(reason)) => done.survey.kept.push(Kept { name: old.id.to_string(), reason }),
            Err(error) => done.problems.push(error.to_string()),
        }
    }
}

fn text(done: &Done, invocation: &str) -> String {
    let Survey { old, kept, leftovers } = &done.survey;
    let sum = bytes(old.iter().map(|old| old.bytes).sum());
    let runs = count(old.len(), "run");
    let mut out = match (done.removed, old.is_empty()) {
        (_, true) => "no run to remove\n".to_owned(),
        (true, false) => format!("removed {runs}, {sum}\n"),
        (false, false) => format!("{runs} to remove, {sum}\n"),
    };
    for Old { id, state, ended, bytes: size, .. } in old {
        let ended = ended.strftime("%Y-%m-%d %H:%M");
        let _ = writeln!(out, "  {id:<36} {:<10} ended {ended}Z  {}", state.word(), bytes(*size));
    }
    for leftover in leftovers {
        let did = if done.removed { "finished" } else { "to finish" };
        let _ = writeln!(
            out,
            "  {did}: {}, which an earlier prune had begun to delete",
            visible::line(&leftover.to_string_lossy())
        );
    }
    let plain = |kept: &&Kept| matches!(kept.reason, Reason::Newest | Reason::Young);
    let (few, told): (Vec<&Kept>, Vec<&Kept>) = kept.iter().partition(|kept| plain(kept));
    if !kept.is_empty() {
        let _ = writeln!(out, "kept {}: {} of them new or young", kept.len(), few.len());
    }
    for Kept { name, reason } in told {
        let _ = writeln!(out, "  {}", visible::line(&format!("{name} {reason}")));
    }
    for problem in &done.problems {
        let _ = writeln!(out, "  PROBLEM {}", visible::line(problem));
    }
    let listed = !old.is_empty() || !leftovers.is_empty();
    if listed && !done.removed {
        let _ =
            writeln!(out, "nothing was removed; `{invocation} prune --yes`, with the same rules, removes it");
    }
    out
}
