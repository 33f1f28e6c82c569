//! The engineer's terminal, taken and given back.
//!
//! Whatever happens, it is given back exactly once: on leaving, on a panic (before the panic is printed),
//! on TERM, HUP and INT, and around a suspension (design 12.7).

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use std::io::{self, stdout};
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

/// Gives the terminal back if it is taken; where the terminal is gone there is nobody to tell.
fn give_back(taken: &AtomicBool) {
    if taken.swap(false, Ordering::SeqCst) {
        let _gone = execute!(stdout(), Show, DisableBracketedPaste, LeaveAlternateScreen);
        let _gone = disable_raw_mode();
    }
}
