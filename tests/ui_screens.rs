//! What every screen shows, drawn into memory: the text at four sizes, the styles in both default themes.
//!
//! A change in a snapshot is a change that a user sees: `cargo insta review`, or `INSTA_UPDATE=always` and a look at the
//! difference. The fixtures' clock stands still, so nothing here depends on when or where it runs.

use insta::assert_snapshot;
use stagegate::app::Model;
use stagegate::app::model::{RunFocus, RunLayout, Screen, SearchState};
use stagegate::domain::live::Live;
use stagegate::ui::Theme;
use stagegate::ui::fixtures::{console, frame, run};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

/// Draws a state at every size, and its styles at the smallest in both themes.
fn check(name: &str, model: &Model) {
    let dark = Theme::shipped("dark").unwrap();
    for (columns, rows) in SIZES {
        let buffer = frame::buffer(model, &dark, columns, rows);
        assert_snapshot!(format!("{name}@{columns}x{rows}"), frame::text(&buffer));
    }
    for name_of_theme in ["dark", "light"] {
        let theme = Theme::shipped(name_of_theme).unwrap();
        let buffer = frame::buffer(model, &theme, 80, 24);
        assert_snapshot!(format!("{name}@styles-{name_of_theme}"), frame::styles(&buffer));
    }
}

#[test]
fn status() {
    check("status-asking", &console::asking(Screen::Status));
    check("status-mixed", &console::answered(Screen::Status));
    check("status-ticked", &console::ticked(Screen::Status, &run::two_lanes()));
}

#[test]
fn plan() {
    check("plan-empty", &console::answered(Screen::Plan));
    check("plan-one-lane", &console::ticked(Screen::Plan, &run::one_lane()));
    check("plan-two-lanes", &console::ticked(Screen::Plan, &run::two_lanes()));
}

#[test]
fn run() {
    check("run-none", &console::answered(Screen::Run));
    check("run-two-lanes", &console::running());
    check("run-failed", &console::with_run(Screen::Run, run::failed(), Live::default(), true));
    check("run-suspect", &console::with_run(Screen::Run, run::suspect(), Live::default(), true));
    check("run-prompt", &console::with_run(Screen::Run, run::prompting(), run::prompting_live(), true));
    check("run-waiting", &console::with_run(Screen::Run, run::waiting(), Live::default(), true));
    check("run-publishing", &console::with_run(Screen::Run, run::publishing(), run::publishing_live(), true));
    check("run-interrupted", &console::with_run(Screen::Run, run::running(), Live::default(), false));
}

#[test]
fn run_with_lanes_side_by_side_and_with_one_large_log() {
    let mut model = console::running();
    let open = model.run.as_mut().unwrap();
    open.layout = RunLayout::Lanes;
    open.focus = RunFocus::Pane(0);
    check("run-lanes", &model);
    let open = model.run.as_mut().unwrap();
    open.layout = RunLayout::Large;
    let step = open.selected().unwrap().id.clone();
    let view = open.views.get_mut(&step).unwrap();
    view.follow = false;
    view.first = 4;
    view.search = Some(("package-5".to_owned(), SearchState::At { line: 6 }));
    check("run-large-paused", &model);
}

#[test]
fn below_the_least_size_the_screen_says_so() {
    let theme = Theme::shipped("dark").unwrap();
    for (columns, rows) in [(59, 15), (60, 14), (20, 3), (1, 1)] {
        let buffer = frame::buffer(&console::answered(Screen::Status), &theme, columns, rows);
        assert_snapshot!(format!("too-small@{columns}x{rows}"), frame::text(&buffer));
    }
}

#[test]
fn every_screen_can_be_drawn_at_every_size() {
    let theme = Theme::shipped("mono").unwrap();
    for screen in Screen::ALL {
        let model = console::ticked(screen, &run::two_lanes());
        for columns in [1, 2, 59, 60, 61, 79, 99, 101, 149, 151, 300] {
            for rows in [1, 2, 14, 15, 16, 23, 60] {
                frame::buffer(&model, &theme, columns, rows);
            }
        }
    }
}
