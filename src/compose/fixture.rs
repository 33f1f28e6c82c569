//! A release in a temporary folder for the tests of this part: composes, staging and production of
//! empty files with the right names.

use crate::domain::name::{ReleaseId, RepoName, SigName};
use crate::domain::release::{Release, Repo, Toolkit, ToolkitVars};
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The folders of one release.
pub(super) struct Host {
    pub(super) dir: tempfile::TempDir,
}

impl Host {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["compose/8", "staging/pub/8.10-RC1", "production/pub/8.10"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        Self { dir }
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub(super) fn composes(&self) -> PathBuf {
        self.path("compose/8")
    }

    pub(super) fn staging(&self) -> PathBuf {
        self.path("staging/pub/8.10-RC1")
    }

    pub(super) fn production(&self) -> PathBuf {
        self.path("production/pub/8.10")
    }

    /// The release with these repos; `gluster9` belongs to the SIG `storage`, `advanced-virt` is not synced.
    pub(super) fn release(&self, repos: &[&str]) -> Release {
        release(self.dir.path(), "8", repos)
    }

    /// Makes a compose with `STATUS` and these files below `compose/`.
    pub(super) fn compose(&self, id: &str, status: &str, files: &[&str]) {
        let folder = self.composes().join(id);
        std::fs::create_dir_all(folder.join("compose")).unwrap();
        std::fs::write(folder.join("COMPOSE_ID"), id).unwrap();
        if !status.is_empty() {
            std::fs::write(folder.join("STATUS"), format!("{status}\n")).unwrap();
        }
        put(&folder.join("compose"), files);
    }

    pub(super) fn link(&self, repo: &str, target: &str) {
        let link = self.composes().join(format!("latest-{repo}-8"));
        let _ = std::fs::remove_file(&link);
        symlink(target, link).unwrap();
    }
}

/// Makes a FIFO, which stands for a mount that does not answer: opening it blocks until somebody writes to it.
pub(super) fn fifo(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    path
}

/// Counts this process' threads of a name, as far as the kernel keeps it (15 bytes).
pub(super) fn threads_called(name: &str) -> usize {
    let names = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = names.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|told| told.trim_end() == name.get(..15).unwrap_or(name)).count()
}

/// Makes empty files below `root`.
pub(super) fn put(root: &Path, files: &[&str]) {
    for file in files {
        write(root, file, "");
    }
}

/// Writes one file below `root`.
pub(super) fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Writes the metadata of a repository that was made at `time`.
pub(super) fn repomd(root: &Path, repo: &str, time: u64) {
    let text = format!(
        "<repomd><revision>{time}</revision><data type=\"primary\"><timestamp>{time}</timestamp></data></repomd>"
    );
    write(root, &format!("{repo}/repodata/repomd.xml"), &text);
}

pub(super) fn release(dir: &Path, id: &str, repos: &[&str]) -> Release {
    let name = |name: &str| RepoName::new(name).unwrap();
    let synced = repos.iter().filter(|repo| **repo != "advanced-virt");
    Release {
        id: ReleaseId::new(id).unwrap(),
        compose_dir: dir.join("compose").join(id),
        production_dir: dir.join(format!("production/pub/{id}.10")),
        toolkit: Toolkit {
            folder: dir.join("toolkit"),
            compose_folder: dir.join("pungi"),
            depth: 2,
            deletes: false,
            signer: None,
            keys: Vec::new(),
            tools: Vec::new(),
        },
        vars: Ok(ToolkitVars {
            revision: format!("{id}.10"),
            append: "-RC1".to_owned(),
            staging_root: dir.join("staging"),
            production_root: dir.join("production"),
            category: "pub".to_owned(),
            release_dir: format!("pub/{id}.10-RC1"),
            arches: vec!["x86_64".to_owned()],
            variants: Vec::new(),
            module_variants: Vec::new(),
            nonsig_composes: Vec::new(),
        }),
        sync_order: synced.map(|repo| name(repo)).collect(),
        repos: repos
            .iter()
            .map(|repo| Repo {
                name: name(repo),
                sig: (*repo == "gluster9").then(|| SigName::new("storage").unwrap()),
                scripts: BTreeMap::new(),
            })
            .collect(),
        needs: Vec::new(),
    }
}
