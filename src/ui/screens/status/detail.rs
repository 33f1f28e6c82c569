//! What is known about the repo under the cursor: every position with the reason for its gap, links, composes.

use crate::app::Model;
use crate::domain::name::ReleaseId;
use crate::domain::status::{ComposeSummary, LatestLink, Position, RepoStatus};
use crate::ui::pen::Pen;
use crate::ui::style;
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Columns of the labels.
const LABEL: u16 = 11;

/// Draws the panel.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let Some(release) = model.catalog.releases.get(model.status.column) else { return };
    let Some(name) = model.status.rows.get(model.status.row) else { return };
    let sig = release.repo(name).and_then(|repo| repo.sig.as_ref());
    let sig = sig.map_or_else(String::new, |sig| format!(" (SIG {sig})"));
    let title = vec![
        pen.span(Role::Title, name.to_string()),
        pen.span(Role::Muted, format!("{sig} of {} · {}", release.id, release.revision())),
    ];
    let inside = pen.panel(area, title, Vec::new(), false);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    let status = model.status.release(&release.id);
    let problem = release.vars.as_ref().err().or_else(|| status.and_then(|status| status.problem.as_ref()));
    if let Some(problem) = problem {
        pen.wrapped(
            inside,
            0,
            Role::Error,
            &format!("✗ nothing of release {} can run: {problem}", release.id),
        );
        return;
    }
    if release.repo(name).is_none() {
        return pen.line(inside, 0, vec![pen.span(Role::Muted, "This release has no such repo.")]);
    }
    let Some(status) = status.and_then(|status| status.repo(name)) else {
        return pen.line(inside, 0, vec![pen.span(Role::Muted, "Its composes have not been read yet.")]);
    };
    let mut row = 0;
    for line in lines(pen, status, inside.width, inside.height, &release.id) {
        pen.line(inside, row, line);
        row += 1;
    }
    if row + 2 < inside.height {
        let link = text::cut_front(&release.latest_link(name).to_string_lossy(), inside.width - LABEL);
        pen.line(inside, row, vec![label(pen, "link"), pen.span(Role::Muted, link)]);
        history(pen, inside, row + 2, status);
    }
}

fn label(pen: &Pen<'_>, word: &str) -> Span<'static> {
    pen.span(Role::Muted, text::fill(word, LABEL))
}

fn lines(
    pen: &Pen<'_>,
    status: &RepoStatus,
    width: u16,
    height: u16,
    release: &ReleaseId,
) -> Vec<Vec<Span<'static>>> {
    let mut out = vec![compose(pen, status, release)];
    if let Some(newer) = &status.newer_unfinished {
        let mark = style::compose(newer.status);
        let note = vec![
            pen.span(Role::Text, newer.id.to_string()),
            pen.span(mark.role, format!("  {} {}", mark.glyph, mark.word)),
            pen.span(Role::Muted, "  newer, not finished"),
        ];
        if height > 3 {
            out.push(std::iter::once(label(pen, "newer")).chain(note).collect());
        } else if let Some(first) = out.first_mut() {
            first.push(pen.span(mark.role, format!("  {} newer: {}", mark.glyph, mark.word)));
        }
    }
    let roomy = height > 6;
    if !roomy && let Some(both) = positions_in_short(pen, status, width) {
        out.extend(both);
        return out;
    }
    out.extend(position(pen, "staging", &status.staging, width, roomy));
    if let Some(held) = status
        .staging_holds
        .as_ref()
        .filter(|held| roomy && status.latest.compose().is_none_or(|latest| latest.id != **held))
    {
        out.push(vec![label(pen, ""), pen.span(Role::Muted, format!("holds {held}"))]);
    }
    out.extend(position(pen, "production", &status.production, width, roomy));
    out
}

fn compose(pen: &Pen<'_>, status: &RepoStatus, release: &ReleaseId) -> Vec<Span<'static>> {
    let mut spans = vec![label(pen, "compose")];
    match &status.latest {
        LatestLink::Compose { compose } => spans.extend(summary(pen, compose)),
        other => {
            let mark = style::link(other);
            spans.push(pen.mark(mark));
            let why = match other {
                LatestLink::Dangling { target } => format!(": {target} is not there"),
                LatestLink::RealDirectory => ": pungi cannot move it; remove it".to_owned(),
                LatestLink::Foreign { target, problem } => format!(": {target}: {problem}"),
                LatestLink::Unreadable { reason } => format!(": {reason}"),
                _ => format!(": latest-{}-{release} is not there", status.name),
            };
            spans.push(pen.span(Role::Muted, why));
        }
    }
    spans
}

fn summary(pen: &Pen<'_>, compose: &ComposeSummary) -> Vec<Span<'static>> {
    let mark = style::compose(compose.status);
    let mut spans = vec![
        pen.span(Role::Text, compose.id.to_string()),
        pen.span(mark.role, format!("  {} {}", mark.glyph, mark.word)),
        pen.span(Role::Muted, format!("  {} old", text::age(compose.age_s))),
    ];
    if let Some(label) = &compose.label {
        spans.push(pen.span(Role::Info, format!("  {label}")));
    }
    spans
}

/// Makes two lines of both positions where only one has something to say and one line is too short for that.
fn positions_in_short(pen: &Pen<'_>, status: &RepoStatus, width: u16) -> Option<[Vec<Span<'static>>; 2]> {
    let (staging, production) = (&status.staging, &status.production);
    let ((reason, "") | ("", reason)) = (staging.reason.as_str(), production.reason.as_str()) else {
        return None;
    };
    if reason.chars().count() + 22 <= usize::from(width) {
        return None;
    }
    let both = vec![
        label(pen, "staging"),
        pen.mark(style::position(staging.state)),
        pen.span(Role::Muted, "    production "),
        pen.mark(style::position(production.state)),
    ];
    let reason = text::cut(reason, width.saturating_sub(2));
    Some([both, vec![Span::raw("  "), pen.span(Role::Text, reason)]])
}

/// Makes the lines of a position: its state, and the reason in as many lines as it needs where there is room.
fn position(
    pen: &Pen<'_>,
    name: &str,
    position: &Position,
    width: u16,
    roomy: bool,
) -> Vec<Vec<Span<'static>>> {
    let mark = style::position(position.state);
    let head = vec![label(pen, name), pen.mark(mark)];
    let used = Line::from(head.clone()).width() as u16;
    if position.reason.is_empty() {
        return vec![head];
    }
    let rest = width.saturating_sub(used + 2);
    if !roomy || position.reason.chars().count() <= usize::from(rest) {
        let reason = text::cut(&position.reason, rest);
        return vec![head.into_iter().chain([Span::raw("  "), pen.span(Role::Text, reason)]).collect()];
    }
    let mut out = vec![head];
    for piece in text::wrap(&position.reason, width.saturating_sub(LABEL)) {
        out.push(vec![label(pen, ""), pen.span(Role::Text, piece)]);
    }
    out
}

fn history(pen: &mut Pen<'_>, area: Rect, from: u16, status: &RepoStatus) {
    for (place, compose) in status.history.iter().enumerate() {
        let row = from + place as u16;
        let mut spans = vec![label(pen, if place == 0 { "composes" } else { "" })];
        spans.extend(summary(pen, compose));
        pen.line(area, row, spans);
    }
}
