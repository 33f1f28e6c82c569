//! What is said of the practice host: `sandbox`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// How fast the practice host works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum SpeedName {
    /// Slow enough to watch.
    Watch,
    /// As fast as it goes.
    Instant,
}

/// `sandbox`
#[derive(Debug, Args)]
pub(in crate::cli) struct SandboxArgs {
    /// Its folder; without it `stagegate-sandbox` in the user's data folder.
    pub(in crate::cli) dir: Option<PathBuf>,
    /// Plant a failure: NAME, or NAME@STEP; an unknown name lists them all.
    #[arg(long, value_name = "NAME[@STEP]")]
    pub(in crate::cli) fault: Vec<String>,
    /// How fast the scripts work.
    #[arg(long, default_value = "watch")]
    pub(in crate::cli) speed: SpeedName,
    /// Build it anew; without it an existing sandbox keeps its state.
    #[arg(long)]
    pub(in crate::cli) fresh: bool,
    /// Build it and print where it is.
    #[arg(long)]
    pub(in crate::cli) no_console: bool,
}
