//! The approvals in a run's folder, verified offline: who, when, with which key, and what could not be verified.

use super::super::exit::Failure;
use crate::domain::name::RunId;
use crate::domain::run::Event;
use crate::domain::visible;
use crate::journal::audit::{Audit, Flaw, FlawKind};
use crate::journal::reader;
use crate::journal::store::RunDir;
use crate::signing::allowed::AllowedSigners;
use crate::signing::audit::{self as signatures, Allowed, AuditedApproval, SignatureState};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// What was found of the approvals; what is wrong with them is in the audit.
#[derive(Debug, Serialize)]
pub(super) struct Checked {
    /// Every approval, in the journal's order.
    approvals: Vec<AuditedApproval>,
    /// The file whose signers counted; none where there was none to ask.
    allowed_signers: Option<String>,
}

/// Verifies the approvals of the run in `dir` and adds what is wrong to `audit`.
pub(super) fn check(dir: &RunDir, audit: &mut Audit, named: Option<&Path>) -> Result<Checked, Failure> {
    let records = reader::read(&dir.journal())?.records;
    // Without its plan nothing can be compared; that it is lost was said already.
    let Ok(plan) = dir.plan() else { return Ok(Checked { approvals: Vec::new(), allowed_signers: None }) };
    let facts = || {
        let fact = |record: &'_ crate::journal::format::ReadRecord| {
            record.fact.clone().map(|fact| (record.seq, record.time, fact))
        };
        records.iter().filter_map(fact).collect::<Vec<_>>()
    };
    let facts = facts();
    let run = facts.iter().find_map(|(_, _, fact)| match fact {
        Event::RunCreated { run, .. } => Some(run.clone()),
        _ => None,
    });
    // The name that was signed; a folder that was copied under another name is told by the audit.
    let run: RunId = run.unwrap_or_else(|| dir.id().clone());
    let asked = facts.iter().rev().find_map(|(_, _, fact)| match fact {
        Event::GateOpened { demand, .. } => demand.signers.clone(),
        _ => None,
    });
    let file = match named {
        Some(path) => Some(AllowedSigners::read(path).map_err(Failure::usage)?),
        None => match asked.as_deref().map(AllowedSigners::read) {
            Some(Ok(file)) => Some(file),
            Some(Err(problem)) => {
                audit.notes.push(format!(
                    "whose the keys are was not verified: {problem}; give the file with --allowed-signers"
                ));
                None
            }
            None => None,
        },
    };
    let allowed = match (&file, named) {
        (Some(file), Some(_)) => Allowed::Required(file),
        (Some(file), None) => Allowed::IfAsked(file),
        (None, _) => Allowed::Unknown,
    };
    let events = facts.iter().map(|(seq, time, fact)| (*seq, *time, fact));
    let evidence = |file: &str| dir.evidence(file).ok();
    let found = signatures::approvals(&run, &plan, events, allowed, &evidence);
    for (record, message) in found.flaws {
        audit.flaws.push(Flaw {
            kind: FlawKind::ApprovalInvalid,
            file: "journal.jsonl".to_owned(),
            record: Some(record),
            line: None,
            offset: None,
            event: None,
            message: format!("record {record}: {message}"),
        });
    }
    audit.intact = audit.flaws.is_empty();
    let allowed_signers = file.map(|file| file.path().display().to_string());
    Ok(Checked { approvals: found.approvals, allowed_signers })
}

impl Checked {
    /// Returns a line for each approval.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        for approval in &self.approvals {
            let key = approval.key.as_deref().unwrap_or("no key");
            let state = match approval.signature {
                SignatureState::Valid => format!("signature valid, {key}"),
                SignatureState::KeyUnknown => format!("signature valid, whose {key} is was not verified"),
                SignatureState::Invalid => format!("SIGNATURE NOT VALID, {key}"),
                SignatureState::Unsigned => "not signed, as the catalog had it".to_owned(),
            };
            let solo = if approval.solo { " SOLO," } else { "" };
            let reason =
                approval.reason.as_ref().map(|reason| format!(", because: {reason}")).unwrap_or_default();
            let line = format!(
                "approval of {} by {} ({}) at {}, until {}:{solo} {state}{reason}",
                approval.release, approval.who, approval.by, approval.at, approval.expires
            );
            let _ = writeln!(out, "  {}", visible::line(&line));
        }
        if let Some(file) = &self.allowed_signers {
            let _ = writeln!(out, "  signers allowed by {}", visible::line(file));
        }
        out
    }
}
