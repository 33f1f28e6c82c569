//! Commands that print what is built in: the catalog, keys, themes, completions.

use super::args::Arguments;
use super::context;
use super::exit::{Exit, Failure};
use crate::ui::theme::{self, Role, Theme};
use clap::CommandFactory;
use std::fmt::Write as _;

/// Prints the built-in catalog.
pub(super) fn config() -> Result<Exit, Failure> {
    context::own(crate::catalog::default_text())?;
    Ok(Exit::Done)
}

/// Prints every key and what it does.
pub(super) fn keys() -> Result<Exit, Failure> {
    context::own(&crate::keys::table_text(&crate::keys::Keymap::default()))?;
    Ok(Exit::Done)
}

/// Lists the themes, and the roles that they colour.
pub(super) fn themes() -> Result<Exit, Failure> {
    let mut out = String::new();
    for (name, _) in theme::SHIPPED {
        let about = Theme::shipped(name).map(|theme| theme.about).unwrap_or_default();
        let usual = if name == theme::DEFAULT { " (used where none is named)" } else { "" };
        let _ = writeln!(out, "{name:<16} {about}{usual}");
    }
    out.push_str("\nThe roles that a theme file gives colours to:\n");
    for roles in Role::ALL.chunks(4) {
        let line: Vec<String> = roles.iter().map(|role| format!("{:<18}", role.name())).collect();
        let _ = writeln!(out, "  {}", line.join("").trim_end());
    }
    context::own(&out)?;
    Ok(Exit::Done)
}

/// Prints a completion script.
pub(super) fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "stagegate", &mut script);
    context::own(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
