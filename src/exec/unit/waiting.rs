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
    /// What was told: the question, and whether its answer is secret.
    shown: Option<(String, bool)>,
    lines: u64,
}

impl Waiting {
    /// Takes note of output. Returns whether a shown prompt has been answered.
    pub(super) fn output(&mut self, lines: u64) -> bool {
        self.silence = None;
        // An echo of what is typed ends no line; an answer does.
        let went_on = lines > self.lines;
        self.lines = lines;
        went_on && self.shown.take().is_some()
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
        self.silence.is_some() || self.shown.is_some()
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
        if !waits {
            return self.shown.take().map(|_| UnitEvent::InputTaken);
        }
        let asked = (silence.line.clone(), secret || silence.alternate_screen);
        if self.shown.as_ref() == Some(&asked) {
            return None;
        }
        let (prompt, secret) = self.shown.insert(asked).clone();
        Some(UnitEvent::WaitingForInput { prompt, secret })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(10);
    const LATE: Duration = Duration::from_secs(2);

    /// Returns whether a step is taken to wait of whose processes nothing can be seen, `after` such a line.
    fn unseen(line: &str, secret: bool, after: Duration) -> bool {
        let (mut waiting, since) = (Waiting::default(), Instant::now());
        waiting.quiet(line.as_bytes(), false, since);
        waiting.judge(false, secret, since + after).is_some()
    }

    #[test]
    fn where_processes_cannot_be_looked_into_wording_and_silence_tell() {
        assert!(unseen("[sudo] password for releng: ", false, SOON), "a known question, at once");
        assert!(!unseen("Continue? ", false, SOON) && unseen("Continue? ", false, LATE));
        assert!(!unseen("Token ", true, SOON) && unseen("Token ", true, LATE), "a line with the echo off");
        assert!(!unseen("copying", false, LATE) && !unseen("", true, LATE), "a silence alone is none");
    }

    #[test]
    fn a_question_is_told_again_when_its_answer_becomes_a_secret() {
        let (mut waiting, since) = (Waiting::default(), Instant::now());
        waiting.quiet(b"Token: ", false, since);
        let asked = |secret| Some(UnitEvent::WaitingForInput { prompt: "Token:".to_owned(), secret });
        assert_eq!(waiting.judge(true, false, since), asked(false));
        assert_eq!(waiting.judge(true, false, since), None);
        assert_eq!(waiting.judge(true, true, since), asked(true));
        assert_eq!(waiting.judge(false, true, since), Some(UnitEvent::InputTaken));
        assert_eq!(waiting.judge(false, true, since), None);
    }
}
