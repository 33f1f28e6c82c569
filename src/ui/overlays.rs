//! What lies over a screen: help, palette, questions, themes, text fields. The screen stays visible around it.

mod choose;
mod confirm;
mod help;
mod input;

use crate::app::Model;
use crate::app::model::Overlay;
use crate::keys::Action;
use crate::ui::pen::Pen;
use crate::ui::theme::Role;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Draws the overlays, the last on top.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    for overlay in &model.overlays {
        match overlay {
            Overlay::Help { first, layers } => help::draw(pen, area, model, *first, layers),
            Overlay::Palette { input, cursor, actions } => {
                choose::palette(pen, area, model, input, *cursor, actions);
            }
            Overlay::Confirm(question) => confirm::draw(pen, area, model, question),
            Overlay::Themes { cursor, .. } => choose::themes(pen, area, model, *cursor),
            Overlay::Text { purpose, input } => input::draw(pen, area, model, purpose, input),
        }
    }
}

/// Makes the keys of some actions with what they do here.
fn keys(pen: &Pen<'_>, model: &Model, actions: &[(Action, &str)]) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    for (action, label) in actions {
        let Some(key) = model.keymap.key_of(model.layers(), *action) else { continue };
        spans.push(pen.span(Role::Key, key.to_string()));
        spans.push(pen.span(Role::KeyLabel, format!(" {label}   ")));
    }
    spans
}
