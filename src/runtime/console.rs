//! Puts the console together and runs it: what the command line calls.

use super::clock::Clock;
use super::effects::Effects;
use super::event_loop::{EventLoop, Keys, View};
use super::input::{Input, translate};
use super::terminal::Guard;
use super::{logging, signals};
use crate::app::model::{Banner, Measures, Mode, Screen, Setup, Size, ThemeName};
use crate::app::{Model, Msg};
use crate::catalog::{self, Source, process_environment};
use crate::domain::name::RunId;
use crate::domain::visible;
use crate::journal::store::Store;
use crate::keys::Keymap;
use crate::supervisor::client::Spawner;
use crate::supervisor::identity;
use crate::ui::{self, Theme};
use anyhow::Context as _;
use crossterm::event::EventStream;
use futures_util::{Stream, StreamExt as _};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};
use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::mpsc::unbounded_channel;

/// What a console is started with.
#[derive(Debug, Clone)]
pub struct ConsoleOptions {
    /// Where the catalog is.
    pub source: Source,
    /// The state folder.
    pub state: PathBuf,
    /// Whether it may only watch.
    pub observe: bool,
    /// The theme, if one was asked for.
    pub theme: Option<String>,
    /// The run to open at once.
    pub run: Option<RunId>,
}

/// Opens the console and returns once the engineer has left it; runs go on.
///
/// # Errors
///
/// A catalog with an error, a state folder or a terminal that cannot be used.
pub fn run_console(options: ConsoleOptions) -> anyhow::Result<()> {
    anyhow::ensure!(
        io::stdout().is_terminal() && io::stdin().is_terminal(),
        "the console needs a terminal; `stagegate status` and `stagegate run` do without"
    );
    anyhow::ensure!(
        std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        "a dumb terminal (TERM=dumb) cannot show the console; `stagegate status` and `stagegate run` do without"
    );
    let store = Store::open(&options.state)?;
    let hidden = logging::start(store.root()).context("cannot write the console's log")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let left = runtime.block_on(console(options, store, hidden));
    // A thread that waits for a hung mount must not keep the console from leaving.
    runtime.shutdown_background();
    let mut out = io::stdout();
    for line in left? {
        writeln!(out, "{}", visible::line(&line))?;
    }
    Ok(())
}

async fn console(
    options: ConsoleOptions,
    store: Store,
    hidden: logging::Hidden,
) -> anyhow::Result<Vec<String>> {
    let clock = Clock::start();
    let draft = catalog::read(&options.source)?;
    let outline = Arc::new(draft.outline(&process_environment())?);
    let mut banners = Vec::new();
    banners.extend(store.closed().map(|message| Banner { about: "state", message }));
    let view = ThemedView::new(options.theme.as_deref(), &mut banners);
    let keymap = keymap(&mut banners);
    let (columns, rows) = crossterm::terminal::size().context("cannot ask the terminal for its size")?;
    let model = Model::new(Setup {
        catalog: Arc::clone(&outline),
        keymap: Arc::new(keymap),
        host: identity::own().host,
        clock: clock.read(),
        size: Size { columns, rows },
        theme: view.theme.name.clone(),
        themes: view.names(),
        mode: if options.observe { Mode::WatchingForGood } else { Mode::Acting },
        screen: Screen::Status,
        banners,
    });
    let (tell, inbox) = unbounded_channel();
    let spawner = Spawner::of_this_program(&store).context("cannot find this program")?;
    let effects = Effects::new(store, spawner, outline, draft, (tell, hidden));
    let ends = signals::ends().context("cannot listen to signals")?;
    let guard = Guard::take().context("cannot take the terminal")?;
    let backend = CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, io::stdout()));
    let terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>> = Terminal::new(backend)?;
    let mut event_loop =
        EventLoop::new(terminal, model, view, effects, TerminalKeys { guard }, (inbox, clock));
    let farewell = event_loop.run(Msg::ConsoleStarted { run: options.run }, ends).await;
    drop(event_loop);
    Ok(farewell?)
}

/// Returns the keys: the user's own file over the table. A bad file is told on a banner and changes nothing.
fn keymap(banners: &mut Vec<Banner>) -> Keymap {
    let Some(path) = config_folder().map(|folder| folder.join("keys.toml")) else { return Keymap::default() };
    let Some(text) = read_if_there(&path) else { return Keymap::default() };
    Keymap::with_file(&text).unwrap_or_else(|problem| {
        let message = format!("{}: {problem}; the default keys count", path.display());
        banners.push(Banner { about: "keys", message });
        Keymap::default()
    })
}

fn config_folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "stagegate").map(|folders| folders.config_dir().to_owned())
}

fn read_if_there(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The screens in a theme.
struct ThemedView {
    theme: Theme,
    colourless: bool,
}

impl ThemedView {
    fn new(asked: Option<&str>, banners: &mut Vec<Banner>) -> Self {
        let colourless = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let background = std::env::var("COLORFGBG").ok();
        let asked = asked.unwrap_or_else(|| Theme::for_background(background.as_deref()));
        let (theme, problem) = Theme::choose(Some(asked), colourless, &user_theme);
        banners.extend(problem.map(|message| Banner { about: "theme", message }));
        Self { theme, colourless }
    }

    fn names(&self) -> Vec<ThemeName> {
        if self.colourless {
            return vec![self.theme.name.clone()];
        }
        let mut names: Vec<ThemeName> =
            ui::theme::SHIPPED.iter().map(|(name, _)| (*name).to_owned()).collect();
        if !names.contains(&self.theme.name) {
            names.push(self.theme.name.clone());
        }
        names
    }
}

fn user_theme(name: &str) -> Option<String> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    plain
        .then(config_folder)
        .flatten()
        .and_then(|folder| read_if_there(&folder.join("themes").join(format!("{name}.toml"))))
}

impl View for ThemedView {
    fn measure(&self, model: &Model) -> Measures {
        ui::measure(model)
    }

    fn draw(&self, frame: &mut Frame<'_>, model: &Model) {
        ui::draw(frame, model, &self.theme);
    }

    fn take_theme(&mut self, theme: &ThemeName) -> Result<(), String> {
        self.theme = Theme::load(theme, &user_theme).map_err(|error| error.to_string())?;
        Ok(())
    }
}

/// The keys of the real terminal.
#[derive(Debug)]
struct TerminalKeys {
    guard: Guard,
}

impl Keys for TerminalKeys {
    type Stream = Pin<Box<dyn Stream<Item = io::Result<Input>>>>;

    fn listen(&mut self) -> Self::Stream {
        let events = EventStream::new();
        Box::pin(events.filter_map(|event| async move { event.map(translate).transpose() }))
    }

    fn sleep(&mut self) -> io::Result<()> {
        self.guard.sleep()
    }
}
