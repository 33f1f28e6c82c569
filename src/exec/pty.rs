//! Opens a PTY of fixed size and starts one command on it.
//!
//! The command is an argv that the kernel executes: no shell sees it here (design 12.3). It gets its own
//! session, the PTY as controlling terminal, a cleared environment, default signals, and no descriptor of
//! ours. We keep no slave end, else the PTY would never report its end.
//!
//! Output post-processing (`OPOST`) is off: the kernel then hands over lines as they were written, 3 to
//! 6 times faster for short ones, and the log holds `\n` where a terminal would have made `\r\n`. Whoever
//! draws the log reads `\n` as carriage return and line feed.

use super::cgroup::Cgroup;
use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl};
use rustix::termios::{LocalModes, OptionalActions, OutputModes, tcgetattr, tcsetattr};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The size of the PTY in character cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PtySize {
    /// Lines.
    pub rows: u16,
    /// Characters a line.
    pub columns: u16,
}

impl Default for PtySize {
    /// Returns 160 x 50: wide enough for the tools' lines, and the same whatever terminal looks on.
    fn default() -> Self {
        Self { rows: 50, columns: 160 }
    }
}

/// Why a command could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The argv is empty.
    #[error("the command is empty: give it at least a program in the catalog")]
    EmptyCommand,
    /// The working directory is missing or not a directory.
    #[error("working directory `{0}` is not there: check the catalog and the mount")]
    WorkingDirectory(PathBuf),
    /// There was no PTY to be had.
    #[error("no pseudo terminal: {0}")]
    Pty(String),
    /// The system refused to execute the program.
    #[error("`{program}`: {error}")]
    Program {
        /// The first word of the argv.
        program: String,
        /// What the system said.
        error: String,
    },
}

/// A started command with our end of its PTY.
#[derive(Debug)]
pub struct Spawned {
    /// The leader: first process of the new session.
    pub child: Child,
    /// The master end, non-blocking.
    pub master: Arc<OwnedFd>,
    /// The slave's path (`/dev/pts/7`), by which processes that still hold it are found.
    pub slave: PathBuf,
    /// Why it was not born in the cgroup that it should have been, if it was not.
    pub outside: Option<String>,
}

/// Held from opening a master end until it is close-on-exec and its child has been started.
///
/// The crate sets close-on-exec in a second system call. Without this, a step started by another lane in
/// between would inherit the master end and keep this step's terminal alive. And this process visits one cgroup at a time.
pub(super) static OPENING: Mutex<()> = Mutex::new(());

/// The turn to start a command: one is started at a time.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "held, not read")] MutexGuard<'static, ()>);

/// Waits for the turn to start a command.
pub fn turn() -> Turn {
    Turn(OPENING.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Looks at where a command is to be started, and at its program, as its start will.
///
/// What does not answer is waited for here, by whoever starts that command, and not in its turn. A program that cannot be
/// executed is told by the start itself.
pub fn look(argv: &[String], env: &BTreeMap<String, String>, cwd: &Path) -> Result<(), SpawnError> {
    let program = argv.first().ok_or(SpawnError::EmptyCommand)?;
    if !cwd.is_dir() {
        return Err(SpawnError::WorkingDirectory(cwd.to_owned()));
    }
    let path = env.get("PATH").filter(|_| !program.contains('/')).map_or("", String::as_str);
    let is_file = |place: &PathBuf| place.metadata().is_ok_and(|meta| meta.is_file());
    if let Some(place) = path.split(':').map(|folder| cwd.join(folder).join(program)).find(is_file) {
        // The kernel reads its beginning too.
        let _read = File::open(place).and_then(|mut program| program.read(&mut [0; 1]));
    }
    Ok(())
}

/// Starts `argv` on a new PTY, born in `cgroup`; one that cannot be joined keeps it from nothing.
///
/// After [`look`], which says why where the working directory is not there.
pub fn spawn(
    _turn: &Turn,
    argv: &[String],
    env: &BTreeMap<String, String>,
    cwd: &Path,
    size: PtySize,
    cgroup: Option<&Cgroup>,
) -> Result<Spawned, SpawnError> {
    let (program, arguments) = argv.split_first().ok_or(SpawnError::EmptyCommand)?;
    let (master, slave_end) = pty_process::blocking::open().map_err(|e| SpawnError::Pty(e.to_string()))?;
    let prepared = prepare(&master, &slave_end, size).map_err(|e| SpawnError::Pty(e.to_string()))?;
    let (visit, outside) = match cgroup.map(Cgroup::visit).transpose() {
        Ok(visit) => (visit, None),
        Err(error) => (None, Some(format!("its cgroup could not be joined: {error}"))),
    };
    let child = pty_process::blocking::Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(env)
        .current_dir(cwd)
        .spawn(slave_end);
    drop(visit);
    let child = child.map_err(|e| SpawnError::Program { program: program.clone(), error: e.to_string() })?;
    Ok(Spawned { child, master: Arc::new(master.into()), slave: prepared, outside })
}

fn prepare(
    master: &pty_process::blocking::Pty,
    slave: &pty_process::blocking::Pts,
    size: PtySize,
) -> io::Result<PathBuf> {
    master.resize(pty_process::Size::new(size.rows, size.columns)).map_err(io::Error::other)?;
    let mut modes = tcgetattr(slave)?;
    modes.output_modes.remove(OutputModes::OPOST);
    tcsetattr(slave, OptionalActions::Now, &modes)?;
    let flags = fcntl_getfl(master)?;
    fcntl_setfl(master, flags | OFlags::NONBLOCK)?;
    let path = rustix::pty::ptsname(master, Vec::new())?;
    Ok(PathBuf::from(std::ffi::OsString::from_vec(path.into_bytes())))
}

/// Tells whether the terminal swallows what is typed, as it does while a password is asked for.
pub fn swallows(master: &OwnedFd) -> bool {
    // Whoever reads key by key (readline, curses) shows what is typed by itself.
    tcgetattr(master)
        .is_ok_and(|modes| modes.local_modes.contains(LocalModes::ICANON) && !shows(modes.local_modes))
}

/// Tells whether the terminal shows what is typed.
pub fn echoes(master: &OwnedFd) -> bool {
    tcgetattr(master).is_ok_and(|modes| shows(modes.local_modes))
}

/// Tells whether another terminal shows what is typed there; one that cannot be asked is taken for a secretive one.
pub fn echoes_at(terminal: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let asked = rustix::fs::open(terminal, flags, Mode::empty()).and_then(tcgetattr);
    asked.is_ok_and(|modes| shows(modes.local_modes))
}

fn shows(modes: LocalModes) -> bool {
    modes.contains(LocalModes::ECHO)
}
