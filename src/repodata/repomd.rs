//! `repomd.xml`: what a repo consists of, and what each part must look like.
//!
//! The form is that of `createrepo_c` (`src/xml_parser_repomd.c`) and of yum before it. Tools differ: some leave
//! out `size` or `open-size`, names may carry a checksum or not, types may be unknown. All of that is read;
//! zchunk entries (`primary_zck`) are passed over, because the same data stands there in another form.

use super::checksum::Checksum;
use super::error::{Problem, cut};
use super::href::Href;
use super::xml::{Node, Tag, Xml};

/// The most bytes of a `repomd.xml` that are read; real ones have some thousand.
pub const MOST_BYTES: u64 = 16 << 20;

/// A `repomd.xml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repomd {
    /// What the maker calls its state: mostly seconds since 1970.
    pub revision: Option<String>,
    /// `<tags>`, in the order of the file.
    pub tags: Vec<RepoTag>,
    /// The metadata files, in the order of the file.
    pub data: Vec<Data>,
    /// The types of the entries that were passed over.
    pub passed_over: Vec<String>,
}

/// One of the `<tags>`: what the repo says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepoTag {
    /// `<content>`: `binary-x86_64`
    Content(String),
    /// `<repo>`
    Repo(String),
    /// `<distro>`
    Distro {
        /// `cpe:/o:rocky:rocky:8`
        cpe_id: Option<String>,
        /// `Rocky Linux 8`
        name: String,
    },
}

/// One metadata file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// `primary`, `filelists`, `other`, `group`, `group_gz`, `updateinfo`, `modules`, or anything else.
    pub kind: String,
    /// Where it lies, relative to the repo.
    pub href: Href,
    /// Where the repo lies instead, of old split repos.
    pub base: Option<String>,
    /// The checksum of the bytes on disk.
    pub checksum: Option<Checksum>,
    /// The checksum of the inflated bytes.
    pub open_checksum: Option<Checksum>,
    /// Bytes on disk.
    pub size: Option<u64>,
    /// Bytes inflated; some tools leave it out or write it wrongly.
    pub open_size: Option<u64>,
    /// Seconds since 1970.
    pub timestamp: Option<i64>,
    /// Of sqlite databases: the version of their schema.
    pub database_version: Option<u32>,
}

impl Repomd {
    /// Reads a `repomd.xml` of at most [`MOST_BYTES`] bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.len() as u64 > MOST_BYTES {
            return Err(Problem::TooLong { limit: MOST_BYTES });
        }
        let mut xml = Xml::new(bytes);
        xml.root("repomd", |_, _| Ok(()))?;
        let mut reading = Reading::default();
        loop {
            let depth = xml.depth();
            match xml.next()? {
                Node::Open(tag) => reading.open(depth, &tag)?,
                Node::Text(text) => reading.text.push_str(text),
                Node::Close => reading.close(depth)?,
                Node::End => return Ok(reading.repomd),
            }
        }
    }

    /// Returns the entry of a type, if there is one.
    pub fn get(&self, kind: &str) -> Option<&Data> {
        self.data.iter().find(|data| data.kind == kind)
    }

    /// Returns the CPE ids of the distros that the repo says it belongs to.
    pub fn cpe_ids(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().filter_map(|tag| match tag {
            RepoTag::Distro { cpe_id, .. } => cpe_id.as_deref(),
            _ => None,
        })
    }
}

/// An entry that is not yet whole.
#[derive(Debug, Default)]
struct Draft {
    kind: String,
    href: Option<String>,
    base: Option<String>,
    checksum: Option<Checksum>,
    open_checksum: Option<Checksum>,
    size: Option<u64>,
    open_size: Option<u64>,
    timestamp: Option<i64>,
    database_version: Option<u32>,
}

#[derive(Debug, Default)]
struct Reading {
    repomd: Repomd,
    draft: Option<Draft>,
    /// The element whose text is collected, and the attribute of it that counts.
    element: String,
    attribute: Option<String>,
    text: String,
    in_tags: bool,
}

impl Reading {
    fn open(&mut self, depth: usize, tag: &Tag<'_>) -> Result<(), Problem> {
        self.text.clear();
        self.attribute = None;
        tag.name().clone_into(&mut self.element);
        match (depth, tag.name()) {
            (1, "data") => {
                let kind = tag.attribute("type")?.ok_or_else(|| Problem::no_field("type", "a data entry"))?;
                self.draft = Some(Draft { kind, ..Draft::default() });
            }
            (1, "tags") => self.in_tags = true,
            (2, "location") => {
                if let Some(draft) = &mut self.draft {
                    draft.href = tag.attribute("href")?;
                    draft.base = tag.attribute("base")?;
                }
            }
            (2, "checksum" | "open-checksum") => self.attribute = tag.attribute("type")?,
            (2, "distro") => self.attribute = tag.attribute("cpeid")?,
            _ => {}
        }
        Ok(())
    }

    /// Ends the element that is `depth` deep.
    fn close(&mut self, depth: usize) -> Result<(), Problem> {
        let text = std::mem::take(&mut self.text);
        let element = std::mem::take(&mut self.element);
        match depth {
            2 => {
                self.in_tags = false;
                if element == "revision" {
                    self.repomd.revision = Some(text.trim().to_owned());
                }
                self.draft.take().map_or(Ok(()), |draft| self.add(draft))
            }
            3 if self.in_tags => {
                self.repomd.tags.push(match element.as_str() {
                    "content" => RepoTag::Content(text),
                    "repo" => RepoTag::Repo(text),
                    "distro" => RepoTag::Distro { cpe_id: self.attribute.take(), name: text },
                    _ => return Ok(()),
                });
                Ok(())
            }
            3 => {
                let attribute = self.attribute.take();
                self.draft
                    .as_mut()
                    .map_or(Ok(()), |draft| draft.set(&element, attribute.as_deref(), text.trim()))
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, draft: Draft) -> Result<(), Problem> {
        if draft.kind.ends_with("_zck") {
            self.repomd.passed_over.push(draft.kind);
            return Ok(());
        }
        let href = draft.href.ok_or_else(|| Problem::no_field("location", &draft.kind))?;
        let href =
            Href::parse(&href).map_err(|problem| Problem::Href { place: cut(&draft.kind), problem })?;
        self.repomd.data.push(Data {
            kind: draft.kind,
            href,
            base: draft.base,
            checksum: draft.checksum,
            open_checksum: draft.open_checksum,
            size: draft.size,
            open_size: draft.open_size,
            timestamp: draft.timestamp,
            database_version: draft.database_version,
        });
        Ok(())
    }
}

impl Draft {
    fn set(&mut self, element: &str, attribute: Option<&str>, text: &str) -> Result<(), Problem> {
        let zchunk = self.kind.ends_with("_zck");
        let kind = || attribute.ok_or_else(|| Problem::no_field("checksum type", &self.kind));
        match element {
            "checksum" if !zchunk => self.checksum = Some(Checksum::parse(kind()?, text)?),
            "open-checksum" if !zchunk => self.open_checksum = Some(Checksum::parse(kind()?, text)?),
            "size" => self.size = Some(number("size", &self.kind, text)?),
            "open-size" => self.open_size = Some(number("open-size", &self.kind, text)?),
            // Some tools write fractions of seconds.
            "timestamp" => {
                let whole = text.split('.').next().unwrap_or(text);
                self.timestamp = Some(number("timestamp", &self.kind, whole)?);
            }
            "database_version" => {
                self.database_version = Some(number("database version", &self.kind, text)?);
            }
            _ => {}
        }
        Ok(())
    }
}

fn number<N: std::str::FromStr>(what: &'static str, place: &str, text: &str) -> Result<N, Problem> {
    text.parse().map_err(|_| Problem::field(what, place, text))
}

#[cfg(test)]
mod tests;
