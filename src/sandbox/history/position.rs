//! Staging and production of one repo, as the release scripts leave them.
//!
//! Packages are copied, not linked: the real mounts are other file systems, and a practised accident in staging must
//! not reach the store or production.

use super::{Era, HistoryError, at};
use crate::sandbox::advisories::updateinfo_xml;
use crate::sandbox::compose_writer::{
    treeinfo,
    trees::{Tree, comps_path, trees_of, within_tree},
};
use crate::sandbox::content::{History, Release, Repo};
use crate::sandbox::metadata::{
    Compression, CreaterepoOptions, ModifyrepoOptions, createrepo, modifyrepo, repomd::DistroTag, set_mtime,
};
use crate::sandbox::modules::modules_yaml;
use std::{
    fs,
    path::{Path, PathBuf},
};
use walkdir::WalkDir;

/// The files at the head of a compose's tree that a sync takes along.
const HEAD: [&str; 3] = [".treeinfo", ".discinfo", "media.repo"];

/// Makes both positions of a repo; `composes` are its good composes by generation.
pub(super) fn make(
    era: &Era<'_>,
    major: &str,
    repo: &Repo,
    history: History,
    composes: &[PathBuf],
) -> Result<(), HistoryError> {
    let Some(release) = era.content.releases.get(major) else { return Ok(()) };
    let staging = era.paths.staging().join(&release.staging);
    let production = era.paths.production().join(&release.revision);
    let build = |root: &Path, generation: u32| -> Result<(), HistoryError> {
        let Some(compose) = composes.get(generation as usize) else { return Ok(()) };
        let site = Site { era, major, release, repo, root, generation, compose };
        repo.variants(major).iter().try_for_each(|variant| site.variant(variant))
    };
    if let Some(generation) = history.staging {
        build(&staging, generation)?;
    }
    match history.production {
        Some(generation) if history.staging == Some(generation) => repo
            .variants(major)
            .iter()
            .map(|variant| repo.place(variant))
            .try_for_each(|place| copy_tree(&staging.join(&place), &production.join(&place))),
        Some(generation) => build(&production, generation),
        None => Ok(()),
    }
}

/// A position of a repo.
struct Site<'a> {
    era: &'a Era<'a>,
    major: &'a str,
    release: &'a Release,
    repo: &'a Repo,
    root: &'a Path,
    generation: u32,
    compose: &'a Path,
}

impl Site<'_> {
    fn variant(&self, variant: &str) -> Result<(), HistoryError> {
        for tree in trees_of(variant) {
            let below = tree.path.strip_prefix(variant).unwrap_or(&tree.path);
            let dir = self.root.join(self.repo.place(variant)).join(below);
            self.copy_packages(variant, &tree, &dir)?;
            self.index(variant, &tree, &dir)?;
            sign(self.era, &dir, self.time())?;
        }
        Ok(())
    }

    fn time(&self) -> u32 {
        self.era.calendar.staged(self.generation)
    }

    /// Copies every package up to the generation: what earlier syncs brought stays.
    fn copy_packages(&self, variant: &str, tree: &Tree, dir: &Path) -> Result<(), HistoryError> {
        let Era { koji, cache, .. } = self.era;
        let folder = dir.join("Packages");
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        let variant = variant.to_owned();
        for build in koji.up_to(self.major, std::slice::from_ref(&variant), self.generation) {
            for rpm in build.rpms.iter().filter(|rpm| tree.takes(rpm)) {
                let from = koji.path(rpm);
                let to = dir.join(within_tree(rpm));
                if let Some(folder) = to.parent() {
                    fs::create_dir_all(folder).map_err(at(folder))?;
                }
                fs::copy(&from, &to).map_err(at(&to))?;
                set_mtime(&to, build.build_time).map_err(at(&to))?;
                if let Ok((record, _)) = cache.read(&from) {
                    cache.remember(&to, &record).map_err(at(&to))?;
                }
            }
        }
        Ok(())
    }

    /// Makes the metadata as prep and the errata do, and the files at the head of the tree.
    fn index(&self, variant: &str, tree: &Tree, dir: &Path) -> Result<(), HistoryError> {
        let time = Some(self.time());
        let os_arch = tree.arch.filter(|_| tree.is_os());
        let group = os_arch.filter(|_| self.repo.groups);
        let options = CreaterepoOptions {
            groupfile: group.map(|arch| comps_path(self.compose, variant, arch)),
            revision: group.map(|_| self.release.revision.clone()),
            distro: vec![DistroTag::parse(&format!("cpe:/o:rocky:rocky:{0},Rocky Linux {0}", self.major))],
            time,
            ..CreaterepoOptions::default()
        };
        createrepo(dir, &options, self.era.cache, &mut |_| ())?;
        if let Some(arch) = os_arch {
            let variant = variant.to_owned();
            let builds = self.era.koji.up_to(self.major, std::slice::from_ref(&variant), self.generation);
            if let Some(text) = modules_yaml(self.release, arch, &builds) {
                add(dir, "modules", "modules.yaml", &text, time)?;
            }
            add(dir, "updateinfo", "updateinfo.xml", &updateinfo_xml(dir, self.era.cache), time)?;
        }
        for name in HEAD {
            let from = self.compose.join("compose").join(&tree.path).join(name);
            if from.is_file() {
                copy_file(&from, &dir.join(name))?;
            }
        }
        treeinfo::renew(dir, time)?;
        Ok(())
    }
}

/// Adds a document to a repository, through a file beside it.
fn add(dir: &Path, kind: &str, name: &str, text: &str, time: Option<u32>) -> Result<(), HistoryError> {
    let file = dir.join(name);
    fs::write(&file, text).map_err(at(&file))?;
    let options = ModifyrepoOptions { mdtype: Some(kind.into()), compression: Some(Compression::Xz), time };
    modifyrepo(&file, &dir.join("repodata"), &options)?;
    fs::remove_file(&file).map_err(at(&file))
}

fn sign(era: &Era<'_>, dir: &Path, time: u32) -> Result<(), HistoryError> {
    let repomd = dir.join("repodata/repomd.xml");
    let bytes = fs::read(&repomd).map_err(at(&repomd))?;
    let path = dir.join("repodata/repomd.xml.asc");
    fs::write(&path, era.signer.detach_sign_armored(&bytes, time)?).map_err(at(&path))?;
    set_mtime(&path, time).map_err(at(&path))
}

fn copy_file(from: &Path, to: &Path) -> Result<(), HistoryError> {
    let time = fs::metadata(from).and_then(|metadata| metadata.modified()).map_err(at(from))?;
    fs::copy(from, to).map_err(at(to))?;
    fs::File::open(to).and_then(|file| file.set_modified(time)).map_err(at(to))
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), HistoryError> {
    for entry in WalkDir::new(from).into_iter().filter_map(Result::ok) {
        let target = to.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        if entry.file_type().is_dir() {
            fs::create_dir_all(&target).map_err(at(&target))?;
        } else {
            copy_file(entry.path(), &target)?;
        }
    }
    Ok(())
}
