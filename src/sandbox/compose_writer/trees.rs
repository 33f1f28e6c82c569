//! The package trees of a compose: where each package goes, the links, the metadata over them.
//!
//! A variant has five trees: os and debug for each architecture, and one for the sources. Each is a repository.

use super::{ComposeError, Composer, Site, at, productmd};
use crate::sandbox::comps::{comps_xml, without_groups};
use crate::sandbox::content::{ARCHES, Content};
use crate::sandbox::koji::{Built, BuiltRpm, Category};
use crate::sandbox::metadata::{
    Compression, CreaterepoOptions, ModifyrepoOptions, createrepo, modifyrepo, set_mtime,
};
use crate::sandbox::modules::modules_yaml;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// One repository of a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct Tree {
    /// Relative to the folder of the variants: `BaseOS/x86_64/debug/tree`.
    pub(in crate::sandbox) path: PathBuf,
    /// None for the sources.
    pub(in crate::sandbox) arch: Option<&'static str>,
    /// What it holds.
    pub(in crate::sandbox) category: Category,
}

impl Tree {
    pub(in crate::sandbox) fn is_debug(&self) -> bool {
        self.category == Category::Debug
    }

    /// Says whether it is the tree that carries comps and modules.
    pub(in crate::sandbox) fn is_os(&self) -> bool {
        self.category == Category::Binary
    }

    /// Says whether a package of its variant belongs to it.
    pub(in crate::sandbox) fn takes(&self, rpm: &BuiltRpm) -> bool {
        rpm.category == self.category && self.arch.is_none_or(|arch| rpm.fits(arch))
    }
}

/// Returns the repositories of a variant that lies at `variant`.
pub(in crate::sandbox) fn trees_of(variant: &str) -> Vec<Tree> {
    let tree = |path: String, arch, category| Tree { path: path.into(), arch, category };
    let mut trees = vec![tree(format!("{variant}/source/tree"), None, Category::Source)];
    for arch in ARCHES {
        trees.push(tree(format!("{variant}/{arch}/os"), Some(arch), Category::Binary));
        trees.push(tree(format!("{variant}/{arch}/debug/tree"), Some(arch), Category::Debug));
    }
    trees
}

/// Returns where a package goes within a tree: `Packages/b/bash-….rpm`.
pub(in crate::sandbox) fn within_tree(rpm: &BuiltRpm) -> PathBuf {
    let name = rpm.file_name();
    let letter = name.chars().next().unwrap_or('_').to_ascii_lowercase();
    Path::new("Packages").join(letter.to_string()).join(name)
}

/// Returns where a package goes, relative to the folder of the variants.
pub(super) fn place(variant: &str, arch: &str, rpm: &BuiltRpm) -> PathBuf {
    let tree = match rpm.category {
        Category::Binary => format!("{variant}/{arch}/os"),
        Category::Debug => format!("{variant}/{arch}/debug/tree"),
        Category::Source => format!("{variant}/source/tree"),
    };
    Path::new(&tree).join(within_tree(rpm))
}

fn builds<'c>(composer: &Composer<'c>, site: &Site<'_>) -> Vec<&'c Built> {
    composer.koji.latest(&site.identity.major, site.variants(), site.generation)
}

pub(super) fn package_count(composer: &Composer<'_>, site: &Site<'_>) -> usize {
    builds(composer, site).iter().map(|build| build.rpms.len()).sum()
}

/// Writes `work/<arch>/comps/comps-<variant>.<arch>.xml`, which prep reads later.
pub(super) fn write_comps(
    composer: &Composer<'_>,
    site: &Site<'_>,
    variant: &str,
    arch: &str,
) -> Result<PathBuf, ComposeError> {
    let path = comps_path(site.dir, variant, arch);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(at(folder))?;
    }
    let text = if has_groups(composer.content, variant) {
        comps_xml(variant, arch, &builds(composer, site))
    } else {
        without_groups()
    };
    fs::write(&path, text).map_err(at(&path))?;
    Ok(path)
}

/// Only the base repo's variants have groups, as the real `common_8` has it.
fn has_groups(content: &Content, variant: &str) -> bool {
    let base = content.repos.iter().find(|repo| repo.name == "Rocky");
    let mut majors = content.releases.keys();
    base.is_some_and(|base| majors.any(|major| base.variants(major).iter().any(|one| one == variant)))
}

/// Returns where a compose keeps the comps file of a variant.
pub(in crate::sandbox) fn comps_path(compose: &Path, variant: &str, arch: &str) -> PathBuf {
    compose.join("work").join(arch).join("comps").join(format!("comps-{variant}.{arch}.xml"))
}

/// Links the packages of a variant and architecture, and its sources with the first one; returns how many.
pub(super) fn link_packages(
    composer: &Composer<'_>,
    site: &Site<'_>,
    variant: &str,
    arch: &str,
) -> Result<usize, ComposeError> {
    let compose = site.dir.join("compose");
    let mut made = BTreeSet::new();
    let mut count = 0;
    for tree in trees_of(variant) {
        if tree.arch.is_some_and(|of| of != arch) || tree.arch.is_none() && arch != ARCHES[0] {
            continue;
        }
        let folder = compose.join(&tree.path).join("Packages");
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        for build in builds(composer, site).into_iter().filter(|build| build.variant == variant) {
            for rpm in build.rpms.iter().filter(|rpm| tree.takes(rpm)) {
                let target = compose.join(&tree.path).join(within_tree(rpm));
                if let Some(folder) = target.parent()
                    && made.insert(folder.to_owned())
                {
                    fs::create_dir_all(folder).map_err(at(folder))?;
                }
                link_or_copy(&composer.koji.path(rpm), &target).map_err(at(&target))?;
                count += 1;
            }
        }
    }
    Ok(count)
}

/// Makes a hard link, or a copy where the store is on another file system.
fn link_or_copy(from: &Path, to: &Path) -> std::io::Result<()> {
    match fs::hard_link(from, to) {
        Err(why) if why.kind() == std::io::ErrorKind::CrossesDevices => {
            let time = fs::metadata(from)?.modified()?;
            fs::copy(from, to)?;
            fs::File::open(to)?.set_modified(time)
        }
        done => done,
    }
}

/// Writes compose/metadata/rpms.json.
pub(super) fn write_rpm_manifest(composer: &Composer<'_>, site: &Site<'_>) -> Result<PathBuf, ComposeError> {
    let text = productmd::rpms(site, &builds(composer, site), composer.koji.sigkey());
    write_metadata(site, "rpms.json", &text)
}

/// Writes compose/metadata/modules.json.
pub(super) fn write_module_manifest(
    composer: &Composer<'_>,
    site: &Site<'_>,
) -> Result<PathBuf, ComposeError> {
    write_metadata(site, "modules.json", &productmd::modules(site, &builds(composer, site)))
}

pub(super) fn write_metadata(site: &Site<'_>, name: &str, text: &str) -> Result<PathBuf, ComposeError> {
    let folder = site.dir.join("compose/metadata");
    fs::create_dir_all(&folder).map_err(at(&folder))?;
    let path = folder.join(name);
    fs::write(&path, text).map_err(at(&path))?;
    Ok(path)
}

/// Makes the metadata of one tree, with comps and modules in an os tree.
pub(super) fn create_repository(
    composer: &Composer<'_>,
    site: &Site<'_>,
    variant: &str,
    tree: &Tree,
    time: Option<u32>,
) -> Result<(), ComposeError> {
    let dir = site.dir.join("compose").join(&tree.path);
    let os_arch = tree.arch.filter(|_| tree.is_os());
    let options = CreaterepoOptions {
        groupfile: os_arch.map(|arch| comps_path(site.dir, variant, arch)),
        time,
        ..CreaterepoOptions::default()
    };
    createrepo(&dir, &options, composer.cache, &mut |_| ())?;
    let Some(arch) = os_arch else { return Ok(()) };
    let builds: Vec<&Built> =
        builds(composer, site).into_iter().filter(|build| build.variant == variant).collect();
    let Some(text) = modules_yaml(site.release, arch, &builds) else { return Ok(()) };
    let folder = site.dir.join("work").join(arch).join("modules").join(variant);
    fs::create_dir_all(&folder).map_err(at(&folder))?;
    let file = folder.join("modules.yaml");
    fs::write(&file, text).map_err(at(&file))?;
    let options =
        ModifyrepoOptions { mdtype: Some("modules".into()), compression: Some(Compression::Gzip), time };
    modifyrepo(&file, &dir.join("repodata"), &options)?;
    Ok(())
}

/// Writes the module documents that prep adds to staging: of every build so far, since staging keeps them all.
pub(super) fn write_prep_modules(
    composer: &Composer<'_>,
    major: &str,
    site: &Site<'_>,
    time: Option<u32>,
) -> Result<(), ComposeError> {
    for variant in site.variants() {
        let all = composer.koji.up_to(major, std::slice::from_ref(variant), site.generation);
        for arch in ARCHES {
            let Some(text) = modules_yaml(site.release, arch, &all) else { continue };
            let path = composer.paths.modules_yaml(major, arch, variant);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(at(folder))?;
            }
            fs::write(&path, text).map_err(at(&path))?;
            time.map_or(Ok(()), |time| set_mtime(&path, time)).map_err(at(&path))?;
        }
    }
    Ok(())
}
