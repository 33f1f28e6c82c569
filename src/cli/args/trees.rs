//! What is said of trees outside of any run: `verify`, `diff`.

use super::TextFormat;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// A position that can be verified or compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum PositionName {
    /// The latest composes.
    Compose,
    /// Staging.
    Staging,
    /// Production.
    Production,
}

/// What stands below the help of `verify`.
const VERIFY_EXAMPLES: &str = "\
Examples:
  # a tree that you are about to publish, against what it replaces
  stagegate verify ./new --against ./published --key RPM-GPG-KEY
  # one repo, every package read to its end
  stagegate verify ./repo --key RPM-GPG-KEY --deep
  # a release of the catalog, for a script
  stagegate verify 8 --position production --format json

A folder needs no catalog: every folder below it that has a `repodata` is a repo, each architecture is looked at with all of
its repos. Nothing is fetched or changed. The findings go to standard output, progress to the terminal.

Exit codes: 0 nothing that blocks, 1 a finding blocks or the look broke off, 2 wrong usage";

/// What stands below the help of `diff`.
const DIFF_EXAMPLES: &str = "\
Examples:
  # what an update brings and takes, of packages, module streams, advisories and images
  stagegate diff ./published ./new
  # what a push of release 8 would change in production
  stagegate diff 8 --from production --to staging --format json

Exit codes: 0 compared, whatever differs; 1 something could not be read; 2 wrong usage";

/// `verify`
#[derive(Debug, Args)]
#[command(after_help = VERIFY_EXAMPLES)]
pub(in crate::cli) struct VerifyArgs {
    /// A release of the catalog (`8`), or a folder of RPM repos (`./tree`).
    #[arg(value_name = "RELEASE|PATH")]
    pub(in crate::cli) target: String,
    /// Which position of the release; staging if none is named.
    #[arg(long)]
    pub(in crate::cli) position: Option<PositionName>,
    /// A public key that metadata and packages may be signed with, instead of the catalog's; without any only what is
    /// unsigned, stale or damaged is found.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) key: Vec<PathBuf>,
    /// The tree that it would replace: what would be lost of it is found, and what is wrong in it already is told apart; for
    /// staging of a release it is production.
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) against: Option<PathBuf>,
    /// Read every package to its end and compare its checksums, which takes as long as the disks do.
    #[arg(long)]
    pub(in crate::cli) deep: bool,
    /// How to print.
    #[arg(long, default_value = "text")]
    pub(in crate::cli) format: TextFormat,
}

/// `diff`
#[derive(Debug, Clone, Args)]
#[command(after_help = DIFF_EXAMPLES)]
pub(in crate::cli) struct DiffArgs {
    /// A release of the catalog (`8`), or the older of two folders (`./old`).
    #[arg(value_name = "RELEASE|PATH")]
    pub(in crate::cli) target: String,
    /// The newer folder, where the first argument is a folder.
    #[arg(value_name = "PATH")]
    pub(in crate::cli) other: Option<PathBuf>,
    /// The position of the release that is replaced; production if none is named.
    #[arg(long, value_name = "POSITION")]
    pub(in crate::cli) from: Option<PositionName>,
    /// The position of the release that replaces it; staging if none is named.
    #[arg(long, value_name = "POSITION")]
    pub(in crate::cli) to: Option<PositionName>,
    /// How to print.
    #[arg(long, default_value = "text")]
    pub(in crate::cli) format: TextFormat,
}
