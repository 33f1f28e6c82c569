//! What `verify` and `diff` are about: a release of the catalog, or a folder, for which no catalog is read.

use super::args::{Global, PositionName};
use super::context;
use super::exit::Failure;
use crate::compose::read::explain;
use crate::domain::catalog::Catalog;
use crate::domain::name::ReleaseId;
use crate::domain::release::Release;
use std::path::{Path, PathBuf};

/// A release or a folder.
pub(super) enum Target {
    /// A release, and the catalog that has it.
    Release(Box<Catalog>, ReleaseId),
    /// A folder, as an absolute path.
    Folder(PathBuf),
}

/// Tells a release from a folder: what holds a slash is a folder, and so is what no release is called.
pub(super) fn of(global: &Global, text: &str) -> Result<Target, Failure> {
    let path = Path::new(text);
    if text.contains('/') || text == "." || text == ".." {
        folder(path)?;
        return Ok(Target::Folder(std::path::absolute(path)?));
    }
    let id = ReleaseId::new(text).map_err(Failure::usage);
    let known = context::catalog(global).and_then(|catalog| {
        let id = id?;
        if catalog.release(&id).is_some() {
            Ok((catalog, id))
        } else {
            Err(context::unknown_release(&catalog, &id))
        }
    });
    match known {
        Ok((catalog, id)) => Ok(Target::Release(Box::new(catalog), id)),
        Err(_) if path.is_dir() => Ok(Target::Folder(std::path::absolute(path)?)),
        Err(failure) => Err(failure),
    }
}

/// Makes sure that `path` is a folder.
pub(super) fn folder(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(_) => Err(Failure::usage_text(format!("{shown} is no folder; name the folder that holds it"))),
        Err(_) if path.to_string_lossy().contains("://") => Err(Failure::usage_text(format!(
            "{shown} is an address, and nothing is fetched; copy the tree here first (rsync, reposync) and name its folder"
        ))),
        Err(error) => {
            Err(Failure::usage_text(format!("the folder {shown} cannot be read: {}", explain(&error))))
        }
    }
}

/// Makes sure that `path` may be a repo or hold some: whoever names the metadata of one means the repo.
pub(super) fn of_repos(path: &Path) -> Result<(), Failure> {
    if !path.ends_with("repodata") {
        return Ok(());
    }
    let repo = path.parent().unwrap_or(path).display();
    let shown = path.display();
    Err(Failure::usage_text(format!("{shown} is the metadata of a repo; name the repo itself: {repo}")))
}

/// Returns where staging and production of a release are.
pub(super) fn places(release: &Release) -> Result<(PathBuf, PathBuf), Failure> {
    if let (Some(staging), Some(production)) = (release.staging(), release.production()) {
        return Ok((staging, production));
    }
    let problem = release.vars.as_ref().err().map_or("its vars files say nothing", String::as_str);
    Err(Failure::usage_text(format!("nobody says where release {} stands: {problem}", release.id)))
}

impl PositionName {
    /// Returns the word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Compose => "compose",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}
