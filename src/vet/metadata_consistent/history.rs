//! Which packages that no repo names are only history: production has them already, and the repo has newer ones.
//!
//! A minor release syncs whole composes over what is there: the metadata is that of the compose, and the packages of
//! before stay on disk. They are no reason to stop. What production's users would lose by it is for `no-regression` to
//! say, and a package that is new and unnamed stays what it is: forgotten.

use super::Flaw;
use crate::compose::pulse::Pulse;
use crate::compose::tree::Tree;
use crate::domain::finding::Severity;
use crate::repodata::{Nevra, Verify, Want};
use crate::vet::repos::Opened;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Makes a warning of each flaw of `flaws` that is about history; `published` is what production has.
pub(super) fn weigh(flaws: &mut [Flaw], repos: &BTreeMap<PathBuf, Opened>, published: &Tree, pulse: &Pulse) {
    let mut by_repo: BTreeMap<PathBuf, Vec<(Nevra, &mut Flaw)>> = BTreeMap::new();
    for flaw in flaws.iter_mut() {
        let nevra = flaw.unlisted.as_deref().filter(|path| is_there(published, path)).and_then(nevra);
        if let Some(nevra) = nevra {
            by_repo.entry(flaw.repo.clone()).or_default().push((nevra, flaw));
        }
    }
    for (path, mut candidates) in by_repo {
        let Some(Ok(repo)) = repos.get(&path) else { continue };
        candidates.sort_by(|(one, _), (other, _)| (&one.name, &one.arch).cmp(&(&other.name, &other.arch)));
        let read = repo.primary(Want::IDENTITY, Verify::Sizes, pulse, |package| {
            let name = (package.name(), package.arch());
            let from = candidates.partition_point(|(one, _)| (one.name.as_str(), one.arch.as_str()) < name);
            let of_name = candidates.iter_mut().skip(from);
            // A file name has no epoch, so that none is compared.
            let listed = Nevra::new(name.0, 0, package.version(), package.release(), name.1);
            for (one, flaw) in of_name.take_while(|(one, _)| (one.name.as_str(), one.arch.as_str()) == name) {
                if one.cmp_evr(&listed).is_lt() {
                    superseded(flaw);
                }
            }
            ControlFlow::Continue(())
        });
        // What cannot be read of it has been found already, and then nothing is known of its packages.
        drop(read);
    }
}

fn superseded(flaw: &mut Flaw) {
    flaw.finding.severity = Severity::Warning;
    "is in no metadata; production has it too, and the repo names a newer one"
        .clone_into(&mut flaw.finding.message);
}

fn is_there(tree: &Tree, path: &Path) -> bool {
    let folder = path.parent().unwrap_or(Path::new("")).as_os_str();
    path.file_name().is_some_and(|name| tree.entry(folder, name).is_some())
}

/// Reads what a package is from the name of its file.
fn nevra(path: &Path) -> Option<Nevra> {
    path.file_name()?.to_str()?.strip_suffix(".rpm")?.parse().ok()
}
