//! A repo of many packages in the layout of `createrepo_c`: primary, filelists and other, closed in itself, and the packages.
//!
//! The packages have the sizes that the metadata says and no content. In generation 1 every tenth is newer, every 97th rebuilt, every
//! 1000th another.

use super::data::{DataFile, write_repomd};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn of(number: usize) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1).wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    fn roll(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn word(&mut self) -> String {
        const PARTS: [&str; 16] = [
            "lib", "gno", "perl", "python", "core", "util", "devel", "sys", "net", "gtk", "java", "ora",
            "mod", "tex", "qt", "ssl",
        ];
        let mut word = String::new();
        for _ in 0..=self.roll(3) {
            word.push_str(PARTS[self.roll(16) as usize]);
        }
        word
    }

    fn words(&mut self, count: u64) -> String {
        let words: Vec<String> = (0..count).map(|_| self.word()).collect();
        words.join(" ")
    }
}

/// What all three files say of a package.
struct Spec {
    number: usize,
    name: String,
    version: String,
    release: String,
    id: String,
    size: u64,
}

impl Spec {
    fn new(number: usize, generation: usize, dice: &mut Dice) -> Self {
        let replaced = number % 1000 == 3 && generation == 1;
        let name = format!("{}-{number}{}", dice.word(), if replaced { "-other" } else { "" });
        let release = if number.is_multiple_of(10) { 1 + generation } else { 1 };
        let rebuilt = number % 97 == 5 && generation == 1;
        let id = hex::encode(Sha256::digest(format!("{name} {release} {rebuilt}")));
        let version = format!("{}.{}.{}", dice.roll(9), dice.roll(30), dice.roll(9));
        let size = 1 + dice.roll(9_000_000);
        Self { number, name, version, release: format!("{release}.el8"), id, size }
    }

    fn href(&self) -> String {
        let Self { name, version, release, .. } = self;
        format!("Packages/{}/{name}-{version}-{release}.x86_64.rpm", &name[..1])
    }
}

/// Writes a repo of that many packages and returns the bytes of its primary.xml and of all three files, inflated.
pub(crate) fn write_repo(
    folder: &Path,
    packages: usize,
    generation: usize,
) -> anyhow::Result<(usize, usize)> {
    let head = |root: &str, more: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://linux.duke.edu/metadata/{more} packages=\"{packages}\">\n"
        )
    };
    let mut primary = DataFile::create(folder, "primary")?;
    primary.write(&head("metadata", "common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\""))?;
    let mut filelists = DataFile::create(folder, "filelists")?;
    filelists.write(&head("filelists", "filelists\""))?;
    let mut other = DataFile::create(folder, "other")?;
    other.write(&head("otherdata", "other\""))?;
    let mut text = String::new();
    for number in 0..packages {
        let mut dice = Dice::of(number);
        let spec = Spec::new(number, generation, &mut dice);
        let parts: [(&mut DataFile, Part); 3] =
            [(&mut primary, in_primary), (&mut filelists, in_filelists), (&mut other, in_other)];
        for (file, part) in parts {
            text.clear();
            part(&mut text, &spec, packages, &mut dice)?;
            file.write(&text)?;
        }
        let path = folder.join(spec.href());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        File::create(path)?.set_len(spec.size)?;
    }
    primary.write("</metadata>")?;
    filelists.write("</filelists>")?;
    other.write("</otherdata>")?;
    let ((one, size), (two, lists), (three, changes)) =
        (primary.finish()?, filelists.finish()?, other.finish()?);
    write_repomd(folder, &(one + &two + &three))?;
    Ok((size, size + lists + changes))
}

/// Writes what one of the files says of a package, in a repo of so many.
type Part = fn(&mut String, &Spec, usize, &mut Dice) -> anyhow::Result<()>;

fn in_primary(out: &mut String, spec: &Spec, packages: usize, dice: &mut Dice) -> anyhow::Result<()> {
    let Spec { name, version, release, id, size, .. } = spec;
    let time = 1_700_000_000 + dice.roll(90_000_000);
    let (summary, length) = (dice.words(6), 40 + dice.roll(40));
    let description = dice.words(length);
    write!(
        out,
        "<package type=\"rpm\">\n  <name>{name}</name>\n  <arch>x86_64</arch>\n  <version epoch=\"0\" ver=\"{version}\" rel=\"{release}\"/>\n  \
         <checksum type=\"sha256\" pkgid=\"YES\">{id}</checksum>\n  <summary>{summary}</summary>\n  <description>{description} &amp; more!</description>\n  \
         <packager>Release Engineering &lt;releng@example.invalid&gt;</packager>\n  <url>https://{name}.invalid/?a=1</url>\n  \
         <time file=\"{time}\" build=\"{time}\"/>\n  <size package=\"{size}\" installed=\"{}\" archive=\"{}\"/>\n  \
         <location href=\"{}\"/>\n  <format>\n    <rpm:license>GPLv2+</rpm:license>\n    \
         <rpm:vendor>Example</rpm:vendor>\n    <rpm:group>Unspecified</rpm:group>\n    <rpm:buildhost>builder-{}.invalid</rpm:buildhost>\n    \
         <rpm:sourcerpm>{name}-{version}-{release}.src.rpm</rpm:sourcerpm>\n    <rpm:header-range start=\"4504\" end=\"{}\"/>\n",
        dice.roll(90_000_000),
        dice.roll(90_000_000),
        spec.href(),
        dice.roll(99),
        5000 + dice.roll(90_000),
    )?;
    out.push_str("    <rpm:provides>\n");
    for at in 0..ALWAYS + dice.roll(22) {
        let name = capability(spec.number as u64, at);
        writeln!(
            out,
            "      <rpm:entry name=\"{name}\" flags=\"EQ\" epoch=\"0\" ver=\"{version}\" rel=\"{release}\"/>"
        )?;
    }
    out.push_str("    </rpm:provides>\n    <rpm:requires>\n");
    for _ in 0..8 + dice.roll(34) {
        // Few packages are what most others require: of all requirements hardly a tenth differ.
        let most = 1 + dice.roll(packages as u64);
        let most = 1 + dice.roll(most);
        let (of, at) = (dice.roll(most), dice.roll(ALWAYS));
        let name = capability(of, at);
        match at % 3 {
            0 => writeln!(
                out,
                "      <rpm:entry name=\"{name}\" flags=\"GE\" epoch=\"0\" ver=\"0\" rel=\"1.el8\"/>"
            )?,
            1 => writeln!(out, "      <rpm:entry name=\"{name}\"/>")?,
            _ => writeln!(out, "      <rpm:entry name=\"{name}\" pre=\"1\"/>")?,
        }
    }
    out.push_str("    </rpm:requires>\n");
    for _ in 0..dice.roll(6) {
        writeln!(out, "    <file>/usr/bin/{}-{}</file>", dice.word(), dice.roll(1000))?;
    }
    out.push_str("  </format>\n</package>\n");
    Ok(())
}

/// How many capabilities every package has.
const ALWAYS: u64 = 3;

/// Returns a capability of the package of that number, whatever its name.
fn capability(number: u64, at: u64) -> String {
    let mut dice = Dice::of(number as usize);
    let word = dice.word();
    match at % 3 {
        0 => format!("{word}-{number}-{at}"),
        1 => format!("lib{word}.so.{number}-{at}()(64bit)"),
        _ => format!("{word}({number}-{at})"),
    }
}

fn begin(out: &mut String, spec: &Spec) -> anyhow::Result<()> {
    let Spec { name, version, release, id, .. } = spec;
    Ok(write!(
        out,
        "<package pkgid=\"{id}\" name=\"{name}\" arch=\"x86_64\">\n  <version epoch=\"0\" ver=\"{version}\" rel=\"{release}\"/>\n"
    )?)
}

fn in_filelists(out: &mut String, spec: &Spec, _: usize, dice: &mut Dice) -> anyhow::Result<()> {
    begin(out, spec)?;
    let folder = format!("/usr/share/{}", spec.name);
    writeln!(out, "  <file type=\"dir\">{folder}</file>")?;
    for _ in 0..10 + dice.roll(60) {
        writeln!(out, "  <file>{folder}/{}/{}.{}</file>", dice.word(), dice.word(), dice.roll(100))?;
    }
    out.push_str("</package>\n");
    Ok(())
}

fn in_other(out: &mut String, spec: &Spec, _: usize, dice: &mut Dice) -> anyhow::Result<()> {
    begin(out, spec)?;
    for number in 0..10 {
        writeln!(
            out,
            "  <changelog author=\"Release Engineering &lt;releng@example.invalid&gt; - {}-{number}\" date=\"{}\">- {}</changelog>",
            spec.version,
            1_600_000_000 + dice.roll(90_000_000),
            dice.words(12)
        )?;
    }
    out.push_str("</package>\n");
    Ok(())
}
