//! Practice hosts for one run each: one is built, the others are copies of it.
//!
//! It is made small (one release; the repos that the stories touch), because what takes time in a run is the number
//! of repos that prep and sign go through. Nothing of the scripts' work is left out, and nothing of the catalog's
//! checks: the witness comes in through the environment.

use stagegate::sandbox::host::{self, BuildOptions, Speed};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_stagegate");

/// The host that the others are copied from.
pub(crate) struct Template {
    _folder: tempfile::TempDir,
    root: PathBuf,
}

/// A host for one run.
pub(crate) struct Host {
    folder: Option<tempfile::TempDir>,
    root: PathBuf,
}

impl Template {
    /// Builds it.
    pub(crate) fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = BuildOptions {
            dir: folder.path().join("host"),
            binary: PathBuf::from(PROGRAM),
            speed: Speed::Instant,
            faults: Vec::new(),
            fresh: false,
            now: jiff::Timestamp::now(),
        };
        let root = host::build(&options, &mut |_| {}).unwrap().paths.root().to_owned();
        trim(&root);
        slow_down(&root);
        fs::create_dir(root.join("witness")).unwrap();
        fs::write(root.join("witness/witness.sh"), include_str!("witness.sh")).unwrap();
        Self { _folder: folder, root }
    }

    /// Makes a host like it.
    pub(crate) fn copy(&self) -> Host {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("host");
        let copied = Command::new("cp").args(["-a", "--reflink=auto"]).arg(&self.root).arg(&root).status();
        assert!(copied.unwrap().success());
        let name = |path: &Path| path.to_str().unwrap().to_owned();
        let catalog = fs::read_to_string(root.join("stagegate.toml")).unwrap();
        let catalog = catalog.replace(&name(&self.root), &name(&root));
        let (witness, path) = (root.join("witness"), "set = { PATH = ");
        let witnessed = format!(
            "set = {{ BASH_ENV = \"{0}/witness.sh\", CHAOS = \"{0}\", PATH = ",
            witness.to_str().unwrap()
        );
        assert!(catalog.contains(path), "{catalog}");
        fs::write(root.join("stagegate.toml"), catalog.replacen(path, &witnessed, 1)).unwrap();
        fs::write(witness.join("lives"), "").unwrap();
        Host { folder: Some(folder), root }
    }
}

/// Leaves release 8 alone, with the repos that the stories sync.
fn trim(root: &Path) {
    let gone = |path: String| fs::remove_dir_all(root.join(path)).unwrap();
    for composes in ["9", "9_metadata", "10"] {
        gone(format!("mnt/compose/{composes}"));
    }
    for release in ["9.6", "10.0"] {
        gone(format!("mnt/repos-staging/mirror/pub/rocky/{release}-RC1"));
        gone(format!("mnt/repos-production/mirror/pub/rocky/{release}"));
    }
    for repo in ["Devel", "nfv", "plus", "storage"] {
        gone(format!("mnt/repos-staging/mirror/pub/rocky/8.10-RC1/{repo}"));
        gone(format!("mnt/repos-production/mirror/pub/rocky/8.10/{repo}"));
    }
    let catalog = fs::read_to_string(root.join("stagegate.toml")).unwrap();
    let (head, rest) = catalog.split_once("[releases.9]").unwrap();
    let (_, tail) = rest.split_once("# ----").unwrap();
    fs::write(root.join("stagegate.toml"), format!("{head}# ----{tail}")).unwrap();
}

/// Makes the two quick steps last long enough to be caught in the middle, and lets the witness see the end of one
/// whose script is replaced by its program.
fn slow_down(root: &Path) {
    let compose = root.join("pungi/scripts/compose.sh");
    let text = fs::read_to_string(&compose).unwrap();
    assert!(text.contains("exec pungi-koji"), "{text}");
    fs::write(&compose, text.replace("exec pungi-koji", "sleep 0.05; pungi-koji")).unwrap();
    fs::create_dir(root.join("slow")).unwrap();
    fs::rename(root.join("bin/rsync"), root.join("slow/rsync")).unwrap();
    let slow = "#!/bin/sh\nsleep 0.02\nexec \"${0%/bin/*}/slow/rsync\" \"$@\"\n";
    fs::write(root.join("bin/rsync"), slow).unwrap();
    fs::set_permissions(root.join("bin/rsync"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

impl Host {
    /// Returns a path on it.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Returns the staging directory of the release.
    pub(crate) fn staging(&self) -> PathBuf {
        self.at("mnt/repos-staging/mirror/pub/rocky/8.10-RC1")
    }

    /// Returns the arguments that lead every command to it.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        vec!["--config".into(), path(self.at("stagegate.toml")), "--state".into(), path(self.at("state"))]
    }

    /// Prepares a command on it.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(self.arguments()).args(args).stdin(Stdio::null());
        command
    }

    /// Keeps its folder and returns where it is: somebody will want to look.
    pub(crate) fn keep(&mut self) -> PathBuf {
        if let Some(folder) = self.folder.take() {
            let _kept = folder.keep();
        }
        self.root.clone()
    }
}
