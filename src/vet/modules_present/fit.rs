//! Whether the streams of a repo and its packages fit: what each of them names and the other has not.
//!
//! dnf takes a modular package that no stream names for an ordinary one, which then wins over every stream. A stream of
//! which nothing at all is there is another repo's. Of one that is there only the newest version of a context counts: older
//! ones stay in modules.yaml when their packages are gone; and that the newest is not there is a warning, because prep takes
//! its modules.yaml from what was composed last, synced or not. Sources and debug packages are named by streams and stand elsewhere.

use super::{CHECK, Pair, shown};
use crate::domain::finding::{Finding, Severity};
use crate::repodata::Nevra;
use crate::repodata::modules::{ModuleStream, Modules};
use crate::vet::inventory::{Held, is_debug, is_modular};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Misfit {
    /// There are modular packages, so many, and no module data.
    WithoutData(usize),
    /// A modular package that no stream names.
    Orphan(String),
    /// A stream none of whose packages is there, in any version.
    Hollow(String),
    /// The newest version of a stream, and those of its packages that are not there.
    Partial(String, Vec<String>),
}

impl Misfit {
    pub(super) fn is_without_data(&self) -> bool {
        matches!(self, Self::WithoutData(_))
    }

    /// Tells it of the repo of `pair`.
    pub(super) fn finding(&self, pair: &Pair) -> Finding {
        let (severity, kind, path, message, advice) = match self {
            Self::WithoutData(count) => (
                Severity::Blocking,
                "modular-without-data".to_owned(),
                pair.file("repodata/repomd.xml"),
                format!("has no module data and {count} modular packages"),
                super::ADVICE,
            ),
            Self::Orphan(nevra) => (
                Severity::Blocking,
                "orphan".to_owned(),
                pair.file(nevra),
                "is a modular package that no stream names, so that it hides those of every stream"
                    .to_owned(),
                "see that modules.yaml is this repo's and of this compose, then run prep again",
            ),
            Self::Hollow(stream) => (
                Severity::Blocking,
                "hollow".to_owned(),
                pair.file(stream),
                "is a stream of which no package is there".to_owned(),
                "see that modules.yaml is this repo's and of this compose, then run prep again",
            ),
            Self::Partial(stream, packages) => (
                Severity::Warning,
                format!("partial {}", packages.join(" ")),
                pair.file(stream),
                format!(
                    "is the newest of its stream, and {} not there, the first {}",
                    if packages.len() == 1 {
                        "1 package is".to_owned()
                    } else {
                        format!("{} packages are", packages.len())
                    },
                    packages.first().map_or("", String::as_str)
                ),
                "see whether they were to go out: a compose that was not synced brings its streams all the same",
            ),
        };
        Finding::new(CHECK, severity, &kind, path, shown(message), advice)
    }
}

/// Compares what a repo's modules name with what it holds, and with all that is there on its architecture.
pub(super) fn misfits(modules: Option<&Modules>, held: &Held, all: &Held) -> BTreeSet<Misfit> {
    let modular: Vec<Nevra> = held.nevras().filter(|nevra| is_modular(&nevra.release)).collect();
    let Some(modules) = modules else {
        return (!modular.is_empty()).then_some(Misfit::WithoutData(modular.len())).into_iter().collect();
    };
    let mut found = BTreeSet::new();
    let named: HashSet<&str> = modules.streams.iter().flat_map(|stream| stream.artifacts.iter()).collect();
    let orphans =
        modular.iter().filter(|nevra| !is_debug(&nevra.name) && !named.contains(nevra.with_epoch().as_str()));
    found.extend(orphans.map(|nevra| Misfit::Orphan(nevra.to_string())));
    found.extend(streams(modules).into_iter().flat_map(|(name, versions)| lacking(&name, &versions, all)));
    found
}

/// Returns the documents of each stream.
fn streams(modules: &Modules) -> BTreeMap<String, Vec<&ModuleStream>> {
    let mut streams: BTreeMap<String, Vec<&ModuleStream>> = BTreeMap::new();
    for stream in &modules.streams {
        streams.entry(stream.name_stream()).or_default().push(stream);
    }
    streams
}

/// Returns the packages of a stream that count: neither sources nor debug packages.
fn artifacts(stream: &ModuleStream) -> impl Iterator<Item = Nevra> {
    let all = stream.artifacts.iter().filter_map(|text| text.parse::<Nevra>().ok());
    all.filter(|nevra| !matches!(nevra.arch.as_str(), "src" | "nosrc") && !is_debug(&nevra.name))
}

fn lacking(name: &str, versions: &[&ModuleStream], all: &Held) -> Vec<Misfit> {
    if !versions.iter().any(|stream| artifacts(stream).any(|nevra| all.has(&nevra))) {
        let names_any = versions.iter().any(|stream| artifacts(stream).next().is_some());
        return names_any.then(|| Misfit::Hollow(name.to_owned())).into_iter().collect();
    }
    let mut newest: BTreeMap<&str, &ModuleStream> = BTreeMap::new();
    for stream in versions {
        let known = newest.entry(&stream.context).or_insert(stream);
        if stream.version > known.version {
            *known = stream;
        }
    }
    let gone = |stream: &ModuleStream| {
        let mut gone: Vec<String> =
            artifacts(stream).filter(|nevra| !all.has(nevra)).map(|nevra| nevra.to_string()).collect();
        gone.sort();
        (!gone.is_empty()).then(|| Misfit::Partial(stream.nsvca(), gone))
    };
    newest.into_values().filter_map(gone).collect()
}
