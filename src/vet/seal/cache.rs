//! What was sealed before, by the identity of the file: so that looking again costs a listing.
//!
//! One JSON line a file. A line that makes no sense is not there: the file is read again.

use crate::compose::tree::Facts;
use crate::domain::seal::SealedPath;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::Path;

/// Identifies the content of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Key {
    device: u64,
    inode: u64,
    size: u64,
    mtime: (i64, u32),
    ctime: (i64, u32),
    rpm: bool,
}

impl Key {
    /// Makes the key of a file, to be sealed as an RPM or not.
    pub(super) fn of(facts: Facts, rpm: bool) -> Self {
        let Facts { size, mtime, ctime, device, inode } = facts;
        Self { device, inode, size, mtime, ctime, rpm }
    }

    /// Returns whether the file is sealed as an RPM.
    pub(super) fn is_rpm(&self) -> bool {
        self.rpm
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    key: Key,
    sealed: SealedPath,
}

/// Remembers what was sealed, across seals of one release.
#[derive(Debug, Default)]
pub struct SealCache {
    known: HashMap<Key, SealedPath>,
}

impl SealCache {
    /// Makes a cache that is not kept.
    pub fn new() -> Self {
        Self::default()
    }

    /// Loads the cache at `path`; what cannot be read of it is not known.
    pub fn load(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
        Self { known: lines.map(|line| (line.key, line.sealed)).collect() }
    }

    /// Writes it to `path`, whole or not at all.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let scratch = path.with_extension("new");
        let mut out = io::BufWriter::new(std::fs::File::create(&scratch)?);
        for (key, sealed) in &self.known {
            serde_json::to_writer(&mut out, &Line { key: key.clone(), sealed: sealed.clone() })?;
            out.write_all(b"\n")?;
        }
        out.flush()?;
        drop(out);
        std::fs::rename(scratch, path)
    }

    /// Returns how many files it knows.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Returns whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub(super) fn get(&self, key: &Key) -> Option<&SealedPath> {
        self.known.get(key)
    }

    pub(super) fn replace(&mut self, known: Vec<(Key, SealedPath)>) {
        self.known = known.into_iter().collect();
    }
}
