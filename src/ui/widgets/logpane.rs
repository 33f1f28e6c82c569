//! A pane that shows part of one step's log, with its colours, its place in the file and whether it follows.
//!
//! The lines come from `domain::log_line`: no control character survives there, and none would survive the buffer. The runtime
//! fills `LogView::lines` with what [`text_area`] says there is room for.

use super::text;
use crate::app::model::{LogView, RunLayout, RunModel, SearchState, Towards, ignores_case};
use crate::domain::log_line::LogLine;
use crate::domain::name::StepId;
use crate::domain::run::StepState;
use crate::domain::visible;
use crate::ui::pen::Pen;
use crate::ui::style;
use crate::ui::theme::Role;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Returns the part of a pane that holds text.
pub fn text_area(area: Rect) -> Rect {
    Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(1),
    }
}

/// Draws the log pane of `step`; its state stands in the title unless the step is shown beside it or room is short: whether it follows goes first.
pub fn draw(pen: &mut Pen<'_>, area: Rect, run: &RunModel, step: &StepId, focus: bool) {
    let view = run.views.get(step);
    let beside = run.layout == RunLayout::Steps;
    let mut title = vec![pen.span(Role::Title, if beside { "log".to_owned() } else { step.to_string() })];
    if let Some(record) = run.record(step).filter(|_| !beside && area.width >= 50) {
        let mark = style::step(record, run.alive);
        title.push(pen.span(mark.role, format!("  {} {}", mark.glyph, mark.word)));
        if record.attempts > 1 {
            title.push(pen.span(Role::Muted, format!("  attempt {}", record.attempts)));
        }
    }
    let room = area.width.saturating_sub(Line::from(title.clone()).width() as u16 + 8);
    let place = view.map(|view| place(pen, view, room)).unwrap_or_default();
    pen.panel(area, title, place, focus);
    let inside = text_area(area);
    match view {
        None => pen.line(inside, 0, vec![pen.span(Role::Faint, "no log")]),
        Some(view) => match (&view.problem, view.log.is_some() && !view.lines.is_empty()) {
            (Some(problem), _) => {
                pen.wrapped(inside, 0, Role::Error, &format!("✗ {problem}"));
            }
            (None, false) => {
                pen.wrapped(inside, 0, Role::Muted, empty(run, step, view));
            }
            (None, true) => lines(pen, inside, view),
        },
    }
    search(pen, inside, view);
}

/// Says why there is nothing to show.
fn empty(run: &RunModel, step: &StepId, view: &LogView) -> &'static str {
    let state = run.record(step).map(|record| &record.state);
    match state {
        Some(StepState::Gate { .. }) => "A gate has no log; its evidence is on the Gate screen.",
        Some(StepState::Skipped { .. }) => "Left out, so there is no log.",
        Some(StepState::Pending) | None => "Not started yet.",
        Some(StepState::Running { .. }) if view.bytes == 0 => "Nothing printed yet.",
        Some(_) if view.log.is_none() => "It runs no command, so there is no log.",
        Some(_) => "Its log is empty.",
    }
}

/// Makes what stands at the right end of the title: following or not, and the place in the file, as far as there is room.
fn place(pen: &Pen<'_>, view: &LogView, room: u16) -> Vec<Span<'static>> {
    if view.bytes == 0 {
        return Vec::new();
    }
    let lines = match (view.number, view.total) {
        (Some(number), Some(total)) => {
            let last = (number - 1 + view.lines.len() as u64).min(total);
            format!(" {}–{last} of {total}", number.min(last))
        }
        (Some(number), None) => format!(" line {number}"),
        (None, _) => format!(" {}", text::bytes(view.bytes)),
    };
    let percent = format!(" {} %", (view.position() * 100.0) as u32);
    let (role, state) =
        if view.follow { (Role::Running, "● following") } else { (Role::Warn, "○ paused") };
    let fits = |words: &str| state.chars().count() + words.chars().count() <= usize::from(room);
    let rest = [lines, percent].into_iter().find(|words| fits(words)).unwrap_or_default();
    if rest.is_empty() && !fits("") {
        return vec![pen.span(role, state.chars().take(1).collect::<String>())];
    }
    vec![pen.span(role, state), pen.span(Role::Muted, rest)]
}

fn lines(pen: &mut Pen<'_>, area: Rect, view: &LogView) {
    let found = view.search.as_ref().map(|(pattern, state)| (pattern.as_str(), state));
    let mut rows: Vec<(std::ops::Range<u64>, Vec<Span<'static>>)> = Vec::new();
    for (place, line) in view.lines.iter().enumerate() {
        let begin = view.offsets.get(place).copied().unwrap_or(0);
        let end = view.offsets.get(place + 1).copied().unwrap_or(view.end);
        let pieces = if view.wrap {
            wrapped(pen, line, area.width)
        } else {
            vec![window(pen, line, view.left, area.width)]
        };
        rows.extend(pieces.into_iter().map(|piece| (begin..end, piece)));
    }
    // While following, the end counts: wrapped lines push the first ones out.
    let height = usize::from(area.height);
    let skip = if view.follow { rows.len().saturating_sub(height) } else { 0 };
    for (row, (bytes, spans)) in rows.into_iter().skip(skip).take(height).enumerate() {
        let line = Rect { y: area.y + row as u16, height: 1, ..area };
        pen.line(line, 0, spans);
        if let Some((_, SearchState::At(found))) = found
            && bytes.contains(&found.offset)
        {
            pen.tint(line, Role::Selection);
        }
    }
    if let Some((pattern, _)) = found {
        highlight(pen, area, pattern);
    }
}

/// Reverses every cell that belongs to a match, as far as it is on the screen.
fn highlight(pen: &mut Pen<'_>, area: Rect, pattern: &str) {
    let needle: Vec<char> = pattern.chars().collect();
    let folded = ignores_case(pattern);
    let same = |(a, b): (&char, &char)| if folded { a.eq_ignore_ascii_case(b) } else { a == b };
    if needle.is_empty() {
        return;
    }
    for y in area.top()..area.bottom() {
        let row: Vec<char> = (area.left()..area.right())
            .map(|x| pen.buffer[(x, y)].symbol().chars().next().unwrap_or(' '))
            .collect();
        for at in 0..row.len().saturating_sub(needle.len() - 1) {
            if row[at..at + needle.len()].iter().zip(&needle).all(same) {
                for x in at..at + needle.len() {
                    let cell = &mut pen.buffer[(area.x + x as u16, y)];
                    cell.modifier.insert(Modifier::REVERSED);
                }
            }
        }
    }
}

/// Makes the part of a line from column `left` on.
fn window(pen: &Pen<'_>, line: &LogLine, left: usize, width: u16) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    let mut column = 0;
    for span in &line.spans {
        let mut piece = String::new();
        for character in span.text.chars() {
            let wide = character.width().unwrap_or(0);
            if column >= left && column + wide <= left + usize::from(width) {
                piece.push(character);
            } else if column < left && column + wide > left {
                // The right half of a wide character: what is behind it keeps its place.
                piece.push(' ');
            }
            column += wide;
        }
        if !piece.is_empty() {
            spans.push(Span::styled(piece, pen.theme.ink(&span.ink)));
        }
    }
    if line.width > left + usize::from(width) && width > 0 {
        spans = cut_last(spans, usize::from(width) - 1);
        spans.push(pen.span(Role::Muted, "…"));
    }
    spans
}

/// Cuts spans to `width` columns.
fn cut_last(spans: Vec<Span<'static>>, width: usize) -> Vec<Span<'static>> {
    let mut left = width;
    let mut out = Vec::new();
    for span in spans {
        let columns = span.width();
        if columns <= left {
            left -= columns;
            out.push(span);
            continue;
        }
        let mut piece = String::new();
        for character in span.content.chars() {
            let wide = character.width().unwrap_or(0);
            if wide > left {
                break;
            }
            left -= wide;
            piece.push(character);
        }
        out.push(Span::styled(piece, span.style));
        break;
    }
    out
}

/// Breaks a line into rows of at most `width` columns, at the edge as terminals do.
fn wrapped(pen: &Pen<'_>, line: &LogLine, width: u16) -> Vec<Vec<Span<'static>>> {
    let limit = usize::from(width.max(2));
    let mut rows = vec![Vec::new()];
    let mut used = 0;
    for span in &line.spans {
        let style = pen.theme.ink(&span.ink);
        let mut piece = String::new();
        for character in span.text.chars() {
            let wide = character.width().unwrap_or(0);
            if used + wide > limit {
                push(&mut rows, Span::styled(std::mem::take(&mut piece), style));
                rows.push(Vec::new());
                used = 0;
            }
            used += wide;
            piece.push(character);
        }
        push(&mut rows, Span::styled(piece, style));
    }
    rows
}

fn push(rows: &mut [Vec<Span<'static>>], span: Span<'static>) {
    if let Some(last) = rows.last_mut().filter(|_| !span.content.is_empty()) {
        last.push(span);
    }
}

/// Says in the pane's last row how a search goes or went.
fn search(pen: &mut Pen<'_>, area: Rect, view: Option<&LogView>) {
    let Some((pattern, state)) = view.and_then(|view| view.search.as_ref()) else { return };
    let words = match state {
        SearchState::Searching { percent: 0, .. } => format!(" … searching \"{pattern}\" "),
        SearchState::Searching { percent, .. } => {
            format!(" … searching \"{pattern}\": {percent} %, esc stops it ")
        }
        SearchState::Nowhere => format!(" nowhere: \"{pattern}\" "),
        SearchState::At(found) => {
            let which = found.tally.map(|tally| format!(": match {} of {}", tally.nth, tally.of));
            let around = found.around.map_or("", |towards| match towards {
                Towards::End => ", on from the beginning",
                Towards::Beginning => ", back from the end",
            });
            format!(" \"{pattern}\"{}{around} ", which.unwrap_or_default())
        }
    };
    let words = visible::line(&words);
    let width = text::cut(&words, area.width).width() as u16;
    let row = Rect { x: area.right() - width, y: area.bottom().saturating_sub(1), width, height: 1 };
    pen.clear(row);
    let spans = vec![pen.plain(words.into_owned())];
    pen.line(row, 0, spans);
    pen.tint(row, Role::Input);
}
