//! The two lines on top: which distribution on which host, who has the helm, the time; and the screens' names.
//!
//! The time has no seconds: a console on which nothing happens draws nothing.

use crate::app::Model;
use crate::app::model::{Helm, Mode, Screen};
use crate::domain::approval::Identity;
use crate::domain::plan::Step;
use crate::domain::run::{RunVerdict, StepRecord};
use crate::keys::{Action, Layer};
use crate::ui::pen::Pen;
use crate::ui::style;
use crate::ui::theme::Role;
use jiff::tz::TimeZone;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Draws the first line.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let time = model.clock.wall.to_zoned(TimeZone::UTC).strftime("%H:%M UTC").to_string();
    let mut right = helm(pen, model);
    right.push(pen.span(Role::Muted, format!("  {time} ")));
    let left = pen.line_right(area, 0, right);
    let mut spans = vec![Span::raw(" ")];
    let name = vec![
        pen.span(Role::Header, model.catalog.name.clone()),
        pen.span(Role::Muted, format!(" · {}", model.host)),
    ];
    if let Some(step) = publishing(model) {
        let revision = step
            .release
            .as_ref()
            .and_then(|release| model.run.as_ref()?.state.plan.lane(release))
            .map_or_else(String::new, |lane| format!("{} ", lane.revision));
        let long = format!(" PRODUCTION {revision}is being written ");
        let used = Line::from(name.clone()).width() + long.len() + 4;
        let words = if used <= usize::from(left) { long } else { format!(" PRODUCTION {revision}") };
        // It stands in front: on a narrow screen the name falls off, not this.
        spans.extend([pen.span(Role::ProductionBlock, words), Span::raw("  ")]);
    }
    spans.extend(name);
    pen.line(Rect { width: left.saturating_sub(1), ..area }, 0, spans);
}

/// Returns the step that writes to production right now, if one does.
fn publishing(model: &Model) -> Option<&Step> {
    let run = model.run.as_ref()?;
    run.steps().iter().find(|step| {
        step.is_production() && run.alive && run.record(&step.id).is_some_and(StepRecord::is_running)
    })
}

fn helm(pen: &Pen<'_>, model: &Model) -> Vec<Span<'static>> {
    let observing = |why: String| vec![pen.span(Role::Observing, " OBSERVING "), pen.span(Role::Muted, why)];
    match (model.mode, model.run.as_ref().filter(|run| run.alive).map(|run| &run.helm)) {
        (Mode::WatchingForGood, _) => observing(" cannot act".to_owned()),
        (Mode::Watching, _) => observing(" by choice".to_owned()),
        (Mode::Acting, Some(Helm::Other { by })) => observing(format!(" {} has the helm", seat(by))),
        (Mode::Acting, Some(Helm::Mine { .. })) => vec![pen.span(Role::Helm, "✓ you have the helm")],
        (Mode::Acting, Some(Helm::Asked)) => vec![pen.span(Role::Muted, "… asking for the helm")],
        (Mode::Acting, Some(Helm::Free | Helm::Unknown)) => vec![pen.span(Role::Muted, "○ the helm is free")],
        (Mode::Acting, None) => Vec::new(),
    }
}

/// Says who somebody is in as few words as tell two consoles of one person apart: `root pts/3`.
fn seat(by: &Identity) -> String {
    let terminal = by.terminal.as_deref().map(|name| name.trim_start_matches("/dev/"));
    terminal.map_or_else(|| by.person().to_owned(), |terminal| format!("{} {terminal}", by.person()))
}

/// Draws the second line: the screens with their keys, and a mark on those that want to be looked at.
pub fn tabs(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let typing = model.layers().first() == Some(&Layer::Text);
    let mut spans = Vec::new();
    for screen in Screen::ALL {
        let active = screen == model.screen;
        let key = model.keymap.key_of(model.layers(), action(screen));
        let key = key.map_or_else(String::new, |key| format!("{key} "));
        spans.push(Span::raw(" "));
        spans.push(pen.span(
            if active {
                Role::TabActive
            } else if typing {
                Role::Faint
            } else {
                Role::Key
            },
            key,
        ));
        spans.push(pen.span(if active { Role::TabActive } else { Role::Tab }, screen.title()));
        if let Some(mark) = mark(screen, model) {
            spans.push(pen.span(mark.role, format!(" {}", mark.glyph)));
        }
        spans.push(Span::raw("  "));
    }
    pen.line(area, 0, spans);
}

fn action(screen: Screen) -> Action {
    match screen {
        Screen::Status => Action::ShowStatus,
        Screen::Plan => Action::ShowPlan,
        Screen::Run => Action::ShowRun,
        Screen::Gate => Action::ShowGate,
        Screen::History => Action::ShowHistory,
        Screen::Log => Action::ShowLog,
    }
}

fn mark(screen: Screen, model: &Model) -> Option<style::Mark> {
    let run = model.run.as_ref()?;
    let verdict = run.verdict();
    match screen {
        Screen::Run => Some(style::verdict(verdict)),
        Screen::Gate if verdict == RunVerdict::Waiting => Some(style::verdict(verdict)),
        _ => None,
    }
}
