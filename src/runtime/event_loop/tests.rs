//! Drives the loop with scripted keys on a terminal in memory.

use super::*;
use crate::app::model::{Mode, Setup, Size};
use crate::domain::catalog::Catalog;
use crate::domain::fixture;
use crate::keys::{Key, Keymap};
use futures_util::stream;
use ratatui::backend::TestBackend;
use ratatui::widgets::Paragraph;
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// What the loop did, in order.
#[derive(Debug, Clone, PartialEq)]
enum Did {
    Drew(String),
    Carried(Effect),
    Listened,
    Slept,
}

type Diary = Rc<RefCell<Vec<Did>>>;

struct Screens(Diary);

impl View for Screens {
    fn measure(&self, _: &Model) -> Measures {
        Measures { page: 7, panes: Vec::new() }
    }

    fn draw(&self, frame: &mut Frame<'_>, model: &Model) {
        let text = model.screen.title().to_owned();
        frame.render_widget(Paragraph::new(text.clone()), frame.area());
        self.0.borrow_mut().push(Did::Drew(text));
    }

    fn take_theme(&mut self, theme: &ThemeName) -> Result<(), String> {
        if theme == "light" { Ok(()) } else { Err(format!("no theme {theme}")) }
    }
}

struct World(Diary);

impl Outside for World {
    fn carry_out(&mut self, effect: Effect) {
        self.0.borrow_mut().push(Did::Carried(effect));
    }

    fn logs_grew(&mut self, _: &Model) -> bool {
        false
    }

    fn read_logs(&mut self, _: &mut Model) {}
}

/// Keys one sitting after the other; each ends by waiting for ever.
struct Script {
    sittings: Vec<Vec<&'static str>>,
    diary: Diary,
    listening: Rc<Cell<usize>>,
}

struct Sitting {
    keys: Pin<Box<dyn Stream<Item = std::io::Result<Input>>>>,
    listening: Rc<Cell<usize>>,
}

impl Drop for Sitting {
    fn drop(&mut self) {
        self.listening.set(self.listening.get() - 1);
    }
}

impl Stream for Sitting {
    type Item = std::io::Result<Input>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.keys.as_mut().poll_next(cx)
    }
}

impl Keys for Script {
    type Stream = Sitting;

    fn listen(&mut self) -> Sitting {
        self.diary.borrow_mut().push(Did::Listened);
        self.listening.set(self.listening.get() + 1);
        let keys = if self.sittings.is_empty() { Vec::new() } else { self.sittings.remove(0) };
        let keys = keys.into_iter().map(|key| Ok(Input::Key(key.parse::<Key>().unwrap())));
        Sitting {
            keys: Box::pin(stream::iter(keys).chain(stream::pending())),
            listening: self.listening.clone(),
        }
    }

    fn sleep(&mut self) -> std::io::Result<()> {
        assert_eq!(self.listening.get(), 0, "nobody may listen while the terminal is somebody else's");
        self.diary.borrow_mut().push(Did::Slept);
        Ok(())
    }
}

fn model(clock: Clock) -> Model {
    let catalog = Catalog { releases: Vec::new(), ..fixture::catalog() };
    Model::new(Setup {
        catalog: Arc::new(catalog),
        keymap: Arc::new(Keymap::default()),
        host: "here".to_owned(),
        clock: clock.read(),
        size: Size { columns: 20, rows: 3 },
        theme: "dark".to_owned(),
        themes: vec!["dark".to_owned(), "light".to_owned()],
        mode: Mode::Acting,
        screen: Screen::Status,
        banners: Vec::new(),
    })
}

struct Bench {
    event_loop: EventLoop<TestBackend, Screens, World, Script>,
    tell: UnboundedSender<Msg>,
    diary: Diary,
}

fn bench(sittings: &[&[&'static str]]) -> Bench {
    let diary = Diary::default();
    let clock = Clock::start();
    let (tell, inbox) = unbounded_channel();
    let script = Script {
        sittings: sittings.iter().map(|sitting| sitting.to_vec()).collect(),
        diary: diary.clone(),
        listening: Rc::default(),
    };
    let event_loop = EventLoop::new(
        Terminal::new(TestBackend::new(20, 3)).unwrap(),
        model(clock),
        Screens(diary.clone()),
        World(diary.clone()),
        script,
        (inbox, clock),
    );
    Bench { event_loop, tell, diary }
}

impl Bench {
    /// Runs the loop to its end, on a clock that jumps whenever everything waits.
    fn run(&mut self, ends: impl Stream<Item = ()> + Unpin) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let end = async {
            let ending = self.event_loop.run(Msg::ConsoleStarted { run: None }, ends);
            tokio::time::timeout(Duration::from_hours(1), ending).await.expect("the loop ends")
        };
        runtime.unwrap().block_on(end).unwrap()
    }

    fn diary(&self) -> Vec<Did> {
        self.diary.borrow().clone()
    }
}

fn drew(screen: &str) -> Did {
    Did::Drew(screen.to_owned())
}

#[test]
fn the_first_frame_comes_before_anything_is_asked_for() {
    let mut bench = bench(&[&["q"]]);
    assert_eq!(bench.run(stream::pending()), Vec::<String>::new());
    let diary = bench.diary();
    assert_eq!(diary[0], drew("Status"));
    assert_eq!(diary[1..3], [Did::Carried(Effect::ReadStatus), Did::Carried(Effect::ListRuns)]);
}

#[test]
fn keys_are_taken_in_order_and_drawn() {
    let mut bench = bench(&[&["2", "5", "6", "1", "2"]]);
    let runtime = bench.event_loop.model.screen;
    assert_eq!(runtime, Screen::Status);
    let ends = stream::once(Box::pin(tokio_sleep(1)));
    bench.run(Box::pin(ends));
    assert_eq!(bench.event_loop.model.screen, Screen::Plan);
    assert!(bench.diary().contains(&drew("Plan")));
    bench.event_loop.terminal.backend().assert_buffer_lines([
        "Plan                ",
        "                    ",
        "                    ",
    ]);
}

async fn tokio_sleep(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[test]
fn a_signal_ends_the_console() {
    let mut bench = bench(&[&[]]);
    bench.run(stream::iter([()]));
    assert_eq!(bench.diary().last(), Some(&Did::Listened));
}

#[test]
fn nobody_listens_while_the_console_sleeps_and_it_looks_anew_when_woken() {
    let mut bench = bench(&[&["ctrl-z"], &["q"]]);
    bench.event_loop.model.status.reading = false;
    bench.run(stream::pending());
    let diary = bench.diary();
    let slept = diary.iter().position(|did| *did == Did::Slept).expect("it slept");
    assert_eq!(diary[slept + 1], Did::Listened);
    assert!(diary[slept..].contains(&Did::Carried(Effect::ListRuns)));
}

#[test]
fn many_messages_make_one_frame() {
    let mut bench = bench(&[&[]]);
    for number in 0..500 {
        bench.tell.send(Msg::TroubleSeen { about: "test", message: format!("{number}") }).unwrap();
    }
    bench.run(Box::pin(stream::once(Box::pin(tokio_sleep(1)))));
    let frames = bench.diary().iter().filter(|did| matches!(did, Did::Drew(_))).count();
    assert!(frames <= 8, "{frames} frames");
    assert_eq!(bench.event_loop.model.banners[0].message, "499");
}

#[test]
fn an_idle_console_draws_nothing_and_asks_for_little() {
    let mut bench = bench(&[&[]]);
    bench.tell.send(Msg::StatusEnded).unwrap();
    let later = Box::pin(stream::once(Box::pin(tokio_sleep(55))));
    bench.run(later);
    let diary = bench.diary();
    let frames = diary.iter().filter(|did| matches!(did, Did::Drew(_))).count();
    assert!(frames <= 3, "{frames} frames in 55 idle seconds");
}

#[test]
fn a_theme_that_cannot_be_taken_is_told_and_the_old_one_stays() {
    let mut bench = bench(&[&["T", "down", "enter", "q"]]);
    bench.run(stream::pending());
    assert_eq!(bench.event_loop.model.theme, "light");
    let mut bench = self::bench(&[&["T", "down", "up", "enter", "q"]]);
    bench.run(stream::pending());
    assert_eq!(bench.event_loop.model.theme, "light");
    assert_eq!(bench.event_loop.model.banners[0].message, "no theme dark");
}
