//! Themes: what every role of the screens looks like, read from TOML (`themes/*.toml`, or a user's own).
//!
//! This is the only file of `ui` that may name a colour (`tests/ui_rules.rs` holds it): screens ask for a [`Role`]
//! and never know whether the terminal is dark or light. The shipped themes leave the background to the terminal,
//! because a program that paints its own is unreadable for half of its users sooner or later. A theme that cannot
//! be used never stops the console: [`Theme::choose`] falls back to the default and returns the reason as text.

mod file;

pub use file::ThemeError;

use crate::domain::log_line::{Ink, InkColour};
use ratatui::style::{Color, Modifier, Style};
use std::collections::BTreeMap;
use std::str::FromStr;

/// The name of the theme that is used where nobody chose one.
pub const DEFAULT: &str = "dark";
/// The name of the theme that uses no colour at all; `NO_COLOR` selects it.
pub const MONO: &str = "mono";

/// The themes that are part of the program, by name.
pub const SHIPPED: [(&str, &str); 4] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    (MONO, include_str!("../../themes/mono.toml")),
];

macro_rules! roles {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a piece of the screen is for; a theme says how it looks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role {
            $($(#[$doc])* $variant,)*
        }

        impl Role {
            /// All roles, in the order of the theme files.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns its name in theme files.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

roles! {
    /// Plain text.
    Text = "text",
    /// Text that stands out: names, ids in a heading.
    Strong = "strong",
    /// Text of second rank: units, paths, explanations.
    Muted = "muted",
    /// Text of last rank: what is not ticked, disabled keys, rests of bars.
    Faint = "faint",
    /// The title of a panel.
    Title = "title",
    /// A key that can be pressed.
    Key = "key",
    /// What a key does.
    KeyLabel = "key_label",
    /// Lines between panels.
    Border = "border",
    /// The same around what has the focus.
    BorderFocus = "border_focus",
    /// The selected row or cell.
    Selection = "selection",
    /// The selected row of a panel without the focus.
    SelectionQuiet = "selection_quiet",
    /// The first line of the screen.
    Header = "header",
    /// A screen's name in the second line.
    Tab = "tab",
    /// The name of the screen that is shown.
    TabActive = "tab_active",
    /// Good, done, current.
    Ok = "ok",
    /// Worth knowing.
    Info = "info",
    /// To be read before going on.
    Warn = "warn",
    /// Wrong.
    Error = "error",
    /// At work now.
    Running = "running",
    /// Not yet.
    Pending = "pending",
    /// Exit code 0, but it did not do its work.
    Suspect = "suspect",
    /// Waits for a person.
    Waiting = "waiting",
    /// Left out.
    Skipped = "skipped",
    /// The position compose, and what is ticked.
    Compose = "compose",
    /// The position staging.
    Staging = "staging",
    /// The position production, as text.
    Production = "production",
    /// The same as a block that nobody can overlook.
    ProductionBlock = "production_block",
    /// This console has the helm.
    Helm = "helm",
    /// This console observes.
    Observing = "observing",
    /// A notice over all screens.
    Banner = "banner",
    /// A step waits for input.
    Prompt = "prompt",
    /// A text field.
    Input = "input",
    /// A text field whose content is what is asked for.
    InputMatch = "input_match",
    /// The done part of a progress bar.
    Progress = "progress",
    /// The rest of it.
    ProgressRest = "progress_rest",
    /// What production gains.
    Added = "added",
    /// What production loses.
    Removed = "removed",
}

/// How everything looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// Its name.
    pub name: String,
    /// What it says about itself, in one line.
    pub about: String,
    styles: BTreeMap<Role, Style>,
    log: [Color; 16],
    colourless: bool,
}

impl Theme {
    /// Returns how `role` looks.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(&role).copied().unwrap_or_default()
    }

    /// Returns how a piece of a log looks that its writer wanted in `ink`.
    ///
    /// The first sixteen colours go through the theme, so that a script's yellow can be read on white.
    pub fn ink(&self, ink: &Ink) -> Style {
        let mut style = Style::new();
        if !self.colourless {
            style.fg = ink.fg.map(|colour| self.log_colour(colour));
            style.bg = ink.bg.map(|colour| self.log_colour(colour));
        }
        for (wanted, modifier) in [
            (ink.bold, Modifier::BOLD),
            (ink.dim, Modifier::DIM),
            (ink.italic, Modifier::ITALIC),
            (ink.underline, Modifier::UNDERLINED),
            (ink.reverse || (self.colourless && ink.bg.is_some()), Modifier::REVERSED),
            (ink.strike, Modifier::CROSSED_OUT),
        ] {
            if wanted {
                style = style.add_modifier(modifier);
            }
        }
        style
    }

    fn log_colour(&self, colour: InkColour) -> Color {
        match colour {
            InkColour::Indexed(index) => {
                self.log.get(usize::from(index)).copied().unwrap_or(Color::Indexed(index))
            }
            InkColour::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
        }
    }

    /// Returns the shipped theme called `name`; the shipped ones are known to be good.
    pub fn shipped(name: &str) -> Option<Self> {
        Self::load(name, &|_| None).ok()
    }

    /// Loads the theme called `name`; `user` returns the text of a user's own theme file, which goes before a shipped one.
    pub fn load(name: &str, user: &dyn Fn(&str) -> Option<String>) -> Result<Self, ThemeError> {
        file::load(name, user)
    }

    /// Returns the theme to use, and why it is not the one that was asked for, if it is not.
    ///
    /// `no_color` says that `NO_COLOR` is set to something: then there is no colour, whatever was asked for.
    pub fn choose(
        asked: Option<&str>,
        no_color: bool,
        user: &dyn Fn(&str) -> Option<String>,
    ) -> (Self, Option<String>) {
        if no_color {
            return (Self::shipped(MONO).unwrap_or_default(), None);
        }
        match Self::load(asked.unwrap_or(DEFAULT), user) {
            Ok(theme) => (theme, None),
            Err(error) => (
                Self::shipped(DEFAULT).unwrap_or_default(),
                Some(format!("{error}; showing theme {DEFAULT}")),
            ),
        }
    }

    /// Returns the default theme's name for a terminal whose `COLORFGBG` is this (`15;0` is white on black).
    pub fn for_background(colorfgbg: Option<&str>) -> &'static str {
        match colorfgbg.and_then(|text| text.rsplit(';').next()) {
            Some("7" | "15") => "light",
            _ => DEFAULT,
        }
    }
}

impl Default for Theme {
    /// Returns the theme without any style, which every terminal can show.
    fn default() -> Self {
        Self {
            name: "plain".to_owned(),
            about: String::new(),
            styles: BTreeMap::new(),
            log: [Color::Reset; 16],
            colourless: true,
        }
    }
}

/// The sixteen colours of a log, as theme files name them, in the order of the palette.
const LOG_COLOURS: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright-black",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];

/// Reads a colour: `terminal`, one of the sixteen names, a number from 0 to 255, or `#rrggbb`.
fn colour(text: &str) -> Option<Color> {
    if text == "terminal" { Some(Color::Reset) } else { Color::from_str(text).ok() }
}

fn style_of(spec: &file::StyleSpec, find: impl Fn(&str) -> Option<Color>) -> Result<Style, String> {
    let mut style = Style::new();
    if let Some(name) = &spec.fg {
        style = style.fg(find(name).ok_or_else(|| name.clone())?);
    }
    if let Some(name) = &spec.bg {
        style = style.bg(find(name).ok_or_else(|| name.clone())?);
    }
    for (wanted, modifier) in [
        (spec.bold, Modifier::BOLD),
        (spec.dim, Modifier::DIM),
        (spec.italic, Modifier::ITALIC),
        (spec.underlined, Modifier::UNDERLINED),
        (spec.reversed, Modifier::REVERSED),
    ] {
        if wanted {
            style = style.add_modifier(modifier);
        }
    }
    Ok(style)
}

fn build(parts: &file::Merged) -> Result<Theme, ThemeError> {
    let find = |name: &str| parts.palette.get(name).map(String::as_str).or(Some(name)).and_then(colour);
    for (name, value) in &parts.palette {
        if colour(value).is_none() {
            return Err(parts.bad_colour(&format!("palette.{name}"), value));
        }
    }
    let mut styles = BTreeMap::new();
    for role in Role::ALL {
        if let Some(spec) = parts.roles.get(role.name()) {
            let style = style_of(spec, find)
                .map_err(|value| parts.bad_colour(&format!("roles.{}", role.name()), &value))?;
            styles.insert(*role, style);
        }
    }
    let mut log = [Color::Reset; 16];
    for (index, (slot, name)) in log.iter_mut().zip(LOG_COLOURS).enumerate() {
        *slot = match parts.log.get(name) {
            Some(value) => find(value).ok_or_else(|| parts.bad_colour(&format!("log.{name}"), value))?,
            None => Color::Indexed(index as u8),
        };
    }
    Ok(Theme {
        name: parts.name.clone(),
        about: parts.about.clone(),
        styles,
        log,
        colourless: parts.colourless,
    })
}

#[cfg(test)]
mod tests;
