//! What is ticked, and the commands that it is given to: `status`, `plan`, `run`.
//!
//! Whoever writes no repos gets them all: a release is composed and synced whole, as the procedure has it.

use super::TableFormat;
use crate::domain::name::{FlowName, ReleaseId, RepoName};
use clap::{Args, ValueEnum};

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum PlanFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// As the commands an engineer would type.
    Script,
}

/// Which repos are ticked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum Ticks {
    /// Every repo that the procedure has.
    All,
    /// No repo.
    None,
    /// These.
    These(Vec<RepoName>),
}

impl std::str::FromStr for Ticks {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            "none" => Ok(Self::None),
            names => names
                .split(',')
                .map(|name| RepoName::new(name.trim()).map_err(|error| error.to_string()))
                .collect::<Result<_, _>>()
                .map(Self::These),
        }
    }
}

/// What is ticked.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct SelectionArgs {
    /// A release of the catalog; several (`8,9`) make lanes that run side by side.
    #[arg(long, value_name = "RELEASE", required_unless_present = "from_run", value_delimiter = ',')]
    pub(in crate::cli) release: Vec<ReleaseId>,
    /// What is left of a run, planned anew: its selection minus what is done, with the composes of now.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["release", "flow", "compose", "sync"])]
    pub(in crate::cli) from_run: Option<String>,
    /// The flow of the catalog: `update`, `minor`, `sign`, `publish`.
    #[arg(long, default_value = "update")]
    pub(in crate::cli) flow: FlowName,
    /// The repos to compose: names with commas, `all` or `none`.
    #[arg(long, value_name = "REPOS", default_value = "all")]
    pub(in crate::cli) compose: Ticks,
    /// The repos to sync to staging: names with commas, `all` or `none`.
    #[arg(long, value_name = "REPOS", default_value = "all")]
    pub(in crate::cli) sync: Ticks,
}

/// `status`
#[derive(Debug, Args)]
pub(in crate::cli) struct StatusArgs {
    /// How to print.
    #[arg(long, default_value = "table")]
    pub(in crate::cli) format: TableFormat,
    /// Show it anew every five seconds, until Ctrl-C.
    #[arg(long)]
    pub(in crate::cli) watch: bool,
}

/// `plan`
#[derive(Debug, Args)]
pub(in crate::cli) struct PlanArgs {
    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArgs,
    /// How to print.
    #[arg(long, default_value = "text")]
    pub(in crate::cli) format: PlanFormat,
}

/// `run`
#[derive(Debug, Args)]
pub(in crate::cli) struct RunArgs {
    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArgs,
    /// Return once the run is recorded, and print its id.
    #[arg(long)]
    pub(in crate::cli) detach: bool,
    /// Take a release over from the run that has it: what runs there is stopped; never while it publishes.
    #[arg(long, requires = "reason")]
    pub(in crate::cli) take_over: bool,
    /// Why; both runs record it.
    #[arg(long)]
    pub(in crate::cli) reason: Option<String>,
}
