//! Waits for the runs in the state folder to move, so that an idle console sleeps (design 11).
//!
//! The kernel tells (inotify(7)): a run that is made or pruned changes the folder of runs, one that goes on
//! its journal, and the death of a supervisor closes its lock, whoever killed it. Logs lie a folder deeper, so a
//! flood tells nothing here. Where the kernel gives no watch (its limits are per user), it is looked at
//! every ten seconds instead.

use crate::journal::store::Store;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

/// Runs whose folders are watched, the newest; older ones hardly ever move.
const WATCHED: usize = 64;
/// The least time between two looks.
const AT_MOST: Duration = Duration::from_secs(1);
/// The time between two looks where the kernel does not tell.
const UNTOLD: Duration = Duration::from_secs(10);

/// Has `look` called whenever a run has moved, on a thread of its own, until it returns false.
pub(super) fn watch(store: Store, mut look: impl FnMut() -> bool + Send + 'static) {
    thread::spawn(move || {
        let mut watch = RunsWatch::begin(store);
        while look() {
            // Any number of changes within this time count as one.
            thread::sleep(AT_MOST);
            watch.moved();
        }
    });
}

/// Watches over the runs of a store.
#[derive(Debug)]
struct RunsWatch {
    store: Store,
    kernel: Option<OwnedFd>,
}

impl RunsWatch {
    fn begin(store: Store) -> Self {
        let kernel = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK);
        let kernel = kernel.inspect_err(|error| log::info!("runs are looked at every 10 s: {error}")).ok();
        let watch = Self { store, kernel };
        watch.renew();
        watch
    }

    /// Waits until a run has moved. Whoever calls it again must have looked in between.
    fn moved(&mut self) {
        let told = self.kernel.as_ref().map_or(Err(Errno::NOSYS), told);
        if told.is_err() {
            self.kernel = None;
            thread::sleep(UNTOLD);
        }
        // Before anybody looks: what comes after that is told again.
        self.renew();
    }

    /// Watches the runs that are there now. A folder that is watched already stays so.
    fn renew(&self) {
        let Some(kernel) = &self.kernel else { return };
        let changes = WatchFlags::CREATE | WatchFlags::MODIFY | WatchFlags::CLOSE_WRITE;
        for run in self.store.runs().iter().take(WATCHED) {
            // One that was pruned meanwhile has told that already.
            let _gone = add_watch(kernel, self.store.run(run).path(), changes);
        }
        let folders = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE | WatchFlags::ONLYDIR;
        let _told = add_watch(kernel, self.store.root().join("runs"), folders)
            .inspect_err(|error| log::info!("new runs are not told: {error}"));
    }
}

/// Waits for the kernel to tell something, and forgets what it was.
fn told(kernel: &OwnedFd) -> Result<(), Errno> {
    while !drain(kernel)? {
        match poll(&mut [PollFd::new(kernel, PollFlags::IN)], None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Takes what the kernel has told; returns whether that was anything.
fn drain(kernel: &OwnedFd) -> Result<bool, Errno> {
    let mut buffer = [const { MaybeUninit::uninit() }; 4096];
    let mut reader = Reader::new(kernel, &mut buffer);
    let mut any = false;
    loop {
        match reader.next() {
            Ok(_) => any = true,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(any),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File, OpenOptions};
    use std::io::Write as _;

    /// Returns whether something was told: it is in the kernel's queue at once.
    fn is_told(watch: &RunsWatch) -> bool {
        let told = drain(watch.kernel.as_ref().unwrap()).unwrap();
        watch.renew();
        told
    }

    #[test]
    fn runs_that_move_are_told_and_logs_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let watch = RunsWatch::begin(store);
        assert!(!is_told(&watch));
        let run = folder.path().join("runs/20261122T184500Z-8-update");
        fs::create_dir(&run).unwrap();
        assert!(is_told(&watch), "a new run");
        fs::create_dir(run.join("steps")).unwrap();
        let mut journal = File::create(run.join("journal.jsonl")).unwrap();
        let lock = OpenOptions::new().write(true).create_new(true).open(run.join("lock")).unwrap();
        assert!(is_told(&watch));
        fs::write(run.join("steps/01.log"), "output").unwrap();
        fs::read(run.join("journal.jsonl")).unwrap();
        File::open(run.join("lock")).unwrap();
        assert!(!is_told(&watch), "neither logs nor readers move a run");
        journal.write_all(b"{}\n").unwrap();
        assert!(is_told(&watch), "its journal goes on");
        drop(lock);
        assert!(is_told(&watch), "its supervisor lets go of the lock");
        drop(journal);
        assert!(is_told(&watch));
        fs::remove_dir_all(&run).unwrap();
        assert!(is_told(&watch), "it was pruned");
    }

    #[test]
    fn whoever_watches_is_called_at_once_and_when_a_run_moves() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        watch(store, move || tell.send(()).is_ok());
        let patience = Duration::from_mins(1);
        told.recv_timeout(patience).unwrap();
        fs::create_dir(folder.path().join("runs/20261122T184500Z-8-update")).unwrap();
        told.recv_timeout(patience).unwrap();
    }
}
