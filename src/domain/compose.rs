//! Compose ids: the names pungi gives its output directories, and their order.
//!
//! Only what can be said from the name itself; what is on disk is read by [`crate::compose`].
//!
//! The form is pungi's (`pungi/compose.py`, productmd's compose id):
//! `SHORT-VERSION[-TYPE]-YYYYMMDD[.CTYPE].RESPIN`, as in `Rocky-8-updates-20210721.1`.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// The release types productmd knows, longest first where one is the beginning of another.
const RELEASE_TYPES: [&str; 8] = ["updates-testing", "updates", "fast", "eus", "aus", "els", "tus", "e4s"];
/// The compose types productmd knows, as they stand in an id.
const COMPOSE_TYPES: [&str; 6] = ["n", "nightly", "t", "test", "ci", "d"];

/// The error of a directory name that is no compose id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a compose id (expected SHORT-VERSION[-TYPE]-YYYYMMDD[.n].RESPIN, as in Rocky-8-updates-20210721.1)"
)]
pub struct InvalidComposeId(String);

/// A compose id, ordered by date and then by respin as a number: `.10` comes after `.9`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ComposeId {
    short: String,
    version: String,
    release_type: Option<String>,
    date: u32,
    compose_type: Option<String>,
    respin: u32,
}

impl ComposeId {
    /// Returns the short name: `Rocky`.
    pub fn short(&self) -> &str {
        &self.short
    }

    /// Returns the version: `8` or `8.10`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the release type where it is not a full release: `updates`.
    pub fn release_type(&self) -> Option<&str> {
        self.release_type.as_deref()
    }

    /// Returns the date as a number: 20210721.
    pub fn date(&self) -> u32 {
        self.date
    }

    /// Returns the compose type where it is not production: `n`.
    pub fn compose_type(&self) -> Option<&str> {
        self.compose_type.as_deref()
    }

    /// Returns the respin, counted from 0 for each day.
    pub fn respin(&self) -> u32 {
        self.respin
    }

    /// Returns whether it is a compose of the repo `short` in the major version `major`.
    pub fn belongs_to(&self, short: &str, major: &str) -> bool {
        self.short == short && self.version.split('.').next() == Some(major)
    }
}

impl TryFrom<String> for ComposeId {
    type Error = InvalidComposeId;
    fn try_from(text: String) -> Result<Self, InvalidComposeId> {
        parse(&text).ok_or(InvalidComposeId(text))
    }
}

impl std::str::FromStr for ComposeId {
    type Err = InvalidComposeId;
    fn from_str(text: &str) -> Result<Self, InvalidComposeId> {
        parse(text).ok_or_else(|| InvalidComposeId(text.to_owned()))
    }
}

fn number(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) { None } else { text.parse().ok() }
}

fn is_version(text: &str) -> bool {
    !text.is_empty() && text.split('.').all(|part| number(part).is_some())
}

fn parse(text: &str) -> Option<ComposeId> {
    let (head, tail) = text.rsplit_once('-')?;
    let mut parts = tail.split('.');
    let date = parts.next().filter(|date| date.len() == 8).and_then(number)?;
    let rest: Vec<&str> = parts.collect();
    let (compose_type, respin) = match rest.as_slice() {
        [respin] => (None, number(respin)?),
        [kind, respin] if COMPOSE_TYPES.contains(kind) => (Some((*kind).to_owned()), number(respin)?),
        _ => return None,
    };
    let typed =
        RELEASE_TYPES.iter().find_map(|kind| Some((head.strip_suffix(kind)?.strip_suffix('-')?, *kind)));
    let (head, release_type) = typed.map_or((head, None), |(head, kind)| (head, Some(kind.to_owned())));
    let (short, version) = head.rsplit_once('-')?;
    let good_short = short.starts_with(|c: char| c.is_ascii_alphabetic())
        && short.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (good_short && is_version(version)).then(|| ComposeId {
        short: short.to_owned(),
        version: version.to_owned(),
        release_type,
        date,
        compose_type,
        respin,
    })
}

impl From<ComposeId> for String {
    fn from(id: ComposeId) -> String {
        id.to_string()
    }
}

impl fmt::Display for ComposeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.release_type.as_ref().map(|kind| format!("-{kind}")).unwrap_or_default();
        let ctype = self.compose_type.as_ref().map(|kind| format!(".{kind}")).unwrap_or_default();
        let text = format!("{}-{}{kind}-{:08}{ctype}.{}", self.short, self.version, self.date, self.respin);
        f.pad(&text)
    }
}

impl Ord for ComposeId {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.date, self.respin, &self.short, &self.version, &self.release_type, &self.compose_type).cmp(&(
            other.date,
            other.respin,
            &other.short,
            &other.version,
            &other.release_type,
            &other.compose_type,
        ))
    }
}

impl PartialOrd for ComposeId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ComposeId {
        text.parse().unwrap()
    }

    #[test]
    fn reads_every_form_seen_in_the_wild() {
        for text in [
            "Rocky-8-updates-20210721.1",
            "Rocky-8.9-updates-20240412.1",
            "Rocky-8.8-20230517.3",
            "Rocky-devel-8-updates-20210721.0",
            "advanced-virt-8-updates-20210721.0",
            "Rocky-10.0-20250612.n.12",
            "gluster9-8-updates-testing-20210721.0",
        ] {
            assert_eq!(id(text).to_string(), text);
        }
        assert_eq!(id("Rocky-8-updates-20210721.1").release_type(), Some("updates"));
        assert_eq!(id("Rocky-8.8-20230517.n.3").compose_type(), Some("n"));
    }

    #[test]
    fn refuses_what_is_none() {
        for text in [
            "",
            "latest-Rocky-8",
            "Rocky-8-updates-2021072.1",
            "Rocky-8-updates-20210721",
            "Rocky-8-20210721.x",
            "8-8-20210721.0",
            "Rocky-8-20210721.q.0",
            "Rocky-8-20210721.-1",
            "Rocky/8-8-20210721.1",
        ] {
            assert!(text.parse::<ComposeId>().is_err(), "{text}");
        }
    }

    #[test]
    fn respins_count_as_numbers() {
        assert!(id("Rocky-8-updates-20210721.10") > id("Rocky-8-updates-20210721.9"));
        assert!(id("Rocky-8-updates-20210722.0") > id("Rocky-8-updates-20210721.10"));
    }

    #[test]
    fn belongs_to_its_repo_and_major_only() {
        assert!(id("Rocky-8.10-20240527.0").belongs_to("Rocky", "8"));
        assert!(!id("Rocky-devel-8-updates-20210721.0").belongs_to("Rocky", "8"));
        assert!(!id("Rocky-10.0-20240527.0").belongs_to("Rocky", "1"));
    }
}
