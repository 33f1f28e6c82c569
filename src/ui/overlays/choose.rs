//! Lists to choose from: the palette of actions, the themes.

use super::keys;
use crate::app::Model;
use crate::app::availability::availability;
use crate::app::model::overlay::palette_fits;
use crate::app::text_input::TextInput;
use crate::keys::Action;
use crate::ui::pen::{Pen, centred, scroll_to};
use crate::ui::theme::{Role, Theme};
use crate::ui::widgets::field::{self, Field};
use crate::ui::widgets::text;
use ratatui::layout::Rect;

/// Draws the palette.
pub(super) fn palette(
    pen: &mut Pen<'_>,
    area: Rect,
    model: &Model,
    input: &TextInput,
    cursor: usize,
    actions: &[Action],
) {
    let frame = centred(area, 90, area.height.saturating_sub(4).min(24));
    let title = pen.span(Role::Title, "Actions");
    let inside = pen.boxed(frame, title, Role::BorderFocus);
    field::draw(
        pen,
        inside,
        Field { typed: input.text(), placeholder: "type a part of its name", focus: true, matches: false },
    );
    let list = Rect { y: inside.y + 2, height: inside.height.saturating_sub(4), ..inside };
    let fits = palette_fits(actions, input.text());
    if fits.is_empty() {
        pen.line(list, 0, vec![pen.span(Role::Muted, "no action has that in its name")]);
    }
    let cursor = cursor.min(fits.len().saturating_sub(1));
    let first = scroll_to(cursor, fits.len(), usize::from(list.height));
    let under = under(model);
    for (row, (place, action)) in
        fits.iter().enumerate().skip(first).take(usize::from(list.height)).enumerate()
    {
        let line = Rect { y: list.y + row as u16, height: 1, ..list };
        let info = action.info();
        let available = availability(*action, model);
        let role = if available.is_enabled() { Role::Text } else { Role::Faint };
        let key = model.keymap.key_of(under, *action).map_or_else(String::new, |key| key.to_string());
        let words = match available.reason() {
            Some(reason) => format!("{}: not now: {reason}", info.label),
            None => info.description.to_owned(),
        };
        let spans = vec![
            pen.span(Role::Key, format!(" {}", text::fill(&key, 11))),
            pen.span(role, text::cut(&words, line.width.saturating_sub(13))),
        ];
        pen.line(line, 0, spans);
        if place == cursor {
            pen.select(line, Role::Selection);
        }
    }
    let foot = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
    let spans = keys(pen, model, &[(Action::Accept, "do it"), (Action::Dismiss, "close")]);
    pen.line(foot, 0, spans);
}

/// Returns the layers of the screen under the overlay.
fn under(model: &Model) -> &'static [crate::keys::Layer] {
    let bare = Model { overlays: Vec::new(), ..model.clone() };
    bare.layers()
}

/// Draws the themes; the chosen one is what the whole screen shows already.
pub(super) fn themes(pen: &mut Pen<'_>, area: Rect, model: &Model, cursor: usize) {
    let frame = centred(area, 76, model.themes.len() as u16 + 5);
    let title = pen.span(Role::Title, "Theme");
    let inside = pen.boxed(frame, title, Role::BorderFocus);
    let list = Rect { y: inside.y + 1, height: inside.height.saturating_sub(3), ..inside };
    let first = scroll_to(cursor, model.themes.len(), usize::from(list.height));
    for (row, (place, name)) in
        model.themes.iter().enumerate().skip(first).take(usize::from(list.height)).enumerate()
    {
        let line = Rect { y: list.y + row as u16, height: 1, ..list };
        let about = Theme::shipped(name).map_or_else(|| "your own".to_owned(), |theme| theme.about);
        let spans = vec![
            pen.span(Role::Strong, format!("  {}", text::fill(name, 16))),
            pen.span(Role::Muted, text::cut(&about, line.width.saturating_sub(18))),
        ];
        pen.line(line, 0, spans);
        if place == cursor {
            pen.select(line, Role::Selection);
        }
    }
    let foot = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
    let spans =
        keys(pen, model, &[(Action::Choose, "take it"), (Action::Dismiss, "go back to the one before")]);
    pen.line(foot, 0, spans);
}
