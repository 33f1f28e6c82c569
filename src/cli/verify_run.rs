//! `stagegate verify-run`: whether a run's folder is what was recorded and its approvals hold, and if not, what is wrong.

mod approvals;

use super::args::{Global, TextFormat, VerifyRunArgs};
use super::context;
use super::exit::{Exit, Failure};
use super::target;
use crate::domain::visible;
use crate::journal::audit::{self, Audit};
use crate::journal::store::RunDir;
use crate::ui::widgets::text::count;
use approvals::Checked;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// Audits a run.
pub(super) fn run(global: &Global, options: &VerifyRunArgs) -> Result<Exit, Failure> {
    if let Some(head) = options.head.as_deref().filter(|head| !audit::is_digest(head)) {
        return Err(Failure::usage_text(format!(
            "`{head}` is no digest: paste 16 to 64 hexadecimal digits of it, as `stagegate report` prints it"
        )));
    }
    let dir = find(global, &options.run)?;
    let mut audit = Audit::of(&dir)?;
    if let Some(head) = &options.head {
        audit.compare(head);
    }
    let checked = approvals::check(&dir, &mut audit, options.allowed_signers.as_deref())?;
    let redactor = context::redactor(global);
    match options.format {
        TextFormat::Json => context::out_json(&redactor, &Whole { audit: &audit, checked: &checked })?,
        TextFormat::Text => context::out(&redactor, &text(&audit, &checked))?,
    }
    Ok(if audit.intact { Exit::Done } else { Exit::Failed })
}

/// Takes a name for a run of the state folder, and what has a slash or is a folder here for a run's folder.
fn find(global: &Global, text: &str) -> Result<RunDir, Failure> {
    let path = Path::new(text);
    let folder = |path| {
        target::folder(path)?;
        RunDir::at(path).map_err(Failure::usage)
    };
    if text.contains('/') || text == "." || text == ".." {
        return folder(path);
    }
    match context::find_run(global, text) {
        Err(_) if path.is_dir() => folder(path),
        found => found.map(|(_, dir)| dir),
    }
}

/// What is said as JSON: the audit of the folder, with its approvals.
#[derive(Debug, Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    audit: &'a Audit,
    #[serde(flatten)]
    checked: &'a Checked,
}

fn text(audit: &Audit, checked: &Checked) -> String {
    let mut out = if audit.intact {
        format!("run {} is intact\n", audit.run)
    } else {
        format!("run {} is NOT intact: {}\n", audit.run, count(audit.flaws.len(), "problem"))
    };
    for flaw in &audit.flaws {
        let file = if flaw.file == "journal.jsonl" { "journal.jsonl: " } else { "" };
        let _ = writeln!(out, "  - {file}{}", visible::line(&flaw.message));
    }
    let records = usize::try_from(audit.records).unwrap_or(usize::MAX);
    let format = audit.format.map(|format| format!(", format {format}")).unwrap_or_default();
    let _ = writeln!(out, "  {}{format}", count(records, "record"));
    match audit.head {
        Some(head) => {
            let _ = writeln!(out, "  head {head}");
        }
        None if audit.records > 0 => out.push_str("  no head: the last record cannot be trusted\n"),
        None => {}
    }
    let logs = usize::try_from(audit.logs).unwrap_or(usize::MAX);
    let _ = writeln!(out, "  {} as long as recorded", count(logs, "step log"));
    out.push_str(&checked.text());
    for note in &audit.notes {
        let _ = writeln!(out, "  note: {}", visible::line(note));
    }
    if !audit.intact {
        out.push_str(&advice(audit));
    }
    out
}

/// Says what still counts and what to do.
fn advice(audit: &Audit) -> String {
    let counted = match audit.trusted {
        0 => "no record of it can be trusted".to_owned(),
        trusted if trusted >= audit.records => "its records can be trusted".to_owned(),
        trusted => format!("records 1 to {trusted} can be trusted, and nothing behind them is counted"),
    };
    format!(
        "{counted}.\nKeep the folder as it is, look at what is on disk (`stagegate status`, `stagegate verify`), and plan anew.\n"
    )
}
