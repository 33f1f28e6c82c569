//! How a transfer of the practice rsync ends: the last lines and the exit code, both rsync's own.

use super::{Transfer, VERSION, copy, list};
use std::io::{self, Write};
use std::path::PathBuf;

/// How a transfer ended before its last file.
#[derive(Debug)]
pub(super) enum Broken {
    /// The output can no longer be written.
    Output(io::Error),
    /// The named file could not be written (code 11).
    Full(PathBuf, io::Error),
    /// A signal came (code 20).
    Signal,
    /// The receiving side died (code 12).
    Peer,
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Transfer<'_> {
    /// Prints how the transfer ended and returns the exit code for it.
    pub(super) fn finish(mut self, ended: Result<(), Broken>) -> io::Result<u8> {
        self.out.flush()?;
        let mut err = io::stderr().lock();
        let received = self.received;
        match ended {
            Ok(()) if self.failed => {
                writeln!(
                    err,
                    "rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1394) [sender={VERSION}]"
                )?;
                Ok(23)
            }
            Ok(()) if self.vanished => {
                writeln!(
                    err,
                    "rsync warning: some files vanished before they could be transferred (code 24) at main.c(1394) [sender={VERSION}]"
                )?;
                Ok(24)
            }
            Ok(()) => Ok(0),
            Err(Broken::Output(error)) => {
                writeln!(err, "rsync: [sender] write error: {}", list::reason(&error))?;
                Ok(12)
            }
            Err(Broken::Full(path, error)) => {
                writeln!(err, "{}", copy::write_failed(&path, &error))?;
                writeln!(
                    err,
                    "rsync error: error in file IO (code 11) at receiver.c(657) [receiver={VERSION}]"
                )?;
                writeln!(err, "rsync: [sender] write error: Broken pipe (32)")?;
                Ok(11)
            }
            Err(Broken::Signal) => {
                writeln!(
                    err,
                    "rsync error: received SIGINT, SIGTERM, or SIGHUP (code 20) at rsync.c(713) [sender={VERSION}]"
                )?;
                Ok(20)
            }
            Err(Broken::Peer) => {
                writeln!(
                    err,
                    "rsync: connection unexpectedly closed ({received} bytes received so far) [sender]"
                )?;
                writeln!(
                    err,
                    "rsync error: error in rsync protocol data stream (code 12) at io.c(232) [sender={VERSION}]"
                )?;
                Ok(12)
            }
        }
    }
}
