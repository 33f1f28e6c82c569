//! A text field with what it is for: reasons, searches, answers to a step's prompt.

use super::keys;
use crate::app::Model;
use crate::app::model::TextPurpose;
use crate::app::text_input::TextInput;
use crate::keys::Action;
use crate::ui::pen::{Pen, centred};
use crate::ui::screens::gate;
use crate::ui::theme::Role;
use crate::ui::widgets::field::{self, Field};
use crate::ui::widgets::text;
use ratatui::layout::Rect;

/// Draws the field.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, purpose: &TextPurpose, input: &TextInput) {
    let (title, words, accept, hidden) = about(model, purpose);
    let width = 78.min(area.width.saturating_sub(4));
    let lines = text::wrap(&words, width.saturating_sub(4));
    let frame = centred(area, width, lines.len() as u16 + 6);
    let title = pen.span(Role::Title, title);
    let inside = pen.boxed(frame, title, Role::BorderFocus);
    let mut row = 0;
    for line in lines {
        pen.line(inside, row, vec![pen.span(Role::Text, line)]);
        row += 1;
    }
    let place = Rect { y: inside.y + row + 1, height: 1, ..inside };
    let bullets = "•".repeat(input.text().chars().count());
    let typed = if hidden { bullets.as_str() } else { input.text() };
    field::draw(pen, place, Field { typed, placeholder: "", focus: true, matches: false });
    let foot = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
    let spans = keys(pen, model, &[(Action::Accept, accept), (Action::Dismiss, "do nothing")]);
    pen.line(foot, 0, spans);
}

fn about(model: &Model, purpose: &TextPurpose) -> (String, String, &'static str, bool) {
    match purpose {
        TextPurpose::SkipReason { step } => (
            format!("Leave {step} out"),
            "Why? The reason goes into the record, and the gate asks for a waiver by name.".to_owned(),
            "leave it out",
            false,
        ),
        TextPurpose::RetryReason { step } => {
            let truth = model.run.as_ref().and_then(|run| run.truths.get(step));
            let truth = truth.map_or_else(String::new, |truth| {
                format!("{}; {}. ", truth.alive_words(), truth.repeat_words())
            });
            let words = format!("{truth}Why may it run again? The reason goes into the record.");
            (format!("Run {step} again"), words, "run it again", false)
        }
        TextPurpose::WaiveReason { finding, message, .. } => {
            let found = model
                .gate
                .as_ref()
                .and_then(|gate| gate.shown()?.findings.iter().find(|known| known.id == *finding).cloned());
            let what = found.map_or_else(String::new, |found| format!("{} {message}. ", found.path));
            let words = format!("{what}Why does it not matter? The reason goes into the record.");
            (format!("Let finding {finding} through"), words, "let it through", false)
        }
        TextPurpose::HelmReason => (
            "Take the helm".to_owned(),
            "Another console has it and will only observe from then on. Why do you take it?".to_owned(),
            "take it",
            false,
        ),
        TextPurpose::TakeOverReason { problem, .. } => (
            "Take the release over".to_owned(),
            format!(
                "{problem}. What runs there is stopped; both runs record who took it and why. Why do you take it over?"
            ),
            "take it over",
            false,
        ),
        TextPurpose::Search { step } => (
            format!("Search the log of {step}"),
            "What you type is looked for as it is; capitals count only where you type one.".to_owned(),
            "search",
            false,
        ),
        TextPurpose::SearchGate => search_gate(model),
        TextPurpose::Answer { step, prompt, hidden, shown } => {
            // Hidden here by its wording alone: what its terminal shows, its log keeps.
            let kept = if *hidden && *shown {
                " (its terminal shows what is typed: the log will hold it)"
            } else {
                ""
            };
            let words = format!("{step} asks: {prompt}{kept}");
            ("Answer".to_owned(), words, "send it", *hidden)
        }
    }
}

fn search_gate(model: &Model) -> (String, String, &'static str, bool) {
    let tab = model.gate.as_ref().map_or("evidence", |gate| gate::title(gate.tab()));
    let words = "What you type is looked for as it is: in paths, messages, names, versions, CVE ids; capitals count only where \
                 you type one.";
    (format!("Search the {}", tab.to_lowercase()), words.to_owned(), "search", false)
}
