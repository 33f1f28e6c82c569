//! `stagegate approve`: the phrase, a signature where the gate asks for one, and on to production.

use super::args::{ApproveArgs, Global, SigningArgs};
use super::exit::{Exit, Failure};
use super::{context, follow, passphrase, steps};
use crate::domain::approval::AfterApproval;
use crate::signing::SigningError;
use crate::signing::own_key::KeySource;
use crate::supervisor::consent::{self, Consent, ConsentError, Pen};

/// Approves a release; without `--hold` or `--detach` it follows the run to its end.
pub(super) fn run(global: &Global, args: &ApproveArgs) -> Result<Exit, Failure> {
    let (store, dir) = context::find_run(global, &args.run)?;
    let before = dir.load()?;
    let consent = Consent {
        release: context::lane(&before, args.release.as_ref())?,
        phrase: args.phrase.clone(),
        seal: None,
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
