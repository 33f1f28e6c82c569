//! A program on a terminal of its own whose output is drained, and how fast it answers a key.
//!
//! A thread of ours takes what the program draws, as a terminal would, and watches for words that only the
//! answer to a key can hold: a frame that the flood caused by itself must not count as an answer.

use pty_process::blocking::{Command, Pty, open};
use std::io::{Read as _, Write as _};
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The size of the terminal that everybody gets: columns and rows.
pub(crate) const SIZE: (u16, u16) = (200, 50);

#[derive(Debug, Default)]
struct Watch {
    /// What is looked for: any of them.
    words: Vec<Vec<u8>>,
    /// The end of what was searched already, for words across two reads.
    carry: Vec<u8>,
    /// When one of them came.
    seen: Option<Instant>,
    /// Bytes drawn up to now.
    bytes: u64,
    /// Whether the program has let go of the terminal.
    over: bool,
}

#[derive(Debug, Default)]
struct Shared {
    watch: Mutex<Watch>,
    moved: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch_for(&self, words: &[&str]) {
        let mut watch = self.lock();
        watch.words = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        watch.carry.clear();
        watch.seen = None;
    }
}

/// A program on its terminal. Dropping it kills the program.
pub(crate) struct Screen {
    child: Child,
    terminal: Arc<Pty>,
    shared: Arc<Shared>,
    drain: Option<JoinHandle<()>>,
}

impl Screen {
    /// Starts `argv` with nothing but `env` on a new terminal, watching for `words`.
    pub(crate) fn start(argv: &[String], env: &[(&str, &str)], words: &[&str]) -> anyhow::Result<Self> {
        let (terminal, slave) = open()?;
        terminal.resize(pty_process::Size::new(SIZE.1, SIZE.0))?;
        let mut command = Command::new(&argv[0]).args(&argv[1..]).env_clear();
        command = command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
        command = command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let child = command.envs(env.iter().copied()).spawn(slave)?;
        let (terminal, shared) = (Arc::new(terminal), Arc::new(Shared::default()));
        shared.watch_for(words);
        let (reading, watching) = (Arc::clone(&terminal), Arc::clone(&shared));
        let drain = std::thread::spawn(move || drain(&reading, &watching));
        Ok(Self { child, terminal, shared, drain: Some(drain) })
    }

    /// Returns the program's process.
    pub(crate) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Presses `keys` and returns how long it took until one of `words` was drawn, if it was.
    pub(crate) fn press(&self, keys: &str, words: &[&str], patience: Duration) -> Option<Duration> {
        self.shared.watch_for(words);
        let begun = Instant::now();
        self.types(keys);
        self.seen(patience).map(|seen| seen.duration_since(begun))
    }

    /// Waits until what is watched for was drawn. Returns when that was, if it was.
    pub(crate) fn seen(&self, patience: Duration) -> Option<Instant> {
        let ends = Instant::now() + patience;
        let mut watch = self.shared.lock();
        while watch.seen.is_none() && !watch.over && Instant::now() < ends {
            let left = ends.saturating_duration_since(Instant::now());
            watch = self.shared.moved.wait_timeout(watch, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        watch.words.clear();
        watch.seen
    }

    /// Presses keys without waiting for an answer.
    pub(crate) fn types(&self, keys: &str) {
        // A program that is gone answers nothing, which is noticed elsewhere.
        let _gone = (&*self.terminal).write_all(keys.as_bytes());
    }

    /// Returns how many bytes were drawn.
    pub(crate) fn drawn(&self) -> u64 {
        self.shared.lock().bytes
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Both are done already where it has left by itself.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
        if let Some(drain) = self.drain.take() {
            let _ended = drain.join();
        }
    }
}

fn drain(terminal: &Pty, shared: &Shared) {
    let mut buffer = vec![0; 64 * 1024];
    // EIO is how a terminal says that nobody holds its other end.
    while let Ok(count @ 1..) = (&*terminal).read(&mut buffer) {
        let now = Instant::now();
        let mut watch = shared.lock();
        watch.bytes += count as u64;
        if watch.words.is_empty() || watch.seen.is_some() {
            continue;
        }
        let mut text = std::mem::take(&mut watch.carry);
        text.extend_from_slice(&buffer[..count]);
        if watch.words.iter().any(|word| memchr::memmem::find(&text, word).is_some()) {
            watch.seen = Some(now);
            shared.moved.notify_all();
        }
        watch.carry = text.split_off(text.len().saturating_sub(128));
    }
    shared.lock().over = true;
    shared.moved.notify_all();
}
