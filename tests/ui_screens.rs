//! What every screen shows, drawn into memory: the text at four sizes, the styles in both default themes.
//!
//! A change in a snapshot is a change that a user sees: `cargo insta review`, or `INSTA_UPDATE=always` and a look at the
//! difference. The fixtures' clock stands still, so nothing here depends on when or where it runs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use insta::assert_snapshot;
use stagegate::app::Model;
use stagegate::app::model::gate::rows::ChangeRow;
use stagegate::app::model::gate::search::GateSearch;
use stagegate::app::model::{
    Banner, Confirm, GateFocus, Helm, Match, MatchTally, Mode, Overlay, PlanFocus, RunFocus, RunLayout,
    Screen, SearchState, TextPurpose, Toast, Towards,
};
use stagegate::app::text_input::TextInput;
use stagegate::domain::live::{Live, Looking, Part};
use stagegate::domain::name::{ReleaseId, StepId};
use stagegate::ui::Theme;
use stagegate::ui::fixtures::{console, evidence, frame, run};
use stagegate::ui::theme::Role;
use std::collections::BTreeMap;
use std::sync::Arc;

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
    view.offsets = vec![4];
    view.search = Some((
        "package-5".to_owned(),
        SearchState::At(Match {
            offset: 6,
            around: Some(Towards::Beginning),
            tally: Some(MatchTally { nth: 120, of: 120, bytes: 9000 }),
        }),
    ));
    check("run-large-paused", &model);
    let open = model.run.as_mut().unwrap();
    open.layout = RunLayout::Lanes;
    let view = open.views.get_mut(&step).unwrap();
    view.follow = true;
    view.wrap = true;
    view.search = Some(("package-77".to_owned(), SearchState::Nowhere));
    check("run-lanes-wrapped", &model);
}

#[test]
fn gate() {
    check("gate-none", &console::answered(Screen::Gate));
    check("gate-not-reached", &console::at_gate(run::running(), None));
    check("gate-blocked", &console::at_gate(run::waiting(), Some(evidence::mixed())));
    let mut model = console::at_gate(run::waiting(), Some(evidence::clean()));
    let gate = model.gate.as_mut().unwrap();
    gate.go_to(GateFocus::Checklist);
    gate.point = 1;
    gate.ticked[0] = true;
    check("gate-checklist", &model);
    let gate = model.gate.as_mut().unwrap();
    gate.ticked = vec![true; 3];
    gate.focus = GateFocus::Phrase;
    gate.phrase = TextInput::holding("8.1 vetted");
    check("gate-wrong-phrase", &model);
    model.gate.as_mut().unwrap().phrase = TextInput::holding("8.10 vetted");
    check("gate-right-phrase", &model);
    let mut model = console::at_gate(run::waiting_for_two(0), Some(evidence::clean()));
    let gate = model.gate.as_mut().unwrap();
    gate.ticked = vec![true; 3];
    gate.focus = GateFocus::Phrase;
    gate.phrase = TextInput::holding("8.10 vetted");
    check("gate-first-of-two", &model);
    let mut model = console::at_gate(run::waiting_for_two(1), Some(evidence::clean()));
    model.gate.as_mut().unwrap().ticked = vec![true; 3];
    check("gate-one-of-two", &model);
    check("gate-void", &console::at_gate(run::void(), Some(evidence::clean())));
    check("gate-passed", &console::at_gate(run::finished(), Some(evidence::clean())));
}

#[test]
fn the_tabs_of_the_gate() {
    let mut model = console::at_gate(run::waiting(), Some(evidence::mixed()));
    let mut show = |name: &str, focus: GateFocus, change: &dyn Fn(&mut Model)| {
        let gate = model.gate.as_mut().unwrap();
        gate.go_to(focus);
        change(&mut model);
        check(name, &model);
    };
    show("gate-changes", GateFocus::Changes, &|_| {});
    let advisory = |model: &mut Model| {
        let gate = model.gate.as_mut().unwrap();
        let kernel = |row: &ChangeRow| matches!(row, ChangeRow::Advisory(1));
        gate.change = gate.rows.iter().position(kernel).unwrap();
    };
    show("gate-advisory", GateFocus::Changes, &advisory);
    let search = |model: &mut Model| {
        let gate = model.gate.as_mut().unwrap();
        gate.change = gate.rows.len() - 2;
        gate.search = Some(GateSearch::new(gate, "minimal"));
    };
    show("gate-search", GateFocus::Changes, &search);
    let searched = |model: &mut Model| model.gate.as_mut().unwrap().search = None;
    show("gate-production", GateFocus::Production, &searched);
    show("gate-checks", GateFocus::Checks, &|model| model.gate.as_mut().unwrap().check = 2);
}

#[test]
fn a_gate_whose_checks_look() {
    let of = |part: Option<Part>, what: &str| Looking {
        what: what.to_owned(),
        done: 1_204,
        of: Some(48_213),
        bytes: 1_900_000_000,
        rate: 310_000_000,
        part,
    };
    let part = Part { name: "metadata-consistent".to_owned(), nth: 3, of: 12 };
    let mut first = console::at_gate(run::running(), None);
    let looking = |look: Looking| BTreeMap::from([("8".parse::<ReleaseId>().unwrap(), look)]);
    first.run.as_mut().unwrap().live.gathering = looking(of(Some(part.clone()), "metadata"));
    check("gate-gathering", &first);
    let mut again = console::at_gate(run::waiting(), Some(evidence::mixed()));
    again.gate.as_mut().unwrap().go_to(GateFocus::Checks);
    again.run.as_mut().unwrap().live.gathering = looking(of(Some(part), "metadata"));
    check("gate-checking-again", &again);
}

#[test]
fn a_waived_finding_says_who_let_it_through_and_why() {
    let evidence = evidence::mixed();
    let waived = evidence.findings[1].id.clone();
    let mut model = console::at_gate(run::waiting_with_waiver(waived), Some(evidence));
    let gate = model.gate.as_mut().unwrap();
    gate.go_to(GateFocus::Findings);
    gate.finding = 1;
    check("gate-waived", &model);
    model.gate.as_mut().unwrap().go_to(GateFocus::Checklist);
    check("gate-waivers", &model);
}

#[test]
fn production_can_be_seen_on_every_screen_that_reaches_it() {
    let theme = Theme::shipped("dark").unwrap();
    let mono = Theme::shipped("mono").unwrap();
    let publishing = |screen| console::with_run(screen, run::publishing(), run::publishing_live(), true);
    let mut models = vec![
        console::ticked(Screen::Plan, &run::one_lane()),
        console::at_gate(run::waiting(), Some(evidence::mixed())),
    ];
    models.extend(Screen::ALL.map(publishing));
    for mut model in models {
        model.plan.focus = PlanFocus::Steps;
        model.plan.step = 8;
        for (columns, rows) in [(60, 15), (80, 24), (120, 40), (200, 50)] {
            for theme in [&theme, &mono] {
                let buffer = frame::buffer(&model, theme, columns, rows);
                let block = theme.style(Role::ProductionBlock);
                let seen = buffer.content().iter().filter(|cell| {
                    cell.bg == block.bg.unwrap_or_default() && cell.modifier.contains(block.add_modifier)
                });
                assert!(frame::text(&buffer).contains("PRODUCTION"), "{:?} {columns}x{rows}", model.screen);
                assert!(seen.count() >= 10, "{:?} {columns}x{rows} {}", model.screen, theme.name);
            }
        }
    }
}

#[test]
fn history_and_log() {
    check("history-empty", &console::asking(Screen::History));
    let mut model = console::with_run(Screen::History, run::running(), run::running_live(), true);
    check("history", &model);
    model.history.cursor = 4;
    check("history-unreadable", &model);
    check("log-empty", &console::answered(Screen::Log));
}

#[test]
fn overlays() {
    let over = |screen: Screen, overlay: Overlay| {
        let mut model = console::with_run(screen, run::failed(), Live::default(), true);
        model.overlays.push(overlay);
        model
    };
    let status = console::answered(Screen::Status).layers();
    check("help", &over(Screen::Status, Overlay::Help { first: 0, layers: status }));
    let actions = console::answered(Screen::Status).keymap.actions(status);
    let palette = |typed: &str| Overlay::Palette {
        input: TextInput::holding(typed),
        cursor: 1,
        actions: actions.clone(),
    };
    check("palette", &over(Screen::Status, palette("")));
    check("palette-found", &over(Screen::Status, palette("tick rel")));
    check("themes", &over(Screen::Status, Overlay::Themes { cursor: 1, before: "dark".to_owned() }));
    let plan = Arc::new(run::plan(&run::two_lanes()));
    check("confirm-start", &over(Screen::Plan, Overlay::Confirm(Confirm::StartRun { plan, from: None })));
    let step = || "8/sync/Rocky".parse::<StepId>().unwrap();
    let stale = vec!["8/prep".parse().unwrap(), "8/gate".parse().unwrap()];
    let retry = Confirm::Retry { step: step(), stale, repeatable: false };
    check("confirm-retry", &over(Screen::Run, Overlay::Confirm(retry)));
    let purpose = TextPurpose::SkipReason { step: step() };
    check("reason", &over(Screen::Run, Overlay::Text { purpose, input: TextInput::holding("done by hand") }));
    let purpose = TextPurpose::Answer {
        step: step(),
        prompt: "Enter passphrase:".to_owned(),
        hidden: true,
        shown: false,
    };
    check("answer", &over(Screen::Run, Overlay::Text { purpose, input: TextInput::holding("secret") }));
    let prompt = "Password (shown):".to_owned();
    let purpose = TextPurpose::Answer { step: step(), prompt, hidden: true, shown: true };
    check("answer-shown", &over(Screen::Run, Overlay::Text { purpose, input: TextInput::holding("secret") }));
}

#[test]
fn a_step_that_waits_for_input_is_said_on_every_screen() {
    let theme = Theme::shipped("mono").unwrap();
    for screen in Screen::ALL {
        let mut model = console::with_run(screen, run::prompting(), run::prompting_live(), true);
        let whole = "! 8/prep waits for input: Enter passphrase for key C0FFEE01:";
        for (columns, rows) in [(60, 15), (80, 24), (120, 40), (200, 50)] {
            // The banner gives way at the end, not at the start, and says how to answer.
            let said = if columns < 80 { &whole[..28] } else { whole };
            let text = frame::text(&frame::buffer(&model, &theme, columns, rows));
            assert!(text.contains(said), "{screen:?} {columns}x{rows}:\n{text}");
            assert!(text.contains("answers"), "{screen:?} {columns}x{rows}:\n{text}");
        }
        // Whoever only watches sees it too.
        model.mode = Mode::WatchingForGood;
        let text = frame::text(&frame::buffer(&model, &theme, 80, 24));
        assert!(text.contains("8/prep waits for input"), "{screen:?}:\n{text}");
    }
    check("status-prompt", &console::with_run(Screen::Status, run::prompting(), run::prompting_live(), true));
}

#[test]
fn observers_see_that_they_observe() {
    let mut model = console::running();
    model.run.as_mut().unwrap().helm = Helm::Other { by: stagegate::ui::fixtures::other() };
    check("observing", &model);
    model.mode = Mode::WatchingForGood;
    check("observing-for-good", &model);
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

#[test]
fn no_control_character_reaches_the_terminal() {
    let theme = Theme::shipped("dark").unwrap();
    let bad = "a\u{1b}[31mb\u{7}\r\u{9b}2Jc\u{0}";
    for screen in Screen::ALL {
        let mut model = console::with_run(screen, run::prompting(), run::prompting_live(), true);
        bad.clone_into(&mut model.host);
        for step in model.run.as_mut().unwrap().live.steps.values_mut() {
            bad.clone_into(&mut step.label);
            step.prompt = Some(bad.to_owned());
        }
        model.banners.push(Banner { about: "test", message: bad.to_owned() });
        model.toasts.push(Toast { message: bad.to_owned(), until_ms: u64::MAX });
        let buffer = frame::buffer(&model, &theme, 120, 40);
        let control = buffer.content().iter().find(|cell| cell.symbol().contains(char::is_control));
        assert_eq!(control, None, "{screen:?}");
    }
}
