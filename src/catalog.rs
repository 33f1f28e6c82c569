//! The catalog: TOML, the toolkit's vars files, and how both become [`domain::catalog::Catalog`].
//!
//! It reads, checks and resolves; it never writes, and it runs nothing but a clean bash over the vars files and
//! git over the checkouts. All errors of a file are shown at once, and a catalog with an error runs nothing.
//!
//! The way of a value: `reader` (typed, with its place) → `schema` (one section each) → `validate` (sections
//! against each other) → `vars` (what the toolkit says) → `resolve` (the domain's types).
//!
//! [`domain::catalog::Catalog`]: crate::domain::catalog::Catalog

mod bounded;
pub mod checkouts;
mod diagnostic;
mod reader;
mod resolve;
mod schema;
mod text;
pub mod units;
mod validate;
pub mod vars;

pub use diagnostic::{CatalogErrors, CatalogProblem};

use crate::domain::catalog::Catalog;
use crate::domain::redact::Secrets;
use reader::{Sink, Table};
use schema::Raw;
use std::collections::BTreeMap;
use std::path::PathBuf;
use toml::de::DeTable;

/// Where a catalog comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The one that is built into the program.
    BuiltIn,
    /// A file.
    File(PathBuf),
}

impl Source {
    /// Returns what it is called in messages and in [`Catalog::source`].
    pub fn name(&self) -> String {
        match self {
            Self::BuiltIn => "built in".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// A catalog that was read and checked, before the toolkit's vars files are asked.
///
/// Reading takes no program and no mount, so a screen can be drawn from it at once; [`Draft::resolve`] runs
/// bash and may take until its time limit.
#[derive(Debug)]
pub struct Draft {
    source: String,
    text: String,
    raw: Raw,
}

/// Returns the text of the built-in catalog, which documents the format.
pub fn default_text() -> &'static str {
    include_str!("../config/rocky.toml")
}

/// Reads and checks a catalog.
pub fn read(source: &Source) -> Result<Draft, CatalogErrors> {
    let name = source.name();
    let text = match source {
        Source::BuiltIn => default_text().to_owned(),
        Source::File(path) => std::fs::read_to_string(path).map_err(|error| {
            CatalogErrors::unreadable(&name, format!("the catalog could not be read: {error}"))
        })?,
    };
    parse(&name, text)
}

/// Reads and checks the catalog `text`, called `source` in messages.
pub fn parse(source: &str, text: String) -> Result<Draft, CatalogErrors> {
    let sink = Sink::default();
    let raw = {
        let (document, errors) = DeTable::parse_recoverable(&text);
        for error in &errors {
            sink.note(&error.span().unwrap_or(0..0), error.message(), None);
        }
        if errors.is_empty() {
            let root = Table::of("the catalog", document.get_ref(), 0..0, &sink);
            let raw = schema::read(&root, &sink);
            root.finish();
            validate::check(&raw, &sink);
            Some(raw)
        } else {
            None
        }
    };
    let problems = sink.into_problems();
    match raw {
        Some(raw) if problems.is_empty() => Ok(Draft { source: source.to_owned(), text, raw }),
        _ => Err(CatalogErrors::new(source, &text, problems)),
    }
}

impl Draft {
    /// Makes the catalog without asking the vars files, for a first frame: nothing of its releases can run.
    pub fn outline(&self, environment: &BTreeMap<String, String>) -> Result<Catalog, CatalogErrors> {
        resolve::outline(&self.source, &self.raw, environment)
            .map_err(|problems| CatalogErrors::new(&self.source, &self.text, problems))
    }

    /// Returns what is secret, which is needed wherever a run is shown.
    pub fn secrets(&self) -> Secrets {
        self.raw.secrets.clone()
    }

    /// Returns the text it was read from, for the record of a run.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Asks the toolkits' vars files and makes the catalog; `environment` is the one that steps inherit from.
    ///
    /// A release whose vars files cannot be used is in the catalog, with the reason. The error is for what is
    /// wrong with the catalog once they are known, such as two releases that go to the same place.
    pub fn resolve(&self, environment: &BTreeMap<String, String>) -> Result<Catalog, CatalogErrors> {
        resolve::catalog(&self.source, &self.raw, environment)
            .map_err(|problems| CatalogErrors::new(&self.source, &self.text, problems))
    }
}

/// Reads, checks and resolves a catalog.
pub fn load(source: &Source, environment: &BTreeMap<String, String>) -> Result<Catalog, CatalogErrors> {
    read(source)?.resolve(environment)
}

/// Returns the environment of this process, as far as it is UTF-8, for [`load`].
pub fn process_environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
