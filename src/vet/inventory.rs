//! Which packages the repos of a release hold, by architecture: what modules and advisories are held against.
//!
//! It knows primary.xml alone, not the files on disk: a package that is there and in no metadata is there for nobody.

use super::repo_place::{RepoKind, RepoPlace};
use super::repos::Pair;
use crate::repodata::nevra::compare;
use crate::repodata::{Nevra, Repo, RepodataError, Verify, Want, Watch};
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

/// Epoch, version and release.
type Evr = (u32, String, String);

/// The packages of the repos of one architecture and kind.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// By name and architecture of the package.
    packages: HashMap<(String, String), Vec<Evr>>,
}

impl Held {
    /// Reads what one repo holds.
    pub(super) fn read(repo: &Repo, watch: &dyn Watch) -> Result<Self, RepodataError> {
        let mut held = Self::default();
        repo.primary(Want::IDENTITY, Verify::Sizes, watch, |package| {
            let key = (package.name().to_owned(), package.arch().to_owned());
            let evr = (package.epoch, package.version().to_owned(), package.release().to_owned());
            held.packages.entry(key).or_default().push(evr);
            ControlFlow::Continue(())
        })?;
        Ok(held)
    }

    fn extend(&mut self, other: &Self) {
        for (key, versions) in &other.packages {
            self.packages.entry(key.clone()).or_default().extend_from_slice(versions);
        }
    }

    fn versions(&self, nevra: &Nevra) -> &[Evr] {
        let key = (nevra.name.clone(), nevra.arch.clone());
        self.packages.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Returns whether exactly this package is there.
    pub(super) fn has(&self, nevra: &Nevra) -> bool {
        let same = |(epoch, version, release): &Evr| {
            (*epoch, version, release) == (nevra.epoch, &nevra.version, &nevra.release)
        };
        self.versions(nevra).iter().any(same)
    }

    /// Returns whether a newer version of it is there.
    pub(super) fn has_newer(&self, nevra: &Nevra) -> bool {
        let newer = |(epoch, version, release): &Evr| {
            compare((*epoch, version, release), (nevra.epoch, &nevra.version, &nevra.release)).is_gt()
        };
        self.versions(nevra).iter().any(newer)
    }

    /// Returns every package there.
    pub(super) fn nevras(&self) -> impl Iterator<Item = Nevra> {
        self.packages.iter().flat_map(|((name, arch), versions)| {
            let nevra = |(epoch, version, release): &Evr| Nevra::new(name, *epoch, version, release, arch);
            versions.iter().map(nevra)
        })
    }
}

/// The packages of a whole release.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// Whether every repo could be read; where not, nothing can be missed.
    whole: bool,
    kinds: BTreeMap<(String, RepoKind), Held>,
}

impl Inventory {
    /// Gathers what was read of each repo; `whole` if that is all of them.
    pub(super) fn gather<'a>(repos: impl IntoIterator<Item = (&'a Pair, &'a Held)>, whole: bool) -> Self {
        let mut inventory = Self { whole, ..Self::default() };
        for (pair, held) in repos {
            let RepoPlace { arch, kind, .. } = RepoPlace::of(&pair.path);
            inventory.kinds.entry((arch, kind)).or_default().extend(held);
        }
        inventory
    }

    /// Returns the packages to install on an architecture.
    pub(super) fn os(&self, arch: &str) -> Option<&Held> {
        self.kinds.get(&(arch.to_owned(), RepoKind::Os))
    }

    /// Returns where a package that somebody names in a repo of `arch` should be: among those to install, those to debug or
    /// the sources. None where the release has no such repos at all or one could not be read, so that nothing can be said.
    pub(super) fn shelves(&self, arch: &str, nevra: &Nevra) -> Vec<&Held> {
        if !self.whole {
            return Vec::new();
        }
        let kind = if matches!(nevra.arch.as_str(), "src" | "nosrc") {
            RepoKind::Source
        } else if is_debug(&nevra.name) {
            RepoKind::Debug
        } else {
            RepoKind::Os
        };
        // An advisory may name the packages of all architectures: each is looked for in its own.
        let own = self.kinds.keys().any(|(other, _)| *other == nevra.arch);
        let arch = if own { nevra.arch.as_str() } else { arch };
        let held = self
            .kinds
            .iter()
            .filter(|((other, of), _)| *of == kind && (kind == RepoKind::Source || other == arch));
        held.map(|(_, held)| held).collect()
    }
}

/// Returns whether a package is one of those that pungi puts into a debug tree.
pub(super) fn is_debug(name: &str) -> bool {
    name.ends_with("-debuginfo") || name.ends_with("-debugsource") || name.contains("-debuginfo-")
}

/// Returns whether a package was built in a module: `.module+el8.10.0+…` or, of old, `.module_el8…`.
pub(super) fn is_modular(release: &str) -> bool {
    release.contains(".module+") || release.contains(".module_")
}
