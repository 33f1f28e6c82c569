//! What is known about the chosen step: its command, what it is doing, how it ended, what was found, and what to do next.

use crate::app::Model;
use crate::app::availability::availability;
use crate::app::model::RunModel;
use crate::domain::approval::Approval;
use crate::domain::finding::Finding;
use crate::domain::live::{LiveStep, Looking};
use crate::domain::plan::{Step, script};
use crate::domain::run::recovery::Alive;
use crate::domain::run::{GateState, StepRecord, StepState};
use crate::keys::Action;
use crate::ui::pen::Pen;
use crate::ui::style;
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Findings that are shown; the rest is counted.
const FINDINGS: usize = 4;

/// A piece of text, to be wrapped.
struct Words {
    role: Role,
    text: String,
    /// The role of its first character, where that is a glyph of its own.
    glyph: Option<Role>,
}

fn words(role: Role, text: impl Into<String>) -> Words {
    Words { role, text: text.into(), glyph: None }
}

/// Returns the rows that the panel wants, its title included.
pub(super) fn rows(model: &Model, run: &RunModel, width: u16) -> u16 {
    let Some(step) = run.selected() else { return 0 };
    let lines: usize =
        about(run, step).iter().map(|piece| text::wrap(&piece.text, width.saturating_sub(2)).len()).sum();
    1 + lines as u16 + u16::from(!offers(model).is_empty())
}

/// Draws the panel.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, run: &RunModel) {
    let Some(step) = run.selected() else { return };
    let mut title = vec![pen.span(Role::Title, step.title.clone())];
    if step.is_production() {
        title.insert(0, pen.span(Role::ProductionBlock, " PRODUCTION "));
        title.insert(1, Span::raw(" "));
    }
    let inside = pen.panel(area, title, Vec::new(), false);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let offers = offers(model);
    let most = inside.height.saturating_sub(u16::from(!offers.is_empty()));
    let mut row = 0;
    for piece in about(run, step) {
        for (place, line) in text::wrap(&piece.text, inside.width).into_iter().enumerate() {
            if row < most {
                pen.line(inside, row, spans(pen, &piece, place == 0, line));
                row += 1;
            }
        }
    }
    if offers.is_empty() {
        return;
    }
    let mut spans = vec![pen.span(Role::Muted, "next: ")];
    for (key, label) in offers {
        spans.push(pen.span(Role::Key, key));
        spans.push(pen.span(Role::Text, format!(" {label}   ")));
    }
    pen.line(inside, row, spans);
}

fn spans(pen: &Pen<'_>, piece: &Words, first: bool, line: String) -> Vec<Span<'static>> {
    match piece.glyph.filter(|_| first) {
        Some(role) => {
            let glyph: String = line.chars().take(1).collect();
            let rest: String = line.chars().skip(1).collect();
            vec![pen.span(role, glyph), pen.span(piece.role, rest)]
        }
        None => vec![pen.span(piece.role, line)],
    }
}

/// Returns what can be done about a step, with the keys: what the footer offers, where it matters most.
fn offers(model: &Model) -> Vec<(String, &'static str)> {
    let Some(run) = &model.run else { return Vec::new() };
    let record = run.selected().and_then(|step| run.record(&step.id));
    let wanted: &[Action] = match record.map(|record| &record.state) {
        Some(StepState::Gate { .. }) => &[Action::OpenGate, Action::Resume],
        Some(StepState::Running { .. }) if !run.alive => {
            &[Action::Resume, Action::CancelStep, Action::KillStep]
        }
        Some(StepState::Interrupted { .. }) => {
            &[Action::Resume, Action::Retry, Action::CancelStep, Action::KillStep]
        }
        Some(StepState::Running { .. }) => &[Action::Attach, Action::KillStep],
        _ if record.is_some_and(|record| record.stops_lane() || record.stale.is_some()) => {
            &[Action::Retry, Action::PlanAnew, Action::Skip, Action::Resume]
        }
        _ => &[],
    };
    let offer = |action: &Action| {
        let key = model.keymap.key_of(model.layers(), *action)?;
        availability(*action, model).is_enabled().then(|| (key.to_string(), action.info().label))
    };
    wanted.iter().filter_map(offer).collect()
}

fn about(run: &RunModel, step: &Step) -> Vec<Words> {
    let Some(record) = run.record(&step.id) else { return Vec::new() };
    let mut out = Vec::new();
    if !step.argv.is_empty() {
        out.push(words(Role::Muted, format!("$ {}", script::command_line(step))));
    }
    if let Some(cause) = &record.stale {
        out.push(words(Role::Warn, format!("↻ stale: {cause}, and this builds on it")));
    }
    out.extend(state(run, step, record));
    if let (StepState::Running { .. } | StepState::Interrupted { .. }, Some(how)) =
        (&record.state, &record.contained)
    {
        out.push(words(Role::Muted, format!("contained by: {how}")));
    }
    out.extend(findings(&record.findings));
    out
}

fn state(run: &RunModel, step: &Step, record: &StepRecord) -> Vec<Words> {
    let mark = style::step(record, run.alive);
    match &record.state {
        StepState::Pending => {
            let open =
                |id: &&crate::domain::name::StepId| run.record(id).is_none_or(|record| !record.is_behind());
            let waits = step.depends.iter().find(open);
            if let (true, Some(look)) = (step.is_gate(), gathering(run, step)) {
                return vec![words(Role::Running, format!("► gathering evidence: {}", text::looking(look)))];
            }
            if let Some(look) = run.live_step(&step.id).and_then(|live| live.checking.as_ref()) {
                return vec![words(Role::Running, format!("► check before it: {}", text::looking(look)))];
            }
            // Its checks may be at work already, or it may wait for what another step holds.
            let live = run.live_step(&step.id).map(running).unwrap_or_default();
            if !live.is_empty() {
                return live;
            }
            waits.map(|id| words(Role::Muted, format!("· waits for {id}"))).into_iter().collect()
        }
        StepState::Running { .. } if !run.alive => interrupted(run, step),
        StepState::Running { .. } => run.live_step(&step.id).map(running).unwrap_or_default(),
        StepState::Concluded { reason, .. } => {
            // "cancelled: cancelled by KILL" would say it twice.
            let told = reason.strip_prefix(mark.word).unwrap_or(reason);
            let colon = if told.is_empty() || told.len() < reason.len() { "" } else { ": " };
            vec![words(mark.role, format!("{} {}{colon}{told}", mark.glyph, mark.word))]
        }
        StepState::Interrupted { .. } => interrupted(run, step),
        StepState::Skipped { reason, by } => {
            vec![words(mark.role, format!("» skipped by {}: {reason}", by.person()))]
        }
        StepState::Gate { gate } => vec![self::gate(gate)],
    }
}

/// Says the truth about an interrupted step: was it started, may it be alive, is it safe to repeat?
fn interrupted(run: &RunModel, step: &Step) -> Vec<Words> {
    let Some(truth) = run.truths.get(&step.id) else {
        return vec![words(Role::Error, "‖ interrupted: its supervisor died while it ran".to_owned())];
    };
    let mut out = vec![words(Role::Error, format!("‖ interrupted: {}", truth.started_words()))];
    let role = match truth.alive {
        Alive::Yes { .. } | Alive::Unknown { .. } => Role::Warn,
        Alive::No { .. } => Role::Text,
    };
    out.push(words(role, format!("  {}", truth.alive_words())));
    out.push(words(Role::Text, format!("  {}", truth.repeat_words())));
    if let Some(live) = run.live_step(&step.id) {
        out.extend(live.grace_left_s.map(grace));
    }
    if let Some((_, reason)) = &run.state.failed {
        out.push(words(Role::Error, format!("  its supervisor failed: {reason}")));
    }
    out
}

fn grace(left: u64) -> Words {
    words(Role::Warn, format!("■ asked to stop, {left} s of grace left"))
}

fn gathering<'a>(run: &'a RunModel, step: &Step) -> Option<&'a Looking> {
    run.live.gathering.get(step.release.as_ref()?)
}

fn running(live: &LiveStep) -> Vec<Words> {
    let mut out = Vec::new();
    if let Some((resource, holder)) = &live.waits_for {
        out.push(words(Role::Waiting, format!("… waits for {resource}, which {holder} holds")));
    }
    if let Some(look) = &live.checking {
        out.push(words(Role::Running, format!("► check {}", text::looking(look))));
    }
    if let Some(left) = live.grace_left_s {
        out.push(grace(left));
    }
    if let Some(prompt) = &live.prompt {
        out.push(words(Role::Waiting, format!("! waits for input: {prompt}")));
    }
    if !live.label.is_empty() {
        out.push(words(Role::Running, live.label.clone()));
    }
    out
}

fn gate(gate: &GateState) -> Words {
    match gate {
        GateState::Waiting { approvals, demand, .. }
            if !approvals.is_empty() && !demand.is_met(approvals) =>
        {
            words(Role::Waiting, format!("◆ {}", demand.words(approvals)))
        }
        GateState::Waiting { approvals, since, seal, .. } => match approvals.last() {
            Some(approval) => words(
                Role::Waiting,
                format!("◆ approved by {} until {}, held", approval.who(), text::moment(approval.expires)),
            ),
            None => words(
                Role::Waiting,
                format!("◆ waits for an approval since {}, seal {}", text::moment(*since), seal.short()),
            ),
        },
        GateState::Passed { at, approvals, .. } => {
            let by = approvals.iter().map(Approval::who).collect::<Vec<_>>().join(", ");
            words(Role::Ok, format!("✓ passed {}, approved by {by}", text::moment(*at)))
        }
        GateState::Void { refusal, .. } => words(Role::Error, format!("◇ void: {refusal}")),
    }
}

fn findings(found: &[Finding]) -> Vec<Words> {
    let mut out = Vec::new();
    let mut advice = "";
    for finding in found.iter().take(FINDINGS) {
        let mark = style::severity(finding.severity);
        let text = format!("{} {}: {} {}", mark.glyph, finding.check, finding.path, finding.message);
        out.push(Words { glyph: Some(mark.role), ..words(Role::Text, text) });
        advice = &finding.advice;
    }
    if found.len() > FINDINGS {
        out.push(words(Role::Muted, format!("and {} more", found.len() - FINDINGS)));
    }
    if !advice.is_empty() {
        out.push(words(Role::Info, format!("→ {advice}")));
    }
    out
}
