//! updateinfo.xml: the advisories of a repo.
//!
//! The form is that of `createrepo_c` (`src/xml_parser_updateinfo.c`), which Bodhi and the errata tools write.
//! Advisories are handed on one by one. It must not look whether what they name is there.

use super::checksum::Checksum;
use super::error::Problem;
use super::nevra::Nevra;
use super::xml::{Node, Tag, Xml};
use std::io::{BufReader, Read};
use std::ops::ControlFlow;

/// The longest advisory; the longest real ones have some megabytes.
const LONGEST: usize = 16 << 20;

/// An advisory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advisory {
    /// `RLSA-2024:1234`
    pub id: String,
    /// `security`, `bugfix`, `enhancement`, `newpackage`
    pub kind: String,
    /// `final`, `stable`
    pub status: String,
    /// `Important`; empty where there is none.
    pub severity: String,
    /// One line.
    pub title: String,
    /// When it was published, as it is written.
    pub issued: String,
    /// When it was changed last, as it is written.
    pub updated: String,
    /// What it refers to.
    pub references: Vec<Reference>,
    /// What it is about.
    pub collections: Vec<Collection>,
}

impl Advisory {
    /// Returns the CVE ids that it names.
    pub fn cves(&self) -> impl Iterator<Item = &str> {
        self.references
            .iter()
            .filter(|reference| reference.kind == "cve")
            .map(|reference| reference.id.as_str())
    }

    /// Returns all packages of all collections.
    pub fn packages(&self) -> impl Iterator<Item = &AdvisoryPackage> {
        self.collections.iter().flat_map(|collection| &collection.packages)
    }
}

/// What an advisory refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reference {
    /// `cve`, `bugzilla`, `self`
    pub kind: String,
    /// `CVE-2024-1234`
    pub id: String,
    /// One line.
    pub title: String,
    /// Foreign text; nobody follows it.
    pub href: String,
}

/// Packages of an advisory, of one module or of none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collection {
    /// Its short name.
    pub short: String,
    /// Its name.
    pub name: String,
    /// The module that the packages belong to; without it a client takes no modular package from here.
    pub module: Option<AdvisoryModule>,
    /// The packages.
    pub packages: Vec<AdvisoryPackage>,
}

/// The module of a collection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AdvisoryModule {
    /// `nodejs`
    pub name: String,
    /// `18`
    pub stream: String,
    /// `8100020240101120000`
    pub version: String,
    /// `489197e6`
    pub context: String,
    /// `x86_64`
    pub arch: String,
}

/// A package of an advisory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvisoryPackage {
    /// Its full name.
    pub nevra: Nevra,
    /// The file name of its source package.
    pub source: String,
    /// The file name; foreign text, mostly without a folder.
    pub file_name: String,
    /// Its checksums.
    pub sums: Vec<Checksum>,
    /// Whether the host should be started anew.
    pub reboot_suggested: bool,
}

/// Hands every advisory to `each`, until it says that it has enough; returns how many there were.
pub fn read(input: impl Read, mut each: impl FnMut(Advisory) -> ControlFlow<()>) -> Result<u64, Problem> {
    let mut xml = Xml::new(BufReader::new(input));
    xml.root("updates", |_, _| Ok(()))?;
    let mut reading = Reading::default();
    let (mut count, mut begun) = (0, xml.at());
    loop {
        let depth = xml.depth();
        match xml.next()? {
            Node::Open(tag) => reading.open(depth, &tag)?,
            Node::Text(text) if reading.wants_text() => reading.text.push_str(text),
            Node::Text(_) => {}
            Node::Close => {
                reading.close(depth)?;
                if depth == 2 {
                    let advisory = std::mem::take(&mut reading.advisory);
                    begun = xml.at();
                    if !std::mem::take(&mut reading.is_update) {
                        continue;
                    }
                    if advisory.id.is_empty() {
                        return Err(Problem::no_field("id", &format!("advisory {}", count + 1)));
                    }
                    count += 1;
                    if each(advisory).is_break() {
                        return Ok(count);
                    }
                }
            }
            Node::End => return Ok(count),
        }
        if xml.at() - begun > LONGEST as u64 {
            return Err(Problem::RecordTooLong { limit: LONGEST });
        }
    }
}

#[derive(Debug, Default)]
struct Reading {
    advisory: Advisory,
    is_update: bool,
    module: Option<AdvisoryModule>,
    package: Option<Draft>,
    element: String,
    sum_kind: String,
    text: String,
}

#[derive(Debug, Default)]
struct Draft {
    name: String,
    epoch: u32,
    version: String,
    release: String,
    arch: String,
    source: String,
    file_name: String,
    sums: Vec<Checksum>,
    reboot_suggested: bool,
}

impl Reading {
    /// Descriptions are long and nobody asks for them.
    fn wants_text(&self) -> bool {
        self.is_update
            && matches!(
                self.element.as_str(),
                "id" | "title" | "severity" | "name" | "filename" | "sum" | "reboot_suggested"
            )
    }

    fn open(&mut self, depth: usize, tag: &Tag<'_>) -> Result<(), Problem> {
        tag.name().clone_into(&mut self.element);
        self.text.clear();
        match (depth, tag.name()) {
            (1, "update") => {
                self.is_update = true;
                self.advisory.kind = tag.attribute("type")?.unwrap_or_default();
                self.advisory.status = tag.attribute("status")?.unwrap_or_default();
            }
            (2, "issued") => self.advisory.issued = tag.attribute("date")?.unwrap_or_default(),
            (2, "updated") => self.advisory.updated = tag.attribute("date")?.unwrap_or_default(),
            (3, "reference") => {
                let mut reference = Reference::default();
                tag.attributes(|key, value| {
                    match key {
                        "type" => value.clone_into(&mut reference.kind),
                        "id" => value.clone_into(&mut reference.id),
                        "title" => value.clone_into(&mut reference.title),
                        "href" => value.clone_into(&mut reference.href),
                        _ => {}
                    }
                    Ok(())
                })?;
                self.advisory.references.push(reference);
            }
            (3, "collection") => {
                let short = tag.attribute("short")?.unwrap_or_default();
                self.advisory.collections.push(Collection { short, ..Collection::default() });
            }
            (4, "module") => self.open_module(tag)?,
            (4, "package") => self.open_package(tag)?,
            (5, "sum") => self.sum_kind = tag.attribute("type")?.unwrap_or_default(),
            _ => {}
        }
        Ok(())
    }

    fn open_module(&mut self, tag: &Tag<'_>) -> Result<(), Problem> {
        let mut module = AdvisoryModule::default();
        tag.attributes(|key, value| {
            match key {
                "name" => value.clone_into(&mut module.name),
                "stream" => value.clone_into(&mut module.stream),
                "version" => value.clone_into(&mut module.version),
                "context" => value.clone_into(&mut module.context),
                "arch" => value.clone_into(&mut module.arch),
                _ => {}
            }
            Ok(())
        })?;
        self.module = Some(module);
        Ok(())
    }

    fn open_package(&mut self, tag: &Tag<'_>) -> Result<(), Problem> {
        let mut draft = Draft::default();
        tag.attributes(|key, value| {
            match key {
                "name" => value.clone_into(&mut draft.name),
                "epoch" if value.is_empty() => {}
                "epoch" => {
                    draft.epoch =
                        value.parse().map_err(|_| Problem::field("epoch", &self.advisory.id, value))?;
                }
                "version" => value.clone_into(&mut draft.version),
                "release" => value.clone_into(&mut draft.release),
                "arch" => value.clone_into(&mut draft.arch),
                "src" => value.clone_into(&mut draft.source),
                _ => {}
            }
            Ok(())
        })?;
        self.package = Some(draft);
        Ok(())
    }

    fn close(&mut self, depth: usize) -> Result<(), Problem> {
        let text = std::mem::take(&mut self.text);
        let element = std::mem::take(&mut self.element);
        match (depth, element.as_str()) {
            (3, "id") => text.trim().clone_into(&mut self.advisory.id),
            (3, "title") => self.advisory.title = text,
            (3, "severity") => text.trim().clone_into(&mut self.advisory.severity),
            (5, "name") => {
                if let Some(collection) = self.advisory.collections.last_mut() {
                    collection.name = text;
                }
            }
            (6, inner) => return self.close_within_package(inner, &text),
            _ => {}
        }
        if depth == 5 {
            return self.close_in_collection();
        }
        Ok(())
    }

    fn close_within_package(&mut self, element: &str, text: &str) -> Result<(), Problem> {
        let Some(draft) = &mut self.package else { return Ok(()) };
        match element {
            "filename" => text.trim().clone_into(&mut draft.file_name),
            "sum" => draft.sums.push(Checksum::parse(&self.sum_kind, text)?),
            // yum's form is `True`, some write an empty element.
            "reboot_suggested" => {
                let no = ["0", "false"].iter().any(|no| text.trim().eq_ignore_ascii_case(no));
                draft.reboot_suggested = !no;
            }
            _ => {}
        }
        Ok(())
    }

    fn close_in_collection(&mut self) -> Result<(), Problem> {
        let (module, draft) = (self.module.take(), self.package.take());
        let Some(collection) = self.advisory.collections.last_mut() else { return Ok(()) };
        if module.is_some() {
            collection.module = module;
        }
        let Some(draft) = draft else { return Ok(()) };
        for (what, text) in [("name", &draft.name), ("version", &draft.version), ("release", &draft.release)]
        {
            if text.is_empty() {
                return Err(Problem::no_field(what, &format!("a package of {}", self.advisory.id)));
            }
        }
        collection.packages.push(AdvisoryPackage {
            nevra: Nevra {
                name: draft.name,
                epoch: draft.epoch,
                version: draft.version,
                release: draft.release,
                arch: draft.arch,
            },
            source: draft.source,
            file_name: draft.file_name,
            sums: draft.sums,
            reboot_suggested: draft.reboot_suggested,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
