//! Weighs approvals: who gives them, for what, with which signature, and whether that still holds (design 7).
//!
//! An approval is weighed when it arrives and again when staging was sealed anew; its signature is verified once more
//! just before production. What is verified is the text that the supervisor makes itself, of what the kernel says about
//! the peer and of its own plan and evidence.

use super::checks::Vet;
use super::control::Response;
use super::happening::{PendingApproval, SealPurpose};
use super::run_loop::Supervisor;
use crate::domain::approval::{Approval, Demand, Refusal, Signed, VerifiedSigner, check_phrase};
use crate::domain::name::ReleaseId;
use crate::domain::plan::Step;
use crate::domain::run::{Event, GateState};
use crate::domain::seal::{Seal, SealDigest};
use crate::journal::JournalError;
use crate::signing::allowed::AllowedSigners;
use crate::signing::verify;
use jiff::{SignedDuration, Timestamp};

/// How old a signature may be when it arrives: somebody may have looked for their security key.
const OLDEST: SignedDuration = SignedDuration::from_mins(10);
/// How far it may be ahead of this host's clock.
const AHEAD: SignedDuration = SignedDuration::from_secs(30);

impl Supervisor {
    /// Takes an approval in: everything that can be refused at once is, then the seal is looked at again.
    pub(super) fn on_approve(
        &mut self,
        release: &ReleaseId,
        shown: Option<&SealDigest>,
        pending: PendingApproval,
    ) -> Result<(), JournalError> {
        let client = pending.client;
        match self.weigh(release, shown, &pending) {
            Ok(step) => {
                self.look_at_seal(&step, SealPurpose::Approval(Box::new(pending)));
                Ok(())
            }
            Err(refusal) => {
                self.answer(client, Response::Refused { refusal: refusal.clone() });
                self.void_expired(release, refusal)
            }
        }
    }

    /// An approval that was given before and has expired takes the others with it: the gate begins anew.
    fn void_expired(&mut self, release: &ReleaseId, refusal: Refusal) -> Result<(), JournalError> {
        match (&refusal, self.state.gate(release)) {
            (Refusal::Expired { .. }, Some((_, Some(GateState::Waiting { approvals, .. }))))
                if approvals.iter().any(|approval| approval.expires <= Timestamp::now()) =>
            {
                self.void(release, refusal)
            }
            _ => Ok(()),
        }
    }

    fn weigh(
        &self,
        release: &ReleaseId,
        shown: Option<&SealDigest>,
        pending: &PendingApproval,
    ) -> Result<Step, Refusal> {
        let not_waiting =
            |state: &str| Refusal::NotWaiting { release: release.clone(), state: state.to_owned() };
        let lane = self.state.plan.lane(release).ok_or_else(|| not_waiting("no such lane in this run"))?;
        let (step, gate) = self.state.gate(release).ok_or_else(|| not_waiting("its lane has no gate"))?;
        if self.state.cancelled.is_some() {
            return Err(not_waiting("the run is cancelled; retry the gate to go on"));
        }
        if self.looking.contains(release) {
            return Err(not_waiting("evidence is being gathered; wait for it"));
        }
        let Some(GateState::Waiting { evidence, seal, digest, approvals, .. }) = gate else {
            let word = self.state.record(&step.id).map_or("unknown", |record| record.word());
            return Err(not_waiting(word));
        };
        check_phrase(lane, &pending.phrase)?;
        if let Some(shown) = shown.filter(|shown| *shown != seal) {
            return Err(Refusal::OtherSeal {
                run: self.dir.id().clone(),
                release: release.clone(),
                shown: shown.short().to_owned(),
                stands: seal.short().to_owned(),
            });
        }
        let evidence =
            self.dir.evidence_as_recorded(evidence, digest.as_ref()).map_err(|error| match error {
                JournalError::EvidenceAltered { file, .. } => {
                    Refusal::EvidenceAltered { run: self.dir.id().clone(), file }
                }
                other => not_waiting(&format!("its evidence is lost: {other}")),
            })?;
        let blocking: Vec<_> = evidence.blocking(self.state.waivers(release)).collect();
        if let Some(first) = blocking.first() {
            return Err(Refusal::Blocked { count: blocking.len(), path: first.path.clone() });
        }
        self.admitted(release, pending, seal, approvals)?;
        Ok(step.clone())
    }

    /// Makes the approval that `pending` asks for, for staging as it was sealed, if it may stand beside those before it.
    fn admitted(
        &self,
        release: &ReleaseId,
        pending: &PendingApproval,
        seal: &SealDigest,
        before: &[Approval],
    ) -> Result<Approval, Refusal> {
        let now = Timestamp::now();
        let demand = self.demand(release);
        let life = SignedDuration::from_secs(i64::try_from(demand.expires_s).unwrap_or(i64::MAX));
        let until = |at: Timestamp| at.checked_add(life).unwrap_or(Timestamp::MAX);
        let mut approval = Approval {
            release: release.clone(),
            by: pending.by.clone(),
            at: now,
            expires: until(now),
            plan: self.state.plan.digest.clone(),
            seal: seal.clone(),
            phrase: pending.phrase.trim().to_owned(),
            then: pending.then,
            reason: pending.reason.clone(),
            solo: pending.solo,
            signed: None,
        };
        match (&demand.signers, &pending.signed) {
            (None, None) => {}
            (None, Some(_)) => return Err(Refusal::NotAsked),
            (Some(_), None) => return Err(Refusal::NotSigned { by: pending.by.person().to_owned() }),
            (Some(_), Some(claim)) => {
                let bad = |problem: String| Refusal::BadSignature { by: claim.principal.clone(), problem };
                if claim.at > now.saturating_add(AHEAD).unwrap_or(now)
                    || claim.at < now.saturating_sub(OLDEST).unwrap_or(now)
                {
                    return Err(bad(format!(
                        "it was made at {}, and it is {now} here; approve anew",
                        claim.at
                    )));
                }
                if claim.expires <= now {
                    return Err(Refusal::Expired { by: claim.principal.clone(), expired: claim.expires });
                }
                if claim.expires > until(claim.at) {
                    return Err(bad(format!(
                        "it would hold until {}, longer than the catalog allows",
                        claim.expires
                    )));
                }
                (approval.at, approval.expires) = (claim.at, claim.expires);
                // What is no signature is refused when it is verified.
                let key = crate::signing::key_in(&claim.signature).unwrap_or_default();
                let (principal, signature) = (claim.principal.clone(), claim.signature.clone());
                approval.signed = Some(Signed { principal, key, signature });
                self.verify(&demand, std::slice::from_ref(&approval))?;
            }
        }
        demand.admit(before, &approval, now)?;
        Ok(approval)
    }

    /// Returns what the gate of `release` asks for: what it was opened with, or where an old journal does not say that,
    /// what the catalog does.
    pub(super) fn demand(&self, release: &ReleaseId) -> Demand {
        match self.state.gate(release) {
            Some((_, Some(GateState::Waiting { demand, .. } | GateState::Passed { demand, .. })))
                if demand.is_recorded() =>
            {
                demand.clone()
            }
            _ => self.catalog.gate.demand(),
        }
    }

    /// Verifies the signatures under `approvals`, where `demand` asks for them, as of now.
    pub(super) fn verify(
        &self,
        demand: &Demand,
        approvals: &[Approval],
    ) -> Result<Vec<VerifiedSigner>, Refusal> {
        let Some(path) = &demand.signers else { return Ok(Vec::new()) };
        let by = || approvals.iter().map(Approval::who).collect::<Vec<_>>().join(", ");
        let allowed = AllowedSigners::trusted(path)
            .map_err(|error| Refusal::BadSignature { by: by(), problem: error.to_string() })?;
        let now = Timestamp::now();
        let verified = approvals.iter().map(|approval| {
            let lane = self.state.plan.lane(&approval.release);
            let revision = lane.map_or("", |lane| lane.revision.as_str());
            verify::approval(&allowed, self.dir.id(), revision, approval, now)
        });
        verified.collect()
    }

    /// Records an approval if staging is still what was shown; if not, gathers new evidence.
    pub(super) fn approve(
        &mut self,
        release: &ReleaseId,
        pending: &PendingApproval,
        now: &Seal,
    ) -> Result<(), JournalError> {
        let (step, shown, before) = match self.shown_seal(release) {
            Ok(shown) => shown,
            Err(state) => {
                let refusal = Refusal::NotWaiting { release: release.clone(), state };
                self.answer(pending.client, Response::Refused { refusal });
                return Ok(());
            }
        };
        let given_up = self.state.given_up.get(release).map(ToString::to_string);
        if let Some(state) =
            given_up.or_else(|| self.state.cancelled.as_ref().map(|_| "the run was cancelled".to_owned()))
        {
            let refusal = Refusal::NotWaiting { release: release.clone(), state };
            self.answer(pending.client, Response::Refused { refusal });
            return Ok(());
        }
        if let Some((path, how)) = shown.first_difference(now) {
            let refusal = Refusal::SealBroken { path, how: how.to_owned() };
            self.answer(pending.client, Response::Refused { refusal });
            self.gather(&step, Vet::Everything);
            return Ok(());
        }
        let approval = match self.admitted(release, pending, &shown.digest(), &before) {
            Ok(approval) => approval,
            Err(refusal) => {
                self.answer(pending.client, Response::Refused { refusal: refusal.clone() });
                return self.void_expired(release, refusal);
            }
        };
        let demand = self.demand(release);
        let all: Vec<Approval> = before.into_iter().chain([approval.clone()]).collect();
        self.record(&Event::Approved { step: step.id, approval })?;
        self.released.insert(release.clone());
        let message = if demand.is_met(&all) {
            format!("release {release} is approved")
        } else {
            format!("release {release}: {}", demand.words(&all))
        };
        self.answer(pending.client, Response::Done { message });
        Ok(())
    }
}
