//! `pungi-koji --config=FILE --target-dir=DIR`: makes a compose of the practice build system's packages.
//!
//! What to compose stands in the configuration file, in the keys that pungi's own configuration has. The log
//! lines, the directory and the exit code (0 for FINISHED, 1 for DOOMED and TERMINATED) are pungi's.

use super::{Call, complain, practice};
use crate::sandbox::compose_writer::{Ending, Kind, Order, assemble};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Runs the tool.
pub(super) fn run(call: &Call<'_>) -> io::Result<u8> {
    let Some(host) = call.host else {
        return complain(1, "pungi-koji: not started from the bin folder of a practice host");
    };
    let value = |name: &str| call.args.iter().find_map(|arg| arg.strip_prefix(name));
    let (Some(config), Some(target)) = (value("--config="), value("--target-dir=")) else {
        return complain(
            2,
            "pungi-koji: error: the following arguments are required: --config, --target-dir",
        );
    };
    if !call.args.iter().any(|arg| arg == "--no-label" || arg.starts_with("--label=")) {
        return complain(2, "pungi-koji: error: must specify label for a production compose");
    }
    let text = match std::fs::read_to_string(config) {
        Ok(text) => text,
        Err(error) => return complain(1, &format!("pungi-koji: {config}: {error}")),
    };
    let Some((repo, kind)) = read_config(&text) else {
        return complain(1, &format!("pungi-koji: {config}: release_short and release_type are required"));
    };
    let major = Path::new(target).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if host.composes(major) != Path::new(target) {
        return complain(
            2,
            &format!("pungi-koji: the target directory must be below {}", host.compose().display()),
        );
    }
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let doomed = practice::planted().as_deref() == Some("compose-doomed");
    let ending = if doomed { Ending::Doomed } else { Ending::Finished };
    let order = Order { ending, stop: Some(&stop), ..Order::new(major, repo, kind) };
    let nap = call.pace(1, Duration::from_millis(38), Duration::from_millis(38));
    let mut out = io::stdout().lock();
    let result = assemble(host, &order, &mut |line| {
        // Pungi goes on when its terminal has gone; its log is a file.
        drop(writeln!(out, "{line}"));
        std::thread::sleep(nap);
    });
    match result {
        Ok(result) => Ok(u8::from(!result.is_good())),
        Err(error) => complain(1, &format!("pungi-koji: {error}")),
    }
}

/// Reads `release_short` and `release_type` from a configuration.
fn read_config(text: &str) -> Option<(&str, Kind)> {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        line.trim_start().strip_prefix('=')?.trim().strip_prefix('"')?.strip_suffix('"')
    };
    let kind = match value("release_type")? {
        "ga" => Kind::Produce,
        "updates" => Kind::Update,
        _ => return None,
    };
    Some((value("release_short")?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_says_what_to_compose() {
        let text = "# c\nrelease_name = \"Rocky Linux\"\nrelease_short = \"Rocky-devel\"\nrelease_type = \"updates\"\n";
        assert_eq!(read_config(text), Some(("Rocky-devel", Kind::Update)));
        assert_eq!(read_config("release_short = \"Rocky\"\nrelease_type = \"nightly\"\n"), None);
    }
}
