//! The phases of one compose, in pungi's order, each with its lines in the log.
//!
//! What a phase leaves on disk is written by its neighbours; here is when, and how a compose ends.

use super::log::{self, Level, Log};
use super::{ComposeError, Composer, Ending, Kind, Order, Site, at, images, productmd, treeinfo, trees};
use crate::sandbox::content::ARCHES;
use std::{fs, sync::atomic::Ordering};

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
pub(super) struct Run<'a, 'p> {
    pub(super) composer: &'a Composer<'a>,
    pub(super) order: &'a Order<'a>,
    pub(super) site: &'a Site<'a>,
    pub(super) log: &'a mut Log<'p>,
}

impl Run<'_, '_> {
    /// Writes everything and returns the text of STATUS.
    pub(super) fn write(&mut self) -> Result<&'static str, ComposeError> {
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
