//! The console's own log: to the Log screen and to a file in the state folder.
//!
//! What scripts print never goes here; that has files of its own. tui-logger's ready-made start would have
//! a thread wake up a hundred times a second for good, so records are handed to it here, one by one.

use jiff::Timestamp;
use log::{LevelFilter, Log, Metadata, Record};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use tui_logger::Drain;

struct Logger {
    screen: Drain,
    file: Mutex<File>,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("stagegate")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        self.screen.log(record);
        tui_logger::move_events();
        if let Ok(mut file) = self.file.lock() {
            // A full disk must not take the console down; the screen has the record.
            let _lost = writeln!(file, "{:.3} {:5} {}", Timestamp::now(), record.level(), record.args());
        }
    }

    fn flush(&self) {}
}

/// Begins to log to the screen and to `STATE/console.log`; a second start in one process changes nothing.
pub fn start(state: &Path) -> io::Result<()> {
    let path = state.join("console.log");
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    tui_logger::set_default_level(LevelFilter::Debug);
    let logger = Logger { screen: Drain::new(), file: Mutex::new(file) };
    if log::set_boxed_logger(Box::new(logger)).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
    Ok(())
}
