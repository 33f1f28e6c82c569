//! The TOML form of a theme, and `inherits`.
//!
//! A theme inherits palette entries and roles one by one; a role is replaced whole, so that nobody has to know
//! which attributes its parent gave it. Roles are resolved after the palettes are merged: changing one palette entry changes every
//! role that names it (as helix does it). Reading the files is not done here: the caller hands in their text.

use super::{LOG_COLOURS, Role, SHIPPED, Theme, build};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Why a theme cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// There is none of that name.
    #[error("there is no theme `{name}`; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// It is no TOML, or has a key that means nothing.
    #[error("theme `{name}`, line {line}: {message}")]
    Syntax {
        /// The theme.
        name: String,
        /// The line, counted from 1.
        line: usize,
        /// What the reader says.
        message: String,
    },
    /// It inherits from itself.
    #[error("theme `{name}` inherits from itself: {chain}")]
    Cycle {
        /// The theme.
        name: String,
        /// The way round: `a → b → a`.
        chain: String,
    },
    /// A name that is no role and no log colour.
    #[error("theme `{name}`: `{entry}` is unknown; did you mean `{nearest}`?")]
    UnknownEntry {
        /// The theme.
        name: String,
        /// The entry, with its table: `roles.bordr`.
        entry: String,
        /// The nearest right one.
        nearest: String,
    },
    /// A colour that is none.
    #[error(
        "theme `{name}`: `{value}` of `{entry}` is no colour; write a palette entry, a name as `red`, a number from 0 to 255 or `#rrggbb`"
    )]
    BadColour {
        /// The theme.
        name: String,
        /// The entry, with its table.
        entry: String,
        /// What stands there.
        value: String,
    },
}

/// How a role looks, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "five independent switches of a terminal, as a theme writes them"
)]
pub(super) struct StyleSpec {
    pub(super) fg: Option<String>,
    pub(super) bg: Option<String>,
    pub(super) bold: bool,
    pub(super) dim: bool,
    pub(super) italic: bool,
    pub(super) underlined: bool,
    pub(super) reversed: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ThemeFile {
    about: String,
    inherits: Option<String>,
    colourless: bool,
    palette: BTreeMap<String, String>,
    roles: BTreeMap<String, StyleSpec>,
    log: BTreeMap<String, String>,
}

/// A theme with everything that it inherits.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) colourless: bool,
    pub(super) palette: BTreeMap<String, String>,
    pub(super) roles: BTreeMap<String, StyleSpec>,
    pub(super) log: BTreeMap<String, String>,
}

impl Merged {
    pub(super) fn bad_colour(&self, entry: &str, value: &str) -> ThemeError {
        ThemeError::BadColour { name: self.name.clone(), entry: entry.to_owned(), value: value.to_owned() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    User,
    Shipped,
}

pub(super) fn load(name: &str, user: &dyn Fn(&str) -> Option<String>) -> Result<Theme, ThemeError> {
    // A user's `dark` may build on the shipped `dark`: the second time round, a name means the shipped theme.
    let mut chain: Vec<(String, Origin)> = Vec::new();
    let mut files: Vec<ThemeFile> = Vec::new();
    let mut next = Some(name.to_owned());
    while let Some(current) = next.take() {
        let seen = chain.iter().filter(|(name, _)| *name == current).count();
        let own = if seen == 0 { user(&current) } else { None };
        let origin = if own.is_some() { Origin::User } else { Origin::Shipped };
        let text = own.or_else(|| shipped_text(&current));
        let was_users = chain.contains(&(current.clone(), Origin::User));
        if seen > usize::from(was_users && text.is_some()) {
            let names: Vec<String> = chain.into_iter().map(|(name, _)| name).chain([current]).collect();
            return Err(ThemeError::Cycle { name: name.to_owned(), chain: names.join(" → ") });
        }
        let file = parse(&current, &text.ok_or_else(|| unknown(&current))?)?;
        next.clone_from(&file.inherits);
        chain.push((current, origin));
        files.push(file);
    }
    build(&merge(name, files))
}

fn shipped_text(name: &str) -> Option<String> {
    SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned())
}

fn unknown(name: &str) -> ThemeError {
    let known: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
    ThemeError::Unknown { name: name.to_owned(), known: known.join(", ") }
}

fn parse(name: &str, text: &str) -> Result<ThemeFile, ThemeError> {
    let file: ThemeFile = toml::from_str(text).map_err(|error| ThemeError::Syntax {
        name: name.to_owned(),
        line: error.span().map_or(1, |span| 1 + text.get(..span.start).unwrap_or("").matches('\n').count()),
        message: error.message().to_owned(),
    })?;
    let roles: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
    check_names(name, "roles", file.roles.keys(), &roles)?;
    check_names(name, "log", file.log.keys(), &LOG_COLOURS)?;
    Ok(file)
}

fn check_names<'a>(
    theme: &str,
    table: &str,
    mut written: impl Iterator<Item = &'a String>,
    known: &[&str],
) -> Result<(), ThemeError> {
    let Some(wrong) = written.find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    let nearest =
        known.iter().min_by_key(|known| strsim::levenshtein(known, wrong)).copied().unwrap_or("text");
    Err(ThemeError::UnknownEntry {
        name: theme.to_owned(),
        entry: format!("{table}.{wrong}"),
        nearest: nearest.to_owned(),
    })
}

/// Merges a theme with what it inherits; `files` begins with the theme itself.
fn merge(name: &str, files: Vec<ThemeFile>) -> Merged {
    let mut merged = Merged { name: name.to_owned(), ..Merged::default() };
    for file in files.into_iter().rev() {
        merged.about = file.about;
        merged.colourless |= file.colourless;
        merged.palette.extend(file.palette);
        merged.roles.extend(file.roles);
        merged.log.extend(file.log);
    }
    merged
}
