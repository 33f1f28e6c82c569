//! Prints a plan as the shell script an engineer would type, in the procedure's order.
//!
//! It is for reading and for rehearsing by hand. It stops at every gate, because nothing reaches
//! production without an approval (design 12.1), not even through a pipe into bash.

use super::{Plan, Step};
use crate::domain::redact::REDACTED;
use std::fmt::Write as _;
use std::path::Path;

/// Returns `text` quoted for a POSIX shell where that is needed.
pub fn quote(text: &str) -> String {
    let plain =
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"@%+=:,./_-".contains(&b));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Returns exactly what runs on this host, as it would be typed in its working directory: the environment in
/// front, and ssh with all its arguments for a step of another host. Every screen shows this line.
pub fn command_line(step: &Step) -> String {
    let command = joined(&local_argv(step));
    if step.host.is_some() { command } else { format!("{}{command}", assignments(step)) }
}

fn assignments(step: &Step) -> String {
    step.env.iter().map(|(name, value)| format!("{name}={} ", quote(value))).collect::<Vec<_>>().concat()
}

fn joined(argv: &[String]) -> String {
    argv.iter().map(|part| quote(part)).collect::<Vec<_>>().join(" ")
}

/// Returns the one string that the shell of the step's host sees: quoted argv after `cd --` (design 12.3).
pub fn remote_command(step: &Step) -> String {
    format!("cd -- {} && {}{}", quote(&step.cwd.to_string_lossy()), assignments(step), joined(&step.argv))
}

/// Returns the argv that is executed on this host: the step's own, or ssh with the remote command.
pub fn local_argv(step: &Step) -> Vec<String> {
    match &step.host {
        Some(host) => {
            vec!["ssh".to_owned(), "-tt".to_owned(), "--".to_owned(), host.clone(), remote_command(step)]
        }
        None => step.argv.clone(),
    }
}

/// Adds a comment of one line: a line end in a name from disk must not become a command.
fn comment(out: &mut String, text: &str) {
    let text: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let _ = writeln!(out, "# {text}");
}

/// Returns the whole plan as a script.
pub fn script(plan: &Plan) -> String {
    let mut out = String::from("#!/bin/bash\n");
    comment(
        &mut out,
        &format!("{} / flow {} / plan {}", plan.distribution, plan.flow(), plan.digest.short()),
    );
    for warning in &plan.warnings {
        comment(&mut out, &format!("warning: {}", warning.message));
    }
    if is_redacted(plan) {
        let _ = writeln!(
            out,
            "# It cannot run as it stands: {REDACTED} stands for a secret of the catalog; put its value there."
        );
    }
    out.push_str("set -e\n");
    for (name, value) in &plan.environment {
        let _ = writeln!(out, "export {name}={}", quote(value));
    }
    let mut cwd: Option<&Path> = None;
    for step in &plan.steps {
        out.push('\n');
        comment(&mut out, &format!("{}: {}", step.id, step.title));
        if let Some(gate) = &step.gate {
            write_gate(&mut out, plan, step, gate);
            cwd = None;
        } else if step.argv.is_empty() {
            comment(&mut out, "checked by Stagegate itself, no command");
        } else {
            if step.host.is_none() && cwd != Some(step.cwd.as_path()) {
                let _ = writeln!(out, "cd -- {}", quote(&step.cwd.to_string_lossy()));
                cwd = Some(&step.cwd);
            }
            let _ = writeln!(out, "{}", command_line(step));
        }
    }
    out
}

fn is_redacted(plan: &Plan) -> bool {
    let steps = plan.steps.iter().flat_map(|step| step.env.values().chain(&step.argv));
    plan.environment.values().chain(steps).any(|text| text.contains(REDACTED))
}

fn write_gate(out: &mut String, plan: &Plan, step: &Step, gate: &str) {
    let phrase = step.release.as_ref().and_then(|release| plan.lane(release)).map_or("", |lane| &lane.phrase);
    comment(out, &format!("gate {gate}: nothing below runs until staging is vetted and someone types"));
    comment(out, &format!("`{phrase}` (stagegate approve). This script stops here."));
    let _ = writeln!(out, "exit 3");
}

#[cfg(test)]
mod tests;
