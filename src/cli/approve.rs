//! `stagegate approve`: the phrase, a signature where the gate asks for one, and on to production.

use super::args::{ApproveArgs, Global, SigningArgs};
use super::exit::{Exit, Failure};
use super::{context, follow, passphrase, steps};
use crate::domain::approval::{AfterApproval, Refusal};
use crate::domain::name::ReleaseId;
use crate::domain::run::{GateState, RunState, StepRecord};
use crate::domain::seal::{SealDigest, SealPrefix};
use crate::journal::store::RunDir;
use crate::signing::SigningError;
use crate::signing::own_key::KeySource;
use crate::supervisor::consent::{self, Consent, ConsentError, Pen};

/// Approves a release; without `--hold` or `--detach` it follows the run to its end.
pub(super) fn run(global: &Global, args: &ApproveArgs) -> Result<Exit, Failure> {
    let (store, dir) = context::find_run(global, &args.run)?;
    let before = dir.load()?;
    let release = context::lane(&before, args.release.as_ref())?;
    let seal = args.seal.as_ref().map(|shown| shown_seal(&dir, &before, &release, shown)).transpose()?;
    let consent = Consent {
        release,
        phrase: args.phrase.clone(),
        seal,
        then: if args.hold { AfterApproval::Hold } else { AfterApproval::Proceed },
        reason: args.signing.reason.clone().filter(|reason| !reason.trim().is_empty()),
        solo: args.signing.solo,
    };
    let request =
        consent::request(&dir, &before, &consent, pen(&args.signing).as_ref(), &mut passphrase::ask)?;
    steps::ask(&store, &dir, &request)?;
    if args.hold || args.detach {
        Ok(Exit::Done)
    } else {
        follow::until_still(global, &dir, follow::Said::before(&before))
    }
}

/// Returns the whole seal that `shown` is the beginning of: that of the evidence that stands, or none.
fn shown_seal(
    dir: &RunDir,
    state: &RunState,
    release: &ReleaseId,
    shown: &SealPrefix,
) -> Result<SealDigest, Refusal> {
    match state.gate(release) {
        Some((_, Some(GateState::Waiting { seal, .. }))) if shown.fits(seal) => Ok(seal.clone()),
        Some((_, Some(GateState::Waiting { seal, .. }))) => Err(Refusal::OtherSeal {
            run: dir.id().clone(),
            release: release.clone(),
            shown: shown.to_string(),
            stands: seal.short().to_owned(),
        }),
        // Whatever it opens with next is not what was shown.
        gate => {
            let word = gate.and_then(|(step, _)| state.record(&step.id)).map_or("unknown", StepRecord::word);
            Err(Refusal::NotWaiting { release: release.clone(), state: word.to_owned() })
        }
    }
}

/// Returns with what it is to be signed, if anything was said about that.
fn pen(args: &SigningArgs) -> Option<Pen> {
    let source = match (&args.key, args.agent) {
        (Some(path), _) => KeySource::File(path.clone()),
        (None, true) => KeySource::Agent,
        (None, false) if args.principal.is_some() => KeySource::Agent,
        (None, false) => return None,
    };
    Some(Pen { source, principal: args.principal.clone() })
}

impl From<ConsentError> for Failure {
    fn from(error: ConsentError) -> Self {
        match error {
            ConsentError::Refused(refusal) => refusal.into(),
            // Whoever may not sign is refused; a key or an agent that does not work is a failure.
            ConsentError::Signing(
                error @ (SigningError::NoKeyFits { .. } | SigningError::NotAllowed { .. }),
            ) => Self::refused(error.to_string()),
            ConsentError::Signing(
                error @ (SigningError::NoAgent
                | SigningError::SeveralKeys { .. }
                | SigningError::KeyFile { .. }),
            ) => Self::usage(error),
            ConsentError::Signing(error) => anyhow::Error::from(error).into(),
        }
    }
}
