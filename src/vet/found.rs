//! Gathers the findings of one check: weighs each by the catalog's rules and keeps the list readable.
//!
//! A push that copied nothing has two hundred thousand findings. Fifty of each weight are kept and the
//! rest is one more finding, whose id covers exactly the findings it stands for: waiving it waives those
//! and no others.

use crate::domain::finding::{Finding, Severity, SeverityRule};
use crate::domain::flow::CheckName;
use sha2::{Digest, Sha256};

/// How many findings of one weight a check reports one by one.
pub(super) const KEPT: usize = 50;

/// The findings of one check.
pub(super) struct Found<'a> {
    check: CheckName,
    rules: &'a [SeverityRule],
    kept: Vec<Finding>,
    rest: [Rest; 3],
    ordered: bool,
}

#[derive(Default)]
struct Rest {
    kept: usize,
    count: u64,
    ids: Sha256,
}

impl<'a> Found<'a> {
    /// Makes an empty list for `check`.
    pub(super) fn new(check: CheckName, rules: &'a [SeverityRule]) -> Self {
        Self { check, rules, kept: Vec::new(), rest: Default::default(), ordered: false }
    }

    /// Leaves findings of one weight in the order in which they are added, the most telling first.
    pub(super) fn keep_order(&mut self) {
        self.ordered = true;
    }

    /// Adds a finding that stops what it was found for, unless the catalog says otherwise.
    pub(super) fn blocking(
        &mut self,
        kind: &str,
        path: impl Into<String>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(Finding::new(self.check, Severity::Blocking, kind, path, message, advice));
    }

    /// Adds a finding that should be read, unless the catalog says otherwise.
    pub(super) fn warning(
        &mut self,
        kind: &str,
        path: impl Into<String>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(Finding::new(self.check, Severity::Warning, kind, path, message, advice));
    }

    /// Adds a finding that says something and no more, unless the catalog says otherwise.
    pub(super) fn info(
        &mut self,
        kind: &str,
        path: impl Into<String>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(Finding::new(self.check, Severity::Info, kind, path, message, advice));
    }

    /// Adds `finding` with the weight that the catalog gives it.
    pub(super) fn add(&mut self, mut finding: Finding) {
        if let Some(rule) = self.rules.iter().find(|rule| fits(rule, &finding)) {
            finding.severity = rule.severity;
        }
        let Some(rest) = self.rest.get_mut(finding.severity as usize) else { return };
        if rest.kept < KEPT {
            rest.kept += 1;
            self.kept.push(finding);
        } else {
            rest.count += 1;
            rest.ids.update(finding.id.0.as_bytes());
        }
    }

    /// Returns what was found, blocking findings first, then by path or in the order of [`Found::keep_order`].
    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        for (rest, severity) in
            self.rest.into_iter().zip([Severity::Info, Severity::Warning, Severity::Blocking])
        {
            if rest.count > 0 {
                let kind = format!("more-{}", hex::encode(rest.ids.finalize()));
                let message = format!("and {} more of the same weight", rest.count);
                let advice = "mend the ones above; what is left is then named";
                self.kept.push(Finding::new(self.check, severity, &kind, "…", message, advice));
            }
        }
        if !self.ordered {
            self.kept.sort_by(|a, b| a.path.cmp(&b.path));
        }
        self.kept.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        self.kept
    }
}

fn fits(rule: &SeverityRule, finding: &Finding) -> bool {
    rule.check == finding.check
        && rule.inherited.is_none_or(|inherited| inherited == finding.inherited)
        && rule.path.as_deref().is_none_or(|pattern| path_fits(pattern, &finding.path))
}

/// Returns whether `path` fits `pattern`: `*` is anything within a part, `**` any number of parts.
pub(super) fn path_fits(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    parts_fit(&pattern, &path)
}

fn parts_fit(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => (0..=path.len()).any(|skip| parts_fit(rest, &path[skip..])),
        (Some((first, rest)), Some((part, below))) => {
            part_fits(first.as_bytes(), part.as_bytes()) && parts_fit(rest, below)
        }
        _ => false,
    }
}

fn part_fits(pattern: &[u8], part: &[u8]) -> bool {
    match pattern.split_first() {
        None => part.is_empty(),
        Some((b'*', rest)) => (0..=part.len()).any(|skip| part_fits(rest, &part[skip..])),
        Some((first, rest)) => {
            part.split_first().is_some_and(|(byte, below)| byte == first && part_fits(rest, below))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_parts_and_whole_paths() {
        for (pattern, path, fits) in [
            ("**/kickstart/**", "BaseOS/x86_64/kickstart/repodata/repomd.xml", true),
            ("**/kickstart/**", "BaseOS/x86_64/kickstarter/repodata/repomd.xml", false),
            ("**/kickstart/**", "kickstart/x", true),
            ("storage/**", "storage/gluster9/x86_64/repodata/repomd.xml", true),
            ("storage/**", "BaseOS/storage/x", false),
            ("*/x86_64/*", "BaseOS/x86_64/os", true),
            ("*/x86_64/*", "BaseOS/x86_64/os/Packages", false),
            ("**/*.rpm", "a.rpm", true),
            ("**/a*-1.rpm", "x/y/abba-1.rpm", true),
            ("**", "anything/at/all", true),
            ("", "", true),
            ("a", "", false),
        ] {
            assert_eq!(path_fits(pattern, path), fits, "{pattern} {path}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_gives_the_weight() {
        let rule = |path: Option<&str>, severity| SeverityRule {
            check: CheckName::Mounts,
            path: path.map(str::to_owned),
            inherited: None,
            severity,
        };
        let rules = [rule(Some("a/**"), Severity::Info), rule(None, Severity::Warning)];
        let mut found = Found::new(CheckName::Mounts, &rules);
        found.blocking("kind", "a/b", "message", "advice");
        found.blocking("kind", "b", "message", "advice");
        let weights: Vec<_> = found.into_findings().into_iter().map(|f| (f.path, f.severity)).collect();
        assert_eq!(weights, [("b".to_owned(), Severity::Warning), ("a/b".to_owned(), Severity::Info)]);
        let mut other = Found::new(CheckName::Tools, &rules);
        other.blocking("kind", "a/b", "message", "advice");
        assert!(other.into_findings()[0].blocks());
    }

    #[test]
    fn what_is_too_much_is_counted_and_its_id_names_exactly_that() {
        let gather = |last: &str| {
            let mut found = Found::new(CheckName::Mounts, &[]);
            for at in 0..KEPT + 3 {
                found.blocking("kind", format!("path{at:03}"), "message", "advice");
            }
            found.blocking("kind", last, "message", "advice");
            found.warning("kind", "w", "message", "advice");
            found.into_findings()
        };
        let findings = gather("x");
        assert_eq!(findings.len(), KEPT + 2);
        let more = findings.iter().find(|f| f.path == "…").unwrap();
        assert!(more.blocks() && more.message.contains("and 4 more"), "{more:?}");
        let other = gather("y");
        assert_ne!(more.id, other.iter().find(|f| f.path == "…").unwrap().id);
    }
}
