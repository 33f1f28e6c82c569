//! What may be started: the only door between a plan's step and a process.
//!
//! An ordinary step becomes an [`OrdinaryLaunch`]; a step that touches production becomes a
//! [`ProductionLaunch`], whose only constructor demands approvals that hold now, for this plan and for
//! the seal that staging has now. The supervisor starts nothing but a [`Launch`], so no other way leads
//! to production (design 7).

use super::approval::{Approval, Demand, Refusal, VerifiedSigner, text};
use super::name::{ReleaseId, RunId};
use super::plan::{Plan, Step};
use super::seal::Seal;
use jiff::Timestamp;

/// A step that may start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Launch {
    /// A step that leaves production alone.
    Ordinary(OrdinaryLaunch),
    /// A step that publishes.
    Production(ProductionLaunch),
}

impl Launch {
    /// Returns the step.
    pub fn step(&self) -> &Step {
        match self {
            Self::Ordinary(OrdinaryLaunch { step }) | Self::Production(ProductionLaunch { step }) => step,
        }
    }
}

/// A step that leaves production alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrdinaryLaunch {
    step: Step,
}

impl OrdinaryLaunch {
    /// Makes it from a step with a command that is neither a gate nor a publish step; for others returns none.
    pub fn new(step: &Step) -> Option<Self> {
        (!step.is_production() && !step.is_gate()).then(|| Self { step: step.clone() })
    }
}

/// A step that publishes, with the right to do so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductionLaunch {
    step: Step,
}

/// What a publish step is judged by.
#[derive(Debug)]
pub struct Authority<'a> {
    /// The run.
    pub run: &'a RunId,
    /// The plan that holds the step.
    pub plan: &'a Plan,
    /// Every approval of the release that was recorded and is not void.
    pub approvals: &'a [Approval],
    /// Whose signatures were verified just now.
    pub signers: &'a [VerifiedSigner],
    /// What the catalog asks for.
    pub demand: &'a Demand,
    /// The seal of the evidence that was shown.
    pub shown: &'a Seal,
    /// The seal of staging as it is now.
    pub now: &'a Seal,
    /// The time.
    pub at: Timestamp,
}

impl ProductionLaunch {
    /// Makes it if every approval that is asked for holds now, or says why not.
    pub fn authorize(step: &Step, authority: &Authority<'_>) -> Result<Self, Refusal> {
        let Some(release) = step.release.clone().filter(|_| step.is_production()) else {
            return Err(Refusal::NotProduction { step: step.id.clone() });
        };
        if authority.plan.step(&step.id) != Some(step) {
            let plan = format!("a plan without this {}", step.id);
            return Err(Refusal::OtherPlan { approved: authority.plan.digest.short().to_owned(), plan });
        }
        if authority.approvals.is_empty() {
            return Err(Refusal::NotApproved { release });
        }
        for approval in authority.approvals {
            if approval.release != release {
                return Err(Refusal::OtherRelease { approved: approval.release.clone(), release });
            }
            if approval.plan != authority.plan.digest || !authority.plan.is_intact() {
                let plan = authority.plan.compute_digest();
                return Err(Refusal::OtherPlan {
                    approved: approval.plan.short().to_owned(),
                    plan: plan.short().to_owned(),
                });
            }
            if approval.expires <= authority.at {
                return Err(Refusal::Expired { by: approval.who().to_owned(), expired: approval.expires });
            }
        }
        Self::check_signatures(&release, authority)?;
        Self::check_people(&release, authority)?;
        Self::check_seal(authority)?;
        Ok(Self { step: step.clone() })
    }

    /// Where signatures are asked for, each approval as it is recorded must be one that was verified.
    fn check_signatures(release: &ReleaseId, authority: &Authority<'_>) -> Result<(), Refusal> {
        if authority.demand.signers.is_none() {
            return Ok(());
        }
        let revision = authority.plan.lane(release).map_or("", |lane| lane.revision.as_str());
        for approval in authority.approvals {
            let by = || approval.who().to_owned();
            let Some(signed) = &approval.signed else { return Err(Refusal::NotSigned { by: by() }) };
            let text = text::of(authority.run, revision, approval)?;
            let verified = authority.signers.iter().any(|signer| {
                signer.covers(&text) && signer.principal() == signed.principal && signer.key() == signed.key
            });
            if !verified {
                let problem = "nobody verified it for what is recorded".to_owned();
                return Err(Refusal::BadSignature { by: by(), problem });
            }
        }
        Ok(())
    }

    fn check_people(release: &ReleaseId, authority: &Authority<'_>) -> Result<(), Refusal> {
        authority.demand.admit_people(release, authority.approvals)
    }

    fn check_seal(authority: &Authority<'_>) -> Result<(), Refusal> {
        if let Some((path, how)) = authority.shown.first_difference(authority.now) {
            return Err(Refusal::SealBroken { path, how: how.to_owned() });
        }
        let shown = authority.shown.digest();
        if authority.approvals.iter().any(|approval| approval.seal != shown) {
            return Err(Refusal::SealBroken {
                path: "the record of the seal".to_owned(),
                how: "changed".to_owned(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
