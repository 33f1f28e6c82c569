//! filelists.xml and other.xml: the same packages as primary.xml, with their files and their changelogs.
//!
//! They are read to see that they are about the same packages, and for the files that primary.xml leaves out.
//! The layouts are those of `createrepo_c` (`src/xml_dump_filelists.c`, `src/xml_dump_other.c`); the changelogs
//! are counted and not kept.

use super::error::Problem;
use super::fast::{Cursor, field, number};
use super::package::{FileKind, Want};
use super::records::{self, Counted, Record, Way, body};
use super::xml::Tag;
use memchr::memmem;
use std::io::Read;
use std::ops::ControlFlow;

/// Reads filelists.xml; the files are read if [`Want::FILES`] is wanted. See [`super::primary::read`].
pub fn read_filelists(
    input: impl Read,
    want: Want,
    way: Way,
    mut each: impl FnMut(&Listed) -> ControlFlow<()>,
) -> Result<Counted, Problem> {
    records::read(input, "filelists", want, way, &mut each)
}

/// Reads other.xml. See [`super::primary::read`].
pub fn read_other(
    input: impl Read,
    way: Way,
    mut each: impl FnMut(&Listed) -> ControlFlow<()>,
) -> Result<Counted, Problem> {
    records::read(input, "otherdata", Want::IDENTITY, way, &mut each)
}

/// One package of filelists.xml or other.xml.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// The checksum of the package, in hexadecimal: the same as in primary.xml.
    pub pkgid: String,
    /// The name.
    pub name: String,
    /// The architecture.
    pub arch: String,
    /// 0 where there is none.
    pub epoch: u32,
    /// The version.
    pub version: String,
    /// The release.
    pub release: String,
    /// How many changelog entries it has; of other.xml.
    pub changelogs: usize,
    text: String,
    files: Vec<(FileKind, usize)>,
    pending: Option<FileKind>,
}

impl Listed {
    /// Returns the files in the order of the file, if they were wanted.
    pub fn files(&self) -> impl Iterator<Item = (FileKind, &str)> {
        let mut from = 0;
        self.files.iter().map(move |(kind, to)| {
            let path = self.text.get(from..*to).unwrap_or_default();
            from = *to;
            (*kind, path)
        })
    }

    fn push(&mut self, kind: FileKind, path: &str) {
        self.text.push_str(path);
        self.files.push((kind, self.text.len()));
    }

    fn set(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "pkgid" => value.clone_into(&mut self.pkgid),
            "name" => value.clone_into(&mut self.name),
            "arch" => value.clone_into(&mut self.arch),
            "epoch" if value.is_empty() => self.epoch = 0,
            "epoch" => self.epoch = number(value.as_bytes())?.try_into().ok()?,
            "ver" => value.clone_into(&mut self.version),
            "rel" => value.clone_into(&mut self.release),
            _ => {}
        }
        Some(())
    }

    fn take(&mut self, tag: &Tag<'_>) -> Result<(), Problem> {
        tag.attributes(|key, value| {
            self.set(key, value).ok_or_else(|| Problem::field("version", &self.name, value))
        })
    }

    fn whole(&self) -> Result<(), Problem> {
        let place = if self.name.is_empty() { "a package" } else { &self.name };
        if self.name.is_empty() || self.pkgid.is_empty() {
            return Err(Problem::no_field("name or pkgid", place));
        }
        if self.pkgid.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(())
        } else {
            Err(Problem::field("pkgid", place, &self.pkgid))
        }
    }

    /// Reads from `<package` to the end of `<version …/>`.
    fn canonical_head(&mut self, at: &mut Cursor<'_>) -> Option<()> {
        at.literal(b"<package")?;
        while !at.take(b">\n  <version") {
            let (key, value) = at.attribute()?;
            self.set(std::str::from_utf8(key).ok()?, &field(value)?)?;
        }
        while !at.take(b"/>\n") {
            let (key, value) = at.attribute()?;
            self.set(std::str::from_utf8(key).ok()?, &field(value)?)?;
        }
        Some(())
    }

    fn canonical_files(&mut self, inner: &[u8]) -> Option<()> {
        let mut at = Cursor::new(inner);
        while !at.rest().is_empty() {
            at.literal(b"  <file")?;
            let kind = if at.take(b" type=\"") { FileKind::from_name(at.quoted()?)? } else { FileKind::File };
            at.literal(b">")?;
            let path = at.text()?;
            self.push(kind, &field(path)?);
            at.literal(b"</file>\n")?;
        }
        Some(())
    }
}

impl Record for Listed {
    fn clear(&mut self) {
        for text in [
            &mut self.pkgid,
            &mut self.name,
            &mut self.arch,
            &mut self.version,
            &mut self.release,
            &mut self.text,
        ] {
            text.clear();
        }
        self.files.clear();
        (self.epoch, self.changelogs, self.pending) = (0, 0, None);
    }

    fn canonical(&mut self, block: &[u8], want: Want) -> Option<()> {
        let mut at = Cursor::new(block);
        self.canonical_head(&mut at)?;
        let inner = body(at.rest(), b"</package>")?;
        self.changelogs = memmem::find_iter(inner, b"<changelog ").count();
        if want.has(Want::FILES) {
            self.canonical_files(inner)?;
        }
        self.whole().ok()
    }

    fn open(&mut self, depth: usize, tag: &Tag<'_>, want: Want) -> Result<bool, Problem> {
        self.pending = None;
        match (depth, tag.name()) {
            (0, _) | (1, "version") => self.take(tag)?,
            (1, "changelog") => self.changelogs += 1,
            (1, "file") if want.has(Want::FILES) => {
                let kind = tag.attribute("type")?.unwrap_or_default();
                let wrong = || Problem::field("type of a file", &self.name, &kind);
                self.pending = Some(FileKind::from_name(kind.as_bytes()).ok_or_else(wrong)?);
            }
            _ => {}
        }
        Ok(self.pending.is_some())
    }

    fn close(&mut self, _: usize, text: &str, _: Want) -> Result<(), Problem> {
        if let Some(kind) = self.pending.take() {
            self.push(kind, text);
        }
        Ok(())
    }

    fn complete(&self) -> Result<(), Problem> {
        self.whole()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    const FILELISTS: &str = r#"<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="2">
<package pkgid="0a" name="a&amp;b" arch="x86_64">
  <version epoch="1" ver="2~rc" rel="3"/>
  <file>/usr/bin/a&lt;</file>
  <file type="dir">/etc/é</file>
  <file type="ghost">/run/x</file>
</package>
<package pkgid="0b" name="c" arch="noarch">
  <version epoch="0" ver="1" rel="1"/>
</package>
</filelists>"#;
    const OTHER: &str = r#"<otherdata packages="1">
<package pkgid="0a" name="a" arch="x">
  <version epoch="0" ver="1" rel="1"/>
  <changelog author="x" date="1">- a</changelog>
  <changelog author="x" date="2">- b
- c</changelog>
</package>
</otherdata>"#;

    fn filelists(text: &str, way: Way) -> Result<(Vec<Listed>, Counted), Problem> {
        let mut all = Vec::new();
        let counted = read_filelists(text.as_bytes(), Want::FILES, way, |listed| {
            all.push(listed.clone());
            ControlFlow::Continue(())
        })?;
        Ok((all, counted))
    }

    #[test]
    fn both_ways_read_the_same_files() {
        let text = format!("{HEAD}{FILELISTS}");
        let (fast, counted) = filelists(&text, Way::Fast).unwrap();
        assert_eq!((counted.fast, counted.read), (2, 2));
        let files: Vec<(FileKind, &str)> = fast[0].files().collect();
        let wanted =
            [(FileKind::File, "/usr/bin/a<"), (FileKind::Folder, "/etc/é"), (FileKind::Ghost, "/run/x")];
        assert_eq!(files, wanted);
        assert_eq!((fast[0].name.as_str(), fast[0].epoch, fast[0].version.as_str()), ("a&b", 1, "2~rc"));
        let odd =
            text.replace("  <file>", "<!-- </package> --><file >").replace("pkgid=\"0b\"", "pkgid='0b'");
        for (text, way) in [(&text, Way::Xml), (&odd, Way::Fast), (&odd, Way::Xml)] {
            let (all, counted) = filelists(text, way).unwrap();
            assert_eq!((all, counted.fast), (fast.clone(), 0));
        }
    }

    #[test]
    fn what_is_wrong_is_an_error_both_ways() {
        let text = format!("{HEAD}{FILELISTS}");
        let few = text.replace("packages=\"2\"", "packages=\"3\"");
        let nameless = text.replace("name=\"c\"", "");
        let odd_id = text.replace("0b", "zz");
        for way in [Way::Fast, Way::Xml] {
            assert_eq!(filelists(&few, way).unwrap_err(), Problem::Count { claimed: 3, found: 2 });
            assert!(matches!(filelists(&nameless, way), Err(Problem::NoField { .. })));
            assert!(matches!(filelists(&odd_id, way), Err(Problem::Field { what: "pkgid", .. })));
            assert!(filelists(&text[..text.len() - 12], way).is_err(), "cut short");
        }
    }

    #[test]
    fn changelogs_are_counted() {
        let text = format!("{HEAD}{OTHER}");
        for (way, fast) in [(Way::Fast, 1), (Way::Xml, 0)] {
            let mut count = 0;
            let counted = read_other(text.as_bytes(), way, |listed| {
                count = listed.changelogs;
                ControlFlow::Continue(())
            });
            assert_eq!((counted.unwrap().fast, count), (fast, 2));
        }
    }
}
