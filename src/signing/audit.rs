//! Audits the approvals that a journal records, offline: who approved what, with which key, and whether production
//! was touched with approvals that held.
//!
//! It takes records and a plan and changes nothing. Whose a key is only an allowed signers file says; without one a
//! signature is still checked against the key that made it, and that nobody was named for it is said.

use super::allowed::AllowedSigners;
use super::verify;
use crate::domain::approval::{Approval, Demand, text};
use crate::domain::evidence::{Evidence, Waiver};
use crate::domain::name::{ReleaseId, RunId, StepId};
use crate::domain::plan::Plan;
use crate::domain::run::Event;
use crate::domain::seal::SealDigest;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is known of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureState {
    /// Made over what is recorded, by the key of somebody who may sign.
    Valid,
    /// Made over what is recorded; whose the key is was not verified.
    KeyUnknown,
    /// It does not count.
    Invalid,
    /// There is none, and none was asked for.
    Unsigned,
}

/// One approval, as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditedApproval {
    /// The record, counted from 1.
    pub record: u64,
    /// The release.
    pub release: ReleaseId,
    /// The principal who signed, else the person whom the kernel knew.
    pub who: String,
    /// Whom the kernel knew.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Until when it held.
    pub expires: Timestamp,
    /// The fingerprint of the key that is recorded.
    pub key: Option<String>,
    /// Whether one person approved alone where two were asked for.
    pub solo: bool,
    /// Why, where a reason was given.
    pub reason: Option<String>,
    /// What is known of its signature.
    pub signature: SignatureState,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ApprovalAudit {
    /// Every approval, in the journal's order.
    pub approvals: Vec<AuditedApproval>,
    /// What is wrong: the record, and a sentence fragment.
    pub flaws: Vec<(u64, String)>,
}

/// A gate as far as the records have come.
#[derive(Debug, Default)]
struct Gate {
    seal: Option<SealDigest>,
    evidence: String,
    demand: Demand,
    approvals: Vec<Approval>,
    passed: bool,
}

/// Who may sign, and whether everybody must have.
#[derive(Debug, Clone, Copy)]
pub enum Allowed<'a> {
    /// Nobody said.
    Unknown,
    /// These, where the run asked for signatures.
    IfAsked(&'a AllowedSigners),
    /// These, whatever the run says that it asked for.
    Required(&'a AllowedSigners),
}

/// Audits the approvals among `facts`, the records of a run of `plan` with their numbers and times.
///
/// `evidence` reads an evidence file that they name; whether that is what was recorded is for
/// [`crate::journal::audit`] to say.
pub fn approvals<'a>(
    run: &RunId,
    plan: &Plan,
    facts: impl Iterator<Item = (u64, Timestamp, &'a Event)>,
    allowed: Allowed<'_>,
    evidence: &dyn Fn(&str) -> Option<Evidence>,
) -> ApprovalAudit {
    let (gates, waivers) = (BTreeMap::new(), BTreeMap::new());
    let found = ApprovalAudit::default();
    let mut auditor = Auditor { run, plan, allowed, evidence, gates, waivers, found };
    for (record, time, event) in facts {
        auditor.take(record, time, event);
    }
    auditor.found
}

struct Auditor<'a> {
    run: &'a RunId,
    plan: &'a Plan,
    allowed: Allowed<'a>,
    evidence: &'a dyn Fn(&str) -> Option<Evidence>,
    gates: BTreeMap<StepId, Gate>,
    waivers: BTreeMap<ReleaseId, Vec<Waiver>>,
    found: ApprovalAudit,
}

impl Auditor<'_> {
    fn take(&mut self, record: u64, time: Timestamp, event: &Event) {
        match event {
            Event::GateOpened { step, seal, demand, evidence, .. } => {
                let (seal, demand, evidence) = (Some(seal.clone()), demand.clone(), evidence.clone());
                self.gates.insert(step.clone(), Gate { seal, evidence, demand, ..Gate::default() });
            }
            Event::FindingWaived { release, waiver } => {
                self.waivers.entry(release.clone()).or_default().push(waiver.clone());
            }
            Event::Approved { step, approval } => self.approved(record, time, step, approval),
            Event::ApprovalVoided { step, .. } => self.close(step),
            Event::StepRetried { step, stale, .. } => {
                self.close(step);
                for step in stale {
                    self.close(step);
                }
            }
            Event::GatePassed { step } => self.passed(record, step),
            Event::StepStarting { step, .. } => self.starting(record, time, step),
            _ => {}
        }
    }

    fn flaw(&mut self, record: u64, message: String) {
        self.found.flaws.push((record, message));
    }

    fn close(&mut self, step: &StepId) {
        if let Some(gate) = self.gates.get_mut(step) {
            (gate.approvals, gate.passed) = (Vec::new(), false);
        }
    }

    fn approved(&mut self, record: u64, time: Timestamp, step: &StepId, approval: &Approval) {
        let gate = self.gates.remove(step).unwrap_or_default();
        let problems = self.problems(time, step, approval, &gate);
        let (signature, problem) = self.signature(approval, &gate.demand);
        for problem in problems.into_iter().chain(problem) {
            self.flaw(
                record,
                format!("the approval of release {} by {}: {problem}", approval.release, approval.who()),
            );
        }
        self.found.approvals.push(AuditedApproval {
            record,
            release: approval.release.clone(),
            who: approval.who().to_owned(),
            by: approval.by.to_string(),
            at: approval.at,
            expires: approval.expires,
            key: approval.signed.as_ref().map(|signed| signed.key.clone()),
            solo: approval.solo,
            reason: approval.reason.clone(),
            signature,
        });
        let mut gate = gate;
        gate.approvals.push(approval.clone());
        self.gates.insert(step.clone(), gate);
    }

    /// Returns what contradicts the rest of the record, the signature apart.
    fn problems(&self, time: Timestamp, step: &StepId, approval: &Approval, gate: &Gate) -> Vec<String> {
        let mut out = Vec::new();
        let planned = self.plan.step(step);
        if planned
            .is_none_or(|planned| !planned.is_gate() || planned.release.as_ref() != Some(&approval.release))
        {
            out.push(format!("{step} is not the gate of its release"));
        }
        if approval.plan != self.plan.digest {
            out.push(format!(
                "it is for the plan {}, not for {}",
                approval.plan.short(),
                self.plan.digest.short()
            ));
        }
        if gate.seal.as_ref() != Some(&approval.seal) {
            out.push("it is for another seal than the gate had".to_owned());
        }
        if self.plan.lane(&approval.release).is_some_and(|lane| lane.phrase != approval.phrase) {
            out.push("its phrase is not the release's".to_owned());
        }
        if approval.expires <= time {
            out.push(format!("it had expired when it was recorded, at {time}"));
        }
        out.extend(self.blocked(approval, gate));
        out.extend(
            gate.demand.admit(&gate.approvals, approval, time).err().map(|refusal| refusal.to_string()),
        );
        out
    }

    /// Says what its evidence found and nobody had waived before it, if that blocks.
    fn blocked(&self, approval: &Approval, gate: &Gate) -> Option<String> {
        let evidence = (self.evidence)(&gate.evidence)?;
        let waivers = self.waivers.get(&approval.release).map_or(&[][..], Vec::as_slice);
        let mut blocking = evidence.blocking(waivers);
        let first = blocking.next()?;
        let number = blocking.count() + 1;
        Some(format!(
            "it was given while findings blocked that nobody had waived: {number}, the first at {}",
            first.path
        ))
    }

    fn signature(&self, approval: &Approval, demand: &Demand) -> (SignatureState, Option<String>) {
        let required = demand.signers.is_some() || matches!(self.allowed, Allowed::Required(_));
        let Some(signed) = &approval.signed else {
            let unsigned = || (SignatureState::Invalid, Some("it is not signed".to_owned()));
            return if required { unsigned() } else { (SignatureState::Unsigned, None) };
        };
        let revision = self.plan.lane(&approval.release).map_or("", |lane| lane.revision.as_str());
        let wrong = |problem: String| (SignatureState::Invalid, Some(problem));
        match self.allowed {
            Allowed::IfAsked(allowed) | Allowed::Required(allowed) => {
                match verify::approval(allowed, self.run, revision, approval, approval.at) {
                    Ok(_) => (SignatureState::Valid, None),
                    Err(refusal) => wrong(refusal.to_string()),
                }
            }
            Allowed::Unknown => {
                let key = text::of(self.run, revision, approval).map_err(|refusal| refusal.to_string());
                match key.and_then(|text| verify::key_of(&signed.signature, &text)) {
                    Err(problem) => wrong(problem),
                    Ok(key) if super::fingerprint(&key) != signed.key => wrong(format!(
                        "it was made by {}, and {} is recorded",
                        super::fingerprint(&key),
                        signed.key
                    )),
                    Ok(_) => (SignatureState::KeyUnknown, None),
                }
            }
        }
    }

    fn passed(&mut self, record: u64, step: &StepId) {
        let Some(gate) = self.gates.get_mut(step) else {
            return self.flaw(record, format!("{step} was passed without having opened"));
        };
        gate.passed = !gate.approvals.is_empty() && gate.demand.is_met(&gate.approvals);
        if !gate.passed {
            let words = gate.demand.words(&gate.approvals);
            self.flaw(record, format!("{step} was passed without every approval: {words}"));
        }
    }

    fn starting(&mut self, record: u64, time: Timestamp, id: &StepId) {
        let Some(step) = self.plan.step(id).filter(|step| step.is_production()) else { return };
        let gate = self.plan.steps.iter().find(|gate| gate.is_gate() && gate.release == step.release);
        let gate = gate.and_then(|gate| self.gates.get(&gate.id)).filter(|gate| gate.passed);
        let problem = match gate {
            None => Some(format!("{id} was started without an approval that held")),
            Some(gate) => gate.approvals.iter().find(|approval| approval.expires <= time).map(|approval| {
                format!("{id} was started after the approval by {} had expired", approval.who())
            }),
        };
        if let Some(problem) = problem {
            self.flaw(record, problem);
        }
    }
}

#[cfg(test)]
mod tests;
