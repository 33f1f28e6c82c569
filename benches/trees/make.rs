//! Staging and production as they stand after a push: repos of packages with their metadata, the same on both sides.
//!
//! Staging's packages are real ones, small, so that their headers can be read; production's have the same sizes and times and
//! no content, because nothing reads it.

use super::data::{DataFile, write_repomd};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const VARIANTS: [&str; 5] = ["BaseOS", "AppStream", "CRB", "HighAvailability", "NFV"];
const ARCHES: [&str; 2] = ["x86_64", "aarch64"];
const KINDS: [&str; 2] = ["os", "kickstart"];
/// How many repos a tree has.
pub(crate) const REPOS: usize = VARIANTS.len() * ARCHES.len() * KINDS.len();
/// Two files of metadata stand in each repo.
const METADATA: usize = 2;

/// Two trees in one folder.
pub(crate) struct Trees {
    /// What is to be pushed.
    pub(crate) staging: PathBuf,
    /// What was pushed.
    pub(crate) production: PathBuf,
    /// How many files each has.
    pub(crate) files: usize,
}

/// Returns where a repo stands in both trees.
pub(crate) fn place(repo: usize) -> String {
    format!("{}/{}/{}", VARIANTS[repo / 4], ARCHES[repo / 2 % 2], KINDS[repo % 2])
}

impl Trees {
    /// Writes both below `folder`, of `files` files each.
    pub(crate) fn make(folder: &Path, files: usize) -> anyhow::Result<Self> {
        let (staging, production) = (folder.join("staging"), folder.join("production"));
        let each = (files / REPOS).saturating_sub(METADATA).max(1);
        let bytes = package()?;
        for repo in 0..REPOS {
            let (ours, theirs) = (staging.join(place(repo)), production.join(place(repo)));
            write_metadata(&ours, each, bytes.len())?;
            fs::create_dir_all(theirs.join("repodata"))?;
            for name in ["repodata/primary.xml.gz", "repodata/repomd.xml"] {
                fs::copy(ours.join(name), theirs.join(name))?;
                set_time(&File::options().write(true).open(ours.join(name))?)?;
                set_time(&File::options().write(true).open(theirs.join(name))?)?;
            }
            for letter in ('a'..='z').take(each) {
                fs::create_dir_all(ours.join(format!("Packages/{letter}")))?;
                fs::create_dir_all(theirs.join(format!("Packages/{letter}")))?;
            }
            for number in 0..each {
                fs::write(ours.join(href(number)), &bytes)?;
                set_time(&File::options().write(true).open(ours.join(href(number)))?)?;
                let other = File::create(theirs.join(href(number)))?;
                other.set_len(bytes.len() as u64)?;
                set_time(&other)?;
            }
        }
        Ok(Self { staging, production, files: REPOS * (each + METADATA) })
    }
}

fn set_time(file: &File) -> std::io::Result<()> {
    let time: SystemTime = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    file.set_modified(time)
}

fn name(number: usize) -> String {
    let letter = char::from(b'a' + (number % 26) as u8);
    format!("{letter}-package-of-the-bench-{number}")
}

fn href(number: usize) -> String {
    let name = name(number);
    format!("Packages/{}/{name}-1.{number}-1.el8_10.x86_64.rpm", &name[..1])
}

/// Builds one package whose headers have some 6 KiB.
fn package() -> anyhow::Result<Vec<u8>> {
    let config = rpm::BuildConfig::default().compression(rpm::CompressionType::None).source_date(0);
    let mut builder = rpm::PackageBuilder::new("a", "1.0", "MIT", "x86_64", "a package");
    builder.using_config(config).release("1.el8_10").description("words of a description ".repeat(60));
    for number in 0..40 {
        builder.provides(rpm::Dependency::eq(format!("liba.so.{number}()(64bit)"), "1.0"));
        builder.requires(rpm::Dependency::any(format!("libb.so.{number}()(64bit)")));
    }
    builder.with_file_contents("content", rpm::FileOptions::new("/usr/share/a"))?;
    let mut bytes = Vec::new();
    builder.build()?.write(&mut bytes)?;
    Ok(bytes)
}

fn write_metadata(folder: &Path, packages: usize, size: usize) -> anyhow::Result<()> {
    let mut primary = DataFile::create(folder, "primary")?;
    primary.write(&format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" \
         xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"{packages}\">\n"
    ))?;
    let mut text = String::new();
    for number in 0..packages {
        text.clear();
        let name = name(number);
        write!(
            text,
            "<package type=\"rpm\">\n  <name>{name}</name>\n  <arch>x86_64</arch>\n  <version epoch=\"0\" ver=\"1.{number}\" rel=\"1.el8_10\"/>\n  \
             <checksum type=\"sha256\" pkgid=\"YES\">{number:064x}</checksum>\n  <summary>A package</summary>\n  \
             <description>{}</description>\n  <packager>Release Engineering</packager>\n  <url>https://example.invalid/</url>\n  \
             <time file=\"1700000000\" build=\"1700000000\"/>\n  <size package=\"{size}\" installed=\"9\" archive=\"9\"/>\n  \
             <location href=\"{}\"/>\n  <format>\n    <rpm:license>MIT</rpm:license>\n    \
             <rpm:provides>\n      <rpm:entry name=\"{name}\" flags=\"EQ\" epoch=\"0\" ver=\"1.{number}\" rel=\"1.el8_10\"/>\n    </rpm:provides>\n  \
             </format>\n</package>\n",
            "words of a description ".repeat(20),
            href(number)
        )?;
        primary.write(&text)?;
    }
    primary.write("</metadata>\n")?;
    write_repomd(folder, &primary.finish()?.0)
}
