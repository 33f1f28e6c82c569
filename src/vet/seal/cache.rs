//! What was sealed before, by the identity of the file: so that looking again costs a listing.
//!
//! One JSON line a file. A line that makes no sense is not there: the file is read again.

use crate::compose::tree::Facts;
use crate::domain::seal::SealedPath;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

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

/// What is known of one file.
#[derive(Debug)]
struct Known {
    sealed: SealedPath,
    /// Whether the tree that is sealed now has it.
    met: bool,
}

/// Remembers what was sealed, across seals of one release.
#[derive(Debug, Default)]
pub struct SealCache {
    known: HashMap<Key, Known>,
    /// The file that holds exactly this; none once anything is not as it was loaded.
    stored: Option<PathBuf>,
}

impl SealCache {
    /// Makes a cache that is not kept.
    pub fn new() -> Self {
        Self::default()
    }

    /// Loads the cache at `path`; what cannot be read of it is not known.
    pub fn load(path: &Path) -> Self {
        let Ok(text) = std::fs::read_to_string(path) else { return Self::default() };
        let mut whole = true;
        let lines = text.lines().filter_map(|line| {
            let line = serde_json::from_str::<Line>(line).ok();
            whole &= line.is_some();
            line
        });
        let known = lines.map(|line| (line.key, Known { sealed: line.sealed, met: false })).collect();
        Self { known, stored: whole.then(|| path.to_owned()) }
    }

    /// Writes it to `path`, whole or not at all; not where it was loaded from there and nothing has changed.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        if self.stored.as_deref() == Some(path) {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let scratch = path.with_extension("new");
        let mut out = io::BufWriter::new(std::fs::File::create(&scratch)?);
        for (key, known) in &self.known {
            serde_json::to_writer(&mut out, &Line { key: key.clone(), sealed: known.sealed.clone() })?;
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

    /// Returns what is known of a file of the tree that is being sealed.
    pub(super) fn recall(&mut self, key: &Key) -> Option<&SealedPath> {
        let known = self.known.get_mut(key)?;
        known.met = true;
        Some(&known.sealed)
    }

    /// Ends a seal: forgets what the tree does not hold any more, and takes what is new.
    pub(super) fn settle(&mut self, new: Vec<(Key, SealedPath)>) {
        let before = self.known.len();
        self.known.retain(|_, known| std::mem::take(&mut known.met));
        if self.known.len() != before || !new.is_empty() {
            self.stored = None;
        }
        self.known.extend(new.into_iter().map(|(key, sealed)| (key, Known { sealed, met: false })));
    }
}
