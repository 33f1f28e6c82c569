//! Asks for the passphrase of a key at the terminal, hidden, and gives the terminal back whatever ends the question.
//!
//! `rpassword` puts the terminal back when it returns; a signal that ends the process while it reads would leave the
//! terminal without echo (design 12.7), so those are caught here for as long as it asks.

use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs::File;
use std::io;
use std::thread;

/// Asks for it with `prompt`; without a terminal nothing is asked.
pub(super) fn ask(prompt: &str) -> io::Result<String> {
    let terminal = File::options().read(true).write(true).open("/dev/tty");
    let terminal = terminal.ok().filter(|terminal| isatty(terminal));
    let terminal =
        terminal.ok_or_else(|| io::Error::other("there is no terminal; sign through the agent instead"))?;
    let was = tcgetattr(&terminal)?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let watch = signals.handle();
    let watcher = thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            put_back(&terminal, &was);
            // It does what it would have done: ends this process.
            let _ended = signal_hook::low_level::emulate_default_handler(signal);
        }
    });
    let answer = rpassword::prompt_password(prompt);
    watch.close();
    // It has nothing to say; if it panicked, the terminal was put back by `rpassword` all the same.
    let _over = watcher.join();
    answer
}

fn put_back(terminal: &File, was: &Termios) {
    // A terminal that is gone needs nothing.
    let _gone = tcsetattr(terminal, OptionalActions::Now, was);
}
