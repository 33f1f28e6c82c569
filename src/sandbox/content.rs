//! What the practice host is about: releases, repos, source packages and how far each repo has come.
//!
//! All of it is data in `content/practice.toml`, read here and checked once; nothing else in the sandbox names a
//! package or a repo. It must not know where anything lies on disk.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The architectures that everything is built for.
pub const ARCHES: [&str; 2] = ["aarch64", "x86_64"];

/// Why the table cannot be used; a defect of this program, since the table is part of it.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// It is not the TOML that is wanted.
    #[error("practice.toml: {0}")]
    Form(#[from] toml::de::Error),
    /// It contradicts itself.
    #[error("practice.toml: {0}")]
    Sense(String),
}

/// The whole table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Releases by major version.
    #[serde(rename = "release")]
    pub releases: BTreeMap<String, Release>,
    /// Repos in the order of the SOP.
    #[serde(rename = "repo")]
    pub repos: Vec<Repo>,
    #[serde(rename = "source")]
    sources: Vec<Source>,
}

/// One release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// `8.10`; the directory in production.
    pub revision: String,
    /// `8.10-RC1`; the directory in staging.
    pub staging: String,
    /// `el8`
    pub dist: String,
    /// `el8`; what modules depend on.
    pub platform: String,
    /// `el8.10.0`
    pub module_dist: String,
    /// `81000`; begins the version of a module.
    pub module_version: String,
}

/// One repo: what is composed as one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repo {
    /// `Rocky-devel`
    pub name: String,
    /// `Rocky Linux Devel`
    pub title: String,
    /// The group that a SIG repo belongs to.
    #[serde(default)]
    pub sig: Option<String>,
    /// Whether prep gives its os repositories groups; only the base repo's, as in the real `common_8`.
    #[serde(default)]
    pub groups: bool,
    variants: BTreeMap<String, Vec<String>>,
    history: BTreeMap<String, History>,
}

/// The newest generation that each position of a repo has on a new host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// In the latest compose.
    pub composed: u32,
    /// In staging; none if it was never synced.
    #[serde(default)]
    pub staging: Option<u32>,
    /// In production; none if it was never pushed.
    #[serde(default)]
    pub production: Option<u32>,
}

/// A variant, either the same in all releases or named per release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Variant {
    Same(String),
    PerRelease(BTreeMap<String, String>),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    name: String,
    variant: Variant,
    summary: String,
    license: String,
    #[serde(default)]
    epoch: u32,
    #[serde(default)]
    noarch: bool,
    #[serde(default)]
    debuginfo: bool,
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    requires: Vec<String>,
    #[serde(default)]
    module: Option<Module>,
    builds: BTreeMap<String, Vec<String>>,
}

/// The module stream that a source package belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// `nodejs`
    pub name: String,
    /// `18`
    pub stream: String,
    /// Whether it is the stream that one gets without asking.
    #[serde(default)]
    pub default: bool,
}

/// One build of a source package for one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// `8`
    pub major: String,
    /// `AppStream`
    pub variant: String,
    /// `httpd`
    pub name: String,
    /// 0 for none.
    pub epoch: u32,
    /// `2.4.37`
    pub version: String,
    /// `64`, without the dist tag.
    pub release: String,
    /// When it became available, counted in composes.
    pub generation: u32,
    /// One line.
    pub summary: String,
    /// An SPDX expression.
    pub license: String,
    /// Whether its packages are the same for all architectures.
    pub noarch: bool,
    /// Whether it has a debuginfo package.
    pub debuginfo: bool,
    /// Its binary packages.
    pub packages: Vec<String>,
    /// What each of them requires.
    pub requires: Vec<String>,
    /// Its module stream.
    pub module: Option<Module>,
}

impl Content {
    /// Reads the embedded table.
    pub fn embedded() -> Result<Self, ContentError> {
        let content: Self = toml::from_str(include_str!("content/practice.toml"))?;
        content.check()?;
        Ok(content)
    }

    /// Returns the repo called `name`.
    pub fn repo(&self, name: &str) -> Option<&Repo> {
        self.repos.iter().find(|repo| repo.name == name)
    }

    /// Returns every build for `major`.
    pub fn builds(&self, major: &str) -> Result<Vec<Build>, ContentError> {
        let mut builds = Vec::new();
        for source in &self.sources {
            for text in source.builds.get(major).into_iter().flatten() {
                builds.push(source.build(major, text)?);
            }
        }
        Ok(builds)
    }

    /// Returns the variants of `major` that have modules: those whose module documents prep adds.
    pub fn modular_variants(&self, major: &str) -> Result<BTreeSet<String>, ContentError> {
        let builds = self.builds(major)?;
        Ok(builds.into_iter().filter(|build| build.module.is_some()).map(|build| build.variant).collect())
    }

    fn check(&self) -> Result<(), ContentError> {
        for major in self.releases.keys() {
            let known: BTreeSet<&String> = self.repos.iter().flat_map(|repo| repo.variants(major)).collect();
            for build in self.builds(major)? {
                if !known.contains(&build.variant) {
                    let Build { name, variant, .. } = build;
                    return Err(ContentError::Sense(format!("{name}: {major} has no variant `{variant}`")));
                }
            }
        }
        Ok(())
    }
}

impl Repo {
    /// Returns the variants that this repo has in `major`.
    pub fn variants(&self, major: &str) -> &[String] {
        self.variants.get(major).map_or(&[], Vec::as_slice)
    }

    /// Returns how far the repo has come in `major` on a new host.
    pub fn history(&self, major: &str) -> Option<History> {
        self.history.get(major).copied()
    }

    /// Returns the folder below the release's directory that holds the repo's `variant`.
    pub fn place(&self, variant: &str) -> String {
        self.sig.as_ref().map_or_else(|| variant.to_owned(), |sig| format!("{sig}/{variant}"))
    }
}

impl Source {
    fn build(&self, major: &str, text: &str) -> Result<Build, ContentError> {
        let wrong =
            || ContentError::Sense(format!("{}: `{text}` is not VERSION-RELEASE@GENERATION", self.name));
        let (evr, generation) = match text.split_once('@') {
            Some((evr, generation)) => (evr, generation.parse().map_err(|_| wrong())?),
            None => (text, 0),
        };
        let (version, release) = evr.rsplit_once('-').ok_or_else(wrong)?;
        let variant = match &self.variant {
            Variant::Same(variant) => variant,
            Variant::PerRelease(by_release) => by_release
                .get(major)
                .ok_or_else(|| ContentError::Sense(format!("{}: no variant in {major}", self.name)))?,
        };
        let packages = if self.packages.is_empty() { vec![self.name.clone()] } else { self.packages.clone() };
        Ok(Build {
            major: major.to_owned(),
            variant: variant.clone(),
            name: self.name.clone(),
            epoch: self.epoch,
            version: version.to_owned(),
            release: release.to_owned(),
            generation,
            summary: self.summary.clone(),
            license: self.license.clone(),
            noarch: self.noarch,
            debuginfo: self.debuginfo && !self.noarch,
            packages,
            requires: self.requires.clone(),
            module: self.module.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_is_a_package_of_the_same_release() {
        let content = Content::embedded().unwrap();
        for major in content.releases.keys() {
            let builds = content.builds(major).unwrap();
            let names: BTreeSet<&String> = builds.iter().flat_map(|build| &build.packages).collect();
            for requirement in builds.iter().flat_map(|build| &build.requires) {
                let name = requirement.split(' ').next().unwrap().to_owned();
                assert!(names.contains(&name), "{major}: {requirement}");
            }
        }
    }

    #[test]
    fn release_8_has_every_repo_behind_and_work_waiting() {
        let content = Content::embedded().unwrap();
        let builds = content.builds("8").unwrap();
        for repo in &content.repos {
            let history = repo.history("8").unwrap();
            let newest = builds
                .iter()
                .filter(|build| repo.variants("8").contains(&build.variant))
                .map(|build| build.generation)
                .max();
            assert!(newest > Some(history.composed), "{}: nothing waits", repo.name);
            if let Some(staging) = history.staging {
                assert!(staging < history.composed && Some(staging) == history.production, "{}", repo.name);
            }
        }
    }

    #[test]
    fn each_variant_has_packages_at_its_first_compose() {
        let content = Content::embedded().unwrap();
        for major in content.releases.keys() {
            let builds = content.builds(major).unwrap();
            for variant in content.repos.iter().flat_map(|repo| repo.variants(major)) {
                let first = builds.iter().filter(|build| build.variant == *variant && build.generation == 0);
                assert!(first.count() >= 2, "{major} {variant}");
            }
        }
    }
}
