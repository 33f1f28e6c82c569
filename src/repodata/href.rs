//! Locations as metadata names them: relative paths that stay below the repo.
//!
//! A location comes from a file that anybody may have written. One that is absolute, climbs, or holds bytes
//! that no path should hold is an error and is followed by nobody.

use super::error::cut;
use std::fmt;
use std::path::Path;

/// A relative path that stays where it begins: `repodata/primary.xml.gz`, `Packages/b/bash-5.1-1.el8.x86_64.rpm`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Href(String);

/// Why a location is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HrefError {
    /// There is nothing.
    #[error("it is empty")]
    Empty,
    /// It begins at the root of the file system, or names a server.
    #[error("`{0}` is not relative to the repo")]
    Absolute(String),
    /// It climbs.
    #[error("`{0}` leads out of the repo")]
    Climbs(String),
    /// It holds a control character.
    #[error("`{0}` holds a control character")]
    Control(String),
    /// It is longer than a path can be.
    #[error("it has {0} bytes, and a path at most 4096")]
    TooLong(usize),
}

/// The longest path, of Linux (`PATH_MAX`).
const LONGEST: usize = 4096;

impl Href {
    /// Reads a location.
    pub fn parse(text: &str) -> Result<Self, HrefError> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// Returns it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns it as a path.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// Returns its last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Returns its last part without the checksum that `createrepo_c --unique-md-filenames` puts before it.
    pub fn plain_name(&self) -> &str {
        let name = self.file_name();
        let rest = name.split_once('-').filter(|(prefix, _)| {
            [32, 40, 56, 64, 96, 128].contains(&prefix.len())
                && prefix.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        rest.map_or(name, |(_, rest)| rest)
    }
}

/// Says whether `text` is a path that stays below where it begins.
pub fn check(text: &str) -> Result<(), HrefError> {
    if text.is_empty() {
        return Err(HrefError::Empty);
    }
    if text.len() > LONGEST {
        return Err(HrefError::TooLong(text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(HrefError::Control(cut(text)));
    }
    if text.starts_with('/') || text.contains("://") {
        return Err(HrefError::Absolute(cut(text)));
    }
    if text.split('/').any(|part| part == "..") {
        return Err(HrefError::Climbs(cut(text)));
    }
    Ok(())
}

impl fmt::Display for Href {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_below_is_a_location() {
        for good in ["repodata/primary.xml.gz", "a", "Packages/..a/b..rpm", "./x", "with space.rpm"] {
            assert_eq!(Href::parse(good).unwrap().as_str(), good);
        }
        assert_eq!(Href::parse(""), Err(HrefError::Empty));
        assert!(matches!(Href::parse("/etc/passwd"), Err(HrefError::Absolute(_))));
        assert!(matches!(Href::parse("https://mirror/x"), Err(HrefError::Absolute(_))));
        for climbing in ["..", "../x", "a/../../x", "a/.."] {
            assert!(matches!(Href::parse(climbing), Err(HrefError::Climbs(_))), "{climbing}");
        }
        for odd in ["a\0b", "a\nb", "\u{1b}[2J", "a\u{9b}b"] {
            assert!(matches!(Href::parse(odd), Err(HrefError::Control(_))), "{odd:?}");
        }
        assert!(matches!(Href::parse(&"a/".repeat(4000)), Err(HrefError::TooLong(8000))));
    }

    #[test]
    fn the_checksum_before_a_name_is_taken_off() {
        let name = |text: &str| Href::parse(text).unwrap().plain_name().to_owned();
        assert_eq!(name(&format!("repodata/{}-primary.xml.gz", "a0".repeat(32))), "primary.xml.gz");
        assert_eq!(name("repodata/primary.xml.gz"), "primary.xml.gz");
        assert_eq!(name("repodata/comps-AppStream.xml"), "comps-AppStream.xml");
    }
}
