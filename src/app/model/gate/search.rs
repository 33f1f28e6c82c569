//! Searching the tab of the gate that is shown: which of its rows have what was typed.
//!
//! Found once when something is typed, or the tab changes, and not for each frame. Capitals count only where one was typed, as
//! in the logs.

use super::rows::ChangeRow;
use super::{GateModel, GateTab, PRODUCTION_FACTS};
use crate::domain::evidence::Evidence;

/// What was searched for, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateSearch {
    /// What was typed; never empty.
    pub pattern: String,
    /// The tab whose rows it was searched in.
    pub tab: GateTab,
    /// The rows that have it, in their order.
    pub hits: Vec<usize>,
}

impl GateSearch {
    /// Searches the rows of the tab that is shown.
    pub fn new(gate: &GateModel, pattern: &str) -> Self {
        let tab = gate.tab();
        let capitals = pattern.chars().any(char::is_uppercase);
        let fits = |text: &str| {
            if capitals { text.contains(pattern) } else { text.to_lowercase().contains(pattern) }
        };
        let hits = gate.shown().map_or_else(Vec::new, |evidence| {
            (0..gate.length())
                .filter(|row| words(gate, evidence, *row).iter().any(|text| fits(text)))
                .collect()
        });
        Self { pattern: pattern.to_owned(), tab, hits }
    }

    /// Returns the hit behind row `at`, or before it, round and round.
    pub fn beside(&self, at: usize, forward: bool) -> Option<usize> {
        if forward {
            self.hits.iter().find(|hit| **hit > at).or(self.hits.first()).copied()
        } else {
            self.hits.iter().rev().find(|hit| **hit < at).or(self.hits.last()).copied()
        }
    }

    /// Returns which of the hits row `at` is, from 1.
    pub fn nth(&self, at: usize) -> Option<usize> {
        self.hits.binary_search(&at).ok().map(|place| place + 1)
    }
}

/// Returns everything that a row of the shown tab says, or says in full beside it.
fn words(gate: &GateModel, evidence: &Evidence, row: usize) -> Vec<String> {
    let of = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
    match gate.tab() {
        GateTab::Findings => evidence.findings.get(row).map_or_else(Vec::new, |finding| {
            let check = finding.check.to_string();
            of(&[&finding.path, &finding.message, &finding.advice, &check, &finding.id.0])
        }),
        GateTab::Changes => gate.rows.get(row).map_or_else(Vec::new, |row| change(evidence, row)),
        GateTab::Checklist => evidence.checklist.get(row).into_iter().cloned().collect(),
        GateTab::Production => row
            .checked_sub(PRODUCTION_FACTS)
            .and_then(|row| evidence.repos.get(row))
            .map_or_else(Vec::new, |repo| vec![repo.repo.to_string()]),
        GateTab::Checks => {
            evidence.checks.get(row).map(|checked| checked.check.to_string()).into_iter().collect()
        }
    }
}

fn change(evidence: &Evidence, row: &ChangeRow) -> Vec<String> {
    let changes = &evidence.changes;
    let one = |change: Option<&crate::domain::evidence::Change>| {
        change.map_or_else(Vec::new, |change| {
            let versions = [&change.from, &change.to].into_iter().flatten().cloned();
            std::iter::once(change.name.clone()).chain(versions).collect()
        })
    };
    match row {
        ChangeRow::All(_) => Vec::new(),
        ChangeRow::Place { place, .. } => vec![place.clone()],
        ChangeRow::Package(at) => one(changes.packages.get(*at)),
        ChangeRow::File(at) => one(changes.files.get(*at)),
        ChangeRow::Stream(at) => {
            changes.streams.get(*at).map(|stream| stream.name.clone()).into_iter().collect()
        }
        ChangeRow::Advisory(at) => changes.advisories.get(*at).map_or_else(Vec::new, |advisory| {
            let facts = [&advisory.id, &advisory.title, &advisory.severity, &advisory.sort];
            facts.into_iter().chain(&advisory.cves).cloned().collect()
        }),
    }
}
