//! `stagegate plan`: the exact commands; the executor is not reachable from here.

use super::args::{Global, PlanArgs, PlanFormat};
use super::context;
use super::exit::{Exit, Failure};
use crate::domain::plan::{Pin, Plan, Step, script};
use crate::domain::redact::Redactor;
use std::fmt::Write as _;
use std::io::IsTerminal as _;

/// Prints the plan of a selection.
pub(super) fn run(global: &Global, args: &PlanArgs) -> Result<Exit, Failure> {
    let catalog = context::catalog(global)?;
    let (plan, _) = context::plan(global, &catalog, &args.selection)?;
    let redactor = Redactor::of_plan(&catalog.secrets, &plan);
    let plan = redactor.plan(&plan);
    match args.format {
        PlanFormat::Json => context::out_json(&redactor, &plan)?,
        // A script is for bash first, byte for byte; to look at it is another matter.
        PlanFormat::Script if !std::io::stdout().is_terminal() => context::own(&script::script(&plan))?,
        PlanFormat::Script => context::out(&redactor, &script::script(&plan))?,
        PlanFormat::Text => context::out(&redactor, &text(&redactor.shown(plan)))?,
    }
    Ok(Exit::Done)
}

/// Returns the plan for people.
pub(super) fn text(plan: &Plan) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}, flow {}, plan {}", plan.distribution, plan.flow(), plan.digest.short());
    for lane in &plan.lanes {
        let _ = writeln!(
            out,
            "release {} ({}): {} -> {}",
            lane.release,
            lane.revision,
            lane.staging.display(),
            lane.production.display()
        );
    }
    for checkout in &plan.checkouts {
        let revision = checkout.revision.as_deref().unwrap_or("no revision");
        let changed = if checkout.dirty == Some(true) { ", changed" } else { "" };
        let _ = writeln!(out, "{}: {revision}{changed}", checkout.name);
    }
    for warning in &plan.warnings {
        let _ = writeln!(out, "warning: {}", warning.message);
    }
    for (number, step) in plan.steps.iter().enumerate() {
        write_step(&mut out, number + 1, step);
    }
    out.push_str(
        "\nenvironment of every step; STAGEGATE_STEP is added, and PARALLEL where jobs are logged:\n",
    );
    for (name, value) in &plan.environment {
        let _ = writeln!(out, "     {name}={}", script::quote(value));
    }
    out
}

fn write_step(out: &mut String, number: usize, step: &Step) {
    let _ = writeln!(out, "\n{number:>3}  {}  {}", step.id, step.title);
    if let Some(gate) = &step.gate {
        let _ = writeln!(out, "     GATE {gate}: production waits here for an approval");
        return;
    }
    if step.argv.is_empty() {
        let _ = writeln!(out, "     checked by Stagegate itself");
    } else {
        let here = if step.is_production() { "PRODUCTION  " } else { "" };
        let _ = writeln!(out, "     {here}{}", script::command_line(step));
        let _ = writeln!(out, "     in {}", step.cwd.display());
    }
    for pinned in &step.pins {
        let _ = match &pinned.pin {
            Pin::Existing { id } => writeln!(out, "     with {id}"),
            Pin::ProducedBy { step } => writeln!(out, "     with the {} that {step} makes", pinned.repo),
        };
    }
    if !step.resources.is_empty() {
        let names: Vec<&str> =
            step.resources.iter().map(super::super::domain::name::ResourceName::as_str).collect();
        let _ = writeln!(out, "     holds {}", names.join(", "));
    }
}
