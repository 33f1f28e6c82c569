//! Whether what a package provides answers what another requires: rpm's overlap of two version ranges.
//!
//! The rules are those of rpm's `rpmdsCompare` and of libsolv's `pool_intersect_evrs`, which agree: without a version on
//! either side any will do; a side without a release means all releases, if it includes equality; a missing epoch is 0.

use crate::repodata::nevra::compare;
use crate::repodata::package::Comparison;
use std::cmp::Ordering;

/// A version as a dependency states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range<'a> {
    pub(super) comparison: Comparison,
    pub(super) epoch: u32,
    pub(super) version: &'a str,
    /// Empty for any.
    pub(super) release: &'a str,
}

/// Returns whether there is a version that both allow.
pub(super) fn overlap(provided: Range<'_>, required: Range<'_>) -> bool {
    let (mine, theirs) = (directions(provided.comparison), directions(required.comparison));
    let order = compare((provided.epoch, provided.version, ""), (required.epoch, required.version, ""));
    let order = order.then_with(|| match (provided.release, required.release) {
        ("", _) | (_, "") => Ordering::Equal,
        (mine, theirs) => compare((0, "0", mine), (0, "0", theirs)),
    });
    match order {
        Ordering::Less => mine.up || theirs.down,
        Ordering::Greater => mine.down || theirs.up,
        Ordering::Equal => {
            let same = mine.down && theirs.down || mine.up && theirs.up;
            let any_release = |open: &Range<'_>, other: &Range<'_>, flags: Directions| {
                open.release.is_empty() && !other.release.is_empty() && flags.equal
            };
            same || mine.equal && theirs.equal
                || any_release(&provided, &required, mine)
                || any_release(&required, &provided, theirs)
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Directions {
    down: bool,
    equal: bool,
    up: bool,
}

fn directions(comparison: Comparison) -> Directions {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    Directions {
        down: matches!(comparison, Less | LessOrEqual),
        equal: matches!(comparison, Equal | LessOrEqual | GreaterOrEqual),
        up: matches!(comparison, Greater | GreaterOrEqual),
    }
}

/// Returns how rpm writes a comparison.
pub(super) fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

/// Returns the comparison that rpm writes so.
pub(super) fn comparison(sign: &str) -> Option<Comparison> {
    Some(match sign {
        "=" | "==" => Comparison::Equal,
        "<" => Comparison::Less,
        "<=" | "=<" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" | "=>" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// Cuts `1:2.0-3` into epoch, version and release; `None` if the epoch is no number.
pub(super) fn cut(text: &str) -> Option<(u32, &str, &str)> {
    let (epoch, rest) = match text.split_once(':') {
        Some((epoch, rest)) => (epoch.parse().ok()?, rest),
        None => (0, text),
    };
    let (version, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (!version.is_empty()).then_some((epoch, version, release))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Range<'_> {
        let (mark, evr) = text.split_once(' ').unwrap();
        let (epoch, version, release) = cut(evr).unwrap();
        Range { comparison: comparison(mark).unwrap(), epoch, version, release }
    }

    #[test]
    fn ranges_overlap_as_rpm_says() {
        for (provided, required, fits) in [
            ("= 1.0-1", "= 1.0-1", true),
            ("= 1.0-1", "= 1.0-2", false),
            ("= 1.0-1", "= 1.0", true),
            ("= 1.0", "= 1.0-7", true),
            ("= 1.0-1", ">= 1.0", true),
            ("= 1.0-1", "> 1.0", false),
            ("= 1.0-1", "< 1.0", false),
            ("= 1.0-1", "<= 1.0", true),
            ("= 1.10-1", "> 1.9", true),
            ("= 1.0~rc1-1", ">= 1.0", false),
            ("= 1.0^git-1", "> 1.0-1", true),
            ("= 1:0.5-1", ">= 2.0", true),
            ("= 2.0-1", ">= 1:0.5", false),
            ("= 0:2.0-1", "= 2.0-1", true),
            (">= 2.0", "= 3.0-1", true),
            (">= 2.0", "< 2.0", false),
            ("< 2.0", "> 3", false),
            ("< 2.0", "< 1", true),
            ("> 1.0-1", "= 1.0", true),
            ("> 1.0", "= 1.0-1", false),
        ] {
            assert_eq!(overlap(range(provided), range(required)), fits, "{provided} for {required}");
        }
    }

    #[test]
    fn what_is_no_version_is_none() {
        assert_eq!(cut("1:2-a-3"), Some((1, "2-a", "3")));
        assert_eq!((cut("x:1"), cut(""), cut("-1")), (None, None, None));
    }
}
