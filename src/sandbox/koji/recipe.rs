//! How one build is made: its spec, its payload, its files in the store.
//!
//! Everything follows from the content table and the build time, so a host made twice has the same packages.

use super::{Built, BuiltModule, BuiltRpm, Category, KojiError, at};
use crate::sandbox::content::{ARCHES, Build, Module, Release};
use crate::sandbox::metadata::set_mtime;
use crate::sandbox::package::{Kind, PackageSpec, PayloadFile};
use crate::sandbox::signer::Signer;
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// How one build is made.
pub(super) struct Recipe<'a> {
    build: &'a Build,
    release: String,
    module: Option<BuiltModule>,
    time: u32,
}

impl<'a> Recipe<'a> {
    pub(super) fn new(release: &Release, build: &'a Build, time: u32) -> Self {
        let module = build.module.as_ref().map(|module| module_build(release, module, &build.major, time));
        let full = match &module {
            Some(module) => {
                let serial = u16::from_str_radix(&module.context[..3], 16).unwrap_or(1);
                format!("{}.module+{}+{serial}+{}", build.release, release.module_dist, module.context)
            }
            None => format!("{}.{}", build.release, release.dist),
        };
        Self { build, release: full, module, time }
    }

    pub(super) fn build_into(&self, packages: &Path, signer: &Signer) -> Result<Built, KojiError> {
        let build = self.build;
        let source = self.spec(&build.name, "x86_64", Kind::Source);
        let mut rpms = vec![self.write(packages, &source, Category::Source, signer)?];
        let kind = Kind::Binary { source_rpm: source.file_name() };
        let arches: &[&str] = if build.noarch { &["noarch"] } else { &ARCHES };
        for arch in arches {
            for name in &build.packages {
                let spec = self.spec(name, arch, kind.clone());
                rpms.push(self.write(packages, &spec, Category::Binary, signer)?);
            }
            if build.debuginfo {
                let spec = self.debuginfo(arch, kind.clone());
                rpms.push(self.write(packages, &spec, Category::Debug, signer)?);
            }
        }
        Ok(Built {
            major: build.major.clone(),
            variant: build.variant.clone(),
            name: build.name.clone(),
            source_nevra: rpms[0].nevra.clone(),
            summary: build.summary.clone(),
            license: build.license.clone(),
            generation: build.generation,
            build_time: self.time,
            module: self.module.clone(),
            rpms,
        })
    }

    fn spec(&self, name: &str, arch: &str, kind: Kind) -> PackageSpec {
        let build = self.build;
        let is_source = kind == Kind::Source;
        let files = if is_source { self.source_files() } else { self.binary_files(name, arch) };
        let installed = |name: &String| !is_source && !build.packages.contains(name);
        PackageSpec {
            name: name.to_owned(),
            epoch: build.epoch,
            version: build.version.clone(),
            release: self.release.clone(),
            arch: arch.to_owned(),
            kind,
            summary: build.summary.clone(),
            license: build.license.clone(),
            requires: build.requires.iter().filter(|name| installed(name)).cloned().collect(),
            provides: Vec::new(),
            modularity_label: self.module.as_ref().map(BuiltModule::label),
            files,
            build_time: self.time,
        }
    }

    fn debuginfo(&self, arch: &str, kind: Kind) -> PackageSpec {
        let name = format!("{}-debuginfo", self.build.name);
        let file = format!("/usr/lib/debug/usr/bin/{}-{}.debug", self.build.name, self.build.version);
        PackageSpec {
            summary: format!("Debug information for package {}", self.build.name),
            requires: Vec::new(),
            files: vec![PayloadFile { path: file, content: noise(&[&name, arch], 900), mode: 0o644 }],
            name: name.clone(),
            ..self.spec(&name, arch, kind)
        }
    }

    fn source_files(&self) -> Vec<PayloadFile> {
        let Build { name, version, summary, .. } = self.build;
        let recipe =
            format!("Name: {name}\nVersion: {version}\nRelease: {}\nSummary: {summary}\n", self.release);
        vec![
            PayloadFile { path: format!("/{name}.spec"), content: recipe.into_bytes(), mode: 0o644 },
            PayloadFile {
                path: format!("/{name}-{version}.tar.gz"),
                content: noise(&[name, version], 1500),
                mode: 0o644,
            },
        ]
    }

    fn binary_files(&self, name: &str, arch: &str) -> Vec<PayloadFile> {
        let Build { version, license, .. } = self.build;
        let (path, mode, size) = match name {
            _ if arch == "noarch" => (format!("/usr/share/{name}/{name}.conf"), 0o644, 300),
            _ if name.ends_with("-libs") => (format!("/usr/lib64/{name}.so.{version}"), 0o755, 4_000),
            // big enough for a transfer to be seen
            _ if name.starts_with("kernel") => {
                (format!("/lib/modules/{version}/vmlinuz-{name}"), 0o755, 120_000)
            }
            _ => (format!("/usr/bin/{name}"), 0o755, 2_500),
        };
        let text = |path: String, text: String| PayloadFile { path, content: text.into_bytes(), mode: 0o644 };
        vec![
            PayloadFile { path, content: noise(&[name, arch, version, &self.release], size), mode },
            text(format!("/usr/share/doc/{name}/README"), format!("{name} {version}, for practice\n")),
            text(format!("/usr/share/licenses/{name}/LICENSE"), format!("{license}\n")),
        ]
    }

    fn write(
        &self,
        packages: &Path,
        spec: &PackageSpec,
        category: Category,
        signer: &Signer,
    ) -> Result<BuiltRpm, KojiError> {
        let arch = if category == Category::Source { "src" } else { &spec.arch };
        let folder = [&self.build.name, &self.build.version, &self.release, arch].iter().collect::<PathBuf>();
        let path = folder.join(spec.file_name());
        let bytes = spec
            .build(Some(signer))
            .map_err(|source| KojiError::Build { name: self.build.name.clone(), source })?;
        let place = packages.join(&folder);
        fs::create_dir_all(&place).map_err(at(&place))?;
        let target = packages.join(&path);
        fs::write(&target, bytes).and_then(|()| set_mtime(&target, self.time)).map_err(at(&target))?;
        let PackageSpec { name, epoch, version, release, .. } = spec;
        Ok(BuiltRpm {
            path,
            name: name.clone(),
            arch: arch.to_owned(),
            nevra: format!("{name}-{epoch}:{version}-{release}.{arch}"),
            category,
        })
    }
}

fn module_build(release: &Release, module: &Module, major: &str, time: u32) -> BuiltModule {
    let digest = hex::encode(Sha256::digest(format!("{}:{}:{major}", module.name, module.stream)));
    let stamp = jiff::Timestamp::from_second(time.into())
        .map(|time| time.strftime("%Y%m%d%H%M%S").to_string())
        .unwrap_or_default();
    BuiltModule {
        name: module.name.clone(),
        stream: module.stream.clone(),
        version: format!("{}{stamp}", release.module_version).parse().unwrap_or_default(),
        context: digest[..8].to_owned(),
        default: module.default,
    }
}

/// Returns bytes that look like a program to a compressor, the same for the same seed.
fn noise(seed: &[&str], size: usize) -> Vec<u8> {
    let mut block = Sha256::digest(seed.join("\0"));
    let mut bytes = Vec::with_capacity(size + 32);
    while bytes.len() < size {
        bytes.extend_from_slice(&block);
        block = Sha256::digest(block);
    }
    bytes.truncate(size);
    bytes
}
