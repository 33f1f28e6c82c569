//! Help: every action of the screen under it, group by group, with all its keys; what cannot be done now says why.

use super::keys;
use crate::app::Model;
use crate::app::availability::availability;
use crate::keys::{Action, Group, Layer};
use crate::ui::pen::{Pen, centred};
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Columns of the keys.
const KEYS: u16 = 15;
/// Columns from which on the help has two columns.
const TWO: u16 = 130;

/// Draws the help.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, first: usize, layers: &[Layer]) {
    let two = area.width >= TWO;
    let frame = centred(area, if two { area.width - 8 } else { 96 }, area.height.saturating_sub(2));
    let title = pen.span(Role::Title, format!("Help: {}", model.screen.title()));
    let inside = pen.boxed(frame, title, Role::BorderFocus);
    let list = Rect { height: inside.height.saturating_sub(2), ..inside };
    let columns = if two { 2 } else { 1 };
    let width = (list.width - (columns - 1) * 3) / columns;
    let groups = groups(pen, model, layers, width);
    let total: usize = groups.iter().map(Vec::len).sum();
    let lists = if two { halves(groups, total) } else { vec![groups.into_iter().flatten().collect()] };
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    let first = first.min(longest.saturating_sub(usize::from(list.height)));
    for (place, lines) in lists.into_iter().enumerate() {
        let column = Rect { x: list.x + place as u16 * (width + 3), width, ..list };
        for (row, spans) in lines.into_iter().skip(first).take(usize::from(list.height)).enumerate() {
            pen.line(column, row as u16, spans);
        }
    }
    let foot = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
    let spans = keys(
        pen,
        model,
        &[(Action::MoveDown, "more"), (Action::Palette, "find an action"), (Action::Dismiss, "close")],
    );
    pen.line(foot, 0, spans);
    let below = longest.saturating_sub(first + usize::from(list.height));
    if below > 0 {
        let more = vec![pen.span(Role::Muted, format!("{} below ↓", text::count(below, "line")))];
        pen.line_right(foot, 0, more);
    }
}

type Lines = Vec<Vec<Span<'static>>>;

fn halves(groups: Vec<Lines>, total: usize) -> Vec<Lines> {
    let (mut left, mut right): (Lines, Lines) = (Vec::new(), Vec::new());
    for lines in groups {
        if right.is_empty() && left.len() + lines.len() / 2 <= total / 2 {
            left.extend(lines);
        } else {
            right.extend(lines);
        }
    }
    vec![left, right]
}

fn groups(pen: &Pen<'_>, model: &Model, layers: &[Layer], width: u16) -> Vec<Lines> {
    let actions = model.keymap.actions(layers);
    let of = |group: Group| actions.iter().copied().filter(move |action| action.info().group == group);
    // What belongs to this screen comes first; getting about is known to everybody.
    let mut order: Vec<Group> = Group::ALL.into_iter().filter(|group| *group != Group::Move).collect();
    order.push(Group::Move);
    let here = |group: &Group| {
        of(*group).any(|action| layers.first().is_some_and(|layer| action.info().layers.contains(layer)))
    };
    order.sort_by_key(|group| !here(group));
    let mut out = Vec::new();
    for group in order {
        let mut lines: Lines =
            of(group).flat_map(|action| entry(pen, model, layers, action, width)).collect();
        if !lines.is_empty() {
            lines.insert(0, vec![pen.span(Role::Title, group.title())]);
            lines.push(Vec::new());
            out.push(lines);
        }
    }
    out
}

fn entry(pen: &Pen<'_>, model: &Model, layers: &[Layer], action: Action, width: u16) -> Lines {
    let info = action.info();
    let mut bound: Vec<String> = Vec::new();
    for key in layers.iter().flat_map(|layer| model.keymap.keys(*layer, action)) {
        if model.keymap.action(layers, *key) == Some(action) {
            bound.push(key.to_string());
        }
    }
    let shown = if bound.is_empty() { "no key".to_owned() } else { bound.join(" ") };
    let available = availability(action, model);
    let (key_role, role) =
        if available.is_enabled() { (Role::Key, Role::Text) } else { (Role::Faint, Role::Faint) };
    let room = width.saturating_sub(KEYS);
    let mut lines = Vec::new();
    for (place, piece) in text::wrap(info.description, room).into_iter().enumerate() {
        let keys = if place == 0 { shown.as_str() } else { "" };
        lines.push(vec![pen.span(key_role, text::fill(keys, KEYS)), pen.span(role, piece)]);
    }
    if let Some(reason) = available.reason() {
        let blank = text::fill("", KEYS);
        for piece in text::wrap(&format!("not now: {reason}"), room) {
            lines.push(vec![pen.plain(blank.clone()), pen.span(Role::Muted, piece)]);
        }
    }
    lines
}
