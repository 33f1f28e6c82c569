//! Releases and their repos, with the folders they live in.
//!
//! The catalog says which releases and repos there are; the toolkit's own vars files say where their
//! content stands. Both arrive here resolved, so that the rest of the house asks no file.

use super::name::{FlowName, ReleaseId, RepoName, SigName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is composed and synced as one within a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repo {
    /// Its short name, as in `latest-NAME-8`.
    pub name: RepoName,
    /// The SIG it belongs to, if it is a SIG repo; its content stands in a folder of that name.
    pub sig: Option<SigName>,
    /// The compose script of each flow; a flow without one uses that of `update`.
    pub scripts: BTreeMap<FlowName, String>,
}

impl Repo {
    /// Returns the script that composes this repo in `flow`.
    pub fn script(&self, flow: &FlowName) -> Option<&str> {
        self.scripts
            .get(flow)
            .or_else(|| {
                self.scripts.iter().find(|(name, _)| name.as_str() == "update").map(|(_, script)| script)
            })
            .map(String::as_str)
    }
}

/// What the toolkit's vars files (`common`, `common_8`) say about one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolkitVars {
    /// `REVISION`: `8.10`.
    pub revision: String,
    /// `APPEND_TO_DIR`: `-RC1`, or empty.
    pub append: String,
    /// `STAGING_ROOT`.
    pub staging_root: PathBuf,
    /// `PRODUCTION_ROOT`.
    pub production_root: PathBuf,
    /// `CATEGORY_STUB`: `mirror/pub/rocky`.
    pub category: String,
    /// `RELEASE_DIR`, relative to a root: `mirror/pub/rocky/8.10-RC1`.
    pub release_dir: String,
    /// `ARCHES`.
    pub arches: Vec<String>,
    /// `ALL_REPOS`: the variants that prep and sign walk through.
    pub variants: Vec<String>,
    /// `MODS`: the variants with module data.
    pub module_variants: Vec<String>,
    /// `NONSIG_COMPOSE`: the composes that the minor flow syncs.
    pub nonsig_composes: Vec<String>,
}

/// How the toolkit's scripts move content, where its vars files do not say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolkit {
    /// The folder of the sync scripts; steps run in it.
    pub folder: PathBuf,
    /// The folder of the compose scripts.
    pub compose_folder: PathBuf,
    /// The directory depth at which sync and push pick up content: 2 is `BaseOS/x86_64`. Shallower files are never copied.
    pub depth: u8,
    /// Whether a push deletes what staging does not have.
    pub deletes: bool,
    /// The signing script, which must be executable.
    pub signer: Option<PathBuf>,
    /// The public keys that metadata must be signed with; without any, only stale signatures are found.
    pub keys: Vec<PathBuf>,
    /// Programs that the scripts call and that must be found in `PATH`.
    pub tools: Vec<String>,
}

/// One major version at its current revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its id: `8`.
    pub id: ReleaseId,
    /// Where its composes stand: `/mnt/compose/8`.
    pub compose_dir: PathBuf,
    /// Where a publish puts it, below the production root.
    pub production_dir: PathBuf,
    /// The toolkit that moves it.
    pub toolkit: Toolkit,
    /// What the toolkit's vars files say, or why they could not be read; then nothing of the release can run.
    pub vars: Result<ToolkitVars, String>,
    /// All its repos, in compose order.
    pub repos: Vec<Repo>,
    /// The repos that can be synced, in sync order.
    pub sync_order: Vec<RepoName>,
    /// Further files that must be there before its staging is prepared (comps, module data).
    pub needs: Vec<Need>,
}

/// A file that must be there before staging is prepared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// The file.
    pub path: PathBuf,
    /// The folder of staging that it is needed for, relative to the release's; without one it is always needed.
    pub only_where: Option<PathBuf>,
}

impl Release {
    /// Returns the repo called `name`.
    pub fn repo(&self, name: &RepoName) -> Option<&Repo> {
        self.repos.iter().find(|repo| repo.name == *name)
    }

    /// Returns the link that names the latest compose of `repo`: `/mnt/compose/8/latest-Rocky-8`.
    pub fn latest_link(&self, repo: &RepoName) -> PathBuf {
        self.compose_dir.join(format!("latest-{repo}-{}", self.id))
    }

    /// Returns the release's staging directory, where the vars could be read.
    pub fn staging(&self) -> Option<PathBuf> {
        self.vars.as_ref().ok().map(|vars| vars.staging_root.join(&vars.release_dir))
    }

    /// Returns the release's production directory, where the vars could be read.
    pub fn production(&self) -> Option<PathBuf> {
        self.vars.as_ref().ok().map(|_| self.production_dir.clone())
    }

    /// Returns the revision, `8.10`, or the id where the vars could not be read.
    pub fn revision(&self) -> &str {
        self.vars.as_ref().map_or(self.id.as_str(), |vars| vars.revision.as_str())
    }
}
