//! Everything the console knows and shows.
//!
//! One struct a screen, the overlays a stack, everything plain data. Only `update` changes it; the one
//! exception is the text of log panes, which the runtime reads from the files just before a frame
//! (the fields of [`LogView`] that say so), because log bytes are no messages.

pub mod gate;
pub mod overlay;
pub mod pane;
pub mod plan;
pub mod progress;
pub mod run;
pub mod status;
pub mod ticks;

pub use gate::{EvidenceState, GateFocus, GateModel, GateTab};
pub use overlay::{Confirm, Overlay, TextPurpose};
pub use pane::{
    LogQuery, LogView, Match, MatchTally, SearchFrom, SearchState, Stride, Towards, ignores_case,
};
pub use plan::{PlanFocus, PlanModel};
pub use progress::Progress;
pub use run::{Helm, HistoryModel, PastStep, RunFocus, RunLayout, RunModel, RunSummary};
pub use status::{Part, StatusModel};
pub use ticks::{FlowShape, Ticks, TicksModel};

use crate::domain::catalog::Catalog;
use crate::domain::name::{RunId, StepId};
use crate::domain::redact::Redactor;
use crate::domain::status::ReleaseStatus;
use crate::domain::visible;
use crate::keys::{Keymap, Layer};
use jiff::Timestamp;
use std::sync::Arc;

/// The name of a theme: `dark`.
pub type ThemeName = String;

/// What the clocks showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// The wall clock, for what is shown.
    pub wall: Timestamp,
    /// Milliseconds since the console started, never going back: for what is guarded.
    pub uptime_ms: u64,
}

/// The terminal's size in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size {
    /// Columns.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
}

/// The room that the next frame has, as `ui::measure` works it out before it is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Measures {
    /// Rows of the list that page keys move in: steps, findings, runs, help, log lines.
    pub page: usize,
    /// Rows and columns of the text of each visible log pane.
    pub panes: Vec<(StepId, usize, usize)>,
}

/// A screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Screen {
    /// Where every repo stands.
    Status,
    /// The exact steps of what is ticked.
    Plan,
    /// The open run.
    Run,
    /// A gate of the open run.
    Gate,
    /// Past runs.
    History,
    /// The console's own log.
    Log,
}

impl Screen {
    /// Every screen, in the order of their keys.
    pub const ALL: [Self; 6] = [Self::Status, Self::Plan, Self::Run, Self::Gate, Self::History, Self::Log];

    /// Returns its name as the screens show it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Status => "Status",
            Self::Plan => "Plan",
            Self::Run => "Run",
            Self::Gate => "Gate",
            Self::History => "History",
            Self::Log => "Log",
        }
    }
}

/// Whether this console may act at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It may.
    Acting,
    /// It only watches, because the engineer chose so; the same key ends it.
    Watching,
    /// It was started with `--observe` and can never act.
    WatchingForGood,
}

impl Mode {
    /// Returns whether it only watches.
    pub const fn observes(self) -> bool {
        !matches!(self, Self::Acting)
    }
}

/// Something wrong that stays on the screen until it is dismissed or mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banner {
    /// What it is about, in a word that never changes.
    pub about: &'static str,
    /// What happened, and what to do next.
    pub message: String,
}

/// A short remark that goes away by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// The remark.
    pub message: String,
    /// Until when it is shown, in milliseconds of uptime.
    pub until_ms: u64,
}

/// How long a toast stays, in milliseconds.
pub const TOAST_MS: u64 = 5_000;

/// How often a screen on which something moves is drawn anew, in milliseconds.
pub const MOVING_MS: u64 = 250;
/// How often the runs are listed anew while Status is shown, in milliseconds, though the runtime tells when
/// one moves; an idle console sleeps until then.
pub const RUNS_EVERY_MS: u64 = 60_000;
/// How old what is shown may be before everything is looked at anew with that, in seconds.
pub const STATUS_EVERY_S: i64 = 50;

/// The console's own log, which tui-logger keeps; only the place in it is ours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsoleLogModel {
    /// Lines back from the end; 0 follows.
    pub back: usize,
}

/// Everything the console knows and shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The catalog.
    pub catalog: Arc<Catalog>,
    /// What must not be shown of it and of whatever is told.
    pub redactor: Redactor,
    /// The keys.
    pub keymap: Arc<Keymap>,
    /// The name of this host, as the header shows it.
    pub host: String,
    /// The clocks, as last read.
    pub clock: Moment,
    /// The terminal's size.
    pub size: Size,
    /// The room of the next frame.
    pub measures: Measures,
    /// The theme that is shown.
    pub theme: ThemeName,
    /// Every theme there is.
    pub themes: Vec<ThemeName>,
    /// Whether it may act.
    pub mode: Mode,
    /// The screen.
    pub screen: Screen,
    /// What lies over it, the last on top.
    pub overlays: Vec<Overlay>,
    /// Where everything stands.
    pub status: StatusModel,
    /// What is ticked.
    pub ticks: TicksModel,
    /// What that comes to.
    pub plan: PlanModel,
    /// Past runs.
    pub history: HistoryModel,
    /// The open run.
    pub run: Option<RunModel>,
    /// The run that is being opened.
    pub opening: Option<RunId>,
    /// The gate that was last looked at in it.
    pub gate: Option<GateModel>,
    /// The console's own log.
    pub log: ConsoleLogModel,
    /// What is wrong.
    pub banners: Vec<Banner>,
    /// What was remarked.
    pub toasts: Vec<Toast>,
}

/// What a console starts with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The catalog.
    pub catalog: Arc<Catalog>,
    /// The keys.
    pub keymap: Arc<Keymap>,
    /// The name of this host.
    pub host: String,
    /// The clocks.
    pub clock: Moment,
    /// The terminal's size.
    pub size: Size,
    /// The theme.
    pub theme: ThemeName,
    /// Every theme there is.
    pub themes: Vec<ThemeName>,
    /// Whether it may act.
    pub mode: Mode,
    /// The screen to begin with.
    pub screen: Screen,
    /// What went wrong before there was a screen: a bad theme, a bad key file.
    pub banners: Vec<Banner>,
}

/// Makes what takes the secrets of a catalog out of what is shown.
pub fn redactor_of(catalog: &Catalog) -> Redactor {
    let steps = catalog.templates.values().map(|template| &template.env);
    Redactor::new(&catalog.secrets, std::iter::once(&catalog.environment).chain(steps))
}

impl Model {
    /// Makes the model of a console that has just started: everything named, nothing read yet.
    pub fn new(setup: Setup) -> Self {
        let status = StatusModel::new(&setup.catalog);
        let ticks = TicksModel::new(&setup.catalog);
        let redactor = redactor_of(&setup.catalog);
        let shown = |banner: Banner| Banner { message: redactor.sentence(&banner.message), ..banner };
        Self {
            banners: setup.banners.into_iter().map(shown).collect(),
            redactor,
            catalog: setup.catalog,
            keymap: setup.keymap,
            host: visible::line(&setup.host).into_owned(),
            clock: setup.clock,
            size: setup.size,
            measures: Measures::default(),
            theme: setup.theme,
            themes: setup.themes,
            mode: setup.mode,
            screen: setup.screen,
            overlays: Vec::new(),
            status,
            ticks,
            plan: PlanModel::default(),
            history: HistoryModel::default(),
            run: None,
            opening: None,
            gate: None,
            log: ConsoleLogModel::default(),
            toasts: Vec::new(),
        }
    }

    /// Returns what lies on top, if anything does.
    pub fn overlay(&self) -> Option<&Overlay> {
        self.overlays.last()
    }

    /// Returns whether a text field has the focus: every key that types goes into it.
    pub fn types(&self) -> bool {
        self.layers().contains(&Layer::Text)
    }

    /// Returns the layers whose keys count now, the first first; where a text field has the focus, the
    /// field comes before any key that types or edits.
    pub fn layers(&self) -> &'static [Layer] {
        match self.overlay() {
            Some(Overlay::Help { .. }) => return &[Layer::Help, Layer::Global],
            Some(Overlay::Confirm(_)) => return &[Layer::Confirm, Layer::Global],
            Some(Overlay::Themes { .. }) => return &[Layer::List, Layer::Global],
            Some(Overlay::Palette { .. } | Overlay::Text { .. }) => return &[Layer::Text, Layer::Global],
            None => {}
        }
        match self.screen {
            Screen::Status => &[Layer::Status, Layer::Global],
            Screen::Plan => &[Layer::Plan, Layer::Global],
            Screen::Run if self.run.as_ref().is_some_and(RunModel::reads_log) => {
                &[Layer::Pane, Layer::Global]
            }
            Screen::Run => &[Layer::Run, Layer::Global],
            Screen::Gate if self.gate.as_ref().is_some_and(|gate| gate.focus == GateFocus::Phrase) => {
                &[Layer::Text, Layer::Global]
            }
            Screen::Gate => &[Layer::Gate, Layer::Global],
            Screen::History => &[Layer::History, Layer::Global],
            Screen::Log => &[Layer::Log, Layer::Global],
        }
    }

    /// Returns the status of every release that has answered.
    pub fn releases_read(&self) -> Vec<ReleaseStatus> {
        self.status.releases.iter().filter_map(|part| part.value.as_deref().cloned()).collect()
    }

    /// Remarks something that goes away by itself.
    pub fn toast(&mut self, message: impl Into<String>) {
        let message = message.into();
        self.toasts.retain(|toast| toast.message != message);
        self.toasts.push(Toast { message, until_ms: self.clock.uptime_ms + TOAST_MS });
    }

    /// Says what is wrong until it is dismissed; it takes the place of what was said about the same.
    pub fn banner(&mut self, about: &'static str, message: impl Into<String>) {
        self.banners.retain(|banner| banner.about != about);
        self.banners.push(Banner { about, message: message.into() });
    }

    /// Returns whether something on the screen changes with the clock alone.
    pub fn is_moving(&self) -> bool {
        let running = self.run.as_ref().is_some_and(RunModel::is_moving);
        let guarded = self.screen == Screen::Gate
            && self.gate.as_ref().is_some_and(|gate| gate.is_guarded(self.clock.uptime_ms));
        self.status.is_asking() || running || guarded || !self.toasts.is_empty()
    }

    /// Returns after how many milliseconds the clock should be read again, whatever happens until then;
    /// none where nothing depends on it. An idle console sleeps (design 11).
    pub fn wake_after_ms(&self) -> Option<u64> {
        if self.is_moving() {
            return Some(MOVING_MS);
        }
        (self.screen == Screen::Status).then_some(RUNS_EVERY_MS)
    }
}
