//! All package repos of one architecture, read together, and what is not closed in them.
//!
//! Repos at the root of the release see one another and nothing else. A SIG's repos see those above them as well, and
//! nobody sees a SIG's: whoever installs the base has not enabled it. It must not know what a finding is.

use super::closure::Lookup;
use super::pool::{PackageId, Pool, Required, RequirementId};
use super::streams::{NoStream, Node, Streams};
use crate::repodata::modules::Modules;
use crate::repodata::{Problem, Repo, RepodataError, Verify, Want, Watch};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// A repo as it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    /// Its place below the release.
    pub(super) path: &'a Path,
    /// What stands before its variant: empty, or the SIG.
    pub(super) prefix: &'a Path,
    /// The repo.
    pub(super) repo: &'a Repo,
}

/// What is not closed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Missing {
    /// The place of the repo.
    pub(super) repo: PathBuf,
    /// The package, or the stream.
    pub(super) who: String,
    /// What it requires.
    pub(super) what: String,
    /// How it is missing.
    pub(super) how: How,
}

/// How something is missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    /// Nothing provides it.
    Nothing,
    /// Nothing provides it where this stream is enabled.
    InStream(String),
    /// rpm would not understand it.
    Unreadable,
    /// A module that the stream requires is there in no such stream.
    NoStream,
}

/// The repos of one architecture.
#[derive(Debug)]
pub(super) struct Group {
    pool: Pool,
    places: Vec<(PathBuf, PathBuf)>,
    modules: Vec<(u32, Modules)>,
}

/// Why a group could not be read: the place of the repo, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Unread(pub(super) PathBuf, pub(super) RepodataError);

impl Group {
    /// Reads all repos of a group.
    pub(super) fn read(members: &[Member<'_>], watch: &dyn Watch) -> Result<Self, Unread> {
        let mut group = Self { pool: Pool::new(), places: Vec::new(), modules: Vec::new() };
        for member in members {
            group.add(member, watch).map_err(|error| Unread(member.path.to_owned(), error))?;
        }
        let wanted = group.pool.unanswered_files();
        if !wanted.is_empty() {
            for (number, member) in (0_u32..).zip(members) {
                let read = member.repo.filelists(Want::FILES, Verify::Sizes, watch, |listed| {
                    group.pool.add_files(number, listed, &wanted);
                    ControlFlow::Continue(())
                });
                read.map_err(|error| Unread(member.path.to_owned(), error))?;
            }
        }
        group.pool.settle();
        Ok(group)
    }

    fn add(&mut self, member: &Member<'_>, watch: &dyn Watch) -> Result<(), RepodataError> {
        let number = self.places.len() as u32;
        self.places.push((member.path.to_owned(), member.prefix.to_owned()));
        let mut full = Ok(());
        let want = Want::REQUIRES | Want::PROVIDES | Want::FILES;
        member.repo.primary(want, Verify::Sizes, watch, |package| {
            full = self.pool.add(number, package);
            if full.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        full.map_err(|_| {
            Problem::TooMany { what: "packages", limit: self.pool.len() }.of("repodata/repomd.xml")
        })?;
        let modules = member.repo.modules(Verify::Sizes, watch)?;
        self.modules.extend(modules.map(|read| (number, read.value)));
        Ok(())
    }

    /// Returns everything that is not closed, by repo and package.
    pub(super) fn missing(&self) -> Vec<Missing> {
        let prefixes: BTreeSet<&Path> = self.places.iter().map(|(_, prefix)| prefix.as_path()).collect();
        let mut missing: Vec<Missing> =
            prefixes.into_iter().flat_map(|prefix| Scope::new(self, prefix).missing()).collect();
        missing.sort();
        missing
    }
}

/// The repos below one prefix, with those that they may rely on.
struct Scope<'a> {
    group: &'a Group,
    /// By repo: whether it may be relied on.
    seen: Vec<bool>,
    /// By repo: whether it is checked here.
    own: Vec<bool>,
    streams: Streams,
}

impl<'a> Scope<'a> {
    fn new(group: &'a Group, prefix: &Path) -> Self {
        let seen: Vec<bool> = group.places.iter().map(|(_, other)| prefix.starts_with(other)).collect();
        let own = group.places.iter().map(|(_, other)| prefix == other).collect();
        let sees = |number: u32| seen.get(number as usize).copied().unwrap_or_default();
        let modules = group.modules.iter().filter(|(number, _)| sees(*number));
        let streams = Streams::new(&group.pool, modules.map(|(number, modules)| (*number, modules)));
        Self { group, seen, own, streams }
    }

    fn is_own(&self, package: PackageId) -> bool {
        self.own.get(self.group.pool.repo(package) as usize).copied().unwrap_or_default()
    }

    fn missing(&self) -> Vec<Missing> {
        let pool = &self.group.pool;
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        let plain: Vec<PackageId> = (0..pool.len() as PackageId)
            .filter(|package| self.is_own(*package) && !self.streams.is_modular(*package))
            .collect();
        self.look(None, &plain, &mut found);
        for node in self.streams.nodes() {
            let packages: Vec<PackageId> = node.packages().filter(|package| self.is_own(*package)).collect();
            if packages.is_empty() {
                continue;
            }
            for NoStream { of, wanted } in self.look(Some(node), &packages, &mut found) {
                let repo = self.place(node.repo());
                missing.push(Missing { repo, who: of, what: wanted, how: How::NoStream });
            }
        }
        missing.extend(found.into_iter().map(|((package, requirement), stream)| {
            let how = match (pool.requirement(requirement), stream) {
                (Required::Unreadable, _) => How::Unreadable,
                (_, Some(stream)) => How::InStream(stream),
                (_, None) => How::Nothing,
            };
            let (repo, who) = (self.place(pool.repo(package)), pool.nevra(package));
            Missing { repo, who, what: pool.requirement_text(requirement), how }
        }));
        missing
    }

    /// Looks at those packages as somebody sees the repos who has enabled the stream.
    fn look(
        &self,
        node: Option<&Node>,
        packages: &[PackageId],
        found: &mut BTreeMap<(PackageId, RequirementId), Option<String>>,
    ) -> Vec<NoStream> {
        let pool = &self.group.pool;
        let within = |package| self.seen.get(pool.repo(package) as usize).copied().unwrap_or_default();
        let (view, lacking) = self.streams.view(pool, within, node);
        let mut lookup = Lookup::new(pool, &view);
        for package in packages.iter().copied().filter(|package| view.sees(*package)) {
            for requirement in lookup.missing(package) {
                found.entry((package, requirement)).or_insert_with(|| node.map(Node::name_stream));
            }
        }
        // What the defaults lack is told with their own streams.
        let of_this = |lack: &NoStream| node.is_some_and(|node| node.name_stream() == lack.of);
        lacking.into_iter().filter(of_this).collect()
    }

    fn place(&self, number: u32) -> PathBuf {
        self.group.places.get(number as usize).map(|(path, _)| path.clone()).unwrap_or_default()
    }
}
