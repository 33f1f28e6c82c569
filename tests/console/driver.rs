//! A console in a terminal of its own: keys in, screen out.
//!
//! The real binary runs on a real PTY; `vt100` makes a screen of what it writes. Nothing sleeps: a wait is
//! for output, with a deadline, and a failed one shows the screen.

use pty_process::blocking::{Command, Pty, open};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use rustix::termios::{InputModes, LocalModes, OutputModes, Termios, tcgetattr};
use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::num::NonZeroU16;
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a named event may take; far longer than it does, since a machine can be busy.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// The size that everything must work at: columns and rows.
pub(crate) const SMALL: (u16, u16) = (80, 24);

/// Held while a PTY is opened and its child started: the crate sets close-on-exec in a second call, and
/// another test's child must not inherit this master, or closing it would hang nobody up.
static OPENING: Mutex<()> = Mutex::new(());

/// The modes of a terminal that a program in raw mode changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Modes(InputModes, OutputModes, LocalModes);

impl From<Termios> for Modes {
    fn from(all: Termios) -> Self {
        Self(all.input_modes, all.output_modes, all.local_modes)
    }
}

/// A console, its terminal, and everything that it wrote.
pub(crate) struct Console {
    child: Child,
    master: Option<Pty>,
    terminal: String,
    parser: vt100::Parser,
    bytes: Vec<u8>,
    /// Bytes at the end that may be the beginning of a U+FFFD.
    held: usize,
    before: Modes,
    ended: bool,
}

impl Console {
    /// Starts the binary with `args` on a terminal of `size`, in an environment of its own plus `env`.
    pub(crate) fn start(args: &[String], env: &[(&str, &str)], size: (u16, u16)) -> Self {
        let (columns, rows) = size;
        let one_at_a_time = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        let (master, slave) = open().unwrap();
        master.resize(pty_process::Size::new(rows, columns)).unwrap();
        let before = Modes::from(tcgetattr(&master).unwrap());
        let terminal = rustix::pty::ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_stagegate"))
            .args(args)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            // No key file or theme of whoever runs the tests counts here.
            .env("HOME", env!("CARGO_TARGET_TMPDIR"))
            .envs(env.iter().copied())
            .spawn(slave)
            .unwrap();
        drop(one_at_a_time);
        let parser = vt100::Parser::new(cells(rows), cells(columns), 0);
        Self {
            child,
            master: Some(master),
            terminal,
            parser,
            bytes: Vec::new(),
            held: 0,
            before,
            ended: false,
        }
    }

    /// Returns the name of its terminal: `/dev/pts/3`.
    pub(crate) fn terminal(&self) -> &str {
        &self.terminal
    }

    /// Presses keys, named and with blanks between them: `c space down enter`.
    pub(crate) fn keys(&mut self, keys: &str) {
        let bytes: String = keys.split_whitespace().map(sequence).collect();
        self.types(&bytes);
    }

    /// Sends bytes as they are.
    pub(crate) fn types(&mut self, bytes: &str) {
        self.master.as_mut().unwrap().write_all(bytes.as_bytes()).unwrap();
    }

    /// Pastes as a terminal with bracketed paste does.
    pub(crate) fn paste(&mut self, text: &str) {
        assert!(self.parser.screen().bracketed_paste(), "the console asks for bracketed paste");
        self.types(&format!("\x1b[200~{text}\x1b[201~"));
    }

    /// Changes the size of the terminal.
    pub(crate) fn resize(&mut self, (columns, rows): (u16, u16)) {
        self.parser.set_size(cells(rows), cells(columns));
        self.master.as_ref().unwrap().resize(pty_process::Size::new(rows, columns)).unwrap();
    }

    /// Returns the text on the screen.
    pub(crate) fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// Returns everything written so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the console's process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the console has written `text` behind its first `from` bytes.
    #[track_caller]
    pub(crate) fn wait_for_bytes(&mut self, from: usize, text: &[u8]) {
        let until = Instant::now() + DEADLINE;
        while memchr::memmem::find(&self.bytes[from..], text).is_none() {
            assert!(self.listen(until), "{:?} was never written", String::from_utf8_lossy(text));
        }
    }

    /// Takes what the console writes until it has nothing more to draw for a moment.
    pub(crate) fn settle(&mut self) {
        while self.listen(Instant::now() + Duration::from_millis(60)) {}
    }

    /// Takes what the console writes until it has drawn nothing for longer than any answer to a key takes.
    pub(crate) fn rest(&mut self) {
        while self.listen(Instant::now() + Duration::from_secs(1)) {}
    }

    /// Returns the colours on the screen, the terminal's own apart.
    pub(crate) fn colours(&self) -> BTreeSet<String> {
        let screen = self.parser.screen();
        let (rows, columns) = screen.size();
        let cells =
            (0..rows.get()).flat_map(|row| (0..columns.get()).filter_map(move |at| screen.cell(row, at)));
        let both = cells.flat_map(|cell| [cell.fgcolor(), cell.bgcolor()]);
        both.filter(|colour| *colour != vt100::Color::Default).map(|colour| format!("{colour:?}")).collect()
    }

    /// Waits until the screen shows every one of `texts`.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, texts: &[&str]) {
        let shown = |screen: &str| texts.iter().all(|text| screen.contains(text));
        self.wait_until(&format!("{texts:?}"), shown);
    }

    /// Waits until `holds` of the screen.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        let until = Instant::now() + DEADLINE;
        while !holds(&self.screen()) {
            let listening = self.listen(until);
            assert!(listening, "the screen never showed {what}; it shows:\n{}", self.screen());
        }
    }

    /// Presses `keys` again and again until the screen shows `text`: for keys that count only after a while.
    #[track_caller]
    pub(crate) fn press_until(&mut self, keys: &str, text: &str) {
        let until = Instant::now() + DEADLINE;
        while !self.screen().contains(text) {
            assert!(Instant::now() < until && !self.ended, "never: {text}; the screen:\n{}", self.screen());
            self.keys(keys);
            self.listen(Instant::now() + Duration::from_millis(100));
        }
    }

    /// Takes output until `until`; returns whether there was some.
    fn listen(&mut self, until: Instant) -> bool {
        let Some(master) = self.master.as_mut().filter(|_| !self.ended) else { return false };
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap();
        let mut watched = [PollFd::new(&*master, PollFlags::IN)];
        if poll(&mut watched, Some(&left)).unwrap() == 0 {
            return false;
        }
        let mut chunk = [0; 8192];
        match master.read(&mut chunk) {
            Ok(0) => self.ended = true,
            Ok(count) => {
                self.bytes.extend_from_slice(&chunk[..count]);
                self.show(count);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // What Linux says once nobody holds the other end.
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::IO.raw_os_error()), "{error}");
                self.ended = true;
            }
        }
        !self.ended
    }

    /// Shows the last bytes on the screen. vt100 passes over U+FFFD, which a terminal shows: `?` stands for it.
    fn show(&mut self, count: usize) {
        let from = self.bytes.len() - count - self.held;
        let new = &self.bytes[from..];
        let begun = (1..=2.min(new.len())).find(|&size| new.ends_with(&b"\xef\xbf\xbd"[..size]));
        self.held = begun.unwrap_or(0);
        let whole = &new[..new.len() - self.held];
        let mut rest = whole;
        while let Some(at) = memchr::memmem::find(rest, b"\xef\xbf\xbd") {
            self.parser.process(&rest[..at]);
            self.parser.process(b"?");
            rest = &rest[at + 3..];
        }
        self.parser.process(rest);
    }

    /// Waits until the console has left, and returns how.
    #[track_caller]
    pub(crate) fn left(&mut self) -> ExitStatus {
        let until = Instant::now() + DEADLINE;
        while !self.ended {
            let listening = self.listen(until);
            assert!(listening || self.ended, "the console does not leave; it shows:\n{}", self.screen());
        }
        self.reap()
    }

    /// Asserts that the terminal is as it was found: its modes, the first screen, cursor and paste.
    #[track_caller]
    pub(crate) fn is_given_back(&self) {
        let now = Modes::from(tcgetattr(self.master.as_ref().unwrap()).unwrap());
        assert_eq!(now, self.before, "the terminal's modes");
        let screen = self.parser.screen();
        let taken = (screen.alternate_screen(), screen.hide_cursor(), screen.bracketed_paste());
        assert_eq!(taken, (false, false, false), "alternate screen, hidden cursor, bracketed paste");
        let was_taken = |sequence: &[u8]| self.bytes.windows(sequence.len()).any(|part| part == sequence);
        assert!(was_taken(b"\x1b[?1049h") && was_taken(b"\x1b[?1049l"), "it never was on the other screen");
    }

    /// Sends a signal to the console alone.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills the console: it can do nothing more.
    pub(crate) fn kill9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Closes the terminal, as a dropped connection does, and waits for the console to notice.
    pub(crate) fn hang_up(mut self) {
        drop(self.master.take());
        self.reap();
    }

    /// Waits until the process has ended, and returns how.
    #[track_caller]
    fn reap(&mut self) -> ExitStatus {
        let process = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty()).unwrap();
        let deadline = Timespec::try_from(DEADLINE).unwrap();
        let ended = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&deadline)).unwrap();
        assert_eq!(ended, 1, "the console gave its terminal back, or lost it, and still does not end");
        self.child.wait().unwrap()
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // Both are done already where the test has seen the console leave.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

/// Returns what a terminal sends for a key.
fn sequence(key: &str) -> &str {
    match key {
        "enter" => "\r",
        "space" => " ",
        "tab" => "\t",
        "esc" => "\x1b",
        "backspace" => "\x7f",
        "up" => "\x1b[A",
        "down" => "\x1b[B",
        "right" => "\x1b[C",
        "left" => "\x1b[D",
        "home" => "\x1b[H",
        "end" => "\x1b[F",
        "ctrl-c" => "\x03",
        "ctrl-l" => "\x0c",
        "pageup" => "\x1b[5~",
        "pagedown" => "\x1b[6~",
        one => {
            assert_eq!(one.chars().count(), 1, "`{one}` is no key that this driver knows");
            one
        }
    }
}
