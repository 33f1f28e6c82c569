//! Which packages that no repo names are only history: the repo names a newer one of the same name.
//!
//! A minor release syncs whole composes over what is there: the metadata is that of the compose, and the packages of
//! before stay on disk, os and kickstart alike. Nobody would be offered them, so they are no reason to stop. What
//! production's users would lose by it is for `no-regression` and `modules-present` to say, and a package that is newer
//! than what is named stays what it is: forgotten.

use super::Flaw;
use crate::compose::pulse::Pulse;
use crate::domain::finding::Severity;
use crate::repodata::{Nevra, Verify, Want};
use crate::vet::repos::Opened;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Makes a warning of each flaw of `flaws` that is about history.
pub(super) fn weigh(flaws: &mut [Flaw], repos: &BTreeMap<PathBuf, Opened>, pulse: &Pulse) {
    let mut by_repo: BTreeMap<PathBuf, Vec<(Nevra, &mut Flaw)>> = BTreeMap::new();
    for flaw in flaws.iter_mut() {
        if let Some(nevra) = flaw.unlisted.as_deref().and_then(nevra) {
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
    "is on disk and in no metadata; the repo names a newer one".clone_into(&mut flaw.finding.message);
}

/// Reads what a package is from the name of its file.
fn nevra(path: &Path) -> Option<Nevra> {
    path.file_name()?.to_str()?.strip_suffix(".rpm")?.parse().ok()
}
