//! What lies in a position and in no metadata: packages that no repo names, packages without any repo, and what an
//! interrupted createrepo or rsync left in a repo.
//!
//! A folder of packages that has no metadata at all is one finding, whatever is in it.

use super::Flaw;
use super::shelf::{Shelf, path};
use crate::vet::places::{is_rsync_temporary, shown};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

const CREATEREPO: &str = "run createrepo on the repo again, then sign it again";
const REMOVE: &str = "see that nothing still runs, then remove it";

/// Returns what is wrong; `known` says of each repo whether it is known what it names.
pub(super) fn flaws(shelf: &Shelf<'_>, known: &BTreeMap<&Path, bool>) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let mut without = BTreeSet::new();
    for (folder, name) in shelf.unnamed() {
        match repo_of(Path::new(folder), known) {
            Some((repo, true)) => {
                let path = PathBuf::from(path(folder, name));
                let message = "is on disk and in no metadata: nobody can install it";
                let flaw = Flaw::blocking(repo, "unlisted", shown(&path), message, CREATEREPO);
                flaws.push(Flaw { unlisted: Some(path), ..flaw });
            }
            // What a repo names is not known, which is a finding already.
            Some((_, false)) => {}
            None => {
                without.insert(shelf_of(Path::new(folder)));
            }
        }
    }
    for dir in &shelf.tree.directories {
        let path = Path::new(&*dir.path);
        if path.file_name() == Some(OsStr::new("Packages")) && repo_of(path, known).is_none() {
            without.insert(shelf_of(path));
        }
    }
    flaws.extend(without.into_iter().map(|packages| without_metadata(shelf, &packages)));
    leftovers(shelf, known, &mut flaws);
    flaws
}

/// Returns the nearest repo in which a path lies.
fn repo_of<'k>(path: &Path, known: &BTreeMap<&'k Path, bool>) -> Option<(&'k Path, bool)> {
    path.ancestors().find_map(|folder| known.get_key_value(folder)).map(|(repo, known)| (*repo, *known))
}

/// Returns the folder that a repo would call `Packages`: the first of that name, or the one that packages lie in.
fn shelf_of(folder: &Path) -> PathBuf {
    let whole = folder.ancestors().collect::<Vec<_>>();
    let named = whole.into_iter().rev().find(|part| part.file_name() == Some(OsStr::new("Packages")));
    named.unwrap_or(folder).to_owned()
}

fn without_metadata(shelf: &Shelf<'_>, packages: &Path) -> Flaw {
    let is_packages = packages.file_name() == Some(OsStr::new("Packages"));
    let repo = packages.parent().filter(|_| is_packages).unwrap_or(packages);
    let killed = shelf.tree.directory(repo.join(".repodata").as_os_str()).is_some();
    let message = if killed {
        "holds packages without metadata: there is no repodata, only the .repodata of a createrepo that was killed"
    } else {
        "holds packages without metadata: there is no repodata"
    };
    Flaw::blocking(
        repo,
        "no-repodata",
        shown(packages),
        message,
        "run createrepo on it, or sync the repo again",
    )
}

fn leftovers(shelf: &Shelf<'_>, known: &BTreeMap<&Path, bool>, flaws: &mut Vec<Flaw>) {
    for dir in &shelf.tree.directories {
        let folder = Path::new(&*dir.path);
        let Some((repo, _)) = repo_of(folder, known) else { continue };
        if folder.file_name() == Some(OsStr::new(".repodata")) {
            let message = "is left by a createrepo that was killed; every later one skips this repo";
            flaws.push(Flaw::blocking(repo, "leftover", shown(folder), message, REMOVE));
        }
        for entry in dir.entries.iter().filter(|entry| is_rsync_temporary(&entry.name)) {
            let path = shown(PathBuf::from(path(&dir.path, &entry.name)));
            let message = "is left by an rsync that was killed; a push would publish it";
            flaws.push(Flaw::blocking(repo, "leftover", path, message, REMOVE));
        }
    }
}
