//! The catalog's TOML as it was read: typed, with the place of whatever may still turn out wrong.
//!
//! Reading checks one value at a time; [`super::validate`] checks them against each other and
//! [`super::resolve`] makes the domain's types of them.

mod content;
mod places;
mod procedure;

use super::reader::{At, Read, Sink, Table, Value};
use crate::domain::catalog::{Checkout, FileLists, Mount};
use crate::domain::finding::SeverityRule;
use crate::domain::redact::Secrets;
use std::path::PathBuf;

pub(super) use content::{RawNeed, RawRelease, RawRepo, RawToolkit, Scripts};
pub(super) use places::RawEnvironment;
pub(super) use procedure::{RawFlow, RawGate, RawStep};

/// A section of named tables: what could be read, and the names of all.
#[derive(Debug)]
pub(super) struct Section<T> {
    /// The entries that could be read, in the order of the file.
    pub(super) entries: Vec<T>,
    /// The names of all entries, so that a broken one is not also called unknown.
    pub(super) names: Vec<String>,
}

impl<T> Default for Section<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), names: Vec::new() }
    }
}

impl<T> Section<T> {
    /// Reads every entry of `table` with `read`, whose first argument is the entry's name.
    fn read(table: Option<&Table<'_>>, read: impl Fn(&At<String>, Value<'_>) -> Option<T>) -> Self {
        let mut section = Self::default();
        for (name, value) in table.into_iter().flat_map(Table::entries) {
            section.names.push(name.value.clone());
            section.entries.extend(read(&name, value));
        }
        section
    }

    /// Returns whether there is an entry of that name, read or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// Returns all names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.names.iter().map(String::as_str)
    }
}

/// A whole catalog as it was read.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) name: Option<At<String>>,
    pub(super) mounts: Section<Mount>,
    pub(super) checkouts: Section<Checkout>,
    pub(super) environment: Option<RawEnvironment>,
    pub(super) secrets: Secrets,
    pub(super) toolkits: Section<RawToolkit>,
    pub(super) repos: Section<RawRepo>,
    pub(super) releases: Section<RawRelease>,
    pub(super) steps: Section<RawStep>,
    pub(super) flows: Section<RawFlow>,
    pub(super) gate: Option<RawGate>,
    pub(super) severities: Vec<SeverityRule>,
    pub(super) lists: Option<FileLists>,
    pub(super) torrents: Option<PathBuf>,
}

/// Reads the sections of the document `root`.
pub(super) fn read(root: &Table<'_>, sink: &Sink) -> Raw {
    Raw {
        name: root.required_with("name", super::text::not_blank),
        mounts: Section::read(section(root, "mounts", sink).as_ref(), |name, value| {
            places::mount(name, value, sink)
        }),
        checkouts: Section::read(root.table("checkouts").as_ref(), |name, value| {
            places::checkout(name, value, sink)
        }),
        environment: section(root, "environment", sink).map(|table| places::environment(table, sink)),
        secrets: root.table("secrets").map_or_else(Secrets::default, |table| {
            let secrets = places::secrets(&table, sink);
            table.finish();
            secrets
        }),
        toolkits: Section::read(section(root, "toolkits", sink).as_ref(), |name, value| {
            content::toolkit(name, value, sink)
        }),
        repos: Section::read(section(root, "repos", sink).as_ref(), |name, value| {
            content::repo(name, value, sink)
        }),
        releases: Section::read(section(root, "releases", sink).as_ref(), |name, value| {
            content::release(name, value, sink)
        }),
        steps: Section::read(section(root, "steps", sink).as_ref(), |name, value| {
            procedure::step(name, value, sink)
        }),
        flows: Section::read(section(root, "flows", sink).as_ref(), |name, value| {
            procedure::flow(name, value, sink)
        }),
        gate: section(root, "gate", sink).and_then(|table| procedure::gate(table, sink)),
        severities: procedure::severities(root),
        lists: root.table("lists").and_then(|table| places::lists(table, sink)),
        torrents: root.table("torrents").and_then(places::torrents),
    }
}

/// Opens a section that must be there and, if it lists things, must not be empty.
fn section<'t>(root: &Table<'t>, key: &'static str, sink: &Sink) -> Option<Table<'t>> {
    let present = root.required_with(key, |value, _| Some(value))?;
    let table = Table::open(format!("[{key}]"), present.value, root.sink())?;
    if table.entries().is_empty() {
        sink.note(table.span(), format!("[{key}] is empty"), None);
    }
    Some(table)
}

/// Reads a table of texts, keyed by names of the reader's own.
fn texts(value: Value<'_>, sink: &Sink) -> Option<Vec<(At<String>, At<String>)>> {
    let table = Table::open("the table", value, sink)?;
    let read = |(key, value): (At<String>, Value<'_>)| {
        Some((key, At { value: String::read(value, sink)?, span: value.span() }))
    };
    Some(table.entries().into_iter().filter_map(read).collect())
}

/// Makes a checked name of a table's key, or notes what is wrong with it.
fn named<T>(name: &At<String>, sink: &Sink) -> Option<T>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    name.parse().map_err(|error: T::Err| sink.note(&name.span, error.to_string(), None)).ok()
}
