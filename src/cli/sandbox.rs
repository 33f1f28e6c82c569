//! `stagegate sandbox`: a practice release host, and the console on it.

use super::args::{Global, SandboxArgs, SpeedName};
use super::context;
use super::exit::{Exit, Failure};
use crate::domain::redact::Redactor;
use crate::sandbox::fault::Fault;
use crate::sandbox::host::{self, BuildOptions, Speed};
use anyhow::Context as _;
use std::path::PathBuf;

/// Builds or opens a practice host; without `--no-console` the console opens on it.
pub(super) fn run(global: &Global, args: SandboxArgs) -> Result<Exit, Failure> {
    let redactor = Redactor::by_shape();
    let faults = args
        .fault
        .iter()
        .map(|text| text.parse::<Fault>().map_err(Failure::usage))
        .collect::<Result<Vec<_>, _>>()?;
    let options = BuildOptions {
        dir: args.dir.map_or_else(default_folder, Ok)?,
        binary: std::env::current_exe().context("cannot find this program")?,
        speed: match args.speed {
            SpeedName::Watch => Speed::Watch,
            SpeedName::Instant => Speed::Instant,
        },
        faults,
        fresh: args.fresh,
        now: jiff::Timestamp::now(),
    };
    let built = host::build(&options, &mut |line| {
        // Whoever does not watch misses nothing but the progress.
        let _gone = context::out(&redactor, &format!("{line}\n"));
    })
    .map_err(|error| match error {
        host::SandboxError::Foreign(_) | host::SandboxError::Path(_) => Failure::usage(error),
        other => anyhow::Error::from(other).into(),
    })?;
    let catalog = built.paths.root().join("stagegate.toml");
    let state = built.paths.root().join("state");
    if args.no_console {
        let again = if built.reopened { "opened with its state kept" } else { "built" };
        context::out(
            &redactor,
            &format!(
                "sandbox {again}: {}\n  stagegate --config {} --state {}\n",
                built.paths.root().display(),
                crate::domain::plan::script::quote(&catalog.to_string_lossy()),
                crate::domain::plan::script::quote(&state.to_string_lossy()),
            ),
        )?;
        return Ok(Exit::Done);
    }
    let state = global.state.clone().unwrap_or(state);
    let global = Global { config: Some(catalog), state: Some(state), ..global.clone() };
    context::console(&global, None)
}

fn default_folder() -> Result<PathBuf, Failure> {
    directories::ProjectDirs::from("", "", "stagegate")
        .map(|folders| folders.data_local_dir().join("sandbox"))
        .ok_or_else(|| Failure::usage_text("no home folder is known; name a folder: stagegate sandbox DIR"))
}
