//! The packages that were found sound before, by the identity of the file: so that looking again costs a listing.
//!
//! Only sound ones are kept, and only for the keys that they were judged with: whatever has a flaw is read again. One
//! JSON line a file, below a line with the keys; a line that makes no sense is not there.

use crate::compose::tree::Facts;
use crate::vet::package::Keys;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Identifies the content of a package without reading it: a file that is renamed or rewritten has another `ctime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Key {
    device: u64,
    inode: u64,
    size: u64,
    mtime: (i64, u32),
    ctime: (i64, u32),
}

impl Key {
    /// Makes the key of a package.
    pub(super) fn of(facts: Facts) -> Self {
        let Facts { size, mtime, ctime, device, inode } = facts;
        Self { device, inode, size, mtime, ctime }
    }
}

#[derive(Debug, Default)]
struct Known {
    keys: Vec<String>,
    packages: HashSet<Key>,
}

/// Remembers which packages are sound, across the looks of one release.
#[derive(Debug, Default)]
pub struct Vouched {
    known: Mutex<Known>,
}

impl Vouched {
    /// Makes one that is not kept.
    pub fn new() -> Self {
        Self::default()
    }

    /// Loads the one at `path`; what cannot be read of it is not known.
    pub fn load(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let mut lines = text.lines();
        let keys = lines.next().and_then(|line| serde_json::from_str(line).ok());
        let Some(keys) = keys else { return Self::new() };
        let packages = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
        Self { known: Mutex::new(Known { keys, packages }) }
    }

    /// Writes it to `path`, whole or not at all.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let scratch = path.with_extension("new-packages");
        let mut out = io::BufWriter::new(std::fs::File::create(&scratch)?);
        let known = self.lock();
        serde_json::to_writer(&mut out, &known.keys)?;
        out.write_all(b"\n")?;
        for key in &known.packages {
            serde_json::to_writer(&mut out, key)?;
            out.write_all(b"\n")?;
        }
        out.flush()?;
        drop(out);
        std::fs::rename(scratch, path)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns which of `packages` are known to be sound, judged with `keys`.
    pub(super) fn of(&self, keys: &Keys, packages: &[Key]) -> Vec<bool> {
        let known = self.lock();
        let same = known.keys == keys.fingerprints();
        packages.iter().map(|key| same && known.packages.contains(key)).collect()
    }

    /// Keeps exactly `sound`, judged with `keys`.
    pub(super) fn keep(&self, keys: &Keys, sound: HashSet<Key>) {
        *self.lock() = Known { keys: keys.fingerprints().to_vec(), packages: sound };
    }
}
