//! `ssh HOST COMMAND…`: runs the command here, at home on the practice box `DIR/hosts/HOST`.
//!
//! Like the real ssh it joins its arguments with blanks and hands them to a shell, so that whoever
//! quotes wrongly finds out in the rehearsal. It never opens a connection.

use super::{Call, complain};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Runs the tool; it only returns if the command could not be started.
pub(super) fn run(call: &Call<'_>) -> io::Result<u8> {
    let Some((host, command)) = split(&call.args) else {
        return complain(255, "usage: ssh [-options] destination command [argument ...]");
    };
    let name = host.rsplit('@').next().unwrap_or(host);
    let home = call.host.map(|paths| paths.root().join("hosts").join(name).join("root"));
    let Some(home) = home.filter(|home| !name.contains('/') && home.is_dir()) else {
        return complain(255, &format!("ssh: Could not resolve hostname {name}: Name or service not known"));
    };
    Err(Command::new("bash").arg("-c").arg(command.join(" ")).env("HOME", &home).current_dir(&home).exec())
}

/// Splits the arguments into the destination and the command, past the options.
fn split(args: &[String]) -> Option<(&str, &[String])> {
    const WITH_VALUE: &str = "BbcDEeFIiJLlmOopQRSWw";
    let mut at = 0;
    while let Some(letters) = args.get(at)?.strip_prefix('-') {
        at += 1;
        if letters == "-" {
            break;
        }
        let value_follows = letters.len() == 1 && WITH_VALUE.contains(letters);
        at += usize::from(value_follows);
    }
    let (host, command) = args.get(at..)?.split_first()?;
    let command = command.strip_prefix(&["--".to_owned()]).unwrap_or(command);
    (!command.is_empty()).then_some((host, command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_before_the_destination_are_passed_over() {
        let args: Vec<_> = ["-T", "-o", "BatchMode=yes", "-p22", "root@errata01", "cd -- /x", "&&", "ls -l"]
            .map(str::to_owned)
            .to_vec();
        let (host, command) = split(&args).expect("a destination");
        assert_eq!(host, "root@errata01");
        assert_eq!(command.join(" "), "cd -- /x && ls -l");
        assert!(split(&args[..5]).is_none(), "no command");
        let args: Vec<_> = ["errata01", "--", "true"].map(str::to_owned).to_vec();
        assert_eq!(split(&args).expect("a destination").1, ["true"]);
    }
}
