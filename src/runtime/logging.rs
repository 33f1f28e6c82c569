//! The console's own log: to the Log screen and to a file in the state folder.
//!
//! What scripts print never goes here; that has files of its own. Errors may hold anything, though, so a record loses
//! its secrets and all that a terminal obeys before it is written, to the screen as to the file. tui-logger's ready-made start would have
//! a thread wake up a hundred times a second for good, so records are handed to it here, one by one.

use crate::domain::redact::Redactor;
use jiff::Timestamp;
use log::{LevelFilter, Log, Metadata, Record};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tui_logger::Drain;

/// What must not be written to the log: changed as more of it is known.
#[derive(Debug, Clone)]
pub struct Hidden(Arc<Mutex<(Redactor, Redactor)>>);

impl Hidden {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((Redactor::by_shape(), Redactor::default()))))
    }

    /// Takes what the catalog calls secret.
    pub fn catalog(&self, redactor: Redactor) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = redactor;
    }

    /// Takes what is secret in the run that is open.
    pub fn run(&self, redactor: Redactor) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = redactor;
    }

    fn clean(&self, text: &str) -> String {
        let (catalog, run) = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        run.sentence(&catalog.text(text))
    }
}

struct Logger {
    screen: Drain,
    file: Mutex<File>,
    hidden: Hidden,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("stagegate")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let words = self.hidden.clean(&record.args().to_string());
        let safe = |words: &fmt::Arguments<'_>| {
            let safe = Record::builder().metadata(record.metadata().clone()).args(*words).build();
            self.screen.log(&safe);
        };
        safe(&format_args!("{words}"));
        tui_logger::move_events();
        if let Ok(mut file) = self.file.lock() {
            // A full disk must not take the console down; the screen has the record.
            let _lost = writeln!(file, "{:.3} {:5} {words}", Timestamp::now(), record.level());
        }
    }

    fn flush(&self) {}
}

/// Begins to log to the screen and to `STATE/console.log`; a second start in one process changes nothing.
pub fn start(state: &Path) -> io::Result<Hidden> {
    let path = state.join("console.log");
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    tui_logger::set_default_level(LevelFilter::Debug);
    let hidden = Hidden::new();
    let logger = Logger { screen: Drain::new(), file: Mutex::new(file), hidden: hidden.clone() };
    if log::set_boxed_logger(Box::new(logger)).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
    Ok(hidden)
}
