//! pungi's part of a practice host: writes a compose as pungi 4 leaves it, and says what pungi says on the way.
//!
//! Packages are hard links into the build system's store, the metadata is real, the log has pungi's lines in pungi's
//! order. The link `latest-…` moves at the very end and only for a finished compose. Pacing is not done here: a
//! caller who wants the lines slowly waits in its callback. Pungi's own documentation and a recorded run are the
//! source of names and forms.

pub mod images;
pub mod log;
pub mod productmd;
pub mod treeinfo;
pub(in crate::sandbox) mod trees;

use super::content::{ARCHES, Content, ContentError, Release, Repo};
use super::koji::{Koji, KojiError};
use super::layout::HostPaths;
use super::metadata::{MetadataError, PackageCache, set_mtime};
use log::{Clock, Level, Log};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
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
        trees::write_prep_modules(self, order.major, site)
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

/// Ends a compose before its end.
enum Halt {
    Doomed,
    Terminated,
    Abandoned,
    Failed(ComposeError),
}

impl<E: Into<ComposeError>> From<E> for Halt {
    fn from(why: E) -> Self {
        Self::Failed(why.into())
    }
}

/// One compose on its way.
struct Run<'a, 'p> {
    composer: &'a Composer<'a>,
    order: &'a Order<'a>,
    site: &'a Site<'a>,
    log: &'a mut Log<'p>,
}

impl Run<'_, '_> {
    /// Writes everything and returns the text of STATUS.
    fn write(&mut self) -> Result<&'static str, ComposeError> {
        self.status("STARTED")?;
        let status = match self.phases() {
            Ok(()) if self.order.ending == Ending::FinishedIncomplete => "FINISHED_INCOMPLETE",
            Ok(()) => "FINISHED",
            Err(Halt::Abandoned) => return Ok("STARTED"),
            Err(Halt::Failed(why)) => {
                self.status("DOOMED")?;
                return Err(why);
            }
            Err(Halt::Doomed) => {
                let os = self.site.dir.join("work");
                self.fail(&format!(
                    "Compose run failed: ERROR running command: createrepo_c {}",
                    os.display()
                ))?;
                "DOOMED"
            }
            Err(Halt::Terminated) => {
                self.log.line(Level::Warning, "Trying to kill all subprocesses");
                self.fail("Compose run failed: signal 15")?;
                "TERMINATED"
            }
        };
        self.status(status)?;
        Ok(status)
    }

    fn fail(&mut self, why: &str) -> Result<(), ComposeError> {
        let trace = self.site.dir.join("logs/global/traceback.global.log");
        fs::write(&trace, format!("{why}\n")).map_err(at(&trace))?;
        self.log.line(Level::Error, why);
        self.log.line(Level::Error, &format!("Extended traceback in: {}", trace.display()));
        self.log.line(Level::Critical, &format!("Compose failed: {}", self.site.dir.display()));
        Ok(())
    }

    fn status(&self, text: &str) -> Result<(), ComposeError> {
        let path = self.site.dir.join("STATUS");
        fs::write(&path, format!("{text}\n")).map_err(at(&path))
    }

    fn phases(&mut self) -> Result<(), Halt> {
        self.opening()?;
        self.init()?;
        self.packages()?;
        self.log.line(Level::Info, "[BEGIN] ---------- PHASE: WEAVER ----------");
        self.gather()?;
        self.create_repositories()?;
        self.log.line(Level::Info, "[DONE ] ---------- PHASE: WEAVER ----------");
        self.write_treeinfo()?;
        self.create_images()?;
        self.close()
    }

    fn info(&mut self, text: &str) -> Result<(), Halt> {
        self.log.line(Level::Info, text);
        let stop = self.order.stop.is_some_and(|stop| stop.load(Ordering::Relaxed));
        if stop { Err(Halt::Terminated) } else { Ok(()) }
    }

    fn begin(&mut self, phase: &str) -> Result<(), Halt> {
        self.info(&format!("[BEGIN] ---------- PHASE: {phase} ----------"))
    }

    fn done(&mut self, phase: &str, seconds: u32) -> Result<(), Halt> {
        self.info(&format!("[DONE ] ---------- PHASE: {phase} ----------"))?;
        self.info(&format!("PHASE {phase} took {seconds} seconds"))
    }

    fn skip(&mut self, phase: &str) {
        self.log.line(Level::Warning, &format!("[SKIP ] ---------- PHASE: {phase} ----------"));
    }

    fn opening(&mut self) -> Result<(), Halt> {
        let dir = self.site.dir.display().to_string();
        let target = self.composer.paths.composes(self.order.major).display().to_string();
        let base = self.site.dir.join("work/global");
        fs::create_dir_all(&base).map_err(at(&base))?;
        let path = base.join("composeinfo-base.json");
        fs::write(&path, productmd::compose_info(self.site, false)).map_err(at(&path))?;
        self.info("Host: compose01")?;
        self.info("Pungi version: pungi-4.3.6-1.el8.noarch")?;
        self.info("User name: root")?;
        self.info(&format!("Working directory: {}", self.composer.paths.pungi().display()))?;
        let config = format!("r{}-{}.conf", self.order.major, self.site.repo.name.to_lowercase());
        self.info(&format!(
            "Command line: /usr/bin/pungi-koji --target-dir {target} --old-composes {target} --config {config} --no-label"
        ))?;
        self.info(&format!("Compose top directory: {dir}"))?;
        let offset = log::zoned(self.log.now()).strftime("%:z").to_string();
        self.info(&format!("Current timezone offset: {offset}"))?;
        self.info(&format!("COMPOSE_ID={}", self.site.id))
    }

    fn init(&mut self) -> Result<(), Halt> {
        self.begin("INIT")?;
        for variant in self.site.variants() {
            for arch in ARCHES {
                let path = trees::write_comps(self.composer, self.site, variant, arch)?;
                let text =
                    format!("Writing comps file (arch: {arch}, variant: {variant}): {}", path.display());
                self.log.line(Level::Debug, &text);
                self.info(&format!("[BEGIN] Creating comps repo for arch '{arch}' variant '{variant}'"))?;
                self.info(&format!("[DONE ] Creating comps repo for arch '{arch}' variant '{variant}'"))?;
            }
        }
        self.done("INIT", 3)
    }

    fn packages(&mut self) -> Result<(), Halt> {
        self.begin("PKGSET")?;
        let count = trees::package_count(self.composer, self.site);
        self.info("Populating the global package set from tag")?;
        self.info("[BEGIN] Linking downloaded pkgset packages")?;
        for linked in (100..count).step_by(100).chain([count]) {
            self.log.line(Level::Debug, &format!("Linked {linked} out of {count} packages"));
        }
        self.info("[DONE ] Linking downloaded pkgset packages")?;
        self.done("PKGSET", 6)
    }

    fn gather(&mut self) -> Result<(), Halt> {
        self.skip("BUILDINSTALL");
        self.begin("GATHER")?;
        for variant in self.site.variants() {
            for arch in ARCHES {
                self.info(&format!("[BEGIN] Gathering packages (arch: {arch}, variant: {variant})"))?;
                self.info(&format!("[DONE ] Gathering packages (arch: {arch}, variant: {variant})"))?;
            }
        }
        self.skip("EXTRA_FILES");
        self.skip("OSTREE");
        for variant in self.site.variants() {
            for arch in ARCHES {
                self.info(&format!("[BEGIN] Linking packages (arch: {arch}, variant: {variant})"))?;
                let count = trees::link_packages(self.composer, self.site, variant, arch)?;
                self.log.line(Level::Debug, &format!("Linked {count} out of {count} packages"));
                self.info(&format!("[DONE ] Linking packages (arch: {arch}, variant: {variant})"))?;
            }
            if self.order.ending == Ending::Abandoned {
                return Err(Halt::Abandoned);
            }
        }
        let path = trees::write_rpm_manifest(self.composer, self.site)?;
        self.info(&format!("Writing RPM manifest: {}", path.display()))?;
        self.done("GATHER", 21)
    }

    fn create_repositories(&mut self) -> Result<(), Halt> {
        self.begin("CREATEREPO")?;
        for variant in self.site.variants() {
            for tree in trees::trees_of(variant) {
                let dir = self.site.dir.join("compose").join(&tree.path);
                let arch = tree.arch.unwrap_or("None");
                let what = format!("Creating repo (arch: {arch}, variant: {variant}): {}", dir.display());
                self.info(&format!("[BEGIN] {what}"))?;
                if self.order.ending == Ending::Doomed {
                    return Err(Halt::Doomed);
                }
                trees::create_repository(self.composer, self.site, variant, &tree, self.log.fixed())?;
                self.info(&format!("[DONE ] {what}"))?;
            }
        }
        self.done("CREATEREPO", 1)?;
        let path = trees::write_module_manifest(self.composer, self.site)?;
        self.info(&format!("Writing modules metadata: {}", path.display()))
    }

    fn write_treeinfo(&mut self) -> Result<(), Halt> {
        for variant in self.site.variants() {
            for tree in trees::trees_of(variant).into_iter().filter(|tree| !tree.is_debug()) {
                let dir = self.site.dir.join("compose").join(&tree.path);
                let arch = tree.arch.unwrap_or("src");
                treeinfo::write(&dir, self.site, variant, arch, self.log.now())?;
                self.info(&format!("Writing treeinfo: {}", dir.join(".treeinfo").display()))?;
            }
        }
        Ok(())
    }

    fn create_images(&mut self) -> Result<(), Halt> {
        self.begin("WEAVER")?;
        if self.order.kind == Kind::Produce {
            self.begin("CREATEISO")?;
            for (variant, arch, name) in images::wanted(self.site) {
                let what = format!("Creating ISO (arch: {arch}, variant: {variant}): {name}");
                self.log.phase_line("CREATEISO", Level::Info, &format!("[BEGIN] {what}"));
                images::write(self.composer, self.site, variant, arch, &name, self.log.now())?;
                self.log.phase_line("CREATEISO", Level::Info, &format!("[DONE ] {what}"));
            }
            self.done("CREATEISO", 46)?;
        } else {
            self.skip("CREATEISO");
        }
        if self.order.ending == Ending::FinishedIncomplete {
            let text = format!(
                "[FAIL] Iso (variant {}, arch x86_64) failed, but going on anyway.",
                self.site.variants()[0]
            );
            self.log.phase_line("CREATEISO", Level::Error, &text);
        }
        self.skip("OSBS");
        self.begin("REPOCLOSURE")?;
        self.info("[BEGIN] Running repoclosure")?;
        self.info("[DONE ] Running repoclosure")?;
        self.done("REPOCLOSURE", 4)?;
        if self.order.kind == Kind::Produce {
            self.begin("IMAGE_CHECKSUM")?;
            images::write_checksums(self.site)?;
            self.done("IMAGE_CHECKSUM", 1)?;
        }
        self.info("[DONE ] ---------- PHASE: WEAVER ----------")
    }

    fn close(&mut self) -> Result<(), Halt> {
        self.info("[BEGIN] Writing composeinfo")?;
        let path = self.site.dir.join("compose/metadata/composeinfo.json");
        fs::write(&path, productmd::compose_info(self.site, true)).map_err(at(&path))?;
        let path = self.site.dir.join("logs/global/deliverables.json");
        fs::write(&path, "{\n    \"required\": {},\n    \"failed\": {},\n    \"attempted\": {}\n}")
            .map_err(at(&path))?;
        self.info("[DONE ] Writing composeinfo")?;
        self.begin("TEST")?;
        self.done("TEST", 1)?;
        if self.order.ending == Ending::FinishedIncomplete {
            let variant = &self.site.variants()[0];
            self.info(&format!("Failed iso on variant <{variant}>, arch <x86_64>, subvariant <None>."))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
