//! The trees that every defect starts from: built once in a run of the tests, under a lock, and copied.
//!
//! They lie in cargo's folder for tests, so that nothing is left elsewhere; another run of the tests waits for this one.

use super::repo::{Repo, run};
use super::specs::{self, APP, BASE, REPOS, at};
use stagegate::sandbox::signer::Signer;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What all copies share.
#[derive(Debug)]
pub(crate) struct Template {
    folder: PathBuf,
    pub(crate) own: Signer,
    pub(crate) foreign: Signer,
    _lock: File,
}

/// Returns the template of this run.
pub(crate) fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(build)
}

fn build() -> Template {
    let above = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(above).unwrap();
    let lock = File::create(above.join("corpus.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let folder = above.join("corpus");
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    let signer = |name: &str| Signer::generate(name, 1_600_000_000).unwrap();
    let template = Template { folder, own: signer("own"), foreign: signer("foreign"), _lock: lock };
    std::thread::scope(|scope| {
        for staged in [true, false] {
            let template = &template;
            scope.spawn(move || position(template, staged));
        }
    });
    fs::write(template.folder.join("own.asc"), template.own.public_armored().unwrap()).unwrap();
    template
}

fn position(template: &Template, staged: bool) {
    let root = template.folder.join(if staged { "staging" } else { "production" });
    for spec in REPOS {
        for (nevra, requires) in spec.packages {
            if staged || !spec.new.contains(nevra) {
                let bytes = specs::package(nevra, requires, nevra).build(Some(&template.own)).unwrap();
                let file = root.join(at(spec.path, nevra));
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, bytes).unwrap();
            }
        }
        let repo = Repo::at(root.join(spec.path), &template.own);
        repo.createrepo(&[]);
        furnish(&repo, spec.path, staged);
        repo.sign();
    }
}

/// Adds what createrepo is not told of.
fn furnish(repo: &Repo<'_>, path: &str, staged: bool) {
    if path == BASE {
        repo.add("group", &specs::comps(&["core", "base"]));
        let advisories: &[_] =
            if staged { &[specs::OLD_ADVISORY, specs::NEW_ADVISORY] } else { &[specs::OLD_ADVISORY] };
        repo.add("updateinfo", &specs::updateinfo(advisories));
    } else if path == APP {
        repo.add("group", &specs::comps(&["web", "development"]));
        let node = if staged { specs::NODE } else { specs::NODE_BEFORE };
        repo.add("modules", &specs::modules(&[specs::PERL_OLD, specs::PERL_NEW, node]));
        repo.add("updateinfo", &specs::updateinfo(&[specs::HTTPD_ADVISORY, specs::NODE_ADVISORY]));
    }
}

/// A copy of the trees, for one defect.
#[derive(Debug)]
pub(crate) struct Trees {
    dir: tempfile::TempDir,
}

impl Trees {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let from = template().folder.join(".");
        run("cp", &["-a", "--reflink=auto", from.to_str().unwrap(), dir.path().to_str().unwrap()]);
        Self { dir }
    }

    pub(crate) fn staging(&self, path: &str) -> PathBuf {
        self.dir.path().join("staging").join(path)
    }

    pub(crate) fn production(&self, path: &str) -> PathBuf {
        self.dir.path().join("production").join(path)
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.dir.path().join("own.asc")
    }

    /// Returns a repo of staging.
    pub(crate) fn repo(&self, path: &str) -> Repo<'static> {
        Repo::at(self.staging(path), &template().own)
    }

    /// Removes a package of staging and has createrepo make its repo's metadata anew.
    pub(crate) fn without(&self, repo: &str, nevras: &[&str]) {
        for nevra in nevras {
            fs::remove_file(self.staging(&at(repo, nevra))).unwrap();
        }
        self.repo(repo).refresh();
    }

    /// Puts a package into staging, signed, and has createrepo make its repo's metadata anew.
    pub(crate) fn with(&self, repo: &str, nevra: &str, requires: &[&str]) {
        let bytes = specs::package(nevra, requires, "another").build(Some(&template().own)).unwrap();
        self.put(repo, nevra, &bytes);
        self.repo(repo).refresh();
    }

    /// Writes a package's file.
    pub(crate) fn put(&self, repo: &str, nevra: &str, bytes: &[u8]) {
        let file = self.staging(&at(repo, nevra));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
}
