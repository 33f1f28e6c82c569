//! A repo on disk: its `repomd.xml`, and each of its files as a stream that checks itself.
//!
//! What a path leads to is decided by the caller; from there on nothing outside the folder is opened. Every file
//! has a ceiling of its own, whatever it claims.

use super::Watch;
use super::comps::{self, Comps};
use super::error::{Problem, RepodataError, cut};
use super::list::PackageList;
use super::listed::{self, Listed};
use super::modules::{self, Modules};
use super::package::{Package, Want};
use super::primary;
use super::records::{Counted, Way};
use super::repomd::{Data, MOST_BYTES, Repomd};
use super::stream::{Checked, DataStream, Verify, plain_file};
use super::updateinfo::{self, Advisory};
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Where a repo says what it consists of.
pub const REPOMD: &str = "repodata/repomd.xml";

/// The most bytes that a file of a type may inflate to.
///
/// The largest known ones are filelists of debug repos, of some 2 GB; they are read as a stream. What is held as a
/// whole (comps, modules) may be far shorter.
pub fn ceiling(kind: &str) -> u64 {
    match kind {
        "primary" | "filelists" | "other" | "filelists_ext" => 8 << 30,
        "updateinfo" => 1 << 30,
        "modules" => 128 << 20,
        kind if kind.starts_with("group") => 32 << 20,
        _ => 8 << 30,
    }
}

/// A repo on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repo {
    folder: PathBuf,
    repomd: Repomd,
}

/// What was read of a file, and what the file itself came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome<T> {
    /// What was read.
    pub value: T,
    /// Size, checksum and what does not match.
    pub checked: Checked,
}

impl Repo {
    /// Reads the `repomd.xml` of the repo at `folder`.
    pub fn open(folder: &Path) -> Result<Self, RepodataError> {
        let bytes = small_file(&folder.join(REPOMD), MOST_BYTES).map_err(|problem| problem.of(REPOMD))?;
        let repomd = Repomd::parse(&bytes).map_err(|problem| problem.of(REPOMD))?;
        Ok(Self { folder: folder.to_owned(), repomd })
    }

    /// Returns where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns what it consists of.
    pub fn repomd(&self) -> &Repomd {
        &self.repomd
    }

    /// Opens the file of a type; an error names the file, or `repomd.xml` if that names none.
    pub fn data<'w>(
        &self,
        kind: &str,
        verify: Verify,
        watch: &'w dyn Watch,
    ) -> Result<DataStream<'w>, RepodataError> {
        self.stream(self.named(kind)?, verify, watch)
    }

    /// Opens the file of an entry of [`Repo::repomd`].
    pub fn stream<'w>(
        &self,
        data: &Data,
        verify: Verify,
        watch: &'w dyn Watch,
    ) -> Result<DataStream<'w>, RepodataError> {
        let opened = DataStream::open(&self.folder, data, ceiling(&data.kind), verify, watch);
        opened.map_err(|problem| problem.of(data.href.as_str()))
    }

    fn named(&self, kind: &str) -> Result<&Data, RepodataError> {
        self.repomd.get(kind).ok_or_else(|| Problem::NotNamed(cut(kind)).of(REPOMD))
    }

    fn read<T>(
        &self,
        data: &Data,
        verify: Verify,
        watch: &dyn Watch,
        read: impl FnOnce(&mut dyn Read) -> Result<T, Problem>,
    ) -> Result<Outcome<T>, RepodataError> {
        let mut stream = self.stream(data, verify, watch)?;
        let read = read(&mut stream).and_then(|value| Ok(Outcome { value, checked: stream.finish()? }));
        read.map_err(|problem| problem.of(data.href.as_str()))
    }

    /// Reads a file that is only to be verified.
    pub fn check(&self, data: &Data, watch: &dyn Watch) -> Result<Checked, RepodataError> {
        Ok(self.read(data, Verify::Both, watch, |_| Ok(()))?.checked)
    }

    /// Hands every package of primary.xml to `each`.
    pub fn primary(
        &self,
        want: Want,
        verify: Verify,
        watch: &dyn Watch,
        each: impl FnMut(&Package) -> ControlFlow<()>,
    ) -> Result<Outcome<Counted>, RepodataError> {
        let read = |input: &mut dyn Read| primary::read(input, want, Way::Fast, each);
        self.read(self.named("primary")?, verify, watch, read)
    }

    /// Hands every package of filelists.xml to `each`.
    pub fn filelists(
        &self,
        want: Want,
        verify: Verify,
        watch: &dyn Watch,
        each: impl FnMut(&Listed) -> ControlFlow<()>,
    ) -> Result<Outcome<Counted>, RepodataError> {
        let read = |input: &mut dyn Read| listed::read_filelists(input, want, Way::Fast, each);
        self.read(self.named("filelists")?, verify, watch, read)
    }

    /// Hands every package of other.xml to `each`.
    pub fn other(
        &self,
        verify: Verify,
        watch: &dyn Watch,
        each: impl FnMut(&Listed) -> ControlFlow<()>,
    ) -> Result<Outcome<Counted>, RepodataError> {
        let read = |input: &mut dyn Read| listed::read_other(input, Way::Fast, each);
        self.read(self.named("other")?, verify, watch, read)
    }

    /// Hands every advisory to `each`; `None` if the repo has none.
    pub fn updateinfo(
        &self,
        verify: Verify,
        watch: &dyn Watch,
        each: impl FnMut(Advisory) -> ControlFlow<()>,
    ) -> Result<Option<Outcome<u64>>, RepodataError> {
        let Some(data) = self.repomd.get("updateinfo") else { return Ok(None) };
        self.read(data, verify, watch, |input| updateinfo::read(input, each)).map(Some)
    }

    /// Reads the modules; `None` if the repo has none.
    pub fn modules(
        &self,
        verify: Verify,
        watch: &dyn Watch,
    ) -> Result<Option<Outcome<Modules>>, RepodataError> {
        let Some(data) = self.repomd.get("modules") else { return Ok(None) };
        self.read(data, verify, watch, |input| modules::read(input)).map(Some)
    }

    /// Reads the groups; `None` if the repo has none.
    pub fn comps(&self, verify: Verify, watch: &dyn Watch) -> Result<Option<Outcome<Comps>>, RepodataError> {
        let groups = |data: &&Data| data.kind == "group" || data.kind.starts_with("group_");
        let Some(data) = self.repomd.data.iter().find(groups) else { return Ok(None) };
        self.read(data, verify, watch, |input| comps::read(input)).map(Some)
    }

    /// Reads what it takes to compare the packages with those of another repo.
    pub fn packages(&self, verify: Verify, watch: &dyn Watch) -> Result<Outcome<PackageList>, RepodataError> {
        let read = |input: &mut dyn Read| {
            let mut list = PackageList::new();
            let mut full = Ok(());
            primary::read(input, Want::IDENTITY, Way::Fast, |package| {
                full = list.push(package);
                if full.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            full.map(|()| list)
        };
        self.read(self.named("primary")?, verify, watch, read)
    }
}

/// Reads the plain file at `path`, if it has no more than `limit` bytes.
pub(super) fn small_file(path: &Path, limit: u64) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    plain_file(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Problem::TooLong { limit });
    }
    Ok(bytes)
}
