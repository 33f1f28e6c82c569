//! The last line: what can be done here, from the action table alone.
//!
//! An action that cannot be taken now stays where it is, faint; the help says why. Keys that go without saying (arrows,
//! paging, the numbers of the screens) are left to the help as well.

use crate::app::Model;
use crate::app::availability::availability;
use crate::keys::{Action, Group, Layer};
use crate::ui::pen::Pen;
use crate::ui::theme::Role;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Draws the footer.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let always = [Action::Help, Action::Leave];
    let typing = model.layers().first() == Some(&Layer::Text);
    let mut right = Vec::new();
    for action in always.into_iter().filter(|_| !typing) {
        right.extend(hint(pen, model, action).unwrap_or_default());
    }
    let room = pen.line_right(area, 0, right);
    let layers = model.layers();
    let mut here: Vec<Action> = model
        .keymap
        .actions(layers.get(..1).unwrap_or_default())
        .into_iter()
        .filter(|action| !always.contains(action) && !matches!(action.info().group, Group::Move))
        .collect();
    // What can be done goes first: on a narrow screen the rest may fall off the end.
    here.sort_by_key(|action| !availability(*action, model).is_enabled());
    let mut spans = vec![Span::raw(" ")];
    for action in here {
        let Some(more) = hint(pen, model, action) else { continue };
        let so_far = Line::from(spans.clone()).width();
        if so_far + Line::from(more.clone()).width() > usize::from(room) {
            break;
        }
        spans.extend(more);
    }
    pen.line(Rect { width: room, ..area }, 0, spans);
}

fn hint(pen: &Pen<'_>, model: &Model, action: Action) -> Option<Vec<Span<'static>>> {
    let key = model.keymap.key_of(model.layers(), action)?;
    let enabled = availability(action, model).is_enabled();
    let (key_role, label_role) =
        if enabled { (Role::Key, Role::KeyLabel) } else { (Role::Faint, Role::Faint) };
    Some(vec![
        pen.span(key_role, key.to_string()),
        pen.span(label_role, format!(" {}", action.info().label)),
        Span::raw("  "),
    ])
}
