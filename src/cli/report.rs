//! `stagegate report`: the record of a run, to paste and to keep.

use super::args::{Global, ReportFormat};
use super::context;
use super::exit::{Exit, Failure};
use crate::supervisor::report::Report;

/// Prints the report of a run as it stands now.
pub(super) fn run(global: &Global, run: &str, format: ReportFormat) -> Result<Exit, Failure> {
    let (_, dir) = context::find_run(global, run)?;
    let follower = {
        let mut follower = dir.follow()?;
        follower.poll()?;
        follower
    };
    let redactor = context::redactor(&dir, &follower.state().plan);
    let report = Report::of(&dir, follower.state(), follower.problem(), dir.is_alive(), redactor);
    match format {
        ReportFormat::Json => context::out(&report.json())?,
        ReportFormat::Markdown => context::out(&report.markdown())?,
    }
    Ok(if follower.problem().is_some() { Exit::Failed } else { Exit::Done })
}
