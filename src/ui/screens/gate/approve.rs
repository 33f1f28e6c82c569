//! The foot of the Gate screen: the phrase, Cancel, and what stands in the way.

use super::is_open;
use crate::app::Model;
use crate::app::availability::approval;
use crate::app::model::{GateFocus, GateModel, RunModel};
use crate::domain::approval::AfterApproval;
use crate::domain::run::GateState;
use crate::keys::{Action, Layer};
use crate::ui::pen::Pen;
use crate::ui::theme::Role;
use crate::ui::widgets::field::{self, Field};
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr as _;

/// Rows of this part.
pub(super) const ROWS: u16 = 4;
/// Columns of the field.
const FIELD: u16 = 28;

/// Draws it.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, run: &RunModel, gate: &GateModel) {
    let focus = matches!(gate.focus, GateFocus::Cancel | GateFocus::Phrase);
    let title = vec![pen.span(Role::Title, "Approve")];
    let seal = gate.shown().map(|evidence| {
        let seal = format!("seal {}", evidence.seal.short());
        let over = format!("over {} paths", text::thousands(evidence.sealed_paths as u64));
        let taken = format!("evidence of {} UTC", text::time(evidence.at));
        let words = if area.width < 72 { seal } else { format!("{seal} {over}, {taken}") };
        vec![pen.span(Role::Muted, words)]
    });
    let inside = pen.panel(area, title, seal.unwrap_or_default(), focus);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    phrase(pen, inside, model, run, gate);
    let (role, words) = state(model, run, gate);
    for (row, piece) in (1..).zip(text::wrap(&words, inside.width).into_iter().take(2)) {
        pen.line(inside, row, vec![pen.span(role, piece)]);
    }
}

fn phrase(pen: &mut Pen<'_>, area: Rect, model: &Model, run: &RunModel, gate: &GateModel) {
    let cancel = " Cancel ";
    let button = Rect {
        x: area.right().saturating_sub(cancel.width() as u16 + 2),
        width: cancel.width() as u16 + 2,
        height: 1,
        ..area
    };
    let label = vec![pen.plain(format!("[{cancel}]"))];
    pen.line(button, 0, label);
    let chosen = gate.focus == GateFocus::Cancel;
    pen.tint(button, if chosen { Role::Selection } else { Role::Muted });
    if chosen {
        let mark = Rect { x: button.x.saturating_sub(2), width: 1, ..button };
        pen.line(mark, 0, vec![pen.span(Role::BorderFocus, "►")]);
    }
    let Some(lane) = run.state.plan.lane(&gate.release) else { return };
    if !is_open(run, gate) {
        return;
    }
    let label = format!("Type \"{}\" ", lane.phrase);
    let width = label.width() as u16;
    pen.line(area, 0, vec![pen.span(Role::Strong, label)]);
    let room = button.x.saturating_sub(area.x + width + 3);
    let typed = Rect { x: area.x + width, width: FIELD.min(room), height: 1, ..area };
    let matches = gate.phrase_matches(&run.state);
    let focused = gate.focus == GateFocus::Phrase;
    let go = model
        .keymap
        .key_of(&[Layer::Gate], Action::GoToPhrase)
        .map_or_else(String::new, |key| key.to_string());
    let placeholder = format!("press {go} to type it");
    field::draw(
        pen,
        typed,
        Field { typed: gate.phrase.text(), placeholder: &placeholder, focus: focused, matches },
    );
}

/// Says where the gate stands: what is in the way, or what Enter does.
fn state(model: &Model, run: &RunModel, gate: &GateModel) -> (Role, String) {
    match run.state.gate(&gate.release).and_then(|(_, state)| state) {
        Some(GateState::Passed { at, approvals, demand, .. }) => {
            return (Role::Ok, format!("✓ passed {} UTC, {}", text::moment(*at), demand.words(approvals)));
        }
        Some(GateState::Void { refusal, .. }) => return (Role::Error, format!("◇ void: {refusal}")),
        Some(GateState::Waiting { approvals, demand, .. })
            if !approvals.is_empty() && demand.is_met(approvals) =>
        {
            let words = demand.words(approvals);
            return (Role::Waiting, format!("◆ {words}; production waits for resume"));
        }
        _ => {}
    }
    if gate.sent {
        return (Role::Running, "… the approval was sent; waiting for the answer".to_owned());
    }
    let obstacles = gate.obstacles(&run.state);
    let asks = asks(run, gate);
    if !obstacles.is_empty() {
        return (Role::Error, format!("{}✗ {}", asks.stands, obstacles.join("; ")));
    }
    let revision = run.state.plan.lane(&gate.release).map_or("", |lane| lane.revision.as_str());
    if approval(model).is_enabled() {
        let key = model.keymap.key_of(&[Layer::Text], Action::Accept);
        let key = key.map_or_else(String::new, |key| key.to_string());
        return match gate.then {
            _ if asks.more => {
                let words = format!("✓ {key} {} for {revision}; a second person is needed", asks.verb);
                (Role::Waiting, words)
            }
            AfterApproval::Proceed if asks.signed => {
                let words = format!("✓ {key} {} and publishes {revision} to PRODUCTION now", asks.verb);
                (Role::Production, words)
            }
            AfterApproval::Proceed => {
                (Role::Production, format!("✓ {key} publishes {revision} to PRODUCTION now"))
            }
            AfterApproval::Hold => (
                Role::Waiting,
                format!("✓ {key} records the approval of {revision}; PRODUCTION waits for resume"),
            ),
        };
    }
    let phrase = run.state.plan.lane(&gate.release).map_or("", |lane| lane.phrase.as_str());
    if !phrase.starts_with(gate.phrase.text()) {
        return (Role::Error, format!("{}✗ what is typed is not \"{phrase}\"; nothing is sent", asks.stands));
    }
    let held = if gate.then == AfterApproval::Hold { " Production will wait for resume." } else { "" };
    (
        Role::Text,
        format!(
            "{}✓ nothing is in the way; the phrase opens the way of {revision} to PRODUCTION.{held}",
            asks.stands
        ),
    )
}

/// What the gate asks for beyond the phrase.
struct Asks {
    /// How many approved, where two are asked for.
    stands: String,
    /// Whether an approval is signed.
    signed: bool,
    /// What it is called to approve here.
    verb: &'static str,
    /// Whether one more approval is not enough.
    more: bool,
}

fn asks(run: &RunModel, gate: &GateModel) -> Asks {
    let Some((_, Some(GateState::Waiting { demand, approvals, .. }))) = run.state.gate(&gate.release) else {
        return Asks { stands: String::new(), signed: false, verb: "approves", more: false };
    };
    let two = demand.people > 1;
    Asks {
        stands: if two { format!("◆ {}. ", demand.words(approvals)) } else { String::new() },
        signed: demand.signers.is_some(),
        verb: if demand.signers.is_some() { "signs with your agent" } else { "approves" },
        more: two && approvals.len() + 1 < usize::from(demand.people),
    }
}
