//! `stagegate report`: the record of a run, to paste and to keep.

use super::args::{Global, ReportFormat};
use super::context;
use super::exit::{Exit, Failure};
use crate::journal::audit::Audit;
use crate::journal::retention;
use crate::runtime::secrets;
use crate::supervisor::report::Report;

/// Prints the report of a run as it stands now.
pub(super) fn run(global: &Global, run: &str, format: ReportFormat) -> Result<Exit, Failure> {
    let (_, dir) = context::find_run(global, run)?;
    let follower = {
        let mut follower = dir.follow()?;
        follower.poll()?;
        follower
    };
    let redactor = secrets::of_run(&dir, &follower.state().plan);
    let audit = Audit::of(&dir)?;
    let intact = audit.intact;
    let alive = dir.is_alive();
    let report = Report::of(&dir, follower.state(), audit, alive, redactor);
    match format {
        ReportFormat::Json => context::own(&report.json())?,
        ReportFormat::Markdown => context::own(&report.markdown())?,
    }
    let head = follower.head().map(|head| head.digest.to_string());
    let due = !alive && intact && follower.state().ended.is_some();
    if due && !retention::is_reported(&dir, follower.state(), head.as_deref()) {
        // Its supervisor could not write it, on a full disk perhaps. Whether it can be now: it was printed.
        if let Err(error) = report.file(&dir) {
            log::warn!("the report of {} cannot be kept: {error}", dir.id());
        }
    }
    Ok(if intact { Exit::Done } else { Exit::Failed })
}
