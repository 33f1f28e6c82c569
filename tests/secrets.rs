//! Secrets: what is none, and that one that was planted shows nowhere.

#![expect(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use stagegate::app::effect::RunRequest;
use stagegate::app::model::Screen;
use stagegate::app::msg::{Answer, Connection};
use stagegate::app::{Model, Msg, update};
use stagegate::domain::finding::{Finding, Severity};
use stagegate::domain::flow::CheckName;
use stagegate::domain::live::{Live, LiveStep};
use stagegate::domain::redact::{Reading, Redactor, Secrets};
use stagegate::domain::run::Event;
use stagegate::domain::status::CheckoutStatus;
use stagegate::ui::Theme;
use stagegate::ui::fixtures::{console, frame, host, run};
use std::sync::Arc;

/// Recordings of the real tools, and what the sandbox's scripts print: none of it is a secret.
#[test]
fn nothing_of_the_recordings_is_taken_for_a_secret() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("tests/recordings"), root.join("tests/fixtures"), root.join("config")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            let mut reading = Reading::new(Redactor::by_shape());
            for line in bytes.split(|byte| *byte == b'\n') {
                let plain = stagegate::domain::log_line::render(line);
                assert_eq!(reading.line(line).text(), plain.text(), "{}", path.display());
            }
        }
    }
    assert!(files > 30, "the recordings were not found: {files} files");
}

/// The value of a variable that the catalog calls secret.
const VALUE: &str = "zooHunter2Hunter2";

/// What others say, with secrets of both kinds in it, and what a terminal would obey.
fn said(head: &str) -> String {
    format!(
        "{head} {VALUE} and password=zooPass7word \u{1b}]52;c;c3RvbGVu\u{7}\u{9b}31m\u{202e}\n8/publish succeeded"
    )
}

/// Makes a console to which everything that can say something has said it.
fn console_that_heard_it(screen: Screen) -> Model {
    let mut model = console::with_run(screen, run::failed(), run::prompting_live(), true);
    let mut catalog = (*model.catalog).clone();
    catalog.secrets = Secrets::named(["*TOKEN*"]);
    catalog.environment.insert("KOJI_TOKEN".to_owned(), VALUE.to_owned());
    catalog.notices = vec![said("notice")];
    let id = model.run.as_ref().unwrap().id.clone();
    let step = model.run.as_ref().unwrap().state.plan.steps[1].id.clone();
    let checkout = CheckoutStatus {
        name: catalog.checkouts[0].name.clone(),
        revision: Some(said("r")),
        dirty: None,
        problem: Some(said("git")),
    };
    let mut releases = host::releases();
    for repo in &mut releases[0].repos {
        repo.staging.reason = said("staging");
        repo.production.reason = said("production");
    }
    let mut runs = console::summaries();
    runs[0].verdict = Err(said("journal"));
    let live = LiveStep { label: said("label"), prompt: Some(said("prompt")), ..LiveStep::default() };
    let live = Live { steps: [(step.clone(), live)].into(), ..Live::default() };
    let answer = |message| Answer::Failed { message };
    let retry = RunRequest::Retry { step: step.clone(), reason: String::new() };
    let messages = vec![
        Msg::CatalogRead(Arc::new(catalog)),
        Msg::CheckoutAnswered(checkout),
        Msg::ReleaseAnswered(Arc::new(releases.remove(0))),
        Msg::RunsListed { runs, typical: std::collections::BTreeMap::default() },
        Msg::LiveTold { run: id.clone(), live },
        Msg::RequestAnswered { run: id.clone(), request: retry, answer: answer(said("answer")) },
        Msg::ConnectionChanged { run: id.clone(), connection: Connection::Lost { problem: said("lost") } },
        Msg::RunUnreadable { run: id, problem: said("unreadable") },
        Msg::TroubleSeen { about: "mount", message: said("trouble") },
        Msg::RunNotStarted { problem: said("start"), locked: None },
    ];
    for message in messages {
        let _effects = update(&mut model, message);
    }
    // What a run's journal holds is made fit to be shown where it is read.
    let open = model.run.as_mut().unwrap();
    let mut state = (*open.state).clone();
    let finding = Finding::new(
        CheckName::Leftovers,
        Severity::Blocking,
        "kind",
        said("path"),
        said("message"),
        said("advice"),
    );
    let event = serde_json::json!({
        "event": "step-concluded", "step": step, "outcome": "failed", "reason": said("reason"), "findings": [finding],
    });
    let event: Event = serde_json::from_value(event).unwrap();
    state.apply(stagegate::ui::fixtures::now(), &model.redactor.shown(event));
    open.state = Arc::new(state);
    open.chosen = Some(step);
    model
}

#[test]
fn what_was_planted_is_on_no_screen() {
    let theme = Theme::shipped("dark").unwrap();
    let mut heard = 0;
    for screen in Screen::ALL {
        let mut model = console_that_heard_it(screen);
        while !model.banners.is_empty() {
            for (columns, rows) in [(80, 24), (120, 40), (200, 50)] {
                let text = frame::text(&frame::buffer(&model, &theme, columns, rows));
                for piece in
                    [&VALUE[..5], &VALUE[8..13], "zooPass", "ass7w", "7word", "\u{1b}", "\u{202e}", "\u{9b}"]
                {
                    assert!(!text.contains(piece), "{screen:?} at {columns}x{rows} shows {piece:?}:\n{text}");
                }
                let forged = text.lines().any(|line| line.trim_start().starts_with("8/publish succeeded"));
                assert!(!forged, "a line end of others makes no line:\n{text}");
                heard += text.matches("[redacted]").count();
            }
            model.banners.pop();
        }
    }
    assert!(heard > 50, "what was said is shown, without its secrets: {heard}");
}
