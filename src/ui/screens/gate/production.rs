//! Production: what it holds now, what goes there, and from which composes.

use super::list;
use crate::app::model::GateModel;
use crate::domain::evidence::Evidence;
use crate::ui::pen::Pen;
use crate::ui::theme::Role;
use crate::ui::widgets::text;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Columns of the labels and of the repos.
const LABEL: u16 = 16;

/// Draws the tab: one long text, scrolled by the rows that are gone through.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, gate: &GateModel, evidence: &Evidence) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let mut lines: Vec<Vec<Span<'static>>> = Vec::new();
    for (label, words) in facts(evidence) {
        for (at, piece) in text::wrap(&words, area.width.saturating_sub(LABEL)).into_iter().enumerate() {
            let label = text::fill(if at == 0 { label } else { "" }, LABEL);
            lines.push(vec![pen.span(Role::Muted, label), pen.span(Role::Text, piece)]);
        }
    }
    lines.push(Vec::new());
    for repo in &evidence.repos {
        let (role, word) = if repo.touched {
            (Role::Strong, "touched by this run")
        } else {
            (Role::Warn, "! not touched by this run")
        };
        let compose =
            repo.compose.as_ref().map_or_else(|| "compose not known".to_owned(), ToString::to_string);
        let wide = (area.width / 2).saturating_sub(3).clamp(24, 44);
        lines.push(vec![
            pen.span(Role::Strong, text::fill(repo.repo.as_str(), LABEL)),
            pen.span(Role::Text, text::fill(&compose, wide) + " "),
            pen.span(role, text::cut(word, area.width.saturating_sub(LABEL + wide + 1))),
        ]);
    }
    let total = lines.len();
    let first = gate.line.min(total.saturating_sub(usize::from(area.height)));
    for (row, line) in lines.into_iter().skip(first).take(usize::from(area.height)).enumerate() {
        pen.line(area, row as u16, line);
    }
    list::edges(pen, Rect { width: area.width + 1, ..area }, first, total);
}

fn facts(evidence: &Evidence) -> [(&'static str, String); 5] {
    [
        ("holds now", evidence.production_now.clone()),
        ("staging", evidence.staging.to_string_lossy().into_owned()),
        ("production", evidence.production.to_string_lossy().into_owned()),
        ("seal", format!("{} over {} paths", evidence.seal, text::thousands(evidence.sealed_paths as u64))),
        (
            "evidence taken",
            format!(
                "{} {} UTC",
                text::moment(evidence.at).split(' ').next().unwrap_or_default(),
                text::time(evidence.at)
            ),
        ),
    ]
}
