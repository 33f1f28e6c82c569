//! The command line's grammar.

use crate::domain::finding::FindingId;
use crate::domain::name::{FlowName, ReleaseId, RepoName, StepId};
use crate::domain::seal::SealPrefix;
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

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PlanFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// As the commands an engineer would type.
    Script,
}

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// To paste and to keep.
    Markdown,
    /// For programs.
    Json,
}

/// Which repos are ticked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ticks {
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
pub(super) struct SelectionArgs {
    /// A release of the catalog; several (`8,9`) make lanes that run side by side.
    #[arg(long, value_name = "RELEASE", required_unless_present = "from_run", value_delimiter = ',')]
    pub(super) release: Vec<ReleaseId>,
    /// What is left of a run, planned anew: its selection minus what is done, with the composes of now.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["release", "flow", "compose", "sync"])]
    pub(super) from_run: Option<String>,
    /// The flow of the catalog: `update`, `minor`, `sign`, `publish`.
    #[arg(long, default_value = "update")]
    pub(super) flow: FlowName,
    /// The repos to compose: names with commas, `all` or `none`.
    #[arg(long, value_name = "REPOS", default_value = "all")]
    pub(super) compose: Ticks,
    /// The repos to sync to staging: names with commas, `all` or `none`.
    #[arg(long, value_name = "REPOS", default_value = "all")]
    pub(super) sync: Ticks,
}

/// `status`
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// How to print.
    #[arg(long, default_value = "table")]
    pub(super) format: TableFormat,
    /// Show it anew every five seconds, until Ctrl-C.
    #[arg(long)]
    pub(super) watch: bool,
}

/// `plan`
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    /// How to print.
    #[arg(long, default_value = "text")]
    pub(super) format: PlanFormat,
}

/// `run`
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    /// Return once the run is recorded, and print its id.
    #[arg(long)]
    pub(super) detach: bool,
    /// Take a release over from the run that has it: what runs there is stopped; never while it publishes.
    #[arg(long, requires = "reason")]
    pub(super) take_over: bool,
    /// Why; both runs record it.
    #[arg(long)]
    pub(super) reason: Option<String>,
}

/// `log`
#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// The run: its id, the beginning of one, or `latest`.
    pub(super) run: String,
    /// The step: `8/sync/Rocky`.
    pub(super) step: StepId,
    /// Go on printing until the step is over.
    #[arg(long)]
    pub(super) follow: bool,
    /// The bytes as the step wrote them, escape sequences and all; only secrets are taken out.
    #[arg(long)]
    pub(super) raw: bool,
}

/// `gate`
#[derive(Debug, Args)]
pub(super) struct GateArgs {
    /// The run: its id, the beginning of one, or `latest`.
    pub(super) run: String,
    /// The release, where the run has several.
    #[arg(long)]
    pub(super) release: Option<ReleaseId>,
    /// How to print.
    #[arg(long, default_value = "text")]
    pub(super) format: TextFormat,
}

/// `approve`
#[derive(Debug, Args)]
pub(super) struct ApproveArgs {
    /// The run: its id, the beginning of one, or `latest`.
    pub(super) run: String,
    /// The release, where the run has several.
    #[arg(long)]
    pub(super) release: Option<ReleaseId>,
    /// What names the release: `8.10 vetted`; `gate` says it.
    #[arg(long)]
    pub(super) phrase: String,
    /// The seal that `gate` printed, 12 digits of it or more: refused if staging was looked at anew since.
    #[arg(long, value_name = "DIGITS")]
    pub(super) seal: Option<SealPrefix>,
    /// Record the approval and stop there; production waits for `resume`.
    #[arg(long)]
    pub(super) hold: bool,
    /// Return once the approval is recorded; production starts all the same.
    #[arg(long)]
    pub(super) detach: bool,
    #[command(flatten)]
    pub(super) signing: SigningArgs,
}

/// How an approval is signed, and what is said with it.
#[derive(Debug, Args)]
pub(super) struct SigningArgs {
    /// Sign with the key in this file; a public key signs through the agent. Asks for its passphrase.
    #[arg(long, value_name = "FILE", conflicts_with = "agent")]
    pub(super) key: Option<PathBuf>,
    /// Sign through the SSH agent, with its key that may; so it is without --key where the gate asks for signatures.
    #[arg(long)]
    pub(super) agent: bool,
    /// The name under which the key signs, where the allowed signers have several or a pattern.
    #[arg(long, value_name = "NAME")]
    pub(super) principal: Option<String>,
    /// Why, for the record.
    #[arg(long, value_name = "WHY")]
    pub(super) reason: Option<String>,
    /// Approve alone where two people are asked for; the catalog must allow it, and the report says so.
    #[arg(long, requires = "reason")]
    pub(super) solo: bool,
}

/// `retry` and `skip`
#[derive(Debug, Args)]
pub(super) struct StepArgs {
    /// The run: its id, the beginning of one, or `latest`.
    pub(super) run: String,
    /// The step: `8/sync/Rocky`.
    pub(super) step: StepId,
    /// Why, for the record; a step is not skipped without it.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) reason: String,
    /// Return at once instead of following the run.
    #[arg(long)]
    pub(super) detach: bool,
}

/// `waive`
#[derive(Debug, Args)]
pub(super) struct WaiveArgs {
    /// The run: its id, the beginning of one, or `latest`.
    pub(super) run: String,
    /// The finding's id, as `gate` prints it.
    #[arg(value_parser = |text: &str| Ok::<_, std::convert::Infallible>(FindingId(text.to_owned())))]
    pub(super) finding: FindingId,
    /// Why it may pass.
    #[arg(long)]
    pub(super) reason: String,
    /// The release, where the run has several.
    #[arg(long)]
    pub(super) release: Option<ReleaseId>,
    /// How to print.
    #[arg(long, default_value = "text")]
    pub(super) format: TextFormat,
}

/// A position that can be verified or compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PositionName {
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
pub(super) struct VerifyArgs {
    /// A release of the catalog (`8`), or a folder of RPM repos (`./tree`).
    #[arg(value_name = "RELEASE|PATH")]
    pub(super) target: String,
    /// Which position of the release; staging if none is named.
    #[arg(long)]
    pub(super) position: Option<PositionName>,
    /// A public key that metadata and packages may be signed with, instead of the catalog's; without any only what is
    /// unsigned, stale or damaged is found.
    #[arg(long, value_name = "FILE")]
    pub(super) key: Vec<PathBuf>,
    /// The tree that it would replace: what would be lost of it is found, and what is wrong in it already is told apart; for
    /// staging of a release it is production.
    #[arg(long, value_name = "PATH")]
    pub(super) against: Option<PathBuf>,
    /// Read every package to its end and compare its checksums, which takes as long as the disks do.
    #[arg(long)]
    pub(super) deep: bool,
    /// How to print.
    #[arg(long, default_value = "text")]
    pub(super) format: TextFormat,
}

/// `diff`
#[derive(Debug, Clone, Args)]
#[command(after_help = DIFF_EXAMPLES)]
pub(super) struct DiffArgs {
    /// A release of the catalog (`8`), or the older of two folders (`./old`).
    #[arg(value_name = "RELEASE|PATH")]
    pub(super) target: String,
    /// The newer folder, where the first argument is a folder.
    #[arg(value_name = "PATH")]
    pub(super) other: Option<PathBuf>,
    /// The position of the release that is replaced; production if none is named.
    #[arg(long, value_name = "POSITION")]
    pub(super) from: Option<PositionName>,
    /// The position of the release that replaces it; staging if none is named.
    #[arg(long, value_name = "POSITION")]
    pub(super) to: Option<PositionName>,
    /// How to print.
    #[arg(long, default_value = "text")]
    pub(super) format: TextFormat,
}

/// How fast the practice host works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SpeedName {
    /// Slow enough to watch.
    Watch,
    /// As fast as it goes.
    Instant,
}

/// `sandbox`
#[derive(Debug, Args)]
pub(super) struct SandboxArgs {
    /// Its folder; without it `stagegate-sandbox` in the user's data folder.
    pub(super) dir: Option<PathBuf>,
    /// Plant a failure: NAME, or NAME@STEP; an unknown name lists them all.
    #[arg(long, value_name = "NAME[@STEP]")]
    pub(super) fault: Vec<String>,
    /// How fast the scripts work.
    #[arg(long, default_value = "watch")]
    pub(super) speed: SpeedName,
    /// Build it anew; without it an existing sandbox keeps its state.
    #[arg(long)]
    pub(super) fresh: bool,
    /// Build it and print where it is.
    #[arg(long)]
    pub(super) no_console: bool,
}

/// `verify-run`
#[derive(Debug, Args)]
pub(super) struct VerifyRunArgs {
    /// The run: its id, the beginning of one, `latest`, or the path of a run's folder, copied from anywhere.
    #[arg(value_name = "RUN|PATH")]
    pub(super) run: String,
    /// A digest that was kept elsewhere, as a report prints it: the journal must have a record with it.
    #[arg(long, value_name = "DIGEST")]
    pub(super) head: Option<String>,
    /// Whose signatures count: every approval must be signed by one of them. Without it, the file that the run names.
    #[arg(long, value_name = "FILE")]
    pub(super) allowed_signers: Option<PathBuf>,
    /// How to print.
    #[arg(long, default_value = "text")]
    pub(super) format: TextFormat,
}

/// `prune`
#[derive(Debug, Args)]
#[command(
    after_help = "Never removed, whatever is asked: a run that lives, that was interrupted or waits at a \
gate, that has no report of its last record, that is damaged, and what is no run's folder."
)]
pub(super) struct PruneArgs {
    /// Keep the newest N runs; 20 where neither this nor an age is said.
    #[arg(long, value_name = "N")]
    pub(super) keep: Option<usize>,
    /// Only runs that came to rest longer ago: `48h`, `90d`, `12w`; 90d where neither this nor a number is said.
    #[arg(long, value_name = "AGE", value_parser = super::prune::age)]
    pub(super) older_than: Option<jiff::SignedDuration>,
    /// Remove what is listed; without it nothing is removed.
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) yes: bool,
    /// Only list, which is what happens without --yes.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// How to print.
    #[arg(long, default_value = "text")]
    pub(super) format: TextFormat,
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
