//! Module streams: which packages somebody sees who has enabled them.
//!
//! As dnf filters (libdnf's `dnf_sack_filter_modules`, "Modularity" in dnf's documentation): packages of a stream are seen
//! where the stream is enabled, by itself, as its module's default or because an enabled stream requires it; where it
//! is, every other package that has the name of one of its packages, or provides it, is hidden; streams of one module exclude
//! one another.
//!
//! Simplified: all versions of an enabled stream and context count, not the newest alone, because repos keep them and
//! somebody has them installed; the streams that a stream requires are chosen from the top (its default if that will do, else the first that it
//! lists) and not by a solver; of several alternatives the first that fits the defaults is taken; `platform` always
//! fits; a repo with `module_hotfixes` is not known.

use super::closure::View;
use super::pool::{PackageId, Pool};
use crate::repodata::modules::{ModuleDependencies, ModuleStream, Modules};
use crate::repodata::nevra::Nevra;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A stream in one context, all its versions together.
#[derive(Debug)]
pub(super) struct Node {
    /// The number of the repo that names it first.
    repo: u32,
    module: String,
    stream: String,
    /// Of its newest version.
    version: u64,
    dependencies: Vec<ModuleDependencies>,
    packages: BTreeSet<PackageId>,
}

impl Node {
    /// Returns `nodejs:18`.
    pub(super) fn name_stream(&self) -> String {
        format!("{}:{}", self.module, self.stream)
    }

    /// Returns the number of the repo that names it.
    pub(super) fn repo(&self) -> u32 {
        self.repo
    }

    /// Returns its packages.
    pub(super) fn packages(&self) -> impl Iterator<Item = PackageId> {
        self.packages.iter().copied()
    }
}

/// A module that a stream requires and that is in none of the streams that would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoStream {
    /// The stream that requires it.
    pub(super) of: String,
    /// `perl:[5.24, 5.26]`
    pub(super) wanted: String,
}

/// All streams of a closure.
#[derive(Debug, Default)]
pub(super) struct Streams {
    nodes: Vec<Node>,
    /// By module, its default stream.
    defaults: BTreeMap<String, String>,
    modular: HashSet<PackageId>,
}

impl Streams {
    /// Gathers the streams of several repos, each with its number.
    pub(super) fn new<'m>(pool: &Pool, modules: impl IntoIterator<Item = (u32, &'m Modules)>) -> Self {
        let mut streams = Self::default();
        let mut places: HashMap<(String, String, String), usize> = HashMap::new();
        let mut defaults: BTreeMap<String, (String, Option<String>)> = BTreeMap::new();
        for (repo, one) in modules {
            for document in &one.streams {
                streams.add(pool, repo, document, &mut places);
            }
            for default in &one.defaults {
                let known = defaults.get(&default.module);
                if known.is_none_or(|(modified, _)| *modified <= default.modified) {
                    defaults
                        .insert(default.module.clone(), (default.modified.clone(), default.stream.clone()));
                }
            }
        }
        let chosen = defaults.into_iter().filter_map(|(module, (_, stream))| Some((module, stream?)));
        streams.defaults = chosen.filter(|(module, stream)| streams.has(module, stream)).collect();
        streams.modular = streams.nodes.iter().flat_map(Node::packages).collect();
        streams
    }

    fn add(
        &mut self,
        pool: &Pool,
        repo: u32,
        document: &ModuleStream,
        places: &mut HashMap<(String, String, String), usize>,
    ) {
        let key = (document.name.clone(), document.stream.clone(), document.context.clone());
        let place = *places.entry(key).or_insert_with(|| {
            self.nodes.push(Node {
                repo,
                module: document.name.clone(),
                stream: document.stream.clone(),
                version: 0,
                dependencies: Vec::new(),
                packages: BTreeSet::new(),
            });
            self.nodes.len() - 1
        });
        let node = &mut self.nodes[place];
        if document.version >= node.version {
            node.version = document.version;
            node.dependencies.clone_from(&document.dependencies);
        }
        let artifacts = document.artifacts.iter().filter_map(|text| text.parse::<Nevra>().ok());
        node.packages.extend(artifacts.flat_map(|nevra| pool.find(&nevra).collect::<Vec<_>>()));
    }

    fn has(&self, module: &str, stream: &str) -> bool {
        self.nodes.iter().any(|node| node.module == module && node.stream == stream)
    }

    /// Returns all streams, those that are a default first.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        let is_default = |node: &&Node| self.defaults.get(&node.module) == Some(&node.stream);
        let others = self.nodes.iter().filter(move |node| !is_default(node));
        self.nodes.iter().filter(is_default).chain(others)
    }

    /// Returns whether a package belongs to any stream.
    pub(super) fn is_modular(&self, package: PackageId) -> bool {
        self.modular.contains(&package)
    }

    /// Returns what somebody sees who has enabled `chosen` and else the defaults, and what could not be enabled for it.
    /// Of packages only those count of which `within` says so.
    pub(super) fn view(
        &self,
        pool: &Pool,
        within: impl Fn(PackageId) -> bool,
        chosen: Option<&Node>,
    ) -> (View, Vec<NoStream>) {
        let mut choice = Choice { streams: self, enabled: BTreeMap::new(), lacking: Vec::new() };
        if let Some(node) = chosen {
            choice.enable(&node.module, &node.stream);
            choice.require(node);
        }
        for (module, stream) in &self.defaults {
            if !choice.enabled.contains_key(module) {
                choice.enable(module, stream);
                if let Some(node) = choice.contexts(module, stream).first() {
                    choice.require(node);
                }
            }
        }
        let lacking = choice.lacking.clone();
        let mut active: Vec<&Node> = chosen.into_iter().collect();
        for (module, stream) in &choice.enabled {
            if chosen.is_none_or(|node| node.module != *module) {
                active.extend(choice.contexts(module, stream));
            }
        }
        let included: HashSet<PackageId> = active.iter().flat_map(|node| node.packages()).collect();
        let names: HashSet<u32> = included.iter().map(|package| pool.name_of(*package)).collect();
        let hidden: HashSet<PackageId> = names.into_iter().flat_map(|name| pool.providing(name)).collect();
        let view = View::new(pool, |package| {
            let seen = included.contains(&package) || !self.is_modular(package) && !hidden.contains(&package);
            seen && within(package)
        });
        (view, lacking)
    }
}

/// The streams that are enabled together, while they are chosen.
struct Choice<'a> {
    streams: &'a Streams,
    enabled: BTreeMap<String, String>,
    lacking: Vec<NoStream>,
}

impl<'a> Choice<'a> {
    fn enable(&mut self, module: &str, stream: &str) {
        self.enabled.insert(module.to_owned(), stream.to_owned());
    }

    /// Returns the stream of a module that counts so far: the enabled one, or the default.
    fn current(&self, module: &str) -> Option<&str> {
        self.enabled.get(module).or_else(|| self.streams.defaults.get(module)).map(String::as_str)
    }

    /// Enables what a stream requires, and what that requires in turn.
    fn require(&mut self, node: &'a Node) {
        let Some(needs) = self.alternative(node) else { return };
        // All of its own first, so that none of them is chosen by what another requires.
        let mut next = Vec::new();
        for (module, wanted) in &needs.requires {
            if module == "platform" {
                continue;
            }
            if self.enabled.get(module).is_some_and(|stream| accepts(wanted, stream)) {
                continue;
            }
            let Some(stream) = self.choose(module, wanted) else {
                let wanted = format!("{module}:[{}]", wanted.join(", "));
                self.lacking.push(NoStream { of: node.name_stream(), wanted });
                continue;
            };
            self.enable(module, &stream);
            next.push((module, stream));
        }
        for (module, stream) in next {
            if let Some(next) = self.contexts(module, &stream).first() {
                self.require(next);
            }
        }
    }

    /// Returns the first alternative that fits what is enabled and the defaults, else the first.
    fn alternative(&self, node: &'a Node) -> Option<&'a ModuleDependencies> {
        let fits = |needs: &&ModuleDependencies| self.fits(needs);
        node.dependencies.iter().find(fits).or(node.dependencies.first())
    }

    fn fits(&self, needs: &ModuleDependencies) -> bool {
        needs.requires.iter().all(|(module, wanted)| {
            module == "platform" || self.current(module).is_none_or(|stream| accepts(wanted, stream))
        })
    }

    /// Chooses a stream of a module; none if it is enabled in another, or is not there in any that will do.
    fn choose(&self, module: &str, wanted: &[String]) -> Option<String> {
        if self.enabled.contains_key(module) {
            return None;
        }
        let default = self.streams.defaults.get(module).filter(|stream| accepts(wanted, stream));
        let listed = || wanted.iter().find(|stream| self.streams.has(module, stream));
        let any = || {
            let mine = self.streams.nodes.iter().filter(|node| node.module == module);
            mine.map(|node| &node.stream).find(|stream| accepts(wanted, stream))
        };
        default.or_else(listed).or_else(any).cloned()
    }

    /// Returns the contexts of a stream whose requirements fit what is enabled; all of them where none does.
    fn contexts(&self, module: &str, stream: &str) -> Vec<&'a Node> {
        let mine = |node: &&Node| node.module == module && node.stream == stream;
        let all: Vec<&Node> = self.streams.nodes.iter().filter(mine).collect();
        let fitting: Vec<&Node> = (all.iter().copied())
            .filter(|node| {
                node.dependencies.is_empty() || node.dependencies.iter().any(|needs| self.fits(needs))
            })
            .collect();
        if fitting.is_empty() { all } else { fitting }
    }
}

/// Returns whether a stream will do: it is listed, or none is, or others are excluded (`-5.24`).
fn accepts(wanted: &[String], stream: &str) -> bool {
    let (excluded, listed): (Vec<&str>, Vec<&str>) =
        wanted.iter().map(String::as_str).partition(|stream| stream.starts_with('-'));
    (listed.is_empty() || listed.contains(&stream))
        && !excluded.iter().any(|one| one.strip_prefix('-') == Some(stream))
}
