//! Asks things of mounts that may not answer, with a deadline.
//!
//! A call into a hung mount cannot be taken back: the thread that made it is gone until the mount comes
//! back. So each question runs on a thread of its own, the caller waits only until its deadline, and
//! while a question to a mount is out no second one is put to it. When the mount comes back, the answer
//! waits for the next caller who asks the same.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// The answer.
    Ready(T),
    /// None by the deadline.
    Late {
        /// Since when the mount owes an answer, to this or to an earlier question.
        since: Instant,
    },
    /// There will be none: the thread could not be started, or it broke off.
    Broken {
        /// Why.
        problem: String,
    },
}

type Boxed = Box<dyn Any + Send>;

#[derive(Default)]
enum Content {
    #[default]
    Out,
    Here(Boxed),
    BrokenOff,
}

#[derive(Default)]
struct Cell {
    content: Mutex<Content>,
    arrived: Condvar,
}

impl Cell {
    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, content: Content) {
        *self.lock() = content;
        self.arrived.notify_all();
    }

    /// Waits until the question is no longer out; says whether that came before `until`.
    fn wait(&self, until: Instant) -> bool {
        let mut content = self.lock();
        while matches!(*content, Content::Out) {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                return false;
            };
            content = self.arrived.wait_timeout(content, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn answer<T: Clone + 'static>(&self) -> Option<Answer<T>> {
        match &*self.lock() {
            Content::Out => None,
            Content::Here(answer) => answer.downcast_ref::<T>().cloned().map(Answer::Ready),
            Content::BrokenOff => Some(Answer::Broken { problem: "reading it broke off".to_owned() }),
        }
    }
}

/// Tells the waiting that there will be no answer, if the thread ends without one.
struct Guard(Arc<Cell>);

impl Drop for Guard {
    fn drop(&mut self) {
        if matches!(*self.0.lock(), Content::Out) {
            self.0.put(Content::BrokenOff);
        }
    }
}

#[derive(Clone)]
struct Question {
    what: String,
    since: Instant,
    cell: Arc<Cell>,
}

/// Puts questions to mounts. Clones share what is out.
#[derive(Clone, Default)]
pub struct Prober {
    out: Arc<Mutex<HashMap<String, Question>>>,
}

impl std::fmt::Debug for Prober {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let out = self.lock();
        f.debug_map().entries(out.iter().map(|(mount, question)| (mount, &question.what))).finish()
    }
}

impl Prober {
    /// Makes a prober that has asked nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Question>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks `read` of `mount` and waits for the answer until `deadline` has passed.
    ///
    /// `what` says which question it is: an answer to the same one that came too late for an earlier
    /// caller is taken instead of asking again. While another question to the same mount is out, its
    /// end is waited for first.
    pub fn ask<T>(
        &self,
        mount: &str,
        what: &str,
        deadline: Duration,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Answer<T>
    where
        T: Clone + Send + 'static,
    {
        self.ask_until(mount, what, Instant::now() + deadline, read)
    }

    /// The same as [`Self::ask`], with a point in time as deadline.
    pub fn ask_until<T>(
        &self,
        mount: &str,
        what: &str,
        until: Instant,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Answer<T>
    where
        T: Clone + Send + 'static,
    {
        loop {
            let out = self.lock();
            let Some(question) = out.get(mount).cloned() else {
                // Still under the lock: nobody else can start one in between.
                return match start(out, mount, what, read) {
                    Ok(question) => self.await_own(mount, &question, until),
                    Err(problem) => Answer::Broken { problem },
                };
            };
            drop(out);
            if !question.cell.wait(until) {
                return Answer::Late { since: question.since };
            }
            self.settled(mount, &question);
            if question.what == what
                && let Some(answer) = question.cell.answer()
            {
                return answer;
            }
        }
    }

    fn await_own<T: Clone + 'static>(&self, mount: &str, question: &Question, until: Instant) -> Answer<T> {
        if !question.cell.wait(until) {
            return Answer::Late { since: question.since };
        }
        self.settled(mount, question);
        question.cell.answer().unwrap_or_else(|| Answer::Broken { problem: "its answer is lost".to_owned() })
    }

    /// Frees the mount for the next question.
    fn settled(&self, mount: &str, question: &Question) {
        let mut out = self.lock();
        if out.get(mount).is_some_and(|other| Arc::ptr_eq(&other.cell, &question.cell)) {
            out.remove(mount);
        }
    }

    /// Returns since when `mount` owes an answer.
    pub fn waiting_since(&self, mount: &str) -> Option<Instant> {
        let question = self.lock().get(mount).cloned()?;
        let still_out = matches!(*question.cell.lock(), Content::Out);
        still_out.then_some(question.since)
    }
}

fn start<T, F>(
    mut out: MutexGuard<'_, HashMap<String, Question>>,
    mount: &str,
    what: &str,
    read: F,
) -> Result<Question, String>
where
    T: Clone + Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let question = Question { what: what.to_owned(), since: Instant::now(), cell: Arc::default() };
    let guard = Guard(Arc::clone(&question.cell));
    let thread = std::thread::Builder::new().name(format!("probe {mount}"));
    thread
        .spawn(move || {
            let answer: T = read();
            guard.0.put(Content::Here(Box::new(answer)));
        })
        .map_err(|error| format!("no thread to ask {mount} with: {}", error.kind()))?;
    out.insert(mount.to_owned(), question.clone());
    Ok(question)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{FileType, Mode};
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const SOON: Duration = Duration::from_millis(30);
    const LONG: Duration = Duration::from_secs(30);

    /// A FIFO stands for a mount that does not answer: opening it blocks until somebody writes.
    fn fifo(dir: &tempfile::TempDir) -> PathBuf {
        let path = dir.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        path
    }

    #[test]
    fn an_answer_in_time_is_handed_on() {
        let prober = Prober::new();
        assert_eq!(prober.ask("m", "q", LONG, || 7), Answer::Ready(7));
        assert_eq!(prober.ask("m", "q", LONG, || 8), Answer::Ready(8));
        assert_eq!(prober.waiting_since("m"), None);
    }

    #[test]
    fn a_hung_mount_costs_one_thread_and_its_answer_is_used_when_it_comes() {
        let dir = tempfile::tempdir().unwrap();
        let path = fifo(&dir);
        let prober = Prober::new();
        let asked = Arc::new(AtomicUsize::new(0));
        let read = || {
            let (path, asked) = (path.clone(), Arc::clone(&asked));
            move || {
                asked.fetch_add(1, Ordering::SeqCst);
                std::fs::read_to_string(path).unwrap()
            }
        };
        let Answer::Late { since } = prober.ask("m", "q", SOON, read()) else { panic!("it answered") };
        // Nobody asks twice, whatever the question; since when it owes an answer stays the same.
        for what in ["q", "q", "other"] {
            assert_eq!(prober.ask("m", what, SOON, read()), Answer::Late { since });
        }
        assert_eq!(prober.waiting_since("m"), Some(since));
        // Other mounts are not held up.
        assert_eq!(prober.ask("n", "q", LONG, || 1), Answer::Ready(1));
        std::fs::write(&path, "back again").unwrap();
        assert_eq!(prober.ask("m", "q", LONG, read()), Answer::Ready("back again".to_owned()));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert_eq!(prober.ask("m", "q", LONG, || "fresh".to_owned()), Answer::Ready("fresh".to_owned()));
    }

    #[test]
    fn a_late_answer_to_another_question_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = fifo(&dir);
        let prober = Prober::new();
        let slow = path.clone();
        assert!(matches!(
            prober.ask("m", "old", SOON, move || std::fs::read(slow).unwrap().len()),
            Answer::Late { .. }
        ));
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(prober.ask("m", "new", LONG, || 99_usize), Answer::Ready(99));
    }

    #[test]
    fn a_read_that_breaks_off_is_told() {
        let prober = Prober::new();
        let answer = prober
            .ask("m", "q", LONG, || if std::env::args().count() > 0 { panic!("on purpose") } else { 1 });
        assert!(matches!(answer, Answer::Broken { .. }));
        assert_eq!(prober.ask("m", "q", LONG, || 2), Answer::Ready(2));
    }

    #[test]
    fn several_callers_share_one_question() {
        let prober = Prober::new();
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let first = prober.ask("m", "q", SOON, move || gate.recv().map_or(1_usize, |()| 0));
        assert!(matches!(first, Answer::Late { .. }));
        let answers: Vec<Answer<usize>> = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..4).map(|_| scope.spawn(|| prober.ask("m", "q", LONG, || 5))).collect();
            release.send(()).unwrap();
            callers.into_iter().map(|caller| caller.join().unwrap()).collect()
        });
        // Whoever was early has the first answer, whoever came after it has one of their own.
        assert!(answers.contains(&Answer::Ready(0)), "{answers:?}");
        assert!(answers.iter().all(|answer| matches!(answer, Answer::Ready(0 | 5))), "{answers:?}");
    }
}
