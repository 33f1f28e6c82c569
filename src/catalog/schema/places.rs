//! Sections about places: mounts, checkouts, environment, secrets, lists, torrents.

use super::procedure::positive_duration;
use super::{named, texts};
use crate::catalog::diagnostic::advise;
use crate::catalog::reader::{At, Read, Sink, Table, Value, one_of};
use crate::catalog::text::{Variable, absolute, file_name, not_blank, note_variable};
use crate::catalog::units;
use crate::domain::catalog::{Checkout, FileLists, FileOwner, Mount};
use crate::domain::name::ResourceName;
use crate::domain::redact::{Secrets, Shape, check_pattern};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

/// How long a mount may be silent, unless the catalog says otherwise; a healthy one answers in milliseconds.
const MOUNT_DEADLINE_S: u64 = 20;

/// The environment of every step, before anything is inherited.
#[derive(Debug)]
pub(in crate::catalog) struct RawEnvironment {
    pub(in crate::catalog) set: BTreeMap<String, String>,
    pub(in crate::catalog) inherit: Vec<String>,
    pub(in crate::catalog) span: Range<usize>,
}

pub(super) fn mount(name: &At<String>, value: Value<'_>, sink: &Sink) -> Option<Mount> {
    let id: Option<ResourceName> = named(name, sink);
    let table = Table::open(format!("mount `{}`", name.value), value, sink)?;
    let path = table.required_with("path", absolute);
    let require = table.required_with("require", |value, sink| one_of(value, sink, "mount requirement"));
    let min_free = table.optional_with("min_free", |value, sink| quantity(value, sink, units::size));
    let deadline = table.optional_with("deadline", positive_duration);
    table.finish();
    let min_free = min_free.map_or(0, |size| size.value);
    let deadline_s = deadline.map_or(MOUNT_DEADLINE_S, |deadline| deadline.value);
    Some(Mount { name: id?.to_string(), path: path?.value, require: require?.value, min_free, deadline_s })
}

/// Reads a text with a unit.
pub(super) fn quantity(
    value: Value<'_>,
    sink: &Sink,
    read: fn(&str) -> Result<u64, units::UnitError>,
) -> Option<u64> {
    let text = String::read(value, sink)?;
    read(&text).map_err(|error| sink.note(&value.span(), error.to_string(), None)).ok()
}

pub(super) fn checkout(name: &At<String>, value: Value<'_>, sink: &Sink) -> Option<Checkout> {
    let id: Option<ResourceName> = named(name, sink);
    let path = absolute(value, sink);
    Some(Checkout { name: id?.to_string(), path: path? })
}

pub(super) fn environment(table: Table<'_>, sink: &Sink) -> RawEnvironment {
    let set = table.optional_with("set", texts).map(|set| set.value).unwrap_or_default();
    let inherit = table.list::<Variable>("inherit").into_iter().map(|name| name.value.0).collect();
    let span = table.span().clone();
    table.finish();
    let set = variables(set, sink).into_iter().map(|(name, text)| (name, text.value)).collect();
    RawEnvironment { set, inherit, span }
}

/// Checks the names and texts of a table of environment variables.
pub(super) fn variables(texts: Vec<(At<String>, At<String>)>, sink: &Sink) -> BTreeMap<String, At<String>> {
    let mut checked = BTreeMap::new();
    for (name, text) in texts {
        if Variable::new(&name).is_none() {
            note_variable(&name, &name.span, sink);
        } else if text.contains('\0') {
            sink.note(&text.span, format!("the value of `{}` holds a NUL", name.value), None);
        } else {
            checked.insert(name.value, text);
        }
    }
    checked
}

/// Reads what is secret; a catalog that says nothing about shapes has them all.
pub(super) fn secrets(table: &Table<'_>, sink: &Sink) -> Secrets {
    let texts = |key| table.list::<String>(key).into_iter();
    let mut secrets =
        Secrets { names: texts("names").map(|name| name.value).collect(), ..Secrets::default() };
    for (name, value) in table.table("shapes").iter().flat_map(Table::entries) {
        match (Shape::named(&name), bool::read(value, sink)) {
            (Some(shape), Some(false)) => {
                secrets.shapes.remove(&shape);
            }
            (Some(_), _) => {}
            (None, _) => {
                let advice = advise(&name, "shape", Shape::ALL.iter().map(|shape| shape.name()));
                sink.note(&name.span, format!("there is no shape `{}` of secrets", name.value), advice);
            }
        }
    }
    for pattern in texts("patterns") {
        match check_pattern(&pattern) {
            Ok(()) => secrets.patterns.push(pattern.value),
            Err(problem) => {
                let message = format!("`{}` is no pattern of secrets: {problem}", pattern.value);
                sink.note(&pattern.span, message, "a regular expression over ASCII is expected".to_owned());
            }
        }
    }
    secrets
}

pub(super) fn lists(table: Table<'_>, sink: &Sink) -> Option<FileLists> {
    let folder = table.required_with("folder", absolute);
    let names = |key| {
        let read = |value: Value<'_>, sink: &Sink| {
            let list = <Vec<At<FileName>> as Read>::read(value, sink)?;
            Some(list.into_iter().map(|name| name.value.0).collect::<Vec<String>>())
        };
        table.optional_with(key, read).map(|list| list.value).unwrap_or_default()
    };
    let (plain, timed) = (names("plain"), names("timed"));
    let owner = table.optional_with("owner", owner).map(|owner| owner.value);
    if plain.is_empty() && timed.is_empty() {
        sink.note(
            table.span(),
            "[lists] names no list",
            "give `plain` or `timed`, or leave [lists] out".to_owned(),
        );
    }
    table.finish();
    Some(FileLists { folder: folder?.value, plain, timed, owner })
}

fn owner(value: Value<'_>, sink: &Sink) -> Option<FileOwner> {
    let text = String::read(value, sink)?;
    let advice = || "USER:GROUP in numbers is expected, as in \"10004:10005\"".to_owned();
    let note = |_| sink.note(&value.span(), format!("`{text}` is no owner of files"), advice());
    text.parse().map_err(note).ok()
}

/// The name of a file.
#[derive(Debug)]
struct FileName(String);

impl Read for FileName {
    fn read(value: Value<'_>, sink: &Sink) -> Option<Self> {
        file_name(value, sink).map(Self)
    }
}

pub(super) fn torrents(table: Table<'_>) -> Option<PathBuf> {
    let folder = table.required_with("folder", absolute);
    table.finish();
    Some(folder?.value)
}

/// A text that is not empty.
#[derive(Debug)]
pub(super) struct Line(pub(super) String);

impl Read for Line {
    fn read(value: Value<'_>, sink: &Sink) -> Option<Self> {
        not_blank(value, sink).map(Self)
    }
}
