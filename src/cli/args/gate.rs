//! What is said at a gate: `gate`, `approve`, `waive`.

use super::TextFormat;
use crate::domain::finding::FindingId;
use crate::domain::name::ReleaseId;
use crate::domain::seal::SealPrefix;
use clap::Args;
use std::path::PathBuf;

/// `gate`
#[derive(Debug, Args)]
pub(in crate::cli) struct GateArgs {
    /// The run: its id, the beginning of one, or `latest`.
    pub(in crate::cli) run: String,
    /// The release, where the run has several.
    #[arg(long)]
    pub(in crate::cli) release: Option<ReleaseId>,
    /// How to print.
    #[arg(long, default_value = "text")]
    pub(in crate::cli) format: TextFormat,
}

/// `approve`
#[derive(Debug, Args)]
pub(in crate::cli) struct ApproveArgs {
    /// The run: its id, the beginning of one, or `latest`.
    pub(in crate::cli) run: String,
    /// The release, where the run has several.
    #[arg(long)]
    pub(in crate::cli) release: Option<ReleaseId>,
    /// What names the release: `8.10 vetted`; `gate` says it.
    #[arg(long)]
    pub(in crate::cli) phrase: String,
    /// The seal that `gate` printed, 12 digits of it or more: refused if staging was looked at anew since.
    #[arg(long, value_name = "DIGITS")]
    pub(in crate::cli) seal: Option<SealPrefix>,
    /// Record the approval and stop there; production waits for `resume`.
    #[arg(long)]
    pub(in crate::cli) hold: bool,
    /// Return once the approval is recorded; production starts all the same.
    #[arg(long)]
    pub(in crate::cli) detach: bool,
    #[command(flatten)]
    pub(in crate::cli) signing: SigningArgs,
}

/// How an approval is signed, and what is said with it.
#[derive(Debug, Args)]
pub(in crate::cli) struct SigningArgs {
    /// Sign with the key in this file; a public key signs through the agent. Asks for its passphrase.
    #[arg(long, value_name = "FILE", conflicts_with = "agent")]
    pub(in crate::cli) key: Option<PathBuf>,
    /// Sign through the SSH agent, with its key that may; so it is without --key where the gate asks for signatures.
    #[arg(long)]
    pub(in crate::cli) agent: bool,
    /// The name under which the key signs, where the allowed signers have several or a pattern.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) principal: Option<String>,
    /// Why, for the record.
    #[arg(long, value_name = "WHY")]
    pub(in crate::cli) reason: Option<String>,
    /// Approve alone where two people are asked for; the catalog must allow it, and the report says so.
    #[arg(long, requires = "reason")]
    pub(in crate::cli) solo: bool,
}

/// `waive`
#[derive(Debug, Args)]
pub(in crate::cli) struct WaiveArgs {
    /// The run: its id, the beginning of one, or `latest`.
    pub(in crate::cli) run: String,
    /// The finding's id, as `gate` prints it.
    #[arg(value_parser = |text: &str| Ok::<_, std::convert::Infallible>(FindingId(text.to_owned())))]
    pub(in crate::cli) finding: FindingId,
    /// Why it may pass.
    #[arg(long)]
    pub(in crate::cli) reason: String,
    /// The release, where the run has several.
    #[arg(long)]
    pub(in crate::cli) release: Option<ReleaseId>,
    /// How to print.
    #[arg(long, default_value = "text")]
    pub(in crate::cli) format: TextFormat,
}
