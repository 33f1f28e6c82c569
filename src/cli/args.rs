//! The command line's grammar: what every command takes, and the list of them all.
//!
//! The arguments of one command stand with those of its family, below.

mod gate;
mod practice;
mod record;
mod selection;
mod trees;

pub(super) use gate::{ApproveArgs, GateArgs, SigningArgs, WaiveArgs};
pub(super) use practice::{SandboxArgs, SpeedName};
pub(super) use record::{LogArgs, PruneArgs, ReportFormat, StepArgs, VerifyRunArgs};
pub(super) use selection::{PlanArgs, PlanFormat, RunArgs, SelectionArgs, StatusArgs, Ticks};
pub(super) use trees::{DiffArgs, PositionName, VerifyArgs};

use crate::domain::name::{ReleaseId, StepId};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Compose, sync, vet and publish a Linux distribution.
///
/// Without a command it opens the console.
#[derive(Debug, Parser)]
#[command(name = "stagegate", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 usage or catalog error, 3 waiting at a gate, \
4 refused (lock, gate, identity, seal), 5 suspect.")]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(super) struct Global {
    /// The catalog; without it /etc/stagegate/stagegate.toml if that is there, else the built-in one.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub(super) config: Option<PathBuf>,
    /// The state folder; without it /var/lib/stagegate for root, else the XDG state folder.
    #[arg(long, global = true, value_name = "DIR", help_heading = "Everywhere")]
    pub(super) state: Option<PathBuf>,
    /// The console can look and change nothing.
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(super) observe: bool,
    /// The console's theme.
    #[arg(long, global = true, value_name = "NAME", help_heading = "Everywhere")]
    pub(super) theme: Option<String>,
}

/// How a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TableFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// How a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TextFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// All commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows where every repo of every release stands.
    Status(StatusArgs),
    /// Shows the exact commands that a selection comes to; runs nothing.
    Plan(PlanArgs),
    /// Runs a selection until no lane can move: to its gates, to its end, or to a failure.
    Run(RunArgs),
    /// Lists all runs, newest first.
    Runs {
        /// How to print.
        #[arg(long, default_value = "table")]
        format: TableFormat,
    },
    /// Opens the console on a run.
    Attach {
        /// The run: its id, the beginning of one, or `latest`.
        run: String,
    },
    /// Prints a step's log, escape sequences taken out.
    Log(LogArgs),
    /// Shows the evidence at a gate, computed now.
    Gate(GateArgs),
    /// Approves what `gate` showed, and follows the run through production to its end.
    Approve(ApproveArgs),
    /// Runs a step again; what builds on it becomes stale.
    Retry(StepArgs),
    /// Leaves a step out, with a reason.
    Skip(StepArgs),
    /// Stops a run or a step.
    Cancel {
        /// The run: its id, the beginning of one, or `latest`.
        run: String,
        /// The step; without it the whole run.
        step: Option<StepId>,
        /// KILL a step that was asked to stop before and did not.
        #[arg(long, requires = "step")]
        kill: bool,
    },
    /// Lets a finding of a gate through by name, with a reason.
    Waive(WaiveArgs),
    /// Goes on after an interruption, or with an approval that was held.
    Resume {
        /// The run: its id, the beginning of one, or `latest`.
        run: String,
        /// The release, where only one lane is meant.
        #[arg(long)]
        release: Option<ReleaseId>,
        /// Return at once instead of following the run.
        #[arg(long)]
        detach: bool,
    },
    /// Checks a position of a release, or a folder of RPM repos; exit code 1 if a finding blocks.
    Verify(VerifyArgs),
    /// Shows what differs between two positions of a release, or two folders: packages, advisories, streams, images.
    Diff(DiffArgs),
    /// Prints the report of a run.
    Report {
        /// The run: its id, the beginning of one, or `latest`.
        run: String,
        /// How to print.
        #[arg(long, default_value = "markdown")]
        format: ReportFormat,
    },
    /// Checks whether a run's journal, plan, evidence and logs are what was recorded; exit code 1 if not.
    #[command(name = "verify-run")]
    VerifyRun(VerifyRunArgs),
    /// Lists old runs that are over and reported; with --yes it removes them.
    Prune(PruneArgs),
    /// Builds a practice release host in a folder and opens the console on it.
    Sandbox(SandboxArgs),
    /// Prints the built-in catalog, which documents its format.
    Config,
    /// Prints every key and what it does.
    Keys,
    /// Lists the themes and their roles.
    Themes,
    /// Prints a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Owns one run; started by the program itself.
    #[command(hide = true)]
    Supervise {
        /// The run.
        run: String,
        /// The run whose rest it is.
        #[arg(long, value_name = "RUN")]
        from: Option<String>,
        /// Take releases over from whoever has them.
        #[arg(long)]
        take_over: bool,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
        /// Why systemd gave it no scope of its own.
        #[arg(long, value_name = "WHY")]
        unscoped: Option<String>,
    },
}
