//! Reads what may hang: mounts that may not answer, and checks that read them.
//!
//! A call into a hung mount cannot be taken back: the thread that made it is gone until the mount comes
//! back. So each place (a mount, a lane's checks) has a read of its own at a time, on a thread of its own.
//! Whoever asked waits only as long as the read moves ([`Pulse`]); while one is silent, who asks next is
//! told so at once and no further thread is started there. What a given up read finds out later is
//! dropped, because it is no longer true; the next one who asks asks anew.

use super::pulse::Pulse;
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often somebody who watches a read is told how far it is, and may end it.
const TICK: Duration = Duration::from_millis(50);

/// What became of a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// What it came to.
    Ready(T),
    /// Nothing moved for as long as the asker was ready to wait.
    Late {
        /// Since when the place has been silent, for this or for an earlier read.
        since: Instant,
    },
    /// It was told to end before it was done.
    Cancelled,
    /// There will be no answer: the thread could not be started, or it broke off.
    Broken {
        /// Why.
        problem: String,
    },
}

/// A read that is out.
struct Out {
    id: u64,
    pulse: Arc<Pulse>,
    beats: u64,
    moved: Instant,
    given_up: bool,
}

impl Out {
    /// Returns since when nothing has moved; a read that moves again is no longer given up.
    fn silent_since(&mut self) -> Instant {
        let beats = self.pulse.beats();
        if beats != self.beats {
            self.beats = beats;
            self.moved = Instant::now();
            self.given_up = false;
        }
        self.moved
    }
}

/// Where a read puts what it came to.
type Slot<T> = Arc<Mutex<Option<T>>>;
type Listener = Box<dyn Fn(&str) + Send + Sync>;

#[derive(Default)]
struct Shared {
    out: Mutex<Table>,
    ended: Condvar,
    recovered: Mutex<Option<Listener>>,
}

#[derive(Default)]
struct Table {
    reads: HashMap<String, Out>,
    last_id: u64,
}

/// Who waits for a read and wants to know how far it is.
pub struct Watch<'a> {
    /// Called many times a second with how far it is.
    pub tick: &'a mut dyn FnMut(&Pulse),
    /// Asked once the read has been silent for as long as it may be: is that to be waited for longer?
    pub silent: &'a mut dyn FnMut(Duration) -> bool,
}

/// How the waiting for a read ended.
enum End {
    Over,
    Late { since: Instant },
    Cancelled,
}

/// Puts reads on threads of their own. Clones share what is out.
#[derive(Clone, Default)]
pub struct Prober {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Prober {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.lock().reads.keys()).finish()
    }
}

impl Prober {
    /// Makes a prober that has asked nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.shared.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `listener` told the place of every read that somebody had given up and that has ended after all.
    pub fn on_recovery(&self, listener: impl Fn(&str) + Send + Sync + 'static) {
        *self.shared.recovered.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(listener));
    }

    /// Has `place` read, and waits for the answer unless it is silent for `patience`.
    ///
    /// While another read of the same place is out, its end is waited for first; if that one has been given
    /// up, the answer comes at once.
    pub fn ask<T: Send + 'static>(
        &self,
        place: &str,
        patience: Duration,
        read: impl FnOnce(&Pulse) -> T + Send + 'static,
    ) -> Answer<T> {
        self.carry_out(place, patience, &Arc::default(), None, read)
    }

    /// The same, for a read that is watched and can be cancelled through `pulse`.
    pub fn watch<T: Send + 'static>(
        &self,
        place: &str,
        patience: Duration,
        pulse: &Arc<Pulse>,
        watch: Watch<'_>,
        read: impl FnOnce(&Pulse) -> T + Send + 'static,
    ) -> Answer<T> {
        self.carry_out(place, patience, pulse, Some(watch), read)
    }

    fn carry_out<T: Send + 'static>(
        &self,
        place: &str,
        patience: Duration,
        pulse: &Arc<Pulse>,
        mut watch: Option<Watch<'_>>,
        read: impl FnOnce(&Pulse) -> T + Send + 'static,
    ) -> Answer<T> {
        let (id, answer) = loop {
            let table = self.lock();
            let Some(before) = table.reads.get(place).map(|out| out.id) else {
                // Still under the lock: nobody else can start one in between.
                break match self.start(table, place, pulse, read) {
                    Ok(started) => started,
                    Err(problem) => return Answer::Broken { problem },
                };
            };
            drop(table);
            match self.wait(place, before, patience, pulse, &mut watch) {
                End::Over => {}
                End::Late { since } => return Answer::Late { since },
                End::Cancelled => return Answer::Cancelled,
            }
        };
        match self.wait(place, id, patience, pulse, &mut watch) {
            End::Late { since } => {
                // Should it come back, it need not do the rest.
                pulse.cancel();
                Answer::Late { since }
            }
            End::Cancelled => Answer::Cancelled,
            End::Over => answer
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take()
                .map_or_else(|| Answer::Broken { problem: "reading it broke off".to_owned() }, Answer::Ready),
        }
    }

    fn wait(
        &self,
        place: &str,
        id: u64,
        patience: Duration,
        pulse: &Pulse,
        watch: &mut Option<Watch<'_>>,
    ) -> End {
        let mut patience_ends = patience;
        loop {
            let mut table = self.lock();
            let Some(out) = table.reads.get_mut(place).filter(|out| out.id == id) else { return End::Over };
            if pulse.is_cancelled() {
                return End::Cancelled;
            }
            let since = out.silent_since();
            let silent = since.elapsed();
            if out.given_up {
                return End::Late { since };
            }
            if silent >= patience_ends {
                drop(table);
                if watch.as_mut().is_some_and(|watch| (watch.silent)(silent)) {
                    patience_ends = since.elapsed() + patience;
                    continue;
                }
                return self.give_up(place, id, since);
            }
            if silent < patience {
                patience_ends = patience;
            }
            let left = patience_ends.saturating_sub(silent);
            let nap = if watch.is_some() { left.min(TICK) } else { left };
            drop(self.shared.ended.wait_timeout(table, nap).unwrap_or_else(PoisonError::into_inner));
            if let Some(watch) = watch {
                (watch.tick)(pulse);
            }
        }
    }

    /// Notes that nobody waits for a read any more, unless it has just ended.
    fn give_up(&self, place: &str, id: u64, since: Instant) -> End {
        match self.lock().reads.get_mut(place).filter(|out| out.id == id) {
            Some(out) => {
                out.given_up = true;
                End::Late { since }
            }
            None => End::Over,
        }
    }

    fn start<T: Send + 'static>(
        &self,
        mut table: MutexGuard<'_, Table>,
        place: &str,
        pulse: &Arc<Pulse>,
        read: impl FnOnce(&Pulse) -> T + Send + 'static,
    ) -> Result<(u64, Slot<T>), String> {
        table.last_id += 1;
        let id = table.last_id;
        let answer = Arc::new(Mutex::new(None));
        let ending = Ending { shared: Arc::clone(&self.shared), place: place.to_owned(), id };
        let (theirs, pulse_of_read) = (Arc::clone(&answer), Arc::clone(pulse));
        let out = Out {
            id,
            pulse: Arc::clone(pulse),
            beats: pulse.beats(),
            moved: Instant::now(),
            given_up: false,
        };
        std::thread::Builder::new()
            .name(format!("read {place}"))
            .spawn(move || {
                let read = read(&pulse_of_read);
                *theirs.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
                drop(ending);
            })
            .map_err(|error| format!("no thread to read {place} with: {}", error.kind()))?;
        table.reads.insert(place.to_owned(), out);
        Ok((id, answer))
    }

    /// Returns since when `place` has been silent, if a read of it was given up.
    pub fn silent_since(&self, place: &str) -> Option<Instant> {
        let mut table = self.lock();
        let out = table.reads.get_mut(place)?;
        let since = out.silent_since();
        out.given_up.then_some(since)
    }
}

/// Frees the place when the read is over, however it ended.
struct Ending {
    shared: Arc<Shared>,
    place: String,
    id: u64,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let mut table = self.shared.out.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = table.reads.get(&self.place).is_some_and(|out| out.id == self.id);
        let ended = if mine { table.reads.remove(&self.place) } else { None };
        drop(table);
        self.shared.ended.notify_all();
        if ended.is_some_and(|out| out.given_up)
            && let Some(listener) = &*self.shared.recovered.lock().unwrap_or_else(PoisonError::into_inner)
        {
            listener(&self.place);
        }
    }
}

#[cfg(test)]
mod tests;
