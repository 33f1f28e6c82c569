//! What a step printed, read again from its log: its supervisor died before it was judged, and with it what it had found.
//!
//! The journal says how long the log was when the step had ended. A log that is shorter now, after the host lost its power
//! say, or that cannot be read, leaves open what the step said in the end: then nobody here says that it succeeded.

use crate::domain::finding::Finding;
use crate::domain::flow::CheckName;
use crate::domain::name::StepId;
use crate::domain::outcome::PhraseHit;
use crate::exec::phrases::{Phrase, PhraseSearch};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// How much is read at once.
const PIECE: usize = 256 * 1024;

/// What a log still says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Printed {
    /// The failure phrases that are in it.
    pub(super) hits: Vec<PhraseHit>,
    /// What is found where a part of it is gone.
    pub(super) lost: Option<Finding>,
}

impl Printed {
    /// Searches the log of `step` for `phrases`; `recorded` is how long it was when the step had ended.
    pub(super) fn of(step: &StepId, log: &Path, recorded: u64, phrases: Vec<Phrase>) -> Self {
        let mut search = PhraseSearch::new(phrases);
        let mut length = 0;
        let read = File::open(log).and_then(|file| search_all(file, &mut search, &mut length));
        let problem = match read {
            Err(error) => Some(format!("its log cannot be read to its end: {error}")),
            Ok(()) if length < recorded => Some(format!("its log has {length} of {recorded} bytes")),
            Ok(()) => None,
        };
        let lost = problem.map(|problem| {
            Finding::blocking(
                CheckName::Phrases,
                "log lost",
                step.as_str(),
                format!("what it printed is not known: {problem}"),
                "look at what the step did, then retry it",
            )
        });
        Self { hits: search.finish(), lost }
    }
}

fn search_all(mut log: impl Read, search: &mut PhraseSearch, length: &mut u64) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match log.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                search.feed(piece.get(..count).unwrap_or_default());
                *length += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_lost_its_end_says_so_whatever_is_left_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let text = "rsync error: x\nrsync error: y\n";
        std::fs::write(&log, text).unwrap();
        let of = |log: &Path, recorded: u64| {
            let phrases = vec![Phrase::new("rsync error").unwrap()];
            let printed = Printed::of(&"8/prep".parse().unwrap(), log, recorded, phrases);
            (printed.hits.len(), printed.lost.map(|lost| (lost.blocks(), lost.message)))
        };
        let length = text.len() as u64;
        assert_eq!(of(&log, length), (1, None));
        assert_eq!(of(&log, 0), (1, None), "it may have grown since");
        let short = "what it printed is not known: its log has 30 of 31 bytes".to_owned();
        assert_eq!(of(&log, length + 1), (1, Some((true, short))));
        for unreadable in [folder.path(), &folder.path().join("missing")] {
            let (hits, lost) = of(unreadable, 0);
            let (blocks, message) = lost.unwrap();
            assert!(hits == 0 && blocks && message.contains("cannot be read to its end"), "{message}");
        }
    }
}
