//! One cell of the matrix: what is ticked, the latest compose, and the positions after it.

use crate::app::Model;
use crate::app::model::Part;
use crate::domain::name::{ReleaseId, RepoName};
use crate::domain::status::{ComposeStatus, LatestLink, PositionState, ReleaseStatus, RepoStatus};
use crate::ui::pen::Pen;
use crate::ui::style::{self, Mark};
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::Span;
use std::sync::Arc;

/// Draws the cell of `repo` in a release.
pub(super) fn draw(
    pen: &mut Pen<'_>,
    area: Rect,
    model: &Model,
    part: &Part<Arc<ReleaseStatus>>,
    repo: &RepoName,
) {
    let Some(release) = model.catalog.releases.iter().find(|release| release.id.as_str() == part.name) else {
        return;
    };
    let Some(known) = release.repo(repo) else {
        return pen.line(area, 0, vec![pen.span(Role::Faint, "not in this release")]);
    };
    let synced = release.sync_order.contains(&known.name);
    let mut first = ticks(pen, model, &release.id, repo, synced, area.width);
    let Some(status) = part.value.as_ref().and_then(|status| status.repo(repo)) else {
        first.push(pen.span(Role::Faint, "…"));
        return pen.line(area, 0, first);
    };
    first.extend(latest(pen, status, area.width));
    let age = status.latest.compose().map(|compose| format!("  {}", text::age(compose.age_s)));
    let used: usize = first.iter().map(Span::width).sum();
    if let Some(age) = age.filter(|age| area.width >= 30 && used + age.len() <= usize::from(area.width)) {
        first.push(pen.span(Role::Muted, age));
    }
    pen.line(area, 0, first);
    pen.line(area, 1, positions(pen, status, synced, area.width));
}

/// Makes the ticks: `CS` in narrow cells, boxes with words in wide ones.
fn ticks(
    pen: &Pen<'_>,
    model: &Model,
    release: &ReleaseId,
    repo: &RepoName,
    synced: bool,
    width: u16,
) -> Vec<Span<'static>> {
    let key = (release.clone(), repo.clone());
    let now = &model.ticks.now;
    let compose = now.compose.contains(&key);
    let sync = now.sync.contains(&key) || now.whole.contains(release);
    let pick = |ticked: bool, letter: &'static str, role: Role| {
        if ticked { pen.span(role, letter) } else { pen.span(Role::Faint, "·") }
    };
    let sync_mark = if synced { pick(sync, "S", Role::Staging) } else { Span::raw(" ") };
    if width < 30 {
        return vec![pick(compose, "C", Role::Compose), sync_mark, Span::raw(" ")];
    }
    let open = || pen.span(Role::Faint, "[");
    let close = || pen.span(Role::Faint, "]");
    let mut spans = vec![open(), pick(compose, "C", Role::Compose), close()];
    if synced {
        spans.extend([open(), sync_mark, close()]);
    } else {
        spans.push(Span::raw("   "));
    }
    spans.push(Span::raw(" "));
    spans
}

/// Makes the latest compose, as date and respin, with its status where it is not FINISHED.
fn latest(pen: &Pen<'_>, status: &RepoStatus, width: u16) -> Vec<Span<'static>> {
    let LatestLink::Compose { compose } = &status.latest else {
        let mark = style::link(&status.latest);
        return vec![pen.mark(mark)];
    };
    let id = &compose.id;
    let kind = id.compose_type().map(|kind| format!(".{kind}")).unwrap_or_default();
    let mut spans = vec![pen.span(Role::Text, format!("{}{kind}.{}", id.date(), id.respin()))];
    let mark = style::compose(compose.status);
    if compose.status != ComposeStatus::Finished {
        spans.push(pen.span(mark.role, format!(" {}", mark.word)));
    } else if let Some(newer) = &status.newer_unfinished {
        let newer = style::compose(newer.status);
        let word = if width < 30 { "newer" } else { newer.word };
        spans.push(pen.span(newer.role, format!(" {}{word}", newer.glyph)));
    }
    spans
}

/// Makes the positions after the compose.
fn positions(pen: &Pen<'_>, status: &RepoStatus, synced: bool, width: u16) -> Vec<Span<'static>> {
    if !synced && status.staging.state != PositionState::Current {
        return vec![pen.span(Role::Faint, "composed only")];
    }
    let (staging, production, gap, joint) = match width {
        0..30 => ("S ", "P ", " ", ""),
        30..42 => ("stg ", "prod ", "  ", " "),
        _ => ("staging ", "production ", "  ", " "),
    };
    let state =
        |mark: Mark, wide: usize| pen.span(mark.role, format!("{}{joint}{:<wide$}", mark.glyph, mark.word));
    vec![
        pen.span(Role::Muted, staging),
        state(style::position(status.staging.state), 7),
        pen.plain(gap),
        pen.span(Role::Muted, production),
        state(style::position(status.production.state), 0),
    ]
}
