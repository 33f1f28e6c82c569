//! The side of whoever approves: makes the request that a supervisor takes, signed where the gate asks for that.
//!
//! It runs in the command or console of the person who approves, with their keys; what goes over the socket is the
//! signature. The supervisor makes the same text of what it knows itself and verifies it: nothing here is believed.

use super::control::{Request, SignedClaim};
use super::identity;
use crate::domain::approval::{AfterApproval, Approval, Refusal, Signed, check_phrase, text};
use crate::domain::name::ReleaseId;
use crate::domain::run::{GateState, RunState};
use crate::domain::seal::SealDigest;
use crate::journal::store::RunDir;
use crate::signing::SigningError;
use crate::signing::allowed::AllowedSigners;
use crate::signing::own_key::{KeySource, OwnKey};
use jiff::{SignedDuration, Timestamp, Unit};
use std::io;

/// What somebody agrees to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// The release.
    pub release: ReleaseId,
    /// What was typed.
    pub phrase: String,
    /// The seal of the evidence that was shown; none means that of the gate's last evidence.
    pub seal: Option<SealDigest>,
    /// What happens next.
    pub then: AfterApproval,
    /// Why, where a reason was given.
    pub reason: Option<String>,
    /// Whether one person approves alone where two are asked for.
    pub solo: bool,
}

/// With what it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pen {
    /// Where the key is.
    pub source: KeySource,
    /// The name under which it signs; none takes what the allowed signers have for the key.
    pub principal: Option<String>,
}

/// Why there is no request.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    /// The gate would say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Nothing could be signed.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

/// Makes the request that approves a release of the run in `dir`, which stands as `state` says.
///
/// `pen` is what was asked for; none takes the agent where the gate asks for a signature.
///
/// # Errors
///
/// If the gate does not wait, the phrase is wrong, or nothing could be signed.
pub fn request(
    dir: &RunDir,
    state: &RunState,
    consent: &Consent,
    pen: Option<&Pen>,
    passphrase: &mut dyn FnMut(&str) -> io::Result<String>,
) -> Result<Request, ConsentError> {
    let gate = state.gate(&consent.release).and_then(|(_, gate)| gate);
    let signed = match gate {
        Some(GateState::Waiting { seal, demand, .. }) if demand.signers.is_some() => {
            let lane = state.plan.lane(&consent.release).ok_or_else(|| not_waiting(state, consent))?;
            // A wrong phrase is not worth a touch of a security key.
            check_phrase(lane, &consent.phrase)?;
            let path = demand.signers.clone().unwrap_or_default();
            let allowed = AllowedSigners::read(&path).map_err(SigningError::from)?;
            let at = Timestamp::now().round(Unit::Second).unwrap_or_else(|_| Timestamp::now());
            let agent = Pen { source: KeySource::Agent, principal: None };
            let pen = pen.unwrap_or(&agent);
            let key = OwnKey::find(&pen.source, pen.principal.as_deref(), &allowed, at)?;
            let life = SignedDuration::from_secs(i64::try_from(demand.expires_s).unwrap_or(i64::MAX));
            let expires = at.checked_add(life).unwrap_or(Timestamp::MAX);
            let (principal, seal) = (key.principal().to_owned(), consent.seal.as_ref().unwrap_or(seal));
            let approval = Approval {
                release: consent.release.clone(),
                by: identity::as_peer(),
                at,
                expires,
                plan: state.plan.digest.clone(),
                seal: seal.clone(),
                phrase: consent.phrase.trim().to_owned(),
                then: consent.then,
                reason: consent.reason.clone(),
                solo: consent.solo,
                signed: Some(Signed { principal, key: key.fingerprint(), signature: String::new() }),
            };
            let text = text::of(dir.id(), &lane.revision, &approval)?;
            let signature = key.sign(&text, passphrase)?;
            Some(SignedClaim { principal: key.principal().to_owned(), at, expires, signature })
        }
        Some(GateState::Waiting { .. }) if pen.is_some() => return Err(Refusal::NotAsked.into()),
        _ => None,
    };
    let seal = match (&consent.seal, gate) {
        (None, Some(GateState::Waiting { seal, .. })) if signed.is_some() => Some(seal.clone()),
        (seal, _) => seal.clone(),
    };
    Ok(Request::Approve {
        release: consent.release.clone(),
        phrase: consent.phrase.clone(),
        seal,
        then: consent.then,
        reason: consent.reason.clone(),
        solo: consent.solo,
        signed,
    })
}

fn not_waiting(state: &RunState, consent: &Consent) -> Refusal {
    let word = state.gate(&consent.release).and_then(|(step, _)| state.record(&step.id));
    let word = word.map_or("no such lane in this run", |record| record.word());
    Refusal::NotWaiting { release: consent.release.clone(), state: word.to_owned() }
}
