//! One package as the metadata describes it: read from the RPM's header, kept as finished pieces of XML.
//!
//! The pieces leave out what depends on where the file lies (its location and file time), so a package that
//! many repositories hold through hard links is read once. The XML is that of `createrepo_c`. It must not write.

use quick_xml::escape::escape;
use rpm::{DependencyFlags, IndexTag, PackageMetadata};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

const DIRECTORY: u16 = 0o040_000;
const TYPE_MASK: u16 = 0o170_000;

/// A package, described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRecord {
    /// `bash`
    pub name: String,
    /// 0 where the package has none.
    pub epoch: u32,
    /// `4.4.20`
    pub version: String,
    /// `5.el8`
    pub release: String,
    /// `x86_64`, or `src`
    pub arch: String,
    /// `bash-4.4.20-5.el8.src.rpm`; empty for a source package.
    pub source_rpm: String,
    /// One line.
    pub summary: String,
    /// `nodejs:18:8100020240101120000:489197e6`
    pub modularity_label: Option<String>,
    /// Unix seconds.
    pub build_time: u32,
    /// SHA-256 of the file.
    pub checksum: String,
    /// Bytes of the file.
    pub size: u64,
    /// primary.xml up to the file time, from there to the location, and after it.
    primary: [String; 3],
    /// filelists.xml
    filelists: String,
    /// other.xml
    other: String,
}

impl PackageRecord {
    /// Reads the package from the bytes of its file.
    pub fn read(bytes: &[u8]) -> Result<Self, rpm::Error> {
        let metadata = PackageMetadata::parse(&mut &*bytes)?;
        let header = &metadata.header;
        let text = |tag| header.get_entry_data_as_string(tag).map(str::to_owned);
        let build_time = header.get_entry_data_as_u32(IndexTag::RPMTAG_BUILDTIME).unwrap_or(0);
        let mut record = Self {
            name: text(IndexTag::RPMTAG_NAME)?,
            epoch: header.get_entry_data_as_u32(IndexTag::RPMTAG_EPOCH).unwrap_or(0),
            version: text(IndexTag::RPMTAG_VERSION)?,
            release: text(IndexTag::RPMTAG_RELEASE)?,
            arch: if metadata.is_source_package() { "src".into() } else { text(IndexTag::RPMTAG_ARCH)? },
            source_rpm: text(IndexTag::RPMTAG_SOURCERPM).unwrap_or_default(),
            summary: metadata.get_summary().unwrap_or_default().to_owned(),
            modularity_label: text(IndexTag::RPMTAG_MODULARITYLABEL).ok(),
            build_time,
            checksum: hex::encode(Sha256::digest(bytes)),
            size: bytes.len() as u64,
            primary: [const { String::new() }; 3],
            filelists: String::new(),
            other: String::new(),
        };
        let files = files(&metadata);
        record.primary = record.primary_pieces(&metadata, &files)?;
        record.filelists = record.filelists_piece(&files);
        record.other = record.other_piece(&metadata);
        Ok(record)
    }

    /// Returns `name-epoch:version-release.arch`, the form of productmd and modulemd.
    pub fn nevra(&self) -> String {
        format!("{}-{}:{}-{}.{}", self.name, self.epoch, self.version, self.release, self.arch)
    }

    /// Appends the package's part of primary.xml, for a file at `href` with that modification time.
    pub fn write_primary(&self, out: &mut String, href: &str, file_time: i64) {
        out.push_str(&self.primary[0]);
        let _ = write!(out, "{file_time}");
        out.push_str(&self.primary[1]);
        out.push_str(&escape(href));
        out.push_str(&self.primary[2]);
    }

    /// Returns the package's part of filelists.xml.
    pub fn filelists(&self) -> &str {
        &self.filelists
    }

    /// Returns the package's part of other.xml.
    pub fn other(&self) -> &str {
        &self.other
    }

    fn version_element(&self) -> String {
        format!(
            "  <version epoch=\"{}\" ver=\"{}\" rel=\"{}\"/>\n",
            self.epoch,
            escape(&self.version),
            escape(&self.release)
        )
    }

    fn primary_pieces(
        &self,
        metadata: &PackageMetadata,
        files: &[FileLine],
    ) -> Result<[String; 3], rpm::Error> {
        let or_empty =
            |text: Result<&str, rpm::Error>| escape(text.unwrap_or_default().to_owned()).into_owned();
        let mut head = String::from("<package type=\"rpm\">\n");
        let _ =
            writeln!(head, "  <name>{}</name>\n  <arch>{}</arch>", escape(&self.name), escape(&self.arch));
        head.push_str(&self.version_element());
        let _ = writeln!(head, "  <checksum type=\"sha256\" pkgid=\"YES\">{}</checksum>", self.checksum);
        let _ = writeln!(head, "  <summary>{}</summary>", escape(&self.summary));
        let _ = writeln!(head, "  <description>{}</description>", or_empty(metadata.get_description()));
        let _ = writeln!(head, "  <packager>{}</packager>", or_empty(metadata.get_packager()));
        let _ = writeln!(head, "  <url>{}</url>", or_empty(metadata.get_url()));
        head.push_str("  <time file=\"");
        let installed = metadata.get_installed_size().unwrap_or(0);
        let middle = format!(
            "\" build=\"{}\"/>\n  <size package=\"{}\" installed=\"{installed}\" archive=\"0\"/>\n  <location href=\"",
            self.build_time, self.size
        );
        let mut tail = String::from("\"/>\n  <format>\n");
        let _ = writeln!(tail, "    <rpm:license>{}</rpm:license>", or_empty(metadata.get_license()));
        let _ = writeln!(tail, "    <rpm:vendor>{}</rpm:vendor>", or_empty(metadata.get_vendor()));
        let _ = writeln!(tail, "    <rpm:group>{}</rpm:group>", or_empty(metadata.get_group()));
        let _ = writeln!(tail, "    <rpm:buildhost>{}</rpm:buildhost>", or_empty(metadata.get_build_host()));
        let _ = writeln!(tail, "    <rpm:sourcerpm>{}</rpm:sourcerpm>", escape(&self.source_rpm));
        let offsets = metadata.get_package_segment_offsets();
        let _ = writeln!(
            tail,
            "    <rpm:header-range start=\"{}\" end=\"{}\"/>",
            offsets.header, offsets.payload
        );
        dependencies(&mut tail, "provides", &metadata.get_provides()?);
        dependencies(&mut tail, "requires", &metadata.get_requires()?);
        dependencies(&mut tail, "conflicts", &metadata.get_conflicts()?);
        dependencies(&mut tail, "obsoletes", &metadata.get_obsoletes()?);
        dependencies(&mut tail, "recommends", &metadata.get_recommends()?);
        for file in files.iter().filter(|file| file.is_primary()) {
            file.write(&mut tail, "    ");
        }
        tail.push_str("  </format>\n</package>\n");
        Ok([head, middle, tail])
    }

    fn opening(&self) -> String {
        format!(
            "<package pkgid=\"{}\" name=\"{}\" arch=\"{}\">\n{}",
            self.checksum,
            escape(&self.name),
            escape(&self.arch),
            self.version_element()
        )
    }

    fn filelists_piece(&self, files: &[FileLine]) -> String {
        let mut out = self.opening();
        for file in files {
            file.write(&mut out, "  ");
        }
        out.push_str("</package>\n");
        out
    }

    fn other_piece(&self, metadata: &PackageMetadata) -> String {
        let mut out = self.opening();
        for entry in metadata.get_changelog_entries().unwrap_or_default() {
            let _ = writeln!(
                out,
                "  <changelog author=\"{}\" date=\"{}\">{}</changelog>",
                escape(&entry.name),
                entry.timestamp,
                escape(&entry.description)
            );
        }
        out.push_str("</package>\n");
        out
    }
}

/// A file of the payload, as filelists.xml has it.
struct FileLine {
    path: String,
    kind: &'static str,
}

impl FileLine {
    /// Says whether primary.xml lists it too: what other packages are wont to require (createrepo's rule).
    fn is_primary(&self) -> bool {
        self.path.starts_with("/etc/") || self.path.contains("bin/") || self.path == "/usr/lib/sendmail"
    }

    fn write(&self, out: &mut String, indent: &str) {
        let _ = writeln!(out, "{indent}<file{}>{}</file>", self.kind, escape(&self.path));
    }
}

fn files(metadata: &PackageMetadata) -> Vec<FileLine> {
    const GHOST: u32 = 1 << 6;
    let header = &metadata.header;
    let (Ok(dirs), Ok(names), Ok(indexes)) = (
        header.get_entry_data_as_string_array(IndexTag::RPMTAG_DIRNAMES),
        header.get_entry_data_as_string_array(IndexTag::RPMTAG_BASENAMES),
        header.get_entry_data_as_u32_array(IndexTag::RPMTAG_DIRINDEXES),
    ) else {
        return Vec::new(); // a package without files has none of these tags
    };
    let modes = header.get_entry_data_as_u16_array(IndexTag::RPMTAG_FILEMODES).unwrap_or_default();
    let flags = header.get_entry_data_as_u32_array(IndexTag::RPMTAG_FILEFLAGS).unwrap_or_default();
    let line = |(place, (name, dir)): (usize, (&&str, &u32))| {
        let folder = dirs.get(*dir as usize).copied().unwrap_or_default();
        let kind = if modes.get(place).is_some_and(|mode| mode & TYPE_MASK == DIRECTORY) {
            " type=\"dir\""
        } else if flags.get(place).is_some_and(|flags| flags & GHOST != 0) {
            " type=\"ghost\""
        } else {
            ""
        };
        FileLine { path: format!("{folder}{name}"), kind }
    };
    names.iter().zip(&indexes).enumerate().map(line).collect()
}

fn dependencies(out: &mut String, kind: &str, list: &[rpm::Dependency]) {
    let mut seen = BTreeSet::new();
    let mut entries = String::new();
    for one in list {
        // what rpm itself must be able to do is no business of the repository (createrepo's rule)
        if one.name.starts_with("rpmlib(") || !seen.insert((&one.name, one.flags.bits(), &one.version)) {
            continue;
        }
        let _ = write!(entries, "      <rpm:entry name=\"{}\"", escape(&one.name));
        if let Some(flag) = comparison(one.flags) {
            let (epoch, rest) = one.version.split_once(':').unwrap_or(("0", &one.version));
            let (version, release) =
                rest.rsplit_once('-').map_or((rest, None), |(version, release)| (version, Some(release)));
            let _ = write!(entries, " flags=\"{flag}\" epoch=\"{epoch}\" ver=\"{}\"", escape(version));
            if let Some(release) = release {
                let _ = write!(entries, " rel=\"{}\"", escape(release));
            }
        }
        if kind == "requires" && one.flags.intersects(DependencyFlags::SCRIPT_PRE | DependencyFlags::PREREQ) {
            entries.push_str(" pre=\"1\"");
        }
        entries.push_str("/>\n");
    }
    if !entries.is_empty() {
        let _ = writeln!(out, "    <rpm:{kind}>\n{entries}    </rpm:{kind}>");
    }
}

fn comparison(flags: DependencyFlags) -> Option<&'static str> {
    let has = |flag| flags.contains(flag);
    match (has(DependencyFlags::LESS), has(DependencyFlags::GREATER), has(DependencyFlags::EQUAL)) {
        (true, _, true) => Some("LE"),
        (_, true, true) => Some("GE"),
        (true, _, false) => Some("LT"),
        (_, true, false) => Some("GT"),
        (_, _, true) => Some("EQ"),
        _ => None,
    }
}

/// Device, inode, size and modification time in nanoseconds.
type FileIdentity = (u64, u64, u64, i128);

/// Packages that were read in this process, by file identity.
#[derive(Debug, Default)]
pub struct PackageCache {
    known: Mutex<HashMap<FileIdentity, Arc<PackageRecord>>>,
}

impl PackageCache {
    fn identity(metadata: &std::fs::Metadata) -> FileIdentity {
        let nanoseconds = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        (metadata.dev(), metadata.ino(), metadata.size(), nanoseconds)
    }

    /// Returns the package at `path` with the file's modification time in Unix seconds.
    pub fn read(&self, path: &Path) -> Result<(Arc<PackageRecord>, i64), rpm::Error> {
        let metadata = std::fs::metadata(path)?;
        let identity = Self::identity(&metadata);
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&identity) {
            return Ok((Arc::clone(known), metadata.mtime()));
        }
        let record = Arc::new(PackageRecord::read(&std::fs::read(path)?)?);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(identity, Arc::clone(&record));
        Ok((record, metadata.mtime()))
    }

    /// Remembers that the file at `path` is a copy of `record`.
    pub fn remember(&self, path: &Path, record: &Arc<PackageRecord>) -> std::io::Result<()> {
        let identity = Self::identity(&std::fs::metadata(path)?);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(identity, Arc::clone(record));
        Ok(())
    }
}
