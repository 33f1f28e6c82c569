//! Findings and changes as commands print them: for people by weight with what to do, for programs as in design 10.

use crate::domain::evidence::{AdvisoryChange, Change, ChangeKind, Changes, StreamChange, Waiver};
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
    Waiver::of(finding, waivers).is_some()
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

/// What changes in one place.
#[derive(Default)]
struct Place<'a> {
    changes: Vec<&'a Change>,
    streams: Vec<&'a StreamChange>,
    advisories: Vec<&'a AdvisoryChange>,
}

/// Returns the changes for people: the sums, then each place with its packages, module streams and advisories.
pub(super) fn changes(changes: &Changes) -> String {
    let mut out = format!("{}\n", sums(changes));
    let mut places: BTreeMap<&str, Place<'_>> = BTreeMap::new();
    for change in changes.packages.iter().chain(&changes.files) {
        places.entry(&change.place).or_default().changes.push(change);
    }
    for stream in &changes.streams {
        places.entry(&stream.place).or_default().streams.push(stream);
    }
    for advisory in &changes.advisories {
        places.entry(&advisory.place).or_default().advisories.push(advisory);
    }
    for (place, what) in places {
        let _ = writeln!(out, "\n  {:<34}{}", if place.is_empty() { "." } else { place }, what.sums());
        for change in what.changes {
            let _ =
                writeln!(out, "    {:<10} {:<32} {}", kind_word(change.kind), change.name, versions(change));
        }
        for stream in what.streams {
            let what =
                if stream.whole_module { "module stream, and with it the module" } else { "module stream" };
            let _ = writeln!(out, "    {:<10} {:<32} {what}", kind_word(stream.kind), stream.name);
        }
        for advisory in what.advisories {
            let _ =
                writeln!(out, "    {:<10} {:<32} {}", kind_word(advisory.kind), advisory.id, about(advisory));
        }
    }
    out
}

impl Place<'_> {
    /// Returns how many there are of each kind, and the bytes of what comes.
    fn sums(&self) -> String {
        let kinds = self.changes.iter().map(|change| change.kind);
        let size = self.changes.iter().filter(|change| change.to.is_some()).map(|change| change.size).sum();
        let mut sums = kind_counts(&kinds);
        if size > 0 {
            sums.push(bytes(size));
        }
        sums.join(", ")
    }
}

/// Returns `security, Important: CVE-2024-1 CVE-2024-2: title`.
fn about(advisory: &AdvisoryChange) -> String {
    let severity = match advisory.severity.as_str() {
        "" | "None" => String::new(),
        severity => format!(", {severity}"),
    };
    let cves =
        if advisory.cves.is_empty() { String::new() } else { format!(" {}:", advisory.cves.join(" ")) };
    format!("{}{severity}:{cves} {}", advisory.sort, advisory.title)
}

fn kind_counts(kinds: &(impl Iterator<Item = ChangeKind> + Clone)) -> Vec<String> {
    const ORDER: [ChangeKind; 5] = [
        ChangeKind::Added,
        ChangeKind::Updated,
        ChangeKind::Rebuilt,
        ChangeKind::Downgraded,
        ChangeKind::Removed,
    ];
    ORDER
        .into_iter()
        .map(|kind| (kind, kinds.clone().filter(|other| *other == kind).count()))
        .filter(|(_, number)| *number > 0)
        .map(|(kind, number)| format!("{number} {}", kind_word(kind)))
        .collect()
}

/// Returns the sums of the changes in a line.
pub(super) fn sums(changes: &Changes) -> String {
    fn counted(number: usize, what: &str, kinds: &[String]) -> String {
        let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
        format!("{}{kinds}", count(number, what))
    }
    let packages = kind_counts(&changes.packages.iter().map(|change| change.kind));
    let mut sums = vec![
        counted(changes.packages.len(), "package change", &packages),
        count(changes.files.len(), "image change"),
    ];
    if !changes.streams.is_empty() {
        let kinds = kind_counts(&changes.streams.iter().map(|change| change.kind));
        sums.push(counted(changes.streams.len(), "module stream change", &kinds));
    }
    if !changes.advisories.is_empty() {
        let kinds = kind_counts(&changes.advisories.iter().map(|change| change.kind));
        sums.push(counted(changes.advisories.len(), "advisory change", &kinds));
    }
    sums.push(bytes(changes.bytes));
    sums.join(", ")
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
            size: 0,
        };
        let some = Changes {
            packages: vec![change(ChangeKind::Added), change(ChangeKind::Rebuilt)],
            files: vec![change(ChangeKind::Added)],
            bytes: 3 << 20,
            ..Changes::default()
        };
        assert_eq!(sums(&some), "2 package changes (1 added, 1 rebuilt), 1 image change, 3.1 MB");
        assert_eq!(sums(&Changes::default()), "0 package changes, 0 image changes, 0 B");
        assert!(changes(&some).contains("rebuilt    bash                             1-1, other content"));
    }

    #[test]
    fn advisories_and_streams_stand_in_their_place() {
        let place = "AppStream/x86_64/os".to_owned();
        let some = Changes {
            advisories: vec![AdvisoryChange {
                kind: ChangeKind::Added,
                place: place.clone(),
                id: "RLSA-2024:1".into(),
                sort: "security".into(),
                severity: "Important".into(),
                title: "nodejs".into(),
                cves: vec!["CVE-2024-1".into(), "CVE-2024-2".into()],
            }],
            streams: vec![StreamChange {
                kind: ChangeKind::Removed,
                place,
                name: "nodejs:18".into(),
                whole_module: false,
            }],
            ..Changes::default()
        };
        let text = changes(&some);
        assert!(text.starts_with("0 package changes, 0 image changes, 1 module stream change (1 removed), 1 advisory change (1 added), 0 B\n"), "{text}");
        assert!(text.contains("    added      RLSA-2024:1                      security, Important: CVE-2024-1 CVE-2024-2: nodejs\n"), "{text}");
        assert!(text.contains("    removed    nodejs:18                        module stream\n"), "{text}");
    }
}
