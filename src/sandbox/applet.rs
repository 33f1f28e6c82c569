//! The tools of the practice host: our own binary under other names, as symlinks in `DIR/bin`.
//!
//! A new engineer's laptop has no createrepo, ansible or pungi; with these a whole release can be
//! rehearsed on bash and coreutils alone. Each tool keeps the real one's command line, output and exit
//! codes. A tool does nothing outside of the folders it is given, and is reached only by its name.

mod ansible;
mod create_filelist;
mod createrepo;
mod hardlink;
mod one_job;
mod practice;
mod pungi;
mod rsync;
mod sign;
mod ssh;
mod torrent;
pub mod zoo;

pub(crate) use practice::{MARKER, SPEED};

use crate::sandbox::layout::HostPaths;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// One tool.
#[derive(Debug, Clone, Copy)]
pub struct Applet {
    name: &'static str,
    run: fn(&Call<'_>) -> io::Result<u8>,
}

impl Applet {
    /// Returns the name under which the tool is called.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// One call of a tool.
#[derive(Debug)]
struct Call<'a> {
    /// The arguments after the program's name.
    args: Vec<String>,
    /// The practice host that the tool was started from, if it was.
    host: Option<&'a HostPaths>,
}

impl Call<'_> {
    /// Shares `most` among `count` things, `each` at most; nothing at `instant` speed.
    fn pace(&self, count: usize, each: Duration, most: Duration) -> Duration {
        let count = u32::try_from(count.max(1)).unwrap_or(u32::MAX);
        practice::at_watch_speed(self.host.map(HostPaths::root), each.min(most / count))
    }

    /// Waits for `time` at `watch` speed, not at all at `instant`.
    fn linger(&self, time: Duration) {
        std::thread::sleep(practice::at_watch_speed(self.host.map(HostPaths::root), time));
    }
}

/// All tools, by name.
pub const APPLETS: &[Applet] = &[
    Applet { name: "sandbox-ansible", run: ansible::run },
    Applet { name: "create-filelist", run: create_filelist::run },
    Applet { name: "createrepo", run: createrepo::create },
    Applet { name: "hardlink", run: hardlink::run },
    Applet { name: "modifyrepo", run: createrepo::modify },
    Applet { name: "pungi-koji", run: pungi::run },
    Applet { name: "rsync", run: rsync::run },
    Applet { name: "sandbox-flood", run: one_job::flood },
    Applet { name: "sandbox-job", run: one_job::run },
    Applet { name: "sandbox-sign", run: sign::run },
    Applet { name: "sandbox-zoo", run: zoo::run },
    Applet { name: "ssh", run: ssh::run },
    Applet { name: "torrenttools", run: torrent::run },
];

/// Finds the tool that `program` (the process's `argv[0]`) names, if it names one.
pub fn find(program: &OsStr) -> Option<Applet> {
    let name = Path::new(program).file_name()?;
    APPLETS.iter().find(|applet| name == applet.name).copied()
}

/// Runs `applet` with the arguments after the program's name; the exit code is the real tool's.
pub fn run(applet: Applet, args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let host = practice::host();
    let args = args.into_iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    match (applet.run)(&Call { args, host: host.as_ref() }) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // Where stderr is gone too, only the exit code is left.
            drop(writeln!(io::stderr(), "{}: {error}", applet.name));
            ExitCode::FAILURE
        }
    }
}

/// Prints a complaint of a tool on stderr and returns `code`.
fn complain(code: u8, text: &str) -> io::Result<u8> {
    writeln!(io::stderr(), "{text}")?;
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_found_by_the_last_part_of_its_path_alone() {
        assert_eq!(find(OsStr::new("/some host/bin/rsync")).map(|a| a.name()), Some("rsync"));
        assert_eq!(find(OsStr::new("pungi-koji")).map(|a| a.name()), Some("pungi-koji"));
        assert!(find(OsStr::new("/usr/bin/stagegate")).is_none());
        assert!(find(OsStr::new("/opt/rsync/stagegate")).is_none());
    }
}
