//! Where everything of a practice host lies, below its one folder.
//!
//! The only place that spells these paths: the data, the scripts and the tools of the sandbox all ask here. It
//! must not touch the disk. The names below `mnt/` are those of the real host (the SOP's mount structure).

use std::path::{Path, PathBuf};

/// The paths of one practice host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPaths {
    root: PathBuf,
}

impl HostPaths {
    /// Makes the paths of the host in `root`, which should be absolute.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns the folder that holds the whole host.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the folder of the mounts, `mnt`.
    pub fn mnt(&self) -> PathBuf {
        self.root.join("mnt")
    }

    /// Returns the mount of the build system, `mnt/koji`.
    pub fn koji(&self) -> PathBuf {
        self.mnt().join("koji")
    }

    /// Returns the folder of the built packages, `mnt/koji/packages`.
    pub fn koji_packages(&self) -> PathBuf {
        self.koji().join("packages")
    }

    /// Returns the index of builds and tags, `mnt/koji/index.json`.
    pub fn koji_index(&self) -> PathBuf {
        self.koji().join("index.json")
    }

    /// Returns the mount of the composes, `mnt/compose`.
    pub fn compose(&self) -> PathBuf {
        self.mnt().join("compose")
    }

    /// Returns the folder of the composes of one major version, `mnt/compose/8`.
    pub fn composes(&self, major: &str) -> PathBuf {
        self.compose().join(major)
    }

    /// Returns the link to the latest compose of a repo, `mnt/compose/8/latest-Rocky-8`.
    pub fn latest_link(&self, major: &str, repo: &str) -> PathBuf {
        self.composes(major).join(format!("latest-{repo}-{major}"))
    }

    /// Returns the module documents that prep adds, `mnt/compose/8_metadata/x86_64/AppStream-modules.yaml`.
    pub fn modules_yaml(&self, major: &str, arch: &str, variant: &str) -> PathBuf {
        self.compose().join(format!("{major}_metadata")).join(arch).join(format!("{variant}-modules.yaml"))
    }

    /// Returns the staging mount, `mnt/repos-staging`.
    pub fn staging_mount(&self) -> PathBuf {
        self.mnt().join("repos-staging")
    }

    /// Returns the production mount, `mnt/repos-production`.
    pub fn production_mount(&self) -> PathBuf {
        self.mnt().join("repos-production")
    }

    /// Returns the category folder of staging, `mnt/repos-staging/mirror/pub/rocky`.
    pub fn staging(&self) -> PathBuf {
        self.staging_mount().join("mirror/pub/rocky")
    }

    /// Returns the category folder of production, `mnt/repos-production/mirror/pub/rocky`.
    pub fn production(&self) -> PathBuf {
        self.production_mount().join("mirror/pub/rocky")
    }

    /// Returns the folder of the keys, `keys`.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// Returns the armored secret key that signs packages and metadata (mode 0600).
    pub fn secret_key(&self) -> PathBuf {
        self.keys().join("sandbox.secret.asc")
    }

    /// Returns the armored public key.
    pub fn public_key(&self) -> PathBuf {
        self.keys().join("RPM-GPG-KEY-sandbox")
    }

    /// Returns the folder of the tools that the scripts call, `bin`.
    pub fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// Returns the folder of the pungi configuration and its scripts, `pungi`.
    pub fn pungi(&self) -> PathBuf {
        self.root.join("pungi")
    }

    /// Returns the folder of the release engineering toolkit, `toolkit`.
    pub fn toolkit(&self) -> PathBuf {
        self.root.join("toolkit")
    }

    /// Returns the catalog of the host, `stagegate.toml`.
    pub fn catalog(&self) -> PathBuf {
        self.root.join("stagegate.toml")
    }
}
