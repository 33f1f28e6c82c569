//! The command line: one file a command, the contract of design 10.
//!
//! Commands and console call the same code. Only this module and the practice tools print.

mod approve;
mod args;
mod context;
mod diff;
mod exit;
mod findings;
mod follow;
mod gate;
mod log;
mod look;
mod passphrase;
mod plan;
mod print;
mod progress;
mod prune;
mod report;
mod run;
mod runs;
mod sandbox;
mod status;
mod steps;
mod subject;
mod supervise;
mod target;
mod verify;
mod verify_run;

use args::{Arguments, Command};
use clap::Parser;
use exit::{Exit, Failure};
use std::process::ExitCode;

/// Runs the command line and returns the process's exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // The message belongs on the terminal; if that is gone, nobody reads it.
            let _gone = error.print();
            let helped = !error.use_stderr();
            return if helped { Exit::Done.into() } else { Exit::Usage.into() };
        }
    };
    let global = arguments.global.clone();
    match dispatch(arguments) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let message = format!("stagegate: {:#}\n", failure.error);
            context::warn(&context::redactor(&global).text(&message));
            failure.exit.into()
        }
    }
}

fn dispatch(arguments: Arguments) -> Result<Exit, Failure> {
    let global = arguments.global;
    match arguments.command {
        None => context::console(&global, None),
        Some(Command::Status(options)) => status::run(&global, &options),
        Some(Command::Plan(options)) => plan::run(&global, &options),
        Some(Command::Run(options)) => run::run(&global, &options),
        Some(Command::Runs { format }) => runs::run(&global, format),
        Some(Command::Attach { run }) => context::console(&global, Some(&run)),
        Some(Command::Log(options)) => log::run(&global, &options),
        Some(Command::Gate(options)) => gate::run(&global, &options),
        Some(Command::Approve(options)) => approve::run(&global, &options),
        Some(Command::Retry(options)) => steps::retry(&global, options),
        Some(Command::Skip(options)) => steps::skip(&global, options),
        Some(Command::Cancel { run, step, kill }) => steps::cancel(&global, &run, step, kill),
        Some(Command::Waive(options)) => steps::waive(&global, options),
        Some(Command::Resume { run, release, detach }) => steps::resume(&global, &run, release, detach),
        Some(Command::Verify(options)) => verify::run(&global, &options),
        Some(Command::Diff(options)) => diff::run(&global, &options),
        Some(Command::Report { run, format }) => report::run(&global, &run, format),
        Some(Command::VerifyRun(options)) => verify_run::run(&global, &options),
        Some(Command::Prune(options)) => prune::run(&global, &options),
        Some(Command::Sandbox(options)) => sandbox::run(&global, options),
        Some(Command::Config) => print::config(),
        Some(Command::Keys) => print::keys(),
        Some(Command::Themes) => print::themes(),
        Some(Command::Completions { shell }) => print::completions(shell),
        Some(Command::Supervise { run, from, take_over, reason, unscoped }) => {
            supervise::run(&global, &run, from, take_over, reason, unscoped.as_deref())
        }
    }
}
