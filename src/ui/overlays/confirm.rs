//! A question: what would happen, to what, and the one key that says yes. Enter does nothing; every other key is a no.

use super::keys;
use crate::app::Model;
use crate::app::model::Confirm;
use crate::domain::name::{RunId, StepId};
use crate::domain::plan::Plan;
use crate::keys::Action;
use crate::ui::pen::{Pen, centred};
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// What a question says.
struct Question {
    title: String,
    words: Vec<(Role, String)>,
    yes: &'static str,
}

/// Draws the question.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, confirm: &Confirm) {
    let question = question(model, confirm);
    let width = 78.min(area.width.saturating_sub(4));
    let lines: Vec<(Role, String)> = question
        .words
        .into_iter()
        .flat_map(|(role, words)| {
            let indent: String = words.chars().take_while(|c| *c == ' ').collect();
            let pieces = text::wrap(&words, width.saturating_sub(4 + indent.len() as u16));
            let pieces = if pieces.is_empty() { vec![String::new()] } else { pieces };
            pieces.into_iter().map(move |piece| (role, format!("{indent}{piece}"))).collect::<Vec<_>>()
        })
        .collect();
    let most = area.height.saturating_sub(7);
    let shown = (lines.len() as u16).min(most);
    let frame = centred(area, width, shown + 5);
    let title = pen.span(Role::Warn, question.title);
    let inside = pen.boxed(frame, title, Role::Warn);
    let hidden = lines.len().saturating_sub(usize::from(shown));
    let keep = if hidden > 0 { usize::from(shown).saturating_sub(1) } else { lines.len() };
    let mut row = 1;
    for (role, words) in lines.into_iter().take(keep) {
        pen.line(inside, row, vec![pen.span(role, words)]);
        row += 1;
    }
    if hidden > 0 {
        pen.line(
            inside,
            row,
            vec![pen.span(Role::Muted, format!("  and {} more", text::count(hidden + 1, "line")))],
        );
    }
    let foot = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
    let mut spans: Vec<Span<'static>> = keys(pen, model, &[(Action::ConfirmYes, question.yes)]);
    spans.extend(keys(pen, model, &[(Action::ConfirmNo, "no, do nothing")]));
    pen.line(foot, 0, spans);
}

fn question(model: &Model, confirm: &Confirm) -> Question {
    match confirm {
        Confirm::StartRun { plan, from } => start(plan, from.as_ref()),
        Confirm::Retry { step, stale, repeatable } => retry(step, stale, *repeatable),
        Confirm::CancelStep { step } => Question {
            title: format!("Stop {step}?"),
            words: vec![
                (Role::Text, "TERM goes to its whole process tree, then it has a period of grace.".to_owned()),
                (Role::Text, production_note(model, step)),
            ],
            yes: "stop it",
        },
        Confirm::KillStep { step } => Question {
            title: format!("Kill {step}?"),
            words: vec![
                (Role::Error, "KILL goes to its whole process tree at once; it cannot clean up.".to_owned()),
                (Role::Text, production_note(model, step)),
            ],
            yes: "kill it",
        },
        Confirm::CancelRun { running } => Question {
            title: "Stop the whole run?".to_owned(),
            words: std::iter::once((Role::Text, "These steps are stopped, and nothing further starts:".to_owned()))
                .chain(steps(running))
                .collect(),
            yes: "stop the run",
        },
        Confirm::Resume { release: Some(release) } => {
            let plan = model.run.as_ref().and_then(|run| run.state.plan.lane(release));
            let revision = plan.map_or("", |lane| lane.revision.as_str());
            Question {
                title: format!("Publish {revision} to PRODUCTION?"),
                words: vec![(
                    Role::Production,
                    format!("The held approval of {revision} takes effect: the push to production starts now."),
                )],
                yes: "publish",
            }
        }
        Confirm::Resume { release: None } => Question {
            title: "Go on with this run?".to_owned(),
            words: vec![(
                Role::Text,
                "A new supervisor takes it. What ran when the last one died is looked at first; nothing is run twice by itself."
                    .to_owned(),
            )],
            yes: "go on",
        },
    }
}

fn production_note(model: &Model, step: &StepId) -> String {
    let plan = model.run.as_ref().map(|run| &run.state.plan);
    let production =
        plan.and_then(|plan| plan.step(step)).is_some_and(crate::domain::plan::Step::is_production);
    if production {
        "It is writing to PRODUCTION: stopped half way, production holds a part of the new content."
            .to_owned()
    } else {
        "What it leaves behind is checked afterwards; its lane waits.".to_owned()
    }
}

fn steps(ids: &[StepId]) -> impl Iterator<Item = (Role, String)> {
    ids.iter().map(|id| (Role::Strong, format!("  {id}")))
}

fn retry(step: &StepId, stale: &[StepId], repeatable: bool) -> Question {
    let mut words = Vec::new();
    if !repeatable {
        let text =
            "The catalog says that running this step again is NOT safe: look at what it left behind first.";
        words.push((Role::Error, text.to_owned()));
    }
    if stale.is_empty() {
        words.push((Role::Text, "Nothing that ran already builds on it.".to_owned()));
    } else {
        words.push((Role::Text, "These build on it and become stale, approvals included:".to_owned()));
        words.extend(steps(stale));
    }
    Question { title: format!("Run {step} again?"), words, yes: "run it again" }
}

fn start(plan: &Plan, from: Option<&RunId>) -> Question {
    let mut words = Vec::new();
    if let Some(from) = from {
        words.push((Role::Warn, format!("Run {from} gives these releases up to the new run.")));
    }
    for lane in &plan.lanes {
        words.push((Role::Title, format!("{} · {}", lane.release, lane.revision)));
        let titles: Vec<String> =
            lane.steps.iter().filter_map(|id| plan.step(id)).map(|step| step.title.clone()).collect();
        words.push((Role::Text, format!("  {}", titles.join(" → "))));
    }
    let publishes = plan.steps.iter().filter(|step| step.is_production()).count();
    words.push((Role::Text, String::new()));
    if publishes > 0 {
        let gates: Vec<String> = plan.lanes.iter().map(|lane| format!("\"{}\"", lane.phrase)).collect();
        words.push((
            Role::Production,
            format!(
                "PRODUCTION is reached behind the gate only, once somebody types {}.",
                gates.join(" or ")
            ),
        ));
    } else {
        words.push((Role::Ok, "Nothing of this reaches production.".to_owned()));
    }
    if !plan.warnings.is_empty() {
        words.push((
            Role::Warn,
            format!("! {}; the Plan screen lists them", text::count(plan.warnings.len(), "warning")),
        ));
    }
    Question {
        title: format!("Run {} of flow {}?", text::count(plan.steps.len(), "step"), plan.flow()),
        words,
        yes: "run",
    }
}
