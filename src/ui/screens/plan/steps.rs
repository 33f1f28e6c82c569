//! The right side of the Plan screen: every step with its exact command.

use crate::app::Model;
use crate::app::model::PlanFocus;
use crate::domain::plan::{Lane, Pin, Plan, Step, script};
use crate::domain::redact::Redactor;
use crate::ui::pen::{Pen, scroll_to};
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Columns from which on a step's title, command and pins share one line.
const ONE_LINE: u16 = 100;
/// Columns of a step's number and title on such a line.
const TITLE: u16 = 44;

/// One line of the list, with the step it belongs to and what is laid over it.
struct Row {
    step: Option<usize>,
    spans: Vec<Span<'static>>,
    /// A stroke that fills the line behind the spans.
    rule: Option<&'static str>,
}

/// Draws the list of steps.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, plan: &Plan) {
    let plan = &Redactor::of_plan(&model.catalog.secrets, plan).plan(plan);
    let focus = model.plan.focus == PlanFocus::Steps;
    let title = vec![pen.span(Role::Title, text::count(plan.steps.len(), "step"))];
    let digest = vec![pen.span(Role::Muted, "plan "), pen.span(Role::Text, plan.digest.short().to_owned())];
    let inside = pen.panel(area, title, digest, focus);
    let rows = rows(pen, plan, inside.width);
    let selected = model.plan.step;
    let last = rows.iter().rposition(|row| row.step == Some(selected)).unwrap_or(0);
    let first = if focus { scroll_to(last, rows.len(), usize::from(inside.height)) } else { 0 };
    let total = rows.len();
    for (place, row) in rows.into_iter().skip(first).enumerate().take(usize::from(inside.height)) {
        let place = place as u16;
        let line = Rect { y: inside.y + place, height: 1, ..inside };
        let width = Line::from(row.spans.clone()).width() as u16;
        let is_selected = focus && row.step == Some(selected);
        pen.line(line, 0, row.spans);
        if let Some(stroke) = row.rule {
            let style = pen.theme.style(Role::Waiting);
            pen.repeat(
                line.x + width.min(line.width),
                line.y,
                line.width.saturating_sub(width),
                stroke,
                style,
            );
        }
        if is_selected {
            pen.select(line, Role::Selection);
        }
    }
    let below = total.saturating_sub(first + usize::from(inside.height));
    if below > 0 {
        let note = vec![pen.span(Role::Muted, format!(" {below} more lines ↓ "))];
        let bottom = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
        let width = Line::from(note.clone()).width() as u16;
        pen.clear(Rect { x: bottom.right() - width, width, ..bottom });
        pen.line_right(bottom, 0, note);
    }
}

fn rows(pen: &Pen<'_>, plan: &Plan, width: u16) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut numbered = plan.steps.iter().enumerate();
    for lane in &plan.lanes {
        rows.push(lane_heading(pen, lane, width));
        let steps: Vec<(usize, &Step)> = numbered.by_ref().take(lane.steps.len()).collect();
        add_steps(pen, plan, &steps, width, &mut rows);
    }
    let shared: Vec<(usize, &Step)> = numbered.collect();
    if !shared.is_empty() {
        let words = if plan.lanes.len() > 1 { " after every lane" } else { " afterwards" };
        rows.push(plain(vec![pen.span(Role::Title, words)]));
        add_steps(pen, plan, &shared, width, &mut rows);
    }
    rows.push(plain(Vec::new()));
    rows.push(plain(vec![pen.span(
        Role::Muted,
        " # environment of every step; STAGEGATE_STEP is added, and PARALLEL where jobs are logged:",
    )]));
    for (name, value) in &plan.environment {
        let value = script::quote(value);
        rows.push(plain(vec![pen.span(Role::Muted, format!(" {name}={value}"))]));
    }
    rows
}

fn plain(spans: Vec<Span<'static>>) -> Row {
    Row { step: None, spans, rule: None }
}

fn lane_heading(pen: &Pen<'_>, lane: &Lane, width: u16) -> Row {
    let name = format!(" {} · {}", lane.release, lane.revision);
    let room = width.saturating_sub(name.len() as u16 + 6) / 2;
    let path = |path: &std::path::Path| text::cut_front(&path.to_string_lossy(), room);
    plain(vec![
        pen.span(Role::Title, name),
        pen.span(Role::Muted, format!("  {} → ", path(&lane.staging))),
        pen.span(Role::Production, path(&lane.production)),
    ])
}

fn add_steps(pen: &Pen<'_>, plan: &Plan, steps: &[(usize, &Step)], width: u16, rows: &mut Vec<Row>) {
    let mut place = String::new();
    for (number, step) in steps {
        if step.is_gate() {
            rows.push(gate(pen, plan, *number, step));
            continue;
        }
        let here = folder(step);
        if here != place && !step.argv.is_empty() {
            rows.push(plain(vec![pen.span(Role::Muted, format!("    # {here}"))]));
            place = here;
        }
        add_step(pen, plan, *number, step, width, rows);
    }
}

fn folder(step: &Step) -> String {
    match &step.host {
        Some(host) => format!("on {host} over ssh, in {}", step.cwd.display()),
        None => format!("in {}", step.cwd.display()),
    }
}

fn gate(pen: &Pen<'_>, plan: &Plan, number: usize, step: &Step) -> Row {
    let lane = step.release.as_ref().and_then(|release| plan.lane(release));
    let phrase = lane.map_or("", |lane| lane.phrase.as_str());
    let name = step.gate.as_deref().unwrap_or("gate");
    let spans = vec![
        pen.span(Role::Waiting, "━━━ ◆ GATE "),
        pen.span(Role::Strong, name.to_owned()),
        pen.span(Role::Text, format!(" · a person types \"{phrase}\" ")),
    ];
    Row { step: Some(number), spans, rule: Some("━") }
}

fn add_step(pen: &Pen<'_>, plan: &Plan, number: usize, step: &Step, width: u16, rows: &mut Vec<Row>) {
    let command = command(step);
    let mut head = vec![pen.span(Role::Muted, format!(" {:>2} ", number + 1))];
    let mut title = step.title.clone();
    if step.is_production() {
        head.push(pen.span(Role::ProductionBlock, " PRODUCTION "));
        title = format!(" {title}");
    }
    let title_role = if step.is_production() { Role::Production } else { Role::Strong };
    let command_role = if step.is_production() { Role::Production } else { Role::Text };
    let pins = pins(plan, step);
    if width >= ONE_LINE {
        let used = Line::from(head.clone()).width() as u16;
        head.push(pen.span(title_role, text::fill(&title, TITLE.saturating_sub(used))));
        head.push(Span::raw(" "));
        let rest = width.saturating_sub(TITLE + 2);
        let pin_width = if pins.is_empty() { 0 } else { (pins.chars().count() as u16 + 2).min(rest / 2) };
        head.push(pen.span(command_role, text::fill(&command, rest.saturating_sub(pin_width))));
        head.push(pen.span(Role::Muted, text::cut(&pins, pin_width)));
        rows.push(Row { step: Some(number), spans: head, rule: None });
        return;
    }
    let used = Line::from(head.clone()).width() as u16;
    let title = text::cut(&title, width.saturating_sub(used));
    head.push(pen.span(title_role, title.clone()));
    let room = width.saturating_sub(used + title.chars().count() as u16 + 3);
    if room > 12 {
        head.push(pen.span(Role::Muted, format!("  {}", text::cut(&pins, room))));
    }
    rows.push(Row { step: Some(number), spans: head, rule: None });
    for (piece, line) in text::wrap(&command, width.saturating_sub(8)).into_iter().enumerate() {
        let indent = if piece == 0 { "    $ " } else { "        " };
        let spans = vec![pen.span(Role::Faint, indent), pen.span(command_role, line)];
        rows.push(Row { step: Some(number), spans, rule: None });
    }
}

/// Returns the command exactly as it runs.
fn command(step: &Step) -> String {
    if step.argv.is_empty() { "(checked here, runs nothing)".to_owned() } else { script::command_line(step) }
}

fn pins(plan: &Plan, step: &Step) -> String {
    let number = |id: &crate::domain::name::StepId| {
        plan.steps.iter().position(|step| step.id == *id).map_or(0, |place| place + 1)
    };
    let words: Vec<String> = step
        .pins
        .iter()
        .map(|pinned| match &pinned.pin {
            Pin::Existing { id } => id.to_string(),
            Pin::ProducedBy { step } => format!("what step {} makes", number(step)),
        })
        .collect();
    words.join(", ")
}
