//! Findings and changes as commands print them: for people by weight with what to do, for programs as in design 10.

use crate::domain::evidence::{Change, ChangeKind, Changes, Waiver};
use crate::domain::finding::{Finding, Severity};
use crate::domain::flow::CheckName;
use crate::ui::widgets::text::{bytes, count};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A finding as design 10 has it.
#[derive(Debug, Serialize)]
pub(super) struct FindingRow<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    waived: bool,
}

/// Returns the findings for programs.
pub(super) fn rows<'a>(findings: &'a [Finding], waivers: &[Waiver]) -> Vec<FindingRow<'a>> {
    let row = |finding| FindingRow { finding, waived: is_waived(finding, waivers) };
    findings.iter().map(row).collect()
}

fn is_waived(finding: &Finding, waivers: &[Waiver]) -> bool {
    waivers.iter().any(|waiver| waiver.finding == finding.id)
}

/// Returns how many findings block.
pub(super) fn blocking(findings: &[Finding], waivers: &[Waiver]) -> usize {
    findings.iter().filter(|finding| finding.blocks() && !is_waived(finding, waivers)).count()
}

/// Returns the findings for people: the heaviest first, those of one check and one advice together.
pub(super) fn text(findings: &[Finding], waivers: &[Waiver]) -> String {
    let mut out = String::new();
    for (severity, title) in
        [(Severity::Blocking, "BLOCKING"), (Severity::Warning, "WARNING"), (Severity::Info, "INFO")]
    {
        let mine: Vec<&Finding> = findings.iter().filter(|finding| finding.severity == severity).collect();
        if mine.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{title} ({})", mine.len());
        let mut groups: Vec<((CheckName, &str), Vec<&Finding>)> = Vec::new();
        for finding in mine {
            let key = (finding.check, finding.advice.as_str());
            match groups.iter_mut().find(|(other, _)| *other == key) {
                Some((_, group)) => group.push(finding),
                None => groups.push((key, vec![finding])),
            }
        }
        for ((check, advice), group) in groups {
            let _ = writeln!(out, "  {check}: {advice}");
            for finding in group {
                let waived = if is_waived(finding, waivers) { " (waived)" } else { "" };
                let inherited = if finding.inherited { " (in production already)" } else { "" };
                let _ = writeln!(
                    out,
                    "    {}  {}: {}{inherited}{waived}",
                    finding.id, finding.path, finding.message
                );
            }
        }
    }
    out
}

/// Returns the changes for people: the sums, then each place with its packages.
pub(super) fn changes(changes: &Changes) -> String {
    let mut out = format!("{}\n", sums(changes));
    let mut places: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for change in changes.packages.iter().chain(&changes.files) {
        places.entry(&change.place).or_default().push(change);
    }
    for (place, changes) in places {
        let _ = writeln!(out, "\n  {}", if place.is_empty() { "." } else { place });
        for change in changes {
            let _ =
                writeln!(out, "    {:<10} {:<32} {}", kind_word(change.kind), change.name, versions(change));
        }
    }
    out
}

/// Returns the sums of the changes in a line.
pub(super) fn sums(changes: &Changes) -> String {
    let kinds = [
        ChangeKind::Added,
        ChangeKind::Updated,
        ChangeKind::Rebuilt,
        ChangeKind::Downgraded,
        ChangeKind::Removed,
    ];
    let kinds: Vec<String> = kinds
        .into_iter()
        .map(|kind| (kind, changes.packages.iter().filter(|change| change.kind == kind).count()))
        .filter(|(_, number)| *number > 0)
        .map(|(kind, number)| format!("{number} {}", kind_word(kind)))
        .collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    format!(
        "{}{kinds}, {}, {}",
        count(changes.packages.len(), "package change"),
        count(changes.files.len(), "image change"),
        bytes(changes.bytes)
    )
}

/// Returns the word for what happens to a package or a file.
pub(super) fn kind_word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "added",
        ChangeKind::Updated => "updated",
        ChangeKind::Downgraded => "downgraded",
        ChangeKind::Removed => "removed",
        ChangeKind::Rebuilt => "rebuilt",
    }
}

fn versions(change: &Change) -> String {
    match (&change.from, &change.to) {
        (None, Some(to)) => to.clone(),
        (Some(from), None) => from.clone(),
        (Some(from), Some(to)) if from == to => format!("{to}, other content"),
        (from, to) => format!("{} -> {}", from.as_deref().unwrap_or("-"), to.as_deref().unwrap_or("-")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(check: CheckName, severity: Severity, path: &str, advice: &str) -> Finding {
        Finding::new(check, severity, "kind", path, "is wrong", advice)
    }

    #[test]
    fn findings_stand_under_their_weight_and_their_advice() {
        let findings = [
            finding(CheckName::MetadataSigned, Severity::Blocking, "b", "sign"),
            finding(CheckName::Leftovers, Severity::Warning, "c", "remove"),
            finding(CheckName::MetadataSigned, Severity::Blocking, "a", "sign"),
        ];
        let text = text(&findings, &[]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "BLOCKING (2)");
        assert_eq!(lines[2], "  metadata-signed: sign");
        assert!(lines[3].ends_with("b: is wrong") && lines[4].ends_with("a: is wrong"), "{text}");
        assert_eq!(lines[6..8], ["WARNING (1)", "  leftovers: remove"]);
        assert_eq!(blocking(&findings, &[]), 2);
    }

    #[test]
    fn sums_leave_out_what_did_not_happen() {
        let change = |kind| Change {
            kind,
            place: "BaseOS/x86_64/os".into(),
            name: "bash".into(),
            from: Some("1-1".into()),
            to: Some("1-1".into()),
        };
        let some = Changes {
            packages: vec![change(ChangeKind::Added), change(ChangeKind::Rebuilt)],
            files: vec![change(ChangeKind::Added)],
            bytes: 3 << 20,
        };
        assert_eq!(sums(&some), "2 package changes (1 added, 1 rebuilt), 1 image change, 3.1 MB");
        assert_eq!(sums(&Changes::default()), "0 package changes, 0 image changes, 0 B");
        assert!(changes(&some).contains("rebuilt    bash                             1-1, other content"));
    }
}
