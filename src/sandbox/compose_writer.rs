//! pungi's part of a practice host: writes a compose as pungi 4 leaves it, and says what pungi says on the way.
//!
//! Packages are hard links into the build system's store, the metadata is real, the log has pungi's lines in pungi's
//! order. The link `latest-…` moves at the very end and only for a finished compose. Pacing is not done here: a
//! caller who wants the lines slowly waits in its callback. Pungi's own documentation and a recorded run are the
//! source of names and forms.

pub mod images;
pub mod log;
pub mod productmd;
mod run;
pub mod treeinfo;
pub(in crate::sandbox) mod trees;

use super::content::{Content, ContentError, Release, Repo};
use super::koji::{Koji, KojiError};
use super::layout::HostPaths;
use super::metadata::{MetadataError, PackageCache, set_mtime};
use log::{Clock, Level, Log};
use run::Run;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

/// Why a compose could not even be begun or written.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The catalog of content has no such repo or release.
    #[error("no repo `{repo}` in release `{major}`; `practice.toml` names those there are")]
    Unknown {
        /// The release.
        major: String,
        /// The repo.
        repo: String,
    },
    /// A file refused.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Koji(#[from] KojiError),
    /// The metadata failed.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The table of content is wrong.
    #[error(transparent)]
    Content(#[from] ContentError),
}

pub(super) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> ComposeError + '_ {
    move |source| ComposeError::Io { path: path.to_owned(), source }
}

/// What is composed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Packages only: `Rocky-8-updates-20261122.0`.
    Update,
    /// A full compose with images: `Rocky-8.10-20261122.0`.
    Produce,
}

/// How a compose is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// FINISHED
    Finished,
    /// `FINISHED_INCOMPLETE`: a deliverable that may fail failed.
    FinishedIncomplete,
    /// DOOMED: an error.
    Doomed,
    /// Killed without a word: STATUS stays STARTED for ever.
    Abandoned,
}

/// One compose to write.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// `8`
    pub major: &'a str,
    /// `Rocky`
    pub repo: &'a str,
    /// Update or full.
    pub kind: Kind,
    /// How it ends.
    pub ending: Ending,
    /// The time.
    pub clock: Clock,
    /// The generation to take instead of the next one.
    pub generation: Option<u32>,
    /// The first respin to try, 0 for a new day.
    pub respin: u32,
    /// Ends the compose as TERMINATED as soon as it is set, as SIGTERM does.
    pub stop: Option<&'a AtomicBool>,
}

impl<'a> Order<'a> {
    /// Makes the order for a good compose of the next generation, now.
    pub fn new(major: &'a str, repo: &'a str, kind: Kind) -> Self {
        Self {
            major,
            repo,
            kind,
            ending: Ending::Finished,
            clock: Clock::System,
            generation: None,
            respin: 0,
            stop: None,
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComposeResult {
    /// `Rocky-8-updates-20261122.0`
    pub id: String,
    /// Its directory.
    pub dir: PathBuf,
    /// The text of STATUS.
    pub status: &'static str,
    /// The generation of packages in it.
    pub generation: u32,
}

impl ComposeResult {
    /// Says whether pungi would exit with 0.
    pub fn is_good(&self) -> bool {
        self.status.starts_with("FINISHED")
    }
}

/// Writes a compose of the next generation; `progress` gets each line of pungi's log.
pub fn assemble(
    paths: &HostPaths,
    order: &Order<'_>,
    progress: &mut dyn FnMut(&str),
) -> Result<ComposeResult, ComposeError> {
    let content = Content::embedded()?;
    let koji = Koji::load(paths)?;
    let cache = PackageCache::default();
    Composer { paths, content: &content, koji: &koji, cache: &cache }.assemble(order, progress)
}

/// Writes composes on one host.
#[derive(Debug, Clone, Copy)]
pub struct Composer<'a> {
    /// The host.
    pub paths: &'a HostPaths,
    /// What there is.
    pub content: &'a Content,
    /// The store.
    pub koji: &'a Koji,
    /// Packages read already.
    pub cache: &'a PackageCache,
}

impl Composer<'_> {
    /// Writes one compose.
    pub fn assemble(
        &self,
        order: &Order<'_>,
        progress: &mut dyn FnMut(&str),
    ) -> Result<ComposeResult, ComposeError> {
        let unknown = || ComposeError::Unknown { major: order.major.to_owned(), repo: order.repo.to_owned() };
        let release = self.content.releases.get(order.major).ok_or_else(unknown)?;
        let repo = self.content.repo(order.repo).ok_or_else(unknown)?;
        let variants = repo.variants(order.major);
        let generation =
            order.generation.unwrap_or_else(|| self.koji.next_generation(order.major, order.repo, variants));
        let identity = Identity::new(order, release, repo);
        let (id, respin, dir) = identity.take_directory(self.paths)?;
        let site = Site { id: &id, respin, dir: &dir, release, repo, generation, identity: &identity };
        let mut log = Log::open(&dir, order.clock.clone(), progress).map_err(at(&dir))?;
        let mut run = Run { composer: self, order, site: &site, log: &mut log };
        let status = run.write()?;
        if status.starts_with("FINISHED") {
            self.finish(order, &site, log.fixed())?;
            log.line(Level::Info, &format!("Compose finished: {}", dir.display()));
        }
        if let Clock::Fixed { .. } = order.clock {
            age(&dir, log.now()).map_err(at(&dir))?;
        }
        Ok(ComposeResult { id, dir, status, generation })
    }

    /// Moves the link and the tag, and refreshes the module documents that prep will add.
    fn finish(&self, order: &Order<'_>, site: &Site<'_>, time: Option<u32>) -> Result<(), ComposeError> {
        let link = self.paths.latest_link(order.major, order.repo);
        match fs::remove_file(&link) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                return Err(ComposeError::Io { path: link, source: why });
            }
            _ => {}
        }
        std::os::unix::fs::symlink(site.id, &link).map_err(at(&link))?;
        if let Some(time) = time {
            age_link(&link, time).map_err(at(&link))?;
        }
        self.koji.set_composed(order.major, order.repo, site.generation)?;
        trees::write_prep_modules(self, order.major, site, time)
    }
}

/// Sets the time of everything in a compose but its packages, which keep their build time.
fn age(dir: &Path, time: u32) -> std::io::Result<()> {
    for entry in walkdir::WalkDir::new(dir).contents_first(true).into_iter().filter_map(Result::ok) {
        let package = entry.path().extension().is_some_and(|end| end == "rpm");
        if !package && !entry.path_is_symlink() {
            set_mtime(entry.path(), time)?;
        }
    }
    Ok(())
}

/// Sets the time of a link itself.
fn age_link(link: &Path, time: u32) -> std::io::Result<()> {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
    let moment = Timespec { tv_sec: time.into(), tv_nsec: 0 };
    let times = Timestamps { last_access: moment, last_modification: moment };
    Ok(utimensat(CWD, link, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// What names a compose before its respin is known.
#[derive(Debug)]
struct Identity {
    prefix: String,
    first_respin: u32,
    date: String,
    /// `8` of an update, `8.10` of a full compose.
    version: String,
    release_type: &'static str,
    major: String,
}

impl Identity {
    fn new(order: &Order<'_>, release: &Release, repo: &Repo) -> Self {
        let date = log::zoned(order.clock.start()).strftime("%Y%m%d").to_string();
        let (version, release_type) = match order.kind {
            Kind::Update => (order.major.to_owned(), "updates"),
            Kind::Produce => (release.revision.clone(), "ga"),
        };
        let middle = if release_type == "ga" { String::new() } else { format!("-{release_type}") };
        let prefix = format!("{}-{version}{middle}-{date}", repo.name);
        Self {
            prefix,
            first_respin: order.respin,
            date,
            version,
            release_type,
            major: order.major.to_owned(),
        }
    }

    /// Takes the first free respin of the day by making its directory, as pungi does.
    fn take_directory(&self, paths: &HostPaths) -> Result<(String, u32, PathBuf), ComposeError> {
        let parent = paths.composes(&self.major);
        fs::create_dir_all(&parent).map_err(at(&parent))?;
        let mut respin = self.first_respin;
        loop {
            let id = format!("{}.{respin}", self.prefix);
            let dir = parent.join(&id);
            match fs::create_dir(&dir) {
                Ok(()) => {
                    let path = dir.join("COMPOSE_ID");
                    fs::write(&path, &id).map_err(at(&path))?;
                    return Ok((id, respin, dir));
                }
                Err(why) if why.kind() == std::io::ErrorKind::AlreadyExists => respin += 1,
                Err(source) => return Err(ComposeError::Io { path: dir, source }),
            }
        }
    }
}

/// The compose being written.
#[derive(Debug)]
pub(super) struct Site<'a> {
    id: &'a str,
    respin: u32,
    dir: &'a Path,
    release: &'a Release,
    repo: &'a Repo,
    generation: u32,
    identity: &'a Identity,
}

impl Site<'_> {
    /// Returns the variants that have packages.
    fn variants(&self) -> &[String] {
        self.repo.variants(&self.identity.major)
    }
}

#[cfg(test)]
mod tests;
