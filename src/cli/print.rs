//! Commands that print what is built in: the catalog, keys, themes, completions.

use super::args::Arguments;
use super::context;
use super::exit::{Exit, Failure};
use crate::ui::theme::{Role, SHIPPED};
use clap::CommandFactory;

/// Prints the built-in catalog.
pub(super) fn config() -> Result<Exit, Failure> {
    context::out(crate::catalog::default_text())?;
    Ok(Exit::Done)
}

/// Prints every key and what it does.
pub(super) fn keys() -> Result<Exit, Failure> {
    context::out(&crate::keys::table_text(&crate::keys::Keymap::default()))?;
    Ok(Exit::Done)
}

/// Lists the themes.
pub(super) fn themes() -> Result<Exit, Failure> {
    let names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
    let roles: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
    let (names, roles) = (names.join("\n  "), roles.join("\n  "));
    context::out(&format!(
        "Themes that are built in (stagegate --theme NAME):\n  {names}\n\nRoles that a theme gives a style:\n  {roles}\n"
    ))?;
    Ok(Exit::Done)
}

/// Prints a completion script.
pub(super) fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "stagegate", &mut script);
    context::out(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
