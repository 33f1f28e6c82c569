//! Whether a unit waits for input, from two signs: a process asleep in a read of the terminal, and the
//! wording of an unfinished last line. Says each change once.

use super::UnitEvent;
use crate::domain::log_line;
use crate::exec::prompt::{Likeness, likeness};
use std::time::{Duration, Instant};

/// How long nothing may come after what looks like a question before it is believed to be one.
const SILENCE: Duration = Duration::from_millis(1500);
const PROMPT_LIMIT: usize = 200;

#[derive(Debug)]
struct Silence {
    since: Instant,
    line: String,
    alternate_screen: bool,
}

/// Watches for waiting.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    silence: Option<Silence>,
    shown: bool,
    lines: u64,
}

impl Waiting {
    /// Takes note of output. Returns whether a shown prompt has been answered.
    pub(super) fn output(&mut self, lines: u64) -> bool {
        self.silence = None;
        // An echo of what is typed ends no line; an answer does.
        let went_on = lines > self.lines;
        self.lines = lines;
        went_on && std::mem::take(&mut self.shown)
    }

    /// Takes note of a silence that has begun.
    pub(super) fn quiet(&mut self, raw: &[u8], alternate_screen: bool, since: Instant) {
        let mut line = log_line::plain(raw);
        if alternate_screen {
            "a full-screen dialogue is open (a passphrase, as a rule)".clone_into(&mut line);
        }
        line = line.chars().take(PROMPT_LIMIT).collect();
        self.silence = Some(Silence { since, line, alternate_screen });
    }

    /// Tells whether a look at the processes could change anything.
    pub(super) fn needs_look(&self) -> bool {
        self.silence.is_some() || self.shown
    }

    /// Judges. `reading`: a process sleeps in a read of the terminal. `secret`: the echo is off.
    pub(super) fn judge(&mut self, reading: bool, secret: bool, now: Instant) -> Option<UnitEvent> {
        let silence = self.silence.as_ref()?;
        let silent_long = now.duration_since(silence.since) >= SILENCE;
        let asks = match likeness(&silence.line) {
            Likeness::Known => true,
            Likeness::Probable => silent_long,
            Likeness::None => false,
        };
        let waits = reading
            || silence.alternate_screen
            || asks
            || (secret && silent_long && !silence.line.is_empty());
        let prompt = silence.line.clone();
        match (waits, self.shown) {
            (true, false) => {
                self.shown = true;
                Some(UnitEvent::WaitingForInput { prompt, secret: secret || silence.alternate_screen })
            }
            (false, true) => {
                self.shown = false;
                Some(UnitEvent::InputTaken)
            }
            _ => None,
        }
    }
}
