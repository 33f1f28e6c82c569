//! Any messages in any order: observe mode never acts, and nothing is approved that may not be.

use super::fixture::{Bench, at_gate, blocking, evidence, run_id, starting};
use crate::app::effect::RunRequest;
use crate::app::model::{Mode, Model, Moment, Size};
use crate::app::msg::{Answer, Connection, Msg};
use crate::app::{Availability, Effect, availability};
use crate::domain::live::Live;
use crate::domain::run::RunState;
use crate::keys::action::TABLE;
use crate::keys::{Key, KeyCode};
use proptest::prelude::*;
use std::sync::Arc;

fn any_key() -> impl Strategy<Value = Key> {
    let special = prop::sample::select(vec![
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::End,
        KeyCode::Home,
        KeyCode::Backspace,
        KeyCode::F(5),
    ]);
    prop_oneof![
        prop::char::range(' ', '~').prop_map(Key::char),
        special.prop_map(Key::plain),
        prop::sample::select(vec!['c', 'x', 'r', 'l', 'u', 'w']).prop_map(Key::ctrl),
    ]
}

/// A message, or several that follow each other, as something to be told.
#[derive(Debug, Clone)]
enum Turn {
    Tell(Box<Msg>),
    Later(u64),
    TypePhrase,
    TickAll,
    GateOpens,
}

fn any_turn() -> impl Strategy<Value = Turn> {
    let action =
        prop::sample::select(TABLE).prop_map(|info| Turn::Tell(Box::new(Msg::ActionChosen(info.action))));
    let told = prop::sample::select(vec![
        Msg::Pasted("8.10 vetted".to_owned()),
        Msg::Resized(Size { columns: 1, rows: 1 }),
        Msg::ConnectionChanged { run: run_id(), connection: Connection::Open },
        Msg::ConnectionChanged { run: run_id(), connection: Connection::NoSupervisor },
        Msg::LiveTold { run: run_id(), live: Live::default() },
        Msg::RunStarted { run: run_id() },
        Msg::Woken,
        Msg::StatusEnded,
        Msg::EvidenceLoaded {
            run: run_id(),
            evidence: evidence(Vec::new()),
            file: "gates/8-1.json".to_owned(),
        },
        Msg::EvidenceLoaded {
            run: run_id(),
            evidence: evidence(vec![blocking()]),
            file: "gates/8-1.json".to_owned(),
        },
        Msg::RequestAnswered {
            run: run_id(),
            request: RunRequest::TakeHelm { reason: None },
            answer: Answer::HelmGiven { turn: 1 },
        },
    ]);
    prop_oneof![
        8 => any_key().prop_map(|key| Turn::Tell(Box::new(Msg::KeyPressed(key)))),
        6 => action,
        3 => told.prop_map(|msg| Turn::Tell(Box::new(msg))),
        2 => (0..900_u64).prop_map(Turn::Later),
        3 => Just(Turn::TypePhrase),
        2 => Just(Turn::TickAll),
        2 => Just(Turn::GateOpens),
    ]
}

fn take(bench: &mut Bench, turn: Turn) -> Vec<Effect> {
    match turn {
        Turn::Tell(msg) => bench.tell(*msg),
        Turn::Later(ms) => bench.later(ms),
        Turn::TypePhrase => {
            let mut effects = Vec::new();
            for character in "8.10 vetted".chars() {
                effects.extend(bench.tell(Msg::KeyPressed(Key::char(character))));
            }
            effects.extend(bench.press("enter"));
            effects
        }
        Turn::TickAll => {
            if let Some(gate) = &mut bench.model.gate {
                gate.ticked.fill(true);
            }
            Vec::new()
        }
        Turn::GateOpens => {
            let Some(run) = &bench.model.run else { return Vec::new() };
            let mut state = RunState::new(run.state.plan.clone());
            for event in at_gate() {
                state.apply(super::fixture::now(), &event);
            }
            let mut effects = bench.tell(Msg::RunRead {
                run: run_id(),
                state: Arc::new(state),
                redactor: crate::domain::redact::Redactor::default(),
                alive: true,
                truths: std::collections::BTreeMap::new(),
            });
            effects.extend(bench.press("g"));
            effects
        }
    }
}

/// Returns what must hold in `before` for an approval to be sent.
fn may_approve(before: &Model) -> bool {
    let (Some(run), Some(gate)) = (&before.run, &before.gate) else { return false };
    let Some(evidence) = gate.shown() else { return false };
    gate.phrase.text().trim() == "8.10 vetted"
        && evidence.blocking(run.state.waivers(&gate.release)).next().is_none()
        && gate.ticked.iter().all(|ticked| *ticked)
        && !gate.is_guarded(before.clock.uptime_ms)
        && !before.mode.observes()
}

fn is_approval(effect: &Effect) -> bool {
    matches!(effect, Effect::Send { request: RunRequest::Approve { .. }, .. })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_observe_mode_nothing_acts(turns in prop::collection::vec(any_turn(), 1..60)) {
        let mut bench = Bench::new(Mode::WatchingForGood);
        bench.open_run(&[starting("8/sync/Rocky", 1)]);
        for turn in turns {
            let effects = take(&mut bench, turn.clone());
            prop_assert!(!effects.iter().any(Effect::mutates), "{turn:?} led to {effects:?}");
        }
    }

    #[test]
    fn nothing_is_approved_unless_the_phrase_matches_and_nothing_blocks(
        turns in prop::collection::vec(any_turn(), 1..60),
    ) {
        let mut bench = Bench::new(Mode::Acting);
        bench.open_run(&at_gate());
        for turn in turns {
            // The typed phrase is taken key by key, so that what held before Enter is seen.
            let keys: Vec<Turn> = match turn {
                Turn::TypePhrase => "8.10 vetted"
                    .chars()
                    .map(Key::char)
                    .chain([Key::plain(KeyCode::Enter)])
                    .map(|key| Turn::Tell(Box::new(Msg::KeyPressed(key))))
                    .collect(),
                other => vec![other],
            };
            for turn in keys {
                let before = bench.model.clone();
                let effects = take(&mut bench, turn);
                if effects.iter().any(is_approval) {
                    prop_assert!(may_approve(&before));
                }
            }
        }
    }

    #[test]
    fn every_action_has_an_answer_at_any_time(turns in prop::collection::vec(any_turn(), 1..30)) {
        let mut bench = Bench::new(Mode::Acting);
        bench.open_run(&at_gate());
        for turn in turns {
            take(&mut bench, turn);
        }
        for info in TABLE {
            if let Availability::Disabled(reason) = availability(info.action, &bench.model) {
                prop_assert!(!reason.is_empty(), "{}", info.id);
            }
        }
    }
}

#[test]
fn the_search_for_approvals_does_find_some() {
    let mut bench = Bench::new(Mode::Acting);
    bench.open_run(&at_gate());
    take(&mut bench, Turn::GateOpens);
    let file = "gates/8-1.json".to_owned();
    bench.tell(Msg::EvidenceLoaded { run: run_id(), evidence: evidence(Vec::new()), file });
    take(&mut bench, Turn::TickAll);
    take(&mut bench, Turn::Later(600));
    bench.press("a");
    assert!(take(&mut bench, Turn::TypePhrase).iter().any(is_approval));
    let moment = Moment { wall: super::fixture::now(), uptime_ms: 0 };
    assert!(moment <= bench.model.clock);
}
