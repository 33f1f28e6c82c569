//! `stagegate approve`: the phrase, and on to production.

use super::args::{ApproveArgs, Global};
use super::exit::{Exit, Failure};
use super::{context, follow, steps};
use crate::domain::approval::AfterApproval;
use crate::supervisor::control::Request;

/// Approves a release; without `--hold` or `--detach` it follows the run to its end.
pub(super) fn run(global: &Global, args: &ApproveArgs) -> Result<Exit, Failure> {
    let (store, dir) = context::find_run(global, &args.run)?;
    let before = dir.load()?;
    let release = context::lane(&before, args.release.as_ref())?;
    let then = if args.hold { AfterApproval::Hold } else { AfterApproval::Proceed };
    let request = Request::Approve { release, phrase: args.phrase.clone(), seal: None, then };
    steps::ask(&store, &dir, &request)?;
    if args.hold || args.detach {
        Ok(Exit::Done)
    } else {
        follow::until_still(global, &dir, follow::Said::before(&before))
    }
}
