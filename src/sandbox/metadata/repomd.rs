//! repomd.xml: the list of a repository's metadata files.
//!
//! Reads and writes the form of `createrepo_c`, order kept. It must not touch the disk: `createrepo` and `modifyrepo`
//! do that.

use super::{Compression, MetadataError};
use quick_xml::{Reader, XmlVersion, escape::escape, events::Event};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// One metadata file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// `primary`, `group_gz`, `modules`
    pub kind: String,
    /// SHA-256 of the file as it lies on disk.
    pub checksum: String,
    /// SHA-256 of its content without compression; none for a file that is not compressed.
    pub open_checksum: Option<String>,
    /// `repodata/…-primary.xml.gz`
    pub href: String,
    /// Unix seconds.
    pub timestamp: u32,
    /// Bytes on disk.
    pub size: u64,
    /// Bytes without compression.
    pub open_size: Option<u64>,
}

impl Record {
    /// Makes the record and the file of `content`, named `checksum-name` and compressed if asked.
    pub fn pack(
        kind: &str,
        name: &str,
        content: &[u8],
        compression: Option<Compression>,
        timestamp: u32,
    ) -> std::io::Result<(Self, Vec<u8>)> {
        let (file, name) = match compression {
            Some(compression) => (compression.compress(content)?, format!("{name}.{}", compression.suffix())),
            None => (content.to_vec(), name.to_owned()),
        };
        let checksum = hex::encode(Sha256::digest(&file));
        let record = Self {
            kind: kind.to_owned(),
            href: format!("repodata/{checksum}-{name}"),
            checksum,
            open_checksum: compression.map(|_| hex::encode(Sha256::digest(content))),
            timestamp,
            size: file.len() as u64,
            open_size: compression.map(|_| content.len() as u64),
        };
        Ok((record, file))
    }

    /// Returns the name of the file within `repodata/`.
    pub fn file_name(&self) -> &str {
        self.href.rsplit('/').next().unwrap_or(&self.href)
    }

    fn write(&self, out: &mut String) {
        let _ = writeln!(out, "  <data type=\"{}\">", escape(&self.kind));
        let _ = writeln!(out, "    <checksum type=\"sha256\">{}</checksum>", self.checksum);
        if let Some(open) = &self.open_checksum {
            let _ = writeln!(out, "    <open-checksum type=\"sha256\">{open}</open-checksum>");
        }
        let _ = writeln!(out, "    <location href=\"{}\"/>", escape(&self.href));
        let _ = writeln!(out, "    <timestamp>{}</timestamp>", self.timestamp);
        let _ = writeln!(out, "    <size>{}</size>", self.size);
        if let Some(open) = self.open_size {
            let _ = writeln!(out, "    <open-size>{open}</open-size>");
        }
        out.push_str("  </data>\n");
    }
}

/// The distribution that a repository is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DistroTag {
    /// `cpe:/o:rocky:rocky:8`
    pub cpe: Option<String>,
    /// `Rocky Linux 8`
    pub name: String,
}

impl DistroTag {
    /// Reads `--distro`'s form: `cpeid,name` or `name`.
    pub fn parse(text: &str) -> Self {
        match text.split_once(',') {
            Some((cpe, name)) => Self { cpe: Some(cpe.to_owned()), name: name.to_owned() },
            None => Self { cpe: None, name: text.to_owned() },
        }
    }
}

/// A whole repomd.xml.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repomd {
    /// Seconds since 1970 by default, or what `--revision` says.
    pub revision: String,
    /// The tags of `--distro`.
    pub distro: Vec<DistroTag>,
    /// The files, in order.
    pub records: Vec<Record>,
}

impl Repomd {
    /// Returns the text of the file.
    pub fn to_xml(&self) -> String {
        let mut out = String::from(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\">\n",
        );
        let _ = writeln!(out, "  <revision>{}</revision>", escape(&self.revision));
        if !self.distro.is_empty() {
            out.push_str("  <tags>\n");
            for tag in &self.distro {
                let cpe =
                    tag.cpe.as_ref().map(|cpe| format!(" cpeid=\"{}\"", escape(cpe))).unwrap_or_default();
                let _ = writeln!(out, "    <distro{cpe}>{}</distro>", escape(&tag.name));
            }
            out.push_str("  </tags>\n");
        }
        for record in &self.records {
            record.write(&mut out);
        }
        out.push_str("</repomd>\n");
        out
    }

    /// Reads the text of a repomd.xml.
    pub fn parse(text: &str) -> Result<Self, MetadataError> {
        let bad = |why: String| MetadataError::BadRepomd(why);
        let mut reader = Reader::from_str(text);
        let mut repomd = Self::default();
        let mut held = String::new();
        let mut complete = false;
        loop {
            match reader.read_event().map_err(|why| bad(why.to_string()))? {
                Event::Start(tag) | Event::Empty(tag) => {
                    held.clear();
                    repomd.open(&tag).map_err(bad)?;
                }
                Event::Text(text) => held.push_str(&text),
                Event::GeneralRef(entity) => held.push_str(&unescape(&entity)),
                Event::End(tag) => {
                    complete |= tag.local_name().as_ref() == "repomd";
                    repomd.close(tag.local_name().as_ref(), std::mem::take(&mut held)).map_err(bad)?;
                }
                Event::Eof if complete => return Ok(repomd),
                Event::Eof => return Err(bad("the file ends early".into())),
                _ => {}
            }
        }
    }

    fn open(&mut self, tag: &quick_xml::events::BytesStart<'_>) -> Result<(), String> {
        let attribute = |name: &str| -> Result<Option<String>, String> {
            let found = tag.try_get_attribute(name).map_err(|why| why.to_string())?;
            found
                .map(|found| {
                    found
                        .normalized_value(XmlVersion::Implicit1_0)
                        .map(std::borrow::Cow::into_owned)
                        .map_err(|why| why.to_string())
                })
                .transpose()
        };
        match tag.local_name().as_ref() {
            "data" => {
                let kind = attribute("type")?.unwrap_or_default();
                self.records.push(Record { kind, ..Record::default() });
            }
            "distro" => self.distro.push(DistroTag { cpe: attribute("cpeid")?, name: String::new() }),
            "location" => {
                if let Some(record) = self.records.last_mut() {
                    record.href = attribute("href")?.unwrap_or_default();
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str, text: String) -> Result<(), String> {
        let number = |text: &str| text.trim().parse::<u64>().map_err(|why| format!("`{text}`: {why}"));
        match (name, self.records.last_mut()) {
            ("revision", _) => self.revision = text,
            ("distro", _) => {
                if let Some(tag) = self.distro.last_mut() {
                    tag.name = text;
                }
            }
            ("checksum", Some(record)) => record.checksum = text,
            ("open-checksum", Some(record)) => record.open_checksum = Some(text),
            ("timestamp", Some(record)) => {
                record.timestamp = u32::try_from(number(&text)?).map_err(|why| why.to_string())?;
            }
            ("size", Some(record)) => record.size = number(&text)?,
            ("open-size", Some(record)) => record.open_size = Some(number(&text)?),
            _ => {}
        }
        Ok(())
    }
}

/// Resolves one of the five entities of XML.
fn unescape(entity: &str) -> String {
    quick_xml::escape::unescape(&format!("&{entity};")).map(std::borrow::Cow::into_owned).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let (primary, _) =
            Record::pack("primary", "primary.xml", b"<metadata/>", Some(Compression::Gzip), 7).unwrap();
        let (group, _) = Record::pack("group", "comps.xml", b"<comps/>", None, 8).unwrap();
        let repomd = Repomd {
            revision: "8.10 & more".into(),
            distro: vec![DistroTag::parse("cpe:/o:rocky:rocky:8,Rocky Linux 8")],
            records: vec![primary, group],
        };
        assert_eq!(Repomd::parse(&repomd.to_xml()).unwrap(), repomd);
    }

    #[test]
    fn half_a_file_is_an_error() {
        let whole = Repomd { revision: "1".into(), ..Repomd::default() }.to_xml();
        assert!(Repomd::parse(&whole[..whole.len() - 5]).is_err());
        assert!(Repomd::parse("").is_err());
    }
}
