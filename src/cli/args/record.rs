//! What is asked of runs and of their record: `log`, `retry`, `skip`, `report`, `verify-run`, `prune`.

use super::TextFormat;
use crate::cli::prune::age;
use crate::domain::name::StepId;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReportFormat {
    /// To paste and to keep.
    Markdown,
    /// For programs.
    Json,
}

/// `log`
#[derive(Debug, Args)]
pub(in crate::cli) struct LogArgs {
    /// The run: its id, the beginning of one, or `latest`.
    pub(in crate::cli) run: String,
    /// The step: `8/sync/Rocky`.
    pub(in crate::cli) step: StepId,
    /// Go on printing until the step is over.
    #[arg(long)]
    pub(in crate::cli) follow: bool,
    /// The bytes as the step wrote them, escape sequences and all; only secrets are taken out.
    #[arg(long)]
    pub(in crate::cli) raw: bool,
}

/// `retry` and `skip`
#[derive(Debug, Args)]
pub(in crate::cli) struct StepArgs {
    /// The run: its id, the beginning of one, or `latest`.
    pub(in crate::cli) run: String,
    /// The step: `8/sync/Rocky`.
    pub(in crate::cli) step: StepId,
    /// Why, for the record; a step is not skipped without it.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(in crate::cli) reason: String,
    /// Return at once instead of following the run.
    #[arg(long)]
    pub(in crate::cli) detach: bool,
}

/// `verify-run`
#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyRunArgs {
    /// The run: its id, the beginning of one, `latest`, or the path of a run's folder, copied from anywhere.
    #[arg(value_name = "RUN|PATH")]
    pub(in crate::cli) run: String,
    /// A digest that was kept elsewhere, as a report prints it: the journal must have a record with it.
    #[arg(long, value_name = "DIGEST")]
    pub(in crate::cli) head: Option<String>,
    /// Whose signatures count: every approval must be signed by one of them. Without it, the file that the run names.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) allowed_signers: Option<PathBuf>,
    /// How to print.
    #[arg(long, default_value = "text")]
    pub(in crate::cli) format: TextFormat,
}

/// `prune`
#[derive(Debug, Args)]
#[command(
    after_help = "Never removed, whatever is asked: a run that lives, that was interrupted or waits at a \
gate, that has no report of its last record, that is damaged, and what is no run's folder."
)]
pub(in crate::cli) struct PruneArgs {
    /// Keep the newest N runs; 20 where neither this nor an age is said.
    #[arg(long, value_name = "N")]
    pub(in crate::cli) keep: Option<usize>,
    /// Only runs that came to rest longer ago: `48h`, `90d`, `12w`; 90d where neither this nor a number is said.
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(in crate::cli) older_than: Option<jiff::SignedDuration>,
    /// Remove what is listed; without it nothing is removed.
    #[arg(long, conflicts_with = "dry_run")]
    pub(in crate::cli) yes: bool,
    /// Only list, which is what happens without --yes.
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// How to print.
    #[arg(long, default_value = "text")]
    pub(in crate::cli) format: TextFormat,
}
