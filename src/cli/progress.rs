//! One line of progress on a terminal, redrawn in place and cleared at the end.
//!
//! Where the stream is no terminal nothing of it is written: what is piped or kept holds results only.

use crate::domain::visible;
use crate::ui::widgets::text::cut;
use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// The least time between two drawings.
const EVERY: Duration = Duration::from_millis(100);
/// Back to the first column, and erase what stands there.
const CLEAR: &[u8] = b"\r\x1b[K";

/// Where the line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    /// Below what is printed.
    Output,
    /// Beside it.
    Errors,
}

/// A line that is redrawn.
#[derive(Debug)]
pub(super) struct ProgressLine {
    stream: Stream,
    terminal: bool,
    drawn: Cell<Option<Instant>>,
}

impl ProgressLine {
    /// Makes a line that is empty so far.
    pub(super) fn new(stream: Stream) -> Self {
        let terminal = match stream {
            Stream::Output => std::io::stdout().is_terminal(),
            Stream::Errors => std::io::stderr().is_terminal(),
        };
        Self { stream, terminal, drawn: Cell::new(None) }
    }

    /// Returns whether anybody can see it.
    pub(super) fn is_seen(&self) -> bool {
        self.terminal
    }

    /// Shows `text`, unless the last drawing was a moment ago.
    pub(super) fn show(&self, text: &str) {
        if !self.terminal || self.drawn.get().is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        self.drawn.set(Some(Instant::now()));
        // A terminal that does not know its width says 0.
        let width = crossterm::terminal::size().map(|(columns, _)| columns).ok().filter(|width| *width > 0);
        let width = width.unwrap_or(80);
        let mut bytes = CLEAR.to_vec();
        bytes.extend_from_slice(line(text, width.saturating_sub(1)).as_bytes());
        self.write(&bytes);
    }

    /// Takes it away, for something else to be printed in its place.
    pub(super) fn clear(&self) {
        if self.drawn.take().is_some() {
            self.write(CLEAR);
        }
    }

    fn write(&self, bytes: &[u8]) {
        // A terminal that is gone needs no progress.
        let _gone = match self.stream {
            Stream::Output => {
                let mut stream = std::io::stdout().lock();
                stream.write_all(bytes).and_then(|()| stream.flush())
            }
            Stream::Errors => std::io::stderr().lock().write_all(bytes),
        };
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Returns what of `text` fits `width` columns, with nothing that a terminal obeys.
fn line(text: &str, width: u16) -> String {
    cut(&visible::line(text), width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_never_wraps_and_never_obeys() {
        assert_eq!(line("abcdef", 4), "abc…");
        assert_eq!(line("a\u{1b}[2Jb\r\n", 80), "a␛[2Jb␍␊");
        assert_eq!(line("abc", 0), "");
    }
}
