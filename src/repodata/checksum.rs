//! Checksums as metadata names them.
//!
//! md5 and sha1 are read like the others, because old repos have them; that they are weak is for the caller to
//! say. The names are those of `createrepo_c`, in which `sha` means sha1.

use super::error::{Problem, cut};
use sha2::Digest;
use std::fmt;

/// The algorithm of a checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChecksumKind {
    /// `md5`: weak.
    Md5,
    /// `sha1` or `sha`: weak.
    Sha1,
    /// `sha224`
    Sha224,
    /// `sha256`: what everybody uses.
    Sha256,
    /// `sha384`
    Sha384,
    /// `sha512`
    Sha512,
}

impl ChecksumKind {
    /// Returns the kind that metadata calls `name`.
    pub fn from_name(name: &str) -> Result<Self, Problem> {
        Ok(match name {
            "md5" => Self::Md5,
            "sha" | "sha1" => Self::Sha1,
            "sha224" => Self::Sha224,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            other => return Err(Problem::UnknownChecksum(cut(other))),
        })
    }

    /// Returns its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns how many bytes a checksum of this kind has.
    pub fn bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Returns whether collisions of it can be made.
    pub fn is_weak(self) -> bool {
        matches!(self, Self::Md5 | Self::Sha1)
    }

    /// Returns whether `text` can be a checksum of this kind: lower or upper case hexadecimal of its length.
    pub fn fits(self, text: &str) -> bool {
        text.len() == self.bytes() * 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

/// A checksum with its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum {
    /// The algorithm.
    pub kind: ChecksumKind,
    /// Lower-case hexadecimal.
    pub hex: String,
}

impl Checksum {
    /// Reads a checksum of the kind called `kind`.
    pub fn parse(kind: &str, text: &str) -> Result<Self, Problem> {
        let kind = ChecksumKind::from_name(kind)?;
        let text = text.trim();
        if kind.fits(text) {
            Ok(Self { kind, hex: text.to_ascii_lowercase() })
        } else {
            Err(Problem::NotAChecksum { kind, text: cut(text) })
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.word(), self.hex)
    }
}

/// A checksum that is being made.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha224(sha2::Sha224),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

impl Hasher {
    /// Begins a checksum.
    pub fn new(kind: ChecksumKind) -> Self {
        Self(match kind {
            ChecksumKind::Md5 => State::Md5(md5::Md5::new()),
            ChecksumKind::Sha1 => State::Sha1(sha1::Sha1::new()),
            ChecksumKind::Sha224 => State::Sha224(sha2::Sha224::new()),
            ChecksumKind::Sha256 => State::Sha256(sha2::Sha256::new()),
            ChecksumKind::Sha384 => State::Sha384(sha2::Sha384::new()),
            ChecksumKind::Sha512 => State::Sha512(sha2::Sha512::new()),
        })
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Md5(state) => state.update(bytes),
            State::Sha1(state) => state.update(bytes),
            State::Sha224(state) => state.update(bytes),
            State::Sha256(state) => state.update(bytes),
            State::Sha384(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// Returns the checksum of all bytes.
    pub fn finish(self) -> Checksum {
        let (kind, hex) = match self.0 {
            State::Md5(state) => (ChecksumKind::Md5, hex::encode(state.finalize())),
            State::Sha1(state) => (ChecksumKind::Sha1, hex::encode(state.finalize())),
            State::Sha224(state) => (ChecksumKind::Sha224, hex::encode(state.finalize())),
            State::Sha256(state) => (ChecksumKind::Sha256, hex::encode(state.finalize())),
            State::Sha384(state) => (ChecksumKind::Sha384, hex::encode(state.finalize())),
            State::Sha512(state) => (ChecksumKind::Sha512, hex::encode(state.finalize())),
        };
        Checksum { kind, hex }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_makes_what_its_tool_makes() {
        let of = |kind| {
            let mut hasher = Hasher::new(kind);
            hasher.update(b"a");
            hasher.update(b"bc");
            hasher.finish()
        };
        // md5sum, sha1sum and sha256sum of `abc`
        assert_eq!(of(ChecksumKind::Md5).hex, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(of(ChecksumKind::Sha1).hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            of(ChecksumKind::Sha256).to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        for name in ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"] {
            let kind = ChecksumKind::from_name(name).unwrap();
            let made = of(kind);
            assert_eq!(kind.word(), name);
            assert_eq!(Checksum::parse(name, &made.hex.to_uppercase()).unwrap(), made);
        }
    }

    #[test]
    fn what_is_no_checksum_is_an_error() {
        assert!(matches!(Checksum::parse("crc32", "00"), Err(Problem::UnknownChecksum(_))));
        assert!(matches!(Checksum::parse("sha256", "00"), Err(Problem::NotAChecksum { .. })));
        assert!(matches!(Checksum::parse("md5", &"g".repeat(32)), Err(Problem::NotAChecksum { .. })));
        assert!(ChecksumKind::Sha1.is_weak() && !ChecksumKind::Sha224.is_weak());
    }
}
