//! The engineer's terminal: one PTY for the whole story, on which one console comes after the other.
//!
//! No shell is between: what a killed console leaves behind, the next one finds.

use crate::host::{Host, PROGRAM};
use crate::story::Way;
use pty_process::blocking::{Command, Pts, Pty, open};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{InputModes, LocalModes, OutputModes, Termios, tcgetattr};
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::process::Child;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long anything may take before a story fails; far longer than it does, since a machine can be busy.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
const ROWS: u16 = 24;
const COLUMNS: u16 = 80;

/// Held from opening a PTY until its first child has been started: the crate sets close-on-exec in a second call,
/// and no other story's child must inherit this master.
static OPENING: Mutex<()> = Mutex::new(());

type Modes = (InputModes, OutputModes, LocalModes);

fn modes(all: &Termios) -> Modes {
    (all.input_modes, all.output_modes, all.local_modes)
}

/// A terminal, and the console on it, if there is one.
pub(crate) struct Terminal {
    master: Pty,
    slave: Pts,
    parser: vt100::Parser,
    before: Modes,
    console: Option<Child>,
    /// How much was drawn since the console was started.
    drawn: usize,
}

impl Terminal {
    /// Opens one of 80x24.
    pub(crate) fn open() -> Self {
        let one_at_a_time = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        let (master, slave) = open().unwrap();
        // A child of another story that is started now would inherit it; this call sets close-on-exec anew.
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC).unwrap();
        rustix::io::fcntl_setfd(&slave, rustix::io::FdFlags::CLOEXEC).unwrap();
        drop(one_at_a_time);
        master.resize(pty_process::Size::new(ROWS, COLUMNS)).unwrap();
        let before = modes(&tcgetattr(&master).unwrap());
        Self { master, slave, parser: fresh(), before, console: None, drawn: 0 }
    }

    /// Starts a console.
    pub(crate) fn start(&mut self, host: &Host) {
        assert!(self.console.is_none(), "one console at a time");
        self.drawn = 0;
        let console = Command::new(PROGRAM)
            .args(host.arguments())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .env("HOME", host.at("tmp"))
            .spawn_borrowed(&self.slave)
            .unwrap();
        self.console = Some(console);
    }

    /// Returns whether a console is on it.
    pub(crate) fn has_console(&self) -> bool {
        self.console.is_some()
    }

    /// Types.
    pub(crate) fn types(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Takes what is drawn, for as long as `time` at most, until something is.
    pub(crate) fn look(&mut self, time: Duration) {
        let time = Timespec::try_from(time).unwrap();
        let mut watched = [PollFd::new(&self.master, PollFlags::IN)];
        if poll(&mut watched, Some(&time)).unwrap_or(0) == 0 || !watched[0].revents().contains(PollFlags::IN)
        {
            return;
        }
        let mut chunk = [0; 16 * 1024];
        let count = self.master.read(&mut chunk).unwrap_or(0);
        self.drawn += count;
        self.parser.process(&chunk[..count]);
    }

    /// Returns the text on the screen.
    pub(crate) fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// Waits until the console shows one of `texts`; says what it shows instead if it never does.
    pub(crate) fn shows(&mut self, texts: &[&str]) -> Result<(), String> {
        let begun = Instant::now();
        while self.drawn == 0 || !texts.iter().any(|text| self.screen().contains(text)) {
            if begun.elapsed() > PATIENCE {
                return Err(format!("the console never shows {texts:?} but\n{}", self.screen()));
            }
            self.look(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Presses a key until the screen shows `text`: before everything is known it does nothing. Returns whether it did.
    pub(crate) fn press_until(&mut self, key: &str, text: &str) -> bool {
        let (begun, again) = (Instant::now(), Duration::from_millis(300));
        let mut pressed = Instant::now();
        while !self.screen().contains(text) && begun.elapsed() < PATIENCE {
            if pressed.elapsed() > again {
                self.types(key);
                pressed = Instant::now();
            }
            self.look(Duration::from_millis(20));
        }
        self.screen().contains(text)
    }

    /// Kills the console, if there is one.
    pub(crate) fn kill(&mut self) {
        if let Some(mut console) = self.console.take() {
            console.kill().unwrap();
            console.wait().unwrap();
            while self.anything_left() {
                self.look(Duration::ZERO);
            }
        }
    }

    fn anything_left(&self) -> bool {
        let mut watched = [PollFd::new(&self.master, PollFlags::IN)];
        poll(&mut watched, Some(&Timespec::default())).unwrap_or(0) > 0
    }

    /// Has the console leave by `way`; returns what is wrong with the terminal after it, if anything is.
    pub(crate) fn leave(&mut self, way: Way) -> Result<(), String> {
        let Some(mut console) = self.console.take() else { return Ok(()) };
        let process = Pid::from_child(&console);
        let signal = |signal| {
            // It may have left by itself.
            let _gone = kill_process(process, signal);
        };
        match way {
            Way::Q => self.types("q"),
            Way::CtrlC => self.types("\x03"),
            Way::Terminate => signal(Signal::TERM),
            Way::HangUp => signal(Signal::HUP),
            Way::Interrupt => signal(Signal::INT),
            Way::Quit => signal(Signal::QUIT),
        }
        let begun = Instant::now();
        while console.try_wait().unwrap().is_none() {
            self.look(Duration::from_millis(5));
            if begun.elapsed() > PATIENCE {
                console.kill().unwrap();
                console.wait().unwrap();
                return Err(format!("{way:?}: the console does not leave; it shows\n{}", self.screen()));
            }
        }
        while self.anything_left() {
            self.look(Duration::ZERO);
        }
        self.is_given_back().map_err(|wrong| format!("{way:?}: {wrong}"))
    }

    fn is_given_back(&self) -> Result<(), String> {
        let now = modes(&tcgetattr(&self.master).unwrap());
        let screen = self.parser.screen();
        let taken = (screen.alternate_screen(), screen.hide_cursor(), screen.bracketed_paste());
        if now != self.before {
            return Err(format!("the terminal's modes are {now:?}, they were {:?}", self.before));
        }
        if taken != (false, false, false) {
            return Err(format!("other screen, hidden cursor, bracketed paste: {taken:?}"));
        }
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(console) = &mut self.console {
            let _gone = console.kill();
            let _gone = console.wait();
        }
    }
}

fn fresh() -> vt100::Parser {
    vt100::Parser::new(NonZeroU16::new(ROWS).unwrap(), NonZeroU16::new(COLUMNS).unwrap(), 0)
}
