//! Searches a log on a thread of its own, so that no frame waits for it, and tells how it goes.
//!
//! One search at a time: a new one, or the console's end, stops the one before. It goes all the way around
//! the log. A match that redaction hides is none: to search for a secret must not tell where it stands.
//! The engineer is shown the match as soon as it is found; how many there are is counted after that.

use crate::app::Msg;
use crate::app::model::{LogQuery, Match, MatchTally, SearchFrom, Towards, ignores_case};
use crate::domain::name::StepId;
use crate::domain::redact::{LOOK_BACK, Reading, Redactor};
use crate::exec::log_file::{Found, LogFile, Needle, Search};
use std::cell::Cell;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// Lines that are counted at most: each is looked at as it would be shown.
const MOST: u64 = 100_000;
/// How far apart it tells how far it is.
const TELL: Duration = Duration::from_millis(100);

/// A search that goes on; dropping it stops it.
#[derive(Debug)]
pub(super) struct LogSearch {
    stopped: Arc<AtomicBool>,
}

impl Drop for LogSearch {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

impl LogSearch {
    /// Begins to search the log at `path`.
    pub(super) fn begin(
        path: PathBuf,
        step: StepId,
        query: LogQuery,
        redactor: impl FnOnce() -> io::Result<Redactor> + Send + 'static,
        tell: UnboundedSender<Msg>,
    ) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let work = Work {
            needle: Needle::new(&query.pattern, ignores_case(&query.pattern)),
            step,
            query,
            tell,
            stopped: Arc::clone(&stopped),
            looked: Cell::new(0),
            told: Cell::new(Instant::now()),
        };
        thread::spawn(move || {
            if let Err(error) = redactor().and_then(|redactor| work.run(&path, &redactor)) {
                log::warn!("cannot search the log of {}: {error}", work.step);
                work.ended(None);
            }
        });
        Self { stopped }
    }
}

struct Work {
    step: StepId,
    query: LogQuery,
    needle: Needle,
    tell: UnboundedSender<Msg>,
    stopped: Arc<AtomicBool>,
    /// Bytes looked through for the match.
    looked: Cell<u64>,
    /// When it was last told how far it is.
    told: Cell<Instant>,
}

impl Work {
    fn run(&self, path: &Path, redactor: &Redactor) -> io::Result<()> {
        let log = LogFile::open(path)?;
        let len = log.len();
        let counts = |begin, line: &[u8]| self.is_shown(&log, redactor, begin, line);
        let goes_on = |bytes| self.goes_on(bytes, len);
        let search = Search { needle: &self.needle, counts: &counts, goes_on: &goes_on };
        for (around, range) in self.ranges(&log)? {
            let found = match self.query.towards {
                Towards::End => log.find(search, range)?,
                Towards::Beginning => log.find_back(search, range)?,
            };
            match found {
                Found::At(offset) => return self.found(&log, search, offset, around),
                Found::Nowhere => {}
                Found::Stopped => return Ok(()),
            }
        }
        self.ended(None);
        Ok(())
    }

    /// Returns whether a line still matches once its secrets are hidden, in the light of what stands before it.
    fn is_shown(&self, log: &LogFile, redactor: &Redactor, begin: u64, line: &[u8]) -> bool {
        let before = log.bytes_before(begin, LOOK_BACK).unwrap_or_default();
        let shown = Reading::behind(redactor.clone(), &before).line(line).text();
        // What a carriage return overwrote is not drawn, and may be just what is looked for.
        let overwritten = || memchr::memchr2(b'\r', 0x08, line).is_some();
        let is_in = |text: &str| self.needle.find(text.as_bytes()).is_some();
        is_in(&shown) || (overwritten() && is_in(&redactor.text(&String::from_utf8_lossy(line))))
    }

    /// Returns what is to be looked through, in order: from where the search begins, and then the rest.
    fn ranges(&self, log: &LogFile) -> io::Result<[(Option<Towards>, Range<u64>); 2]> {
        let towards = self.query.towards;
        let border = match (towards, self.query.from) {
            (_, SearchFrom::At(offset)) => offset.min(log.len()),
            (Towards::End, SearchFrom::Beside(offset)) => log.next_line(offset)?,
            (Towards::Beginning, SearchFrom::Beside(offset)) => log.line_begin(offset)?,
        };
        let (above, below) = (0..border, border..log.len());
        let (first, second) = if towards == Towards::End { (below, above) } else { (above, below) };
        Ok([(None, first), (Some(towards), second)])
    }

    fn found(
        &self,
        log: &LogFile,
        search: Search<'_>,
        offset: u64,
        around: Option<Towards>,
    ) -> io::Result<()> {
        let known = self.query.tally.filter(|tally| tally.bytes == log.len());
        let tally = known.map(|tally| MatchTally { nth: self.next(tally, around), ..tally });
        self.ended(Some(Match { offset, around, tally }));
        let silent = |_| !self.stopped.load(Ordering::Relaxed);
        if tally.is_none()
            && let Some(all) = log.tally(Search { goes_on: &silent, ..search }, offset, MOST)?
        {
            let tally = MatchTally { nth: all.nth, of: all.of, bytes: log.len() };
            let (step, pattern) = (self.step.clone(), self.query.pattern.clone());
            self.say(Msg::MatchesCounted { step, pattern, offset, tally });
        }
        Ok(())
    }

    /// Returns the number of the line behind, or before, the one that was counted.
    fn next(&self, tally: MatchTally, around: Option<Towards>) -> u64 {
        match (self.query.towards, around) {
            (Towards::End, None) => (tally.nth + 1).min(tally.of),
            (Towards::End, Some(_)) => 1,
            (Towards::Beginning, None) => tally.nth.saturating_sub(1).max(1),
            (Towards::Beginning, Some(_)) => tally.of,
        }
    }

    fn goes_on(&self, bytes: u64, len: u64) -> bool {
        self.looked.set(self.looked.get() + bytes);
        if self.told.get().elapsed() >= TELL {
            self.told.set(Instant::now());
            let percent = (self.looked.get() * 100 / len.max(1)).min(99) as u8;
            let (step, pattern) = (self.step.clone(), self.query.pattern.clone());
            self.say(Msg::SearchMoved { step, pattern, percent });
        }
        !self.stopped.load(Ordering::Relaxed)
    }

    fn ended(&self, found: Option<Match>) {
        let (step, pattern) = (self.step.clone(), self.query.pattern.clone());
        self.say(Msg::SearchEnded { step, pattern, found });
    }

    fn say(&self, msg: Msg) {
        if !self.stopped.load(Ordering::Relaxed) {
            // Nobody listens any more once the console has left.
            let _left = self.tell.send(msg);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::redact::Secrets;
    use std::collections::BTreeMap;
    use tokio::sync::mpsc::unbounded_channel;

    fn query(pattern: &str, from: SearchFrom, towards: Towards, tally: Option<MatchTally>) -> LogQuery {
        LogQuery { pattern: pattern.to_owned(), from, towards, tally }
    }

    /// Searches to the end, and returns the match with what it came to when all were counted.
    fn search(text: &str, query: LogQuery, redactor: Redactor) -> Option<Match> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        std::fs::write(&path, text).unwrap();
        let (tell, mut told) = unbounded_channel();
        let running = LogSearch::begin(path, "8/prep".parse().unwrap(), query, move || Ok(redactor), tell);
        let mut found = None;
        while let Some(msg) = told.blocking_recv() {
            match msg {
                Msg::SearchEnded { found: now, .. } => found = now,
                Msg::MatchesCounted { offset, tally, .. } => {
                    let found = found.as_mut().expect("a match is told before it is counted");
                    assert_eq!(found.offset, offset);
                    found.tally = Some(tally);
                }
                _ => {}
            }
        }
        drop(running);
        found
    }

    #[test]
    fn it_goes_around_in_either_direction_and_counts_on() {
        let text = "one error\ntwo\nthree Error, error\nfour\nfive error\n";
        let tally = |nth| Some(MatchTally { nth, of: 3, bytes: text.len() as u64 });
        let at = |offset, around, nth| Some(Match { offset, around, tally: tally(nth) });
        let end = |from, known| search(text, query("error", from, Towards::End, known), Redactor::default());
        let back =
            |from, known| search(text, query("error", from, Towards::Beginning, known), Redactor::default());
        assert_eq!(end(SearchFrom::At(0), None), at(4, None, 1));
        assert_eq!(end(SearchFrom::Beside(4), tally(1)), at(20, None, 2));
        assert_eq!(end(SearchFrom::Beside(20), tally(2)), at(43, None, 3));
        assert_eq!(end(SearchFrom::Beside(43), tally(3)), at(4, Some(Towards::End), 1));
        assert_eq!(back(SearchFrom::At(u64::MAX), None), at(43, None, 3));
        assert_eq!(back(SearchFrom::Beside(43), tally(3)), at(20, None, 2));
        assert_eq!(back(SearchFrom::Beside(4), tally(1)), at(43, Some(Towards::Beginning), 3));
        let stale = Some(MatchTally { nth: 7, of: 9, bytes: 10 });
        assert_eq!(
            end(SearchFrom::Beside(4), stale),
            at(20, None, 2),
            "a log that has grown is counted anew"
        );
        assert_eq!(
            search(text, query("Three", SearchFrom::At(0), Towards::End, None), Redactor::default()),
            None
        );
    }

    #[test]
    fn what_redaction_hides_is_not_found() {
        let secrets = BTreeMap::from([("API_TOKEN".to_owned(), "hunter2-hunter2".to_owned())]);
        let redactor = Redactor::new(&Secrets::named(["*TOKEN*"]), [&secrets]);
        let text = "login with hunter2-hunter2\nthe hunter is here\n";
        let asked = |pattern: &str| {
            search(text, query(pattern, SearchFrom::At(0), Towards::End, None), redactor.clone())
        };
        assert_eq!(asked("hunter2"), None);
        let found = asked("hunter").unwrap();
        assert_eq!((found.offset, found.tally.map(|tally| (tally.nth, tally.of))), (31, Some((1, 1))));
        assert_eq!(asked("login").map(|found| found.offset), Some(0));
    }

    #[test]
    fn a_stopped_search_says_nothing_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        std::fs::write(&path, "x\n".repeat(1 << 20)).unwrap();
        let (tell, mut told) = unbounded_channel();
        let asked = query("nothing", SearchFrom::At(0), Towards::End, None);
        let running =
            LogSearch::begin(path, "8/prep".parse().unwrap(), asked, || Ok(Redactor::default()), tell);
        drop(running);
        while let Some(msg) = told.blocking_recv() {
            // Only where it was through before it could be stopped.
            assert!(matches!(msg, Msg::SearchMoved { .. } | Msg::SearchEnded { found: None, .. }), "{msg:?}");
        }
    }
}
