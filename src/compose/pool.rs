//! A pool of threads for file system calls: few on a local disk, many on a mount that is slow to answer.
//!
//! A walk of a network mount waits, it does not compute: two threads are best for a local disk, 64
//! where each call costs a millisecond (measured, performance.md "Trees"). Which of the two it is shows
//! in the first calls, so the pool begins narrow and grows while calls turn out slow.

use super::pulse::Pulse;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;
use std::time::{Duration, Instant};

/// A call that takes at least this long is slow: a warm local one takes a hundredth of it.
pub const SLOW_CALL: Duration = Duration::from_micros(400);

/// How many threads a pool has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width {
    /// At the beginning.
    pub first: usize,
    /// At most, while calls are slow.
    pub most: usize,
}

impl Default for Width {
    fn default() -> Self {
        Self { first: 2, most: 64 }
    }
}

/// What a worker says about the file system after one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The call answered as a local disk does.
    Fast,
    /// It took [`SLOW_CALL`] or longer.
    Slow,
}

impl Pace {
    /// Judges one call by the time it took.
    pub fn of(took: Duration) -> Self {
        if took >= SLOW_CALL { Self::Slow } else { Self::Fast }
    }
}

struct Queue<T> {
    items: Vec<T>,
    busy: usize,
    threads: usize,
    done: usize,
    slow: usize,
}

struct Shared<'env, T, F> {
    queue: Mutex<Queue<T>>,
    changed: Condvar,
    width: Width,
    pulse: &'env Pulse,
    work: F,
}

impl<T, F> Shared<'_, T, F> {
    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        // A worker that panicked leaves the queue itself whole: it is only touched between items.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next item, waiting for one while others may still add some; none at the end.
    fn next(&self) -> Option<T> {
        let mut queue = self.lock();
        loop {
            if self.pulse.is_cancelled() {
                queue.items.clear();
            }
            if let Some(item) = queue.items.pop() {
                queue.busy += 1;
                return Some(item);
            }
            if queue.busy == 0 {
                self.changed.notify_all();
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Puts back what an item led to, and says how many threads are wanted on top.
    fn finish(&self, more: Vec<T>, pace: Pace) -> usize {
        self.pulse.beat();
        let mut queue = self.lock();
        // Waking costs a call each time, and whoever waits does so for items or for the end.
        let wake = !more.is_empty() || queue.busy == 1;
        queue.items.extend(more);
        queue.busy -= 1;
        queue.done += 1;
        queue.slow += usize::from(pace == Pace::Slow);
        // One late call in many is the scheduler's doing, not the mount's.
        let slow_mount = queue.slow * 4 > queue.done;
        let room = self.width.most.saturating_sub(queue.threads);
        let grow = if slow_mount { queue.items.len().min(room) } else { 0 };
        queue.threads += grow;
        if wake {
            self.changed.notify_all();
        }
        grow
    }
}

/// Works through `items` and everything they lead to; `work` adds what an item leads to the vector.
///
/// Returns when nothing is left, or soon after `pulse` is cancelled; what is left is then dropped.
pub fn drain<T, F>(items: Vec<T>, width: Width, pulse: &Pulse, work: F)
where
    T: Send,
    F: Fn(T, &mut Vec<T>) -> Pace + Sync,
{
    let first = width.first.clamp(1, items.len().max(1) * 2);
    let queue = Mutex::new(Queue { items, busy: 0, threads: first, done: 0, slow: 0 });
    let shared = Shared { queue, changed: Condvar::new(), width, pulse, work };
    std::thread::scope(|scope| {
        for _ in 1..first {
            scope.spawn(|| labour(scope, &shared));
        }
        labour(scope, &shared);
    });
}

fn labour<'scope, 'env, T, F>(scope: &'scope Scope<'scope, 'env>, shared: &'scope Shared<'env, T, F>)
where
    T: Send,
    F: Fn(T, &mut Vec<T>) -> Pace + Sync,
{
    while let Some(item) = shared.next() {
        let mut more = Vec::new();
        let pace = (shared.work)(item, &mut more);
        for _ in 0..shared.finish(more, pace) {
            scope.spawn(move || labour(scope, shared));
        }
    }
}

/// Applies `read` to every item on the pool's threads and returns the answers in the items' order.
///
/// Answers that a cancelled `pulse` kept from being made are missing (`None`).
pub fn map<I, O, F>(items: Vec<I>, width: Width, pulse: &Pulse, read: F) -> Vec<Option<O>>
where
    I: Send,
    O: Send,
    F: Fn(I) -> O + Sync,
{
    map_paced(items, width, pulse, |item, pace| {
        let begun = Instant::now();
        let answer = read(item);
        *pace = Pace::of(begun.elapsed());
        answer
    })
}

/// The same, where `read` says itself how the file system answered.
///
/// For work that computes as well: a large file that is hashed takes long on the fastest disk, and more threads
/// would only take the processor from the steps of other lanes.
pub fn map_paced<I, O, F>(items: Vec<I>, width: Width, pulse: &Pulse, read: F) -> Vec<Option<O>>
where
    I: Send,
    O: Send,
    F: Fn(I, &mut Pace) -> O + Sync,
{
    let mut answers: Vec<Option<O>> = Vec::new();
    answers.resize_with(items.len(), || None);
    let answers = Mutex::new(answers);
    // The queue is a stack: turned round, it hands the items out in order.
    let numbered: Vec<(usize, I)> = items.into_iter().enumerate().rev().collect();
    drain(numbered, width, pulse, |(at, item), _| {
        let mut pace = Pace::Fast;
        let answer = read(item, &mut pace);
        if let Some(place) = answers.lock().unwrap_or_else(PoisonError::into_inner).get_mut(at) {
            *place = Some(answer);
        }
        pace
    });
    answers.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn everything_that_items_lead_to_is_worked_through() {
        let seen = AtomicUsize::new(0);
        let pulse = Pulse::new();
        drain(vec![12_u32], Width::default(), &pulse, |depth, more| {
            seen.fetch_add(1, Ordering::Relaxed);
            if depth > 0 {
                more.extend([depth - 1, depth - 1]);
            }
            Pace::Fast
        });
        assert_eq!(seen.into_inner(), (1 << 13) - 1);
    }

    #[test]
    fn slow_calls_widen_the_pool_and_fast_ones_do_not() {
        // Sixteen items that wait for each other can only end if sixteen threads work on them.
        let pulse = Pulse::new();
        let meeting = Barrier::new(16);
        drain(vec![true], Width { first: 1, most: 16 }, &pulse, |root, more| {
            if root {
                more.extend([false; 16]);
            } else {
                meeting.wait();
            }
            Pace::Slow
        });
        let threads = Mutex::new(std::collections::HashSet::new());
        drain((0..500).collect(), Width { first: 2, most: 64 }, &pulse, |_: u32, _| {
            threads.lock().unwrap().insert(std::thread::current().id());
            Pace::Fast
        });
        assert!(threads.into_inner().unwrap().len() <= 2);
    }

    #[test]
    fn a_cancelled_pool_ends_with_work_left() {
        let pulse = Pulse::new();
        let seen = AtomicUsize::new(0);
        drain(vec![()], Width { first: 2, most: 4 }, &pulse, |(), more| {
            if seen.fetch_add(1, Ordering::Relaxed) == 100 {
                pulse.cancel();
            }
            more.extend([(), ()]);
            Pace::Fast
        });
        assert!(seen.into_inner() >= 101);
    }

    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        let pulse = Pulse::new();
        let answers = map((0..1000).collect(), Width::default(), &pulse, |n: usize| n * 2);
        assert!(answers.iter().enumerate().all(|(at, answer)| *answer == Some(at * 2)));
    }
}
