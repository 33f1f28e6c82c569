//! The packages of a closure with what they provide and require, each text and each requirement held once.
//!
//! 30,000 packages have some 600,000 requirements, and hardly a tenth of them differ. So a requirement is a number, and it
//! is looked up once however many packages have it. What is visible to whom is not known here.

use super::rich::{self, Rich};
use super::version::{Range, overlap, sign};
use crate::repodata::listed::Listed;
use crate::repodata::nevra::Nevra;
use crate::repodata::package::{Comparison, Dependency, Package, Relation};
use indexmap::IndexSet;
use std::collections::{HashMap, HashSet};

/// The number of a text.
type Name = u32;
/// The number of a package, in the order in which they were added.
pub(super) type PackageId = u32;
/// The number of a requirement.
pub(super) type RequirementId = u32;

/// The most packages that are held together: the largest releases have some 100,000 with their old versions.
const MOST_PACKAGES: usize = 1_000_000;

/// A version with its texts as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Version {
    comparison: Comparison,
    epoch: u32,
    number: Name,
    /// That of the empty text for none.
    release: Name,
}

/// A capability: a name, and a version or any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Term {
    name: Name,
    version: Option<Version>,
}

/// What tells a package from all others of other names, versions and architectures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Identity {
    name: Name,
    arch: Name,
    epoch: u32,
    version: Name,
    release: Name,
}

#[derive(Debug)]
struct Row {
    identity: Identity,
    repo: u32,
    /// Where its requirements begin; they end where the next package's begin.
    requires: u32,
}

/// What a package provides.
#[derive(Debug, Clone, Copy)]
struct Provide {
    name: Name,
    package: PackageId,
    version: Option<Version>,
}

/// All packages of a closure.
#[derive(Debug, Default)]
pub(super) struct Pool {
    names: IndexSet<Box<str>>,
    rows: Vec<Row>,
    requires: Vec<RequirementId>,
    requirements: IndexSet<Term>,
    /// The rich ones among the requirements; none where it cannot be read.
    rich: HashMap<RequirementId, Option<Rich<Term>>>,
    provides: Vec<Provide>,
    /// By name, where its provides begin; complete after [`Pool::settle`].
    begins: Vec<u32>,
    identities: HashMap<Identity, Vec<PackageId>>,
}

/// There are more packages than are held.
#[derive(Debug)]
pub(super) struct TooMany;

impl Pool {
    /// Makes an empty one.
    pub(super) fn new() -> Self {
        let mut pool = Self::default();
        pool.name("");
        pool
    }

    fn name(&mut self, text: &str) -> Name {
        let place = self.names.get_index_of(text);
        place.unwrap_or_else(|| self.names.insert_full(text.into()).0) as Name
    }

    fn text(&self, name: Name) -> &str {
        self.names.get_index(name as usize).map_or("", |text| text)
    }

    /// Adds a package of the repo of that number. Source packages provide nothing and are not installed: they are left out.
    pub(super) fn add(&mut self, repo: u32, package: &Package) -> Result<(), TooMany> {
        if matches!(package.arch(), "src" | "nosrc") {
            return Ok(());
        }
        if self.rows.len() >= MOST_PACKAGES {
            return Err(TooMany);
        }
        let id = self.rows.len() as PackageId;
        let identity = Identity {
            name: self.name(package.name()),
            arch: self.name(package.arch()),
            epoch: package.epoch,
            version: self.name(package.version()),
            release: self.name(package.release()),
        };
        let itself = Version {
            comparison: Comparison::Equal,
            epoch: identity.epoch,
            number: identity.version,
            release: identity.release,
        };
        self.rows.push(Row { identity, repo, requires: self.requires.len() as u32 });
        self.identities.entry(identity).or_default().push(id);
        self.provides.push(Provide { name: identity.name, package: id, version: Some(itself) });
        for dependency in package.dependencies() {
            match dependency.relation {
                Relation::Provides => {
                    let Term { name, version } = self.term(&dependency);
                    // The package itself is there already.
                    if name != identity.name || version != Some(itself) {
                        self.provides.push(Provide { name, package: id, version });
                    }
                }
                Relation::Requires if !dependency.name.starts_with("rpmlib(") => self.require(&dependency),
                _ => {}
            }
        }
        for (_, path) in package.files() {
            let name = self.name(path);
            self.provides.push(Provide { name, package: id, version: None });
        }
        Ok(())
    }

    fn term(&mut self, dependency: &Dependency<'_>) -> Term {
        let name = self.name(dependency.name);
        let version = dependency.comparison.filter(|_| !dependency.version.is_empty());
        let version = version.map(|comparison| Version {
            comparison,
            epoch: dependency.epoch,
            number: self.name(dependency.version),
            release: self.name(dependency.release),
        });
        Term { name, version }
    }

    fn require(&mut self, dependency: &Dependency<'_>) {
        let term = self.term(dependency);
        let (place, new) = self.requirements.insert_full(term);
        let id = place as RequirementId;
        if new && dependency.name.starts_with('(') {
            let rich = rich::parse(dependency.name, |written| {
                let name = self.name(written.name);
                let version = written.version.map(|(comparison, epoch, version, release)| Version {
                    comparison,
                    epoch,
                    number: self.name(version),
                    release: self.name(release),
                });
                Term { name, version }
            });
            self.rich.insert(id, rich);
        }
        self.requires.push(id);
    }

    /// Returns the paths that are required and that nothing provides so far: only the long lists of files can tell.
    pub(super) fn unanswered_files(&self) -> HashSet<Box<str>> {
        let provided: HashSet<Name> = self.provides.iter().map(|provide| provide.name).collect();
        let mut wanted = HashSet::new();
        let mut want = |term: &Term| {
            let text = self.text(term.name);
            if text.starts_with('/') && !provided.contains(&term.name) {
                wanted.insert(text.into());
            }
        };
        for (place, term) in self.requirements.iter().enumerate() {
            match self.rich.get(&(place as RequirementId)) {
                Some(rich) => rich.iter().for_each(|rich| each_term(rich, &mut want)),
                None => want(term),
            }
        }
        wanted
    }

    /// Adds those files of a package of the long list that are wanted.
    pub(super) fn add_files(&mut self, repo: u32, listed: &Listed, wanted: &HashSet<Box<str>>) {
        for (_, path) in listed.files().filter(|(_, path)| wanted.contains(*path)) {
            let nevra =
                Nevra::new(&listed.name, listed.epoch, &listed.version, &listed.release, &listed.arch);
            let Some(package) = self.find(&nevra).find(|id| self.repo(*id) == repo) else { continue };
            let name = self.name(path);
            self.provides.push(Provide { name, package, version: None });
        }
    }

    /// Sorts what is provided; nothing is added afterwards.
    pub(super) fn settle(&mut self) {
        self.provides.sort_by_key(|provide| provide.name);
        self.begins = vec![0; self.names.len() + 1];
        for provide in &self.provides {
            self.begins[provide.name as usize + 1] += 1;
        }
        for at in 1..self.begins.len() {
            self.begins[at] += self.begins[at - 1];
        }
    }

    /// Returns how many packages there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns the packages of that full name, of every repo that has it.
    pub(super) fn find(&self, nevra: &Nevra) -> impl Iterator<Item = PackageId> {
        let number = |text: &str| self.names.get_index_of(text).map(|place| place as Name);
        let identity = || {
            Some(Identity {
                name: number(&nevra.name)?,
                arch: number(&nevra.arch)?,
                epoch: nevra.epoch,
                version: number(&nevra.version)?,
                release: number(&nevra.release)?,
            })
        };
        identity().and_then(|identity| self.identities.get(&identity)).into_iter().flatten().copied()
    }

    /// Returns the repo of a package.
    pub(super) fn repo(&self, package: PackageId) -> u32 {
        self.rows[package as usize].repo
    }

    /// Returns what tells packages of one name from those of another.
    pub(super) fn name_of(&self, package: PackageId) -> u32 {
        self.rows[package as usize].identity.name
    }

    /// Returns `httpd-2.4.37-65.el8.x86_64`.
    pub(super) fn nevra(&self, package: PackageId) -> String {
        let Identity { name, arch, epoch, version, release } = self.rows[package as usize].identity;
        Nevra::new(self.text(name), epoch, self.text(version), self.text(release), self.text(arch))
            .to_string()
    }

    /// Returns what a package requires.
    pub(super) fn requires(&self, package: PackageId) -> &[RequirementId] {
        let from = self.rows[package as usize].requires as usize;
        let to =
            self.rows.get(package as usize + 1).map_or(self.requires.len(), |next| next.requires as usize);
        &self.requires[from..to]
    }

    /// Returns how many different requirements there are.
    pub(super) fn requirements(&self) -> usize {
        self.requirements.len()
    }

    /// Returns a requirement: the capability, or the tree of a rich one.
    pub(super) fn requirement(&self, id: RequirementId) -> Required<'_> {
        match (self.rich.get(&id), self.requirements.get_index(id as usize)) {
            (Some(Some(rich)), _) => Required::Rich(rich),
            (None, Some(term)) => Required::Plain(term),
            _ => Required::Unreadable,
        }
    }

    /// Returns a requirement as rpm writes it: `openssl-libs >= 1:1.1.1-3`.
    pub(super) fn requirement_text(&self, id: RequirementId) -> String {
        let Some(Term { name, version }) = self.requirements.get_index(id as usize) else {
            return String::new();
        };
        let name = self.text(*name);
        let Some(version) = version else { return name.to_owned() };
        let epoch = if version.epoch > 0 { format!("{}:", version.epoch) } else { String::new() };
        let (text, release) = (self.text(version.number), self.text(version.release));
        let release = if release.is_empty() { String::new() } else { format!("-{release}") };
        format!("{name} {} {epoch}{text}{release}", sign(version.comparison))
    }

    /// Returns every package that provides a capability, some of them twice.
    pub(super) fn providers(&self, term: Term) -> impl Iterator<Item = PackageId> {
        let begin = |name: Name| self.begins.get(name as usize).copied().unwrap_or_default() as usize;
        let provides = &self.provides[begin(term.name)..begin(term.name + 1)];
        let fits = move |provide: &&Provide| match (provide.version, term.version) {
            (Some(provided), Some(required)) => {
                provided == required && required.comparison == Comparison::Equal
                    || overlap(self.range(provided), self.range(required))
            }
            _ => true,
        };
        provides.iter().filter(fits).map(|provide| provide.package)
    }

    /// Returns every package that provides a name, in whatever version; its own is among what a package provides.
    pub(super) fn providing(&self, name: u32) -> impl Iterator<Item = PackageId> {
        self.providers(Term { name, version: None })
    }

    fn range(&self, version: Version) -> Range<'_> {
        let Version { comparison, epoch, number, release } = version;
        Range { comparison, epoch, version: self.text(number), release: self.text(release) }
    }
}

/// A requirement as it is looked up.
#[derive(Debug)]
pub(super) enum Required<'a> {
    Plain(&'a Term),
    Rich(&'a Rich<Term>),
    /// A rich one that rpm would refuse.
    Unreadable,
}

fn each_term(rich: &Rich<Term>, each: &mut impl FnMut(&Term)) {
    match rich {
        Rich::Plain(term) => each(term),
        Rich::And(of) | Rich::Or(of) | Rich::With(of) => of.iter().for_each(|one| each_term(one, each)),
        Rich::Without(a, b) => [a, b].into_iter().for_each(|one| each_term(one, each)),
        Rich::If(a, b, other) | Rich::Unless(a, b, other) => {
            [a, b].into_iter().chain(other).for_each(|one| each_term(one, each));
        }
    }
}
