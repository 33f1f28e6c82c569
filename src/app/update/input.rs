//! Keys and pasted text: into the field that has the focus, else to the action that the keymap names.

use super::{act, gate, overlay};
use crate::app::effect::Effect;
use crate::app::model::{Model, Overlay, Screen};
use crate::keys::{Action, Key, Layer};

/// Takes a key.
pub(super) fn key_pressed(model: &mut Model, key: Key) -> Vec<Effect> {
    let layers = model.layers();
    if model.keymap.action(layers, key) == Some(Action::LeaveNow) {
        return act::leave(model);
    }
    // Keys that were typed for another screen must not act on this one (design 7).
    if model.screen == Screen::Gate && model.overlays.is_empty() && gate::is_guarded(model) {
        return Vec::new();
    }
    if model.types() && !is_command(model, key) && field_took(model, key) {
        return Vec::new();
    }
    match model.keymap.action(layers, key) {
        Some(action) => act::act(model, action),
        None => Vec::new(),
    }
}

/// Returns whether the text layer itself names the key: accept and dismiss are not typed.
fn is_command(model: &Model, key: Key) -> bool {
    key.typed().is_none() && model.keymap.action(&[Layer::Text], key).is_some()
}

fn field_took(model: &mut Model, key: Key) -> bool {
    match model.overlays.last_mut() {
        Some(Overlay::Palette { input, cursor, .. }) => {
            let took = input.press(key);
            if took {
                *cursor = 0;
            }
            took
        }
        Some(Overlay::Text { input, .. }) => input.press(key),
        Some(_) => false,
        None => gate::typed(model, key),
    }
}

/// Takes pasted text: into fields, never into a gate's phrase.
pub(super) fn pasted(model: &mut Model, text: &str) -> Vec<Effect> {
    if model.overlays.is_empty() {
        if model.screen == Screen::Gate {
            model.toast("pasted text is ignored here: the phrase must be typed");
        }
        return Vec::new();
    }
    overlay::pasted(model, text);
    Vec::new()
}
