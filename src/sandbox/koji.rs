//! The build system's store: every built package below `packages/`, and which compose may take which.
//!
//! Builds come in generations; a repo's tag remembers the newest generation that was composed, so the next compose
//! picks up the next one, or the same content again when nothing is left. The index never changes after the host
//! is made; only the tags do. Composes hard-link from here, so a file below `packages/` must never be written to.

mod recipe;

use super::content::{Content, ContentError};
use super::layout::HostPaths;
use super::signer::Signer;
use recipe::Recipe;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum KojiError {
    /// A package cannot be built.
    #[error("cannot build {name}: {source}")]
    Build {
        /// The source package.
        name: String,
        /// Why.
        source: rpm::Error,
    },
    /// A file refused.
    #[error("`{}`: {source}; make the sandbox anew with --fresh", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The index is not what was written.
    #[error("`{}` is broken: {why}; make the sandbox anew with --fresh", path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The table of packages is wrong.
    #[error(transparent)]
    Content(#[from] ContentError),
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> KojiError + '_ {
    move |source| KojiError::Io { path: path.to_owned(), source }
}

/// What part a package has in its build; the word is productmd's category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// To install.
    Binary,
    /// debuginfo
    Debug,
    /// The source package.
    Source,
}

/// One RPM of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltRpm {
    /// Relative to `packages/`.
    pub path: PathBuf,
    /// `openssl-libs`
    pub name: String,
    /// `x86_64`, `noarch`, `src`
    pub arch: String,
    /// `openssl-libs-1:1.1.1k-12.el8.x86_64`
    pub nevra: String,
    /// Its part in the build.
    pub category: Category,
}

impl BuiltRpm {
    /// Says whether a tree of `arch` takes it; source packages go to no such tree.
    pub fn fits(&self, arch: &str) -> bool {
        self.arch == arch || self.arch == "noarch"
    }

    /// Returns the name of the file.
    pub fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The module build that a build belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltModule {
    /// `nodejs`
    pub name: String,
    /// `18`
    pub stream: String,
    /// `8100020240101120000`
    pub version: u64,
    /// `489197e6`
    pub context: String,
    /// Whether it is the default stream.
    pub default: bool,
}

impl BuiltModule {
    /// Returns `name:stream:version:context`, the RPM tag's form.
    pub fn label(&self) -> String {
        format!("{}:{}:{}:{}", self.name, self.stream, self.version, self.context)
    }
}

/// One build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// `8`
    pub major: String,
    /// `AppStream`
    pub variant: String,
    /// The source package.
    pub name: String,
    /// `nodejs-1:18.20.2-1.module+el8.10.0+1+489197e6.src`
    pub source_nevra: String,
    /// One line.
    pub summary: String,
    /// An SPDX expression.
    pub license: String,
    /// When it became available, counted in composes.
    pub generation: u32,
    /// Unix seconds.
    pub build_time: u32,
    /// Its module.
    pub module: Option<BuiltModule>,
    /// All its packages.
    pub rpms: Vec<BuiltRpm>,
}

impl Built {
    /// What a newer build must share to take this one's place.
    fn line(&self) -> (&str, Option<(&str, &str)>) {
        (&self.name, self.module.as_ref().map(|module| (&*module.name, &*module.stream)))
    }
}

/// The index as it lies on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Index {
    sigkey: String,
    builds: Vec<Built>,
}

/// The store, opened.
#[derive(Debug)]
pub struct Koji {
    paths: HostPaths,
    index: Index,
}

impl Koji {
    /// Opens the store of a host.
    pub fn load(paths: &HostPaths) -> Result<Self, KojiError> {
        let path = paths.koji_index();
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        let index =
            serde_json::from_str(&text).map_err(|why| KojiError::Index { path, why: why.to_string() })?;
        Ok(Self { paths: paths.clone(), index })
    }

    /// Builds every package of `content` and writes the index; `time` tells when a generation was built.
    pub fn fill(
        paths: &HostPaths,
        content: &Content,
        signer: &Signer,
        time: &(dyn Fn(u32) -> u32 + Sync),
    ) -> Result<Self, KojiError> {
        let mut wanted = Vec::new();
        for (major, release) in &content.releases {
            wanted.extend(content.builds(major)?.into_iter().map(|build| (release, build)));
        }
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, Result<Built, KojiError>)>> = Mutex::default();
        let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(1, 4);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some((release, build)) = wanted.get(number) else { break };
                        let recipe = Recipe::new(release, build, time(build.generation));
                        let made = recipe.build_into(&paths.koji_packages(), signer);
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((number, made));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(number, _)| *number);
        let builds = done.into_iter().map(|(_, built)| built).collect::<Result<Vec<_>, _>>()?;
        let index = Index { sigkey: signer.short_id(), builds };
        let koji = Self { paths: paths.clone(), index };
        let path = paths.koji_index();
        let text = serde_json::to_string_pretty(&koji.index)
            .map_err(|why| KojiError::Index { path: path.clone(), why: why.to_string() })?;
        fs::write(&path, text).map_err(at(&path))?;
        Ok(koji)
    }

    /// Returns the short id of the key that signed everything in the store.
    pub fn sigkey(&self) -> &str {
        &self.index.sigkey
    }

    /// Returns where a package of the store lies.
    pub fn path(&self, rpm: &BuiltRpm) -> PathBuf {
        self.paths.koji_packages().join(&rpm.path)
    }

    /// Returns all builds of those variants up to a generation, older ones included.
    pub fn up_to(&self, major: &str, variants: &[String], generation: u32) -> Vec<&Built> {
        self.index
            .builds
            .iter()
            .filter(|build| build.major == major && variants.contains(&build.variant))
            .filter(|build| build.generation <= generation)
            .collect()
    }

    /// Returns what a compose of a generation holds: of each source package and stream the newest build.
    pub fn latest(&self, major: &str, variants: &[String], generation: u32) -> Vec<&Built> {
        let all = self.up_to(major, variants, generation);
        let newer = |build: &&Built| {
            all.iter().any(|other| {
                other.variant == build.variant
                    && other.line() == build.line()
                    && other.generation > build.generation
            })
        };
        all.iter().copied().filter(|build| !newer(build)).collect()
    }

    /// Returns the newest generation that any of those variants has.
    pub fn last_generation(&self, major: &str, variants: &[String]) -> u32 {
        self.up_to(major, variants, u32::MAX).iter().map(|build| build.generation).max().unwrap_or(0)
    }

    fn tag(&self, major: &str, repo: &str) -> PathBuf {
        self.paths.koji().join("tags").join(format!("{major}-{repo}"))
    }

    /// Returns the newest generation of a repo that was composed; none before its first compose.
    pub fn composed(&self, major: &str, repo: &str) -> Option<u32> {
        fs::read_to_string(self.tag(major, repo)).ok()?.trim().parse().ok()
    }

    /// Records that a compose of this generation is finished.
    pub fn set_composed(&self, major: &str, repo: &str, generation: u32) -> Result<(), KojiError> {
        let path = self.tag(major, repo);
        let folder = self.paths.koji().join("tags");
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        fs::write(&path, format!("{generation}\n")).map_err(at(&path))
    }

    /// Returns the generation that the next compose of a repo takes.
    pub fn next_generation(&self, major: &str, repo: &str, variants: &[String]) -> u32 {
        let last = self.last_generation(major, variants);
        self.composed(major, repo).map_or(0, |composed| (composed + 1).min(last))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sandbox::signer::tests::shared;
    use std::sync::{Arc, Weak};

    /// A filled store that tests share while any of them runs: filling one costs most of a second.
    fn filled() -> Arc<tempfile::TempDir> {
        static FILLED: Mutex<Weak<tempfile::TempDir>> = Mutex::new(Weak::new());
        let mut filled = FILLED.lock().unwrap();
        filled.upgrade().unwrap_or_else(|| {
            let dir = Arc::new(tempfile::tempdir().unwrap());
            let content = Content::embedded().unwrap();
            let time = |generation| 1_700_000_000 + generation * 86_400;
            Koji::fill(&HostPaths::new(dir.path()), &content, shared(), &time).unwrap();
            *filled = Arc::downgrade(&dir);
            dir
        })
    }

    /// A host of its own with a filled store.
    pub(crate) struct Store {
        pub(crate) paths: HostPaths,
        _own: tempfile::TempDir,
        _shared: Arc<tempfile::TempDir>,
    }

    pub(crate) fn store() -> (Store, Koji) {
        let shared = filled();
        let own = tempfile::tempdir().unwrap();
        let paths = HostPaths::new(own.path());
        let from = HostPaths::new(shared.path());
        for entry in walkdir::WalkDir::new(from.koji()) {
            let entry = entry.unwrap();
            let target = paths.koji().join(entry.path().strip_prefix(from.koji()).unwrap());
            if entry.file_type().is_dir() {
                fs::create_dir_all(&target).unwrap();
            } else {
                fs::hard_link(entry.path(), &target).unwrap();
            }
        }
        let koji = Koji::load(&paths).unwrap();
        (Store { paths, _own: own, _shared: shared }, koji)
    }

    #[test]
    fn a_compose_takes_the_next_generation_and_then_the_same_again() {
        let (store, koji) = store();
        let variants = ["Extras".to_owned()];
        let take = |koji: &Koji| koji.next_generation("8", "Extras", &variants);
        for expected in [0, 1, 2, 2, 2] {
            assert_eq!(take(&koji), expected);
            koji.set_composed("8", "Extras", take(&koji)).unwrap();
        }
        let again = Koji::load(&store.paths).unwrap();
        assert_eq!(again.index, koji.index);
        assert_eq!(again.composed("8", "Extras"), Some(2));
    }

    #[test]
    fn a_compose_holds_the_newest_build_of_each_package_and_stream() {
        let (_store, koji) = store();
        let variants = ["AppStream".to_owned()];
        let names = |generation| -> Vec<String> {
            koji.latest("8", &variants, generation).iter().map(|build| build.source_nevra.clone()).collect()
        };
        let nodejs = |list: Vec<String>| list.iter().filter(|name| name.starts_with("nodejs")).count();
        assert_eq!(nodejs(names(0)), 2, "both streams");
        assert_eq!(nodejs(names(2)), 2, "the old build of the stream is gone");
        assert_ne!(names(0), names(2));
        assert!(koji.up_to("8", &variants, 2).len() > names(2).len());
    }

    #[test]
    fn every_package_of_the_index_is_on_disk() {
        let (_store, koji) = store();
        let rpms: Vec<&BuiltRpm> = koji.index.builds.iter().flat_map(|build| &build.rpms).collect();
        assert!((300..=520).contains(&rpms.len()), "{}", rpms.len());
        for rpm in rpms {
            assert!(koji.path(rpm).is_file(), "{}", rpm.path.display());
        }
    }
}
