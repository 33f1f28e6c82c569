//! The packages that primary.xml names: there, of the size that it says, and on demand with the checksum.
//!
//! A location that leaves its repo is told and never opened.

use super::Flaw;
use super::shelf::{Shelf, Standing};
use crate::compose::pulse::Pulse;
use crate::compose::read::explain;
use crate::repodata::checksum::Hasher;
use crate::repodata::{ChecksumKind, Package};
use crate::vet::opened;
use crate::vet::places::shown;
use crate::vet::trees::inside;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

const ADVICE: &str = "sync the repo again, or run createrepo on it and sign it again";

/// A package that is there with the right size, and what primary.xml says of its content.
#[derive(Debug)]
pub(super) struct Unread {
    repo: PathBuf,
    path: PathBuf,
    kind: ChecksumKind,
    checksum: String,
    file: (u64, u64),
}

/// A file that is read once, and every package that it is.
#[derive(Debug)]
pub(super) struct Distinct {
    kind: ChecksumKind,
    packages: Vec<Unread>,
}

/// Looks for the package that the repo at `repo` names.
pub(super) fn named(repo: &Path, package: &Package, shelf: &Shelf<'_>) -> Result<Unread, Box<Flaw>> {
    let flaw = |kind: &str, message: String| {
        let path = shown(format!("{}/{}", repo.display(), package.location()));
        let path = path.trim_start_matches('/').to_owned();
        Err(Box::new(Flaw::blocking(repo, kind, path, shown(message), ADVICE)))
    };
    let nevra =
        || format!("{}-{}-{}.{}", package.name(), package.version(), package.release(), package.arch());
    let location = match package.href() {
        Ok(location) => Path::new(location),
        Err(problem) => return flaw("outside", format!("the location of {} is wrong: {problem}", nevra())),
    };
    if let Some(base) = package.base() {
        return flaw("elsewhere", format!("{} is said to lie elsewhere: xml:base is `{base}`", nevra()));
    }
    let facts = match shelf.name(repo, location) {
        Standing::File(facts) => facts,
        Standing::Nothing => return flaw("missing", "is missing, and primary.xml names it".to_owned()),
        Standing::Astray => {
            return flaw("astray", "is a symlink that leads to nothing within the release".to_owned());
        }
        Standing::NoFile => return flaw("no-file", "is no plain file, and primary.xml names it".to_owned()),
    };
    let claimed = package.sizes.package;
    if facts.size != claimed {
        let message = format!("has {} bytes, and primary.xml says {claimed}", facts.size);
        return flaw("size", message);
    }
    Ok(Unread {
        repo: repo.to_owned(),
        path: repo.join(location),
        kind: package.checksum_kind(),
        checksum: package.pkgid().to_ascii_lowercase(),
        file: (facts.device, facts.inode),
    })
}

/// Gathers the packages that are one file: kickstart and os share most of theirs by hard links.
pub(super) fn distinct(unread: Vec<Unread>) -> Vec<Distinct> {
    let mut places = HashMap::new();
    let mut files: Vec<Distinct> = Vec::new();
    for package in unread {
        let place = *places.entry((package.file, package.kind)).or_insert_with(|| {
            files.push(Distinct { kind: package.kind, packages: Vec::new() });
            files.len() - 1
        });
        if let Some(file) = files.get_mut(place) {
            file.packages.push(package);
        }
    }
    files
}

/// Reads one file below `root` to its end and returns what is wrong with the packages that it is.
pub(super) fn read(root: &Path, file: &Distinct, pulse: &Pulse) -> Vec<Flaw> {
    let Some(first) = file.packages.first() else { return Vec::new() };
    let checksum = checksum(root, &first.path, file.kind, pulse);
    if pulse.is_cancelled() {
        return Vec::new();
    }
    let flaw = |package: &Unread| {
        let (kind, message) = match &checksum {
            Ok(checksum) if *checksum == package.checksum => return None,
            Ok(checksum) => (
                "checksum",
                format!(
                    "has the {} checksum {checksum}, and primary.xml says {}",
                    file.kind.word(),
                    package.checksum
                ),
            ),
            Err(error) => ("unreadable", format!("could not be read: {}", explain(error))),
        };
        Some(Flaw::blocking(&package.repo, kind, shown(&package.path), message, ADVICE))
    };
    file.packages.iter().filter_map(flaw).collect()
}

fn checksum(root: &Path, path: &Path, kind: ChecksumKind, pulse: &Pulse) -> io::Result<String> {
    let mut file = open(root, path)?;
    let mut hasher = Hasher::new(kind);
    let mut block = vec![0; 256 << 10];
    loop {
        let read = file.read(&mut block)?;
        if read == 0 || pulse.is_cancelled() {
            return Ok(hasher.finish().hex);
        }
        hasher.update(block.get(..read).unwrap_or_default());
        pulse.read(read as u64);
    }
}

/// Opens a file, through a symlink only if that stays below `root`.
fn open(root: &Path, path: &Path) -> io::Result<File> {
    let (real, _) = inside(root, path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    opened::open(&real)
}
