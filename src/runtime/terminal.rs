//! The engineer's terminal, taken and given back.
//!
//! Whatever happens, it is given back exactly once: on leaving, on a panic (before the panic is printed),
//! on TERM, HUP and INT, and around a suspension (design 12.7).
//!
//! A console that was killed cannot give anything back: its terminal stays raw. So the next console on it does
//! not give back what it found but what a shell needs; nobody starts a program from a terminal without echo,
//! line editing and Ctrl-C on purpose.

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use rustix::termios::{InputModes, LocalModes, OptionalActions, OutputModes, Termios, tcgetattr, tcsetattr};
use std::io::{self, stdin, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The terminal in our hands; dropping it gives it back.
#[derive(Debug)]
pub struct Guard {
    taken: Arc<AtomicBool>,
}

impl Guard {
    /// Takes the terminal: raw mode, the other screen, bracketed paste; and has a panic give it back first.
    pub fn take() -> io::Result<Self> {
        let guard = Self { taken: Arc::new(AtomicBool::new(false)) };
        guard.enter()?;
        let taken = Arc::clone(&guard.taken);
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back(&taken);
            before(panic);
        }));
        Ok(guard)
    }

    fn enter(&self) -> io::Result<()> {
        mend(&stdin());
        self.taken.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        // The other screen is not empty where a console was killed on it.
        execute!(stdout(), EnterAlternateScreen, Clear(ClearType::All), EnableBracketedPaste, Hide)
    }

    /// Gives the terminal back, stops this process until somebody continues it, and takes the terminal again.
    pub fn sleep(&self) -> io::Result<()> {
        give_back(&self.taken);
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)
            .map_err(io::Error::from)?;
        self.enter()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back(&self.taken);
    }
}

/// Makes a terminal that a killed program left raw one that a shell can use; any other is left as it is.
fn mend(terminal: &impl std::os::fd::AsFd) {
    // What is no terminal has no modes, and then there is nothing to mend.
    let Ok(mut modes) = tcgetattr(terminal) else { return };
    if is_raw(&modes) {
        modes.input_modes |= InputModes::ICRNL | InputModes::IXON;
        modes.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
        modes.local_modes |= LocalModes::ISIG
            | LocalModes::ICANON
            | LocalModes::IEXTEN
            | LocalModes::ECHO
            | LocalModes::ECHOE
            | LocalModes::ECHOK;
        let _gone = tcsetattr(terminal, OptionalActions::Now, &modes);
    }
}

fn is_raw(modes: &Termios) -> bool {
    !modes.local_modes.intersects(LocalModes::ISIG | LocalModes::ICANON | LocalModes::ECHO)
}

/// Gives the terminal back if it is taken; where the terminal is gone there is nobody to tell.
fn give_back(taken: &AtomicBool) {
    if taken.swap(false, Ordering::SeqCst) {
        let _gone = execute!(stdout(), Show, DisableBracketedPaste, LeaveAlternateScreen);
        let _gone = disable_raw_mode();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_was_left_raw_is_mended_and_any_other_is_left_alone() {
        let (master, _slave) = pty_process::blocking::open().unwrap();
        let begin = tcgetattr(&master).unwrap();
        let mut own = begin.clone();
        own.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&master, OptionalActions::Now, &own).unwrap();
        mend(&master);
        assert_eq!(tcgetattr(&master).unwrap().local_modes, own.local_modes, "somebody types a secret");

        let mut raw = begin.clone();
        raw.make_raw();
        tcsetattr(&master, OptionalActions::Now, &raw).unwrap();
        mend(&master);
        let now = tcgetattr(&master).unwrap();
        let all = |modes: &Termios| (modes.input_modes, modes.output_modes, modes.local_modes);
        assert_eq!(all(&now), all(&begin), "what a new terminal has");
    }
}
