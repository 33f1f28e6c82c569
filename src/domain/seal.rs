//! The seal: a digest of exactly what was vetted.
//!
//! It covers every path below a release's staging directory (design 7): the content hash of each file
//! that is not an RPM; name, size and header digest of each RPM; the target of each symbolic link.
//! Times, owners and hard links are not part of it. Reading the tree is [`crate::vet::seal`]'s work.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::str::FromStr;

/// How many digits of a seal are shown, and the fewest that are taken for one.
const SHORT: usize = 12;

/// The digest over all entries, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealDigest(pub String);

impl SealDigest {
    /// Returns the first twelve digits, as screens show them.
    pub fn short(&self) -> &str {
        self.0.get(..SHORT).unwrap_or(&self.0)
    }
}

/// The beginning of a seal's digest, as somebody copies it: twelve to 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealPrefix(String);

impl SealPrefix {
    /// Returns whether `seal` begins with it.
    pub fn fits(&self, seal: &SealDigest) -> bool {
        seal.0.starts_with(&self.0)
    }
}

impl FromStr for SealPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if (SHORT..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err("a seal is 12 to 64 hexadecimal digits of what `gate` prints".to_owned())
        }
    }
}

impl fmt::Display for SealPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for SealDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What is sealed of one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum SealedPath {
    /// A file that is not an RPM.
    File {
        /// Its size in bytes.
        size: u64,
        /// SHA-256 of its content.
        sha256: String,
    },
    /// An RPM.
    Rpm {
        /// Its size in bytes.
        size: u64,
        /// SHA-256 over lead, signature header and header: everything before the payload.
        header: String,
    },
    /// A symbolic link.
    Link {
        /// Where it leads.
        target: String,
    },
}

/// Every sealed path, relative to the release's staging directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Seal {
    /// What is sealed, by path.
    pub paths: BTreeMap<String, SealedPath>,
}

impl Seal {
    /// Computes the digest.
    pub fn digest(&self) -> SealDigest {
        let (mut hash, mut line) = (Sha256::new(), String::new());
        for (path, sealed) in &self.paths {
            line.clear();
            // A string takes whatever is written to it.
            let _ = writeln!(line, "{path}\0{sealed:?}");
            hash.update(&line);
        }
        SealDigest(hex::encode(hash.finalize()))
    }

    /// Returns the first path in which `now` differs, and how.
    pub fn first_difference(&self, now: &Self) -> Option<(String, &'static str)> {
        self.differences(now).next()
    }

    /// Returns every path in which `now` differs, in order of the paths, and how.
    pub fn differences<'a>(&'a self, now: &'a Self) -> impl Iterator<Item = (String, &'static str)> + 'a {
        let gone = self.paths.iter().filter_map(|(path, was)| match now.paths.get(path) {
            None => Some((path.clone(), "removed")),
            Some(is) if is != was => Some((path.clone(), "changed")),
            Some(_) => None,
        });
        let added = now
            .paths
            .keys()
            .filter(|path| !self.paths.contains_key(*path))
            .map(|path| (path.clone(), "added"));
        gone.chain(added)
    }
}
