//! Layers: which keys count where. The layers of a moment are asked in order, the first that knows the key wins.

use std::fmt;

/// One table of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Everywhere, unless another layer says otherwise.
    Global,
    /// The Status screen.
    Status,
    /// The Plan screen.
    Plan,
    /// The Run screen, the list of steps.
    Run,
    /// A log pane that has the focus.
    Pane,
    /// The Gate screen, but for its phrase.
    Gate,
    /// The History screen.
    History,
    /// The console's own log.
    Log,
    /// The help overlay.
    Help,
    /// A question that one named key answers.
    Confirm,
    /// A list to choose from: palette, themes.
    List,
    /// A text field: every key that types goes into it.
    Text,
}

impl Layer {
    /// Every layer, in the order of tables and files.
    pub const ALL: [Self; 12] = [
        Self::Global,
        Self::Status,
        Self::Plan,
        Self::Run,
        Self::Pane,
        Self::Gate,
        Self::History,
        Self::Log,
        Self::Help,
        Self::Confirm,
        Self::List,
        Self::Text,
    ];

    /// Returns its name in `keys.toml`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Status => "status",
            Self::Plan => "plan",
            Self::Run => "run",
            Self::Pane => "pane",
            Self::Gate => "gate",
            Self::History => "history",
            Self::Log => "log",
            Self::Help => "help",
            Self::Confirm => "confirm",
            Self::List => "list",
            Self::Text => "text",
        }
    }

    /// Returns the layer of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.name() == name)
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
