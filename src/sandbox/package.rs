//! Real RPM packages, built without rpmbuild: binary, debuginfo and source packages, signed or not.
//!
//! The `rpm` crate's builder knows binary packages only, so the built header is opened once more for what it
//! lacks (the source package's name, the mark of a source package, the modularity label) and closed with new
//! digests. Everything but the signature is a function of the spec. It must not touch the disk.

use super::signer::Signer;
use rpm::signature::Signing;
use rpm::{
    BuildConfig, CompressionWithLevel, Dependency, FileOptions, Header, HeaderEntry, IndexData, IndexTag,
    Package, PackageBuilder, RpmFormat, SignatureHeaderBuilder,
};

/// The byte of the lead that tells a source package (1) from a binary one (0); rpm's docs/manual/format.
const LEAD_TYPE: usize = 7;

/// One file of a package's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadFile {
    /// Where it is installed; for a source package its bare name after a slash.
    pub path: String,
    /// What it holds.
    pub content: Vec<u8>,
    /// The permission bits.
    pub mode: u16,
}

/// What sort of package to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A package to install, built from the source package of this file name.
    Binary {
        /// `bash-4.4.20-5.el8.src.rpm`
        source_rpm: String,
    },
    /// A source package.
    Source,
}

/// Everything that makes a package what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageSpec {
    /// `bash`
    pub name: String,
    /// 0 is written as no epoch.
    pub epoch: u32,
    /// `4.4.20`
    pub version: String,
    /// `5.el8`
    pub release: String,
    /// `x86_64`, `aarch64` or `noarch`; of a source package the architecture it was built on.
    pub arch: String,
    /// Binary or source.
    pub kind: Kind,
    /// One line.
    pub summary: String,
    /// An SPDX expression.
    pub license: String,
    /// Requirements: `glibc`, `openssl-libs = 1:1.1.1k-12.el8`, `bash >= 4.4`.
    pub requires: Vec<String>,
    /// Provides beyond the package's own name, in the same form.
    pub provides: Vec<String>,
    /// `nodejs:18:8100020240101120000:489197e6`
    pub modularity_label: Option<String>,
    /// The payload.
    pub files: Vec<PayloadFile>,
    /// Unix seconds: build time, file times and signature time.
    pub build_time: u32,
}

impl PackageSpec {
    /// Returns `bash-4.4.20-5.el8.x86_64.rpm`, or `.src.rpm` for a source package.
    pub fn file_name(&self) -> String {
        let arch = if self.kind == Kind::Source { "src" } else { &self.arch };
        format!("{}-{}-{}.{arch}.rpm", self.name, self.version, self.release)
    }

    /// Builds the package and returns the bytes of its file; unsigned without a `signer`.
    pub fn build(&self, signer: Option<&Signer>) -> Result<Vec<u8>, rpm::Error> {
        let mut package = self.prepare()?.build()?;
        self.complete_header(&mut package)?;
        self.close(&mut package, signer)?;
        let mut bytes = Vec::with_capacity(8192);
        package.write(&mut bytes)?;
        if self.kind == Kind::Source {
            bytes[LEAD_TYPE] = 1;
        }
        Ok(bytes)
    }

    fn prepare(&self) -> Result<PackageBuilder, rpm::Error> {
        let mut builder =
            PackageBuilder::new(&self.name, &self.version, &self.license, &self.arch, &self.summary);
        let config = BuildConfig::v4()
            .source_date(self.build_time)
            .compression(CompressionWithLevel::Gzip(6))
            .reserved_space(None);
        builder
            .using_config(config)
            .release(&*self.release)
            .vendor("Practice host")
            .packager("Practice <practice@sandbox.invalid>")
            .url(format!("https://sandbox.invalid/{}", self.name))
            .build_host("builder.sandbox.invalid")
            .description(format!("{}.\nBuilt for practice; it does nothing.", self.summary));
        if self.epoch > 0 {
            builder.epoch(self.epoch);
        }
        for text in &self.requires {
            builder.requires(dependency(text));
        }
        for text in &self.provides {
            builder.provides(dependency(text));
        }
        builder.add_changelog_entry(
            format!("Practice <practice@sandbox.invalid> - {}-{}", self.version, self.release),
            "- Rebuilt for practice",
            self.build_time,
        );
        for file in &self.files {
            let options = FileOptions::new(&*file.path).permissions(file.mode);
            builder.with_file_contents(file.content.clone(), options)?;
        }
        Ok(builder)
    }

    /// Adds to the header what the builder cannot write.
    fn complete_header(&self, package: &mut Package) -> Result<(), rpm::Error> {
        let mut entries: Vec<HeaderEntry> = package
            .metadata
            .header
            .get_all_entries()?
            .into_iter()
            .filter(|(tag, _)| {
                *tag != IndexTag::RPMTAG_HEADERIMMUTABLE as u32 && *tag != IndexTag::RPMTAG_SOURCERPM as u32
            })
            .map(|(tag, data)| HeaderEntry::new(tag, data))
            .collect();
        let mut add = |tag: IndexTag, data| entries.push(HeaderEntry::new(tag as u32, data));
        match &self.kind {
            Kind::Binary { source_rpm } => {
                add(IndexTag::RPMTAG_SOURCERPM, IndexData::StringTag(source_rpm.clone()));
            }
            Kind::Source => add(IndexTag::RPMTAG_SOURCEPACKAGE, IndexData::Int32(vec![1])),
        }
        if let Some(label) = &self.modularity_label {
            add(IndexTag::RPMTAG_MODULARITYLABEL, IndexData::StringTag(label.clone()));
        }
        if self.kind == Kind::Source {
            // a source package's files lie in no folder
            let dirnames = IndexTag::RPMTAG_DIRNAMES as u32;
            for entry in entries.iter_mut().filter(|entry| entry.tag == dirnames) {
                entry.data = IndexData::StringArray(vec![String::new()]);
            }
        }
        package.metadata.header = Header::from_entries(entries, IndexTag::RPMTAG_HEADERIMMUTABLE);
        Ok(())
    }

    /// Writes the signature header anew over the completed header.
    fn close(&self, package: &mut Package, signer: Option<&Signer>) -> Result<(), rpm::Error> {
        let header = package.metadata.header_bytes()?;
        let mut closing = SignatureHeaderBuilder::new()
            .format(RpmFormat::V4)
            .reserved_space(None)
            .set_content_length((header.len() + package.payload.len()) as u64)
            .calculate_digests(&header);
        if let Some(signer) = signer {
            let signature = signer.sign(header.as_slice(), rpm::Timestamp(self.build_time))?;
            closing = closing.add_openpgp_signature(signature);
        }
        package.metadata.signature = closing.build()?;
        Ok(())
    }
}

fn dependency(text: &str) -> Dependency {
    let mut words = text.split_whitespace();
    let name = words.next().unwrap_or_default();
    match (words.next(), words.next()) {
        (Some("="), Some(version)) => Dependency::eq(name, version),
        (Some(">="), Some(version)) => Dependency::greater_eq(name, version),
        (Some("<"), Some(version)) => Dependency::less(name, version),
        _ => Dependency::any(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::signer::tests::shared;

    fn spec(kind: Kind) -> PackageSpec {
        PackageSpec {
            name: "nodejs".into(),
            epoch: 1,
            version: "18.20.2".into(),
            release: "1.module+el8.10.0+1+abcdef".into(),
            arch: "x86_64".into(),
            kind,
            summary: "JavaScript runtime".into(),
            license: "MIT".into(),
            requires: vec!["bash >= 4.4".into()],
            provides: vec!["node = 18".into()],
            modularity_label: Some("nodejs:18:8100020240101120000:489197e6".into()),
            files: vec![PayloadFile {
                path: "/usr/bin/node".into(),
                content: b"#!/bin/sh\n".to_vec(),
                mode: 0o755,
            }],
            build_time: 1_700_000_000,
        }
    }

    #[test]
    fn the_header_says_what_the_builder_could_not() {
        let bytes = spec(Kind::Binary { source_rpm: "nodejs-18.src.rpm".into() }).build(None).unwrap();
        let package = Package::parse(&mut bytes.as_slice()).unwrap();
        package.verify_digests().unwrap();
        let header = &package.metadata.header;
        assert_eq!(package.metadata.get_source_rpm().unwrap(), "nodejs-18.src.rpm");
        assert_eq!(
            header.get_entry_data_as_string(IndexTag::RPMTAG_MODULARITYLABEL).unwrap(),
            "nodejs:18:8100020240101120000:489197e6"
        );
        assert!(!package.metadata.is_source_package());
    }

    #[test]
    fn a_source_package_is_one_and_is_named_src() {
        let spec = spec(Kind::Source);
        let package = Package::parse(&mut spec.build(None).unwrap().as_slice()).unwrap();
        assert!(package.metadata.is_source_package());
        assert_eq!(spec.file_name(), "nodejs-18.20.2-1.module+el8.10.0+1+abcdef.src.rpm");
    }

    #[test]
    fn building_twice_gives_the_same_bytes_but_for_nothing() {
        let spec = spec(Kind::Source);
        assert_eq!(spec.build(None).unwrap(), spec.build(None).unwrap());
        assert_eq!(spec.build(Some(shared())).unwrap(), spec.build(Some(shared())).unwrap());
    }

    #[test]
    fn only_a_signed_package_has_a_signature() {
        let unsigned = Package::parse(&mut spec(Kind::Source).build(None).unwrap().as_slice()).unwrap();
        assert!(unsigned.signatures().unwrap().is_empty());
        let signed =
            Package::parse(&mut spec(Kind::Source).build(Some(shared())).unwrap().as_slice()).unwrap();
        assert_eq!(signed.signatures().unwrap().len(), 1);
    }
}
