//! The loop of the console: what happens outside goes into `app::update`, what comes back is carried out,
//! and the screen is drawn when there is a reason.
//!
//! Signals first, then keys, then what the engine tells (at most 512 at a time, so that keys are never kept
//! waiting), then time. A key draws at once; what logs and runs change draws at most every 16 ms; a timer
//! exists only while something moves (design 11). Terminal, input and the outside are parameters, so that
//! tests drive this very loop.

use super::clock::Clock;
use super::input::Input;
use crate::app::model::{Measures, Screen, ThemeName};
use crate::app::{Effect, Model, Msg, update};
use crate::domain::name::StepId;
use crate::domain::run::StepRecord;
use futures_util::{Stream, StreamExt as _};
use ratatui::backend::Backend;
use ratatui::{Frame, Terminal};
use std::fmt::Display;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

/// The least time between two frames that no key asked for.
const FRAME: Duration = Duration::from_millis(16);
/// Drawing what no key asked for takes at most this part of the time: a flood, or a machine that has no time
/// to spare, gets fewer frames instead of costing more.
const DRAWING: u32 = 32;
/// The most time between two frames while something changes.
const SLOWEST: Duration = Duration::from_millis(100);
/// How often it is looked whether a visible log has grown, while its step runs.
const LOOK_AT_LOGS: Duration = Duration::from_millis(33);
/// Messages taken at a time.
const DRAIN: usize = 512;

/// What draws the model.
pub trait View {
    /// Returns the room that the next frame has.
    fn measure(&self, model: &Model) -> Measures;
    /// Draws a frame.
    fn draw(&self, frame: &mut Frame<'_>, model: &Model);
    /// Takes a theme, or says why not.
    fn take_theme(&mut self, theme: &ThemeName) -> Result<(), String>;
}

/// What carries effects out and reads logs.
pub trait Outside {
    /// Begins to carry out an effect; its answers come as messages.
    fn carry_out(&mut self, effect: Effect);
    /// Returns whether a log on the screen has grown since it was read.
    fn logs_grew(&mut self, model: &Model) -> bool;
    /// Reads the visible parts of the logs on the screen into the model.
    fn read_logs(&mut self, model: &mut Model);
}

/// Where keys come from; dropped and made anew around a suspension.
pub trait Keys {
    /// The keys of one sitting.
    type Stream: Stream<Item = std::io::Result<Input>> + Unpin;
    /// Begins to listen.
    fn listen(&mut self) -> Self::Stream;
    /// Gives the terminal back, sleeps until woken, takes it again; nobody listens meanwhile.
    fn sleep(&mut self) -> std::io::Result<()>;
}

/// The console at work.
#[derive(Debug)]
pub struct EventLoop<B: Backend, V, O, K> {
    /// The terminal to draw on.
    pub terminal: Terminal<B>,
    /// The model.
    pub model: Model,
    /// What draws it.
    pub view: V,
    /// What carries effects out.
    pub outside: O,
    /// Where keys come from.
    pub keys: K,
    /// What the outside tells.
    pub inbox: UnboundedReceiver<Msg>,
    /// The clocks.
    pub clock: Clock,
    state: LoopState,
}

/// What the loop itself remembers.
#[derive(Debug)]
struct LoopState {
    /// When the last frame was drawn, and how long that took.
    drawn: Instant,
    took: Duration,
    /// Whether the model changed since.
    dirty: bool,
    /// When the model was last told the time.
    ticked: Instant,
    /// When it was last looked whether a log had grown.
    looked: Instant,
    /// Whether the engineer asked for a suspension.
    sleepy: bool,
    /// The last words, once there are any.
    farewell: Option<Vec<String>>,
}

/// Why the loop ended badly.
#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    /// The terminal cannot be drawn on.
    #[error("cannot draw on the terminal: {0}")]
    Draw(String),
    /// The terminal could not be handed back or taken again.
    #[error("cannot take the terminal: {0}")]
    Terminal(#[from] std::io::Error),
}

enum Happening {
    End,
    Input(Input),
    Told(Box<Msg>),
    Time,
}

impl<B: Backend, V: View, O: Outside, K: Keys> EventLoop<B, V, O, K>
where
    B::Error: Display,
{
    /// Makes the loop.
    pub fn new(
        terminal: Terminal<B>,
        model: Model,
        view: V,
        outside: O,
        keys: K,
        told: (UnboundedReceiver<Msg>, Clock),
    ) -> Self {
        let now = Instant::now();
        let state = LoopState {
            drawn: now,
            took: Duration::ZERO,
            dirty: false,
            ticked: now,
            looked: now,
            sleepy: false,
            farewell: None,
        };
        Self { terminal, model, view, outside, keys, inbox: told.0, clock: told.1, state }
    }

    /// Runs until the engineer leaves, the terminal goes or a signal says so; returns what is to be said then.
    pub async fn run(
        &mut self,
        start: Msg,
        mut ends: impl Stream<Item = ()> + Unpin,
    ) -> Result<Vec<String>, LoopError> {
        // The first frame needs nothing from outside (design 8).
        self.draw()?;
        self.take(start)?;
        let mut keys = self.keys.listen();
        loop {
            if self.state.dirty && self.draw_at() <= Instant::now() {
                self.draw()?;
            }
            let wake = self.wake_at();
            let happening = tokio::select! {
                biased;
                Some(()) = ends.next() => Happening::End,
                input = keys.next() => match input {
                    Some(Ok(input)) => Happening::Input(input),
                    // The terminal is gone.
                    None | Some(Err(_)) => Happening::End,
                },
                Some(msg) = self.inbox.recv() => Happening::Told(Box::new(msg)),
                () = sleep_until(wake) => Happening::Time,
            };
            match happening {
                Happening::End => self.take(Msg::EndRequested)?,
                Happening::Input(input) => self.typed(input, &mut keys).await?,
                Happening::Told(msg) => self.told(*msg)?,
                Happening::Time => self.time_passed()?,
            }
            if let Some(farewell) = self.state.farewell.take() {
                return Ok(farewell);
            }
            if std::mem::take(&mut self.state.sleepy) {
                // Two readers of one terminal would steal each other's keys.
                drop(keys);
                self.keys.sleep()?;
                keys = self.keys.listen();
                self.take(Msg::Woken)?;
            }
        }
    }

    /// Takes a key and those that wait behind it, and draws at once.
    ///
    /// They are asked for with the loop's own waker: crossterm's stream keeps the waker of the first poll that
    /// found nothing, so a look without one would leave every later key unheard.
    async fn typed(&mut self, first: Input, keys: &mut K::Stream) -> Result<(), LoopError> {
        self.take(of_input(first))?;
        for _ in 1..DRAIN {
            if self.state.farewell.is_some() || self.state.sleepy {
                break;
            }
            let waiting = std::future::poll_fn(|cx| Poll::Ready(keys.poll_next_unpin(cx))).await;
            let Poll::Ready(Some(Ok(input))) = waiting else { break };
            self.take(of_input(input))?;
        }
        if self.state.farewell.is_none() { self.draw() } else { Ok(()) }
    }

    /// Takes what the outside told, and what else it has told meanwhile.
    fn told(&mut self, first: Msg) -> Result<(), LoopError> {
        self.take(first)?;
        for _ in 1..DRAIN {
            let Ok(msg) = self.inbox.try_recv() else { break };
            self.feed(msg)?;
        }
        Ok(())
    }

    fn time_passed(&mut self) -> Result<(), LoopError> {
        let now = Instant::now();
        if self.tick_at().is_some_and(|tick| tick <= now) {
            self.tell_time()?;
            self.state.dirty |= self.model.is_moving();
        }
        if self.look_at().is_some_and(|look| look <= now) {
            self.state.looked = now;
            self.state.dirty |= self.outside.logs_grew(&self.model);
        }
        Ok(())
    }

    /// Returns when to wake up though nothing happens; never, where nothing depends on time.
    fn wake_at(&self) -> Option<Instant> {
        let draw = self.state.dirty.then(|| self.draw_at());
        [draw, self.tick_at(), self.look_at()].into_iter().flatten().min()
    }

    /// Returns when the next frame may be drawn that no key asks for.
    fn draw_at(&self) -> Instant {
        self.state.drawn + (self.state.took * DRAWING).clamp(FRAME, SLOWEST)
    }

    fn tick_at(&self) -> Option<Instant> {
        self.model.wake_after_ms().map(|ms| self.state.ticked + Duration::from_millis(ms))
    }

    /// Returns when to look at the visible logs: while a step runs whose log is on the screen.
    fn look_at(&self) -> Option<Instant> {
        let run = self.model.run.as_ref().filter(|_| self.model.screen == Screen::Run)?;
        let runs = |step: &StepId| run.record(step).is_some_and(StepRecord::is_running);
        (run.alive && run.panes().iter().any(runs)).then(|| self.state.looked + LOOK_AT_LOGS)
    }

    /// Takes a message, after having told the time.
    fn take(&mut self, msg: Msg) -> Result<(), LoopError> {
        self.tell_time()?;
        self.feed(msg)
    }

    fn tell_time(&mut self) -> Result<(), LoopError> {
        self.state.ticked = Instant::now();
        let toasts = self.model.toasts.len();
        let effects = update(&mut self.model, Msg::ClockRead(self.clock.read()));
        self.state.dirty |= self.model.toasts.len() != toasts;
        self.carry_out(effects)
    }

    fn feed(&mut self, msg: Msg) -> Result<(), LoopError> {
        // The list of runs comes again and again on Status; an idle console draws nothing.
        let news = !matches!(&msg, Msg::RunsListed { runs, .. }
            if self.model.history.listed && *runs == self.model.history.runs);
        self.state.dirty |= news;
        let effects = update(&mut self.model, msg);
        self.carry_out(effects)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), LoopError> {
        for effect in effects {
            log::debug!("{effect}");
            match effect {
                Effect::Redraw => self.forget_screen()?,
                Effect::Suspend => self.state.sleepy = true,
                Effect::Leave { farewell } => self.state.farewell = Some(farewell),
                Effect::LoadTheme { theme } => self.load_theme(theme),
                other => self.outside.carry_out(other),
            }
        }
        Ok(())
    }

    /// Has the next frame drawn as a whole, on an empty screen.
    ///
    /// `Terminal::clear` would ask the terminal where its cursor is, and the answer would go to whoever
    /// listens to the keys. An empty frame leaves nothing to be remembered, which is all that is wanted.
    fn forget_screen(&mut self) -> Result<(), LoopError> {
        self.terminal.draw(|_| {}).map_err(draw_error)?;
        self.terminal.backend_mut().clear().map_err(draw_error)?;
        self.state.dirty = true;
        Ok(())
    }

    fn load_theme(&mut self, theme: ThemeName) {
        let msg = match self.view.take_theme(&theme) {
            Ok(()) => Msg::ThemeLoaded { theme },
            Err(message) => Msg::TroubleSeen { about: "theme", message },
        };
        // Neither message has an effect.
        let _none = update(&mut self.model, msg);
        self.state.dirty = true;
    }

    fn draw(&mut self) -> Result<(), LoopError> {
        let begun = Instant::now();
        let measures = self.view.measure(&self.model);
        let _none = update(&mut self.model, Msg::Measured(measures));
        self.outside.read_logs(&mut self.model);
        let (view, model) = (&self.view, &self.model);
        self.terminal.draw(|frame| view.draw(frame, model)).map_err(draw_error)?;
        self.state.drawn = Instant::now();
        self.state.took = self.state.drawn.duration_since(begun);
        self.state.dirty = false;
        Ok(())
    }
}

fn draw_error(error: impl Display) -> LoopError {
    LoopError::Draw(error.to_string())
}

fn of_input(input: Input) -> Msg {
    match input {
        Input::Key(key) => Msg::KeyPressed(key),
        Input::Paste(text) => Msg::Pasted(text),
        Input::Resize(size) => Msg::Resized(size),
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
